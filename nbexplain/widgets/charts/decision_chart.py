"""SHAP decision plot: how the score of each row grows from the base, feature by feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.dataset.row_order import by_importance
from nbexplain.core.formatting import counted
from nbexplain.widgets.chart_style import LONGEST_AXIS, captioned, figure, number, set_ticks
from nbexplain.widgets.charts.interval_brush import IntervalBrush
from nbexplain.widgets.feature_rows import QUIET, caption, few
from nbexplain.widgets.feature_sum import base_value, limits
from nbexplain.widgets.feature_words import labels as feature_labels
from nbexplain.widgets.point_cloud import OnRows, colours, ramp_key
from nbexplain.widgets.text_width import fitted, room

MOST_LINES = 200
_ROW = 28  # pixels
_FADED, _MANY = "14", "b0"  # opacities, of ff: of lines that are not selected, and where there are many
_FEW = 60


class Decision:
    """A line for each row from the base at the bottom to its score at the top, the largest mean |value| uppermost.

    Features that are not shown come first, as one step. Lines have the colour of their score; those of rows whose
    predicted class is wrong are dashed.

    Written in the worker only; `on_choose(row)` and `on_brush(rows or None)` are called on the thread that delivers
    widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None, on_brush: OnRows | None = None) -> None:
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._x, "y": self._y}
        self._on_choose = on_choose
        self._lit: np.ndarray | None = None
        self._scores = np.zeros(0)
        self._marks, self._rows, self._colours = [], [np.zeros(0, int)] * 2, [[""]] * 2
        for dashed in (False, True):
            mark = bqplot.Lines(
                x=[],
                y=[],
                scales=scales,
                stroke_width=1.6,
                line_style="dashed" if dashed else "solid",
                tooltip=bqplot.Tooltip(fields=["name"], show_labels=False),
            )
            mark.on_element_click(lambda _mark, event, which=int(dashed): self._clicked(which, event))
            self._marks.append(mark)
        self._base = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        self._steps = bqplot.Lines(x=[], y=[], scales=scales, colors=["#80808030"], stroke_width=1)
        self._names = bqplot.Axis(
            scale=self._y, orientation="vertical", grid_lines="none", tick_style={"font-size": "12px"}
        )
        self._below = bqplot.Axis(scale=self._x, label_offset="30px", label_location="end", grid_lines="none")
        self._chart = figure([self._steps, self._base, *self._marks], [self._names, self._below], right=16)
        control: list[ipywidgets.Widget] = []
        self._brush: IntervalBrush | None = None
        if on_brush is not None:
            self._brush = IntervalBrush(
                self._x, self._rows_in, on_brush, "Drag along the axis to select rows by their score"
            )
            self._brush.put_on(self._chart)
            control.append(self._brush.control)
        below, self._caption = caption(*control, ramp_key("score low", "high"))
        self.figure = captioned(self._chart, *below)

    def show(
        self,
        names: Sequence[str],
        values: np.ndarray,
        base: float,
        wrong: np.ndarray | None = None,
        numbers: np.ndarray | None = None,
        top: int = 10,
        quantity: str = "",
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
            Where the lines begin.
        wrong
            (N,) bool: whether the model's class of a row is not the right one, where that is known.
        numbers
            (N,) what the rows are called; by default by their place.
        top
            How many features are shown.
        quantity
            What the score is.
        over
            Of how many rows the base is the mean, where that is to be said.

        Raises
        ------
        ValueError
            If the shapes do not fit, or `top` is less than 1.
        """
        held = np.nan_to_num(np.asarray(values, float))
        if held.ndim != 2 or held.shape[1] != len(names) or not len(held):
            raise ValueError(f"values: expected (rows, {len(names)} features), got shape {np.shape(values)}")
        if wrong is not None and np.shape(wrong) != (len(held),):
            raise ValueError(f"wrong: expected one for each of {len(held)} rows, got shape {np.shape(wrong)}")
        if top < 1:
            raise ValueError(f"top: expected at least 1, got {top}")
        order, path = paths(held, base, top)
        most = min(len(held), MOST_LINES)
        rows = np.linspace(0, len(held) - 1, most).round().astype(int)
        labels = feature_labels([names[feature] for feature in order[:top]])[::-1]
        others = len(names) - len(labels)
        labels = [counted(others, "other"), *labels] if others else labels
        self._scores = path[:, -1]
        low, high = limits([base, *path[rows].ravel()])
        shown = self._scores[rows]
        span = float(np.ptp(shown)) or 1.0
        called = np.arange(len(held)) if numbers is None else np.asarray(numbers)
        shades = colours((shown - shown.min()) / span)
        dashed = np.zeros(len(rows), bool) if wrong is None else np.asarray(wrong, bool)[rows]
        self._lay_out(labels, low, high, base, quantity)
        for which, mark in enumerate(self._marks):
            own = np.flatnonzero(dashed == bool(which))
            self._rows[which], self._colours[which] = rows[own], [shades[n] + _MANY * (most > _FEW) for n in own]
            with mark.hold_sync():
                mark.colors = self._faded(which)
                mark.labels = [f"row {called[rows[n]]}: {number(float(shown[n]))}" for n in own]
                mark.x = path[rows[own]] if len(own) else []
                mark.y = np.tile(np.arange(path.shape[1], dtype=float), (len(own), 1)) if len(own) else []
        said = [base_value(base, over)]
        said += [counted(most, "row", len(held)) + " drawn, evenly spread" * (most < len(held))]
        some = " of those drawn" * (most < len(held))
        said += [f"dashed: {int(dashed.sum()):,} misclassified{some}"] * bool(dashed.any())
        self._caption.value = " · ".join(said)
        if self._brush is not None:
            self._brush.drawn_anew()

    def unbrush(self) -> None:
        """Take the interval away where others than its rows are chosen, and call nobody."""
        if self._brush is not None:
            self._brush.unbrush()

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the lines of these rows stay and the others fade; None lets all stay."""
        self._lit = None if rows is None else np.unique(np.asarray(rows, int))
        for which, mark in enumerate(self._marks):
            mark.colors = self._faded(which)

    def _faded(self, which: int) -> list[str]:
        own = self._colours[which]
        if self._lit is None or not own:
            return own or [QUIET]
        lit = np.isin(self._rows[which], self._lit)
        return [each if stays else each[:7] + _FADED for each, stays in zip(own, lit, strict=True)]

    def _lay_out(self, labels: list[str], low: float, high: float, base: float, quantity: str) -> None:
        steps = len(labels)
        with self._chart.hold_sync(), self._x.hold_sync(), self._y.hold_sync():
            self._chart.fig_margin = {**self._chart.fig_margin, "left": room(labels)}
            self._x.min, self._x.max = low, high
            self._y.min, self._y.max = 0.0, float(steps)
        self._chart.layout.min_height = f"{70 + _ROW * steps}px"
        places = np.arange(steps) + 0.5  # a name stands beside the step that its feature makes
        set_ticks(self._names, places, ".1f", {f"{place:g}": each for place, each in zip(places, labels, strict=True)})
        self._below.label = fitted(quantity, LONGEST_AXIS)
        set_ticks(self._below, *few(low, high, low <= 0 <= high, self._chart))
        with self._base.hold_sync(), self._steps.hold_sync():
            self._base.x, self._base.y = [base, base], [0.0, float(steps)]
            lines = np.arange(1, max(steps, 2), dtype=float)
            self._steps.x, self._steps.y = np.tile([low, high], (len(lines), 1)), np.tile(lines[:, None], (1, 2))

    def _clicked(self, which: int, event: dict[str, object]) -> None:
        data = event.get("data")
        place = data.get("index") if isinstance(data, dict) else None
        rows = self._rows[which]
        if self._on_choose is not None and isinstance(place, int) and 0 <= place < len(rows):
            self._on_choose(int(rows[place]))

    def _rows_in(self, low: float, high: float) -> np.ndarray:
        scores = self._scores
        inside: np.ndarray = np.flatnonzero((scores >= low) & (scores <= high))
        return inside


def paths(values: np.ndarray, base: float, top: int) -> tuple[list[int], np.ndarray]:
    """The features, most important first, and the cumulative scores (N, steps + 1) from the base upwards.

    The least important are added first; all but the first `top` of them are one step.
    """
    order = by_importance(values).tolist()
    own = values[:, order[:top][::-1]]
    others = values[:, order[top:]].sum(1, keepdims=True)
    steps = np.concatenate([others, own], 1) if len(order) > top else own
    return order, base + np.concatenate([np.zeros((len(values), 1)), np.cumsum(steps, 1)], 1)
