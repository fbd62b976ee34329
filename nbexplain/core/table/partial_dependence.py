"""Partial dependence and ICE: how the score changes with one column, all others as they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch

from nbexplain.core.dataset.rows import Reading, Rows, Seed, drawn, table_of
from nbexplain.core.explanation import Explanation, Grid, Target
from nbexplain.core.methods.sampling_error import all_equal, error_of_mean, few_rows
from nbexplain.core.registry import Choice, Column, Range, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.along import scores_along
from nbexplain.core.table.grid import GRIDS, by_place, column_number, grid_of, not_all
from nbexplain.core.table.matching import few, matching
from nbexplain.core.table.prices import of_rows
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed

_FIRST = 50  # the first curve is that of so small a part of the rows
_AT_ONCE = 8  # points
_QUICK = 0.1  # seconds: after such a step the next is much longer, as each has a cost of its own
_AT_A_LOOK = 0.1  # seconds: what takes less in all needs no picture on the way
_LONG = 0.5  # seconds: longer steps do not grow, so that nobody waits for the next picture
_PAUSE = 0.1  # seconds between two pictures at least, ...
_SHARE = 0.02  # ... and so many that making them takes no more of the time

Which = Annotated[int | str, Column("which column, by name or by number from 0", kinds=("table",))]
Points = Annotated[int, Range("values of a number that are tried", 2, 200)]
Spacing = Annotated[str, Choice("how these are spaced over the background's values", GRIDS, kinds=("table",))]


def _points(table: Tabular, params: Mapping[str, Any]) -> int:
    column = column_number(table, params["column"])
    return len(grid_of(table, column, params["points"], params["spacing"]).values)


@method(
    label="Partial dependence",
    paper="Friedman 2001, doi:10.1214/aos/1013203451; Goldstein et al. 2015, arXiv:1309.6392",
    over_rows=True,
    kinds=("table",),
    price=of_rows(_points),
)
def partial_dependence(
    subject: Subject,
    target: Target,
    *,
    column: Which = 0,
    kind: Annotated[
        str,
        Choice(
            "the mean curve, a curve for each row (ICE), or these from their first point on (c-ICE)",
            ("average", "individual", "centred"),
            kinds=("table",),
        ),
    ] = "average",
    points: Points = 50,
    spacing: Spacing = "quantiles",
    rows: Rows = 500,
    where: Where = ALL_ROWS,
    seed: Seed = 0,
) -> Iterator[Explanation]:
    """The score with one column set to each of its values in turn: the mean over rows of the background, or row by row.

    *average*: values are (point,), the partial dependence, with the standard error of the mean over the rows.
    *individual*: values are (row, point), the ICE curves, `features` the rows' numbers in the background, in a random
    order, so that the first stand for all; `mean_curve` makes the partial dependence of them. *centred*: the same less
    each curve's first point. `grid` tells the column and the values that it was set to; see `grid_of`. Equal to
    `sklearn.inspection.partial_dependence(…, method="brute")` on the same values. Columns that hang together are torn
    apart: the rows that are tried may be such as never occur.

    Raises
    ------
    ValueError
        If there is no background or no such column, no row matches, or a score is not finite.
    """
    table = table_of(subject)
    place = column_number(table, column)
    grid = grid_of(table, place, points, spacing)
    among = matching(subject, where)
    numbers = drawn(table, rows, seed, among)
    chosen = needed(table)[numbers]
    _check_missing(subject, chosen, place, grid)
    warnings = (*few(where, among), *by_place(table, column), *not_all(table, place, grid))
    warnings += few_rows(len(numbers), len(among))
    read = Reading(subject, target, len(numbers) * len(grid.values))
    key = ("partial_dependence", read.key, place, points, spacing, seed, where)
    known, found = subject.kept(key) or (0, _fresh(read, len(grid.values), len(numbers)))
    if found.shape[2] < len(numbers):
        found = np.concatenate([found, _fresh(read, len(grid.values), len(numbers) - found.shape[2])], 2)
    step, each = max(len(numbers) // _FIRST, 2), 0.0
    if subject.pace[0] * (len(numbers) - known) * len(grid.values) < _AT_A_LOOK:
        step = len(numbers)
    due = -np.inf  # the next picture
    while True:
        done = min(known, len(numbers))
        begun = time.perf_counter()
        if done == len(numbers) or (done and begun > due):
            curves = found[read.column, :, :done].T.astype(np.float64, copy=False)
            answer = _answer(kind, curves, numbers[:done], grid, subject.score_name, done / len(numbers))
            due = max(_PAUSE, (time.perf_counter() - begun) / _SHARE)
            same = all_equal(done, len(among)) if done > 1 and (curves == curves[0]).all() else ()
            yield replace(answer, warnings=warnings + same)
            due += time.perf_counter()
        if done == len(numbers):
            return
        begun = time.perf_counter()
        some = chosen[known : known + step]
        scores_along(subject, some, place, grid.values, "background", read, found[..., known : known + len(some)])
        known += len(some)
        subject.keep(key, (known, found), found.nbytes)
        spent = time.perf_counter() - begun
        flat = spent / len(some) < each / 2  # more rows took hardly longer
        each = spent / len(some)
        left = len(numbers) - known
        step = left if left * each < _LONG else step * (4 if spent < _QUICK or flat else 2 if spent < _LONG else 1)


@method(
    label="ICE",
    paper="Goldstein et al. 2015, arXiv:1309.6392",
    on_picture=False,
    kinds=("table",),
    price=lambda subject, target, params: _points(table_of(subject), params),
)
def ice(
    subject: Subject,
    target: Target,
    *,
    column: Which = 0,
    points: Points = 50,
    spacing: Spacing = "quantiles",
) -> Explanation:
    """The score of this row with one column set to each of its values in turn, all others as they are.

    Values are (point,). `grid` tells the column and the values that it was set to: those of `partial_dependence`, and
    the row's own. There the curve goes through the row's score. Where the row has no value, the last point is that of
    its own kind, None or NaN, if the column holds both.

    Raises
    ------
    ValueError
        If there is no background or no such column, or a score is not finite.
    """
    table = table_of(subject)
    place, row = column_number(table, column), table.tensor.numpy()
    grid = grid_of(table, place, points, spacing, own=float(row[0, place]))
    read = Reading(subject, target, len(grid.values))
    scores = _fresh(read, len(grid.values), 1)
    scores_along(subject, row, place, grid.values, "row", read, scores)
    return Explanation(
        values=scores[read.column, :, 0].astype(np.float64),
        axes=("point",),
        on="scores",
        grid=grid,
        quantity=subject.score_name,
        warnings=(*by_place(table, column), *not_all(table, place, grid)),
    )


@dataclass(frozen=True, eq=False)
class Curve:
    """The mean (P,) of curves, its standard error over the rows (P,), and how many rows."""

    values: np.ndarray
    errors: np.ndarray
    count: int


def mean_curve(curves: np.ndarray) -> Curve:
    """The partial dependence that ICE curves (rows, points) are those of; a single row leaves its error unknown."""
    some = range(0, curves.shape[1], _AT_ONCE)  # all at once take as much memory once more
    errors = [error_of_mean(curves[:, place : place + _AT_ONCE]) for place in some]
    return Curve(curves.mean(0), np.concatenate(errors), len(curves))


def centred(curves: np.ndarray) -> np.ndarray:
    """Curves (rows, points) from their first point on."""
    moved: np.ndarray = curves - curves[:, :1]
    return moved


def _check_missing(subject: Subject, rows: np.ndarray, column: int, grid: Grid) -> None:
    """Try the row that lacks least without the column too, where some rows lack it: many models cannot take it."""
    if not np.isnan(grid.values[-1]):
        return
    row = rows[[np.isnan(rows).sum(1).argmin()]]
    row[:, column] = np.nan
    about = f"column: {grid.column!r} is missing in some rows of the background"
    try:
        scores = subject.evaluate(torch.from_numpy(row))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{about}, which the model does not take ({error})") from error
    if not torch.isfinite(scores).all():
        raise ValueError(f"{about}, and without it the model's score is NaN or infinite")


def _fresh(read: Reading, points: int, rows: int) -> np.ndarray:
    """Room for what is read of the scores, (C, points, rows).

    Not numpy's own, which may wait ten times as long for large pages as it takes to fill them.
    """
    return torch.empty((read.width, points, rows), dtype=read.dtype).numpy()


def _answer(
    kind: str, curves: np.ndarray, numbers: np.ndarray, grid: Grid, quantity: str, progress: float
) -> Explanation:
    if kind == "average":
        mean = mean_curve(curves)
        return Explanation(
            values=mean.values,
            axes=("point",),
            on="scores",
            grid=grid,
            standard_error=mean.errors,
            quantity=f"mean {quantity}",
            details={"rows": mean.count},
            progress=progress,
        )
    return Explanation(
        values=centred(curves) if kind == "centred" else curves.copy(),
        axes=("row", "point"),
        on="rows",
        grid=grid,
        features=numbers.copy(),
        quantity=quantity if kind == "individual" else f"{quantity} − first point",
        progress=progress,
    )
