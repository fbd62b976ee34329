"""The activity of a layer over all inputs, computed once for all panes that look at it."""

from __future__ import annotations

from collections.abc import Callable

from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session

Listener = Callable[[Place, Answer], None]


class Activity:
    """Asks for `channel_activity` of the chosen layer while somebody wants it.

    Listeners are called in the worker; who comes later is told the latest answer.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._listeners: list[tuple[Listener, bool]] = []  # and whether it is asked for their sake
        self._place: Place | None = None
        self._latest: tuple[Place, Answer] | None = None

    @property
    def asked(self) -> bool:
        """Whether somebody wants it."""
        return self._place is not None

    def listen(self, listener: Listener, *, ask: bool = True) -> Callable[[], None]:
        """Call `listener` with each answer; without `ask` only while somebody else asks. Returns what ends this."""
        entry = listener, ask
        self._listeners.append(entry)
        if ask and self._place is None:
            self._place = self._session.place(self._show, method="channel_activity")
        elif self._latest is not None:
            listener(*self._latest)
        return lambda: self._leave(entry)

    def _show(self, place: Place, answer: Answer) -> None:
        self._latest = place, answer
        for listener, _ in list(self._listeners):
            listener(place, answer)

    def _leave(self, entry: tuple[Listener, bool]) -> None:
        if entry in self._listeners:
            self._listeners.remove(entry)
        if not any(ask for _, ask in self._listeners) and self._place is not None:
            self._place.close()
            self._place = self._latest = None
