"""How the value of one feature in the score depends on what the rows hold."""

from __future__ import annotations

from collections.abc import Callable

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.chart_style import LONGEST_AXIS, captioned, figure, key, ticks
from nbexplain.widgets.feature_rows import QUIET, caption
from nbexplain.widgets.feature_sum import limits
from nbexplain.widgets.feature_words import isolated
from nbexplain.widgets.point_cloud import UNKNOWN, OnRows, PointCloud, ramp_key, ranks, thinned
from nbexplain.widgets.text_width import fitted

_EDGE = 0.08  # of the axis: how far left of all others points with no value stand


class Dependence:
    """A point for each row: what a feature adds to the score, over what it holds; coloured by another feature.

    `figure` is what is put on the page: the chart, and its words below. All points are one mark.

    Written in the worker only; `on_choose(row)` and `on_brush(rows or None)` are called on the thread that delivers
    widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None, on_brush: OnRows | None = None) -> None:
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._x, "y": self._y}
        tooltip = bqplot.Tooltip(fields=["x", "y"], formats=[".4~g", ".3~g"])
        self._cloud = PointCloud(self._x, self._y, 24, tooltip, on_choose, on_brush)
        self._tooltip = tooltip
        self._zero = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        self._edge = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1, line_style="dotted")
        self._below = bqplot.Axis(scale=self._x, label_offset="30px", grid_lines="none")
        self._beside = bqplot.Axis(scale=self._y, orientation="vertical", label_offset="42px", grid_lines="none")
        marks = [self._zero, self._edge, self._cloud.mark]
        self._chart = figure(marks, [self._below, self._beside], right=16, left=60)
        self._chart.layout.min_height = "280px"
        self._cloud.let_brush(self._chart)
        control: list[ipywidgets.Widget] = [self._cloud.control] if self._cloud.control is not None else []
        self._ramp, self._unknown = ramp_key("", ""), key(UNKNOWN, "missing")
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
    ) -> None:
        """Show another feature, or better values of the same.

        Parameters
        ----------
        name
            The feature.
        x
            What the rows hold, (N,). Where it is NaN, points stand at the left edge.
        values
            What the feature adds to the score, (N,); points that are not finite are left out.
        colour, colour_name
            What the rows hold of another feature, (N,), and its name; colours follow its rank, and NaN is grey.
        quantity
            What the values are.

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
        missing = ~np.isfinite(at)
        low, high = limits(at)
        edge = low
        if missing.any():
            low -= _EDGE * (high - low)
            edge = (edge + low) / 2
        self._lay_out(name, quantity, (low, high), edge if missing.any() else None, at, numbers_)
        shade = np.zeros(len(rows)) if held is None else ranks(held)[rows]
        self._cloud.draw(np.where(missing, edge, at), numbers_, shade, rows, at)
        self._ramp.layout.display = "none" if held is None else None
        self._ramp.children[0].value = f"{isolated(fitted(colour_name, 30))} low"
        self._ramp.children[2].value = "high"
        self._unknown.layout.display = None if np.isnan(shade).any() else "none"
        count = len(places)
        drawn = f"{len(rows):,} of {count:,} rows drawn" if len(rows) < count else f"{count:,} row{'s' * (count != 1)}"
        said = [drawn] + ["evenly spread"] * (count > len(thinned(count)))
        lost = int((~np.isfinite(numbers)).sum())
        said += [f"{lost:,} value{'s' * (lost > 1)} missing"] * bool(lost)
        many = int(missing.sum())
        said += [f"{many:,} row{'s' * (many > 1)} without {isolated(fitted(name, 30))}: at the left edge"] * bool(many)
        self._caption.value = " · ".join(said)

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the points of these rows stay and the others fade; None lets all stay."""
        self._cloud.highlight(rows)

    def _lay_out(
        self,
        name: str,
        quantity: str,
        ends: tuple[float, float],
        edge: float | None,
        x: np.ndarray,
        y: np.ndarray,
    ) -> None:
        low, high = limits([0.0, *y])
        with self._x.hold_sync(), self._y.hold_sync(), self._below.hold_sync(), self._beside.hold_sync():
            self._x.min, self._x.max = ends
            self._y.min, self._y.max = low, high
            self._below.label, self._beside.label = fitted(name, LONGEST_AXIS), fitted(quantity, LONGEST_AXIS)
            places, self._below.tick_format = ticks(x.tolist(), zero=False)
            self._below.tick_values = places if np.isfinite(x).any() else np.zeros(0)
            self._beside.tick_values, self._beside.tick_format = ticks([low, high])
        with self._zero.hold_sync(), self._edge.hold_sync():
            self._zero.x, self._zero.y = list(ends), [0.0, 0.0]
            self._edge.x, self._edge.y = ([], []) if edge is None else ([edge, edge], [low, high])
        self._tooltip.labels = [fitted(name, 60), quantity or "value"]
