"""Values that a float64 does not tell apart, such as ids of 19 digits: each as a number of its own, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

EXACT = 2.0**53  # from here on not every whole number is a float64

_SIGN = np.int64(2**63 - 1)


def apart(numbers: np.ndarray) -> np.ndarray:
    """Numbers (n,) in their order, where one is not above the one before the next that a float64 has above that."""
    if not (np.diff(numbers) <= 0).any():
        return numbers
    bits = (numbers + 0.0).view(np.int64)
    places = np.where(bits < 0, bits ^ _SIGN, bits)  # of the float64 along the line
    steps = np.arange(len(numbers))
    places = np.maximum.accumulate(places - steps) + steps
    return np.where(places < 0, places ^ _SIGN, places).view(np.float64)


def numbers_of(values: Sequence[Any]) -> np.ndarray:
    """(n,) float64 of numbers of Python: different ones for different values, in their order.

    Raises
    ------
    OverflowError
        If one is larger than a float64 can be.
    """
    numbers = np.array([float(value) for value in values])
    if len(set(values)) == len(np.unique(numbers)):
        return numbers
    order = sorted(range(len(values)), key=values.__getitem__)
    starts = [0, *(at for at in range(1, len(order)) if values[order[at]] != values[order[at - 1]])]
    different = apart(numbers[[order[at] for at in starts]])
    numbers[order] = np.repeat(different, np.diff([*starts, len(order)]))
    return numbers


def fits(value: int, dtype: Any) -> bool:
    """Whether a dtype of whole numbers has this one."""
    about = np.iinfo(dtype)
    return bool(about.min <= value <= about.max)


class Known:
    """What numbers stand for where a float64 does not tell it: nanoseconds, large whole numbers, Python's objects."""

    def __init__(self, numbers: np.ndarray, values: np.ndarray) -> None:
        some = np.flatnonzero(~np.isnan(numbers))
        self._numbers, first = np.unique(numbers[some], return_index=True)
        self._values = values[some[first]]

    @property
    def whole(self) -> type[np.integer[Any]]:
        """What holds whole numbers as large as these."""
        return np.uint64 if self._values.dtype.kind == "u" else np.int64

    def put(self, numbers: np.ndarray, made: np.ndarray) -> np.ndarray:
        """`made` with the known values in the place of those that were made of their numbers."""
        hit, places = self.find(numbers)
        made[hit] = self._values[places]
        return made

    def number_of(self, value: Any) -> float:
        """The number that stands for a value, NaN if none does."""
        same = np.flatnonzero(self._values == value)
        return float(self._numbers[same[0]]) if len(same) else np.nan

    def value_of(self, number: float) -> Any:
        """The value that a number stands for, itself if it stands for none."""
        hit, places = self.find(np.array([number]))
        return self._values[places].tolist()[0] if hit.any() else number

    def ends_of(self, value: Any) -> tuple[float, float]:
        """The numbers from which and up to which are those of values that are no smaller and no larger than this."""
        above, below, up_to = (
            self._numbers[some] for some in (self._values > value, self._values < value, self._values <= value)
        )
        low = max(float(value), float(np.nextafter(below[-1], np.inf)) if len(below) else -np.inf)
        high = max(float(value), float(up_to[-1]) if len(up_to) else -np.inf)
        return low, min(high, float(np.nextafter(above[0], -np.inf)) if len(above) else np.inf)

    def find(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) which of the numbers are known, and where those are."""
        if not len(self._numbers):
            return np.zeros(len(numbers), dtype=bool), np.zeros(0, dtype=np.intp)
        places = np.searchsorted(self._numbers, numbers).clip(max=len(self._numbers) - 1)
        hit = self._numbers[places] == numbers
        return hit, places[hit]
