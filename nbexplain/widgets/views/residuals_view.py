"""How far a regression is off, row by row; a brush chooses rows, a click the row that is explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.charts.residual_chart import ResidualChart
from nbexplain.widgets.layout import framed, say_in, title_of
from nbexplain.widgets.views.outcomes import figures_said, place_of_all_outcomes, rows_said

_AXES = ("predicted", "residual")  # which the rectangle spans
_REST = 0.3  # seconds after the last move of a brush


class ResidualsView:
    """The pane `"residuals"`: label − prediction over the prediction, with R², RMSE and MAE.

    Where the filter chooses among these rows, the others fade.
    """

    def __init__(
        self, session: Session, answered: Callable[[Place, Answer], None], explain: Callable[[Tabular], None]
    ) -> None:
        self._session, self._answered, self._explain = session, answered, explain
        self._now: Explanation | None = None
        self._table: Tabular | None = None  # whose rows are shown
        self._chart = ResidualChart(on_choose=self._choose, on_brush=self._brush)
        self._frame = framed("Residuals", self._chart.figure)
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self._frame]
        self.wide: list[ipywidgets.Widget] = []
        self._brushed: tuple[Any, ...] = (None, None)  # the conditions that the brush has put
        self._said = self._unmatched = ""  # of the outcomes, and of the rows that the filter leaves
        self._matching: np.ndarray | None = None  # the rows that the filter leaves, by their numbers
        self._lit: np.ndarray | None = None  # and by their places among those that are shown
        self._end = session.on_select(self._follow)
        self._place, self._close = place_of_all_outcomes(session, self._show, self._say, method="residuals")
        self._matches = session.place(self._match, method="matching_rows", input=session.selection.input)

    def close(self) -> None:
        """Ask no more."""
        self._end()
        self._close()
        self._matches.close()

    def _show(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            self._now, self._table = explanation, self._session.table_of(answer)
            title_of(self._frame).value = f"Residuals · {rows_said(len(explanation.values))}"
            said = figures_said(explanation.details, ("R²", "RMSE", "MAE"))
            predicted, residual = explanation.values.T
            self._chart.show(predicted, residual, " · ".join(said), explanation.features)
            self._light()
        self._answered(place, answer)

    def _match(self, _place: Place, answer: Answer) -> None:
        """Which rows match is nothing that an explorer's status line or code would tell of besides."""
        found = answer.explanation
        if words.is_news(answer):
            why = words.notice(answer)
            self._unmatched = f"the filter: {why}" if why else ""
            self._write()
        if found is not None:
            where = found.params["where"]
            self._matching = None if where == where.of_columns else found.features
            self._light()

    def _light(self) -> None:
        """In the worker: let the rows fade that the filter leaves out."""
        now, numbers = self._now, self._matching
        if now is None:
            return
        lit = None if numbers is None or now.features is None else np.flatnonzero(np.isin(now.features, numbers))
        same = lit is self._lit or (lit is not None and self._lit is not None and np.array_equal(lit, self._lit))
        if not same:
            self._lit = lit
            self._chart.highlight(lit)

    def _conditions(self) -> tuple[Any, ...]:
        """What the filter says of that which the brush chooses by."""
        where = self._session.selection.where
        return tuple(where.get(key) for key in _AXES)

    def _follow(self) -> None:
        """Conditions that are others than those of the rectangle: it goes."""
        if self._conditions() != self._brushed:
            self._brushed = (None, None)
            runner.later((self, "other"), 0, self._chart.unbrush, owner=self._session)

    def _say(self, text: str) -> None:
        self._said = text
        self._write()

    def _write(self) -> None:
        say_in(self._frame, self._said or self._unmatched)

    def _choose(self, place: int) -> None:
        now, table = self._now, self._table
        if now is not None and table is not None and now.features is not None and place < len(now.features):
            row = table.another(needed(table)[now.features[place]].tolist())
            runner.later((self, "row"), 0, lambda: self._explain(row), owner=self._session)

    def _brush(self, places: np.ndarray | None) -> None:
        """The rows of a rectangle: a range of predictions and one of residuals, a little rounded outwards."""
        now = self._now
        if now is None:
            return
        chosen: dict[str, tuple[float, float] | None] = dict.fromkeys(_AXES)
        if places is not None and len(places):
            for key, all_values in zip(chosen, now.values.T, strict=True):
                chosen[key] = rounded_outwards(all_values[places], float(np.ptp(all_values)))

        def choose() -> None:
            if places is None and self._conditions() != self._brushed:  # chosen otherwise since
                return
            where = self._session.selection.where.put(chosen)
            self._brushed = tuple(where.get(key) for key in _AXES)
            self._session.select(where=where)

        runner.later((self, "brush"), _REST, choose, owner=self._session)


def rounded_outwards(values: np.ndarray, span: float) -> tuple[float, float]:
    """The ends of the values, rounded away from each other to a thousandth of the span or less."""
    step = 10.0 ** np.floor(np.log10(span / 1000)) if span > 0 else 1.0
    decimals = max(0, -int(np.floor(np.log10(step)))) if span > 0 else 15
    low, high = float(values.min()), float(values.max())
    if not span > 0:
        return low, high
    return round(np.floor(low / step) * step, decimals), round(np.ceil(high / step) * step, decimals)
