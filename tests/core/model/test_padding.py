"""Padding changes no score: of what is run, not only of what was tried."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain import Subject, Text, explain
from tests.core.texts import shapley
from tests.networks import seeded

WORDS = [f"w{number}" for number in range(16)]


def tokenizer(text: str) -> dict[str, list[int]]:
    ids = [1, *(WORDS.index(word) + 3 for word in text.split()), 2]
    return {"input_ids": ids, "attention_mask": [1] * len(ids)}


class Largest(nn.Module):
    """The largest over a text, whatever its mask says: a padding token, 0, counts where all others are less."""

    def __init__(self, *worth: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(pad_token_id=0)
        self.emb = nn.Embedding(20, 3, padding_idx=0)
        self.head = nn.Linear(3, 2)
        with torch.no_grad():
            self.emb.weight[1:] = -1.0
            self.emb.weight[[place + 3 for place in worth]] = 1.0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head(self.emb(input_ids).amax(1))


def alone(model: nn.Module, words: list[str]) -> float:
    with torch.no_grad():
        ids = torch.tensor([tokenizer(" ".join(words))["input_ids"]])
        return float(model(ids, torch.ones_like(ids))[0, 1])


def test_a_short_text_is_what_its_parts_are_alone() -> None:
    model, words = seeded(lambda: Largest(1, 4)).eval(), WORDS[:5]  # all that is tried before holds one of these
    answer = explain(model, Text(" ".join(words), tokenizer, mask_token_id=2), "exact_shap", target=1)

    def value(shown: tuple[int, ...]) -> float:
        if shown:
            return alone(model, [words[place] for place in shown])
        with torch.no_grad():
            return float(model(torch.tensor([[1, 2]]), torch.ones(1, 2))[0, 1])

    np.testing.assert_allclose(answer.values, shapley(value, 5), atol=1e-5)


def test_rows_that_padding_changes_are_noticed_among_those_that_are_run() -> None:
    model = seeded(lambda: Largest(5, 12, 15)).eval()  # likewise
    x = Text(" ".join(WORDS), tokenizer)
    keep = np.random.default_rng(0).random((400, 16)) < 0.6
    keep[0] = True
    scores = Subject(model, x).hidden(x.masker("word"), keep.astype(np.int8))[:, 1]
    right = [alone(model, [word for word, shown in zip(WORDS, row) if shown]) for row in keep]
    np.testing.assert_allclose(scores.numpy(), right, atol=1e-6)
