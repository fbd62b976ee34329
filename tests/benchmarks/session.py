"""What a session with many inputs costs in the kernel, beside bare passes of the same network on the same thread."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

import nbexplain
from nbexplain.core.inside.ablation import THIS
from nbexplain.widgets.attribution_map import AttributionMap
from tests.benchmarks.compute import answer, picture
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.networks import resnet18, resnet50

INPUTS = 100


def rows() -> Iterator[Row]:
    """All rows."""
    yield from strip()
    yield from ablation()
    yield from going_back()


def strip() -> Iterator[Row]:
    """From nothing to a strip of thumbnails that is sorted by the scores of all inputs."""
    model = resnet18()
    whole = picture()
    inputs = [whole.roll((7 * n, 3 * n), (2, 3)) for n in range(INPUTS)]

    def ours() -> None:
        explorer = nbexplain.Explorer(model, inputs, show=["inputs"])
        explorer.children[2].sort = "score"
        if not explorer.session.wait(300):
            raise RuntimeError("the strip was not ready in time")
        if explorer.children[2].values.count(None) or len(explorer.children[2].values) < INPUTS:
            raise RuntimeError("an input has no score")
        explorer.close()

    def one_by_one() -> None:
        with torch.no_grad():
            for x in inputs:
                model(x)

    def in_batches() -> None:
        with torch.no_grad():
            for batch in torch.cat(inputs).split(8):
                model(batch)

    spent: dict[Callable[[], None], list[float]] = {one_by_one: [], in_batches: [], ours: []}
    for turn in range(-1, 5):
        for call in spent:
            without_worker()
            started = time.perf_counter()
            call()
            if turn >= 0:
                spent[call].append(1000 * (time.perf_counter() - started))
    single, batched, opened = (statistics.median(times) for times in spent.values())
    faster, peer = min((single, "one by one"), (batched, "in batches of 8"))
    what = f"Strip of {INPUTS} inputs, ResNet-18, with class and score of each"
    yield Row(what, opened, 1.2, f"bare passes {peer}", faster)


def without_worker() -> None:
    """Wait until the worker has ended: as long as it lives it slows the passes of this thread."""
    for thread in threading.enumerate():
        if thread.name == "nbexplain":
            thread.join()


def ablation() -> Iterator[Row]:
    """The scores without one channel, in a session that knows the scores with it."""
    model, x = resnet50(), picture()
    subject = nbexplain.Subject(model, x, whole=True)
    subject.layers()
    without_worker()

    def forward(_: int) -> Tensor:
        with torch.no_grad():
            return model(x)

    ours, theirs = interleaved(
        lambda k: answer(subject, "ablation", layer="layer3", channel=k, target=0, params={"which": THIS}),
        forward,
        times=61,
    )
    yield Row("Ablation of one channel, ResNet-50, layer3", ours, 1.1, "a forward pass", theirs)


def going_back() -> Iterator[Row]:
    """From the choice of a class that was answered before until its map is on its way to the browser."""
    explorer = nbexplain.explore(resnet50(), picture())
    session = explorer.session
    sent = threading.Event()
    overlay = next(part for part in explorer._parts if isinstance(part, AttributionMap)).pane.overlay
    overlay.observe(lambda _: sent.set(), "frame")
    spent: list[float] = []
    for turn in range(41):
        sent.clear()
        started = time.perf_counter()
        session.select(target=turn % 2)
        sent.wait(60)
        if turn > 3:
            spent.append(1000 * (time.perf_counter() - started))
        session.wait()
    explorer.close()
    note = f"largest {max(spent):.1f}"
    yield Row("Back to an answered question, ResNet-50, until its map is sent", statistics.median(spent), 5, note=note)
