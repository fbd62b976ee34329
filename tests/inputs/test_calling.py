"""Arguments that cannot be called as they will be are named, before the model is asked."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import nn

from nbexplain import Tabular, Text, explain
from nbexplain.inputs.calling import lacks

ROWS = np.random.default_rng(0).normal(size=(60, 3))
TABLE = Tabular(ROWS[0], background=ROWS)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"classes": 3}, "classes: expected a name for each score, got 3"),
        ({"scores": 3}, r"scores: expected a function of what the model returns, scores\(output\), .* got 3"),
        ({"scores": lambda a, b: a}, r"scores: expected .*scores\(output\).*lambda>\(a, b\): missing .*'b'"),
        ({"target": lambda: 1}, r"target: expected .*target\(scores\).*lambda>\(\): too many"),
        ({"forward": "call"}, r"forward: expected .* forward\(model, rows\), got 'call'"),
        ({"forward": lambda m: m}, r"forward: it is called as forward\(model, rows\), .*lambda>\(m\): too many"),
    ],
)
def test_the_argument_is_named_with_what_came_and_what_is_expected(given, told):
    asked = []

    def model(rows):
        asked.append(len(rows))
        return np.asarray(rows)

    with pytest.raises(TypeError, match=told):
        explain(model, TABLE, "exact_shap", **given)
    assert sum(asked) <= (1 if "target" in given else 0)  # what a target gets, the scores tell


def test_an_encoding_of_two_arguments_is_refused():
    with pytest.raises(TypeError, match=r"encode: it is called as encode\(rows\), .*lambda>\(a, b\): missing .*'b'"):
        Tabular(ROWS[0], background=ROWS, encode=lambda a, b: a)


@pytest.mark.parametrize(("text", "called"), [("a b", r"tokenizer\(text\)"), (("a", "b"), r"tokenizer\(text, pair\)")])
def test_a_tokenizer_of_another_number_of_texts_is_refused(text, called):
    with pytest.raises(
        TypeError, match=rf"tokenizer: it is called as {called}, and cannot be: .*lambda>\(\): too many"
    ):
        Text(text, lambda: 1)


class Words:
    """A tokenizer that takes one text: of each word the number of its letters."""

    def __init__(self, form):
        self.form = form

    def __call__(self, text):
        return self.form([len(word) for word in text.split()])


@pytest.mark.parametrize(
    ("form", "ids"),
    [
        (list, ""),
        (lambda ids: {"input_ids": ids, "attention_mask": [1] * len(ids)}, "['input_ids']"),
        (lambda ids: {"input_ids": torch.tensor([ids])}, "['input_ids'][0]"),
    ],
)
def test_a_tokenizer_of_one_text_is_told_the_one_of_a_pair(form, ids):
    pair = ("a dull film", "the greatest of films")
    with pytest.raises(
        TypeError, match=r"tokenizer: it is called as tokenizer\(text, pair\), .*Words.__call__"
    ) as raised:
        Text(pair, Words(form), explain=1)
    advised = f"lambda text, pair: [*tokenizer(text){ids}, *tokenizer(pair){ids}]"
    assert str(raised.value).endswith(f"as in {advised}")
    made = Text(pair, eval(advised, {"tokenizer": Words(form)}), explain=1)
    assert made.ids.tolist() == [1, 4, 4, 3, 8, 2, 5]
    assert made.explained.tolist() == [False] * 3 + [True] * 4


def test_an_object_that_cannot_be_called_so_is_told_by_its_class():
    assert lacks(Words(list), 1) == ""
    assert lacks(Words(list), 2) == "Words.__call__(text): too many positional arguments"
    assert lacks(Words, 1) == ""  # which makes one


def test_what_can_be_called_is_taken():
    def wraps(function):
        @functools.wraps(function)
        def one(x):
            return function(x, 2)

        return one

    def two(x, y):
        return x * y

    for function in (lambda a, b=1: a, lambda *a: a[0], functools.partial(two, y=1), wraps(two), torch.logit, np.exp):
        assert lacks(function, 1) == ""
    assert lacks(nn.Identity(), 1) == ""
    assert lacks(max, 2) == ""


def test_defaults_and_any_arguments_give_the_scores():
    def model(rows):
        return rows @ np.array([1.0, 2.0, 3.0])

    right = explain(model, TABLE, "exact_shap").values
    for forward in (lambda m, rows, scale=1.0: m(rows) * scale, lambda *given: given[0](given[1])):
        found = explain(model, TABLE, "exact_shap", forward=forward, scores=lambda said, *more: said)
        assert np.allclose(found.values, right)


def test_objects_with_a_static_call_are_taken():
    class Chooses:
        @staticmethod
        def __call__(scores):
            return scores

    chosen, plain = (
        explain(lambda rows: rows @ np.ones((3, 2)), TABLE, "exact_shap", target=0, scores=scores)
        for scores in (Chooses(), None)
    )
    np.testing.assert_array_equal(chosen.values, plain.values)
