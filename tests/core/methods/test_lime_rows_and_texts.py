"""LIME on texts and tables against lime's own explainers, given the same samples."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from nbexplain import Subject, explain
from nbexplain.core import call_size, network
from nbexplain.core.ask import ask
from nbexplain.core.methods import lime as lime_module
from nbexplain.core.methods.lime_rows import Drawn
from nbexplain.core.methods.lime_samples import Hidden
from nbexplain.core.methods.local_fit import fit
from nbexplain.inputs import Tabular, Text
from tests.networks import seeded

SENTENCE = "the plot is not good but the cast is wonderful"


def sentiment(texts: list[str]) -> np.ndarray:
    """Probabilities of a score that words, and pairs of them, make up."""
    scores = [2 * ("good" in t) - 3 * ("not" in t and "good" in t) + 1.5 * ("wonderful" in t) for t in texts]
    positive = 1 / (1 + np.exp(-np.array(scores, dtype=float)))
    return np.stack([1 - positive, positive], 1)


@pytest.mark.parametrize(("samples", "seed", "width"), [(80, 0, 0.25), (500, 3, 0.6)])
def test_text_coefficients_equal_limes_own(samples: int, seed: int, width: float, monkeypatch: Any) -> None:
    text = Text(SENTENCE)
    ours = explain(sentiment, text, "lime", target=1, samples=samples, seed=seed, kernel_width=width)
    near = Hidden(Subject(sentiment, text), text.masker(), seed)  # type: ignore[arg-type]
    keep = near.design(samples)

    class Dictated:
        """Hands lime the samples that we drew: how many words go, and which."""

        def __init__(self) -> None:
            self.rows = iter(keep[1:])

        def randint(self, *_: Any) -> np.ndarray:
            return (len(text.tokens) - keep[1:].sum(1)).astype(int)

        def choice(self, _features: Any, size: int, replace: bool) -> np.ndarray:
            gone = np.flatnonzero(next(self.rows) == 0)
            assert len(gone) == size
            assert not replace
            return gone

    lime = LimeTextExplainer(kernel_width=100 * width, bow=False, mask_string="", feature_selection="none")
    lime.random_state = Dictated()
    # positions, as here; an empty mask word leaves what removing leaves
    theirs = lime.explain_instance(SENTENCE, sentiment, labels=(1,), num_features=10, num_samples=samples)
    weights = np.array([dict(theirs.local_exp[1])[i] for i in range(10)])
    assert np.abs(weights).max() > 0.1
    np.testing.assert_allclose(ours.values, weights, rtol=1e-6, atol=1e-9)
    assert ours.details["R²"] == pytest.approx(theirs.score[1] if isinstance(theirs.score, dict) else theirs.score)
    assert ours.base == pytest.approx(theirs.intercept[1])
    assert ours.names == tuple(SENTENCE.split())


def mixed_table() -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": draw.normal(3, 2, 300),
            "colour": draw.choice(["red", "green", "blue"], 300, p=[0.5, 0.3, 0.2]),
            "weight": draw.exponential(1, 300),
        }
    )
    return frame, (frame["size"] + 2 * (frame["colour"] == "red") - frame["weight"] > 3).to_numpy()


def smooth(frame: pd.DataFrame) -> np.ndarray:
    """Probabilities on a frame with strings."""
    score = frame["size"] - 3 + 2 * (frame["colour"] == "red") - frame["weight"] + 0.3 * frame["size"] * frame["weight"]
    positive = 1 / (1 + np.exp(-score.to_numpy(dtype=float)))
    return np.stack([1 - positive, positive], 1)


@pytest.mark.parametrize("bins", ["quartile", "value"])
@pytest.mark.parametrize(("samples", "width"), [(120, 0.75), (700, 1.5)])
def test_table_coefficients_equal_limes_own(bins: str, samples: int, width: float) -> None:
    frame, _ = mixed_table()
    row = Tabular(frame.iloc[5], frame)
    options = {"target": 1, "samples": samples, "bins": bins, "seed": 2, "table_width": width}
    ours = explain(smooth, row, "lime", **options)
    subject = Subject(smooth, row)  # type: ignore[arg-type]
    near = Drawn(subject, bins, 2)
    near.design(samples)
    rows = near._rows.copy()
    assert row.background is not None
    lime = LimeTabularExplainer(
        row.background,
        categorical_features=[1],
        discretize_continuous=bins == "quartile",
        kernel_width=width * 3**0.5,
        feature_selection="none",
    )
    # lime's own view of our rows: bins for numbers, then 1 where it is the row's own bin or category
    bin_of = (lambda r: r) if lime.discretizer is None else lime.discretizer.discretize
    seen = np.array([bin_of(r) for r in rows]) if lime.discretizer is not None else rows.copy()
    first = bin_of(rows[0])
    for column in [1] if lime.discretizer is None else [0, 1, 2]:
        seen[:, column] = seen[:, column] == first[column]
    setattr(lime, "_LimeTabularExplainer__data_inverse", lambda *_: (seen, rows))  # noqa: B010  the name is mangled

    def predict(batch: np.ndarray) -> np.ndarray:
        return smooth(row.outside(torch.from_numpy(batch)))

    theirs = lime.explain_instance(rows[0], predict, labels=(1,), num_features=3, num_samples=samples)
    weights = np.array([dict(theirs.local_exp[1])[i] for i in range(3)])
    assert np.abs(weights).max() > 0.05
    np.testing.assert_allclose(ours.values, weights, rtol=1e-6, atol=1e-9)


def test_rows_come_from_the_backgrounds_distribution() -> None:
    frame, _ = mixed_table()
    row = Tabular(frame.iloc[5], frame)
    for bins in ("quartile", "value"):
        near = Drawn(Subject(smooth, row), bins, 0)  # type: ignore[arg-type]
        near.design(5000)
        rows = near._rows[1:]
        assert rows[:, 0].mean() == pytest.approx(frame["size"].mean(), abs=0.15)
        assert rows[:, 0].std() == pytest.approx(frame["size"].std(), rel=0.1)
        shares = np.bincount(rows[:, 1].astype(int)) / len(rows)
        np.testing.assert_allclose(shares, frame["colour"].value_counts(normalize=True).sort_index(), atol=0.03)
        np.testing.assert_array_equal(near._rows[0], row.tensor[0].numpy())


def test_numbers_lie_in_their_bins_as_limes_own_do() -> None:
    """A skewed column, quantile by quantile within each bin."""
    table = np.exp(np.random.default_rng(0).normal(size=(400, 2)))
    near = Drawn(Subject(nn.Linear(2, 2).double(), Tabular(table[0], table)), "quartile", 0)
    near.design(20_000)
    bins = LimeTabularExplainer(table, random_state=0).discretizer
    for column in range(2):
        place = bins.discretize(near._rows)[:, column].astype(int)
        for number in range(4):
            theirs = bins.get_undiscretize_values(column, np.full(20_000, number))
            ours = near._rows[place == number, column]
            assert len(ours) == pytest.approx(5000, rel=0.1)
            levels = [0.02, 0.25, 0.5, 0.75, 0.98]
            near_enough = 0.12 * bins.stds[column][number]
            np.testing.assert_allclose(np.quantile(ours, levels), np.quantile(theirs, levels), atol=near_enough)


def test_a_longer_draw_begins_like_a_shorter_one() -> None:
    frame, _ = mixed_table()
    subject = Subject(smooth, Tabular(frame.iloc[5], frame))  # type: ignore[arg-type]
    for bins in ("quartile", "value"):
        near = Drawn(subject, bins, 0)
        short = near.design(300), near._rows.copy()
        long = near.design(1500), near._rows.copy()
        np.testing.assert_array_equal(short[0], long[0][:300])
        np.testing.assert_array_equal(short[1], long[1][:300])
    text = Text(SENTENCE)
    words = Hidden(Subject(sentiment, text), text.masker(), 0)  # type: ignore[arg-type]
    np.testing.assert_array_equal(words.design(50), words.design(400)[:50])


def test_recovers_a_linear_model() -> None:
    draw = np.random.default_rng(0)
    background = draw.normal(size=(400, 4)) * [1, 2, 3, 4] + 7
    model = seeded(lambda: nn.Linear(4, 2)).double()
    ours = explain(model, Tabular(background[3], background), "lime", target=1, bins="value", samples=4000)
    right = model.weight[1].detach().numpy() * background.std(0)  # per standard deviation
    np.testing.assert_allclose(ours.values, right, rtol=1e-2)  # ridge shrinks
    assert ours.details["R²"] > 0.9999


class Bag(nn.Module):
    """The sum of what each word is worth."""

    def __init__(self, worth: list[float]) -> None:
        super().__init__()
        self.worth = nn.Parameter(torch.tensor(worth, dtype=torch.float64))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        total = (self.worth[input_ids] * attention_mask).sum(1)
        return torch.stack([-total, total], 1)


class Words:
    """Numbers the words of SENTENCE in the order in which they first come; any other is 99."""

    mask_token_id = pad_token_id = 0

    def __call__(self, text: str) -> dict[str, Any]:
        known = list(dict.fromkeys(SENTENCE.split()))
        found = [(match.group(), match.span()) for match in re.finditer(r"\S+", text)]
        return {
            "input_ids": [known.index(word) + 1 if word in known else 99 for word, _ in found],
            "offset_mapping": [span for _, span in found],
            "attention_mask": [1] * len(found),
        }


@pytest.mark.parametrize("hide", ["remove", "mask token"])
def test_recovers_what_the_words_are_worth(hide: str) -> None:
    worth = [0.0, 0.5, -1.0, 0.25, 2.0, 1.0, -0.5, 0.75, 0.0]  # the mask token is worth nothing
    ours = explain(Bag(worth), Text(SENTENCE, Words()), "lime", target=1, samples=4000, hide=hide, kernel_width=2.0)
    ids = Words()(SENTENCE)["input_ids"]
    np.testing.assert_allclose(ours.values, np.array(worth)[ids], atol=0.01)


def test_more_samples_go_on_from_those_there_are() -> None:
    data = load_breast_cancer()
    forest = RandomForestClassifier(10, random_state=0).fit(data.data, data.target)
    subject = Subject(forest, Tabular(data.data[0], data.data))
    *_, _ = ask(subject, "lime", target=1, params={"samples": 200})
    before = subject.passes["forward"]
    *_, more = ask(subject, "lime", target=1, params={"samples": 500})
    assert subject.passes["forward"] == before + 300
    np.testing.assert_allclose(more.values, explain(forest, Tabular(data.data[0], data.data), "lime", target=1).values)
    *_, _ = ask(subject, "lime", target=0, params={"samples": 500})
    assert subject.passes["forward"] == before + 300  # another class costs no pass


def test_stops_when_it_is_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lime_module, "_AT_ONCE", 0.0)
    frame, _ = mixed_table()
    row = Tabular(frame.iloc[5], frame)
    *early, last = ask(Subject(smooth, row), "lime", target=1, params={"samples": 5000, "stable": 0.2})  # type: ignore[arg-type]
    assert last.progress == 1
    assert 50 < last.details["samples"] < 5000
    assert last.standard_error is not None
    assert last.standard_error.max() <= 0.2 * np.abs(last.values).max()
    assert all(e.standard_error.max() > 0.2 * np.abs(e.values).max() for e in early)  # type: ignore[union-attr]


def test_the_first_picture_comes_early_with_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lime_module, "_AT_ONCE", 0.0)  # as of a model that takes its time
    frame, _ = mixed_table()
    first = next(ask(Subject(smooth, Tabular(frame.iloc[5], frame)), "lime", target=1, params={"samples": 1000}))  # type: ignore[arg-type]
    assert first.progress == pytest.approx(0.05)
    assert np.isfinite(first.standard_error).all()  # type: ignore[arg-type]


def test_a_model_that_is_known_to_be_quick_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, _ = mixed_table()
    calls: list[int] = []

    def counted(rows: pd.DataFrame) -> np.ndarray:
        calls.append(len(rows))
        return smooth(rows)

    paces = [(lime_module, "_AT_ONCE"), (lime_module, "_STEP"), (network, "_TRYING"), (call_size, "_LONG")]
    for module, name in paces:
        monkeypatch.setattr(module, name, 1e9)  # however slow this machine is now
    subject = Subject(counted, Tabular(frame.iloc[5], frame))  # type: ignore[arg-type]
    for seed, asked in ((0, [1, 3, 64, 1, 1, 50, 1, 1, 950, 1, 1]), (1, [1000]), (2, [1000])):  # 64: mixed?
        calls.clear()
        answers = [*ask(subject, "lime", target=1, params={"samples": 1000, "seed": seed})]
        assert (len(answers), calls) == (1, asked)
    monkeypatch.setattr(lime_module, "_AT_ONCE", 0.0)  # for one that is known to be slow there is a picture soon
    calls.clear()
    first = next(ask(subject, "lime", target=1, params={"samples": 1000, "seed": 3}))
    assert (first.progress, calls) == (pytest.approx(0.05), [50])


def test_parameters_of_other_kinds_of_input_are_left_out() -> None:
    frame, _ = mixed_table()
    ours = explain(smooth, Tabular(frame.iloc[5], frame), "lime", target=1, samples=50)
    assert set(ours.params) == {"samples", "bins", "table_width", "stable", "seed"}


@pytest.mark.parametrize("what", ["row", "background"])
def test_missing_values_are_named(what: str) -> None:
    table = np.random.default_rng(0).normal(size=(20, 2))
    row = table[0].copy()
    (row if what == "row" else table)[..., 1] = np.nan
    with pytest.raises(ValueError, match=f"{what}: there are missing values in 'b', and with them the score is NaN"):
        explain(nn.Linear(2, 2).double(), Tabular(row, table, names=["a", "b"]), "lime", target=0)


def test_a_constant_column_has_no_weight() -> None:
    table = np.random.default_rng(0).normal(size=(50, 2))
    table[:, 1] = 3
    for bins in ("quartile", "value"):
        ours = explain(nn.Linear(2, 2).double(), Tabular(table[0], table), "lime", target=0, bins=bins)
        assert ours.values[1] == pytest.approx(0, abs=1e-12)
        near = Drawn(Subject(nn.Linear(2, 2).double(), Tabular(table[0], table)), bins, 0)
        near.design(200)
        np.testing.assert_array_equal(near._rows[:, 1], 3)
        assert "constant in the background: 'feature 1'" in ours.warnings


def test_a_model_that_fails_in_the_middle_leaves_what_came_before() -> None:
    calls = 0

    def fails(rows: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += len(rows)
        if calls > 400:
            raise KeyError("boom")
        return np.stack([rows[:, 0], -rows[:, 0]], 1)

    table = np.random.default_rng(0).normal(size=(50, 2))
    steps = ask(Subject(fails, Tabular(table[0], table)), "lime", target=0, params={"samples": 1000})  # type: ignore[arg-type]
    assert next(steps).details["samples"] == 50
    with pytest.raises(RuntimeError, match="the model raised KeyError"):
        list(steps)


@pytest.mark.parametrize("text", ["not bad", "good"])
def test_errors_of_one_or_two_words_are_those_of_the_draw(text: str) -> None:
    worth = {"good": 2.0, "bad": -3.0, "not": -1.0}

    def model(texts: list[str]) -> list[float]:
        return [sum(map(worth.__getitem__, t.split())) + 4 * ("not" in t and "bad" in t) for t in texts]

    answers = [explain(model, Text(text), "lime", seed=seed) for seed in range(25)]
    spread = np.std([answer.values for answer in answers], axis=0, ddof=1)
    said = np.mean([answer.standard_error for answer in answers], axis=0)
    np.testing.assert_allclose(said, spread, rtol=0.5, atol=1e-9)  # a single word has the same samples in every draw
    assert (spread.max() > 1e-4) == (text == "not bad")
    assert "of so few words its weights change with the number of samples" in answers[0].warnings[-1]
    more = explain(model, Text(text), "lime", samples=5000).values
    assert np.abs(more - answers[0].values).max() > 0.4  # as it says
    assert not explain(model, Text("not bad good"), "lime").warnings


def steps(rows: np.ndarray) -> np.ndarray:
    return np.stack([rows[:, 0] > 0, rows[:, 1] * rows[:, 2] > 0], 1) * 1.0


@pytest.mark.parametrize("bins", ["quartile", "value"])
def test_a_width_in_which_hardly_a_sample_lies_is_said(bins: str) -> None:
    background = np.random.default_rng(0).normal(size=(200, 9))
    row = Tabular(background[3], background)
    options: dict[str, Any] = {"target": 0, "bins": bins, "samples": 400}
    narrow = explain(steps, row, "lime", table_width=0.05, **options)
    assert np.abs(narrow.values).max() < 1e-6  # the penalty takes everything
    assert narrow.warnings == (
        "too few samples are near enough to count, as few as 1.0 of 400, to tell what 9 columns weigh: choose a larger "
        "table_width",
    )
    assert explain(steps, row, "lime", **options).warnings == ()
    assert explain(steps, row, "lime", **{**options, "samples": 10}).warnings == (
        "10 samples do not tell how far the weights of 9 columns may be off; that takes more than 10",
    )


@pytest.mark.parametrize("words", [3, 30])
def test_of_a_text_too(words: int) -> None:
    text = Text(" ".join(f"w{number}" for number in range(words)))
    model = lambda texts: np.array([[len(each), each.count("1")] for each in texts])  # noqa: E731
    assert explain(model, text, "lime", target=0).warnings == ()
    narrow = explain(model, text, "lime", target=0, kernel_width=0.05, samples=100)
    assert len(narrow.warnings) == 1
    assert "to tell what" in narrow.warnings[0]
    assert f"{words} words weigh: choose a larger kernel_width" in narrow.warnings[0]


def test_the_effective_number_of_samples() -> None:
    """By hand: weights 1, 1, e^−½, e^−½ and e^−2, of which the first two are the row itself."""
    design = np.array([[0.0, 0], [0, 0], [1, 0], [0, 1], [2, 0]])
    near = fit(design, np.arange(5.0), np.array([0.0, 0, 1, 1, 2]), 1.0).near
    weights = np.array([1, np.exp(-0.5), np.exp(-0.5), np.exp(-2)])
    assert near == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert fit(np.ones((5, 2)), np.arange(5.0), np.zeros(5), 1.0).near == 5  # nothing varies: no width helps
