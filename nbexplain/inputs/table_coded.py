"""A column of a table as numbers: a category is its position, a time its days, and what is missing NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from nbexplain.inputs import table_advice as advice
from nbexplain.inputs.table_column import Column, as_written, is_missing, of_one_kind, told_apart, written
from nbexplain.inputs.table_exact import EXACT, Known, fits, numbers_of
from nbexplain.inputs.table_missing import kinds_of, nan_of, place_among
from nbexplain.inputs.table_times import DAY, days_of, exists, identity, like, limits_of, plain_time


@dataclass(eq=False)
class Coded:
    """A column as it was read.

    Attributes
    ----------
    numbers
        (N,) float64.
    categories
        In their order; None of numbers. `fixed`: no other may be added, but by what stands in `more`: before and after
        that other.
    missing
        What is there where one is missing: of each kind one, such as None and NaN, which NaN of their own stand for.
    open
        Whether the row may bring another kind of what is missing.
    time
        As in `Column`.
    ticks
        (N,) int64 of a time, so many `per_day`.
    values
        (N,) objects or large whole numbers that the numbers alone do not tell.
    zone
        Of the times, where they all have the same.
    ordered
        As in `Column`.
    """

    numbers: np.ndarray
    categories: list[Any] | None = None
    fixed: bool = False
    missing: list[Any] = field(default_factory=lambda: [np.nan])
    open: bool = False
    time: str = ""
    per_day: int = 0
    ticks: np.ndarray | None = None
    values: np.ndarray | None = None
    known: Known | None = None
    zone: tzinfo | None = None
    ordered: bool = False
    more: tuple[str, str] | None = None

    def add(self, name: str, value: Any) -> float:
        """The number of the row's value, whose category is added where it is new.

        Raises
        ------
        ValueError
            If it is of another kind than those of the background.
        """
        if is_missing(value):
            if not np.isnan(self.numbers).any():
                self.missing = [value]
            return nan_of(place_among(self.missing, value) if self.open else 0)
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
        try:
            number = float(value)
        except OverflowError:
            raise ValueError(f"row: {name!r} is {str(value)[:20]}…, larger than a float64 can be") from None
        if isinstance(value, float) and EXACT <= abs(value) < np.inf and self._all_whole:
            return self._rounded(name, value)
        if self.values is not None and self.values.dtype == object:
            kinds = {type(one) for one in self.values if one is not None}
            kind = next(iter(kinds)) if len(kinds) == 1 else type(value)
            if isinstance(value, int) and issubclass(kind, np.integer) and fits(value, kind):
                value = kind(value)
            if type(value) is kind:  # else the model gets the number as one of theirs
                return self._told(number, value)
        elif isinstance(value, int) and abs(value) >= EXACT:
            return self._told(number, value)
        return number

    @property
    def _all_whole(self) -> bool:
        """Whether the column holds whole numbers alone, of which a float64 does not tell some apart."""
        if self.values is None or self.values.dtype != object:
            return self.values is not None
        known = [one for one in self.values if one is not None]
        return all(isinstance(one, Integral) for one in known) and any(abs(one) >= EXACT for one in known)

    def _rounded(self, name: str, value: float) -> float:
        """The number of the one value of the background that is rounded to this float."""
        there = ~np.isnan(self.numbers)
        assert self.values is not None
        same = np.unique(self.numbers[there][self.values[there].astype(np.float64) == value])
        if len(same) == 1:
            return float(same[0])
        found = f"{len(same)} numbers of the background are" if len(same) else "none of the background is"
        raise ValueError(
            f"row: {name!r} is {value!r}, a float that {found} rounded to, expected a whole number; a table of one row "
            f"keeps it exact, row=table.iloc[[0]] and not table.iloc[0]; if it is the very number: {int(value)}"
        )

    def _told(self, number: float, value: Any) -> float:
        """The number of the row's value, which no other value has, and which stands for it from now on."""
        there = np.flatnonzero(~np.isnan(self.numbers))
        if self.values is not None and len(same := there[self.values[there] == value]):
            return float(self.numbers[same[0]])
        if (self.numbers == number).any():
            if self.values is not None:
                own = numbers_of([*self.values[there].tolist(), value])
                self.numbers[there], number = own[:-1], float(own[-1])
            elif value != number:
                number = float(np.nextafter(number, np.inf if value > number else -np.inf))
        dtype = np.dtype(np.int64) if self.values is None else self.values.dtype
        if dtype.kind == "O" or fits(value, dtype):
            self._remember(number, value)
        return number

    def _position(self, name: str, value: Any) -> float:
        assert self.categories is not None
        try:
            few = len(self.categories) < 100
            same = [at for at, known in enumerate(self.categories) if known == value] if few else []
            for key in (identity, told_apart, *([_itself] if of_one_kind(self.categories) else [])):
                some = reversed(same if few else range(len(self.categories)))  # of several the first
                places = {key(self.categories[position]): position for position in some}
                if (found := places.get(key(value))) is not None:
                    return float(found)
        except TypeError:
            raise ValueError(
                f"row: {name!r} is {value!r}, a {type(value).__name__}; a column holds numbers, times or categories"
            ) from None
        kinds = {type(one) for one in self.categories}
        if isinstance(value, str) and kinds != {str}:  # an interval or a time, as it is written
            same = [position for position, known in enumerate(self.categories) if as_written(known) == value]
            if same:
                return float(same[0])
        known = ", ".join(map(written, self.categories[:10])) + ", …" * (len(self.categories) > 10)
        if self.fixed:
            fits = type(_plain(value)) in kinds and isinstance(as_written(value), (str, int, float))
            way = f"; if the model takes it: {repr(_plain(value)).join(self.more)}" if self.more and fits else ""
            raise ValueError(f"row: {name!r} is {written(value)}, expected one of {known}{way}")
        if len(kinds) == 1 and type(_plain(value)) not in kinds:
            kind = next(iter(kinds))
            article = "an" if kind.__name__[0] in "AEIOUaeiou" else "a"
            raise ValueError(
                f"row: {name!r} is {value!r}, expected {article} {kind.__name__} as in the background ({known}); "
                f"{advice.as_kind(value, kind)} the background the row's dtype"
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
        self._find_zone()
        try:
            ticks, number = days_of(self.time, value, self.per_day, self.zone)
            if self.values is None and isinstance(value, datetime) and not exists(value):
                raise ValueError(f"there is no such time in {value.tzinfo}, where the clocks were put forward then")
        except (TypeError, ValueError) as error:
            raise ValueError(f"row: {name!r} is {value!r}, expected a {self.time}{self._example()}: {error}") from None
        near = np.flatnonzero(np.abs(self.numbers - number) <= 1 / DAY["us"])
        same = next((place for place in near.tolist() if self._is_at(place, value, ticks)), None)
        if same is not None:
            return float(self.numbers[same])
        while number in self.numbers:  # so that neither is taken for the other
            number = float(np.nextafter(number, np.inf))
        if self.values is None and self.ticks is not None:
            self.ticks = np.append(self.ticks, ticks)
        elif not isinstance(value, str):  # of which one like the others is made
            self._remember(number, value)
        return number

    def _is_at(self, place: int, value: Any, ticks: int) -> bool:
        """Whether a time is that in a row."""
        if self.values is None:
            return self.ticks is not None and bool(self.ticks[place] == ticks)
        one = self.values[place]
        if not isinstance(value, str):
            return identity(one) == identity(value)
        there = self.zone is not None or self.time != "datetime UTC"  # so that a string tells what the clocks show
        shown = there and (not isinstance(one, datetime) or exists(one))
        return bool(plain_time(one) == value or (shown and days_of(self.time, one, self.per_day)[0] == ticks))

    def _find_zone(self) -> None:
        if self.time == "datetime UTC" and self.values is not None:
            zones = {str(one.tzinfo): one.tzinfo for one in self.values if one is not None}
            self.zone = next(iter(zones.values())) if len(zones) == 1 else None

    def _remember(self, number: float, value: Any) -> None:
        before = self.numbers if self.values is not None else np.empty(0)
        held = self.values if self.values is not None else np.empty(0, dtype=np.int64)
        one = np.empty(1, dtype=held.dtype)
        one[0] = value
        self.known = Known(np.append(before, number), np.concatenate([held, one]))

    @property
    def limits(self) -> tuple[float, float]:
        """From where to where its numbers can lie: of times, which end, those that can be made."""
        return limits_of(self.time, self.per_day) if self.time else (-np.inf, np.inf)

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
        self._find_zone()
        column = Column(name, tuple(self.categories or ()), self.missing[0], self.time, self.zone, self.ordered)
        self.ticks = self.values = self.categories = None
        return column

    def are_whole(self, numbers: np.ndarray, dtype: Any) -> bool:
        """Whether numbers (n,) stand for whole ones that a dtype has room for; of none of whole numbers, an int64."""
        about = np.iinfo(f"{dtype.kind}{dtype.itemsize}" if dtype.kind in "iu" else np.int64)
        plain = (numbers == np.rint(numbers)) & (numbers >= float(about.min)) & (numbers < float(int(about.max) + 1))
        return bool((plain if self.known is None else plain | self.known.find(numbers)[0]).all())

    def whole(self, numbers: np.ndarray) -> np.ndarray:
        """Ticks, or whole numbers (n,) int64 or uint64, of numbers none of which is missing."""
        with np.errstate(invalid="ignore", over="ignore"):  # of those that are known it does not matter
            dtype = np.int64 if self.known is None else self.known.whole
            made = np.rint(numbers * (self.per_day or 1)).astype(dtype)
        return made if self.known is None else self.known.put(numbers, made)

    def objects(self, numbers: np.ndarray, kind: Any) -> np.ndarray:
        """Python's objects (n,) of numbers: those that came, else made like them."""
        made = np.empty(len(numbers), dtype=object)
        gone = np.isnan(numbers)
        new = ~gone if self.known is None else ~(gone | self.known.find(numbers)[0])  # the last moment has none like it
        made[new] = [like(kind, number, self.time) for number in numbers[new].tolist()]
        if self.zone is not None:
            made[new] = [one.astimezone(self.zone) for one in made[new]]
        if gone.any():
            made[gone] = self.gone(numbers[gone])
        return made if self.known is None else self.known.put(numbers, made)

    def gone(self, numbers: np.ndarray) -> np.ndarray:
        """What is there (n,) where numbers (n,) are NaN."""
        kinds = np.empty(len(self.missing), dtype=object)
        kinds[:] = self.missing
        return kinds[self.kinds(numbers)]

    def kinds(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) which of what is missing NaN (n,) stand for: 0 for those that the user's own numbers hold."""
        places = kinds_of(numbers)
        return np.where(places < len(self.missing), places, 0)


def _itself(value: Any) -> Any:
    """True is 1, and so are 1.0 and Decimal(1)."""
    return value


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


def _plain(value: Any) -> Any:
    """Python's own number or string for one of numpy's; times stay what they are."""
    return value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value
