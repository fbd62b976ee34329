"""What is drawn of the tensor of an image: three channels as colours, one as grey, or the mean of them all."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

Display = int | tuple[int, int, int]


def checked_display(display: Any, channels: int) -> Display | None:
    """The channels to be drawn: three numbers (red, green, blue), one number, or None.

    Raises
    ------
    TypeError, ValueError
        For anything else, and for channels that there are not.
    """
    if display is None:
        return None
    numbers = tuple(display) if isinstance(display, (tuple, list, np.ndarray)) else (display,)
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers)
    if not whole or len(numbers) not in (1, 3):
        raise TypeError(f"display: expected three channel numbers (red, green, blue), one, or None, got {display!r}")
    for number in numbers:
        if not 0 <= number < channels:
            raise ValueError(f"display: expected channels from 0 to {channels - 1}, got {display!r}")
    first, *rest = (int(n) for n in numbers)
    return (first, rest[0], rest[1]) if rest else first


def drawn(
    tensor: Tensor, black: Tensor | None, white: Tensor | None, display: Display | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The image (H, W, 3) uint8 of a tensor (1, C, H, W), and what must be said of it.

    Without black and white it is stretched from the smallest to the largest value of the channels that are drawn.
    Without `display`, that is one channel or three as they are; of any other number the mean.
    """
    channels = tensor.shape[1]
    x = (tensor.abs() if tensor.is_complex() else tensor).float()
    everything = list(range(channels))
    chosen = everything if display is None else list(display) if isinstance(display, tuple) else [display]
    x = x[:, chosen]
    notes: tuple[str, ...] = ("the input is complex: the image shows |x|",) if tensor.is_complex() else ()
    if black is not None and white is not None:
        low, high = black[:, chosen].float(), white[:, chosen].float()
        shown = (x - low) / (high - low)
    else:
        finite = x[torch.isfinite(x)]
        least, most = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 1.0)
        shown = (x - least) / (most - least) if most > least else torch.full_like(x, 0.5)
        notes += (f"black and white are unknown: the image is stretched from {least:.3g}…{most:.3g}",)
    if shown.shape[1] not in (1, 3):
        shown = shown.mean(1, keepdim=True)
        notes += (
            f"unless one is chosen, the image shows the mean of its {channels} channels; "
            "display=… draws three as colours",
        )
    shown = torch.nan_to_num(shown, nan=0.0).clamp(0, 1)[0].expand(3, -1, -1)
    return (shown * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy(), notes
