"""Texts: tokens and where they stand, what is cut, and how tokens, words and sentences are hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbexplain import Subject
from nbexplain.core.model.padding import Padding
from nbexplain.inputs import Text
from nbexplain.inputs.tokens import stand_in

TEXT = "It isn't bad. Really!"
SPANS = [
    (0, 0),
    (0, 2),
    (3, 5),
    (5, 8),
    (9, 12),
    (12, 13),
    (14, 20),
    (20, 21),
    (0, 0),
]  # [CLS] it is n't bad . really ! [SEP]


class Tokenizer:
    """Names every token of TEXT, in the manner of Hugging Face's fast ones."""

    mask_token_id, pad_token_id, model_max_length = 90, 91, 512

    def __init__(self, masks: bool = True) -> None:
        self.masks = masks

    def __call__(self, text: str) -> Mapping[str, Any]:
        assert text == TEXT
        entries = {
            "input_ids": list(range(10, 19)),
            "offset_mapping": SPANS,
            "token_type_ids": [5, 0, 0, 0, 0, 0, 0, 0, 7],
        }
        return {**entries, "attention_mask": [1] * 9} if self.masks else entries

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [f"<{id_}>" for id_ in ids]


def shown(text: Text, unit: str, hide: str, keep: list[int]) -> list[list[int]]:
    """The ids that the model gets, one list for each row (here one)."""
    masker = text.masker(unit, hide)
    found: dict[int, list[int]] = {}
    for rows, batch in masker.batches(np.array([keep])):
        args, keywords = text.arguments(batch)
        ids = keywords["input_ids"] if keywords else args[0]
        found.update(zip(rows.tolist(), ids.tolist(), strict=True))
    return [found[row] for row in sorted(found)]


def test_words_are_made_of_their_tokens() -> None:
    masker = Text(TEXT, Tokenizer()).masker("word")
    assert masker.names == ("It", "isn't", "bad", "Really")
    assert masker.spans.tolist() == [[0, 2], [3, 8], [9, 12], [14, 20]]
    assert masker.features.tolist() == [-1, 0, 1, 1, 2, -1, 3, -1, -1]  # neither [CLS] nor punctuation


def test_tokens_and_sentences() -> None:
    text = Text(TEXT, Tokenizer())
    assert text.masker("token").names == ("It", "is", "n't", "bad", ".", "Really", "!")
    assert text.masker("token").features.tolist() == [-1, 0, 1, 2, 3, 4, 5, 6, -1]
    assert text.masker("sentence").names == ("It isn't bad.", "Really!")
    assert text.masker("sentence").features.tolist() == [-1, 0, 0, 0, 0, 0, 1, 1, -1]


def test_what_the_model_gets_when_a_word_is_hidden() -> None:
    text = Text(TEXT, Tokenizer())
    assert shown(text, "word", "remove", [1, 1, 1, 1]) == [[10, 11, 12, 13, 14, 15, 16, 17, 18]]
    assert shown(text, "word", "remove", [1, 0, 1, 1]) == [[10, 11, 14, 15, 16, 17, 18]]
    assert shown(text, "word", "mask token", [1, 0, 1, 1]) == [[10, 11, 90, 90, 14, 15, 16, 17, 18]]
    assert shown(text, "sentence", "remove", [1, 0]) == [[10, 11, 12, 13, 14, 15, 18]]
    ((_, batch),) = text.masker("word", "remove").batches(np.array([[1, 0, 1, 1]]))
    _, keywords = text.arguments(batch)
    assert keywords["token_type_ids"].tolist() == [[5, 0, 0, 0, 0, 0, 7]]  # what else belongs to a token goes with it
    assert keywords["attention_mask"].tolist() == [[1] * 7]


def test_texts_of_one_length_go_together() -> None:
    keep = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1], [1, 0, 1, 1], [0, 0, 0, 0]])
    batches = [(rows.tolist(), tuple(b.shape)) for rows, b in Text(TEXT, Tokenizer()).masker("word").batches(keep)]
    assert batches == [([4], (1, 4)), ([3], (1, 7)), ([1, 2], (2, 8)), ([0], (1, 9))]


def test_padding_is_told_to_the_model_in_every_entry() -> None:
    text = Text(TEXT, Tokenizer())
    ((_, codes),) = text.masker("word").batches(np.array([[1, 0, 1, 1]]))
    for side, places in (("right", slice(7)), ("left", slice(2, None))):
        _, keywords = text.arguments(Padding(side, 91).apply(codes, 9, text))
        for name, row in (
            ("input_ids", [10, 11, 14, 15, 16, 17, 18]),
            ("attention_mask", [1] * 7),
            ("token_type_ids", [5, 0, 0, 0, 0, 0, 7]),
        ):
            wanted = np.full(9, 91 if name == "input_ids" else 0)
            wanted[places] = row
            assert keywords[name].tolist() == [wanted.tolist()], (side, name)


def test_places_count_anew_in_a_shorter_text_and_types_have_their_own_padding() -> None:
    class Placed(Tokenizer):
        pad_token_type_id = 3

        def __call__(self, text: str) -> Mapping[str, Any]:
            return {**super().__call__(text), "position_ids": [*range(2, 11)]}

    text = Text(TEXT, Placed())
    ((_, codes),) = text.masker("word").batches(np.array([[1, 0, 1, 1]]))
    assert text.arguments(codes)[1]["position_ids"].tolist() == [[2, 3, 4, 5, 6, 7, 8]]
    keywords = text.arguments(Padding("left", 91).apply(codes, 9, text))[1]
    assert keywords["position_ids"].tolist() == [[2, 2, 2, 3, 4, 5, 6, 7, 8]]
    assert keywords["token_type_ids"].tolist() == [[3, 3, 5, 0, 0, 0, 0, 0, 7]]


def test_without_more_than_ids_the_model_gets_them_alone() -> None:
    for read in (lambda _: [7, 8], lambda _: {"input_ids": [7, 8]}):
        args, keywords = Text("a b", read).arguments(torch.arange(2)[None])
        assert ([a.tolist() for a in args], keywords) == ([[[7, 8]]], {})


def test_without_an_attention_mask_the_model_is_told_the_rest() -> None:
    args, keywords = Text(TEXT, Tokenizer(masks=False)).arguments(torch.tensor([[0, 4, 8]]))
    assert args == ()
    assert {name: row.tolist() for name, row in keywords.items()} == {
        "input_ids": [[10, 14, 18]],
        "token_type_ids": [[5, 0, 7]],
    }


def test_a_text_of_which_nothing_is_left_is_one_mask_token() -> None:
    assert shown(Text("a b", lambda _: [1, 2], mask_token_id=7), "word", "remove", [0, 0]) == [[7]]


def test_or_what_the_tokenizer_makes_of_an_empty_text() -> None:
    def framed(text: str) -> list[int]:
        return [8, *reversed([*map(len, text.split())]), 9]

    assert shown(Text("a bcd", framed), "word", "remove", [0, 0, 0, 0]) == [[8, 9]]  # four tokens, nobody knows where
    both = Text("a bcd", framed).masker("word", "remove").batches(np.array([[0, 0, 0, 0], [0, 0, 0, 0]]))
    assert [batch.shape for _, batch in both] == [(2, 2)]
    assert shown(Text("a bcd", framed, mask_token_id=7), "word", "remove", [0, 0, 0, 0]) == [[7]]


def test_the_model_is_told_of_every_token_of_an_empty_text() -> None:
    def framed(text: str) -> dict[str, list[int]]:
        ids = [8, *map(len, text.split()), 9]
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}

    text = Text("a bcd", framed)
    ((_, batch),) = text.masker().batches(np.zeros((1, 2)))
    assert {name: row.tolist() for name, row in text.arguments(batch)[1].items()} == {
        "input_ids": [[8, 9]],
        "attention_mask": [[1, 1]],
    }


@pytest.mark.parametrize("empty", [[], [0, 0, 0], "no text"])
def test_a_text_of_which_nothing_is_left_needs_an_id(empty: Any) -> None:
    with pytest.raises(
        ValueError, match=r"hide: where all is removed the model would get no token at all; .* mask_token_id=…"
    ):
        shown(Text("a b", lambda text: [2, 3] if text else empty), "word", "remove", [0, 0])


VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "good": 2, "fun": 3, "[MASK]": 4, "<mask>": 5}


@pytest.mark.parametrize(
    ("options", "special", "padding", "wanted"),
    [
        ({"unk_token": "[UNK]"}, ["[MASK]"], {}, 4),
        ({"unk_token": "[UNK]"}, ["<mask>"], {}, 5),
        ({"unk_token": "[UNK]"}, [], {"pad_id": 0, "pad_token": "[PAD]"}, 1),
        ({"unk_token": "[OOV]"}, [], {"pad_id": 0, "pad_token": "[PAD]"}, 0),  # it has no such token
        ({"unk_token": "[OOV]"}, ["[PAD]"], {}, None),  # "[MASK]" may be a word like others
        ({"unk_token": "[OOV]"}, [], {"pad_id": 2, "pad_token": "[PAD]"}, None),  # which is "good"
    ],
)
def test_the_library_tokenizers_says_what_stands_for_a_hidden_token(
    options: dict[str, str], special: list[str], padding: dict[str, Any], wanted: int | None
) -> None:
    library = pytest.importorskip("tokenizers")
    made = library.Tokenizer(library.models.WordLevel(VOCABULARY, **options))
    made.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(special)
    if padding:
        made.enable_padding(**padding)
    text = Text("good fun", made)
    assert shown(text, "word", "remove", [1, 0])[0] == [2]
    assert text.has_mask == (wanted is not None)
    if wanted is None:
        with pytest.raises(ValueError, match="hide: the tokenizer has no mask, unknown or padding token; give"):
            text.masker("word", "mask token")
    else:
        assert shown(text, "word", "mask token", [0, 1]) == [[wanted, 3]]
        assert shown(text, "word", "remove", [0, 0]) == [[wanted]]


def test_a_unigram_model_says_what_stands_for_a_hidden_token() -> None:
    library = pytest.importorskip("tokenizers")
    pieces = [("good", -1.0), ("fun", -1.0), ("<unk>", 0.0)]
    made = library.Tokenizer(library.models.Unigram(pieces, unk_id=2))
    made.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    assert shown(Text("good fun", made), "word", "mask token", [0, 1]) == [[2, 1]]
    assert stand_in(library.Tokenizer(library.models.Unigram(pieces))) is None


class Mean(nn.Module):
    """The mean embedding of the tokens, with a position embedding that must stay as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Embedding(4, 2)
        self.words = nn.Embedding(5, 2)
        with torch.no_grad():
            self.words.weight.copy_(torch.tensor([[0.0, 1], [2, 0], [4, 4], [0, 0], [4, 0]]))  # their mean is (2, 1)
            self.position.weight.copy_(torch.tensor([[100.0, 0], [0, 0], [0, 0], [0, 0]]))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        places = torch.arange(ids.shape[1])
        return (self.words(ids) + self.position(places)[None]).mean(1)


def test_a_neutral_embedding_is_the_mean_of_all_rows() -> None:
    text = Text("a b", lambda _: [2, 3])
    subject = Subject(Mean(), text)
    scores = subject.hidden(text.masker("word", "neutral embedding"), np.array([[1, 1], [0, 1], [0, 0]]))
    # (4 4) and (0 0), position (100 0) at the first: mean (52 2); with (2 1) for the first: (51 0.5); for both: (52 1)
    assert scores.tolist() == [[52, 2], [51, 0.5], [52, 1]]
    assert subject.scores().tolist() == [[52, 2]]


def test_a_model_without_embeddings_says_so() -> None:
    class Plain(nn.Module):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return torch.stack([ids.float().sum(1)] * 2, 1)

    text = Text("a b", lambda _: [2, 3])
    with pytest.raises(ValueError, match=r"hide: the model has no nn\.Embedding whose rows could be made neutral"):
        Subject(Plain(), text).hidden(text.masker("word", "neutral embedding"), np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("这部电影不好", ["这", "部", "电", "影", "不", "好"]),
        ("هذا الفيلم ليس سيئا", ["هذا", "الفيلم", "ليس", "سيئا"]),
        ("don’t stop", ["don’t", "stop"]),
        ("naïve 日本 film", ["naïve", "日", "本", "film"]),
        ("यह फिल्म अच्छी नहीं है", ["यह", "फिल्म", "अच्छी", "नहीं", "है"]),
        ("مَرْحَبًا يا صديقي", ["مَرْحَبًا", "يا", "صديقي"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("cafe\u0301s, cafe\u0301", ["cafe\u0301s", "cafe\u0301"]),
        ("か\u3099きe\u0301", ["か\u3099", "き", "e\u0301"]),  # one sign and its mark
        ("می\u200cخواهم \u200cx\u200d", ["می\u200cخواهم", "x"]),  # joiners only inside a word
        ("क्\u200dष", ["क्\u200dष"]),
        ("not\u2764\ufe0f a", ["not", "\u2764\ufe0f", "a"]),
    ],
)
def test_words_of_other_scripts(text: str, words: list[str]) -> None:
    assert list(Text(text).masker("word").names) == words


def test_a_feature_reaches_as_far_as_its_tokens() -> None:
    def one_token_a_run(text: str) -> dict[str, Any]:
        runs = [match.span() for match in re.finditer(r"\S+", text)]
        return {"input_ids": list(range(len(runs))), "offset_mapping": runs}

    masker = Text("这部电影 good", one_token_a_run).masker("word", "remove")
    assert masker.names == ("这部电影", "good")
    assert masker.spans.tolist() == [[0, 4], [5, 9]]


def placed(*spans: tuple[int, int]) -> Any:
    """A tokenizer that tells only where its tokens stand; their ids count from 1."""
    return lambda _: {"input_ids": list(range(1, len(spans) + 1)), "offset_mapping": spans}


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 3), (3, 8), (8, 9), (9, 13), (13, 16), (16, 17)],  # byte-level pieces: a space belongs to what follows it
        [(0, 4), (4, 8), (8, 9), (9, 14), (14, 16), (16, 17)],  # to what stands before it
        [(0, 3), (4, 8), (8, 9), (10, 13), (14, 16), (16, 17)],  # to nobody
    ],
)
def test_spaces_that_tokens_hold_change_nothing(spans: list[tuple[int, int]]) -> None:
    text = Text("The film. Not so!", placed(*spans))
    assert text.tokens == ("The", "film", ".", "Not", "so", "!")
    words = text.masker("word")
    assert words.names == ("The", "film", "Not", "so")
    assert words.spans.tolist() == [[0, 3], [4, 8], [10, 13], [14, 16]]
    assert words.features.tolist() == [0, 1, -1, 2, 3, -1]
    assert shown(text, "word", "remove", [1, 0, 1, 0]) == [[1, 3, 4, 6]]
    tokens = text.masker("token")
    assert tokens.names == text.tokens
    assert tokens.spans.tolist() == [[0, 3], [4, 8], [8, 9], [10, 13], [14, 16], [16, 17]]
    sentences = text.masker("sentence")
    assert sentences.names == ("The film.", "Not so!")
    assert sentences.features.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It costs 3.5 million. “Good?!” Yes...\nNo", ["It costs 3.5 million.", "“Good?!”", "Yes...", "No"]),
        ("यह अच्छा है। वह नहीं।", ["यह अच्छा है।", "वह नहीं।"]),
        ("هل هذا جيد؟ نعم.", ["هل هذا جيد؟", "نعم."]),
        ("很好。不好！", ["很好。", "不好！"]),
    ],
)
def test_sentences_of_other_scripts(text: str, sentences: list[str]) -> None:
    assert list(Text(text).masker("sentence").names) == sentences


def test_a_token_of_spaces_alone_is_no_word_and_goes_with_the_next() -> None:
    text = Text("a  film", placed((0, 1), (1, 2), (2, 7)))
    assert text.masker("word").features.tolist() == [0, 1, 1]
    assert text.masker("word").spans.tolist() == [[0, 1], [3, 7]]
    assert text.masker("token").names == ("a", "␣", "film")


@pytest.mark.parametrize(
    ("text", "spans"),
    [("😍 good", ((0, 1), (0, 1), (0, 1), (2, 6))), ("café good", ((0, 4), (3, 4), (5, 9)))],
)
def test_a_sign_of_several_tokens_is_there_once_for_a_model_that_reads_strings(text: str, spans: Any) -> None:
    x = Text(text, placed(*spans), mask_token_id=0)
    assert x.outside(x.tensor) == [text]
    first = text.split()[0]
    ((_, hidden),) = x.masker("word", "mask token").batches(np.array([[0, 1]]))
    assert x.outside(hidden) == [f"UNKWORDZ {text.removeprefix(first).strip()}"]


def test_a_token_belongs_to_the_first_word_that_it_overlaps() -> None:
    masker = Text("a “good e-mail", placed((0, 1), (2, 7), (8, 11), (11, 14))).masker("word")  # a, “good, e-m, ail
    assert masker.features.tolist() == [0, 1, 2, 3]
    assert masker.names == ("a", "“good", "e-m", "ail")  # what is hidden together is named together
    assert masker.spans.tolist() == [[0, 1], [2, 7], [8, 11], [11, 14]]


def test_words_that_no_token_holds_are_told() -> None:
    said = "the tokenizer shows no token for “zzz”: what it makes of that is never hidden"
    text = Text("the zzz is good", placed((0, 3), (8, 10), (11, 15)))
    assert (text.masker("word").names, text.notes) == (("the", "is", "good"), (said,))
    five = Text("a b c d e f g h", placed((0, 1), (14, 15)))
    assert five.notes == (
        "the tokenizer shows no token for “b”, “c”, “d”, “e” and 2 more: what it makes of that is never hidden",
    )
    (cut,) = Text("the zzz is good", placed((0, 3), (4, 7), (8, 10), (11, 15)), max_length=2).notes
    assert cut.endswith("it is cut after “the zzz”, and 2 of 4 words are not read")  # said once


def test_a_model_that_reads_strings_gets_the_text_without_the_words() -> None:
    text = Text("It is not  bad, really.")
    masker = text.masker("word", "remove")
    assert masker.names == ("It", "is", "not", "bad", "really")
    ((_, batch),) = masker.batches(np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [0, 0, 0, 0, 0]]))
    assert text.outside(batch) == ["It is not  bad, really.", "It is   bad, really.", "    , ."]
    ((_, batch),) = text.masker("word", "mask token").batches(np.array([[1, 1, 0, 1, 1]]))
    assert text.outside(batch) == ["It is UNKWORDZ  bad, really."]
    with pytest.raises(ValueError, match="hide: a model that reads strings has no embedding"):
        text.masker("word", "neutral embedding")


def test_a_long_text_is_cut_and_it_is_said() -> None:
    text = Text(TEXT, Tokenizer(), max_length=6)
    assert text.ids.tolist() == [10, 11, 12, 13, 14, 18]  # the token that ends every text stays
    said = "the text has 9 tokens and the model takes 6: it is cut after “It isn't bad”, and 1 of 4 words is not read"
    assert text.notes == (said,)
    assert text.masker("word").names == ("It", "isn't", "bad")
    assert Text(TEXT, Tokenizer(), max_length=9).notes == ()


@pytest.mark.parametrize(
    ("length", "error", "message"),
    [
        (0, ValueError, "max_length: expected 1 token or more, got 0"),
        (-3, ValueError, "max_length: expected 1 token or more, got -3"),
        (2.5, TypeError, r"max_length: expected a whole number of tokens, got 2\.5"),
        (True, TypeError, "max_length: expected a whole number of tokens, got True"),
    ],
)
def test_bad_lengths(length: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Text(TEXT, Tokenizer(), max_length=length)


def test_ids_alone_are_matched_with_words_or_hidden_one_by_one() -> None:
    assert Text("good  film", lambda text: [*map(len, text.split())]).masker("word").spans.tolist() == [[0, 4], [6, 10]]
    pieces = Text("goodfilm", lambda _: [1, 2], mask_token_id=9)
    assert pieces.masker("word").names == ("1", "2")
    assert shown(pieces, "word", "mask token", [0, 1]) == [[9, 2]]


def coded(text: str, odd: str = "") -> list[int]:
    """Ids of pieces of at most three letters, between a token that begins every text and one that ends it."""
    known = {"the": 5, "fil": 6, "m": 7, "goo": 8, "d": 9, "is": 10}
    pieces = [word[at : at + 3] for word in text.split() for at in range(0, len(word), 3)]
    ids = [known[piece] for piece in pieces if piece in known]
    return [1, *(sorted(ids) if odd == "sorted" else ids[::-1] if odd == "reversed" else ids), 2]


def test_ids_alone_belong_to_the_words_with_which_they_go() -> None:
    text = Text("the zzz film film is good", coded)
    assert text.tokens == ("1", "the", "film", "film", "film", "film", "is", "good", "good", "2")
    assert text.masker("word").names == ("the", "film", "film", "is", "good")
    assert shown(text, "word", "remove", [1, 0, 1, 0, 1]) == [[1, 5, 6, 7, 8, 9, 2]]
    assert text.notes == ("the tokenizer shows no token for “zzz”: what it makes of that is never hidden",)


def test_ids_of_very_many_words_are_counted_where_some_of_them_bear_it_out() -> None:
    numbers = [f"n{number}" for number in range(301)]
    text = Text(" ".join(numbers), lambda text: [int(word[1:]) + 1 for word in text.split()])
    assert text.masker("word").names == tuple(numbers)
    framed = Text(" ".join(numbers), lambda text: [0, *(int(word[1:]) + 1 for word in text.split()[1:])])
    assert not framed.spans.any()  # as many ids as words, but another one stands first


@pytest.mark.parametrize("before", [[], [1]])
@pytest.mark.parametrize("words", ["bad bad", "a a a b a a", "bad film bad"])
def test_first_words_that_are_read_otherwise_or_like_the_second(before: list[int], words: str) -> None:
    def spaced(text: str) -> list[int]:  # as byte-level tokenizers, for which a space belongs to the word behind it
        return [
            *before,
            *(code for n, word in enumerate(text.split()) for code in (len(word), ord(word[0]) + 200 * (n > 0))),
        ]

    text = Text(words, spaced)
    assert text.masker("word").names == tuple(words.split())
    assert text.masker("word").features.tolist() == [-1] * len(before) + [n // 2 for n in range(2 * len(words.split()))]


@pytest.mark.parametrize("odd", ["sorted", "reversed"])
def test_ids_that_do_not_follow_the_words_are_hidden_one_by_one(odd: str) -> None:
    text = Text("the film is good", lambda text: coded(text, odd))
    assert not text.spans.any()
    assert len(text.masker("word").names) == 8
    assert "does not tell where its tokens stand" in text.masker("word").notes[0]


class Named:
    """A tokenizer that tells its tokens' names and not where they stand, in the manner of Hugging Face's slow ones."""

    unk_token_id, all_special_ids = 0, (0, 1, 2)

    def __init__(self, names: str) -> None:
        self.names = names.split()

    def __call__(self, text: str) -> list[int]:
        special = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}
        return [special.get(name, number) for number, name in enumerate(self.names, start=3)]

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        assert len(ids) == len(self.names)
        return self.names


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("this is good", "[UNK] is good", "this is good"),
        ("this, is good", "[CLS] [UNK] , is good [SEP]", "- this , is good -"),
        ("what is it IS good", "[UNK] is [UNK] [UNK] good !", "- - - - good -"),  # nobody knows which "is"
        ("isotopes, this is!", "[UNK] , [UNK] is !", "isotopes , this is !"),
        ("The unreal thesis is", "[CLS] the un ##real [UNK] is [SEP]", "- The un real thesis is -"),
        ("this isle is", "▁th is ▁is le ▁ is", "th is is le - is"),
        ("This is\nthat", "Th is Ġis Ċ that", "Th is is - that"),
        ("isotope is", "is", "is"),  # some leave unknown words out
        ("é is is", "Ã ļ Ġis Ġis", "- - is is"),
        ("a café near a cafe", "a cafe near a cafe !", "a - near a cafe -"),
        ("这部电影不好", "这部 电影 不 好", "这部 电影 不 好"),
        ("这部电影不好", "[UNK] [UNK] 电影 不好", "- - 电影 不好"),
        ("สวัสดีชาวโลก", "สวัส ดี ชาว โลก", "สวัส ดี ชาว โลก"),
        ("thisis", "t h i s i s", "t h i s i s"),
        ("İs is", "[UNK] is", "İs is"),
    ],
)
def test_tokens_are_found_by_name_or_not_at_all(text: str, names: str, found: str) -> None:
    spans = Text(text, Named(names)).spans.tolist()
    assert [text[start:end] or "-" for start, end in spans] == found.split()
    placed = [span for span in spans if span != [0, 0]]
    assert placed == sorted(placed)
    assert all(end <= start for (_, end), (start, _) in pairwise(placed))


def test_a_piece_of_a_word_is_not_taken_for_the_next() -> None:
    assert Text("this is good", Named("[UNK] is good")).spans.tolist() == [[0, 4], [5, 7], [8, 12]]
    assert Text("isotope is", Named("is")).spans.tolist() == [[8, 10]]


@pytest.mark.parametrize(
    ("text", "tokenizer", "error", "message"),
    [
        ("", None, ValueError, "text: expected some words, got ''"),
        (" \n", Tokenizer(), ValueError, "text: expected some words"),
        ("\u200d", None, ValueError, "text: expected some words, got "),
        (3, None, TypeError, r"text: expected a string, or a pair \(a, b\) of strings, got int"),
        ("a", "bert", TypeError, "tokenizer: expected a callable string → ids, got str"),
        ("a", lambda _: ["a"], ValueError, "tokenizer: expected whole numbers for 'a'"),
        ("a", lambda _: [], ValueError, "tokenizer: expected whole numbers"),
        (
            "a",
            lambda _: {"tokens": [1]},
            ValueError,
            "tokenizer: expected ids or a mapping with input_ids, got 'tokens'",
        ),
        ("a", lambda _: {"input_ids": [1], "offset_mapping": [(0, 1), (1, 2)]}, ValueError, "1 ids but 2 offsets"),
    ],
)
def test_bad_texts_and_tokenizers(text: Any, tokenizer: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Text(text, tokenizer)


def test_a_tokenizer_of_another_model_is_named() -> None:
    with pytest.raises(ValueError, match=r"tokenizer: it gives an id, .* its embeddings have: 'position' 4, 'words' 5"):
        Subject(Mean(), Text("a b", lambda _: [2, 77])).scores()


@pytest.mark.parametrize(
    ("unit", "hide", "message"),
    [
        ("letter", "remove", "unit: expected one of 'token', 'word', 'sentence', got 'letter'"),
        ("word", "blur", "hide: expected one of 'remove', .*, got 'blur'"),
        ("word", "mask token", "hide: the tokenizer has no mask, unknown or padding token"),
    ],
)
def test_bad_ways_of_hiding(unit: str, hide: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Text("a b", lambda _: [2, 3]).masker(unit, hide)


def test_halves_join_neighbours() -> None:
    tree = Text("a b c d e").masker().tree()
    members: dict[int, list[int]] = {number: [number] for number in range(5)}
    for number, (a, b, _, size) in enumerate(tree):
        members[5 + number] = members[int(a)] + members[int(b)]
        assert len(members[5 + number]) == size
    assert sorted(members[8]) == list(range(5))
    assert all(found == list(range(found[0], found[-1] + 1)) for found in members.values())  # without a gap, in order


def test_signs_of_any_width_are_cut_out_of_both_texts_of_a_pair() -> None:
    x = Text(("so 😀 good 今天", "naïve, é!"))
    gone = torch.where(torch.tensor([token in ("😀", "天", "naïve") for token in x.tokens]), -1, x.tensor)
    masked = torch.where(torch.tensor([token in ("good", "naïve", "!") for token in x.tokens]), -2 - x.tensor, gone)
    kept = "今天".replace("天", "") if "天" in x.tokens else "今天"
    assert x.outside(torch.cat([x.tensor, gone, masked])) == [
        x.texts,
        (f"so  good {kept}", ", é!"),
        (f"so  UNKWORDZ {kept}", "UNKWORDZ, é UNKWORDZ"),
    ]
