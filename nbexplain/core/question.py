"""What is chosen, what is asked, what is known of the model, and what came of a question so far."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from nbexplain.core import registry
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer
from nbexplain.core.memory import STORE

PARTS = ("input", "method", "target", "layer", "channel", "cell", "params")


@dataclass(frozen=True)
class Selection:
    """What is chosen at the moment; shared by all panes that follow it.

    `cell` is (row, column) in the grid of the layer, or None. `params` holds the chosen parameters of each method by
    its key; what is missing has its default.
    """

    input: int = 0
    method: str = "grad_cam"
    target: Any = 0
    layer: str | None = None
    channel: int = 0
    cell: tuple[int, int] | None = None
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What a pane asks. Parts that the method does not look at are None, so that equal questions compare equal.

    `input` is None for a question to all inputs, or to the background alone. `edition` counts how often the input was
    replaced by another one.
    """

    input: int | None
    method: str
    target: Any = None
    layer: str | None = None
    channel: int | None = None
    cell: tuple[int, int] | None = None
    params: tuple[tuple[str, Any], ...] = ()
    edition: int = 0


@dataclass(frozen=True)
class Facts:
    """What is known of the model as its weights are now.

    `scores` holds the clean scores (1, K, …) of the inputs that were looked at last, by input; `kind` is that of the
    first; `weights` counts how often other weights were taken over.
    """

    layers: tuple[Layer, ...]
    scores: Mapping[int, Tensor]
    score_name: str
    gradient: bool
    kind: str = "array"
    weights: int = 0

    def layer(self, name: str | None) -> Layer | None:
        """The layer with this name, or None."""
        return next((row for row in self.layers if row.name == name), None)

    def reason(self, method: registry.Method) -> str:
        """Why a method cannot be used on this model and its inputs at all, or `""`."""
        if reason := method.reason_for(self.kind):
            return reason
        if "layer" in method.needs:
            reasons = [method.reason(layer) for layer in self.layers if layer.usable]
            if all(reasons):
                return reasons[-1] if reasons else "this model's layers cannot be looked into"
        elif method.gradient and not self.gradient:
            return "no gradient of the score reaches the input"
        return ""


@dataclass(frozen=True)
class Answer:
    """What came of a question so far.

    `state` is `"running"`, `"done"`, `"stopped"` or `"failed"`; with the last, `error` holds what was raised. The
    explanation is the best so far, or None.
    """

    question: Question
    state: str
    explanation: Explanation | None = None
    error: Exception | None = None


class Answers:
    """What was answered and is still kept, question by question; shares the process's memory budget."""

    def __init__(self) -> None:
        self._key = object()
        weakref.finalize(self, STORE.drop_owner, self._key)

    def get(self, question: Question) -> Explanation | None:
        return STORE.get((self._key, question))

    def put(self, question: Question, explanation: Explanation) -> None:
        STORE.put((self._key, question), explanation, explanation.nbytes)

    def drop(self, question: Question) -> None:
        """Forget one answer."""
        STORE.drop((self._key, question))

    def clear(self) -> None:
        """Forget all answers."""
        STORE.drop_owner(self._key)
