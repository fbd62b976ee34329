"""list_layers: every layer tried once, with shape, channels, grid, and why it can't be used."""

from __future__ import annotations

import difflib
import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbexplain.core import hooks

_CHANNELS_FIRST = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention)


@dataclass(frozen=True)
class Layer:
    """One call of one module, as it was seen when the model ran on the input.

    Attributes
    ----------
    name
        Dotted module name; `name@2` is the second call of a module that is called several times.
    type
        Class name of the module.
    shape
        Output shape without the batch axis.
    channel_axis
        Axis of the channels in the output (the batch axis is 0), or None.
    channels
        Number of channels.
    grid
        (depth, rows, columns), (rows, columns) or (places,) of the cells that span the input, or None where there is no
        spatial grid.
    prefix
        Tokens before the grid (a class token, registers).
    gradient
        Whether the gradient of the scores reaches this output.
    reason
        Why it cannot be used, or `""`.
    """

    name: str
    type: str
    shape: tuple[int, ...] = ()
    channel_axis: int | None = None
    channels: int = 0
    grid: tuple[int, ...] | None = None
    prefix: int = 0
    calls: int = 0
    gradient: bool = False
    reason: str = ""

    @property
    def usable(self) -> bool:
        return not self.reason

    @property
    def rows_and_columns(self) -> tuple[int, int]:
        """The grid that a cell (row, column) lies in; a signal has one row, a vector one cell."""
        rows, columns = (1, 1, *(self.grid or ()))[-2:]
        return rows, columns

    @property
    def call(self) -> int:
        """Which call of its module it is, from 0."""
        call = split(self.name)[1]
        return self.calls - 1 if call is None else call

    def as_channels(self, output: Tensor) -> Tensor:
        """The layer's output (N, …) as (N, channels, *grid); without a grid as (N, channels, places)."""
        if self.channel_axis is None:
            raise ValueError(f"layer: {self.name!r} has no channel axis")
        moved = output.movedim(self.channel_axis, 1)
        if self.grid is None:
            return moved.flatten(2) if moved.ndim > 2 else moved[..., None]
        if moved.ndim == 3 and len(self.grid) == 2:
            moved = moved[:, :, self.prefix :]
        return moved.reshape(*moved.shape[:2], *self.grid)


def describe(name: str, module: nn.Module, outputs: Sequence[Tensor], call: int, input_shape: Sequence[int]) -> Layer:
    """What one call of a module returned: its channel axis and its grid.

    `input_shape` is that of the explained input, batch included: it decides between a signal's (N, C, L) and a
    picture's tokens (N, T, C), and which axes of (N, H, W, C) are the picture's.
    """
    output = outputs[call]
    label = name if len(outputs) == 1 else f"{name}@{call + 1}"
    shape = tuple(output.shape[1:])
    axis: int | None = None
    grid: tuple[int, ...] | None = None
    prefix = 0
    reason = ""
    if not output.is_floating_point():
        reason = f"its output is {output.dtype}, not floating point"
    elif output.ndim < 2 or output.shape[0] != 1:
        reason = f"its output of shape {tuple(output.shape)} has no batch axis of one input"
    elif output.numel() == 0:
        reason = "its output is empty"
    elif output.ndim == 2:
        axis = 1
    elif output.ndim == 3 and len(input_shape) == 4:
        tokens = _token_grid(shape[0], input_shape)
        if tokens is not None:
            axis, (prefix, grid) = 2, tokens
        else:
            axis = 2 if isinstance(module, _CHANNELS_LAST) else 1
            if axis == 1 and isinstance(module, (nn.Conv1d, nn.BatchNorm1d)):
                grid = (shape[1],)
    elif output.ndim == 3:
        axis = 2 if isinstance(module, _CHANNELS_LAST) and len(input_shape) != 3 else 1
        grid = (shape[1],) if axis == 1 and shape[1] > 1 else None
    elif output.ndim == 4:
        told = isinstance(module, _CHANNELS_FIRST)
        last = isinstance(module, _CHANNELS_LAST) or (not told and _looks_channels_last(shape, input_shape))
        axis = 3 if last else 1
        rows, columns = (shape[1], shape[2]) if axis == 1 else (shape[0], shape[1])
        grid = (rows, columns) if rows * columns > 1 else None
    elif output.ndim == 5:
        axis = 4 if isinstance(module, _CHANNELS_LAST) else 1
        places = shape[1:] if axis == 1 else shape[:3]
        grid = places if math.prod(places) > 1 else None
    else:
        reason = (
            f"its output of shape {tuple(output.shape)} is neither a vector, tokens, a signal, an image nor a volume"
        )
    return Layer(
        name=label,
        type=type(module).__name__,
        shape=shape,
        channel_axis=axis,
        channels=int(output.shape[axis]) if axis is not None else 0,
        grid=grid,
        prefix=prefix,
        calls=len(outputs),
        gradient=output.requires_grad,
        reason=reason,
    )


def _token_grid(count: int, input_shape: Sequence[int]) -> tuple[int, tuple[int, int]] | None:
    """(tokens before the grid, (rows, columns)) if `count` tokens can be the patches of the picture."""
    height, width = input_shape[-2:]
    for prefix in (0, 1, 2, 5):  # none, class, class + distillation, class + four registers
        patches = count - prefix
        if patches < 4:
            continue
        rows = round(math.sqrt(patches * height / width))
        if rows > 0 and patches % rows == 0 and rows * width == (patches // rows) * height:
            return prefix, (rows, patches // rows)
    return None


def _looks_channels_last(shape: tuple[int, ...], input_shape: Sequence[int]) -> bool:
    """Whether (H, W, C) rather than (C, H, W): only the first two axes are in the picture's proportion."""
    if len(input_shape) != 4:
        return False
    height, width = input_shape[-2:]
    first = shape[0] * width == shape[1] * height
    last = shape[1] * width == shape[2] * height
    return first and not last


class Reach:
    """Whether a backward pass from `scores` comes to a tensor."""

    def __init__(self, scores: Tensor) -> None:
        nodes = hooks.graph_nodes(scores)
        self._leaves = {id(node.variable) for node in nodes if hasattr(node, "variable")}
        self._numbers = {node._sequence_nr() for node in nodes if not hasattr(node, "variable")}

    def __call__(self, tensor: Tensor) -> bool:
        if tensor.grad_fn is None:
            return id(tensor) in self._leaves
        return tensor.grad_fn._sequence_nr() in self._numbers


def suggest(layers: Sequence[Layer]) -> Layer | None:
    """The layer that a CAM should use first: the last with a spatial grid, channels and a gradient."""
    fitting = [layer for layer in layers if layer.usable and layer.gradient and layer.grid is not None]
    return fitting[-1] if fitting else None


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence with the nearest valid names, for error messages."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[-3:]
    return "nearest: " + ", ".join(repr(n) for n in close) if close else "there are none"


def split(name: str) -> tuple[str, int | None]:
    """`"relu@2"` → (`"relu"`, 1); without `@` the call is None, which stands for the last."""
    plain, at, number = name.rpartition("@")
    return (plain, int(number) - 1) if at and number.isdigit() and int(number) > 0 else (name, None)


def unprefixed(name: str, modules: Container[str]) -> str:
    """Names of a wrapped model (`module.layer4`, `_orig_mod.layer4`) mean the same layer."""
    while split(name)[0] not in modules and name.startswith(("module.", "_orig_mod.")):
        name = name.split(".", 1)[1]
    return name


def module_names(model: nn.Module) -> dict[str, nn.Module]:
    """Name → module for every module that can be called; the model itself and mere containers are left out."""
    return {
        name: module
        for name, module in model.named_modules()
        if name and not isinstance(module, (nn.ModuleList, nn.ModuleDict, nn.ParameterList, torch.jit.ScriptModule))
    }
