"""What holds for every test: nothing that a test changes in the process stays changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nbexplain import METHODS, options
from nbexplain.core import network
from nbexplain.core.memory import STORE


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Options, methods and grad mode are put back; what is kept is given back."""
    budget, run, methods = options.memory_budget, options.run, dict(METHODS)
    yield
    options.memory_budget, options.run = budget, run
    METHODS.clear()
    METHODS.update(methods)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    for key in list(STORE._entries):
        STORE.drop(key)


@pytest.fixture(autouse=True)
def _as_many_inputs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two inputs of a batch are asked alone, however quick the machine is: calls, and looks at Stop, can be counted."""
    monkeypatch.setattr(network, "_HOLDING", 0.0)
