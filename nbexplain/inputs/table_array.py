"""Arrays, sparse matrices and lists as tables: their columns as numbers, and what a model gets, of the same dtype."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.inputs import table_dtypes as dtypes
from nbexplain.inputs.table_coded import Coded
from nbexplain.inputs.table_coding import are_exact, different, of_given, of_integers, of_objects, of_ticks, of_uniques
from nbexplain.inputs.table_column import Column
from nbexplain.inputs.table_times import DAY
from nbexplain.inputs.tensors import as_array

_MOST_DENSE = 4 * 2**30  # bytes that a sparse background may take once its zeros are written out


class Rows:
    """An array (N, F).

    A batch has the user's own dtype wherever that can hold it: 2.5 makes whole numbers float64.

    Attributes
    ----------
    names, width, framed, own, labels
        As of `table_frame.Frame`: there are no names, and no index.
    """

    framed = False
    own = True
    without = "numpy.delete(table, {}, axis=1)"
    labels: Any = None

    def __init__(self, array: np.ndarray) -> None:
        self.names: Sequence[str] = ()
        self._array: np.ndarray | None = array
        self._dtype = array.dtype
        self._count, self.width = array.shape
        self._kinds: dict[int, Any] = {}  # of Python's objects, by column
        self._columns: Sequence[Column] = ()
        self._coded: Sequence[Coded] = ()

    def __len__(self) -> int:
        return self._count

    def without_rows(self, place: int, values: str, missing: bool) -> str:
        """How the table is written without the rows that hold some values in a column; `""` of those that hold none."""
        return "" if missing else f"table[~numpy.isin(table[:, {place}], [{values}])]"

    def plain(self) -> np.ndarray | None:
        """All rows (N, F) where every column is a number that a float64 holds, else None."""
        assert self._array is not None
        if self._dtype.kind == "f" or (self._dtype.kind in "iu" and are_exact(self._array)):
            return np.array(self._array, dtype=np.float64)
        return None

    def read(self, place: int, what: str, given: Sequence[Any] | None) -> Coded:
        """One column, with the categories that the user has given for it, if any; `what` it is, in errors."""
        assert self._array is not None
        column, kind = self._array[:, place], self._dtype.kind
        if given is not None:
            if kind == "O":
                return of_given(*different(column.tolist(), what), given, what)
            values, codes = np.unique(column, return_inverse=True)
            return of_given(values.tolist(), codes, given, what)
        if kind in "iu":
            return of_integers(column)
        if kind == "b":
            return Coded(column.astype(np.float64), [False, True], True)
        if kind == "f":
            return Coded(column.astype(np.float64))
        if kind in "mM":
            unit = np.datetime_data(self._dtype)[0]
            if unit not in DAY:
                column, unit = column.astype(f"{kind}8[D]"), "D"
            return of_ticks(
                "duration" if kind == "m" else "datetime", column.view(np.int64), DAY[unit], np.isnat(column)
            )
        if kind in "US":
            values, codes = np.unique(column, return_inverse=True)
            return of_uniques(values.tolist(), codes, what)[0]
        if kind != "O":
            raise ValueError(f"{what} holds {self._dtype}; a column holds numbers, times or categories")
        coded, self._kinds[place] = of_objects(column.tolist(), what)
        coded.open = True
        return coded

    def floats(self, place: int) -> np.dtype[Any]:
        """In which floats a column's numbers are compared: the user's own where these are shorter than 64 bits."""
        return dtypes.floats_of([self._kinds[place]]) if place in self._kinds else dtypes.floats(self._dtype)

    def settle(self, columns: Sequence[Column], coded: Sequence[Coded]) -> None:
        """Let the user's array go, once all of it is read."""
        self._columns, self._coded, self._array = columns, coded, None

    @property
    def key(self) -> Hashable:
        """Equal where equal rows make equal arrays."""
        return self._dtype.str

    @functools.cached_property
    def _is_plain(self) -> bool:
        known = any(column.categories or coded.known for column, coded in zip(self._columns, self._coded))
        return self._dtype.kind in "fiu" and not known

    def base(self, rows: np.ndarray, labels: Any = None) -> Any | None:
        """What `with_column` writes into, made of rows (N, F); None where each table is made anew."""
        return self.made(rows) if self._is_plain or self._dtype.kind == "O" else None

    def with_column(self, base: Any, place: int, numbers: np.ndarray) -> Any | None:
        """The first rows (m, F) with these numbers (m,) in a column; None if the table cannot hold them."""
        column = numbers.astype(base.dtype, copy=False) if self._is_plain else self._column(place, numbers)
        if base.dtype.kind in "iu" and not (column == numbers).all():
            return None
        base[: len(numbers), place] = column
        return base[: len(numbers)]

    def is_same(self, base: Any, other: Any) -> bool:
        """Whether two bases are equal."""
        if base.shape[1:] != other.shape[1:] or base.dtype != other.dtype:  # a single one may stand for all
            return False
        same = base == other
        return bool(same.all() or (same | ((base != base) & (other != other))).all())

    def made(self, rows: np.ndarray, labels: Any = None) -> Any:
        """The array of rows (N, F)."""
        kind = self._dtype.kind
        if self._is_plain:
            return _cast(rows, self._dtype)
        parts = [self._column(place, rows[:, place]) for place in range(len(self._columns))]
        if kind in "US":
            return np.array(np.stack(parts, 1), dtype=f"{kind}") if parts else rows
        if kind in "iu" and (whole := self._whole(parts)) is not None:
            return whole
        if kind in "bfiumM" and (kind not in "biu" or np.isfinite(rows).all()):
            return _cast(np.stack(parts, 1), self._dtype)
        own = np.empty(rows.shape, dtype=object)
        for place, part in enumerate(parts):
            own[:, place] = part
        return own

    def _whole(self, parts: Sequence[np.ndarray]) -> np.ndarray | None:
        """Columns in one array of the user's dtype, where it holds them: a float64 between them would not hold all."""
        own = np.empty((len(parts[0]), len(parts)), dtype=self._dtype)
        for place, part in enumerate(parts):
            column = dtypes.cast(part, self._dtype) if part.dtype.kind in "fiu" else None
            if column is None:
                return None
            own[:, place] = column
        return own

    def _column(self, place: int, numbers: np.ndarray) -> np.ndarray:
        column, coded = self._columns[place], self._coded[place]
        gone = np.isnan(numbers)
        if column.categories:
            held = np.empty(len(column.categories), dtype=object)
            held[:] = column.categories
            values = held[np.where(gone, 0, numbers).astype(np.intp)]
            values[gone] = coded.gone(numbers[gone])
            plain = self._dtype.kind in "bfiuUS" and not gone.any()
            return np.array(values.tolist()) if plain else values
        if place in self._kinds:
            return coded.objects(numbers, self._kinds[place])
        if column.time:
            ticks = coded.whole(np.where(gone, 0, numbers))
            ticks[gone] = np.iinfo(np.int64).min
            unit = next(unit for unit, count in DAY.items() if count == coded.per_day)
            return ticks.view(f"{self._dtype.kind}8[{unit}]").astype(self._dtype)
        if coded.known is not None and coded.are_whole(numbers, self._dtype):
            return coded.whole(numbers).astype(self._dtype)
        return numbers


class SparseRows(Rows):
    """A sparse matrix of scipy; the model gets one of the same kind.

    Raises
    ------
    ValueError
        If it would take too much memory with its zeros written out.
    """

    def __init__(self, matrix: Any) -> None:
        needed = matrix.shape[0] * matrix.shape[1] * 8
        if needed > _MOST_DENSE:
            rows = max(_MOST_DENSE // (matrix.shape[1] * 8) // 10, 1)
            raise ValueError(
                f"background: {matrix.shape[0]:,} × {matrix.shape[1]:,} would take {needed / 2**30:.0f} GiB with its "
                f"zeros written out; give some of the rows, such as matrix[:{min(rows, 200)}]"
            )
        super().__init__(matrix.toarray())
        self._kind = type(matrix)
        self.own = matrix.format in ("csr", "csc", "lil")  # whose rows can be chosen

    @property
    def key(self) -> Hashable:
        """Equal where equal rows make equal matrices."""
        return self._kind, super().key

    def without_rows(self, place: int, values: str, missing: bool) -> str:
        """How the matrix is written without the rows that hold some values in a column."""
        return f"table[~numpy.isin(table[:, [{place}]].toarray()[:, 0], [{values}])]"

    def base(self, rows: np.ndarray, labels: Any = None) -> Any | None:
        """None: each matrix is made anew."""

    def made(self, rows: np.ndarray, labels: Any = None) -> Any:
        """The sparse matrix of rows (N, F)."""
        return self._kind(super().made(rows))


def _cast(rows: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """A copy in a dtype, or as it is where that cannot hold it."""
    if rows.dtype.kind == "f" and dtype.kind in "fiu":
        cast = dtypes.cast(rows, dtype)
        return rows.copy() if cast is None else cast
    return rows.astype(dtype)


def _with_holes(table: np.ma.MaskedArray[Any, Any]) -> np.ndarray:
    """NaN where a value is masked; large whole numbers stay what they are."""
    large = table.dtype.kind in "iu" and not are_exact(table.compressed())
    return np.ma.filled(table.astype(object if large else np.float64), np.nan)


def array_of(table: Any, what: str) -> np.ndarray:
    """An array of what is one, or a list: one of numbers where it holds nothing else, else of objects."""
    if isinstance(table, (list, tuple)) and table and all(isinstance(row, Tensor) for row in table):
        table = [as_array(row) for row in table]
    elif isinstance(table, Tensor):
        table = as_array(table)
    if isinstance(table, np.ma.MaskedArray):
        table = table.filled(0) if not np.ma.getmaskarray(table).any() else _with_holes(table)
    if isinstance(table, np.ndarray):
        return np.asarray(table)
    rows = list(table) if isinstance(table, (list, tuple)) else table
    if not isinstance(rows, list):
        return np.asarray(table)
    listed = all(isinstance(row, (list, tuple)) for row in rows)
    if rows and listed and len({len(row) for row in rows}) > 1:
        raise ValueError(f"{what}: expected rows of equal length, got {min(map(len, rows))} to {max(map(len, rows))}")
    if not listed or not rows:
        return np.asarray(rows)
    if all(type(value) in (int, float) for row in rows for value in row):
        return np.asarray(rows)
    held = np.empty((len(rows), len(rows[0])), dtype=object)  # numpy would make strings of mixed values
    for number, row in enumerate(rows):
        held[number] = row
    return held
