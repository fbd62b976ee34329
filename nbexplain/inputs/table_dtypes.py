"""Numbers in the dtypes of pandas, wherever these can hold them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from nbexplain.inputs.table_coded import Coded
from nbexplain.inputs.table_column import is_missing
from nbexplain.inputs.table_times import DAY


def cast(numbers: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray | None:
    """A copy in one of numpy's dtypes, if that can hold them."""
    if dtype.kind not in "fiu":
        return None
    with np.errstate(invalid="ignore", over="ignore"):  # what it cannot hold is seen from what came of it
        made: np.ndarray = numbers.astype(dtype)
    if dtype.kind == "f":  # 1e300 would be an infinite float32
        return None if dtype.itemsize < 8 and (np.isinf(made) > np.isinf(numbers)).any() else made
    return made if bool((made == numbers).all()) else None


def floats(dtype: Any) -> np.dtype[Any]:
    """In which floats numbers of a dtype are compared: their own where these are shorter, else those of 64 bits."""
    return np.dtype(f"f{dtype.itemsize}" if dtype.kind == "f" and dtype.itemsize < 8 else np.float64)


def floats_of(kinds: Collection[Any]) -> np.dtype[Any]:
    """As `floats`, of Python's objects of these kinds."""
    one = next(iter(kinds)) if len(kinds) == 1 else None
    return floats(np.dtype(one)) if isinstance(one, type) and issubclass(one, np.floating) else np.dtype(np.float64)


def number(values: np.ndarray, dtype: Any) -> Any:
    """Numbers in the user's dtype, or as they are where that cannot hold them."""
    values = values.copy()
    if dtype is None or isinstance(dtype, np.dtype):
        made = None if dtype is None else cast(values, dtype)
        return values if made is None else made
    import pandas

    if dtype.kind in "iu" and not np.array_equal(np.trunc(values), values, equal_nan=True):
        return values
    try:
        held = pandas.Series(values).astype(dtype).array
    except (TypeError, ValueError):  # 300 in pandas' Int8
        return values
    if dtype.kind == "f" and (np.isinf(held.to_numpy(np.float64, na_value=np.nan)) > np.isinf(values)).any():
        return values
    return held if dtype.kind in "fiu" else values


def large_numbers(coded: Coded, numbers: np.ndarray, dtype: Any) -> Any:
    """Whole numbers that a float64 does not hold, in the user's dtype; None where that cannot hold these."""
    import pandas

    gone = np.isnan(numbers)
    if (gone.any() and isinstance(dtype, np.dtype)) or not coded.are_whole(numbers[~gone], dtype):
        return None
    held = pandas.Series(coded.whole(np.where(gone, 0, numbers))).astype(dtype)
    return held.mask(gone).array if gone.any() else held.array


def times(what: str, numbers: np.ndarray, coded: Coded, dtype: Any) -> Any:
    """Times in the user's dtype, each to its finest unit."""
    import pandas

    gone = np.isnan(numbers)
    ticks = coded.whole(np.where(gone, 0, numbers))
    ticks[gone] = np.iinfo(np.int64).min
    if what.startswith("period"):
        return pandas.PeriodIndex.from_ordinals(ticks, freq=dtype.freq).array
    unit = next(unit for unit, count in DAY.items() if count == coded.per_day)
    values = ticks.view(f"{dtype.kind}8[{unit}]")
    if isinstance(dtype, np.dtype):
        return values
    if getattr(dtype, "tz", None) is not None:
        return pandas.DatetimeIndex(values).tz_localize("UTC").tz_convert(dtype.tz).array
    return pandas.Series(values).astype(dtype).array


def objects(values: np.ndarray, dtype: Any) -> Any:
    """Python's objects in the user's dtype, or as they are where that cannot hold them."""
    import pandas

    try:
        return pandas.Series(values, dtype=dtype)
    except (TypeError, ValueError, ArithmeticError):
        return pandas.Series(values, dtype=object)


def no_category(numbers: np.ndarray, dtype: Any) -> Any:
    """A column of a dtype that has no categories: all of it is missing; numbers stay where they are some."""
    import pandas

    return pandas.Categorical.from_codes([-1] * len(numbers), dtype=dtype) if np.isnan(numbers).all() else numbers


def categories(dtype: Any, values: Sequence[Any]) -> Any:
    """Categories in the user's dtype, or as pandas takes them where that would change them."""
    import pandas

    try:
        held = pandas.Series(values, dtype=dtype)
        if (made := held.tolist()) != list(values):  # the quick way; a NaN is not equal to another
            same = (is_missing(now) if is_missing(v) else v == now for v, now in zip(values, made, strict=True))
            held = held if all(same) else pandas.Series(values)
    except (TypeError, ValueError):
        held = pandas.Series(values)
    return held.to_numpy() if isinstance(held.dtype, np.dtype) else held.array


def plain_label(label: Any) -> Any:
    """The label of a column as it is written without an import, None where it cannot be, as of a time."""
    if isinstance(label, tuple):
        levels = tuple(plain_label(level) for level in label)
        return None if None in levels else levels
    plain = label.item() if isinstance(label, np.generic) and label.dtype.kind not in "mM" else label
    return plain if type(plain) in (str, int, float, bool) and plain == plain else None
