"""Error bars hold the right value about as often as they promise; `tests/benchmarks/coverage.py` is the long study."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nbexplain import Explanation, Subject, Tabular, explain
from nbexplain.core.ask import ask
from nbexplain.core.methods.sampling_error import (
    all_equal,
    error_of_mean,
    error_of_mean_size,
    error_of_share,
    rare_orders,
)
from tests.core import games

SEEDS = 40


def asked(given: tuple[Any, Any], key: str, **params: Any) -> list[Explanation]:
    return [explain(*given, key, target=0, seed=seed, **params) for seed in range(SEEDS)]


def check(answers: list[Explanation], right: np.ndarray, most: float = 0.1, widest: float = 2.5) -> None:
    """5 % should miss; the errors of one answer hang together, so that 40 seeds tell it to a few per cent."""
    assert games.missed(answers, right).mean() <= most
    off = np.sqrt(np.mean([(one.values - right) ** 2 for one in answers]))
    said = np.sqrt(np.mean([np.asarray(one.standard_error) ** 2 for one in answers]))
    assert said < widest * off


@pytest.mark.parametrize(
    ("make", "players", "orders"),
    [(games.crowds, 20, 3), (games.maximum, 20, 5), (games.threshold, 20, 3), (games.product, 8, 8)],
)
def test_few_orders(make: Callable[[int], games.Known], players: int, orders: int) -> None:
    game = make(players)
    check(asked(games.as_row(game), "permutation_shap", permutations=orders), game.values)


@pytest.mark.parametrize(
    ("make", "evaluations"), [(games.crowds, 150), (games.product, 200), (games.maximum, 200), (games.pairs, 100)]
)
def test_orders_of_a_tree(make: Callable[[int], games.Known], evaluations: int) -> None:
    model, text = games.as_text(make(18))
    exact = explain(model, text, "partition_shap", target=0)
    np.testing.assert_array_equal(exact.standard_error, np.zeros(18))
    answers = asked((model, text), "partition_shap", evaluations=evaluations)
    if make is games.pairs:  # they come out exactly, and the errors say so
        for one in answers:
            np.testing.assert_allclose(one.values, exact.values, atol=1e-9)
            assert np.asarray(one.standard_error).max() < 1e-9
        return
    check(answers, exact.values, most=0.12)


@pytest.mark.parametrize(
    ("game", "samples"),
    # of 10, sets of half the players are drawn without their complements, and of 1000 samples nearly all are drawn
    [(games.crowds(12), 40), (games.crowds(12), 300), (games.maximum(10), 1000), (games.product(10), 1000)],
)
def test_kernel_fits(game: games.Known, samples: int) -> None:
    check(asked(games.as_row(game), "kernel_shap", samples=samples), game.values)


def test_weights_of_words() -> None:
    game = games.product(8)  # nearly linear, so that the penalty counts as much as the draw
    model, text = games.as_text(game)
    limit = np.mean([explain(model, text, "lime", samples=5000, seed=900 + k).values for k in range(4)], axis=0)
    check(asked((model, text), "lime", samples=100), limit, most=0.12)


def test_weights_of_columns_that_the_penalty_shrinks() -> None:
    background = np.random.default_rng(0).normal(size=(200, 8))
    weights = np.linspace(-1, 1, 8)
    answers = asked(
        (lambda rows: rows @ weights, Tabular(background[0], background)), "lime", samples=200, bins="value"
    )
    check(answers, weights * background.std(0))  # of a linear model the limit is known


def test_mean_lime_weights_of_a_column_that_does_not_matter() -> None:
    background = np.random.default_rng(0).normal(size=(60, 6))

    def model(rows: np.ndarray) -> np.ndarray:
        return np.tanh(2 * rows[:, 0]) * rows[:, 1] + rows[:, 2]

    x = Tabular(background[0], background)
    answers = [explain(model, x, "averaged_lime", target=0, rows=10, samples=200, seed=k) for k in range(10)]
    for one in answers:
        assert one.values[5] > 0.02  # by the draw alone
        assert one.values[5] <= 1.96 * np.asarray(one.standard_error)[5]


def test_errors_by_hand() -> None:
    draws = np.array([[1.0, 5.0], [3.0, 5.0]])  # variances 2 and 0
    t1, t2, t4 = 12.7062 / 1.96, 4.30265 / 1.96, 2.77645 / 1.96
    np.testing.assert_allclose(error_of_mean(draws), [t1, 0], rtol=1e-5)
    # two normal draws of a variance 1 would say 0 and 2 often enough: the lower is taken for their mean, 1
    np.testing.assert_allclose(error_of_mean(draws, features=0), np.sqrt([2 / 2, 1 / 2]) * t2, rtol=1e-5)
    np.testing.assert_allclose(error_of_mean(draws[:, :1], features=0), [t1], rtol=1e-5)  # nobody lends
    assert np.isnan(error_of_mean(draws[:1])).all()
    # of four: variances 12 and 0, their mean 6 and Σ (variance − mean)² 72; of normal draws Σ 2 variance² / 5 is 57.6,
    # and these, whose squares are all alike, say less: 0.8 of the way
    even = np.array([[0.0, 5.0], [6.0, 5.0], [6.0, 5.0], [0.0, 5.0]])
    np.testing.assert_allclose(error_of_mean(even, features=0), np.sqrt([12 / 4, 4.8 / 4]) * t4, rtol=1e-5)
    # variances 16 and 0, Σ (variance − 8)² 128; normal 102.4; these, with squares 4, 4, 4 and 36, say 192 · 16 / 27
    rare = np.array([[0.0, 5.0], [0.0, 5.0], [0.0, 5.0], [8.0, 5.0]])
    moved = 8 * (192 * 16 / 27) / 128
    right = np.sqrt([16 / 4, moved / 4]) * t4
    np.testing.assert_allclose(error_of_mean(rare, features=0), right, rtol=1e-5)


def test_variances_that_are_alike_are_no_less_than_their_mean_and_others_kept() -> None:
    draw = np.random.default_rng(0)
    draws = draw.normal(size=(400, 50))
    alike, own = error_of_mean(draws, features=0), error_of_mean(draws)
    mean = np.sqrt((own**2).mean())
    assert own.min() < 0.95 * mean < 0.99 * mean < alike.min()
    np.testing.assert_allclose(alike[own > mean], own[own > mean], rtol=1e-4)
    sizes = np.geomspace(0.1, 10, 50)
    draws = draw.normal(size=(400, 50)) * sizes
    np.testing.assert_allclose(error_of_mean(draws, features=0)[-10:], error_of_mean(draws)[-10:], rtol=0.02)


def test_a_vote_that_decides_in_few_orders() -> None:
    """What a feature adds comes from orders that are rarely drawn, so that often it is 0 in all of them."""
    game = games.threshold(20)
    answers = asked(games.as_row(game), "permutation_shap", permutations=15)
    assert np.mean([np.mean(one.values == 0) for one in answers]) > 0.15
    check(answers, game.values, most=0.07, widest=1.5)


def test_shares_of_few() -> None:
    hits, of = np.array([0, 5, 3, 0]), np.array([5, 5, 6, 0])
    errors = error_of_share(hits, of)
    # Wilson's intervals, of statsmodels' proportion_confint(hits, of, method="wilson"): 0 to 0.4345, 0.5655 to 1,
    # 0.1876 to 0.8124
    np.testing.assert_allclose(1.96 * errors[:3], [0.4345, 0.4345, 0.3124], atol=2e-4)
    assert np.isnan(errors[3])


def test_mean_size_of_values_that_are_nothing_but_their_errors() -> None:
    draw = np.random.default_rng(0)
    values, errors = draw.normal(size=(50, 3)), np.ones((50, 3))
    assert (np.abs(values).mean(0) < 1.96 * error_of_mean_size(values, errors)).all()
    exact = error_of_mean_size(values, np.zeros((50, 3)))
    np.testing.assert_allclose(exact, error_of_mean(np.abs(values)))
    assert (np.abs(values).mean(0) > 5 * exact).all()


def test_one_order_of_a_table_says_that_it_tells_no_error() -> None:
    background = np.random.default_rng(0).normal(size=(20, 3))
    x = Tabular(background[0], background)
    params = {"rows": 5, "explainer": "permutation"}
    one = explain(lambda rows: rows.prod(1), x, "row_shap", orders=1, **params)
    assert np.isnan(np.asarray(one.standard_error)).all()
    assert any("one order does not tell" in note for note in one.warnings)
    two = explain(lambda rows: rows.prod(1), x, "row_shap", orders=2, **params)
    assert not any("one order" in note for note in two.warnings)
    assert any("2 orders may be too few for the error bars" in note for note in two.warnings)
    five = explain(lambda rows: rows.prod(1), x, "row_shap", orders=5, **params)
    assert not any("orders" in note for note in five.warnings)


def test_few_orders_of_an_input_are_said() -> None:
    row = games.as_row(games.sparse(20))
    few, enough = (explain(*row, "permutation_shap", target=0, permutations=count) for count in (4, 5))
    assert any("4 orders may be too few" in note for note in few.warnings)
    pictures = ask(Subject(*row), "permutation_shap", target=0, params={"permutations": 15})
    second = next(one for one in pictures if one.details["permutations"] == 2 and one.progress < 1)
    assert any("2 orders may be too few" in note for note in second.warnings)  # which Stop may leave standing
    assert not any("too few" in note for note in enough.warnings)


def test_errors_that_rest_on_a_single_order_are_said() -> None:
    usual = np.random.default_rng(0).normal(size=(15, 60)) * np.geomspace(0.2, 5, 60)
    assert rare_orders(usual, "word") == ()
    rare = usual.copy()
    rare[:, [3, 7]] = 0.0
    rare[4, 3] = rare[5, 7] = 5.0  # one order each
    rare[:, 9] = 1e-6 * rare[:, 3]  # does not matter
    rare[:, 11] = 0.0
    rare[:3, 11] = 5.0  # three orders
    (note,) = rare_orders(rare, "word")
    assert note.startswith("the error bars of 2 words rest on a single one of 15 orders each: ")
    (note,) = rare_orders(rare[:, :7], "column")
    assert note.startswith("the error bars of 1 column rest on a single one of 15 orders: ")
    assert rare_orders(usual[:7], "word") == ()
    (note,) = rare_orders(rare[:7, :9], "word")  # of few, where all others are equal
    assert note.startswith("the error bars of 2 words rest on a single one of 7 orders each: ")
    rare[0, [3, 7]] = 1.0
    assert rare_orders(rare[:7, :9], "word") == ()  # by chance as well

    game = games.maximum(60)  # what is small adds only where it comes before all that is larger
    for orders, said in ((15, True), (60, False)):
        answer = explain(*games.as_row(game), "permutation_shap", target=0, permutations=orders)
        assert any("rest on a single one of" in note for note in answer.warnings) == said
    for make in (games.crowds, games.threshold):  # of a vote, all lend each other what they vary by
        crowds = explain(*games.as_row(make(60)), "permutation_shap", target=0, permutations=15)
        assert not any("error bars" in note for note in crowds.warnings)
    model, text = games.as_text(games.maximum(24))
    answer = explain(model, text, "partition_shap", target=0, evaluations=400)
    assert any("rest on a single one of" in note for note in answer.warnings)


def test_rows_whose_errors_rest_on_single_orders_are_said() -> None:
    columns, members = 20, 5
    background = np.concatenate([np.zeros((30, columns)), np.ones((30, columns))])
    x = Tabular(background[-1], background)
    how = {"explainer": "permutation", "orders": 5, "background": 60}

    def vote(rows: np.ndarray) -> np.ndarray:
        return (rows[:, :members].sum(1) == members) * 1.0

    said = [note for note in explain(vote, x, "row_shap", target=0, **how).warnings if "rest on" in note]
    assert len(said) == 1
    assert re.match(r"error bars of columns in \d+ of 60 rows rest on a single one of 5 orders each: ", said[0])
    usual = explain(lambda rows: np.tanh(rows).sum(1) * rows[:, 0], x, "row_shap", target=0, **how)
    assert not any("rest on" in note for note in usual.warnings)


def test_rows_that_are_all_alike_are_said() -> None:
    draw = np.random.default_rng(0)
    table = np.column_stack([draw.normal(size=(20_000, 2)), np.arange(20_000) % 400 == 0])
    x = Tabular(table[1], table)

    def fraud(rows: np.ndarray) -> np.ndarray:
        return 0.01 + 0.9 * rows[:, 2]

    answers = [explain(fraud, x, "partial_dependence", target=0, points=3, rows=100, seed=seed) for seed in range(20)]
    none = [answer for answer in answers if np.asarray(answer.standard_error).max() < 1e-12]
    assert 0 < len(none) < 20
    for answer in answers:
        said = [
            note for note in answer.warnings if note.startswith("all 100 rows that were drawn of 20,000 give the same")
        ]
        assert len(said) == (answer in none)
    every = explain(fraud, Tabular(table[1], table[1:60]), "partial_dependence", target=0, points=3)
    assert not any("give the same" in note for note in every.warnings)


@pytest.mark.parametrize(("count", "right"), [(2, "0.78"), (3, "0.63"), (100, "0.03")])
def test_the_share_that_draws_may_miss(count: int, right: str) -> None:
    # the share that 2 draws miss with 5 %: (1 − 0.776)² = 0.05; 3: 0.3684³ = 0.05; the rule of three says 3 / 100
    (note,) = all_equal(count, 5000)
    assert f"what happens in fewer than {right} of the rows may be missed" in note


@pytest.mark.parametrize(
    "key", ["permutation_importance", "averaged_lime", "interaction", "row_shap", "partial_dependence"]
)
def test_means_over_few_of_many_rows_are_said(key: str) -> None:
    background = np.random.default_rng(0).normal(size=(60, 3))
    x = Tabular(background[0], background)
    params = (
        {"samples": 20}
        if key == "averaged_lime"
        else {}
        if key in ("permutation_importance", "partial_dependence")
        else {"background": 5}
    )
    few, enough = (explain(lambda rows: rows.prod(1), x, key, target=0, rows=rows, **params) for rows in (49, 50))
    assert any(note.startswith("49 of 60 rows may be too few for error bars") for note in few.warnings)
    assert not any("too few for error bars" in note for note in enough.warnings)
    every = Tabular(background[0], background[:20])
    one = explain(lambda rows: rows.prod(1), every, key, target=0, rows=20, **params)  # there are no others
    assert not any("too few for error bars" in note for note in one.warnings)


def test_too_few_samples_for_an_error_are_said() -> None:
    model, text = games.as_text(games.pairs(30))
    few, enough = (explain(model, text, "lime", target=0, samples=count) for count in (30, 40))
    note = "30 samples do not tell how far the weights of 30 words may be off; that takes more than 31"
    assert note in few.warnings
    assert not any("do not tell" in one for one in enough.warnings)
