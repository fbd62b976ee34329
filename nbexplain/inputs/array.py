"""Any tensor that a network takes: a signal, a table row, token ids; alone or among others."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.masker import Masker
from nbexplain.inputs.parts import Parts, is_several
from nbexplain.inputs.tensors import as_array, as_tensor, plain

EXPECTED = "an image, a tensor (1, …), Text(…), Tabular(…), or a dict or a tuple of tensors"


def as_it_is(x: Tensor) -> Tensor:
    """The tensor itself, where it needs no other device or dtype."""
    return x


class Array:
    """One input as the network gets it.

    Parameters
    ----------
    x
        A tensor or array (1, …) with its batch axis; or several that go in together, one of which is explained: a dict
        (passed on as keywords), a tuple (as positions) or an instance of a dataclass (as one argument); see
        `Parts`, which may be given too.
    part
        Which of several is explained: key, index or field.
    batched
        False for one input without a batch axis, such as the nodes and edges of a graph; None finds out, of several.

    Attributes
    ----------
    kind
        `"array"`, or what it is besides: `"picture"`, `"volume"`, `"text"`, `"table"`.
    tensor
        The explained tensor, (1, …).
    batched
        Whether the model takes many inputs at once, stacked along a first axis. If not, it is run once for each, on
        `tensor[0]`, and its output gets the batch axis that it lacks.
    notes
        What a reader must know of it: NaN in it, which part is explained.
    transform
        What `as_input` put it through.
    """

    kind: str = "array"
    fills: tuple[str, ...] = ("zero", "mean")
    batched: bool = True
    parts: Parts | None = None
    transform: Callable[[Any], Any] | None = None

    def __init__(self, x: Any, *, part: str | int | None = None, batched: bool | None = None) -> None:
        if isinstance(x, Parts) or is_several(x):
            parts = x if isinstance(x, Parts) else Parts(x, part, batched)
            self.tensor: Tensor = _explained(parts)
            self.notes: tuple[str, ...] = _nan_note(self.tensor)
            self.stands_among(parts)
            return
        if part is not None:
            raise ValueError(f"part: x is {_described(x)}, of which there are no parts to choose from, got {part!r}")
        if isinstance(x, np.ndarray):
            x = as_tensor(x)
        if not isinstance(x, Tensor):
            raise TypeError(f"x: expected {EXPECTED}, got {type(x).__name__}")
        self.batched = batched is not False
        self.tensor = _one(x if self.batched else x[None])
        self.notes = _nan_note(self.tensor)

    def stands_among(self, parts: Parts) -> None:
        """Go into the model together with the other parts."""
        self.parts, self.batched = parts, parts.batched
        self.notes += parts.notes

    @property
    def part(self) -> str | int | None:
        """Which of several inputs is explained; None where there is only one."""
        return None if self.parts is None else self.parts.key

    @property
    def dtype(self) -> torch.dtype:
        """Of the numbers as the user has them."""
        return self.tensor.dtype

    @property
    def picture_notes(self) -> tuple[str, ...]:
        """What a reader of its picture must know; nothing, where there is no picture."""
        return ()

    @property
    def place_axes(self) -> tuple[int, ...]:
        """Axes of the tensor along which its places lie: rows and columns of an image, the time of a signal."""
        return tuple(range(2, self.tensor.ndim))

    @property
    def alone(self) -> bool:
        """Whether the explained tensor is all that the model gets, so that several inputs can go in together."""
        return self.parts is None and self.batched

    @property
    def family(self) -> Hashable:
        """Equal for inputs whose tensors mean the same, so that one may stand beside the other in a batch."""
        return None

    def arguments(self, batch: Tensor, dtype: torch.dtype | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments of the model for a batch (N, …) of the explained tensor.

        Where the model takes no batches (`batched`), N is 1. `dtype` is that of floating-point tensors that go along.
        """
        batch = self.as_given(batch)
        if self.parts is not None:
            return self.parts.arguments(batch, dtype)
        return (batch if self.batched else batch[0],), {}

    def as_given(self, batch: Tensor) -> Tensor:
        """A batch with its axes in the order in which the model takes them."""
        return batch

    def outside(self, batch: Tensor) -> Any:
        """What a model that is no torch module gets for a batch (N, …): an array."""
        return as_array(self.as_given(batch))

    def neutral(self, batch: Tensor) -> Tensor | None:
        """Where a neutral embedding stands in for a token; nowhere, but in texts."""
        return None

    def masker(self, *, ready: Callable[[Tensor], Tensor] = as_it_is) -> Masker:
        """What can be hidden of it.

        Raises
        ------
        ValueError
            Always, but for pictures, texts and tables.
        """
        raise ValueError(f"x: only parts of a picture, a text or a table can be hidden, got {tuple(self.tensor.shape)}")

    def fill(self, kind: str) -> Tensor:
        """What hides a part of the input, (1, …): `"zero"`, or `"mean"` of each channel."""
        if kind == "zero":
            return torch.zeros_like(self.tensor)
        if kind == "mean":
            return _mean(self.tensor, self.place_axes or (1,)).expand_as(self.tensor)
        raise ValueError(f"fill: {kind!r} has no meaning for this input, expected one of {', '.join(self.fills)}")


def _described(x: Any) -> str:
    return f"one tensor {tuple(x.shape)}" if isinstance(x, (Tensor, np.ndarray)) else type(x).__name__


def _mean(tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean over some axes, of what is finite; of whole numbers, rounded."""
    if tensor.is_complex():
        return torch.complex(*(torch.nanmean(part, dim=axes, keepdim=True) for part in (tensor.real, tensor.imag)))
    if tensor.is_floating_point():
        return torch.nanmean(tensor, dim=axes, keepdim=True)
    return tensor.double().mean(dim=axes, keepdim=True).round().to(tensor.dtype)


def _explained(parts: Parts) -> Tensor:
    """The explained one of several, (1, …)."""
    x = parts.tensor
    if not parts.batched:
        return _one(x[None])
    if x.ndim and x.shape[0] != 1:
        count = x.shape[0]
        call = parts.instead("[None]") if x.ndim == 1 else parts.instead("[:1]", of_length=count)
        problem = "a batch axis first, (1, …)" if x.ndim == 1 else "one input"
        got = f"{parts.key!r} of" if x.ndim == 1 else f"a batch of {count} ({parts.key!r} has"
        raise ValueError(
            f"x: expected {problem}, got {got} shape {tuple(x.shape)}{')' * (x.ndim > 1)}; try {call}, or, for one "
            "input without a batch axis such as a graph, nbexplain.inputs.Array(x, batched=False)"
        )
    return _one(x, name=f"x[{parts.key!r}]")


def _one(x: Tensor, name: str = "x") -> Tensor:
    """`x` as a plain tensor, with exactly one input in its batch axis."""
    x = plain(x)
    if x.is_nested or x.layout is not torch.strided:
        kind, dense = ("a nested one", "to_padded_tensor(0)") if x.is_nested else (str(x.layout), "to_dense()")
        raise TypeError(f"{name}: expected a dense tensor, got {kind}; try {name}.{dense}")
    if x.is_meta:
        raise TypeError(f"{name}: expected a tensor with values, got one on the device 'meta'")
    if x.is_quantized:
        raise TypeError(f"{name}: expected plain numbers, got {x.dtype}; try {name}.dequantize()")
    x = x.detach()
    if x.is_inference():
        with torch.inference_mode(False):  # else the clone would be one as well, and no graph could begin at it
            x = x.clone()
    if x.numel() == 0:
        raise ValueError(f"{name}: expected an input with values in it, got shape {tuple(x.shape)}")
    if x.ndim < 2:
        call = f"{name}[None]" if x.ndim else f"{name}.reshape(1, 1)"
        if name == "x" and x.ndim:
            call += ", or Tabular(x, background=table) for a row of a table"
        raise ValueError(f"{name}: expected a batch axis first, (1, …), got shape {tuple(x.shape)}; try {call}")
    if x.shape[0] != 1:
        raise ValueError(
            f"{name}: expected one input, got a batch of {x.shape[0]} (shape {tuple(x.shape)}); try {name}[:1], or "
            f"{name}[None] for one input without its batch axis"
            + ", or Tabular(x[0], background=x) for a row of a table"
            * (name == "x" and x.ndim == 2)
        )
    return x


def _nan_note(tensor: Tensor) -> tuple[str, ...]:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return ()
    count = int((~torch.isfinite(tensor)).sum())
    return (f"the input holds {count:,} values that are NaN or infinite",) if count else ()
