"""Pictures that differ from the clean one in a rectangle each: near the input, only what these change is computed.

A convolution or a pooling looks at its neighbourhood only. As long as nothing but such modules, and modules that look
at each number by itself, lies between the input and a module, what it returns far from the rectangle is what it
returned for the clean input. A `Change` goes along with the tensors, says where they differ, and is lost with the first
other operation, from which on all is computed as always.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain.core.memory import options

Span = tuple[int, int]  # from, to (half open)
Rectangle = tuple[Span, Span]  # rows, columns
Path = tuple[nn.Module, ...]  # the modules that a tensor has come through, from the input on

_WORTH = 0.5  # of the area; a larger part is computed with all the rest
_EACH_NUMBER = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Sigmoid, nn.Tanh),
    *(nn.Identity, nn.Dropout, nn.Dropout2d, nn.BatchNorm2d),  # of a model in eval mode
)


@dataclasses.dataclass(eq=False)
class Change:
    """In what a tensor (N, C, H, W) differs from the one that the clean input makes at the same place.

    Attributes
    ----------
    clean
        What came out of each path for the clean input, (1, C, H, W).
    rectangles
        One for each of the N.
    path
        Where the tensor has come through.
    recording
        Whether this is the pass of the clean input, which fills `clean`.
    version
        Of the tensor, when this was said of it.
    """

    clean: dict[Path, Tensor]
    rectangles: Sequence[Rectangle]
    path: Path = ()
    recording: bool = False
    version: int = 0


def mark(x: Tensor, change: Change) -> Tensor:
    """Let a change go along with a tensor."""
    if not x.is_inference():  # those have no versions, and nobody could tell whether they were overwritten
        change.version = x._version
        x._nbexplain_change = change  # type: ignore[attr-defined]
    return x


def change_of(x: Tensor) -> Change | None:
    """What was marked, if the tensor has not been written to since."""
    change: Change | None = getattr(x, "_nbexplain_change", None)
    return change if change is not None and change.version == x._version else None


def localised(module: nn.Module, faster: nn.Module) -> nn.Module | None:
    """A module that computes what `faster`, the replacement of `module`, does, but heeds changes; None for others."""
    if type(module) in _EACH_NUMBER and (type(module) is not nn.BatchNorm2d or module.running_mean is not None):
        return _EachNumber(faster)
    if type(module) is nn.Conv2d and module.padding_mode == "zeros" and isinstance(module.padding, tuple):
        bare = getattr(faster, "bare", None) or _bare_convolution(module)
        sides = zip(module.kernel_size, module.stride, module.padding, module.dilation, strict=True)
        return _Neighbourhood(faster, bare, tuple(sides), 0.0)
    if type(module) is nn.MaxPool2d and not module.ceil_mode and not module.return_indices:
        kernel, stride, padding, dilation = map(
            _pair, (module.kernel_size, module.stride, module.padding, module.dilation)
        )

        def pool(x: Tensor) -> Tensor:
            return F.max_pool2d(x, kernel, stride, 0, dilation)

        return _Neighbourhood(faster, pool, tuple(zip(kernel, stride, padding, dilation, strict=True)), -math.inf)
    return None


def _bare_convolution(module: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """The convolution without its padding."""
    return lambda x: F.conv2d(x, module.weight, module.bias, module.stride, 0, module.dilation, module.groups)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


class _InPlaceOf(nn.Module):
    """Stands where `whole` stood, also for those who look at its attributes."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("whole"), name)


class _EachNumber(_InPlaceOf):
    """What comes out differs where what went in did."""

    def forward(self, x: Tensor) -> Tensor:
        change = change_of(x)
        y: Tensor = self.whole(x)
        if change is None or self.whole.training:  # the model has switched it to its statistics or its chance
            return y
        return mark(y, dataclasses.replace(change, path=(*change.path, self)))


class _Neighbourhood(_InPlaceOf):
    """A convolution or pooling.

    Parameters
    ----------
    whole
        Computes everything.
    bare
        The same without padding.
    sides
        Kernel size, stride, padding and dilation, down and across.
    padding
        What is laid around the input.
    """

    def __init__(
        self,
        whole: nn.Module,
        bare: Callable[[Tensor], Tensor],
        sides: tuple[tuple[int, int, int, int], ...],
        padding: float,
    ) -> None:
        super().__init__(whole)
        self._bare, self._sides, self._padding = bare, sides, padding

    def forward(self, x: Tensor) -> Tensor:
        change = change_of(x)
        if change is None or x.ndim != 4:
            return self._everything(x)
        path = (*change.path, self)
        clean = self._everything(x) if change.recording else change.clean.get(path)
        if clean is None:
            return self._everything(x)
        high, wide = clean.shape[2:]
        reached = [
            (_reached(down, self._sides[0], high), _reached(across, self._sides[1], wide))
            for down, across in change.rectangles
        ]
        # the same extent for all, so that they are one batch; moved inwards where it would leave the output
        extent = [max(to - at for at, to in along) for along in zip(*reached, strict=True)]
        if math.prod(extent) > _WORTH * high * wide:
            return clean if change.recording else self._everything(x)
        rectangles = [
            (_inside(down[0], extent[0], high), _inside(across[0], extent[1], wide)) for down, across in reached
        ]
        if change.recording:
            kept = sum(tensor.nbytes for tensor in change.clean.values()) + clean.nbytes
            if kept > options.memory_budget // 8:
                return clean
            change.clean[path] = clean.clone(memory_format=torch.channels_last)  # it may be overwritten afterwards
            return mark(clean, dataclasses.replace(change, rectangles=rectangles, path=path))
        parts = self._bare(self._cut(x, rectangles, extent))
        y = torch.cat([clean] * len(x))
        for picture, part, (down, across) in zip(y, parts, rectangles, strict=True):
            picture[:, slice(*down), slice(*across)] = part
        return mark(y, dataclasses.replace(change, rectangles=rectangles, path=path))

    def _everything(self, x: Tensor) -> Tensor:
        y: Tensor = self.whole(x)
        return y

    def _cut(self, x: Tensor, rectangles: Sequence[Rectangle], extent: Sequence[int]) -> Tensor:
        """What each rectangle of the output looks at, with the padding where it lies beyond the edge."""
        high, wide = (
            (long - 1) * stride + (kernel - 1) * dilation + 1
            for long, (kernel, stride, _, dilation) in zip(extent, self._sides, strict=True)
        )
        looked_at = torch.empty((len(x), x.shape[1], high, wide), dtype=x.dtype, memory_format=torch.channels_last)
        looked_at.fill_(self._padding)
        for part, picture, spans in zip(looked_at, x, rectangles, strict=True):
            top, left = (at * side[1] - side[2] for (at, _), side in zip(spans, self._sides, strict=True))
            down, across = slice(max(top, 0), max(top + high, 0)), slice(max(left, 0), max(left + wide, 0))
            inside = picture[:, down, across]
            under, beside = down.start - top, across.start - left
            part[:, under : under + inside.shape[1], beside : beside + inside.shape[2]] = inside
        return looked_at


def _reached(span: Span, side: tuple[int, int, int, int], size: int) -> Span:
    """Which of the outputs along one side look at a span of the input."""
    kernel, stride, padding, dilation = side
    first = -((span[0] + padding - (kernel - 1) * dilation) // -stride)
    last = (span[1] - 1 + padding) // stride
    return min(max(first, 0), size - 1), min(max(last, 0), size - 1) + 1


def _inside(at: int, extent: int, size: int) -> Span:
    at = min(at, size - extent)
    return at, at + extent
