"""LIME of a text and of a table's row, beside lime itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import nbexplain
from nbexplain.examples import reviews, tumour
from tests.benchmarks import first_pictures, peers
from tests.benchmarks.measure import Row, interleaved

SAMPLES = 1000


def rows() -> Iterator[Row]:
    """A text from nothing, and a row of a table for a forest and for a network that are known already."""
    read = reviews()
    text = read.texts[5]
    yield from lime(
        f"a text of {len(text.split())} words",
        lambda: nbexplain.Subject(read.model, nbexplain.Text(text, read.tokenizer)),
        "LimeTextExplainer",
        lambda: peers.lime_text(read, text, SAMPLES),
        times=7,
    )
    demo = tumour()
    table = nbexplain.Tabular(demo.rows[0], demo.background, names=demo.names)
    for which, model in (("tumour forest", demo.forest), ("tumour MLP", demo.model)):
        subject = nbexplain.Subject(model, table)
        explain = peers.lime_table(demo, forest=which == "tumour forest")
        yield from lime(
            which,
            lambda subject=subject: subject,
            "LimeTabularExplainer",
            lambda explain=explain: explain(SAMPLES),
            times=21,
        )


def lime(
    what: str, subject: Callable[[], nbexplain.Subject], name: str, peer: Callable[[], None], times: int
) -> Iterator[Row]:
    """The whole run, each with a draw of its own, beside the peer's, and the first picture."""
    runs: list[first_pictures.Run] = []

    def ours(turn: int) -> None:
        runs.append(first_pictures.run(subject(), "lime", samples=SAMPLES, seed=turn))

    whole, theirs = interleaved(ours, lambda _: peer(), times=times)
    label = f"LIME {SAMPLES:,} samples, {what}"
    yield Row(label, whole, 0.7, name, theirs)
    yield first_pictures.row(label, runs[-times:])
