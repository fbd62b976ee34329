"""Which texts are tried together for mixing: by words, signs and sentences, and those that a model takes alone."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, explain
from nbexplain.core.model.batches import MIXES, UNTRIED
from nbexplain.inputs import Tabular, Text
from tests.networks import seeded

NOTE = f"the model takes one input at a time: {MIXES}"
WORDS = ["the", "film", "is", "really", "not", "good", "at", "all"]


class Windows(nn.Module):
    """The largest of each filter over windows of five words; texts are filled up to the longest."""

    def __init__(self, least: int = 0) -> None:
        super().__init__()
        self.emb, self.conv, self.out = nn.Embedding(9, 4), nn.Conv1d(4, 4, 5), nn.Linear(4, 2)
        self.least = least

    def forward(self, texts: list[str]) -> Tensor:
        rows = [torch.tensor([1 + WORDS.index(word) for word in text.split()]) for text in texts]
        if min(map(len, rows)) < self.least:
            raise ValueError("too short a text")
        steps = self.emb(nn.utils.rnn.pad_sequence(rows, batch_first=True).long())
        return self.out(self.conv(steps.transpose(1, 2)).relu().amax(2))

    def alone(self, text: str) -> float:
        with torch.no_grad():
            return float(self([text])[0, 1])


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("least", [0, 5, 7])
def test_texts_that_are_too_short_alone_and_taken_beside_longer_ones_are_asked_alone(least: int, outside: bool) -> None:
    model = seeded(lambda: Windows(least)).eval()  # takes no text of half of the words, in a batch or only alone

    def ask(texts: list[str]) -> np.ndarray:
        with torch.no_grad():
            return model(texts).numpy()

    given = Text(" ".join(WORDS))
    found = explain(ask if outside else model, given, "leave_one_out", target=1)
    whole, left = model.alone(" ".join(WORDS)), [model.alone(" ".join(np.delete(WORDS, place))) for place in range(8)]
    np.testing.assert_allclose(found.values, whole - np.array(left), atol=1e-6)
    assert NOTE in found.warnings
    for method in ("exact_shap", "lime"):
        with pytest.raises(ValueError, match="the model cannot take the text with everything hidden"):
            explain(ask if outside else model, given, method, target=1)


def test_a_model_that_takes_no_shorter_text_gets_one_at_a_time() -> None:
    def model(texts: list[str]) -> list[float]:
        if any(len(text.split()) != 4 for text in texts):
            raise ValueError("4 words, please")
        return [len(text) / max(map(len, texts)) + text.count("not") for text in texts]

    found = explain(model, Text("this was not good"), "leave_one_out", hide="mask token")
    np.testing.assert_allclose(found.values, [0, 0, 1, 0])
    (note,) = found.warnings
    assert note == f"the model takes one input at a time: {UNTRIED}"


def test_texts_that_are_answered_in_an_order_of_their_own_are_asked_alone() -> None:
    def model(texts: list[str]) -> list[float]:
        return [float(len(text)) for text in np.unique(texts)]  # equal ones once, sorted

    found = explain(model, Text("the plot was good fun"), "leave_one_out")
    np.testing.assert_allclose(found.values, [3, 4, 3, 4, 3])
    assert found.warnings == (NOTE,)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(
    ("unit", "parts"),
    [
        ("sentence", ["Great! ", "Boring! ", "Fun!"]),
        ("token", ["Wow", "!!!", " ", ":-)", " ", "???"]),
        ("token", ["(", "Great", ")", " ", "(", "boring", ")", " ", ":-)"]),
    ],
)
def test_words_that_carry_their_signs_are_hidden_with_them(unit: str, parts: list[str], outside: bool) -> None:
    vectors = np.random.default_rng(1).normal(size=50)

    def filled_up(texts: list[str]) -> np.ndarray:
        rows = [[1 + sum(map(ord, word)) % 49 for word in text.split()] for text in texts]
        longest = max(1, *map(len, rows))
        return np.array([vectors[row + [0] * (longest - len(row))].mean() for row in rows])

    class Module(nn.Module):
        def forward(self, texts: list[str]) -> Tensor:
            return torch.from_numpy(filled_up(texts))[:, None]

    found = explain(filled_up if outside else Module(), Text("".join(parts)), "leave_one_out", unit=unit)
    left = ["".join(parts[:place] + parts[place + 1 :]) for place, part in enumerate(parts) if part.strip()]
    right = [filled_up(["".join(parts)])[0] - filled_up([text])[0] for text in left]
    np.testing.assert_allclose(found.values, right, atol=1e-12)
    assert found.warnings == (NOTE,)


def test_signs_without_which_a_text_cannot_be_read_are_not_needed_to_try_it() -> None:
    def model(texts: list[str]) -> list[float]:
        words = [json.loads(text)["text"].split() for text in texts]
        return [len("".join(own)) / max(map(len, words)) for own in words]

    text = '{"text": "the film is good"}'
    found = explain(model, Text(text, explain="the film is good"), "leave_one_out")
    np.testing.assert_allclose(found.values, [13 / 4 - left / 3 for left in (10, 9, 11, 9)])
    assert found.warnings == (NOTE,)


def test_words_that_a_module_knows_with_their_signs_only_do_not_keep_it_from_batches() -> None:
    class Known(nn.Module):
        def forward(self, texts: list[str]) -> Tensor:
            known = {"Good!": 3.0, "Good": 2.0, "Bad.": -1.0, "fun": 1.0}
            return torch.tensor([[sum(known[word] for word in text.split())] for text in texts])

    given = Text("Good! Bad. fun")
    assert Subject(Known(), given).takes_batches()
    np.testing.assert_allclose(explain(Known(), given, "leave_one_out", unit="sentence").values, [3, -1, 1])


@pytest.mark.parametrize("text", ["the film is really good", "Great! Boring! Fun!", "Wow!!!"])
def test_few_texts_are_asked_to_try_a_slow_model(text: str) -> None:
    asked: list[int] = []

    def model(texts: list[str]) -> list[float]:
        asked.append(len(texts))
        time.sleep(0.25 * (len(asked) < 3))
        return [float(len(one)) for one in texts]

    assert Subject(model, Text(text)).takes_batches()
    assert sum(asked) <= 12


def test_a_row_that_is_taken_beside_others_and_not_alone_is_mixed() -> None:
    table = pd.DataFrame({"size": [1.0, 2.0, 6.0, np.nan], "age": [5.0, 1.0, 1.0, 3.0]})

    def model(rows: pd.DataFrame) -> np.ndarray:
        filled = rows.fillna(rows.mean())  # of whichever rows are asked
        if filled.isna().any(axis=None):
            raise ValueError("Input contains NaN")
        return filled["size"].to_numpy() + filled["age"].to_numpy()

    subject = Subject(model, Tabular(table.iloc[[0]], table))
    assert not subject.takes_batches()
    assert subject.warnings == (NOTE,)
