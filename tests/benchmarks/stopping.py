"""From `session.stop()` to an idle worker, at moments drawn at random."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nbexplain
from nbexplain.examples import tumour
from nbexplain.runner import runner
from tests.benchmarks.compute import picture
from tests.benchmarks.measure import Row
from tests.benchmarks.networks import resnet18

_FILLS = ("mean", "blur", "black", "white", "zero")
_METHODS = ("occlusion", "lime", "kernel_shap", "partition_shap", "permutation_shap", "gradient_shap")


def rows(times: int = 12) -> Iterator[Row]:
    """Methods of a picture, and LIME of a row of a table."""
    model, x = resnet18(), picture()
    for method in _METHODS:
        fresh: Mapping[str, Sequence[object]] = {"fill": _FILLS} if method == "occlusion" else {"seed": range(99)}
        yield from stopped(model, x, method, fresh, times)
    demo = tumour()
    table = nbexplain.Tabular(demo.rows[0], demo.background, names=demo.names)
    fresh = {"seed": range(99), "samples": [5000]}
    yield from stopped(demo.forest, table, "lime", fresh, times, ", a table, tumour forest")


def stopped(
    model: Any, x: Any, method: str, fresh: Mapping[str, Sequence[object]], times: int, where: str = ""
) -> Iterator[Row]:
    """Median and largest of `times` stops; each run has the next of each parameter's `fresh` values."""
    session = nbexplain.Session(model, x)
    place = session.place(lambda *_: None, ask=False, method=method)
    draw = random.Random(0)
    spent: list[float] = []
    longest = 1.2  # seconds until the stop; less where a whole run takes less
    for turn in range(20 * times):
        if len(spent) == times:
            break
        session.answers.clear()
        for subject in session._known._subjects.live():  # or the samples of the run before would serve again
            subject.take_over(subject.twin)
        place.own["params"] = {name: values[turn % len(values)] for name, values in fresh.items()}
        begun = time.perf_counter()
        session.renew(again=True)
        session.wait(draw.uniform(0.02 * longest, longest))
        busy = runner.busy(session)
        started = time.perf_counter()
        session.stop()
        session.wait()
        if busy:
            spent.append(1000 * (time.perf_counter() - started))
        else:
            longest = max(min(longest, started - begun), 0.01)
    session.close()
    if len(spent) < times:
        raise RuntimeError(f"{method}{where}: {len(spent)} of {20 * times} runs were under way when they were stopped")
    note = f"median of {times}; largest {max(spent):.0f}"
    yield Row(f"Stop → idle, {method}{where}", statistics.median(spent), 200, note=note)
    yield Row(f"Stop → idle, {method}{where}, the slowest of {times}", max(spent), 200)
