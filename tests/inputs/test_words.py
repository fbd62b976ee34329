"""Words, emojis and other visible pieces of a text, in any script, and what is said of signs that no word holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from nbexplain import Text, explain
from nbexplain.inputs import words


def parts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    "emoji",
    ["😍", "👍🏽", "👩🏽‍🚀", "👨‍👩‍👧‍👦", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "❤️‍🔥", "☺", "🏳️‍🌈", "🙂‍↔️", "1️⃣", "©️", "⭐"],
)
def test_an_emoji_is_one_word(emoji: str) -> None:
    text = f"so{emoji}{emoji} good" if not emoji[0].isdigit() else f"so {emoji} {emoji} good"
    assert parts(text, words.words_in(text)) == ["so", emoji, emoji, "good"]
    assert Text(emoji).masker().names == (emoji,)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("good!!! :-) C++ $100", ["good", "!!!", ":-)", "C", "++", "$", "100"]),
        ("“It isn't, (really) so…”", ["“", "It", "isn't", ",", "(", "really", ")", "so", "…”"]),
        ("a \u200b b\u200d", ["a", "b"]),  # what nobody can see is no piece
        ("a → b", ["a", "→", "b"]),
    ],
)
def test_every_visible_thing_is_a_token_of_a_model_that_reads_strings(text: str, pieces: list[str]) -> None:
    assert list(Text(text).masker("token").names) == pieces


def test_a_soft_hyphen_parts_no_word() -> None:
    assert parts("fi\u00adsh \u00ad and\u2060roid", words.words_in("fi\u00adsh \u00ad and\u2060roid")) == [
        "fi\u00adsh",
        "and\u2060roid",
    ]


def test_a_text_of_signs_alone_is_hidden_by_tokens() -> None:
    masker = Text("!!! :-)").masker("word")
    assert (masker.what, masker.names) == ("token", ("!!!", ":-)"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Good, isn't it? (Yes.) “No…” a – b; c: d", None),  # plain punctuation
        ("good :-) C++ now!!!", "“:-)”, “++”, “!!!”"),
        ("a $1 $2 % # ^ |", "“$”, “%”, “#”, “^” and 1 more"),
        ("a good film :)", "“:)”"),
    ],
)
def test_signs_that_no_word_holds_are_told(text: str, named: str | None) -> None:
    def model(texts: list[str]) -> np.ndarray:
        return np.array([float(sum(map(str.isalnum, each))) for each in texts])

    them = "it" if named == "“:)”" else "them"
    said = () if named is None else (f"{named}: never hidden, as no word holds {them}; unit='token' hides each sign",)
    for method in ("lime", "leave_one_out"):
        assert explain(model, Text(text), method).warnings == said
        assert explain(model, Text(text), method, unit="token").warnings == ()


def test_an_emoji_gets_what_it_adds() -> None:
    texts, labels = ["great 😍", "nice one 😍", "great 😡", "nice one 😡"], [1, 1, 0, 0]
    model: Any = make_pipeline(TfidfVectorizer(token_pattern=r"\S+"), LogisticRegression(C=100)).fit(texts, labels)
    ours = explain(model, Text("nice one 😍"), "leave_one_out", target=1)
    right = model.predict_proba(["nice one 😍", " one 😍", "nice  😍", "nice one "])[:, 1]
    assert ours.names == ("nice", "one", "😍")
    np.testing.assert_allclose(ours.values, right[0] - right[1:], atol=1e-12)
    assert ours.values[2] > 0.4


UNSPACED = [
    ("หนังเรื่องนี้ดีมากแต่ยาวไป", "หนัง เรื่อง นี้ ดี มาก แต่ ยาว ไป"),
    ("ພາສາລາວເປັນພາສາທີ່ດີ", "ພາສາ ລາວ ເປັນ ພາສາ ທີ່ ດີ"),
    ("ខ្ញុំស្រលាញ់ភាសាខ្មែរ", "ខ្ញុំ ស្រលាញ់ ភាសាខ្មែរ"),
    ("မြန်မာစာသည်ကောင်းသည်", "မြန်မာ စာ သည် ကောင်း သည်"),
    ("IMDBให้good 😍มาก5", "IMDB ให้ good 😍 มาก 5"),
]


@pytest.mark.parametrize(("text", "found"), UNSPACED)
def test_words_of_scripts_without_spaces(text: str, found: str) -> None:
    pytest.importorskip("icu4py")
    masker = Text(text).masker("word")
    assert list(masker.names) == found.split()
    assert masker.notes == ()


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("น้ำดี", "น้ำ ดี"),
        ("ເປັນ", "ເ ປັ ນ"),
        ("ស្រលាញ់", "ស្រ លា ញ់"),  # what is stacked below belongs to it
        ("မြန်မာ", "မြ န် မာ"),
        ("goodมากแต่", "good ม า ก แ ต่"),
    ],
)
def test_without_icu_they_are_parted_sign_by_sign_and_it_is_said(
    text: str, clusters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbexplain.inputs.words.breaker", lambda: None)
    monkeypatch.setattr("nbexplain.inputs.text_masker.breaker", lambda: None)
    masker = Text(text).masker("word")
    assert list(masker.names) == clusters.split()
    assert masker.notes == (
        "the text has no spaces between words: each sign is hidden by itself; pip install icu4py for words",
    )
    assert Text("good film").masker("word").notes == ()


def test_tokens_that_reach_over_several_signs_are_hidden_with_the_first() -> None:
    def two(_: str) -> dict[str, Any]:
        return {"input_ids": [1, 2], "offset_mapping": [(0, 10), (10, 26)]}

    masker = Text(UNSPACED[0][0], two).masker("word")
    assert masker.names == (UNSPACED[0][0][:10], UNSPACED[0][0][10:])


def test_what_stands_for_a_hidden_sign_runs_into_no_word() -> None:
    text = Text("so good😍. 不好")
    assert text.tokens == ("so", "good", "😍", ".", "不", "好")
    masker = text.masker("token", "mask token")
    ((_, batch),) = masker.batches(np.array([[1, 1, 0, 1, 1, 1], [1, 1, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1]]))
    assert text.outside(batch) == ["so good UNKWORDZ. 不好", "so good UNKWORDZ UNKWORDZ 不 UNKWORDZ", text.text]
