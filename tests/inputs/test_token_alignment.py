"""Tokens of tokenizers that return ids alone, held against the words that they were made of."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Text, explain
from tests.networks import seeded

SAID = "the film is a good bad long movie not very boring great actors plot I loved hated best worst ever seen"
Coded = list[tuple[int, int]]  # each id, and the number of its word; NOWHERE for those of none
Coder = Callable[[str], Coded]
NOWHERE, SPACE = -1, 32


def code(piece: str) -> int:
    return sum(ord(sign) * 7**place for place, sign in enumerate(piece)) % 99_991 + 200


def numbered(text: str, pieces: Callable[[str, int], list[str]]) -> Coded:
    return [(code(piece), n) for n, word in enumerate(text.split()) for piece in pieces(word, n)]


def thirds(word: str, begin: str = "", inside: str = "") -> list[str]:
    return [(inside if at else begin) + word[at : at + 3] for at in range(0, len(word), 3)]


def words(text: str) -> Coded:
    return numbered(text, lambda word, _: [word])


def spaced(text: str) -> Coded:  # as byte-level pieces: the first word has no space before it
    return numbered(text, lambda word, n: thirds(word, "Ġ" if n else ""))


def parted_spaces(text: str) -> Coded:  # the space may be a token of its own
    return numbered(text, lambda word, n: (["Ġ"] if n else []) + thirds(word))


def merged_spaces(text: str) -> Coded:  # a word has more tokens, or fewer, where it stands first
    return numbered(text, lambda word, n: ["Ġ" + word] if n else thirds(word))


def signs(text: str) -> Coded:
    coded: Coded = []
    for n, word in enumerate(text.split()):
        coded += [(SPACE, n)] if n else []
        coded += [(ord(sign), n) for sign in word]
    return coded


def word_pieces(text: str) -> Coded:
    return numbered(text.lower(), lambda word, _: thirds(word, "", "##"))


def sentence_pieces(text: str) -> Coded:
    return numbered(text, lambda word, _: thirds(word, "▁"))


def known(text: str) -> Coded:  # others are left out
    return numbered(text, lambda word, _: [word] if code(word) % 3 else [])


def unknown(text: str) -> Coded:  # others are all the same
    return [(id_ if id_ % 3 else 1, n) for id_, n in words(text)]


def framed(inner: Coder) -> Coder:
    return lambda text: [(1, NOWHERE), *inner(text), (2, NOWHERE)]


def begun(inner: Coder) -> Coder:
    return lambda text: [(1, NOWHERE), *inner(text)]


def cut(inner: Coder, side: str = "right") -> Coder:
    return lambda text: inner(text)[:7] if side == "right" else inner(text)[-7:]


def cut_within(inner: Coder) -> Coder:
    return lambda text: [(1, NOWHERE), *inner(text)[:8], (2, NOWHERE)]


def filled(inner: Coder, step: int, side: str = "right") -> Coder:
    def read(text: str) -> Coded:
        coded = inner(text)
        more = [(0, NOWHERE)] * (-len(coded) % step)
        return coded + more if side == "right" else more + coded

    return read


KINDS: dict[str, Coder] = {
    inner.__name__ + (" framed" if within else ""): framed(inner) if within else inner
    for inner in (words, spaced, parted_spaces, merged_spaces, signs, word_pieces, sentence_pieces, known, unknown)
    for within in (False, True)
}
KINDS |= {
    "cut words": cut(words),
    "cut words on the left": cut(words, "left"),
    "cut signs": cut(signs),
    "cut pieces": cut(sentence_pieces),
    "cut within a frame": cut_within(word_pieces),
    "cut, what ends each text too": cut(framed(words)),
    "cut on the left, what begins each text too": cut(framed(words), "left"),
    "cut pieces on the left, what begins each text too": cut(framed(sentence_pieces), "left"),
    "cut words on the left, what begins each text too": cut(begun(words), "left"),
    "cut on the left and filled": filled(cut(begun(words), "left"), 7, "left"),
    "filled signs": filled(signs, 8),
    "filled signs on the left": filled(signs, 4, "left"),
    "filled words": filled(framed(words), 4),
    "filled pieces": filled(spaced, 16),
    "filled to one length": filled(framed(word_pieces), 128),
}


def drawn(generator: random.Random) -> str:
    """A text of a few words that are there again and again."""
    chosen = generator.sample(SAID.split(), generator.randint(1, 4))
    text = " ".join(generator.choice(chosen) for _ in range(generator.randint(1, 10)))
    return (text.capitalize() if generator.random() < 0.3 else text) + generator.choice(["", "", ".", " !"])


def owners(x: Text) -> list[int]:
    """The number of the word that each token stands for."""
    spans = [word.span() for word in re.finditer(r"\S+", x.text)]
    return [next((n for n, span in enumerate(spans) if span == tuple(own)), NOWHERE) for own in x.spans.tolist()]


@pytest.mark.parametrize("kind", KINDS)
def test_each_token_stands_for_the_word_that_it_was_made_of(kind: str) -> None:
    generator, read, refused = random.Random(kind), KINDS[kind], 0
    texts = [text for text in (drawn(generator) for _ in range(40)) if read(text)]
    for text in texts:
        x = Text(text, lambda text: [id_ for id_, _ in read(text)])
        right = [owner for _, owner in read(text)]
        if owners(x) != right:  # all of it, or nothing
            refused += 1
            assert not x.spans.any(), (text, owners(x), right)
            assert "does not tell where its tokens stand" in x.masker().notes[0] or not any(n >= 0 for n in right)
        filling = x.padded is not None and x.padded.places
        assert np.array_equal(filling, [id_ == 0 for id_, _ in read(text)]) or not np.any(filling), (text, x.padded)
        assert "filled" not in kind or x.padded is not None
    assert refused <= (0.2 if "cut" in kind or "known" in kind else 0) * len(texts), refused


def pair(inner: Coder, before: int, between: int, behind: int) -> Callable[[str, str], Coded]:
    def read(a: str, b: str) -> Coded:
        second = [(id_, n + len(a.split()) if n >= 0 else n) for id_, n in inner(b)]
        frame = [(2, NOWHERE)]
        return [(1, NOWHERE)] * before + inner(a) + frame * between + second + frame * behind

    return read


@pytest.mark.parametrize("inner", [words, spaced, merged_spaces, signs, word_pieces, sentence_pieces, known])
@pytest.mark.parametrize("frame", [(0, 0, 0), (1, 1, 1), (1, 2, 1), (0, 1, 1), (1, 1, 0)])
def test_tokens_of_pairs_stand_for_their_words(inner: Coder, frame: tuple[int, int, int]) -> None:
    generator, read = random.Random(7), pair(inner, *frame)
    for _ in range(12):
        texts = drawn(generator), drawn(generator)
        coded = read(*texts)
        if not inner(texts[0]) or not inner(texts[1]):
            continue
        x = Text(texts, lambda a, b: [id_ for id_, _ in read(a, b)])
        assert x.padded is None, texts
        assert owners(x) == [owner for _, owner in coded], texts


@pytest.mark.parametrize("frame", [0, 1])
@pytest.mark.parametrize("inner", [words, word_pieces, spaced])
def test_pairs_that_are_cut_to_one_length_together_have_right_words_or_none(inner: Coder, frame: int) -> None:
    def read(a: str, b: str) -> Coded:  # of the longer text the last token goes first
        first, second = inner(a), [(id_, n + len(a.split())) for id_, n in inner(b)]
        while len(first) + len(second) > 10:
            (first if len(first) > len(second) else second).pop()
        return [(1, NOWHERE)] * frame + first + [(2, NOWHERE)] * frame + second + [(2, NOWHERE)] * frame

    generator, placed = random.Random(3), 0
    again = [("worst worst good good", "good good good"), ("worst " * 6, "worst " * 6), ("a b a b a b c", "b b b b b")]
    for texts in [*again, *((drawn(generator), drawn(generator)) for _ in range(60))]:
        x = Text(texts, lambda a, b: [id_ for id_, _ in read(a, b)])
        assert owners(x) == [owner for _, owner in read(*texts)] or not x.spans.any(), texts
        placed += bool(x.spans.any())
    assert placed > 30


@pytest.mark.parametrize("prefixed", [False, True])
def test_byte_level_tokens_stand_where_their_tokenizer_says(prefixed: bool) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made, generator = tokenizers.ByteLevelBPETokenizer(add_prefix_space=prefixed), random.Random(1)
    made.train_from_iterator([drawn(generator) for _ in range(60)], vocab_size=330, min_frequency=1)
    for _ in range(60):
        text = drawn(generator)
        x, told = Text(text, lambda text: made.encode(text).ids), made.encode(text)
        starts = [start + (text[start:end] != " " and text[start] == " ") for start, end in told.offsets]
        spaces = [text[start:end].strip() == "" for start, end in told.offsets]
        own = [next(n for n, word in enumerate(re.finditer(r"\S+|$", text)) if at < word.end()) for at in starts]
        assert all(found == n for found, n, space in zip(owners(x), own, spaces) if not space), text


class Reads(nn.Module):
    """Weighs each place."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.out = nn.Embedding(200, 8), nn.Linear(8, 2)

    def forward(self, ids: Tensor) -> Tensor:
        weights = (1 + 0.2 * torch.arange(ids.shape[1]))[None, :, None]
        return self.out(torch.tanh((self.emb(ids) * weights).mean(1)))


REVIEW = "it was good not bad now at all so film"
CODES = {word: number for number, word in enumerate(REVIEW.split(), 5)}


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize(
    ("a", "b"),
    [("it was good", "not bad now"), ("it was so good", "not bad at all"), ("it was", "good"), ("good good", "good")],
)
def test_the_last_separator_of_a_pair_is_no_padding(double: bool, a: str, b: str) -> None:
    def read(a: str, b: str) -> list[int]:
        return [1, *(CODES[w] for w in a.split()), *[2] * (1 + double), *(CODES[w] for w in b.split()), 2]

    model = seeded(Reads).eval()

    def score(*texts: str) -> float:
        with torch.no_grad():
            return float(model(torch.tensor([read(*texts)]))[0, 1])

    first, second = a.split(), b.split()
    fewer = [(" ".join(first[:n] + first[n + 1 :]), b) for n in range(len(first))]
    fewer += [(a, " ".join(second[:n] + second[n + 1 :])) for n in range(len(second))]
    found = explain(model, Text((a, b), read), "leave_one_out", target=1)
    assert found.names == (*first, *second)
    np.testing.assert_allclose(found.values, score(a, b) - np.array([score(*texts) for texts in fewer]), atol=1e-6)


def test_pairs_of_the_library_tokenizers_as_ids_alone() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(CODES | {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    for texts in (("it was so bad", "film film"), ("it was so", "a film was"), ("it was so", "film")):
        x, told = Text(texts, lambda a, b: made.encode(a, b).ids), Text(texts, made)
        assert x.padded is None
        assert x.masker().features.tolist() == told.masker().features.tolist()


@pytest.mark.parametrize("text", ["very very good", "great great movie", "no no no", "lol lol lol so good", "bye bye"])
def test_two_first_words_that_are_alike_have_the_signs_of_their_own(text: str) -> None:
    x = Text(text, lambda text: [*map(ord, text)])
    assert x.masker().features.tolist() == [n for _, n in signs(text)]
    assert x.notes == ()


@pytest.mark.parametrize(
    "text", ["bad movie movie movie movie movie movie end", "so good good good good good good movie"]
)
def test_of_a_cut_text_words_that_are_there_again_have_tokens_too(text: str) -> None:
    x = Text(text, lambda text: [code(word) for word in text.split()][:6])
    assert x.masker().names == tuple(text.split()[:6])
    assert len(x.notes) == 1
    assert "2 of 8 words are not read" in x.notes[0]


CUT_AT = {
    "right": lambda signs, count: signs[:count],
    "left": lambda signs, count: signs[-count:],
    "filled": lambda signs, count: (signs + [0] * count)[:count],
}


@pytest.mark.parametrize("count", [5, 12, 13])
@pytest.mark.parametrize("how", CUT_AT)
@pytest.mark.parametrize("space", ["\n", "   ", " \u3000\n "])
def test_a_text_that_is_cut_in_the_spaces_beside_it_has_its_words(space: str, how: str, count: int) -> None:
    words = "a good film" if count > 5 else "good"
    text = space + words if how == "left" else words + space

    def read(text: str) -> list[int]:
        return CUT_AT[how]([*map(ord, text)], count)

    x = Text(text, read)
    left = text[-count:] if how == "left" else text[:count]
    assert x.masker().names == tuple(words.split())
    for number, word in enumerate(words.split()):  # without each of them by hand; what was cut does not move up
        found = "".join(chr(id_) for id_ in x.ids[x.masker().features != number] if id_)
        assert found in [left.replace(gone, "", 1) for gone in (word, f" {word}", f"{word} ")]


@pytest.mark.parametrize("text", ["the film is good", "so good so good"])
def test_a_vocabulary_that_grows_gets_no_words_but_those_of_the_text(text: str) -> None:
    vocabulary = defaultdict[str, int](lambda: len(vocabulary))
    x = Text(text, lambda text: [vocabulary[word] for word in text.split()], mask_token_id=0)
    assert x.masker().names == tuple(text.split())
    assert list(vocabulary) == list(dict.fromkeys(text.split()))


def test_a_tokenizer_that_reads_each_word_once_cuts_nothing() -> None:
    x = Text("good film so good", lambda text: list(dict.fromkeys(map(code, text.split()))))
    assert not any("cuts" in note for note in x.notes)


def test_so_has_a_pair() -> None:
    x = Text(("a good film  ", "it was"), lambda a, b: [*map(ord, a[:12]), 1, *map(ord, b)])
    assert x.masker().names == ("a", "good", "film", "it", "was")
    found = ["".join(map(chr, x.ids[x.masker().features != number])) for number in range(5)]
    assert found[:3] == ["good film \1it was", "a film \1it was", "a good \1it was"]
    assert [text.removeprefix("a good film \1") for text in found[3:]] == [" was", "it"]


def test_a_text_whose_cut_may_be_at_either_end_is_hidden_token_by_token() -> None:
    x = Text("zzz yyy xxx www vvv uuu ttt sss", lambda text: [1 for _ in text.split()][:6])
    assert not x.spans.any()
    assert "does not tell where its tokens stand" in x.masker().notes[0]


@pytest.mark.parametrize("again", [False, True])
def test_very_many_words_of_which_one_is_dropped_and_one_has_two_ids(again: bool) -> None:
    numbers = [f"n{number}" for number in range(320)]

    def read(text: str) -> list[int]:
        ids: list[int] = []
        for word in text.split():
            ids += [] if word == "n103" else [7 if again else int(word[1:]) + 10] * (1 + (word == "n107"))
        return ids

    assert len(read(" ".join(numbers))) == 320
    assert not Text(" ".join(numbers), read).spans.any()


@pytest.mark.parametrize("read", [words, signs, word_pieces, framed(words), filled(words, 8)])
def test_a_single_word_has_its_tokens(read: Coder) -> None:
    x = Text("wonderful", lambda text: [id_ for id_, _ in read(text)])
    assert owners(x) == [n for _, n in read("wonderful")]
    assert x.masker().names == ("wonderful",)


def test_words_that_no_spaces_part_are_hidden_sign_by_sign() -> None:
    assert Text("今天天气好", lambda text: [*map(ord, text)]).masker().what == "token"


@pytest.mark.parametrize("empty", ["raises", "another id"])
def test_what_is_made_of_an_empty_text_does_not_matter(empty: str) -> None:
    def read(text: str) -> list[int]:
        if not text.strip() and empty == "raises":
            raise IndexError
        return [1, *map(ord, text), 2] if text.strip() else [9]

    for text in ("very very good", "good"):
        assert owners(Text(text, read)) == [NOWHERE, *(n for _, n in signs(text)), NOWHERE]


ODD: dict[str, Callable[[list[int]], Any]] = {
    "each once": lambda ids: list(dict.fromkeys(ids)),
    "sorted": sorted,
    "counted": lambda ids: [len(ids), *ids],
    "after not": lambda ids: [id_ + 1 if code("not") in ids[:n] else id_ for n, id_ in enumerate(ids)],
    "as often": lambda ids: np.bincount([id_ % 12 for id_ in ids], minlength=12),
    "turned": lambda ids: ids[::-1],
    "twice": lambda ids: [*ids, 3, *ids],
}


@pytest.mark.parametrize("odd", ODD)
def test_where_words_change_what_others_are_nothing_is_guessed(odd: str) -> None:
    text = "not good not bad good a film"
    assert not Text(text, lambda text: ODD[odd]([code(word) for word in text.split()])).spans.any()


def test_a_first_word_that_is_unknown_like_all_others_there_is_not_taken_for_what_begins_each_text() -> None:
    def read(text: str) -> list[int]:  # words are known behind a space alone
        pieces = [piece for n, word in enumerate(text.split()) for piece in thirds(word, "Ġ" if n else "?")]
        return [1 if piece[0] == "?" else code(piece) for piece in pieces]

    assert not Text("films good bad", read).spans.any()


@pytest.mark.parametrize("text", ["good good film", "film good good", "good good"])
def test_of_ids_that_are_there_once_none_is_a_words_that_is_there_twice(text: str) -> None:
    assert not Text(text, lambda text: list(dict.fromkeys(code(word) for word in text.split()))).spans.any()
