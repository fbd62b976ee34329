"""Occlusion against captum and a slow loop, by hand, and on its way from coarse to fine."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from torch import Tensor, nn

from nbexplain import Subject, explain
from nbexplain.core.ask import ask
from tests.core import oracles
from tests.networks import CASES, Case, Plain, Signal, Solid, double, picture, seeded

SHAPES = ((4, 2), (5, 3), (3, 3), (12, 7), (1, 1))


def mean_colour(x: Tensor) -> Tensor:
    return x.flatten(2).mean(2)[..., *[None] * (x.ndim - 2)].expand_as(x)


@pytest.mark.parametrize(("window", "stride"), SHAPES)
@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_equals_captum(window: int, stride: int, fill: str) -> None:
    network, x = seeded(Plain).double().eval(), picture(dtype=torch.float64)
    peer = Occlusion(network).attribute(
        x,
        target=2,
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride),
        baselines=0 if fill == "zero" else mean_colour(x),
        perturbations_per_eval=16,
    )
    assert torch.equal(peer[0, 0], peer[0, 1])  # one window for all channels
    ours = explain(network, x, "occlusion", target=2, window=window, stride=stride, fill=fill)
    np.testing.assert_allclose(ours.values, peer[0, 0], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("case", [case for case in CASES if case.copied], ids=str)
def test_equals_captum_on_every_network(case: Case) -> None:
    network, x = double(case.network()), case.tensor().double()
    sizes = (x.shape[1], *[4] * (x.ndim - 2))
    peer = Occlusion(lambda batch: case.run(network, batch)).attribute(
        x, target=1, sliding_window_shapes=sizes, strides=(x.shape[1], *[3] * (x.ndim - 2)), baselines=0
    )
    depth = {"depth": 4} if x.ndim == 5 else {}
    ours = explain(network, case.given(x), "occlusion", target=1, window=4, stride=3, fill="zero", **depth)
    np.testing.assert_allclose(ours.values, peer[0, 0], rtol=1e-6, atol=1e-12)


def test_by_hand() -> None:
    # score = Σ x: hiding a 2 × 2 window of ones takes 4 away; the middle lies under windows that take all the same
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 1, bias=False))
    nn.init.ones_(network[1].weight)
    x = torch.ones(1, 1, 4, 4)
    x[0, 0, 0, 0] = 5.0
    ours = explain(network, x, "occlusion", target=0, window=2, stride=2, fill="zero")
    assert ours.values.tolist() == [[8.0, 8.0, 4.0, 4.0], [8.0, 8.0, 4.0, 4.0], *[[4.0] * 4] * 2]
    # stride 1: the place (1, 1) lies under four windows, one of which hides the 5
    ours = explain(network, x, "occlusion", target=0, window=2, stride=1, fill="zero")
    assert ours.values[1, 1] == (8 + 4 + 4 + 4) / 4
    assert (ours.score, ours.axes, ours.on) == (20.0, ("y", "x"), "input")


def test_windows_at_the_edge_are_cut() -> None:
    network, x = seeded(Plain).double().eval(), picture(11, dtype=torch.float64)
    ours = explain(network, x, "occlusion", target=2, window=4, stride=3, fill="zero")
    right = oracles.occlusion(network, x, 2, 4, 3, torch.zeros_like(x))
    np.testing.assert_allclose(ours.values, right, rtol=1e-9, atol=1e-12)


def test_oblong_pictures() -> None:
    network, x = seeded(Plain).double().eval(), seeded(lambda: torch.rand(1, 3, 9, 14)).double()
    ours = explain(network, x, "occlusion", target=2, window=3, stride=2, fill="mean")
    right = oracles.occlusion(network, x, 2, 3, 2, mean_colour(x))
    np.testing.assert_allclose(ours.values, right, rtol=1e-9, atol=1e-12)


def test_signals() -> None:
    network, x = seeded(Signal).double().eval(), seeded(lambda: torch.rand(1, 2, 17)).double()
    ours = explain(network, x, "occlusion", target=2, window=5, stride=2, fill="mean")
    right = oracles.occlusion(network, x, 2, 5, 2, mean_colour(x))
    assert ours.axes == ("x",)
    np.testing.assert_allclose(ours.values, right, rtol=1e-9, atol=1e-12)


def test_coarse_to_fine() -> None:
    network, x = seeded(Plain).double().eval(), picture(20, dtype=torch.float64)
    subject = Subject(network, x)
    params = {"window": 2, "stride": 1, "fill": "zero"}
    pictures = list(ask(subject, "occlusion", target=1, params=params))
    windows = [int(p.details["windows"]) for p in pictures]
    assert windows == sorted(set(windows))
    assert windows[-1] == 19 * 19
    assert windows[0] <= 19 * 19 // 20
    assert [p.progress for p in pictures] == [n / (19 * 19) for n in windows]
    # window by window: what is tried has its value, what is not has that of a coarser neighbour that was
    falls = np.array([[_fall(network, x, y, x_, 2) for x_ in range(19)] for y in range(19)])
    first = pictures[0].values
    assert np.isfinite(first).all()
    stride = next(s for s in (1, 2, 4, 8, 16) if (-(-19 // s)) ** 2 == windows[0])
    coarse = np.repeat(np.repeat(falls[::stride, ::stride], stride, 0), stride, 1)[:19, :19]
    np.testing.assert_allclose(first, _averaged(coarse, 2), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(pictures[-1].values, _averaged(falls, 2), rtol=1e-9, atol=1e-12)


def _fall(network: nn.Module, x: Tensor, top: int, left: int, window: int) -> float:
    hidden = x.clone()
    hidden[..., top : top + window, left : left + window] = 0
    return float((network(x) - network(hidden))[0, 1])


def _averaged(falls: np.ndarray, window: int) -> np.ndarray:
    side = len(falls) + window - 1
    total, count = np.zeros((side, side)), np.zeros((side, side))
    for (y, x), fall in np.ndenumerate(falls):
        total[y : y + window, x : x + window] += fall
        count[y : y + window, x : x + window] += 1
    return total / count


def test_the_next_class_costs_no_pass() -> None:
    network, x = seeded(Plain), picture()
    subject = Subject(network, x)
    params = {"window": 4, "stride": 2}
    *_, first = ask(subject, "occlusion", target=1, params=params)
    *_, second = ask(subject, "occlusion", target=3, params=params)
    assert first.passes["forward"] >= 25  # one per window
    assert second.passes["forward"] == 0
    np.testing.assert_array_equal(second.values, explain(network, x, "occlusion", target=3, window=4, stride=2).values)
    assert not np.array_equal(first.values, second.values)


def test_other_parameters_start_anew() -> None:
    subject = Subject(seeded(Plain), picture())
    answers = []
    for params in ({"window": 4, "stride": 2}, {"window": 4, "stride": 4}, {"window": 4, "stride": 2, "fill": "zero"}):
        *_, answer = ask(subject, "occlusion", target=1, params=params)
        right = explain(seeded(Plain), picture(), "occlusion", target=1, **params)
        np.testing.assert_array_equal(answer.values, right.values)
        answers.append(answer.values)
    assert not np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize("fill", ["mean", "blur", "black", "white", "zero"])
def test_fills(fill: str) -> None:
    network, x = seeded(Plain).eval(), picture()
    ours = explain(network, x, "occlusion", target=1, window=4, stride=4, fill=fill)
    filling = Subject(network, x).input.fill(fill)
    right = oracles.occlusion(network, x, 1, 4, 4, filling)
    np.testing.assert_allclose(ours.values, right, rtol=1e-3, atol=1e-6)
    if fill in ("black", "zero"):
        assert not filling.any()
    if fill == "white":
        assert (filling == 1).all()


def test_a_window_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="window: expected a whole number from 1 to 12 for an input of 12×12, got 13"):
        explain(seeded(Plain), picture(), "occlusion", window=13, stride=1)
    with pytest.raises(ValueError, match="window: expected a whole number from 1 to 16 for an input of 16, got 17"):
        explain(seeded(Signal), torch.rand(1, 2, 16), "occlusion", window=17, stride=1)
    with pytest.raises(ValueError, match="depth: expected a whole number from 1 to 5 for an input of 5×8×8, got 6"):
        explain(seeded(Solid), torch.rand(1, 2, 5, 8, 8), "occlusion", depth=6)


def sums(shape: tuple[int, ...]) -> tuple[nn.Module, Tensor]:
    """A network whose one score is the sum of an input of the numbers 1, 2, 3 …"""
    count = int(np.prod(shape))
    network = nn.Sequential(nn.Flatten(), nn.Linear(count, 1, bias=False))
    nn.init.ones_(network[1].weight)
    return network.double(), torch.arange(1, count + 1, dtype=torch.float64).reshape(1, *shape)


def test_a_volume_by_hand() -> None:
    # hiding a window takes away what was in it: boxes of 2 × 2 × 2 in 4 × 4 × 4, side by side
    network, x = sums((1, 4, 4, 4))
    ours = explain(network, x, "occlusion", target=0, window=2, stride=2, depth=2, fill="zero")
    boxes = x[0, 0].reshape(2, 2, 2, 2, 2, 2).sum((1, 3, 5))
    right = boxes.repeat_interleave(2, 0).repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert ours.axes == ("z", "y", "x")
    np.testing.assert_allclose(ours.values, right, rtol=1e-12)
    assert ours.values[0, 0, 0] == 1 + 2 + 5 + 6 + 17 + 18 + 21 + 22
    # the step along the slices goes with the stride: depth 3, half of it rounded up, so slices 0–2 and 2–3
    ours = explain(network, x, "occlusion", target=0, window=4, stride=2, depth=3, fill="zero")
    slices = x[0, 0].sum((1, 2))
    first, last = float(slices[:3].sum()), float(slices[2:].sum())
    np.testing.assert_allclose(ours.values[:, 0, 0], [first, first, (first + last) / 2, last], rtol=1e-12)


@pytest.mark.parametrize(("window", "stride", "depth"), [(4, 2, 2), (3, 3, 1), (5, 4, 5), (8, 1, 3)])
def test_volumes_equal_captum(window: int, stride: int, depth: int) -> None:
    network, x = seeded(Solid).double().eval(), seeded(lambda: torch.rand(1, 2, 5, 8, 9)).double()
    along = -(-depth * stride // window)
    peer = Occlusion(network).attribute(
        x, target=2, sliding_window_shapes=(2, depth, window, window), strides=(2, along, stride, stride), baselines=0
    )
    ours = explain(network, x, "occlusion", target=2, window=window, stride=stride, depth=depth, fill="zero")
    np.testing.assert_allclose(ours.values, peer[0, 0], rtol=1e-6, atol=1e-12)


def test_frames_before_channels() -> None:
    class Frames(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = seeded(Solid)
            self.body.conv1 = seeded(lambda: nn.Conv3d(3, 6, 3, padding=1))

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x.transpose(1, 2))

    network, x = Frames().double().eval(), seeded(lambda: torch.rand(1, 6, 3, 8, 8)).double()
    how = {"target": 2, "window": 4, "stride": 2, "depth": 2}
    ours = explain(network, x, "occlusion", **how)
    right = explain(network.body, x.transpose(1, 2), "occlusion", **how)
    assert ours.values.shape == (6, 8, 8)
    np.testing.assert_allclose(ours.values, right.values, rtol=1e-9, atol=1e-12)
    assert explain(network, x, "gradient", target=2).axes == ("z", "channel", "y", "x")
    assert any("axis 1 is taken for the 6 frames of a video, axis 2 for its 3 channels" in w for w in ours.warnings)


def test_a_window_is_cut_to_a_side_that_is_shorter() -> None:
    network, x = sums((1, 6, 1))
    ours = explain(network, x, "occlusion", target=0, window=2, stride=2, fill="zero")
    assert ours.values.ravel().tolist() == [3, 3, 7, 7, 11, 11]
    ours = explain(network, x, "occlusion", target=0, window=4, stride=2, fill="zero")  # rows 0–3 and 2–5
    assert ours.values.ravel().tolist() == [10, 10, 14, 14, 18, 18]


def test_windows_lie_along_the_axes_of_places(monkeypatch: pytest.MonkeyPatch) -> None:
    # steps of a sequence (1, T, F): each window hides all F numbers of its steps
    network, x = sums((6, 2))
    subject = Subject(network, x)
    monkeypatch.setattr(Subject, "place_axes", property(lambda self: (1,)))
    *_, ours = ask(subject, "occlusion", target=0, params={"window": 2, "stride": 2, "fill": "zero"})
    assert ours.axes == ("x",)
    assert ours.values.tolist() == [1 + 2 + 3 + 4] * 2 + [5 + 6 + 7 + 8] * 2 + [9 + 10 + 11 + 12] * 2
    *_, slope = ask(subject, "gradient", target=0)
    assert slope.axes == ("x", "channel")


@pytest.mark.parametrize(
    ("shape", "right"),
    [
        ((1, 3, 224, 224), {"window": 32, "stride": 16}),
        ((1, 1, 28, 28), {"window": 4, "stride": 2}),
        ((1, 1, 32, 32), {"window": 5, "stride": 3}),
        ((1, 1, 60, 1), {"window": 9, "stride": 5}),
        ((1, 1, 8, 8), {"window": 1, "stride": 1}),
        ((1, 1, 1, 1), {"window": 1, "stride": 1}),
        ((1, 2, 200), {"window": 29, "stride": 15}),
        ((1, 1, 30, 96, 96), {"window": 32, "stride": 16, "depth": 10}),
        ((1, 1, 8, 16, 16), {"window": 5, "stride": 3, "depth": 3}),
    ],
)
def test_windows_follow_the_input(shape: tuple[int, ...], right: dict[str, int]) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 2, bias=False))
    ours = explain(network, seeded(lambda: torch.rand(shape)), "occlusion", target=0)
    assert {name: ours.params[name] for name in right} == right
    assert ("depth" in ours.params) == (len(shape) == 5)
    assert np.isfinite(ours.values).all()
    if max(shape[2:]) > 8:
        assert len(np.unique(ours.values)) > 4
        assert ours.details["windows"] <= 200


def test_the_stride_is_half_of_the_window_that_is_given() -> None:
    network, x = seeded(Plain), picture()
    ours = explain(network, x, "occlusion", target=1, window=5)
    assert ours.params["stride"] == 3
    np.testing.assert_array_equal(ours.values, explain(network, x, "occlusion", target=1, window=5, stride=3).values)


def test_a_stride_that_leaves_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="stride: 5 is larger than the window of 4"):
        explain(seeded(Plain), picture(), "occlusion", window=4, stride=5)


def test_a_fill_without_meaning_for_a_signal_is_refused() -> None:
    with pytest.raises(ValueError, match="fill: expected one of 'mean', 'zero', got 'blur'"):
        explain(seeded(Signal), torch.rand(1, 2, 16), "occlusion", window=4, stride=4, fill="blur")


def test_a_table_row_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x: occlusion needs a picture .* or a signal .*, got \(1, 3\)"):
        explain(nn.Linear(3, 2), torch.rand(1, 3), "occlusion", window=1, stride=1)
