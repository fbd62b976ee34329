"""Explanations to draw, and the pixels of what was drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import BboxImage

from nbexplain import Explanation


def answer(values: Any, axes: tuple[str, ...] = ("y", "x"), on: str = "layer", **more: Any) -> Explanation:
    """An explanation of some values."""
    about = {"method": "grad_cam", "quantity": "evidence", "layer": "conv2" if on == "layer" else None, **more}
    return Explanation(values=np.array(values, dtype=np.float32), axes=axes, on=on, **about)


def texts(figure: Figure) -> str:
    """All that is written on a figure."""
    return "\n".join(text.get_text() for text in figure.texts)


def drawn(figure: Figure) -> list[np.ndarray]:
    """The pixels (y, x, 3) of each image on a figure, cut out of the rendered page: maps, and after each its bar."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba())[..., :3]
    cut = []
    for image in figure.artists:
        if isinstance(image, BboxImage):
            box = image.get_window_extent(canvas.get_renderer())
            top, bottom = round(len(page) - box.y1), round(len(page) - box.y0)
            cut.append(page[top:bottom, round(box.x0) : round(box.x1)].astype(int))
    return cut


def centres(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The colours (rows, columns, 3) in the middle of each cell."""
    height, width = pixels.shape[:2]
    y, x = ((np.arange(n) + 0.5) * size / n for n, size in ((rows, height), (columns, width)))
    return pixels[y.astype(int)[:, None], x.astype(int)]
