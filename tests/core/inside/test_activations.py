"""What a layer returned, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Subject, explain, list_layers
from nbexplain.core.ask import ask
from tests.core import oracles
from tests.networks import CASES, SIDE, Case, Plain, double, picture, seeded


@pytest.mark.parametrize("case", [case for case in CASES if case.copied], ids=str)
def test_every_layer_equals_a_plain_hook(case: Case) -> None:
    network = double(case.network())
    x = case.tensor().double()
    rows = [row for row in list_layers(network, case.given(x)) if row.usable]
    assert len(rows) >= 3
    for row in rows:
        name, _, call = row.name.partition("@")
        output = _hooked(network, name, int(call or 1) - 1, case, x)
        ours = explain(network, case.given(x), "activation", layer=row.name)
        right = output[0].numpy()
        if row.channel_axis == 2:  # tokens
            right = right[row.prefix :].T.reshape(-1, *(row.grid or ())) if row.grid else right.T
        np.testing.assert_allclose(ours.values, right, rtol=1e-6, atol=1e-12, err_msg=row.name)
        # the session records all layers in one pass, and must keep the same values
        (whole,) = ask(Subject(network, case.given(x), whole=True), "activation", layer=row.name)
        np.testing.assert_allclose(whole.values, ours.values, rtol=1e-12, atol=1e-14, err_msg=row.name)
        one = explain(network, case.given(x), "activation", layer=row.name, channel=1)
        np.testing.assert_array_equal(one.values, ours.values[1])
        assert one.axes == ours.axes[1:]


def _hooked(network: nn.Module, name: str, call: int, case: Case, x: Tensor) -> Tensor:
    seen: list[Tensor] = []

    def hook(_module: nn.Module, _args: Any, output: Any) -> None:
        seen.append((output[0] if isinstance(output, tuple) else output).detach().clone())

    handle = network.get_submodule(name).register_forward_hook(hook)
    oracles.scores(lambda batch: case.run(network, batch), x)
    handle.remove()
    return seen[call]


def test_a_token_grid_lies_over_the_picture() -> None:
    case = next(case for case in CASES if case.name == "token grid")
    network, x = case.network(), case.tensor()
    by_tokens = explain(network, x, "activation", layer="norm1").values
    right = network.norm1(torch.cat([network.first, network.patches(x).flatten(2).mT], 1) + network.places)[
        0, 1:
    ].detach()
    for y in range(SIDE // 3):
        for column in range(SIDE // 3):
            np.testing.assert_allclose(by_tokens[:, y, column], right[y * (SIDE // 3) + column], rtol=1e-5, atol=1e-6)


def test_axes_and_signs() -> None:
    network, x = seeded(Plain), picture()
    conv, relu, head = (explain(network, x, "activation", layer=name) for name in ("conv1", "relu1", "head"))
    assert (conv.axes, conv.on, conv.signed) == (("channel", "y", "x"), "layer", True)
    assert relu.signed is False
    assert head.axes == ("channel",)
    np.testing.assert_allclose(relu.values, conv.values.clip(min=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("channel", "error", "message"),
    [
        (6, ValueError, "channel: 6 is out of range, expected 0 to 5"),
        (-1, ValueError, "channel: -1 is out of range, expected 0 to 5"),
        (1.0, TypeError, "channel: expected a whole number from 0 to 5, got 1.0"),
        (True, TypeError, "channel: expected a whole number from 0 to 5, got True"),
    ],
)
def test_a_channel_that_does_not_fit_is_refused(channel: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        explain(seeded(Plain), picture(), "activation", layer="conv1", channel=channel)  # type: ignore[arg-type]
