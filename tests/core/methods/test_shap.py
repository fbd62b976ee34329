"""SHAP by hiding features: against games worked out by hand, Shapley's formula, and shap itself."""

from __future__ import annotations

import contextlib
import copy
import functools
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import shap
import torch
from torch import nn

from nbexplain import METHODS, Explanation, Subject, explain
from nbexplain.core.ask import ask as answers_to
from nbexplain.core.hooks import Cancelled
from nbexplain.core.methods.sampling_error import error_of_mean
from nbexplain.core.methods.shap_own import own
from nbexplain.inputs import Image, Tabular, Text
from tests.core import oracles
from tests.networks import Plain, seeded

KEYS = ("exact_shap", "kernel_shap", "permutation_shap", "partition_shap")
SIDE = 24
WORDS = "the plot is not bad but far too long"


def on(game: Callable[[np.ndarray], np.ndarray], count: int, key: str, **params: Any) -> Explanation:
    """A game as a model on a row of ones, whose background is a row of zeros."""
    return explain(game, Tabular(np.ones(count), np.zeros((1, count))), key, target=0, **params)


def mixed(keep: np.ndarray) -> np.ndarray:
    """Seven features that interact in threes."""
    a, b, c, d, e, f, g = np.asarray(keep, float).T
    return 2 * a - b + a * b * c + 3 * c * d * e - 2 * e * f * g + np.sin(a + 2 * d + f * g)


def photo() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    blobs = np.stack([(y // 8 * 3 + x // 8) % 5, (y // 8 + x // 8) % 3, x // 8], -1) / 5
    return 0.8 * blobs + 0.2 * np.random.default_rng(3).random((SIDE, SIDE, 3))


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.astype(np.float64).transpose(2, 0, 1))[None]


@functools.cache
def network() -> nn.Module:
    """Scores of a size that can be seen."""
    model: nn.Module = seeded(Plain).double().eval()
    with torch.no_grad():
        for layer in (model.conv1, model.conv2, model.head):
            layer.weight *= 4  # type: ignore[operator, union-attr]
    return model


def feeling(texts: list[str]) -> np.ndarray:
    """A model that reads strings: two scores that hang on words and on pairs of them."""
    rows = []
    for words in map(str.split, texts):
        good = 2.0 * ("bad" in words) * (1 if "not" in words else -1) - ("long" in words) * (1 + ("too" in words))
        rows.append([good + 0.1 * len(words), -good + ("plot" in words) * ("far" in words)])
    return np.array(rows)


@functools.cache
def table() -> tuple[nn.Module, Tabular]:
    rows = np.random.default_rng(0).normal(size=(20, 6))
    model = seeded(lambda: nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3))).double()
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight *= 3
    return model, Tabular(rows[3] + 1, rows)


@contextlib.contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """numpy's global random numbers from a seed, for shap called by hand."""
    state = np.random.get_state()
    np.random.seed(seed)
    yield
    np.random.set_state(state)


# Worked out by hand


@pytest.mark.parametrize("key", KEYS)
def test_games_worked_out_by_hand(key: str) -> None:
    # AND: a adds 0 when it comes first and 1 when it comes last, so ½; so does b; c adds nothing
    both = on(lambda keep: keep[:, 0] * keep[:, 1], 3, key)
    np.testing.assert_allclose(both.values, [0.5, 0.5, 0], atol=1e-9)
    # XOR: a adds 1 when it comes first, and takes 1 away when it comes last: 0 on average
    either = on(lambda keep: (keep[:, 0] != keep[:, 1]) * 1.0, 2, key)
    np.testing.assert_allclose(either.values, [0, 0], atol=1e-9)
    # OR, and 4 c: a adds 1 when it comes first and 0 when it comes last
    some = on(lambda keep: np.maximum(keep[:, 0], keep[:, 1]) + 4 * keep[:, 2] - 1, 3, key)
    np.testing.assert_allclose(some.values, [0.5, 0.5, 4], atol=1e-9)
    assert some.base == pytest.approx(-1)
    assert (some.gap, some.score) == (pytest.approx(0), pytest.approx(4))


def test_a_single_feature_has_all_the_effect() -> None:
    squares = np.arange(9.0)[:, None]
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2)).double()
    for key in KEYS:
        row = explain(lambda x: x[:, 0] ** 2, Tabular([1.0], squares), key, target=0)
        np.testing.assert_allclose(row.values, [1 - 204 / 9])
        word = explain(feeling, Text("long"), key, target=0)
        np.testing.assert_allclose(word.values, [-1 + 0.1])
        labels = np.zeros((SIDE, SIDE), dtype=int)
        whole = explain(model, Image(photo(), tensor, segments=labels), key, target=0)
        assert whole.values == pytest.approx([whole.score - whole.base])  # type: ignore[operator]
        several = explain(lambda x: x[:, 0] ** 2, Tabular([1.0, 5.0], np.hstack([squares, squares * 0 + 5])), key)
        np.testing.assert_allclose(several.values, [1 - 204 / 9, 0])


@pytest.mark.parametrize("key", KEYS)
def test_a_linear_model_gets_weight_times_difference_from_the_background_mean(key: str) -> None:
    random_ = np.random.default_rng(1)
    rows, row, weights = random_.normal(size=(30, 8)), random_.normal(size=8), random_.normal(size=8)
    ours = explain(lambda x: x @ weights + 3, Tabular(row, rows), key, target=0)
    np.testing.assert_allclose(ours.values, weights * (row - rows.mean(0)), rtol=1e-3, atol=1e-6)
    assert ours.base == pytest.approx(float(rows.mean(0) @ weights + 3))
    assert ours.details["background rows"] == 30


# Against Shapley's formula


@pytest.mark.parametrize("key", ["exact_shap", "kernel_shap"])
def test_all_sets_give_shapleys_formula(key: str) -> None:
    ours = on(mixed, 7, key)
    np.testing.assert_allclose(ours.values, oracles.shapley(mixed, 7), atol=1e-9)
    np.testing.assert_array_equal(ours.standard_error, np.zeros(7))
    assert ours.details["evaluations"] == 128


def test_permutations_approach_shapleys_formula_within_their_errors() -> None:
    right = oracles.shapley(mixed, 7)
    ours = on(mixed, 7, "permutation_shap", permutations=400)
    assert ours.standard_error is not None
    assert np.abs(ours.values - right).max() < 4 * ours.standard_error.max() < 0.2
    np.testing.assert_allclose(ours.values, oracles.permuted(mixed, 7, 400), atol=1e-9)


def test_partition_gives_owen_values_of_its_tree() -> None:
    def game(keep: np.ndarray) -> np.ndarray:
        return mixed(keep) + 2.0 * keep[:, 0] * keep[:, 6]

    text = Text("a b c d e f g")
    ours = explain(lambda texts: game(np.array([[w in t for w in "abcdefg"] for t in texts])), text, "partition_shap")
    right = oracles.owen(game, 7, text.masker().tree())
    np.testing.assert_allclose(ours.values, right, atol=1e-9)
    assert np.abs(right - oracles.shapley(game, 7)).max() > 0.1  # what the tree says matters


def test_twins_share_and_idlers_get_nothing() -> None:
    def game(keep: np.ndarray) -> np.ndarray:
        return np.tanh(keep[:, 0] + keep[:, 1] - keep[:, 2])

    values = on(game, 4, "exact_shap").values
    assert values[0] == pytest.approx(values[1])
    assert values[3] == pytest.approx(0, abs=1e-12)


# Against shap itself: same seeds, same background


class Shown:
    """A masker of shap's for games: the mask is the input."""

    def __init__(self, clustering: np.ndarray | None = None) -> None:
        self.clustering = clustering

    def __call__(self, mask: np.ndarray, _x: np.ndarray) -> np.ndarray:
        return mask[None]


def shaps(
    key: str, game: Callable[[np.ndarray], np.ndarray], count: int, tree: np.ndarray, **params: Any
) -> np.ndarray:
    """The values of shap's own explainer, as a user would call it."""
    zeros = np.zeros((1, count))
    with global_seed(params["seed"]):
        if key == "kernel_shap":
            explainer = shap.KernelExplainer(game, zeros)
            return explainer.shap_values(zeros + 1, nsamples=params["samples"], l1_reg=0, silent=True)[0]
        if key == "permutation_shap":
            explainer = shap.PermutationExplainer(game, Shown(), seed=params["seed"])
            return explainer(zeros, max_evals=params["permutations"] * (2 * count + 1), silent=True).values[0]
        if key == "partition_shap":
            explainer = shap.PartitionExplainer(game, Shown(tree))
            return explainer(zeros, max_evals=20_000, silent=True).values[0]  # until every group is halved
        return shap.ExactExplainer(game, Shown())(zeros, silent=True).values[0]


PARAMS: dict[str, dict[str, Any]] = {
    "exact_shap": {},
    "kernel_shap": {"samples": 100, "seed": 3},
    "permutation_shap": {"permutations": 6, "seed": 3},
    "partition_shap": {"seed": 3},
}


@pytest.mark.parametrize("key", KEYS)
def test_pictures_as_shap_has_them(key: str) -> None:
    ours = explain(
        network(), photo(), key, preprocess=tensor, target=1, superpixels=9, segmentation="grid", **PARAMS[key]
    )
    labels, count = ours.features, len(ours.values)
    assert labels is not None
    assert count == 9
    tree = Image(photo(), tensor).masker(9, "grid").tree()

    def game(keep: np.ndarray) -> np.ndarray:
        return oracles.scores(network(), oracles.hide(tensor(photo()), labels, keep))[:, 1].numpy()

    theirs = shaps(key, game, count, tree, **{"seed": 0, **PARAMS[key]})
    assert np.abs(theirs).max() > 0.01
    np.testing.assert_allclose(ours.values, theirs, atol=1e-4 * np.abs(theirs).max())
    assert ours.base is not None
    assert ours.gap == pytest.approx(ours.score - ours.base - ours.values.sum(), abs=1e-12)  # type: ignore[operator]
    assert abs(ours.gap) < 1e-9  # type: ignore[arg-type]


@pytest.mark.parametrize("key", KEYS)
def test_texts_as_shap_has_them(key: str) -> None:
    ours = explain(feeling, Text(WORDS), key, target=1, **PARAMS[key])
    words = WORDS.split()

    def game(keep: np.ndarray) -> np.ndarray:
        return feeling([" ".join(w for w, k in zip(words, row, strict=True) if k) for row in keep])[:, 1]

    tree = Text(WORDS).masker().tree()
    theirs = shaps(key, game, len(words), tree, **{"seed": 0, **PARAMS[key]})
    np.testing.assert_allclose(ours.values, theirs, atol=1e-4 * np.abs(theirs).max())
    assert ours.names == tuple(words)


@pytest.mark.parametrize("key", KEYS)
def test_tables_as_shap_has_them_with_its_own_background(key: str) -> None:
    model, row = table()
    params = {**PARAMS[key], **({"samples": 40} if key == "kernel_shap" else {})}
    ours = explain(model, row, key, target=2, **params)
    assert row.background is not None

    def run(rows: np.ndarray) -> np.ndarray:
        return oracles.scores(model, torch.from_numpy(rows))[:, 2].numpy()

    x = row.tensor.numpy()
    tree = row.masker().tree()

    def hidden(mask: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.where(mask, x, row.background)

    with global_seed(3):
        if key == "kernel_shap":
            theirs = shap.KernelExplainer(run, row.background).shap_values(x, nsamples=40, l1_reg=0, silent=True)[0]
        elif key == "permutation_shap":
            explainer = shap.PermutationExplainer(run, hidden, seed=3)
            theirs = explainer(x, max_evals=6 * 13, silent=True).values[0]
        elif key == "partition_shap":
            masker = shap.maskers.Partition(row.background, clustering=tree)
            theirs = shap.PartitionExplainer(run, masker)(x, max_evals=20_000, silent=True).values[0]
        else:
            theirs = shap.ExactExplainer(run, hidden)(x, silent=True).values[0]
    np.testing.assert_allclose(ours.values, theirs, atol=1e-4 * np.abs(theirs).max())


# Standard errors


@pytest.mark.parametrize(
    ("key", "params"), [("permutation_shap", {"permutations": 30}), ("kernel_shap", {"samples": 70})]
)
def test_standard_errors_are_the_spread_over_seeds(key: str, params: dict[str, int]) -> None:
    answers = [on(mixed, 7, key, seed=seed, **params) for seed in range(40)]
    spread = np.std([a.values for a in answers], axis=0, ddof=1)
    said = np.sqrt(np.mean([np.asarray(a.standard_error) ** 2 for a in answers], axis=0))
    assert (spread > 0.005).all()
    # 40 draws know their own spread to 11 %; what varies least is said to vary more, by what few draws lend each other
    np.testing.assert_allclose(np.sqrt((said**2).mean()), np.sqrt((spread**2).mean()), rtol=0.25)
    assert ((said > 0.75 * spread) & (said < 1.9 * spread)).all()
    right = oracles.shapley(mixed, 7)
    bias = np.mean([a.values for a in answers], axis=0) - right
    assert (np.abs(bias) < 4 * spread / 40**0.5).all()


def test_errors_are_unknown_as_long_as_they_cannot_be_known() -> None:
    one = on(mixed, 7, "permutation_shap", permutations=1)
    assert np.isnan(one.standard_error).all()  # type: ignore[arg-type]
    note = "one order does not tell how far the values may be off; two or more do"
    assert note in one.warnings
    assert note not in on(mixed, 7, "permutation_shap", permutations=2).warnings


def curved(keep: np.ndarray) -> np.ndarray:
    """Twelve features that interact in many ways."""
    keep = np.asarray(keep, float)
    each = np.linspace(-1, 1.5, 12)
    return np.tanh(keep @ each + 2 * keep[:, 0] * keep[:, 9]) + np.sin(2 * keep @ each[::-1]) + keep[:, 3] * keep[:, 7]


@functools.cache
def curves() -> np.ndarray:
    return oracles.shapley(curved, 12)


@pytest.mark.parametrize("samples", [30, 200])
def test_the_right_value_lies_within_two_errors_of_the_fit(samples: int) -> None:
    """However few more equations there are than values: 30 samples are 15 sets with their complements, for 11."""
    answers = [on(curved, 12, "kernel_shap", samples=samples, seed=seed) for seed in range(60)]
    known = [a for a in answers if np.isfinite(a.standard_error).all()]  # type: ignore[arg-type]
    assert len(known) > 55
    within = [np.abs(a.values - curves()) <= 1.96 * np.asarray(a.standard_error) for a in known]
    assert np.mean(within) > 0.92


def test_so_it_does_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    monkeypatch.setattr("nbexplain.core.methods.shap_game.PAUSE", 0.0)
    within = []
    for seed in range(4):
        subject = Subject(curved, Tabular(np.ones(12), np.zeros((1, 12))))  # type: ignore[arg-type]
        *pictures, _ = answers_to(subject, "kernel_shap", target=0, params={"samples": 300, "seed": seed})
        within += [np.abs(p.values - curves()) <= 1.96 * np.asarray(p.standard_error) for p in pictures]
    assert len(within) > 100
    assert np.mean(within) > 0.9


def test_samples_that_do_not_determine_the_values_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    monkeypatch.setattr("nbexplain.core.methods.shap_game.PAUSE", 0.0)
    right = np.arange(80.0)
    subject = Subject(lambda keep: keep @ right, Tabular(np.ones(80), np.zeros((1, 80))))  # type: ignore[arg-type]
    pictures = list(answers_to(subject, "kernel_shap", target=0, params={"samples": 150}))
    assert len(pictures) > 2
    for picture in pictures:  # nowhere more values than equations
        np.testing.assert_allclose(picture.values, right, atol=1e-6)
        assert "150 samples do not determine 80 features: 320 are tried" in picture.warnings
    assert pictures[-1].details["samples"] == 320
    enough = on(lambda keep: keep @ right, 80, "kernel_shap", samples=200)
    assert enough.details["samples"] == 200
    assert not any("determine" in note for note in enough.warnings)


def test_as_many_samples_as_determine_the_values_are_tried() -> None:
    right = np.arange(10.0)
    for seed in range(12):  # 4 for each of 10 features are what is asked for
        found = on(lambda keep: keep @ right, 10, "kernel_shap", samples=40, seed=seed)
        np.testing.assert_allclose(found.values, right, atol=1e-9)
        assert np.isfinite(found.standard_error).all()  # type: ignore[arg-type]
        count = int(found.details["samples"])
        note = f"40 samples do not determine 10 features: {count} are tried"
        assert (count > 40) == (note in found.warnings)


def test_the_first_picture_is_of_two_orders_forth_with_their_errors() -> None:
    subject = Subject(mixed, Tabular(np.ones(7), np.zeros((1, 7))))  # type: ignore[arg-type]
    first, second, *_ = answers_to(subject, "permutation_shap", target=0, params={"permutations": 50})
    assert first.passes["forward"] <= 1 + 2 * 8 + 67  # these tell whether rows are mixed
    with global_seed(0):
        inds, orders = np.arange(7), []
        for _ in range(2):
            np.random.shuffle(inds)
            orders.append(inds.copy())
    added = []
    for order in orders:
        rows = np.zeros((8, 7))
        for step, place in enumerate(order):
            rows[step + 1 :, place] = 1
        added.append(np.diff(mixed(rows))[order.argsort()])
    np.testing.assert_allclose(first.values, np.mean(added, axis=0), atol=1e-12)
    np.testing.assert_allclose(first.standard_error, error_of_mean(np.array(added), features=0), rtol=1e-9)
    assert first.details["permutations"] == second.details["permutations"] == 2
    assert np.isfinite(second.standard_error).all()  # type: ignore[arg-type]
    assert not np.allclose(first.values, second.values)  # forth and back


def test_a_long_first_order_is_shown_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    monkeypatch.setattr("nbexplain.core.methods.shap_game.PAUSE", 0.0)
    right = np.arange(40.0)
    subject = Subject(lambda keep: keep @ right, Tabular(np.ones(40), np.zeros((1, 40))))  # type: ignore[arg-type]
    first = next(iter(answers_to(subject, "permutation_shap", target=0, params={"permutations": 15})))
    assert first.progress < 0.01
    assert np.isnan(first.standard_error).all()  # type: ignore[arg-type]
    come = np.isclose(first.values, right)  # what has come is known already, the rest shares what is left
    assert 5 <= come.sum() < 20
    np.testing.assert_allclose(first.values[~come], right[~come].mean())


def test_progress_is_the_share_of_the_passes_that_orders_of_few_features_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that came in an order before costs nothing: nearly all passes are made in the first orders."""
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    monkeypatch.setattr("nbexplain.core.methods.shap_game.PAUSE", 0.0)
    monkeypatch.setattr("nbexplain.core.methods.shap_game._LEAST", 1)  # pictures within an order, too
    subject = Subject(mixed, Tabular(np.ones(7), np.zeros((1, 7))))  # type: ignore[arg-type]
    pictures = answers_to(subject, "permutation_shap", target=0, params={"permutations": 200})
    passes, progress = np.array([(picture.details["evaluations"], picture.progress) for picture in pictures]).T
    assert (progress[:-1] < 1).all()
    assert progress[-1] == 1
    assert (np.diff(progress) > 0).all()
    np.testing.assert_allclose(progress, passes / passes[-1], atol=0.15)
    np.testing.assert_allclose(progress[:5], passes[:5] / passes[-1], atol=0.03)  # before the first order is whole


def test_stops_when_it_is_stable() -> None:
    ours = on(mixed, 7, "permutation_shap", permutations=1000, stable=0.1)
    assert ours.progress == 1
    assert 2 <= ours.details["permutations"] < 200
    assert np.asarray(ours.standard_error).max() <= 0.1 * np.abs(ours.values).max()


# Pictures on the way, and what is kept


@pytest.mark.parametrize("key", [*KEYS, "leave_one_out"])
def test_pictures_on_the_way(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    monkeypatch.setattr("nbexplain.core.methods.shap_game.PAUSE", 0.0)
    subject = Subject(network(), photo(), preprocess=tensor)
    params = {"exact_shap": {}, "kernel_shap": {"samples": 400}, "permutation_shap": {"permutations": 12}}.get(key, {})
    pictures = list(answers_to(subject, key, target=1, params={"superpixels": 9, "segmentation": "grid", **params}))
    progress = [p.progress for p in pictures]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert len(pictures) > 2 or key == "leave_one_out"
    first = {
        "leave_one_out": 1.0,
        "partition_shap": 0.16,
        "permutation_shap": 0.12,
    }  # there are 54 evaluations, which come by eights
    assert progress[0] <= first.get(key, 0.1)
    for picture in pictures:
        if picture.base is not None:
            assert picture.values.sum() + picture.base + picture.gap == pytest.approx(picture.score)
            assert abs(picture.gap) < 1e-9  # type: ignore[arg-type]
    far = [np.abs(np.nan_to_num(p.values) - pictures[-1].values).max() for p in pictures]
    assert far[-2] <= far[0]


@pytest.mark.parametrize("key", ["exact_shap", "kernel_shap", "permutation_shap", "leave_one_out"])
def test_another_class_costs_no_pass(key: str) -> None:
    subject = Subject(network(), photo(), preprocess=tensor)
    params: dict[str, Any] = {"superpixels": 9, "segmentation": "grid"}
    list(answers_to(subject, key, target=1, params=params))
    before = subject.passes["forward"]
    *_, other = answers_to(subject, key, target=3, params=params)
    assert subject.passes["forward"] == before
    fresh = explain(network(), photo(), key, preprocess=tensor, target=3, **params)
    np.testing.assert_allclose(other.values, fresh.values, atol=1e-12)


def test_another_method_and_more_permutations_cost_only_what_is_new() -> None:
    calls: list[int] = []

    def counted(keep: np.ndarray) -> np.ndarray:
        calls.append(len(keep))
        return mixed(keep)

    subject = Subject(counted, Tabular(np.ones(7), np.zeros((1, 7))))  # type: ignore[arg-type]
    list(answers_to(subject, "exact_shap", target=0))
    before = sum(calls)
    for key in ("kernel_shap", "permutation_shap", "partition_shap", "leave_one_out"):
        list(answers_to(subject, key, target=0))
    assert sum(calls) == before


def test_equal_seeds_give_equal_values_and_others_do_not() -> None:
    for key in ("kernel_shap", "permutation_shap"):
        params = {"kernel_shap": {"samples": 60}}.get(key, {"permutations": 3})
        first = on(mixed, 7, key, seed=4, **params).values
        np.testing.assert_array_equal(first, on(mixed, 7, key, seed=4, **params).values)
        assert not np.array_equal(first, on(mixed, 7, key, seed=5, **params).values)


# Errors, and what must stay as it was


def test_fifteen_features_are_too_many_for_all_sets() -> None:
    with pytest.raises(
        ValueError, match=r"x: exact_shap tries all sets of up to 14 features, .* has 15 .*use permutation"
    ):
        on(lambda keep: keep.sum(1), 15, "exact_shap")
    assert on(lambda keep: keep.sum(1), 5, "exact_shap").details["evaluations"] == 32


def test_a_text_of_too_many_words_is_told_the_unit_of_which_all_sets_can_be_tried() -> None:
    def long(texts: list[str]) -> np.ndarray:
        return np.array([[len(text) / 100, -len(text) / 100] for text in texts])

    three = Text("one two three four five six. one two three four five. one two three four five.")
    with pytest.raises(ValueError, match=r"has 16 words that .* or unit='sentence', of which it has 3$"):
        explain(long, three, "exact_shap", target=0)
    assert explain(long, three, "exact_shap", target=0, unit="sentence").values.shape == (3,)
    many = Text(". ".join(["one"] * 15))
    with pytest.raises(ValueError, match=r"has 15 sentences that .* or fewer features$"):
        explain(long, many, "exact_shap", target=0, unit="sentence")


def test_what_does_not_vary_counts_nothing() -> None:
    rows = np.random.default_rng(0).normal(size=(10, 16))
    row = rows[0] + 1
    row[4:] = rows[:, 4:] = 7.0  # 12 of 16 columns are constant: 4 players are left for all sets
    for key in (*KEYS, "leave_one_out"):
        ours = explain(lambda x: np.tanh(x[:, :4].sum(1)), Tabular(row, rows), key, target=0)
        assert (ours.values[4:] == 0).all()
        assert (ours.values[:4] != 0).all()
        assert ours.details["evaluations"] <= 16
        same = explain(lambda x: x.sum(1), Tabular(rows[0], rows[:1]), key, target=0)
        np.testing.assert_array_equal(same.values, np.zeros(16))


@pytest.mark.parametrize("key", [*KEYS, "leave_one_out"])
def test_a_score_that_is_no_number_is_named(key: str) -> None:
    with pytest.raises(ValueError, match=r"scores: \d+ of \d+ changed inputs have a score that is NaN"):
        on(lambda keep: np.where(keep[:, 0] == 0, np.nan, keep.sum(1)), 4, key)


@pytest.mark.parametrize(
    ("key", "limit"),
    [("exact_shap", 60), ("kernel_shap", 80), ("permutation_shap", 60), ("partition_shap", 30), ("leave_one_out", 30)],
)
def test_a_model_that_raises_in_the_middle(key: str, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    monkeypatch.setattr("nbexplain.core.methods.shap_game.PAUSE", 0.0)
    inputs = [0]
    error = OSError("the disk is gone")

    def moody(_module: nn.Module, args: Any) -> None:
        inputs[0] += len(args[0])
        if inputs[0] > limit:
            raise error

    model = copy.deepcopy(network())
    model.register_forward_pre_hook(moody)
    pictures: list[Explanation] = []
    params = {"superpixels": 30 if key == "leave_one_out" else 9, "segmentation": "grid"}
    steps = answers_to(Subject(model, photo(), preprocess=tensor), key, target=1, params=params)
    with pytest.raises(RuntimeError, match=r"the model raised OSError .* the disk is gone") as caught:
        pictures.extend(steps)
    assert caught.value.__cause__ is error
    assert pictures  # what is known by then has been shown


@pytest.mark.parametrize("key", KEYS)
def test_stop_comes_through_shaps_loops(key: str) -> None:
    class Event:
        looks = 0

        def is_set(self) -> bool:
            self.looks += 1
            return self.looks > 60

    subject = Subject(network(), photo(), preprocess=tensor)
    subject.twin.stop.event = Event()  # type: ignore[assignment]
    with pytest.raises(Cancelled):
        list(answers_to(subject, key, target=1, params={"superpixels": 9}))


def test_random_numbers_and_threads_of_the_process_stay() -> None:
    threads = threading.active_count()
    states = np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes(), random.getstate()  # type: ignore[union-attr]
    for key in KEYS:
        on(mixed, 7, key, **({"samples": 60} if key == "kernel_shap" else {}))
    now = np.random.get_state()[1].tobytes(), torch.get_rng_state().numpy().tobytes(), random.getstate()  # type: ignore[union-attr]
    assert now == states
    assert threading.active_count() == threads


RACE = """
import builtins
import numba.core.utils

class Builtins:
    looks = 0

    @property
    def __dict__(self):
        Builtins.looks += 1
        if Builtins.looks < 3:  # a cell has begun or ended meanwhile
            raise RuntimeError("dictionary changed size during iteration")
        return vars(builtins)

numba.core.utils.builtins = Builtins()
from nbexplain.core.methods.shap_own import own
own("explainers._permutation")
print(Builtins.looks)
"""


def test_shap_can_be_imported_while_cells_begin_and_end() -> None:
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("3", 0), done.stderr


def test_the_shap_that_the_user_imports_is_not_written_to() -> None:
    from shap.explainers import _exact, _kernel, _partition, _permutation

    theirs = [dict(vars(module)) for module in (_exact, _kernel, _partition, _permutation)]
    for key in KEYS:
        on(mixed, 7, key)
    for module, before in zip((_exact, _kernel, _partition, _permutation), theirs, strict=True):
        assert dict(vars(module)) == before
        assert vars(module)["np"] is np
    ours = own("explainers._exact")
    assert ours is not _exact
    assert ours.np.random is not np.random
    assert not hasattr(ours._compute_grey_code_row_values, "py_func")  # nothing of ours waits for a compiler
    assert hasattr(_exact._compute_grey_code_row_values, "py_func")


def test_they_are_asked_of_all_that_has_parts_to_hide() -> None:
    for key in (*KEYS, "leave_one_out"):
        assert set(METHODS[key].kinds) == {"picture", "text", "table"}
