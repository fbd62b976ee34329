"""Which classes the model takes for which: the confusion matrix, whose cells choose rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.methods.sampling_error import error_of_share
from nbexplain.core.question import Answer
from nbexplain.core.table.matching import class_places
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets.panes.confusion_pane import ConfusionPane
from nbexplain.widgets.text_width import fitted_apart
from nbexplain.widgets.views.curves_view import CurvesView
from nbexplain.widgets.views.outcomes import figures_said, place_of_all_outcomes, rows_said

_MOST = 20  # classes with a line of their own; the others stand in one line together
_LETTERS = (32, 24, 20, 16, 13, 10)  # average ones, that the page may have room for
_REST = 0.3  # seconds after the last move of the threshold, until the kernel counts, too


class ConfusionView:
    """The pane `"confusion"`: counts and shares, label by predicted class; a click chooses the rows of a cell."""

    def __init__(
        self, session: Session, answered: Callable[[Place, Answer], None], curves: CurvesView | None = None
    ) -> None:
        self._session, self._answered = session, answered
        two = len(session.classes) == 2 and curves is not None
        self.pane = ConfusionPane(self._choose, title="Confusion matrix")
        self._kept: list[int] = []  # the classes with a line of their own
        if two and curves is not None:
            self.pane.curve, self.pane.threshold = curves.curve, curves.threshold
            curves.threshold.observe(self._moved, names=["value"])
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self.pane]
        self.wide: list[ipywidgets.Widget] = []
        self._end = session.on_select(lambda: self._soon("chosen", 0, self._mark))
        self._place, self._close = place_of_all_outcomes(session, self._show, self._say, method="confusion")

    def close(self) -> None:
        """Ask no more."""
        self._end()
        self._close()

    def _soon(self, key: str, rest: float, chore: Callable[[], None]) -> None:
        runner.later((self, key), rest, chore, owner=self._session)

    def _moved(self, change: dict[str, Any]) -> None:
        """The page has counted already; the answer, and the code, follow when the hand rests."""
        params = {} if change["new"] is None else {"threshold": change["new"]}

        def ask() -> None:
            self._place.own["params"] = params
            self._session.renew()

        # without a threshold the page shows the counts that it was sent, which may be those of an earlier filter
        self._soon("threshold", 0 if change["new"] is None else _REST, ask)

    def _choose(self, place: int) -> None:
        """On the thread that delivers widget messages: the rows of this cell, or all again."""
        label, predicted = divmod(place, len(self.pane.names))
        if max(label, predicted) >= len(self._kept):
            return
        names, where = self._session.classes, self._session.selection.where
        cell = {"label": names[self._kept[label]], "predicted": names[self._kept[predicted]]}
        same = place == self._chosen()
        self._session.select(where=where.put(dict.fromkeys(cell) if same else {**cell, "error": None}))

    def _chosen(self) -> int:
        """The position of the cell whose rows are looked at, or −1."""
        values, names = self._session.facts.class_values, self._session.classes
        where, places = self._session.selection.where, []
        for key in ("label", "predicted"):
            condition = where.get(key)
            if condition is None or values is None:
                return -1
            found = class_places(key, condition, values, names)
            if len(found) != 1 or int(found[0]) not in self._kept:
                return -1
            places.append(self._kept.index(int(found[0])))
        return places[0] * len(self.pane.names) + places[1]

    def _mark(self) -> None:
        self.pane.chosen = self._chosen()

    def _show(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            self._draw(explanation, self._session.table_of(answer))
        self._answered(place, answer)

    def _say(self, text: str) -> None:
        self.pane.note = text

    def _draw(self, explanation: Explanation, table: Tabular) -> None:
        counts = explanation.values
        names, kept = list(explanation.names), list(range(len(counts)))
        if len(counts) > _MOST:
            kept = sorted(np.argsort(-counts.sum(0) - counts.sum(1), kind="stable")[: _MOST - 1].tolist())
            rest = np.setdiff1d(np.arange(len(counts)), kept)
            groups = np.full(len(counts), len(kept))
            groups[kept] = np.arange(len(kept))
            merged = np.zeros((len(kept) + 1,) * 2, dtype=np.int64)
            np.add.at(merged, (groups[:, None], groups[None]), counts)
            counts, names = merged, [*(names[k] for k in kept), f"{len(rest):,} others"]
        self._kept = kept
        shown, details = int(explanation.details["rows"]), explanation.details
        on_the_way = explanation.progress < 1
        # at a threshold the page counts by itself, and without one it comes back to what it was sent
        counted = explanation.params["threshold"] is None or not self.pane.counts
        with self.pane.hold_sync():
            self.pane.title = f"Confusion matrix · {rows_said(shown, len(needed(table)) if on_the_way else None)}"
            self.pane.names = names
            self.pane.cuts = [fitted_apart(names, [most] * len(names)) for most in _LETTERS]
            self.pane.others = len(explanation.names) - len(kept)
            if counted:
                self.pane.counts = [int(count) for count in counts.ravel()]
                self.pane.figures = _figures(details)
            self.pane.chosen = self._chosen()


def _figures(details: Any) -> list[str]:
    """The accuracy with the error (see `error_of_share`) that so many rows leave, and the other figures."""
    accuracy, rows = details["accuracy"], details["rows"]
    error = error_of_share(accuracy * rows, np.float64(rows))  # as in the table of groups
    found = [f"accuracy {accuracy:.1%} ± {error:.1%} (standard error, Wilson)"]
    found.append(f"balanced accuracy {details['balanced accuracy']:.1%}")
    return [*found, *figures_said(details, ("log loss", "Brier score"))]
