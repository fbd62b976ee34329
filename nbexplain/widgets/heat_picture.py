"""Numbers as the pixels of a small picture, for bqplot."""

from __future__ import annotations

import io

import bqplot
import ipywidgets
import numpy as np
import traitlets

from nbexplain.widgets.wire import NAN_LEVEL, TOP_LEVEL

# Evenly spaced colours between which RGB is interpolated, within 6/255 of matplotlib's viridis and RdBu_r.
SEQUENTIAL = (
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 "
    "fde725"
)
DIVERGING = "053061 2065ab 4393c3 90c4dd d1e5f0 f7f6f6 fddbc7 f3a481 d6604d b1182b 67001f"


class HeatPicture(bqplot.Image):
    """A bqplot mark whose cells are the pixels of a picture; it says in data units where it was clicked.

    bqplot's own HeatMap hears no clicks, gives a NaN the colour of the cell before it, cannot draw a single row, and
    spends 60 to 90 ms on 100 × 256 cells, at every change of data or size.
    """

    spare = traitlets.Instance(ipywidgets.Image).tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, x: bqplot.Scale, y: bqplot.Scale) -> None:
        empty = _png(np.full((1, 1), NAN_LEVEL, np.uint8), SEQUENTIAL)
        pictures = {name: ipywidgets.Image(value=empty) for name in ("image", "spare")}
        super().__init__(**pictures, scales={"x": x, "y": y}, pixelated=True)

    def draw(self, png: bytes, x: list[float], y: list[float]) -> None:
        """Show a picture from x[0] to x[1] and, bottom first, from y[0] to y[1]."""
        self.spare.value = png  # bqplot looks at a picture again only when it is another one: there are two, in turn
        with self.hold_sync():
            self.image, self.spare = self.spare, self.image
            self.x, self.y = x, y


def limits(values: np.ndarray) -> tuple[float, float]:
    """Of the colours: from zero, or as far below zero as above it."""
    finite = values[np.isfinite(values)].astype(float)
    high = float(np.abs(finite).max(initial=0.0)) or 1.0
    return (-high if (finite < 0).any() else 0.0), high


def map_png(values: np.ndarray, low: float, high: float, colours: str) -> bytes:
    """The cells of (rows, columns) in the colours from low to high; nothing where a value is not finite."""
    known = np.isfinite(values)
    level = (np.where(known, values, 0.0).astype(float) - low) / (high - low) * TOP_LEVEL
    return _png(np.where(known, np.rint(level), NAN_LEVEL).astype(np.uint8), colours)


def bar_png(colours: str) -> bytes:
    """All the colours, the highest at the top."""
    return _png(np.arange(TOP_LEVEL, -1, -1, dtype=np.uint8)[:, None], colours)


def _png(levels: np.ndarray, colours: str) -> bytes:
    """A picture of one pixel a cell; nothing where the level is `NAN_LEVEL`."""
    stops = np.array([[int(colour[i : i + 2], 16) for i in (0, 2, 4)] for colour in colours.split()])
    places, knots = np.linspace(0, 1, TOP_LEVEL + 1), np.linspace(0, 1, len(stops))
    palette = np.stack([np.interp(places, knots, stops[:, part]) for part in range(3)], axis=1)
    import PIL.Image  # not with the package: it takes its time

    picture = PIL.Image.fromarray(levels)
    picture.putpalette(np.rint(palette).astype(np.uint8).tobytes() + bytes(3))
    written = io.BytesIO()
    picture.save(written, "png", transparency=NAN_LEVEL)
    return written.getvalue()
