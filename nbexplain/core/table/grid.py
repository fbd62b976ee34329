"""The values of a column at which a curve has its points."""

from __future__ import annotations

import difflib

import numpy as np

from nbexplain.core.explanation import Grid
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed
from nbexplain.inputs.table_reading import Column

GRIDS = ("quantiles", "even")
_MOST_VALUES = 200  # of a category that are tried: as many as a number has at most


def column_number(table: Tabular, column: int | str, argument: str = "column") -> int:
    """The number of a column, given by its name or its number.

    Raises
    ------
    ValueError
        If there is no such column, with the nearest names.
    """
    names = table.names
    if isinstance(column, str):
        if column in names:
            return names.index(column)
        close = difflib.get_close_matches(column, names, n=3, cutoff=0.4) or names[:6]
        raise ValueError(f"{argument}: there is no {column!r}; nearest: {', '.join(map(repr, close))}")
    if column >= len(names):
        way = f"; the one called {str(column)!r}: {argument}={str(column)!r}" if str(column) in names else ""
        raise ValueError(f"{argument}: expected a name or a number from 0 to {len(names) - 1}, got {column}{way}")
    return column


def by_place(table: Tabular, column: int | str, argument: str = "column") -> tuple[str, ...]:
    """What is said where a column is asked by its number, and another one is called so."""
    names, called = table.names, str(column)
    if isinstance(column, str) or called not in names or names.index(called) == column:
        return ()
    place = f"{argument}={column} is the one at place {column}, counted from 0, which is called {names[column]!r}"
    return (f"{place}; the one called {called!r}: {argument}={called!r}",)


def grid_of(table: Tabular, column: int, points: int, spacing: str, own: float | None = None) -> Grid:
    """The values at which a column is tried, from what the background holds.

    A category has a point for each of its values that occurs, of very many for the most frequent ones (see `not_all`),
    and so has a number with no more than `points` values.
    Another number has at most `points`: with as many rows between each two (*quantiles*), or the same distance apart
    (*even*), from its smallest value to its largest. A column of whole numbers is tried at whole numbers only. Where
    some rows have no value, that is the last point.

    Parameters
    ----------
    own
        One more value, such as that of the row that is explained. One that is missing is the last point as it is: a
        NaN tells whether it stands for None.
    """
    held = needed(table)[:, column]
    about = table.columns[column]
    known = np.unique(held[np.isfinite(held)])
    missing = [np.nan] * bool(np.isnan(held).any())
    if about.categories:
        known = _most_frequent(held[np.isfinite(held)], known)
    elif len(known) > points:
        known = _spread(held[np.isfinite(held)], known, points, spacing)
    if own is not None and np.isfinite(own):
        known = np.union1d(known, [own])
    if own is not None and np.isnan(own):
        missing = [own]
    values = np.append(known, missing)
    if not len(values):
        raise ValueError(f"column: {about.name!r} is infinite in every row, which leaves no value to try")
    called = tuple(about.said(value) for value in values) if about.categories else ()
    return Grid(about.name, values, called, about.time)


def not_all(table: Tabular, column: int, grid: Grid) -> tuple[str, ...]:
    """What is said of a category with more values than `grid_of` takes."""
    if len(table.columns[column].categories) <= _MOST_VALUES:
        return ()
    held = needed(table)[:, column]
    count = len(np.unique(held[np.isfinite(held)]))
    if count <= _MOST_VALUES:
        return ()
    return (f"{grid.column!r} has {count:,} values: only the {_MOST_VALUES} that most rows have are tried",)


def category_names(column: Column) -> tuple[str, ...]:
    """What the categories of a column are called; nothing of a number."""
    return tuple(column.said(code) for code in range(len(column.categories)))


def are_whole(values: np.ndarray) -> bool:
    """Whether the finite ones among a column's values are whole numbers, such as counts, codes and days."""
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool((known == np.round(known)).all())


def _most_frequent(held: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Of the different values `known` those that most rows hold, in their order."""
    if len(known) <= _MOST_VALUES:
        return known
    counts = np.bincount(held.astype(np.intp))[known.astype(np.intp)]
    return np.sort(known[np.argsort(-counts, kind="stable")[:_MOST_VALUES]])


def _spread(held: np.ndarray, known: np.ndarray, points: int, spacing: str) -> np.ndarray:
    """At most so many of the values held by the rows, or values between them; `known` are the different ones."""
    shares = np.linspace(0, 1, points)
    if spacing == "quantiles":
        return np.unique(np.quantile(held, shares, method="inverted_cdf"))  # values that occur
    even = known[0] + shares * (known[-1] - known[0])
    even[-1] = known[-1]
    return np.unique(np.round(even)) if are_whole(known) else even
