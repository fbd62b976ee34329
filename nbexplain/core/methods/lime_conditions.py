"""What LIME's linear model sees of each column of a row, in words: the condition under which its weight counts."""

from __future__ import annotations

import numpy as np

from nbexplain.core.formatting import HUGE
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed
from nbexplain.inputs.table_reading import Column

_QUARTILES = (25, 50, 75)


def conditions(table: Tabular, bins: str) -> tuple[str, ...]:
    """A condition for each column that the row fulfils: `"0.2 < concavity ≤ 0.38"`, `"city = oslo"`.

    As `lime_tabular` writes them, with four digits at least, all before the point, and as many as tell the two ends of
    a bin apart; times are written as such. Where a number is not cut into quartiles (`bins="value"`), its column's
    name.
    """
    background, row = needed(table), table.tensor[0].tolist()
    return tuple(
        _condition(column, row[place], background[:, place], bins) for place, column in enumerate(table.columns)
    )


def _condition(column: Column, value: float, known: np.ndarray, bins: str) -> str:
    if not np.isfinite(value):
        return f"{column.name} is missing"
    if column.categories:
        return f"{column.name} = {column.said(value)}"
    known = known[np.isfinite(known)]
    if bins != "quartile" or not len(known):
        return column.name
    ends = np.unique(np.percentile(known, _QUARTILES))
    place = int(np.searchsorted(ends, value))  # a value at an end belongs to the bin below, as in lime
    around = ends[max(place - 1, 0) : place + 1]
    said = _times(column, around, known) if column.time else _apart(around, value)
    if place == 0:
        return f"{column.name} ≤ {said[0]}"
    if place == len(ends):
        return f"{column.name} > {said[0]}"
    return f"{said[0]} < {column.name} ≤ {said[1]}"


def _times(column: Column, ends: np.ndarray, known: np.ndarray) -> list[str]:
    """Times as they are read. Of whole days, none lies between a quartile and the day before it."""
    ends = np.floor(ends) if (known == np.floor(known)).all() else ends
    return column.said_apart(ends.tolist())


def _apart(ends: np.ndarray, value: float) -> list[str]:
    """Numbers as they are read, so that they differ, and none is on the wrong side of the value."""
    for digits in range(4, 17):
        said = [f"{end:.{max(digits, _whole_digits(end))}g}" for end in ends]
        read = [float(each) for each in said]
        if len(set(read)) == len(ends) and all((end < value) == (exact < value) for end, exact in zip(read, ends)):
            break
    return [each.replace("-", "−") for each in said]


def _whole_digits(end: float) -> int:
    """How many digits a number needs to be written without a power of ten; 0 where one is easier to read."""
    return len(f"{abs(end):.0f}") if abs(end) < HUGE else 0
