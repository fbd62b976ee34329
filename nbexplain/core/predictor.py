"""Predictor: a model that is no torch module (scikit-learn's, or any callable), as a module that torch can run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Predictor(nn.Module):
    """What `predict_proba`, `decision_function`, `predict` or a callable says, as scores (N, K).

    The first of them that there is. A decision function of two classes is one number d: the scores are (−d, d). A
    classifier with `predict` alone has the score 1 for the class that it chooses and 0 for the others.

    It is handed what the input calls `outside`: rows as an array or a data frame, texts as a list of strings, pictures
    as an array (N, C, H, W). No gradient goes through it, and it has no layers.

    Parameters
    ----------
    model
        An object with one of these, or a callable.

    Attributes
    ----------
    way
        Which of them is asked: `"predict_proba"`, `"decision_function"`, `"predict"` or `"call"`.
    classes
        The labels of the K scores, as the estimator has them; None where it has none.

    Raises
    ------
    TypeError
        If it is none of these.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.estimator = model
        self.way, self._predict = _way_to_ask(model)
        self.classes = classes_of(model)
        self._shape: tuple[int, ...] | None = None  # of the scores of one input, as they came first

    def __deepcopy__(self, memo: dict[int, Any]) -> Predictor:
        return Predictor(self.estimator)  # the fitted model is shared, as weights are

    def forward(self, x: Any) -> Tensor:
        """Scores (N, K) as float64."""
        said = np.asarray(self._predict(x))
        if self.classes is not None and said.ndim == 1 and self.way == "predict":
            said = said[:, None] == self.classes
        elif self.classes is not None and said.ndim == 1 and len(self.classes) == 2:
            said = np.stack([-said, said], 1)
        elif said.ndim == 1:
            said = said[:, None]
        count = x.shape[0] if hasattr(x, "shape") else len(x)  # a sparse matrix has no length
        if said.ndim != 2 or len(said) != count or said.dtype.kind not in "fiub":
            raise ValueError(
                f"predict: expected a row of numbers for each of {count} inputs, got {said.dtype} {said.shape}"
            )
        wanted = said.shape[1] if self.classes is None else len(self.classes)
        if said.shape[1] != wanted:
            raise ValueError(f"predict: {self.way} returned {said.shape[1]} scores for each input, expected {wanted}")
        self._shape = self._shape or said.shape[1:]
        if said.shape[1:] != self._shape:
            raise ValueError(
                f"predict: it returned {said.shape[1]} scores for each input, and {self._shape[0]} at the call before"
            )
        return torch.from_numpy(said.astype(np.float64))

    @property
    def regresses(self) -> bool:
        """Whether the scores are predictions of numbers, not scores of classes."""
        return self.way == "predict" and self.classes is None

    def state(self) -> list[Any]:
        """What a fit replaces: the attributes of the estimator and of the steps of a pipeline, by identity."""
        parts = [self.estimator, *(step for _, step in getattr(self.estimator, "steps", ()))]
        return [_Same(value) for part in parts for value in getattr(part, "__dict__", {}).values()]


def classes_of(model: Any) -> np.ndarray | None:
    """The labels (K,) that an estimator was fitted to tell apart, in the order of its scores, or None."""
    known = getattr(model, "classes_", None)
    return known if isinstance(known, np.ndarray) and known.ndim == 1 else None


class _Same:
    """Equal to nothing but the very same object, which it keeps alive, so that its identity is not given away."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    __hash__ = None  # type: ignore[assignment]


def _way_to_ask(model: Any) -> tuple[str, Callable[[Any], Any]]:
    """What the model is asked by, and how that is called."""
    for name in ("predict_proba", "decision_function", "predict"):
        way = getattr(model, name, None)
        if callable(way):
            return name, way
    if callable(model) and not isinstance(model, type):
        return "call", model
    raise TypeError(
        f"model: expected a torch.nn.Module, an object with predict_proba, decision_function or predict, or a "
        f"callable, got {type(model).__name__}"
    )
