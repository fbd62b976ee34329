"""Points of rows on a bqplot figure: coloured, clicked, faded and brushed, all as one mark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.layout import close_tree

MOST_ROWS, MOST_POINTS = 2000, 6000  # that are drawn: bqplot spends about 0.2 ms on each whenever they change
UNKNOWN = "#9b9b9b"
RAMP = "#2f7fc1 #7a68b8 #b0559a #d95f5a #e8710a"  # evenly bright, so that all are seen on light pages and on dark ones
_LEVELS = 33
_FADED = "14"  # of ff

OnRows = Callable[[np.ndarray | None], None]


class PointCloud:
    """Points, each of one row; several may be of the same.

    Written in the worker only; `on_choose(row)` and `on_brush(rows or None)` are called on the thread that delivers
    widget messages.

    Attributes
    ----------
    mark
        What belongs on the figure.
    control
        The button that lets the pointer select by dragging; None without `on_brush`. While it is pressed, the points
        hear no clicks: the brush lies over them.
    """

    def __init__(
        self,
        x: bqplot.Scale,
        y: bqplot.Scale,
        size: int,
        tooltip: bqplot.Tooltip,
        on_choose: Callable[[int], None] | None,
        on_brush: OnRows | None,
    ) -> None:
        self._rows, self._places = np.zeros(0, int), np.zeros((2, 0))
        self._colours: list[str] = []
        self._lit: np.ndarray | None = None
        self._inside: np.ndarray | None = None  # the rows that were told last
        self._hiding = False  # the rectangle is taken away from here
        self._on_choose, self._on_brush = on_choose, on_brush
        self.mark = bqplot.Scatter(
            x=[], y=[], scales={"x": x, "y": y}, default_size=size, stroke_width=0, colors=[UNKNOWN], tooltip=tooltip
        )
        self.mark.on_element_click(lambda _mark, event: self._clicked(event))
        self.control: ipywidgets.ToggleButton | None = None
        self._brush: bqplot.interacts.BrushSelector | None = None
        if on_brush is not None:
            self.control = ipywidgets.ToggleButton(
                description="Select by dragging",
                tooltip="Drag a rectangle over points to select their rows; switched off, it clears the selection",
                layout=ipywidgets.Layout(width="auto", height="24px", margin="0 12px 0 0"),
            )

    def let_brush(self, chart: bqplot.Figure) -> None:
        """Put a brush on this figure whenever its button is pressed."""
        if self.control is None:
            return
        scales = self.mark.scales

        def switch(change: dict[str, Any]) -> None:
            brush, self._brush = self._brush, None
            if change["new"]:
                self._brush = bqplot.interacts.BrushSelector(x_scale=scales["x"], y_scale=scales["y"], color="#808080")
                self._brush.observe(lambda _change: self._brushed(), ["selected_x", "selected_y"])
            chart.interaction = self._brush
            if brush is not None:
                close_tree(brush, set(scales.values()))
                self._tell(None)

        self.control.observe(switch, "value")

    def draw(
        self,
        x: np.ndarray,
        y: np.ndarray,
        shade: np.ndarray,
        rows: np.ndarray,
        told: np.ndarray,
        numbers: np.ndarray | None = None,
    ) -> None:
        """Show other points, (P,) each.

        `shade` is from 0 to 1, or NaN, and becomes the colour; `told` and the number of the row
        (`numbers`, where people know the rows by others than `rows`) are what the tooltip may ask for as "size" and
        "rotation", which mean nothing else as long as they have no scale. A rectangle around other rows than before
        goes, without a call.
        """
        x, y = x.astype(float), y.astype(np.float32)
        self._rows, self._places, self._colours = rows, np.stack([x, y]), colours(shade)
        with self.mark.hold_sync():
            self.mark.colors = self._faded()
            called = rows if numbers is None else numbers
            self.mark.size, self.mark.rotation = told.astype(float), called.astype(np.int32)
            self.mark.x, self.mark.y = x, y
        inside, before = self._rows_inside(), self._inside
        if inside is not None and (before is None or not np.array_equal(inside, before)):
            self.unbrush()

    def highlight(self, rows: np.ndarray | None) -> None:
        """Let the points of these rows stay and the others fade; None lets all stay."""
        self._lit = None if rows is None else np.unique(np.asarray(rows, int))
        self.mark.colors = self._faded()

    def _faded(self) -> list[str]:
        """The colours of the points; bqplot sets opacities one by one, which takes six times as long."""
        if self._lit is None or not self._colours:
            return self._colours or [UNKNOWN]
        lit = np.isin(self._rows, self._lit)
        return [each if stays else each + _FADED for each, stays in zip(self._colours, lit)]

    def _clicked(self, event: dict[str, Any]) -> None:
        number, rows = (event.get("data") or {}).get("index"), self._rows
        if self._on_choose is not None and isinstance(number, int) and 0 <= number < len(rows):
            self._on_choose(int(rows[number]))

    def unbrush(self) -> None:
        """Take the rectangle away where it does not say any more which rows are chosen, and call nobody."""
        self._inside = None
        brush = self._brush
        if brush is not None and brush.selected_x is not None:
            self._hiding = True
            with brush.hold_trait_notifications():
                brush.selected_x = brush.selected_y = None
            self._hiding = False

    def _rows_inside(self) -> np.ndarray | None:
        """The rows within the rectangle; None where there is none."""
        x, y = (getattr(self._brush, name, None) for name in ("selected_x", "selected_y"))
        if x is None or y is None or not len(x) == len(y) == 2:
            return None
        rows, places = self._rows, self._places
        low, high = np.sort(np.array([x, y], float), 1).T[..., None]
        within = ((places >= low) & (places <= high)).all(0)
        return np.unique(rows[: len(within)][within[: len(rows)]])  # the worker may put others in their place meanwhile

    def _brushed(self) -> None:
        if not self._hiding:
            self._tell(self._rows_inside())

    def _tell(self, inside: np.ndarray | None) -> None:
        """Tell the rows within the rectangle when they are others than before."""
        before, self._inside = self._inside, inside
        same = before is not None and inside is not None and np.array_equal(before, inside)
        if self._on_brush is not None and not same:
            self._on_brush(inside)


def colours(shade: np.ndarray) -> list[str]:
    """The colour of each number from 0 to 1; that of NaN is grey."""
    stops = np.array([[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in RAMP.split()])
    at = np.linspace(0, len(stops) - 1, _LEVELS)
    table = np.stack([np.interp(at, range(len(stops)), part) for part in stops.T], 1).round().astype(int)
    words = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in table] + [UNKNOWN]
    known = np.isfinite(shade)
    level = np.rint(np.clip(np.where(known, shade, 0.0), 0, 1) * (_LEVELS - 1)).astype(int)
    return [words[i] for i in np.where(known, level, _LEVELS)]


def ramp_key(low: str, high: str, ramp: str = RAMP) -> ipywidgets.Widget:
    """What the colours mean, for a caption: from low to high."""
    square = ipywidgets.Label(
        "",
        style={"background": f"linear-gradient(90deg, {', '.join(ramp.split())})"},
        layout=ipywidgets.Layout(width="64px", flex="none"),
    )
    square.add_class("nbx-key")
    words = [ipywidgets.Label(word) for word in (low, high)]
    words[0].layout.margin = "0 5px 0 0"
    return ipywidgets.HBox([words[0], square, words[1]], layout=ipywidgets.Layout(align_items="center", margin="0"))


def thinned(rows: int, points: int = 1) -> np.ndarray:
    """The numbers of at most `MOST_ROWS` rows, evenly spread, and of fewer if a row has many points."""
    most = max(1, min(MOST_ROWS, MOST_POINTS // max(points, 1)))
    return np.arange(rows) if rows <= most else np.linspace(0, rows - 1, most).round().astype(int)


def ranks(values: np.ndarray) -> np.ndarray:
    """Where each number stands among all, from 0 to 1, equal ones together in their middle; NaN stays NaN."""
    known = np.isfinite(values)
    result = np.full(values.shape, np.nan)
    if known.any():
        each, which, count = np.unique(values[known], return_inverse=True, return_counts=True)
        middle = np.cumsum(count) - (count + 1) / 2
        span = middle[-1] - middle[0]
        result[known] = ((middle - middle[0]) / span if span else np.full(len(each), 0.5))[which]
    return result
