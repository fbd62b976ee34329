"""The trees of CatBoost, from the JSON that a model writes of itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbexplain.core.model.own_columns import places_of
from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees, Tree, is_a, table_numbers
from nbexplain.inputs.table_reading import Column

_STATISTICS = "CatBoost splits statistics that it makes of {}, which shap cannot follow"


def read(model: Any, columns: Sequence[Column], sample: Any) -> Ensemble:
    """Of any CatBoost model that splits numbers, or single categories (one-hot)."""
    for kind, features in zip(("categories", "texts", "embeddings"), made_of(model), strict=True):
        if features and kind != "categories":
            raise NoTrees(_STATISTICS.format(kind))
    places = places_of(model, [column.name for column in columns], hasattr(sample, "columns"))
    told = _written(model, columns, places)
    scale, base = told["scale_and_bias"]
    roots = told["trees"] if "trees" in told else map(_branches, told["oblivious_trees"])
    reader = _Reader(told["features_info"], scale, columns, places)
    trees = [reader.tree(root) for root in roots]
    outputs = trees[0].values.shape[1] if trees else 1
    asked = {int(feature) for tree in trees for feature in tree.feature if feature >= 0} - reader.categories
    return Ensemble(
        trees,
        np.broadcast_to(np.array(base, dtype=np.float64), outputs),
        np.float32,
        table_numbers(columns, "CatBoost", but=[place for place in range(len(columns)) if place not in asked]),
    )


def _written(model: Any, columns: Sequence[Column], places: np.ndarray) -> dict[str, Any]:
    """What the model writes of itself, with the hashes of all categories of the table, by which it splits them."""
    from catboost import CatBoostError, Pool

    pool, coded = None, model.get_cat_feature_indices()
    if coded:
        values = [columns[place].categories if place >= 0 else () for place in places]
        count = max(1, *map(len, values))
        rows = np.zeros((count, len(places)), dtype=object)
        for place in coded:
            known = [str(value) for value in values[place]] or [""]
            rows[:, place] = [known[row % len(known)] for row in range(count)]
        pool = Pool(rows, cat_features=coded)
    with tempfile.TemporaryDirectory() as folder:  # it writes to files only
        path = Path(folder) / "model.json"
        try:
            model.save_model(str(path), format="json", pool=pool)
        except CatBoostError as error:
            raise NoTrees(f"CatBoost cannot write its trees ({str(error).splitlines()[0]})") from error
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


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


class _Reader:
    """Makes trees of what a model writes: which column of the table each of its features is, and its categories.

    Attributes
    ----------
    categories
        Columns of the table that are split as categories.
    """

    def __init__(self, told: dict[str, Any], scale: float, columns: Sequence[Column], places: np.ndarray) -> None:
        self._numbers, self._coded = told.get("float_features", ()), told.get("categorical_features", ())
        self._hashes = {entry["value"]: int(entry["hash"]) for entry in told.get("cat_features_hash", ())}
        self._scale, self._columns, self._places = scale, columns, places
        self.categories: set[int] = set()

    def tree(self, root: dict[str, Any]) -> Tree:
        nodes = [root]
        for one in nodes:  # it grows while it is walked
            if "split" in one:
                one["at"] = len(nodes)
                nodes += [one["left"], one["right"]]
        outputs = next(np.size(one["value"]) for one in nodes if "split" not in one)
        left, right, default, feature = (np.full(len(nodes), -1) for _ in range(4))
        threshold, weight, values = np.zeros(len(nodes)), np.zeros(len(nodes)), np.zeros((len(nodes), outputs))
        sets = {}
        for place, one in reversed(list(enumerate(nodes))):  # children before their parents
            if "split" not in one:
                values[place], weight[place] = np.array(one["value"]) * self._scale, one["weight"]
                continue
            split, at = one["split"], one["at"]
            left[place], right[place] = at, at + 1
            weight[place] = weight[at] + weight[at + 1]
            if split["split_type"] == "FloatFeature":
                own = self._numbers[split["float_feature_index"]]
                default[place] = at + (own["nan_value_treatment"] == "AsTrue")
                feature[place], threshold[place] = self._place(own), split["border"]
            elif split["split_type"] == "OneHotFeature":  # the category goes right, all others left
                feature[place] = self._place(self._coded[split["cat_feature_index"]])
                sets[place] = self._others(int(feature[place]), split["value"])
                default[place] = at
            else:
                raise NoTrees(_STATISTICS.format("categories"))
        return Tree(left, right, default, feature, threshold, values, weight, sets)

    def _place(self, feature: dict[str, Any]) -> int:
        place = int(self._places[feature["flat_feature_index"]])
        if place < 0:
            raise NoTrees(f"it splits column {feature['flat_feature_index']}, and the table has {len(self._columns)}")
        return place

    def _others(self, place: int, value: int) -> np.ndarray:
        """The positions of a column's categories but that with a hash."""
        column = self._columns[place]
        if not column.categories:
            raise NoTrees(
                f"it takes the numbers of {column.name!r} for categories; name them with "
                f"Tabular(…, categories={{{column.name!r}: […]}}), all of them"
            )
        self.categories.add(place)
        hashes = np.array([self._hashes[str(category)] for category in column.categories], dtype=np.int64)
        return np.flatnonzero(hashes != value % 2**32)


def made_of(model: Any) -> tuple[list[int], list[int], list[int]]:
    """Which of its features are categories, texts and embeddings, of which CatBoost makes statistics."""
    return model.get_cat_feature_indices(), model.get_text_feature_indices(), model.get_embedding_feature_indices()


def splits_categories(model: Any) -> bool:
    """Whether it is one of CatBoost's that makes statistics of categories or the like."""
    return is_a(model, "catboost", "CatBoost") and any(made_of(model))


def sums(model: Any, rows: Any) -> np.ndarray:
    """What the trees add up (n, R) for rows as the model gets them."""
    found = np.asarray(model.predict(rows, prediction_type="RawFormulaVal"), dtype=np.float64)
    return found.reshape(len(found), -1)


def path_values(model: Any, row: Any, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """CatBoost's own SHAP values (F, R) of a row as the model gets it, and what they are added to (R,).

    `names` are those of the table's F columns.
    """
    from catboost import Pool

    framed = hasattr(row, "columns")
    places = places_of(model, names, framed)
    if framed:  # a pool does not look for its columns by name
        row = row[[row.columns[place] for place in places]]
    coded, texts, embedded = made_of(model)
    pool = Pool(row, cat_features=coded, text_features=texts, embedding_features=embedded)
    found = np.asarray(model.get_feature_importance(pool, type="ShapValues"), dtype=np.float64)
    found = found[0].reshape(-1, found.shape[-1]).T
    values = np.zeros((len(names), found.shape[1]))
    values[places] = found[:-1]
    return values, found[-1]
