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


# How a network is called

WORDS = ["the", "film", "is", "good"]
TEXT = " ".join(WORDS)


def ids(text: str) -> list[int]:
    return [1 + WORDS.index(word.strip(".")) for word in text.split()]


def masked(text: str) -> dict[str, list[int]]:
    return {"input_ids": ids(text), "attention_mask": [1] * len(text.split())}


def counted(text: str) -> dict[str, Any]:
    return {"input_ids": ids(text), "lengths": len(text.split())}


class Means(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(5, 4), nn.Linear(4, 2)

    def scores(self, ids: Tensor) -> Tensor:
        return self.out(self.words(ids).mean(1))

    def of_text(self, text: str) -> Tensor:
        return self.scores(torch.tensor([ids(text) or [0]]))[0]

    def forward(self, ids: Tensor) -> Tensor:
        return self.scores(ids)


class OfDict(Means):
    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.scores(features["input_ids"])


class OfFeatures(Means):
    """Hands on what it got and what it made, as sentence embedders do."""

    def forward(self, input: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:  # noqa: A002 their name of it
        input.update({"sentence_embedding": self.scores(input["input_ids"])})
        return input


class OfAttributes(Means):
    def forward(self, batch: Any) -> Tensor:
        return self.scores(batch.input_ids)


class OfPieces(Means):
    def forward(self, batch: Any) -> Tensor:
        return self.scores(batch["pieces"])


class OfTwo(Means):
    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.scores(ids)


class OfLengths(Means):
    def forward(self, input_ids: Tensor, lengths: Tensor) -> Tensor:
        return self.out(self.words(input_ids).sum(1) / lengths[:, None])


def wanted(model: Means) -> list[float]:
    """The effect of each word, by hand."""
    with torch.no_grad():
        left = [model.of_text(" ".join(WORDS[:n] + WORDS[n + 1 :])) for n in range(len(WORDS))]
        return [float((model.of_text(TEXT) - rest)[1]) for rest in left]


def followed(model: nn.Module, x: Text, said: str) -> np.ndarray:
    """The effects by the call that an error ends with."""
    forward = eval(said[said.index("lambda model, x") :])
    return explain(model, x, "leave_one_out", target=1, forward=forward).values


@pytest.mark.parametrize(
    ("kind", "read", "call", "filled"),
    [
        (OfDict, masked, "model(x)", ""),
        (OfFeatures, masked, "model(x)", ""),
        (Means, masked, "model(x['input_ids'])", ""),
        (OfDict, ids, "model({'input_ids': x})", ""),
        (OfAttributes, masked, "model(transformers.BatchEncoding(x))", ""),
        (OfAttributes, ids, "model(transformers.BatchEncoding({'input_ids': x}))", ""),
        (OfTwo, masked, "model(ids=…, mask=…)", "model(ids=x['input_ids'], mask=x['attention_mask'])"),
    ],
)
def test_how_else_a_network_is_called_is_tried(kind: Any, read: Any, call: str, filled: str) -> None:
    model, x = seeded(kind).eval(), Text(TEXT, read)
    with pytest.raises(TypeError) as raised:
        explain(model, x, "leave_one_out", target=1)
    said = str(raised.value)
    assert said.endswith(f"forward=lambda model, x: {call}")
    found = followed(model, x, said.replace(call, filled or call))
    np.testing.assert_allclose(found, wanted(model), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "read", "forward", "reason", "call", "filled"),
    [
        (
            OfDict,
            masked,
            lambda model, x: model(x["input_ids"]),
            "x is a dict of 'input_ids' (1, 4), 'attention_mask' (1, 4), and the model raised IndexError: too many",
            "model(x)",
            "",
        ),
        (
            Means,
            ids,
            lambda model, x: model(x["input_ids"]),
            "x is a tensor of ids (1, 4), and it raised IndexError: too many",
            "model(x)",
            "",
        ),
        (
            OfDict,
            ids,
            lambda model, x: model(x),
            "the model raised IndexError: too many",
            "model({'input_ids': x})",
            "",
        ),
        (
            OfAttributes,
            masked,
            lambda model, x: model(batch=x),
            "the model raised AttributeError: 'dict' object has no attribute 'input_ids'",
            "model(transformers.BatchEncoding(x))",
            "",
        ),
        (
            OfAttributes,
            masked,
            lambda model, x: model(**x, batch=x),
            "forward() got an unexpected keyword argument 'input_ids'",
            "model(transformers.BatchEncoding(x))",
            "",
        ),
        (
            OfLengths,
            counted,
            lambda model, x: model(x["input_ids"], x["lengths"]),
            "; the tokenizer's 'lengths': no numbers of each token, so the model does not get them; the model also",
            "model(x, lengths=…)",
            "model(x, lengths=torch.tensor([x.shape[1]] * len(x)))",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")  # of torch, of a name in the place of an index
def test_what_a_forward_got_is_said(kind: Any, read: Any, forward: Any, reason: str, call: str, filled: str) -> None:
    model, x = seeded(kind).eval(), Text(TEXT, read)
    with pytest.raises(RuntimeError, match=r"^forward: its x is") as raised:
        explain(model, x, "leave_one_out", target=1, forward=forward)
    said = str(raised.value)
    assert reason in said
    assert said.endswith(f"forward=lambda model, x: {call}")
    found = followed(model, x, said.replace(call, filled or call))
    np.testing.assert_allclose(found, wanted(model), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "forward"),
    [
        (OfPieces, lambda model, x: model(x)),  # it got all that it wants
        (OfPieces, lambda model, x: model(**x, batch=x)),  # which it does not take
        (OfLengths, lambda model, x: model(x["input_ids"], lengths=None)),  # this too it got
    ],
)
def test_nothing_is_said_to_be_missing_that_the_model_got_or_cannot_take(kind: Any, forward: Any) -> None:
    with pytest.raises(RuntimeError, match=r"^forward: its x is a dict .* raised (KeyError|TypeError)") as raised:
        explain(seeded(kind).eval(), Text(TEXT, masked), "leave_one_out", target=1, forward=forward)
    assert "the model also wants" not in str(raised.value)


class OfItsOwn(Means):
    def forward(self, ids: Tensor) -> Tensor:
        return [self.scores(ids)][1]


class Indexed(Means):
    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.words.weight[ids].mean(1))


def test_an_index_of_something_else_is_no_id() -> None:
    with pytest.raises(RuntimeError, match=r"the model raised IndexError on an input of shape .*: list index out of"):
        explain(OfItsOwn(), Text(TEXT, ids), "leave_one_out")
    with pytest.raises(ValueError, match=r"tokenizer: it gives an id, .*'words' 5\. Is it this model's own\?"):
        explain(Indexed(), Text(TEXT, lambda text: [5 * id_ for id_ in ids(text)]), "leave_one_out")
    with pytest.raises(ValueError, match=r"x: it holds an id, .*'words' 5$"):
        explain(Means(), torch.tensor([[1, 7]]), "class_scores")


def test_weights_that_are_not_loaded_are_said_of_a_forward_too() -> None:
    with torch.device("meta"):
        model = Means().eval()
    with pytest.raises(ValueError, match=r"^model: its weights are on the meta device"):
        explain(model, Text(TEXT, ids), "leave_one_out", forward=lambda model, x: model(x))


class OfString(Means):
    def forward(self, text: str) -> Tensor:
        return self.of_text(text)


class RowOfString(Means):
    def forward(self, text: str) -> Tensor:
        return self.of_text(text)[None]


class ListOfString(Means):
    def forward(self, text: str) -> list[float]:
        return self.of_text(text).tolist()


class OfTwoStrings(Means):
    def forward(self, first: str, second: str) -> Tensor:
        return self.of_text(f"{first} {second}")


class OfAPair(Means):
    def forward(self, pair: tuple[str, str]) -> Tensor:
        return self.of_text(f"{pair[0]} {pair[1]}")


class OfTwoLists(Means):
    def forward(self, first: list[str], second: list[str]) -> Tensor:
        return torch.stack([self.of_text(f"{one} {two}") for one, two in zip(first, second, strict=True)])


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (OfString, "torch.stack([model(text) for text in x])"),
        (RowOfString, "torch.cat([model(text) for text in x])"),
        (ListOfString, "torch.tensor([model(text) for text in x])"),
        (OfTwoStrings, "torch.stack([model(*pair) for pair in x])"),
        (OfAPair, "torch.stack([model(pair) for pair in x])"),
        (OfTwoLists, "model(*map(list, zip(*x)))"),
    ],
)
def test_a_network_of_one_string_is_told_how_it_is_asked(kind: Any, call: str) -> None:
    model, x = seeded(kind).eval(), Text(("the film", "is good") if "pair" in call or "zip" in call else TEXT)
    with pytest.raises(TypeError, match=r"^x: the model gets a list of (texts|pairs), and raised") as raised:
        explain(model, x, "leave_one_out", target=1)
    said = str(raised.value)
    assert said.endswith(f"forward=lambda model, x: {call}")
    np.testing.assert_allclose(followed(model, x, said), wanted(model), atol=1e-6)


def test_what_a_network_of_strings_also_wants_is_named() -> None:
    class Weighted(Means):
        def forward(self, texts: list[str], weight: float) -> Tensor:
            return weight * torch.stack([self.of_text(text) for text in texts])

    model = seeded(Weighted).eval()
    with pytest.raises(
        TypeError, match="x: the model also wants weight, and it gets a list of texts; say how"
    ) as raised:
        explain(model, Text(TEXT), "leave_one_out")
    found = followed(model, Text(TEXT), str(raised.value).replace("…", "2"))
    np.testing.assert_allclose(found, 2 * np.array(wanted(model)), atol=1e-6)


# How many tokens a network takes


def of_four() -> nn.Module:
    return nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(12, 2))


class Convolved(nn.Module):
    """Takes three words or more."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.conv = nn.Embedding(5, 3), nn.Conv1d(3, 2, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.conv(self.words(ids).mT).amax(2)


@pytest.mark.parametrize(
    ("kind", "text", "mask", "options", "reason"),
    [
        (of_four, TEXT, None, {"method": "leave_one_out"}, "does not take the text with a token less"),
        (of_four, TEXT, 0, {"method": "leave_one_out"}, "does not take the text with a token less"),
        (of_four, TEXT, 0, {"method": "exact_shap"}, "does not take the text with a token less"),
        (
            Convolved,
            "the film is. good.",
            0,
            {"method": "leave_one_out", "unit": "sentence"},
            "cannot take the text with 1 of its 4 tokens",
        ),
    ],
)
def test_a_network_of_so_many_tokens_gets_masked_ones(
    kind: Any, text: str, mask: int | None, options: dict[str, Any], reason: str
) -> None:
    model = seeded(kind).eval()
    with pytest.raises(ValueError, match=rf"^hide: the model {reason}.*: it raised RuntimeError") as raised:
        explain(model, Text(text, ids, mask_token_id=mask), target=1, **options)
    said = ". hide='mask token' leaves a token for each that is hidden"
    assert str(raised.value).endswith(said if mask == 0 else f"{said}; give its id as Text(…, mask_token_id=…)")
    explain(model, Text(text, ids, mask_token_id=0), target=1, hide="mask token", **options)
    x = Text(TEXT, ids, mask_token_id=0)
    found = explain(model, x, "leave_one_out", target=1, hide="mask token").values

    def right(*read: int) -> float:
        with torch.no_grad():
            return float(model(torch.tensor([read]))[0, 1])

    gone = [(0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4), (1, 2, 3, 0)]
    np.testing.assert_allclose(found, [right(1, 2, 3, 4) - right(*read) for read in gone], atol=1e-6)
