"""Evidence of the channels: captum's layer gradient × activation, summed over the cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from captum.attr import LayerGradientXActivation

from nbexplain import explain
from tests.networks import Normed, Plain, picture, seeded


@pytest.mark.parametrize("network", [lambda: Plain(inplace=False), Normed], ids=["plain", "normed"])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_it_is_what_captum_computes(network: Any, layer: str) -> None:
    model, x = seeded(network).double().eval(), picture().double()
    peer = LayerGradientXActivation(model, model.get_submodule(layer)).attribute(x, target=1)
    ours = explain(model, x, "channel_evidence", target=1, layer=layer)
    np.testing.assert_allclose(ours.values, peer[0].flatten(1).sum(1).detach().numpy(), rtol=1e-9, atol=1e-14)
    assert ours.axes == ("channel",)


def test_under_a_linear_head_it_adds_up_to_the_score() -> None:
    model, x = seeded(Plain).double().eval(), picture().double()
    ours = explain(model, x, "channel_evidence", target=2, layer="relu2")
    assert ours.values.sum() + float(model.head.bias[2]) == pytest.approx(ours.score, abs=1e-12)


def test_a_linear_layer_has_one_cell_a_channel() -> None:
    model, x = seeded(Plain).double().eval(), picture().double()
    ours = explain(model, x, "channel_evidence", target=2, layer="head")
    expected = np.zeros(5)
    expected[2] = ours.score
    np.testing.assert_allclose(ours.values, expected)
