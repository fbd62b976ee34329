"""How the parts of all features add up from the base value to the score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bqplot
import numpy as np

from nbexplain.widgets.boxes import bars
from nbexplain.widgets.chart_style import ACCENT, PLAIN, captioned, key, number
from nbexplain.widgets.feature_rows import ERROR, QUIET, FeatureRows, Flag, Flags, caption, uncertain
from nbexplain.widgets.feature_sum import Part, base_value, colour, limits, parts_of
from nbexplain.widgets.feature_words import LONGEST_LABEL, label, plus
from nbexplain.widgets.text_width import NARROWEST, letters_beside, pixels

_HALF = 0.36  # of a row


class Waterfall:
    """One step for each feature, from the base value down to the score, the largest first.

    `figure` is what is put on the page: the chart, and its words below.

    Written in the worker only; `on_choose(feature)` is called on the thread that delivers widget messages.
    """

    def __init__(self, on_choose: Callable[[int], None] | None = None) -> None:
        self._parts: list[Part] = []
        self._marked: int | None = None
        self._on_choose = on_choose
        self._rows = FeatureRows(self._clicked)
        scales = {"x": self._rows.x, "y": self._rows.y}
        self._steps = bqplot.Lines(x=[], y=[], scales=scales, colors=[QUIET], stroke_width=1)
        self._flags = Flags(self._rows.x, self._rows.y)
        self._rows.chart.marks = [self._steps, *self._rows.chart.marks, *self._flags.marks]
        below, self._caption = caption(key(ACCENT, "raises"), key(PLAIN, "lowers"))
        self.figure = captioned(self._rows.chart, *below)

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
            Where the steps start and should end. What the values leave open is a step of its own, "gap".
        errors
            Standard errors of the values, (F,), or None.
        top
            At most so many features have a step of their own; the others are one step together.
        quantity
            What the score is.
        over
            Of how many rows the base is the mean, where that is to be said.

        Raises
        ------
        ValueError
            If there are not as many values, shown values or errors as names, or `top` is less than 1.
        """
        parts = parts_of(names, values, shown_values, base, score, errors, top)
        steps = np.array([part.value for part in parts])
        texts = plus(steps.tolist())
        if (most := letters_beside(texts)) < LONGEST_LABEL:
            parts = parts_of(names, values, shown_values, base, score, errors, top, most=most)
        rows = np.arange(len(parts), dtype=float)
        ends = base + np.cumsum(np.nan_to_num(steps))
        starts = np.concatenate([[base], ends[:-1]]) if len(parts) else np.zeros(0)
        known = np.array([part.error for part in parts])
        whiskers = known if uncertain(steps, known) else None
        right = np.maximum(starts, ends)
        if whiskers is not None:
            right = np.fmax(right, ends + ERROR * whiskers)
        self._parts = parts
        reach = [base, score, *starts, *ends]
        if whiskers is not None:
            reach += [*(ends - ERROR * whiskers), *(ends + ERROR * whiskers)]
        low, high = limits(reach)
        self._rows.name([part.label for part in parts], texts, above=1.4, below=1.4)
        self._rows.measure(low, high, quantity, zero=False)
        tips = [f"{part.full}: {text}" for part, text in zip(parts, texts)]
        self._rows.boxes.draw(*bars(starts, ends, rows, _HALF), [colour(part) for part in parts], tips)
        self.mark(self._marked)
        self._rows.whiskers(rows, ends, whiskers, tips)
        self._rows.write(rows, right, texts)
        self._connect(base, starts, ends)
        self._flags.write(flags_of(base, score, len(parts), low, high, self._rows.chart.fig_margin))
        said = [f"{quantity or 'score'} {number(score)}, {base_value(base, over)}"]
        first = [part.feature for part in parts[:1] if part.feature is not None]
        said += [f"largest: {label(names[i], most=40)} ({text})" for i, text in zip(first, texts)]
        said += [f"whiskers: ± {ERROR} standard errors"] * (whiskers is not None)
        unknown = int((~np.isfinite(np.asarray(values, float))).sum())
        said += [f"{unknown:,} without a value"] * bool(unknown)
        self._caption.value = " · ".join(said)

    def _connect(self, base: float, starts: np.ndarray, ends: np.ndarray) -> None:
        """Draw lines from the base value down to the first step, from each step to the next, and to the score."""
        places = np.array([*starts, *ends[-1:]]) if len(starts) else np.array([base])
        tops = np.arange(-1, len(places) - 1) + _HALF
        bottoms = np.arange(len(places)) - _HALF
        tops[0], bottoms[-1] = -1.0, bottoms[-1] + _HALF * 2 + 0.3
        finite = np.isfinite(places)
        with self._steps.hold_sync():
            self._steps.x = np.stack([places, places], 1)[finite]
            self._steps.y = np.stack([tops, bottoms], 1)[finite]

    def mark(self, feature: int | None) -> None:
        """Outline the step of one feature, now and whatever is shown later."""
        self._marked = feature
        parts = [] if feature is None else self._parts
        self._rows.boxes.outline([place for place, part in enumerate(parts) if part.feature == feature])

    def _clicked(self, bar: int) -> None:
        parts = self._parts  # the worker may put others in their place meanwhile
        feature = parts[bar].feature if bar < len(parts) else None
        if self._on_choose is not None and feature is not None:
            self._on_choose(feature)


def flags_of(base: float, score: float, rows: int, low: float, high: float, margin: dict[str, int]) -> list[Flag]:
    """The base value above the steps and the score below them, to the right of their places in the left half.

    Where the narrowest chart has no room for that, to the left: no names stand in these rows.
    """
    flags = []
    for place, row, text in ((base, -1.0, f"base {number(base)}"), (score, rows - 0.05, f"score {number(score)}")):
        share = (place - low) / (high - low)
        after = margin["right"] + (1 - share) * (NARROWEST - margin["left"] - margin["right"])
        flags.append((place, row, text, share > 0.5 or 6 + pixels([text], bold=True) > after))
    return flags
