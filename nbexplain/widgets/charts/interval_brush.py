"""A brush along the horizontal axis of a chart, which is put on it by a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets

from nbexplain.widgets.layout import close_tree

OnInterval = Callable[[tuple[float, float] | None], None]


class IntervalBrush:
    """Tells which part of the axis is selected, or None; on the thread that delivers widget messages.

    Attributes
    ----------
    control
        The button. While it is pressed, the marks hear no clicks: the brush lies over them.
    """

    def __init__(self, x: bqplot.Scale, on_interval: OnInterval, help_: str) -> None:
        self._x, self._on_interval = x, on_interval
        self._brush: bqplot.interacts.BrushIntervalSelector | None = None
        self._hiding = False  # the interval is taken away from here
        self.control = ipywidgets.ToggleButton(
            description="Select by dragging",
            tooltip=f"{help_}; switched off, it clears the selection",
            layout=ipywidgets.Layout(width="auto", height="24px", margin="0 12px 0 0"),
        )

    def put_on(self, chart: bqplot.Figure) -> None:
        """Put the brush on this figure whenever its button is pressed."""

        def switch(change: dict[str, Any]) -> None:
            brush, self._brush = self._brush, None
            if change["new"]:
                self._brush = bqplot.interacts.BrushIntervalSelector(scale=self._x, color="#808080")
                self._brush.observe(lambda _change: self._brushed(), ["selected"])
            chart.interaction = self._brush
            if brush is not None:
                close_tree(brush, {self._x})
                self._on_interval(None)

        self.control.observe(switch, "value")

    @property
    def interval(self) -> tuple[float, float] | None:
        """What is selected."""
        chosen = getattr(self._brush, "selected", None)
        if chosen is None or len(chosen) != 2:
            return None
        low, high = sorted(map(float, chosen))
        return low, high

    def unbrush(self) -> None:
        """Take the interval away where it does not say any more what is chosen, and call nobody."""
        if self._brush is not None and self._brush.selected is not None:
            self._hiding = True
            self._brush.selected = None
            self._hiding = False

    def _brushed(self) -> None:
        if not self._hiding:
            self._on_interval(self.interval)
