"""Targets of maps of scores, between the session and the browser: a class, and over which places."""

from __future__ import annotations

from typing import Any

import torch

from nbexplain.core import target as targets
from nbexplain.core.model.region import MAP, PREDICTED, Placed, Region, by_class
from nbexplain.inputs import Text
from nbexplain.session import Session


def shown(target: Any) -> tuple[int, str]:
    """How the browser knows a target: its class (-1 for none), and over what: `"map"`, `"12,40"` or the like."""
    if not isinstance(target, Region):
        return (target if isinstance(target, int) else -1), ""
    over = ",".join(map(str, target.over)) if isinstance(target.over, tuple) else target.over
    return int(target.label), over if isinstance(over, str) else ""


def chosen(session: Session, label: int, over: str) -> Any:
    """The target that the browser means."""
    if not session.facts.maps:
        return label
    before = session.selection.target
    if label < 0:
        label = int(before.label) if isinstance(before, Region) else 0
    if not over and isinstance(before, Region):
        return Region(label, before.over)  # a mask, which has no name in the browser
    if over in (PREDICTED, MAP, ""):
        return Region(label, over or PREDICTED)
    try:
        place = tuple(int(at) for at in over.split(","))
    except ValueError:
        raise ValueError(f"over: expected {PREDICTED!r}, {MAP!r} or a place, got {over!r}") from None
    return Region(label, place[2 - session.facts.sides :])  # a line is drawn as a map of one row


def of_class(session: Session, label: int) -> Any:
    """Another class, over the same places."""
    return chosen(session, label, shown(session.selection.target)[1])


def choices(session: Session) -> list[list[str]]:
    """What a class can be explained over, and how that reads; nothing where there is one score per class."""
    if not session.facts.maps:
        return []
    x = session.inputs[session.selection.input]
    tokens = [[str(n), f"at {n} “{token}”"] for n, token in enumerate(x.tokens)] if isinstance(x, Text) else []
    return [*tokens, [PREDICTED, "where it is predicted"], [MAP, "over all tokens" if tokens else "over the whole map"]]


def places(session: Session, number: int) -> list[int]:
    """Rows and columns of the map of scores of an input, in which a click can choose a place; [] for none."""
    scores = session.facts.scores.get(number)
    if scores is None or not session.facts.maps or scores.ndim > 4 or isinstance(session.inputs[number], Text):
        return []
    size = list(by_class(scores, session.facts.classes_last).shape[2:])
    return size if len(size) == 2 else [1, *size]


def class_scores(session: Session, number: int) -> tuple[list[float], str]:
    """A score for each class of an input, and what it is: of a map, the mean over the places that are explained."""
    facts = session.facts
    scores = facts.scores.get(number)
    if scores is None or not facts.is_clear:
        return [], facts.score_name
    if scores.ndim == 2:
        return scores[0].double().tolist(), facts.score_name
    region = session.selection.target
    if not isinstance(region, Region):
        region = Region(0, MAP)
    try:
        placed = targets.resolve(region, scores, last=facts.classes_last)
    except ValueError:  # a place that this input has not, or a class that is nowhere in it: the map says so
        placed = targets.resolve(Region(0, MAP), scores, last=facts.classes_last)
    assert isinstance(placed, Placed)
    values: torch.Tensor = placed.of_all_classes(scores)[0]
    alone = isinstance(placed.region.over, tuple)
    return values.double().tolist(), facts.score_name if alone else f"mean {facts.score_name}"
