"""SHAP values of trees, by shap's own TreeExplainer, which follows the branches instead of running the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.dataset.rows import Reading, scores_of
from nbexplain.core.methods.shap_own import package
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject

_NEAR = (
    1e-2  # of the largest score: shap places rows that lie on a threshold by rounding, which moves its sums a little
)

_RESCALED = (
    "the trees add up log odds, whose SHAP values shap rescales to the probability: they add up, but each is not exact "
    "('permutation' explains the probability itself)"
)


class NoTrees(ValueError):
    """The model is none whose trees shap can follow to the score."""


def estimator_of(subject: Subject) -> Any | None:
    """The user's object behind a model that is no torch module."""
    module = subject.twin.module
    return module.estimator if isinstance(module, Predictor) else None


class Trees:
    """SHAP values of trees where a hidden column takes the values of background rows (interventional).

    Parameters
    ----------
    read
        Which numbers of the scores are explained.
    stand_ins
        (m, F): the background rows.

    Attributes
    ----------
    notes
        What a reader must know: the values of trees that add up log odds are only rescaled to probabilities.

    Raises
    ------
    NoTrees
        If shap does not know the model, or what its trees say is not the score.
    """

    step = 16

    def __init__(self, subject: Subject, read: Reading, stand_ins: np.ndarray) -> None:
        estimator, tried = _known(subject), stand_ins[:8]
        shap = package()
        self._read, self._subject = read, subject
        scores = read(scores_of(subject, stand_ins, "background")).numpy()
        masker = shap.maskers.Independent(stand_ins, max_samples=len(stand_ins))
        for output in ("raw", "probability"):
            try:
                self._explainer = shap.TreeExplainer(
                    estimator, masker, feature_perturbation="interventional", model_output=output
                )
                self._classes = subject.scores().shape[1]
                gap = scores.mean(0) + self(tried, 0)[0].sum(1) - scores[: len(tried)]
            except Exception as error:  # shap has no single kind of error for a model that it cannot follow
                reason = f"{type(error).__name__}: {error}"
                continue
            if np.abs(gap).max() <= _NEAR * np.abs(scores).max():
                self.notes: tuple[str, ...] = () if output == "raw" else (_RESCALED,)
                return
            reason = "what its trees add up to is not the score that is explained"
        raise NoTrees(f"explainer: 'tree' cannot explain {type(estimator).__name__}: {reason}")

    def __call__(self, rows: np.ndarray, _start: int) -> tuple[np.ndarray, None]:
        """Values (n, F, C) of rows (n, F); they have no sampling error."""
        values = of_classes(self._explainer.shap_values(rows, check_additivity=False), 2, self._classes)
        return columns_of(values, self._read), None


class PathTrees:
    """SHAP interaction values of trees where a hidden column takes all branches, as the training rows did.

    Raises
    ------
    NoTrees
        If shap does not know the model.
    """

    def __init__(self, subject: Subject, read: Reading) -> None:
        estimator = _known(subject)
        shap = package()
        self._read, self._classes = read, subject.scores().shape[1]
        try:
            self._explainer = shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
        except Exception as error:  # shap has no single kind of error for a model that it cannot follow
            raise NoTrees(
                f"explainer: 'tree' cannot explain {type(estimator).__name__}: {type(error).__name__}: {error}"
            ) from error

    def __call__(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (F, F, C) of a row (F,), and what they are added to (C,)."""
        values = of_classes(self._explainer.shap_interaction_values(row[None]), 3, self._classes)
        base = of_classes(np.atleast_1d(self._explainer.expected_value).squeeze(), 0, self._classes)
        return columns_of(values[0], self._read), columns_of(base, self._read)

    def reaches(self, row: np.ndarray, score: np.ndarray) -> bool:
        """Whether the values of a row (F,) add up to its scores (C,), and not to some other output of the trees."""
        values, base = self(row)
        return bool(np.abs(values.sum((0, 1)) + base - score).max() <= _NEAR * np.abs(score).max())


def of_classes(values: Any, axes: int, classes: int) -> np.ndarray:
    """What shap gives for `axes` axes, with an axis of classes behind them: of two, shap gives the second alone."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == axes:
        array = array[..., None] if classes == 1 else np.stack([-array, array], axis=-1)
    if array.shape[-1] != classes:
        raise NoTrees(f"shap gives values of {array.shape[-1]} classes, the model has {classes}")
    return array


def columns_of(values: np.ndarray, read: Reading) -> np.ndarray:
    """Of values (…, K) of all classes those that are read."""
    if read.key is None:
        return values
    if not isinstance(read.key, int):
        raise NoTrees("the target is not a class")
    return values[..., [read.key]]


def _known(subject: Subject) -> Any:
    """The estimator, if it may be made of trees."""
    estimator = estimator_of(subject)
    if estimator is None or not hasattr(estimator, "predict"):
        kind = type(estimator if estimator is not None else subject.twin.module).__name__
        raise NoTrees(f"explainer: 'tree' needs a model made of trees, got {kind}")
    return estimator
