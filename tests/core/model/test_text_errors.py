"""What a network's own error means for a text, and how little it takes to find that out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Text, explain
from tests.core.test_text_models import BERT, seeded
from tests.core.texts import SENTENCE, tokenizer

transformers = pytest.importorskip("transformers")
LETTERS = " ".join("abcdefghij" * 6)


def letters(text: str) -> list[int]:
    return [ord(letter) - ord("a") for letter in text.split()]


class Placed(nn.Module):
    """Sixty letters are too many for it; its tables have many sizes that could be how many it takes."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        self.fault, self.asked = fault, 0
        self.letter, self.at = nn.Embedding(26, 8), nn.Embedding(32, 8)
        self.head = nn.Sequential(nn.Linear(8, 48), nn.Linear(48, 8), nn.Linear(8, 2))

    def forward(self, ids: Tensor) -> Tensor:
        self.asked += 1
        if self.fault:
            raise RuntimeError(self.fault)
        return self.head((self.letter(ids) + self.at(torch.arange(ids.shape[1]))).mean(1))


def asked(monkeypatch: pytest.MonkeyPatch, kind: Any) -> list[int]:
    """The lengths that models of a kind are asked for from now on."""
    lengths, forward = [], kind.forward

    def counted(self: Any, ids: Tensor | None = None, **more: Any) -> Any:
        ids = more.pop("input_ids", ids)
        lengths.append(ids.shape[-1])
        return forward(self, ids, **more)

    monkeypatch.setattr(kind, "forward", counted)
    return lengths


def test_how_much_it_takes_is_found_in_a_few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = asked(monkeypatch, Placed)
    with pytest.raises(ValueError, match="text: it has 60 tokens, and the model takes 32"):
        explain(Placed().eval(), Text(LETTERS, letters), "leave_one_out")
    assert len(lengths) < 12


@pytest.mark.parametrize(("method", "hide"), [("leave_one_out", "remove"), ("exact_shap", "mask token")])
def test_a_model_that_always_fails_is_asked_a_few_times(
    monkeypatch: pytest.MonkeyPatch, method: str, hide: str
) -> None:
    lengths = asked(monkeypatch, Placed)
    x = Text(LETTERS, letters, mask_token_id=0)
    with pytest.raises(RuntimeError, match=r"the model raised RuntimeError .*a fault of mine"):
        explain(Placed("a fault of mine").eval(), x, method, hide=hide)
    assert len(lengths) < 12


@pytest.mark.parametrize(("name", "most"), [("Bert", 24), ("Roberta", 22)])
def test_a_transformer_is_asked_a_few_times(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    kind, config = (getattr(transformers, f"{name}{what}") for what in ("ForSequenceClassification", "Config"))
    model = seeded(lambda: kind(config(**{**BERT, "pad_token_id": 1 if name == "Roberta" else 0}))).eval()
    lengths = asked(monkeypatch, kind)
    with pytest.raises(ValueError, match=f"text: it has 102 tokens, and the model takes {most}"):
        explain(model, Text("good " * 100, tokenizer()), "leave_one_out")
    assert len(lengths) < 20


def test_the_tokenizer_of_another_model_is_no_length() -> None:
    few = {**BERT, "vocab_size": 8}  # "is", "good" and more have no row
    model = seeded(lambda: transformers.BertForSequenceClassification(transformers.BertConfig(**few))).eval()
    tok = tokenizer()
    with pytest.raises(ValueError, match=r"tokenizer: it gives an id, .* no row for .* Is it this model's own\?"):
        explain(model, Text(SENTENCE, tok), "leave_one_out")
    with pytest.raises(ValueError, match="it has 42 tokens, and the model takes 24"):
        explain(model, Text(" ".join([SENTENCE] * 5), tok), "leave_one_out")
    pipeline = transformers.pipeline("text-classification", model=model, tokenizer=tok)
    with pytest.raises(RuntimeError, match="its tokenizer gives the id 13, and the model has 8 of them"):
        explain(pipeline, Text(SENTENCE), "leave_one_out")


@pytest.mark.parametrize("masked", [True, False])
def test_a_model_of_choices_is_told_how_one_is_asked(masked: bool) -> None:
    model = seeded(lambda: transformers.BertForMultipleChoice(transformers.BertConfig(**BERT))).eval()
    tok = tokenizer()
    x = Text(SENTENCE, tok if masked else lambda text: tok(text)["input_ids"])
    with pytest.raises(ValueError, match=r"x: the model takes ids of \(1, choices, 10\)") as told:
        explain(model, x, "leave_one_out")
    forward = eval(str(told.value).partition("forward=")[2])
    answer = explain(model, x, "leave_one_out", forward=forward)

    def right(words: list[str]) -> float:
        with torch.no_grad():
            return float(model(input_ids=torch.tensor([[tok(" ".join(words))["input_ids"]]])).logits[0, 0])

    words = SENTENCE.split()
    wanted = [right(words) - right(words[:n] + words[n + 1 :]) for n in range(len(words))]
    np.testing.assert_allclose(answer.values, wanted, atol=1e-5)
