"""SHAP heatmap plot: the SHAP values of all rows as colours, rows that are explained alike beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.dataset.row_order import by_importance, by_likeness
from nbexplain.core.formatting import counted
from nbexplain.widgets.chart_style import captioned, figure, number, rounded, set_ticks
from nbexplain.widgets.charts.interval_brush import IntervalBrush
from nbexplain.widgets.feature_rows import QUIET, TEXT, caption
from nbexplain.widgets.feature_sum import base_value
from nbexplain.widgets.feature_words import labels as feature_labels
from nbexplain.widgets.heat_picture import DIVERGING, HeatPicture, map_png
from nbexplain.widgets.point_cloud import OnRows, ramp_key
from nbexplain.widgets.text_width import room

MOST_ROWS = 500  # the time that ordering takes grows with more than the square of them
ORDERS = ("alike", "score")
_ROW = 22  # pixels
_ABOVE = (-2.4, -0.8)  # where the line of the scores lies, in rows
_CLIP = 99.0  # percentile of |value| at which the colours end
_AXES = {"alike": "rows, alike beside each other", "score": "rows by their score"}


class Heatmap:
    """A column of cells for each row, a line for each feature, and above them the rows' scores.

    Written in the worker only; `on_choose(row)` and `on_brush(rows or None)` are called on the thread that delivers
    widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None, on_brush: OnRows | None = None) -> None:
        self._on_choose = on_choose
        self._rows = np.zeros(0, int)
        self._cells, self._high = np.zeros((0, 0)), 1.0
        self._lit: np.ndarray | None = None
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0, reverse=True)
        scales = {"x": self._x, "y": self._y}
        self._map = HeatPicture(self._x, self._y)
        self._map.on_element_click(lambda _mark, event: self._clicked(event))
        self._line = bqplot.Lines(x=[], y=[], scales=scales, colors=[TEXT], stroke_width=1.4)
        self._base = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1, line_style="dashed")
        self._names = bqplot.Axis(
            scale=self._y, orientation="vertical", grid_lines="none", tick_style={"font-size": "12px"}
        )
        self._below = bqplot.Axis(
            scale=self._x, label_offset="12px", label_location="end", grid_lines="none", num_ticks=0, tick_values=[]
        )
        marks = [self._map, self._base, self._line]
        self._chart = figure(marks, [self._names, self._below], right=16, bottom=28)
        control: list[ipywidgets.Widget] = []
        self._brush: IntervalBrush | None = None
        if on_brush is not None:
            self._brush = IntervalBrush(self._x, self._rows_in, on_brush, "Drag over columns to select their rows")
            self._brush.put_on(self._chart)
            control.append(self._brush.control)
        self._ramp = ramp_key("", "", " ".join(f"#{colour}" for colour in DIVERGING.split()))
        below, self._caption = caption(*control, self._ramp)
        self.figure = captioned(self._chart, *below)

    def show(
        self,
        names: Sequence[str],
        values: np.ndarray,
        base: float,
        order: str = "alike",
        top: int = 10,
        meanwhile: bool = False,
        over: int | None = None,
    ) -> None:
        """Show other rows, or better values of the same.

        Parameters
        ----------
        names
            One for each feature.
        values
            (N, F) SHAP values: with the base they add up to the scores.
        base
            What the scores are compared with.
        order
            Of the rows: `"alike"` or `"score"`.
        top
            How many features are shown; the others are one line, their sum.
        meanwhile
            Whether they stand in this order only until all are known.
        over
            Of how many rows the base is the mean, where that is to be said.

        Raises
        ------
        ValueError
            If the shapes do not fit, the order is another one, or `top` is less than 1.
        """
        numbers = np.asarray(values, float)
        if numbers.ndim != 2 or numbers.shape[1] != len(names) or not len(numbers):
            raise ValueError(f"values: expected (rows, {len(names)} features), got shape {np.shape(values)}")
        if order not in ORDERS:
            raise ValueError(f"order: expected one of {', '.join(map(repr, ORDERS))}, got {order!r}")
        if top < 1:
            raise ValueError(f"top: expected at least 1, got {top}")
        count = min(len(numbers), MOST_ROWS)
        rows = np.linspace(0, len(numbers) - 1, count).round().astype(int)
        scores = base + np.nansum(numbers, axis=1)
        turn = by_likeness(numbers[rows]) if order == "alike" else np.argsort(scores[rows], kind="stable")
        self._rows = rows[turn]
        features = by_importance(numbers)
        cells = numbers[self._rows][:, features[:top]].T
        labels = feature_labels([names[feature] for feature in features[:top]])
        if others := len(names) - len(labels):
            cells = np.concatenate([cells, np.nansum(numbers[self._rows][:, features[top:]], axis=1)[None]])
            labels.append(f"sum of {counted(others, 'other')}")
        known = np.abs(cells[np.isfinite(cells)])
        self._cells = cells
        self._high = (float(np.percentile(known, _CLIP)) or float(known.max())) if known.size else 0.0
        self._high = self._high or 1.0
        self._lay_out(labels, count, _AXES[order] + ", until all are known" * meanwhile)
        self._draw_line(scores[self._rows], base)
        self._paint()
        clipped = bool(known.size and known.max() > self._high)
        ends = [f"{number(sign * self._high)}{' and beyond' * clipped}" for sign in (-1, 1)]
        self._ramp.children[0].value, self._ramp.children[2].value = ends
        seen = scores[self._rows]
        least, most, middle = rounded([float(seen.min()), float(seen.max()), base])
        said = [f"f(x) from {least} to {most}, dashed: {base_value(base, over, middle)}"]
        said.append(counted(count, "row", len(numbers)) + " drawn, evenly spread" * (count < len(numbers)))
        self._caption.value = " · ".join(said)
        if self._brush is not None:
            self._brush.drawn_anew()

    def unbrush(self) -> None:
        """Take the interval away where others than its rows are chosen, and call nobody."""
        if self._brush is not None:
            self._brush.unbrush()

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the cells of these rows stay and those of others vanish; None lets all stay."""
        self._lit = None if rows is None else np.asarray(rows, int)
        if self._cells.size:
            self._paint()

    def _paint(self) -> None:
        cells = self._cells
        if self._lit is not None:
            cells = np.where(np.isin(self._rows, self._lit), cells, np.nan)
        shape = cells.shape
        picture = map_png(np.clip(cells, -self._high, self._high), -self._high, self._high, DIVERGING)
        self._map.draw(picture, [-0.5, shape[1] - 0.5], [shape[0] - 0.5, -0.5])

    def _lay_out(self, labels: list[str], count: int, axis: str) -> None:
        lines = len(labels)
        named = ["f(x)", *labels]
        with self._chart.hold_sync(), self._x.hold_sync(), self._y.hold_sync():
            self._chart.fig_margin = {**self._chart.fig_margin, "left": room(named)}
            self._x.min, self._x.max = -0.5, count - 0.5
            self._y.min, self._y.max = _ABOVE[0] - 0.3, lines - 0.5
        self._chart.layout.min_height = f"{max(180, 60 + _ROW * (lines + 3))}px"
        places = [sum(_ABOVE) / 2, *range(lines)]
        written = {f"{place:g}": each for place, each in zip(places, named, strict=True)}
        set_ticks(self._names, np.array(places, float), ".1f", written)
        self._below.label = axis

    def _draw_line(self, scores: np.ndarray, base: float) -> None:
        low, high = min(float(scores.min()), base), max(float(scores.max()), base)
        span = (high - low) or 1.0
        top, bottom = _ABOVE

        def height(score: np.ndarray | float) -> Any:
            return bottom + (top - bottom) * (score - low) / span

        with self._line.hold_sync(), self._base.hold_sync():
            self._line.x, self._line.y = np.arange(len(scores), dtype=float), height(scores)
            self._base.x, self._base.y = [-0.5, len(scores) - 0.5], [height(base)] * 2

    def _clicked(self, event: dict[str, Any]) -> None:
        place = event.get("data") or {}
        try:
            column = round(place["click_x"])
        except (KeyError, TypeError, ValueError, OverflowError):  # nothing that the map sends
            return
        rows = self._rows  # the worker may put others in their place meanwhile
        if self._on_choose is not None and 0 <= column < len(rows):
            self._on_choose(int(rows[column]))

    def _rows_in(self, low: float, high: float) -> np.ndarray:
        rows = self._rows
        places = np.arange(len(rows))
        inside: np.ndarray = np.sort(rows[(places >= low) & (places <= high)])
        return inside
