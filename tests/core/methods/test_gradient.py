"""Gradient and input × gradient against captum, by hand, and by their properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, Saliency
from torch import nn

from nbexplain import explain
from tests.networks import CASES, Case, Piecewise, double, picture, seeded

TARGETS = (0, 3)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_captum(case: Case, target: int) -> None:
    network, x = double(case.network()) if case.copied else case.network().double(), case.tensor().double()

    def run(batch: torch.Tensor) -> torch.Tensor:
        return case.run(network, batch)

    for part in network.__dict__.get("first", lambda: None).__closure__ or ():
        part.cell_contents.double()
    peer_x = x.clone().requires_grad_()
    slope = Saliency(run).attribute(peer_x, target=target, abs=False)[0].detach()
    product = InputXGradient(run).attribute(peer_x, target=target)[0].detach()
    ours = explain(network, case.given(x), "gradient", target=target)
    np.testing.assert_allclose(ours.values, slope, rtol=1e-6, atol=1e-12)
    assert ours.values.dtype == np.float64
    ours = explain(network, case.given(x), "input_x_gradient", target=target)
    np.testing.assert_allclose(ours.values, product, rtol=1e-6, atol=1e-12)


def test_by_hand() -> None:
    # score = 2·relu(x₀ − x₁) + 3·relu(x₁): at x = (5, 1) both are on, so the gradient is (2, −2 + 3)
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 1.0]]))
        network[2].weight.copy_(torch.tensor([[2.0, 3.0]]))
    x = torch.tensor([[5.0, 1.0]])
    assert explain(network, x, "gradient").values.tolist() == [2.0, 1.0]
    ours = explain(network, x, "input_x_gradient")
    assert ours.values.tolist() == [10.0, 1.0]
    assert (ours.score, ours.axes, ours.on, ours.signed) == (11.0, ("feature",), "input", True)
    # at (1, 5) the first unit is off
    assert explain(network, torch.tensor([[1.0, 5.0]]), "gradient").values.tolist() == [0.0, 3.0]


def test_absolute_is_the_saliency() -> None:
    network, x = seeded(Piecewise), picture()
    signed = explain(network, x, "gradient", target=1)
    saliency = explain(network, x, "gradient", target=1, absolute=True)
    np.testing.assert_array_equal(saliency.values, np.abs(signed.values))
    assert (signed.values < 0).any()
    assert (signed.signed, saliency.signed) == (True, False)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("target", TARGETS)
def test_products_add_up_to_the_score_without_biases(seed: int, target: int) -> None:
    network, x = seeded(Piecewise, seed).double(), picture(seed=seed + 7, dtype=torch.float64) - 0.5
    ours = explain(network, x, "input_x_gradient", target=target)
    assert ours.score is not None
    assert ours.score == pytest.approx(float(network(x)[0, target].detach()), rel=1e-12)
    assert abs(ours.score) > 1e-4
    assert ours.values.sum() == pytest.approx(ours.score, rel=1e-9)


def test_a_unit_a_mask_and_a_callable_are_explained() -> None:
    network, x = seeded(lambda: nn.Conv2d(3, 4, 3)), picture(6)
    weights = torch.zeros(4, 4, 4)
    weights[1, 2, 3] = 1.0
    by_tuple = explain(network, x, "gradient", target=(1, 2, 3)).values
    by_mask = explain(network, x, "gradient", target=weights).values
    by_function = explain(network, x, "gradient", target=lambda scores: scores[:, 1, 2, 3]).values
    right = np.zeros((3, 6, 6), np.float32)
    right[:, 2:5, 3:6] = network.weight[1].detach()
    for values in (by_tuple, by_mask, by_function):
        np.testing.assert_allclose(values, right, rtol=1e-6)
