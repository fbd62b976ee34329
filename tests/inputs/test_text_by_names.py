"""Words are hidden whole where tokens have only names: bytes, signs that no vocabulary knows, marks behind pieces."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from nbexplain import Text, explain
from nbexplain.inputs.tokens import partly_read

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

CORPUS = ["the film is really good and i love it", "a man sleeps outside", "it's a cafe"] * 3
SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
TEXTS = [
    "un café noir",
    "the Ünïted film",
    "naïve CAFÉ is good",
    "я люблю кино",
    "good 😍 film",
    "it’s good – really",
    "straße GROSS",
    "a\u00adb film",
    "mañana n\u0303o",
    "x² + y",
    "film\tgood\n\nfilm  good",
    "don´t “quote”",
]


def trained(kind: str) -> Any:
    """A fast tokenizer of bytes, of pieces or of signs, with <unk> for what it does not know but bytes."""
    models, pre, trainers = tokenizers.models, tokenizers.pre_tokenizers, tokenizers.trainers
    if kind == "bytes":
        made = tokenizers.Tokenizer(models.BPE())
        made.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
        alphabet = pre.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=SPECIAL)
    elif kind == "pieces":
        made = tokenizers.Tokenizer(models.Unigram())
        made.pre_tokenizer = pre.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=SPECIAL, unk_token="<unk>")
    else:
        signs = [*SPECIAL, *sorted(set("".join(CORPUS)))]
        words = {sign: number for number, sign in enumerate(signs)}
        made = tokenizers.Tokenizer(models.WordLevel(words, unk_token="<unk>"))
        made.pre_tokenizer = pre.Split("", "isolated")
        trainer = None
    if trainer is not None:
        trainer.show_progress = False
        made.train_from_iterator(CORPUS, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "bos_token", "eos_token", "mask_token"), SPECIAL))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


class Python:
    """A tokenizer that tells names alone, as those written in Python do."""

    def __init__(self, fast: Any) -> None:
        self.convert_ids_to_tokens, self.all_special_ids = fast.convert_ids_to_tokens, fast.all_special_ids
        self.unk_token_id, self.mask_token_id, self._fast = fast.unk_token_id, fast.mask_token_id, fast

    def __call__(self, text: str) -> list[int]:
        return list(self._fast.encode(text))


def units(x: Text) -> dict[str, list[int]]:
    masker = x.masker("word")
    return {name: np.flatnonzero(masker.features == number).tolist() for number, name in enumerate(masker.names)}


@pytest.mark.parametrize("kind", ["bytes", "pieces", "signs"])
def test_a_method_of_a_fast_tokenizer_hides_what_the_tokenizer_itself_does(kind: str) -> None:
    tok = trained(kind)
    for text in TEXTS:
        wanted = Text(text, tok)
        for less, own in enumerate((tok.encode, partial(tok.encode, add_special_tokens=False))):
            found = Text(text, own)
            assert [[p + less for p in places] for places in units(found).values()] == [*units(wanted).values()], text
            assert found.notes == wanted.notes


@pytest.mark.parametrize("kind", ["bytes", "pieces", "signs"])
def test_of_names_alone_a_word_has_all_its_tokens(kind: str) -> None:
    tok = trained(kind)
    for text in TEXTS[:9]:
        found, wanted = units(Text(text, Python(tok))), units(Text(text, tok))
        assert list(found) == list(wanted), text
        assert list(found.values()) == list(wanted.values()), text
        assert Text(text, Python(tok)).notes == ()


def test_bytes_of_words_with_accents_are_hidden_with_them() -> None:
    torch.manual_seed(0)
    tok = transformers.ByT5Tokenizer()
    shape = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2, "num_labels": 3}
    config = transformers.T5Config(vocab_size=len(tok), **shape, decoder_start_token_id=0, initializer_factor=2.0)
    model = transformers.T5ForSequenceClassification(config).eval()

    def score(text: str) -> float:
        with torch.no_grad():
            return float(model(**tok(text, return_tensors="pt")).logits[0, 1])

    answer = explain(model, Text("un café noir", tok), "leave_one_out", target=1)
    whole = score("un café noir")
    right = [whole - score(text) for text in (" café noir", "un noir")]
    np.testing.assert_allclose(answer.values[:2], right, atol=1e-5)
    assert Text("я люблю кино", tok).masker().names == ("я", "люблю", "кино")  # no token of it has a name that tells


@pytest.mark.parametrize(
    ("text", "names", "places"),
    [
        ("unbelievable film", ["un@@", "believ@@", "able", "film"], [[0, 1, 2], [3]]),
        ("unbelievable film", ["un", "believ", "able</w>", "film</w>"], [[0, 1, 2], [3]]),
        ("an unlikely un", ["an</w>", "un", "lik", "ely</w>", "un</w>"], [[0], [1, 2, 3], [4]]),
        ("Hà_Nội đẹp", ["Hà_@@", "Nội", "đẹp"], [[0, 1], [2]]),
    ],
)
def test_marks_behind_pieces_tell_where_words_go_on(text: str, names: list[str], places: list[list[int]]) -> None:
    class Marked:
        all_special_ids: tuple[int, ...] = ()
        unk_token_id = None

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
            return [names[id_] for id_ in ids]

        def __call__(self, _text: str) -> list[int]:
            return list(range(len(names)))  # whatever the text, so that leaving a word out tells nothing

    x = Text(text, Marked())
    assert [*units(x).values()] == places
    assert x.notes == ()
    assert x.tokens[1] == text[slice(*x.spans[1])]  # each by itself, not the whole word


def test_tokens_that_cannot_be_placed_are_named() -> None:
    class Odd(Python):
        def __call__(self, text: str) -> list[int]:
            return [*super().__call__(text), len(text) % 5]  # what it ends with tells nothing, and is another each time

    tok = Odd(trained("signs"))
    (note,) = (note for note in Text("the cafés", tok).notes if note.startswith("where"))
    assert note == "where the tokens “<unk>”, “s” stand in the text is not known: they are never hidden with a word"
    (note,) = partly_read(["s"], np.array([[0, 3], [0, 0]]))
    assert note == "where the token “s” stands in the text is not known: it is never hidden with a word"
