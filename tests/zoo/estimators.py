"""Estimators as people bring them, fitted on a few rows: each with what its own public function says of rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

ROWS, COLUMNS, BACKGROUND = 90, 4, 8


@dataclass(frozen=True)
class Case:
    """An estimator.

    Attributes
    ----------
    name
        Of the test.
    make
        Returns it, fitted.
    says
        (model, rows) → the scores (n, K) that are to be explained, by the model's own function.
    data
        The rows that it is asked of.
    trees
        How `tree_shap` explains it: `"exact"`, `"shared"` (in proportion to what the trees add up), or `""`, not at
        all.
    reason
        What a refusal of `tree_shap` says.
    near
        How far values may be off, in parts of the largest: models of single floats round.
    """

    name: str
    make: Callable[[], Any]
    says: Callable[[Any, Any], np.ndarray]
    data: Callable[[], Any]
    trees: str = ""
    reason: str = "trees"
    near: float = 1e-9

    def __str__(self) -> str:
        return self.name


# Rows and labels


@functools.cache
def numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).round(2)


@functools.cache
def missing() -> np.ndarray:
    holes = np.random.default_rng(1).random((ROWS, COLUMNS)) < 0.15
    return np.where(holes, np.nan, numbers())


@functools.cache
def singles() -> np.ndarray:
    return numbers().astype(np.float32)


@functools.cache
def framed_singles() -> pd.DataFrame:
    return pd.DataFrame(singles(), columns=list("abcd"))


@functools.cache
def mixed() -> pd.DataFrame:
    """Numbers, a category and a boolean."""
    draw = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "age": draw.integers(18, 80, ROWS),
            "height": numbers()[:, 0],
            "colour": pd.Categorical(draw.choice(["red", "green", "blue", "grey"], ROWS)),
            "member": draw.random(ROWS) > 0.5,
        }
    )


@functools.cache
def words() -> pd.DataFrame:
    """The same with strings."""
    return mixed().assign(colour=mixed().colour.astype(str).astype(object))


@functools.cache
def dummies() -> pd.DataFrame:
    """As `pandas.get_dummies` makes them: numbers and booleans."""
    return pd.get_dummies(words()[["height", "colour"]])


def number() -> np.ndarray:
    x = numbers()
    return x[:, 0] * x[:, 1] + 2 * x[:, 2] + 5


def of_mixed() -> np.ndarray:
    red = words().colour.isin(["red", "grey"]).to_numpy()
    return 2 * red * (1 + mixed().member.to_numpy()) + mixed().height.to_numpy()


def two() -> np.ndarray:
    return (number() > 5).astype(int)


def three() -> np.ndarray:
    return two() + (number() > 6)


def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(np.exp(np.clip(numbers()[:, 0], -1, 1)))


# What a model says


def table(said: Any) -> np.ndarray:
    found = np.asarray(said, dtype=np.float64)
    return found.reshape(len(found), -1)


def both(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    return np.hstack([first, second])


def probabilities(model: Any, rows: Any) -> np.ndarray:
    return table(model.predict_proba(rows))


def margins(model: Any, rows: Any) -> np.ndarray:
    found = table(model.decision_function(rows))
    return both(found, -found) if found.shape[1] == 1 and len(getattr(model, "classes_", ())) == 2 else found


def predictions(model: Any, rows: Any) -> np.ndarray:
    return table(model.predict(rows))


def choices(model: Any, rows: Any) -> np.ndarray:
    """1 for the class that is chosen."""
    return (np.asarray(model.predict(rows)).reshape(-1, 1) == model.classes_).astype(np.float64)


def several(model: Any, rows: Any) -> np.ndarray:
    return np.hstack([table(part) for part in model.predict_proba(rows)])


def called(model: Any, rows: Any) -> np.ndarray:
    return table(model(rows))
