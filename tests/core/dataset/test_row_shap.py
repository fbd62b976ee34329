"""SHAP over rows: equal to shap's own, to brute force, and to the closed form of linear models."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import shap
import torch
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import COLUMNS, curved, outside, rows, straight, table
from tests.networks import seeded


def stand_ins(background: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The background rows that a mask draws, written down a second time."""
    return background[np.sort(np.random.default_rng(seed).permutation(len(background))[:count])]


def brute_force(predict: Any, row: np.ndarray, background: np.ndarray) -> np.ndarray:
    """SHAP values (F, K) from all coalitions, one by one."""
    F = len(row)

    def value(members: tuple[int, ...]) -> np.ndarray:
        changed = background.copy()
        changed[:, list(members)] = row[list(members)]
        mean: np.ndarray = predict(changed).mean(0)
        return mean

    found = []
    for feature in range(F):
        others = [other for other in range(F) if other != feature]
        total: Any = 0
        for size in range(F):
            weight = math.factorial(size) * math.factorial(F - size - 1) / math.factorial(F)
            for members in itertools.combinations(others, size):
                total = total + weight * (value((*members, feature)) - value(members))
        found.append(total)
    return np.array(found)


def test_gradients_equal_shaps_for_the_same_draws() -> None:
    model, given = curved(), table()
    ours = explain(model, given, "row_shap", target=1, rows=17, background=12, samples=30, seed=4)
    others = stand_ins(given.background, 12, 4)
    explainer = shap.GradientExplainer(model, torch.from_numpy(others).float())
    before = np.random.get_state()
    asked = torch.from_numpy(given.background[ours.features]).float()
    theirs = np.asarray(explainer.shap_values(asked, nsamples=30, rseed=4))[..., 1]
    np.random.set_state(before)
    np.testing.assert_allclose(ours.values, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())
    assert ours.axes == ("row", "feature")
    assert ours.on == "rows"
    assert len(set(ours.features.tolist())) == 17
    assert "rows by gradient" in ours.details


def test_gradients_come_near_brute_force() -> None:
    model, given = curved(), table()
    ours = explain(model, given, "row_shap", target=1, rows=6, background=10, samples=1000, seed=1)
    predict, others = outside(model), stand_ins(given.background, 10, 1)
    assert ours.base == pytest.approx(predict(others).mean(0)[1], rel=1e-5)
    gap = max(
        abs(predict(given.background[[number]])[0, 1] - ours.base - values.sum())
        for number, values in zip(ours.features, ours.values, strict=True)
    )
    assert ours.gap == pytest.approx(gap, rel=1e-3)
    # each row's total is a mean of draws of score differences: within four errors of the right one
    assert ours.gap < 4 * np.sqrt((ours.standard_error**2).sum(1)).max() * COLUMNS**0.5


def test_standard_errors_are_the_spread_over_seeds() -> None:
    model, background = curved(), rows(20)
    given = Tabular(background[0], background)
    for params in ({"explainer": "gradient", "samples": 40}, {"explainer": "permutation", "orders": 30}):
        subject = Subject(model, given)
        answers = []
        for seed in range(30):
            *_, one = ask(subject, "row_shap", target=0, params={"rows": 20, "background": 20, "seed": seed, **params})
            place = int(np.flatnonzero(one.features == 7)[0])
            answers.append((one.values[place], one.standard_error[place]))
        spread = np.std([values for values, _ in answers], axis=0, ddof=1)
        said = np.sqrt(np.mean([errors**2 for _, errors in answers], axis=0))
        # a spread of 30 is itself uncertain by 13 %; the columns' orders lend each other variances
        assert ((said > 0.55 * spread) & (said < 2 * spread)).all()


def test_permutations_are_exact_for_linear_models() -> None:
    model, given = straight(), table()
    ours = explain(outside(model), given, "row_shap", target=2, rows=40, background=15, orders=1, seed=3)
    weights = model.head.weight[2].detach().double().numpy()
    others = stand_ins(given.background, 15, 3)
    right = weights * (given.background[ours.features] - others.mean(0))
    np.testing.assert_allclose(ours.values, right, atol=1e-5 * np.abs(right).max())
    assert ours.gap < 1e-5
    assert np.isnan(ours.standard_error).all()  # one order tells nothing of the others
    assert "rows by permutation" in ours.details


def test_permutations_find_brute_force_within_their_errors() -> None:
    predict, given = outside(curved()), table()
    ours = explain(predict, given, "row_shap", target=0, rows=8, background=6, orders=60, seed=2)
    others = stand_ins(given.background, 6, 2)
    right = np.array([brute_force(predict, given.background[number], others)[:, 0] for number in ours.features])
    away = (ours.values - right) / np.maximum(ours.standard_error, 1e-9)
    assert np.abs(away).max() < 5
    assert 0.5 < np.sqrt((away**2).mean()) < 1.5
    assert np.abs(right).max() > 20 * ours.standard_error.max()


def test_permutations_of_pairs_are_exact() -> None:
    # an order there and back leaves no error where only two columns act together
    def product(x: np.ndarray) -> np.ndarray:
        scores: np.ndarray = np.stack([x[:, 0] * x[:, 1] + x[:, 2], x[:, 3]], 1)
        return scores

    given = table()
    ours = explain(product, given, "row_shap", target=0, rows=5, background=7, orders=1)
    others = stand_ins(given.background, 7, 0)
    right = np.array([brute_force(product, given.background[number], others)[:, 0] for number in ours.features])
    np.testing.assert_allclose(ours.values, right, atol=1e-9 * np.abs(right).max())
    assert (np.abs(ours.values[:, 3:]) < 1e-12).all()


@pytest.mark.slow  # numba compiles shap's loop first
def test_permutations_agree_with_shaps() -> None:
    predict, given = outside(curved()), table()
    ours = explain(predict, given, "row_shap", target=1, rows=6, background=10, orders=40, seed=0)
    masker = shap.maskers.Independent(stand_ins(given.background, 10, 0), max_samples=10)
    before = np.random.get_state()
    theirs = shap.PermutationExplainer(predict, masker, seed=0).shap_values(
        given.background[ours.features], npermutations=40, silent=True
    )[..., 1]
    np.random.set_state(before)
    assert np.abs((ours.values - theirs) / ours.standard_error).max() < 5 * 2**0.5


def test_trees_are_exact() -> None:
    background = rows(60)
    signal = background[:, 0] - background[:, 1]
    classifier = RandomForestClassifier(12, max_depth=4, random_state=0).fit(background, np.digitize(signal, [-3, 3]))
    regressor = RandomForestRegressor(12, random_state=0).fit(background, signal)
    given, others = Tabular(background[0], background), stand_ins(background, 9, 0)
    params = {"rows": 4, "background": 9}
    for model, predict in (
        (classifier, classifier.predict_proba),
        (regressor, lambda x: regressor.predict(x)[:, None]),
    ):
        subject = Subject(model, given)
        *_, ours = ask(subject, "row_shap", target=0, params=params)
        right = np.array([brute_force(predict, background[number], others) for number in ours.features])
        np.testing.assert_allclose(ours.values, right[..., 0], atol=1e-6 * np.abs(right).max())
        assert ours.details == {"rows by tree": 4, "background rows": len(others)}
        assert ours.standard_error is None
        assert [note for note in ours.warnings if "rows may be too few" not in note] == []
        for other in range(1, right.shape[2]):
            before = subject.passes["forward"]
            *_, ours = ask(subject, "row_shap", target=other, params=params)
            np.testing.assert_allclose(ours.values, right[..., other], atol=1e-6 * np.abs(right).max())
            assert subject.passes["forward"] - before == 9  # the stand-ins' base alone


def test_trees_round_nothing() -> None:
    iris = load_iris().data
    forest = RandomForestRegressor(50, random_state=0).fit(iris[:, 1:], iris[:, 0])
    ours = explain(forest, Tabular(iris[0, 1:], iris[:, 1:]), "row_shap", rows=150)
    assert ours.details == {"rows by tree": 150, "background rows": 50}
    others = stand_ins(iris[:, 1:], 50, 0)
    right = [brute_force(lambda x: forest.predict(x)[:, None], iris[n, 1:], others)[:, 0] for n in ours.features[:5]]
    np.testing.assert_allclose(ours.values[:5], right, atol=1e-5)
    assert ours.gap < 1e-5
    cells, classes = load_breast_cancer(return_X_y=True)
    boosted = HistGradientBoostingClassifier(max_iter=20).fit(cells[:, :6], classes)
    ours = explain(boosted, Tabular(cells[0, :6], cells[:, :6]), "row_shap", target=0, rows=150, explainer="tree")
    assert ours.gap < 1e-5
    assert any("in proportion" in note for note in ours.warnings)


def test_trees_whose_values_are_far_from_shapleys_are_left_for_orders_that_are_drawn() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 4))
    for labels, used in ((x[:, 0] * x[:, 1] > 0, "permutation"), (x[:, 0] > 0, "tree")):
        model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(x, labels)
        table = Tabular(x[0], x)
        exact = explain(model, table, "exact_shap", target=1, background=50).values
        tree = explain(model, table, "tree_shap", target=1, background=50)
        off = np.abs(tree.values - exact).max()
        assert (off > 0.05 * np.abs(exact).max()) == (used == "permutation")
        told = float(tree.warnings[0].split("up to about ")[1].split(" ")[0])
        assert told == pytest.approx(off, rel=0.5, abs=0.005)
        assert f"rows by {used}" in explain(model, table, "row_shap", target=1, rows=20).details


def test_trees_that_say_the_score_of_some_rows_only_are_not_taken() -> None:
    background = rows(60)

    class Capped(RandomForestRegressor):
        def predict(self, x: np.ndarray) -> np.ndarray:
            said: np.ndarray = np.minimum(super().predict(x), 0.9 * self.most)
            return said

    model = Capped(5, random_state=0).fit(background, background[:, 0])
    model.most = np.inf
    model.most = model.predict(background).max()
    ours = explain(model, Tabular(background[0], background), "row_shap", rows=5, background=60)
    assert ours.details == {"rows by permutation": 5}


def test_trees_of_log_odds_are_rescaled_and_it_is_said() -> None:
    background = rows(60)
    model = GradientBoostingClassifier(n_estimators=12, random_state=0).fit(background, background[:, 0] > 0)
    given, others = Tabular(background[0], background), stand_ins(background, 9, 0)
    subject = Subject(model, given)
    for target in (0, 1, 1):  # the last is kept, and says so all the same
        *_, ours = ask(subject, "row_shap", target=target, params={"rows": 4, "background": 9})
        assert "rows by tree" in ours.details
        assert any("in proportion" in note for note in ours.warnings)
        assert ours.gap < 1e-6
        right = np.array([brute_force(model.predict_proba, background[number], others) for number in ours.features])
        np.testing.assert_allclose(ours.values, right[..., target], atol=0.1 * np.abs(right).max())


def test_what_suits_the_model() -> None:
    background = rows()
    labels = background[:, 0] > 0
    given = Tabular(background[0], background)
    logistic = LogisticRegression(max_iter=1000).fit(background, labels)
    assert "rows by permutation" in explain(logistic, given, "row_shap", rows=3).details
    forest = RandomForestClassifier(5, random_state=0).fit(background, labels)
    twice = explain(forest, given, "row_shap", rows=3, target=lambda scores: 2 * scores[:, 1])
    assert "rows by permutation" in twice.details  # shap's trees know classes only
    mixed = Tabular({"size": 1.0, "kind": "b"}, np.array([[0.5, "a"], [2.0, "b"], [1.0, "c"]], dtype=object))
    model = seeded(lambda: torch.nn.Linear(2, 2))
    assert "rows by permutation" in explain(model, mixed, "row_shap", rows=3).details
    with pytest.raises(ValueError, match=r"explainer: 'gradient' goes from row to row .* 'kind' is a category"):
        explain(model, mixed, "row_shap", rows=3, explainer="gradient")
    with pytest.raises(ValueError, match="explainer: 'tree' needs a model made of trees, got Linear"):
        explain(model, mixed, "row_shap", rows=3, explainer="tree")
    with pytest.raises(
        ValueError, match="explainer: 'tree' needs a model made of trees, and LogisticRegression is no tree"
    ):
        explain(logistic, given, "row_shap", rows=3, explainer="tree")
    with pytest.raises(ValueError, match="no gradient of the score reaches the input"):
        explain(logistic, given, "row_shap", rows=3, explainer="gradient")


def test_scores_that_are_not_the_trees_own_are_not_explained_by_them() -> None:
    background = rows()
    forest = RandomForestClassifier(5, random_state=0).fit(background, background[:, 0] > 0)
    given = Tabular(background[0], background)

    def squared(scores: torch.Tensor) -> torch.Tensor:
        return scores**2

    ours = explain(forest, given, "row_shap", rows=3, scores=squared, target=1, background=5)
    assert "rows by permutation" in ours.details
    with pytest.raises(ValueError, match=r"its 5 trees add up to .* the model's score is .* no way is known"):
        explain(forest, given, "row_shap", rows=3, scores=squared, target=1, explainer="tree")


@pytest.mark.parametrize("explainer", ["gradient", "permutation"])
def test_more_rows_go_on_from_those_there_are(explainer: str) -> None:
    model, given = curved(), table()
    params: dict[str, Any] = {"explainer": explainer, "background": 10, "samples": 20, "orders": 3}
    subject = Subject(model, given)
    *_, few = ask(subject, "row_shap", target=0, params={**params, "rows": 9})
    before = dict(subject.passes)
    *_, more = ask(subject, "row_shap", target=0, params={**params, "rows": 25})
    cost = {kind: subject.passes[kind] - before[kind] for kind in before}
    np.testing.assert_array_equal(more.features[:9], few.features)
    np.testing.assert_allclose(more.values[:9], few.values, rtol=1e-12)
    whole = explain(model, given, "row_shap", target=0, rows=25, **params)
    np.testing.assert_allclose(more.values, whole.values, rtol=1e-4, atol=1e-6)
    assert cost["forward"] < whole.passes["forward"] * 0.75
    before = dict(subject.passes)
    *_, other = ask(subject, "row_shap", target=2, params={**params, "rows": 25})
    np.testing.assert_allclose(
        other.values, explain(model, given, "row_shap", target=2, rows=25, **params).values, rtol=1e-4, atol=1e-6
    )
    if explainer == "permutation":
        assert subject.passes["forward"] - before["forward"] == 10  # the stand-ins' base alone


def test_a_callable_target_is_explained_row_by_row() -> None:
    model, given = outside(curved()), table()

    def margin(scores: torch.Tensor) -> torch.Tensor:
        return (scores[:, 0] - scores[:, 1]) ** 2

    ours = explain(model, given, "row_shap", target=margin, rows=4, background=5, orders=100)
    others = stand_ins(given.background, 5, 0)
    right = np.array(
        [
            brute_force(lambda x: (model(x)[:, [0]] - model(x)[:, [1]]) ** 2, given.background[number], others)[:, 0]
            for number in ours.features
        ]
    )
    assert np.abs((ours.values - right) / ours.standard_error).max() < 5


def test_a_single_row_and_constant_columns() -> None:
    background = np.ones((1, 3))
    alone = explain(seeded(lambda: torch.nn.Linear(3, 2)), Tabular(background[0], background), "row_shap", samples=5)
    np.testing.assert_array_equal(alone.values, np.zeros((1, 3)))
    assert any("single row" in note for note in alone.warnings)
    background = rows(20)
    background[:, 2] = 4
    for explainer in ("gradient", "permutation"):
        ours = explain(curved(), Tabular(background[0], background), "row_shap", rows=5, explainer=explainer)
        assert (np.abs(ours.values[:, 2]) < 1e-6).all()
        assert (np.abs(ours.values[:, 0]) > 1e-4).all()


def test_one_column() -> None:
    background = np.arange(6.0)[:, None]
    ours = explain(lambda x: np.hstack([x, -x]) ** 3, Tabular([2.0], background), "row_shap", target=0, orders=2)
    cubes = ours.features.astype(float) ** 3
    np.testing.assert_allclose(ours.values[:, 0], cubes - (np.arange(6.0) ** 3).mean())


def test_scores_of_mixed_rows_that_are_not_finite_are_refused_with_the_row() -> None:
    def higher(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] > rows[:, 1], np.nan, rows.sum(1))

    background = np.array([[1.0, 2.0], [3.0, 4.0]])
    given = Tabular(background[0], background, names=["low", "high"])
    # each row keeps one column beside the other column of both rows: (3, 2) twice
    with pytest.raises(
        ValueError, match=r"^scores: 2 of 8 rows with hidden columns have a score that is NaN or infinite, such as row"
    ):
        explain(higher, given, "row_shap", orders=1)


def test_a_score_that_is_not_finite_is_told_with_its_row() -> None:
    background = np.arange(8.0).reshape(4, 2)
    message = "background: the score of a row is NaN or infinite: row 2 of the background"
    with pytest.raises(ValueError, match=message):
        explain(lambda rows: np.where(rows[:, 0] == 4, np.nan, 0), Tabular([0.0, 1.0], background), "row_shap")


class Outside(torch.nn.Module):
    """log(x² − 1): there is no score between −1 and 1, though the slope 2 x / (x² − 1) goes on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, :1] ** 2 - 1).log() + x[:, 1:]


def test_no_gradient_is_followed_where_there_is_no_score() -> None:
    background = np.array([[2.0, 0.0], [-2.0, 0.0]])
    given = Tabular(background[0], background)
    message = r"scores: at \d+ of 20 points between the rows and background rows the score or its gradient is NaN"
    with pytest.raises(ValueError, match=message):
        explain(Outside(), given, "row_shap", explainer="gradient", samples=10)
    mixed = explain(Outside(), given, "row_shap", explainer="permutation", orders=1)
    np.testing.assert_allclose(mixed.values, np.zeros((2, 2)), atol=1e-6)  # both score log 3


def test_how_many_rows_stand_in_is_told_where_these_are_not_all() -> None:
    given, model = table(), curved()
    assert given.background is not None
    count = len(given.background)
    some = explain(model, given, "row_shap", rows=3, background=count - 1, explainer="permutation", target=0)
    assert some.details == {"rows by permutation": 3, "background rows": count - 1}
    assert explain(model, given, "row_shap", rows=3, background=count, explainer="permutation", target=0).details == {
        "rows by permutation": 3
    }
    pairs = explain(model, given, "interaction", background=7, explainer="exact", target=0)
    assert pairs.details == {"background rows": 7}
    sizes = explain(model, given, "interaction", rows=3, background=7, explainer="exact", target=0)
    assert sizes.details == {"rows by exact": 3, "background rows": 7}
