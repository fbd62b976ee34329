"""What each column of a row adds to the score: bars with errors, the waterfall and the force view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import ipywidgets

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.inputs import Tabular
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.feature_bars_chart import FeatureBars
from nbexplain.widgets.feature_sum import base_rows
from nbexplain.widgets.force_chart import Force
from nbexplain.widgets.layout import Notices, close_tree, framed, notices_in, put_away, put_away_undrawn, title_of
from nbexplain.widgets.pace import Pace
from nbexplain.widgets.slider import Slider
from nbexplain.widgets.waterfall_chart import Waterfall

CHARTS = ("map", "waterfall", "force")
_FIRST = 10  # columns that are shown at first
_TITLES = {"map": "Attribution", "waterfall": "From the base to the score", "force": "What pulls which way"}


class FeatureMap:
    """The panes `"map"`, `"waterfall"` and `"force"` of a row, following the selection.

    Parameters as for `AttributionMap`; `shown` says which of them there are.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        shown: Collection[str] = ("map",),
        among: Sequence[Any] = (),
        **own: Any,
    ) -> None:
        self._session, self._answered, self._among = session, answered, among
        self._listeners: list[Callable[[Explanation], None]] = []
        self._choosers: list[Callable[[int], None]] = []
        self._bars = FeatureBars(self._choose) if "map" in shown else None
        self._waterfall = Waterfall(self._choose) if "waterfall" in shown else None
        self._force = Force(self._choose) if "force" in shown else None
        columns = len(session.inputs[own.get("input", session.selection.input)].tensor[0])
        self._top = Slider(
            label="Shown", help="How many columns are shown, the largest first", low=1, high=columns, value=_FIRST
        )
        self._top.layout.max_width = "420px"
        charts = {"map": self._bars, "waterfall": self._waterfall, "force": self._force}
        self._frames = {
            name: framed(_TITLES[name], chart.figure) for name, chart in charts.items() if chart is not None
        }
        self._notices = notices_in(self._frames.values())
        self.pane = next(iter(self._frames.values()), None)
        self.above: list[ipywidgets.Widget] = [self._top] if columns > _FIRST and not own else []
        self.panes: list[ipywidgets.Widget] = [frame for name, frame in self._frames.items() if name != "force"]
        self.wide: list[ipywidgets.Widget] = [self._frames["force"]] if "force" in self._frames else []
        self._now: Explanation | None = None
        self._number = 0
        self._pace = Pace(session, self._draw)
        self._top.observe(lambda _change: self._draw_soon(), names=["value"])
        self._place = session.place(self._show, **own)

    def listen(self, listener: Callable[[Explanation], None], notices: Notices | None = None) -> None:
        """Call it in the worker with each explanation, and with the one that there is already.

        Where there is none to what is asked now, `notices` are told.
        """
        self._listeners.append(listener)
        self._notices += [] if notices is None else [notices]

        def tell() -> None:
            if self._now is not None:  # the one that there is by then: it may have heard another before
                listener(self._now)

        runner.later((self, listener), 0, tell, owner=self._session)

    def share(self, choose: Callable[[int], None]) -> None:
        """Call it with the column whose bar is clicked, on the thread that delivers widget messages."""
        self._choosers.append(choose)

    def mark(self, column: int) -> None:
        """In the worker: outline the bars of a column."""
        for chart in (self._bars, self._waterfall, self._force):
            if chart is not None:
                chart.mark(column)

    def _choose(self, column: int) -> None:
        for choose in self._choosers:
            choose(column)

    def close(self) -> None:
        """Ask no more."""
        self._place.close()
        self._pace.close()
        close_tree(self._top, set())  # which is not on the page for a few columns, and in a comparison

    def _draw_soon(self) -> None:
        runner.later((self, "top"), 0, self._pace.draw_soon, owner=self._session)

    def _show(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._now, self._number = answer.explanation, answer.question.input or 0
            self._pace.draw_soon()
        for notices in self._notices:
            notices.tell(place, answer)
        put_away_undrawn(list(self._frames.values()), answer, drawn=self._now is not None)
        self._answered(place, answer)

    def _draw(self) -> None:
        explanation = self._now
        if explanation is None or explanation.values.ndim != 1:
            return
        for listener in self._listeners:
            listener(explanation)
        row = self._session.inputs[self._number]
        assert isinstance(row, Tabular)
        held = [column.said(value) for column, value in zip(row.columns, row.tensor[0].tolist(), strict=True)]
        values, errors, top = explanation.values, explanation.standard_error, self._top.value
        target = words.target_name(explanation.target, self._session, self._among)
        if self._bars is not None:
            title_of(self._frames["map"]).value = f"{words.METHODS[explanation.method].label} · {target}"
            # LIME names its bars by conditions, which say what the row holds
            own = explanation.names if len(explanation.names) == len(held) else row.names
            self._bars.show(
                row.names,
                values,
                errors,
                held,
                top=top,
                signed=explanation.signed,
                quantity=explanation.quantity,
                conditions=own if own != row.names else None,
            )
        adds_up = explanation.gap is not None and explanation.base is not None and explanation.score is not None
        for name, chart in (("waterfall", self._waterfall), ("force", self._force)):
            if chart is None:
                continue
            frame = self._frames[name]
            put_away(frame, not adds_up)  # LIME's weights, for one, do not add up to the score
            title_of(frame).value = f"{_TITLES[name]} · {target}"
            if adds_up:
                assert explanation.base is not None
                assert explanation.score is not None
                chart.show(
                    row.names,
                    values,
                    held,
                    explanation.base,
                    explanation.score,
                    errors,
                    top=top,
                    quantity=explanation.score_name,
                    over=base_rows(explanation),
                )
