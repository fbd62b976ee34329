"""A column of a table, as a model's features are named, and what counts as missing in it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from nbexplain.inputs.table_times import plain_time, time_said, time_written


@dataclass(frozen=True)
class Column:
    """A feature: its name, its categories, and what is there where one is missing; a number has none of these.

    `time` is what a number is the days of: `"date"`, `"datetime"`, `"datetime UTC"` (since 1970-01-01), `"duration"`,
    `"time"` (of the day); of `"period M"` it is the number of the period. Empty: it is a number as it stands. `zone` is
    that of the times as they came, where they have one. `ordered`: the categories have an order of their own, as those
    that pandas calls so, polars' Enum, and those that are told.
    """

    name: str
    categories: tuple[Any, ...] = ()
    missing: Any = field(default=np.nan, compare=False)
    time: str = ""
    zone: tzinfo | None = field(default=None, compare=False)
    ordered: bool = field(default=False, compare=False)

    def said(self, value: float) -> str:
        """A value as it is read."""
        if self.categories:
            if not np.isfinite(value):
                return missing_said(self.categories)
            return self._told_apart[int(value)] if self._told_apart else str(self.categories[int(value)])
        if self.time:
            return time_said(self.time, value) if np.isfinite(value) else "missing"
        if np.isnan(value):
            return "missing"
        written = f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"  # no income is read as 4.125e+04
        return written.replace("-", "−")

    def said_apart(self, values: Sequence[float]) -> list[str]:
        """Values as they are read, with as much more of each as it takes to tell different ones apart."""
        said = [self.said(value) for value in values]
        if self.categories or len(set(said)) == len(set(values)) or not np.isfinite(values).all():
            return said
        if self.time in ("", "duration"):
            more = [number.replace(",", "") for number in numbers_apart(values)]
            return [f"{number} d" for number in more] if self.time else more
        return [str(time_written(self.time, value)) for value in values]

    @property
    def has_order(self) -> bool:
        """Whether a higher value is more of something: of categories, where they are rising numbers, or `ordered`."""
        numbers = all(isinstance(value, (bool, int, float)) for value in self.categories)
        return self.ordered or (numbers and sorted(self.categories) == list(self.categories))

    @functools.cached_property
    def _told_apart(self) -> list[str]:
        """What categories of several kinds are called, such as 1 beside '1'; none of one kind, which are as written."""
        return [] if of_one_kind(self.categories) else names_of(self.categories)


def _grouped(number: float, digits: int) -> str:
    return f"{number:,.{digits}g}" if abs(number) < 10**digits else f"{number:,.0f}"


def numbers_apart(
    numbers: Sequence[float], digits: int = 3, written: Callable[[float, int], str] = _grouped
) -> list[str]:
    """Numbers as they are read, written with so many digits, and as many more as it takes to tell them apart."""
    for count in range(digits, 18):
        said = [written(number, count) for number in numbers]
        if len(set(said)) == len(set(numbers)):
            break
    return [number.replace("-", "−") for number in said]


def missing_said(categories: Iterable[Any]) -> str:
    """What is called that a value is missing: so that no category is."""
    return "no value" if "missing" in map(str, categories) else "missing"


def names_of(labels: Iterable[Any]) -> list[str]:
    """What columns are called; of 1 beside '1', and others that are written alike, 1 and "'1'"."""
    said = [(label, str(label)) for label in labels]
    different = Counter(text for _, text in {repr(label): (label, text) for label, text in said}.values())
    return [text if different[text] == 1 else repr(label) for label, text in said]


def as_written(value: Any) -> Any:
    """A category as it is written without an import: intervals and other objects as they print, times as `plain_time`.

    What stands for itself in Python, such as strings, numbers and tuples, stays.
    """
    value = plain_time(value)
    return value if value is None or isinstance(value, (str, bytes, Real, tuple, frozenset)) else str(value)


def written(value: Any) -> str:
    """A category as it is named in an error: so that it can be pasted."""
    return repr(as_written(value))


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or what pandas has for them."""
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def is_yes_or_no(value: Any) -> bool:
    """Whether it is True or False, and not the 1 or 0 that these are equal to."""
    return isinstance(value, (bool, np.bool_))


def told_apart(value: Any) -> tuple[bool, Any]:
    """Equal for values that are the same one: True is another than 1; 1 and 1.0 are the same."""
    return is_yes_or_no(value), value


def key_among(values: Iterable[Any]) -> Callable[[Any], Any]:
    """By what one of these values is looked up: itself, or as it is told apart where they are of several kinds."""
    return (lambda value: value) if of_one_kind(values) else told_apart


def of_one_kind(values: Iterable[Any]) -> bool:
    """Whether values have the same type, of which True may then be said for 1."""
    return len(set(map(type, values))) < 2
