"""Scores without some channels: closed forms under a linear head, and every order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.inside.ablation import ORDERS, THIS, channel_order
from tests.core.snapshot import differences, snapshot
from tests.networks import CLASSES, Plain, Residual, Reused, picture, seeded


@pytest.fixture
def model() -> Plain:
    network: Plain = seeded(Plain).double().eval()
    return network


@pytest.fixture
def x() -> Tensor:
    return picture().double()


def means(model: Plain, x: Tensor) -> Tensor:
    """Mean activation of each channel under the linear head."""
    with torch.no_grad():
        return model.features(x.clone()).mean((2, 3))[0]


@pytest.mark.parametrize("channel", [0, 3, 7])
def test_one_channel_takes_its_weight_times_its_mean(model: Plain, x: Tensor, channel: int) -> None:
    ours = explain(model, x, "ablation", layer="relu2", target=1, channel=channel, which=THIS)
    before, after = ours.values
    fall = model.head.weight[:, channel].detach() * means(model, x)[channel]
    np.testing.assert_allclose(before - after, fall.numpy(), atol=1e-14)
    assert ours.details["before"] == pytest.approx(before[1])
    assert ours.details["after"] == pytest.approx(after[1])
    assert ours.passes["backward"] == 0


def test_the_curve_falls_by_the_evidence(model: Plain, x: Tensor) -> None:
    evidence = explain(model, x, "channel_evidence", layer="relu2", target=1).values
    ours = explain(model, x, "ablation_curve", layer="relu2", target=1)
    expected = ours.score - np.concatenate([[0], np.cumsum(np.sort(evidence)[::-1])])
    np.testing.assert_allclose(ours.values, expected, atol=1e-13)
    assert ours.values[-1] == pytest.approx(float(model.head.bias[1]))
    up = explain(model, x, "ablation_curve", layer="relu2", target=1, which=ORDERS[1])
    assert (up.values[1:-1] >= ours.values[1:-1]).all()


def test_the_bars_lie_on_the_curve(model: Plain, x: Tensor) -> None:
    curve = explain(model, x, "ablation_curve", layer="conv2", target=1)
    for off in range(9):
        bars = explain(model, x, "ablation", layer="conv2", target=1, off=off)
        assert bars.details["after"] == pytest.approx(curve.values[off], abs=1e-13)
        assert bars.details["channels off"] == off


def test_more_channels_than_there_are_is_all_of_them(model: Plain, x: Tensor) -> None:
    ours = explain(model, x, "ablation", layer="relu2", target=1, off=1000)
    np.testing.assert_allclose(ours.values[1], model.head.bias.detach().numpy())
    assert ours.details["channels off"] == 8


def test_the_third_order_is_by_mean_activation(model: Plain, x: Tensor) -> None:
    order = channel_order(Subject(model, x), 1, Subject(model, x).layer("relu2"), ORDERS[2])
    assert order == torch.argsort(means(model, x), descending=True).tolist()


def test_only_the_call_that_is_named_is_switched_off(x: Tensor) -> None:
    model = seeded(Reused).double().eval()
    last, named, first = (
        explain(model, x, "ablation", layer=name, target=1, channel=1, which=THIS).values[1]
        for name in ("relu1", "relu1@2", "relu1@1")
    )
    np.testing.assert_array_equal(last, named)
    assert not np.allclose(first, last)


def test_a_layer_that_is_written_over_in_place_is_switched_off_where_it_was(x: Tensor) -> None:
    """The ReLU behind it writes into its output; what the user's own network gives without the channel is right."""
    model = seeded(Residual).double().eval()
    ours = explain(model, x, "ablation", layer="conv1", target=1, channel=2, which=THIS).values[1]
    with torch.no_grad():
        model.conv1.weight[2], model.conv1.bias[2] = 0, 0
        expected = model(x)[0]
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-14)


def test_pictures_come_coarse_to_fine_and_end_exact() -> None:
    wide = nn.Sequential(nn.Conv2d(3, 100, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(100, CLASSES))
    subject = Subject(seeded(lambda: wide).eval(), picture())
    steps = [*ask(subject, "ablation_curve", target=0, layer="0")]
    known = [np.flatnonzero(np.isfinite(step.values)) for step in steps]
    assert len(known) > 3
    assert {0, 50, 100} <= set(known[0])
    assert all(set(one) < set(other) for one, other in itertools.pairwise(known))
    assert len(known[-1]) == 33
    assert [step.progress for step in steps][-1] == 1


def test_the_channel_that_is_given_is_switched_off_else_the_first_of_an_order(model: Plain, x: Tensor) -> None:
    kept = model.head.weight.detach().clone()
    for channel in range(8):
        with torch.no_grad():
            model.head.weight[:, channel] = 0  # its mean is all that the head reads of it
            expected = model(x)[0].numpy()
            model.head.weight.copy_(kept)
        ours = explain(model, x, "ablation", layer="relu2", target=1, channel=channel).values[1]
        np.testing.assert_allclose(ours, expected, atol=1e-14)
    first = explain(model, x, "ablation", layer="relu2", target=1, off=3)
    named = explain(model, x, "ablation", layer="relu2", target=1, off=3, which=ORDERS[0])
    np.testing.assert_array_equal(first.values, named.values)
    assert first.details["channels off"] == 3
    with pytest.raises(ValueError, match="channel: 8 is out of range, expected 0 to 7"):
        explain(model, x, "ablation", layer="relu2", channel=8)


def test_scores_that_are_no_classes_are_refused_and_the_model_stays() -> None:
    model, x = seeded(lambda: nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())), picture(4)
    before = snapshot(model, x)
    with pytest.raises(ValueError, match=r"scores: expected one score per class, the model gives \(2, 4, 4\)"):
        explain(model, x, "ablation", layer="0", target=(0, 0, 0), channel=1, which=THIS)
    assert differences(before, snapshot(model, x)) == []
