"""Columns of whole numbers, times and Python's objects, as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import tzinfo
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from nbexplain.inputs.table_coded import Coded, in_order_of_values
from nbexplain.inputs.table_column import is_missing, is_yes_or_no, told_apart, written
from nbexplain.inputs.table_exact import EXACT, apart, numbers_of
from nbexplain.inputs.table_missing import nan_of, place_among
from nbexplain.inputs.table_times import DAY, days_of, identity, time_of

_MICROSECONDS = DAY["us"]  # a day

_LARGEST = int(np.finfo(np.float64).max)
_MOST_SIGNS = 40  # of a value that an error shows


def are_exact(values: np.ndarray) -> bool:
    """Whether a float64 holds each of these whole numbers."""
    return not values.size or (int(values.max()) <= EXACT and int(values.min()) >= -EXACT)


def of_integers(values: np.ndarray) -> Coded:
    """A column of whole numbers, which is told of them again however large they are."""
    if are_exact(values):
        return Coded(values.astype(np.float64))
    each, places = np.unique(values, return_inverse=True)
    return Coded(apart(each.astype(np.float64))[places], values=values.copy())


def _apart(numbers: np.ndarray) -> np.ndarray:
    """As `apart`, of numbers (n,) in any order."""
    order, made = np.argsort(numbers, kind="stable"), np.empty_like(numbers)
    made[order] = apart(numbers[order])
    return made


def of_ticks(time: str, ticks: np.ndarray, per_day: int, missing: np.ndarray, zone: tzinfo | None = None) -> Coded:
    """A column of times, so many ticks a day; of periods, of which none is a part of a day, 1."""
    numbers = ticks / per_day
    if per_day > _MICROSECONDS and (ticks[~missing] % (per_day // _MICROSECONDS)).any():  # finer than a float64 is
        each, places = np.unique(ticks, return_inverse=True)
        numbers = _apart(each / per_day)[places]
    numbers[missing] = np.nan
    return Coded(numbers, time=time, per_day=per_day, ticks=np.where(missing, 0, ticks), missing=[None], zone=zone)


def of_objects(values: Sequence[Any], what: str) -> tuple[Coded, Any]:
    """A column of Python's objects: numbers, yes or no, times, or categories; and what kind of object a number is.

    Raises
    ------
    ValueError
        If they are lists, or others that cannot be told apart.
    """
    uniques, codes = different(values, what)
    return of_uniques(uniques, codes, what)


def different(values: Sequence[Any], what: str) -> tuple[list[Any], np.ndarray]:
    """The different ones of Python's objects, among which 1, 1.0 and True are, and the place of each (N,).

    Raises
    ------
    ValueError
        If they are lists, or others that cannot be told apart.
    """
    places: dict[Hashable, int] = {}
    try:
        codes = np.array([places.setdefault(identity(v), len(places)) for v in values], dtype=np.intp)
    except TypeError:
        odd = next(value for value in values if getattr(type(value), "__hash__", None) is None)
        said = str(odd) if len(str(odd)) <= _MOST_SIGNS else f"{str(odd)[:_MOST_SIGNS]}…"
        raise ValueError(
            f"{what} holds a {type(odd).__name__}, {said}; a column holds numbers, times or categories"
        ) from None
    first = np.unique(codes, return_index=True)[1].tolist()
    return [values[place] for place in first], codes


def of_uniques(uniques: list[Any], codes: np.ndarray, what: str) -> tuple[Coded, Any]:
    """As `of_objects`, where it is known which values there are, and the place of each (N,), -1 where it is missing."""
    gone = [place for place, value in enumerate(uniques) if is_missing(value)]
    if odd := next((value for value in uniques if isinstance(value, int) and abs(value) > _LARGEST), None):
        raise ValueError(f"{what} holds {str(odd)[:20]}…, larger than a float64 can be")
    if not gone:
        return _of_known(uniques, codes)
    missing: list[Any] = []
    left, nans = np.full(len(uniques), -1), np.full(len(uniques), np.nan)
    nans[gone] = [nan_of(place_among(missing, uniques[place])) for place in gone]
    rest = np.setdiff1d(np.arange(len(uniques)), gone)
    left[rest] = np.arange(len(rest))
    coded, kind = _of_known([uniques[place] for place in rest], np.where(codes < 0, -1, left[codes]))
    lost = (codes >= 0) & (left[codes] < 0)
    coded.numbers[lost], coded.missing = nans[codes[lost]], missing
    return coded, kind


def _of_known(uniques: list[Any], codes: np.ndarray) -> tuple[Coded, Any]:
    """As `of_uniques`, of values none of which is a missing one."""
    kinds = {type(value) for value in uniques}
    known = [value.item() if isinstance(value, np.generic) else value for value in uniques]

    def spread(of_each: np.ndarray) -> np.ndarray:
        if not len(of_each):
            return np.full(len(codes), np.nan)
        return np.where(codes < 0, np.nan, of_each[codes])

    if all(isinstance(v, (Real, Decimal)) and not is_yes_or_no(v) for v in known):
        held = np.empty(len(codes), dtype=object)
        held[:] = [uniques[code] if code >= 0 else None for code in codes.tolist()]
        kind = next(iter(kinds)) if len(kinds) == 1 else float
        return Coded(spread(numbers_of(known)), values=held), kind
    if kinds <= {bool, np.bool_}:
        numbers = spread(np.array([float(v) for v in known]))
        return Coded(numbers, [False, True], True), bool
    kind = next(iter(kinds))
    if (time := time_of(kind, uniques)) and len(kinds) == 1:
        numbers = spread(_apart(np.array([days_of(time, v, _MICROSECONDS)[1] for v in uniques])))
        held = np.empty(len(codes), dtype=object)
        held[:] = [uniques[code] if code >= 0 else None for code in codes.tolist()]
        return Coded(numbers, time=time, per_day=_MICROSECONDS, values=held), kind
    order = in_order_of_values(uniques)
    if order is not None:
        ranks = np.empty(len(order))
        ranks[order] = np.arange(len(order))
        return Coded(spread(ranks), [known[place] for place in order]), None
    return Coded(spread(np.arange(len(known), dtype=np.float64)), known), None


def of_given(uniques: Sequence[Any], codes: np.ndarray, categories: Sequence[Any], what: str) -> Coded:
    """A column whose categories the user has given; `uniques` are the values that there are, -1 a missing one.

    True is 1 only in a column that has nothing else but yes and no, or no such at all.

    Raises
    ------
    ValueError
        If one of them is no such category.
    """
    places: dict[Hashable, float] = {told_apart(value): float(position) for position, value in enumerate(categories)}
    if len({is_yes_or_no(value) for value in uniques if not is_missing(value)}) < 2:
        places = {value: float(position) for position, value in enumerate(categories)} | places
    ranks = np.full(len(uniques) + 1, np.nan)  # the last for a code of -1
    missing: list[Any] = []
    for place, value in enumerate(uniques):
        if is_missing(value):
            ranks[place] = nan_of(place_among(missing, value))
            continue
        position = places.get(told_apart(value), places.get(value))
        if position is None:
            known = ", ".join(map(written, categories[:10]))
            raise ValueError(f"{what} is {written(value)}, expected one of {known}")
        ranks[place] = position
    name, said = what.partition(": ")[2], ", ".join(map(written, categories))
    more = (f"categories={{{name}: [{said}, ", "]}") if len(categories) <= 10 else None
    return Coded(ranks[codes], list(categories), True, missing or [np.nan], ordered=True, more=more)
