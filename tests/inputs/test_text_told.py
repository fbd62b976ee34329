"""What a text says of what its tokenizer makes of it: what was cut, what is refused, how tokens are called."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import numpy as np
import pytest

from nbexplain import Text
from tests.core.texts import SENTENCE, tokenizer

pytest.importorskip("transformers")
normalizers = pytest.importorskip("tokenizers").normalizers


@pytest.fixture
def tok() -> Any:
    return tokenizer()


# What a tokenizer cuts by itself


def test_a_tokenizer_that_cuts_by_itself_is_said_to(tok: Any) -> None:
    cutting = partial(tok, truncation=True, max_length=6)
    for own in (cutting, lambda text: cutting(text), partial(cutting, padding="max_length")):
        x = Text(SENTENCE, own)
        (note,) = x.notes
        said = "the tokenizer itself cuts the text after “the film is really”, and 4 of 8 words are not read: words are"
        assert note.startswith(said)
        assert (x.read, x.masker().names) == ((0, 18), ("the", "film", "is", "really"))
    tok.truncation_side = "left"
    x = Text(SENTENCE, cutting)
    assert x.notes[0].startswith(
        "the tokenizer itself cuts the text before “good and i love”, and 4 of 8 words are not "
    )
    assert SENTENCE[slice(*x.read)] == "good and i love"
    tok.truncation_side = "right"
    (note,) = Text((SENTENCE, "good film is good"), partial(tok, truncation=True, max_length=10)).notes
    said = (
        "the tokenizer itself cuts the texts after “the film is really” and after “good film is”, and 5 of 12 words are"
    )
    assert note.startswith(said)
    assert Text("the film is good", cutting).notes == ()


IDS = {word: number for number, word in enumerate(SENTENCE.split(), 10)}


def words_alone(text: str) -> list[int]:
    return [IDS[word] for word in text.split()]


def signs_alone(text: str) -> list[int]:
    return [1, *map(ord, text.replace(" ", "")), 2]


@pytest.mark.parametrize(
    ("read", "side", "words"),
    [
        (lambda text: words_alone(text)[:4], "after", 4),
        (lambda text: words_alone(text)[-3:], "before", 3),
        (lambda text: [1, *words_alone(text)[:5], 2], "after", 5),
        (lambda text: [1, *words_alone(text), 2][:6], "after", 5),  # what ends each text is cut off
        (lambda text: [1, *words_alone(text), 2][-6:], "before", 5),
        (lambda text: (words_alone(text) + [0] * 6)[:6], "after", 6),  # filled up, where it is shorter
        (lambda text: signs_alone(text)[:9], "after", 3),  # one sign, the, film, i: the rest of “is” is lost
        (lambda text: [*signs_alone(text)[:7], 2], "after", 2),
        (lambda text: signs_alone(text)[-8:], "before", 3),  # d and i love, and what ends it
        (lambda text: signs_alone(text)[:3], "after", 1),
    ],
)
def test_what_returns_ids_alone_and_cuts_is_said_to(read: Any, side: str, words: int) -> None:
    x, all_words = Text(SENTENCE, read), SENTENCE.split()
    kept = all_words[:words] if side == "after" else all_words[-words:]
    shown = " ".join(kept)[-20:] if side == "after" else " ".join(kept)[:20]
    (note,) = x.notes
    assert note.startswith(
        f"the tokenizer itself cuts the text {side} “{shown}”, and {8 - words} of 8 words are not read"
    )
    assert x.text[slice(*x.read)] == " ".join(kept)
    assert x.masker().names == tuple(kept)


def test_ids_of_a_pair_that_is_cut() -> None:
    def read(a: str, b: str) -> list[int]:
        return [1, *words_alone(a)[:3], 2, *words_alone(b)[:4], 2]

    x = Text((SENTENCE, "good film is really the"), read)
    assert x.notes[0].startswith(
        "the tokenizer itself cuts the texts after “the film is” and after “good film is really”"
    )
    assert "6 of 13 words are not read" in x.notes[0]
    assert x.masker().names == ("the", "film", "is", "good", "film", "is", "really")
    assert x.masker().features.tolist() == [-1, 0, 1, 2, -1, 3, 4, 5, 6, -1]


def test_words_that_ids_alone_never_hold_were_not_cut() -> None:
    def known(text: str) -> list[int]:
        return [IDS[word] for word in text.split() if word in IDS]

    assert not any("cuts" in note for note in Text("the film is zzz yyy", known).notes)
    assert not any("cuts" in note for note in Text("zzz yyy the film is", known).notes)
    assert Text("a good film", lambda _: [4, 5, 6, 7]).notes == ()


def test_a_word_that_a_tokenizer_never_reads_was_not_cut() -> None:
    def knows(text: str) -> dict[str, Any]:
        places = [(at, at + len(word)) for word in ("the", "film", "good") if (at := text.find(word)) >= 0]
        return {"input_ids": [7] * len(places), "offset_mapping": places}

    assert Text("the film is so good", knows).notes[0].startswith("the tokenizer shows no token for “is”, “so”: ")
    assert Text("the film ist toll", knows).notes[0].startswith("the tokenizer shows no token for “ist”, “toll”: ")


def test_what_may_be_read_is_not_said_to_be_cut(tok: Any) -> None:
    class Slow:
        """Tells no places: a word that is written in another way may be any of its tokens."""

        all_special_ids, unk_token_id = tok.all_special_ids, tok.unk_token_id
        convert_ids_to_tokens = tok.convert_ids_to_tokens

        def __init__(self, counts: bool) -> None:
            self.counts = counts

        def __call__(self, text: str) -> dict[str, Any]:
            count = [len(text.split())] if self.counts else []
            return {"input_ids": tok(text.replace("fine", "really good"))["input_ids"] + count}

    x = Text("the film is fine good", Slow(counts=False))
    assert x.tokens[4:-1] == ("fine", "fine", "good")  # left out, it takes both
    assert x.notes == ()
    x = Text("the film is fine good", Slow(counts=True))  # a text without a word ends otherwise
    assert x.tokens[4:-2] == ("really", "good", "good")
    assert x.spans[-3].tolist() == [0, 0]  # which of the two it is cannot be told
    assert x.notes[0].startswith("where the tokens “really”, “good”, “good” stand in the text is not known: ")
    assert x.notes[1].startswith("the tokenizer shows no token for “fine”, “good”: ")


def test_a_word_of_which_the_end_was_cut_is_said() -> None:
    def signs(text: str) -> dict[str, Any]:
        read = text[:6]
        return {"input_ids": [*map(ord, read)], "offset_mapping": [(n, n + 1) for n in range(len(read))]}

    assert Text("a film", signs).notes == ()
    assert Text("a films", signs).notes[0].startswith("the tokenizer itself cuts the text after “a film”")


# A text without a word that the model reads


def test_a_text_of_which_only_special_tokens_are_read_is_refused(tok: Any) -> None:
    with pytest.raises(ValueError, match=r"max_length: no word is left among the 2 of 4 tokens .* “.CLS.”, “.SEP.”"):
        Text("good film", tok, max_length=2)
    assert Text("good film", tok, max_length=3).masker().names == ("good",)
    tok.backend_tokenizer.normalizer = normalizers.BertNormalizer()
    for own in (tok, tok.backend_tokenizer):
        with pytest.raises(ValueError, match=r"text: there is no word in '.*200b' that the model reads, only “.CLS.”"):
            Text("\u200b", own)


def test_where_a_text_is_cut_is_said_only_where_it_is_known() -> None:
    (note,) = Text("a good film", lambda _: [4, 5, 6, 7], max_length=3).notes
    assert note == "the text has 4 tokens and the model takes 3: it is cut at its end"


# Ids and signs that are none


@pytest.mark.parametrize(
    ("id_", "error", "message"),
    [
        ("[MASK]", TypeError, r"mask_token_id: .*, got '\[MASK\]'; try tokenizer.convert_tokens_to_ids\('\[MASK\]'\)"),
        (True, TypeError, "mask_token_id: expected the id of a token, a whole number from 0 on, got True"),
        (1.5, TypeError, "mask_token_id: expected the id of a token, a whole number from 0 on, got 1.5"),
        (-1, ValueError, "mask_token_id: expected the id of a token, from 0 to 20, as the tokenizer has 21, got -1"),
        (21, ValueError, "mask_token_id: expected the id of a token, from 0 to 20, as the tokenizer has 21, got 21"),
    ],
)
def test_what_is_no_id_of_a_token_is_refused(tok: Any, id_: Any, error: type[Exception], message: str) -> None:
    for own in (tok, partial(tok)):
        with pytest.raises(error, match=message):
            Text(SENTENCE, own, mask_token_id=id_)
    assert int(Text(SENTENCE, tok, mask_token_id=np.int64(20)).stand_in()) == 20


@pytest.mark.parametrize("text", ["good \ud83d film", ("good", "a \ude00"), "\ud83d\ude00"])
def test_half_of_a_sign_is_refused_with_its_place_and_what_mends_it(tok: Any, text: Any) -> None:
    spoilt = text if isinstance(text, str) else text[1]
    place = next(at for at, sign in enumerate(spoilt) if sign >= "\ud800")
    with pytest.raises(ValueError, match=rf"text: '.*' at place {place} is half of a sign") as refused:
        Text(text, tok)
    mended = eval(str(refused.value).partition("read: ")[2], {"text": spoilt})
    assert Text(mended).text in ("good \ufffd film", "a \ufffd", "\U0001f600")


def test_a_mask_that_stays_holds_no_signs_that_are_never_hidden(tok: Any) -> None:
    tok.add_special_tokens({"mask_token": "<mask>"})
    x = Text("the <mask> is", tok)
    assert x.tokens[2] == "<mask>"
    assert x.masker("word", stays=[2]).notes == ()
    said = "“<”, “>”: never hidden, as no word holds them; unit='token' hides each sign"
    assert Text("the <mask> is < good >", tok).masker("word", stays=[2]).notes == (said,)


# What is heard and read


@pytest.mark.parametrize("way", [lambda tok: tok, partial, lambda tok: lambda text: tok(text)])
def test_a_text_that_is_cut_is_said_by_us_alone(way: Any, caplog: pytest.LogCaptureFixture) -> None:
    tok = tokenizer()
    tok.model_max_length = 6
    logger = logging.getLogger("transformers")
    spreads, logger.propagate = logger.propagate, True
    try:
        x = Text(SENTENCE, way(tok), max_length=6)
        assert x.notes[0].startswith("the text has 10 tokens and the model takes 6: it is cut after")
        assert caplog.messages == []
        if x.vocabulary is tok:  # its user's own call is warned as ever
            tok(SENTENCE)
            assert "sequence length is longer" in caplog.text
    finally:
        logger.propagate = spreads


def test_what_cannot_be_seen_has_a_name_that_can() -> None:
    text = "a \t film\r\n\nend\u200b\u00a0x"
    places = [(0, 1), (1, 2), (2, 3), (4, 8), (8, 10), (10, 11), (11, 14), (14, 15), (15, 16), (16, 17)]
    x = Text(text, lambda _: {"input_ids": [7] * len(places), "offset_mapping": places})
    named = ("a", "␣", "⇥", "film", "⏎", "⏎", "end", "U+200B", "␣", "x")
    assert x.tokens == x.masker("token").names == named
    over = Text("good\tfilm", lambda _: {"input_ids": [7], "offset_mapping": [(0, 9)]})
    assert over.tokens == over.masker("word").names == ("good⇥film",)
