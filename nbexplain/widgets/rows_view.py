"""What the model looks at over many rows: mean |SHAP|, beeswarm, dependence, decision plot and heatmap, linked."""

from __future__ import annotations

from collections.abc import Callable, Collection

import ipywidgets
import numpy as np
import traitlets

from nbexplain.core.dataset.by_group import mean_size
from nbexplain.core.dataset.dependence import strongest
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.core.table.grid import category_names
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_same import same_table
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.beeswarm_chart import Beeswarm
from nbexplain.widgets.charts.decision_chart import Decision
from nbexplain.widgets.charts.heatmap_chart import Heatmap
from nbexplain.widgets.dependence_chart import Dependence
from nbexplain.widgets.feature_bars_chart import FeatureBars
from nbexplain.widgets.feature_sum import base_rows
from nbexplain.widgets.layout import close_tree, framed, notices_in, put_away, put_away_undrawn, title_of
from nbexplain.widgets.right_classes import right_classes_of

_TITLES = {
    "importance": "Mean |SHAP value|",
    "beeswarm": "SHAP values",
    "dependence": "SHAP dependence plot",
    "decision": "SHAP decision plot",
    "heatmap": "SHAP heatmap plot",
}
CHARTS = tuple(_TITLES)
_TOP = 10
_STRONGEST = "strongest"


class RowsView:
    """The panes of `CHARTS`: SHAP values of many rows of the background.

    A click on a bar chooses the column of the dependence chart, a click on a point, a line or a column of the heatmap
    explains that row with `explain(row)`, a brush in one chart lets all of them fade all but its rows.

    Attributes
    ----------
    column
        The chooser of the column of the dependence chart.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        explain: Callable[[Tabular], None],
        shown: Collection[str] = CHARTS,
    ) -> None:
        self._session, self._answered, self._explain = session, answered, explain
        self._listeners: list[Callable[[Answer], None]] = []
        self._answer: Answer | None = None  # the last one
        self._lighters: list[Callable[[np.ndarray | None], None]] = []
        number = session.selection.input
        table = session.inputs[number]
        assert isinstance(table, Tabular)
        self._table = table  # whose rows are shown
        names = self._table.names
        self._now: Explanation | None = None
        self._bars = FeatureBars(on_choose=self.choose_column)
        self._swarm = Beeswarm(on_choose=self._choose_row, on_brush=lambda rows: self._brush(rows, "beeswarm"))
        self._dependence = Dependence(on_choose=self._choose_row, on_brush=lambda rows: self._brush(rows, "dependence"))
        self._decision = Decision(on_choose=self._choose_row, on_brush=lambda rows: self._brush(rows, "decision"))
        self._heatmap = Heatmap(on_choose=self._choose_row, on_brush=lambda rows: self._brush(rows, "heatmap"))
        self._order = ipywidgets.Dropdown(
            description="Rows", options=[("alike beside each other", "alike"), ("by score", "score")]
        )
        self._picked: tuple[str, np.ndarray] | None = None  # the chart whose brush chose rows, and their numbers
        self._lit: np.ndarray | None = None  # the places of these rows among those that are shown
        self._scores: Explanation | None = None  # of all classes, which tell what is misclassified
        self.column = ipywidgets.Dropdown(description="Column", options=[(n, i) for i, n in enumerate(names)], value=0)
        self._colour = ipywidgets.Dropdown(
            description="Colour",
            options=[("strongest interaction", _STRONGEST), *((n, i) for i, n in enumerate(names))],
        )
        chosen = ipywidgets.HBox([self.column, self._colour], layout=ipywidgets.Layout(flex_flow="row wrap"))
        self._charts: dict[str, ipywidgets.Widget] = {
            "importance": self._bars.figure,
            "beeswarm": self._swarm.figure,
            "dependence": ipywidgets.VBox([chosen, self._dependence.figure], layout=ipywidgets.Layout(flex="1 1 auto")),
            "decision": self._decision.figure,
            "heatmap": ipywidgets.VBox([self._order, self._heatmap.figure], layout=ipywidgets.Layout(flex="1 1 auto")),
        }
        self._frames = {name: framed(_TITLES[name], self._charts[name]) for name in CHARTS if name in shown}
        self._notices = dict(zip(self._frames, notices_in(self._frames.values())))
        self._chosen = self._placing = False
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = list(self._frames.values())
        self.wide: list[ipywidgets.Widget] = []
        for control in (self.column, self._colour):
            control.observe(self._chosen_anew, names=["value"])
        self._order.observe(lambda _change: self._soon("heatmap", self._draw_heatmap), names=["value"])
        labelled = "decision" in shown and right_classes_of(session, self._table.labels) is not None
        self._scores_place = session.place(self._show_scores, method="row_scores", input=number) if labelled else None
        self._place = session.place(self._show, method="row_shap", input=number)

    def listen(self, listener: Callable[[Answer], None]) -> None:
        """Call it in the worker with each answer, and with the one that there is already."""
        self._listeners.append(listener)

        def tell() -> None:
            if self._answer is not None:  # the one that there is by then: it may have heard another before
                listener(self._answer)

        runner.later((self, listener), 0, tell, owner=self._session)

    def mark(self, column: int) -> None:
        """In the worker: outline the bar of a column."""
        self._bars.mark(column)

    def share(self, column: ipywidgets.Dropdown, highlight: Callable[[np.ndarray | None], None]) -> None:
        """Choose the same column here and there, and tell the numbers of the rows that are brushed, in the worker."""
        traitlets.link((self.column, "value"), (column, "value"))
        self._lighters.append(highlight)

    def close(self) -> None:
        """Ask no more."""
        self._place.close()
        if self._scores_place is not None:
            self._scores_place.close()
        for chart in self._charts.values():  # some may not be on the page
            close_tree(chart, set())

    def _soon(self, key: str, chore: Callable[[], None]) -> None:
        runner.later((self, key), 0, chore, owner=self._session)

    # What is shown

    def _show(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            before, self._table = self._table, self._session.table_of(answer)
            self._now = answer.explanation
            self._draw()
            self._keep_picked(same_table(before, self._table))
            for frame in self._frames.values():
                put_away(frame, False)
        for notices in self._notices.values():
            notices.tell(place, answer)
        put_away_undrawn(list(self._frames.values()), answer, drawn=self._now is not None)
        self._answer = answer
        for listener in self._listeners:
            listener(answer)
        self._answered(place, answer)

    def _show_scores(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._scores = answer.explanation
            self._draw_decision()
        self._notices["decision"].tell(place, answer, "misclassified rows")
        self._answered(place, answer)

    def _points(self) -> np.ndarray:
        """What the explained rows hold (rows, columns)."""
        assert self._now is not None
        assert self._now.features is not None
        assert self._table.background is not None
        held: np.ndarray = self._table.background[self._now.features]
        return held

    def _draw(self) -> None:
        explanation = self._now
        assert explanation is not None
        found = mean_size(explanation)
        target = words.target_name(explanation.target, self._session)
        rows = counted(found.count, "row")
        if not self._chosen:  # by the person: until then, the column that matters most
            self._placing = True
            self.column.value = int(found.values.argmax())
            self._placing = False
        if "importance" in self._frames:
            title_of(self._frames["importance"]).value = f"{_TITLES['importance']} · {target} · {rows}"
            self._bars.show(
                explanation.names, found.values, found.errors, top=_TOP, signed=False, quantity=explanation.score_name
            )
        if "beeswarm" in self._frames:
            title_of(self._frames["beeswarm"]).value = f"{_TITLES['beeswarm']} · {target} · {rows}"
            self._swarm.show(
                explanation.names,
                explanation.values,
                self._points(),
                top=_TOP,
                quantity="SHAP value",
                numbers=explanation.features,
            )
        self._draw_dependence()
        self._draw_decision()
        self._draw_heatmap()

    def _draw_decision(self) -> None:
        explanation = self._now
        if explanation is None or explanation.base is None or "decision" not in self._frames:
            return
        target = words.target_name(explanation.target, self._session)
        title_of(self._frames["decision"]).value = f"{_TITLES['decision']} · {target}"
        self._decision.show(
            explanation.names,
            explanation.values,
            explanation.base,
            self._wrong(),
            explanation.features,
            top=_TOP,
            quantity=explanation.score_name,
            over=base_rows(explanation),
        )

    def _wrong(self) -> np.ndarray | None:
        """(rows,) bool: which of the explained rows the model puts into a wrong class; None where that is not known."""
        now, scores, table = self._now, self._scores, self._table
        right = right_classes_of(self._session, table.labels)
        if right is None or scores is None or scores.features is None or now is None or now.features is None:
            return None
        predicted = np.full(len(right), -1)
        predicted[scores.features] = scores.values.argmax(1)
        own, label = predicted[now.features], right[now.features]
        return np.asarray((own >= 0) & (label >= 0) & (own != label))

    def _draw_heatmap(self) -> None:
        explanation = self._now
        if explanation is None or explanation.base is None or "heatmap" not in self._frames:
            return
        target = words.target_name(explanation.target, self._session)
        title_of(self._frames["heatmap"]).value = f"{_TITLES['heatmap']} · {target}"
        wanted = self._order.value
        order = wanted if explanation.progress == 1 else "score"  # which takes no time
        self._heatmap.show(
            explanation.names,
            explanation.values,
            explanation.base,
            order,
            _TOP,
            order != wanted,
            over=base_rows(explanation),
        )

    def _draw_dependence(self) -> None:
        explanation = self._now
        if explanation is None or "dependence" not in self._frames:
            return
        held, column = self._points(), int(self.column.value)
        colour = self._colour.value
        other = strongest(held, explanation.values, column) if colour == _STRONGEST else int(colour)
        names = explanation.names
        of = f"{words.target_name(explanation.target, self._session)} · {counted(len(explanation.values), 'row')}"
        title_of(self._frames["dependence"]).value = f"{_TITLES['dependence']}: {names[column]} · {of}"
        shade = held[:, other] if other is not None else None
        said = names[other] if other is not None else ""
        self._dependence.show(
            names[column],
            held[:, column],
            explanation.values[:, column],
            shade,
            said,
            "SHAP value",
            category_names(self._table.columns[column]),
            category_names(self._table.columns[other]) if other is not None else (),
            self._table.columns[column].time,
        )

    # What is chosen: on the thread that delivers widget messages

    def _chosen_anew(self, _change: object) -> None:
        self._chosen = self._chosen or not self._placing
        self._soon("dependence", self._draw_dependence)

    def choose_column(self, column: int) -> None:
        """Show a column in the dependence chart, and wherever that column is shared."""
        self._soon("column", lambda: self.column.set_trait("value", column))

    def show_pair(self, column: int, other: int) -> None:
        """Show one column in the dependence chart, coloured by another."""

        def choose() -> None:
            self._colour.value, self.column.value = other, column

        self._soon("column", choose)

    def _choose_row(self, place: int) -> None:
        explanation = self._now
        if explanation is not None and place < len(explanation.values):
            row = self._table.another(self._points()[place].tolist())
            self._soon("row", lambda: self._explain(row))

    def _brush(self, rows: np.ndarray | None, source: str) -> None:
        now = self._now
        if rows is not None and now is not None and now.features is not None:
            self._picked = source, now.features[rows]
        elif self._picked is not None and self._picked[0] == source:
            self._picked = None
        else:  # another chart has chosen since
            return
        self._soon("brush", lambda: self._light(source))

    # In the worker

    def _light(self, brushed_in: str) -> None:
        """Mark the chosen rows in all charts; a brush may say so in one of them."""
        numbers = None if self._picked is None else self._picked[1]
        shown = None if self._now is None else self._now.features
        self._lit = None if numbers is None or shown is None else np.flatnonzero(np.isin(shown, numbers))
        charts = {
            "beeswarm": self._swarm,
            "dependence": self._dependence,
            "decision": self._decision,
            "heatmap": self._heatmap,
        }
        for name, chart in charts.items():
            if name in self._frames:
                chart.highlight(self._lit)  # type: ignore[attr-defined]
                if name != brushed_in:
                    chart.unbrush()  # type: ignore[attr-defined]
        for highlight in self._lighters:
            highlight(numbers)

    def _keep_picked(self, same: bool) -> None:
        """Of a new answer: the chosen rows stay chosen, as long as they are among those that are shown."""
        now = self._now
        if self._picked is None or now is None or now.features is None:
            return
        places = np.flatnonzero(np.isin(now.features, self._picked[1]))
        if not same or (not len(places) and now.progress == 1):
            self._picked = None
        if self._picked is None or self._lit is None or not np.array_equal(places, self._lit):
            self._light(brushed_in="")
