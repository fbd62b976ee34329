"""What the course says of the example networks, where no cell of it prints the number."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes

from nbexplain import Explanation, examples, explain
from nbexplain.core.dataset.channels import dead_channels

digits, scenes = cache(examples.digits), cache(examples.scenes)


def of_digit(number: int, method: str, **question: object) -> Explanation:
    demo = digits()
    return explain(demo.model, demo.pictures[number], method, preprocess=demo.preprocess, **question)


def of_scene(number: int, method: str, target: str | None = None, **question: object) -> Explanation:
    demo = scenes()
    wanted = None if target is None else demo.classes.index(target)
    return explain(demo.model, demo.pictures[number], method, target=wanted, preprocess=demo.preprocess, **question)


def on_pixels(found: Explanation) -> np.ndarray:
    """Positive evidence of each pixel, adding up to 1."""
    evidence = found.values.clip(min=0)
    if evidence.ndim == 3:
        evidence = evidence.sum(0)
    size = 160 // len(evidence)
    return np.kron(evidence, np.ones((size, size))) / (evidence.sum() * size**2)


def winner_changes_at(number: int, layer: str, channels: int, which: str) -> tuple[int, str]:
    """How many channels are off when another class wins for the first time, and which class that is."""
    for off in range(channels + 1):
        before, after = of_scene(number, "ablation", layer=layer, which=which, off=off).values
        if after.argmax() != before.argmax():
            return off, scenes().classes[after.argmax()]
    raise AssertionError("the class never changes")


# Notebook 2


def test_two_channels_are_dead_for_every_digit():
    demo = digits()
    found = explain(demo.model, demo.pictures, "channel_activity", layer="relu3", preprocess=demo.preprocess)
    assert dead_channels(found.values) == [10, 15]
    assert set(found.values[0].mean(0).argsort()[-2:]) == {3, 12}


@pytest.mark.parametrize(("layer", "cell", "side"), [("conv1", (4, 4), 3), ("conv2", (4, 4), 5), ("pool", (2, 2), 6)])
def test_receptive_field_of_a_digit_grows(layer, cell, side):
    field = of_digit(2, "receptive_field", layer=layer, cell=cell).details
    assert (field["right"] - field["left"], field["bottom"] - field["top"]) == (side, side)


def test_the_cell_of_the_first_exercise():
    found = of_digit(2, "cell_arithmetic", layer="conv2", channel=3, cell=(4, 4))
    assert found.details["activation"] == pytest.approx(-0.3514, abs=5e-5)


def test_the_loudest_channel_is_evidence_against_the_two():
    activation = of_digit(2, "activation", layer="relu3").values.mean((1, 2))
    evidence = of_digit(2, "channel_evidence", layer="relu3", target=2).values
    assert activation.argmax() == 12
    assert evidence.argmax() == 29
    assert evidence[12] == pytest.approx(-0.54, abs=0.005)
    assert (evidence < evidence[12]).sum() <= 2


@pytest.mark.parametrize(("channel", "twos"), [(29, "7777777774"), (12, "2222222222")])
def test_digits_without_a_channel(channel, twos):
    def reads(number: int) -> int:
        question = {"layer": "relu3", "channel": channel, "which": "the channel"}
        return int(of_digit(number, "ablation", **question).values[1].argmax())

    assert "".join(str(reads(number)) for number in range(2, 100, 10)) == twos
    if channel == 29:
        assert sum(reads(number) == number % 10 for number in range(100) if number % 10 != 2) == 88


def test_weights_of_the_channel_for_twos():
    weights = digits().model.head.weight[:, 29].tolist()
    assert [weights[number] for number in (2, 3, 7)] == pytest.approx([0.61, 0.34, -1.05], abs=0.006)


def test_channels_that_carry_the_gravel_ring():
    assert winner_changes_at(7, "layer4", 96, "most evidence first") == (12, "grass ring")
    assert winner_changes_at(7, "layer4", 96, "least evidence first")[0] == 96
    assert winner_changes_at(7, "layer1", 32, "most evidence first") == (2, "brick ring")
    curve = of_scene(7, "ablation_curve", layer="layer4", which="least evidence first").values
    assert [curve[0], np.nanmax(curve)] == pytest.approx([3.0, 4.6], abs=0.05)


@pytest.mark.parametrize("number", range(6, 10))
def test_what_the_network_says_of_nothing(number):
    after = of_scene(number, "ablation", layer="layer1", off=32).values[1]
    assert scenes().classes[after.argmax()] == "gravel heart"
    assert after.max() == pytest.approx(1.86, abs=0.005)


def test_nothing_changes_the_gravel_heart():
    with pytest.raises(AssertionError, match="never changes"):
        winner_changes_at(9, "layer1", 32, "most evidence first")


# Notebook 3


def test_the_hole_of_the_ring():
    found = on_pixels(of_scene(0, "grad_cam", "gravel ring"))
    ring = scenes().masks[0]["gravel ring"]
    hole = binary_fill_holes(ring) & ~ring
    assert hole[np.unravel_index(found.argmax(), found.shape)]
    assert found[ring].sum() == pytest.approx(0.57, abs=0.01)
    assert found[ring | hole].sum() == pytest.approx(0.84, abs=0.01)


def test_cells_of_grad_cam_add_up_to_the_score():
    found = of_scene(0, "grad_cam", relu=False)
    bias = scenes().model.head.bias[found.target].item()
    assert found.values.sum() + bias == pytest.approx(found.score, abs=1e-4)
    assert abs(bias) < 0.05


def test_a_fourth_method_tells_objects_apart_less_well():
    shares = {}
    for number, masks in enumerate(scenes().masks[:6]):
        for own, other in (tuple(masks), tuple(masks)[::-1]):
            found = on_pixels(of_scene(number, "input_x_gradient", own))
            shares[number, own] = found[masks[own]].sum(), found[masks[other]].sum()
    assert np.mean(list(shares.values()), 0) == pytest.approx([0.25, 0.10], abs=0.006)
    assert shares[5, "grass star"] == pytest.approx((0.15, 0.23), abs=0.006)
    assert [key for key, (own, other) in shares.items() if own < other] == [(5, "grass star")]


def test_maps_of_classes_that_are_not_there():
    there, *absent = (of_scene(5, "grad_cam", name) for name in ("grass star", "brick star", "gravel ring"))
    assert [found.score for found in (there, *absent)] == pytest.approx([3.2, -2.5, -4.3], abs=0.05)
    for found in absent:
        assert found.values.max() / there.values.max() == pytest.approx(0.1, abs=0.03)
    evidence = on_pixels(absent[0])  # the brick star of notebook 1: above the star, not on it
    star = scenes().masks[5]["grass star"]
    assert evidence[star].sum() < 0.1
    assert evidence.max(1).argmax() < np.argwhere(star)[:, 0].mean()
