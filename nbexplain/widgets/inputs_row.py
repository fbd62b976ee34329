"""The row of all inputs: thumbnails to choose from, sorted as asked, and pictures that are added."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.question import Answer
from nbexplain.inputs import Image, Text
from nbexplain.inputs.upload import like, picture_from
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.input_strip import InputStrip, thumbnail
from nbexplain.widgets.input_tiles import LETTERS, InputTiles, titled
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.volume_slices import cover

MANY = 64  # inputs above which nothing is computed for all of them unless somebody asks
_REST = 0.15  # seconds after the last move of a slider before the row is sorted anew


class InputsRow:
    """The pane `"inputs"`, following the selection. Parameters as for `AttributionMap`."""

    def __init__(self, session: Session, models: SessionModels, answered: Callable[[Place, Answer], None]) -> None:
        self._session = session
        self._models = models
        self._answered = answered
        self._activity: tuple[Place, Answer] | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._scores: np.ndarray | None = None
        self._latest: tuple[Place, Answer] | None = None
        self._editions: dict[int, int] = {}
        self._said = ""
        scored = session.facts.one_per_class
        layered = session.selection.layer is not None
        sorts = ["given", *(["score"] if scored else []), *(["activation"] if layered else [])]
        self.strip = InputStrip(controls=models.controls, sorts=sorts, upload=self._takes_pictures())
        self.above: list[ipywidgets.Widget] = [self.strip]
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = []
        self._tiles = InputTiles(session, self.strip, scored=scored)
        self._scored = scored
        self._place: Place | None = None
        self._drawn: tuple[Any, ...] = ()
        self._draw()
        self.strip.on_upload = self._take
        self.strip.observe(self._sort_changed, names=["sort"])
        self._ask_scores()
        self._endings = [session.on_select(self._sort_soon), session.on_facts(self._draw)]

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()
        self._tiles.close()
        if self._place is not None:
            self._place.close()
        if self._stop_listening is not None:
            self._stop_listening()

    def _takes_pictures(self) -> bool:
        return isinstance(self._session.inputs[0], Image) and self._session.inputs[0].alone

    def _draw(self) -> None:
        """The thumbnails, if there are others than those that are shown."""
        session, strip = self._session, self.strip
        count, source = len(session.inputs), session.given.inputs
        now = count, session.edition(None), session.facts.weights
        before, self._drawn = self._drawn, now
        if now == before:
            return
        if source.lazy or count > MANY:
            with strip.hold_sync():
                strip.thumbnails, strip.texts, strip.on_demand, strip.count = [], [], True, count
            if before:
                changed = {n for n, edition in session.editions.items() if edition != self._editions.get(n, 0)}
                strip.forget(sorted(changed), titles=now[2] != before[2])
        elif now[:2] != before[:2]:
            inputs = list(session.inputs)
            with strip.hold_sync():
                strip.thumbnails = [thumbnail(image) if (image := cover(x)) is not None else b"" for x in inputs]
                if isinstance(inputs[0], Text):
                    strip.texts = [x.text[:LETTERS] if isinstance(x, Text) else "" for x in inputs]
                strip.on_demand, strip.count = False, count
        self._editions = dict(session.editions)

    def _ask_scores(self) -> None:
        """Ask for the scores of all inputs if they are few, or if somebody sorts by them."""
        wanted = self._scored and (len(self._session.inputs) <= MANY or self.strip.sort == "score")
        if wanted and self._place is None:
            self._place = self._session.place(self._show_scores, method="class_scores")
        elif not wanted and self._place is not None:
            self._place.close()
            self._tell_stopped(self._latest)
            self._place = self._scores = self._latest = None

    # What is known of the inputs

    def _show_scores(self, place: Place, answer: Answer) -> None:
        self._latest, found = (place, answer), answer.explanation
        if found is not None and found.values is not self._scores:
            self._scores = found.values
            if not self.strip.on_demand:
                best = np.nan_to_num(self._scores, nan=-np.inf).argmax(1)
                known = ~np.isnan(self._scores).all(1)
                self.strip.titles = [
                    titled(self._session, number, int(target), float(row[target])) if yes else ""
                    for number, (target, row, yes) in enumerate(zip(best, self._scores, known, strict=True))
                ]
            self._sort()
        if self.strip.sort == "score":
            self._notice(answer)
        self._answered(place, answer)

    def _show_activity(self, place: Place, answer: Answer) -> None:
        before = self._activity[1].explanation if self._activity is not None else None
        self._activity = place, answer
        if before is None or answer.explanation is None or answer.explanation.values is not before.values:
            self._sort()
        if self.strip.sort == "activation":
            self._notice(answer)
        self._answered(place, answer)

    def _notice(self, answer: Answer) -> None:
        """Why the order is none of all inputs."""
        notice = ""
        if answer.state == "failed" and answer.error is not None:
            notice = words.sentence(answer.error)
        elif answer.state == "stopped":
            count = len(self._session.inputs)
            done = 0 if answer.explanation is None else round(answer.explanation.progress * count)
            notice = f"Stopped: {done:,} of {count:,} inputs were computed, the others stand at the end."
        self._say(notice)

    def _say(self, notice: str) -> None:
        """Say something of the order, or nothing any more; what is said of a file stays."""
        if notice or self.strip.notice == self._said:
            self.strip.notice = notice
        self._said = notice

    # In which order they stand

    def _sort_changed(self, _change: object) -> None:
        runner.later((self, "sort"), 0, self._sort_anew, owner=self._session)

    def _sort_anew(self) -> None:
        """In the worker: ask for what is sorted by, and no more for what is not."""
        wanted = self.strip.sort == "activation"
        if wanted and self._stop_listening is None:
            self._stop_listening = self._models.activity.listen(self._show_activity)
        elif not wanted and self._stop_listening is not None:
            self._stop_listening()
            if not self._models.activity.asked:
                self._tell_stopped(self._activity)
            self._stop_listening = self._activity = None
        self._ask_scores()
        if self.strip.sort == "given":
            self._say("")
        self._sort()

    def _tell_stopped(self, last: tuple[Place, Answer] | None) -> None:
        """What was still computed for the row is wanted no more."""
        if last is not None and last[1].state == "running":
            self._answered(last[0], dataclasses.replace(last[1], state="stopped"))

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
        explanation = self._activity[1].explanation if self._activity is not None else None
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
