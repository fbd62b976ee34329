"""Tree SHAP against Shapley's formula, and in words where there are no trees."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shap
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from torch import nn

from nbexplain import explain
from nbexplain.core.model.trees.ensemble import NoTrees
from nbexplain.core.model.trees.reading import ensemble_of
from nbexplain.inputs import Tabular
from tests.core import oracles


@functools.cache
def samples() -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(0).normal(size=(60, 6))
    return rows, (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0).astype(int) + (rows[:, 3] > 1)


def game(model: Any, row: np.ndarray, rows: np.ndarray, target: int) -> oracles.Values:
    """Mean score with the hidden columns of each background row in turn."""

    def score(keep: np.ndarray) -> np.ndarray:
        mixed = np.where(keep[:, None, :] > 0, row, rows).reshape(-1, len(row))
        said = model.predict_proba(mixed)[:, target] if hasattr(model, "predict_proba") else model.predict(mixed)
        return said.reshape(len(keep), -1).mean(1)

    return score


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (RandomForestClassifier(10, random_state=0), 2),
        (HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=5), 0),
        (DecisionTreeRegressor(max_depth=4), 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_interventional_values_are_shapleys_formula(model: Any, target: int) -> None:
    rows, classes = samples()
    model.fit(rows, classes)
    row = rows[0] + 0.3
    ours = explain(model, Tabular(row, rows), "tree_shap", target=target)
    right = oracles.shapley(game(model, row, rows, target), 6)
    assert np.abs(right).max() > 0.01
    np.testing.assert_allclose(ours.values, right, atol=1e-3 * np.abs(right).max())
    assert ours.base == pytest.approx(game(model, row, rows, target)(np.zeros((1, 6)))[0], abs=1e-6)
    assert abs(ours.gap) < 1e-6  # type: ignore[arg-type]
    assert ours.details["background rows"] == 60


@pytest.mark.parametrize("way", ["decision_function", "score_samples"])
def test_an_isolation_forest_whose_two_sides_are_named(way: str) -> None:
    rows = samples()[0]
    model = IsolationForest(n_estimators=5, contamination=0.2, random_state=0).fit(rows)
    x = Tabular(rows[0], rows)
    forward = None if way == "decision_function" else lambda forest, some: forest.score_samples(some)
    asked: dict[str, Any] = {"classes": ("outlier", "inlier"), "forward": forward}
    inlier, outlier = (explain(model, x, "tree_shap", target=name, **asked) for name in ("inlier", "outlier"))
    alone = explain(model, x, "tree_shap", forward=forward)
    np.testing.assert_allclose(inlier.values, alone.values, atol=1e-9)
    np.testing.assert_allclose(outlier.values, -alone.values, atol=1e-9)
    assert inlier.values.sum() == pytest.approx(
        getattr(model, way)(rows[:1])[0] - getattr(model, way)(rows).mean(), abs=1e-6
    )


@functools.cache
def tumours() -> tuple[np.ndarray, np.ndarray]:
    rows, classes = load_breast_cancer(return_X_y=True)
    return rows[:, :6], classes


def test_numbers_on_a_threshold_go_the_way_that_the_model_sends_them() -> None:
    """Measured to a tenth, so that thresholds fall on them, and shap by itself rounds some to the other side."""
    rows = load_iris().data[:, 1:]
    model = RandomForestRegressor(50, random_state=0).fit(rows, load_iris().data[:, 0])
    for row in rows[::15]:
        ours = explain(model, Tabular(row, rows), "tree_shap")
        right = oracles.shapley(game(model, row, rows[np.sort(np.random.default_rng(0).permutation(150)[:100])], 0), 3)
        np.testing.assert_allclose(ours.values, right, atol=1e-5 * np.abs(right).max())


def test_thresholds_that_no_single_float_holds() -> None:
    rows, _ = tumours()
    model = HistGradientBoostingRegressor(max_iter=5).fit(rows, rows[:, 0] * rows[:, 1])
    for row in rows[::80]:
        ours = explain(model, Tabular(row, rows[:60]), "tree_shap")
        right = oracles.shapley(game(model, row, rows[:60], 0), 6)
        np.testing.assert_allclose(ours.values, right, atol=1e-5 * np.abs(right).max())


def test_what_is_missing_goes_its_own_way() -> None:
    rows, classes = samples()
    rows = np.where(np.random.default_rng(3).random(rows.shape) < 0.2, np.nan, rows)
    model = HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=5).fit(rows, classes)
    ours = explain(model, Tabular(rows[1], rows), "tree_shap")
    right = oracles.shapley(game(model, rows[1], rows, 0), 6)
    np.testing.assert_allclose(ours.values, right, atol=1e-5 * np.abs(right).max())


def test_log_odds_near_the_probability_are_still_none() -> None:
    """Where p is 0.659, the log-odds are 0.659 too: other rows tell them apart."""
    rows, classes = tumours()
    model = GradientBoostingClassifier(n_estimators=30, random_state=0).fit(rows, classes)
    said, odds = model.predict_proba(rows)[:, 1], model.decision_function(rows)
    near = int(np.abs(said - odds).argmin())
    assert abs(said[near] - odds[near]) < 2e-3
    ours = explain(model, Tabular(rows[near], rows), "tree_shap", target=1)
    kept = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:100])]
    assert ours.base == pytest.approx(model.predict_proba(kept)[:, 1].mean())
    assert any("in proportion" in note for note in ours.warnings)
    with pytest.raises(ValueError, match="its trees add up the log-odds"):
        explain(model, Tabular(rows[near], rows), "tree_shap", target=1, hidden="tree_path_dependent")


def test_histogram_boosting_is_taken_for_every_row() -> None:
    rows, classes = tumours()
    model = HistGradientBoostingClassifier(max_iter=30).fit(rows, classes)
    for row in rows[::60]:
        for target in (0, 1):
            ours = explain(model, Tabular(row, rows), "tree_shap", target=target)
            assert abs(ours.gap) < 1e-6  # type: ignore[arg-type]
            assert any("in proportion" in note for note in ours.warnings)


@pytest.mark.parametrize("hidden", ["interventional", "tree_path_dependent"])
def test_a_score_that_does_not_follow_from_the_trees_is_refused_with_both(hidden: str) -> None:
    class Louder(RandomForestRegressor):
        def predict(self, x: np.ndarray) -> np.ndarray:
            return super().predict(x) ** 2

    model = Louder(4, random_state=0).fit(np.arange(12.0)[:, None].repeat(6, 1), np.full(12, 3.0))
    table = Tabular(np.zeros(6), np.ones((3, 6)))
    with pytest.raises(ValueError, match=r"its 4 trees add up to 3 where the model's score is 9, .*; use permu"):
        explain(model, table, "tree_shap", hidden=hidden)


def test_several_classes_share_probabilities_along_a_straight_line_of_log_odds() -> None:
    rows, classes = samples()
    model = GradientBoostingClassifier(n_estimators=6, random_state=0).fit(rows, classes)

    def softmax(sums: np.ndarray) -> np.ndarray:
        return np.exp(sums) / np.exp(sums).sum(-1, keepdims=True)

    np.testing.assert_allclose(softmax(model.decision_function(rows)), model.predict_proba(rows))
    right = np.zeros(6)
    steps = (np.arange(400) + 0.5)[:, None] / 400
    for other in rows[:10]:
        start, end = model.decision_function([other, rows[0]])
        shares = softmax(start + steps * (end - start))
        slopes = (shares[:, 1, None] * (np.eye(3)[1] - shares)).mean(0)  # of class 1's probability, by each sum
        for output in range(3):
            odds = oracles.shapley(
                lambda keep, other=other, k=output: model.decision_function(np.where(keep > 0, rows[0], other))[:, k], 6
            )
            right += slopes[output] * odds / 10
    ours = explain(model, Tabular(rows[0], rows[:10]), "tree_shap", target=1)
    np.testing.assert_allclose(ours.values, right, atol=1e-4 * np.abs(right).max())
    assert any("in proportion" in note for note in ours.warnings)
    assert abs(ours.gap) < 1e-6  # type: ignore[arg-type]


def test_boosted_trees_share_probabilities_in_proportion_to_log_odds() -> None:
    rows, classes = samples()
    model = GradientBoostingClassifier(n_estimators=10, random_state=0).fit(rows, np.minimum(classes, 1))
    first, second = (explain(model, Tabular(rows[0], rows), "tree_shap", target=target) for target in (0, 1))
    right = np.zeros(6)
    for other in rows:  # against each background row: its difference in probability, shared like that in log-odds
        odds = oracles.shapley(lambda keep, other=other: model.decision_function(np.where(keep > 0, rows[0], other)), 6)
        apart = np.diff(model.predict_proba([other, rows[0]])[:, 1])[0]
        right += odds * (apart / odds.sum() if abs(odds.sum()) > 1e-9 else 0) / len(rows)
    np.testing.assert_allclose(second.values, right, atol=1e-4 * np.abs(right).max())
    assert any("in proportion" in note for note in second.warnings)
    np.testing.assert_allclose(first.values, -second.values)
    assert first.base + second.base == pytest.approx(1)  # type: ignore[operator]


def test_more_than_a_hundred_rows_are_all_used() -> None:
    rows = np.random.default_rng(1).normal(size=(300, 6))  # shap by itself would draw 100
    model = DecisionTreeRegressor(max_depth=4).fit(rows, rows[:, 0] * rows[:, 1])
    ours = explain(model, Tabular(rows[0], rows), "tree_shap", background=300)
    np.testing.assert_allclose(ours.values, oracles.shapley(game(model, rows[0], rows, 0), 6), atol=1e-4)


def test_path_dependent_values_are_shaps() -> None:
    rows, classes = samples()
    model = RandomForestClassifier(10, random_state=0).fit(rows, classes)
    ours = explain(model, Tabular(rows[0], rows), "tree_shap", target=1, hidden="tree_path_dependent")
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    np.testing.assert_allclose(ours.values, explainer.shap_values(rows[:1])[0, :, 1], atol=1e-6)
    assert ours.base == pytest.approx(explainer.expected_value[1])


def test_what_is_no_tree_is_named_with_what_remains() -> None:
    rows, classes = samples()
    row, remains = Tabular(rows[0], rows), "permutation_shap, kernel_shap or exact_shap"
    logistic = LogisticRegression().fit(rows, classes)
    with pytest.raises(
        ValueError,
        match=f"model: tree_shap needs the trees themselves, and LogisticRegression is no .*; or use {remains}",
    ):
        explain(logistic, row, "tree_shap")
    with pytest.raises(ValueError, match=f"and Linear is no tree, .*; or use {remains}"):
        explain(nn.Linear(6, 2), row, "tree_shap")
    behind = make_pipeline(StandardScaler(), RandomForestClassifier(3)).fit(rows, classes)
    with pytest.raises(
        ValueError, match=r"model: .*RandomForestClassifier is the last step of a Pipeline, behind others .*model\[-1\]"
    ):
        explain(behind, row, "tree_shap")
    with pytest.raises(ValueError, match="target: tree_shap explains one of 3 scores"):
        explain(RandomForestClassifier(3).fit(rows, classes), row, "tree_shap", target=lambda scores: scores[:, 0] * 2)
    with pytest.raises(ValueError, match="background: what is hidden needs rows that stand in"):
        explain(RandomForestClassifier(3).fit(rows, classes), Tabular(rows[0]), "tree_shap")


def test_words_where_trees_split_numbers_are_named() -> None:
    rows, classes = samples()
    table = Tabular([1.0, "red"], [[2.0, "blue"], [3.0, "red"]], names=["size", "colour"])
    model = RandomForestClassifier(3).fit(rows[:, :2], classes)
    with pytest.raises(NoTrees, match="'colour' holds 'blue', and the trees of RandomForestClassifier split numbers"):
        ensemble_of(model, table.columns, rows[:1, :2])


def test_booleans_are_numbers() -> None:
    """What `pandas.get_dummies` makes."""
    rows, classes = samples()
    dummies = rows > 0
    table = pd.DataFrame({"size": rows[:, 0], **{f"is {n}": dummies[:, n] for n in range(4)}})
    model = RandomForestClassifier(10, random_state=0).fit(table, classes)
    ours = explain(model, Tabular(table.iloc[[1]], table), "tree_shap", target=2)
    plain = table.to_numpy(dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that these rows do not have
        right = oracles.shapley(game(model, plain[1], plain, 2), 5)
    np.testing.assert_allclose(ours.values, right, atol=1e-6)
    assert np.abs(right).max() > 0.01
    many = explain(model, Tabular(table.iloc[[1]], table), "row_shap", target=2, explainer="tree", rows=60)
    at = int(np.flatnonzero(many.features == 1)[0])
    one = explain(model, Tabular(table.iloc[[1]], table), "tree_shap", target=2, background=50)  # the same rows
    np.testing.assert_allclose(many.values[at], one.values, atol=1e-7)
    assert abs(many.gap) < 1e-6  # type: ignore[arg-type]


def test_some_of_a_forests_scores_are_sums_of_its_trees_too() -> None:
    rows = np.random.default_rng(0).normal(size=(80, 3))
    forest = RandomForestClassifier(5, random_state=0).fit(rows, np.digitize(rows[:, 0] + rows[:, 1], [-0.5, 0.5]))
    x = Tabular(rows[3], background=rows)
    every = [explain(forest, x, "tree_shap", target=target).values for target in range(3)]
    for place, target in enumerate((2, 0)):
        some = explain(forest, x, "tree_shap", target=place, scores=lambda scores: scores[:, [2, 0]])
        np.testing.assert_allclose(some.values, every[target], atol=1e-12)
