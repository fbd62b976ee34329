"""Whatever a text holds, its units and what is between them are the text, sign by sign, for every kind of tokenizer.

Texts are drawn, with seeds, from pieces of many scripts with combining marks, signs that cannot be seen, and markup.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nbexplain import Text
from nbexplain.inputs.words import shown, words_in
from nbexplain.widgets.token_pane import utf16_spans
from tests.core import texts

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")
decoders, models, pre_tokenizers = tokenizers.decoders, tokenizers.models, tokenizers.pre_tokenizers
processors, trainers = tokenizers.processors, tokenizers.trainers

DRAWN = 25  # texts for each tokenizer
LETTERS = ["the", "Good", "isn't", "naïve", "cafe\u0301", "ﬁ", "ß", "İ", "𝒳", "e\u0301\u0323", "½", "1,000.50", "_"]
MARKED = ["नमस्ते", "किताबें", "क\u200dष", "العَرَبِيَّة", "مرحبا", "שָׁלוֹם", "می\u200cخواهم", "สวัสดี", "ไทย", "\u0301", "\u0903"]
UNSPACED = ["我", "喜欢", "映画", "영화", "👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "😍"]
UNSEEN = [
    "\ufeff",
    "\u200b",
    "\u200d",
    "\u200e",
    "\u200f",
    "\u202b",
    "\u2066",
    "\u2069",
    "co\u00adop",
    "\x00",
    "\x07",
    "\x85",
]
SPACES = ["\r\n", "\n", "\t", "  ", "\u00a0", "\u3000", "\u2028"]
MARKUP = [
    "<b>",
    "</b>",
    "<br/>",
    "&amp;",
    '<a href="x">',
    "http://a.b/c?d=e&f",
    "C++",
    "$100",
    ":-)",
    "!!!",
    ".",
    "“q”",
    "—",
]
PIECES = [*LETTERS, *MARKED, *UNSPACED, *UNSEEN, *SPACES, *MARKUP]
SPECIAL = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]


def drawn(seed: int) -> Iterator[str]:
    """Texts of one to eight pieces."""
    draw = np.random.default_rng(seed)
    for _ in range(DRAWN):
        chosen = [PIECES[place] for place in draw.integers(len(PIECES), size=draw.integers(1, 9))]
        yield "".join(piece + " " * int(draw.random() < 0.6) for piece in chosen)


@functools.cache
def trained(kind: str) -> Any:
    """A fast tokenizer of Hugging Face of this kind, trained on the pieces."""
    corpus = [" ".join(LETTERS + MARKUP), " ".join(MARKED), "the film is really good and i love it"] * 3
    asked = {"special_tokens": SPECIAL, "show_progress": False}
    if kind == "bytes":
        made, alphabet = tokenizers.Tokenizer(models.BPE()), pre_tokenizers.ByteLevel.alphabet()
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        made.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, **asked))
    elif kind == "unigram":
        made = tokenizers.Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.train_from_iterator(corpus, trainers.UnigramTrainer(vocab_size=200, unk_token="<unk>", **asked))
    elif kind == "word pieces":
        made = tokenizers.Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.pre_tokenizer, made.normalizer = pre_tokenizers.BertPreTokenizer(), tokenizers.normalizers.BertNormalizer()
        made.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=250, **asked))
    else:
        signs = {sign: number for number, sign in enumerate([*SPECIAL, *sorted(set("".join(PIECES)))])}
        made = tokenizers.Tokenizer(models.WordLevel(signs, unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    ends = [("<s>", 2), ("</s>", 3)]
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=ends
    )
    names = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "mask_token": "<mask>",
    }
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


class Names:
    """Tells no places, but how its tokens are called."""

    def __init__(self, whole: Any) -> None:
        self.read, self.all_special_ids, self.unk_token_id = whole, whole.all_special_ids, whole.unk_token_id
        self.convert_ids_to_tokens = whole.convert_ids_to_tokens

    def __call__(self, *given: str) -> dict[str, Any]:
        return {"input_ids": self.read(*given)["input_ids"]}


def runs(text: str) -> dict[str, Any]:
    found = [match.span() for match in re.finditer(r"\S+", text)]
    return {"input_ids": [end - start for start, end in found], "offset_mapping": found}


def kinds() -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {"none": lambda: None, "words": texts.tokenizer, "runs": lambda: runs}
    found["code points"] = lambda: lambda text: [ord(sign) for sign in text]
    for kind in ("bytes", "unigram", "word pieces", "characters"):
        found[kind] = functools.partial(trained, kind)
        found[f"{kind}, the library's"] = lambda kind=kind: trained(kind).backend_tokenizer
        found[f"{kind}, names"] = lambda kind=kind: Names(trained(kind))
        found[f"{kind}, ids"] = lambda kind=kind: lambda *given: trained(kind)(*given)["input_ids"]
    return found


def check(x: Text, unit: str) -> None:
    text, masker = x.text, x.masker(unit)
    spans = masker.spans.tolist()
    if not any(end > start for start, end in spans):  # nobody knows where the tokens stand
        assert not (x.spans[:, 1] > x.spans[:, 0]).any()
        return
    rebuilt, at = "", 0
    for (start, end), name in zip(spans, masker.names, strict=True):
        assert at <= start < end <= len(text), (text, spans)
        rebuilt += text[at:start] + text[start:end]
        at = end
        own = text[start:end]
        assert name == shown(own if masker.what == "token" else own.strip() or own), text
        assert name
        if masker.what == "word":  # no sign loses its marks
            assert not (end < len(text) and is_mark(text[end]) and text[end - 1].isalnum()), (text, spans)
            assert not (start and is_mark(text[start]) and text[start - 1].isalnum()), (text, spans)
    assert rebuilt + text[at:] == text
    units = text.encode("utf-16-le")  # as a browser counts
    cut = [units[2 * start : 2 * end].decode("utf-16-le") for start, end in utf16_spans(text, spans)]
    assert cut == [text[start:end] for start, end in spans]
    held = {feature for feature in masker.features.tolist() if feature >= 0}
    assert held == set(range(len(spans)))  # each unit has a token, and each token one unit


def is_mark(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "M"


def read(given: Any, tokenizer: Any) -> Text | None:
    """A text, if the tokenizer reads a word of it."""
    try:
        return Text(given, tokenizer)
    except ValueError as error:
        if not re.search("there is no word|expected some words", str(error)):
            raise
        return None


@pytest.mark.parametrize("kind", kinds())
def test_units_and_gaps_are_the_text(kind: str) -> None:
    tokenizer, count = kinds()[kind](), 0
    for text in drawn(len(kind)):
        if (x := read(text, tokenizer)) is None:
            continue
        count += 1
        for (start, end), name in zip(x.spans.tolist(), x.tokens, strict=True):
            assert 0 <= start <= end <= len(text)
            assert end == start or name == shown(text[start:end])
        assert x.outside(x.tensor) == [text]  # for a model that reads strings
        for unit in ("token", "word", "sentence"):
            check(x, unit)
    assert count >= DRAWN // 2


@pytest.mark.parametrize("kind", ["none", "words", "bytes", "unigram", "word pieces", "characters, the library's"])
def test_and_of_pairs(kind: str) -> None:
    tokenizer, rows = kinds()[kind](), list(drawn(3))
    for pair in zip(rows[::2], rows[1::2]):
        if (x := read(pair, tokenizer)) is None:
            continue
        assert x.outside(x.tensor) == [pair]
        for unit in ("token", "word"):
            check(x, unit)


def test_what_is_left_of_a_string_is_all_but_what_is_hidden() -> None:
    for text in drawn(7):
        if (x := read(text, None)) is None:
            continue
        masker = x.masker("word")
        if masker.what != "word":
            continue
        for place, (start, end) in enumerate(masker.spans.tolist()):
            ((_, hidden),) = masker.batches((np.arange(len(masker.names)) != place)[None])
            assert x.outside(hidden) == [text[:start] + text[end:]]


def test_tokens_that_share_a_sign_are_one_unit() -> None:
    def crossing(text: str) -> dict[str, Any]:
        return {"input_ids": [5, 6, 7, 8], "offset_mapping": [(0, 1), (0, 2), (1, 2), (3, 4)]}

    masker = Text("영화 a", crossing).masker("token")
    assert (masker.names, masker.features.tolist()) == (("영화", "a"), [0, 0, 0, 1])


def test_where_no_token_is_known_to_hold_a_word_tokens_are_hidden() -> None:
    class Odd(Names):
        def __init__(self) -> None:
            self.all_special_ids, self.unk_token_id = [], None

        def __call__(self, text: str) -> dict[str, Any]:  # type: ignore[override]
            return {"input_ids": [5, 6]}

        def convert_ids_to_tokens(self, ids: Any) -> list[str]:  # type: ignore[override]
            return ["!!!", "ðŁĳį"]

    masker = Text("!!! 👍", Odd()).masker("word")
    assert (masker.what, masker.names) == ("token", ("!!!",))


@pytest.mark.parametrize("text", ["โลก\u0903", "ไทย\u0301 a", "a ကမ္ဘာ\u0301\u0301b"])
def test_a_mark_of_another_script_stays_with_the_sign_before_it(text: str) -> None:
    words = words_in(text)
    assert not any(is_mark(text[start]) for start, _ in words)
    assert sum(end - start for start, end in words) == len(text.replace(" ", ""))
