"""The score that is explained."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbexplain.core.target import are_probabilities, resolve, score

ROW = torch.tensor([[0.5, 2.0, -1.0]])
GRID = torch.arange(24.0).reshape(1, 2, 3, 4)


@dataclasses.dataclass
class ModelOutput:
    loss: Any
    hidden: Tensor
    logits: Tensor


@pytest.mark.parametrize(
    "output",
    [
        ROW,
        (ROW, GRID),
        [ROW],
        {"features": GRID, "logits": ROW},
        {"out": ROW, "aux": GRID},
        OrderedDict(loss=None, logits=ROW),
        ModelOutput(None, GRID, ROW),
        ((torch.tensor([1, 2]), ROW), GRID),
    ],
    ids=["tensor", "tuple", "list", "logits of a dict", "first of a dict", "ordered", "dataclass", "nested"],
)
def test_scores_are_found(output: Any) -> None:
    assert torch.equal(scores_of(output), ROW)


def test_one_score_per_input_becomes_a_column() -> None:
    assert scores_of(torch.tensor([1.0, 2.0])).tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (torch.tensor([[0.2, 0.8]]), True),
        (torch.tensor([[0.2, 0.8], [1.0, 0.0]]), True),
        (torch.tensor([[0.2, 0.9]]), False),
        (torch.tensor([[-0.2, 1.2]]), False),
        (torch.tensor([[1.0]]), False),
        (torch.tensor([[float("nan"), 1.0]]), False),
        (torch.full((1, 2, 2, 2), 0.5), False),
        (torch.tensor([[0.2, 0.8]]).half(), True),
    ],
)
def test_probabilities_are_recognised(scores: Tensor, expected: bool) -> None:
    assert are_probabilities(scores) is expected


@pytest.mark.parametrize(
    ("target", "scores", "expected"),
    [
        (None, ROW, 2.0),
        (2, ROW, -1.0),
        (np.int64(0), ROW, 0.5),
        ((1,), ROW, 2.0),
        ((1, 2, 3), GRID, 23.0),
        (torch.tensor([1.0, 0.0, 2.0]), ROW, -1.5),
        (np.array([1.0, 0.0, 2.0], np.float32), ROW, -1.5),
        (lambda scores: scores[:, 1] - scores[:, 0], ROW, 1.5),
        (None, torch.tensor([[float("nan"), 1.0]]), 1.0),
    ],
)
def test_targets(target: Any, scores: Tensor, expected: float) -> None:
    assert float(score(scores, resolve(target, scores))) == expected


def test_each_input_has_its_score() -> None:
    batch = torch.cat([GRID, GRID + 100])
    mask = torch.zeros(2, 3, 4)
    mask[1, 2, 3] = 2.0
    assert score(batch, resolve((0, 1, 2), GRID)).tolist() == [6.0, 106.0]
    assert score(batch, resolve(mask, GRID)).tolist() == [46.0, 246.0]


@pytest.mark.parametrize(
    ("target", "scores", "error", "message"),
    [
        (3, ROW, ValueError, "target: class 3 is out of range, expected 0 to 2"),
        (-1, ROW, ValueError, "target: class -1 is out of range"),
        (0.0, ROW, TypeError, "target: expected a whole number, got 0.0"),
        (False, ROW, TypeError, "target: expected a whole number, got False"),
        ("1", ROW, TypeError, "target: .* got str"),
        ([1], ROW, TypeError, "target: .* got list"),
        ((0, 1), ROW, ValueError, r"target: \(0, 1\) has 2 indices, the scores have shape \(3,\)"),
        ((0, 3, 0), GRID, ValueError, "target: index 3 is out of range, expected 0 to 2"),
        ((0, 1.0, 0), GRID, TypeError, r"target: expected whole numbers, got \(0, 1.0, 0\)"),
        (1, GRID, ValueError, r"target: 1 alone does not choose one of the scores of shape \(2, 3, 4\)"),
        (None, GRID, ValueError, r"target: the scores have shape \(2, 3, 4\), so there is no highest class"),
        (torch.ones(2), ROW, ValueError, r"target: a mask of shape \(2,\) for scores of shape \(3,\)"),
    ],
)
def test_bad_targets(target: Any, scores: Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve(target, scores)


@pytest.mark.parametrize("returned", [ROW, torch.tensor(1.0), 1.0, None])
def test_a_callable_must_return_one_score_per_input(returned: Any) -> None:
    with pytest.raises(ValueError, match=r"target: the callable must return one score per input, shape \(1,\)"):
        score(ROW, lambda scores: returned)
