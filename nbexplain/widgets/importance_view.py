"""What the columns are worth to the model by other measures: shuffled, by the forest itself, by LIME over rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ipywidgets

from nbexplain.core.dataset.forest_importance import no_importance
from nbexplain.core.dataset.importance import of_target
from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.core.registry import METHODS
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.feature_bars_chart import FeatureBars
from nbexplain.widgets.layout import Notices, framed, say_in, title_of

_TOP = 10


class ImportanceView:
    """The pane `"permutation"`, with the model's built-in importance beside it where it has one; or `"lime"`.

    A click on a bar tells `on_choose` its column.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        method: str,
        beside: str = "",
        on_choose: Callable[[int], None] | None = None,
    ) -> None:
        self._session, self._answered, self._method = session, answered, method
        self._bars = FeatureBars(on_choose=on_choose)
        self._frame = framed(METHODS[method].label, self._bars.figure)
        self._notices = Notices(partial(say_in, self._frame))
        self._other: Explanation | None = None
        self._now: Explanation | None = None
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self._frame]
        self.wide: list[ipywidgets.Widget] = []
        number = session.selection.input  # whose background it is about
        self._beside = session.place(self._show_other, method=beside, input=number) if beside else None
        self._place = session.place(self._show, method=method, input=number)

    def mark(self, column: int) -> None:
        """In the worker: outline the bars of a column."""
        self._bars.mark(column)

    def close(self) -> None:
        """Ask no more."""
        for place in (self._place, self._beside):
            if place is not None:
                place.close()

    def _show_other(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._other = answer.explanation
            self._draw()
        self._notices.tell(place, answer, METHODS[answer.question.method].label)
        self._answered(place, answer)

    def _show(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._now = answer.explanation
            self._draw()
        self._notices.tell(place, answer)
        self._answered(place, answer)

    def _draw(self) -> None:
        now, other = self._now, self._other
        if now is None:
            return
        about = words.target_name(now.target, self._session) if of_target(now) else now.quantity
        title_of(self._frame).value = f"{METHODS[self._method].label} · {about}"
        # two measures in one chart share an axis: the other one is put on the scale of the first
        beside = None
        if other is not None and not other.signed and other.values.max() > 0:
            scale = now.values.max() / other.values.max()
            beside = (f"{other.quantity}, scaled", other.values * scale)
        shuffled = self._method == "permutation_importance"
        of = now.quantity.removeprefix("fall of ").removeprefix("mean change of ")
        nothing = f"no column changes {of}" if shuffled and now.progress == 1 else "all values are 0"
        self._bars.show(
            now.names,
            now.values,
            now.standard_error,
            top=_TOP,
            signed=False,
            quantity=now.quantity,
            beside=beside,
            nothing=nothing,
        )


def has_importance(session: Session) -> bool:
    """Whether the model says itself what its columns are worth."""
    return not no_importance(session.given.model)
