"""The picture that stands in a saved notebook for an explorer, where no widget can be shown."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Sequence
from typing import Any

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Question
from nbexplain.core.registry import METHODS
from nbexplain.inputs import Image
from nbexplain.session import Session

MOST_BYTES = 145_000  # as text in a notebook, four letters for three bytes, less than 200 kB
_MOST_MAPS = 9


def still(session: Session, answered: Sequence[tuple[Question, Explanation]]) -> dict[str, str]:
    """The maps on screen as `{"image/png": …}` of at most `MOST_BYTES`, or the channels of the layer, or nothing."""
    drawn = [(q, e) for q, e in answered if METHODS[q.method].on_picture]
    maps = [(q, e) for q, e in drawn if q.method != "activation"] or drawn
    if not maps:
        return {}
    from nbexplain import figures  # matplotlib takes its time, and scripts never come here

    pictures = [_picture(session, question) for question, _ in maps[:_MOST_MAPS]]
    about: dict[str, Any] = {"classes": session.classes or None, "max_bytes": MOST_BYTES}
    shown = [explanation for _, explanation in maps[:_MOST_MAPS]]
    try:
        if len(shown) == 1:
            png = figures.png(shown[0], picture=pictures[0], **about)
        else:
            png = figures.png(shown, picture=pictures, **about)
    except Exception as error:  # the widget itself must not be missing because of its stand-in
        warnings.warn(f"no picture for pages without widgets: {error}", stacklevel=2)
        return {}
    return {"image/png": base64.b64encode(png).decode()}


def _picture(session: Session, question: Question) -> Image | None:
    given = session.inputs[question.input] if question.input is not None else None
    return given if isinstance(given, Image) else None
