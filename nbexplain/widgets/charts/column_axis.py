"""The axis for what rows hold of a column: numbers, or a strip for each category, and a place for missing values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bqplot
import numpy as np

from nbexplain.inputs.table_column import missing_said
from nbexplain.widgets.chart_style import LONGEST_AXIS, MARGIN, set_ticks, spaced, ticks, write_times
from nbexplain.widgets.feature_rows import QUIET, words, write
from nbexplain.widgets.feature_sum import limits
from nbexplain.widgets.feature_words import isolated
from nbexplain.widgets.text_width import NARROWEST, fitted, fitted_apart, pixels

_LONGEST = 20  # letters of a category's name below its strip
_LINE = 15  # pixels between names that are written aslant
_SLANT = 40  # degrees
_LEFT, _RIGHT = 60, 16  # pixels
_GAP = 0.14  # of the numbers' range: how far left of them a missing value stands
_FEW = 12  # whole numbers, around each of which there is room for a bar
JITTER = 0.3  # of a strip, to each side


class ColumnAxis:
    """The horizontal axis of a figure; `marks` belong on it, below its own.

    Numbers lie where they are. Each category has a strip, in the order of the categories; the names of as many as there
    is room for, the most frequent first, are written below them. A missing value stands to the left of all others, and
    it says so. Written in the worker only.
    """

    def __init__(self, y: bqplot.Scale) -> None:
        self.scale, self._y = bqplot.LinearScale(min=0.0, max=1.0), y
        scales = {"x": self.scale, "y": y}
        self.axis = bqplot.Axis(scale=self.scale, label_offset="30px", grid_lines="none")
        self._edge = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1, line_style="dotted")
        self._missing = words(self.scale, y, align="end", x_offset=16, y_offset=20, colors=[QUIET])
        self.marks = [self._edge, self._missing]
        self._codes: np.ndarray | None = None  # the categories that have a strip
        self._left = -1.0  # where a missing value stands

    @property
    def in_strips(self) -> bool:
        """Whether the column is a category."""
        return self._codes is not None

    def lay_out(
        self,
        chart: bqplot.Figure,
        name: str,
        held: np.ndarray,
        categories: Sequence[str] = (),
        rows: np.ndarray | None = None,
        time: str = "",
    ) -> None:
        """Make room for values (N,): numbers, or positions among the categories; NaN is missing.

        `rows` tells how many rows hold each of them, where that is not one; `time` what the numbers are days of,
        as in `Column`.
        """
        known = np.isfinite(held)
        if categories:
            counts = np.ones(len(held), int) if rows is None else rows
            self._strips(chart, held[known], counts[known], categories, not known.all())
        else:
            self._numbers(chart, name, held[known], not known.all(), time)

    def bottom(self, low: float) -> None:
        """Write what belongs at the lower end of the vertical axis."""
        seen = bool(self.scale.min <= self._left) and not self.in_strips
        write(self._missing, np.array([self._left] * seen), np.array([low] * seen), ["missing"] * seen)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where values (N,) stand on the scale."""
        known = np.isfinite(values)
        if self._codes is None:
            return np.where(known, values, self._left)
        strips = np.searchsorted(self._codes, np.where(known, values, 0))
        return np.where(known, strips, self._left).astype(float)

    def spread(self, values: np.ndarray, least: int = 2) -> np.ndarray:
        """The same, side by side where at least so many stand in one strip: of categories, and of what is missing."""
        places = self.place(values)
        loose = np.ones(len(places), bool) if self.in_strips else ~np.isfinite(values)
        if loose.sum() < least:
            return places
        half = JITTER * (1.0 if self.in_strips else 0.4 * _GAP * (self.scale.max - self.scale.min))
        turn = np.arange(int(loose.sum())) * 0.6180339887 % 1  # evenly, however many there are
        places[loose] += half * (2 * turn - 1)
        return places

    @property
    def half(self) -> float:
        """Half the width of a strip, in units of the scale."""
        return 0.4 if self.in_strips else 0.16 * _GAP * (self.scale.max - self.scale.min)

    def _numbers(self, chart: bqplot.Figure, name: str, known: np.ndarray, missing: bool, time: str) -> None:
        self._codes = None
        ends = [float(known.min()), float(known.max())] if len(known) else []
        low, high = limits(ends)
        different = np.unique(known)
        if 1 < len(different) <= _FEW and (different == np.round(different)).all():
            low, high = min(low, different[0] - 0.5), max(high, different[-1] + 0.5)
        self._left = low - _GAP * (high - low) / 2
        start = low - _GAP * (high - low) if missing else low
        chart.fig_margin = {**chart.fig_margin, "left": _LEFT, "right": _RIGHT, "bottom": MARGIN["bottom"]}
        places, written = ticks(ends, zero=False)
        if not len(known):
            places = np.zeros(0)
        with self.scale.hold_sync(), self.axis.hold_sync():
            self.scale.min, self.scale.max = start, high
            self.axis.label = fitted(name, LONGEST_AXIS)
            self.axis.tick_rotate, self.axis.tick_style = 0, {"font-size": "12px", "text-anchor": "middle"}
        if time and len(known):
            between = (NARROWEST - _LEFT - 2 * _RIGHT) * (ends[1] - ends[0]) / (high - start)
            said = write_times(self.axis, time, ends[0], ends[1], between)
            chart.fig_margin = {**chart.fig_margin, "right": max(_RIGHT, pixels(said[-1:]) // 2)}
        else:
            set_ticks(self.axis, spaced(places, written, high - start, chart), written)
        edge = self._left + _GAP * (high - low) / 2 - self.half
        self._edge.x, self._edge.y = ([edge] * 2, [self._y.min, self._y.max]) if missing else ([], [])

    def _strips(
        self, chart: bqplot.Figure, known: np.ndarray, rows: np.ndarray, categories: Sequence[str], missing: bool
    ) -> None:
        codes, which = np.unique(known, return_inverse=True)
        counts = np.bincount(which, rows, minlength=len(codes))
        self._codes, self._left = codes, -1.0
        names = [str(categories[int(code)]) for code in codes]
        between = NARROWEST - _LEFT - _RIGHT
        strips = len(codes) + missing
        most = max(between // _LINE - missing, 1)
        named = np.sort(np.argsort(-counts, kind="stable")[:most])
        cut = fitted_apart([names[strip] for strip in named], [_LONGEST] * len(named))
        labels = {int(strip): isolated(name) for strip, name in zip(named, cut)}
        labels |= {-1: missing_said(categories)} if missing else {}
        widest = pixels(list(labels.values()))
        level = (widest + 8) * strips <= between
        angle = math.radians(_SLANT)
        margins = {"left": _LEFT, "right": _RIGHT, "bottom": MARGIN["bottom"] - 12}
        if not level:
            first = pixels([labels[min(labels)]]) * math.cos(angle) if labels else 0
            margins |= {"left": max(_LEFT, math.ceil(first)), "bottom": 20 + math.ceil(widest * math.sin(angle))}
        chart.fig_margin = {**chart.fig_margin, **margins}
        with self.scale.hold_sync(), self.axis.hold_sync():
            self.scale.min, self.scale.max = -0.5 - missing, max(len(codes), 1) - 0.5
            self.axis.label = ""  # the title says it, and the names need the room
            self.axis.tick_rotate = 0 if level else -_SLANT
            self.axis.tick_style = {"font-size": "12px", "text-anchor": "middle" if level else "end"}
        written = {str(strip): each for strip, each in labels.items()}
        set_ticks(self.axis, np.array(sorted(labels), float), ".0f", written)
        self._edge.x, self._edge.y = [], []
