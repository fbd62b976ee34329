"""The index of a data frame, for models that read it: each row that a model gets has the label of one of the user's."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from nbexplain.inputs.table_reading import frame_of


class Index:
    """The labels of the background's rows, and that of the row that is explained.

    It is no column: it is never hidden, and what is tried for a row has that row's label. An index that merely counts
    (pandas' RangeIndex) is none, and a model then gets frames that count their own rows.

    Parameters
    ----------
    labels
        Of the background's rows (N,), or of the row alone.
    background
        (N, F) as numbers, or None.
    row
        What the user gave as row.

    Attributes
    ----------
    note
        What a reader must know, or `""`.
    """

    def __init__(self, labels: Any, background: np.ndarray | None, row: Any) -> None:
        self._background, self.note = background, ""
        self._labels = labels if background is None else self._with_own(labels, row)
        self.own = len(self._labels) - 1

    def _with_own(self, labels: Any, row: Any) -> Any:
        given = frame_of(row) == "pandas"
        if given and (row.ndim == 2 or row.name is not None):
            both = labels.insert(len(labels), row.index[0] if row.ndim == 2 else row.name)
            if both.dtype == labels.dtype:
                return both
        self.note = f"the row tells no label of the background's index; it gets that of the first row, {labels[0]!s}"
        return labels.insert(len(labels), labels[0])

    def is_like(self, other: Index) -> bool:
        """Whether the background's rows have the same labels."""
        return bool(self._labels[:-1].equals(other._labels[:-1]))

    def of(self, places: np.ndarray) -> Any:
        """The labels (n,) of these places (n,)."""
        return self._labels.take(places.astype(np.intp))

    def places(self, rows: np.ndarray, own: int) -> np.ndarray:
        """(n,): which row of the background each of the rows (n, F) is, else `own`."""
        if self._background is None:
            return np.full(len(rows), own)
        known, order = self._sorted
        keys = _keys(rows)
        at = np.searchsorted(known, keys).clip(max=len(known) - 1)
        same = (self._background[order[at]] == rows) | (np.isnan(self._background[order[at]]) & np.isnan(rows))
        return np.where((known[at] == keys) & same.all(1), order[at], own)

    @functools.cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        assert self._background is not None
        return np.unique(_keys(self._background), return_index=True)


def _keys(rows: np.ndarray) -> np.ndarray:
    """(n,) of rows (n, F): equal where all of their values are; a number's NaN is like another."""
    plain = np.where(np.isnan(rows), np.nan, rows + 0.0)  # no −0
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for column in np.ascontiguousarray(plain.T).view(np.uint64):
        hashed = (hashed ^ (column ^ (column >> np.uint64(29)))) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(32)
    return hashed
