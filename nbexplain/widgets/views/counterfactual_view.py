"""The smallest changes that change the prediction: of a row, which can be tried in the editor, or of a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core import registry
from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.inputs import Array, Tabular, Text
from nbexplain.inputs.table_column import numbers_apart
from nbexplain.inputs.text_masker import TextMasker
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.counterfactual_pane import DIRECTIONS, CounterfactualPane
from nbexplain.widgets.text_units import units_of
from nbexplain.widgets.token_map import TokenMap
from nbexplain.widgets.views.struck_words import struck

_METHOD = "counterfactual"
_MOST = registry.find(_METHOD).parameters["changes"].default
_REST = 0.4  # seconds after the last move of a hand

Move = Callable[[np.ndarray], None]


class CounterfactualView:
    """The pane `"counterfactual"`: the list stays while its rows are tried, and follows a row that came otherwise.

    Parameters
    ----------
    move
        Called in the worker with a row (F,) that is tried.
    at_once
        Whether the search begins by itself; else when its button is pressed.
    text
        The words on the page, in which those of a text are tried: how they are divided and left out there is part of
        the question.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        move: Move | None = None,
        *,
        at_once: bool = True,
        text: TokenMap | None = None,
    ) -> None:
        self._session, self._answered, self._move, self._text = session, answered, move, text
        row = self._input()
        columns = row.columns if isinstance(row, Tabular) else ()
        names = [column.name for column in columns]
        chosen = session.selection.params.get(_METHOD, {})
        limits = [[names.index(name), way] for way in DIRECTIONS for name in chosen.get(way, ()) if name in names]
        self.pane = CounterfactualPane(
            names=names,
            ordered=[column.has_order for column in columns],
            boundary=chosen.get("boundary"),
            most=chosen.get("changes", _MOST),
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
        self._units: TextMasker | None = None  # the words that the list is of
        self.pane.on_find = lambda: self._soon("ask", self._ask)
        self.pane.on_try = lambda place: self._soon("try", lambda: self._try(place))
        self.pane.observe(
            lambda _change: self._soon("ask", self._ask_again, _REST / 2), names=["limits", "boundary", "most"]
        )
        self._endings = [session.on_facts(self._follow), session.on_select(lambda: self._soon("follow", self._follow))]
        if at_once:
            self._ask()
        if text is not None:
            text.listen(lambda: self._soon("words", self._follow_words))

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

    @property
    def _division(self) -> dict[str, Any]:
        return {} if self._text is None else self._text.division

    # What is asked: in the worker, or before the pane is first displayed

    def _params(self) -> dict[str, Any]:
        pane = self.pane
        params: dict[str, Any] = dict(self._session.selection.params.get(_METHOD, {}))
        for way in DIRECTIONS:
            names = tuple(pane.names[column] for column, how in pane.limits if how == way)
            params.pop(way, None)
            params |= {way: names} if names else {}
        for name, value, usual in (("boundary", pane.boundary, None), ("changes", pane.most, _MOST)):
            params.pop(name, None)
            params |= {} if value == usual else {name: value}
        return {**params, **self._division}

    def _ask(self) -> None:
        old, self.pane.begun, self.pane.busy = self._place, True, True
        if old is not None:
            old.close()
            self._answered(old, Answer(old.question(), "done"))  # what it said is on the page no more
        chosen = self._session.selection
        self._asked, self._open = (chosen.input, chosen.target_key, self._division), True
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
        now = here.tensor[0].numpy()
        places = [place for place, row in enumerate(known) if np.array_equal(now, row, equal_nan=True)]
        if not places or (chosen.input, chosen.target_key) != self._asked[:2]:
            self._ask()
        else:
            self.pane.tried = places[0] - 1  # the row as it was comes first

    def _follow_words(self) -> None:
        """In the worker: what is tried is what is left out; words that are left out otherwise are another question."""
        if self._asked and self._asked[2] != self._division:
            self._ask()
        self._mark_words()

    def _mark_words(self) -> None:
        """Mark the one whose words are left out; none can be tried in other words, or ones left out otherwise."""
        if self._now is None or self._units is None:
            return
        (given, explanation), text = self._now, self._text
        assert isinstance(given, Text)
        fits = text is not None and text.holds(given.text, self._units, explanation.params)
        left = text.keep.tolist() if text is not None and fits else None
        kept = explanation.values.tolist()
        with self.pane.hold_sync():
            self.pane.refusal = "" if fits else self._why_not(explanation.params)
            self.pane.tried = kept.index(left) if left in kept else -1

    def _why_not(self, params: Mapping[str, Any]) -> str:
        """Why none can be tried that were found with these."""
        if self._text is None:
            return "To try one, show the words too: show=['map', 'counterfactual']"
        others = {name: how for name, how in self._division.items() if params[name] != how}
        found, here = (", ".join(f"{name} “{of[name]}”" for name in others) for of in (params, others))
        return f"Found with {found}, not with {here} as on the page" if others else "Found for other words than these"

    # What is tried

    def _try(self, place: int) -> None:
        """In the worker: show one of the list, or what was there before."""
        if self._now is None or place >= len(self._now[1].values):
            return
        base, explanation = self._now
        back = self.pane.tried == place
        if isinstance(base, Tabular):
            self.pane.tried = -1 if back else place
            if self._place is not None and self._open:  # the list stays as it is
                self._place.close()
            self._open = False
            assert self._move is not None
            self._move(base.tensor[0].numpy() if back else explanation.values[place])
            return
        self._mark_words()
        if self._text is not None and not self.pane.refusal:
            self._text.leave_out(np.ones(explanation.values.shape[1]) if back else explanation.values[place])
            self._mark_words()

    # What is shown

    def _show(self, place: Place, answer: Answer) -> None:
        self.pane.busy = answer.state == "running"
        if answer.error is not None:
            self._now, self.pane.rows, self.pane.note = None, [], words.sentence(answer.error)
        elif answer.explanation is not None:
            self._draw(answer.explanation, answer)
        elif words.is_news(answer):
            self.pane.note = _capital(words.notice(answer))
        self._answered(place, answer)

    def _draw(self, explanation: Explanation, answer: Answer) -> None:
        number, target = answer.question.input or 0, explanation.target
        given = self._session.inputs[number]
        self._now = given, explanation
        if isinstance(given, Text):
            division = {name: explanation.params[name] for name in ("unit", "hide")}
            self._units = units_of(given, division, explanation)
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
                    "parts": self._struck(given, values) if isinstance(given, Text) else [],
                    **self._outcome(explanation, place, boundary),
                }
                for place, values in enumerate(explanation.values)
            ]
            self.pane.note = " · ".join(notes)
            self._mark_words()

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

    def _struck(self, text: Text, keep: np.ndarray) -> list[list[Any]]:
        assert self._units is not None
        return struck(text.text, self._units.spans, keep)


def _capital(said: str) -> str:
    """A sentence's beginning."""
    return said[:1].upper() + said[1:]


def _changes(row: Tabular, values: np.ndarray) -> list[list[Any]]:
    """The number of each column that changes, its old value and its new one."""
    here = row.tensor[0].numpy()
    same = (here == values) | (np.isnan(here) & np.isnan(values))
    changed = np.flatnonzero(~same).tolist()
    return [[place, *row.columns[place].said_apart([here[place], values[place]])] for place in changed]
