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

from nbexplain import Tabular, Text, explain
from tests.networks import seeded


class Vocabulary:
    """A tokenizer of nine words, without special tokens."""

    all_special_ids: tuple[int, ...] = ()
    words = ("the", "plot", "was", "dull", "but", "its", "end", "fine", "indeed")

    def __call__(self, text: str, **_: Any) -> dict[str, list[Any]]:
        found = list(re.finditer(r"\w+", text))
        ids = [self.words.index(word.group()) for word in found]
        return {"input_ids": ids, "offset_mapping": [word.span() for word in found]}


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
    assert any("one input at a time" in said for said in found.warnings)


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
    assert any("one input at a time" in said for said in found.warnings)


TARGETS: dict[str, Callable[[Tensor], Tensor]] = {
    "weighed by a softmax over the inputs": lambda scores: scores.softmax(0)[:, 1] * scores[:, 1],
    "beside the largest": lambda scores: (scores - scores.max())[:, 1],
    "beside the mean": lambda scores: scores[:, 1] - scores.mean(),
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
