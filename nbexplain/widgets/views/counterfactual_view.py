"""The smallest changes that change the prediction: of a row, which can be tried in the editor, or of a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.inputs import Array, Tabular, Text
from nbexplain.inputs.table_column import numbers_apart
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.counterfactual_pane import DIRECTIONS, CounterfactualPane
from nbexplain.widgets.text_units import units_of
from nbexplain.widgets.views.struck_words import struck

_METHOD = "counterfactual"
_REST = 0.4  # seconds after the last move of a hand

Move = Callable[[np.ndarray], None]


class CounterfactualView:
    """The pane `"counterfactual"`: the list stays while its rows are tried, and follows a row that came otherwise.

    Parameters
    ----------
    move
        Called in the worker with what is tried: a row (F,), or which words (F,) are left, 0 or 1.
    at_once
        Whether the search begins by itself; else when its button is pressed.
    division
        `unit` and `hide` of the words on the page.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        move: Move,
        *,
        at_once: bool = True,
        division: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._session, self._answered, self._move, self._division = session, answered, move, division
        row = self._input()
        columns = row.columns if isinstance(row, Tabular) else ()
        names = [column.name for column in columns]
        chosen = session.selection.params.get(_METHOD, {})
        limits = [[names.index(name), way] for way in DIRECTIONS for name in chosen.get(way, ()) if name in names]
        self.pane = CounterfactualPane(
            names=names,
            ordered=[column.has_order for column in columns],
            boundary=chosen.get("boundary"),
        )
        self.pane.limits = limits
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = [self.pane]
        self._place: Place | None = None
        self._open = False  # whether the place follows the row
        self._now: tuple[Array, Explanation] | None = None  # what the list is of
        self._holds = False  # whether the target's class is the predicted one, before any change
        self._asked: tuple[Any, ...] = ()
        self.pane.on_find = lambda: self._soon("ask", self._ask)
        self.pane.on_try = lambda place: self._soon("try", lambda: self._try(place))
        self.pane.observe(lambda _change: self._soon("ask", self._ask_again, _REST / 2), names=["limits", "boundary"])
        self._endings = [session.on_facts(self._follow), session.on_select(lambda: self._soon("follow", self._follow))]
        if at_once:
            self._ask()

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()
        if self._place is not None:
            self._place.close()

    def _soon(self, key: str, chore: Callable[[], None], rest: float = 0) -> None:
        runner.later((self, key), rest, chore, owner=self._session)

    def _input(self) -> Array:
        return self._session.inputs[self._session.selection.input]

    # What is asked: in the worker, or before the pane is first displayed

    def _params(self) -> dict[str, Any]:
        pane = self.pane
        params: dict[str, Any] = dict(self._session.selection.params.get(_METHOD, {}))
        for way in DIRECTIONS:
            names = tuple(pane.names[column] for column, how in pane.limits if how == way)
            params.pop(way, None)
            params |= {way: names} if names else {}
        params.pop("boundary", None)
        params |= {} if pane.boundary is None else {"boundary": pane.boundary}
        return {**params, **self._division()}

    def _ask(self) -> None:
        old, self.pane.begun, self.pane.busy = self._place, True, True
        if old is not None:
            old.close()
            self._answered(old, Answer(old.question(), "done"))  # what it said is on the page no more
        chosen = self._session.selection
        self._asked, self._open = (chosen.input, chosen.target_key), True
        self._place = self._session.place(self._show, rest=_REST, method=_METHOD, params=self._params())

    def _ask_again(self) -> None:
        if not self.pane.begun:
            return
        if self._now is not None and self.pane.tried >= 0:
            self._try(self.pane.tried)  # others are looked for of the row as it was
        self._ask()

    def _follow(self) -> None:
        """In the worker: another row than those that are tried here is another question."""
        if self._open or self._now is None:
            return
        here, chosen = self._input(), self._session.selection
        base, explanation = self._now
        known = [base.tensor[0].numpy(), *explanation.values]
        same = any(np.array_equal(here.tensor[0].numpy(), row, equal_nan=True) for row in known)
        if not same or (chosen.input, chosen.target_key) != self._asked:
            self._ask()

    # What is tried

    def _try(self, place: int) -> None:
        """In the worker: show one of the list, or what was there before."""
        if self._now is None or place >= len(self._now[1].values):
            return
        base, explanation = self._now
        back = self.pane.tried == place
        self.pane.tried = -1 if back else place
        if isinstance(base, Tabular):
            if self._place is not None and self._open:  # the list stays as it is
                self._place.close()
            self._open = False
            self._move(base.tensor[0].numpy() if back else explanation.values[place])
        else:
            self._move(np.ones(explanation.values.shape[1]) if back else explanation.values[place])

    # What is shown

    def _show(self, place: Place, answer: Answer) -> None:
        self.pane.busy = answer.state == "running"
        if answer.error is not None:
            self.pane.rows, self.pane.note = [], words.sentence(answer.error)
        elif answer.explanation is not None:
            self._draw(answer.explanation, answer)
        elif why := _capital(words.notice(answer)):
            self.pane.note = why
        self._answered(place, answer)

    def _draw(self, explanation: Explanation, answer: Answer) -> None:
        number, target = answer.question.input or 0, explanation.target
        given = self._session.inputs[number]
        self._now = given, explanation
        boundary = explanation.details.get("boundary")
        clean = self._session.facts.scores.get(number)
        predicted = explanation.details.get("class that predict says")
        if predicted is None and clean is not None:
            predicted = int(clean[0].argmax())
        self._holds = boundary is None and isinstance(target, int) and predicted == target
        name = words.target_name(target, self._session)
        wanted = f"{name} {'no longer ' if self._holds else ''}predicted"
        if boundary is not None:
            wanted = f"{explanation.score_name} crosses {words.number(boundary)}"
        notes = [note for note in explanation.warnings if note not in given.notes]
        tried = f"{explanation.details['model evaluations']:,.0f} changed inputs tried"
        if why := _capital(words.notice(answer)):
            notes = [f"{why}: {tried}", *notes]
        elif explanation.progress < 1:
            notes = [f"Searching: {tried} so far"]
        with self.pane.hold_sync():
            self.pane.title = f"Counterfactuals · {wanted}"
            self.pane.crossed = boundary
            self.pane.tried = -1
            self.pane.rows = [
                {
                    "changes": _changes(given, values) if isinstance(given, Tabular) else [],
                    "parts": self._struck(given, values, explanation) if isinstance(given, Text) else [],
                    **self._outcome(explanation, place, boundary),
                }
                for place, values in enumerate(explanation.values)
            ]
            self.pane.note = " · ".join(notes)

    def _outcome(self, explanation: Explanation, place: int, boundary: float | None) -> dict[str, str]:
        assert explanation.scores is not None
        scores, target = explanation.scores[place], explanation.target
        whole = isinstance(target, int) and target < len(scores)
        after = float(scores[target] if whole else scores[0])
        before = explanation.score if explanation.score is not None else float("nan")
        numbers = " → ".join(numbers_apart([before, after]))
        if boundary is not None or not whole:
            return {"outcome": numbers, "score": explanation.score_name}
        others = np.where(np.arange(len(scores)) == target, -np.inf, scores)  # NaN of a word that is hidden
        name = words.target_name(int(np.nanargmax(others)) if self._holds else target, self._session)
        of = words.target_name(target, self._session)
        return {"outcome": name, "score": f"{explanation.score_name} of {of} {numbers}"}

    def _struck(self, text: Text, keep: np.ndarray, explanation: Explanation) -> list[list[Any]]:
        division = {name: explanation.params[name] for name in ("unit", "hide")}
        return struck(text.text, units_of(text, division, explanation).spans, keep)


def _capital(said: str) -> str:
    """A sentence's beginning."""
    return said[:1].upper() + said[1:]


def _changes(row: Tabular, values: np.ndarray) -> list[list[Any]]:
    """The number of each column that changes, its old value and its new one."""
    here = row.tensor[0].numpy()
    same = (here == values) | (np.isnan(here) & np.isnan(values))
    changed = np.flatnonzero(~same).tolist()
    return [[place, *row.columns[place].said_apart([here[place], values[place]])] for place in changed]
