"""SHAP values of trees, by shap's own TreeExplainer, which follows the branches instead of running the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.dataset.rows import Reading, scores_of, table_of
from nbexplain.core.methods.shap_own import package
from nbexplain.core.methods.shap_trees import NoTrees, near, of_classes, said, trees_that_say
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import needed

_TRIED = 20  # background rows: the log-odds of one row may well be near its probability

_RESCALED = (
    "the trees add up log odds, whose SHAP values shap rescales to the probability: they add up, but each is not exact "
    "('permutation' explains the probability itself)"
)


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
        estimator = _known(subject)
        scores = scores_of(subject, stand_ins, "background").flatten(1).double().cpu().numpy()
        self._read = read
        try:
            self._trees, *_ = trees_that_say(estimator, stand_ins, stand_ins, scores)
        except NoTrees as error:
            raise NoTrees(f"explainer: 'tree' cannot explain {type(estimator).__name__}: {error}") from error
        columns_of(scores, read)
        self.notes: tuple[str, ...] = () if self._trees.output == "raw" else (_RESCALED,)

    def __call__(self, rows: np.ndarray, _start: int) -> tuple[np.ndarray, None]:
        """Values (n, F, C) of rows (n, F); they have no sampling error."""
        return columns_of(self._trees(rows), self._read), None


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
        self._read, self._classes, self._subject = read, subject.scores().shape[1], subject
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
        rows = np.concatenate([row[None], needed(table_of(self._subject))[:_TRIED]])
        scores = self._read(scores_of(self._subject, rows, "background")).numpy()
        values, base = self(row)
        total = values.sum((0, 1)) + base
        found = columns_of(said(self._explainer, rows, self._classes), self._read)
        return near(np.concatenate([found, total[None]]), np.concatenate([scores, score[None]]))


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
