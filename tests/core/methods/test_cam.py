"""CAM, Grad-CAM and Grad-CAM++: against captum and the papers' formulas, by hand, and one against the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum.attr import LayerGradCam
from torch import Tensor, nn

from nbexplain import explain, list_layers
from tests.core import oracles
from tests.networks import CASES, SIDE, Case, Plain, SoftmaxEnd, Tokens, double, picture, seeded

CAMS = ("cam", "grad_cam", "grad_cam_plus_plus")
# captum sees a module that is called twice as one, and takes tokens for channels
FOR_CAPTUM = [case for case in CASES if case.copied and case.name not in ("module used twice", "token grid")]


class Tiny(nn.Module):
    """Channels x and −x, pooled by mean or sum; scores 2·ch₀ + 1·ch₁ and 0·ch₀ − 1·ch₁ + 3."""

    def __init__(self, pool: str = "mean") -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 1, bias=False)
        self.head = nn.Linear(2, 2)
        self.pool = pool
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor([[2.0, 1.0], [0.0, -1.0]]))
            self.head.bias.copy_(torch.tensor([0.0, 3.0]))

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return self.head(y.mean((2, 3)) if self.pool == "mean" else y.sum((2, 3)))


TINY_X = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]])


@pytest.mark.parametrize("case", FOR_CAPTUM, ids=str)
def test_grad_cam_equals_captum_at_every_usable_layer(case: Case) -> None:
    network, x = double(case.network()), case.tensor().double()
    compared = 0
    for layer in list_layers(network, case.given(x)):
        if layer.grid is None or not layer.gradient or layer.calls > 1:
            continue
        # captum's hook keeps the layer's output itself, which a later in-place operation overwrites
        peer = LayerGradCam(lambda batch: case.run(network, batch), _handing_on_a_clone(network, layer.name))
        theirs = peer.attribute(x.clone(), target=3, relu_attributions=True)[0, 0].detach()
        ours = explain(network, case.given(x), "grad_cam", target=3, layer=layer.name)
        np.testing.assert_allclose(ours.values, theirs, rtol=1e-6, atol=1e-12, err_msg=layer.name)
        signed = explain(network, case.given(x), "grad_cam", target=3, layer=layer.name, relu=False)
        theirs = peer.attribute(x.clone(), target=3, relu_attributions=False)[0, 0].detach()
        np.testing.assert_allclose(signed.values, theirs, rtol=1e-6, atol=1e-12, err_msg=layer.name)
        compared += 1
    assert compared >= 2


def _handing_on_a_clone(network: nn.Module, name: str) -> nn.Module:
    """The layer, whose output is cloned on its way on: what captum keeps then stays as it was returned."""
    layer = network.get_submodule(name)

    class Cloned(nn.Module):
        def forward(self, output: Tensor) -> Tensor:
            return output

    inner = Cloned()
    layer.register_forward_hook(lambda _m, _a, output: inner(output.clone()).clone())
    return inner


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("call", [0, 1])
def test_each_call_of_a_module_has_its_map(call: int, relu: bool) -> None:
    case = next(case for case in CASES if case.name == "module used twice")
    network, x = double(case.network()), case.tensor().double()
    activations, gradients = oracles.layer_output(network, network.relu1, x, 3, call)
    right = oracles.grad_cam(activations[0], gradients[0], relu=relu)
    ours = explain(network, x, "grad_cam", target=3, layer=f"relu1@{call + 1}", relu=relu)
    np.testing.assert_allclose(ours.values, right, rtol=1e-6, atol=1e-12)
    assert ours.layer == f"relu1@{call + 1}"
    if call == 1:  # the plain name stands for the last call
        last = explain(network, x, "grad_cam", target=3, layer="relu1", relu=relu)
        np.testing.assert_array_equal(last.values, ours.values)


def test_by_hand() -> None:
    # d score₀ / d ch₀ = 2/4 and d score₀ / d ch₁ = 1/4 at each of the four places
    x = TINY_X
    signed = explain(Tiny(), x, "grad_cam", target=0, layer="layer", relu=False)
    assert signed.values.tolist() == [[0.25, 0.5], [0.75, -1.0]]  # 0.5 x − 0.25 x
    assert explain(Tiny(), x, "grad_cam", target=0, layer="layer").values.tolist() == [[0.25, 0.5], [0.75, 0.0]]
    assert explain(Tiny(), x, "cam", target=0, layer="layer").values.tolist() == [[1.0, 2.0], [3.0, -4.0]]
    assert explain(Tiny(), x, "cam", target=1, layer="layer", relu=True).values.tolist() == [[1.0, 2.0], [3.0, 0.0]]
    # Grad-CAM++ of class 0: Σ ch₀ = 2, g₀ = 1/2: α = ¼ / (½ + 2·⅛) = ⅓, w₀ = 4·⅓·½ = ⅔;
    # Σ ch₁ = −2, g₁ = ¼: α = 1/16 / (⅛ − 2/64) = ⅔, w₁ = 4·⅔·¼ = ⅔; the map is ⅔ (x − x) = 0
    np.testing.assert_allclose(
        explain(Tiny(), x, "grad_cam_plus_plus", target=0, layer="layer", relu=False).values, 0, atol=1e-7
    )
    # of class 1: only ch₁ with g₁ = −¼ has a weight, and its ReLU is 0
    assert not explain(Tiny(), x, "grad_cam_plus_plus", target=1, layer="layer", relu=False).values.any()
    assert (signed.axes, signed.on, signed.signed, signed.score) == (("y", "x"), "layer", True, 0.5)


@pytest.mark.parametrize("pool", ["mean", "sum"])
@pytest.mark.parametrize("target", [0, 1])
def test_cam_adds_up_to_the_score_and_equals_grad_cam_up_to_a_factor(pool: str, target: int) -> None:
    network = Tiny(pool).double()
    x = picture(4, channels=1, dtype=torch.float64) - 0.5
    cam = explain(network, x, "cam", target=target, layer="layer")
    grad_cam = explain(network, x, "grad_cam", target=target, layer="layer", relu=False)
    assert cam.score is not None
    assert cam.values.mean() + float(network.head.bias[target].detach()) == pytest.approx(cam.score, rel=1e-9)
    np.testing.assert_allclose(cam.values, grad_cam.values * 16, rtol=1e-9)  # 16 places
    assert np.abs(cam.values).max() > 0.1


@pytest.mark.parametrize("target", [0, 4])
def test_cam_of_a_network_with_a_pooled_head(target: int) -> None:
    network, x = seeded(Plain).double(), picture(dtype=torch.float64)
    cam = explain(network, x, "cam", target=target, layer="relu2")
    features = network.eval().features(x)[0]
    right = torch.einsum("k,kyx->yx", network.head.weight[target], features).detach()
    np.testing.assert_allclose(cam.values, right, rtol=1e-9)
    grad_cam = explain(network, x, "grad_cam", target=target, layer="relu2", relu=False)
    np.testing.assert_allclose(cam.values, grad_cam.values * features[0].numel(), rtol=1e-9)


@pytest.mark.parametrize("layer", ["conv1", "relu1", "conv2"])
def test_cam_refuses_a_layer_that_is_not_pooled_into_the_head(layer: str) -> None:
    with pytest.raises(ValueError, match="layer: CAM needs a linear head on the mean of this very layer"):
        explain(seeded(Plain), picture(), "cam", layer=layer)


def test_cam_says_that_it_explains_the_logit_behind_a_softmax() -> None:
    cam = explain(seeded(SoftmaxEnd), picture(), "cam", target=1, layer="relu2")
    assert cam.score_name == "probability"
    assert any("logit" in note or "probabilit" in note for note in cam.warnings)


def test_cam_refuses_what_is_no_class() -> None:
    with pytest.raises(ValueError, match="target: CAM explains a class index, got <function"):
        explain(seeded(Plain), picture(), "cam", layer="relu2", target=lambda scores: scores[:, 0])


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_grad_cam_plus_plus_follows_the_paper(case: Case, relu: bool) -> None:
    network, x = case.network(), case.tensor()
    module = network.get_submodule(case.layer)

    def run(batch: Tensor) -> Tensor:
        return case.run(network, batch)

    activations, gradients = oracles.layer_output(run, module, x, 1, case.called)
    side = SIDE // 3 if case.name == "token grid" else 0
    A, g = (oracles.as_grid(t, side) for t in (activations, gradients))
    score = float(oracles.scores(run, x)[0, 1])
    right = oracles.grad_cam_plus_plus(A, g, score, relu=relu)  # for exp(score), which is a factor on the map
    ours = explain(network, case.x(), "grad_cam_plus_plus", target=1, layer=case.layer, relu=relu)
    np.testing.assert_allclose(ours.values * math.exp(score), right, **case.fit)


def test_grad_cam_plus_plus_equals_the_third_derivatives_under_a_linear_head() -> None:
    # α = ∂²Y / (2 ∂²Y + Σ A ∂³Y) with every derivative of Y = exp(score) taken by autograd, cell by cell
    network, x = seeded(Plain).double().eval(), picture(6, dtype=torch.float64)
    A = network.features(x).detach().requires_grad_()
    Y = network.head(A.mean((2, 3)))[0, 2].exp()
    (first,) = torch.autograd.grad(Y, A, create_graph=True)
    weights = torch.zeros(A.shape[1], dtype=torch.float64)
    for k, y, x_ in np.ndindex(*A.shape[1:]):
        (second,) = torch.autograd.grad(first[0, k, y, x_], A, create_graph=True)
        (third,) = torch.autograd.grad(second[0, k, y, x_], A, retain_graph=True)
        bottom = 2 * second[0, k, y, x_] + A[0, k].sum() * third[0, k, y, x_]
        weights[k] += float((second[0, k, y, x_] / bottom * first[0, k, y, x_].relu()).detach())
    right = torch.einsum("k,kyx->yx", weights, A[0]).detach() / Y.detach()
    ours = explain(network, x, "grad_cam_plus_plus", target=2, layer="relu2", relu=False)
    np.testing.assert_allclose(ours.values, right, rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize("key", CAMS[1:])
def test_half_precision_does_not_lose_small_gradients(key: str) -> None:
    # 64 × 64 places and a mean: gradients of 1e-4, whose squares and cubes are nothing in float16
    case = next(case for case in CASES if case.name == "half")
    x = picture(128).half()
    small = explain(case.model(), x, key, target=2, layer="relu2", relu=False).values
    right = explain(case.network().float(), x.float(), key, target=2, layer="relu2", relu=False).values
    assert np.abs(right).max() > 0
    np.testing.assert_allclose(small, right, rtol=0.05, atol=0.02 * np.abs(right).max())


def test_tokens_before_the_grid_are_left_out_and_named() -> None:
    network, x = seeded(Tokens), picture()
    ours = explain(network, x, "grad_cam", target=0, layer="norm2")
    assert ours.values.shape == (4, 4)
    assert any("1 token before the grid" in note for note in ours.warnings)


def test_an_empty_map_is_explained() -> None:
    network = seeded(Plain)
    with torch.no_grad():
        network.head.weight[1] = 0
    ours = explain(network, picture(), "grad_cam", target=1, layer="conv2")
    assert not ours.values.any()
    assert any("gradient is zero at every cell" in note for note in ours.warnings)


@pytest.mark.parametrize("key", CAMS)
def test_a_layer_without_a_grid_is_refused(key: str) -> None:
    with pytest.raises(
        ValueError, match=f"layer: 'head' cannot be used for {key}: .* needs a layer with a spatial grid"
    ):
        explain(seeded(Plain), picture(), key, layer="head")


def test_a_signal_has_a_map_along_its_length() -> None:
    case = next(case for case in CASES if case.name == "1-D convolution")
    ours = explain(case.model(), case.x(), "grad_cam", target=0, layer="conv2")
    assert (ours.values.shape, ours.axes) == ((8,), ("x",))


def test_the_suggested_layer_is_the_default() -> None:
    network, x = seeded(Plain), picture()
    default = explain(network, x, "grad_cam", target=1)
    assert default.layer == list_layers(network, x).suggested == "relu2"
    np.testing.assert_array_equal(default.values, explain(network, x, "grad_cam", target=1, layer="relu2").values)


def test_values_before_a_later_in_place_operation_are_used() -> None:
    class Overwriting(Plain):
        def features(self, x: Tensor) -> Any:
            return F.relu_(self.conv1(x))

        def forward(self, x: Tensor) -> Tensor:
            return self.features(x).mean((2, 3))

    network, x = seeded(Overwriting).double(), picture(dtype=torch.float64)
    output = network.conv1(x)[0].detach()
    slope = (output > 0).double() / output[0].numel()
    right = slope[4].mean() * output[4]  # score 4 is the mean of the fifth channel behind the ReLU
    assert right.min() < 0
    ours = explain(network, x, "grad_cam", target=4, layer="conv1", relu=False)
    np.testing.assert_allclose(ours.values, right, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_linear_head_is_known_in_few_digits(dtype: torch.dtype) -> None:
    def make() -> nn.Module:
        body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU())
        return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)).eval()

    for seed in range(20):
        model, x = seeded(make, seed), seeded(lambda: torch.rand(1, 3, 16, 12), seed)
        right = explain(model, x, "cam", layer="3", target=1).values
        found = explain(model.to(dtype), x.to(dtype), "cam", layer="3", target=1).values
        np.testing.assert_allclose(found, right, atol=20 * torch.finfo(dtype).eps * np.abs(right).max())
