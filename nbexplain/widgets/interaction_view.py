"""Which columns the model uses together: SHAP interaction values of pairs of columns, over rows of the background."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import ipywidgets

from nbexplain.core.dataset.interaction import TooManyColumns
from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.core.registry import METHODS
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.interaction_chart import InteractionChart
from nbexplain.widgets.layout import framed, say_why, title_of

_ROWS = 20  # of the background
_TOP = 8


class InteractionView:
    """The pane `"interaction"`: the mean size of what each two columns do together, or why that cannot be told.

    `choose(column, other)` is called with the pair that is clicked.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        choose: Callable[[int, int], None] | None = None,
    ) -> None:
        self._session, self._answered = session, answered
        self._chart = InteractionChart(choose)
        label = METHODS["interaction"].label
        self._frame = framed(label, self._chart.figure)
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self._frame]
        self.wide: list[ipywidgets.Widget] = []
        number = session.selection.input  # whose background it is about
        self._place = session.place(self._show, method="interaction", input=number, params={"rows": _ROWS})

    def close(self) -> None:
        """Ask no more."""
        self._place.close()

    def _show(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        one_column = explanation is not None and len(explanation.names) < 2
        if one_column:
            answer = dataclasses.replace(answer, error=ValueError("one column has none to act with"))
        say_why(self._frame, answer)
        if one_column or isinstance(answer.error, TooManyColumns):  # which is no fault of the model
            answer = dataclasses.replace(answer, state="done", error=None)
        elif explanation is not None:
            target = words.target_name(explanation.target, self._session)
            count = next(iter(explanation.details.values()), _ROWS)
            title_of(self._frame).value = f"{METHODS['interaction'].label} · {target} · {counted(int(count), 'row')}"
            # each of the two cells of a pair holds half of what the two do together
            self._chart.show(
                explanation.names, explanation.values + explanation.values.T, _TOP, "mean size of what two do together"
            )
        self._answered(place, answer)
