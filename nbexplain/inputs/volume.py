"""A volume or a video: its tensor, and its slices as they are shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.array import Array

_COLOURS = (1, 3)  # on axis 2 and not on axis 1: that tensor is a video with its frames first
_WINDOW = (1, 99)  # percentiles
_LOOKED_AT = 1_000_000  # values, to find percentiles


class Volume(Array):
    """A volume (1, C, D, H, W), or a video with its frames first, (1, T, C, H, W).

    A tensor with one or three on axis 2, and neither on axis 1, is taken for a video, which is said in `notes`.

    Parameters
    ----------
    x
        The tensor; or a dict or a tuple of tensors, of which the one that is explained is a volume.
    part, batched
        As for `Array`.

    Attributes
    ----------
    picture
        (D, H, W) or, in colours, (D, H, W, 3) uint8: the slices as they are shown.
    picture_notes
        What a reader of the slices must know: how they are windowed, or that they show the mean of many channels.
    """

    kind = "volume"

    def __init__(self, x: Any, *, part: str | int | None = None, batched: bool | None = None) -> None:
        super().__init__(x, part=part, batched=batched)
        shape = self.tensor.shape
        if len(shape) != 5:
            raise ValueError(f"x: expected a volume (1, C, D, H, W) or a video (1, T, C, H, W), got {tuple(shape)}")
        self._frames_first = shape[1] not in _COLOURS and shape[2] in _COLOURS
        if self._frames_first:
            channels = "channel" if shape[2] == 1 else "channels"
            taken = f"axis 1 is taken for the {shape[1]} frames of a video, axis 2 for its {shape[2]} {channels}"
            self.notes = (*self.notes, taken)

    @property
    def place_axes(self) -> tuple[int, ...]:
        return (1, 3, 4) if self._frames_first else (2, 3, 4)

    @property
    def picture(self) -> np.ndarray:
        return self._shown[0]

    @property
    def picture_notes(self) -> tuple[str, ...]:
        return self._shown[1]

    @cached_property
    def _shown(self) -> tuple[np.ndarray, tuple[str, ...]]:
        low, high, notes = self._window()
        pixels = []
        for plane in self._slices():  # one after the other: a large volume is not held in floats once more
            shown = (plane - low) / (high - low) if high > low else torch.full_like(plane, 0.5)
            pixels.append((torch.nan_to_num(shown, nan=0.0).clamp(0, 1) * 255).round().byte())
        slices = torch.stack(pixels)
        return (slices[:, 0] if slices.shape[1] == 1 else slices.movedim(1, 3)).contiguous().numpy(), notes

    def _slices(self) -> Iterator[Tensor]:
        """Each slice (channels, H, W) in floats, of one or three channels."""
        values = self.tensor[0].movedim(1, 0) if self._frames_first else self.tensor[0]
        for plane in values.unbind(1):
            plane = plane.float().cpu()
            yield plane if len(plane) in (1, 3) else plane.mean(0, keepdim=True)

    def _window(self) -> tuple[float, float, tuple[str, ...]]:
        """What is black, what is white, and what must be said of it."""
        channels = self.tensor.shape[2 if self._frames_first else 1]
        notes = () if channels in (1, 3) else (f"the slices show the mean of {channels} channels",)
        step = -(-self.tensor.numel() // _LOOKED_AT)
        least, most, some = math.inf, -math.inf, []
        for plane in self._slices():
            finite = plane[torch.isfinite(plane)]
            if finite.numel():
                least, most = min(least, float(finite.min())), max(most, float(finite.max()))
                some.append(finite[::step].numpy())
        if least >= 0 and most <= 1:  # also where nothing is finite
            return 0.0, 1.0, notes
        low, high = (float(end) for end in np.percentile(np.concatenate(some), _WINDOW))
        said = ", the 1st and 99th percentile of its values"
        if high <= low:  # nearly all of it is one value
            low, high, said = least, most, ""
        return low, high, (f"black and white of the slices are {low:.3g} and {high:.3g}{said}", *notes)
