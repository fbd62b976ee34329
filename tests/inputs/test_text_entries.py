"""What else a tokenizer says of each token, or of each two, and what of that a shorter text has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Text, explain
from tests.networks import seeded

WORDS = ["[SEP]", "the", "film", "is", "good", "bad", "not", "very", "[PAD]"]
SAID = "the film is not very good"
PAIR = ("the film is good", "film is not very bad")

Way = Callable[[int], list[int]]
POSITIONS: dict[str, Way] = {
    "up": lambda count: [*range(count)],
    "up from 2": lambda count: [*range(2, count + 2)],
    "down": lambda count: [*range(count)][::-1],
    "again and again": lambda count: [n % 3 for n in range(count)],
}
MASKS: dict[str, Callable[[int], np.ndarray]] = {
    "all": lambda count: np.ones((count, count), int),
    "causal": lambda count: np.tril(np.ones((count, count), int)),
    "band": lambda count: (abs(np.subtract.outer(np.arange(count), np.arange(count))) < 2).astype(int),
}


def ids(text: str) -> list[int]:
    return [WORDS.index(word) for word in text.split()]


class Placed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.at, self.out = nn.Embedding(9, 8), nn.Embedding(20, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        return self.out((self.emb(input_ids) * self.at(position_ids)).sum(1))


class Attends(nn.Module):
    """Sums what each token sees in the mean, by a mask (N, …, L, L)."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.out = nn.Embedding(9, 8), nn.Linear(8, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        sees = attention_mask.float().reshape(len(input_ids), -1, *attention_mask.shape[-2:])
        seen = sees @ self.emb(input_ids)[:, None] / sees.sum(-1, keepdim=True)
        return self.out((seen * torch.arange(1, sees.shape[1] + 1)[:, None, None]).sum((1, 2)))


def without(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[:n] + words[n + 1 :]) for n in range(len(words))]


def check(network: type[nn.Module], read: Callable[..., Any], texts: tuple[str, ...], batched: bool = False) -> Any:
    """Leave one out must be what the model says of texts without a word, as their tokenizer reads them."""
    model = seeded(network).eval()

    def score(*each: str) -> float:
        told = {name: torch.as_tensor(np.array(value)) for name, value in read(*each).items()}
        with torch.no_grad():
            return float(model(**(told if batched else {name: value[None] for name, value in told.items()}))[0, 1])

    fewer = [score(*texts[:n], left, *texts[n + 1 :]) for n, text in enumerate(texts) for left in without(text)]
    found = explain(model, Text(texts if len(texts) > 1 else texts[0], read), "leave_one_out", target=1)
    np.testing.assert_allclose(found.values, score(*texts) - np.array(fewer), atol=1e-5)
    assert found.warnings == ()
    return found


@pytest.mark.parametrize("way", POSITIONS)
def test_positions_of_a_shorter_text_are_those_that_the_tokenizer_gives_it(way: str) -> None:
    check(Placed, lambda text: {"input_ids": ids(text), "position_ids": POSITIONS[way](len(ids(text)))}, (SAID,))


@pytest.mark.parametrize("way", POSITIONS)
def test_positions_that_begin_again_in_the_second_text_of_a_pair(way: str) -> None:
    def read(a: str, b: str) -> Any:
        numbers = [*POSITIONS[way](len(ids(a)) + 1), *POSITIONS[way](len(ids(b)))]
        return {"input_ids": [*ids(a), 0, *ids(b)], "position_ids": numbers}

    if way == "again and again":  # which of both texts lost a word is not told by the numbers
        x = Text(PAIR, read)
        assert [note for note in x.notes if "position_ids" in note]
    else:
        check(Placed, read, PAIR)


@pytest.mark.parametrize("way", ["up", "down"])
def test_positions_of_a_tokenizer_that_reads_this_pair_alone_count_anew_in_each_text(way: str) -> None:
    def read(a: str, b: str) -> Any:
        assert (a, b) == PAIR
        spans = [match.span() for text in PAIR for match in re.finditer(r"\S+", text)]
        return {
            "input_ids": [*ids(a), *ids(b)],
            "offset_mapping": spans,
            "position_ids": POSITIONS[way](4) + POSITIONS[way](5),
        }

    x = Text(PAIR, read)
    codes = torch.tensor([[0, 2, 3, 4, 5, 6, 8]])  # without the second and the fourth of the last
    wanted = POSITIONS[way](3) + POSITIONS[way](4)
    assert x.arguments(codes)[1]["position_ids"].tolist() == [wanted]
    assert x.notes == ()


def test_what_a_shorter_text_has_for_positions_is_not_guessed() -> None:
    def read(text: str) -> Any:
        return {"input_ids": ids(text), "position_ids": [100 * n // len(ids(text)) for n in range(len(ids(text)))]}

    (note,) = Text(SAID, read).notes
    assert note.startswith("the tokenizer's 'position_ids': where words are removed, the others keep the numbers")


def test_positions_of_a_text_that_is_cut_have_no_gap() -> None:
    def read(text: str) -> Any:
        spans = [(0, 0), *(match.span() for match in re.finditer(r"\S+", text)), (0, 0)]
        return {"input_ids": [0, *ids(text), 0], "offset_mapping": spans, "position_ids": [*range(len(spans))]}

    x = Text(SAID, read, max_length=5)
    assert x.tokens == ("0", "the", "film", "is", "0")
    assert x.arguments(x.tensor)[1]["position_ids"].tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("shape", ["(L, L)", "(1, L, L)", "(2, L, L)", "(1, 2, L, L)"])
def test_an_attention_mask_of_each_two_tokens_loses_rows_and_columns(kind: str, shape: str) -> None:
    batched = shape.startswith("(1")

    def read(text: str) -> Any:
        own = ids(text)
        mask = MASKS[kind](len(own))
        mask = np.stack([mask, np.eye(len(own), dtype=int)]) if "2" in shape else mask
        return {"input_ids": [own] if batched else own, "attention_mask": mask[None] if batched else mask}

    check(Attends, read, (SAID,), batched)


def test_a_mask_within_each_text_of_a_pair() -> None:
    def read(a: str, b: str) -> Any:
        of = np.array([0] * len(ids(a)) + [1] * len(ids(b)))
        return {"input_ids": ids(a) + ids(b), "attention_mask": np.equal.outer(of, of).astype(int)}

    check(Attends, read, PAIR)


def test_a_causal_mask_of_what_is_padded() -> None:
    class First(Attends):
        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            seen = attention_mask.float() @ self.emb(input_ids) / attention_mask.sum(-1, keepdim=True)
            return self.out((seen * (input_ids != 8)[:, :, None]).sum(1))

    def read(text: str) -> Any:
        own = ids(text)
        return {"input_ids": own + [8] * (8 - len(own)), "attention_mask": MASKS["causal"](8)}

    check(First, read, (SAID,))


def test_as_many_numbers_of_each_token_as_there_are_tokens_are_no_mask() -> None:
    def read(text: str) -> Any:
        return {"input_ids": ids(text), "bbox": [[id_, 1, 2, id_ + 3] for id_ in ids(text)]}

    x = Text("the film is good", read)
    assert x.arguments(torch.tensor([[0, 2, 3]]))[1]["bbox"].tolist() == [[[id_, 1, 2, id_ + 3] for id_ in (1, 3, 4)]]
