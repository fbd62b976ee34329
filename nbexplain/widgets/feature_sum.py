"""A score as a sum: the parts of the largest features, the others together, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted
from nbexplain.widgets.chart_style import ACCENT, PLAIN, number
from nbexplain.widgets.feature_rows import checked
from nbexplain.widgets.feature_words import LONGEST_LABEL, full, labels, largest

GREY = "#8a8a8a"
_NOTICED = 1e-6  # of the largest value: a smaller gap is rounding


@dataclass(frozen=True)
class Part:
    """What a feature, or several together, add to the score; `feature` is None for several and for the gap."""

    value: float
    error: float
    label: str
    full: str
    feature: int | None = None
    gap: bool = False


def colour(part: Part) -> str:
    """Of the bar: what raises the score, what lowers it, and what is missing."""
    return GREY if part.gap else ACCENT if part.value > 0 else PLAIN


def base_rows(explanation: Explanation) -> int | None:
    """Over how many rows of the background the base is the mean score, where the answer tells."""
    rows = explanation.details.get("background rows")
    return None if rows is None else int(rows)


def base_value(base: float, over: int | None, written: str = "") -> str:
    """`base value 0.389 over 50 rows`: the mean score of so many rows, where that is told; `written` is the number."""
    return f"base value {written or number(base)}" + (f" over {counted(over, 'row')}" if over is not None else "")


def limits(places: Sequence[float]) -> tuple[float, float]:
    """The ends of a scale for all that is finite, with a little room beyond."""
    finite = [float(place) for place in places if np.isfinite(place)] or [0.0]
    low, high = min(finite), max(finite)
    free = 0.04 * (high - low) or 1.0
    return low - free, high + free


def parts_of(
    names: Sequence[str],
    values: Sequence[float] | np.ndarray,
    shown_values: Sequence[str] | None,
    base: float,
    score: float,
    errors: Sequence[float] | np.ndarray | None,
    top: int,
    by_sign: bool = False,
    most: float = LONGEST_LABEL,
) -> list[Part]:
    """The parts in the order in which they are drawn: largest first, then the others, then the gap.

    With `by_sign` the others are two parts, those that raise the score and those that lower it. Labels have at most
    `most` average letters. What does not add up to the score is always a part, unless it is rounding.

    Raises
    ------
    ValueError
        If there are not as many values, shown values or errors as names, or `top` is less than 1.
    """
    count = len(names)
    numbers = checked("values", values, count)
    deviations = np.full(count, np.nan) if errors is None else checked("errors", errors, count)
    if shown_values is not None and len(shown_values) != count:
        raise ValueError(f"shown_values: expected one for each of {count} features, got {len(shown_values)}")
    if top < 1:
        raise ValueError(f"top: expected at least 1, got {top}")
    order = largest(numbers)
    own, others = order[:top], order[top:]
    if len(others) == 1:  # its name says more than "1 other"
        own, others = order, []
    parts = []
    shown = [None if shown_values is None else shown_values[i] for i in own]
    for i, each, named in zip(own, shown, labels([names[i] for i in own], shown, most)):
        parts.append(Part(float(numbers[i]), float(deviations[i]), named, full(names[i], each), feature=i))
    groups = [[i for i in others if numbers[i] > 0], [i for i in others if not numbers[i] > 0]]
    for group in groups if by_sign else [others]:
        if group:
            together = counted(len(group), "other")
            parts.append(Part(float(np.nansum(numbers[group])), np.nan, together, together))
    gap = score - base - float(np.nansum(numbers))
    scale = max(np.abs(np.nan_to_num(numbers)).max(initial=0.0), abs(score), abs(base))  # what rounding goes by
    if abs(gap) > _NOTICED * scale:
        parts.append(Part(gap, np.nan, "gap", "gap: what the values leave open", gap=True))
    return parts
