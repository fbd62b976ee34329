"""Texts as tokenizers hand them on: filled up to one length, with masks and other numbers of each token."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, Text, explain
from tests.core.texts import SENTENCE, WORDS, alone, shapley, tokenizer
from tests.networks import seeded

pytest.importorskip("transformers")

WORD_BY_WORD = ["the", "film", "is", "really", "good"]
COUNT = len(WORDS)


def to_length(text: str) -> Any:
    return tokenizer()(text, padding="max_length", max_length=10, truncation=True, return_tensors="pt")


def to_length_on_the_left(text: str) -> Any:
    return tokenizer(side="left")(text, padding="max_length", max_length=10, return_tensors="pt")


def ids(text: str) -> list[int]:
    return [WORDS[word] for word in text.split()]


def filled(text: str, length: int = 10) -> list[int]:
    return ids(text) + [0] * (length - len(ids(text)))


def filled_on_the_left(text: str) -> list[int]:
    return [0] * (10 - len(ids(text))) + ids(text)


class Takes(nn.Module):
    """Reads every place, whatever the mask says: on average, or each with weights of its own."""

    def __init__(self, how: str, length: int = 10) -> None:
        super().__init__()
        self.how, self.emb = how, nn.Embedding(COUNT, 4)
        self.out = nn.Linear(4 if how == "mean" else 4 * length, 2)

    def forward(self, input_ids: Tensor, **_: Any) -> Tensor:
        steps = self.emb(input_ids)
        return self.out(steps.mean(1) if self.how == "mean" else steps.flatten(1))


def own(model: nn.Module, read: Callable[[str], Any], text: str) -> float:
    """The score of class 1, as its user would ask."""
    told = read(text)
    told = told if hasattr(told, "keys") else {"input_ids": told}
    given = {name: torch.as_tensor(row) for name, row in told.items() if name != "offset_mapping"}
    with torch.no_grad():
        return float(model(**{name: row if row.ndim > 1 else row[None] for name, row in given.items()})[0, 1])


@pytest.mark.parametrize("how", ["mean", "flat"])
@pytest.mark.parametrize("read", [to_length, to_length_on_the_left, filled, filled_on_the_left])
def test_a_shortened_text_is_filled_up_as_its_tokenizer_does(how: str, read: Callable[[str], Any]) -> None:
    model = seeded(lambda: Takes(how)).eval()
    asked = explain(model, Text(" ".join(WORD_BY_WORD), read), "exact_shap", target=1)
    right = shapley(lambda kept: own(model, read, " ".join(WORD_BY_WORD[n] for n in kept)), 5)
    np.testing.assert_allclose(asked.values, right, atol=1e-6)
    assert asked.names == ("the", "film", "is", "really", "good")


@pytest.mark.parametrize(
    ("length", "read"),
    [(5, lambda text: filled(text, 5)), (7, lambda text: tokenizer()(text, padding="max_length", max_length=7))],
)
def test_and_so_is_one_that_left_no_room(length: int, read: Callable[[str], Any]) -> None:
    model = seeded(lambda: Takes("flat", length)).eval()
    asked = explain(model, Text(" ".join(WORD_BY_WORD), read), "exact_shap", target=1)
    right = shapley(lambda kept: own(model, read, " ".join(WORD_BY_WORD[n] for n in kept)), 5)
    np.testing.assert_allclose(asked.values, right, atol=1e-6)


def test_words_that_a_mask_hides_are_no_padding() -> None:
    def read(text: str) -> dict[str, Any]:
        spans = [match.span() for match in re.finditer(r"\S+", text)]
        return {"input_ids": ids(text), "attention_mask": [0] + [1] * (len(spans) - 1), "offset_mapping": spans}

    text = Text(" ".join(WORD_BY_WORD), read)
    assert text.padded is None
    assert text.masker().names == tuple(WORD_BY_WORD)


@pytest.mark.parametrize("way", ["a method", "arguments filled in"])
def test_a_tokenizers_own_call_is_as_good_as_the_tokenizer(way: str) -> None:
    whole = tokenizer()
    whole.model_max_length = 10
    read = whole.encode if way == "a method" else partial(whole, padding="max_length")
    text, model = Text(" ".join(WORD_BY_WORD), read), seeded(lambda: Takes("mean")).eval()
    masked = explain(model, text, "leave_one_out", hide="mask token", target=1)
    assert masked.names == tuple(WORD_BY_WORD)
    words = [[*WORD_BY_WORD[:n], "[MASK]", *WORD_BY_WORD[n + 1 :]] for n in range(5)]
    full, *without = (own(model, read, " ".join(each)) for each in (WORD_BY_WORD, *words))
    np.testing.assert_allclose(masked.values, full - np.array(without), atol=1e-6)
    if way == "a method":
        (note,) = Text(" ".join(WORD_BY_WORD * 2), read).notes
        assert note.startswith("the text has 12 tokens and the model takes 10: it is cut after")


class Heeds(nn.Module):
    """Sums what a mask, which must be of booleans, does not hide."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.out = nn.Embedding(COUNT, 4), nn.Linear(4, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.out(self.emb(input_ids).masked_fill(~attention_mask[..., None], 0).sum(1))


def test_a_mask_reaches_the_model_in_its_own_dtype() -> None:
    def read(text: str) -> dict[str, Any]:
        return {"input_ids": torch.tensor([filled(text)]), "attention_mask": torch.tensor([filled(text)]) != 0}

    model = seeded(Heeds).eval()
    asked = explain(model, Text(" ".join(WORD_BY_WORD), read), "exact_shap", target=1)
    right = shapley(lambda kept: own(model, read, " ".join(WORD_BY_WORD[n] for n in kept)), 5)
    np.testing.assert_allclose(asked.values, right, atol=1e-6)


class Placed(nn.Module):
    """Reads where each token stands on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.at, self.out = nn.Embedding(COUNT, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, input_ids: Tensor, bbox: Tensor | None = None) -> Tensor:
        at = 0 if bbox is None else self.at(bbox.to(self.at.weight.dtype))
        return self.out((self.emb(input_ids) + at).tanh().mean(1))


@pytest.mark.parametrize("kind", [int, float])
def test_several_numbers_of_each_token_follow_it(kind: type) -> None:
    def read(text: str) -> dict[str, Any]:
        spans = [match.span() for match in re.finditer(r"\S+", text)]
        boxes = [[kind(WORD_BY_WORD.index(text[a:b])), kind(1), kind(2), kind(b - a)] for a, b in spans]
        return {"input_ids": ids(text), "bbox": boxes, "offset_mapping": spans, "lengths": [len(spans)] * 3}

    model, text = seeded(Placed).eval(), " ".join(WORD_BY_WORD)
    asked = explain(model, Text(text, read), "leave_one_out", target=1)

    def drop(text: str) -> dict[str, Any]:
        return {name: row for name, row in read(text).items() if name != "lengths"}

    without = [own(model, drop, " ".join(WORD_BY_WORD[:n] + WORD_BY_WORD[n + 1 :])) for n in range(5)]
    np.testing.assert_allclose(asked.values, own(model, drop, text) - np.array(without), atol=1e-6)
    assert asked.warnings == ("the tokenizer's 'lengths': no numbers of each token, so the model does not get them",)


class Numbered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.at, self.out = nn.Embedding(COUNT, 4), nn.Embedding(16, 4), nn.Linear(4, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, **_: Tensor) -> Tensor:
        return self.out((self.emb(input_ids) + self.at(position_ids)).tanh().mean(1))


@pytest.mark.parametrize("way", ["each place", "words anew", "no padding"])
def test_numbers_of_places_count_anew_as_the_tokenizer_counts(way: str) -> None:
    def read(text: str) -> Any:
        told = tokenizer()(text) if way == "no padding" else to_length_on_the_left(text)
        mask = torch.as_tensor(told["attention_mask"]).reshape(1, -1)
        anew = (mask.cumsum(1) - 1 + 2).masked_fill(mask == 0, 1)
        told["position_ids"] = torch.arange(10)[None] if way == "each place" else anew
        return told

    model = seeded(Numbered).eval()
    asked = explain(model, Text(" ".join(WORD_BY_WORD), read), "exact_shap", target=1)
    right = shapley(lambda kept: own(model, read, " ".join(WORD_BY_WORD[n] for n in kept)), 5)
    np.testing.assert_allclose(asked.values, right, atol=1e-6)


def test_a_network_of_one_length_is_not_said_to_refuse_the_empty_text() -> None:
    model = seeded(lambda: Takes("flat", 5)).eval()
    text = Text(" ".join(WORD_BY_WORD), ids, mask_token_id=4)
    with pytest.raises(ValueError, match=r"hide: the model does not take the text with a token less, .*multiplied"):
        explain(model, text, "exact_shap")
    explain(model, text, "exact_shap", hide="mask token")


class Types(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.types, self.out = nn.Embedding(COUNT, 4), nn.Embedding(2, 4), nn.Linear(4, 2)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        return self.out((self.emb(input_ids) + self.types(types)).tanh().mean(1))


def test_which_text_of_a_pair_a_token_is_of_is_told_without_a_mask_too() -> None:
    model, read = seeded(Types).eval(), tokenizer(types=True)
    read.model_input_names = ["input_ids", "token_type_ids"]
    asked = explain(model, Text(("the film", "really good"), read), "leave_one_out", target=1)
    full, *without = (
        float(model(**read(*pair, return_tensors="pt"))[0, 1].detach())
        for pair in (("the film", "really good"), ("film", "really good"), ("the", "really good"))
    )
    np.testing.assert_allclose(asked.values[:2], full - np.array(without), atol=1e-6)


def test_what_the_tokenizer_makes_and_the_model_does_not_take_is_named() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb = nn.Embedding(COUNT, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.emb(x).mean(1)

    model, text = seeded(Plain).eval(), Text(SENTENCE, tokenizer())
    with pytest.raises(TypeError, match=r"tokenizer: it makes 'input_ids', .* forward=lambda model, x: model\(x\['i"):
        explain(model, text, "leave_one_out")
    explain(model, text, "leave_one_out", forward=lambda model, x: model(x["input_ids"]))


def test_what_else_a_model_wants_is_asked_for_by_a_call_that_works() -> None:
    class Lengths(Takes):
        def forward(self, input_ids: Tensor, attention_mask: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(input_ids) / lengths[:, None]

    model, text = seeded(lambda: Lengths("mean")).eval(), Text(SENTENCE, tokenizer())
    with pytest.raises(TypeError, match=r"forward=lambda model, x: model\(\*\*x, lengths=…\)"):
        explain(model, text, "leave_one_out")
    explain(
        model, text, "leave_one_out", forward=lambda model, x: model(**x, lengths=x["attention_mask"].sum(1).float())
    )


# What is tried of padding and batches


def next_token() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    small = {"vocab_size": COUNT, "n_positions": 24, "n_embd": 8, "n_layer": 1, "n_head": 2, "initializer_range": 0.4}
    return GPT2LMHeadModel(GPT2Config(**small, pad_token_id=0, eos_token_id=5, bos_token_id=5))


def masked(output: Any) -> Tensor:
    """Only some words may come next."""
    allowed = torch.isin(torch.arange(COUNT), torch.tensor([1, 7, 8]))
    return output.logits[:, -1].masked_fill(~allowed, -1e9)


def logarithms(output: Any) -> Tensor:
    return output.logits[:, -1].log_softmax(-1)


@pytest.mark.parametrize(
    ("scores", "dtype", "room"),
    [(masked, torch.float32, 1e-5), (logarithms, torch.bfloat16, 0.05)],
)
def test_neither_masked_scores_nor_half_precision_hide_that_padding_changes_the_others(
    scores: Callable[[Any], Tensor], dtype: torch.dtype, room: float
) -> None:
    model, read, words = seeded(next_token).eval().to(dtype), tokenizer(framed=False), SENTENCE.split()
    subject = Subject(model, Text(SENTENCE, read), scores=scores)
    keep = np.array([row for row in itertools.product([True, False], repeat=8) if any(row)])[::7]
    found = subject.hidden(subject.masker(), keep)[:, 1].float()
    right = [alone(model, read, scores, " ".join(itertools.compress(words, row))) for row in keep]
    np.testing.assert_allclose(found, right, atol=room)
    assert list(subject.twin.paddings.values()) == [None]


@pytest.mark.parametrize("text", ["good film good", "good good", "film"])
def test_attention_across_the_batch_is_found_also_in_a_text_that_reads_the_same_backwards(text: str) -> None:
    class Across(nn.Module):
        """Takes the first axis for the places, as torch's layers do unless they are told otherwise."""

        def __init__(self) -> None:
            super().__init__()
            self.emb, self.out = nn.Embedding(COUNT, 8), nn.Linear(8, 2)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.layer(self.emb(x)).mean(1))

    model = seeded(Across).eval()
    subject = Subject(model, Text(text, ids, mask_token_id=4))
    assert not subject.takes_batches()


@pytest.mark.parametrize("ids_alone", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_tokenizer_that_fills_up_to_multiples_fills_a_shorter_text_up_to_fewer(ids_alone: bool, side: str) -> None:
    tokens, words = tokenizer(side=side), SENTENCE.split()  # 10 tokens with those around them, so 12

    def read(text: str) -> Any:
        told = tokens(text, padding=True, pad_to_multiple_of=4)
        return told["input_ids"] if ids_alone else told

    model = seeded(lambda: Takes("mean")).eval()
    asked = {} if not ids_alone else {"forward": lambda model, ids: model(input_ids=ids)}
    ours = explain(model, Text(SENTENCE, read), "leave_one_out", target=1, **asked)
    assert ours.names == tuple(words)
    fewer = [
        own(model, lambda text: tokens(text, padding=True, pad_to_multiple_of=4), " ".join(left))
        for left in ([*words[:n], *words[n + 1 :]] for n in range(len(words)))
    ]
    whole = own(model, lambda text: tokens(text, padding=True, pad_to_multiple_of=4), SENTENCE)
    np.testing.assert_allclose(ours.values, whole - np.array(fewer), atol=1e-6)
    none = Text(SENTENCE, read).masker()
    lengths = {batch.shape[1] for _, batch in none.batches(np.tril(np.ones((9, 8)), -1))}
    assert lengths == {4, 8, 12}


def test_ids_alone_that_are_filled_up_to_multiples_without_a_token_that_begins_each_text() -> None:
    text = Text(SENTENCE, lambda text: filled(text, -(-len(text.split()) // 5) * 5))
    assert text.masker().names == tuple(SENTENCE.split())
    assert text.masker().features.tolist() == [*range(8), -1, -1]
    letters = Text("off off on", lambda text: [ord(letter) for letter in text.replace(" ", "")])  # nothing is filled up
    assert letters.padded is None
