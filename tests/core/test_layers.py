"""What a layer's output means: its channels and its grid."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nbexplain import list_layers
from nbexplain.core.layers import Layer, candidates, nearest, split, unprefixed


class Says(nn.Module):
    """Returns a part of what it knows, and the input after it."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.inner, self.output = nn.Identity(), output

    def forward(self, x: Tensor) -> Tensor:
        self.inner(self.output)
        return x.flatten(1)[:, :3]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (torch.zeros(1, 3, dtype=torch.int64), "its output is torch.int64, not floating point"),
        (torch.zeros(()), "it does not depend on the input that is explained"),
        (torch.zeros(2, 3), "it does not depend on the input that is explained"),
        (torch.zeros(1, 0), "its output is empty"),
    ],
)
def test_why_a_layer_cannot_be_used(output: Tensor, reason: str) -> None:
    row = list_layers(Says(output), torch.rand(1, 3, 4, 4))[0]
    assert not row.usable
    assert reason in row.reason


def test_parts_of_the_input_in_the_first_axis_are_no_batch() -> None:
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.Linear(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            windows = x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 4, 5, 1).reshape(-1, 16, 3)
            return self.attend(windows).mean((0, 1))[None]

    row = list_layers(Windows(), torch.rand(1, 3, 8, 12))[0]
    assert "the first axis holds 6 parts of it, such as windows" in row.reason


def test_calls_are_numbered_in_the_order_in_which_they_end() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu, self.one, self.two = nn.ReLU(), nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.two(self.relu(self.one(x))))

    rows = list_layers(Twice(), torch.rand(1, 4))
    assert [(row.name, row.channels, row.calls) for row in rows] == [
        ("one", 5, 1),
        ("relu@1", 5, 2),
        ("two", 6, 1),
        ("relu@2", 6, 2),
    ]


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


def test_candidates_for_a_cam() -> None:
    rows = [
        Layer("a", "Conv2d", grid=(4, 4), gradient=True),
        Layer("b", "Conv2d", grid=(3, 5), gradient=True),
        Layer("c", "Conv2d", grid=(2, 2), gradient=True),
        Layer("d", "Conv2d", grid=(4, 4), gradient=False),
        Layer("e", "Conv2d", grid=(4, 4), gradient=True, reason="it cannot be used"),
        Layer("f", "Conv2d", grid=(4, 4), gradient=True, depends=False),
        Layer("g", "Linear", gradient=True),
    ]
    assert [row.name for row in candidates(rows)] == ["b", "a"]
    assert [row.name for row in candidates(rows[2:])] == ["c"]  # a smaller grid, where there is no other
    assert candidates(rows[3:]) == []


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
