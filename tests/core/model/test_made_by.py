"""Which scores can only be probabilities, by what made them, and what two class names make of one number."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbexplain import Subject, explain
from nbexplain.core.model.made_by import Bounds

NAMES = ("healthy", "ill")
MASK = torch.tensor([[True]])


class Ends(nn.Module):
    """One number z (N, 1), put through what is given."""

    def __init__(self, end: Callable[[Tensor], Tensor], z: float) -> None:
        super().__init__()
        self.head = nn.Linear(4, 1)
        self.end = end
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[0.5, -1.0, 2.0, 0.25]]))
            self.head.bias.fill_(z - 1.75)

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.head(x))


def of_two(z: Tensor) -> Tensor:
    return torch.cat([-z, z], 1) / 2


def written_into(z: Tensor) -> Tensor:
    out = z.sigmoid().repeat(1, 2)
    out[:, 1:] = 1 - z.sigmoid()
    return out[:, 1:]


PROBABILITIES = {
    "clamp": lambda z: z.sigmoid().clamp(1e-6, 1 - 1e-6),
    "clamp by name": lambda z: z.sigmoid().clamp(min=1e-6).clamp_max(0.999),
    "ensemble": lambda z: torch.stack([z.sigmoid(), (2 * z).sigmoid()]).mean(0),
    "summed ensemble": lambda z: sum([z.sigmoid(), (2 * z).sigmoid()]) / 2,
    "sum of a stack": lambda z: torch.stack([z.sigmoid(), (2 * z).sigmoid()]).sum(0) / 2,
    "of the other class": lambda z: 1 - z.sigmoid(),
    "label smoothing": lambda z: z.sigmoid() * 0.9 + 0.05,
    "softmax": lambda z: of_two(z).softmax(1)[:, 1:],
    "index": lambda z: z.sigmoid()[:, [0]],
    "gather": lambda z: of_two(z).softmax(1).gather(1, torch.ones(len(z), 1, dtype=torch.long)),
    "where": lambda z: torch.where(MASK, z.sigmoid(), (2 * z).sigmoid()),
    "where a number": lambda z: torch.where(MASK, z.sigmoid(), 0.0),
    "exp of logsigmoid": lambda z: F.logsigmoid(z).exp(),
    "exp of log_softmax": lambda z: of_two(z).log_softmax(1).exp()[:, 1:],
    "hardsigmoid": F.hardsigmoid,
    "by hand": lambda z: 1 / (1 + torch.exp(-z)),
    "tanh": lambda z: (z.tanh() + 1) / 2,
    "product": lambda z: z.sigmoid() * (2 * z).sigmoid(),
    "any of two": lambda z: 1 - (1 - z.sigmoid()) * (1 - (2 * z).sigmoid()),
    "in place": lambda z: z.sigmoid_().mul(0.9).add_(0.05),
    "out": lambda z: torch.sigmoid(z.detach(), out=torch.empty(1, 1)) * 0 + z.sigmoid() * 1,
    "written into": written_into,
    "half": lambda z: z.sigmoid().double().float(),
}
LOGITS = {
    "linear": lambda z: z,
    "clamp": lambda z: z.clamp(0, 1),
    "times a logit": lambda z: z.sigmoid() * z,
    "too large": lambda z: z.sigmoid() * 1.5,
    "a difference": lambda z: z.sigmoid() - (0.1 * z).sigmoid(),
    "divided by a probability": lambda z: z.sigmoid() / (z + 9).sigmoid(),
    "exp": lambda z: (z - 1).exp(),
    "one of two is none": lambda z: torch.where(MASK, z, z.sigmoid()),
    "beside a logit": lambda z: torch.cat([z, z.sigmoid()], 1)[:, :1],
    "scaled by a tensor": lambda z: z.sigmoid() * torch.tensor(0.5),
}


@pytest.mark.parametrize("z", [-1.5, 0.3, 1.2])
@pytest.mark.parametrize("end", PROBABILITIES.values(), ids=PROBABILITIES)
def test_what_can_only_be_a_probability_is_one(end: Callable[[Tensor], Tensor], z: float) -> None:
    model, x = Ends(end, z).eval(), torch.ones(1, 4)
    p = float(model(x))
    ours = explain(model, x, "gradient", classes=NAMES)
    assert ours.score_name == "probability"
    assert ours.target == int(p > 0.5)
    assert ours.score == pytest.approx(p if p > 0.5 else 1 - p)
    leaf = x.clone().requires_grad_()
    (right,) = torch.autograd.grad(model(leaf).sum() * (1 if p > 0.5 else -1), leaf)
    np.testing.assert_allclose(ours.values.ravel(), right[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("z", [-1.5, 0.3])  # 0.3 could be a probability by its value
@pytest.mark.parametrize("end", LOGITS.values(), ids=LOGITS)
def test_what_can_be_anything_stays_a_logit(end: Callable[[Tensor], Tensor], z: float) -> None:
    model, x = Ends(end, z).eval(), torch.ones(1, 4)
    s = float(model(x))
    subject = Subject(model, x, classes=NAMES)
    assert subject.score_name == "logit"
    assert subject.scores()[0].tolist() == pytest.approx([-s, s])


@pytest.mark.parametrize("z", [-1.5, 0.3, 20.0, 200.0])
@pytest.mark.parametrize("end", [F.logsigmoid, lambda z: of_two(z).log_softmax(1)[:, 1:], lambda z: z.sigmoid().log()])
def test_the_logarithm_of_a_probability_is_one(end: Callable[[Tensor], Tensor], z: float) -> None:
    model, x = Ends(end, z).eval(), torch.ones(1, 4)
    subject = Subject(model, x, classes=NAMES)
    assert subject.score_name == "log-probability"
    healthy, ill = subject.scores()[0].double().exp().tolist()
    assert (healthy, ill) == pytest.approx((1 - ill, torch.tensor(z).sigmoid().item()), abs=1e-6)
    for target in range(2):
        assert np.isfinite(explain(model, x, "gradient", target=target, classes=NAMES).values).all()


def test_each_of_several_labels_is_a_probability_of_its_own() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Hardtanh(1e-6, 1 - 1e-6))
    subject = Subject(model, torch.ones(1, 4))
    assert (subject.score_name, subject.independent) == ("probability", True)


def test_what_is_written_in_place_counts_for_all_of_a_tensor_only_if_it_is_all() -> None:
    z = torch.tensor([[0.1, 0.2, 0.3]])
    with Bounds() as bounds:
        part = z.clone()
        part[:, :1].sigmoid_()
        whole = z.clone().sigmoid_()
        larger = z.sigmoid()
        larger[:, :1].mul_(3)
        over = z.sigmoid()
        over[:, :1] = z[:, :1]
        filled = torch.sigmoid(z, out=torch.empty(1, 3))
    assert [bounds.made(t) for t in (part, whole, larger, over, filled)] == [False, True, False, False, True]
    assert not bounds.made(part[:, :1])  # its storage holds others: too careful here, never wrong


def test_memory_that_is_used_again_has_no_bounds() -> None:
    with Bounds() as bounds:
        for _ in range(100):
            torch.zeros(1000).sigmoid()
            assert not bounds.made(torch.zeros(1000))


def test_seeing_what_made_the_scores_does_not_load_the_compiler() -> None:
    code = (
        "import sys, torch; from torch import nn; from nbexplain import Subject;"
        "subject = Subject(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Sigmoid()), torch.zeros(1, 1, 3, 3));"
        "print(subject.score_name, 'torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["probability", "False"]


def test_parts_that_are_compiled_are_seen_through() -> None:
    class Made(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.head = torch.compile(lambda x: scale * torch.sigmoid(x), backend="eager")

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x).clone()

    for scale, probability in ((1.0, True), (2.0, False)):
        model, x = Made(scale), torch.tensor([[-1.0, -2.0]])
        with Bounds() as bounds:
            assert bounds.made(model(x)) == probability
