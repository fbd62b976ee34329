"""What is compared of a model's parts: names and values, as they were when they were looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

_NUMBERS = (
    bool,
    int,
    float,
    complex,
    np.bool_,
    np.float64,
    np.float32,
    np.float16,
    np.int64,
    np.int32,
    np.int16,
    np.int8,
)
VALUES = frozenset((*_NUMBERS, np.uint8, type(None), str, np.str_, bytes, range, slice, type(...)))
"""Types of what holds nothing, and is the same where it is equal."""


class Names(dict[Any, Any]):
    """What a part holds: values by name, as they were when it was looked at."""

    grows = ""  # "keys" or "places" where names come and go: of a dictionary, and of a list, in which they also move


class Keys(Names):
    grows = "keys"


class Places(Names):
    grows = "places"


class Measured:
    """What stands for the weights of a part; equal where these are."""

    def __init__(self, told: Any) -> None:
        self.told = told

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measured) and bool(self.told == other.told)

    __hash__ = None  # type: ignore[assignment]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same object, or equal without a doubt."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other) or (kind not in VALUES and kind is not Measured):
        return False
    return bool(one == other or (one != one and other != other))  # NaN
