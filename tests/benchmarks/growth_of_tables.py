"""How what nbexplain itself does with a table grows with its rows and columns: slopes, as in `growth`.

The model adds up a few numbers, so that nearly all of the time is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nbexplain import Subject, Tabular, explain
from nbexplain.core.ask import ask
from tests.benchmarks.growth import MOST, once, slope
from tests.benchmarks.measure import Row

ROWS = (1_000, 10_000, 100_000, 1_000_000)
COLUMNS = (10, 100, 1000)
# few background rows stand in, so that the changed rows themselves cost little
QUESTIONS: dict[str, dict[str, Any]] = {
    "permutation_shap": {"permutations": 2, "background": 2},
    "kernel_shap": {"samples": 1000, "background": 2},
    "partition_shap": {"evaluations": 1000, "background": 2},
    "lime": {"samples": 500},
    "row_shap": {"rows": 5, "orders": 2, "background": 2, "explainer": "permutation"},
    "permutation_importance": {"rows": 100, "repeats": 1},
}


def rows() -> Iterator[Row]:
    """A row for each way of growing."""
    for key in QUESTIONS:  # what is imported and made once
        explain(_model, _table(50, 5), key, target=0)
    yield _row("rows", ROWS, "Tabular(row, background)", [_time(lambda n=n: _table(n, 10)) for n in ROWS])
    for key, params in QUESTIONS.items():
        first, last = zip(*(_each(key, params, count) for count in COLUMNS), strict=True)
        yield _row("columns", COLUMNS, f"{key}, for each evaluation until the first picture", list(first))
        yield _row("columns", COLUMNS, f"{key}, for each evaluation", list(last))


def _each(key: str, params: dict[str, Any], columns: int) -> tuple[float, float]:
    """Seconds for a million evaluations, until the first picture and until the end."""
    subject = Subject(_model, _table(200, columns))  # type: ignore[arg-type]
    steps = ask(subject, key, target=0, params=params)
    spent, each = 0.0, []
    for go in (lambda: next(steps), lambda: list(steps)):
        spent += once(go)
        each.append(1_000_000 * spent / subject.passes["forward"])
    return each[0], each[1]


def _row(what: str, sizes: tuple[int, ...], name: str, spent: list[float]) -> Row:
    return Row(f"{what} {sizes[0]:,} … {sizes[-1]:,}: {name}", slope(sizes, spent), MOST, unit="slope")


def _time(call: Callable[[], object]) -> float:
    return min(once(call) for _ in range(2))


def _model(rows: np.ndarray) -> np.ndarray:
    scores: np.ndarray = rows[:, 0] + 2 * rows[:, 1] * rows[:, 2]
    return scores


def _table(rows: int, columns: int) -> Tabular:
    background = np.random.default_rng(0).normal(size=(rows, columns))
    return Tabular(background[0], background)
