"""Tree SHAP: Shapley values of trees and forests from their structure, by shap's own explainer."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.layers import Layer
from nbexplain.core.methods.hiding import Background
from nbexplain.core.methods.shap_tree_gap import measured_gap
from nbexplain.core.methods.shap_trees import near, tree_values
from nbexplain.core.methods.shap_values import Rows, background_rows, by_value
from nbexplain.core.model.trees import catboost_trees
from nbexplain.core.model.trees.ensemble import NoTrees
from nbexplain.core.model.trees.links import Link, usual
from nbexplain.core.model.trees.reading import unwrapped, without_trees
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import Choice, method
from nbexplain.core.subject import Subject

_OTHERS = "permutation_shap, kernel_shap or exact_shap, which take any model"


def proportion(link: Link, gap: float) -> str:
    """What must be said where a score is a curve of what the trees add up, and values are off by up to `gap`."""
    digit = 10.0 ** np.floor(np.log10(gap)) if gap > 0 else 1.0
    most = np.ceil(gap / digit) * digit  # rounded up
    exactly = "; scores=torch.logit explains the log-odds themselves, exactly" if link.by_logit else ""
    return (
        f"the trees add up the {link.unit}: each difference in the score is shared in proportion to the values of "
        f"that, not by Shapley values, from which they are off by up to about {most:.1g} here{exactly}"
    )


def _no_trees(subject: Subject, layer: Layer | None) -> str:
    module = subject.twin.module
    return without_trees(module.estimator if isinstance(module, Predictor) else module)


@method(
    label="Tree SHAP",
    paper="Lundberg et al. 2020, arXiv:1905.04610",
    kinds=("table",),
    of_class=True,
    unfit=_no_trees,
    by_model=True,
)
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
    the training rows that go the same way down the tree. Takes trees, forests, boosted and isolation trees of
    scikit-learn, XGBoost, LightGBM and CatBoost, with categories that they split, and searches over these; the loops
    are shap's. Where the score is a probability and the trees add up log-odds, the difference from each background
    row's probability is shared in proportion to the log-odds' values (shap's rescale rule, for several classes along a
    straight line): that is no longer exact, and a warning says by how much (`measured_gap`); `scores=torch.logit` asks
    for the log-odds of two classes themselves, as shap does by default.

    Raises
    ------
    ValueError
        If the model has no trees that can be read, or the score does not follow from what they add up.
    """
    module: Any = subject.twin.module
    estimator = module.estimator if isinstance(module, Predictor) else module
    if reason := without_trees(estimator):
        raise ValueError(f"model: tree_shap needs the trees themselves, and {reason}; or use {_OTHERS}")
    rows = background_rows(subject, background, stand_in)
    classes = subject.scores().shape[-1]
    if not isinstance(target, int) or subject.scores().ndim != 2:
        raise ValueError(f"target: tree_shap explains one of {classes} scores, got {target!r}")
    tried = np.concatenate([subject.input.tensor.numpy(), rows])
    scores = subject.evaluate(torch.from_numpy(tried)).double().cpu().numpy()
    notes: tuple[str, ...] = ()
    paths = hidden != "interventional"
    try:
        if paths and catboost_trees.splits_categories(unwrapped(estimator)):
            values, base = _of_catboost(subject, unwrapped(estimator), tried, scores)
        else:
            trees = tree_values(subject, estimator, tried, scores)
            if paths:
                values, base = trees.along_paths(tried[0])
            else:
                values, base = trees.interventional(tried[:1], rows)[0], scores[1:].mean(0)
                if trees.link.curve is not None:
                    gap = float(measured_gap(trees, tried[0], rows, values)[target])
                    notes = (proportion(trees.link, gap),)
    except NoTrees as error:
        model = unwrapped(estimator)
        way = ""
        if catboost_trees.splits_categories(model) and (sums := _sum_of_catboost(subject, model, tried, scores)):
            way = f"explain the sum of its trees with {sums}, or "
        raise ValueError(
            f"model: tree_shap cannot explain this {type(model).__name__}: {error}; {way}use {_OTHERS}"
        ) from error
    return by_value(subject, target, values[:, target], float(base[target]), rows, warnings=notes)


def _of_catboost(subject: Subject, model: Any, tried: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (F, K) and bases (K,) of the first row, by CatBoost, whose trees read what it makes of categories."""
    table: Any = subject.input
    link = _link_of_catboost(subject, model, tried, scores)
    if link is None or link.curve is not None:
        told = "something else" if link is None else f"the {link.unit}"
        raise NoTrees(f"its trees add up {told}, and this way of hiding explains their sum alone")
    values, base = catboost_trees.path_values(model, table.outside(table.tensor), table.names)
    return values @ link.matrix.T, link(base[None])[0]


def _link_of_catboost(subject: Subject, model: Any, tried: np.ndarray, scores: np.ndarray) -> Link | None:
    """How the scores (n, K) of rows follow from what CatBoost's trees add up; None if they do not."""
    table: Any = subject.input
    sums = catboost_trees.sums(model, table.outside(torch.from_numpy(tried)))
    return next((link for link in usual(sums.shape[1], scores.shape[1]) if near(link(sums), scores)), None)


def _sum_of_catboost(subject: Subject, model: Any, tried: np.ndarray, scores: np.ndarray) -> str:
    """The arguments with which CatBoost explains what its trees add up, or `""` where it has no such scores."""
    link = _link_of_catboost(subject, model, tried, scores)
    if link is None or (link.curve is not None and not link.by_logit):
        return ""
    return "hidden='tree_path_dependent'" + ", scores=torch.logit" * (link.curve is not None)
