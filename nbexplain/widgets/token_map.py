"""Which words speak for a class: the coloured text, which can be edited and whose words can be dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core import registry
from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.inputs import Text
from nbexplain.inputs.text_masker import TextMasker
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.feed import Feed, about, weights_and_errors
from nbexplain.widgets.text_units import units_of
from nbexplain.widgets.token_pane import TokenPane
from nbexplain.widgets.wire import Array

_MOST_NAMED = 4  # of the words that a note names
_DIVISION = ("unit", "hide")


class TokenMap:
    """The pane `"map"` of a text, following the selection. Parameters as for `AttributionMap`."""

    def __init__(
        self, session: Session, answered: Callable[[Place, Answer], None], among: Sequence[Any] = (), **own: Any
    ) -> None:
        self._session = session
        self._among = among
        self._answered = answered
        array = Array()
        self._feed = Feed(array, session)
        self._own = own
        self._shown: tuple[Text, dict[str, Any]] | None = None  # the text on the page, and how it is divided
        self._features: np.ndarray | None = None  # which units its tokens are of
        self.pane = TokenPane(overlay=array, editable="input" not in own)
        compared = bool(own)
        self.above: list[ipywidgets.Widget] = [] if compared else [self.pane]
        self.panes: list[ipywidgets.Widget] = [self.pane] if compared else []
        self.wide: list[ipywidgets.Widget] = []
        self._without: Place | None = None
        self._listeners: list[Callable[[], None]] = []
        self._show_text(own.get("input", session.selection.input))
        self.pane.on_edit = self._edit
        self.pane.observe(self._drop, names=["dropped"])
        self._place = session.place(self._show, **own)

    def close(self) -> None:
        """Ask no more."""
        self._place.close()
        if self._without is not None:
            self._without.close()

    @property
    def _unknown(self) -> bool:
        """Whether it is not known yet which words can be removed: not one whose score the first answer explains."""
        return self._session.facts.by_token and self._features is None and self.division["hide"] == "remove"

    @property
    def division(self) -> dict[str, Any]:
        """`unit` and `hide` of the words that are left out here; of a method that has none, those of `"without"`."""
        without = registry.find("without")
        usual = {name: without.parameters[name].default for name in _DIVISION}
        usual |= self._session.selection.params.get("without", {})
        shown = {} if self._shown is None else self._shown[1]
        return {name: shown.get(name, usual[name]) for name in _DIVISION}

    def holds(self, text: str, units: TextMasker, division: Mapping[str, Any]) -> bool:
        """Whether these are the words on the page, and left out as they are there."""
        same = self.pane.text == text and self.pane.spans == units.spans.tolist()
        return same and not self._unknown and all(division[name] == how for name, how in self.division.items())

    @property
    def keep(self) -> np.ndarray:
        """(F,) 0 of the words that are left out, 1 of the others."""
        keep = np.ones(len(self.pane.spans))
        keep[[place for place in self.pane.dropped if 0 <= place < len(keep)]] = 0
        return keep

    def leave_out(self, keep: np.ndarray) -> None:
        """In the worker: drop those of the words whose `keep` (F,) is 0."""
        self.pane.dropped = np.flatnonzero(keep == 0).tolist()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it in the worker whenever other words are left out, or are on the page, or are left out otherwise."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    # What is shown

    def _show_text(self, number: int, explanation: Explanation | None = None) -> None:
        """The text and what it is divided into, if it is another one than that on the page."""
        text = self._session.inputs[number]
        assert isinstance(text, Text)
        params = {} if explanation is None else explanation.params
        division = {name: params[name] for name in _DIVISION if name in params}
        features = None if explanation is None else explanation.features
        same = self._shown is not None and self._shown[0] is text and self._shown[1] == division
        known = features is None or (self._features is not None and np.array_equal(features, self._features))
        if same and known:
            return
        self._shown, self._features = (text, division), features
        masker = units_of(text, division, explanation)
        self.pane.show(text.text, masker.spans.tolist(), masker.names)
        self._tell()

    def _show(self, place: Place, answer: Answer) -> None:
        question, explanation = answer.question, answer.explanation
        assert question.input is not None  # no method that is asked of all inputs is offered here
        if explanation is not None:
            self._show_text(question.input, explanation)
            title = words.METHODS[question.method].label
            if question.target is not None:
                title += f" · {words.target_name(question.target, self._session, self._among)}"
            self._feed.show(weights_and_errors(explanation), about(explanation, repr(question), title))
        self.pane.notice = words.missing(answer)
        self._answered(place, answer)

    # What is dropped

    def _drop(self, _change: object) -> None:
        runner.later((self, "drop"), 0, self._ask_without, owner=self._session)

    def _ask_without(self) -> None:
        """In the worker: what the scores are without the words that are dropped."""
        self._tell()
        if self._without is not None:
            self._without.close()
            self._without = None
        dropped = tuple(sorted(self.pane.dropped))
        if not dropped or self._shown is None or self._unknown:
            self.pane.note = ""
            return
        params = {"features": dropped, **self.division}
        own = {name: self._own[name] for name in ("input", "target") if name in self._own}
        self._without = self._session.place(self._tell_without, method="without", params=params, **own)

    def _tell_without(self, _place: Place, answer: Answer) -> None:
        explanation, target = answer.explanation, answer.question.target
        if answer.error is not None:
            self.pane.note = words.sentence(answer.error)
        elif explanation is not None:
            named = ", ".join(f"“{name}”" for name in explanation.names[:_MOST_NAMED])
            more = len(explanation.names) - _MOST_NAMED
            if isinstance(target, int) and explanation.values.ndim == 2:
                change = words.change_of(self._session, target, *explanation.values)
            else:
                about = explanation.details
                change = words.change_of_score(self._session, target, about["before"], about["after"])
            self.pane.note = f"without {named}{f' and {more} more' if more > 0 else ''}: {change}"

    # What is edited

    def _edit(self, text: str) -> None:
        try:
            chosen = self._session.selection.input
            given = self._session.inputs[chosen]
            assert isinstance(given, Text)
            self._session.replace(chosen, given.another(text))
        except (TypeError, ValueError) as error:
            sentence = words.sentence(error)
            runner.later((self, "edit"), 0, lambda: self.pane.set_trait("notice", sentence), owner=self._session)
