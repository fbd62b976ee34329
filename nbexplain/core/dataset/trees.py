"""SHAP values of trees, by shap's own TreeExplainer, which follows the branches instead of running the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.dataset.rows import Reading, scores_of, table_of
from nbexplain.core.methods.shap_tree import proportion
from nbexplain.core.methods.shap_tree_gap import measured_gap
from nbexplain.core.methods.shap_trees import TreeValues, tree_values
from nbexplain.core.model.trees.ensemble import NoTrees
from nbexplain.core.model.trees.reading import unwrapped, without_trees
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import needed

_CLOSE = 0.05  # of the largest value
_TRIED = 20  # background rows: the log-odds of one row may well be near its probability


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
        What a reader must know: where trees add up log-odds, their values are only rescaled to probabilities.
    close
        Whether those of the row are off Shapley values by no more than a twentieth of the largest.

    Raises
    ------
    NoTrees
        If the model has no trees that can be read, or the score does not follow from what they add up.
    """

    step = 16

    def __init__(self, subject: Subject, read: Reading, stand_ins: np.ndarray) -> None:
        self._read, self._stand_ins = read, stand_ins
        self._trees = _trees(subject, stand_ins)
        columns_of(np.zeros(subject.scores().shape[1]), read)
        link = self._trees.link
        instead = "; explainer='permutation' samples Shapley values of the score itself"
        self.notes: tuple[str, ...] = ()
        self.close = True
        if link.curve is not None:
            row = subject.input.tensor.numpy()
            values = self._trees.interventional(row, stand_ins)[0]
            gap = columns_of(measured_gap(self._trees, row[0], stand_ins, values), read).max()
            self.notes = (proportion(link, float(gap)) + instead,)
            self.close = bool(gap <= _CLOSE * np.abs(columns_of(values, read)).max())

    def __call__(self, rows: np.ndarray, _start: int) -> tuple[np.ndarray, None]:
        """Values (n, F, C) of rows (n, F); they have no sampling error."""
        return columns_of(self._trees.interventional(rows, self._stand_ins), self._read), None


class PathTrees:
    """SHAP interaction values of trees where a hidden column takes all branches, as the training rows did.

    Attributes
    ----------
    raw
        Whether they add up to what the trees add up, and the score is a curve of that.

    Raises
    ------
    NoTrees
        If the model has no trees that can be read, or the score does not follow from what they add up.
    """

    def __init__(self, subject: Subject, read: Reading) -> None:
        self._read = read
        columns_of(np.zeros(subject.scores().shape[1]), read)
        self._trees = _trees(
            subject, np.concatenate([subject.input.tensor.numpy(), needed(table_of(subject))[:_TRIED]])
        )
        self.raw = self._trees.link.curve is not None

    def __call__(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (F, F, C) of a row (F,), and what they are added to (C,)."""
        values, base = self._trees.interactions(row)
        return columns_of(values, self._read), columns_of(base, self._read)


def _trees(subject: Subject, rows: np.ndarray) -> TreeValues:
    estimator = estimator_of(subject)
    if estimator is None:
        raise NoTrees(f"explainer: 'tree' needs a model made of trees, got {type(subject.twin.module).__name__}")
    if reason := without_trees(estimator):
        raise NoTrees(f"explainer: 'tree' needs a model made of trees, and {reason}")
    try:
        scores = scores_of(subject, rows, "background").flatten(1).double().cpu().numpy()
        return tree_values(subject, estimator, rows, scores)
    except NoTrees as error:
        raise NoTrees(
            f"explainer: 'tree' cannot explain this {type(unwrapped(estimator)).__name__}: {error}"
        ) from error


def columns_of(values: np.ndarray, read: Reading) -> np.ndarray:
    """Of values (…, K) of all classes those that are read."""
    if read.key is None:
        return values
    if not isinstance(read.key, int):
        raise NoTrees("explainer: 'tree' explains the score of a class, and the target is none")
    return values[..., [read.key]]
