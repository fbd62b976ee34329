"""Hooks: what they record, that they go, and that a run can be stopped anywhere."""

from __future__ import annotations

import collections
import copy
import dataclasses
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import METHODS, Session, explain, list_layers
from nbexplain.core.hooks import (
    Cancelled,
    Stop,
    cancellable,
    cancellable_graph,
    caught,
    first_tensor,
    graph_nodes,
    main_tensor,
    recorded,
    replace,
    replaced,
    surveyed,
)
from tests.core.snapshot import differences, snapshot
from tests.networks import FunctionalReLU, Plain, Reused, picture, seeded

Pair = collections.namedtuple("Pair", ["first", "second"])


@dataclasses.dataclass
class Output:
    name: str
    scores: Tensor


class Mapped(collections.OrderedDict):  # type: ignore[type-arg]
    """A mapping type of its own."""


T, NEW = torch.zeros(1), torch.ones(1)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (T, NEW),
        ((T, 2), (NEW, 2)),
        ([None, [3, T]], [None, [3, NEW]]),
        ({"n": 1, "scores": T}, {"n": 1, "scores": NEW}),
        (Pair("a", T), Pair("a", NEW)),
        (Output("a", T), Output("a", NEW)),
        (Mapped(a=T), Mapped(a=NEW)),
        ((None, 3), (None, 3)),
        ("text", "text"),
        ((T, T), (NEW, NEW)),  # the same tensor twice, as a body's last state among all its states
    ],
    ids=str,
)
def test_the_first_tensor_is_found_and_replaced(output: Any, expected: Any) -> None:
    found = first_tensor(output)
    assert found is (T if "tensor" in str(output) else None)
    replaced = replace(output, T, NEW)
    assert type(replaced) is type(output)
    assert str(replaced) == str(expected)
    if found is not None:
        assert first_tensor(output) is T  # the model's own container is never written to


def test_scores_come_before_the_indices_that_stand_first() -> None:
    indices = torch.zeros(1, dtype=torch.int64)
    assert main_tensor((indices, T)) is T
    assert main_tensor([indices]) is indices


def test_each_call_is_recorded_in_order() -> None:
    network, x = seeded(Reused).eval(), picture()
    with recorded({"relu1": network.relu1, "conv1": network.conv1}) as records:
        network(x)
    assert {name: len(calls) for name, calls in records.calls.items()} == {"conv1": 1, "relu1": 2}
    assert [t.shape[1] for t in records.calls["relu1"]] == [6, 8]


def test_what_is_overwritten_later_is_known_and_can_be_kept() -> None:
    network, x = seeded(FunctionalReLU).eval(), picture()
    modules = {"conv1": network.conv1, "conv2": network.conv2, "head": network.head}
    with recorded(modules) as records:
        right = network(x)
    assert records.overwritten() == {"conv1", "conv2"}
    assert records.calls["conv2"][0].min() == 0
    with recorded(modules, separate={"conv2"}) as records:
        assert torch.equal(network(x), right)
    assert records.overwritten() == {"conv1"}
    assert records.calls["conv2"][0].min() < 0


def test_a_leaf_begins_the_graph() -> None:
    network, x = seeded(Plain).eval().requires_grad_(False), picture()
    with recorded({"conv2": network.conv2}, leaf=("conv2", None)) as records:
        scores = network(x)
    leaf = records.calls["conv2"][0]
    assert leaf.is_leaf
    assert scores.requires_grad  # of a frozen network
    assert torch.autograd.grad(scores[0, 1], leaf)[0].abs().sum() > 0


@pytest.mark.parametrize("how", ["passes", "raises", "cancelled"])
def test_hooks_go_whatever_happens(how: str) -> None:
    network = seeded(Plain)
    before = snapshot(network)
    stop = Stop()
    if how == "cancelled":
        stop.event = threading.Event()
        stop.event.set()
    raised = {"cancelled": Cancelled, "raises": RuntimeError}.get(how)
    with (
        pytest.raises(raised) if raised else nullcontext(),
        recorded(dict(network.named_modules())),
        cancellable([network], stop),
        surveyed(network),
    ):
        network(picture(channels=1) if how == "raises" else picture())
    assert differences(before, snapshot(network)) == []


def test_a_survey_tells_the_sizes_and_what_is_handed_on() -> None:
    network = seeded(Plain)
    with surveyed(network) as survey:
        network(picture())
    outputs = [6 * 144, 6 * 144, 6 * 36, 8 * 36, 8 * 36, 5]
    assert (survey.largest, survey.total) == (6 * 144 * 4, sum(outputs) * 4)
    leaves = [module for module in network.modules() if not list(module.children())]
    assert [taker for _, taker in survey.handed_on] == leaves
    assert [giver for giver, _ in survey.handed_on] == [None, *leaves[:4], None]  # pooled and flattened in between


class Counted(threading.Event):
    """Set at the n-th look."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_pass_can_be_stopped_before_each_module() -> None:
    network = seeded(Plain)
    reached = []
    for name, module in network.named_children():
        module.register_forward_hook(lambda _m, _a, _o, name=name: reached.append(name))
    stop = Stop()
    for at in range(7):  # the network itself and its six modules
        reached.clear()
        stop.event = Counted(at)
        with pytest.raises(Cancelled), cancellable([network], stop):
            network(picture())
        assert reached == ["conv1", "relu1", "pool", "conv2", "relu2", "head"][: max(at - 1, 0)]


def test_a_backward_pass_can_be_stopped_between_its_nodes() -> None:
    network = seeded(Plain).requires_grad_(False)
    x = picture().requires_grad_()
    scores = network(x.clone())
    stop = Stop()
    cancellable_graph(scores, stop)
    stop.event = Counted(10**6)
    torch.autograd.grad(scores[0, 1], x, retain_graph=True)
    looks = 10**6 - stop.event.left
    assert looks >= 8
    for at in range(looks):
        stop.event = Counted(at)
        with pytest.raises(Cancelled):
            torch.autograd.grad(scores[0, 1], x, retain_graph=True)
    stop.event = None
    assert torch.autograd.grad(scores[0, 1], x)[0].shape == x.shape


def test_the_graph_of_a_model_with_many_layers_is_walked_without_recursion() -> None:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 1
    assert len(graph_nodes(y)) == 20_001


def test_the_worst_of_models_cannot_swallow_a_stop() -> None:
    class Swallows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.part(x)
            except Exception:
                return x

    def looks() -> Iterator[int]:
        yield from (0, 1)

    for at in looks():
        stop = Stop()
        stop.event = Counted(at)
        with pytest.raises(Cancelled), cancellable([model := Swallows()], stop):
            model(torch.zeros(1))


# Inside of a transform of functions


class Mapping(nn.Module):
    """Calls its head once for each row by `torch.vmap`, and, where `slopes`, adds its derivative."""

    def __init__(self, plain: bool, slopes: bool) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)
        self.plain, self.slopes = plain, slopes

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.norm(self.conv(x)).tanh().mean((2, 3))
        if not self.slopes:
            return self.head(pooled) if self.plain else torch.vmap(self.head)(pooled)
        if self.plain:
            slopes = 2 * F.linear(pooled, self.head.weight, self.head.bias) @ self.head.weight
        else:
            slopes = torch.vmap(torch.func.grad(lambda row: self.head(row).square().sum()))(pooled)
        return self.head(pooled + slopes)


@pytest.mark.parametrize("slopes", [False, True])
def test_modules_that_a_transform_calls_are_left_alone(slopes: bool) -> None:
    plain = Mapping(plain=True, slopes=slopes).eval()
    model = copy.deepcopy(plain)
    model.plain = False
    x = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(model(x), plain(x))
    rows = {row.name: row for row in list_layers(model, x)}
    assert rows["conv"].usable
    assert "head@2" not in rows  # a call inside is not counted
    assert rows["head"].usable == slopes
    layer = {"layer": "conv"}
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("gradient", {"target": 1}),
        ("grad_cam", {"target": 1, **layer}),
        ("channel_evidence", {"target": 1, **layer}),
        ("ablation", {"target": 1, **layer}),
        ("activation", {"channel": 1, **layer}),
        ("occlusion", {"target": 1, "window": 3, "stride": 3}),
    )
    for key, asked in cases:
        ours, right = explain(model, x, key, **asked).values, explain(plain, x, key, **asked).values
        np.testing.assert_allclose(ours, right, rtol=1e-4, atol=1e-6, err_msg=key)
    session = Session(model, x)
    assert session.selection.layer == "norm"
    assert session.facts.reason(METHODS["gradient"]) == session.facts.reason(METHODS["grad_cam"]) == ""


def test_calls_are_numbered_alike_where_a_transform_makes_some() -> None:
    """What is replaced, caught and recorded of a layer is the same call of it."""
    head = nn.Linear(2, 2)
    x = torch.rand(3, 2)
    with recorded({"head": head}) as records:
        torch.vmap(head)(x)
        output = head(x + 1)
    torch.testing.assert_close(records.calls["head"][0], output)
    with replaced(head, 0, torch.zeros_like):
        torch.testing.assert_close(torch.vmap(head)(x), head.forward(x))
        assert not head(x + 1).any()
    with caught(head, 0) as found:
        torch.vmap(head)(x)
        head(x + 1)
    torch.testing.assert_close(found.taken, x + 1)
    torch.testing.assert_close(found.returned, output.detach())
    with surveyed(head) as survey:
        torch.vmap(head)(x)
        head(x)
    assert survey.handed_on == [(None, head), (None, head)]
    assert survey.total == output.nbytes
