"""The names of features beside a chart: as many letters as fit, in any script, and which features come first."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

import numpy as np

from nbexplain.widgets.chart_style import number, rounded

_LETTER = 6.4  # pixels, on average
_LONGEST_LABEL = 27  # letters of Latin script
_LONGEST_VALUE = 10
_MOST_DECIMALS = 5
_LEAST = 170  # pixels: as narrow as a chart may be between its margins


def width(text: str) -> int:
    """How many Latin letters take as much room: an ideograph counts for two, an accent for none."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fitted(text: str, most: int) -> str:
    """A text in one line that takes no more room than so many letters, with an ellipsis where it was cut.

    It is cut in the middle: names of one table often begin alike.
    """
    line = " ".join(text.split())
    if width(line) <= most:
        return line
    start, end = line, line
    while start and width(start) > (most - 1) // 2:
        start = start[:-1]
    start = start.rstrip()
    while end and (width(end) > most - 1 - width(start) or not width(end[0])):
        end = end[1:]
    return f"{start}…{end.lstrip()}"


def label(name: str, value: str | None = None, most: int = _LONGEST_LABEL) -> str:
    """What stands beside the bar of a feature: its name, and its value in the row if there is one."""
    if value is None:
        return isolated(fitted(name, most))
    ending = fitted(value, _LONGEST_VALUE)
    return f"{isolated(fitted(name, most - 3 - width(ending)))} = {isolated(ending)}"


def full(name: str, value: str | None = None) -> str:
    """The same uncut, for the pointer."""
    return isolated(name) if value is None else f"{isolated(name)} = {isolated(value)}"


def isolated(text: str) -> str:
    """A text in any script, kept from reordering what stands beside it."""
    return f"\u2068{text}\u2069"


def pixels(texts: Sequence[str]) -> int:
    """About as much room as the longest of them takes."""
    return math.ceil(_LETTER * max(map(width, texts), default=0))


def free(places: np.ndarray, labels: Sequence[str], low: float, high: float) -> int:
    """The pixels of a right margin into which words reach that start at these places of the axis."""
    left = [_LEAST * (high - place) / (high - low) for place in places]
    return max([12, *(round(10 + pixels([each]) - px) for each, px in zip(labels, left))])


def room(labels: Sequence[str]) -> int:
    """The pixels that a chart's left margin needs for them."""
    return 26 + pixels(labels)


def largest(values: np.ndarray) -> list[int]:
    """The numbers of the features, largest |value| first, those without a value last."""
    sizes = np.where(np.isfinite(values), np.abs(values), -1.0)
    return [int(i) for i in np.argsort(-sizes, kind="stable")]


def plus(values: Sequence[float]) -> list[str]:
    """Numbers with their sign, all as exact as three digits of the largest are."""
    return [f"+{word}" if value > 0 else word for word, value in zip(even(values), values)]


def even(values: Sequence[float]) -> list[str]:
    """Numbers with equally many decimals, so that they can be compared below each other."""
    finite = [abs(value) for value in values if np.isfinite(value)]
    largest_ = max(finite, default=0.0)
    decimals = 2 - int(np.floor(np.log10(largest_))) if largest_ else 0
    if not -1 <= decimals <= _MOST_DECIMALS:
        exact = iter(rounded([value for value in values if np.isfinite(value)]))
        return [next(exact) if np.isfinite(value) else number(value) for value in values]
    return [
        f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}".replace("-", "−")
        if np.isfinite(value)
        else number(value)
        for value in values
    ]
