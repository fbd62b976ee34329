"""bqplot charts: the class scores, and how the values of a channel are spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

ACCENT = "#d55e00"  # vermillion and blue of Okabe and Ito: told apart by everyone, readable on light and dark
PLAIN = "#4c8fbd"
_MOST_CLASSES = 10
_LONGEST_NAME = 22
_BINS = 40
_MARGIN = {"top": 8, "bottom": 40, "left": 56, "right": 24}
_LETTER = 7  # pixels that a letter of an axis takes


class ClassBars:
    """Horizontal bars of the highest scores; a click on a bar chooses the class.

    Written in the worker only; `on_choose(class index)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None]) -> None:
        self._order: list[int] = []
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
        self._values = bqplot.Axis(scale=self._bars.scales["y"], label_offset="30px")
        self.figure = _figure([self._bars], [names, self._values])

    def show(self, names: Sequence[str], scores: Sequence[float], target: Any, score_name: str) -> None:
        """Show the best classes, and the chosen one even if it is not among them."""
        order = [int(i) for i in np.argsort(-np.nan_to_num(np.asarray(scores, float), nan=-np.inf), kind="stable")]
        best = order[:_MOST_CLASSES]
        if isinstance(target, int) and 0 <= target < len(order) and target not in best:
            best[-1] = target
        labels = _distinct([f"{_short(names[i])}  {scores[i]:.2f}".replace("-", "−") for i in best])
        margin = {**_MARGIN, "left": 16 + _LETTER * max(map(len, labels))}
        with self.figure.hold_sync(), self._bars.hold_sync(), self._values.hold_sync():
            self._order = best
            self.figure.fig_margin = margin
            self._bars.x = labels
            self._bars.y = [float(scores[i]) for i in best]
            self._bars.colors = [ACCENT if i == target else PLAIN for i in best]
            self._values.label = score_name
            self._values.tick_values, self._values.tick_format = _ticks(self._bars.y)

    def _clicked(self, event: dict[str, Any], on_choose: Callable[[int], None]) -> None:
        index = event.get("data", {}).get("index")
        if isinstance(index, int) and 0 <= index < len(self._order):
            on_choose(self._order[index])


class Histogram:
    """How often each value occurs among the cells of the chosen channel. Written in the worker only."""

    def __init__(self) -> None:
        x, y = bqplot.LinearScale(), bqplot.LinearScale(min=0.0)
        self._bars = bqplot.Bars(x=[], y=[], scales={"x": x, "y": y}, colors=[PLAIN], padding=0.05)
        self._below = bqplot.Axis(scale=x, num_ticks=5, label="activation", grid_lines="none", label_offset="30px")
        self._beside = bqplot.Axis(scale=y, orientation="vertical", label="cells", label_offset="38px")
        self.figure = _figure([self._bars], [self._below, self._beside])

    def show(self, values: np.ndarray, label: str) -> None:
        """Show the finite values of any shape."""
        finite = values[np.isfinite(values)]
        if not finite.size:
            counts, middles = np.zeros(1), np.zeros(1)
        else:
            counts, edges = np.histogram(finite, bins=min(_BINS, max(finite.size // 2, 8)))
            middles = (edges[:-1] + edges[1:]) / 2
        with self._bars.hold_sync(), self._below.hold_sync(), self._beside.hold_sync():
            self._bars.x = middles
            self._bars.y = counts
            self._below.label = label
            self._beside.tick_values, self._beside.tick_format = _ticks(counts.tolist(), least=1)


def _figure(marks: list[Any], axes: list[Any]) -> bqplot.Figure:
    return bqplot.Figure(
        marks=marks,
        axes=axes,
        fig_margin=_MARGIN,
        background_style={"fill": "none"},
        layout=ipywidgets.Layout(width="100%", height="100%", margin="0", min_width="0", min_height="220px"),
        padding_x=0.0,
        padding_y=0.0,
    )


def _ticks(values: Sequence[float], least: float = 0.0) -> tuple[np.ndarray, str]:
    """At most six round numbers along the bars, zero among them, and how d3 writes them: few and short, so they fit."""
    finite = [0.0, *(v for v in values if np.isfinite(v))]
    low, high = min(finite), max(finite)
    rough = max((high - low) / 5, least) or 1.0
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    decimals = max(0, -int(np.floor(np.log10(step))))
    written = ".0e" if decimals > 3 else "~s" if step >= 1000 else f".{decimals}f"
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, written


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _distinct(labels: list[str]) -> list[str]:
    """Equal names would fall on one bar: they get invisible marks apart."""
    seen: dict[str, int] = {}
    result = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        result.append(label + "\u200b" * (seen[label] - 1))
    return result
