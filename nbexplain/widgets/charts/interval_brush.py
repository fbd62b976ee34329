"""A brush along the horizontal axis of a chart, which is put on it by a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.point_cloud import OnRows

RowsIn = Callable[[float, float], np.ndarray]


class IntervalBrush:
    """Tells which rows are selected, or None; on the thread that delivers widget messages.

    Parameters
    ----------
    x
        The scale of the axis.
    rows_in
        Which rows (n,) lie from one place of the axis to another, as they are drawn now.
    on_rows
        Called with them.
    help_
        What the button's tooltip says.

    Attributes
    ----------
    control
        The button. While it is pressed, the marks hear no clicks: the brush lies over them.
    """

    def __init__(self, x: bqplot.Scale, rows_in: RowsIn, on_rows: OnRows, help_: str) -> None:
        self._x, self._rows_in, self._on_rows = x, rows_in, on_rows
        self._told: np.ndarray | None = None  # the rows that were told last
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
                self._tell(None)

        self.control.observe(switch, "value")

    def drawn_anew(self) -> None:
        """Take the interval away where it holds other rows than it told."""
        inside, told = self._rows_inside(), self._told
        if inside is not None and (told is None or not np.array_equal(inside, told)):
            self.unbrush()

    def unbrush(self) -> None:
        """Take the interval away where it does not say any more which rows are chosen, and call nobody."""
        self._told = None
        if self._brush is not None and self._brush.selected is not None:
            self._hiding = True
            self._brush.selected = None
            self._hiding = False

    def _rows_inside(self) -> np.ndarray | None:
        chosen = getattr(self._brush, "selected", None)
        return None if chosen is None or len(chosen) != 2 else self._rows_in(*sorted(map(float, chosen)))

    def _brushed(self) -> None:
        if not self._hiding:
            self._tell(self._rows_inside())

    def _tell(self, rows: np.ndarray | None) -> None:
        self._told = rows
        self._on_rows(rows)
