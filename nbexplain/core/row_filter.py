"""RowFilter: which rows of a background are looked at, as a value that can be checked, compared and printed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Annotated, Any

import numpy as np

from nbexplain.inputs.table_column import as_written, is_missing, told_apart, written
from nbexplain.inputs.table_times import plain_time

OF_THE_MODEL = ("predicted", "error", "residual")  # what the scores of all rows are needed for
OF_THE_ROWS = (*OF_THE_MODEL, "label")
COLUMN = "column:"  # before the name of a column that is called like one of these

End = float | str | None  # of a range; a string is a time, as ISO 8601 writes it


@dataclass(frozen=True)
class Values:
    """Values one of which must be there; a set would take True for 1."""

    keys: frozenset[tuple[bool, Any]]

    @classmethod
    def of(cls, values: Iterable[Any]) -> Values:
        """From some values."""
        return cls(frozenset(map(told_apart, values)))

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self.keys)

    def __contains__(self, value: Any) -> bool:
        return told_apart(value) in self.keys

    def __len__(self) -> int:
        return len(self.keys)


Condition = bool | float | tuple[End, End] | Values


@dataclass(frozen=True)
class RowFilter:
    """Conditions that a row must all meet; it prints as the `where=` that makes it again.

    Attributes
    ----------
    conditions
        What is looked at, in alphabetical order, and what of it matches: a range `(low, high)`, both included and None
        for no end; `Values`, of which None is a missing one; for `"error"` True, False or a share of the rows.
    """

    conditions: tuple[tuple[str, Condition], ...] = ()

    @classmethod
    def of(cls, given: Any, name: str = "where") -> RowFilter:
        """From a mapping such as `{"age": (30, 50), "city": {"oslo", "rome"}, "predicted": "cat", "error": True}`.

        Keys are columns, or `"predicted"` (the class with the highest score, or the number that is predicted),
        `"label"` (the right one), `"error"` (True or False; of a regression the share of rows with the largest
        |residual|) and `"residual"` (label − prediction). A tuple is a range; a set, a list or a single value says
        which values match. `"column:label"` is a column that is called so.
        Times come as such, or as ISO 8601 writes them: `("2024-01-01", None)`; intervals as such or as they print.

        Raises
        ------
        TypeError, ValueError
            If a condition cannot be understood, naming it.
        """
        if isinstance(given, cls):
            return given
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            raise TypeError(
                f'{name}: expected a mapping such as {{"age": (30, 50), "city": {{"oslo"}}, "error": True}}, got '
                f"{type(given).__name__}"
            )
        for key in given:
            if not isinstance(key, (str, tuple)):
                raise TypeError(f"{name}: expected the name of a column or one of {_listed(OF_THE_ROWS)}, got {key!r}")
        named = {str(key): value for key, value in given.items()}  # the levels of a pandas MultiIndex are a tuple
        return cls(tuple(sorted((key, _condition(f"{name}[{key!r}]", key, value)) for key, value in named.items())))

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __iter__(self) -> Iterator[tuple[str, Condition]]:
        return iter(self.conditions)

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{key!r}: {said(condition)}' for key, condition in self)}}}"

    def get(self, key: str) -> Condition | None:
        """The condition on one thing, or None."""
        return dict(self.conditions).get(key)

    def put(self, changes: Mapping[str, Any]) -> RowFilter:
        """With other conditions on some things; None takes one away."""
        kept = {**dict(self.conditions), **changes}
        return RowFilter.of({key: value for key, value in kept.items() if value is not None})

    @property
    def of_columns(self) -> RowFilter:
        """The conditions on columns alone."""
        return RowFilter(tuple((key, condition) for key, condition in self if key not in OF_THE_ROWS))

    @property
    def asks_model(self) -> bool:
        """Whether the scores of all rows are needed to know which match."""
        return any(key in OF_THE_MODEL for key, _ in self)


ALL_ROWS = RowFilter()


@dataclass(frozen=True)
class Conditions:
    """A filter of rows, as a declared parameter; no control in the toolbar."""

    help: str
    kinds: tuple[str, ...] = ("table",)

    def check(self, name: str, value: Any, kind: type) -> RowFilter:
        return RowFilter.of(value, name)


Where = Annotated[
    RowFilter,
    Conditions('which rows of the background, such as {"age": (30, 50), "city": {"oslo"}, "error": True}; {}: all'),
]


def column_key(name: str) -> str:
    """How a filter calls a column."""
    return COLUMN + name if name in OF_THE_ROWS or name.startswith(COLUMN) else name


def of_a_column(key: str) -> str:
    """How a column is named that is called like what the model makes of the rows."""
    return f"; a column that is called so is {COLUMN + key!r}"


def column_name(key: str) -> str:
    """The column that a filter calls so."""
    return key.removeprefix(COLUMN)


def said(condition: Condition) -> str:
    """A condition as it is written in Python."""
    if not isinstance(condition, Values):
        return repr(condition)
    values = sorted(condition, key=lambda value: (type(value).__name__, value if _is_number(value) else repr(value)))
    listed = ", ".join(map(written, values))
    return f"{{{listed}}}" if len(set(values)) == len(values) else f"[{listed}]"  # a set has not both 1 and True


def _condition(where: str, key: str, value: Any) -> Condition:
    if key == "error":
        return _error(where, value)
    if isinstance(value, tuple):
        return _range(where, value)
    if key == "residual":
        raise TypeError(f"{where}: expected a range (low, high), got {value!r}{of_a_column(key)}")
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    plain = [_plain(where, one) for one in (value if several else [value])]
    values = Values.of(plain if key in OF_THE_ROWS else map(as_written, plain))
    if not len(values):
        raise ValueError(f"{where}: expected at least one value, got an empty {type(value).__name__}")
    return values


def _error(where: str, value: Any) -> bool | float:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if _is_number(value) and 0 < value < 1:
        return float(value)
    raise ValueError(
        f"{where}: expected True or False, or for a regression the share of rows with the largest |residual|, between "
        f"0 and 1, got {value!r}{of_a_column('error')}"
    )


def _range(where: str, value: tuple[Any, ...]) -> tuple[End, End]:
    expected = (
        f"{where}: expected a range (low, high) of two numbers, two times or None, or a set of values, got {value!r}"
    )
    value = tuple(map(plain_time, value))
    ends = [end for end in value if end is not None]
    if len(value) != 2 or not (all(map(_is_number, ends)) or all(isinstance(end, str) for end in ends)):
        raise TypeError(expected)
    low, high = (None if end is None else _end(end) for end in value)
    if any(isinstance(end, float) and math.isnan(end) for end in (low, high)):
        raise ValueError(expected)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        raise ValueError(f"{where}: expected low ≤ high, got {value!r}")
    return low, high


def _plain(where: str, value: Any) -> Any:
    """A value as Python has it, NaN and the like as None."""
    if is_missing(value):
        return None
    value = plain_time(value)
    value = value.item() if isinstance(value, np.generic) else value
    try:
        hash(value)
    except TypeError as error:
        raise TypeError(f"{where}: expected plain values, got {value!r}") from error
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (Real, np.number)) and not isinstance(value, (bool, np.bool_))


def _end(value: Any) -> End:
    return value if isinstance(value, str) else None if math.isinf(value) else _number(value)


def _number(value: Any) -> float:
    number = value.item() if isinstance(value, np.generic) else value
    return number if isinstance(number, int) else float(number)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
