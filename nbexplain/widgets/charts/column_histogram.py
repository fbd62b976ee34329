"""How the values of a column are distributed: bars of numbers, of categories, and of what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nbexplain.core.formatting import counted
from nbexplain.widgets.chart_style import number

_BINS = 30


@dataclass(frozen=True, eq=False)
class ColumnHistogram:
    """Counted once for a column.

    Attributes
    ----------
    values, rows
        What the axis must hold: each category that occurs, or the ends of the numbers (all of a few), NaN where some
        rows have no value; and how many rows hold it.
    start, end
        From where to where each bar reaches (bars,); both are the category, or NaN, where it stands in a strip.
    counts
        The rows of each bar (bars,).
    words
        What each bar is called, and how many rows it is.
    """

    values: np.ndarray
    rows: np.ndarray
    start: np.ndarray
    end: np.ndarray
    counts: np.ndarray
    words: tuple[str, ...]


def histogram_of(
    held: np.ndarray, categories: Sequence[str] = (), said_of: Callable[[float], str] = number
) -> ColumnHistogram:
    """Count the rows by what they hold, (N,): numbers, or positions among the categories; NaN and infinity are missing.

    Whole numbers are counted one by one, or as many of them in each bar; `said_of` says one.
    """
    known = held[np.isfinite(held)]
    values, rows = np.unique(known, return_counts=True)
    missing = np.full(int(len(known) < len(held)), np.nan)
    lost = np.full(len(missing), len(held) - len(known))
    if categories:
        start = end = np.append(values, missing)
        counts, said = np.append(rows, lost), [str(categories[int(code)]) for code in values]
    else:
        counts, edges = np.histogram(known, _edges(values)) if len(known) else (rows, np.zeros(1))
        whole = _are_whole(values)
        first, last = (edges[:-1] + 0.5, np.minimum(edges[1:] - 0.5, values[-1])) if whole else (edges[:-1], edges[1:])
        ends = [(said_of(a), said_of(b)) for a, b in zip(first, last)]
        said = [a if a == b else f"{a} to {b}" for a, b in ends]
        start, end, counts = np.append(edges[:-1], missing), np.append(edges[1:], missing), np.append(counts, lost)
        if len(values) > _BINS:
            values, rows = values[[0, -1]], rows[[0, -1]]
    said += ["missing"] * len(missing)
    words = tuple(f"{name}: {counted(count, 'row')}" for name, count in zip(said, counts.tolist()))
    return ColumnHistogram(np.append(values, missing), np.append(rows, lost), start, end, counts, words)


def _are_whole(values: np.ndarray) -> bool:
    return len(values) > 0 and bool((values == np.round(values)).all())


def _edges(values: np.ndarray) -> np.ndarray | int:
    if not _are_whole(values):
        return min(_BINS, len(values))
    step = max(-(-(values[-1] - values[0] + 1) // _BINS), 1)
    edges: np.ndarray = np.arange(values[0], values[-1] + step + 1, step) - 0.5
    return edges
