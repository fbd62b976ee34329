"""Partial dependence: the mean curve with its band, ICE curves, and how the column's values are distributed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import bqplot
import numpy as np

from nbexplain.core.explanation import Grid
from nbexplain.core.formatting import counted
from nbexplain.core.table.partial_dependence import mean_curve
from nbexplain.inputs.table_column import Column
from nbexplain.inputs.table_times import time_said
from nbexplain.widgets.boxes import Boxes
from nbexplain.widgets.chart_style import ACCENT, LONGEST_AXIS, PLAIN, captioned, figure, key, number, set_ticks, ticks
from nbexplain.widgets.charts.column_axis import ColumnAxis
from nbexplain.widgets.charts.column_histogram import histogram_of
from nbexplain.widgets.feature_rows import ERROR, TEXT, caption
from nbexplain.widgets.feature_sum import limits
from nbexplain.widgets.text_width import fitted

MOST_LINES = 100  # ICE curves that are drawn
_BELOW = 0.2  # of the chart's height, for the distribution
_PALE, _PALE_POINTS, _FADED = PLAIN + "50", PLAIN + "78", PLAIN + "18"
_BARS = "#808080d8"  # contrast 3 with the page in a dark and a light theme
_ROW, _ROW_EDGE = "#ffd21f", "#141414"  # as on the decision boundary


@dataclass(frozen=True, eq=False)
class RowCurve:
    """The ICE curve (points,) of the row that is explained, what the row holds, and its score there."""

    grid: Grid
    scores: np.ndarray
    value: float
    score: float


class PartialDependenceChart:
    """The score over what a column is set to: row by row (ICE), and their mean with 1.96 standard errors.

    Numbers have curves, categories and missing values strips of points. Below them, on the same axis, bars say how many
    rows hold a value. `figure` is what is put on the page: the chart, and its words below. Written in the worker only.
    """

    def __init__(self) -> None:
        self._y, self._count = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0)
        self._column = ColumnAxis(self._y)
        x = self._column.scale
        scales = {"x": x, "y": self._y}
        self._held = Boxes(x, self._count, colors=["transparent"])
        self._ice = bqplot.Lines(x=[], y=[], scales=scales, stroke_width=1, colors=[_PALE])
        self._band = bqplot.Lines(
            x=[], y=[], scales=scales, fill="between", colors=["transparent"], fill_colors=[TEXT], fill_opacities=[0.2]
        )
        self._lit = bqplot.Lines(x=[], y=[], scales=scales, stroke_width=1.3, colors=[ACCENT + "c0"])
        self._mean = bqplot.Lines(x=[], y=[], scales=scales, stroke_width=2.8, colors=[TEXT])
        about = {"scales": scales, "stroke_width": 0, "default_size": 14}
        self._points = bqplot.Scatter(x=[], y=[], colors=[_PALE_POINTS], **about)
        self._lit_points = bqplot.Scatter(x=[], y=[], colors=[ACCENT], **{**about, "default_size": 24})
        self._whiskers = Boxes(x, self._y, colors=[TEXT], stroke_width=2, fill="none", close_path=False)
        self._own = bqplot.Lines(x=[], y=[], scales=scales, stroke_width=2.2, colors=[ACCENT])
        self._own_points = bqplot.Scatter(x=[], y=[], colors=[ACCENT], **{**about, "default_size": 50})
        self._here = bqplot.Scatter(
            x=[], y=[], colors=[_ROW], marker="diamond", scales=scales, stroke=_ROW_EDGE, stroke_width=2,
            default_size=130, display_names=False, tooltip=bqplot.Tooltip(fields=["x", "y"], formats=[".4~g", ".3~g"]),
        )  # fmt: skip
        self._beside = bqplot.Axis(scale=self._y, orientation="vertical", label_offset="42px", grid_lines="none")
        marks = [*self._column.marks, self._held, self._ice, self._points, self._lit, self._lit_points, self._band,
                 self._mean, self._whiskers, self._own, self._own_points, self._here]  # fmt: skip
        self._chart = figure(marks, [self._column.axis, self._beside], right=16, left=60)
        self._chart.layout.min_height = "300px"
        keys = {TEXT: "mean", PLAIN: "ICE", _BARS: "rows that hold the value"}
        mean, *others = (key(colour, word) for colour, word in keys.items())
        self._mean_said, self._front = mean.children[1], key(ACCENT, "")
        below, self._caption = caption(mean, *others, self._front)
        self.figure = captioned(self._chart, *below)
        self._grid: Grid | None = None
        self._curves = np.zeros((0, 0))
        self._chosen: np.ndarray | None = None
        self._row: RowCurve | None = None

    def show(
        self,
        grid: Grid,
        curves: np.ndarray,
        held: np.ndarray,
        categories: Sequence[str] = (),
        quantity: str = "",
        chosen: np.ndarray | None = None,
        row: RowCurve | None = None,
    ) -> None:
        """Show another column, or better curves of the same.

        Parameters
        ----------
        grid
            The values that the column was set to.
        curves
            ICE curves (rows, points).
        held
            What the curves' rows hold of the column, (N,), for the bars below, of categories those of `grid`; NaN is
            missing.
        categories
            The names of all categories, where it is one.
        quantity
            What the scores are.
        chosen
            Which of the curves are drawn in front; see `highlight`.
        row
            The row that is explained; that of another column is left out.

        Raises
        ------
        ValueError
            If the curves do not have as many points as there are values.
        """
        if curves.ndim != 2 or curves.shape[1] != len(grid.values):
            raise ValueError(f"curves: expected (rows, {len(grid.values)} points), got shape {curves.shape}")
        self._grid, self._curves, self._chosen = grid, curves, chosen
        self._row = row if row is not None and row.grid.column == grid.column else None
        self._mean_curve = mean_curve(curves)
        said = partial(time_said, grid.time) if grid.time else number
        held = np.asarray(held, float)
        if categories:  # those that are not tried have no place on the axis, which may be very many
            held = held[np.isin(held, grid.values) | ~np.isfinite(held)]
        self._held_by = histogram_of(held, categories, said)
        self._categories, self._quantity = tuple(categories), quantity
        self._draw()

    def highlight(self, rows: np.ndarray | None) -> None:
        """Draw the ICE curves of these rows of `curves` in front, and let the others fade; None lets all be equal."""
        self._chosen = rows
        self._draw_front()

    def show_row(self, row: RowCurve) -> None:
        """Show the row that is explained as it is now."""
        if self._grid is not None and row.grid.column == self._grid.column:
            self._row = row
            self._draw()

    def _draw(self) -> None:
        assert self._grid is not None
        grid, mean, drawn = self._grid.values, self._mean_curve, self._curves[:MOST_LINES]
        reach = np.nan_to_num(ERROR * mean.errors)
        row, none = self._row, np.zeros(0)
        own_values, own = (none, none) if row is None else (row.grid.values, row.scores)
        shown = np.concatenate([drawn.ravel(), mean.values - reach, mean.values + reach, own])
        low, high = limits([float(shown.min()), float(shown.max())])
        ground = low - _BELOW / (1 - _BELOW) * (high - low)
        with self._y.hold_sync():
            self._y.min, self._y.max = ground, high
        self._beside.label = fitted(self._quantity, LONGEST_AXIS)
        set_ticks(self._beside, *ticks([low, high], zero=False))
        column = self._column
        values, rows = self._held_by.values, self._held_by.rows
        tried = np.append(grid, own_values)  # of which the rows below may hold a few only
        column.lay_out(
            self._chart,
            self._grid.column,
            np.append(values, tried),
            self._categories,
            np.append(rows, np.zeros(len(tried), int)),
            self._grid.time,
        )
        column.bottom(ground)
        self._draw_held()
        line, strip = self._split(grid)
        at = column.place(grid)
        _lines(self._ice, at[line], drawn[:, line])
        _lines(self._mean, at[line], mean.values[None, line])
        _lines(self._band, at[line], np.stack([mean.values - reach, mean.values + reach])[:, line])
        _points(self._points, *self._jittered(drawn, strip))
        x, y, e, half = at[strip], mean.values[strip], reach[strip], column.half
        corners = np.stack([x - half, x + half, x, x, x, x], 1), np.stack([y, y, y, y - e, y + e, y], 1)
        known = np.isfinite(mean.errors)  # not of a single row
        self._mean_said.value = "mean" + f" ± {ERROR} standard errors" * bool(known.any())
        said = [
            f"{self._named(k)}: {number(mean.values[k])}" + f" ± {number(reach[k])}" * bool(known[k])
            for k in np.flatnonzero(strip).tolist()
        ]
        self._whiskers.draw(*corners, [], said)
        line, strip = self._split(own_values)
        at = column.place(own_values)
        _lines(self._own, at[line], own[None, line])
        _points(self._own_points, at[strip], own[strip])
        here = none if row is None else np.array([row.value])
        with self._here.hold_sync():
            _points(self._here, column.place(here), none if row is None else np.array([row.score]))
            timed = row is not None and bool(self._grid.time)
            about = Column("", time=self._grid.time)
            self._here.names = np.array([about.said(value) for value in here.tolist()]) if timed else None
            self._here.tooltip.fields = ["name" if timed else "x", "y"]
        self._draw_front()

    def _draw_front(self) -> None:
        """The brushed rows' curves, and the words below."""
        if self._grid is None:
            return
        faded = self._chosen is not None
        chosen = np.zeros(0, int) if self._chosen is None else self._chosen
        lit = self._curves[chosen[:MOST_LINES]]
        line, strip = self._split(self._grid.values)
        _lines(self._lit, self._column.place(self._grid.values)[line], lit[:, line])
        _points(self._lit_points, *self._jittered(lit, strip))
        self._ice.colors, self._points.colors = [_FADED if faded else _PALE], [_FADED if faded else _PALE_POINTS]
        said = ["this row"] * (self._row is not None)
        if faded:
            few = f"{MOST_LINES:,} of " * (len(chosen) > MOST_LINES)
            said.append(f"{few}{counted(len(chosen), 'selected row')}")
        self._front.children[1].value = ", ".join(said)
        self._front.layout.display = None if said else "none"
        mean, count = self._mean_curve, len(self._curves)
        lowest, highest = int(mean.values.argmin()), int(mean.values.argmax())
        ends = [
            f"{word} {number(mean.values[k])} at {self._named(k)}"
            for word, k in (("lowest", lowest), ("highest", highest))
        ]
        drawn = counted(min(count, MOST_LINES), "row", count) + " drawn" * (count > MOST_LINES)
        self._caption.value = " · ".join([drawn, f"mean: {ends[0]}, {ends[1]}"])

    def _split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which points belong to a curve, and which stand in strips."""
        line = np.isfinite(values) & (not self._column.in_strips)
        line &= line.sum() > 1
        return line, ~line

    def _jittered(self, curves: np.ndarray, strip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places and scores of the points of curves (rows, points) that stand in strips."""
        assert self._grid is not None
        x = [self._column.spread(np.full(len(curves), value)) for value in self._grid.values[strip]]
        return (np.concatenate(x), curves[:, strip].T.ravel()) if x else (np.zeros(0), np.zeros(0))

    def _named(self, point: int) -> str:
        assert self._grid is not None
        if self._grid.categories:
            return fitted(self._grid.categories[point], 60)
        value = self._grid.values[point]
        if self._grid.time:
            return Column("", time=self._grid.time).said(float(value))
        return _to_hundredths(float(value), self._grid.values) if np.isfinite(value) else "missing"

    def _draw_held(self) -> None:
        """Bars for how many rows hold a value."""
        held, half = self._held_by, self._column.half
        strip, place = held.start == held.end, self._column.place(held.start)
        strip |= np.isnan(held.start)
        start, end = np.where(strip, place - half, held.start), np.where(strip, place + half, held.end)
        counts = held.counts.astype(float)
        self._count.max = max(counts.max(initial=0.0), 1.0) / (_BELOW - 0.03)
        x, y = np.stack([start, end, end, start], 1), np.stack([0 * counts, 0 * counts, counts, counts], 1)
        self._held.draw(x, y, [_BARS] * len(counts), held.words)


def _to_hundredths(value: float, values: np.ndarray) -> str:
    """A number as exactly as tells it from others of the same column: to a hundredth of how far its values reach."""
    finite = values[np.isfinite(values)]
    reach = float(np.ptp(finite)) or float(np.abs(finite).max()) or 1.0
    decimals = max(0, 2 - math.floor(math.log10(reach)))
    if decimals > 6 or abs(value) >= 1e9:
        return f"{value:.6g}".replace("-", "−")
    return np.format_float_positional(round(value, decimals) + 0.0, trim="-").replace("-", "−")


def _lines(mark: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
    """Show other curves y (lines, points) over x (points,); fewer than two points make none."""
    with mark.hold_sync():
        mark.x, mark.y = (x, y.astype(np.float32)) if y.size and len(x) > 1 else (np.zeros(0), np.zeros(0))


def _points(mark: bqplot.Scatter, x: np.ndarray, y: np.ndarray) -> None:
    with mark.hold_sync():
        mark.x, mark.y = x.astype(float), y.astype(np.float32)
