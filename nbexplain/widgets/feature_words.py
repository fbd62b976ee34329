"""The names of features beside a chart: as much of them as fits, in any script, and which features come first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from nbexplain.widgets.chart_style import number, rounded
from nbexplain.widgets.text_width import fitted, fitted_apart, width

LONGEST_LABEL = 29  # average Latin letters
_LONGEST_VALUE = 12
_LEAST_NAMES = (5.0, 3.5)  # letters of a name in a condition: to be known by, and where nothing else helps
_BELOW, _SIGNS = " < ", (" ≤ ", " > ")
_TIME = re.compile(r"\d{4}-\d\d(?!\d)")  # as ISO 8601 begins
_MOST_DECIMALS = 5
_ROUNDING = 1e-9  # of the largest number: what is less is none


def label(name: str, value: str | None = None, most: float = LONGEST_LABEL) -> str:
    """What stands beside the bar of a feature: its name, and its value in the row if there is one."""
    if value is None:
        return isolated(fitted(name, most))
    ending = fitted(value, _LONGEST_VALUE)
    return f"{isolated(fitted(name, most - 3 - width(ending)))} = {isolated(ending)}"


def labels(
    names: Sequence[str],
    values: Sequence[str | None] | None = None,
    most: float = LONGEST_LABEL,
    conditions: Sequence[str] | None = None,
) -> list[str]:
    """The same for several features, so that names which differ do so where they are cut as well.

    Of `conditions` such as `"0.2 < size ≤ 0.4"` the ends stay and the name is cut; where that leaves too little of it,
    the ends are cut as well: times to their day, to their month or to what differs, and to their year at last.
    """
    around = []
    for place, name in enumerate(names):
        value = None if values is None else values[place]
        ending = "" if value is None else f" = {isolated(fitted(value, _LONGEST_VALUE))}"
        ends = _ends_of(conditions[place], name) if conditions is not None else None
        around.append(("", ending) if ends is None else _cut_ends(*ends, name, most))
    room = [most - width(before + after) for before, after in around]
    # how little room a name has that fits is nothing to go by for the others
    cut = fitted_apart(names, [most if width(name) <= each else each for name, each in zip(names, room)])
    return [f"{before}{isolated(name)}{after}" for name, (before, after) in zip(cut, around)]


def _ends_of(condition: str, name: str) -> tuple[str, str] | None:
    """What stands before and after the name in a condition on a range of numbers; None where it is another one."""
    for start in range(len(condition) - len(name) + 1):
        before, after = condition[:start], condition[start + len(name) :]
        if (
            condition.startswith(name, start)
            and (not before or before.endswith(_BELOW))
            and after[: len(_BELOW)] in _SIGNS
        ):
            return before, after
    return None


def _cut_ends(before: str, after: str, name: str, most: float) -> tuple[str, str]:
    """As much of what stands before and after a name as leaves room for some of the name."""
    below, sign = before[-len(_BELOW) :], after[: len(_BELOW)]
    ends = before.removesuffix(_BELOW), after.removeprefix(sign)
    free, whole = most - width(below + sign), width(name)
    day, month, year = ((_to_field(ends[0], fields), _to_field(ends[1], fields)) for fields in (3, 2, 1))
    plain_month = month[0].removesuffix("…"), month[1].removesuffix("…")  # a year would read as the very bound
    told = [way for way in (ends, day, month, _from_difference(*ends), plain_month, year) if way[0] != way[1]]
    some, few = (min(letters, whole) for letters in _LEAST_NAMES)
    levels = [(whole, (ends, day)), (some, told), (few, told)]  # nobody misses what is finer than a day
    fit = (way for least, ways in levels for way in ways if way in told and free - width("".join(way)) >= least)
    low, high = next(fit, None) or fitted_apart(ends, [(free - some) / (1 + bool(before))] * 2)
    return low + below, sign + high


def _to_field(end: str, fields: int) -> str:
    """A time without what is finer than its year, month or day; other ends as they are."""
    if not _TIME.match(end):
        return end
    cut = "-".join(re.split("[-T ]", end)[:fields])
    return end if cut == end else f"{cut}…"


def _from_difference(low: str, high: str) -> tuple[str, str]:
    """Two times without the fields at their start that are the same; other ends as they are."""
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high)))
    cut = max(low.rfind(sign, 0, shared) for sign in "-T :") + 1
    return (f"…{low[cut:]}", f"…{high[cut:]}") if cut and _TIME.match(low) else (low, high)


def full(name: str, value: str | None = None) -> str:
    """The same uncut, for the pointer."""
    return isolated(name) if value is None else f"{isolated(name)} = {isolated(value)}"


def isolated(text: str) -> str:
    """A text in any script, kept from reordering what stands beside it."""
    return f"\u2068{text}\u2069"


def largest(values: np.ndarray) -> list[int]:
    """The numbers of the features, largest |value| first, those without a value last."""
    sizes = np.where(np.isfinite(values), np.abs(values), -1.0)
    return [int(i) for i in np.argsort(-sizes, kind="stable")]


def plus(values: Sequence[float]) -> list[str]:
    """Numbers with their sign, all as exact as three digits of the largest are."""
    return [f"+{word}" if value > 0 else word for word, value in zip(even(values), values)]


def even(values: Sequence[float]) -> list[str]:
    """Numbers with equally many decimals, so that they can be compared; one that would read 0.00 by its first digit.

    Where different ones would read the same, these and all smaller ones have a decimal more.
    """
    finite = [abs(value) for value in values if np.isfinite(value)]
    largest_ = max(finite, default=0.0)
    decimals = 2 - int(np.floor(np.log10(largest_))) if largest_ else 0
    if not -1 <= decimals <= _MOST_DECIMALS:
        exact = iter(rounded([value for value in values if np.isfinite(value)]))
        return [next(exact) if np.isfinite(value) else number(value) for value in values]
    nothing = _ROUNDING * largest_
    texts = [_written(value, decimals, nothing) for value in values]
    read: dict[str, list[float]] = {}
    for text, value in zip(texts, values):
        read.setdefault(text, []).append(value)
    alike = max((max(map(abs, same)) for same in read.values() if max(same) - min(same) > nothing), default=0.0)
    more = [decimals + (decimals < _MOST_DECIMALS and nothing < abs(value) <= alike) for value in values]
    return [_written(value, each, nothing) for value, each in zip(values, more)]


def _written(value: float, decimals: int, nothing: float) -> str:
    if not np.isfinite(value):
        return number(value)
    if not round(value, decimals) and abs(value) > nothing:  # else all small ones would read 0.00
        return f"{value:.1g}".replace("-", "−")
    return f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}".replace("-", "−")
