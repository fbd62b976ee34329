"""The values of all rows, feature by feature, coloured by what the rows hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.formatting import counted
from nbexplain.widgets.boxes import Boxes, bars
from nbexplain.widgets.chart_style import LONGEST_AXIS, captioned, figure, key, set_ticks
from nbexplain.widgets.feature_rows import QUIET, caption, few, name_ticks
from nbexplain.widgets.feature_sum import limits
from nbexplain.widgets.feature_words import full, labels
from nbexplain.widgets.point_cloud import UNKNOWN, OnRows, PointCloud, ramp_key, ranks, thinned
from nbexplain.widgets.text_width import fitted, room

_ROW = 32  # pixels
_HALF = 0.42  # of a row: how far points spread
_STEP = 0.12  # of a row: at most so far from point to point
_BINS = 90  # along the axis: about a point's width each


class Beeswarm:
    """A line of points for each feature, spread where they are dense; the largest mean |value| first.

    `figure` is what is put on the page: the chart, and its words below. All points are one mark.

    Written in the worker only; `on_choose(row)` and `on_brush(rows or None)` are called on the thread that delivers
    widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None, on_brush: OnRows | None = None) -> None:
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0, reverse=True)
        scales = {"x": self._x, "y": self._y}
        self._tooltip = bqplot.Tooltip(fields=["x", "size", "rotation"], formats=[".3~g", ".4~g", ".0f"])
        self._cloud = PointCloud(self._x, self._y, 16, self._tooltip, on_choose, on_brush)
        self._bands = Boxes(self._x, self._y, colors=["transparent"], fill_opacities=[])
        self._zero = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        upright = {"orientation": "vertical", "grid_lines": "none", "tick_style": {"font-size": "12px"}}
        self._names = bqplot.Axis(scale=self._y, **upright)
        self._below = bqplot.Axis(scale=self._x, label_offset="30px", label_location="end", grid_lines="none")
        self._chart = figure([self._bands, self._zero, self._cloud.mark], [self._names, self._below], right=16)
        self._cloud.let_brush(self._chart)
        control: list[ipywidgets.Widget] = [self._cloud.control] if self._cloud.control is not None else []
        self._unknown = key(UNKNOWN, "value missing")
        below, self._caption = caption(*control, ramp_key("feature low", "high"), self._unknown)
        self.figure = captioned(self._chart, *below)

    def show(
        self,
        names: Sequence[str],
        values: np.ndarray,
        points: np.ndarray,
        top: int = 10,
        quantity: str = "",
        numbers: np.ndarray | None = None,
    ) -> None:
        """Show other rows, or better values of the same.

        Parameters
        ----------
        names
            One for each feature.
        values
            (N, F): where the points lie; those that are not finite are left out.
        points
            (N, F): what the rows hold. Colours follow its rank within the feature; NaN is grey.
        top
            How many features are shown.
        quantity
            What the values are.
        numbers
            By which the pointer is told the rows, (N,); by default their places here.

        Raises
        ------
        ValueError
            If the shapes do not fit, or `top` is less than 1.
        """
        sizes, held = np.asarray(values, float), np.asarray(points, float)
        if sizes.ndim != 2 or sizes.shape[1] != len(names):
            raise ValueError(f"values: expected (rows, {len(names)} features), got shape {sizes.shape}")
        if held.shape != sizes.shape:
            raise ValueError(f"points: expected the shape of values, {sizes.shape}, got {held.shape}")
        if top < 1:
            raise ValueError(f"top: expected at least 1, got {top}")
        known = np.isfinite(sizes)
        mean = np.abs(np.where(known, sizes, 0.0)).sum(0) / np.maximum(known.sum(0), 1)
        order = np.argsort(-mean, kind="stable")[:top]
        rows = thinned(len(sizes), len(order))
        at, holds = sizes[rows][:, order].T, held[rows][:, order].T  # feature by feature, as the points are drawn
        low, high = limits([0.0, *at.ravel()])
        self._lay_out(labels([names[i] for i in order]), [full(names[i]) for i in order], low, high, quantity)
        places, shade = np.zeros(at.shape), np.zeros(at.shape)
        for line, feature in enumerate(order):
            places[line] = line + spread(at[line], low, high)
            shade[line] = ranks(held[:, feature])[rows]
        seen = np.isfinite(at)
        drawn = np.broadcast_to(rows, at.shape)[seen]
        called = None if numbers is None else np.asarray(numbers)[drawn]
        self._cloud.draw(at[seen], places[seen], shade[seen], drawn, holds[seen], called)
        self._unknown.layout.display = None if np.isnan(shade[seen]).any() else "none"
        said = [f"{len(order):,} of {len(names):,} features"] * (len(names) > len(order))
        said.append(counted(len(rows), "row", len(sizes)) + " drawn, evenly spread" * (len(rows) < len(sizes)))
        lost = int((~known).sum())
        said += [f"{counted(lost, 'value')} missing"] * bool(lost)
        self._caption.value = " · ".join(said)

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the points of these rows stay and the others fade; None lets all stay."""
        self._cloud.highlight(rows)

    def unbrush(self) -> None:
        """Take the rectangle away where others than its rows are chosen, and call nobody."""
        self._cloud.unbrush()

    def _lay_out(self, labels: list[str], names: list[str], low: float, high: float, quantity: str) -> None:
        rows = max(len(labels), 1)
        with self._chart.hold_sync(), self._x.hold_sync(), self._y.hold_sync():
            self._chart.fig_margin = {**self._chart.fig_margin, "left": room(labels)}
            self._x.min, self._x.max = low, high
            self._y.min, self._y.max = -0.6, rows - 0.4
        self._chart.layout.min_height = f"{60 + _ROW * rows}px"
        name_ticks(self._names, labels)
        self._below.label = fitted(quantity, LONGEST_AXIS)
        set_ticks(self._below, *few(low, high, True, self._chart))
        with self._zero.hold_sync():
            self._zero.x, self._zero.y = [0.0, 0.0], [-0.6, rows - 0.4]
        self._tooltip.labels = [quantity or "value", "feature", "row"]
        # Bands behind the points say the whole name of a feature to the pointer.
        count = np.arange(len(labels), dtype=float)
        x, y = bars(np.full(len(labels), low), np.full(len(labels), high), count, 0.5)
        self._bands.draw(x, y, ["#80808018" if k % 2 else "#80808008" for k in range(len(labels))], names)


def spread(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """How far each point stands above or below the middle of its line, (N,), in rows.

    Points that fall into the same of `_BINS` parts of the axis are placed around the middle in turn, 0, 1, −1, 2, …
    steps away; the fullest part of the feature fills `_HALF` of the row to each side, and steps are equally long.
    """
    known = np.isfinite(values)
    place = np.zeros(values.shape)
    if not known.any():
        return place
    bins = np.floor((values[known] - low) / (high - low) * _BINS).astype(int)
    by_bin = np.argsort(bins, kind="stable")
    _, first, count = np.unique(bins[by_bin], return_index=True, return_counts=True)
    turn = np.empty(bins.size, int)
    turn[by_bin] = np.arange(bins.size) - np.repeat(first, count)
    steps = (turn + 1) // 2 * np.where(turn % 2, 1, -1)
    place[known] = steps * min(_STEP, _HALF / max(1, np.abs(steps).max()))
    return place
