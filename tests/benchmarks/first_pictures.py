"""How soon a long method shows something that can be read: a picture and, where it has standard errors, these too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

import nbexplain
from nbexplain.core.ask import ask
from nbexplain.examples import tumour
from tests.benchmarks.compute import picture
from tests.benchmarks.measure import Row
from tests.benchmarks.networks import resnet18

AT_ONCE = 150  # milliseconds: what takes no longer is there at once


@dataclass
class Run:
    """Milliseconds to the first picture, to the first with all its errors (or without any ever), and to the end."""

    first: float
    readable: float
    whole: float


def run(subject: nbexplain.Subject, method: str, **params: object) -> Run:
    """A progressive method from its beginning to its end."""
    started = time.perf_counter()
    steps = ask(subject, method, params=params)
    moments, known = [], []
    for explanation in steps:
        moments.append(1000 * (time.perf_counter() - started))
        errors = explanation.standard_error
        known.append(errors is None or bool(np.isfinite(errors).all()))
    return Run(moments[0], moments[known.index(True)], moments[-1])


def row(label: str, runs: list[Run]) -> Row:
    """The share of the first picture in the whole, from the medians of several runs."""
    first, readable, whole = (statistics.median(getattr(each, name) for each in runs) for name in Run.__annotations__)
    if whole < AT_ONCE:
        return Row(f"{label}: the whole run, which needs no picture on the way", whole, AT_ONCE)
    note = "" if first == readable else f"the first of all, without errors, after {first:.0f} ms"
    return Row(f"{label}: first picture with its errors", readable, 0.1, "the whole run", whole, note=note)


def rows() -> Iterator[Row]:
    """Of the methods that are not timed beside a peer, which see to their own."""
    network, x = resnet18(), picture()
    demo = tumour()
    table = nbexplain.Tabular(demo.rows[0], demo.background, names=demo.names)
    subjects: dict[str, Callable[[], nbexplain.Subject]] = {
        "ResNet-18": lambda: nbexplain.Subject(network, x),
        "tumour forest": lambda: nbexplain.Subject(demo.forest, table),
        "tumour MLP": lambda: nbexplain.Subject(demo.model, table),
    }
    cases: tuple[tuple[str, str, Mapping[str, object]], ...] = (
        ("kernel_shap", "ResNet-18", {}),
        ("permutation_shap", "ResNet-18", {}),
        ("exact_shap", "ResNet-18", {}),
        ("kernel_shap", "tumour forest", {}),
        ("partition_shap", "tumour forest", {}),
        ("permutation_shap", "tumour forest", {}),
        ("gradient_shap", "tumour MLP", {"samples": 5000}),
    )
    for method, which, params in cases:
        said = "".join(f", {value:,} {name}" for name, value in params.items())
        times = 1 if which == "ResNet-18" else 3
        yield row(f"`{method}`, {which}{said}", [run(subjects[which](), method, **params) for _ in range(times)])
