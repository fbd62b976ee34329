"""Checkpointed parts: the gradients of the same network without checkpointing, and nobody else is touched."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
import torch.utils.checkpoint as torch_checkpoint
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from nbexplain import Subject
from nbexplain.core.hooks import Cancelled
from nbexplain.core.model.checkpointing import run_directly
from tests.core import oracles
from tests.core.snapshot import differences, snapshot
from tests.networks import Plain, picture, seeded

REENTRANT = [False, True]
LOOKED_UP = ("CheckpointFunction", "_checkpoint_without_reentrant_generator")


class Checkpointed(Plain):
    """Both blocks are checkpointed, the second through a function inside the first's kind."""

    reentrant = False

    def features(self, x: Tensor) -> Tensor:
        x = checkpoint(lambda v: self.pool(self.relu1(self.conv1(v))), x, use_reentrant=self.reentrant)
        return checkpoint(self.second, x, use_reentrant=self.reentrant)

    def second(self, x: Tensor) -> Tensor:
        return self.relu2(self.conv2(x))


class InSequence(Plain):
    reentrant = False

    def features(self, x: Tensor) -> Tensor:
        parts = nn.Sequential(self.conv1, self.relu1, self.pool, self.conv2, self.relu2)
        return checkpoint_sequential(parts, 2, x, use_reentrant=self.reentrant)


def made(make: type[Any], reentrant: bool) -> nn.Module:
    model = seeded(lambda: make(inplace=False)).double().eval()
    model.reentrant = reentrant
    return model


def found() -> tuple[Any, ...]:
    return tuple(getattr(torch_checkpoint, name) for name in LOOKED_UP)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("reentrant", REENTRANT)
@pytest.mark.parametrize("make", [Checkpointed, InSequence])
def test_gradients_are_those_without_checkpointing(make: type[Any], reentrant: bool, whole: bool) -> None:
    before = found()
    model, plain = made(make, reentrant), seeded(lambda: Plain(inplace=False)).double().eval()
    x = picture(dtype=torch.float64)
    untouched = snapshot(model, x)
    subject = Subject(model, x, whole=whole)
    for name in ("conv1", "pool", "conv2"):
        row = subject.layer(name)
        right = oracles.layer_output(plain, plain.get_submodule(name), x, 2, 0)
        torch.testing.assert_close(subject.activation(row), right[0])
        torch.testing.assert_close(subject.gradient(2, row), right[1], rtol=1e-6, atol=1e-12)
    right = oracles.input_gradient(plain, x, 2)
    torch.testing.assert_close(subject.gradient(2), torch.as_tensor(right), rtol=1e-6, atol=1e-12)
    _, slopes = subject.gradients(x.repeat(3, 1, 1, 1), 2)
    torch.testing.assert_close(slopes, torch.as_tensor(right).expand_as(slopes), rtol=1e-6, atol=1e-12)
    assert found() == before
    assert differences(untouched, snapshot(model, x)) == []


@pytest.mark.parametrize("reentrant", REENTRANT)
def test_another_thread_checkpoints_as_before(reentrant: bool) -> None:
    """A part that is checkpointed runs twice: forward, and again for the backward pass."""
    runs: list[str] = []

    def part(x: Tensor) -> Tensor:
        runs.append(threading.current_thread().name)
        return x.sin()

    def train() -> None:
        x = torch.ones(2, requires_grad=True)
        checkpoint(part, x, use_reentrant=reentrant).sum().backward()
        assert x.grad is not None
        torch.testing.assert_close(x.grad, x.detach().cos())

    thread = threading.Thread(target=train, name="training")
    with run_directly():
        thread.start()
        thread.join(60)
        x = torch.ones(2, requires_grad=True)
        checkpoint(part, x, use_reentrant=reentrant).sum().backward()
    assert runs.count("training") == 2
    assert len(runs) == 3


@pytest.mark.parametrize("error", [KeyError, Cancelled])
@pytest.mark.parametrize("reentrant", REENTRANT)
def test_all_is_put_back_whatever_happens_inside(reentrant: bool, error: type[BaseException]) -> None:
    def fails(_x: Tensor) -> Tensor:
        raise error

    def run() -> None:
        with run_directly(), run_directly():
            assert found() != before
            checkpoint(fails, torch.ones(1, requires_grad=True), use_reentrant=reentrant)

    before = found()
    with pytest.raises(error):
        run()
    assert found() == before


def test_what_somebody_else_puts_there_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = type("Theirs", (torch_checkpoint.CheckpointFunction,), {})
    with run_directly():
        monkeypatch.setattr(torch_checkpoint, "CheckpointFunction", theirs)
    assert torch_checkpoint.CheckpointFunction is theirs
