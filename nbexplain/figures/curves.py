"""Partial dependence: the mean curve and its band over the curves of the rows; categories and missing in strips."""

from __future__ import annotations

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nbexplain.core.explanation import Explanation, Grid
from nbexplain.core.formatting import counted
from nbexplain.core.table.partial_dependence import mean_curve
from nbexplain.figures.content import Content
from nbexplain.figures.draw import PLAIN, SMALL, Box, place, round_ticks
from nbexplain.figures.text import GREY, INK, LINE_HEIGHT, style, text_width, wrap, write
from nbexplain.figures.words import rounded
from nbexplain.inputs import Array, Tabular
from nbexplain.inputs.table_times import time_ticks

_ERROR = 1.96  # standard errors on each side: 95 % of a normal distribution
_MOST_LINES = 100
_SLANT = 35.0  # degrees
_LONGEST = 75.0  # points of a category's name


def curves_note(explanation: Explanation, x: Array | None) -> str:
    """What the lines are."""
    if explanation.values.ndim == 1:
        if explanation.standard_error is not None:
            return f"band and whiskers: ±{_ERROR} standard errors"
        return "diamond: the row" if isinstance(x, Tabular) else ""
    count = len(explanation.values)
    drawn = counted(min(count, _MOST_LINES), "row", count)
    return f"thin: {drawn}, thick: their mean, with ±{_ERROR} standard errors"


def draw_curves(figure: Figure, box: Box, content: Content, explanation: Explanation, x: Array | None) -> None:
    """The scores over what the column is set to."""
    grid = explanation.grid
    assert grid is not None
    left, top, width, height = box
    values, error = content.values.astype(np.float64), explanation.standard_error
    rows = values[:_MOST_LINES] if values.ndim == 2 else values[:0, None]
    if values.ndim == 2:
        mean = mean_curve(values)
        values, error = mean.values, mean.errors
    reach = np.zeros(len(values)) if error is None else np.nan_to_num(_ERROR * error)
    known = np.concatenate([rows.ravel(), values - reach, values + reach])
    low, high = float(known.min()), float(known.max())
    room = 0.05 * (high - low) or 1.0
    low, high = low - room, high + room
    write(figure, left, top, wrap(explanation.quantity, width, SMALL, most=1), SMALL)
    line = SMALL * LINE_HEIGHT
    marks = round_ticks(low, high, 5)
    margin = max(text_width(rounded(mark), SMALL) for mark in marks) + 5
    places = _places(grid)
    below = [(at, "".join(wrap(name, _LONGEST, SMALL, most=1))) for at, name in _written(grid, places, width - margin)]
    level = sum(text_width(name, SMALL) + 6 for _, name in below) <= width - margin
    if not level:
        below = below[:: ceil(len(below) * 1.6 * SMALL / (width - margin))]
    slanted = max(text_width(name, SMALL) for _, name in below) * np.sin(np.radians(_SLANT)) + 8
    foot = line + 6 + (line if level else slanted)
    inner = (left + margin, top + line + 3, width - margin, height - foot - line - 3)
    axes = figure.add_axes(place(figure, inner), facecolor="none")
    axes.set_axis_off()
    half = 0.5 if grid.categories else 0.04 * (float(np.ptp(places)) or 1.0)
    first, last = float(places.min()) - half, float(places.max()) + half
    axes.set(xlim=(first, last), ylim=(low, high))
    _draw(axes, grid, places, rows, values, reach)
    if content.values.ndim == 1 and explanation.standard_error is None:
        _draw_row(axes, explanation, places, x)
    axes.plot([first, last], [low, low], color=GREY, linewidth=0.8, linestyle="-", marker="", clip_on=False)
    for mark in marks:
        y = inner[1] + inner[3] * (high - mark) / (high - low)
        write(figure, inner[0] - 5, y - 0.66 * SMALL, [rounded(mark)], SMALL, colour=GREY, align="right")
    bottom = inner[1] + inner[3] + 3
    for at, name in below:
        across = inner[0] + inner[2] * (at - first) / (last - first)
        if level:
            write(figure, across, bottom, [name], SMALL, colour=GREY, align="center")
        else:
            wide, high_ = (72 * float(side) for side in figure.get_size_inches())
            look = style(SMALL, GREY)
            figure.text(across / wide, 1 - bottom / high_, name, rotation=_SLANT, ha="right", va="top",
                        rotation_mode="anchor", **look)  # fmt: skip
    column = wrap(grid.column, inner[2], SMALL, most=1)
    write(figure, inner[0] + inner[2] / 2, top + height - line, column, SMALL, align="center")


def _places(grid: Grid) -> np.ndarray:
    """Where the points stand; a missing value to the left of all."""
    known = np.isfinite(grid.values)
    if grid.categories:
        return np.where(known, np.cumsum(known) - 1.0, -1.0)
    span = float(np.ptp(grid.values[known])) if known.any() else 1.0
    least = float(grid.values[known].min()) if known.any() else 1.0
    return np.where(known, grid.values, least - 0.12 * (span or 1.0))


def _written(grid: Grid, places: np.ndarray, room: float) -> list[tuple[float, str]]:
    """Where something is written below: categories, round numbers, or times in so much room; and what is missing."""
    if grid.categories:
        return list(zip(places.tolist(), grid.categories, strict=True))
    known = grid.values[np.isfinite(grid.values)].tolist()
    round_ = round_ticks(known[0], known[-1], 5) if len(known) > 1 else known
    marks = [(at, rounded(at)) for at in round_]
    if grid.time and known:
        marks = time_ticks(grid.time, known[0], known[-1], room, lambda word: text_width(word, SMALL))
    return [*marks, *((at, "missing") for at in places[np.isnan(grid.values)].tolist())]


def _draw(axes: Axes, grid: Grid, places: np.ndarray, rows: np.ndarray, values: np.ndarray, reach: np.ndarray) -> None:
    line = np.isfinite(grid.values) & (not grid.categories)
    line &= line.sum() > 1
    at, strip = places[line], ~line
    if line.any():
        if len(rows):
            axes.plot(at, rows[:, line].T, color=PLAIN, alpha=0.3, linewidth=0.6, zorder=1, linestyle="-", marker="")
        axes.fill_between(
            at, (values - reach)[line], (values + reach)[line], color=INK, alpha=0.2, linewidth=0, zorder=2
        )
        axes.plot(at, values[line], color=INK, linewidth=1.8, zorder=3, linestyle="-", marker="")
    half = 0.3 if grid.categories else 0.015 * (float(np.ptp(places)) or 1.0)
    turn = np.arange(len(rows)) * 0.6180339887 % 1
    for point in np.flatnonzero(strip):
        if len(rows):
            x = places[point] + half * (2 * turn - 1)
            axes.scatter(x, rows[:, point], s=4, c=PLAIN, alpha=0.4, linewidths=0, marker="o", zorder=1)
    x = places[strip]
    axes.vlines(x, (values - reach)[strip], (values + reach)[strip], colors=INK, linewidths=1.2, zorder=3)
    axes.hlines(values[strip], x - half, x + half, colors=INK, linewidths=1.8, zorder=3)


def _draw_row(axes: Axes, explanation: Explanation, places: np.ndarray, x: Array | None) -> None:
    """A mark at what the row holds."""
    grid = explanation.grid
    assert grid is not None
    if not isinstance(x, Tabular) or grid.column not in x.names or explanation.score is None:
        return
    value = float(x.tensor[0, x.names.index(grid.column)])
    held = np.flatnonzero((grid.values == value) | (np.isnan(grid.values) & np.isnan(value)))
    if len(held):
        axes.scatter(places[held], [explanation.score], s=60, c="#ffd21f", edgecolors="#141414", linewidths=1.2,
                     marker="D", zorder=4, clip_on=False)  # fmt: skip
