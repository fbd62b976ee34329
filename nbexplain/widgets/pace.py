"""Charts that are drawn no faster than the browser draws them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from nbexplain.core.memory import options
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.wire import Array

_LOST = 1.0  # seconds after which a picture that was not drawn (its page is gone) no longer holds up the next


class Pace:
    """Calls `draw` in the worker: at once, or as soon as the browser has drawn what the last call sent.

    A chart of bqplot is many messages, which a page takes longer to draw than the kernel to send: under a dragged
    slider they would pile up, and the charts would come to be far behind the hand. So the pictures between are left
    out; the newest is always drawn. An empty array that is sent after each tells when the page has come as far.
    """

    def __init__(self, session: Session, draw: Callable[[], None]) -> None:
        self._session, self._draw = session, draw
        self._array = Array()
        self._array.on_drawn = self._drawn
        self._waiting = False
        self._sent_at = 0.0

    def close(self) -> None:
        """Close the array."""
        close_tree(self._array, set())

    def draw_soon(self) -> None:
        """In the worker: there is something newer to draw."""
        self._waiting = True
        if patience := self._patience():
            runner.later((self, "draw"), patience, self._flush, owner=self._session)
        else:
            self._flush()

    def _patience(self) -> float:
        """Seconds for which the last picture may still be on its way; 0 if it is drawn, or lost."""
        shown = self._array.drawn > 0  # a page that never reported has not been displayed
        if options.run == "sync" or not shown or self._array.drawn >= self._array.frame:
            return 0
        return max(self._sent_at + _LOST - time.monotonic(), 0)

    def _drawn(self, _frame: int) -> None:
        """On the thread that delivers widget messages."""
        if self._waiting:
            runner.later((self, "draw"), 0, self._flush, owner=self._session)

    def _flush(self) -> None:
        if self._waiting:
            self._waiting = False
            self._draw()
            self._sent_at = time.monotonic()
            self._array.send(np.zeros(0, np.float32), report=True)
