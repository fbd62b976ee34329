"""Tree SHAP: Shapley values of trees and forests from their structure, by shap's own explainer."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.layers import Layer
from nbexplain.core.methods.hiding import Background
from nbexplain.core.methods.shap_own import package
from nbexplain.core.methods.shap_trees import NoTrees, NotTheScore, near, of_classes, said, trees_that_say
from nbexplain.core.methods.shap_values import Rows, background_rows, by_value
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import Choice, method
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular

_OTHERS = "permutation_shap, kernel_shap or exact_shap, which take any model"

_PROPORTION = (
    "the trees add up log-odds: the probability is shared in proportion to these, which is close to Shapley values but "
    "not equal to them"
)


def _no_trees(subject: Subject, layer: Layer | None) -> str:
    module = subject.twin.module
    trees = isinstance(module, Predictor) and hasattr(module.estimator, "feature_importances_")
    return "" if trees else "it needs a model made of trees"


@method(label="Tree SHAP", paper="Lundberg et al. 2020, arXiv:1905.04610", kinds=("table",), unfit=_no_trees)
def tree_shap(
    subject: Subject,
    target: Target,
    *,
    hidden: Annotated[
        str, Choice("what a hidden column is replaced by", ("interventional", "tree_path_dependent"))
    ] = "interventional",
    background: Background = 100,
    stand_in: Rows = "sample",
) -> Explanation:
    """Shapley values of a tree, a forest or boosted trees, from their structure.

    Values are (feature,), in units of the score; with `base`, the score with all columns hidden, they add up to it.
    `interventional` hides a column by those of the background rows, as the other methods do; `tree_path_dependent` by
    the training rows that go the same way down the tree. Computed by `shap.TreeExplainer` in the trees' own units.
    Where the score is a probability and the trees add up log-odds, shap shares the difference from each background
    row's probability in proportion to the log-odds' values: that is no longer exact, and a warning says so.

    Raises
    ------
    ValueError
        If the model is no tree or forest that shap knows, or its trees add up something else than the score.
    """
    module: Any = subject.twin.module
    estimator = module.estimator if isinstance(module, Predictor) else module
    kind = type(estimator).__name__
    if hasattr(estimator, "steps"):
        last = type(estimator.steps[-1][1]).__name__
        raise ValueError(
            f"model: tree_shap needs the trees themselves, and {last} is the last step of a {kind}, behind others; "
            f"give the last step with rows as it gets them (model[:-1].transform), or use {_OTHERS}"
        )
    rows = background_rows(subject, background, stand_in)
    _check_numbers(subject, kind)
    score, classes = subject.score(target), subject.scores().shape[-1]
    if not isinstance(target, int) or subject.scores().ndim != 2:
        raise ValueError(f"target: tree_shap explains one of {classes} scores, got {target!r}")
    tried = np.concatenate([subject.input.tensor.numpy(), rows])
    scores = subject.evaluate(torch.from_numpy(tried)).double().cpu().numpy()
    notes: tuple[str, ...] = ()
    try:
        if hidden == "interventional":
            trees, values, base = trees_that_say(estimator, rows, tried, scores)
            notes = () if trees.output == "raw" else (_PROPORTION,)
        else:
            values, base = _along_paths(estimator, tried, scores)
    except NotTheScore:
        instead = "'interventional', or " if hidden != "interventional" and classes == 2 else ""
        raise ValueError(
            f"hidden: with {hidden!r}, the trees of this {kind} do not add up to the score {score:.4g} but to "
            f"something else, such as log-odds; use {instead}{_OTHERS}"
        ) from None
    except NoTrees as error:
        raise ValueError(
            f"model: {kind} is no tree or forest that shap knows; use {_OTHERS}; shap says: {error}"
        ) from error
    return by_value(subject, target, values[:, target], float(base[target]), rows, warnings=notes)


def _along_paths(estimator: Any, tried: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (features, classes) and bases (classes,) of the first row, if the trees say these scores of all rows."""
    shap, classes = package(), scores.shape[1]
    try:
        explainer = shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent")
        given = explainer.shap_values(tried[:1], check_additivity=False)
    except Exception as error:  # shap has no single kind of error for a model that it cannot follow
        raise NoTrees(f"{type(error).__name__}: {error}") from error
    values = of_classes(given, 2, classes)[0]
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64)).ravel()
    base = np.array([1 - base[0], base[0]]) if len(base) == 1 and classes == 2 else base
    found = np.concatenate([said(explainer, tried, classes), (base + values.sum(0))[None]])
    if not near(found, np.concatenate([scores, scores[:1]])):
        raise NotTheScore
    return values, base


def _check_numbers(subject: Subject, kind: str) -> None:
    table = subject.input
    assert isinstance(table, Tabular)
    names = [column.name for column in table.columns if column.categories]
    if names:
        raise ValueError(
            f"x: tree_shap reads the numbers that the trees split, and the {kind} gets categories in "
            f"{', '.join(map(repr, names))}; use {_OTHERS}"
        )
