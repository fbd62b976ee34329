"""Permutation importance equals scikit-learn's; its errors hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import curved, outside, rows, table


def test_equals_scikit_learns_with_the_same_shuffles() -> None:
    background = rows(70)
    words = np.where(background[:, 0] > background[:, 1], "yes", "no")
    forest = RandomForestClassifier(12, max_depth=3, random_state=0).fit(background[:40], words[:40])
    line = LinearRegression().fit(background[:40], background[:40, 0] ** 2)
    for model, labels in ((forest, words), (line, background[:, 0] ** 2)):
        given = Tabular(background[0], background, labels=labels)
        ours = explain(model, given, "permutation_importance", repeats=6, seed=3)
        theirs = permutation_importance(model, background, labels, n_repeats=6, random_state=3)
        np.testing.assert_allclose(ours.values, theirs.importances_mean, atol=1e-12)
        (quality,) = ours.details.values()
        assert quality == pytest.approx(model.score(background, labels))
        assert theirs.importances_mean.max() > 0.05


def test_some_rows_agree_with_scikit_learn_within_the_errors() -> None:
    background = rows(2000)
    labels = (background[:, 0] > background[:, 1]).astype(int)
    model = LogisticRegression(max_iter=1000).fit(background[:, :], labels)
    ours = explain(model, Tabular(background[0], background, labels=labels), "permutation_importance", rows=300)
    theirs = permutation_importance(model, background, labels, n_repeats=10, random_state=0)
    assert np.abs((ours.values - theirs.importances_mean) / np.maximum(ours.standard_error, 1e-3)).max() < 4


def test_the_intervals_hold_what_all_rows_would_give() -> None:
    # the score is 3a + b of independent columns: what a shuffle changes is known, 3 E|a − a'| = 3 · 2/√π · σ
    def score(x: np.ndarray) -> np.ndarray:
        return 3 * x[:, 0] + x[:, 1]

    right = np.array([3, 1, 0]) * 2 / np.pi**0.5
    inside = []
    for seed in range(100):
        background = np.random.default_rng(seed).normal(size=(80, 3))
        ours = explain(score, Tabular(background[0], background), "permutation_importance", repeats=3, seed=seed)
        assert ours.values[2] == 0
        inside.append(np.abs(ours.values - right)[:2] <= 1.96 * ours.standard_error[:2])
    share = np.mean(inside)
    assert 0.91 <= share <= 0.99  # 95 %, which 200 tries tell to ± 1.6 %


def test_without_labels_the_change_of_the_targets_score_is_shown() -> None:
    model, given = outside(curved()), table(9)
    ours = explain(model, given, "permutation_importance", target=1, repeats=1, seed=2)
    seed = np.random.RandomState(2).randint(2**31)
    order = np.arange(9)
    np.random.RandomState(seed).shuffle(order)
    right = []
    for column in range(5):
        shuffled = given.background.copy()
        shuffled[:, column] = shuffled[order, column]
        right.append(np.abs(model(shuffled) - model(given.background))[:, 1].mean())
    np.testing.assert_allclose(ours.values, right, rtol=1e-5)
    assert ours.quantity == "mean change of the score"


def test_early_pictures_stand_for_the_whole_and_another_class_is_free() -> None:
    model, given = curved(), table(200)
    subject = Subject(model, given)
    steps = [*ask(subject, "permutation_importance", target=0, params={"repeats": 2})]
    assert steps[0].progress == 1 / 20  # a tenth of the first of two shuffles
    away = np.abs(steps[0].values - steps[-1].values) / np.hypot(steps[0].standard_error, steps[-1].standard_error)
    assert away.max() < 4
    before = subject.passes["forward"]
    *_, other = ask(subject, "permutation_importance", target=2, params={"repeats": 2})
    assert subject.passes["forward"] - before == 200  # the rows as they are
    alone = explain(model, given, "permutation_importance", target=2, repeats=2)
    np.testing.assert_allclose(other.values, alone.values, rtol=1e-6)


def test_a_constant_column_matters_to_nobody() -> None:
    background = rows(30)
    background[:, 3] = 7
    ours = explain(curved(), Tabular(background[0], background), "permutation_importance")
    assert ours.values[3] < 1e-6
    assert (np.delete(ours.values, 3) > 1e-3).all()


def test_bad_labels_and_too_few_rows_are_named() -> None:
    background = rows(6)
    with pytest.raises(ValueError, match="background: shuffling a column needs at least two rows, got 1"):
        explain(curved(), Tabular(background[0], background[:1]), "permutation_importance")
    labels = [0, 1, 2, 3, 0, 1]
    with pytest.raises(ValueError, match=r"labels: row 3 has 3, expected one of the model's classes 0, 1, 2"):
        explain(curved(), Tabular(background[0], background, labels=labels), "permutation_importance")
    number = torch.nn.Linear(5, 1)
    with pytest.raises(ValueError, match="labels: the model predicts numbers, expected numbers, row 0 has 'a'"):
        explain(number, Tabular(background[0], background, labels=list("abcabc")), "permutation_importance")
    with pytest.raises(ValueError, match="labels: R² needs numbers that differ"):
        explain(number, Tabular(background[0], background, labels=[1.0] * 6), "permutation_importance")
