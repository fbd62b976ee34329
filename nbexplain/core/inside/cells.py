"""One cell of a layer: which pixels reach it, and what it adds up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain.core import hooks, layers
from nbexplain.core.explanation import Explanation
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.layers import Layer
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject

Cell = tuple[int, int]
_AT_ONCE = 8  # pictures that one round of the search looks at: two for each edge


def _no_picture(subject: Subject, layer: Layer | None) -> str:
    x = subject.input.tensor
    if x.ndim != 4 or not x.is_floating_point() or layer is None:
        return "it needs a picture (1, C, H, W)"
    returned = subject.catch(layer, torch.full_like(x, torch.nan)).returned
    return "" if returned is not None and returned.isnan().any() else "the model removes NaN"


def _no_convolution(subject: Subject, layer: Layer | None) -> str:
    convolves = layer is not None and isinstance(subject.module(layer), (nn.Conv1d, nn.Conv2d))
    return "" if convolves else "only convolutions add up like this"


@method(
    label="Receptive field",
    paper="Araujo et al. 2019, doi:10.23915/distill.00021",
    grid=True,
    on_picture=False,
    unfit=_no_picture,
)
def receptive_field(subject: Subject, layer: Layer, cell: Cell) -> Explanation:
    """The smallest rectangle of pixels outside of which nothing can change this cell of the layer.

    Values are (y, x) of the input: 1 inside, 0 outside. `details` holds left, top, right and bottom in pixels, half
    open; where the rectangle of a cell in the middle lies inside the picture and is larger, they reach beyond the
    picture, into the padding. `cut` is 1 where it ends at an edge and it is not known how far it goes on. Nothing is
    assumed of the layers: pixels are made NaN, which spreads through every operation, and passes up to the layer tell
    whether it arrives. What a network computes from the whole picture, as attention does, has the whole picture as its
    field.

    Raises
    ------
    ValueError
        If the input is no picture, or NaN does not reach the cell.
    """
    x = subject.input.tensor
    if x.ndim != 4 or not x.is_floating_point():
        raise ValueError(
            f"x: a receptive field is found in a picture (1, C, H, W) only, the input has shape {tuple(x.shape)}"
        )
    height, width = x.shape[-2:]
    found = _seen_extent(subject, layer, cell)
    across, down, notes, cut = found[::2], found[1::2], [], False
    if 0 in found[:2] or found[2] == width or found[3] == height:
        middle = subject.kept(("field", layer.name))
        if middle is None:
            middle = _seen_extent(subject, layer, _middle(layer))
            subject.keep(("field", layer.name), middle, 64)
        across, down = _beyond(found[::2], middle[::2], width), _beyond(found[1::2], middle[1::2], height)
        if (across, down) != (found[::2], found[1::2]):
            notes.append("part of the receptive field lies beyond the picture: there the network sees its padding")
        for side, size in ((0, width), (1, height)):
            if 0 < found[side + 2] - found[side] < size and {0, size} & {middle[side], middle[side + 2]}:
                cut = True
                notes.append("the receptive field is cut at the edge of the picture; how far it goes on is not known")
    (left, right), (top, bottom) = across, down
    values = np.zeros((height, width), np.float32)
    values[max(top, 0) : bottom, max(left, 0) : right] = 1
    return Explanation(
        values=values,
        axes=("y", "x"),
        signed=False,
        quantity="reaches the cell",
        details={"left": left, "top": top, "right": right, "bottom": bottom, "cut": float(cut)},
        warnings=tuple(dict.fromkeys(notes)),
    )


def _middle(layer: Layer) -> Cell:
    rows, columns = layer.rows_and_columns
    return rows // 2, columns // 2


def _beyond(found: tuple[int, int], middle: tuple[int, int], size: int) -> tuple[int, int]:
    """An interval that ends at an edge of the picture, made as long as the one of a cell in the middle.

    It stays as it is where that one is cut at an edge as well.
    """
    low, high = found
    missing = (middle[1] - middle[0]) - (high - low)
    if middle[0] == 0 or middle[1] == size or missing <= 0:
        return found
    if low == 0 and high < size:
        return low - missing, high
    return (low, high + missing) if high == size and low > 0 else found


def _seen_extent(subject: Subject, layer: Layer, cell: Cell) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels in the picture from which NaN reaches a cell."""
    x = subject.ready(subject.input.tensor)
    height, width = x.shape[-2:]

    def reached(masked: list[Callable[[Tensor], Tensor]]) -> list[bool]:
        batch = torch.cat([x] * len(masked)).nan_to_num()
        for picture, part in zip(batch, masked, strict=True):
            part(picture).fill_(torch.nan)
        returned = subject.catch(layer, batch).returned
        assert returned is not None
        cells = _as_rows(layer.as_channels(returned))[:, :, cell[0], cell[1]]
        return [bool(one) for one in cells.isnan().any(1)]

    if not reached([lambda picture: picture])[0]:
        raise ValueError(f"layer: the receptive field at {layer.name!r} is not known, since the model removes NaN")
    # how many columns or rows from each side can be NaN without the cell becoming so: at least, and less than
    sides = (
        (width, lambda n: lambda picture: picture[:, :, :n]),
        (height, lambda n: lambda picture: picture[:, :n]),
        (width, lambda n: lambda picture: picture[:, :, width - n :]),
        (height, lambda n: lambda picture: picture[:, height - n :]),
    )
    known = [(0, size) for size, _ in sides]
    while open_sides := [side for side, (least, most) in enumerate(known) if most - least > 1]:
        tried = []
        for side in open_sides:
            least, most = known[side]
            steps = _AT_ONCE // len(open_sides)
            numbers = sorted({least + (most - least) * step // (steps + 1) for step in range(1, steps + 1)} - {least})
            tried += [(side, n) for n in numbers or [least + 1]]
        for (side, n), arrived in zip(tried, reached([sides[side][1](n) for side, n in tried]), strict=True):
            least, most = known[side]
            known[side] = (least, min(most, n)) if arrived else (max(least, n), most)
    left, top, right, bottom = (least for least, _ in known)
    return left, top, width - right, height - bottom


def _as_rows(channels: Tensor) -> Tensor:
    """(N, channels, *grid) as (N, channels, y, x)."""
    return channels[:, :, None] if channels.ndim == 3 else channels


@method(label="Arithmetic of a cell", on_picture=False, unfit=_no_convolution)
def cell_arithmetic(subject: Subject, layer: Layer, channel: int, cell: Cell) -> Explanation:
    """What a convolution multiplies and adds up for one channel at one cell.

    Values are (factor, channel, y, x): the patch under the kernel, the kernel, and 1 where the patch lies inside what
    the layer took and 0 in its padding; channels are those of the layer's input that the kernel looks at. The sum of
    patch × kernel, plus `details["bias"]`, is `details["activation"]`.

    Raises
    ------
    ValueError
        If the layer is no convolution, naming those that are.
    """
    module = subject.module(layer)
    if not isinstance(module, (nn.Conv1d, nn.Conv2d)) or isinstance(module, nn.modules.lazy.LazyModuleMixin):
        others = [row.name for row in subject.layers() if row.usable and row.type in ("Conv1d", "Conv2d")]
        near = [name for name in others if name.startswith(f"{layer.name}.")] or others
        instead = f"; {layers.nearest(layer.name, near)}" if near else ""
        only = (
            "only Conv1d and Conv2d are shown"
            if isinstance(module, nn.Conv3d)
            else "only convolutions add up like this"
        )
        raise ValueError(f"layer: {layer.name!r} is a {layer.type}; {only}{instead}")
    caught = subject.catch(layer, subject.input.tensor)
    taken, weight = _planes(caught, module)
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    inside = _padded(torch.ones_like(taken[:, :1]), module, "constant")
    taken = _padded(taken, module, mode)
    rows, columns = (
        torch.arange(size) * step + at * stride
        for size, step, at, stride in zip(
            weight.shape[-2:], _two(module.dilation), cell, _two(module.stride), strict=True
        )
    )
    group = channel // (module.out_channels // module.groups)
    first = group * weight.shape[1]
    patch = taken[0, first : first + weight.shape[1]][:, rows][:, :, columns]
    within = inside[0, :, rows][:, :, columns].expand_as(patch)
    bias = 0.0 if module.bias is None else float(module.bias[channel])
    assert caught.returned is not None
    returned = _as_rows(layer.as_channels(caught.returned))[0, channel, cell[0], cell[1]]
    return Explanation(
        values=to_numpy(torch.stack([patch, weight[channel].detach(), within])),
        axes=("factor", "channel", "y", "x"),
        on="cell",
        quantity="activation",
        details={
            "bias": bias,
            "has a bias": float(module.bias is not None),
            "activation": float(returned),
            "first channel": float(first),
        },
    )


def _planes(caught: hooks.Caught, module: nn.Conv1d | nn.Conv2d) -> tuple[Tensor, Tensor]:
    """What the convolution took, (1, channels, y, x), and its kernels, (out, in, y, x); a signal is one row."""
    assert caught.taken is not None
    taken, weight = caught.taken, module.weight
    if isinstance(module, nn.Conv1d):
        taken, weight = taken[:, :, None], weight[:, :, None]
    return taken, weight


def _padded(taken: Tensor, module: nn.Conv1d | nn.Conv2d, mode: str) -> Tensor:
    margins = list(module._reversed_padding_repeated_twice)
    if isinstance(module, nn.Conv1d) and mode != "constant":
        return F.pad(taken[:, :, 0], margins, mode)[:, :, None]
    return F.pad(taken, margins + [0] * (4 - len(margins)), mode)


def _two(sizes: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns; a signal has one row."""
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])
