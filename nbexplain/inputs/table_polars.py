"""Data frames of polars: their columns as numbers, and the frames that a model gets, of the same schema."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from nbexplain.inputs.table_coded import Coded
from nbexplain.inputs.table_coding import of_given, of_integers, of_objects, of_ticks
from nbexplain.inputs.table_column import Column
from nbexplain.inputs.table_missing import nan_of
from nbexplain.inputs.table_times import DAY


class PolarsFrame:
    """A data frame of polars.

    A column has the user's own dtype wherever that can hold the values of the batch: 2.5 makes integers Float64.

    Attributes
    ----------
    names, width, framed, own, labels
        As of `table_frame.Frame`; there is no index.
    """

    framed = own = True
    without = "table.drop({})"
    labels: Any = None

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names: Sequence[str] = list(frame.columns)
        self.width = len(self.names)
        self._dtypes = list(frame.dtypes)
        self._count = frame.height
        self._kinds: dict[int, Any] = {}
        self._columns: Sequence[Column] = ()
        self._coded: Sequence[Coded] = ()

    def __len__(self) -> int:
        return self._count

    def without_rows(self, place: int, values: str, missing: bool) -> str:
        """How the table is written without the rows that hold some values, or none, in a column."""
        column = f"table[{self.names[place]!r}]"
        nulls = "" if missing else ".fill_null(False)"  # ~ leaves them null, which a filter drops
        kept = [f"~{column}.is_in([{values}]){nulls}"] * bool(values) + [f"{column}.is_not_null()"] * missing
        return f"table.filter({', '.join(kept)})"

    def plain(self) -> np.ndarray | None:
        """All rows (N, F) where every column is a number that a float64 holds, else None."""
        return None

    def read(self, place: int, what: str, given: Sequence[Any] | None) -> Coded:
        """One column, with the categories that the user has given for it, if any; `what` it is, in errors."""
        import polars

        column, dtype = self._frame[self.names[place]], self._dtypes[place]
        base, gone = dtype.base_type(), column.is_null().to_numpy()
        if dtype == polars.Null:
            return Coded(np.full(len(column), np.nan), missing=[None])
        if given is not None:
            uniques = column.unique().drop_nulls()
            return of_given(uniques.to_list(), _codes(column, uniques), given, what)
        if base in (polars.Enum, polars.Categorical, polars.String):
            fixed = base is polars.Enum
            uniques = dtype.categories if fixed else column.cast(polars.String).unique().drop_nulls().sort()
            codes = _codes(column.cast(polars.String), uniques).astype(np.float64)
            name = repr(self.names[place])
            more = (f"background=table.cast({{{name}: polars.Enum([*table[{name}].dtype.categories, ", "])})")
            return Coded(np.where(gone, np.nan, codes), uniques.to_list(), fixed, [None], ordered=fixed, more=more)
        if dtype == polars.Boolean:
            numbers = column.cast(polars.Float64).to_numpy().copy()
            return Coded(numbers, [False, True], True, [None])
        if dtype.is_temporal():
            unit = {polars.Date: "D", polars.Time: "ns"}.get(base) or dtype.time_unit
            time = {polars.Date: "date", polars.Time: "time", polars.Duration: "duration"}.get(base)
            time = time or ("datetime UTC" if dtype.time_zone else "datetime")
            zone = ZoneInfo(dtype.time_zone) if time == "datetime UTC" else None
            ticks = column.to_physical().cast(polars.Int64).fill_null(0).to_numpy()
            return of_ticks(time, ticks, DAY[unit], gone, zone)
        if dtype.is_integer() and base not in (polars.Int128, polars.UInt128):  # of these objects, as Python has them
            filled = column.fill_null(0)
            coded = of_integers(filled.to_numpy())
            coded.numbers[gone] = np.nan
            coded.missing = [None]
            return coded
        if dtype.is_float():
            numbers = column.cast(polars.Float64).fill_null(np.nan).to_numpy().copy()
            kinds = [*([np.nan] if column.is_nan().any() or not gone.any() else []), *([None] if gone.any() else [])]
            numbers[gone] = nan_of(len(kinds) - 1)
            return Coded(numbers, missing=kinds, open=True)
        if base in (polars.List, polars.Array, polars.Struct):
            raise ValueError(f"{what} holds {dtype}; a column holds numbers, times or categories")
        coded, self._kinds[place] = of_objects(column.to_list(), what)  # decimals, bytes, objects
        return coded

    def floats(self, place: int) -> np.dtype[Any]:
        """In which floats a column's numbers are compared: the user's own where these are shorter than 64 bits."""
        dtype = self._dtypes[place]
        return np.dtype(str(dtype).lower() if dtype.is_float() else np.float64)

    def settle(self, columns: Sequence[Column], coded: Sequence[Coded]) -> None:
        """Let the user's frame go, once all of it is read."""
        self._columns, self._coded, self._frame = columns, coded, None

    @property
    def key(self) -> Hashable:
        """Equal where equal rows make equal frames."""
        return "polars", tuple(self.names), tuple(map(str, self._dtypes))

    def made(self, rows: np.ndarray, labels: Any = None) -> Any:
        """The data frame of rows (N, F)."""
        import polars

        parts = [self._column(place, name, rows[:, place]).alias(name) for place, name in enumerate(self.names)]
        return polars.DataFrame(parts)

    def base(self, rows: np.ndarray, labels: Any = None) -> Any | None:
        """What `with_column` begins with, made of rows (N, F)."""
        return self.made(rows)

    def with_column(self, base: Any, place: int, numbers: np.ndarray) -> Any | None:
        """The first rows (m, F) with these numbers (m,) in a column."""
        name = self.names[place]
        return base.head(len(numbers)).with_columns(self._column(place, name, numbers).alias(name))

    def is_same(self, base: Any, other: Any) -> bool:
        """True: nobody writes into a frame of polars."""
        return True

    def _column(self, place: int, name: str, numbers: np.ndarray) -> Any:
        import polars

        column, coded, dtype = self._columns[place], self._coded[place], self._dtypes[place]
        gone = np.isnan(numbers)
        if dtype == polars.Null:
            return polars.Series(numbers if not gone.all() else [None] * len(numbers))
        if column.categories:
            held = polars.Series([*column.categories, None], strict=False)
            values = held.gather(np.where(gone, len(column.categories), numbers).astype(np.int64))
            return _cast(values, dtype)
        if place in self._kinds:
            return _cast(polars.Series(coded.objects(numbers, self._kinds[place]).tolist(), strict=False), dtype)
        if column.time:
            values = polars.Series(coded.whole(np.where(gone, 0, numbers)))
            return values.set(polars.Series(gone), None).cast(dtype)
        if dtype.is_integer():
            if not (np.isfinite(numbers) | gone).all() or not (np.rint(numbers) == numbers)[~gone].all():
                return polars.Series(numbers).fill_nan(None)
            values = polars.Series(coded.whole(np.where(gone, 0, numbers)))
            return _cast(values.set(polars.Series(gone), None), dtype)
        null = gone.copy()
        null[gone] = [missing is None for missing in coded.gone(numbers[gone])]
        return _cast(polars.Series(numbers).set(polars.Series(null), None), dtype)


def _codes(column: Any, uniques: Any) -> np.ndarray:
    """(N,) the place of each value among those that there are, -1 where it is missing."""
    import polars

    if not len(uniques):
        return np.full(len(column), -1)
    places = polars.Series(np.arange(len(uniques)))
    return np.asarray(column.replace_strict(uniques, places, default=-1, return_dtype=polars.Int64).to_numpy())


def _cast(values: Any, dtype: Any) -> Any:
    """In the user's dtype, or as they are where that cannot hold them."""
    import polars

    try:
        held = values.cast(dtype)
        beyond = dtype.is_float() and values.dtype.is_float() and (held.is_infinite() & values.is_finite()).any()
        return values if beyond else held  # 1e300 would be an infinite Float32
    except polars.exceptions.InvalidOperationError:
        return values


def as_frame(table: np.ndarray, row: Any) -> Any:
    """A background that came as an array (N, F), as a frame with the row's names, and its dtypes where they fit."""
    import polars

    return polars.DataFrame(
        [
            _cast(polars.Series(name, table[:, place].tolist(), strict=False), row.dtypes[place])
            for place, name in enumerate(row.columns)
        ]
    )
