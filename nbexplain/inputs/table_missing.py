"""What is missing in a column where that may be None, NaN or pandas.NA: a NaN tells which of them it stands for."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_NAN = 0x7FF8000000000000  # numpy's own, whose lowest bits are free: copies of an array keep them
_BITS = 0xFF


def nan_of(kind: int) -> float:
    """The NaN that stands for what is missing of so many kinds, counted from 0: of numpy's own."""
    number: float = struct.unpack("d", struct.pack("Q", _NAN | min(kind, _BITS)))[0]
    return number


def kinds_of(numbers: np.ndarray) -> np.ndarray:
    """(n,) which kinds NaN (n,) stand for."""
    bits = np.ascontiguousarray(numbers, dtype=np.float64).view(np.uint64)
    return (bits & np.uint64(_BITS)).astype(np.intp)


def place_among(kinds: list[Any], value: Any) -> int:
    """Which of the kinds what is missing is of; a new one is added."""
    for place, kind in enumerate(kinds):
        if type(kind) is type(value):
            return place
    kinds.append(value)
    return len(kinds) - 1
