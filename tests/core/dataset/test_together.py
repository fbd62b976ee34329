"""Questions to all inputs: equal to asking each input alone, whatever the inputs are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.dataset.channels import dead_channels
from nbexplain.core.twin import twin
from nbexplain.inputs import Tabular, Text
from tests.core.methods.test_lime_rows_and_texts import Bag
from tests.networks import DictInput, Normed, Plain, Tokens, picture, seeded

KINDS: dict[str, tuple[Any, list[Any], str]] = {
    "one size": (Plain, [picture(seed=n) for n in range(11)], "conv2"),
    "many sizes": (Plain, [picture(side, seed=side) for side in (12, 16, 12, 8, 16)], "conv2"),
    "batch norm in train mode": (Normed, [picture(seed=n) for n in range(9)], "conv2"),
    "tokens": (Tokens, [picture(seed=n) for n in range(3)], "mlp"),
    "dicts": (
        DictInput,
        [{"pixels": picture(seed=n), "gain": torch.tensor([1.5 + n])} for n in range(3)],
        "conv2",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_each_input(kind: str) -> None:
    make, inputs, _ = KINDS[kind]
    model = seeded(make).train()
    ours = explain(model, inputs, "class_scores")
    expected = [Subject(model, x).scores()[0].numpy() for x in inputs]
    np.testing.assert_allclose(ours.values, expected, rtol=2e-5, atol=1e-6)
    assert ours.axes == ("input", "class")
    assert ours.passes["forward"] <= len(inputs) + 3 + 4 + 8  # a batch on trial, and one that is asked alone as well


@pytest.mark.parametrize("kind", KINDS)
def test_activity_is_that_of_each_input(kind: str) -> None:
    make, inputs, layer = KINDS[kind]
    model = seeded(make).train()
    ours = explain(model, inputs, "channel_activity", layer=layer)
    for number, x in enumerate(inputs):
        alone = explain(model, x, "activation", layer=layer).values
        flat = alone.reshape(len(alone), -1)
        found = ours.values[:, number]
        np.testing.assert_allclose(found, [flat.mean(1), flat.min(1), flat.max(1)], rtol=2e-5, atol=1e-6)


def test_rows_come_in_chunks_and_the_rest_is_not_known_yet() -> None:
    seen = twin(seeded(Plain))
    subjects = [Subject(seen, picture(seed=n)) for n in range(20)]
    steps = [*ask(subjects, "channel_activity", layer="conv2")]
    known = [int(np.isfinite(step.values).all((0, 2)).sum()) for step in steps]
    assert known == [8, 16, 20]
    assert [step.progress for step in steps] == [0.4, 0.8, 1]


def test_one_input_alone_is_a_set_of_one() -> None:
    model = seeded(Plain)
    np.testing.assert_array_equal(
        explain(model, picture(), "class_scores").values, explain(model, [picture()], "class_scores").values
    )
    with pytest.raises(ValueError, match="x: expected at least one input, got an empty list"):
        explain(model, [], "class_scores")


def test_dead_is_what_says_the_same_of_every_input() -> None:
    model = seeded(Plain).eval()
    with torch.no_grad():
        model.conv2.bias[3] = -100  # never above zero
        model.conv2.weight[5], model.conv2.bias[5] = 0, 0.5  # constant, though not zero
        first = model.conv2.weight[6]
        first.copy_(first.abs())
        model.conv1.bias.fill_(1)
    dark, bright = torch.zeros(1, 3, 12, 12), picture() + 3
    both = explain(model, [dark, bright], "channel_activity", layer="relu2")
    assert {3, 5} <= set(dead_channels(both.values))
    assert 6 not in dead_channels(both.values)
    alone = explain(model, [torch.full_like(dark, 2)], "channel_activity", layer="conv1")
    assert len(dead_channels(alone.values)) < 6  # its border differs from its middle


def test_an_unknown_input_is_never_dead() -> None:
    values = np.zeros((3, 2, 4))
    values[:, 1] = np.nan
    assert dead_channels(values) == []


def test_maps_are_no_classes() -> None:
    with pytest.raises(ValueError, match=r"scores: expected one score per class, the model gives \(2, 12, 12\)"):
        explain(nn.Conv2d(3, 2, 1), [picture(), picture(seed=2)], "class_scores")


def test_texts_of_one_length_are_not_taken_for_each_other() -> None:
    model = Bag([0.0, 1.0, 10.0, 100.0])
    texts = [Text(text, Letters()) for text in ("a b", "b c", "c c", "a")]
    scores = explain(model, texts, "class_scores").values[:, 1]
    assert scores.tolist() == [11, 110, 200, 1]


def test_rows_whose_categories_differ_are_not_taken_for_each_other() -> None:
    def predict(frame: Any) -> np.ndarray:
        return np.array([[len(kind), 0.0] for kind in frame["kind"]])

    frames = [pd.DataFrame({"kind": kinds}) for kinds in (["a", "bb"], ["ccc", "a"])]
    rows = [Tabular(frame.iloc[0], frame) for frame in frames]
    assert explain(predict, rows, "class_scores").values[:, 0].tolist() == [1, 3]


class Letters:
    """a is 1, b is 2, c is 3."""

    def __call__(self, text: str) -> dict[str, Any]:
        ids = ["abc".index(letter) + 1 for letter in text.split()]
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}
