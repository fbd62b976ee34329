"""What the bqplot charts share: colours, margins, round ticks, and labels that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.core.formatting import HUGE
from nbexplain.inputs.table_times import time_ticks
from nbexplain.widgets.text_width import NARROWEST, fitted, fitted_apart, pixels

ACCENT = "#d55e00"  # vermillion and blue of Okabe and Ito: told apart by everyone, readable on light and dark
PLAIN = "#4c8fbd"
MARGIN = {"top": 8, "bottom": 40, "left": 56, "right": 24}
_DATA = ("x", "y", "image", "color")  # traits of marks that hold what is drawn
LONGEST_NAME = 24  # average letters
LONGEST_AXIS = 32  # of what is written along an axis
IN_TABLES = 350  # pixels of a chart in an explorer of tables, on a page that is as wide (`Explorer._least`)
_ALL = 10**6  # ticks: of those that have values none is left out


def figure(marks: list[Any], axes: list[Any], **margin: int) -> bqplot.Figure:
    """A figure that fills its place and shows the page behind it; it is not seen before something is drawn on it."""
    chart = bqplot.Figure(
        marks=marks,
        axes=axes,
        fig_margin={**MARGIN, **margin},
        background_style={"fill": "none"},
        display_toolbar=False,  # it would lie over bars and cells that can be clicked
        layout=ipywidgets.Layout(width="100%", height="100%", margin="0", min_width="0", min_height="220px"),
        padding_x=0.0,
        padding_y=0.0,
    )
    chart.add_class("nbx-undrawn")  # else axes from 0 to 1, and keys without words

    def drawn(_change: object) -> None:
        chart.remove_class("nbx-undrawn")
        for mark, names in data:
            mark.unobserve(drawn, names)

    data = [(mark, [name for name in _DATA if mark.has_trait(name)]) for mark in marks]
    for mark, names in data:
        mark.observe(drawn, names)
    return chart


def captioned(chart: bqplot.Figure, *caption: ipywidgets.Widget) -> ipywidgets.Widget:
    """A figure with words under it: they say to a screen reader, which hears nothing of a figure, what it shows."""
    below = ipywidgets.HBox(list(caption), layout=ipywidgets.Layout(flex="none", flex_flow="row wrap", margin="0"))
    below.add_class("nbx-caption")
    return ipywidgets.VBox([chart, below], layout=ipywidgets.Layout(flex="1 1 auto", min_width="0", overflow="hidden"))


def key(colour: str, word: str) -> ipywidgets.Widget:
    """A word of a caption, behind a small square of the colour that it explains."""
    square = ipywidgets.Label("", style={"background": colour}, layout=ipywidgets.Layout(width="11px", flex="none"))
    square.add_class("nbx-key")
    return ipywidgets.HBox([square, ipywidgets.Label(word)], layout=ipywidgets.Layout(align_items="center", margin="0"))


def ticks(values: Sequence[float], least: float = 0.0, zero: bool = True, steps: int = 5) -> tuple[np.ndarray, str]:
    """A few round numbers within the values' range, and how d3 writes them: few and short, so they fit.

    Parameters
    ----------
    values
        What the axis is for; those that are not finite are left out.
    least
        The smallest step.
    zero
        Whether the axis holds zero, as that of bars does.
    steps
        How many there are at most from one end to the other.
    """
    finite = [0.0] * zero + [float(v) for v in values if np.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    rough = max((high - low) / steps, least) or 1.0
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    rounding = 1e-9  # 0.3 / 0.1 is a little less than 3
    places = np.arange(np.ceil(low / step - rounding), np.floor(high / step + rounding) + 1) * step + 0.0
    if not places.size:  # they are all the same number, and that is no round one
        places = np.array([low])
    decimals = max(0, -_exponent(step))
    digits = max(0, _exponent(np.abs(places).max()) - _exponent(step))
    written = f".{digits}~e" if decimals > 3 else "~s" if step >= 1000 else f".{decimals}f"
    return places, written


def spaced(
    places: np.ndarray,
    written: str,
    span: float,
    chart: bqplot.Figure,
    ends: np.ndarray | None = None,
    narrowest: int = NARROWEST,
) -> np.ndarray:
    """Those of evenly spaced ticks that keep clear of each other between the margins of the narrowest chart.

    Every second one, or the first and the last, or one.

    Parameters
    ----------
    places, written
        As `ticks` gives them.
    span
        How far the axis reaches, in the same units.
    ends
        The first and the last, where they are others than those of `places`.
    narrowest
        The pixels of that chart.
    """
    between = narrowest - chart.fig_margin["left"] - chart.fig_margin["right"]
    apart = 3 + pixels([as_written(place, written) for place in places])
    if len(places) < 2:
        return places
    ends = places[[0, -1]] if ends is None else ends
    while len(places) > 1 and (places[1] - places[0]) / span * between < apart:
        places = places[int(np.abs(places).argmin()) % 2 :: 2]
    return ends if len(places) == 1 and (ends[1] - ends[0]) / span * between >= apart else places


def outermost(
    low: float,
    high: float,
    zero: bool,
    chart: bqplot.Figure,
    widths: Sequence[int] = (NARROWEST, IN_TABLES),
) -> tuple[np.ndarray, str] | None:
    """Two round numbers near the ends, zero in the place of one that is close to it, and how they are written.

    They keep clear of each other on a chart of the first of these widths that has room for two; None if none has.
    """
    for between in (width - chart.fig_margin["left"] - chart.fig_margin["right"] for width in widths):
        for steps in (10, 20):
            places, written = ticks([low, high], zero=zero, steps=steps)
            first, last = places[[0, -1]].tolist()

            def touch(one: float, other: float, between: float = between, written: str = written) -> bool:
                half = sum(pixels([as_written(place, written)]) for place in (one, other)) / 2
                return (other - one) / (high - low) * between < half + 3

            pairs = [(0.0, last)] * (first < 0 < last and touch(first, 0.0))
            pairs += [(first, 0.0)] * (first < 0 < last and touch(0.0, last))
            for pair in (*pairs, (first, last)):
                if pair[0] < pair[1] and not touch(*pair):
                    return np.array(pair), written
    return None


def write_times(axis: bqplot.Axis, what: str, low: float, high: float, room: float = math.inf) -> list[str]:
    """Write round times from low to high at an axis, as many as keep clear in so many pixels; what is written.

    `what` the numbers are days of is told as in `Column`.
    """
    times = time_ticks(what, low, high, room, lambda word: pixels([word]) + 3.0)
    labels = {np.format_float_positional(at, trim="-"): word for at, word in times}  # as JavaScript writes it
    set_ticks(axis, np.array([at for at, _ in times]), axis.tick_format, labels)
    return [word for _, word in times]


def write_names(axis: bqplot.Axis, names: Sequence[str], most: int, letters: int) -> list[str]:
    """Write names at 0, 1, … of an axis, as many as `most`, evenly, and no longer than so many letters; how written."""
    shown = range(0, len(names), -(-len(names) // most))
    cut = fitted_apart([names[place] for place in shown], [letters] * len(shown))
    set_ticks(axis, np.array(shown, float), ".0f", {str(place): isolated(name) for place, name in zip(shown, cut)})
    return cut


def set_ticks(axis: bqplot.Axis, values: np.ndarray, written: str, labels: dict[str, str] | None = None) -> None:
    """Other ticks, and what is written at them.

    Where the browser hears of both at once, it may write the new ticks as it wrote the old ones: the values follow. It
    is the same where ticks are at the same places and have other names, while it moves an axis: it is asked once more.
    """
    others = (written, labels) != (axis.tick_format, axis.tick_labels)
    stay = len(values) > 0 and np.array_equal(axis.tick_values, values)
    with axis.hold_sync():
        axis.tick_format, axis.tick_labels = written, labels
    axis.tick_values = values
    if others and stay:
        for count in (_ALL, None):  # each is a reason to write them
            axis.num_ticks = count


def as_written(place: float, written: str) -> str:
    """About what d3 makes of a number; of its formats Python does not know those that `ticks` gives for large ones."""
    if written == "~s":
        return "0" if place == 0 else "000k" if place > 0 else "-000k"
    if "~" not in written:
        return f"{place:{written}}"
    digits, _, power = f"{place:{written.replace('~', '')}}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def around_zero(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The ends of a scale that holds zero and all finite values, with a little room beyond them."""
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    room = 0.05 * (high - low) or 1.0
    return low - room * (low < 0), high + room * (high > 0 or low == 0)


def _exponent(value: float) -> int:
    """The power of ten of a number's first digit; for zero 0."""
    return int(f"{value:e}".partition("e")[2])


def number(value: float) -> str:
    """A number in words: three digits at least, with a true minus sign."""
    if not math.isfinite(value):
        return "no value"
    written = f"{value:,.0f}" if 100 <= abs(value) < HUGE else f"{value:.3g}"
    return written.replace("-", "−")


def rounded(values: Sequence[float]) -> list[str]:
    """Numbers in words, all as exact as three digits of the largest are."""
    decimals = 2 - _exponent(max(map(abs, values), default=0.0))
    return [number(round(value, decimals) + 0.0) for value in values]


def isolated(name: str) -> str:
    """A name in any script within a sentence, kept from reordering what stands beside it."""
    return f"\u2068{fitted(name, LONGEST_NAME)}\u2069"


def distinct(labels: list[str]) -> list[str]:
    """Equal names would fall on one bar: they get invisible marks apart."""
    seen: dict[str, int] = {}
    result = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        result.append(label + "\u200b" * (seen[label] - 1))
    return result
