"""In which order the channels of a layer are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session

# what is asked for each order, and what the channels are then sorted by, largest first
_ASKED: dict[str, tuple[dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = {
    "activation": ({"method": "activation", "channel": None}, lambda flat: flat.mean(1)),
    "evidence": ({"method": "channel_evidence"}, lambda flat: flat[:, 0]),
    "sparsity": ({"method": "activation", "channel": None}, lambda flat: (flat == 0).mean(1)),
}
SORTS = ("number", *_ASKED)


@dataclass(frozen=True)
class Order:
    """The channels of a layer as they are shown, and what each (by its number) is sorted by; both empty by number."""

    channels: tuple[int, ...] = ()
    keys: tuple[float, ...] = ()


class ChannelOrder:
    """The order of the channels in one explorer, following layer, input and target.

    Parameters
    ----------
    answered
        Told of every answer, in the worker.
    """

    def __init__(self, session: Session, answered: Callable[[Place, Answer], None]) -> None:
        self._session = session
        self._answered = answered
        self._place: Place | None = None
        self._listeners: list[Callable[[Order], None]] = []
        self._sort = "number"
        self.order = Order()

    def on_order(self, listener: Callable[[Order], None]) -> None:
        """Call `listener` with each new order, in the worker."""
        self._listeners.append(listener)

    def sort(self, by: str) -> None:
        """Choose an order, one of `SORTS`."""
        if (old := self._place) is not None:
            self.close()
            gone = Answer(old.question(), "done")  # nothing is sorted by it any more
            runner.later((self, old), 0, lambda: self._answered(old, gone), owner=self._session)
        self._sort = by
        if by == "number":
            self._tell(Order())
        else:
            self._place = self._session.place(self._show, **_ASKED[by][0])

    def close(self) -> None:
        """Ask no more."""
        if self._place is not None:
            self._place.close()
            self._place = None

    def _show(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None and answer.state == "done":
            self._tell(_sorted(answer.explanation, _ASKED[self._sort][1]))
        elif answer.state == "failed":
            self._tell(Order())
        self._answered(place, answer)

    def _tell(self, order: Order) -> None:
        self.order = order
        for listener in self._listeners:
            listener(order)


def _sorted(explanation: Explanation, key_of: Callable[[np.ndarray], np.ndarray]) -> Order:
    values = explanation.values
    keys = key_of(values.reshape(len(values), -1).astype(np.float64))
    order = np.argsort(-np.nan_to_num(keys, nan=-np.inf), kind="stable")
    return Order(tuple(int(channel) for channel in order), tuple(float(key) for key in keys))
