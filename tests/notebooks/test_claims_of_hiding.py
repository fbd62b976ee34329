"""What notebooks 4 and 5 say of LIME and SHAP."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from nbexplain import Explanation, Tabular, Text, examples, explain

scenes, tumour, reviews = cache(examples.scenes), cache(examples.tumour), cache(examples.reviews)

# Notebook 4


@cache
def brick_heart(samples: int, seed: int = 0, **params: Any) -> Explanation:
    demo = scenes()
    about = {"target": demo.classes.index("brick heart"), "preprocess": demo.preprocess}
    return explain(demo.model, demo.pictures[1], "lime", **about, samples=samples, seed=seed, **params)


@pytest.mark.parametrize(
    ("samples", "superpixels", "pieces", "correlation"),
    [(60, 50, 44, 0.16), (100, 50, 44, 0.48), (100, 15, 12, 0.64), (500, 50, 44, 0.75)],
)
def test_two_draws_differ_until_there_are_enough(samples, superpixels, pieces, correlation):
    first, second = (brick_heart(samples, seed, superpixels=superpixels) for seed in (0, 1))
    assert len(first.values) == pieces
    assert spearmanr(first.values, second.values).statistic == pytest.approx(correlation, abs=0.02)
    if pieces == 44:
        top = [set(found.values.argsort()[-5:]) for found in (first, second)]
        assert len(top[0] & top[1]) == {60: 2, 100: 3, 500: 5}[samples]


def test_a_good_fit_of_few_samples_says_nothing():
    few = brick_heart(60, superpixels=50)
    assert few.details["R²"] == pytest.approx(0.98, abs=0.006)
    assert (few.standard_error > abs(few.values)).sum() == pytest.approx(28, abs=1)


def test_weights_above_their_errors_keep_their_order():
    many = [brick_heart(500, seed, superpixels=50) for seed in (0, 1)]
    sure = np.all([abs(found.values) > 2 * found.standard_error for found in many], axis=0)
    assert sure.sum() == pytest.approx(16, abs=1)
    assert spearmanr(many[0].values[sure], many[1].values[sure]).statistic > 0.9


@pytest.mark.parametrize(("samples", "sets"), [(20, 5), (40, 5), (80, 1)])
def test_the_third_superpixel_is_chance_with_few_samples(samples, sets):
    found = [brick_heart(samples, seed) for seed in range(5)]
    tops = [frozenset(each.values.argsort()[-3:].tolist()) for each in found]
    assert len(set(tops)) == sets
    assert len({each.values.argmax() for each in found}) == 1  # the heart
    assert np.isnan(found[0].standard_error).all() == (samples < 44)


@pytest.mark.parametrize(
    ("fill", "largest", "r2"), [("region mean", 1.69, 0.99), ("mean", 1.48, 0.94), ("black", 0.40, 0.51)]
)
def test_what_hides_a_superpixel_changes_the_answer(fill, largest, r2):
    found = brick_heart(150, fill=fill)
    assert [found.values.max(), found.details["R²"]] == pytest.approx([largest, r2], abs=0.006)
    heart = scenes().masks[1]["brick heart"]
    assert heart[found.features == found.values.argmax()].mean() > 0.9
    assert (found.values.argmax() == brick_heart(150).values.argmax()) == (fill != "black")


@pytest.mark.parametrize(("width", "count"), [(0.05, 7), (0.25, 181)])
def test_how_many_samples_are_near(width, count):
    shown = np.random.default_rng(0).random((200, 25)) < 0.5
    cosine = shown.sum(1) / np.linalg.norm(shown, axis=1) / 5  # with all 25 shown
    say = np.exp(-((1 - cosine) ** 2) / width**2 / 2)
    assert say.sum() ** 2 / (say**2).sum() == pytest.approx(count, abs=0.5)


def test_lines_through_a_sentence_and_a_row():
    demo, talk = tumour(), reviews()
    row = Tabular(demo.rows[0], background=demo.background, names=demo.names)
    said = explain(talk.model, Text(talk.texts[1], talk.tokenizer), "lime", target=1)
    assert explain(demo.model, row, "lime", target=0).details["R²"] < 0.5 < said.details["R²"] < 0.8
    assert min(said.values[[said.names.index(word) for word in ("not", "bad")]]) > 0


# Notebook 5


def test_shares_of_the_quiz():
    worth = {"": 0, "A": 40, "B": 40, "C": 0, "AB": 40, "AC": 60, "BC": 60, "ABC": 60}

    def quiz(rows: np.ndarray) -> np.ndarray:
        return np.array([worth["".join(p for p, there in zip("ABC", row, strict=True) if there)] for row in rows])

    team = Tabular([1, 1, 1], background=[[0, 0, 0]], names=list("ABC"))
    assert explain(quiz, team, "exact_shap").values == pytest.approx([70 / 3, 70 / 3, 40 / 3])
    assert explain(quiz, team, "leave_one_out").values.tolist() == [0, 0, 20]
    assert explain(quiz, team.another([1, 1, 0]), "exact_shap").values == pytest.approx([20, 20, 0])


EIGHT = slice(20, 28)


@cache
def small_network() -> nn.Module:
    demo = tumour()
    known = np.column_stack([demo.background[:, EIGHT], np.ones(len(demo.background))])
    line = torch.from_numpy(np.linalg.lstsq(known, demo.background, rcond=None)[0]).float()
    fill_in = nn.Linear(8, 30)
    fill_in.load_state_dict({"weight": line[:-1].T, "bias": line[-1]})
    return nn.Sequential(fill_in, demo.model).eval()


@cache
def of_eight(method: str, against: str = "all", **params: Any) -> Explanation:
    demo = tumour()
    malignant = demo.background_labels == 0
    rows = demo.background[{"all": malignant >= 0, "malignant": malignant, "benign": ~malignant}[against]]
    row = Tabular(demo.rows[0][EIGHT], background=rows[:, EIGHT], names=demo.names[EIGHT])
    return explain(small_network(), row, method, target=0, **params)


@pytest.mark.parametrize(
    ("method", "miss"),
    [
        ("kernel_shap", 0),
        ("permutation_shap", 0.09),
        ("partition_shap", 0.24),
        ("gradient_shap", 0.32),
        ("deep_shap", 0.35),
    ],
)
def test_how_far_the_explainers_are_from_the_exact_one(method, miss):
    exact, found = of_eight("exact_shap"), of_eight(method)
    assert abs(found.values - exact.values).max() == pytest.approx(miss, abs=0.006)
    assert abs(found.gap) == pytest.approx(0.26 if method == "gradient_shap" else 0, abs=0.006)
    rows = {"kernel_shap": 25_600, "permutation_shap": 12_600}.get(method)
    assert rows is None or 0 <= found.passes["forward"] - rows <= 80  # some rows are tried together and alone once


@pytest.mark.parametrize(
    ("orders", "miss", "error"), [(2, 0.303, 0.528), (10, 0.088, 0.169), (50, 0.066, 0.075), (250, 0.049, 0.032)]
)
def test_errors_of_orders_fall_with_the_root(orders, miss, error):
    found = of_eight("permutation_shap", permutations=orders)
    assert abs(found.values - of_eight("exact_shap").values).max() == pytest.approx(miss, abs=0.002)
    assert found.standard_error.max() == pytest.approx(error, abs=0.002)


def test_leave_one_out_beside_shap():
    shap, left_out = (of_eight(method).values for method in ("exact_shap", "leave_one_out"))
    place = tumour().names[EIGHT].index("worst compactness")
    assert abs(shap).argmax() == place
    assert [shap[place], left_out[place]] == pytest.approx([-1.55, -0.32], abs=0.006)
    assert (abs(left_out) > abs(left_out[place])).sum() == 3


@pytest.mark.parametrize(("against", "value"), [("malignant", -0.09), ("benign", 1.31)])
def test_a_value_compares_with_the_background(against, value):
    place = tumour().names[EIGHT].index("worst perimeter")
    assert of_eight("exact_shap", against).values[place] == pytest.approx(value, abs=0.006)


def test_exclusive_or_is_seen_by_the_interaction_alone():
    pair = Tabular([1, 1], background=[[0, 0]], names=["a", "b"])

    def either(rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] != rows[:, 1]

    assert explain(either, pair, "exact_shap").values.tolist() == [0, 0]
    assert explain(either, pair, "leave_one_out").values.tolist() == [-1, -1]
    assert explain(either, pair, "interaction").values[0, 1] == pytest.approx(-1)
