"""What the row of many inputs shows of each, made for those that somebody looks at."""

from __future__ import annotations

import time
import weakref
from typing import Any

from nbexplain.core.memory import STORE, options
from nbexplain.inputs import Text
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.input_strip import InputStrip, thumbnail
from nbexplain.widgets.volume_slices import cover

LETTERS = 60  # of a text that stand on its thumbnail
_SHORT, _LONG = 0.03, 0.1  # seconds that a step should take: a question may come at any moment
_MOST_VIEWS = 8


class InputTiles:
    """Thumbnails and predicted classes of the inputs that the browser asks for, a few at a time.

    They are made in the worker while no question waits, and sent as they come. What cannot be read says why.

    Parameters
    ----------
    session
        Whose inputs they are.
    strip
        Where they are shown.
    scored
        Whether the model gives one score per class, so that the highest can be named.
    """

    def __init__(self, session: Session, strip: InputStrip, *, scored: bool) -> None:
        self._session, self._strip, self._scored = session, strip, scored
        self._pictures: dict[str, list[int]] = {}  # what is asked for, by view
        self._titles: dict[str, list[int]] = {}
        self._steps = {"pictures": 4, "titles": 1}  # how many at a time
        self._key = object()
        self._end = weakref.finalize(self, STORE.drop_owner, self._key)
        strip.on_want = self.want

    def want(self, view: str, pictures: list[int], titles: list[int]) -> None:
        """Take over what a view shows now, the most important first; what it wanted before is forgotten."""
        count = len(self._session.inputs)
        for wanted, numbers in ((self._pictures, pictures), (self._titles, titles)):
            wanted.pop(view, None)
            wanted[view] = [number for number in numbers if 0 <= number < count]
            while len(wanted) > _MOST_VIEWS:
                wanted.pop(next(iter(wanted)))
        self._soon()

    def close(self) -> None:
        """Make no more."""
        self._strip.on_want = None
        self._pictures.clear()
        self._titles.clear()
        self._end()

    def _soon(self) -> None:
        if options.run == "sync":
            while self._step():
                pass
        else:
            runner.later((self, "tiles"), 0, self._go_on, owner=self._session, idle=True)

    def _go_on(self) -> None:
        if self._step():
            self._soon()

    def _step(self) -> bool:
        """In the worker: the next few thumbnails, or else the next few titles. False if there is nothing to do."""
        for kind, wanted, make in (
            ("pictures", self._pictures, self._send_pictures),
            ("titles", self._titles, self._send_titles),
        ):
            numbers = _taken(wanted, self._steps[kind])
            if not numbers:
                continue
            started = time.monotonic()
            make(numbers)
            spent = time.monotonic() - started
            if spent < _SHORT:
                self._steps[kind] = min(2 * self._steps[kind], 16)
            elif spent > _LONG:
                self._steps[kind] = max(self._steps[kind] // 2, 1)
            return True
        return False

    def _send_pictures(self, numbers: list[int]) -> None:
        tiles: list[dict[str, Any]] = []
        buffers: list[bytes] = []
        for number in numbers:
            tile: dict[str, Any] = {"input": number, "picture": False}
            try:
                given = self._session.inputs[number] if (found := self._kept(number)) is None else None
                if (image := cover(given)) is not None:
                    found = thumbnail(image)
                    STORE.put(self._key_of(number), found, len(found))
                elif isinstance(given, Text):
                    tile["text"] = given.text[:LETTERS]
            except Exception as error:  # a file or a transform of the user's; the others are shown all the same
                tile["problem"] = words.sentence(error)
                found = None
            if found is not None:
                tile["picture"] = True
                buffers.append(found)
            tiles.append(tile)
        self._strip.send({"tiles": tiles}, buffers=buffers)

    def _send_titles(self, numbers: list[int]) -> None:
        self._strip.send({"tiles": [{"input": number, **self._title(number)} for number in numbers]})

    def _title(self, number: int) -> dict[str, str]:
        if not self._scored:
            return {"title": label_of(self._session, number, None).strip()}
        try:
            target, score = self._session.best([number])[number]
        except Exception as error:  # whatever the model raises on this one
            return {"problem": words.sentence(error)}
        return {"title": titled(self._session, number, target, score)}

    def _kept(self, number: int) -> bytes | None:
        found: bytes | None = STORE.get(self._key_of(number))
        return found

    def _key_of(self, number: int) -> tuple[object, int, int]:
        return self._key, number, self._session.edition(number)


def titled(session: Session, number: int, target: int, score: float) -> str:
    """The predicted class with its score, and the data set's label where that is another one."""
    return words.score_of(session, target, score) + label_of(session, number, target)


def label_of(session: Session, number: int, target: int | None) -> str:
    """The data set's label in brackets, unless it is the predicted class."""
    label = session.given.inputs.label(number)
    return "" if label is None or label == target else f" (label: {words.target_name(label, session)})"


def _taken(wanted: dict[str, list[int]], most: int) -> list[int]:
    """Take up to so many numbers out, of the view that asked last."""
    for view in reversed(list(wanted)):
        numbers = wanted[view]
        if numbers:
            wanted[view] = numbers[most:]
            return numbers[:most]
    return []
