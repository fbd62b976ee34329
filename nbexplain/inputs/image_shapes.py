"""Which of the things that a user hands in are images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

_MOST_CHANNELS = 16  # of an array (H, W, C) that is taken for an image without being told so
_TIMES_SMALLER = 4  # than either side are its channels


def is_pil(x: Any) -> bool:
    """Without importing Pillow: whoever has such an image has done so."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(x, pillow.Image)


def is_picture(x: Any, *, told: bool = False) -> bool:
    """Whether `x` is an image.

    PIL images and paths are. An array (H, W) or (H, W, C) is one if it is `told`: there is a `preprocess`, which
    decides, or a `display`. Else (H, W) of booleans, bytes or 16-bit numbers is one; and (H, W, C) with C of 1, 3 or 4,
    or, of such numbers or of floats in 0…1, with C of at most 16 and a quarter of either side. An array that begins
    with an axis of one is a batch of one, unless it holds bytes. A tensor is one if its shape is (1, C, H, W) or
    (3, H, W), or (C, H, W) of bytes.
    """
    if is_pil(x) or isinstance(x, (str, Path)):
        return True
    if isinstance(x, np.ndarray) and x.ndim in (2, 3):
        return _is_array_of_pixels(x, told)
    if isinstance(x, Tensor) and x.ndim == 3 and x.dtype == torch.uint8:
        return True
    return isinstance(x, (Tensor, np.ndarray)) and (x.ndim == 4 or (x.ndim == 3 and x.shape[0] in (3, 4)))


def _is_array_of_pixels(x: np.ndarray, told: bool) -> bool:
    of_pixels = x.dtype.kind == "b" or (x.dtype.kind == "u" and x.dtype.itemsize <= 2)
    if x.ndim == 2:
        return of_pixels or (told and len(x) != 1)
    if x.shape[-1] in (1, 3, 4) and (of_pixels or len(x) != 1):
        return True
    if told:
        return len(x) != 1
    if not _few(x.shape[-1], x.shape[:2]):
        return False
    return of_pixels or (x.dtype.kind == "f" and bool(x.min() >= 0 and x.max() <= 1))


def _few(channels: int, sides: tuple[int, ...]) -> bool:
    return channels <= min(_MOST_CHANNELS, min(sides) // _TIMES_SMALLER)


def refuse_unclear(x: Any) -> None:
    """Raise for an array or tensor that may be an image as well as a batch, naming both readings.

    Raises
    ------
    ValueError
        For an array (H, W), (H, W, C) or (C, H, W), or a tensor (C, H, W), that `is_picture` does not take.
    """
    if not isinstance(x, (np.ndarray, Tensor)) or x.ndim not in (2, 3) or len(x) < 2:
        return
    dtype = str(x.dtype).removeprefix("torch.")
    if isinstance(x, Tensor):
        image, call = "(C, H, W)", "x[None]"
    elif x.ndim == 3:
        first = _few(len(x), x.shape[1:])
        image, call = ("(C, H, W)", "x.transpose(1, 2, 0)") if first else ("(H, W, C)", "nbexplain.Image(x)")
    else:
        image, call = "(H, W)", "nbexplain.Image(x)"
    if x.ndim == 3 or isinstance(x, np.ndarray):
        raise ValueError(
            f"x: expected one input, and {dtype} {tuple(x.shape)} may be an image {image} or a batch of {len(x)}: "
            f"{call} is the image, x[:1] the first of the batch"
            + ", Tabular(x[0], background=x) the first row of a table"
            * (x.ndim == 2)
        )
