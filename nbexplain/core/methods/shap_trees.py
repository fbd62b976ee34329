"""shap's TreeExplainer, told where rows go in a way that it does not round, and only where its trees say the score."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.methods.shap_own import package


class NoTrees(ValueError):
    """The model is none whose trees shap can follow to the score."""


class NotTheScore(NoTrees):
    """shap can follow the trees, but they add up to something else, such as log-odds."""

    def __init__(self) -> None:
        super().__init__("what its trees add up to is not the score that is explained")


class TreeValues:
    """SHAP values of trees where a hidden column takes the values of background rows (interventional).

    shap's loop holds thresholds in single precision and compares double precision with them, and it leaves the
    background in double precision where the model itself rounds its rows: what is near a threshold goes astray. All
    that a tree asks of a number is which thresholds are below it. So each number is replaced by how many thresholds
    of its column are, and each threshold by its place among them: small whole numbers, which no float rounds.

    Parameters
    ----------
    estimator
        The model.
    stand_ins
        (m, F): the background rows.
    output
        `"raw"`, what the trees add up, or `"probability"`, to which shap rescales log-odds.
    classes
        How many scores the model has.
    """

    def __init__(self, estimator: Any, stand_ins: np.ndarray, output: str, classes: int) -> None:
        shap = package()
        self.output, self._classes = output, classes
        # shap's own way to a background would draw 100 rows of it
        masker = shap.maskers.Independent(stand_ins, max_samples=len(stand_ins))
        self._explainer = shap.TreeExplainer(
            estimator, masker, feature_perturbation="interventional", model_output=output
        )
        model = self._explainer.model
        inner = model.children_left >= 0
        self._cuts: dict[int, np.ndarray] = {}
        for feature in np.unique(model.features[inner]).tolist():
            here = inner & (model.features == feature)
            self._cuts[feature] = np.unique(model.thresholds[here])
            model.thresholds[here] = np.searchsorted(self._cuts[feature], model.thresholds[here])
        self._explainer.data = self._places(stand_ins)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Values (n, F, K) of rows (n, F)."""
        return of_classes(self._explainer.shap_values(self._places(rows), check_additivity=False), 2, self._classes)

    def says(self, rows: np.ndarray) -> np.ndarray:
        """What the trees make (n, K) of rows (n, F)."""
        return said(self._explainer, self._places(rows), self._classes)

    def _places(self, rows: np.ndarray) -> np.ndarray:
        rounded = rows.astype(self._explainer.model.input_dtype).astype(np.float64)
        places = np.where(np.isnan(rounded), np.nan, 0.0)
        for feature, cuts in self._cuts.items():
            places[:, feature] += np.searchsorted(cuts, rounded[:, feature])
        return places


def trees_that_say(
    estimator: Any, stand_ins: np.ndarray, rows: np.ndarray, scores: np.ndarray
) -> tuple[TreeValues, np.ndarray, np.ndarray]:
    """The trees of a model that gives rows (n, F) these scores (n, K), or what shap rescales them to.

    With the values (F, K) of the first row, and what they are added to (K,).

    Raises
    ------
    NoTrees
        If shap does not know the model, or what its trees say is not the score.
    """
    package()
    unknown: Exception | None = None
    for output in ("raw", "probability"):
        try:
            trees = TreeValues(estimator, stand_ins, output, scores.shape[1])
            values, base = trees(rows[:1])[0], trees.says(stand_ins).mean(0)
            total = (values.sum(0) + base)[None]
            if near(np.concatenate([trees.says(rows), total]), np.concatenate([scores, scores[:1]])):
                return trees, values, base
        except Exception as error:  # shap has no single kind of error for a model that it cannot follow
            if output == "raw":
                unknown = error
    if unknown is not None:
        raise NoTrees(f"{type(unknown).__name__}: {unknown}") from unknown
    raise NotTheScore


def said(explainer: Any, rows: np.ndarray, classes: int) -> np.ndarray:
    """What the trees of an explainer make (n, K) of rows (n, F): of two classes, shap gives the second alone."""
    try:
        found = np.asarray(explainer.model.predict(rows), dtype=np.float64).reshape(len(rows), -1)
    except Exception as error:  # as above
        raise NoTrees(f"{type(error).__name__}: {error}") from error
    return np.hstack([1 - found, found]) if found.shape[1] == 1 and classes == 2 else found


def near(said: np.ndarray, scores: np.ndarray) -> bool:
    """Whether these are the same scores (n, K), but for what is small beside the differences between rows."""
    if said.shape != scores.shape:
        return False
    spread = np.abs(scores - scores.mean(0)).max()
    return bool(np.abs(said - scores).max() <= 1e-3 * spread + 1e-5 * np.abs(scores).max())


def of_classes(values: Any, axes: int, classes: int) -> np.ndarray:
    """What shap gives for `axes` axes, with an axis of classes behind them: of two, shap gives the second alone."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == axes:
        array = array[..., None] if classes == 1 else np.stack([-array, array], axis=-1)
    if array.shape[-1] != classes:
        raise NoTrees(f"shap gives values of {array.shape[-1]} classes, the model has {classes}")
    return array
