"""Classes that are called by numbers, such as those of the labels 1, 2 and 3."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nbexplain.inputs.table_column import told_apart

_NUMBER = re.compile(r"(?:class )?(?:([+-]?\d+)|([+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?)|(True|False))", re.ASCII)


def number_called(name: str) -> int | float | bool | None:
    """The number that a class is called by, such as 1 of `"1"` and `"class 1"`, True of `"True"`; None of a word."""
    found = _NUMBER.fullmatch(name)
    if found is None:
        return None
    whole, broken, yes = found.groups()
    return int(whole) if whole else float(broken) if broken else yes == "True"


def plain_name(name: str) -> str:
    """A name, so that 1, 1.0 and True are the same."""
    number = number_called(name)
    if number is None:
        return name
    return str(int(number)) if number in (0, 1) or float(number).is_integer() else str(number)


def values_called(names: Sequence[str]) -> list[Any]:
    """What labels call classes that are known by their names alone: by their places, unless another number is a name.

    Where the name of one is a number that is not its place, each is meant by the number that it is called, or else by
    its name: of `("1", "0")` the first by 1, not by 0. Two that are called by the same number are meant by neither.
    """
    numbers = [number_called(name) for name in names]
    if all(number is None or number == place for place, number in enumerate(numbers)):
        return list(range(len(names)))
    known = [told_apart(number) for number in numbers]
    return [
        name if number is None or known.count(told_apart(number)) > 1 else number
        for name, number in zip(names, numbers, strict=True)
    ]
