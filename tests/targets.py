"""Callable targets that can not be told from others by ==."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from tests.networks import CLASSES


@dataclasses.dataclass(frozen=True)
class Named:
    """Equal to another one that explains another class."""

    name: str
    number: int = dataclasses.field(compare=False)

    def __call__(self, scores: Tensor) -> Tensor:
        return scores[:, self.number]


@dataclasses.dataclass
class NoKey:
    """Without a hash, and compared by a tensor, which is no truth value."""

    weights: Tensor

    def __call__(self, scores: Tensor) -> Tensor:
        return scores @ self.weights


EQUAL_OR_NO_KEY = [
    pytest.param(lambda number: Named("mine", number), id="equal"),
    pytest.param(lambda number: NoKey(torch.eye(CLASSES)[number]), id="no key"),
]
