"""One row for each feature: its name, bars, whiskers, and a number at the bars' end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.boxes import Boxes
from nbexplain.widgets.chart_style import LONGEST_AXIS, figure, outermost, set_ticks, spaced, ticks
from nbexplain.widgets.text_width import ending, fitted, room

TEXT, QUIET = "var(--nbx-text, #808080)", "var(--nbx-quiet, #808080)"
ERROR = 1.96  # standard errors on each side: 95 % of a normal distribution
_ROW, _LINE = 25, 12  # pixels of a row, and of a second line of words in it
_LEAST = 1e-30  # numbers of SVG have 32 bits: on an axis of smaller ones the places of all before would be infinite
_ROUNDING = 1e-9  # of the largest value: a standard error below is none
_CAP = 0.14  # of a row: half the height of a whisker's ends


class FeatureRows:
    """The part that charts with a row for each feature share; the first row is the uppermost.

    Written in the worker only; `on_choose(number of the bar)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None]) -> None:
        self.x, self.y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0, reverse=True)
        scales = {"x": self.x, "y": self.y}
        self.boxes = Boxes(self.x, self.y, on_choose)
        self._zero = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        self._with_error: list[int] = []  # the bars that have a whisker
        self._whiskers = Boxes(
            self.x,
            self.y,
            lambda whisker: on_choose(self._with_error[whisker]),  # it lies over its bar
            colors=[TEXT],
            stroke_width=1.2,
            fill="none",
            close_path=False,
        )
        self._ends = words(self.x, self.y)
        self._names = bqplot.Axis(
            scale=self.y, orientation="vertical", grid_lines="none", tick_style={"font-size": "12px"}
        )
        self._below = bqplot.Axis(scale=self.x, label_offset="30px", label_location="end", grid_lines="none")
        marks = [self._zero, self.boxes, self._whiskers, self._ends]
        self.chart = figure(marks, [self._names, self._below])

    def name(
        self, labels: Sequence[str], ends: Sequence[str], above: float = 0.6, below: float = 0.6, lines: int = 1
    ) -> None:
        """Write the names beside the rows, and make room for the words at the ends of their bars.

        `above` and `below` are the rows that are left free, measured from the middle of the first and the last one;
        `lines` is how many words stand below each other at the end of a row.
        """
        rows = len(labels)
        with self.chart.hold_sync(), self.y.hold_sync():
            self.chart.fig_margin = {**self.chart.fig_margin, "left": room(labels), "right": ending(ends)}
            self.y.min, self.y.max = -above, max(rows, 1) - 1 + below
        name_ticks(self._names, labels)
        row = _ROW + _LINE * (lines - 1)
        self.chart.layout.min_height = f"{max(150, round(70 + row * (rows - 1 + above + below)))}px"

    def measure(self, low: float, high: float, quantity: str, zero: bool) -> None:
        """Let the axis below reach from low to high, and say what is measured; `zero` draws a line at 0."""
        with self.x.hold_sync(), self._zero.hold_sync():
            self.x.min, self.x.max = low, high
            seen = zero and low <= 0 <= high
            self._zero.x, self._zero.y = ([0.0, 0.0], [self.y.min, self.y.max]) if seen else ([], [])
        self._below.label = fitted(quantity, LONGEST_AXIS)
        set_ticks(self._below, *few(low, high, zero, self.chart))

    def whiskers(self, rows: np.ndarray, middle: np.ndarray, errors: np.ndarray | None, told: Sequence[str]) -> None:
        """Draw `ERROR` standard errors to each side of the middle, where they are known; `told` to the pointer."""
        known = np.isfinite(middle) & np.isfinite(np.full(len(middle), np.nan) if errors is None else errors)
        y, x, reach = rows[known], middle[known], ERROR * (middle if errors is None else errors)[known]
        low, high = x - reach, x + reach
        self._with_error = [int(bar) for bar in np.flatnonzero(known)]
        self._whiskers.draw(
            np.stack([low, low, low, high, high, high], 1),
            np.stack([y - _CAP, y + _CAP, y, y, y - _CAP, y + _CAP], 1),
            [],
            [told[bar] for bar in self._with_error],
        )

    def write(self, rows: np.ndarray, places: np.ndarray, ends: Sequence[str]) -> None:
        """Write words to the right of these places."""
        write(self._ends, places, rows, ends)


def words(x: bqplot.Scale, y: bqplot.Scale, **style: object) -> bqplot.Label:
    """Small words in the middle of a chart's text colour, which may reach into the margins."""
    given = {"align": "start", "x_offset": 5, "default_size": 12.0, "font_weight": "normal", "colors": [TEXT], **style}
    return bqplot.Label(x=[], y=[], text=[], scales={"x": x, "y": y}, apply_clip=False, **given)


def write(mark: bqplot.Label, x: np.ndarray, y: np.ndarray, texts: Sequence[str]) -> None:
    """Show other words."""
    with mark.hold_sync():
        mark.text = np.array(texts, "U") if len(texts) else np.zeros(0, "U1")
        mark.x, mark.y = np.asarray(x, float), np.asarray(y, float)


Flag = tuple[float, float, str, bool]  # the x and y of a place, words, and whether they stand to its left


class Flags:
    """Bold words to the right or to the left of places, so that they stay on the chart."""

    def __init__(self, x: bqplot.Scale, y: bqplot.Scale) -> None:
        right = words(x, y, font_weight="bold", x_offset=4)
        self.marks = [right, words(x, y, font_weight="bold", x_offset=-4, align="end")]

    def write(self, flags: Sequence[Flag]) -> None:
        """Show other ones."""
        known = [flag for flag in flags if np.isfinite(flag[0])]
        for mark, left in zip(self.marks, (False, True)):
            side = [flag for flag in known if flag[3] == left]
            write(mark, np.array([f[0] for f in side]), np.array([f[1] for f in side]), [f[2] for f in side])


def few(low: float, high: float, zero: bool, chart: bqplot.Figure) -> tuple[np.ndarray, str]:
    """At most three round numbers, two where a narrow chart has no room for them, and how they are written."""
    places, written = ticks([low, high], zero=zero)
    ends = places[[0, -1]]
    while len(places) > 3:
        places = places[int(np.abs(places).argmin()) % 2 :: 2]
    kept = spaced(places, written, high - low, chart, ends)
    return (kept, written) if len(kept) > 1 else outermost(low, high, zero, chart) or (kept, written)


def name_ticks(axis: bqplot.Axis, labels: Sequence[str]) -> None:
    """Write a name at each row."""
    set_ticks(axis, np.arange(len(labels), dtype=float), ".0f", {str(row): each for row, each in enumerate(labels)})


def caption(*keys: ipywidgets.Widget) -> tuple[list[ipywidgets.Widget], ipywidgets.Label]:
    """What stands under a chart, and the label in it whose words change."""
    text = ipywidgets.Label("")
    return [*keys, text], text


def uncertain(values: np.ndarray, errors: np.ndarray | None) -> bool:
    """Whether some standard error is known and above 0: else there are no whiskers to be seen or spoken of."""
    if errors is None:
        return False
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    return bool((np.nan_to_num(errors) > _ROUNDING * largest).any())


def checked(name: str, values: Sequence[float] | np.ndarray, features: int) -> np.ndarray:
    """One number for each feature, (F,) float64; 0 for one that is too small for an axis.

    Raises
    ------
    ValueError
        If there are not as many as features.
    """
    numbers = np.asarray(values, float)
    if numbers.shape != (features,):
        raise ValueError(f"{name}: expected one number for each of {features} features, got shape {numbers.shape}")
    return np.where(np.abs(numbers) < _LEAST, 0.0, numbers)
