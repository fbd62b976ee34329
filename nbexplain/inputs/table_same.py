"""Rows of different tables beside each other: whether their numbers mean the same, and what they are if not."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.inputs.table_column import Column, is_missing, told_apart
from nbexplain.inputs.tabular import Tabular
from nbexplain.inputs.text import Text


def same_table(one: Tabular, other: Tabular) -> bool:
    """Whether a number stands for the same in both, and what is asked of their backgrounds has the same answer."""
    if one is other or (one.background is other.background is not None and one.columns is other.columns):
        return True
    return one.family == other.family and one.fingerprint == other.fingerprint and one.same_index(other)


def recoded(column: Column, numbers: np.ndarray, other: Column) -> np.ndarray:
    """Numbers (N,) of a column as those of another table's column of that name.

    A category is its position among the categories there. What the other column cannot hold, such as a category that
    it lacks, is infinite.
    """
    if not (column.categories or other.categories):
        return numbers if _measured_alike(column, other) else np.where(np.isnan(numbers), np.nan, np.inf)
    places = {told_apart(value): float(place) for place, value in enumerate(other.categories)}

    def of(number: float) -> float:
        if np.isnan(number):
            return number
        value = column.categories[int(number)] if column.categories else number
        if other.categories:
            return places.get(told_apart(value), np.inf)
        return float(value) if isinstance(value, (int, float)) and not is_missing(value) else np.inf

    return np.array([of(number) for number in numbers.tolist()], dtype=np.float64)


def as_row_of(table: Tabular, row: Tabular) -> np.ndarray:
    """(F,) what a row of another table holds, in the numbers of `table`; see `recoded`."""
    own = row.tensor[0].numpy()
    pairs = zip(row.columns, own, table.columns, strict=True)
    return np.concatenate([recoded(column, own_value[None], other) for column, own_value, other in pairs])


def refuse_other(first: Any, x: Any, name: str) -> None:
    """Refuse an input that cannot stand beside the first one: a text beside rows, a row of other columns.

    Raises
    ------
    TypeError
        If one is a text or a row of a table, and the other is not.
    ValueError
        If it is a row of other columns.
    """
    wanted, came = _kind(first), _kind(x)
    if wanted != came:
        wanted, came = wanted or type(first).__name__, came or type(x).__name__
        raise TypeError(f"{name}: expected {wanted} as the first input is, got {came}; show each kind for itself")
    if not isinstance(first, Tabular) or first.names == x.names:
        return
    if len(first.names) != len(x.names):
        raise ValueError(
            f"{name}: expected a row of {len(first.names)} columns as the first input has, {_listed(first)}, got "
            f"{len(x.names)}: {_listed(x)}"
        )
    if sorted(first.names) == sorted(x.names):
        raise ValueError(
            f"{name}: expected the columns in the order of the first input, {_listed(first)}, got {_listed(x)}; try "
            f"table[{list(first.names)!r}] as its background"
        )
    raise ValueError(f"{name}: expected the columns of the first input, {_listed(first)}, got {_listed(x)}")


def _kind(x: Any) -> str:
    """What it is, as far as texts and rows are told from all else, which may stand beside each other."""
    return "Tabular(…)" if isinstance(x, Tabular) else "Text(…)" if isinstance(x, Text) else ""


def _listed(table: Tabular) -> str:
    return ", ".join(table.names[:6]) + ", …" * (len(table.names) > 6)


def _measured_alike(one: Column, other: Column) -> bool:
    """Whether the numbers of two columns count the same, such as days since 1970-01-01."""
    return one.time == other.time or (one.time.startswith("date") and other.time.startswith("date"))
