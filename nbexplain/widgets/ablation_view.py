"""What the scores are without some channels: bars before and after, and how the score falls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from nbexplain.core.explanation import Explanation
from nbexplain.core.inside.ablation import ORDERS, THIS
from nbexplain.core.question import Answer
from nbexplain.core.target import key_of
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.ablation_charts import BeforeAfter, FallCurve
from nbexplain.widgets.layout import board, framed
from nbexplain.widgets.slider import Slider

_FIRST_SHARE = 10  # a tenth of the channels is off at first


class AblationView:
    """The pane `"ablation"`, following the selection. Parameters as for `AttributionMap`."""

    def __init__(self, session: Session, answered: Callable[[Place, Answer], None]) -> None:
        self._session = session
        self._answered = answered
        channels = self._channels()
        self._slider = Slider(
            label="Channels off",
            help="How many channels of the layer return zero instead of their activation",
            low=0,
            high=channels,
            value=max(1, channels // _FIRST_SHARE),
            choices=[*ORDERS, THIS],
            choice=ORDERS[0],
        )
        self._bars, self._curve = BeforeAfter(), FallCurve()
        self._falls: dict[str, Explanation] = {}
        self._now: Explanation | None = None
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        bars, curve = self._bars.widget, self._curve.widget
        charts = [framed("Scores without these channels", bars), framed("How the score falls", curve)]
        self.wide: list[ipywidgets.Widget] = [self._slider, board(charts)]
        self._layer = session.selection.layer
        self._slider.observe(self._changed, names=["value", "choice"])
        self._place = session.place(self._show, **self._without())
        self._curves = [session.place(self._show_fall, **own) for own in self._falling()]
        self._end = session.on_select(self._follow)

    def close(self) -> None:
        """Ask no more."""
        self._end()
        for place in (self._place, *self._curves):
            place.close()

    def _channels(self) -> int:
        row = self._session.facts.layer(self._session.selection.layer)
        return row.channels if row is not None else 0

    # What is asked

    def _without(self) -> dict[str, Any]:
        """The parts of the question for the bars that the slider decides."""
        which = self._slider.choice
        own = {"method": "ablation", "params": {"which": which, "off": self._slider.value}}
        return own if which == THIS else {**own, "channel": None}

    def _falling(self) -> list[dict[str, Any]]:
        """The same for the two curves: the order that is chosen, and one to compare it with."""
        chosen = ORDERS[0] if self._slider.choice == THIS else self._slider.choice
        other = ORDERS[0] if chosen == ORDERS[1] else ORDERS[1]
        return [{"method": "ablation_curve", "params": {"which": which}} for which in (chosen, other)]

    def _changed(self, _change: object) -> None:
        """On the thread that delivers widget messages: nothing is computed here."""
        self._slider.disabled = self._slider.choice == THIS
        for place, own in zip((self._place, *self._curves), (self._without(), *self._falling()), strict=True):
            place.own = own
        self._session.renew()
        runner.later((self, "curve"), 0, self._draw, owner=self._session)

    def _follow(self) -> None:
        """Another layer has another number of channels: the same share of them stays off."""
        if self._layer == self._session.selection.layer:
            return
        before, self._layer, channels = self._slider.high, self._session.selection.layer, self._channels()
        off = round(self._slider.value * channels / before) if before else 0
        with self._slider.hold_trait_notifications():
            self._slider.high, self._slider.value = channels, off

    # What is shown: in the worker, or before the first display

    def _show(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            self._now = explanation
            before, after = explanation.values.astype(float).tolist()
            names, target = self._session.classes, explanation.target
            self._bars.show(names, before, after, target, explanation.score_name)
            self._draw()
        self._answered(place, answer)

    def _show_fall(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            self._falls[str(explanation.params["which"])] = explanation
            self._draw()
        self._answered(place, answer)

    def _draw(self) -> None:
        """The curves of what is asked now, with the point that the bars have computed exactly."""
        orders = [str(own["params"]["which"]) for own in self._falling()]
        chosen, other = (self._falls.get(which) for which in orders)
        if chosen is None or chosen.layer != self._session.selection.layer:
            return
        about = chosen.layer, key_of(chosen.target)
        scores, now = chosen.values.copy(), self._now
        if now is not None and (now.layer, key_of(now.target), now.params["which"]) == (*about, orders[0]):
            scores[int(now.details["channels off"])] = now.details["after"]
        fits = other is not None and (other.layer, key_of(other.target)) == about
        self._curve.show(
            range(len(scores)),
            scores.tolist(),
            other.values.tolist() if other is not None and fits else None,
            label=words.target_name(chosen.target, self._session),
            score_name=chosen.score_name,
            orders=(orders[0], orders[1]),
        )
        self._mark()

    def _mark(self) -> None:
        self._curve.mark(1 if self._slider.choice == THIS else self._slider.value)
