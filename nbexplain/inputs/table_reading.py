"""Rows and tables as people hand them in: arrays, data frames, sparse matrices, mappings."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from nbexplain.inputs import table_advice as advice
from nbexplain.inputs import table_array, table_frame, table_polars
from nbexplain.inputs.table_coded import Coded
from nbexplain.inputs.table_column import Column, is_missing, names_of
from nbexplain.inputs.table_exact import EXACT
from nbexplain.inputs.table_times import kept_as_times
from nbexplain.inputs.tensors import as_array

__all__ = ["Column", "Form", "frame_of", "in_order", "labels_of", "row_of", "table_of"]

_TEXT = {"U": str, "S": bytes}


class Form(Protocol):
    """How a table was handed in, and what a model gets."""

    framed: bool
    own: bool
    without: str
    names: Sequence[str]
    width: int
    labels: Any

    def __len__(self) -> int: ...

    def without_rows(self, place: int, values: str, missing: bool) -> str:
        """How it is written without the rows that hold some values, or none, in a column; `""` if it cannot be."""

    def plain(self) -> np.ndarray | None:
        """All rows (N, F) where every column is a number that a float64 holds, else None: far faster than by column."""

    def read(self, place: int, what: str, given: Sequence[Any] | None) -> Coded:
        """One column, with the categories that the user has given for it, if any; `what` it is, in errors."""

    def floats(self, place: int) -> np.dtype[Any]:
        """In which floats a column's numbers are compared: the user's own where these are shorter than 64 bits."""

    def settle(self, columns: Sequence[Column], coded: Sequence[Coded]) -> None:
        """Let the user's table go, once all of it is read."""

    @property
    def key(self) -> Hashable:
        """Equal where equal rows make equal tables."""

    def made(self, rows: np.ndarray, labels: Any = None) -> Any:
        """The user's kind of table of rows (N, F)."""

    def base(self, rows: np.ndarray, labels: Any = None) -> Any | None:
        """What `with_column` writes into, made of rows (N, F); None where each table is made anew."""

    def with_column(self, base: Any, place: int, numbers: np.ndarray) -> Any | None:
        """The first rows (m, F) with these numbers (m,) in a column; None if the table cannot hold them."""

    def is_same(self, base: Any, other: Any) -> bool:
        """Whether two bases are equal."""


def frame_of(x: Any) -> str:
    """`"pandas"` or `"polars"`, if it is a data frame or a series of theirs, or of a class made of these.

    They are not imported for that.
    """
    for kind in type(x).__mro__:
        library = str(kind.__module__).partition(".")[0]
        if library in ("pandas", "polars") and kind.__name__ in ("DataFrame", "Series", "LazyFrame"):
            return library
    return ""


def _is_sparse(x: Any) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(x))


def row_of(row: Any) -> tuple[list[Any], list[str]]:
    """The values of a row, and their names where it tells them."""
    _refuse_others(row, "row")
    library = frame_of(row)
    if library and _axes(row) == 2:
        if not len(row):
            raise ValueError("row: expected one row, got an empty table")
        if len(row) != 1:
            first = "row.iloc[[0]]" if library == "pandas" else "row[0]"
            raise ValueError(f"row: expected one row, got a table of {len(row)}; try Tabular({first}, background=row)")
        names = names_of(row.columns)
        _check_width(len(names), row.shape, "row")
        if library == "pandas":
            return [row.iloc[:, place].tolist()[0] for place in range(len(names))], names
        return [_of_polars(row[name]) for name in names], names
    if library == "pandas":
        return row.tolist(), names_of(row.index)
    if library == "polars":
        return row.to_list(), []
    if isinstance(row, Mapping):
        return [_single(name, value) for name, value in row.items()], names_of(row)
    if _is_sparse(row):
        row = row.toarray()
    if isinstance(row, Tensor):
        row = as_array(row)
    if isinstance(row, np.ma.MaskedArray):
        row = table_array.array_of(row, "row")
    if isinstance(row, tuple) and hasattr(row, "_fields"):  # of frame.itertuples(index=False)
        return [_value(value) for value in row], list(row._fields)
    if isinstance(row, np.void) and row.dtype.names:  # of a structured array
        return list(row.tolist()), list(row.dtype.names)
    if isinstance(row, tuple) and len(row) == 2 and frame_of(row[1]):
        raise TypeError("row: expected one row, got a pair of an index and a row, as of iterrows; try row=row[1]")
    if isinstance(row, (list, tuple)) and any(isinstance(value, Tensor) for value in row):
        row = [_value(value) for value in row]
    if isinstance(row, (list, tuple, np.ndarray)) and getattr(row, "ndim", 1) == 1 and len(row) and _is_named(row[0]):
        if len(row) > 1:
            raise ValueError(f"row: expected one row, got {len(row)} of them; try row=row[0]")
        return row_of(row[0])
    values = np.asarray(row, dtype=None if isinstance(row, np.ndarray) else object)
    if values.ndim == 2 and len(values) == 1:
        values = values[0]
    if values.ndim != 1 or not len(values):
        several = "; try Tabular(row[0], background=row)" if values.ndim == 2 and len(values) else ""
        got = f"shape {values.shape}{several}" if values.ndim else type(row).__name__ + advice.row_in(row)
        raise ValueError(f"row: expected one row of values (F,), got {got}")
    return list(values) if values.dtype.kind in "mM" else values.tolist(), []


def _is_named(row: Any) -> bool:
    """Whether it is a row by itself: a mapping, a series, a record."""
    return isinstance(row, Mapping) or frame_of(row) == "pandas" or (isinstance(row, np.void) and bool(row.dtype.names))


def _value(value: Any) -> Any:
    """A tensor of a single number as that, any other as an array."""
    if not isinstance(value, Tensor):
        return value
    return as_array(value) if value.ndim else as_array(value).item()


def _single(name: Any, value: Any) -> Any:
    """Of a mapping's values that are arrays or lists of one, that one."""
    value = _value(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    if frame_of(value) and len(value.shape) == 1:
        value = value.to_list()
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == 1:
        return value[0]
    if isinstance(value, (list, np.ndarray)):
        raise ValueError(f"row: {name!r} holds {len(value)} values, expected one")
    return value


def _axes(frame: Any) -> int:
    return len(frame.shape)


def _of_polars(column: Any) -> Any:
    """The value of a column of one row; of times numpy's, which know nanoseconds."""
    dtype = column.dtype
    exact = dtype.is_temporal() and getattr(dtype, "time_unit", "") == "ns" and not getattr(dtype, "time_zone", None)
    return column.to_numpy()[0] if exact else column[0]


def _refuse_others(x: Any, name: str) -> None:
    """Tables that are read by way of another kind."""
    if hasattr(x, "collect") and frame_of(x) == "polars":
        raise TypeError(f"{name}: expected rows that are there, got a LazyFrame; try {name}=frame.collect()")
    if not frame_of(x) and not isinstance(x, (Tensor, np.ndarray)) and hasattr(x, "to_pandas"):
        raise TypeError(
            f"{name}: expected an array or a data frame of pandas or polars, got {type(x).__name__}; try .to_pandas()"
        )


def table_of(background: Any, row: Any, values: Sequence[Any]) -> Form:
    """The background; without one, the row, as a table of one row.

    Raises
    ------
    TypeError, ValueError
        If it is none, or empty.
    """
    _refuse_others(background, "background")
    library, own = frame_of(background), frame_of(row)
    if background is None and own and _axes(row) == 2:
        return table_frame.Frame(row) if own == "pandas" else table_polars.PolarsFrame(row)
    if background is None and own == "pandas":
        return table_frame.Frame(row.to_frame().T.infer_objects())
    if background is None:
        return table_array.Rows(_of_row(row, values))
    if library and _axes(background) == 2:
        _check_width(len(background.columns), background.shape, "background")
        _check_height(len(background))
        return table_frame.Frame(background) if library == "pandas" else table_polars.PolarsFrame(background)
    if _is_sparse(background):
        _check_height(background.shape[0])
        return table_array.SparseRows(background)
    try:
        array = table_array.array_of(background, "background")
    except ValueError as error:
        if isinstance(background, (list, tuple, np.ndarray)):
            raise
        raise TypeError(f"background: expected a table (N, F), got {type(background).__name__}") from error
    if array.dtype.names:
        raise ValueError("background: expected a table (N, F), got a structured array; try pandas.DataFrame(table)")
    if array.shape[:1] == (0,):
        _check_height(0)
    named = isinstance(background, Mapping) or (array.ndim == 1 and all(isinstance(one, Mapping) for one in array))
    if array.ndim != 2:
        got = f"shape {array.shape}" if array.ndim else f"a {type(background).__name__}"
        way = "; try background=pandas.DataFrame(background)" if named else advice.table_in(background)
        raise ValueError(f"background: expected a table (N, F), got {got}{way}")
    _check_width(array.shape[1], array.shape, "background")
    if own and array.shape[1] == len(values) and (own == "pandas" or _axes(row) == 2):
        form: Form = (
            table_frame.Frame(table_frame.as_frame(array, row))
            if own == "pandas"
            else table_polars.PolarsFrame(table_polars.as_frame(array, row))
        )
        form.own = False
        return form
    form = table_array.Rows(array)
    form.own = isinstance(background, (np.ndarray, Tensor)) and not isinstance(background, np.matrix)
    return form


def _of_row(row: Any, values: Sequence[Any]) -> np.ndarray:
    """A row without a background as a table of one."""
    if isinstance(row, Tensor):
        row = as_array(row)
    if isinstance(row, np.ndarray) and row.dtype.kind != "O":
        return row.reshape(1, -1)
    return table_array.array_of([list(values)], "row")


def _check_width(count: int, shape: tuple[int, ...], what: str) -> None:
    if not count:
        raise ValueError(f"{what}: expected at least one column, got shape {tuple(shape)}")


def _check_height(count: int) -> None:
    if not count:
        raise ValueError("background: expected at least one row, got none")


def too_wide(wanted: int, background: Form) -> str:
    """What is wrong with a background of another number of columns than the row's."""
    got = background.width
    text = f"background: expected {wanted} columns as in the row, got {got}"
    if got < wanted:
        over = wanted - got
        return f"{text}; if the last {'is' if over == 1 else f'{over} are'} not for the model: row=row[:{got}]"
    named = f" ({', '.join(map(str, background.names[:8]))}{', …' * (len(background.names) > 8)})"
    which = background.without.format("[…]")
    extra = "the one that the model does not take, such as the label" if got == wanted + 1 else "what it does not take"
    return f"{text}{named if background.names else ''}; leave out {extra}: background={which}"


def in_order(values: list[Any], names: list[str], background: Form, what: str, row: Any = None) -> list[Any]:
    """The row's values in the order of the background's columns; `what` told the names."""
    table_names = background.names
    lacks = [name for name in table_names if name not in set(names)]
    more = [name for name in names if name not in set(table_names)]
    parts = [
        f"{verb} {', '.join(map(repr, odd[:6]))}" + ", …" * (len(odd) > 6)
        for verb, odd in (("lacks", lacks), ("has", more))
        if odd
    ]
    if parts:
        way = "; leave names out, the background has its own" if what == "names" else ""
        if frame_of(row) and len(row.shape) == 1 and str(row.name) in table_names and lacks == list(table_names):
            way = f"; it is the column {str(row.name)!r}; a row: row=table.iloc[[0]]"
        if more and not lacks and what == "row":
            way = f"; if the model takes no {_listed(more)}: row={advice.without_more(more, row)}"
        elif lacks and not more and what == "row":
            way = f"; if the model takes no {_listed(lacks)}: background={background.without.format(lacks[:6])}"
        raise ValueError(f"{what}: expected the background's columns; it {' and '.join(parts)}{way}")
    places = {name: place for place, name in enumerate(names)}
    return [values[places[name]] for name in table_names]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names[:2])) if len(names) < 3 else "such columns"


def labels_of(labels: Any, background: np.ndarray | None, table: Any) -> np.ndarray | None:
    """The right class of each row (N,) of the background, which came as `table`."""
    if labels is None:
        return None
    if frame_of(labels) == frame_of(table) == "pandas" and len(labels) == len(table):
        own = list(labels.index)
        counts = own == list(range(len(own))) and set(table.index) != set(own)  # a count says nothing of the rows
        if not counts and not labels.index.equals(table.index):
            raise ValueError(
                "labels: their index is not that of the background, so they would belong to other rows; try "
                "labels=labels.loc[table.index], or labels.to_numpy() if they are in the order of the rows"
            )
    array = _plain_labels(labels)
    if array.ndim == 2 and array.shape[1] == 1:  # a frame of one column
        array = array[:, 0]
    if background is None or array.shape != (len(background),):
        rows = "no background" if background is None else f"{len(background)} background rows"
        way = "; give the rows that they are of: Tabular(row, background=table, labels=labels)"
        if background is not None:
            way = advice.one_label(array, len(background), labels)
        raise ValueError(f"labels: expected one for each background row, got shape {array.shape} for {rows}{way}")
    return array.copy()  # as the rows are: the user may change it


def _plain_labels(labels: Any) -> np.ndarray:
    """Labels as an array whose `tolist` gives what they are: NaN or None for missing ones, times, exact numbers."""
    if isinstance(labels, Tensor):
        return as_array(labels)
    if frame_of(labels) and _axes(labels) == 2 and len(labels.columns) == 1:
        labels = labels[labels.columns[0]]
    array = np.asarray(labels)
    if array.dtype.kind in _TEXT and not hasattr(labels, "dtype"):  # numpy makes text of a list that holds some
        held = np.asarray(labels, dtype=object)
        array = array if all(isinstance(one, _TEXT[array.dtype.kind]) for one in held.ravel()) else held
    array = kept_as_times(array)
    if isinstance(labels, np.ma.MaskedArray):
        return _without_masked(array, np.ma.getmaskarray(labels))
    rounded = array.dtype.kind == "f" and array.ndim == 1 and not isinstance(labels, np.ndarray)
    if rounded and (np.abs(array) >= EXACT).any():  # pandas, polars and numpy make floats of whole numbers if one lacks
        listed = [None if is_missing(one) else one for one in labels]
        if all(one is None or isinstance(one, Integral) for one in listed):
            return np.array(listed, dtype=object)
    return array


def _without_masked(labels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Labels of which those that are masked are missing: NaN of floats, else None."""
    if not mask.any():
        return labels
    held = labels.copy() if labels.dtype.kind == "f" else labels.astype(object)
    held[mask] = None  # NaN among floats
    return held
