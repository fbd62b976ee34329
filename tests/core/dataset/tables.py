"""Small tables, and models of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.inputs import Tabular
from tests.networks import seeded

COLUMNS = 5


def rows(count: int = 40, columns: int = COLUMNS, seed: int = 0) -> np.ndarray:
    """(count, columns), correlated and on different scales."""
    draw = np.random.default_rng(seed)
    mixed: np.ndarray = draw.normal(size=(count, columns)) @ draw.normal(size=(columns, columns))
    return mixed * np.arange(1, columns + 1) + np.arange(columns)


def table(count: int = 40, columns: int = COLUMNS, **options: Any) -> Tabular:
    """The first row among all."""
    background = rows(count, columns)
    return Tabular(background[0], background, **options)


def labelled(model: nn.Module) -> Tabular:
    """The same table, each row labelled with the class that the model chooses: its scores are logits of one softmax."""
    with torch.no_grad():
        weights = next(model.parameters())
        return table(labels=model(torch.from_numpy(rows()).to(weights.dtype)).argmax(1).numpy())


class Curved(nn.Module):
    """Three scores with interactions, smooth."""

    def __init__(self, columns: int = COLUMNS) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(columns, 8), nn.Tanh(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Any:
        return self.body(x / 5)


class Straight(nn.Module):
    """Scores W x + b."""

    def __init__(self, columns: int = COLUMNS, classes: int = 3) -> None:
        super().__init__()
        self.head = nn.Linear(columns, classes)

    def forward(self, x: Tensor) -> Any:
        return self.head(x)


def curved() -> Any:
    return seeded(Curved)


def straight() -> Any:
    return seeded(Straight)


def outside(model: nn.Module) -> Any:
    """The same model as a callable that torch cannot look into."""

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            scores: np.ndarray = model(torch.from_numpy(np.asarray(x)).float()).double().numpy()
        return scores

    return predict
