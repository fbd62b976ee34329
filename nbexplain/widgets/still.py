"""The picture that stands in a saved notebook for an explorer, where no widget can be shown."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Question
from nbexplain.core.registry import METHODS
from nbexplain.inputs import Array
from nbexplain.session import Session

MOST_BYTES = 145_000  # as text in a notebook, four letters for three bytes, less than 200 kB
_MOST_MAPS = 9
_DRAWN = (("row", "feature"), ("y", "x"), ("label", "predicted"), ("measure", "point"), ("row", "number"))
_OF_A_TABLE: dict[str, Any] = {"columns": 2, "width": 8.0}  # names of columns are long


def still(
    session: Session, answered: Sequence[tuple[Question, Explanation]], earlier: Mapping[Question, Array]
) -> dict[str, str]:
    """What is on screen as `{"image/png": …}` of at most `MOST_BYTES`, or nothing.

    These are the maps, or else the channels of the layer; of a text its coloured words, of a table bars and planes.
    `earlier` holds the inputs of answers in whose places others stand now.
    """
    drawn = [(q, e) for q, e in dict(answered).items() if _is_drawn(e)]
    maps = [(q, e) for q, e in drawn if q.method != "activation"] or drawn
    if not maps:
        return {}
    from nbexplain import figures  # matplotlib takes its time, and scripts never come here

    shown = [explanation for _, explanation in maps[:_MOST_MAPS]]
    about: dict[str, Any] = {"classes": session.classes or None, "max_bytes": MOST_BYTES}
    inputs = [earlier.get(question) or session.inputs[question.input or 0] for question, _ in maps[:_MOST_MAPS]]
    try:
        if len(shown) == 1:
            png = figures.png(shown[0], x=inputs[0], **about)
        else:
            png = figures.png(shown, x=inputs, **about, **(_OF_A_TABLE if session.facts.kind == "table" else {}))
    except Exception as error:  # the widget itself must not be missing because of its stand-in
        warnings.warn(f"no picture for pages without widgets: {error}", stacklevel=2)
        return {}
    return {"image/png": base64.b64encode(png).decode()}


def _is_drawn(explanation: Explanation) -> bool:
    """Whether a pane draws its values, and not only reads them."""
    if METHODS[explanation.method].on_picture or explanation.on == "features" or explanation.grid is not None:
        return True
    return explanation.axes in _DRAWN
