"""The slices of a volume on their way to the browser, and the one that stands for it."""

from __future__ import annotations

import numpy as np

from nbexplain.inputs import Array, Image, Volume
from nbexplain.widgets.wire import MAX_BYTES

_SMALLEST = 64  # cells along the longer side of a slice, before there are fewer slices instead


def displayed_slices(picture: np.ndarray) -> np.ndarray:
    """(z, y, x[, 3]) uint8 small enough for one message: neighbouring pixels averaged, and slices if need be."""
    depth, height, width = picture.shape[:3]
    colours = picture.size // (depth * height * width)

    def size(down: int, along: int) -> int:
        return colours * -(-depth // along) * -(-height // down) * -(-width // down)

    down = along = 1
    while size(down, along) > MAX_BYTES:
        if max(height, width) / (down + 1) >= _SMALLEST or along >= depth:
            down += 1
        else:
            along += 1
    return _averaged(picture, (along, down, down))


def _averaged(picture: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    if max(factors) == 1:
        return picture
    # block by block along z, so that a large volume is not held in floats as a whole
    parts = []
    for start in range(0, picture.shape[0], factors[0]):
        part = picture[start : start + factors[0]].mean(0, dtype=np.float32)
        for axis, factor in enumerate(factors[1:]):
            starts = np.arange(0, part.shape[axis], factor)
            counts = np.diff([*starts, part.shape[axis]]).reshape([-1 if a == axis else 1 for a in range(part.ndim)])
            part = np.add.reduceat(part, starts, axis=axis) / counts
        parts.append(np.rint(part).astype(np.uint8))
    return np.stack(parts)


def cover(x: Array | None) -> np.ndarray | None:
    """(H, W, 3) uint8 that stands for an input, of a volume its slice in the middle; None where there is none."""
    if isinstance(x, Image):
        return x.picture
    if not isinstance(x, Volume):
        return None
    middle = x.picture[len(x.picture) // 2]
    return middle if middle.ndim == 3 else np.repeat(middle[..., None], 3, axis=2)
