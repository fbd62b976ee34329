"""Counterfactuals of texts beside all sets of words, each shorter text asked by itself: pairs, tokens, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from nbexplain import Region, Text, explain
from tests.core.test_texts import BERT, GPT
from tests.core.texts import SENTENCE, tokenizer
from tests.networks import seeded

transformers = pytest.importorskip("transformers")

PAIR = ("the film is really good", "i love it")
WIDE = {**BERT, "initializer_range": 1.0}  # else nothing changes its mind


def bert(kind: str, **more: Any) -> Any:
    config = transformers.BertConfig(**WIDE, **more)
    return seeded(lambda: getattr(transformers, f"BertFor{kind}")(config)).eval()


def fewest(
    words: list[str], stays: tuple[int, ...], reached: Callable[[tuple[int, ...]], bool]
) -> set[tuple[int, ...]]:
    """The smallest sets of words, by place, without which it is reached; all of them, or none."""
    able = [place for place in range(len(words)) if place not in stays]
    for size in range(1, len(able) + 1):
        found = {gone for gone in itertools.combinations(able, size) if reached(gone)}
        if found:
            return found
    return set()


def left(words: list[str], gone: tuple[int, ...]) -> str:
    return " ".join(word for place, word in enumerate(words) if place not in gone)


def hidden(answer: Any, words: list[str], stays: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """The words that each counterfactual hides, by place."""
    able = np.array([place for place in range(len(words)) if place not in stays])
    assert answer.names == tuple(words[place] for place in able)
    return [tuple(able[np.flatnonzero(row == 0)].tolist()) for row in answer.values]


def check(found: list[tuple[int, ...]], right: set[tuple[int, ...]]) -> None:
    assert bool(found) == bool(right)
    assert {gone for gone in found if len(gone) == len(found[0])} <= right


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("labels", [3, 1])
def test_one_text_of_a_pair(side: int, labels: int) -> None:
    tok, model, words = tokenizer(types=True), bert("SequenceClassification", num_labels=labels), PAIR[side].split()

    def scores(gone: tuple[int, ...]) -> np.ndarray:
        pair = [left(words, gone) if place == side else PAIR[place] for place in (0, 1)]
        with torch.no_grad():
            return np.asarray(model(**tok(*pair, return_tensors="pt")).logits[0])

    clean = scores(())
    every = {
        gone: scores(gone) for size in range(len(words)) for gone in itertools.combinations(range(len(words)), size)
    }
    # a number has to fall below the second lowest that a shorter text has, or a little more
    boundary = float(np.sort([float(one[0]) for one in every.values()])[1]) + 1e-4
    asked = {} if labels == 3 else {"boundary": boundary}

    def reached(gone: tuple[int, ...]) -> bool:
        now = scores(gone)
        return bool(now.argmax() != clean.argmax() if labels == 3 else now[0] < boundary)

    answer = explain(model, Text(PAIR, tok, explain=side), "counterfactual", **asked)
    everything_left = {gone for gone in fewest(words, (), reached) if len(gone) < len(words)}
    check([gone for gone in hidden(answer, words) if len(gone) < len(words)], everything_left)


def test_the_limit_that_ended_the_search_is_named() -> None:
    def judge(texts: list[str]) -> np.ndarray:
        good = np.array([text.count("good") - 0.5 for text in texts])  # above 0 as long as one of them is left
        return np.stack([-good, good], 1)

    text = Text(" ".join(["good"] * 12))
    (note,) = explain(judge, text, "counterfactual").warnings
    assert "that were tried, with at most 10 changes; changes=12 allows more; the nearest changes" in note
    (note,) = explain(judge, text, "counterfactual", changes=1).warnings
    assert "among 12 that were tried, with at most 1 change; changes=12 allows more; the nearest" in note
    assert explain(judge, text, "counterfactual", changes=12).values.tolist() == [[0] * 12]
    (note,) = explain(judge, text, "counterfactual", evaluations=100).warnings
    assert "the evaluations were used up: give more evaluations=" in note
    assert "changes=" not in note
    (note,) = explain(lambda texts: np.tile([0.0, 1.0], (len(texts), 1)), text, "counterfactual", changes=12).warnings
    assert "allows more" not in note
    assert "used up" not in note


@pytest.mark.parametrize("problem", ["regression", None])
def test_a_number_that_is_predicted_of_a_text(problem: str | None) -> None:
    tok, words = tokenizer(), SENTENCE.split()
    model = bert("SequenceClassification", num_labels=1, problem_type=problem)

    def score(gone: tuple[int, ...] = ()) -> float:
        with torch.no_grad():
            return float(model(**tok(left(words, gone), return_tensors="pt")).logits[0, 0])

    for boundary in (score() - 0.3, score() + 0.25):
        answer = explain(model, Text(SENTENCE, tok), "counterfactual", boundary=boundary)
        check(hidden(answer, words), fewest(words, (), lambda gone, b=boundary: (score(gone) < b) != (score() < b)))
        assert answer.details["boundary"] == boundary
        shown = [score(gone) for gone in hidden(answer, words)]
        np.testing.assert_allclose(answer.scores[:, 0], shown, atol=1e-5)
    said = explain(model, Text(SENTENCE, tok), "counterfactual").warnings[0]
    assert said == f"the {'prediction' if problem else 'score'} is to cross 0; give boundary= for another one"


@pytest.mark.parametrize("kind", ["a label of a word", "the word for a mask", "the next word"])
def test_the_class_of_one_token_is_changed(kind: str) -> None:
    text, place = (SENTENCE, 3) if kind != "the word for a mask" else ("the film [MASK] really good", 2)
    tok, words, model = tokenizer(), text.split(), None
    if kind == "the next word":
        config = transformers.GPT2Config(**GPT, pad_token_id=0, bos_token_id=5, eos_token_id=5)
        model, tok, place = seeded(lambda: transformers.GPT2LMHeadModel(config)).eval(), tokenizer(framed=False), 7
    else:
        model = bert("TokenClassification", num_labels=4) if "label" in kind else bert("MaskedLM")
    before = 0 if kind == "the next word" else 1  # tokens before the first word

    def best(gone: tuple[int, ...] = ()) -> int:
        at = before + place - sum(one < place for one in gone)
        with torch.no_grad():
            return int(model(**tok(left(words, gone), return_tensors="pt")).logits[0, at].argmax())

    label = best()
    for target in ((before + place, label), Region(label, (before + place,))):
        answer = explain(model, Text(text, tok), "counterfactual", target=target)
        right = fewest(words, (place,), lambda gone: best(gone) != label)
        assert right
        check(hidden(answer, words, (place,)), right)
        assert "boundary" not in answer.details
    other = (label + 1) % 4
    answer = explain(model, Text(text, tok), "counterfactual", target=(before + place, other), changes=3)
    found = hidden(answer, words, (place,))
    right = fewest(words, (place,), lambda gone: best(gone) == other)
    right = {gone for gone in right if len(gone) <= 3}
    check(found, right)
    if not right:
        assert f"at {before + place} “{words[place]}” is predicted" in answer.warnings[0]


def test_where_an_answer_begins_moves_to_another_word() -> None:
    tok, model = tokenizer(types=True), bert("QuestionAnswering")

    def start(words: list[str]) -> int:
        with torch.no_grad():
            given = tok(" ".join(words[:4]), " ".join(words[4:]), return_tensors="pt")
            return int(model(**given).start_logits[0].argmax())

    words = ["the", "is", "film", "good", "i", "love", "it"]
    x = Text(("the is film good", "i love it"), tok, explain=0)
    place = start(words)
    answer = explain(model, x, "counterfactual", scores=lambda output: output.start_logits)
    assert answer.target == place
    stays = (place - 1,)
    assert 0 < place < 5

    def reached(gone: tuple[int, ...]) -> bool:
        rest = [word for n, word in enumerate(words[:4]) if n not in gone]
        with torch.no_grad():
            logits = model(**tok(" ".join(rest), "i love it", return_tensors="pt")).start_logits[0]
        return int(logits.argmax()) != place - sum(one < place - 1 for one in gone)

    check(hidden(answer, words[:4], stays), fewest(words[:4], stays, reached))
    assert np.isnan(answer.scores).any()  # what was removed has no score


def test_a_text_of_one_word() -> None:
    tok, model = tokenizer(), bert("SequenceClassification", num_labels=3)
    answer = explain(model, Text(SENTENCE, tok, explain="good"), "counterfactual")
    with torch.no_grad():
        without = model(**tok(SENTENCE.replace("good ", ""), return_tensors="pt")).logits[0]
    assert bool(len(answer.values)) == (int(without.argmax()) != answer.target)
    assert answer.names == ("good",)
    said = f"among 1 that were tried; the nearest changes 'good', with a score of {float(without[answer.target]):.4g}"
    assert len(answer.values) or said in answer.warnings[0]


def test_what_a_function_makes_of_probabilities_crosses_a_half_where_it_lies_between_0_and_1() -> None:
    def model(texts: list[str]) -> np.ndarray:
        good = 1 / (1 + np.exp(-np.array([text.split().count("good") - text.split().count("bad") for text in texts])))
        return np.stack([1 - good, good], 1)

    text = Text("a good and good film but bad end")
    for target in (1, lambda scores: scores[:, 1]):
        found = explain(model, text, "counterfactual", target=target, boundary=None)
        assert [tuple(found.names[place] for place in np.flatnonzero(row)) for row in found.values] != []
    assert any("lies between 0 and 1, is to cross 0.5" in note for note in found.warnings)
    apart = explain(model, text, "counterfactual", target=lambda scores: scores[:, 1] - scores[:, 0])
    assert not any("between 0 and 1" in note for note in apart.warnings if note.startswith("the score, which"))
