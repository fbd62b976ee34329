"""Numbers of which a float64 does not tell one from the next, such as ids of 19 digits: each as one of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
