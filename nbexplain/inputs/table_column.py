"""A column of a table as numbers: a category is its position, a time its days, and what is missing NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from nbexplain.inputs.table_times import days_of, like, time_of, time_said

_EXACT = 2.0**53  # from here on not every whole number is a float64


@dataclass(frozen=True)
class Column:
    """A feature: its name, its categories, and what is there where one is missing; a number has none of these.

    `time` is what a number is the days of: `"date"`, `"datetime"`, `"datetime UTC"` (since 1970-01-01), `"duration"`,
    `"time"` (of the day); of `"period M"` it is the number of the period. Empty: it is a number as it stands.
    """

    name: str
    categories: tuple[Any, ...] = ()
    missing: Any = field(default=np.nan, compare=False)
    time: str = ""

    def said(self, value: float) -> str:
        """A value as it is read."""
        if self.categories:
            return str(self.categories[int(value)]) if np.isfinite(value) else "missing"
        if self.time:
            return time_said(self.time, value) if np.isfinite(value) else "missing"
        if np.isnan(value):
            return "missing"
        return f"{value:.4g}".replace("-", "−")


class Known:
    """What numbers stand for where a float64 does not tell it: nanoseconds, large whole numbers, Python's objects."""

    def __init__(self, numbers: np.ndarray, values: np.ndarray) -> None:
        some = np.flatnonzero(~np.isnan(numbers))
        self._numbers, first = np.unique(numbers[some], return_index=True)
        self._values = values[some[first]]

    def put(self, numbers: np.ndarray, made: np.ndarray) -> np.ndarray:
        """`made` with the known values in the place of those that were made of their numbers."""
        if len(self._numbers):
            places = np.searchsorted(self._numbers, numbers).clip(max=len(self._numbers) - 1)
            hit = self._numbers[places] == numbers
            made[hit] = self._values[places[hit]]
        return made


@dataclass(eq=False)
class Coded:
    """A column as it was read.

    Attributes
    ----------
    numbers
        (N,) float64.
    categories
        In their order; None of numbers. `fixed`: no other may be added.
    missing
        What is there where one is missing.
    time
        As in `Column`.
    ticks
        (N,) int64 of a time, so many `per_day`.
    values
        (N,) objects or large whole numbers that the numbers alone do not tell.
    """

    numbers: np.ndarray
    categories: list[Any] | None = None
    fixed: bool = False
    missing: Any = np.nan
    time: str = ""
    per_day: int = 0
    ticks: np.ndarray | None = None
    values: np.ndarray | None = None
    known: Known | None = None

    def add(self, name: str, value: Any) -> float:
        """The number of the row's value, whose category is added where it is new.

        Raises
        ------
        ValueError
            If it is of another kind than those of the background.
        """
        if is_missing(value):
            if not np.isnan(self.numbers).any():
                self.missing = value
            return np.nan
        if self.categories is not None:
            return self._position(name, value)
        if self.time:
            return self._time(name, value)
        if isinstance(value, np.generic):
            value = value.item()
        if not isinstance(value, (Real, Decimal)):
            if not np.isfinite(self.numbers).any() and len(self.numbers):
                raise ValueError(f"row: {name!r} is {value!r}, and the background has no value there that tells a kind")
            raise ValueError(f"row: {name!r} is {value!r}, expected a number as in the background{self._example()}")
        number = float(value)
        if self.values is not None and self.values.dtype == object:
            self._remember(number, value)
        elif isinstance(value, int) and abs(value) >= _EXACT:
            if self.values is not None and len(same := np.flatnonzero(self.values == value)):
                return float(self.numbers[same[0]])
            self._remember(number, value)
        return number

    def _position(self, name: str, value: Any) -> float:
        assert self.categories is not None
        try:
            for position, known in enumerate(self.categories) if len(self.categories) < 100 else ():
                if known == value:
                    return float(position)
            places = {known: position for position, known in enumerate(self.categories)}
            if value in places:
                return float(places[value])
        except TypeError:
            raise ValueError(
                f"row: {name!r} is {value!r}, a {type(value).__name__}; a column holds numbers, times or categories"
            ) from None
        known = ", ".join(map(repr, self.categories[:10])) + ", …" * (len(self.categories) > 10)
        kinds = {type(one) for one in self.categories}
        if self.fixed:
            raise ValueError(f"row: {name!r} is {value!r}, expected one of {known}")
        if len(kinds) == 1 and type(_plain(value)) not in kinds:
            kind = next(iter(kinds)).__name__
            raise ValueError(
                f"row: {name!r} is {value!r}, expected a {kind} as in the background ({known}); try "
                f"{kind}({value!r}), or give the background the row's dtype"
            )
        self.categories.append(_plain(value))
        order = in_order_of_values(self.categories)
        if order is not None:
            ranks = np.empty(len(order))
            ranks[order] = np.arange(len(order))
            some = ~np.isnan(self.numbers)
            self.numbers[some] = ranks[self.numbers[some].astype(np.intp)]
            self.categories = [self.categories[place] for place in order]
            return float(ranks[-1])
        return float(len(self.categories) - 1)

    def _time(self, name: str, value: Any) -> float:
        try:
            ticks, number = days_of(self.time, value, self.per_day)
        except (TypeError, ValueError) as error:
            raise ValueError(f"row: {name!r} is {value!r}, expected a {self.time}{self._example()}: {error}") from None
        if self.values is not None:
            self._remember(number, value)
        elif self.ticks is not None:
            self.ticks = np.append(self.ticks, ticks)
        return number

    def _remember(self, number: float, value: Any) -> None:
        before = self.numbers if self.values is not None else np.empty(0)
        held = self.values if self.values is not None else np.empty(0, dtype=np.int64)
        one = np.empty(1, dtype=held.dtype)
        one[0] = value
        self.known = Known(np.append(before, number), np.concatenate([held, one]))

    def _example(self) -> str:
        known = self.numbers[np.isfinite(self.numbers)]
        return f" (such as {Column('', time=self.time).said(float(known[0]))})" if len(known) else ""

    def done(self, name: str, row: float) -> Column:
        """The column, once the row is in it; what is needed no more is let go."""
        if self.ticks is not None and self.per_day:
            numbers = self.numbers if len(self.ticks) == len(self.numbers) else np.append(self.numbers, row)
            inexact = np.rint(np.nan_to_num(numbers) * self.per_day).astype(np.int64) != self.ticks
            if inexact.any():
                self.known = Known(np.where(inexact, numbers, np.nan), self.ticks)
        if self.values is not None and self.known is None:
            self.known = Known(self.numbers, self.values)
        column = Column(name, tuple(self.categories or ()), self.missing, self.time)
        self.ticks = self.values = self.categories = None
        return column

    def whole(self, numbers: np.ndarray) -> np.ndarray:
        """Ticks, or whole numbers (n,) int64, of numbers none of which is missing."""
        with np.errstate(invalid="ignore", over="ignore"):  # of those that are known it does not matter
            made = np.rint(numbers * (self.per_day or 1)).astype(np.int64)
        return made if self.known is None else self.known.put(numbers, made)

    def objects(self, numbers: np.ndarray, kind: Any) -> np.ndarray:
        """Python's objects (n,) of numbers: those that came, else made like them."""
        made = np.empty(len(numbers), dtype=object)
        made[:] = [self.missing if number != number else like(kind, number, self.time) for number in numbers.tolist()]
        return made if self.known is None else self.known.put(numbers, made)


def are_exact(values: np.ndarray) -> bool:
    """Whether a float64 holds each of these whole numbers."""
    return not values.size or (int(values.max()) <= _EXACT and int(values.min()) >= -_EXACT)


def of_integers(values: np.ndarray) -> Coded:
    """A column of whole numbers, which is told of them again however large they are."""
    if are_exact(values):
        return Coded(values.astype(np.float64))
    each, places = np.unique(values, return_inverse=True)
    numbers = each.astype(np.float64)
    for place in range(1, len(each) if (np.diff(numbers) <= 0).any() else 0):  # so that none is taken for another
        numbers[place] = max(numbers[place], np.nextafter(numbers[place - 1], np.inf))
    return Coded(numbers[places], values=values.copy())


def of_ticks(time: str, ticks: np.ndarray, per_day: int, missing: np.ndarray) -> Coded:
    """A column of times, so many ticks a day; of periods, of which none is a part of a day, 1."""
    numbers = ticks / per_day
    numbers[missing] = np.nan
    return Coded(numbers, time=time, per_day=per_day, ticks=np.where(missing, 0, ticks), missing=None)


def of_objects(values: Sequence[Any], what: str) -> tuple[Coded, Any]:
    """A column of Python's objects: numbers, yes or no, times, or categories; and what kind of object a number is.

    Raises
    ------
    ValueError
        If they are lists, or others that cannot be told apart.
    """
    places: dict[Any, int] = {}
    try:
        codes = np.array([places.setdefault(value, len(places)) for value in values], dtype=np.intp)
    except TypeError:
        odd = next(value for value in values if getattr(type(value), "__hash__", None) is None)
        raise ValueError(
            f"{what} holds a {type(odd).__name__}, {str(odd)[:40]}; a column holds numbers, times or categories"
        ) from None
    return of_uniques(list(places), codes, what)


def of_uniques(uniques: list[Any], codes: np.ndarray, what: str) -> tuple[Coded, Any]:
    """As `of_objects`, where it is known which values there are, and the place of each (N,), -1 where it is missing."""
    gone = [place for place, value in enumerate(uniques) if is_missing(value)]
    missing = uniques[gone[0]] if gone else np.nan
    if gone:
        left = np.full(len(uniques), -1)
        rest = np.setdiff1d(np.arange(len(uniques)), gone)
        left[rest] = np.arange(len(rest))
        codes = np.where(codes < 0, -1, left[codes])
        uniques = [uniques[place] for place in rest]
    kinds = {type(value) for value in uniques}
    known = [value.item() if isinstance(value, np.generic) else value for value in uniques]

    def spread(of_each: np.ndarray) -> np.ndarray:
        if not len(of_each):
            return np.full(len(codes), np.nan)
        return np.where(codes < 0, np.nan, of_each[codes])

    if all(isinstance(v, (Real, Decimal)) and not isinstance(v, (bool, np.bool_)) for v in known):
        held = np.empty(len(codes), dtype=object)
        held[:] = [uniques[code] if code >= 0 else None for code in codes.tolist()]
        kind = next(iter(kinds)) if len(kinds) == 1 else float
        return Coded(spread(np.array([float(v) for v in known])), missing=missing, values=held), kind
    if set(known) <= {False, True}:
        numbers = spread(np.array([float(v) for v in known]))
        return Coded(numbers, [False, True], True, missing), bool
    kind = next(iter(kinds))
    if (time := time_of(kind, uniques)) and len(kinds) == 1:
        numbers = spread(np.array([days_of(time, v, 86_400_000_000)[1] for v in uniques]))
        held = np.empty(len(codes), dtype=object)
        held[:] = [uniques[code] if code >= 0 else None for code in codes.tolist()]
        return Coded(numbers, time=time, per_day=86_400_000_000, missing=missing, values=held), kind
    order = in_order_of_values(uniques)
    if order is not None:
        ranks = np.empty(len(order))
        ranks[order] = np.arange(len(order))
        return Coded(spread(ranks), [known[place] for place in order], missing=missing), None
    return Coded(spread(np.arange(len(known), dtype=np.float64)), known, missing=missing), None


def of_given(uniques: Sequence[Any], codes: np.ndarray, categories: Sequence[Any], what: str) -> Coded:
    """A column whose categories the user has given; `uniques` are the values that there are, -1 a missing one.

    Raises
    ------
    ValueError
        If one of them is no such category.
    """
    places = {value: float(position) for position, value in enumerate(categories)}
    ranks = np.full(len(uniques) + 1, np.nan)  # the last for a code of -1
    missing: Any = np.nan
    for place, value in enumerate(uniques):
        if is_missing(value):
            missing = value
            continue
        if value not in places:
            known = ", ".join(map(repr, categories[:10]))
            raise ValueError(f"{what} is {value!r}, expected one of {known}")
        ranks[place] = places[value]
    return Coded(ranks[codes], list(categories), True, missing)


def in_order_of_values(values: Sequence[Any]) -> np.ndarray | None:
    """The places of values of one kind in their order; None where they have none, and stay as they came."""
    if len({type(value) for value in values}) > 1:
        return None
    try:
        if sorted(values) == list(values):
            return np.arange(len(values))
        return np.array(sorted(range(len(values)), key=values.__getitem__), dtype=np.intp)
    except TypeError:
        return None


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or what pandas has for them."""
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _plain(value: Any) -> Any:
    """Python's own number or string for one of numpy's; times stay what they are."""
    return value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value
