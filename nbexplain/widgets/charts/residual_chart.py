"""How far a regression is off, over what it predicts."""

from __future__ import annotations

from collections.abc import Callable

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.chart_style import captioned, figure, set_ticks, ticks
from nbexplain.widgets.feature_rows import QUIET, caption
from nbexplain.widgets.feature_sum import limits
from nbexplain.widgets.point_cloud import OnRows, PointCloud, thinned


class ResidualChart:
    """A point for each row: label − prediction, over the prediction.

    `figure` is what is put on the page: the chart, and its words below. All points are one mark.

    Written in the worker only; `on_choose(place)` and `on_brush(places or None)`, with the places of rows as they were
    given, are called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None, on_brush: OnRows | None = None) -> None:
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._x, "y": self._y}
        tooltip = bqplot.Tooltip(
            fields=["x", "y", "rotation"], formats=[".4~g", ".4~g", ".0f"], labels=["prediction", "residual", "row"]
        )
        self._cloud = PointCloud(self._x, self._y, 24, tooltip, on_choose, on_brush)
        self._zero = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        self._below = bqplot.Axis(scale=self._x, label="prediction", label_offset="30px", grid_lines="none")
        self._beside = bqplot.Axis(
            scale=self._y, label="label − prediction", orientation="vertical", label_offset="46px", grid_lines="none"
        )
        self._chart = figure([self._zero, self._cloud.mark], [self._below, self._beside], right=16, left=64)
        self._chart.layout.min_height = "280px"
        self._cloud.let_brush(self._chart)
        control: list[ipywidgets.Widget] = [self._cloud.control] if self._cloud.control is not None else []
        below, self._caption = caption(*control)
        self.figure = captioned(self._chart, *below)

    def show(self, predicted: np.ndarray, residual: np.ndarray, said: str, numbers: np.ndarray | None = None) -> None:
        """Show the rows (N,), by their `numbers` if they have others, and under them what is said of them."""
        rows = thinned(len(predicted))
        x, y = predicted[rows], residual[rows]
        (left, right), (low, high) = limits(x.tolist()), limits([0.0, *y])
        with self._x.hold_sync(), self._y.hold_sync():
            self._x.min, self._x.max, self._y.min, self._y.max = left, right, low, high
        set_ticks(self._below, *ticks(x.tolist(), zero=False))
        set_ticks(self._beside, *ticks([low, high]))
        with self._zero.hold_sync():
            self._zero.x, self._zero.y = [left, right], [0.0, 0.0]
        self._cloud.draw(x, y, np.zeros(len(rows)), rows, x, None if numbers is None else numbers[rows])
        few = f"{len(rows):,} of {len(predicted):,} rows drawn, evenly spread · " if len(rows) < len(predicted) else ""
        self._caption.value = few + said

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the points of these rows stay and the others fade; None lets all stay."""
        self._cloud.highlight(rows)

    def unbrush(self) -> None:
        """Take the rectangle away where others than its rows are chosen, and call nobody."""
        self._cloud.unbrush()
