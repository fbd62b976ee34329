"""Interaction values: games worked out by hand, brute force over the definition, and shap's own for trees."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import shap
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.dataset.interaction import interaction_values
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import curved, outside, rows, table

ZERO = np.zeros((1, 3))  # the one background row: a hidden column is 0


def asked(score: Any, row: list[float]) -> Any:
    """The interaction values of a score of single rows, hidden columns being 0."""
    return explain(lambda x: np.array([[score(*one)] for one in x]), Tabular(row, ZERO[:, : len(row)]), "interaction")


def test_games_by_hand() -> None:
    both = asked(lambda a, b: float(a and b), [1, 1])
    np.testing.assert_allclose(both.values, [[0, 0.5], [0.5, 0]], atol=1e-12)  # AND: nothing alone, all together
    either = asked(lambda a, b: float(bool(a) != bool(b)), [1, 1])
    np.testing.assert_allclose(either.values, [[1, -1], [-1, 1]], atol=1e-12)  # XOR: each alone 1, together −2
    product = asked(lambda a, b, c: a * b + 4 * c, [2, 3, 1])
    np.testing.assert_allclose(product.values, [[0, 3, 0], [3, 0, 0], [0, 0, 4]], atol=1e-12)
    # three together: of a pair 0 without the third and 1 with it, ¼ · 1 for each; what is left of ⅓ is −⅙
    three = asked(lambda a, b, c: a * b * c, [1, 1, 1])
    np.testing.assert_allclose(three.values, np.full((3, 3), 1 / 4) - np.eye(3) * 5 / 12, atol=1e-12)
    assert three.values.sum() == pytest.approx(1)
    for found in (both, either, product, three):
        assert found.base == 0
        assert abs(found.gap) < 1e-9
        assert found.axes == ("feature", "feature")
    alone = asked(lambda a: 3 * a + 1, [2])
    np.testing.assert_allclose(alone.values, [[6]])
    assert alone.base == 1


def brute_force(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interaction values (F, F) and SHAP values (F,) of a game (2, …, 2), from the definitions."""
    F = scores.ndim

    def value(members: Any) -> float:
        return float(scores[tuple(int(one in members) for one in range(F))])

    pairs, singles = np.zeros((F, F)), np.zeros(F)
    for i in range(F):
        for size in range(F):
            for S in map(set, itertools.combinations(set(range(F)) - {i}, size)):
                weight = math.factorial(size) * math.factorial(F - size - 1) / math.factorial(F)
                singles[i] += weight * (value(S | {i}) - value(S))
        for j in set(range(F)) - {i}:
            for size in range(F - 1):
                for S in map(set, itertools.combinations(set(range(F)) - {i, j}, size)):
                    weight = math.factorial(size) * math.factorial(F - size - 2) / (2 * math.factorial(F - 1))
                    pairs[i, j] += weight * (value(S | {i, j}) - value(S | {i}) - value(S | {j}) + value(S))
    return pairs + np.diag(singles - pairs.sum(1)), singles


@pytest.mark.parametrize("columns", [2, 3, 5])
def test_the_definition(columns: int) -> None:
    scores = np.random.default_rng(columns).normal(size=(*[2] * columns, 2))
    ours = interaction_values(scores)
    for target in range(2):
        right, shapley = brute_force(scores[..., target])
        np.testing.assert_allclose(ours[..., target], right, atol=1e-12)
        np.testing.assert_allclose(ours[..., target].sum(1), shapley, atol=1e-12)


def test_the_game_is_the_mean_over_background_rows() -> None:
    model, given = outside(curved()), table(12)
    subject = Subject(model, given)
    *_, ours = ask(subject, "interaction", target=1, params={"background": 100})
    row = given.tensor.numpy()
    keep = np.array(list(itertools.product([False, True], repeat=5)))
    scores = np.array([model(np.where(one, row, given.background)).mean(0)[1] for one in keep]).reshape([2] * 5)
    right, shapley = brute_force(scores)
    np.testing.assert_allclose(ours.values, right, atol=1e-6)
    np.testing.assert_allclose(ours.values.sum(1), shapley, atol=1e-6)
    assert ours.base == pytest.approx(scores.flat[0], rel=1e-5)
    before = subject.passes["forward"]
    *_, other = ask(subject, "interaction", target=2, params={"background": 100})
    assert subject.passes["forward"] - before < 40  # the row and the background themselves: no coalition again
    assert not np.allclose(other.values, ours.values)


def test_pictures_come_while_background_rows_come_in() -> None:
    steps = [*ask(Subject(curved(), table(35)), "interaction", target=0, params={"background": 35})]
    assert [step.progress for step in steps] == pytest.approx([10 / 35, 20 / 35, 30 / 35, 1])
    assert np.abs(steps[0].values - steps[-1].values).max() > 1e-3


def forest() -> tuple[Any, Tabular]:
    background = rows(60)
    wanted = np.digitize(background[:, 0] * background[:, 1], [-3, 3])
    return RandomForestClassifier(8, max_depth=4, random_state=0).fit(background, wanted), Tabular(
        background[1], background
    )


def test_trees_are_shaps_path_dependent_ones() -> None:
    model, given = forest()
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    theirs = explainer.shap_interaction_values(given.background[[1]])[0]
    for target in range(3):
        ours = explain(model, given, "interaction", target=target)
        np.testing.assert_allclose(ours.values, theirs[..., target], atol=1e-7)
        assert ours.base == pytest.approx(explainer.expected_value[target])
        assert abs(ours.gap) < 1e-6
        np.testing.assert_allclose(
            ours.values.sum(1), explainer.shap_values(given.background[[1]])[0, :, target], atol=1e-6
        )


def test_mean_size_over_rows() -> None:
    model, given = forest()
    for explainer in ("tree", "exact"):
        params: dict[str, Any] = {"explainer": explainer, "background": 10}
        ours = explain(model, given, "interaction", target=1, rows=4, seed=5, **params)
        numbers = np.random.default_rng([5, 1]).permutation(60)[:4]
        each = [
            np.abs(explain(model, given.another(given.background[n]), "interaction", target=1, seed=5, **params).values)
            for n in numbers
        ]
        np.testing.assert_allclose(ours.values, np.mean(each, axis=0), atol=1e-9)
        spread = np.std(each, axis=0, ddof=1) / 2 * 3.182446 / 1.96  # t of 3 degrees of freedom
        np.testing.assert_allclose(ours.standard_error, spread, rtol=1e-5, atol=1e-9)
        assert not ours.signed


def test_boosted_trees_explain_their_log_odds_only_when_asked_to() -> None:
    background = rows(60)
    given = Tabular(background[0], background)
    model = GradientBoostingClassifier(n_estimators=8, random_state=0).fit(background, background[:, 0] > 0)
    plain = explain(model, given, "interaction")  # few columns: the probability itself
    assert abs(plain.gap) < 1e-9
    assert plain.warnings == ()
    raw = explain(model, given, "interaction", explainer="tree", target=1)
    assert raw.gap is None
    assert any("raw output" in note for note in raw.warnings)
    assert raw.base + raw.values.sum() == pytest.approx(float(model.decision_function(background[:1])[0]), abs=1e-6)


def test_trees_that_say_the_score_of_one_row_only_are_not_taken() -> None:
    background = table(60, 3).background
    assert background is not None

    class Capped(RandomForestRegressor):
        def predict(self, x: np.ndarray) -> np.ndarray:
            said: np.ndarray = np.minimum(super().predict(x), 0.0)
            return said

    model = Capped(5, random_state=0).fit(background, background[:, 0])
    lowest = background[background[:, 0].argmin()]  # whose score is that of the trees
    given = Tabular(lowest, background)
    ours = explain(model, given, "interaction")
    np.testing.assert_array_equal(ours.values, explain(model, given, "interaction", explainer="exact").values)


def test_too_many_columns_for_all_coalitions() -> None:
    model, given = outside(curved()), table(20, 12)
    message = "explainer: 'exact' tries all coalitions of at most 10 columns, and the table has 12"
    for explainer in ("exact", "auto"):
        with pytest.raises(ValueError, match=message):
            explain(lambda x: x[:, :2], given, "interaction", explainer=explainer)
    with pytest.raises(ValueError, match="explainer: 'tree' needs a model made of trees, and a function shows none"):
        explain(model, table(), "interaction", explainer="tree")


def test_a_score_that_is_not_finite_is_refused_with_the_row() -> None:
    def higher(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] > rows[:, 1], np.nan, rows.sum(1))

    given = Tabular([1.0, 2.0], np.array([[3.0, 4.0]]), names=["low", "high"])
    # of (3, 4), (3, 2), (1, 4) and (1, 2) it is the second
    message = (
        r"^scores: 1 of 4 rows with hidden columns have a score that is NaN or infinite, such as the row with 'low' at "
        r"3(\.0*)? of row 0 of the background; a hidden column takes the values of background rows"
    )
    with pytest.raises(ValueError, match=message):
        explain(higher, given, "interaction")
    background = np.array([[3.0, 4.0], [1.0, 2.0]])
    with pytest.raises(
        ValueError, match=r"1 of 8 rows .*, such as row [01] of the background with '(low' at 3|high' at 2)"
    ):
        explain(higher, Tabular(background[1], background, names=["low", "high"]), "interaction", rows=2)
    with pytest.raises(ValueError, match=r"2 of 4 rows .*, such as row 0 of the background; a hidden"):
        explain(lambda rows: np.where(rows[:, 0] > 2, np.inf, 0), given, "interaction")  # itself, and what it lends
