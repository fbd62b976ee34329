"""The trees of CatBoost, from the JSON that a model writes of itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees, Tree, is_a, table_numbers
from nbexplain.inputs.table_reading import Column


def read(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of any CatBoost model whose columns are numbers."""
    if splits_categories(model):
        raise NoTrees("CatBoost splits statistics that it makes of categories, which shap cannot follow")
    with tempfile.TemporaryDirectory() as folder:  # it writes to files only
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        told = json.loads(path.read_text(encoding="utf-8"))
    scale, base = told["scale_and_bias"]
    roots = told["trees"] if "trees" in told else map(_branches, told["oblivious_trees"])
    trees = [_tree(root, told["features_info"]["float_features"], scale) for root in roots]
    outputs = trees[0].values.shape[1] if trees else 1
    return Ensemble(
        trees,
        np.broadcast_to(np.array(base, dtype=np.float64), outputs),
        np.float32,
        table_numbers(columns, "CatBoost"),
    )


def _branches(tree: dict[str, Any]) -> dict[str, Any]:
    """A tree whose nodes of a level split alike, written as the others are: nodes that hold `left` and `right`."""
    splits, weights = tree["splits"] or [], tree["leaf_weights"]
    values = np.reshape(tree["leaf_values"], (len(weights), -1))

    def node(level: int, leaf: int) -> dict[str, Any]:
        if level < 0:
            return {"value": values[leaf], "weight": weights[leaf]}
        # a split's place is its bit in the number of a leaf
        return {
            "split": splits[level],
            "left": node(level - 1, leaf),
            "right": node(level - 1, leaf + 2**level),
        }

    return node(len(splits) - 1, 0)


def _tree(root: dict[str, Any], features: Sequence[dict[str, Any]], scale: float) -> Tree:
    nodes = [root]
    for one in nodes:  # it grows while it is walked
        if "split" in one:
            one["at"] = len(nodes)
            nodes += [one["left"], one["right"]]
    outputs = next(np.size(one["value"]) for one in nodes if "split" not in one)
    left, right, default, feature = (np.full(len(nodes), -1) for _ in range(4))
    threshold, weight, values = np.zeros(len(nodes)), np.zeros(len(nodes)), np.zeros((len(nodes), outputs))
    for place, one in reversed(list(enumerate(nodes))):  # children before their parents
        if "split" not in one:
            values[place], weight[place] = np.array(one["value"]) * scale, one["weight"]
            continue
        if one["split"]["split_type"] != "FloatFeature":
            raise NoTrees(f"it splits a {one['split']['split_type']}, not a number")
        own = features[one["split"]["float_feature_index"]]
        left[place], right[place] = one["at"], one["at"] + 1
        default[place] = one["at"] + (own["nan_value_treatment"] == "AsTrue")
        feature[place], threshold[place] = own["flat_feature_index"], one["split"]["border"]
        weight[place] = weight[one["at"]] + weight[one["at"] + 1]
    return Tree(left, right, default, feature, threshold, values, weight)


def splits_categories(model: Any) -> bool:
    """Whether it is one of CatBoost's that makes statistics of categories."""
    return is_a(model, "catboost", "CatBoost") and len(model.get_cat_feature_indices()) > 0


def sums(model: Any, rows: Any) -> np.ndarray:
    """What the trees add up (n, R) for rows as the model gets them."""
    found = np.asarray(model.predict(rows, prediction_type="RawFormulaVal"), dtype=np.float64)
    return found.reshape(len(found), -1)


def path_values(model: Any, row: Any) -> tuple[np.ndarray, np.ndarray]:
    """CatBoost's own SHAP values (F, R) of a row as the model gets it, and what they are added to (R,)."""
    from catboost import Pool

    pool = Pool(row, cat_features=model.get_cat_feature_indices())
    found = np.asarray(model.get_feature_importance(pool, type="ShapValues"), dtype=np.float64)
    found = found[0].reshape(-1, found.shape[-1]).T
    return found[:-1], found[-1]
