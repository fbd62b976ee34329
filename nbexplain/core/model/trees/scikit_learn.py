"""The trees of scikit-learn: single ones, forests, boosted ones, histogram boosting, isolation forests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees, Numbers, Tree, is_a, table_numbers
from nbexplain.core.model.trees.links import Link, exponential
from nbexplain.inputs.table_reading import Column

SINGLE = ("DecisionTreeClassifier", "DecisionTreeRegressor")  # and what comes from them
FORESTS = ("ForestClassifier", "ForestRegressor")
BOOSTED = ("GradientBoostingClassifier", "GradientBoostingRegressor")
HISTOGRAM = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")


def single(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of one tree."""
    return _mean([model.tree_], model, columns)


def forest(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of a random forest, or of extremely randomized trees."""
    return _mean([member.tree_ for member in model.estimators_], model, columns)


def boosted(model: Any, columns: Sequence[Column], sample: Any) -> Ensemble:
    """Of gradient boosting, which starts from a constant."""
    if not (is_a(model.init_, "sklearn", "DummyClassifier", "DummyRegressor") or model.init_ == "zero"):
        raise NoTrees(f"it starts from the predictions of a {type(model.init_).__name__}, which is no tree of its own")
    members, outputs = model.estimators_, model.estimators_.shape[1]
    trees = []
    for row in members:
        for output, member in enumerate(row):
            values = np.zeros((member.tree_.node_count, outputs))
            values[:, output] = member.tree_.value[:, 0, 0] * model.learning_rate
            trees.append(_tree(member.tree_, values))
    # the constant is what the model says beyond its trees
    said = model.decision_function(sample) if hasattr(model, "decision_function") else model.predict(sample)
    numbers = np.asarray(sample, dtype=np.float32)  # `apply` hands frames on to trees that were fitted without names
    grown = np.vectorize(lambda member: member.tree_.value[member.tree_.apply(numbers)[0], 0, 0])(members)
    base = np.reshape(said, -1)[:outputs] - model.learning_rate * grown.sum(0)
    return Ensemble(trees, base, np.float32, table_numbers(columns, type(model).__name__))


def isolation(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of an isolation forest: its score is −2^(−mean depth / c) − offset (Liu et al. 2008)."""
    rate = -np.log(2) / (_average_depth(np.array([model.max_samples_]))[0] * len(model.estimators_))
    trees = []
    for member, own in zip(model.estimators_, model.estimators_features_, strict=True):
        tree = member.tree_
        depth = np.zeros(tree.node_count)
        for node in range(tree.node_count):  # children come after their parents
            if tree.children_left[node] >= 0:
                depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
        values = rate * (depth + _average_depth(tree.n_node_samples))
        trees.append(_tree(tree, values[:, None], np.asarray(own)))
    ways = np.array([[-1.0]]), np.array([[1.0], [-1.0]])  # the score itself, and those of outliers and of inliers
    links = [
        Link("path length", signs, shift * signs[:, 0], exponential, exponential)
        for shift in (float(model.offset_), 0.0)  # of decision_function, and of score_samples
        for signs in ways
    ]
    numbers = table_numbers(columns, type(model).__name__)
    return Ensemble(trees, np.zeros(1), np.float32, numbers, links=links)


def histogram(model: Any, columns: Sequence[Column], _sample: Any) -> Ensemble:
    """Of histogram gradient boosting, whose categories are split by sets."""
    outputs = len(model._predictors[0])
    split = getattr(model, "is_categorical_", None)
    chosen = np.zeros(len(columns), dtype=bool) if split is None else np.asarray(split)
    own = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])  # categories come first
    numbers = table_numbers(columns, type(model).__name__, but=np.flatnonzero(chosen).tolist())
    if chosen.any():
        known = model._preprocessor.named_transformers_["encoder"].categories_
        for place, categories in zip(np.flatnonzero(chosen).tolist(), known, strict=True):
            numbers[place] = _position(columns[place], categories)
    trees = []
    for members in model._predictors:
        for output, member in enumerate(members):
            nodes = member.nodes
            leaf = nodes["is_leaf"].astype(bool)
            left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
            values = np.zeros((len(nodes), outputs))
            values[:, output] = nodes["value"]
            trees.append(
                Tree(
                    left,
                    right,
                    np.where(nodes["missing_go_to_left"].astype(bool), left, right),
                    np.where(leaf, -1, own[np.where(leaf, 0, nodes["feature_idx"])]),
                    nodes["num_threshold"].astype(np.float64),
                    values,
                    nodes["count"].astype(np.float64),
                    {
                        int(node): _members(member.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
                        for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
                    },
                )
            )
    base = np.broadcast_to(np.reshape(model._baseline_prediction, -1), outputs).astype(np.float64)
    return Ensemble(trees, base, np.float64, numbers)


def _mean(grown: Sequence[Any], model: Any, columns: Sequence[Column]) -> Ensemble:
    """The mean of trees: of classes, the shares of each at a leaf; of several outputs, one after the other."""
    classes = hasattr(model, "classes_")
    trees = []
    for tree in grown:
        values = tree.value / tree.value.sum(2, keepdims=True) if classes else tree.value
        trees.append(_tree(tree, values.reshape(len(values), -1) / len(grown)))
    if classes and grown[0].n_outputs > 1:  # outputs of fewer classes are filled up
        told = np.concatenate([np.arange(grown[0].max_n_classes) < count for count in grown[0].n_classes])
        trees = [Tree(**{**vars(tree), "values": tree.values[:, told]}) for tree in trees]
    base = np.zeros(trees[0].values.shape[1])
    return Ensemble(trees, base, np.float32, table_numbers(columns, type(model).__name__))


def _tree(tree: Any, values: np.ndarray, own: np.ndarray | None = None) -> Tree:
    """One of scikit-learn's; `own` are the columns that it was grown on."""
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    towards = getattr(tree, "missing_go_to_left", None)
    return Tree(
        left,
        right,
        right if towards is None else np.where(towards.astype(bool), left, right),
        tree.feature.astype(np.int64) if own is None else np.where(left < 0, -1, own[np.maximum(tree.feature, 0)]),
        tree.threshold.astype(np.float64),
        values.astype(np.float64),
        tree.weighted_n_node_samples.astype(np.float64),
    )


def _average_depth(samples: np.ndarray) -> np.ndarray:
    """How deep so many samples would be told apart on average, as `IsolationForest` counts it."""
    many = np.maximum(samples.astype(np.float64), 3)
    depth = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, depth))


def _position(column: Column, known: Sequence[Any] | np.ndarray) -> Numbers:
    """What a table holds → its position among the categories that were fitted."""
    places = {value: float(place) for place, value in enumerate(np.asarray(known).tolist())}
    own = column.categories

    def numbers(values: np.ndarray) -> np.ndarray:
        told = [own[int(value)] for value in values] if own else values.tolist()
        return np.array([places.get(value, np.nan) for value in told])

    return numbers


def _members(bits: np.ndarray) -> np.ndarray:
    """The numbers in a set of bits, 32 in each word."""
    numbers = np.arange(32 * len(bits))
    found: np.ndarray = numbers[(bits[numbers // 32] >> (numbers % 32).astype(bits.dtype)) & 1 == 1]
    return found
