"""The trees of LightGBM, from the dump of a booster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees, Tree, among, table_numbers
from nbexplain.inputs.table_reading import Column


def read(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of a Booster, or of one of the classes that look like scikit-learn's."""
    booster = getattr(model, "booster_", model)
    dump = booster.dump_model(num_iteration=-1)
    outputs = dump["num_tree_per_iteration"]
    rounds = len(dump["tree_info"]) // outputs
    scale = float(1 if (told := re.search(r"sigmoid:(\S+)", dump.get("objective") or "")) is None else told[1])
    known = [values for values in dump["pandas_categorical"] or () if values is not None]
    framed = [
        place
        for place, column in enumerate(columns)
        if column.categories and not all(isinstance(value, (bool, np.bool_)) for value in column.categories)
    ]
    split = framed if len(framed) == len(known) else []
    numbers = table_numbers(columns, "LightGBM", but=split)
    for place, values in zip(split, known, strict=False):
        numbers[place] = among(columns[place].categories, values)
    trees = [
        _tree(tree["tree_structure"], number % outputs, outputs, scale) for number, tree in enumerate(dump["tree_info"])
    ]
    counts = [rounds * outputs]
    if booster.best_iteration > 0:
        counts.insert(0, booster.best_iteration * outputs)
    if dump["average_output"]:
        counts = counts[:1]
        trees = [Tree(**{**vars(tree), "values": tree.values * outputs / counts[0]}) for tree in trees]
    return Ensemble(trees, np.zeros(outputs), np.float64, numbers, counts=counts)


def _nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Parents before their children; each is told its number."""
    waiting, count = [root], 0
    while waiting:
        node = waiting.pop()
        node["number"], count = count, count + 1
        if "left_child" in node:
            waiting += [node["left_child"], node["right_child"]]
        yield node


def _tree(root: dict[str, Any], output: int, outputs: int, scale: float) -> Tree:
    nodes = list(_nodes(root))
    left, right, default, feature = (np.full(len(nodes), -1) for _ in range(4))
    threshold, weight, values = np.zeros(len(nodes)), np.zeros(len(nodes)), np.zeros((len(nodes), outputs))
    sets = {}
    for place, node in enumerate(nodes):
        if "left_child" not in node:
            if "leaf_coeff" in node:
                raise NoTrees("its leaves hold linear models (linear_tree=True)")
            values[place, output] = node["leaf_value"] * scale
            weight[place] = node.get("leaf_count", 0)
            continue
        left[place], right[place] = node["left_child"]["number"], node["right_child"]["number"]
        feature[place], weight[place] = node["split_feature"], node["internal_count"]
        if node["decision_type"] == "==":  # NaN belongs to no set
            sets[place] = np.array([int(number) for number in node["threshold"].split("||")])
            default[place] = right[place]
            continue
        threshold[place] = node["threshold"]
        towards = node["default_left"]
        if node["missing_type"] == "None":  # NaN is taken as 0
            towards = threshold[place] >= 0
        elif node["missing_type"] == "Zero":
            raise NoTrees("it takes 0 as missing (zero_as_missing=True)")
        default[place] = left[place] if towards else right[place]
    return Tree(left, right, default, feature, threshold, values, weight, sets)
