"""What a figure says about an explanation: the title as on screen, and what it takes to compute it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbexplain.core.dataset.importance import of_target
from nbexplain.core.explanation import Explanation
from nbexplain.core.model.region import Region
from nbexplain.core.registry import METHODS
from nbexplain.core.row_filter import ALL_ROWS
from nbexplain.core.target import name_of

AXIS_ENDS = ("x_low", "x_high", "y_low", "y_high")  # details of a plane that stand along its axes
_DRAWN = {*AXIS_ENDS, "boundary"}  # ... and that are said beside its picture


def rounded(value: float, digits: int = 3) -> str:
    """A number in at most `digits` significant digits, with a true minus sign (as js/src/format.ts)."""
    size, value = abs(value), value + 0.0  # −0 is 0
    if 0 < size < 1e-3 or size >= 1e5:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{float(f'{value:.{digits}g}'):.12g}"
    return text.replace("-", "−")


def method_name(explanation: Explanation) -> str:
    """The method's name as in the drop-down."""
    known = METHODS.get(explanation.method)
    return known.label if known else explanation.method or explanation.quantity or "values"


def target_name(explanation: Explanation, classes: Sequence[str] | None, tokens: Sequence[str] = ()) -> str:
    """The class that is explained, or a description of another target; ``""`` where there is none."""
    target = explanation.target
    if target is None:
        return ""
    label = target.label if isinstance(target, Region) else target
    if classes is not None and isinstance(label, int) and not 0 <= label < len(classes):
        raise ValueError(f"classes: {len(classes)} names, but the explanation is of class {label}")
    return name_of(target, classes, tokens)


def title_of(explanation: Explanation, classes: Sequence[str] | None, tokens: Sequence[str] = ()) -> str:
    """Such as ``Grad-CAM · brick heart``."""
    name = method_name(explanation)
    if explanation.grid is not None:
        name = f"{name}: {explanation.grid.column}"
    about = target_name(explanation, classes, tokens) if of_target(explanation) else explanation.quantity
    return " · ".join(part for part in (name, about) if part)


def subtitle_of(explanation: Explanation) -> str:
    """Layer, channel, score, parameters of the method and its own figures."""
    parts = []
    if explanation.progress < 1:
        parts.append(f"{explanation.progress:.0%} done")
    if explanation.layer is not None:
        parts.append(explanation.layer)
    if explanation.channel is not None:
        parts.append(f"channel {explanation.channel}")
    method = METHODS.get(explanation.method)
    if explanation.score is not None and not (method and method.over_rows):  # that of one row says nothing of many
        parts.append(f"{explanation.score_name} {rounded(explanation.score)}")
    given = [(name, value) for name, value in explanation.params.items() if _differs(value)]
    parts += [f"{name.replace('_', ' ')} {_said(value)}" for name, value in given]
    known = {*explanation.params, *_DRAWN}
    parts += [f"{name} {rounded(value)}" for name, value in explanation.details.items() if name not in known]
    if explanation.base is not None:
        parts.append(f"base {rounded(explanation.base)}")
    if explanation.gap is not None:
        parts.append(f"gap {rounded(explanation.gap)}")
    if explanation.standard_error is not None:
        largest = float(explanation.standard_error.max())
        parts.append("error not known yet" if largest != largest else f"standard error up to {rounded(largest, 2)}")
    return " · ".join(parts)


def _differs(value: Any) -> bool:
    """Whether a parameter is said: no rows left out, no threshold and the like go without saying."""
    return value is not None and value != "none" and value != () and value != ALL_ROWS


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return rounded(value) if isinstance(value, (int, float)) else str(value)
