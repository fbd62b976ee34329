"""Any tensor that a network takes: a signal, a table row, token ids; alone or among others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.masker import Masker


def as_it_is(x: Tensor) -> Tensor:
    """The tensor itself, where it needs no other device or dtype."""
    return x


class Array:
    """One input as the network gets it.

    Parameters
    ----------
    x
        A tensor (1, …) with its batch axis; or a dict (passed on as keywords) or a tuple of tensors (as positions),
        of which the first floating-point tensor is the one that is explained.

    Attributes
    ----------
    kind
        `"array"`, or what it is besides: `"picture"`, `"volume"`, `"text"`, `"table"`.
    tensor
        The explained tensor, (1, …).
    notes
        What a reader must know of it: NaN in it.
    """

    kind: str = "array"
    fills: tuple[str, ...] = ("zero", "mean")

    def __init__(self, x: Any) -> None:
        self._parts: dict[str | int, Any] = {}
        self._key: str | int | None = None
        if isinstance(x, (Mapping, tuple, list)):
            self._parts = dict(x) if isinstance(x, Mapping) else dict(enumerate(x))
            self._key = _explained_part(self._parts)
            x = self._parts[self._key]
        if isinstance(x, np.ndarray):
            x = torch.from_numpy(x)
        if not isinstance(x, Tensor):
            raise TypeError(f"x: expected a tensor, a picture, a dict or a tuple of tensors, got {type(x).__name__}")
        self.tensor: Tensor = _one(x)
        self.notes: tuple[str, ...] = _nan_note(self.tensor)

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
        return self._key is None

    @property
    def family(self) -> Hashable:
        """Equal for inputs whose tensors mean the same, so that one may stand beside the other in a batch."""
        return None

    def arguments(self, batch: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments of the model for a batch (N, …) of the explained tensor.

        The other tensors of a dict or tuple are repeated along the batch and moved to its device.
        """
        if self._key is None:
            return (batch,), {}
        parts = {k: batch if k == self._key else _like(part, batch) for k, part in self._parts.items()}
        if isinstance(self._key, str):
            return (), {str(k): v for k, v in parts.items()}
        return tuple(parts.values()), {}

    def outside(self, batch: Tensor) -> Any:
        """What a model that is no torch module gets for a batch (N, …): an array."""
        return batch.detach().cpu().numpy()

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
            return torch.nanmean(self.tensor, dim=self.place_axes or (1,), keepdim=True).expand_as(self.tensor)
        raise ValueError(f"fill: {kind!r} has no meaning for this input, expected one of {', '.join(self.fills)}")


def _explained_part(parts: Mapping[str | int, Any]) -> str | int:
    tensors = {k: v for k, v in parts.items() if isinstance(v, Tensor)}
    for key, part in tensors.items():
        if part.is_floating_point():
            return key
    if not tensors:
        raise TypeError("x: no tensor among the inputs " + ", ".join(map(repr, parts)))
    return next(iter(tensors))


def _one(x: Tensor) -> Tensor:
    """`x` with exactly one input in its batch axis."""
    x = x.detach()
    if x.is_inference():
        with torch.inference_mode(False):  # else the clone would be one as well, and no graph could begin at it
            x = x.clone()
    if x.numel() == 0:
        raise ValueError(f"x: expected an input with values in it, got shape {tuple(x.shape)}")
    if x.ndim < 2:
        raise ValueError(f"x: expected a batch axis first, (1, …), got shape {tuple(x.shape)}; try x[None]")
    if x.shape[0] != 1:
        raise ValueError(f"x: expected one input, got a batch of {x.shape[0]} (shape {tuple(x.shape)}); try x[:1]")
    return x


def _like(part: Any, batch: Tensor) -> Any:
    if not isinstance(part, Tensor):
        return part
    part = part.detach().to(batch.device, batch.dtype if part.is_floating_point() else part.dtype)
    if part.ndim and part.shape[0] == 1 and len(batch) > 1:
        part = part.expand(len(batch), *part.shape[1:])
    return part.clone()  # the model may write into it


def _nan_note(tensor: Tensor) -> tuple[str, ...]:
    if not tensor.is_floating_point():
        return ()
    count = int((~torch.isfinite(tensor)).sum())
    return (f"the input holds {count:,} values that are NaN or infinite",) if count else ()
