"""How inputs of all kinds go through a model, and what comes back: by hand, and by plain autograd."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import explain, list_layers
from nbexplain.core.subject import Subject
from nbexplain.inputs import Array
from tests.networks import seeded

NODES = seeded(lambda: torch.randn(6, 5))
EDGES = torch.tensor([[0, 1, 2], [1, 2, 3]])
IMAGES = seeded(lambda: torch.rand(2, 1, 3, 8, 8))


class Graph(nn.Module):
    """Adds up what the neighbours say, for each node; writes into both of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 3)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        adjacency = torch.eye(len(x), dtype=x.dtype)
        adjacency[edges[0], edges[1]] = 1
        edges.zero_()
        said = adjacency @ self.fc(x)
        x.mul_(0)
        return said


def adjacency() -> Tensor:
    matrix = torch.eye(6)
    matrix[EDGES[0], EDGES[1]] = 1
    return matrix


# Inputs without a batch axis


def test_a_graph_goes_in_as_it_is() -> None:
    net, x, edges = seeded(Graph).eval(), NODES.clone(), EDGES.clone()
    weight, bias = net.fc.weight.detach(), net.fc.bias.detach()
    told = adjacency() @ (NODES @ weight.T + bias)
    subject = Subject(net, (x, edges))
    assert torch.allclose(subject.scores(), told[None], atol=1e-6)
    assert subject.score_name == "score" or subject.score_name == "logit"
    found = explain(net, (x, edges), "gradient", target=(2, 1))
    want = adjacency()[2][:, None] * weight[1]  # (6, 5)
    assert found.values == pytest.approx(want.numpy(), abs=1e-6)
    assert found.axes == ("axis 1", "axis 2")
    assert found.score == pytest.approx(float(told[2, 1]), abs=1e-6)
    assert found.warnings == (
        "taken as one input without a batch axis, since the first axes differ: 0 (6, 5), 1 (2, 3)",
    )
    assert explain(net, (x, edges), "input_x_gradient", target=(2, 1)).values == pytest.approx(
        (NODES * want).numpy(), abs=1e-6
    )
    by_hand = explain(
        net, x[None], "gradient", target=(2, 1), forward=lambda m, v: m(v[0].clone(), EDGES.clone())[None]
    )
    assert by_hand.values == pytest.approx(found.values, abs=1e-6)
    assert torch.equal(x, NODES)
    assert torch.equal(edges, EDGES)


def test_many_changed_graphs_are_as_many_runs() -> None:
    net = seeded(Graph).eval()
    weight = net.fc.weight.detach()
    found = explain(net, (NODES, EDGES), "occlusion", target=(2, 1), window=1, stride=1, fill="zero")
    fall = adjacency()[2] * (NODES @ weight[1])  # of each node, hidden with all its features
    assert found.values == pytest.approx(fall.numpy(), abs=1e-5)
    subject = Subject(net, (NODES, EDGES))
    batch = torch.stack([NODES, 2 * NODES, NODES - 1, NODES, NODES])
    scores = subject.evaluate(batch)
    assert scores.shape == (5, 6, 3)
    assert torch.allclose(scores[1], adjacency() @ net.fc(2 * NODES), atol=1e-5)
    values, slopes = subject.gradients(batch, (2, 1))
    assert torch.allclose(values, scores[:, 2, 1])
    assert torch.allclose(slopes[4], adjacency()[2][:, None] * weight[1], atol=1e-6)


def test_a_dense_neighbourhood_needs_a_word() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 3)

        def forward(self, x: Tensor, a: Tensor) -> Tensor:
            return a @ self.fc(x)

    net = seeded(Dense).eval()
    with pytest.raises(
        ValueError, match=r"a batch of 6 .* such as a graph, nbexplain.inputs.Array\(x, batched=False\)"
    ):
        explain(net, (NODES, adjacency()), "gradient", target=(2, 1))
    want = adjacency()[2][:, None] * net.fc.weight.detach()[1]
    for a in (adjacency(), adjacency().to_sparse()):
        given = Array((NODES, a), batched=False) if a.layout is torch.strided else (NODES, a)
        assert explain(net, given, "gradient", target=(2, 1)).values == pytest.approx(want.numpy(), abs=1e-6)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3), ()])
def test_the_scores_of_a_whole_graph(shape: tuple[int, ...]) -> None:
    class Pooled(Graph):
        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            total = super().forward(x, edges).sum(0)
            return total.sum() if shape == () else total.reshape(shape)

    net = seeded(Pooled).eval()
    target: Any = (0, 1) if len(shape) == 3 else 0 if shape == () else 1
    weight = net.fc.weight.detach()
    want = adjacency().sum(0)[:, None] * (weight.sum(0) if shape == () else weight[1])
    found = explain(net, (NODES, EDGES), "gradient", target=target)
    assert found.values == pytest.approx(want.numpy(), abs=1e-6)


def test_objects_without_meaning_to_us_go_along() -> None:
    class Data:
        def __init__(self, x: Tensor) -> None:
            self.x = x

    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x: Tensor, data: Data, scale: int) -> Tensor:
            return self.fc(x * data.x) * scale

    net, data = seeded(Takes).eval(), Data(torch.tensor([1.0, 2.0, 3.0]))
    found = explain(net, (torch.ones(1, 3), data, 2), "gradient", target=1)
    assert found.values == pytest.approx(2 * net.fc.weight.detach()[1].numpy() * [1, 2, 3])


# Several inputs


class Siamese(nn.Module):
    """Two images through one body; writes into what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh()), nn.Linear(8, 2)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        a *= 2
        b -= 1
        return self.head(torch.cat([self.body(x).mean((2, 3)) for x in (a, b)], 1))


@pytest.mark.parametrize("part", [0, 1])
def test_either_of_two_images_is_explained(part: int) -> None:
    net, (a, b) = seeded(Siamese).eval(), IMAGES.clone()
    leaves = [IMAGES[0].clone().requires_grad_(), IMAGES[1].clone().requires_grad_()]
    want = torch.autograd.grad(copy.deepcopy(net)(*(x.clone() for x in leaves))[0, 1], leaves[part])[0][0]
    found = explain(net, (a, b), "gradient", target=1, part=part)
    assert found.values == pytest.approx(want.numpy(), abs=1e-7)
    assert found.warnings == ()
    assert torch.equal(torch.stack([a, b]), IMAGES)
    hidden = explain(net, {"b": b, "a": a}, "occlusion", target=1, part="ab"[part], window=8, stride=8, fill="zero")
    with torch.no_grad():
        zeroed = [torch.zeros_like(x) if n == part else x for n, x in enumerate(IMAGES.clone())]
        fall = net(*IMAGES.clone())[0, 1] - net(*zeroed)[0, 1]
    assert hidden.values == pytest.approx(np.full((8, 8), float(fall)), abs=1e-6)


def test_which_one_it_was_is_said() -> None:
    net = seeded(Siamese).eval()
    found = explain(net, tuple(IMAGES), "lime", target=1, samples=50)  # which needs an image
    assert found.warnings[0] == "explained: 0 of 2 inputs; choose another with part=1"
    with pytest.raises(ValueError, match="part: expected one of 0, 1, got 'a'"):
        list_layers(net, tuple(IMAGES), part="a")


def test_a_model_that_takes_the_dict_itself() -> None:
    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, batch: dict[str, Tensor]) -> Tensor:
            return self.fc(batch["values"])

    net, x = seeded(Takes).eval(), {"values": torch.ones(1, 3)}
    with pytest.raises(TypeError, match=r"entries are passed as keywords, .*forward=lambda model, x: model\(x\)"):
        explain(net, x, "gradient")
    found = explain(net, x, "gradient", target=1, forward=lambda model, x: model(x))
    assert found.values == pytest.approx(net.fc.weight.detach()[1].numpy())


def test_a_callable_outside_torch_takes_one_array() -> None:
    with pytest.raises(TypeError, match="x: a model that is no torch module takes one array"):
        explain(lambda rows: rows[:, :2], {"a": torch.ones(1, 3), "b": torch.ones(1, 3)}, "occlusion")


# Transforms


def test_a_transform_of_signals_is_applied_everywhere() -> None:
    net = seeded(lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 18, 3))).eval()
    x = seeded(lambda: torch.randn(1, 2, 20) * 10 + 50)
    leaf = ((x - 50) / 10).requires_grad_()
    score = net(leaf)[0, 1]
    found = explain(net, x, "gradient", target=1, preprocess=lambda t: (t - 50) / 10)
    assert found.score == pytest.approx(score.item(), abs=1e-6)
    assert found.values == pytest.approx(torch.autograd.grad(score, leaf)[0][0].numpy(), abs=1e-6)
    layers = list_layers(net, x[0].numpy(), preprocess=lambda t: torch.from_numpy(t)[:, :20])
    assert next(row for row in layers if row.name == "0").shape == (4, 18)


# Whole numbers


class Bytes(nn.Module):
    """Takes an image of bytes, and scales it itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten(), nn.Linear(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        assert x.dtype == torch.uint8
        return self.body(x.float() / 255)


def test_bytes_stay_bytes_and_have_no_gradient() -> None:
    net, x = seeded(Bytes).eval(), torch.arange(192).reshape(1, 3, 8, 8).to(torch.uint8)
    for fill, shade in (("zero", 0), ("mean", [32, 96, 160])):  # 31.5, 95.5, 159.5, rounded to the even
        found = explain(net, x, "occlusion", target=1, window=8, stride=8, fill=fill)
        with torch.no_grad():
            hidden = torch.tensor(shade, dtype=torch.uint8).reshape(1, -1, 1, 1).expand(1, 3, 8, 8)
            fall = net(x)[0, 1] - net(hidden)[0, 1]
        assert found.values == pytest.approx(np.full((8, 8), float(fall)), abs=1e-6)
    for method in ("gradient", "input_x_gradient"):
        with pytest.raises(ValueError, match=r"no gradient reaches the input, which holds integers: use x.float\(\)"):
            explain(net, x, method, target=1)
    ids = seeded(lambda: nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 3))).eval()
    with pytest.raises(ValueError, match="which holds integers: use a layer behind the embedding"):
        explain(ids, torch.tensor([[1, 2, 3]]), "gradient", target=1)
    with pytest.raises(ValueError, match="which holds integers: use a layer behind the embedding"):
        Subject(ids, torch.tensor([[1, 2, 3]])).gradients(torch.tensor([[1, 2, 3]]), 1)


def test_bytes_for_a_model_of_floats_name_the_call_that_works() -> None:
    net, x = seeded(Bytes).eval().body, torch.arange(192).reshape(1, 3, 8, 8)
    for dtype, call in ((torch.uint8, "x.float() / 255, if they are bytes of an image"), (torch.int64, "x.float()")):
        with pytest.raises(TypeError) as refused:
            explain(net, x.to(dtype), "gradient", target=1)
        held = str(dtype).removeprefix("torch.")
        assert str(refused.value) == f"x: it holds {held}, and the model's '0' computes in float32; try {call}"
        assert explain(net, x.float() / 255, "gradient", target=1).values.shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("net", "x", "message"),
    [
        (
            lambda: nn.Sequential(nn.Conv2d(5, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
            torch.rand(1, 5, 9),
            r"x: it has shape \(1, 5, 9\), and the model's first convolution '0' takes \(1, 5, H, W\) ",
        ),
        (
            lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)),
            torch.rand(1, 1, 2, 200),
            r"x: it has shape \(1, 1, 2, 200\), and the model's first convolution '0' takes \(1, 2, L\) ",
        ),
        (
            lambda: nn.Sequential(nn.Conv1d(1, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)),
            torch.rand(1, 200),
            r"takes \(1, 1, L\); try x\[None\]",
        ),
    ],
)
def test_axes_that_do_not_fit_are_named(net: Any, x: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(net().eval(), x, "gradient", target=1)


# Complex numbers


class KSpace(nn.Module):
    """Classifies the magnitudes of the image that its frequencies make."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.fft.ifft2(x).abs().flatten(1))


FREQUENCIES = seeded(lambda: torch.randn(1, 1, 8, 8, dtype=torch.complex64))


def parts_by_hand(net: nn.Module, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """∂score/∂Re x and ∂score/∂Im x, by real numbers alone."""
    pair = [part.clone().to(dtype).requires_grad_() for part in (FREQUENCIES.real, FREQUENCIES.imag)]
    slopes = torch.autograd.grad(net(torch.complex(*pair))[0, 1], pair)
    return slopes[0][0], slopes[1][0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_complex_input_has_a_magnitude_for_a_gradient(dtype: torch.dtype) -> None:
    net = seeded(KSpace).eval().to(dtype)
    real, imaginary = parts_by_hand(net, dtype)
    found = explain(net, FREQUENCIES, "gradient", target=1)
    assert found.values == pytest.approx(torch.hypot(real, imaginary).numpy(), abs=1e-6)
    assert (found.signed, found.quantity) == (False, "|gradient|")
    assert found.warnings == ("the input is complex: |∂score/∂Re x + i ∂score/∂Im x| is shown",)
    contribution = FREQUENCIES.real[0] * real + FREQUENCIES.imag[0] * imaginary
    found = explain(net, FREQUENCIES, "input_x_gradient", target=1)
    assert found.values == pytest.approx(contribution.numpy(), abs=1e-6)
    # the scores are homogeneous in x: what Euler's theorem says of them
    with torch.no_grad():
        assert found.values.sum() == pytest.approx(
            float(net(FREQUENCIES.to(net.fc.weight.dtype.to_complex()))[0, 1] - net.fc.bias[1]), abs=1e-5
        )


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_frequencies_are_hidden(fill: str) -> None:
    net = seeded(KSpace).eval()
    found = explain(net, FREQUENCIES, "occlusion", target=1, window=4, stride=4, fill=fill)
    with torch.no_grad():
        hidden = FREQUENCIES.clone()
        hidden[..., :4, 4:] = 0 if fill == "zero" else FREQUENCIES.mean()
        fall = net(FREQUENCIES)[0, 1] - net(hidden)[0, 1]
    assert found.values[:4, 4:] == pytest.approx(np.full((4, 4), float(fall)), abs=1e-6)


def test_what_needs_real_numbers_says_so_and_how() -> None:
    net = seeded(KSpace).eval()
    for method in ("gradient_shap", "deep_shap"):
        with pytest.raises(
            ValueError, match=r"need real numbers, .* with forward=lambda model, x: model\(torch.complex"
        ):
            explain(net, FREQUENCIES, method, target=1)
    found = explain(
        net,
        torch.cat([FREQUENCIES.real, FREQUENCIES.imag], 1),
        "gradient",
        target=1,
        forward=lambda model, x: model(torch.complex(*x.chunk(2, 1))),
    )
    assert found.values == pytest.approx(torch.cat(parts_by_hand(net, torch.float32)).numpy(), abs=1e-6)
