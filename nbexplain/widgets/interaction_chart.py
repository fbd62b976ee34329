"""What two columns do together, for each pair, as a map of colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.chart_style import captioned, figure, number, set_ticks, ticks
from nbexplain.widgets.feature_rows import name_ticks
from nbexplain.widgets.feature_words import isolated
from nbexplain.widgets.heat_picture import SEQUENTIAL, HeatPicture, bar_png, map_png
from nbexplain.widgets.text_width import fitted, fitted_apart, room

_LONGEST = 20  # letters of a column's name
_BAR, _GAP = 0.05, 0.03  # parts of the chart's width: the colour bar, and what is free beside it


class InteractionChart:
    """The size of what each two columns do together; a click chooses a pair.

    `figure` is what is put on the page: the chart, and its words below. A column with itself is left empty.

    Written in the worker only; `on_choose(column, other)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int, int], None] | None = None) -> None:
        self._order: list[int] = []
        self._x, self._y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0, reverse=True)
        self._heat = bqplot.LinearScale(min=0.0, max=1.0)
        self._map, self._bar = HeatPicture(self._x, self._y), HeatPicture(self._x, self._heat)
        if on_choose is not None:
            self._map.on_element_click(lambda _mark, event: self._clicked(event, on_choose))
        self._names = bqplot.Axis(
            scale=self._y, orientation="vertical", grid_lines="none", tick_style={"font-size": "12px"}
        )
        self._below = bqplot.Axis(
            scale=self._x, grid_lines="none", tick_rotate=-40, tick_style={"font-size": "12px", "text-anchor": "end"}
        )
        self._values = bqplot.Axis(scale=self._heat, side="right", orientation="vertical", grid_lines="none")
        self._chart = figure([self._map, self._bar], [self._names, self._below, self._values], right=52)
        self._caption = ipywidgets.Label("")
        self.figure = captioned(self._chart, self._caption)

    def show(self, names: Sequence[str], sizes: np.ndarray, top: int = 8, quantity: str = "") -> None:
        """Show other pairs.

        Parameters
        ----------
        names
            One for each column.
        sizes
            (F, F), not negative: what each two columns do together; the diagonal is not looked at, and pairs that are
            not finite are left empty.
        top
            How many columns are shown: those that do most together with others.
        quantity
            What the sizes are.

        Raises
        ------
        ValueError
            If there are not as many rows and columns as names, or fewer than two.
        """
        found = np.array(sizes, float)
        if found.shape != (len(names), len(names)) or len(names) < 2:
            raise ValueError(f"sizes: expected ({len(names)}, {len(names)}), at least 2, got shape {found.shape}")
        found[~np.isfinite(found) | np.eye(len(names), dtype=bool)] = np.nan
        order = [int(i) for i in np.argsort(-np.nansum(found, axis=1), kind="stable")[:top]]
        shown = found[np.ix_(order, order)]
        count, high = len(order), float(np.nanmax(shown, initial=0.0)) or 1.0
        labels = [isolated(name) for name in fitted_apart([names[i] for i in order], [_LONGEST] * len(order))]
        with self._chart.hold_sync(), self._x.hold_sync(), self._y.hold_sync(), self._heat.hold_sync():
            left = room(labels)
            self._chart.fig_margin = {**self._chart.fig_margin, "left": left, "bottom": 16 + round(0.62 * left)}
            self._x.min, self._x.max = -0.5, (count - 0.5) + count * (_GAP + _BAR) / (1 - _GAP - _BAR)
            self._y.min, self._y.max = -0.5, count - 0.5
            self._heat.min, self._heat.max = 0.0, high
        self._map.draw(map_png(shown, 0.0, high, SEQUENTIAL), [-0.5, count - 0.5], [count - 0.5, -0.5])
        width = self._x.max - self._x.min
        self._bar.draw(bar_png(SEQUENTIAL), [self._x.max - _BAR * width, self._x.max], [0.0, high])
        name_ticks(self._names, labels)
        name_ticks(self._below, labels)
        set_ticks(self._values, *ticks([0.0, high]))
        self._chart.layout.min_height = f"{120 + 24 * count}px"
        one, other = np.unravel_index(int(np.nan_to_num(shown, nan=-1.0).argmax()), shown.shape)
        pair = " with ".join(isolated(fitted(names[order[i]], 40)) for i in sorted((int(one), int(other))))
        known = bool(np.isfinite(shown[one, other]))
        said = [quantity] * bool(quantity)
        said += [f"largest: {pair}, {number(float(shown[one, other]))}" if known else "not known of any pair"]
        said += [f"{count:,} of {len(names):,} features"] * (count < len(names))
        self._caption.value = " · ".join(said)
        self._order = order

    def _clicked(self, event: dict[str, Any], on_choose: Callable[[int, int], None]) -> None:
        place = event.get("data") or {}
        try:
            row, column = round(place["click_y"]), round(place["click_x"])
        except (KeyError, TypeError, ValueError, OverflowError):  # nothing that the map sends
            return
        order = self._order  # the worker may put another in its place meanwhile
        if 0 <= row < len(order) and 0 <= column < len(order) and row != column:
            on_choose(order[row], order[column])
