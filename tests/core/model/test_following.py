"""What is made of a tensor inside its module follows where the tensor is replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Session, Subject, explain, list_layers
from tests.networks import seeded


class Body(nn.Module):
    """Features and what was pooled of them, as the bodies of Hugging Face's image models return them."""

    def __init__(self, how: str = "tuple") -> None:
        super().__init__()
        self.conv, self.how = nn.Conv2d(3, 8, 3), how

    def forward(self, x: Tensor) -> Any:
        maps = self.conv(x)
        pooled = maps.mean((2, 3)) if self.how == "changed after" else None
        maps = maps.relu_()
        pooled = maps.mean((2, 3)) if pooled is None else pooled
        if self.how == "dict":
            return {"last": maps, "pooled": pooled}
        return (maps.contiguous(), pooled)


class Net(nn.Module):
    def __init__(self, how: str = "tuple") -> None:
        super().__init__()
        self.body, self.head = Body(how), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        return self.head(out["pooled"] if isinstance(out, dict) else out[1])


@pytest.fixture
def x() -> Tensor:
    return seeded(lambda: torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize("how", ["tuple", "dict"])
def test_explain_and_a_session_say_the_same_of_a_body_whose_pooled_features_are_read(how: str, x: Tensor) -> None:
    net = seeded(lambda: Net(how)).eval()
    right = torch.einsum("c,chw->hw", net.head.weight[1] / 900, net.body.conv(x)[0].relu()).relu().detach()
    np.testing.assert_allclose(explain(net, x, target=1).values, right, atol=1e-7)
    np.testing.assert_allclose(explain(net, x, layer="body", target=1).values, right, atol=1e-7)
    session = Session(net, x)
    answers = []
    session.place(lambda _, answer: answers.append(answer), target=1)
    assert session.selection.layer == "body"
    np.testing.assert_allclose(answers[-1].explanation.values, right, atol=1e-7)
    session.close()


@pytest.mark.parametrize("how", ["tuple", "dict"])
def test_channels_are_off_for_all_that_is_made_of_them(how: str, x: Tensor) -> None:
    net = seeded(lambda: Net(how)).eval()
    subject = Subject(net, x)
    layer = subject.layer("body")
    keep = torch.ones(11, 8, dtype=torch.bool)
    keep[0] = False
    keep[1, 3] = False
    scores = subject.ablated(layer, keep)
    torch.testing.assert_close(scores[0], net.head.bias.detach())
    pooled = net.body.conv(x).relu().mean((2, 3)).detach()
    pooled[0, 3] = 0
    torch.testing.assert_close(scores[1:2], net.head(pooled).detach())
    torch.testing.assert_close(scores[2:], subject.scores().expand(9, 3))
    assert not torch.overrides._get_current_function_mode_stack()


def test_what_was_made_before_it_got_its_values_does_not_follow(x: Tensor) -> None:
    net = seeded(lambda: Net("changed after")).eval()
    subject = Subject(net, x)
    scores = subject.ablated(subject.layer("body"), torch.zeros(1, 8, dtype=torch.bool))
    torch.testing.assert_close(scores, net(x).detach())


def test_each_tensor_of_a_module_is_a_layer() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(x)[1][0][-1])

    net, x = seeded(Two).eval(), seeded(lambda: torch.randn(1, 9, 4))
    rows = {row.name: row for row in list_layers(net, x)}
    assert list(rows) == ["rnn", "rnn[1][0]", "rnn[1][1]", "head"]
    assert [rows[name].gradient for name in ("rnn", "rnn[1][0]")] == [False, True]  # the head reads the last state
    last = net.rnn(x)[1][0].flatten().detach()
    evidence = explain(net, x, "channel_evidence", layer="rnn[1][0]", target=1).values
    np.testing.assert_allclose(evidence, last * net.head.weight[1].detach(), atol=1e-6)
    subject = Subject(net, x)
    off = subject.ablated(subject.layer("rnn[1][0]"), torch.zeros(1, 6, dtype=torch.bool))
    torch.testing.assert_close(off[0], net.head.bias.detach())


def test_a_function_of_the_users_own_is_followed(x: Tensor) -> None:
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Any:
            return grads[0] * 2

    class Odd(Body):
        def forward(self, x: Tensor) -> Any:
            apply: Callable[..., Any] = Twice.apply
            maps = apply(self.conv(x))
            return maps, maps.mean((2, 3))

    net = seeded(Net).eval()
    net.body = seeded(Odd)
    subject = Subject(net, x)
    scores = subject.ablated(subject.layer("body"), torch.zeros(1, 8, dtype=torch.bool))
    torch.testing.assert_close(scores[0], net.head.bias.detach())


def test_what_the_module_was_given_is_not_made_in_it(x: Tensor) -> None:
    class Through(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return x, x.mean((2, 3))

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.through, self.head = nn.Conv2d(3, 8, 3), Through(), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.through(self.conv(x))[1])

    subject = Subject(seeded(Outer).eval(), x)
    with pytest.raises(ValueError, match="layer: 'through' returns several tensors, and where this one is made"):
        subject.ablated(subject.layer("through"), torch.zeros(1, 8, dtype=torch.bool))
