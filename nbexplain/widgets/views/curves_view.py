"""How well the score tells a class from the rest: ROC and precision–recall curves with one threshold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.panes.curve_pane import CurvePane, at_steps, steps_of, thinned
from nbexplain.widgets.panes.threshold import Threshold
from nbexplain.widgets.views.outcomes import place_of_all_outcomes, rows_said
from nbexplain.widgets.wire import Array


class CurvesView:
    """The pane `"curves"`: the curves of the chosen class against the rest.

    Attributes
    ----------
    curve
        True and false positives at each step of the threshold; see `CurvePane`.
    threshold
        Where it stands; the browser writes it.
    """

    def __init__(self, session: Session, answered: Callable[[Place, Answer], None]) -> None:
        self._session, self._answered = session, answered
        self.curve, self.threshold = Array(), Threshold()
        self.pane = CurvePane(
            title="ROC and precision–recall curves",
            roc=Array(),
            precision_recall=Array(),
            curve=self.curve,
            threshold=self.threshold,
        )
        self.pane.add_class("nbx-two-columns")
        self._rates = ["ROC curve", "Precision–recall curve"]
        self._notes: dict[str, str] = {}
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self.pane]
        self.wide: list[ipywidgets.Widget] = []
        self._closes = [
            place_of_all_outcomes(session, show, partial(self._say, method), method=method)[1]
            for method, show in (("roc", self._show_roc), ("precision_recall", self._show_precision))
        ]

    def close(self) -> None:
        """Ask no more."""
        for close in self._closes:
            close()

    def _show_roc(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            details = explanation.details
            error = details["standard error of the AUC"]
            # no error can be told of perfect scores, or of a single row
            plus = f" ± {error:.2g} (standard error)" if error > 0 else ""
            self._rates = [f"ROC curve · AUC {details['AUC']:.4f}{plus}", self._rates[1]]
            self._send_steps(explanation)
            self.pane.roc.send(thinned(explanation.values[:2]))
            target = words.target_name(explanation.target, self._session)
            with self.pane.hold_sync():
                rows = rows_said(int(details["rows"]))
                self.pane.title = f"ROC and precision–recall curves · {target} against the rest · {rows}"
                self.pane.rates = self._rates
        self._answered(place, answer)

    def _show_precision(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            average = explanation.details["average precision"]
            self._rates = [self._rates[0], f"Precision–recall curve · AP {average:.4f}"]
            self.pane.precision_recall.send(thinned(explanation.values[:2]))
            self.pane.rates = self._rates
        self._answered(place, answer)

    def _say(self, method: str, text: str) -> None:
        self._notes[method] = text
        self.pane.note = next(filter(None, self._notes.values()), "")

    def _send_steps(self, explanation: Explanation) -> None:
        """How many rows of either side have at least each threshold of the slider."""
        rows, share = explanation.details["rows"], explanation.details["share of the class"]
        positives = round(rows * share)
        false, true = (np.rint(explanation.values[k] * of) for k, of in ((0, rows - positives), (1, positives)))
        thresholds = explanation.values[2]
        name = explanation.names[2].removeprefix("threshold (").removesuffix(")")
        probability = name == "probability"
        steps = steps_of(0, 1) if probability else steps_of(float(thresholds[-1]), float(thresholds[1]))
        first, count, times, parts = steps
        self.curve.send(
            at_steps(thresholds, true, false, steps),
            first=first,
            count=count,
            times=times,
            parts=parts,
            positives=positives,
            negatives=rows - positives,
            start=0.5 if probability else 0.0,
            quantity=name,
            channel=explanation.target,
        )
