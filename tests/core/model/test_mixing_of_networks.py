"""Texts, rows and targets whose scores depend on what else is asked: each is asked alone, and has its own score."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Explanation, Subject, Tabular, Text, explain
from nbexplain.core import network
from nbexplain.core.ask import ask
from tests.networks import seeded


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many inputs of a batch are asked alone as on a quick machine."""
    monkeypatch.setattr(network, "_HOLDING", 0.1)


class Vocabulary:
    """A tokenizer of nine words, without special tokens."""

    all_special_ids: tuple[int, ...] = ()
    words = ("the", "plot", "was", "dull", "but", "its", "end", "fine", "indeed")

    def __call__(self, text: str, **_: Any) -> dict[str, list[Any]]:
        found = list(re.finditer(r"\w+", text))
        ids = [self.words.index(word.group()) for word in found]
        return {"input_ids": ids, "offset_mapping": [word.span() for word in found]}


def mixes(found: Explanation) -> bool:
    """Whether it is said that the model was asked for one input at a time."""
    return any("one input at a time" in said for said in found.warnings)


class ByTheLargestEmbedding(nn.Module):
    """Embeddings on the scale of the largest of the batch, which is that of one word."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> Tensor:
        found = self.embedding(ids)
        return self.head((found / found.abs().max()).sum(1))


class WhereTheFirstIs(ByTheLargestEmbedding):
    """Reads where the first text has a word, of which others have another one there."""

    def forward(self, ids: Tensor) -> Tensor:
        place = int((ids[0] == 4).nonzero()[0, 0]) if 4 in ids[0] else 0
        return self.head(self.embedding(ids)[:, place])


@pytest.mark.parametrize("largest", range(8))
@pytest.mark.parametrize("make", [ByTheLargestEmbedding, WhereTheFirstIs])
def test_tokens_that_depend_on_the_other_texts_of_a_batch(make: type[ByTheLargestEmbedding], largest: int) -> None:
    model = seeded(make)
    with torch.no_grad():
        model.embedding.weight[largest] *= 9
    text = " ".join(Vocabulary.words[:8])

    def score(left_out: int | None) -> float:
        kept = [number for number in range(8) if number != left_out]
        return float(model(torch.tensor([kept]))[0, 1].detach())

    found = explain(model, Text(text, Vocabulary()), "leave_one_out", target=1)
    np.testing.assert_allclose(found.values, [score(None) - score(word) for word in range(8)], atol=1e-5)
    # all texts of the batch have that word, where it is the last
    assert mixes(found) or (make is ByTheLargestEmbedding and largest == 7)


class AcrossRows(nn.Module):
    """Rows look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x + (x @ x.T).softmax(1) @ x)


class RowsByTheLargest(AcrossRows):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(x / x.abs().max())


@pytest.mark.parametrize("row", [0, 5])
@pytest.mark.parametrize("make", [AcrossRows, RowsByTheLargest])
def test_rows_of_a_network_that_depend_on_each_other(make: type[AcrossRows], row: int) -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model = seeded(make)
    found = explain(model, Tabular(table[row], table), "row_scores")
    alone = np.concatenate([model(torch.from_numpy(one[None])).detach().numpy() for one in table])
    np.testing.assert_allclose(found.values, alone[found.features], atol=1e-5)
    assert mixes(found)


TARGETS: dict[str, Callable[[Tensor], Tensor]] = {
    "weighed by a softmax over the inputs": lambda scores: scores.softmax(0)[:, 1] * scores[:, 1],
    "beside the largest": lambda scores: (scores - scores.max())[:, 1],
    "beside the mean": lambda scores: scores[:, 1] - scores.mean(),
    "above the mean": lambda scores: (scores[:, 1] >= scores[:, 1].mean()) ^ (scores[:, 0] > 0.2),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_depends_on_the_other_inputs(name: str) -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model, target = seeded(lambda: nn.Linear(3, 2)), TARGETS[name]

    def worth(kept: np.ndarray) -> float:
        rows = np.where(kept, table[0], table).astype(np.float32)
        return float(np.mean([float(target(model(torch.from_numpy(row[None])))[0]) for row in rows]))

    shapley = np.zeros(3)
    for order in itertools.permutations(range(3)):
        kept = np.zeros(3, dtype=bool)
        for column in order:
            before = worth(kept)
            kept[column] = True
            shapley[column] += (worth(kept) - before) / 6
    found = explain(model, Tabular(table[0], table), "exact_shap", target=target)
    np.testing.assert_allclose(found.values, shapley, atol=1e-5)


TOGETHER_ONLY: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax over the inputs": lambda scores: scores.softmax(0)[:, 1],
    "beside the mean of the class": lambda scores: (scores - scores.mean(0))[:, 1],
    "rank": lambda scores: scores[:, 1].argsort().argsort(),
    "largest or not": lambda scores: scores[:, 1] >= scores[:, 1].max(),
}


@pytest.mark.parametrize("method", ["exact_shap", "gradient", "deep_shap", "row_shap"])
@pytest.mark.parametrize("name", TOGETHER_ONLY)
def test_a_target_that_tells_no_input_from_another_by_itself_is_refused(name: str, method: str) -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model = seeded(lambda: nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"target: .* depends on which inputs are asked with it.*scores\.softmax\(1\)"):
        explain(model, Tabular(table[0], table), method, target=TOGETHER_ONLY[name])


def test_a_target_that_is_the_same_for_all_inputs_in_any_company_is_none_of_these() -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model, x = seeded(lambda: nn.Linear(3, 2)), Tabular(table[0], table)
    found = explain(model, x, "exact_shap", target=lambda scores: scores.softmax(1).sum(1))
    np.testing.assert_allclose(found.values, 0, atol=1e-6)


class Switch(nn.Module):
    """Four experts, each of which takes a quarter of the rows of a batch and a little more; the others get zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(3, 4), nn.ModuleList(nn.Linear(3, 2) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        chosen, out, most = self.gate(x).argmax(1), x.new_zeros(len(x), 2), math.ceil(1.25 * len(x) / 4)
        for number, expert in enumerate(self.experts):
            rows = (chosen == number).nonzero()[:most, 0]
            out[rows] = expert(x[rows])
        return out


@pytest.mark.parametrize("seed", range(4))
def test_rows_near_the_explained_one_all_want_the_same_expert(seed: int) -> None:
    """Rows of the background spread over the experts, which then have room for all."""
    table = np.random.default_rng(seed).normal(size=(60, 3)).astype(np.float32)
    model = seeded(Switch, seed)

    def score(row: np.ndarray) -> float:
        return float(model(torch.from_numpy(row[None]))[0, 1].detach())

    found = explain(model, Tabular(table[3], table), "leave_one_out", target=1)
    changed = [np.where(np.arange(3) == column, table, table[3]) for column in range(3)]
    wanted = [score(table[3]) - np.mean([score(row) for row in rows]) for rows in changed]
    np.testing.assert_allclose(found.values, wanted, atol=1e-5)
    assert mixes(found)


class SwitchOfPictures(nn.Module):
    """The same for the mean of a picture's halves."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.switch = nn.Conv2d(1, 3, 3, padding=1), Switch()

    def forward(self, x: Tensor) -> Tensor:
        return self.switch(self.conv(x).relu().mean((2, 3)))


@pytest.mark.parametrize("method", ["occlusion", "leave_one_out"])
def test_pictures_that_all_want_the_same_expert(method: str) -> None:
    model, x = seeded(SwitchOfPictures), seeded(lambda: torch.rand(1, 1, 16, 16))
    found = explain(model, x, method, target=1)
    each = explain(model, x, method, target=1, forward=lambda model, x: torch.cat([model(one[None]) for one in x]))
    np.testing.assert_allclose(found.values, each.values, atol=1e-6)
    assert np.abs(found.values).max() > 1e-4
    assert mixes(found)


class MaskedVocabulary(Vocabulary):
    """The same, of which the last stands for what is hidden."""

    mask_token_id = 8


class ExpertsOfTexts(nn.Module):
    """Each text has an expert, which takes a quarter of a batch, or four."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.gate, self.head = nn.Embedding(9, 16), nn.Linear(16, 4), nn.Linear(16, 3)
        self.experts = nn.ModuleList(nn.Linear(16, 16) for _ in range(4))

    def forward(self, ids: Tensor) -> Tensor:
        read = self.embedding(ids).mean(1)
        out, chosen = read.clone(), self.gate(read).argmax(1)
        for number, expert in enumerate(self.experts):
            rows = (chosen == number).nonzero()[: max(4, math.ceil(len(ids) / 4)), 0]
            out[rows] = out[rows] + expert(read[rows])
        return self.head(out)


class Unsorted(nn.Module):
    """Sorts by length, which keeps few texts of equal lengths in their order, and does not put them back."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(9, 16), nn.LSTM(16, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, ids: Tensor) -> Tensor:
        lengths, order = (ids >= 0).sum(1).sort(descending=True)
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids[order]), lengths, batch_first=True)
        return self.head(self.lstm(packed)[1][0][-1])


@pytest.mark.parametrize("make", [ExpertsOfTexts, Unsorted])
def test_texts_of_one_length_of_which_a_method_asks_many(make: Callable[[], nn.Module]) -> None:
    model, text = seeded(make, 2), Text(" ".join(MaskedVocabulary.words[:8]), MaskedVocabulary())
    about: dict[str, Any] = {"target": 1, "hide": "mask token", "unit": "word"}
    found = explain(model, text, "exact_shap", **about)
    one = explain(model, text, "exact_shap", forward=lambda m, x: torch.cat([m(row[None]) for row in x]), **about)
    np.testing.assert_allclose(found.values, one.values, atol=1e-6)
    assert mixes(found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", ["exact_shap", "partial_dependence"])
def test_a_callable_that_clips_what_is_rare_in_a_batch(method: str, seed: int) -> None:
    draw = np.random.default_rng(seed)
    table, weights = draw.normal(size=(60, 4)), draw.normal(size=4)

    def clipped(rows: np.ndarray) -> np.ndarray:
        made: np.ndarray = np.minimum(rows, np.quantile(rows, 0.95, axis=0)) @ weights
        return made

    x = Tabular(table[7], table)
    found, right = (explain(one, x, method) for one in (clipped, lambda rows: rows @ weights))
    np.testing.assert_allclose(found.values, right.values, atol=1e-9)
    assert mixes(found)


class Packed(nn.Module):
    """Rounds otherwise beside other texts, and returns it in double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(9, 16), nn.LSTM(16, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, ids: Tensor) -> Tensor:
        lengths = 1 + (ids != 8).sum(1).clamp(max=ids.shape[1] - 1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, True, enforce_sorted=False)
        return self.head(self.lstm(packed)[1][0][-1]).double().log_softmax(1)


def test_rounding_in_single_precision_is_no_mixing_where_doubles_are_returned() -> None:
    model, text = seeded(Packed), Text(" ".join(MaskedVocabulary.words[:8]), MaskedVocabulary())
    assert not mixes(explain(model, text, "permutation_shap", target=1, hide="mask token", unit="word"))


class FillsIn(AcrossRows):
    """The mean of the batch stands in for what is missing."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.where(x.isnan(), x.nanmean(0).nan_to_num(), x))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [Switch, FillsIn])
def test_rows_of_which_a_few_depend_on_the_others(make: Callable[[], nn.Module], seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=(50, 3)).astype(np.float32)
    table[[11, 30], 1] = np.nan if make is FillsIn else 0
    model = seeded(make, seed)
    found = explain(model, Tabular(table[3], table), "row_scores")
    alone = np.concatenate([model(torch.from_numpy(one[None])).detach().numpy() for one in table])
    np.testing.assert_allclose(found.values, alone[found.features], atol=1e-5)


@pytest.mark.parametrize("method", ["leave_one_out", "exact_shap", "kernel_shap", "permutation_shap"])
@pytest.mark.parametrize(
    "target", [lambda scores: scores.argmax(1), lambda scores: (scores[:, 0] > 0.2).int(), lambda s: s[:, 0] > 0.2]
)
def test_targets_that_are_whole_numbers(target: Callable[[Tensor], Tensor], method: str) -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model, x = seeded(lambda: nn.Linear(3, 3)), Tabular(table[0], table)
    found, wanted = (explain(model, x, method, target=one) for one in (target, lambda s: target(s).float()))
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-6)
    assert np.abs(found.values).max() > 0.1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_means_over_the_background_are_not_rounded_as_the_network_is(dtype: torch.dtype) -> None:
    table = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    model = seeded(lambda: nn.Linear(3, 2)).to(dtype)
    with torch.no_grad():
        model.bias += 8

    def score(row: np.ndarray) -> float:
        return float(model(torch.from_numpy(row[None]).to(dtype))[0, 1].detach())

    changed = [np.where(np.arange(3) == column, table, table[0]) for column in range(3)]
    wanted = [score(table[0]) - np.mean([score(row) for row in rows]) for rows in changed]
    found = explain(model, Tabular(table[0], table), "leave_one_out", target=1)
    np.testing.assert_allclose(found.values, wanted, atol=1e-9)


def in_place(scores: Tensor) -> Tensor:
    scores *= 100
    return scores[:, 1]


@pytest.mark.parametrize("method", ["exact_shap", "deep_shap", "partial_dependence"])
def test_a_target_may_write_into_the_scores(method: str) -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model, x = seeded(lambda: nn.Linear(3, 2)), Tabular(table[0], table)
    found, wanted = (explain(model, x, method, target=one) for one in (in_place, lambda scores: 100 * scores[:, 1]))
    np.testing.assert_allclose(found.values, wanted.values, rtol=1e-5)
    assert found.score == wanted.score


def test_a_target_of_short_floats_that_depends_on_the_other_inputs() -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model = seeded(lambda: nn.Linear(3, 2)).bfloat16()
    x = Tabular(table[0], table)
    found = explain(model, x, "partial_dependence", target=lambda scores: scores.softmax(0)[:, 1] * scores[:, 1])
    np.testing.assert_array_equal(found.values, explain(model, x, "partial_dependence", target=1).values)


def test_what_a_target_makes_of_single_precision_stays_as_precise_as_it_is() -> None:
    table = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model, x = seeded(lambda: nn.Linear(3, 2)), Tabular(table[0], table)

    def shifted(scores: Tensor) -> Tensor:
        return scores[:, 1].double() + 1e8

    found, plain = (explain(model, x, "partial_dependence", target=one) for one in (shifted, 1))
    np.testing.assert_allclose(found.values - 1e8, plain.values, atol=1e-6)
    with pytest.raises(ValueError, match=r"target: what it makes of the scores is NaN or infinite, .*'feature 1' at"):
        explain(model, x, "partial_dependence", column=1, target=lambda scores: (scores[:, 1] - 99).log())


class ClipsOutliers(nn.Module):
    """The mean score of the batch for rows with a value far from the others' of the batch, which no row alone is."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(x)
        far = ((x - x.mean(0)).abs() > 4 * x.std(0, correction=0) + 1e-6).any(1, keepdim=True)
        return torch.where(far, scores.mean(0), scores)


@pytest.mark.parametrize(("method", "row"), [("exact_shap", 0), ("leave_one_out", 7), ("kernel_shap", 13)])
def test_an_answer_holds_nothing_that_was_computed_before_mixing_was_seen(method: str, row: int) -> None:
    table = np.random.default_rng(0).standard_t(3, size=(100, 5)).astype(np.float32)
    model = seeded(ClipsOutliers)
    given = Tabular(table[row], table)
    found, right = (explain(net, given, method, target=1) for net in (model, model.head))
    np.testing.assert_allclose(found.values, right.values, atol=1e-6)
    assert mixes(found)
    assert not mixes(right)


class MixesMoreAndMore(ClipsOutliers):
    """The mean score of the batch for one of many rows, and for all where they are more still."""

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(x)
        mixed = scores.clone()
        mixed[slice(1, 2) if len(x) < 500 else slice(None)] = scores.mean(0)
        return mixed if len(x) > 60 else scores


def test_a_question_begins_anew_where_mixing_is_seen_late() -> None:
    table = np.random.default_rng(0).uniform(-1, 1, size=(1200, 5)).astype(np.float32)
    model, given = seeded(MixesMoreAndMore), Tabular(table[0], table)
    found, right = (explain(net, given, "exact_shap", target=1) for net in (model, model.head))
    np.testing.assert_allclose(found.values, right.values, atol=1e-6)
    assert mixes(found)


def test_new_weights_are_held_against_inputs_alone_again() -> None:
    table = np.random.default_rng(0).uniform(-1, 1, size=(1200, 5)).astype(np.float32)
    model = seeded(MixesMoreAndMore)
    subject = Subject(model, Tabular(table[0], table))
    for factor in (1.0, 2.0):
        with torch.no_grad():
            model.head.weight.mul_(factor)
        subject.refresh()
        *_, found = ask(subject, "exact_shap", target=1)
        right = explain(model.head, Tabular(table[0], table), "exact_shap", target=1)
        np.testing.assert_allclose(found.values, right.values, atol=1e-6)
        assert mixes(found)
