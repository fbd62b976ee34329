"""What switching channels off does: the scores before and after, and how one falls with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from nbexplain.widgets.chart_style import (
    ACCENT,
    LONGEST_AXIS,
    PLAIN,
    around_zero,
    captioned,
    distinct,
    figure,
    isolated,
    key,
    number,
    outermost,
    set_ticks,
    spaced,
    ticks,
)
from nbexplain.widgets.text_width import NARROWEST, fitted, fitted_apart, room

_MOST_CLASSES = 10
_LONGEST_NAME = 18
_QUIET = "#808080"


class BeforeAfter:
    """Bars of the class scores, before and after channels were switched off. Written in the worker only."""

    def __init__(self) -> None:
        self._classes = bqplot.OrdinalScale(reverse=True)
        self._scores = bqplot.LinearScale(min=0.0, max=1.0)  # for grouped bars bqplot finds no limits by itself
        self._bars = bqplot.Bars(
            x=[],
            y=[],
            scales={"x": self._classes, "y": self._scores},
            orientation="horizontal",
            type="grouped",
            colors=[PLAIN, ACCENT],
            padding=0.25,
        )
        names = bqplot.Axis(
            scale=self._classes, orientation="vertical", grid_lines="none", tick_style={"font-size": "12px"}
        )
        self._values = bqplot.Axis(scale=self._scores, label_offset="30px", label_location="end")
        self.figure = figure([self._bars], [names, self._values])
        self._caption = ipywidgets.Label("")
        self.widget = captioned(self.figure, key(PLAIN, "before"), key(ACCENT, "after"), self._caption)

    def show(
        self, names: Sequence[str], before: Sequence[float], after: Sequence[float], target: Any, score_name: str
    ) -> None:
        """Show the best classes before, and with them the chosen one and the one that is best now.

        Parameters
        ----------
        names
            One per class.
        before, after
            The score of each class, with all channels and without those that are switched off.
        target
            The number of the chosen class; anything else is no class and not marked.
        score_name
            What the scores are.

        Raises
        ------
        ValueError
            If there are not as many scores as names.
        """
        if not len(names) == len(before) == len(after) > 0:
            raise ValueError(
                f"before, after: expected a score for each of {len(names)} classes, got {len(before)} and {len(after)}"
            )
        was, now = np.asarray(before, float), np.asarray(after, float)
        best = _best_first(now)[0]
        chosen = [target] if isinstance(target, int) and 0 <= target < len(names) else []
        first = _best_first(was)
        kept = list(dict.fromkeys([*chosen, best, *first]))[:_MOST_CLASSES]
        classes = [each for each in first if each in kept]
        labels = fitted_apart([names[each] for each in classes], [_LONGEST_NAME] * len(classes))
        labels = distinct([("▸ " if each in chosen else "") + label for each, label in zip(classes, labels)])
        shown = np.stack([was[classes], now[classes]])
        with self.figure.hold_sync(), self._scores.hold_sync(), self._bars.hold_sync():
            self.figure.fig_margin = {**self.figure.fig_margin, "left": room(labels)}
            self._bars.x = labels
            self._bars.y = shown
            self._scores.min, self._scores.max = around_zero(shown)
        self._values.label = fitted(score_name, LONGEST_AXIS)
        low, high = self._scores.min, self._scores.max
        places, written = ticks(shown.ravel().tolist())
        clear = spaced(places, written, high - low, self.figure)
        two = outermost(low, high, True, self.figure, [NARROWEST]) if len(clear) < 2 else None
        set_ticks(self._values, *(two or (clear, written)))
        self._caption.value = " · ".join(
            [f"{isolated(names[each])}: {score_name} {number(was[each])} → {number(now[each])}" for each in chosen]
            + [f"best {'still' if best == first[0] else 'now'}: {isolated(names[best])} ({number(now[best])})"]
            + [f"{len(classes)} of {len(names):,} classes"] * (len(classes) < len(names))
        )


class FallCurve:
    """The score of a class against how many channels are switched off. Written in the worker only."""

    def __init__(self) -> None:
        self._known: dict[int, float] = {}
        self._off = 0
        self._words = ("", "")
        x, y = bqplot.LinearScale(min=0.0, max=1.0), bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": x, "y": y}
        self._line = bqplot.Lines(x=[], y=[], scales=scales, colors=[ACCENT], marker="circle", marker_size=28)
        self._other = bqplot.Lines(x=[], y=[], scales=scales, colors=[PLAIN], stroke_width=1.2)
        self._here = bqplot.Lines(x=[], y=[], scales=scales, colors=[_QUIET], stroke_width=1.5, line_style="dashed")
        self._below = bqplot.Axis(scale=x, label="channels off", grid_lines="none", label_offset="30px")
        self._beside = bqplot.Axis(scale=y, orientation="vertical", label_offset="40px")
        self.figure = figure([self._here, self._other, self._line], [self._below, self._beside])
        self._caption = ipywidgets.Label("")
        self._keys = [key(ACCENT, ""), key(PLAIN, "")]
        self.widget = captioned(self.figure, *self._keys, self._caption)

    def show(
        self,
        off: Sequence[int],
        scores: Sequence[float],
        other_scores: Sequence[float] | None = None,
        label: str = "",
        score_name: str = "logit",
        orders: tuple[str, str] = ("most evidence first", "least evidence first"),
    ) -> None:
        """Show what is known so far.

        Parameters
        ----------
        off
            Numbers of channels that are switched off.
        scores
            The score with so many off; NaN where it has not been computed.
        other_scores
            The same with the channels in another order, for comparison.
        label
            The class.
        score_name
            What the scores are.
        orders
            In which order the channels are switched off for `scores`, and for `other_scores`.

        Raises
        ------
        ValueError
            If there are not as many scores as numbers of channels.
        """
        for name, given in (("scores", scores), ("other_scores", other_scores)):
            if given is not None and len(given) != len(off):
                raise ValueError(f"{name}: expected one for each of {len(off)} numbers of channels, got {len(given)}")
        self._known, others = _finite(off, scores), _finite(off, [] if other_scores is None else other_scores)
        self._words = (label, score_name)
        places, written = ticks([*self._known.values(), *others.values()])
        x, y = self._line.scales["x"], self._line.scales["y"]
        with x.hold_sync(), y.hold_sync():
            x.max = float(max([1, *off]))
            y.min, y.max = around_zero([*self._known.values(), *others.values()])
        for line, known in ((self._line, self._known), (self._other, others)):
            with line.hold_sync():
                line.x, line.y = np.array(list(known), float), np.array(list(known.values()))
        self._beside.label = fitted(score_name, 26)
        set_ticks(self._below, *ticks(off, least=1))
        set_ticks(self._beside, places, written)
        for part, order in zip(self._keys, orders):
            part.children[1].value = order
        self._keys[1].layout.display = "none" if other_scores is None else None
        self._point()

    def mark(self, k: int) -> None:
        """Point at a number of channels."""
        self._off = k
        self._point()

    def _point(self) -> None:
        y = self._line.scales["y"]
        with self._here.hold_sync():
            self._here.x, self._here.y = [float(self._off)] * 2, [y.min, y.max]
        label, score_name = self._words
        known = self._known.get(self._off)
        score = "not computed yet" if known is None else f"{score_name} {number(known)}"
        at = f"{self._off:,} off: {score}"
        if known is not None and self._off and 0 in self._known:
            at += f", {number(self._known[0])} with none off"
        self._caption.value = " · ".join([isolated(label)] * bool(label) + [at])


def _best_first(scores: np.ndarray) -> list[int]:
    return [int(i) for i in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")]


def _finite(off: Sequence[int], scores: Sequence[float]) -> dict[int, float]:
    """The scores that are known, by number of channels, in rising order."""
    return {int(k): float(score) for k, score in sorted(zip(off, scores)) if np.isfinite(score)}
