"""The texts of `reviews`: English, of two parts that share nothing, and beyond a bag of words."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from nbexplain.examples.reviews import HELD_OUT_SEED
from nbexplain.examples.reviews_writing import WORD, is_held_out, vocabulary, write_reviews

Part = tuple[list[str], list[int]]


@pytest.fixture(scope="module")
def held_out() -> Part:
    return write_reviews(2000, HELD_OUT_SEED, held_out=True)


def test_no_bag_of_words_does_as_well(held_out: Part) -> None:
    texts, labels = write_reviews(8000, 0, held_out=False)
    count = CountVectorizer(token_pattern=WORD.pattern)
    bag = LogisticRegression(max_iter=2000).fit(count.fit_transform(texts), labels)
    assert bag.score(count.transform(held_out[0]), held_out[1]) <= 0.75


def test_parts_share_no_text(held_out: Part) -> None:
    texts, labels = held_out
    assert len(set(texts)) == 2000
    assert labels == [0, 1] * 1000
    assert all(is_held_out(text) for text in texts)
    training, _ = write_reviews(2000, 0, held_out=False)
    assert not any(is_held_out(text) for text in training)
    for text in texts[:50]:  # what differs in marks and capitals only stays on its side
        assert is_held_out(text.upper().replace(",", "").replace(".", "!"))
    # written down: another rule would hand out texts that the shipped weights were trained on
    assert is_held_out("This is not a bad movie at all.")
    assert not is_held_out("This is not a bad film at all.")


def test_texts_are_english_of_the_promised_length(held_out: Part) -> None:
    known = set(vocabulary())
    for text in held_out[0]:
        assert 5 <= len(text.replace(":", "").split()) <= 30
        assert text[0].isupper()
        assert text[-1] in ".!"
        assert not set("<>=+") & set(text)  # no rule is left unfilled
        words = [word.lower() for word in WORD.findall(text)]
        assert set(words) <= known
        for word, following in pairwise(words):
            if word in ("a", "an"):
                assert (word == "an") == (following[0] in "aeiou")


def test_both_verdicts_use_the_same_words_equally() -> None:
    texts, labels = write_reviews(8000, 5, held_out=False)
    shares = {word: [0, 0] for word in ("not", "never", "but", "although", "very")}
    for text, label in zip(texts, labels):
        for word in WORD.findall(text.lower()):
            if word in shares:
                shares[word][label] += 1
    assert all(0.85 < negative / positive < 1.15 for negative, positive in shares.values()), shares


def test_same_seed_same_texts() -> None:
    first, again, other = (write_reviews(20, seed, held_out=False) for seed in (3, 3, 4))
    assert first == again
    assert first != other
