"""Which channel answers to which input: the activation of all channels over all inputs, as a map of colours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.formatting import counted
from nbexplain.widgets.chart_style import ACCENT, captioned, figure, number, rounded, set_ticks, ticks
from nbexplain.widgets.heat_picture import DIVERGING, SEQUENTIAL, HeatPicture, bar_png, limits, map_png

MOST_INPUTS = 200
MOST_CHANNELS = 256
# Parts of the chart's width and height: the margins of the map, where the pointers stand, and the colour bar.
_BESIDE, _ABOVE, _BAR = 0.02, 0.05, 0.02


class ActivityChart:
    """The activation of each channel (columns) for each input (rows); a click chooses both.

    The cells are the pixels of a picture (`HeatPicture`), one byte each.

    Written in the worker only; `on_choose(input, channel)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int, int], None]) -> None:
        self._shown = np.zeros((0, 0))
        self._order: list[int] = []
        self._about = ""
        self._chosen: tuple[int, int] | None = None
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0, reverse=True)
        self._heat = bqplot.LinearScale(min=0.0, max=1.0)
        self._map, self._bar = HeatPicture(self._x, self._y), HeatPicture(self._x, self._heat)
        self._map.on_element_click(lambda _mark, event: self._clicked(event, on_choose))
        scales = {"x": self._x, "y": self._y}
        self._pointers = bqplot.Lines(x=[], y=[], scales=scales, colors=[ACCENT], stroke_width=3)
        self._feet = bqplot.Scatter(x=[], y=[], scales=scales, colors=["#808080"], marker="cross", default_size=20)
        self._below = bqplot.Axis(scale=self._x, label="channel", label_offset="30px", grid_lines="none")
        upright = {"orientation": "vertical", "grid_lines": "none"}
        self._beside = bqplot.Axis(scale=self._y, label="input", label_offset="40px", **upright)
        self._values = bqplot.Axis(scale=self._heat, side="right", **upright)
        marks, axes = [self._map, self._bar, self._pointers, self._feet], [self._below, self._beside, self._values]
        self.figure = figure(marks, axes, left=56, right=48)
        self._caption = ipywidgets.Label("")
        self.widget = captioned(self.figure, self._caption)

    def show(
        self,
        values: np.ndarray,
        order: Sequence[int],
        quantity: str,
        layer: str,
        progress: float = 1.0,
        dead: Collection[int] = (),
    ) -> None:
        """Show another layer, or more inputs of the same.

        Parameters
        ----------
        values
            (inputs, channels); NaN where nothing has been computed yet, which is left empty.
        order
            The channels, in the order of the columns. At most `MOST_CHANNELS` and `MOST_INPUTS` are drawn.
        quantity, layer
            What the values are, and where: for the caption.
        progress
            From 0 to 1, when all has been computed.
        dead
            Channels that say the same of all inputs, which are marked at the foot of their column.

        Raises
        ------
        ValueError
            If `values` is no matrix, or `order` names a channel twice or one that is not there.
        """
        values = np.asarray(values)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"values: expected (inputs, channels), got shape {values.shape}")
        channels = [int(channel) for channel in order]
        if not channels or len(set(channels)) < len(channels) or not set(channels) <= set(range(values.shape[1])):
            raise ValueError(f"order: expected different channels from 0 to {values.shape[1] - 1}, got {channels[:20]}")
        channels = channels[:MOST_CHANNELS]
        shown = values[:MOST_INPUTS, channels]
        low, high = limits(shown)
        colours = DIVERGING if low < 0 else SEQUENTIAL
        rows, columns = shown.shape
        with self._x.hold_sync(), self._y.hold_sync(), self._heat.hold_sync():
            width = columns / (1 - 2 * _BESIDE - 2 * _BAR)
            self._x.min, self._x.max = -0.5 - _BESIDE * width, -0.5 + (1 - _BESIDE) * width
            self._y.min, self._y.max = _with_margins(-0.5, rows - 0.5)
            self._heat.min, self._heat.max = _with_margins(low, high)
        self.figure.layout.min_height = f"{max(220, 60 + 2 * rows)}px"  # two pixels a row at least
        self._map.draw(map_png(shown, low, high, colours), [-0.5, columns - 0.5], [rows - 0.5, -0.5])
        self._bar.draw(bar_png(colours), [self._x.max - _BAR * width, self._x.max], [low, high])
        marked = set(dead)
        with self._feet.hold_sync():
            self._feet.x = [float(place) for place, channel in enumerate(channels) if channel in marked]
            self._feet.y = np.full(len(self._feet.x), (rows - 0.5 + self._y.max) / 2)
        _name_ticks(self._below, channels, most=6)
        _name_ticks(self._beside, range(rows), most=10)
        set_ticks(self._values, *ticks([low, high]))
        self._shown, self._order = shown, channels
        self._about = self._words(
            quantity, layer, values, progress, dead, natural=channels == list(range(values.shape[1]))
        )
        self._point()

    def mark(self, input: int, channel: int) -> None:  # noqa: A002  # the selection's own word
        """Point at the row and the column of what is chosen."""
        self._chosen = input, channel
        self._point()

    def _point(self) -> None:
        """One short line in the margin above the chosen column, and one on each side of the chosen row."""
        lines: list[tuple[list[float], list[float]]] = []
        if self._chosen is not None:
            row, channel = self._chosen
            rows, columns = self._shown.shape
            if channel in self._order:
                column = float(self._order.index(channel))
                lines.append(([column, column], [self._y.min, -0.5]))
            if row < rows:
                reach = -0.5 - self._x.min
                sides = [-0.5 - reach, -0.5], [columns - 0.5, columns - 0.5 + reach]
                lines += [(side, [float(row), float(row)]) for side in sides]
        with self._pointers.hold_sync():
            self._pointers.x = [line[0] for line in lines]
            self._pointers.y = [line[1] for line in lines]
        self._caption.value = " · ".join(filter(None, [self._about, self._value()]))

    def _value(self) -> str:
        """The chosen input and channel in words, with their value."""
        if self._chosen is None or not self._order:
            return ""
        row, channel = self._chosen
        who = f"input {row}, channel {channel}"
        if row >= len(self._shown) or channel not in self._order:
            return f"{who} is not among them"
        value = self._shown[row, self._order.index(channel)]
        return f"{who}: {number(value) if np.isfinite(value) else 'not computed yet'}"

    def _words(
        self, quantity: str, layer: str, values: np.ndarray, progress: float, dead: Collection[int], natural: bool
    ) -> str:
        rows, columns = self._shown.shape
        inputs, channels = values.shape
        finite = self._shown[np.isfinite(self._shown)].astype(float)
        parts = [
            f"{quantity} of {layer}",
            counted(rows, "input", inputs),
            counted(columns, "channel", channels) + ("" if natural else ", in the order of the grid"),
        ]
        if progress < 1:
            parts.append(f"{np.isfinite(values).any(axis=1).sum():,} of {inputs:,} computed")
        if finite.size:
            parts.append("from {} to {}".format(*rounded([finite.min(), finite.max()])))
        if len(dead):
            parts.append(f"{counted(len(dead), 'dead channel')} (cross): the same for all inputs")
        return " · ".join(parts)

    def _clicked(self, event: dict[str, Any], on_choose: Callable[[int, int], None]) -> None:
        place = event.get("data") or {}
        try:
            row, column = round(place["click_y"]), round(place["click_x"])
        except (KeyError, TypeError, ValueError, OverflowError):  # nothing that the map sends
            return
        order = self._order  # the worker may put another in its place meanwhile
        if 0 <= row < len(self._shown) and 0 <= column < len(order):
            on_choose(row, order[column])


def _with_margins(low: float, high: float) -> tuple[float, float]:
    """The ends of a scale on which low and high leave `_ABOVE` of its length free at each end."""
    margin = (high - low) * _ABOVE / (1 - 2 * _ABOVE)
    return low - margin, high + margin


def _name_ticks(axis: bqplot.Axis, names: Sequence[int], most: int) -> None:
    """Write the number of the input or channel at about so many of the places."""
    step = len(names) // most
    step = next(round_ for round_ in (1, 2, 5, 10, 20, 25, 50, 100) if round_ >= step)
    places = range(0, len(names), step)
    set_ticks(axis, np.array(places, float), ".0f", {str(place): str(names[place]) for place in places})
