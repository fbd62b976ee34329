"""Which places of the input speak for a class: the map over the picture, beside the class scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.question import Answer, Question
from nbexplain.core.registry import METHODS
from nbexplain.inputs import Image
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import regions, words
from nbexplain.widgets.charts.bars import ClassBars
from nbexplain.widgets.feed import Feed, about, as_picture, is_cut, weights_and_errors
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.label_map import LabelMap
from nbexplain.widgets.layout import close_tree, framed, say_in, title_of
from nbexplain.widgets.models import SessionModels, interpolation
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.wire import Array

_AFTER_THE_MAP = 0.03  # seconds: the hand is on the map, and the bars' messages must not go before it


class AttributionMap:
    """The pane `"map"`: an attribution over the picture, following the selection.

    Parameters
    ----------
    answered
        Told of every answer, in the worker.
    link
        What it shares with the panes beside it.
    among
        The targets that are compared, as for `words.target_name`.
    own
        Parts of the question that do not follow the selection.
    """

    def __init__(
        self,
        session: Session,
        models: SessionModels,
        answered: Callable[[Place, Answer], None],
        link: PaneLink | None = None,
        among: Sequence[Any] = (),
        **own: Any,
    ) -> None:
        self._session = session
        self._among = among
        self._models = models
        self._answered = answered
        array = Array()
        self._feed = Feed(array, session)
        self._segments = LabelMap()
        number = own.get("input", session.selection.input)
        self.pane = ImagePane(
            overlay=array,
            controls=models.controls,
            link=link,
            interpolation=interpolation(session.inputs[number]),
        )
        models.show_picture(self.pane, number)
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self.pane]
        self.wide: list[ipywidgets.Widget] = []
        self._place = session.place(self._show, **own)

    def close(self) -> None:
        """Ask no more."""
        self._place.close()
        close_tree(self._segments.array, set())  # which the pane may not refer to at the moment

    def _show(self, place: Place, answer: Answer) -> None:
        question, explanation = answer.question, answer.explanation
        assert question.input is not None  # no method that is asked of all inputs is offered here
        if explanation is not None:
            self._models.show_picture(self.pane, question.input)
            if "target" not in place.own and (aim := regions.places(self._session, question.input)) != self.pane.aim:
                self.pane.aim = aim
            title = words.METHODS[question.method].label
            if question.target is not None:
                title += f" · {words.target_name(question.target, self._session, self._among)}"
            if "input" in place.own:
                title += f" · input {question.input}"
            meta = about(explanation, repr(question), title)
            if is_cut(explanation):
                assert explanation.features is not None
                key = self._cut(explanation.features)
                self._feed.show(weights_and_errors(explanation), {**meta, "on": "features", "segments": key})
            else:
                self.pane.segments = None
                self._feed.show(as_picture(explanation), meta)
        elif answer.state == "running":
            self._show_borders(question)
        self.pane.notice = words.missing(answer)
        self._answered(place, answer)

    def _cut(self, labels: np.ndarray) -> str:
        """Let the pane have a label map; returns what overlays call it."""
        key = self._segments.show(labels)
        if self.pane.segments is None:
            self.pane.segments = self._segments.array
        return key

    def _show_borders(self, question: Question) -> None:
        """Where the superpixels will be, before anything is run."""
        method, given = METHODS[question.method], self._session.inputs[question.input or 0]
        if "superpixels" in method.parameters and isinstance(given, Image):
            try:
                params = method.check_params(
                    dict(question.params), given.kind, self._session.places(question.input or 0)
                )
                self._cut(given.superpixels(params["superpixels"], params["segmentation"]))
            except (TypeError, ValueError):
                return  # the method is about to say the same


class ClassScores:
    """The pane `"classes"`: bars of the scores; a click chooses the target. `narrow` as for `ClassBars`."""

    def __init__(self, session: Session, *, narrow: bool = False) -> None:
        self._session = session
        self._bars = ClassBars(lambda label: session.select(target=regions.of_class(session, label)), narrow=narrow)
        self.above: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = []
        self._frame = framed("Class scores", self._bars.figure)
        self.panes: list[ipywidgets.Widget] = [self._frame]
        self._show()
        self._endings = [session.on_facts(self._show), session.on_select(self._show_soon)]

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()

    def _show_soon(self) -> None:
        runner.later((self, "bars"), _AFTER_THE_MAP, self._show, owner=self._session)

    def _show(self) -> None:
        chosen = self._session.selection
        values, quantity = regions.class_scores(self._session, chosen.input)
        if values:
            names = self._session.classes or [str(number) for number in range(len(values))]
            count = self._bars.show(names, values, regions.shown(chosen.target)[0], quantity)
            few = f" · {count} of {len(values):,} classes" if count < len(values) else ""
            title_of(self._frame).value = f"Class scores{few}"
        refused = self._session.facts.refused.get(chosen.input)
        if values or refused is not None:
            say_in(self._frame, "" if refused is None else words.sentence(refused))
