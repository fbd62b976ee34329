"""Data frames of pandas: their columns as numbers, and the frames that a model gets, of the same labels and dtypes."""

from __future__ import annotations

import copy
import functools
from collections.abc import Hashable, Sequence
from datetime import date, datetime
from numbers import Real
from typing import Any

import numpy as np

from nbexplain.inputs import table_dtypes as dtypes
from nbexplain.inputs.table_coded import Coded
from nbexplain.inputs.table_coding import are_exact, different, of_given, of_integers, of_objects, of_ticks, of_uniques
from nbexplain.inputs.table_column import Column, names_of
from nbexplain.inputs.table_times import DAY


class Frame:
    """A data frame, and others like it.

    A column has the user's own dtype wherever that can hold the values of the batch: 2.5 makes integers float64.

    Attributes
    ----------
    names, width
        The labels of the columns, as strings, and how many there are.
    framed
        That a model gets frames.
    own
        Whether the user's table is a frame itself, and none that was made of it.
    labels
        (N,) the index of its rows, where it tells something, None of one that merely counts them.
    """

    framed = own = True
    without = "table.drop(columns={})"  # how some columns are left out

    def __init__(self, frame: Any) -> None:
        import pandas

        self._frame, self._empty = frame, frame.iloc[:0]
        self._labels, self._dtypes = frame.columns, list(frame.dtypes)
        self.names: Sequence[str] = names_of(frame.columns)
        self.width = len(self.names)
        self.labels = None if isinstance(frame.index, pandas.RangeIndex) else frame.index
        self._kinds: dict[int, Any] = {}  # of Python's objects, by column
        self._categories: dict[tuple[int, bool], Any] = {}
        self._columns: Sequence[Column] = ()
        self._coded: Sequence[Coded] = ()
        self._all = self._dtypes[0] if len(set(self._dtypes)) == 1 and isinstance(self._dtypes[0], np.dtype) else None

    def __len__(self) -> int:
        return len(self._frame)

    def without_rows(self, place: int, values: str, missing: bool) -> str:
        """How the table is written without the rows that hold some values, or none, in a column; `""` if it can't."""
        label = dtypes.plain_label(self._labels[place])
        if label is None or list(self._labels).count(self._labels[place]) > 1:
            return ""
        column = f"table[{label!r}]"
        kept = [f"~{column}.isin([{values}])"] * bool(values) + [f"{column}.notna()"] * missing
        return f"table[{' & '.join(kept)}]"

    def plain(self) -> np.ndarray | None:
        """All rows (N, F) where every column is a number that a float64 holds, else None: far faster than by column."""
        if self._all is None or self._all.kind not in "fiu":
            return None
        numbers: np.ndarray = self._frame.to_numpy()
        return numbers.astype(np.float64) if self._all.kind == "f" or are_exact(numbers) else None

    def read(self, place: int, what: str, given: Sequence[Any] | None) -> Coded:
        """One column, with the categories that the user has given for it, if any; `what` it is, in errors."""
        import pandas

        column, dtype = self._frame.iloc[:, place], self._dtypes[place]
        if isinstance(dtype, pandas.SparseDtype):
            column, dtype = column.sparse.to_dense(), dtype.subtype
        if given is not None:
            codes, uniques = pandas.factorize(column)
            values = uniques.tolist()
            if column.dtype == object and not all(isinstance(value, str) for value in values):  # 1 beside True
                values, codes = different(column.tolist(), what)
            return of_given(values, codes, given, what)
        if isinstance(dtype, pandas.CategoricalDtype):
            numbers = column.cat.codes.to_numpy(dtype=np.float64)
            numbers[numbers < 0] = np.nan
            label = repr(self._labels[place])
            more = (f"background=table.astype({{{label}: table[{label}].cat.add_categories([", "]).dtype})")
            return Coded(numbers, dtype.categories.tolist(), True, ordered=bool(dtype.ordered), more=more)
        if isinstance(dtype, pandas.PeriodDtype):
            held = column.array
            return of_ticks(f"period {str(dtype)[len('period[') : -1]}", held.asi8, 1, np.asarray(held.isna()))
        if dtype.kind in "mM" and getattr(dtype, "type", None) is not date:  # arrow's dates are Python's
            return self._times(column, dtype)
        if dtype.kind in "iu":
            if isinstance(dtype, np.dtype):
                return of_integers(column.to_numpy())
            gone = column.isna().to_numpy()
            coded = of_integers(column.fillna(0).to_numpy(dtype=f"{dtype.kind}8"))
            coded.numbers[gone] = np.nan
            return coded
        if dtype.kind == "f":
            return Coded(column.to_numpy(dtype=np.float64, na_value=np.nan).copy())
        if dtype.kind == "b":
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan).copy()
            return Coded(numbers, [False, True], True, [self._missing(column, np.isnan(numbers))])
        if dtype.kind == "c":
            raise ValueError(f"{what} holds complex numbers; give their parts as columns of their own")
        return self._others(place, column, what)

    def _times(self, column: Any, dtype: Any) -> Coded:
        import pandas

        zone = getattr(dtype, "tz", None)
        if not isinstance(dtype, np.dtype) and zone is None:  # arrow's
            unit = getattr(getattr(dtype, "pyarrow_dtype", None), "unit", "ns")
            named = getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
            zone = pandas.DatetimeTZDtype(tz=named).tz if named else None
            values = column.to_numpy(dtype=f"{dtype.kind}8[{unit}]", na_value=np.array("NaT", f"{dtype.kind}8[{unit}]"))
        else:
            values = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy() if zone else column.to_numpy()
        unit = np.datetime_data(values.dtype)[0]
        time = "duration" if dtype.kind == "m" else "datetime UTC" if zone else "datetime"
        return of_ticks(time, values.view(np.int64), DAY[unit], np.isnat(values), zone)

    def _others(self, place: int, column: Any, what: str) -> Coded:
        """Strings, intervals, Python's objects."""
        import pandas

        try:
            codes, uniques = pandas.factorize(column)
            values = uniques.tolist()
        except (
            TypeError,
            NotImplementedError,
        ):  # lists, or arrow's: which one, says the slower way
            return of_objects(column.tolist(), what)[0]
        gone = codes < 0
        own = column.dtype == object
        several = any(len({type(one) for one in ones}) > 1 for ones in (values, column[gone].tolist()))
        if own and (several or isinstance(next(iter(values), None), (Real, datetime))):
            coded, kind = of_objects(column.tolist(), what)  # 1, 1.0 and True are different, as None and NaN
        else:
            coded, kind = of_uniques(values, codes, what)
            if gone.any():
                coded.missing = [self._missing(column, gone)]
        coded.open = own
        self._kinds[place] = kind
        return coded

    def _missing(self, column: Any, gone: np.ndarray) -> Any:
        return column.iloc[int(gone.argmax())] if gone.any() else np.nan

    def floats(self, place: int) -> np.dtype[Any]:
        """In which floats a column's numbers are compared: the user's own where these are shorter than 64 bits."""
        dtype = self._dtypes[place]
        if place in self._kinds:
            return dtypes.floats_of([self._kinds[place]])
        return dtypes.floats(getattr(dtype, "subtype", dtype))  # of a sparse column

    def settle(self, columns: Sequence[Column], coded: Sequence[Coded]) -> None:
        """Let the user's frame go, once all of it is read."""
        self._columns, self._coded, self._frame = columns, coded, None

    @property
    def key(self) -> Hashable:
        """Equal where equal rows make equal frames."""
        missing = tuple(tuple(map(type, coded.missing)) for coded in self._coded)
        return tuple(self._labels), tuple(self._dtypes), missing, type(self._empty), repr(self._empty.attrs)

    def made(self, rows: np.ndarray, labels: Any = None) -> Any:
        """The data frame of rows (N, F), with an index of its own, or these labels (N,)."""
        import pandas

        parts = {}
        with np.errstate(invalid="ignore", over="ignore"):  # what a dtype cannot hold is seen from what came of it
            if (cast := self._cast(rows)) is not None:
                return self._theirs(pandas.DataFrame(cast, index=labels, columns=self._labels, copy=False))
            for place in range(len(self._columns)):
                parts[place] = self._column(place, rows[:, place])
        frame = pandas.DataFrame(parts, index=None if parts else range(len(rows)))
        frame.columns = self._labels
        if labels is not None:
            frame.index = labels
        return self._theirs(frame)

    def _theirs(self, frame: Any) -> Any:
        """A frame as one of the user's own class, with what they have noted at it: as pandas hands these on itself."""
        empty = self._empty
        if type(frame) is not type(empty):
            frame = empty._constructor(frame)
            for name in empty._metadata:
                object.__setattr__(frame, name, getattr(empty, name, None))
        if empty.attrs:
            frame.attrs = copy.deepcopy(empty.attrs)
        return frame

    def base(self, rows: np.ndarray, labels: Any = None) -> Any | None:
        """What `with_column` writes into, made of rows (N, F): a frame, and the array that is all of it, if one is."""
        import pandas

        with np.errstate(invalid="ignore", over="ignore"):
            if (cast := self._cast(rows)) is not None:
                return self._theirs(pandas.DataFrame(cast, index=labels, columns=self._labels, copy=False)), cast
        return self.made(rows, labels), None

    def with_column(self, base: Any, place: int, numbers: np.ndarray) -> Any | None:
        """The first rows (m, F) with these numbers (m,) in a column."""
        import pandas

        frame, array = base
        if array is not None and (cast := dtypes.cast(numbers, array.dtype)) is not None:
            array[: len(numbers), place] = cast
            return frame.iloc[: len(numbers)].copy(deep=False)
        made = frame.iloc[: len(numbers)].copy(deep=False)
        column = self._column(place, numbers)
        if isinstance(column, pandas.Series):
            column.index = made.index
        made.isetitem(place, column)
        return made

    def is_same(self, base: Any, other: Any) -> bool:
        """Whether two bases are equal."""
        return bool(base[0].equals(other[0]))

    def _cast(self, rows: np.ndarray) -> np.ndarray | None:
        """Rows (N, F) in the dtype of all columns, where they have one that can hold them."""
        return dtypes.cast(rows, self._all) if self._all is not None and self._is_plain else None

    @functools.cached_property
    def _is_plain(self) -> bool:
        return not any(column.categories or coded.known for column, coded in zip(self._columns, self._coded))

    def _column(self, place: int, numbers: np.ndarray) -> Any:
        column, coded, dtype = self._columns[place], self._coded[place], self._dtypes[place]
        if column.categories:
            return self._category(place, numbers)
        if getattr(dtype, "name", "") == "category":  # of none at all
            return dtypes.no_category(numbers, dtype)
        if place in self._kinds:
            return dtypes.objects(coded.objects(numbers, self._kinds[place]), dtype)
        if column.time:
            return dtypes.times(column.time, numbers, coded, dtype)
        if coded.known is not None and (large := dtypes.large_numbers(coded, numbers, dtype)) is not None:
            return large
        return dtypes.number(numbers, dtype)

    def _category(self, place: int, codes: np.ndarray) -> Any:
        import pandas

        gone, categories = np.isnan(codes), self._held(place, not np.isnan(codes).any())
        places = np.where(gone, len(self._columns[place].categories), codes).astype(np.intp)
        places[gone] += self._coded[place].kinds(codes[gone])
        values = categories.take(places)
        # a bare array of objects would be looked through, and become strings where it holds nothing else
        return pandas.Series(values, dtype=object) if values.dtype == object else values

    def _held(self, place: int, known: bool) -> Any:
        """A column's categories; if not all are known, then with what is there where one is missing."""
        if (place, known) not in self._categories:
            column = self._columns[place]
            values = column.categories if known else (*column.categories, *self._coded[place].missing)
            self._categories[place, known] = dtypes.categories(self._dtypes[place], values)
        return self._categories[place, known]


def as_frame(table: np.ndarray, row: Any) -> Any:
    """A background that came as an array (N, F), as a frame with the row's labels, and its dtypes where they fit.

    Parameters
    ----------
    row
        A data frame, or a series, which tells the labels alone.
    """
    import pandas

    labels = row.index if row.ndim == 1 else row.columns
    columns: dict[int, Any] = {}
    for place, dtype in enumerate([None] * len(labels) if row.ndim == 1 else row.dtypes):
        plain = pandas.Series(table[:, place]).infer_objects()
        columns[place] = plain
        try:
            cast = plain.astype(plain.dtype if dtype is None else dtype)
        except (TypeError, ValueError):  # a category that the row's dtype has not
            continue
        if (cast.isna() == plain.isna()).all() and (cast.astype(object) == plain.astype(object))[plain.notna()].all():
            columns[place] = cast
    frame = pandas.DataFrame(columns)
    frame.columns = labels
    return frame
