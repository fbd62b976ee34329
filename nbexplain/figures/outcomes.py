"""How well a model does on labelled rows: confusion matrix, curves, residuals."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from nbexplain.figures.content import Content
from nbexplain.figures.draw import LINE, PLAIN, SMALL, Box, place, round_ticks
from nbexplain.figures.text import GREY, INK, LINE_HEIGHT, text_width, wrap, write
from nbexplain.figures.words import rounded

KINDS = ("confusion", "rates", "residuals")
_BLUE = np.array([0x4C, 0x8F, 0xBD])
_MOST_NUMBERS = 16  # classes; of more, cells are too small to be read
_MOST_POINTS = 1000
_PALEST, _DARKEST = 0.06, 0.66  # of the blue in a cell


def draw_outcomes(figure: Figure, box: Box, content: Content) -> None:
    """Draw one of `KINDS`."""
    if content.kind == "confusion":
        _draw_confusion(figure, box, content)
    else:
        _draw_plot(figure, box, content)


def _draw_confusion(figure: Figure, box: Box, content: Content) -> None:
    """Cells as blue as their share of the row, with their numbers; names of the labels on the left."""
    left, top, width, height = box
    count = len(content.values)
    names = [wrap(name, 0.35 * width, SMALL, most=1) for name in content.names]
    pitch = height / (count + 1)  # the names of the columns stand in a line of their own
    named = pitch > SMALL
    room = max(text_width("".join(name), SMALL) for name in names) + 6 if named else 0.0
    across = (width - room) / count
    values = content.values.astype(np.float64)
    total = values.sum(1, keepdims=True)
    shares = np.divide(values, total, out=np.zeros_like(values), where=np.isfinite(total) & (total > 0))
    axes = figure.add_axes(place(figure, (left + room, top + pitch, width - room, height - pitch)))
    axes.set_axis_off()
    part = (_PALEST + (_DARKEST - _PALEST) * np.nan_to_num(shares))[..., None]
    axes.imshow(1 - part + part * _BLUE / 255, aspect="auto", interpolation="nearest", origin="upper")
    for edge in np.arange(1, count) - 0.5:
        axes.axvline(edge, color="white", linewidth=1.0)
        axes.axhline(edge, color="white", linewidth=1.0)
    for row in range(count if named else 0):
        y = top + pitch * (row + 1.5) - 0.66 * SMALL
        write(figure, left + room - 6, y, names[row], SMALL, align="right")
        over = wrap(content.names[row], across - 2, SMALL, most=1)
        write(figure, left + room + across * (row + 0.5), top + pitch - 1.5 * SMALL, over, SMALL, align="center")
        for column in range(count if count <= _MOST_NUMBERS else 0):
            value = values[row, column]
            text = "" if np.isnan(value) else f"{value:,.0f}" if value == round(value) else f"{value:.2f}"
            write(figure, left + room + across * (column + 0.5), y, [text], SMALL, align="center")


def _draw_plot(figure: Figure, box: Box, content: Content) -> None:
    """A curve in the unit square, or a point for each row, over numbered axes."""
    left, top, width, height = box
    curve = content.kind == "rates"
    x, y = content.values if curve else content.values.T
    if not curve and len(x) > _MOST_POINTS:
        drawn = np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(int)
        x, y = x[drawn], y[drawn]
    ends = [(0.0, 1.0), (0.0, 1.0)] if curve else [_ends(x), _ends(np.append(y, 0.0))]
    marks = [round_ticks(*end, 5) for end in ends]
    line = SMALL * LINE_HEIGHT
    margin = max(text_width(rounded(mark), SMALL) for mark in marks[1]) + 6
    write(figure, left, top, wrap(content.names[1], width, SMALL, most=1), SMALL)
    inner = (left + margin, top + line + 4, width - margin, height - 3 * line - 8)
    axes = figure.add_axes(place(figure, inner))
    axes.set_axis_off()
    axes.set(xlim=ends[0], ylim=ends[1])
    axes.axhline(0.0, color=LINE, linewidth=0.8, clip_on=False)
    axes.axvline(ends[0][0], color=LINE, linewidth=0.8, clip_on=False)
    if curve:
        axes.plot(x, y, color=PLAIN, linewidth=1.4, linestyle="-", marker="", clip_on=False)
    else:
        axes.scatter(x, y, s=5, color=PLAIN, edgecolors="none", marker="o")
    for mark in marks[0]:
        at = inner[0] + inner[2] * (mark - ends[0][0]) / (ends[0][1] - ends[0][0])
        write(figure, at, inner[1] + inner[3] + 2, [rounded(mark)], SMALL, colour=GREY, align="center")
    for mark in marks[1]:
        at = inner[1] + inner[3] * (ends[1][1] - mark) / (ends[1][1] - ends[1][0]) - 0.66 * SMALL
        write(figure, inner[0] - 5, at, [rounded(mark)], SMALL, colour=GREY, align="right")
    below = wrap(content.names[0], inner[2], SMALL, most=1)
    write(figure, inner[0] + inner[2] / 2, inner[1] + inner[3] + line + 3, below, SMALL, colour=INK, align="center")


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    free = 0.03 * (high - low) or 1.0
    return low - free, high + free
