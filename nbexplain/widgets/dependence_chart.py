"""How the value of one feature in the score depends on what the rows hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.formatting import counted
from nbexplain.inputs.table_times import time_said
from nbexplain.widgets.chart_style import LONGEST_AXIS, captioned, figure, key, set_ticks, ticks
from nbexplain.widgets.charts.column_axis import ColumnAxis
from nbexplain.widgets.feature_rows import QUIET, caption
from nbexplain.widgets.feature_sum import limits
from nbexplain.widgets.feature_words import isolated
from nbexplain.widgets.point_cloud import UNKNOWN, OnRows, PointCloud, ramp_key, ranks, thinned
from nbexplain.widgets.text_width import fitted


class Dependence:
    """A point for each row: what a feature adds to the score, over what it holds; coloured by another feature.

    Rows of a category stand beside each other in its strip, and those without a value in a place of their own.
    `figure` is what is put on the page: the chart, and its words below. All points are one mark.

    Written in the worker only; `on_choose(row)` and `on_brush(rows or None)` are called on the thread that delivers
    widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None, on_brush: OnRows | None = None) -> None:
        self._y = bqplot.LinearScale(min=0.0, max=1.0)
        self._column = ColumnAxis(self._y)
        scales = {"x": self._column.scale, "y": self._y}
        tooltip = bqplot.Tooltip(fields=["x", "y"], formats=[".4~g", ".3~g"])
        self._cloud = PointCloud(self._column.scale, self._y, 24, tooltip, on_choose, on_brush)
        self._cloud.mark.display_names = self._cloud.mark.names_unique = False
        self._tooltip = tooltip
        self._zero = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        self._beside = bqplot.Axis(scale=self._y, orientation="vertical", label_offset="42px", grid_lines="none")
        marks = [*self._column.marks, self._zero, self._cloud.mark]
        self._chart = figure(marks, [self._column.axis, self._beside], right=16, left=60)
        self._chart.layout.min_height = "280px"
        self._cloud.let_brush(self._chart)
        control: list[ipywidgets.Widget] = [self._cloud.control] if self._cloud.control is not None else []
        self._ramp, self._unknown = ramp_key("", ""), key(UNKNOWN, "value missing")
        below, self._caption = caption(*control, self._ramp, self._unknown)
        self.figure = captioned(self._chart, *below)

    def show(
        self,
        name: str,
        x: np.ndarray,
        values: np.ndarray,
        colour: np.ndarray | None = None,
        colour_name: str = "",
        quantity: str = "",
        categories: Sequence[str] = (),
        colour_categories: Sequence[str] = (),
        time: str = "",
    ) -> None:
        """Show another feature, or better values of the same.

        Parameters
        ----------
        name
            The feature.
        x
            What the rows hold, (N,): numbers, or positions among the `categories`. NaN and infinity are missing.
        values
            What the feature adds to the score, (N,); points that are not finite are left out.
        colour, colour_name
            What the rows hold of another feature, (N,), and its name; colours follow its rank, and NaN is grey.
        quantity
            What the values are.
        categories, colour_categories
            The names of all categories of the feature and of the other one, where they are such.
        time
            What the feature's numbers are the days of, as in `Column`; empty for other numbers.

        Raises
        ------
        ValueError
            If there are not as many values or colours as places.
        """
        places, numbers = np.asarray(x, float), np.asarray(values, float)
        held = None if colour is None else np.asarray(colour, float)
        if places.ndim != 1:
            raise ValueError(f"x: expected one number for each row, got shape {places.shape}")
        for argument, given in (("values", numbers), ("colour", held)):
            if given is not None and given.shape != places.shape:
                raise ValueError(f"{argument}: expected one for each of {len(places)} rows, got shape {given.shape}")
        rows = thinned(len(places))
        rows = rows[np.isfinite(numbers[rows])]
        at, numbers_ = places[rows], numbers[rows]
        at = np.where(np.isfinite(at), at, np.nan)
        self._lay_out(name, quantity, at, categories, numbers_, time)
        shade = np.zeros(len(rows)) if held is None else ranks(held)[rows]
        self._cloud.draw(self._column.spread(at), numbers_, shade, rows, at)
        self._tell(at, categories, time)
        self._ramp.layout.display = "none" if held is None else None
        ends = [colour_categories[0], colour_categories[-1]] if colour_categories else ["low", "high"]
        self._ramp.children[0].value = f"{isolated(fitted(colour_name, 30))} {isolated(fitted(ends[0], 20))}"
        self._ramp.children[2].value = isolated(fitted(ends[1], 20))
        self._unknown.layout.display = None if np.isnan(shade).any() else "none"
        count = len(places)
        drawn = counted(len(rows), "row", count) + " drawn" * (len(rows) < count)
        said = [drawn] + ["evenly spread"] * (count > len(thinned(count)))
        lost = int((~np.isfinite(numbers)).sum())
        said += [f"{counted(lost, 'value')} missing"] * bool(lost)
        many = int(np.isnan(at).sum())
        said += [f"{counted(many, 'row')} without {isolated(fitted(name, 30))}"] * bool(many)
        self._caption.value = " · ".join(said)

    def _tell(self, held: np.ndarray, categories: Sequence[str], time: str) -> None:
        """What the pointer reads of a point: what its row holds, in words where its place does not say it."""
        placed = not (categories or time) and np.isfinite(held).all()
        names = [] if placed else [_said(value, categories, time) for value in held.tolist()]
        with self._cloud.mark.hold_sync(), self._tooltip.hold_sync():
            self._cloud.mark.names = np.array(names) if names else None
            self._tooltip.fields = ["x" if placed else "name", "y"]
            self._tooltip.formats = [".4~g" if placed else "", ".3~g"]

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the points of these rows stay and the others fade; None lets all stay."""
        self._cloud.highlight(rows)

    def unbrush(self) -> None:
        """Take the rectangle away where others than its rows are chosen, and call nobody."""
        self._cloud.unbrush()

    def _lay_out(
        self, name: str, quantity: str, x: np.ndarray, categories: Sequence[str], y: np.ndarray, time: str
    ) -> None:
        low, high = limits([0.0, *y])
        with self._y.hold_sync():
            self._y.min, self._y.max = low, high
        self._beside.label = fitted(quantity, LONGEST_AXIS)
        set_ticks(self._beside, *ticks([low, high]))
        column = self._column
        column.lay_out(self._chart, name, x, categories, time=time)
        column.bottom(low)
        with self._zero.hold_sync():
            self._zero.x, self._zero.y = [column.scale.min, column.scale.max], [0.0, 0.0]
        self._tooltip.labels = [fitted(name, 60), quantity or "value"]


def _said(value: float, categories: Sequence[str], time: str) -> str:
    if not np.isfinite(value):
        return "missing"
    if categories:
        return fitted(str(categories[int(value)]), 60)
    return time_said(time, value) if time else f"{value:.4g}".replace("-", "−")
