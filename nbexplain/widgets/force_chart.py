"""What pushes the score up and what pulls it down, along one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bqplot
import numpy as np

from nbexplain.widgets.boxes import Boxes
from nbexplain.widgets.chart_style import ACCENT, LONGEST_AXIS, PLAIN, captioned, figure, key, number, set_ticks
from nbexplain.widgets.feature_rows import QUIET, Flag, Flags, caption, few, words, write
from nbexplain.widgets.feature_sum import Part, base_value, colour, limits, parts_of
from nbexplain.widgets.feature_words import plus
from nbexplain.widgets.text_width import fitted, free, pixels

_NAMED = 6  # parts whose names are written
_LONGEST = 28  # average letters of a name with its value
_ROW = 19  # pixels of a line of words
_LEFT = 16  # pixels: the margin, if no words reach into it
_BETWEEN = 150  # pixels: as narrow as a chart may be between its margins
_USUAL = 400  # pixels: as narrow as a chart over the whole width is between its margins
_TIP = 0.008  # of the axis: how far an arrow's point reaches


class Force:
    """Arrows from both sides that meet at the score: to the right what raises it, to the left what lowers it.

    The largest stand at the meeting point. `figure` is what is put on the page: the chart, and its words below.

    Written in the worker only; `on_choose(feature)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None) -> None:
        self._parts: list[Part] = []
        self._marked: int | None = None
        self._on_choose = on_choose
        self._x = bqplot.LinearScale(min=0.0, max=1.0)
        self._y = bqplot.LinearScale(min=0.0, max=1.0, reverse=True)
        scales = {"x": self._x, "y": self._y}
        self._arrows = Boxes(self._x, self._y, self._clicked)
        self._leaders = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1, apply_clip=False)
        self._names = words(self._x, self._y, x_offset=4)
        self._flags = Flags(self._x, self._y)
        self._below = bqplot.Axis(scale=self._x, label_offset="30px", label_location="start", grid_lines="none")
        marks = [self._leaders, self._arrows, self._names, *self._flags.marks]
        self._chart = figure(marks, [self._below], left=_LEFT)
        below, self._caption = caption(key(ACCENT, "raises"), key(PLAIN, "lowers"))
        self.figure = captioned(self._chart, *below)

    def show(
        self,
        names: Sequence[str],
        values: Sequence[float] | np.ndarray,
        shown_values: Sequence[str] | None,
        base: float,
        score: float,
        errors: Sequence[float] | np.ndarray | None = None,
        top: int = 10,
        quantity: str = "",
        over: int | None = None,
    ) -> None:
        """Show another row, or better values of the same.

        Parameters
        ----------
        names
            One for each feature.
        values
            What each feature adds to the score, (F,), in units of the score; NaN where it is not known.
        shown_values
            What the row holds, in words.
        base, score
            What the values should lead from, and to. What they leave open is an arrow of its own, "gap".
        errors
            Standard errors of the values, (F,), or None: they are told to the pointer.
        top
            At most so many features have an arrow of their own; the others share one on each side.
        quantity
            What the score is.
        over
            Of how many rows the base is the mean, where that is to be said.

        Raises
        ------
        ValueError
            If there are not as many values, shown values or errors as names, or `top` is less than 1.
        """
        parts = parts_of(names, values, shown_values, base, score, errors, top, by_sign=True, most=_LONGEST)
        parts = [part for part in parts if np.isfinite(part.value) and part.value != 0]
        steps = np.array([part.value for part in parts])
        size = np.abs(steps)
        near = np.zeros(len(parts))  # how far from the score each arrow begins to be drawn
        for sign in (steps > 0, steps < 0):
            near[sign] = np.cumsum(size[sign]) - size[sign]
        way = -np.sign(steps)
        head, tail = score + way * near, score + way * (near + size)
        low, high = limits([base, score, *head, *tail])
        self._parts = parts
        texts = plus(steps.tolist())
        named = sorted(sorted(range(len(parts)), key=lambda i: -size[i])[:_NAMED], key=lambda i: -head[i] - tail[i])
        middle = (head + tail) / 2
        flags = flags_of([(base, f"base {number(base)}"), (score, f"score {number(score)}")], low, high)
        written = [(float(middle[i]), pixels([parts[i].label])) for i in named]
        lines = lines_of(written, low, high)
        self._lay_out(low, high, max(lines, default=0) + 1, margins(written, flags, low, high), quantity)
        tip = way * _TIP * (high - low)
        x = np.stack([tail + tip, head + tip, head, head + tip, tail + tip, tail], 1) if parts else np.zeros((0, 6))
        y = np.tile([0.0, 0.0, 0.5, 1.0, 1.0, 0.5], (len(parts), 1))
        tips = [_tip(part, text) for part, text in zip(parts, texts)]
        self._arrows.draw(x, y, [colour(part) for part in parts], tips)
        self.mark(self._marked)
        self._point(flags, middle, named, lines)
        said = [f"{quantity or 'score'} {number(score)}, {base_value(base, over)}"]
        unknown = int((~np.isfinite(np.asarray(values, float))).sum())
        said += [f"{unknown:,} without a value"] * bool(unknown)
        self._caption.value = " · ".join(said)

    def _lay_out(self, low: float, high: float, rows: int, sides: dict[str, int], quantity: str) -> None:
        """Make room for the names below the arrows: each to the right of its line, so that no line crosses a name."""
        above, below = 2.0, 0.3 + rows
        with self._chart.hold_sync(), self._x.hold_sync(), self._y.hold_sync():
            self._chart.fig_margin = {**self._chart.fig_margin, **sides}
            self._x.min, self._x.max = low, high
            self._y.min, self._y.max = -above, 1 + below
        self._below.label = fitted(quantity, LONGEST_AXIS)
        set_ticks(self._below, *few(low, high, False, self._chart))
        self._chart.layout.min_height = f"{round(56 + _ROW * (above + 1 + below))}px"

    def _point(self, flags: list[Flag], middle: np.ndarray, named: list[int], rows: list[int]) -> None:
        """Lead a line from each of the arrows to its name in one of the rows, and up to base value and score."""
        down = [(float(middle[i]), 1.0, 1.6 + row) for row, i in zip(rows, named, strict=True)]
        up = [(place, 0.0, row) for place, row, *_ in flags]
        lines = np.array([*down, *up]).reshape(-1, 3)
        lines = lines[np.isfinite(lines).all(1)]
        with self._leaders.hold_sync():
            self._leaders.x, self._leaders.y = lines[:, [0, 0]], lines[:, 1:]
        write(
            self._names,
            np.array([x for x, _, _ in down]),
            np.array([y for _, _, y in down]),
            [self._parts[i].label for i in named],
        )
        self._flags.write(flags)

    def mark(self, feature: int | None) -> None:
        """Outline the arrow of one feature, now and whatever is shown later."""
        self._marked = feature
        parts = [] if feature is None else self._parts
        self._arrows.outline([place for place, part in enumerate(parts) if part.feature == feature])

    def _clicked(self, arrow: int) -> None:
        parts = self._parts  # the worker may put others in their place meanwhile
        feature = parts[arrow].feature if arrow < len(parts) else None
        if self._on_choose is not None and feature is not None:
            self._on_choose(feature)


def flags_of(named: list[tuple[float, str]], low: float, high: float) -> list[Flag]:
    """Where the words of two places stand above an axis so that neither meets the other or its line.

    Both on their place's inner side, one above the other; but if they face each other closely, both on the side where
    there is more room.
    """
    ordered = sorted(named)
    left = [(place - low) / (high - low) > 0.5 for place, _ in ordered]
    gap = (ordered[1][0] - ordered[0][0]) / (high - low) * _BETWEEN
    if left == [False, True] and gap < 8 + pixels([ordered[0][1]], bold=True):
        left = [ordered[0][0] - low > high - ordered[1][0]] * 2
    rows = (-1.6, -0.6) if left == [False, False] else (-0.6, -1.6)
    return [(place, row, text, side) for (place, text), row, side in zip(ordered, rows, left)]


def lines_of(words: list[tuple[float, int]], low: float, high: float) -> list[int]:
    """In which line below the arrows each name stands, the uppermost that is free of other names and of their leaders.

    Parameters
    ----------
    words
        Where on the axis each of them starts, the rightmost first, and how many pixels it takes.
    low, high
        The ends of the axis.
    """
    lines: list[int] = []
    for i, (place, wide) in enumerate(words):
        end = place + (wide + 10) / _USUAL * (high - low)
        met = [line for (start, _), line in zip(words[:i], lines) if start < end]
        lines.append(max(met, default=-1) + 1)
    return lines


def margins(words: list[tuple[float, int]], flags: list[Flag], low: float, high: float) -> dict[str, int]:
    """Both margins: so wide that words to the right of their places, and flags on either side, end on the chart."""
    beside = [(place, pixels([text], bold=True), left) for place, _, text, left in flags if np.isfinite(place)]
    to_right = [*words, *((place, wide) for place, wide, left in beside if not left)]
    to_left = [(-place, wide) for place, wide, left in beside if left]
    left = max(_LEFT, free(to_left, -high, -low, free(to_right, low, high, _LEFT)))
    return {"left": left, "right": free(to_right, low, high, left)}


def _tip(part: Part, text: str) -> str:
    error = f" ± {number(part.error)} (standard error)" if part.error > 0 else ""
    return f"{part.full}: {text}{error}"
