"""The data frame that a model gets: the user's own labels, values and dtypes."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from nbexplain.inputs.table_reading import Column, is_missing


class Frames:
    """Makes data frames of rows of numbers.

    A column has the user's own dtype wherever that can hold the values of the batch: 2.5 makes integers float64.

    Parameters
    ----------
    columns
        In the order of the labels.
    labels
        Of the user's columns, as pandas keeps them.
    dtypes
        Of the user's columns; None where pandas shall find it.

    Attributes
    ----------
    key
        Equal where equal rows make equal frames.
    """

    def __init__(self, columns: Sequence[Column], labels: Any, dtypes: Sequence[Any]) -> None:
        self._columns, self._labels, self._dtypes = columns, labels, dtypes
        same = len(set(dtypes)) == 1 and not any(column.categories for column in columns)
        self._all = dtypes[0] if same and isinstance(dtypes[0], np.dtype) else None
        self.key: Hashable = tuple(labels), tuple(dtypes), tuple(type(column.missing) for column in columns)

    def of(self, rows: np.ndarray) -> Any:
        """The data frame of rows (N, F)."""
        import pandas

        parts = {}
        with np.errstate(invalid="ignore", over="ignore"):  # what a dtype cannot hold is seen from what came of it
            if self._all is not None and (cast := _cast(rows, self._all)) is not None:  # far faster than by column
                return pandas.DataFrame(cast, columns=self._labels, copy=False)
            for place, (column, dtype) in enumerate(zip(self._columns, self._dtypes, strict=True)):
                values = rows[:, place]
                parts[place] = self._category(place, values) if column.categories else _number(values, dtype)
        frame = pandas.DataFrame(parts)
        frame.columns = self._labels
        return frame

    def _category(self, place: int, codes: np.ndarray) -> Any:
        import pandas

        categories, with_missing = self._held[place]
        known = np.isfinite(codes)
        if known.all():
            values = categories.take(codes.astype(np.intp))
        else:
            values = with_missing.take(np.where(known, codes, len(categories)).astype(np.intp))
        # a bare array of objects would be looked through, and become strings where it holds nothing else
        return pandas.Series(values, dtype=object) if values.dtype == object else values

    @functools.cached_property
    def _held(self) -> dict[int, tuple[Any, Any]]:
        """By column: its categories, and these with what is there where one is missing."""
        return {
            place: (_as(dtype, column.categories), _as(dtype, (*column.categories, column.missing)))
            for place, (column, dtype) in enumerate(zip(self._columns, self._dtypes, strict=True))
            if column.categories
        }


def _cast(numbers: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | None:
    """A copy in one of numpy's dtypes, if that can hold them."""
    if dtype.kind not in "fiu":
        return None
    cast: np.ndarray = numbers.astype(dtype)
    return cast if dtype.kind == "f" or bool((cast == numbers).all()) else None


def _number(values: np.ndarray, dtype: Any) -> Any:
    """Numbers in the user's dtype, or as they are where that cannot hold them."""
    values = values.copy()
    if dtype is None or isinstance(dtype, np.dtype):
        cast = None if dtype is None else _cast(values, dtype)
        return values if cast is None else cast
    import pandas

    if dtype.kind in "iu" and not np.array_equal(np.trunc(values), values, equal_nan=True):
        return values
    try:
        held = pandas.Series(values).astype(dtype).array
    except (TypeError, ValueError):  # 300 in pandas' Int8
        return values
    return held if dtype.kind in "fiu" else values


def _as(dtype: Any, values: Sequence[Any]) -> Any:
    """Categories in the user's dtype, or as pandas takes them where that would change them."""
    import pandas

    try:
        held = pandas.Series(values, dtype=dtype)
        same = (is_missing(now) if is_missing(v) else v == now for v, now in zip(values, held.tolist(), strict=True))
        held = held if all(same) else pandas.Series(values)
    except (TypeError, ValueError):
        held = pandas.Series(values)
    return held.to_numpy() if isinstance(held.dtype, np.dtype) else held.array
