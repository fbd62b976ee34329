"""What the status line says of answers that are compared: how far each is, and which of them to distrust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.core.registry import METHODS
from nbexplain.session import Session
from nbexplain.widgets import words


def name_of(part: str, answer: Answer, session: Session, among: Sequence[Any] = ()) -> str:
    """What tells an answer from the others: its method, target (`among` those that are compared) or input."""
    if part == "method":
        return METHODS[answer.question.method].label
    if part == "target":
        return words.target_name(answer.question.target, session, among)
    return f"input {answer.question.input}"


def compared_words(part: str, answers: Sequence[Answer], session: Session, of: int, among: Sequence[Any] = ()) -> str:
    """`3 methods for dear (probability 0.93) · LIME 1.2 s · Occlusion 40% …`, of which some may not have begun.

    Where some were stopped before there was anything of what is asked, `2 of 3 methods`.
    """
    first = next((answer.explanation for answer in answers if answer.explanation is not None), None)
    label = METHODS[answers[0].question.method].label
    gone = sum(answer.state == "stopped" and answer.explanation is None for answer in answers)
    few = f"{of - gone} of " if gone else ""
    if part == "method":
        head = f"{few}{counted(of, 'method')}" + ("" if first is None else words.about(first, session))
    else:
        head = f"{label} for {few}{counted(of, part)}"
    taken: Counter[str] = Counter()
    for answer in answers:
        taken.update({} if answer.explanation is None else dict(answer.explanation.passes))
    told = first is not None and (any(taken.values()) or not gone)  # else it is not known what they would have taken
    passes = [words.passes(taken)] if told else []
    return " · ".join([head, *(f"{name_of(part, a, session, among)} {_state(a)}" for a in answers), *passes])


def compared_warnings(warned: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """What is to be distrusted of each, with its name; what all share is said once, of none."""
    found = [(name, warning) for name, those in warned for warning in those]
    times = Counter(warning for _, warning in found)
    return list(dict.fromkeys(w if times[w] == len(warned) else f"{name}: {w}" for name, w in found))


def _state(answer: Answer) -> str:
    """How far it is, or how long it took."""
    explanation = answer.explanation
    if answer.state == "failed":
        return "failed"
    if answer.state == "stopped":
        return words.stopped(explanation)
    if answer.state == "running":
        price = f" ({answer.price})" if answer.price else ""
        return f"is on its way{price}" if explanation is None else f"{explanation.progress:.0%} …"
    assert explanation is not None
    return words.duration(explanation.seconds)
