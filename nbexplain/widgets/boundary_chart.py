"""The score of a model over two features: the surface, its boundary, the rows around, and one row to drag."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.dataset.plane import strips
from nbexplain.core.formatting import counted
from nbexplain.inputs.table_column import missing_said
from nbexplain.inputs.table_times import time_said
from nbexplain.widgets.chart_style import (
    LONGEST_AXIS,
    MARGIN,
    captioned,
    figure,
    number,
    set_ticks,
    ticks,
    write_names,
    write_times,
)
from nbexplain.widgets.charts.column_axis import JITTER
from nbexplain.widgets.class_points import ClassPoints
from nbexplain.widgets.feature_rows import caption
from nbexplain.widgets.feature_words import isolated
from nbexplain.widgets.heat_picture import DIVERGING, HeatPicture, map_png
from nbexplain.widgets.text_width import NARROWEST, fitted, pixels

_ROW_COLOUR, _ROW_EDGE = "#ffd21f", "#141414"  # seen on blue, on red and on white
_ROW_SIZE = 170
_LINE = "#303030"
_LEFT, _RIGHT, _BOTTOM, _OFFSET = 60, 16, MARGIN["bottom"], 30  # pixels
_APART = 15  # pixels between names at an axis
_SLANT = 40  # degrees
_MOST_BESIDE, _LONGEST = 14, 16  # names at the vertical axis, and letters of a category's name

OnDrag = Callable[[float, float], None]


class BoundaryChart:
    """A picture of the scores, blue below the boundary and red above it, with the points of a data set.

    `figure` is what is put on the page: the note, the chart, and its words below. The large yellow mark is the row:
    it can be dragged, and a click on the picture puts it there.

    Written in the worker only. `on_drag(x, y)` and `on_choose(point)` are called on the thread that delivers widget
    messages; while the hand moves on, as often as the kernel hears of it, and at last with the place where it lets go.
    `on_drop()` follows when it has let go: the mark may then be moved again.
    """

    def __init__(
        self,
        on_drag: OnDrag | None = None,
        on_choose: Callable[[int], None] | None = None,
        on_drop: Callable[[], None] | None = None,
    ) -> None:
        self._on_drag, self._on_drop = on_drag, on_drop
        self._held = False  # the hand is on the row: where it is, the browser knows best
        self._placing = False  # it is moved from here
        self._told: tuple[float, float] | None = None
        self._row = (np.nan, np.nan)
        self._said: list[str] = []
        self._names = self._times = ("", "")
        self._categories: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._x, "y": self._y}
        self._surface = HeatPicture(self._x, self._y)
        self._surface.on_element_click(lambda _mark, event: self._put(event))
        self._boundary = bqplot.Lines(x=[], y=[], scales=scales, colors=[_LINE], stroke_width=1.8)
        self._mark = bqplot.Scatter(
            x=[],
            y=[],
            scales=scales,
            marker="diamond",
            colors=[_ROW_COLOUR],
            stroke=_ROW_EDGE,
            stroke_width=2,
            default_size=_ROW_SIZE,
            names_unique=False,
            enable_move=on_drag is not None,
            update_on_move=True,  # what the kernel hears is then the newest place, however slow it is
        )
        self._mark.on_drag_start(lambda _mark, _event: self._hold(True))
        self._mark.on_drag_end(lambda _mark, _event: self._hold(False))
        self._mark.observe(lambda _change: self._dragged(), ["x", "y"])
        self._points = ClassPoints(self._x, self._y, on_choose)
        self._below = bqplot.Axis(scale=self._x, label_offset=f"{_OFFSET}px", grid_lines="none")
        self._beside = bqplot.Axis(scale=self._y, orientation="vertical", label_offset="42px", grid_lines="none")
        self._chart = figure(self._marks(), [self._below, self._beside], left=_LEFT, right=_RIGHT)
        self._chart.layout.min_height = "300px"
        self._keys = ipywidgets.HBox([], layout=ipywidgets.Layout(flex_flow="row wrap", margin="0"))
        below, self._caption = caption(self._keys)
        note = ipywidgets.Label("")
        self._note = ipywidgets.HBox([note], layout=ipywidgets.Layout(display="none", margin="0", flex="none"))
        self._note.add_class("nbx-caption")
        self.figure = captioned(self._chart, *below)
        self.figure.children = (self._note, *self.figure.children)

    def show(
        self,
        probability: np.ndarray,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        x_name: str,
        y_name: str,
        points: np.ndarray,
        classes: np.ndarray,
        class_names: Sequence[str],
        row: tuple[float, float],
        title_note: str = "",
        boundary: float = 0.5,
        quantity: str = "probability",
        times: tuple[str, str] = ("", ""),
        categories: tuple[Sequence[str], Sequence[str]] = ((), ()),
        holes: tuple[int, int] = (0, 0),
    ) -> None:
        """Show another surface.

        Parameters
        ----------
        probability
            (rows, columns): the score at evenly spaced places, the first row at `y_range[0]` and the last at
            `y_range[1]`, the first column at `x_range[0]`. NaN is left empty.
        x_range, y_range
            What is shown of the two features.
        x_name, y_name
            The features.
        points, classes
            Rows of the data set (M, 2) in units of the features, and the class of each (M,).
        class_names
            One for each class.
        row
            Where the large mark stands.
        title_note
            What else must be known of the picture: it is written above.
        boundary
            Where the line is drawn and the colours change: 0.5 for probabilities, 0 for logits.
        quantity
            What the scores are.
        times
            What the numbers of x and of y are the days of, as in `Column`; empty for other numbers.
        categories
            What the numbers 0, 1, … of x and of y are called, where these are categories: each has a column or a row
            of cells, and its range follows.
        holes
            How many rows of the data set have no x, and how many no y: they stand nowhere in the picture.

        Raises
        ------
        ValueError
            If a range is empty, or shapes do not fit.
        """
        scores = np.asarray(probability, float)
        sizes = len(categories[0]), len(categories[1])
        if scores.ndim != 2 or any(not size and count < 2 for size, count in zip(sizes, scores.shape[::-1])):
            raise ValueError(f"probability: expected (rows, columns), at least 2 of each, got shape {scores.shape}")
        for argument, size, count in zip(("columns", "rows"), sizes, scores.shape[::-1]):
            if size and size != count:
                raise ValueError(f"categories: expected a name for each of {count} {argument}, got {size}")
        half = 0.5  # the middle of a category's cells is its number
        ends = [(-half, size - half) if size else reach for size, reach in zip(sizes, (x_range, y_range))]
        x_range, y_range = ends
        for argument, (low, high) in (("x_range", x_range), ("y_range", y_range)):
            if not (np.isfinite([low, high]).all() and low < high):
                raise ValueError(f"{argument}: expected two rising numbers, got {(low, high)}")
        with self._chart.hold_sync(), self._x.hold_sync(), self._y.hold_sync():
            self._x.min, self._x.max = map(float, x_range)
            self._y.min, self._y.max = map(float, y_range)
        far = _reach(scores, boundary)
        x, y = (
            np.arange(float(size)) if size else np.linspace(*reach, count)
            for size, reach, count in zip(sizes, ends, scores.shape[::-1])
        )
        half_x, half_y = (  # a pixel's middle is where its score was computed
            half if size else (at[1] - at[0]) / 2 for size, at in zip(sizes, (x, y))
        )
        picture = map_png(scores[::-1], boundary - far, boundary + far, DIVERGING)
        self._surface.draw(picture, [x[0] - half_x, x[-1] + half_x], [y[0] - half_y, y[-1] + half_y])
        with self._boundary.hold_sync():
            lines = [crossing(*part, boundary) for part in strips(x, y, scores, sizes)]
            self._boundary.x, self._boundary.y = _joined([np.stack(line, 1) for line in lines if len(line[0])])
        self._names, self._times, self._categories = (fitted(x_name, 30), fitted(y_name, 30)), times, categories
        self._write_axes((x_name, y_name), (x_range, y_range))
        plain = not any(times) and not any(sizes)
        said = None if plain else [", ".join(self._told_of(place)) for place in np.reshape(points, (-1, 2)).tolist()]
        others = self._points.draw(_apart(points, sizes), classes, class_names, said)
        ramp = self._points.surface_key(quantity, boundary - far, boundary + far)
        if others:
            self._chart.marks = self._marks()
            self._keys.children = (ramp, *self._points.keys)
            self._points.drop()
        self._note.children[0].value = title_note
        self._note.layout.display = None if title_note else "none"
        known = np.isfinite(scores)
        above = int((scores[known] > boundary).sum())
        self._said = [f"{above / max(int(known.sum()), 1):.0%} of the picture above {number(boundary)}"]
        self._said += [f"no {quantity} in {(~known).mean():.0%} of the picture"] * (not known.all())
        self._said += [
            f"{counted(count, 'row')} without {isolated(name)}" for count, name in zip(holes, self._names) if count
        ]
        self.move_row(*row)

    def _write_axes(self, names: tuple[str, str], ends: tuple[tuple[float, float], tuple[float, float]]) -> None:
        """Names and ticks of both axes, with margins as wide as the words need."""
        left, right, bottom = _LEFT, _RIGHT, _BOTTOM
        level = True
        self._below.label, self._beside.label = (fitted(name, LONGEST_AXIS) for name in names)
        if self._categories[1]:
            left = max(left, 28 + pixels(write_names(self._beside, self._categories[1], _MOST_BESIDE, _LONGEST)))
        elif self._times[1]:
            left = max(left, 28 + pixels(write_times(self._beside, self._times[1], *ends[1])))
        else:
            set_ticks(self._beside, *ticks(ends[1], zero=False))
        if below := self._categories[0]:
            between = NARROWEST - left - right
            said = write_names(self._below, below, between // _APART, _LONGEST)
            level = (pixels(said) + 8) * len(said) <= between
            if not level:
                bottom += math.ceil(pixels(said) * math.sin(math.radians(_SLANT))) - 8
        elif self._times[0]:
            said = write_times(self._below, self._times[0], *ends[0], NARROWEST - left - 2 * _RIGHT)
            right = max(right, pixels(said[-1:]) // 2)
        else:
            set_ticks(self._below, *ticks(ends[0], zero=False))
        self._beside.label_offset = f"{left - 18}px"
        self._below.label_offset = f"{_OFFSET + bottom - _BOTTOM}px"
        self._below.tick_rotate = 0 if level else -_SLANT
        self._below.tick_style = {"font-size": "12px", "text-anchor": "middle" if level else "end"}
        self._chart.fig_margin = {**self._chart.fig_margin, "left": left, "right": right, "bottom": bottom}

    def _told_of(self, place: Sequence[float]) -> list[str]:
        """The two numbers of a place as they are read."""

        def told(value: float, time: str, names: Sequence[str]) -> str:
            if names and not np.isfinite(value):
                return missing_said(names)
            if names:
                return fitted(names[round(min(max(value, 0), len(names) - 1))], 30)
            return time_said(time, value) if time and np.isfinite(value) else number(value)

        return [told(*each) for each in zip(place, self._times, self._categories)]

    def move_row(self, x: float, y: float) -> None:
        """Let the large mark stand elsewhere; while the hand is on it, it stays with the hand."""
        if self._held:
            return
        self._row = float(x), float(y)
        self._place(self._row)

    def _place(self, row: tuple[float, float]) -> None:
        """Show the row, at the edge of the picture where it lies beyond."""
        finite = bool(np.isfinite(row).all())
        shown = np.clip(row, [self._x.min, self._y.min], [self._x.max, self._y.max])
        self._told = (float(shown[0]), float(shown[1])) if finite else None
        self._placing = True
        with self._mark.hold_sync():
            self._mark.x, self._mark.y = ([], []) if self._told is None else ([self._told[0]], [self._told[1]])
        self._placing = False
        held = self._told_of(row)
        where = f"row: {self._names[0]} {held[0]}, {self._names[1]} {held[1]}"
        where += ", beyond the picture" * (finite and not np.array_equal(shown, row))
        self._caption.value = " · ".join([where, *self._said])

    def _marks(self) -> list[bqplot.Mark]:
        return [self._surface, self._boundary, *self._points.marks, self._mark]

    def _hold(self, held: bool) -> None:
        self._held = held
        if not held and self._on_drop is not None:
            self._on_drop()

    def _dragged(self) -> None:
        """Tell a place that came from the browser; what was put there from here is known."""
        x, y = self._mark.x, self._mark.y
        if self._placing or len(x) != 1 or len(y) != 1:
            return
        place = float(x[0]), float(y[0])
        if place != self._told and self._on_drag is not None:
            self._told = place
            self._on_drag(*place)

    def _put(self, event: dict[str, Any]) -> None:
        place = event.get("data") or {}
        try:
            row = float(place["click_x"]), float(place["click_y"])
        except (KeyError, TypeError, ValueError):  # nothing that the picture sends
            return
        if self._on_drag is not None and np.isfinite(row).all():
            self.move_row(*row)
            self._on_drag(*row)


def crossing(x: np.ndarray, y: np.ndarray, scores: np.ndarray, boundary: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the scores cross the boundary: one line with gaps, its x and its y; empty if they do not.

    Parameters
    ----------
    x, y
        Where the scores were computed, (columns,) and (rows,).
    scores
        (rows, columns); no line is drawn beside NaN.
    """
    import contourpy  # not with the package: it takes its time

    lines = contourpy.contour_generator(x, y, np.ma.masked_invalid(scores)).lines(boundary)
    return _joined([np.asarray(line) for line in lines])


def _joined(lines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The x and y of lines (points, 2) as one line with gaps."""
    gap = np.full((1, 2), np.nan)
    parts = [part for line in lines for part in (gap, line)][1:]
    joined = np.concatenate(parts) if parts else np.zeros((0, 2))
    return joined[:, 0], joined[:, 1]


def _reach(scores: np.ndarray, boundary: float) -> float:
    """How far the colours reach from the boundary: to 0 and 1 for probabilities, else to the farthest score."""
    finite = scores[np.isfinite(scores)]
    if boundary == 0.5 and finite.size and finite.min() >= 0 and finite.max() <= 1:
        return 0.5
    return float(np.abs(finite - boundary).max(initial=0.0)) or 1.0


def _apart(points: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
    """Points (N, 2), spread evenly within their category along an axis of categories."""
    places = np.array(points, float)
    for axis, step in ((0, 0.6180339887), (1, 0.7548776662)):  # two that never line up, however many there are
        if sizes[axis]:
            places[:, axis] += JITTER * (2 * (np.arange(len(places)) * step % 1) - 1)
    return places
