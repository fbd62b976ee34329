"""The score that is explained: a class, a unit of a larger output, a mask, or any callable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.explanation import Target


def scores_of(output: Any) -> Tensor:
    """The scores in a model's output: itself, the first tensor of a tuple, or the `logits` of a mapping.

    Parameters
    ----------
    output
        What the model returned.

    Returns
    -------
    Tensor
        Of shape (N, K) or (N, K, …); one score per input, (N,), becomes (N, 1).

    Raises
    ------
    TypeError
        If no floating-point tensor is found.
    """
    found = _first_scores(output)
    if found is None:
        raise TypeError(
            f"scores: the model returned {type(output).__name__}, in which no tensor of scores was found; "
            "say where they are with scores=lambda output: …"
        )
    return found[:, None] if found.ndim == 1 else found


def _first_scores(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output if output.is_floating_point() and output.ndim > 0 else None
    if isinstance(output, Mapping):
        parts: list[Any] = [output["logits"]] if "logits" in output else list(output.values())
    elif is_dataclass(output) and not isinstance(output, type):
        names = [f.name for f in fields(output)]
        parts = [getattr(output, name) for name in (["logits"] if "logits" in names else names)]
    elif isinstance(output, (tuple, list)):
        parts = list(output)
    else:
        return None
    return next((found for part in parts if (found := _first_scores(part)) is not None), None)


def are_probabilities(scores: Tensor) -> bool:
    """Whether the scores (N, K) are probabilities already, and must not be put through softmax again."""
    if scores.ndim != 2 or scores.shape[1] < 2:
        return False
    total = scores.sum(1)
    return bool(((scores >= 0).all() & (scores <= 1).all() & ((total - 1).abs() < 1e-3).all()).item())


class Mask:
    """A target that weighs scores (N, …) with a mask of their shape and adds them up."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def __call__(self, scores: Tensor) -> Tensor:
        return (scores * self.weights.to(scores)).flatten(1).sum(1)

    def __repr__(self) -> str:
        return f"a mask of shape {tuple(self.weights.shape)}"


def resolve(target: Any, scores: Tensor) -> Target:
    """Check a target against the clean scores (1, K, …); None stands for the class with the highest score.

    Raises
    ------
    TypeError, ValueError
        If it is of no known kind, or does not fit the scores.
    """
    shape = tuple(scores.shape[1:])
    if target is None:
        if len(shape) != 1:
            raise ValueError(
                f"target: the scores have shape {shape}, so there is no highest class; "
                "give a tuple of indices, a mask of that shape, or a callable"
            )
        return int(torch.nan_to_num(scores[0], nan=-torch.inf).argmax())
    if isinstance(target, (bool, float)):
        raise TypeError(f"target: expected a whole number, got {target!r}")
    if isinstance(target, (Integral, np.integer)):
        index = int(target)
        if len(shape) != 1:
            raise ValueError(
                f"target: {index} alone does not choose one of the scores of shape {shape}; "
                "give a tuple of indices, a mask of that shape, or a callable"
            )
        _check_index(index, shape[0], "class")
        return index
    if isinstance(target, tuple):
        if len(target) != len(shape):
            raise ValueError(f"target: {target} has {len(target)} indices, the scores have shape {shape}")
        for index, size in zip(target, shape, strict=True):
            if isinstance(index, bool) or not isinstance(index, (Integral, np.integer)):
                raise TypeError(f"target: expected whole numbers, got {target!r}")
            _check_index(int(index), size, "index")
        return tuple(int(index) for index in target)
    if isinstance(target, np.ndarray):
        target = torch.from_numpy(target)
    if isinstance(target, Tensor):
        if tuple(target.shape) != shape:
            raise ValueError(f"target: a mask of shape {tuple(target.shape)} for scores of shape {shape}")
        return Mask(target.detach())
    if callable(target):
        return target  # type: ignore[no-any-return]
    raise TypeError(f"target: expected a class index, a tuple, a mask or a callable, got {type(target).__name__}")


def _check_index(index: int, size: int, what: str) -> None:
    if not 0 <= index < size:
        raise ValueError(f"target: {what} {index} is out of range, expected 0 to {size - 1}")


def score(scores: Tensor, target: Target) -> Tensor:
    """The number that is explained, one per input: (N, K, …) → (N,)."""
    if isinstance(target, int):
        return scores[:, target]
    if isinstance(target, tuple):
        return scores.flatten(1)[:, int(np.ravel_multi_index(target, tuple(scores.shape[1:])))]
    value = target(scores)
    if not isinstance(value, Tensor) or value.shape != scores.shape[:1]:
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"target: the callable must return one score per input, shape ({len(scores)},), got {got}")
    return value
