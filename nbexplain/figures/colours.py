"""How values become colours: the same limits and colours as in the panes (js/src/scale.ts, js/src/raster.ts)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from matplotlib import colormaps
from numpy.typing import NDArray

# The names on screen, and matplotlib's. In the diverging ones blue or purple is negative, red or orange is positive.
COLORMAPS = {
    "viridis": "viridis",
    "magma": "magma",
    "cividis": "cividis",
    "gray": "gray",
    "RdBu": "RdBu_r",
    "PuOr": "PuOr_r",
    "berlin": "berlin",
}
DIVERGING = ("RdBu", "PuOr", "berlin")

_TABLE = 1024  # entries between which colours are not told apart
_NAN_GROUND, _NAN_LINE = (200, 200, 200, 112), (88, 88, 88, 224)


@dataclass(frozen=True)
class Scale:
    """What the ends of the colour bar stand for, and `empty`: why the colours say nothing, or ``""``.

    `middle` is the value that has the middle colour of a diverging map.
    """

    low: float
    high: float
    signed: bool
    colormap: str
    empty: str = ""
    middle: float = 0.0


@cache
def palette(colormap: str) -> NDArray[np.uint8]:
    """The colours of a map, (256, 3)."""
    return np.rint(255 * colormaps[COLORMAPS[colormap]](np.arange(256))[:, :3]).astype(np.uint8)


def choose_colormap(name: str | None, signed: bool) -> str:
    """Without a name (or with "auto"): diverging for signed values and sequential otherwise."""
    return ("RdBu" if signed else "viridis") if name in (None, "auto") else str(name)


def magnitude(values: np.ndarray, percent: float) -> float:
    """The |value| below which `percent` of the finite values other than 0 lie; 0 if there are none.

    Zeros do not count: a map of which most is 0 has no colours to spare for them.
    """
    sizes = np.abs(values[np.isfinite(values)])
    sizes = sizes[sizes > 0]
    return float(np.percentile(sizes, percent)) if sizes.size else 0.0


def scale_of(values: np.ndarray, *, signed: bool, clip: float = 100, colormap: str | None = None) -> Scale:
    """The scale of one map. Signed ones are symmetric around zero; unsigned ones include it."""
    largest = magnitude(values, clip)
    finite = values[np.isfinite(values)]
    low = 0.0 - largest if signed else max(0.0 - largest, min(0.0, float(finite.min(initial=0))))
    empty = "no values" if np.isnan(values).all() else "all values are 0" if low == largest else ""
    return Scale(low, largest if largest > low else low + 1, signed, choose_colormap(colormap, signed), empty)


def colour(values: np.ndarray, scale: Scale, *, fade: bool = False) -> NDArray[np.uint8]:
    """The colours of values, (…, 4): red, green, blue, alpha.

    NaN is transparent. With `fade` the alpha follows |value|, so that weak values stay out of the picture's way.
    """
    shown = np.linspace(scale.low, scale.high, _TABLE)
    aside = (shown - scale.middle) / max(scale.middle - scale.low, scale.high - scale.middle)
    rising = (shown - scale.low) / (scale.high - scale.low)
    strength = np.abs(aside) if scale.signed else rising
    position = 0.5 + 0.5 * aside if scale.colormap in DIVERGING else rising
    table = np.empty((_TABLE + 1, 4), dtype=np.uint8)
    table[:-1, :3] = palette(scale.colormap)[np.floor(255 * position + 0.5).astype(int)]
    table[:-1, 3] = np.floor(255 * np.minimum(1, 1.6 * strength**0.9) + 0.5) if fade else 255
    table[-1] = 0
    with np.errstate(invalid="ignore", over="ignore"):
        level = np.clip((values - scale.low) * ((_TABLE - 1) / (scale.high - scale.low)), 0, _TABLE - 1) + 0.5
    return table[np.where(np.isnan(level), _TABLE, level).astype(np.int32)]


def enlarge(values: np.ndarray, height: int, width: int, *, smooth: bool) -> NDArray[np.float32]:
    """Values (y, x) at the centres of height × width pixels that cover the same area.

    With `smooth` they are interpolated between the centres of the cells (bilinear), as the panes do; near a NaN the
    nearest cell decides, so that NaN covers just its own cell.
    """
    cells = torch.from_numpy(np.array(values, dtype=np.float32))[None, None]
    nearest = torch.nn.functional.interpolate(cells, (height, width), mode="nearest-exact")
    if smooth:
        between = torch.nn.functional.interpolate(cells, (height, width), mode="bilinear", align_corners=False)
        nearest = torch.where(between.isnan(), nearest, between)
    enlarged: NDArray[np.float32] = nearest[0, 0].numpy()
    return enlarged


def blend(below: np.ndarray, colours: np.ndarray, opacity: float) -> NDArray[np.uint8]:
    """Lay colours (y, x, 4) over a picture (y, x, 3)."""
    alpha = colours[..., 3:].astype(np.float32) * np.float32(opacity / 255)
    return np.asarray(below + alpha * (colours[..., :3] - below.astype(np.float32)) + 0.5).astype(np.uint8)


def hatch(below: np.ndarray, where: np.ndarray) -> NDArray[np.uint8]:
    """Hatch the pixels `where` (y, x) of a picture (y, x, 3): there is no value."""
    if not where.any():
        return below
    y, x = np.indices(where.shape)
    colours = np.where(np.less((x + y) & 7, 2)[..., None], _NAN_LINE, _NAN_GROUND).astype(np.uint8)
    return np.where(where[..., None], blend(below, colours, 1.0), below)
