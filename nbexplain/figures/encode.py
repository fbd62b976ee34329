"""png(): a figure in few bytes, for a message, a saved notebook, a page without widgets."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from nbexplain.core.explanation import Explanation
from nbexplain.figures.colours import palette
from nbexplain.figures.content import number
from nbexplain.figures.page import board, figure

_SMALLER = 0.92
_READABLE = 50  # pixels per inch
_OF_THE_BAR = 40  # colours that are the colour bar's alone: few pixels need them, yet they must be right


def png(explanation: Explanation | Sequence[Explanation], *, max_bytes: int = 200_000, **look: Any) -> bytes:
    """Draw an explanation, or several side by side, as a PNG of at most `max_bytes`.

    It is 800 pixels wide (with a `width` of less than 4 or more than 8 inches narrower or wider) and has a palette of
    256 colours; if it does not fit, fewer pixels are drawn until it does.

    Parameters
    ----------
    explanation
        What `figure` takes, or a list as `board` takes it.
    max_bytes
        Never exceeded.
    **look
        Passed on to `figure` or `board`.

    Raises
    ------
    TypeError, ValueError
        As `figure` and `board`; also if no picture with readable text is as small as `max_bytes`.
    """
    most = number("max_bytes", max_bytes, 1, 1e9)
    while True:
        page = figure(explanation, **look) if isinstance(explanation, Explanation) else board(explanation, **look)
        of_bars = _colours_of_bars(page.colormaps)
        canvas = FigureCanvasAgg(page)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        file = BytesIO()
        with_palette(pixels, of_bars, 256).save(file, "PNG")
        if file.tell() <= most:
            return file.getvalue()
        if page.dpi <= _READABLE:
            raise ValueError(f"max_bytes: {max_bytes} are too few, the smallest readable picture has {file.tell()}")
        look["dpi"] = max(_READABLE, page.dpi * min(_SMALLER, (most / file.tell()) ** 0.5))


def _colours_of_bars(colormaps: Sequence[str]) -> np.ndarray:
    """Colours that lie evenly on the colour bars, (n, 3)."""
    each = _OF_THE_BAR // max(1, len(colormaps))
    parts = [palette(name)[np.linspace(0, 255, each).astype(int)] for name in colormaps]
    return np.concatenate([np.zeros((0, 3), dtype=np.uint8), *parts])


def with_palette(pixels: np.ndarray, kept: np.ndarray, count: int) -> Image.Image:
    """A picture (H, W, 3) in at most `count` colours, those in `kept` (n, 3) and white among them."""
    white = np.full((1, 3), 255, dtype=np.uint8)
    chosen = Image.fromarray(pixels).quantize(count - len(kept) - 1, Image.Quantize.FASTOCTREE).getpalette() or []
    colours = np.concatenate([white, kept, np.array(chosen, dtype=np.uint8).reshape(-1, 3)])
    # The nearest of them for each corner of a lattice of 32 levels a channel: as fine as a palette can be.
    coarse = pixels.astype(np.uint16) >> 3
    number_of = coarse[..., 0] << 10 | coarse[..., 1] << 5 | coarse[..., 2]
    used = np.flatnonzero(np.bincount(number_of.ravel(), minlength=1 << 15))
    middle = np.stack([used >> 10, used >> 5 & 31, used & 31], axis=1).astype(np.float32) * (255 / 31)
    distances = (colours.astype(np.float32) ** 2).sum(1) - 2 * middle @ colours.T.astype(np.float32)
    nearest = np.zeros(1 << 15, dtype=np.uint8)
    nearest[used] = distances.argmin(1)
    picture = Image.fromarray(nearest[number_of], "P")
    picture.putpalette(colours.tobytes())
    return picture
