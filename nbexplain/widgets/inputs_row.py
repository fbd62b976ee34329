"""The row of all inputs: thumbnails to choose from, sorted as asked, and pictures that are added."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np

from nbexplain.core.question import Answer
from nbexplain.inputs import Array, Image, Text
from nbexplain.inputs.upload import like, picture_from
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.input_strip import InputStrip, sheet_of
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.volume_slices import thumbnail

_LETTERS = 60  # of a text that stand on its thumbnail
_REST = 0.15  # seconds after the last move of a slider before the row is sorted anew


class InputsRow:
    """The pane `"inputs"`, following the selection. Parameters as for `AttributionMap`."""

    def __init__(self, session: Session, models: SessionModels, answered: Callable[[Place, Answer], None]) -> None:
        self._session = session
        self._models = models
        self._answered = answered
        self._activity: Answer | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._scores: np.ndarray | None = None
        self._drawn: list[Array] = []
        scored = session.facts.one_per_class
        layered = session.selection.layer is not None
        sorts = ["given", *(["score"] if scored else []), *(["activation"] if layered else [])]
        self.strip = InputStrip(controls=models.controls, sorts=sorts, upload=self._takes_pictures())
        self.above: list[ipywidgets.Widget] = [self.strip]
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = []
        self._draw()
        self.strip.on_upload = self._take
        self.strip.observe(self._sort_changed, names=["sort"])
        self._place = session.place(self._show_scores, method="class_scores") if scored else None
        self._endings = [session.on_select(self._sort_soon), session.on_facts(self._draw)]

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()
        if self._place is not None:
            self._place.close()
        if self._stop_listening is not None:
            self._stop_listening()

    def _takes_pictures(self) -> bool:
        return isinstance(self._session.inputs[0], Image) and self._session.inputs[0].alone

    def _draw(self) -> None:
        """The thumbnails, if there are others than those that are shown."""
        inputs = self._session.inputs
        if isinstance(inputs[0], Text):
            self.strip.texts = [x.text[:_LETTERS] if isinstance(x, Text) else "" for x in inputs]
        if self._drawn == list(inputs):
            return
        self._drawn = list(inputs)
        sheet, columns, tile = sheet_of([thumbnail(x) for x in inputs])
        with self.strip.hold_sync():
            self.strip.sheet, self.strip.columns, self.strip.tile = sheet, columns, list(tile)
            self.strip.count = len(inputs)

    # What is known of the inputs

    def _show_scores(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._scores = answer.explanation.values
            best = np.nan_to_num(self._scores, nan=-np.inf).argmax(1)
            known = ~np.isnan(self._scores).all(1)
            self.strip.titles = [
                words.score_of(self._session, int(target), float(row[target])) if yes else ""
                for target, row, yes in zip(best, self._scores, known, strict=True)
            ]
            self._sort()
        self._answered(place, answer)

    def _show_activity(self, place: Place, answer: Answer) -> None:
        self._activity = answer
        if answer.state == "failed" and answer.error is not None:
            self.strip.notice = words.sentence(answer.error)
        self._sort()
        self._answered(place, answer)

    # In which order they stand

    def _sort_changed(self, _change: object) -> None:
        wanted = self.strip.sort == "activation"
        if wanted and self._stop_listening is None:
            self._stop_listening = self._models.activity.listen(self._show_activity)
        elif not wanted and self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = self._activity = None
        runner.later((self, "sort"), 0, self._sort, owner=self._session)

    def _sort_soon(self) -> None:
        if self.strip.sort != "given":
            runner.later((self, "sort"), _REST, self._sort, owner=self._session)

    def _sort(self) -> None:
        values = self._sorted_by()
        order = [] if values is None else np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable").tolist()
        with self.strip.hold_sync():
            self.strip.order = order
            self.strip.values = [] if values is None else values.tolist()  # NaN becomes null on its way

    def _sorted_by(self) -> np.ndarray | None:
        """A number per input, largest first; None for the order in which they came."""
        chosen = self._session.selection
        if self.strip.sort == "score" and self._scores is not None and isinstance(chosen.target, int):
            return self._scores[:, chosen.target].astype(float)
        explanation = self._activity.explanation if self._activity is not None else None
        if self.strip.sort == "activation" and explanation is not None and explanation.layer == chosen.layer:
            found: np.ndarray = explanation.values[0][:, chosen.channel].astype(float)
            return found
        return None

    # Pictures that are added

    def _take(self, name: str, content: bytes) -> None:
        runner.later((self, "upload"), 0, lambda: self._add(name, content), owner=self._session)

    def _add(self, name: str, content: bytes) -> None:
        """In the worker: what does not fit is said, and all stays as it was."""
        self.strip.notice = ""
        try:
            picture, notes = picture_from(name, content)
            first = self._session.inputs[0]
            assert isinstance(first, Image)  # or there is no button
            source, more = like(picture, first.source)
            number = self._session.add(source)
        except Exception as error:  # the user's own transform may raise anything
            self.strip.notice = words.sentence(error)
            return
        self._draw()
        if notes + more:
            self.strip.notice = f"{name}: {'; '.join(notes + more)}"
        self._session.select(input=number)
