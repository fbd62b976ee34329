"""How the score changes with one column: partial dependence and ICE, with the row that is explained in front."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.core.registry import METHODS
from nbexplain.core.table.grid import category_names
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_same import same_table
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.charts.partial_dependence_chart import PartialDependenceChart, RowCurve
from nbexplain.widgets.layout import Notices, framed, say_in, title_of
from nbexplain.widgets.pace import Pace

_LABEL = METHODS["partial_dependence"].label


class PartialDependenceView:
    """The pane `"partial"`: the mean curve over rows of the background, their ICE curves, and the column's values.

    With `own` the curve of the row that is explained stands out, and goes along with it.

    Attributes
    ----------
    column
        The chooser of the column.
    """

    def __init__(self, session: Session, answered: Callable[[Place, Answer], None], own: bool = False) -> None:
        self._session, self._answered = session, answered
        table = session.inputs[session.selection.input]
        assert isinstance(table, Tabular)
        self._table = table  # whose curves are shown
        self._chart = PartialDependenceChart()
        names = [(name, place) for place, name in enumerate(self._table.names)]
        self.column = ipywidgets.Dropdown(description="Column", options=names, value=0)
        self._centred = ipywidgets.Checkbox(
            value=False,
            description="Centred (c-ICE)",
            tooltip="Each curve less its first point: curves that are not parallel show an interaction",
            indent=False,
            layout=ipywidgets.Layout(width="auto", margin="2px 12px 2px 0"),
        )
        controls = ipywidgets.HBox(
            [self.column, self._centred], layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center")
        )
        content = ipywidgets.VBox([controls, self._chart.figure], layout=ipywidgets.Layout(flex="1 1 auto"))
        self._frame = framed(_LABEL, content)
        self._notices = Notices(partial(say_in, self._frame))
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self._frame]
        self.wide: list[ipywidgets.Widget] = []
        self._chosen = False  # by a person, or the first time by what the columns weigh
        self._now: Explanation | None = None
        self._row: Explanation | None = None
        self._row_of: Tabular | None = None  # what was asked for it
        self._brushed: np.ndarray | None = None
        self._pace = Pace(session, self._draw_row)
        for control in (self.column, self._centred):
            control.observe(self._changed, names=["value"])
        fixed: dict[str, Any] = {} if own else {"input": session.selection.input}  # whose background it is about
        self._place = session.place(self._show, method="partial_dependence", params=self._params(), **fixed)
        self._own = session.place(self._show_row, method="ice", params=self._of_row()) if own else None

    def close(self) -> None:
        """Ask no more."""
        for place in (self._place, self._own):
            if place is not None:
                place.close()
        self._pace.close()

    def follow_weights(self, explanation: Explanation) -> None:
        """In the worker: show the column that weighs most, at first."""
        if not self._chosen and explanation.progress >= 1 and explanation.values.shape == (len(self.column.options),):
            self._chosen = True
            self.column.value = int(np.nan_to_num(np.abs(explanation.values)).argmax())

    def choose_column(self, column: int) -> None:
        """Show another column."""
        runner.later((self, "column"), 0, lambda: self.column.set_trait("value", column), owner=self._session)

    def highlight(self, numbers: np.ndarray | None) -> None:
        """In the worker: draw the curves of these rows of the background in front; None lets all be equal."""
        self._brushed = numbers
        self._chart.highlight(self._lit())

    def _params(self) -> dict[str, object]:
        return {**self._of_row(), "kind": "centred" if self._centred.value else "individual"}

    def _of_row(self) -> dict[str, object]:
        return {"column": self._table.names[self.column.value]}

    def _changed(self, _change: object) -> None:
        self._chosen = True
        self._place.own["params"] = self._params()
        if self._own is not None:
            self._own.own["params"] = self._of_row()
        self._session.renew()

    def _lit(self) -> np.ndarray | None:
        """Which of the curves are those of the brushed rows."""
        if self._brushed is None or self._now is None or self._now.features is None:
            return None
        found: np.ndarray = np.flatnonzero(np.isin(self._now.features, self._brushed))
        return found

    # In the worker

    def _show(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._now, self._table = answer.explanation, self._session.table_of(answer)
            self._draw()
        self._notices.tell(place, answer)
        self._answered(place, answer)

    def _draw(self) -> None:
        now, table = self._now, self._table
        assert now is not None
        assert now.grid is not None
        assert table.background is not None
        place = table.names.index(now.grid.column)
        target = words.target_name(now.target, self._session)
        title_of(self._frame).value = f"{_LABEL}: {now.grid.column} · {target} · {counted(len(now.values), 'row')}"
        categories = category_names(table.columns[place])
        held = table.background[now.features, place]  # of the rows that the curves are of
        self._chart.show(now.grid, now.values, held, categories, now.quantity, self._lit(), self._curve_of_row())

    def _show_row(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._row, self._row_of = answer.explanation, self._session.table_of(answer)
            self._pace.draw_soon()
        self._notices.tell(place, answer, "this row")
        self._answered(place, answer)

    def _draw_row(self) -> None:
        if (row := self._curve_of_row()) is not None:
            self._chart.show_row(row)

    def _curve_of_row(self) -> RowCurve | None:
        row, now = self._row, self._now
        if row is None or row.grid is None or row.score is None:
            return None
        given = self._row_of
        if given is None or not same_table(given, self._table):  # the curves of its own table are on their way
            return None
        value = float(given.tensor[0, given.names.index(row.grid.column)])
        first = 0.0
        if self._centred.value and now is not None and now.grid is not None and now.grid.column == row.grid.column:
            first = float(row.values[_same(row.grid.values, now.grid.values[0])])
        return RowCurve(row.grid, row.values - first, value, row.score - first)


def _same(values: np.ndarray, value: float) -> int:
    """Where a value stands, of which NaN may be one."""
    return int(np.flatnonzero((values == value) | (np.isnan(values) & np.isnan(value)))[0])
