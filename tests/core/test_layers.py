"""What a layer's output means: its channels and its grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import list_layers
from nbexplain.core.layers import Layer, describe, nearest, split, suggest, unprefixed

PICTURE, SIGNAL, TOKENS, ROW = (1, 3, 32, 48), (1, 2, 16), (1, 7), (1, 4)


@pytest.mark.parametrize(
    ("module", "shape", "given", "axis", "grid", "prefix"),
    [
        (nn.Conv2d(1, 1, 1), (1, 6, 8, 12), PICTURE, 1, (8, 12), 0),
        (nn.AdaptiveAvgPool2d(1), (1, 6, 1, 1), PICTURE, 1, None, 0),
        (nn.LayerNorm(6), (1, 8, 12, 6), PICTURE, 3, (8, 12), 0),
        (nn.Identity(), (1, 8, 12, 6), PICTURE, 3, (8, 12), 0),  # only (8, 12) is in the picture's proportion
        (nn.Linear(6, 6), (1, 6), PICTURE, 1, None, 0),
        (nn.Identity(), (1, 96, 5), PICTURE, 2, (8, 12), 0),
        (nn.Identity(), (1, 97, 5), PICTURE, 2, (8, 12), 1),
        (nn.Identity(), (1, 98, 5), PICTURE, 2, (8, 12), 2),
        (nn.Identity(), (1, 101, 5), PICTURE, 2, (8, 12), 5),
        (nn.Linear(5, 5), (1, 95, 5), PICTURE, 2, None, 0),  # no grid of 95 in this proportion
        (nn.Identity(), (1, 197, 5), (1, 3, 224, 224), 2, (14, 14), 1),
        (nn.Conv1d(1, 1, 1), (1, 6, 8), SIGNAL, 1, (8,), 0),
        (nn.Conv1d(1, 1, 1), (1, 6, 1), SIGNAL, 1, None, 0),
        (nn.Embedding(9, 4), (1, 7, 4), TOKENS, 2, None, 0),
        (nn.Linear(4, 3), (1, 3), ROW, 1, None, 0),
    ],
)
def test_channels_and_grid(
    module: nn.Module,
    shape: tuple[int, ...],
    given: tuple[int, ...],
    axis: int,
    grid: tuple[int, ...] | None,
    prefix: int,
) -> None:
    output = torch.arange(float(np.prod(shape))).reshape(shape)
    layer = describe("name", module, [output], 0, given)
    assert layer.usable, layer.reason
    assert (layer.channel_axis, layer.grid, layer.prefix) == (axis, grid, prefix)
    assert layer.channels == shape[axis]
    if grid is not None:
        as_channels = layer.as_channels(output)
        assert as_channels.shape == (1, layer.channels, *grid)
        flat = output.movedim(axis, 1).flatten(2)[..., prefix:]  # row by row
        assert torch.equal(as_channels.flatten(2), flat)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (torch.zeros(1, 3, dtype=torch.int64), "its output is torch.int64, not floating point"),
        (torch.zeros(3), "has no batch axis of one input"),
        (torch.zeros(2, 3), "has no batch axis of one input"),
        (torch.zeros(1, 0), "its output is empty"),
        (torch.zeros(1, 2, 3, 4, 5, 6), "neither a vector, tokens, a signal, an image nor a volume"),
    ],
)
def test_why_a_layer_cannot_be_used(output: Tensor, reason: str) -> None:
    layer = describe("name", nn.Identity(), [output], 0, PICTURE)
    assert not layer.usable
    assert reason in layer.reason


def test_calls_are_numbered() -> None:
    outputs = [torch.zeros(1, 4), torch.zeros(1, 5)]
    first, second = (describe("relu", nn.ReLU(), outputs, call, ROW) for call in (0, 1))
    assert (first.name, first.channels, second.name, second.channels) == ("relu@1", 4, "relu@2", 5)
    assert first.calls == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.relu@2", ("a.relu", 1)),
        ("a.relu", ("a.relu", None)),
        ("a@0", ("a@0", None)),
        ("a@b", ("a@b", None)),
        ("user@1", ("user", 0)),
    ],
)
def test_names_of_calls(name: str, expected: tuple[str, int | None]) -> None:
    assert split(name) == expected


def test_prefixes_of_wrappers_are_dropped_only_where_they_name_nothing() -> None:
    modules = {"conv": nn.Identity(), "module.conv": nn.Identity()}
    assert unprefixed("module.conv", modules) == "module.conv"
    assert unprefixed("module.module.conv", modules) == "module.conv"
    assert unprefixed("_orig_mod.conv", {"conv": nn.Identity()}) == "conv"
    assert unprefixed("module.other", {"conv": nn.Identity()}) == "other"


def test_the_last_layer_with_a_grid_and_a_gradient_is_suggested() -> None:
    rows = [
        Layer("a", "Conv2d", grid=(4, 4), gradient=True),
        Layer("b", "Conv2d", grid=(2, 2), gradient=True),
        Layer("c", "Conv2d", grid=(2, 2), gradient=False),
        Layer("d", "Conv2d", grid=(2, 2), gradient=True, reason="it cannot be used"),
        Layer("e", "Linear", gradient=True),
    ]
    found = suggest(rows)
    assert found is not None
    assert found.name == "b"
    assert suggest(rows[2:]) is None


def test_nearest_names() -> None:
    names = [f"layer{i}.{j}.conv{k}" for i in (1, 2) for j in (0, 1) for k in (1, 2)]
    assert nearest("layer2.1.conv3", names).startswith("nearest: 'layer2.1.conv")
    assert nearest("zzz", names).count("'") == 6  # nothing is near: the last three
    assert nearest("zzz", []) == "there are none"


def test_a_convolutions_channels_come_first_even_if_its_shape_looks_otherwise() -> None:
    """(1, 6, 6, 4) of a square picture: the first two axes are in its proportion, the last two are not."""
    model = nn.Sequential(nn.Conv2d(3, 6, (3, 5), stride=(2, 3), padding=(1, 2)), nn.ReLU())
    row = list_layers(model, torch.rand(1, 3, 12, 12))[0]
    assert (row.channel_axis, row.channels, row.grid) == (1, 6, (6, 4))
