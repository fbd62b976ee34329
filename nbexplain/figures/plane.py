"""The score over a plane: its axes, where it changes its mind, and where the rows lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nbexplain.core.dataset.plane import Plane, plane_of, strips
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted
from nbexplain.figures.colours import Scale, blend, choose_colormap, colour, enlarge, hatch
from nbexplain.figures.content import Content
from nbexplain.figures.draw import SMALL, Box, pixels_of, place, round_ticks, show
from nbexplain.figures.text import GREY, INK, LINE_HEIGHT, style, text_width, wrap, write
from nbexplain.figures.words import AXIS_ENDS, rounded
from nbexplain.inputs import Array, Tabular
from nbexplain.inputs.table_times import time_ticks

_MOST_POINTS = 400
_EDGE, _POINT, _ROW = "#303030", "#1f1f1f", "#ffd21f"
_ORDERED = 8  # categories that are named along an axis


def scale_of_plane(explanation: Explanation, colormap: str | None) -> Scale:
    """As far below the boundary as above it: from 0 to 1 for probabilities, else to the farthest score."""
    middle = float(explanation.details.get("boundary", 0.5 if explanation.quantity == "probability" else 0.0))
    finite = explanation.values[np.isfinite(explanation.values)]
    far = float(np.abs(finite - middle).max(initial=0.0)) or 1.0
    if middle == 0.5 and far <= 0.5:
        far = 0.5
    empty = "" if finite.size else "no values"
    return Scale(middle - far, middle + far, True, choose_colormap(colormap, True), empty, middle)


def plane_note(explanation: Explanation, x: Array | None, scale: Scale) -> str:
    """What the marks are."""
    rows, columns = explanation.values.shape
    seen = _seen(explanation, x)
    parts = [f"{columns} × {rows} points"]
    parts += [f"line: {rounded(scale.middle)}"] * (seen is None or not all(seen.categories))
    if seen is not None and isinstance(x, Tabular) and x.background is not None:
        count = min(_MOST_POINTS, len(x.background))
        also = "" if not seen.is_slice else ", projected"
        parts += [f"dots: {counted(count, 'background row')}{also}", "diamond: the row"]
    return ", ".join(parts)


def _seen(explanation: Explanation, x: Array | None) -> Plane | None:
    """The plane, where the row is known.

    Raises
    ------
    ValueError
        If it is a plane through another row or table.
    """
    asked = explanation.params
    if not isinstance(x, Tabular) or "plane" not in asked:
        return None
    plane = plane_of(x, asked["plane"], asked["horizontal"], asked["vertical"])
    ends = [plane.low[0], plane.high[0], plane.low[1], plane.high[1]]
    if plane.names != explanation.names or not np.allclose(ends, _ends(explanation)):
        raise ValueError("x: the plane of the explanation goes through another row or table")
    return plane


def _ends(explanation: Explanation) -> list[float]:
    rows, columns = explanation.values.shape
    usual = dict(zip(AXIS_ENDS, (0.0, columns - 1.0, 0.0, rows - 1.0), strict=True))
    return [float(explanation.details.get(name, usual[name])) for name in AXIS_ENDS]


def draw_plane(
    figure: Figure, box: Box, content: Content, scale: Scale, explanation: Explanation, x: Array | None
) -> None:
    """The scores (y, x), lowest y at the bottom, with ranges and names along the axes."""
    left, top, width, height = box
    seen = _seen(explanation, x)
    low_x, high_x, low_y, high_y = _ends(explanation)
    rows, columns = content.values.shape
    half_x, half_y = (high_x - low_x) / max(columns - 1, 1) / 2 or 0.5, (high_y - low_y) / max(rows - 1, 1) / 2 or 0.5
    left_x, right_x, bottom, upper = low_x - half_x, high_x + half_x, low_y - half_y, high_y + half_y
    names = [" ".join(name.split()) for name in content.names] if len(content.names) == 2 else ["", ""]
    across, upwards = _marks(low_x, high_x, seen, x, 0, width), _marks(low_y, high_y, seen, x, 1)
    line = SMALL * LINE_HEIGHT
    margin = max(text_width(said, SMALL) for _, said in upwards) + 5 + line
    inner = (left + margin, top + 2, width - margin, height - 2 * line - 8)
    sizes = (0, 0) if seen is None else seen.categories
    smooth = min(rows, columns) > _ORDERED and not any(sizes)
    cells = enlarge(content.values[::-1], *pixels_of(figure, inner), smooth=smooth)
    white = np.full((*cells.shape, 3), 255, dtype=np.uint8)
    show(figure, inner, hatch(blend(white, colour(cells, scale), 1.0), np.isnan(cells)))
    axes = figure.add_axes(place(figure, inner), facecolor="none")
    axes.set_axis_off()
    axes.set(xlim=(left_x, right_x), ylim=(bottom, upper))
    axes.set_zorder(5)  # above the picture
    u, v = np.linspace(low_x, high_x, columns), np.linspace(low_y, high_y, rows)
    for across_u, up_v, values in strips(u, v, content.values, sizes) if smooth or any(sizes) else ():
        if np.isfinite(values).any() and np.nanmin(values) < scale.middle < np.nanmax(values):
            level = [scale.middle]
            axes.contour(across_u, up_v, values, levels=level, colors=_EDGE, linewidths=1.1, linestyles="solid")
    if seen is not None and isinstance(x, Tabular):
        _draw_rows(axes, seen, x)
    for mark, said in across:
        at = inner[0] + inner[2] * (mark - left_x) / (right_x - left_x)
        at = min(at, left + width - text_width(said, SMALL) / 2)
        write(figure, at, inner[1] + inner[3] + 3, [said], SMALL, colour=GREY, align="center")
    for mark, said in upwards:
        at = inner[1] + inner[3] * (upper - mark) / (upper - bottom)
        write(figure, inner[0] - 5, at - 0.68 * SMALL, [said], SMALL, colour=GREY, align="right")
    below = wrap(names[0], inner[2], SMALL, most=1)
    write(figure, inner[0] + inner[2] / 2, inner[1] + inner[3] + line + 4, below, SMALL, align="center")
    page_width, page_height = (72 * float(side) for side in figure.get_size_inches())
    beside = "".join(wrap(names[1], inner[3], SMALL, most=1))
    middle = 1 - (inner[1] + inner[3] / 2) / page_height
    look = style(SMALL, INK)
    figure.text((left + SMALL) / page_width, middle, beside, rotation=90, ha="right", va="center", **look)


def _draw_rows(axes: Axes, seen: Plane, x: Tabular) -> None:
    if x.background is not None:
        count = len(x.background)
        some = np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(int)
        u, v = seen.place(x.background[some]).T
        axes.scatter(u, v, s=7, c=_POINT, alpha=0.45, edgecolors="white", linewidths=0.4, marker="o")
    u, v = seen.place(x.tensor.numpy()).T
    axes.scatter(u, v, s=75, c=_ROW, edgecolors="#141414", linewidths=1.2, marker="D", clip_on=False)


def _marks(
    low: float, high: float, seen: Plane | None, x: Array | None, axis: int, room: float = math.inf
) -> Sequence[tuple[float, str]]:
    """Where something is written along an axis: the names of categories, or round numbers or times."""
    if seen is not None and seen.categories[axis] and isinstance(x, Tabular):
        column = next(column for column in x.columns if column.name == seen.names[axis])
        step = -(-seen.categories[axis] // _ORDERED)
        said = [wrap(column.said(float(n)), 60, SMALL, most=1) for n in range(seen.categories[axis])]
        return [(float(n), "".join(said[n])) for n in range(0, len(said), step)]
    if seen is not None and seen.times[axis]:
        return time_ticks(seen.times[axis], low, high, 0.8 * room, lambda word: text_width(word, SMALL))
    if low == high:
        return [(low, rounded(low))]
    return [(mark, rounded(mark)) for mark in round_ticks(low, high, 5)]
