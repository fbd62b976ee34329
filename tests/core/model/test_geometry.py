"""Which axes are channels and which are places: asked of networks whose answer is known by construction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import explain, list_layers
from nbexplain.core.model.geometry import Geometry, parsed
from nbexplain.core.model.token_grid import fitted_grid
from tests.networks import seeded


class LayerNorm2d(nn.LayerNorm):
    """A norm over the channels of (N, C, H, W), as in ConvNeXt."""

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Something of nobody's type, which keeps the order of the axes: the last are channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc(x)


class Tokens(nn.Module):
    """Patches as tokens with some before and behind them, and a block of attention."""

    def __init__(self, before: int = 1, behind: int = 0, side: tuple[int, int] = (16, 16), conv: bool = True) -> None:
        super().__init__()
        self.side = side
        self.patch: nn.Module = nn.Conv2d(3, 20, side, side) if conv else nn.Linear(3 * side[0] * side[1], 20)
        self.before, self.behind = (nn.Parameter(torch.randn(1, n, 20)) for n in (before, behind))
        self.block = nn.TransformerEncoderLayer(20, 2, 32, batch_first=True)
        self.head = nn.Linear(20, 3)

    def patches(self, x: Tensor) -> Tensor:
        if isinstance(self.patch, nn.Conv2d):
            return self.patch(x).flatten(2).transpose(1, 2)
        high, wide = self.side
        cut = x.unfold(2, high, high).unfold(3, wide, wide).permute(0, 2, 3, 1, 4, 5).flatten(3)
        return self.patch(cut.flatten(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(torch.cat([self.before, self.patches(x), self.behind], 1)).mean(1))


class Turned(Tokens):
    """Column after column of patches."""

    def patches(self, x: Tensor) -> Tensor:
        return self.patch(x).transpose(2, 3).flatten(2).transpose(1, 2)


class Frames(nn.Module):
    """Tokens of a video (1, 3, frames, H, W), in which the frames of a patch follow each other."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.token = nn.Conv3d(3, 12, (1, 8, 8), (1, 8, 8)), nn.Parameter(torch.randn(1, 1, 12))
        self.block, self.head = Block(12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).permute(0, 3, 4, 2, 1).flatten(1, 3)
        return self.head(self.block(torch.cat([self.token, tokens], 1)).mean(1))


class Alike(nn.Module):
    """A network that treats each variable of a series (1, time, variables) alike, and mixes only their scores."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.patches = nn.Identity(), Block(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        cut = self.norm(x * 2).transpose(1, 2).unfold(2, 8, 8)
        return self.head(self.patches(cut)).mean((1, 2))


class Mixer(nn.Module):
    """Mixes tokens through a transposed linear layer, whose channels are the tokens' places."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.tokens, self.channels = nn.Conv2d(3, 10, 8, 8), nn.Linear(24, 24), nn.Linear(10, 10)
        self.head = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        t = self.patch(x).flatten(2)
        t = (t + self.tokens(t)).transpose(1, 2)
        return self.head((t + self.channels(t)).mean(1))


class Last(nn.Module):
    """A stage on (N, H, W, C), as Swin has them."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.patch, self.stage, self.head = nn.Conv2d(3, channels, 4, 4, 1), Block(channels), nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stage(self.patch(x).permute(0, 2, 3, 1)).mean((1, 2)))


class Columns(nn.Module):
    """Reads a line of writing: rows are pooled away, the columns are a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.read, self.head = nn.Conv2d(1, 6, 3, padding=1), nn.GRU(6, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.read(self.conv(x).mean(2).transpose(1, 2))[0].mean(1))


class Recurrent(nn.Module):
    """Time steps first or second."""

    def __init__(self, kind: type[nn.RNNBase], first: bool) -> None:
        super().__init__()
        self.first = first
        self.rnn, self.fc = kind(6, 16, batch_first=first), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.rnn(x if self.first else x.transpose(0, 1))[0]
        return self.fc(out.mean(1 if self.first else 0))


def convolved(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(1), nn.LazyLinear(3))


Case = tuple[Callable[[], nn.Module], tuple[int, ...], str, str, tuple[int, ...] | None, int, int]
CASES: dict[str, Case] = {
    "a plain convolution": (
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten()),
        (3, 12, 9),
        "0",
        "n c y x",
        (10, 7),
        0,
        0,
    ),
    "a norm over channels": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 4, 4), LayerNorm2d(8), nn.Flatten()),
        (3, 32, 24),
        "1",
        "n c y x",
        (8, 6),
        0,
        0,
    ),
    "channels last": (Last, (3, 64, 56), "stage", "n y x c", (16, 14), 0, 0),
    "channels last, an oblong size that divides badly": (Last, (3, 66, 56), "stage", "n y x c", (17, 14), 0, 0),
    "channels last, as many as columns": (lambda: Last(14), (3, 64, 56), "stage", "n y x c", (16, 14), 0, 0),
    "a class token": (Tokens, (3, 96, 96), "block", "n t c", (6, 6), 1, 0),
    "oblong patches": (Tokens, (3, 90, 150), "block", "n t c", (5, 9), 1, 0),
    "nine registers": (lambda: Tokens(9), (3, 96, 64), "block", "n t c", (6, 4), 9, 0),
    "registers on both sides": (lambda: Tokens(2, 3), (3, 64, 112), "block", "n t c", (4, 7), 2, 3),
    "a class token at the end": (lambda: Tokens(0, 1), (3, 96, 96), "block", "n t c", (6, 6), 0, 1),
    "patches without a convolution": (lambda: Tokens(1, 0, (8, 4), False), (3, 64, 20), "block", "n t c", (8, 5), 1, 0),
    "tokens as many as channels": (lambda: Tokens(0), (3, 64, 80), "block", "n t c", (4, 5), 0, 0),
    "mixed channels": (Mixer, (3, 48, 32), "channels", "n t c", (6, 4), 0, 0),
    "columns of patches": (Turned, (3, 64, 112), "block", "n t c", (4, 7), 1, 0),
    "the frames of a patch together": (Frames, (3, 3, 32, 40), "block", "n t c", (3, 4, 5), 1, 0),
    "a line of writing": (Columns, (1, 16, 60), "read", "n t c", (1, 60), 0, 0),
    "an LSTM": (lambda: Recurrent(nn.LSTM, True), (40, 6), "rnn", "n t c", (40,), 0, 0),
    "a GRU that takes time first": (lambda: Recurrent(nn.GRU, False), (40, 6), "rnn", "t n c", (40,), 0, 0),
    "a signal": (lambda: nn.Sequential(nn.Conv1d(2, 5, 3), nn.Flatten()), (2, 30), "0", "n c t", (28,), 0, 0),
    "a volume": (
        lambda: nn.Sequential(nn.Conv3d(1, 4, 3), nn.Flatten()),
        (1, 8, 9, 7),
        "0",
        "n c z y x",
        (6, 7, 5),
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_axes_and_grid(name: str) -> None:
    make, shape, layer, axes, grid, prefix, suffix = CASES[name]
    model = seeded(make).eval()
    row = next(row for row in list_layers(model, seeded(lambda: torch.rand(1, *shape))) if row.name == layer)
    assert (" ".join(row.axes), row.grid, row.prefix, row.suffix) == (axes, grid, prefix, suffix)
    assert row.channels == row_size(row.axes, (1, *row.shape) if row.axes[0] == "n" else row.shape)
    assert row.depends
    assert not row.note


def row_size(axes: tuple[str, ...], shape: tuple[int, ...]) -> int:
    return shape[axes.index("c")]


@pytest.mark.parametrize(("before", "behind"), [(1, 0), (0, 1), (3, 2)])
def test_tokens_are_drawn_where_they_lie(before: int, behind: int) -> None:
    model = seeded(lambda: Tokens(before, behind)).eval()
    x = seeded(lambda: torch.rand(1, 3, 64, 112))
    tokens = torch.cat([model.before, model.patches(x), model.behind], 1)
    right = model.block(tokens)[0, before : before + 28, 5].reshape(4, 7)
    found = explain(model, x, "activation", layer="block", channel=5)
    np.testing.assert_allclose(found.values, right.detach(), atol=1e-5)


def test_columns_of_tokens_are_drawn_where_they_lie() -> None:
    model, x = seeded(Turned).eval(), seeded(lambda: torch.rand(1, 3, 64, 112))
    tokens = model.block(torch.cat([model.before, model.patches(x)], 1))[0, 1:, 5].detach()
    found = explain(model, x, "activation", layer="block", channel=5)
    np.testing.assert_allclose(found.values, tokens.reshape(7, 4).T, atol=1e-5)


def test_frames_of_a_patch_are_drawn_where_they_lie() -> None:
    model, x = seeded(Frames).eval(), seeded(lambda: torch.rand(1, 3, 3, 32, 40))
    right = model.block(model.patch(x).permute(0, 2, 3, 4, 1))[0, ..., 5].detach()
    found = explain(model, x, "activation", layer="block", channel=5)
    np.testing.assert_allclose(found.values, right, atol=1e-6)
    cells = model.block(model.patch(x).permute(0, 2, 3, 4, 1))[0].detach()
    cam = explain(model, x, "grad_cam", layer="block", target=1, relu=False)
    np.testing.assert_allclose(cam.values, cells @ model.head.weight[1].detach() / 61, rtol=1e-4, atol=1e-7)


def test_a_series_whose_variables_are_treated_alike_runs_over_its_longer_side() -> None:
    rows = {row.name: row for row in list_layers(seeded(Alike).eval(), seeded(lambda: torch.randn(1, 48, 4)))}
    assert (rows["norm"].axes, rows["norm"].grid) == (("n", "t", "c"), (48,))
    assert (rows["patches"].axes, rows["patches"].grid, rows["patches"].channels) == (("n", "c", "t", "c"), (6,), 32)


def test_a_sequence_is_explained_over_its_time_steps() -> None:
    model, x = seeded(lambda: Recurrent(nn.LSTM, True)).eval(), seeded(lambda: torch.randn(1, 40, 6))
    states = model.rnn(x)[0][0].detach()
    right = states @ model.fc.weight[1].detach() / 40  # the gradient of the score is w / 40 at every step
    found = explain(model, x, "grad_cam", layer="rnn", target=1, relu=False)
    assert found.axes == ("x",)
    np.testing.assert_allclose(found.values, right, atol=1e-6)
    np.testing.assert_allclose(explain(model, x, "cam", layer="rnn", target=1).values, 40 * right, atol=1e-5)
    evidence = explain(model, x, "channel_evidence", layer="rnn", target=1).values
    np.testing.assert_allclose(evidence, states.mean(0) * model.fc.weight[1].detach(), atol=1e-6)


def test_tokens_that_are_mixed_lie_nowhere() -> None:
    row = next(r for r in list_layers(seeded(Mixer).eval(), torch.rand(1, 3, 48, 32)) if r.name == "tokens")
    assert row.grid is None
    assert "not clear" in row.note


def test_what_sees_the_whole_image_everywhere_is_not_clear() -> None:
    class Held(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((1, 2, 3)).view(1, 1, 1, 1).expand(1, 6, 4, 4) * torch.rand(6, 4, 4)

    row = list_layers(nn.Sequential(Held(), nn.Flatten()), torch.rand(1, 3, 8, 8))[0]
    assert (row.grid, row.channels) == (None, 6)
    assert "not clear" in row.note
    assert "axes=" in row.note
    with pytest.raises(ValueError, match="not clear"):
        explain(nn.Sequential(Held(), nn.Flatten()), torch.rand(1, 3, 8, 8), "grad_cam", layer="0", target=1)


def test_the_user_says_it() -> None:
    class Held(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((1, 2, 3)).view(1, 1, 1, 1).expand(1, 4, 5, 6) * torch.arange(120.0).view(4, 5, 6)

    model = nn.Sequential(Held(), nn.Flatten())
    x = torch.rand(1, 3, 8, 8)
    row = list_layers(model, x, axes={"0*": "n y x c"})[0]
    assert (row.grid, row.channels, row.channel_axis) == ((4, 5), 6, 3)
    found = explain(model, x, "activation", layer="0", channel=2, axes={"0": "n y x c"})
    np.testing.assert_allclose(found.values, model[0](x)[0, :, :, 2])


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ("n c", "names 2 axes, but the output of '0' has 3"),
        ("n c q", "each of n"),
        ("c n t", "must name n, an axis of size 1"),
        ("n t t", "each of n"),
        (3, "expected letters"),
    ],
)
def test_letters_that_do_not_fit(axes: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        parsed("0", axes, (1, 4, 5))


def test_axes_are_a_mapping() -> None:
    with pytest.raises(TypeError, match="axes: expected"):
        list_layers(nn.Linear(3, 2), torch.rand(1, 3), axes="n c")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("grid", "before", "behind"), [((14, 14), 1, 0), ((14, 14), 5, 0), ((7, 20), 0, 3), ((1, 60), 0, 0), ((3, 5), 2, 1)]
)
@pytest.mark.parametrize("clarity", [1.0, 0.3])
@pytest.mark.parametrize("turned", [False, True])
def test_a_grid_is_found_from_where_some_tokens_lie(
    grid: tuple[int, int], before: int, behind: int, clarity: float, turned: bool
) -> None:
    cells = grid[0] * grid[1]
    rows, columns = np.divmod(np.arange(cells), grid[1])
    if turned:
        columns, rows = np.divmod(np.arange(cells), grid[0])
    places = np.stack([(rows + 0.5) / grid[0], (columns + 0.5) / grid[1]], 1)
    noise = np.random.default_rng(0).normal(0, 0.01, (before + cells + behind, 2))
    lying = np.concatenate([np.full((before, 2), 0.5), 0.5 + clarity * (places - 0.5), np.full((behind, 2), 0.5)])
    order = (1, 0) if turned and grid[0] > 1 else ()
    assert fitted_grid(len(lying), range(len(lying)), lying + noise) == (grid, before, behind, order)


def test_no_grid_where_tokens_lie_anywhere() -> None:
    lying = np.random.default_rng(0).uniform(0.4, 0.6, (50, 2))
    assert fitted_grid(50, range(50), lying) is None


def test_arranged() -> None:
    output = torch.arange(2 * 7 * 3.0).view(2, 7, 3)
    tokens = Geometry(("n", "t", "c"), (2, 2), prefix=1, suffix=2)
    assert torch.equal(tokens.arranged(output), output[:, 1:5].transpose(1, 2).reshape(2, 3, 2, 2))
    turned = Geometry(("n", "t", "c"), (2, 2), prefix=1, suffix=2, order=(1, 0))
    assert torch.equal(turned.arranged(output), tokens.arranged(output).transpose(2, 3))
    video = Geometry(("n", "t", "c"), (2, 3, 4), order=(1, 2, 0))
    cells = torch.arange(24.0).view(3, 4, 2)
    assert torch.equal(video.arranged(cells.view(1, 24, 1))[0, 0], cells.permute(2, 0, 1))
    assert video.steps() == (1, 8, 2)
    steps = Geometry(("t", "n", "c"), (2,))
    assert torch.equal(steps.arranged(output), output.permute(1, 2, 0))
    heads = Geometry(("n", "c", "t", "c"), (3,))
    wide = torch.arange(2 * 4 * 3 * 5.0).view(2, 4, 3, 5)
    assert torch.equal(heads.arranged(wide), wide.permute(0, 1, 3, 2).reshape(2, 20, 3))
    kept = heads.over_channels(torch.arange(40.0).view(2, 20), wide.shape)
    assert torch.equal(heads.arranged(kept.expand_as(wide))[..., 1], torch.arange(40.0).view(2, 20))
    assert steps.over_channels(torch.ones(7, 3), output.shape).shape == (1, 7, 3)


@pytest.mark.parametrize("extra", [1, 5])
@pytest.mark.parametrize("size", [(75, 50), (96, 64)])
def test_small_grids_are_found_whatever_the_weights(size: tuple[int, int], extra: int) -> None:
    for seed in range(10):
        model = seeded(lambda: Tokens(extra), seed).eval()
        x = seeded(lambda: torch.rand(1, 3, *size), seed)
        row = next(row for row in list_layers(model, x) if row.name == "block")
        assert (row.grid, row.prefix, row.suffix) == ((size[0] // 16, size[1] // 16), extra, 0)


class Windows(nn.Module):
    """Tokens of 8 × 8 places, put by windows of 2 × 2 between two layers where `windows`."""

    def __init__(self, windows: bool) -> None:
        super().__init__()
        self.windows = windows
        self.patches, self.block, self.head = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, 6), nn.Linear(6, 2)
        self.norm, self.again = nn.LayerNorm(6), nn.LayerNorm(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = self.norm(self.patches(x).flatten(2).transpose(1, 2))
        if self.windows:
            rows = rows.view(len(x), 4, 2, 4, 2, 6).permute(0, 2, 4, 1, 3, 5).reshape(len(x), 64, 6)
        return self.head(self.again(self.block(rows)).mean(1))


def test_tokens_in_another_order_are_not_taken_for_a_grid() -> None:
    for windows in (False, True):
        rows = {row.name: row for row in list_layers(seeded(lambda: Windows(windows)).eval(), torch.rand(1, 3, 32, 32))}  # noqa: B023
        assert rows["norm"].grid == (8, 8)
        for name in ("block", "again"):
            assert rows[name].grid == (None if windows else (8, 8))
            assert ("not clear" in rows[name].note) == windows


class Even(Tokens):
    """A block whose attention looks everywhere nearly alike, as one does that is not trained yet."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"value": nn.Linear(20, 20), "out": nn.Linear(20, 20)})  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat([self.before, self.patches(x)], 1)
        values = self.block["value"](tokens)  # type: ignore[index]
        looks = (1e-4 * values @ values.transpose(1, 2)).softmax(-1)
        return self.head((tokens + self.block["out"](looks @ values))[:, 0])  # type: ignore[index]


def test_tokens_that_hold_the_same_mix_are_not_in_another_order() -> None:
    rows = {row.name: row for row in list_layers(seeded(Even).eval(), torch.rand(1, 3, 96, 64))}
    for name in ("block.value", "block.out"):
        assert (rows[name].grid, rows[name].prefix) == ((6, 4), 1)


class Turning(nn.Module):
    """A convolution behind an image that has been turned on the way."""

    def __init__(self, turn: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.turn = turn
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 6, 3, 2, 1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.turn(self.first(x).relu())).relu().mean((2, 3)))


def test_a_convolution_is_not_believed_where_the_image_was_turned() -> None:
    x = seeded(lambda: torch.rand(1, 3, 40, 72))
    model = seeded(lambda: Turning(lambda y: y.transpose(2, 3))).eval()
    row = next(row for row in list_layers(model, x) if row.name == "second")
    assert (row.axes, row.grid) == (("n", "c", "x", "y"), (10, 18))
    cells = model.second(model.first(x).relu().transpose(2, 3)).detach().requires_grad_()
    (slopes,) = torch.autograd.grad(model.head(cells.relu().mean((2, 3)))[0, 1], cells)
    right = (slopes.mean((2, 3), keepdim=True) * cells).sum(1)[0].relu().T.detach()
    found = explain(model, x, "grad_cam", target=1)
    assert found.layer == "second"
    np.testing.assert_allclose(found.values, right, rtol=1e-5, atol=1e-8)
    flipped = next(r for r in list_layers(seeded(lambda: Turning(lambda y: y.flip(3))).eval(), x) if r.name == "second")
    assert flipped.grid is None
    assert "not clear" in flipped.note
    straight = next(r for r in list_layers(seeded(lambda: Turning(torch.relu)).eval(), x) if r.name == "second")
    assert (straight.axes, straight.grid) == (("n", "c", "y", "x"), (10, 18))


class Rows(nn.Module):
    """Patches in a row as `order` makes it of the patches (1, C, H, W) and of an image's coarser ones, and a norm."""

    def __init__(self, order: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.order = order
        self.fine, self.coarse = nn.Conv2d(3, 16, 8, 8), nn.Conv2d(3, 16, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 16, 1))
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        row = self.order(self.fine(x), self.coarse(x), self.token).transpose(1, 2)
        return self.head(self.norm(row).relu().mean(1))


def snake(fine: Tensor, _coarse: Tensor, _token: Tensor) -> Tensor:
    lines = [line.flip(-1) if number % 2 else line for number, line in enumerate(fine.unbind(2))]
    return torch.cat(lines, 2)


ORDERS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "two scales": lambda fine, coarse, _: torch.cat([fine.flatten(2), coarse.flatten(2)], 2),
    "a token in the middle": lambda fine, _, token: torch.cat(
        [fine.flatten(2)[..., :48], token.expand(len(fine), -1, -1), fine.flatten(2)[..., 48:]], 2
    ),
    "a token behind each row": lambda fine, _, token: torch.cat(
        [fine, token[..., None].expand(len(fine), -1, fine.shape[2], -1)], 3
    ).flatten(2),
    "to and fro": snake,
    "windows": lambda fine, *_: (
        fine.unflatten(2, (2, 4)).unflatten(4, (3, 4)).permute(0, 1, 2, 4, 3, 5).flatten(2)  # of 4 × 4
    ),
    "several kinds, one after the other": lambda fine, *_: (
        torch.cat([fine, fine.sin(), fine.cos()], 1).unflatten(1, (3, 16)).transpose(1, 2).flatten(2)
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_row_that_no_grid_explains_is_not_clear(order: str) -> None:
    for seed in range(4):
        model = seeded(lambda: Rows(ORDERS[order]), seed).eval()
        x = seeded(lambda: torch.rand(1, 3, 64, 96), seed)
        row = next(row for row in list_layers(model, x) if row.name == "norm")
        assert row.grid is None
        assert "not clear" in row.note


def test_a_few_queries_and_the_corners_of_boxes_are_no_places() -> None:
    class Queries(nn.Module):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.patches, self.queries = nn.Conv2d(3, 16, 8, 8), nn.Parameter(torch.randn(1, count, 16))
            self.look = nn.MultiheadAttention(16, 2, batch_first=True)
            self.found, self.box, self.head = nn.Linear(16, 16), nn.Linear(16, 4), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            seen = self.patches(x).flatten(2).transpose(1, 2)
            found = self.found(self.queries + self.look(3 * self.queries, 3 * seen, seen)[0])
            return self.head(found).mean(1) + self.box(found).mean()

    for count in (3, 4, 5):
        for seed in range(4):
            x = seeded(lambda: torch.rand(1, 3, 64, 96), seed)
            rows = list_layers(seeded(lambda: Queries(count), seed).eval(), x)  # noqa: B023
            assert [row.name for row in rows if row.name in ("found", "box") and row.grid] == []


def test_a_step_more_at_the_end_is_no_token_apart() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.wide, self.head = nn.Conv1d(2, 8, 4, 4), nn.Conv1d(8, 8, 8, padding=4), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            steps = self.first(x)
            return self.head((steps + self.wide(steps)[..., :-1].relu()).mean(2))

    row = next(r for r in list_layers(seeded(Wide).eval(), seeded(lambda: torch.randn(1, 2, 156))) if r.name == "wide")
    assert (row.grid, row.prefix, row.suffix) == ((40,), 0, 0)


@pytest.mark.parametrize(
    ("change", "axes", "behind"),
    [
        (lambda ids: ids + 1, ("n", "t", "c"), 0),
        (lambda ids: F.pad(ids, (0, 5)), ("n", "t", "c"), 5),
        (lambda ids: ids.t(), ("t", "n", "c"), 0),
    ],
    ids=["other numbers", "padded", "first axis"],
)
def test_ids_that_are_changed_before_they_are_looked_up(
    change: Callable[[Tensor], Tensor], axes: tuple[str, ...], behind: int
) -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.block, self.head = nn.Embedding(62, 16), nn.Linear(16, 16), nn.Linear(16, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.head(self.block(self.table(change(ids))).flatten(0, 1).mean(0, keepdim=True))

    rows = list_layers(seeded(Words).eval(), seeded(lambda: torch.randint(1, 60, (1, 11))))
    assert rows.suggested == "block"
    block = next(row for row in rows if row.name == "block")
    assert (block.axes, block.grid, block.prefix, block.suffix) == (axes, (11,), 0, behind)
