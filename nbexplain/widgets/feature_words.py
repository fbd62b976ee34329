"""The names of features beside a chart: as much of them as fits, in any script, and which features come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbexplain.widgets.chart_style import number, rounded
from nbexplain.widgets.text_width import fitted, fitted_apart, width

LONGEST_LABEL = 29  # average Latin letters
_LONGEST_VALUE = 12
_MOST_DECIMALS = 5


def label(name: str, value: str | None = None, most: float = LONGEST_LABEL) -> str:
    """What stands beside the bar of a feature: its name, and its value in the row if there is one."""
    if value is None:
        return isolated(fitted(name, most))
    ending = fitted(value, _LONGEST_VALUE)
    return f"{isolated(fitted(name, most - 3 - width(ending)))} = {isolated(ending)}"


def labels(names: Sequence[str], values: Sequence[str | None] | None = None, most: float = LONGEST_LABEL) -> list[str]:
    """The same for several features, so that names which differ do so where they are cut as well."""
    endings = ["" if value is None else fitted(value, _LONGEST_VALUE) for value in values or [None] * len(names)]
    cut = fitted_apart(names, [most - (3 + width(ending)) * bool(ending) for ending in endings])
    return [isolated(name) + f" = {isolated(ending)}" * bool(ending) for name, ending in zip(cut, endings)]


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
