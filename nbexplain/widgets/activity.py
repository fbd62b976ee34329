"""The activity of a layer over all inputs, computed once for all panes that look at it."""

from __future__ import annotations

from collections.abc import Callable

from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session

Listener = Callable[[Place, Answer], None]


class Activity:
    """Asks for `channel_activity` of the chosen layer while somebody listens.

    Listeners are called in the worker; who comes later is told the latest answer.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._listeners: list[Listener] = []
        self._place: Place | None = None
        self._latest: tuple[Place, Answer] | None = None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each answer. Returns what ends this."""
        self._listeners.append(listener)
        if self._place is None:
            self._place = self._session.place(self._show, method="channel_activity")
        elif self._latest is not None:
            listener(*self._latest)
        return lambda: self._leave(listener)

    def _show(self, place: Place, answer: Answer) -> None:
        self._latest = place, answer
        for listener in list(self._listeners):
            listener(place, answer)

    def _leave(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners and self._place is not None:
            self._place.close()
            self._place = self._latest = None
