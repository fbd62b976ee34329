"""A model that is called with too little says so in our words; the calls that these name work."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import explain
from tests.networks import seeded


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, mask: Tensor, *, scale: float) -> Tensor:
        return self.fc(x * mask) * scale


class Inner(nn.Module):
    """Calls a part of itself with too little: it is the model that is wrong, not the call."""

    def __init__(self) -> None:
        super().__init__()
        self.part = Masked()

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x)


X, MASK = torch.arange(4.0)[None], torch.tensor([[1.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("x", "said", "call", "forward"),
    [
        (
            X,
            "also wants mask, and x is one input; give all of them, as x=(…, mask)",
            "lambda model, x: model(x, mask=…)",
            lambda model, x: model(x, mask=MASK, scale=2.0),
        ),
        (
            {"x": X},
            "also wants mask, and x has 'x'; put the others into it",
            "lambda model, x: model(**x, mask=…)",
            lambda model, x: model(**x, mask=MASK, scale=2.0),
        ),
        (
            (X, MASK),
            "also wants scale, and x is tuple; give all of them, as x=(…, scale)",
            "lambda model, *x: model(*x, scale=…)",
            lambda model, *x: model(*x, scale=2.0),
        ),
    ],
    ids=["one", "dict", "tuple"],
)
def test_what_is_missing_is_named_with_the_call_that_works(x: Any, said: str, call: str, forward: Any) -> None:
    model = seeded(Masked)
    with pytest.raises(TypeError, match=re.escape(f"x: the model {said}")) as raised:
        explain(model, x, "gradient", target=1)
    assert str(raised.value).endswith(f"forward={call}")
    found = explain(model, x, "gradient", target=1, forward=forward)
    np.testing.assert_allclose(found.values, 2 * model.fc.weight[1].detach() * MASK[0], rtol=1e-6)


def test_an_error_deeper_inside_is_the_models_own() -> None:
    with pytest.raises(RuntimeError, match=r"the model raised TypeError on an input of shape \(1, 4\): .*missing"):
        explain(Inner(), X, "gradient", target=1)
