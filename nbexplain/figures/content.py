"""What of an explanation is drawn, and of what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.inputs import Image

MOST_SHEETS = 64
_WRONG_PROPORTION = 0.03  # a resized picture is rounded to whole pixels


@dataclass(frozen=True, eq=False)
class Content:
    """What is drawn.

    Attributes
    ----------
    kind
        ``"map"`` (y, x) over the picture, ``"sheet"`` (n, y, x), ``"table"`` (row, column), ``"line"`` or ``"bars"``.
    values
        The numbers, float32 (bars and lines: as they came).
    axes
        The names of their axes.
    note
        What was done to them, in words.
    per_pixel
        Whether there is a value per pixel: a few are far larger than all others, and are clipped unless told otherwise.
    """

    kind: str
    values: np.ndarray
    axes: tuple[str, ...]
    note: str = ""
    per_pixel: bool = False


def content_of(explanation: Explanation) -> Content:
    """What a figure shows of an explanation.

    Raises
    ------
    ValueError
        If its values have no picture: none at all, or four axes and more.
    """
    values, axes, on = explanation.values, explanation.axes, explanation.on
    if values.size == 0 or not 1 <= values.ndim <= 3:
        raise ValueError(
            f"explanation: values of shape {values.shape} with axes {axes} cannot be drawn, expected one to three axes"
        )
    if on == "features" and explanation.features is not None and explanation.features.ndim == 2 and values.ndim == 1:
        painted = values[explanation.features].astype(np.float32)
        return Content("map", painted, ("y", "x"), f"{len(values)} superpixels", per_pixel=True)
    if values.ndim == 1:
        return Content("line" if axes[0] in ("x", "place") else "bars", values, axes)
    values = values.astype(np.float32)
    spatial = axes[-2:] == ("y", "x")
    if axes[0] == "channel" and on == "input":  # as the panes draw a value for each colour of a pixel
        note = f"sum of {len(values)} channels" if len(values) > 1 else ""
        values, axes = values.sum(0), axes[1:]
        return Content("map" if spatial else "line", values, axes, note, per_pixel=spatial)
    if values.ndim == 3:
        name = f"{axes[0]}{'s' * (len(values) != 1)}"
        count = f"{MOST_SHEETS} of {len(values):,} {name}" if len(values) > MOST_SHEETS else f"{len(values)} {name}"
        cells = f"{values.shape[2]} × {values.shape[1]} cells"
        return Content("sheet", values[:MOST_SHEETS], axes, f"{count} of {cells}, each with limits of its own")
    if not spatial:
        return Content("table", values, axes, f"{axes[0]} from top to bottom, {axes[1]} from left to right")
    return Content("map", values, axes, per_pixel=on != "layer")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture (H, W, 3) of bytes, where it has no values (H, W), and what must be said of it."""

    pixels: np.ndarray
    missing: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def picture_of(picture: Any, content: Content) -> Picture | None:
    """Check a picture that a map is to be laid over.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or its proportions are not those of a map with a value per pixel.
    """
    if picture is None:
        return None
    if isinstance(picture, Image):
        found = Picture(picture.picture, picture.missing, (*picture.notes, *picture.picture_notes))
    elif callable(getattr(picture, "convert", None)):
        found = Picture(np.asarray(picture.convert("RGB")))
    elif isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8:
        found = Picture(picture)
    else:
        shape = getattr(picture, "shape", None)
        got = f"{type(picture).__name__}{f' {tuple(shape)} of {picture.dtype}' if shape is not None else ''}"
        raise TypeError(
            f"picture: expected nbexplain.inputs.Image, a PIL picture or a uint8 array (H, W, 3), got {got}"
        )
    height, width = found.pixels.shape[:2]
    if not height or not width:
        raise ValueError(f"picture: it is empty, {height}×{width} pixels")
    if content.kind == "map" and content.per_pixel:
        rows, columns = content.values.shape
        if abs(rows * width / (columns * height) - 1) > _WRONG_PROPORTION:
            raise ValueError(
                f"picture: {width}×{height} pixels do not have the proportions of the map, {columns}×{rows}; "
                "nbexplain.inputs.Image(picture, preprocess) is the picture as the network saw it"
            )
    return found


def number(name: str, value: Any, low: float, high: float) -> float:
    """Check a number of the caller's."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")
    return float(value)
