"""Models that mix what they are asked at once: rows of a table, and texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, explain
from nbexplain.core.model.batches import MIXES
from nbexplain.inputs import Tabular, Text
from tests.core.texts import shapley
from tests.networks import seeded

NOTE = f"the model takes one input at a time: {MIXES}"
WORDS = ["the", "film", "is", "really", "not", "good", "at", "all"]
VECTORS = np.random.default_rng(0).normal(size=(9, 2))


def _filled_up(texts: list[str]) -> np.ndarray:
    """The mean of the words' vectors, over what fills them up to the longest as well."""
    ids = [[1 + WORDS.index(word) for word in text.split()] for text in texts]
    longest = max(1, *map(len, ids))
    return np.array([VECTORS[own + [0] * (longest - len(own))].mean(0) for own in ids])


class Strings(nn.Module):
    """Takes strings, which it fills up to the longest by itself, and heeds where it did so only if it is `masked`."""

    def __init__(self, how: str, masked: bool = False, longest: int = 99) -> None:
        super().__init__()
        self.how, self.masked, self.longest = how, masked, longest
        self.emb, self.out = nn.Embedding(9, 4), nn.Linear(4, 2)
        self.gru = nn.GRU(4, 4, batch_first=True)
        self.coder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

    def forward(self, texts: list[Any]) -> Tensor:
        joined = [text if isinstance(text, str) else " ".join(text) for text in texts]
        rows = [torch.tensor([1 + WORDS.index(word) for word in text.split()] or [0]) for text in joined]
        return self.read([row[: self.longest] for row in rows])

    def read(self, rows: list[Tensor]) -> Tensor:
        if self.how == "ragged":
            return self.out(self.emb(torch.tensor([row.tolist() for row in rows])).mean(1))
        lengths = torch.tensor([len(row) for row in rows])
        steps = self.emb(nn.utils.rnn.pad_sequence(rows, batch_first=True))
        empty = torch.arange(steps.shape[1]) >= lengths[:, None]
        if self.how == "gru":
            states = self.gru(steps)[0]
            return self.out(states[torch.arange(len(rows)), lengths - 1] if self.masked else states[:, -1])
        if self.how == "coder":
            return self.out(self.coder(steps, src_key_padding_mask=empty if self.masked else None)[:, 0])
        shown = ~empty[..., None] if self.masked else torch.ones_like(steps[..., :1])
        return self.out((steps * shown).sum(1) / shown.sum(1))

    def alone(self, text: str) -> float:
        with torch.no_grad():
            return float(self([text])[0, 1])


def _as_list(texts: list[str]) -> list[list[float]]:
    """By how many words and letters, no matter what is asked with it."""
    weights = np.array([[0.1], [0.3]], np.float32)
    table = np.array([[len(text.split()), len(text)] for text in texts], np.float32)
    return (np.tanh(table @ weights * np.float32(1 + 1e-7 * len(texts)) - 5)).tolist()  # rounded as batches are


@pytest.mark.parametrize("pair", [False, True])
def test_texts_that_are_filled_up_in_a_batch_are_asked_alone(pair: bool) -> None:
    def model(texts: list[Any]) -> np.ndarray:
        return _filled_up([" ".join(one) if pair else one for one in texts])

    text = "the film is really not good"
    words = text.split()
    given = Text(("the film is", "really not good")) if pair else Text(text)
    found = explain(model, given, "leave_one_out", target=1)
    left = [_filled_up([" ".join(np.delete(words, place))])[0, 1] for place in range(6)]
    np.testing.assert_allclose(found.values, _filled_up([text])[0, 1] - left)
    assert found.warnings == (NOTE,)


@pytest.mark.parametrize("how", ["mean", "gru", "coder", "pair", "forward", "cut"])
def test_texts_that_a_module_fills_up_by_itself_are_asked_alone(how: str) -> None:
    longest = 2 if how == "cut" else 99  # then texts of half of the words are as long as the whole
    model = seeded(lambda: Strings(how if how in ("gru", "coder") else "mean", longest=longest)).eval()
    words = ["the", "film", "is", "really", "not", "good"]
    text: Any = ("the film is", "really not good") if how == "pair" else " ".join(words)
    ways: dict[str, Any] = {"forward": lambda module, texts: module(texts)} if how == "forward" else {}
    found = explain(model, Text(text), "exact_shap", target=1, **ways)
    right = shapley(lambda kept: model.alone(" ".join(words[n] for n in kept)), 6)
    np.testing.assert_allclose(found.values, right, atol=1e-6)
    assert found.warnings == (NOTE,)


def test_so_is_a_single_word() -> None:
    def letters(texts: list[str]) -> list[float]:
        longest = max(1, *map(len, texts))  # also what fills up the others counts
        return [float(sum("abcdefghijklmnopqrstuvwxyz".index(sign) for sign in text) + longest) for text in texts]

    found = explain(letters, Text("bad"), "exact_shap")
    np.testing.assert_allclose(found.values, [1 + 0 + 3 + 3 - 1])
    assert found.warnings == (NOTE,)


@pytest.mark.parametrize("how", ["mean", "gru", "coder"])
def test_a_module_that_heeds_where_it_filled_texts_up_gets_batches(how: str) -> None:
    model = seeded(lambda: Strings(how, masked=True)).eval()
    text = "the film is really not good"
    found = explain(model, Text(text), "exact_shap", target=1)
    right = shapley(lambda kept: model.alone(" ".join(text.split()[n] for n in kept)), 6)
    np.testing.assert_allclose(found.values, right, atol=1e-6)
    assert found.warnings == ()
    assert Subject(model, Text(text)).takes_batches()


def test_a_module_that_takes_texts_of_one_length_only_gets_one_at_a_time() -> None:
    model = seeded(lambda: Strings("ragged")).eval()
    found = explain(model, Text("the film is good"), "exact_shap", target=1)
    words = ["the", "film", "is", "good"]
    right = shapley(lambda kept: model.alone(" ".join(words[n] for n in kept)), 4)
    np.testing.assert_allclose(found.values, right, atol=1e-6)
    (note,) = found.warnings
    assert note.startswith("the model takes one input at a time: a batch of 8 raises ValueError (expected sequence")


def test_texts_that_a_callable_cuts_and_fills_up_are_asked_alone() -> None:
    words = ["the", "film", "is", "really", "not", "good"]
    found = explain(
        lambda texts: _filled_up([" ".join(t.split()[:3]) for t in texts]), Text(" ".join(words)), "exact_shap"
    )
    right = shapley(lambda kept: float(_filled_up([" ".join(words[n] for n in kept[:3])])[0, found.target]), 6)
    np.testing.assert_allclose(found.values, right, atol=1e-9)
    assert found.warnings == (NOTE,)


def test_texts_that_are_mixed_in_large_batches_only_are_asked_alone() -> None:
    def model(texts: list[str]) -> np.ndarray:
        lengths = np.array([len(text) for text in texts], dtype=float)
        return lengths - (lengths.mean() if len(texts) > 30 else 0.0)

    found = explain(model, Text("the film is really good"), "exact_shap")
    np.testing.assert_allclose(found.values, [3.0, 4.0, 2.0, 6.0, 4.0])
    assert found.warnings == (NOTE,)


def test_a_model_of_texts_that_draws_random_numbers_is_said_to_do_so_once() -> None:
    draw = np.random.default_rng(0)
    found = explain(lambda texts: [len(text) + draw.normal() for text in texts], Text("the film"), "leave_one_out")
    (note,) = found.warnings
    assert "draws random numbers" in note


@pytest.mark.parametrize("text", ["the film is good", "good"])
def test_texts_that_only_their_batch_tells_apart_are_refused(text: str) -> None:
    def softmax_over_texts(texts: list[str]) -> np.ndarray:
        scores = np.exp([[len(one), 5.0] for one in texts])
        return scores / scores.sum(0)

    with pytest.raises(ValueError, match=r"the score of each text alone is the same: .* softmax over the wrong axis"):
        explain(softmax_over_texts, Text(text), "exact_shap", target=0)


def test_texts_that_go_through_a_model_each_by_itself_go_in_batches() -> None:
    for model in (_as_list, lambda texts: np.array([len(text) * 0.1 for text in texts])):
        assert Subject(model, Text("the film is really not good")).takes_batches()


def test_a_model_in_single_precision_that_asks_each_row_once_does_not_mix() -> None:
    draw = np.random.default_rng(1)
    into, out = draw.normal(size=(8, 256)).astype("f4"), draw.normal(size=256).astype("f4")
    table = draw.normal(size=(200, 8))

    def model(rows: np.ndarray) -> np.ndarray:
        rows, places = np.unique(np.asarray(rows, "f4"), axis=0, return_inverse=True)
        return (np.maximum(rows @ into, 0) @ out)[places.ravel()]

    for returned in (model, lambda rows: model(rows).tolist(), lambda rows: torch.from_numpy(model(rows))):
        assert all(Subject(returned, Tabular(row, table)).takes_batches() for row in table[:4])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_nor_does_one_in_half_precision(dtype: torch.dtype) -> None:
    table = np.random.default_rng(0).normal(size=(50, 4))

    def model(rows: np.ndarray) -> torch.Tensor:
        step = torch.finfo(dtype).eps * (len(np.unique(rows, axis=0)) > 1)  # other kernels for batches
        return torch.from_numpy(rows.sum(1) * (1 + 2 * step)).to(dtype)

    assert all(Subject(model, Tabular(row, table)).takes_batches() for row in table[:4])


def test_mixing_that_leaves_the_first_and_the_last_row_as_they_are_is_noticed() -> None:
    names = ["bern", "oslo", *["rome"] * 6, "bern"]
    table = pd.DataFrame({"size": np.arange(9.0), "city": names})

    def model(rows: pd.DataFrame) -> np.ndarray:
        return rows["size"].to_numpy() + 100.0 * rows["city"].astype("category").cat.codes.to_numpy()

    found = explain(model, Tabular(table.iloc[[0]], table), "leave_one_out")
    assert found.warnings == (NOTE,)
    np.testing.assert_allclose(found.values, [-4.0, 0.0])  # the code of a city alone is 0


def test_texts_with_a_tokenizer_are_tried_whatever_their_lengths() -> None:
    def by_length(texts: list[str]) -> np.ndarray:
        return np.array([[len(text), text.count("not")] for text in texts], dtype=float)

    def filled_up(texts: list[str]) -> np.ndarray:
        return by_length(texts) / max(map(len, texts))

    def split(text: str) -> list[int]:
        return [len(word) for word in text.split()]

    text = Text("this was not good at all", split)
    assert not explain(by_length, text, "leave_one_out", target=0).warnings
    found = explain(filled_up, text, "leave_one_out", target=0)
    assert any("takes one input at a time" in said for said in found.warnings)
    np.testing.assert_allclose(found.values, 0)  # each by itself is as long as the longest
