"""The trees of XGBoost, from the JSON that a booster writes of itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees, Numbers, Tree, among, looked_up, table_numbers
from nbexplain.inputs.table_reading import Column

_LOG_ODDS = ("binary:logistic", "reg:logistic")  # of binary:logitraw the base is a margin already
_LOGARITHM = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:aft", "survival:cox")


def read(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of a Booster, or of one of the classes that look like scikit-learn's."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    learner = json.loads(booster.save_raw("json"))["learner"]
    grown = learner["gradient_booster"]
    if grown["name"] == "gblinear":
        raise NoTrees("booster='gblinear' is a linear model, without trees")
    weights = grown.get("weight_drop")
    grown = grown.get("gbtree", grown)["model"]
    if any(tree["tree_param"]["size_leaf_vector"] not in ("0", "1") for tree in grown["trees"]):
        raise NoTrees("its leaves hold a vector each (multi_strategy='multi_output_tree')")
    told = learner["learner_model_param"]
    outputs = max(int(told["num_class"]), int(told["num_target"]), 1)
    types = list(booster.feature_types or ())
    split = [place for place, kind in enumerate(types) if kind == "c"]
    numbers = table_numbers(columns, "XGBoost", but=split)
    known = grown.get("cats", {}).get("enc") or [{}] * len(types)
    for place in split:
        if columns[place].categories:
            numbers[place] = _codes(columns[place], known[place])
    trees = [
        _tree(tree, output, outputs, 1.0 if weights is None else weights[number])
        for number, (tree, output) in enumerate(zip(grown["trees"], grown["tree_info"], strict=True))
    ]
    counts = [len(trees)]
    ends = grown.get("iteration_indptr")
    best = booster.attributes().get("best_iteration")
    if best is not None and ends is not None:
        counts.append(ends[int(best) + 1])
    return Ensemble(
        trees,
        _base(told["base_score"], learner["objective"]["name"], outputs),
        np.float32,
        numbers,
        missing=float(getattr(model, "missing", np.nan)),
        counts=counts,
    )


def _base(score: str, objective: str, outputs: int) -> np.ndarray:
    """What all trees are added to (R,): `base_score`, a number or a list in words, on the scale of the sum."""
    base = np.broadcast_to(np.array(json.loads(score), dtype=np.float64).ravel(), outputs)
    if objective in _LOG_ODDS:
        return np.log(base) - np.log1p(-base)
    return np.log(base) if objective in _LOGARITHM else base


def _tree(tree: dict[str, Any], output: int, outputs: int, weight: float) -> Tree:
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    leaf = left < 0
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    values = np.zeros((len(left), outputs))
    values[:, output] = np.where(leaf, conditions.astype(np.float64) * weight, 0)
    towards = np.where(np.array(tree["default_left"]).astype(bool), left, right)
    sets = {}
    for node, start, size in zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    ):
        sets[node] = np.array(tree["categories"][start : start + size])
        left[node], right[node] = right[node], left[node]  # the set goes right
    return Tree(
        left,
        right,
        towards,
        np.where(leaf, -1, np.array(tree["split_indices"])),
        # less than the condition goes left: up to the number before it
        np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64),
        values,
        np.array(tree["sum_hessian"], dtype=np.float64),
        sets,
    )


def _codes(column: Column, known: dict[str, Any]) -> Numbers:
    """Positions among a column's categories → the codes that the trees split.

    Since 3.1 a booster keeps the categories of the frame that it was trained on, whose codes count; strings as bytes.
    Without any it was trained on codes. Strings beyond ASCII come back cut short (3.2): there, positions count.
    """
    values = known.get("values") or []
    if "offsets" in known:
        told = np.array(values, dtype=np.int64).astype(np.uint8).tobytes()
        values = [told[start:end].decode(errors="replace") for start, end in pairwise(known["offsets"])]
    if values and not (len(values) == len(column.categories) and set(values) != set(column.categories)):
        return among(column.categories, values)
    numeric = not values and all(isinstance(value, (int, float)) for value in column.categories)
    return looked_up(np.array(column.categories if numeric else range(len(column.categories)), dtype=np.float64))
