"""A volume or a video: its tensor, and its slices as they are shown."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch

from nbexplain.inputs.array import Array

_MOST_CHANNELS = 4  # of a volume; with more on axis 1, and one or three on axis 2, that tensor is a video
_WINDOW = (1, 99)  # percentiles
_LOOKED_AT = 1_000_000  # values, to find percentiles


class Volume(Array):
    """A volume (1, C, D, H, W), or a video with its frames first, (1, T, C, H, W).

    A tensor with more than four on axis 1 and one or three on axis 2 is taken for a video, which is said in `notes`.

    Parameters
    ----------
    x
        The tensor; or a dict or a tuple of tensors, of which the one that is explained is a volume.

    Attributes
    ----------
    picture
        (D, H, W) or, in colours, (D, H, W, 3) uint8: the slices as they are shown.
    picture_notes
        What a reader of the slices must know: how they are windowed, or that they show the mean of many channels.
    """

    kind = "volume"

    def __init__(self, x: Any) -> None:
        super().__init__(x)
        shape = self.tensor.shape
        if len(shape) != 5:
            raise ValueError(f"x: expected a volume (1, C, D, H, W) or a video (1, T, C, H, W), got {tuple(shape)}")
        self._frames_first = shape[1] > _MOST_CHANNELS and shape[2] in (1, 3)
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
        values = self.tensor[0].float().cpu()
        values = values.movedim(1, 0) if self._frames_first else values
        notes: tuple[str, ...] = ()
        if len(values) not in (1, 3):
            notes = (f"the slices show the mean of {len(values)} channels",)
            values = values.mean(0, keepdim=True)
        flat = values.flatten()
        finite = flat[torch.isfinite(flat)]
        if not finite.numel() or (finite.min() >= 0 and finite.max() <= 1):
            low, high = 0.0, 1.0
        else:
            some = finite[:: -(-finite.numel() // _LOOKED_AT)]
            low, high = (float(end) for end in np.percentile(some.numpy(), _WINDOW))
            if high <= low:
                low, high = float(finite.min()), float(finite.max())
            said = "the 1st and 99th percentile of its values"
            notes = (f"black and white of the slices are {low:.3g} and {high:.3g}, {said}", *notes)
        shown = (values - low) / (high - low) if high > low else torch.full_like(values, 0.5)
        pixels = (torch.nan_to_num(shown, nan=0.0).clamp(0, 1) * 255).round().byte()
        return (pixels[0] if len(pixels) == 1 else pixels.movedim(0, 3)).contiguous().numpy(), notes
