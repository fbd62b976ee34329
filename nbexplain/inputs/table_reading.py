"""Rows and tables as people hand them in: arrays, data frames, mappings; numbers and categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Column:
    """A feature: its name, its categories, and what is there where one is missing; a number has none of these."""

    name: str
    categories: tuple[Any, ...] = ()
    missing: Any = field(default=np.nan, compare=False)

    def said(self, value: float) -> str:
        """A value as it is read."""
        if self.categories:
            return str(self.categories[int(value)]) if np.isfinite(value) else "missing"
        return f"{value:.4g}".replace("-", "−")


def row_of(row: Any) -> tuple[list[Any], list[str]]:
    """The values of a row, and their names where it tells them."""
    if is_frame(row):
        if row.ndim == 2:
            if len(row) != 1:
                raise ValueError(f"row: expected one row, got a table of {len(row)}; try frame.iloc[[0]]")
            row = row.iloc[0]
        return [_plain(value) for value in row.tolist()], [str(name) for name in row.index]
    if isinstance(row, Mapping):
        return [_plain(value) for value in row.values()], [str(name) for name in row]
    if isinstance(row, Tensor):
        row = row.detach().cpu().numpy()
    values = np.asarray(row, dtype=None if isinstance(row, np.ndarray) else object)
    if values.ndim == 2 and len(values) == 1:
        values = values[0]
    if values.ndim != 1 or not len(values):
        raise ValueError(f"row: expected one row of values (F,), got shape {values.shape}")
    return values.tolist(), []


def _plain(value: Any) -> Any:
    """Python's own number or string for one of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


def table_of(background: Any) -> tuple[list[list[Any]] | None, list[str]]:
    if background is None:
        return None, []
    names: list[str] = []
    if is_frame(background) and background.ndim == 2:
        names = [str(name) for name in background.columns]
        rows = [list(row) for row in zip(*(column.tolist() for _, column in background.items()), strict=True)]
    elif isinstance(background, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in background):
        rows = [[_plain(value) for value in row] for row in background]  # numpy would make strings of mixed values
        if len({len(row) for row in rows}) > 1:
            raise ValueError(
                f"background: expected rows of equal length, got {min(map(len, rows))} to {max(map(len, rows))}"
            )
    else:
        array = background.detach().cpu().numpy() if isinstance(background, Tensor) else np.asarray(background)
        if array.ndim != 2:
            raise ValueError(f"background: expected a table (N, F), got shape {array.shape}")
        rows = array.tolist()
    if not rows:
        raise ValueError("background: expected at least one row, got none")
    return rows, names


def form_of(*tables: Any) -> tuple[Any, list[Any]] | None:
    """Labels and dtypes of the columns of the first that is a data frame; a series tells the labels alone."""
    for own in tables:
        if is_frame(own):
            return (own.columns, list(own.dtypes)) if own.ndim == 2 else (own.index, [None] * len(own))
    return None


def in_order(values: list[Any], names: list[str], table_names: list[str], what: str) -> list[Any]:
    """The row's values in the order of the background's columns; `what` told the names."""
    parts = []
    for verb, some, others in (("lacks", table_names, names), ("has", names, table_names)):
        odd = [name for name in some if name not in others]
        if odd:
            parts.append(f"{verb} {', '.join(map(repr, odd[:6]))}" + ", …" * (len(odd) > 6))
    if parts:
        raise ValueError(f"{what}: expected the background's columns; it {' and '.join(parts)}")
    return [values[names.index(name)] for name in table_names]


def column_of(
    name: str, value: Any, column: list[Any] | None, dtype: Any, given: Mapping[str, tuple[Any, ...]]
) -> Column:
    """A column, from its value in the row, those in the background, its dtype there, and the categories by name."""
    values = [*(column or ()), value]
    missing = [v for v in values if is_missing(v)]
    if name in given:
        categories = given[name]
    elif hasattr(dtype, "categories"):  # pandas' own
        categories = tuple(dtype.categories.tolist())
    else:
        categories = _categories([v for v in values if not is_missing(v)] if missing else values)
    return Column(name, categories, *missing[:1]) if categories else Column(name)


def _categories(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values of a category in their order; nothing for numbers."""
    if all(isinstance(v, (int, float, np.number)) and not isinstance(v, (bool, np.bool_)) for v in values):
        return ()
    if set(values) <= {False, True}:  # both, even if one does not occur: a network takes False as 0, and True as 1
        return False, True
    kinds = {type(v) for v in values}
    return tuple(sorted(set(values)) if len(kinds) == 1 else dict.fromkeys(values))


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or what pandas has for them."""
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def is_frame(x: Any) -> bool:
    """Whether it is a data frame or a series of pandas, which is not imported for that."""
    return type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "iloc")


def labels_of(labels: Any, background: np.ndarray | None) -> np.ndarray | None:
    if labels is None:
        return None
    array = np.asarray(labels)
    if background is None or array.shape != (len(background),):
        rows = "no background" if background is None else f"{len(background)} background rows"
        raise ValueError(f"labels: expected one for each background row, got shape {array.shape} for {rows}")
    return array
