"""shap's own loops over trees, told at each call where the nodes send a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.methods.shap_own import package
from nbexplain.core.model.trees.ensemble import Tree

_UNSEEN = 1e-6  # of a row: the weight of a node that no training row came by


@dataclass(frozen=True)
class Nodes:
    """The children of each node (trees, nodes), and up to which number the left one is taken."""

    left: np.ndarray
    right: np.ndarray
    thresholds: np.ndarray


class TreeLoop:
    """`shap.TreeExplainer` of trees.

    Where each tree adds to one sum alone, as the trees of boosted classes do, each sum has an explainer of its own:
    shap would run all trees for all of them.

    Parameters
    ----------
    trees
        What is explained.
    base
        (R,): what their leaves' values are added to.
    """

    def __init__(self, trees: Sequence[Tree], base: np.ndarray) -> None:
        adds = np.array([np.any(tree.values != 0, axis=0) for tree in trees])
        self._sums = len(base)
        self._parts: list[tuple[Any, Any, slice]] = []  # an explainer, its trees, its sums
        if self._sums > 1 and adds.sum(1).max() <= 1:
            for number in range(self._sums):
                chosen = np.flatnonzero(adds[:, number])
                if len(chosen):
                    explainer = _explainer([trees[one] for one in chosen.tolist()], base, slice(number, number + 1))
                    self._parts.append((explainer, chosen, slice(number, number + 1)))
        else:
            everything = slice(None)
            self._parts.append((_explainer(trees, base, everything), everything, everything))
        self.base = base.astype(np.float64)
        for explainer, _, sums in self._parts:  # the mean of the training rows, as the trees have counted them
            self.base[sums] += explainer.model.values[:, 0].sum(0)

    def against(self, nodes: Nodes, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Values (n, F, R) of rows (n, F), where a hidden column takes those of each of others (m, F)."""
        values = np.zeros((*rows.shape, self._sums))
        for explainer, trees, sums in self._parts:
            _send(explainer, nodes, trees)
            explainer.feature_perturbation = "interventional"
            explainer.data, explainer.data_missing = others, np.isnan(others)
            found = np.asarray(explainer.shap_values(rows, check_additivity=False))
            values[..., sums] = found.reshape(*rows.shape, -1)
        return values

    def along_paths(self, nodes: Nodes, row: np.ndarray) -> np.ndarray:
        """Values (F, R) of a row (F,), where hidden columns take the branches in the proportions of training rows."""
        values = np.zeros((len(row), self._sums))
        for explainer, trees, sums in self._parts:
            _send(explainer, nodes, trees)
            found = np.asarray(explainer.shap_values(row[None], check_additivity=False))
            values[..., sums] = found.reshape(len(row), -1)
        return values

    def interactions(self, nodes: Nodes, row: np.ndarray) -> np.ndarray:
        """Interaction values (F, F, R) of a row (F,), in the same way."""
        values = np.zeros((len(row), len(row), self._sums))
        for explainer, trees, sums in self._parts:
            _send(explainer, nodes, trees)
            found = np.asarray(explainer.shap_interaction_values(row[None]))
            values[..., sums] = found.reshape(len(row), len(row), -1)
        return values


def _explainer(trees: Sequence[Tree], base: np.ndarray, sums: slice) -> Any:
    given = [
        {
            "children_left": tree.left,
            "children_right": tree.right,
            "children_default": tree.default,
            "features": tree.feature,
            "thresholds": tree.threshold,
            "values": tree.values[:, sums],
            "node_sample_weight": np.maximum(tree.weight, _UNSEEN),
        }
        for tree in trees
    ]
    return package().TreeExplainer(
        {"trees": given, "base_offset": base[sums]}, feature_perturbation="tree_path_dependent"
    )


def _send(explainer: Any, nodes: Nodes, trees: Any) -> None:
    """Give an explainer the nodes of its trees, which are filled up to the largest of all."""
    model = explainer.model
    width = model.features.shape[1]
    model.children_left, model.children_right = nodes.left[trees, :width], nodes.right[trees, :width]
    model.thresholds = nodes.thresholds[trees, :width]
    explainer.feature_perturbation = "tree_path_dependent"
    explainer.data = explainer.data_missing = None
