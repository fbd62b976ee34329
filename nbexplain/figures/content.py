"""What of an explanation is drawn, and of what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.dataset.by_group import mean_size
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted
from nbexplain.core.registry import METHODS
from nbexplain.figures.changes import AXES as CHANGES
from nbexplain.figures.changes import lines_of
from nbexplain.figures.spans import Words, words_of
from nbexplain.inputs import Array, Image, Tabular, Text, Volume

MOST_SHEETS = 64
_OUTCOMES: dict[tuple[str, ...], str] = {
    ("label", "predicted"): "confusion",
    ("measure", "point"): "rates",
    ("row", "number"): "residuals",
}
_WRONG_PROPORTION = 0.03  # a resized picture is rounded to whole pixels


@dataclass(frozen=True, eq=False)
class Content:
    """What is drawn.

    Attributes
    ----------
    kind
        ``"map"`` (y, x) over the picture, ``"sheet"`` (n, y, x), ``"table"`` (row, column), ``"line"``, ``"bars"``,
        ``"features"`` (bars with names), ``"words"`` (of a running text), ``"changes"`` (lines, which are the names),
        ``"plane"`` (y, x) of two columns, ``"curves"`` ([row,] point) over the values of a column, ``"confusion"``
        (label, predicted), ``"rates"`` (2, points) or ``"residuals"`` (rows, 2).
    values
        The numbers, float32 (bars and lines: as they came).
    axes
        The names of their axes.
    note
        What was done to them, in words.
    per_pixel
        Whether there is a value per pixel: a few are far larger than all others, and are clipped unless told otherwise.
    quantity
        What the numbers are.
    signed
        Whether a negative one means evidence against.
    errors
        Standard errors of bars.
    names, held
        Of features, and what the row holds of each.
    labels
        (y, x) the superpixel of each pixel.
    words
        Where the features stand in the running text.
    limits
        Values whose limits the colours have, where these are not all that is drawn: those of a whole volume.
    """

    kind: str
    values: np.ndarray
    axes: tuple[str, ...]
    note: str = ""
    per_pixel: bool = False
    quantity: str = ""
    signed: bool = True
    errors: np.ndarray | None = None
    names: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    words: Words | None = None
    limits: np.ndarray | None = None


def content_of(explanation: Explanation, x: Array | None = None) -> Content:
    """What a figure shows of an explanation of an input.

    Raises
    ------
    ValueError
        If its values have no picture: none at all, or four axes and more; or it is one of another input.
    """
    values, axes, on = explanation.values, explanation.axes, explanation.on
    about: dict[str, Any] = {"quantity": explanation.quantity, "signed": explanation.signed}
    if axes == CHANGES:
        return Content("changes", values, axes, names=lines_of(explanation, x), **about)
    if "z" in axes and values.size:
        return _slice_of(explanation, x)
    if values.size == 0 or not 1 <= values.ndim <= 3:
        raise ValueError(
            f"explanation: values of shape {values.shape} with axes {axes} cannot be drawn, expected one to three axes"
        )
    if explanation.grid is not None:
        return Content("curves", values, axes, **about)
    if on == "features" and explanation.features is not None and explanation.features.ndim == 2 and values.ndim == 1:
        labels = explanation.features
        painted = np.where(labels < 0, np.nan, values[labels]).astype(np.float32)
        note = f"{len(values)} superpixels"
        return Content("map", painted, ("y", "x"), note, per_pixel=True, labels=labels, **about)
    names = explanation.names
    if not names and on == "input" and isinstance(x, Tabular):  # a gradient knows no names
        names = x.names
    named = len(names) == values.shape[-1] and axes[-1] == "feature"
    if values.ndim == 1 and isinstance(x, Text) and on == "features":
        words, reason = words_of(explanation, x)
        if words is not None:
            return Content("words", values, axes, reason, words=words, **about)
        if named:
            return _bars(explanation, names, reason)
    if values.ndim == 1 and named:
        return _bars(explanation, names, held=_held(explanation, x, names))
    if axes in _OUTCOMES:
        return _outcomes(explanation, about)
    if on == "rows" and axes == ("row", "feature") and named:
        return _over_rows(explanation)
    if values.ndim == 1:
        kind = "line" if axes[0] in ("x", "place") else "bars"
        return Content(kind, values, axes, errors=explanation.standard_error, **about)
    values = values.astype(np.float32)
    spatial = axes[-2:] == ("y", "x")
    if axes[0] == "channel" and on == "input":  # as the panes draw a value for each colour of a pixel
        note = f"sum of {len(values)} channels" if len(values) > 1 else ""
        values, axes = values.sum(0), axes[1:]
        return Content("map" if spatial else "line", values, axes, note, per_pixel=spatial, **about)
    if values.ndim == 3:
        return _sheet(values, axes, "", about)
    if not spatial:
        note = f"{axes[0]} from top to bottom, {axes[1]} from left to right"
        if named and axes[0] == "feature":
            return Content("table", values, axes, "the same order from left to right", names=explanation.names, **about)
        return Content("table", values, axes, note, **about)
    if on == "scores":
        return Content("plane", values, axes, names=explanation.names, **about)
    return Content("map", values, axes, per_pixel=on != "layer", **about)


def _slice_of(explanation: Explanation, x: Array | None) -> Content:
    """The slice in the middle of a volume, in the limits of all slices."""
    values, axes = explanation.values.astype(np.float32), explanation.axes
    if "channel" in axes and explanation.on == "input":
        summed = axes.index("channel")
        values, axes = values.sum(summed), axes[:summed] + axes[summed + 1 :]
    along = axes.index("z")
    count = len(x.picture) if isinstance(x, Volume) else values.shape[along]
    number = count // 2
    plane: np.ndarray = np.take(values, int((number + 0.5) / count * values.shape[along]), along)
    axes = axes[:along] + axes[along + 1 :]
    about: dict[str, Any] = {"quantity": explanation.quantity, "signed": explanation.signed, "limits": values}
    note = f"slice {number} of {count}"
    if len(axes) == 2:
        return Content("map", plane, axes, note, per_pixel=explanation.on != "layer", **about)
    return _sheet(plane, axes, note, about)


def _sheet(values: np.ndarray, axes: tuple[str, ...], also: str, about: dict[str, Any]) -> Content:
    name = f"{axes[0]}{'s' * (len(values) != 1)}"
    count = f"{MOST_SHEETS} of {len(values):,} {name}" if len(values) > MOST_SHEETS else f"{len(values)} {name}"
    cells = f"{values.shape[2]} × {values.shape[1]} cells"
    note = ", ".join(part for part in (f"{count} of {cells}, each with limits of its own", also) if part)
    return Content("sheet", values[:MOST_SHEETS], axes, note, **about)


def _bars(explanation: Explanation, names: tuple[str, ...], note: str = "", held: tuple[str, ...] = ()) -> Content:
    return Content(
        "features",
        explanation.values,
        explanation.axes,
        note,
        quantity=explanation.quantity,
        signed=explanation.signed,
        errors=explanation.standard_error,
        names=names,
        held=held,
    )


def _held(explanation: Explanation, x: Array | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """What the row holds, where it is a row that the answer is about."""
    method = METHODS.get(explanation.method)
    if not isinstance(x, Tabular) or (method is not None and method.over_rows):
        return ()
    if x.names != names and len(x.names) == len(names) and all(a in b for a, b in zip(x.names, names, strict=True)):
        return ()  # conditions, which say what the row holds
    if x.names != names:
        raise ValueError(f"x: a row of {', '.join(x.names[:4])} …, but the explanation is of another table")
    return tuple(column.said(value) for column, value in zip(x.columns, x.tensor[0].tolist(), strict=True))


def _outcomes(explanation: Explanation, about: dict[str, Any]) -> Content:
    """How well a model does on labelled rows."""
    kind = _OUTCOMES[explanation.axes]
    if kind == "confusion":
        note = "label from top to bottom, predicted class from left to right"
        return Content(kind, explanation.values, explanation.axes, note, names=explanation.names, **about)
    values = explanation.values[:2] if kind == "rates" else explanation.values  # no thresholds
    return Content(kind, values, explanation.axes, names=explanation.names[:2], **about)


def _over_rows(explanation: Explanation) -> Content:
    found = mean_size(explanation)
    return Content(
        "features",
        found.values,
        ("feature",),
        f"mean of |value| over {counted(found.count, 'row')}",
        quantity=f"mean |{explanation.quantity}|",
        signed=False,
        errors=found.errors,
        names=explanation.names,
    )


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
    elif isinstance(picture, Volume):
        middle = picture.picture[len(picture.picture) // 2]
        pixels = middle if middle.ndim == 3 else np.repeat(middle[..., None], 3, axis=2)
        found = Picture(pixels, notes=(*picture.notes, *picture.picture_notes))
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
