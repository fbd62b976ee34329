"""bqplot charts: the class scores, and how the values of a channel are spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import numpy as np

from nbexplain.widgets.chart_style import (
    ACCENT,
    IN_TABLES,
    LONGEST_AXIS,
    LONGEST_NAME,
    MARGIN,
    PLAIN,
    distinct,
    figure,
    outermost,
    set_ticks,
    spaced,
    ticks,
)
from nbexplain.widgets.text_width import LETTER, NARROWEST, fitted, fitted_apart, room, width

_MOST_CLASSES = 10
_LONGEST = 30  # average letters of a name with its score
_BINS = 40
_NARROW = 248  # pixels: a chart in a pane as narrow as a board has them that sets no least width (`layout.board`)
_LEAST_BARS = 48  # pixels that long names leave to the bars there


class ClassBars:
    """Horizontal bars of the highest scores; a click on a bar chooses the class.

    Written in the worker only; `on_choose(class index)` is called on the thread that delivers widget messages.
    With `narrow` it may stand in a pane of the least width.
    """

    def __init__(self, on_choose: Callable[[int], None], *, narrow: bool = False) -> None:
        self._order: list[int] = []
        self._widths = (_NARROW,) if narrow else (NARROWEST, IN_TABLES)
        self._narrowest = self._widths[0]
        self._longest = min(_LONGEST, (self._narrowest - MARGIN["right"] - _LEAST_BARS - room([])) / LETTER)
        self._y = bqplot.OrdinalScale(reverse=True)
        self._bars = bqplot.Bars(
            x=[],
            y=[],
            scales={"x": self._y, "y": bqplot.LinearScale()},
            orientation="horizontal",
            colors=[PLAIN],
            padding=0.25,
        )
        self._bars.on_element_click(lambda _mark, event: self._clicked(event, on_choose))
        names = bqplot.Axis(scale=self._y, orientation="vertical", grid_lines="none", tick_style={"font-size": "12px"})
        self._values = bqplot.Axis(
            scale=self._bars.scales["y"], label_offset="30px", label_location="end", grid_lines="none"
        )
        self.figure = figure([self._bars], [names, self._values])

    def show(self, names: Sequence[str], scores: Sequence[float], target: Any, score_name: str) -> int:
        """Show the best classes, and the chosen one even if it is not among them; returns how many."""
        order = [int(i) for i in np.argsort(-np.nan_to_num(np.asarray(scores, float), nan=-np.inf), kind="stable")]
        best = order[:_MOST_CLASSES]
        chosen = target if isinstance(target, int) and 0 <= target < len(order) else None
        if chosen is not None and chosen not in best:
            best[-1] = chosen
        endings = [f"  {scores[i]:.2f}".replace("-", "−") for i in best]
        rooms = [min(LONGEST_NAME, self._longest - width(ending)) for ending in endings]
        cut = fitted_apart([names[i] for i in best], rooms)
        labels = distinct([name + ending for name, ending in zip(cut, endings)])
        margin = {**MARGIN, "left": room(labels)}
        with self.figure.hold_sync(), self._bars.hold_sync():
            self._order = best
            self.figure.fig_margin = margin
            self._bars.x = labels
            self._bars.y = [float(scores[i]) for i in best]
            self._bars.colors = [ACCENT if i == chosen else PLAIN for i in best]
        self._values.label = fitted(score_name, LONGEST_AXIS)
        known = [0.0, *filter(np.isfinite, self._bars.y)]
        low, high = float(min(known)), float(max(known))  # bqplot's own scale holds all bars and zero
        places, written = ticks(known)
        kept = spaced(places, written, high - low, self.figure, narrowest=self._narrowest)
        two = outermost(low, high, True, self.figure, self._widths) if len(kept) < 2 and low < high else None
        set_ticks(self._values, *(two or (kept, written)))
        return len(best)

    def _clicked(self, event: dict[str, Any], on_choose: Callable[[int], None]) -> None:
        index = event.get("data", {}).get("index")
        if isinstance(index, int) and 0 <= index < len(self._order):
            on_choose(self._order[index])


class Histogram:
    """How often each value occurs among the cells of the chosen channel. Written in the worker only."""

    def __init__(self) -> None:
        x, y = bqplot.LinearScale(), bqplot.LinearScale(min=0.0)
        self._bars = bqplot.Bars(x=[], y=[], scales={"x": x, "y": y}, colors=[PLAIN], padding=0.05)
        self._below = bqplot.Axis(scale=x, label="activation", grid_lines="none", label_offset="30px")
        self._beside = bqplot.Axis(scale=y, orientation="vertical", label="cells", label_offset="38px")
        self.figure = figure([self._bars], [self._below, self._beside])

    def show(self, values: np.ndarray, label: str) -> None:
        """Show the finite values of any shape."""
        finite = values[np.isfinite(values)].astype(float)  # numpy finds no bins between neighbouring float32 numbers
        if not finite.size:
            counts, edges = np.zeros(1), np.zeros(2)
        else:
            counts, edges = np.histogram(finite, bins=min(_BINS, max(finite.size // 2, 8)))
        with self._bars.hold_sync():
            self._bars.x = (edges[:-1] + edges[1:]) / 2
            self._bars.y = counts
        self._below.label = fitted(label, LONGEST_AXIS)
        set_ticks(self._below, *ticks(edges.tolist(), zero=False))
        set_ticks(self._beside, *ticks(counts.tolist(), least=1))
