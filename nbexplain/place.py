"""Place: where a pane waits for the answers to its question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbexplain.core import registry
from nbexplain.core.question import PARTS, Answer, Question, Selection


class Place:
    """A pane's waiting place: the parts of the question that are its own, and where its answers go.

    Parts that are not given follow what `selection()` returns; `edition(input)` tells how often an input was replaced,
    or all of them together (None); `table(input)` whose background many rows are taken of, and how often that one was.
    `rest` is how many seconds a changed question waits for the next change.
    `show(place, answer)` is called in the worker only, or before the pane is first displayed; `leave(place)` when the
    pane asks no more.
    """

    def __init__(
        self,
        selection: Callable[[], Selection],
        edition: Callable[[int | None], int],
        table: Callable[[int], tuple[int | None, int]],
        show: Callable[[Place, Answer], None],
        leave: Callable[[Place], None],
        own: Mapping[str, Any],
        rest: float = 0.0,
    ) -> None:
        unknown = set(own) - set(PARTS) | {"part"} & set(own)
        if unknown:
            allowed = ", ".join(name for name in PARTS if name != "part")  # which all panes share
            raise TypeError(f"{unknown.pop()}: a question has the parts {allowed}")
        self._selection, self._edition, self._table = selection, edition, table
        self._show = show
        self._leave = leave
        self.own = dict(own)
        self.rest = rest
        self.asked: Question | None = None
        self.times_asked = 0
        self._closed = False

    def question(self) -> Question:
        """The question as it stands."""
        chosen = self._selection()
        part = {name: self.own.get(name, getattr(chosen, name)) for name in PARTS}
        method = registry.find(part["method"])
        params = self.own.get("params", chosen.params.get(method.key, {}))
        many = method.of_many_rows(params)
        if many and part["where"] and "where" in method.parameters:
            params = {"where": part["where"], **params}
        number = None if method.over_inputs else part["input"]
        edition = self._edition(number)
        if many and number is not None:
            number, edition = self._table(number)
        return Question(
            input=number,
            method=method.key,
            target=part["target"] if "target" in method.needs else None,
            layer=part["layer"] if "layer" in method.needs else None,
            channel=part["channel"] if "channel" in method.needs else None,
            cell=part["cell"] if "cell" in method.needs else None,
            params=tuple(sorted(params.items())),
            edition=edition,
        )

    def tell(self, answer: Answer) -> None:
        """Show an answer, or what became of the question so far."""
        if not self._closed:
            self._show(self, answer)

    def close(self) -> None:
        """Ask no more, and show nothing more."""
        self._closed = True
        self._leave(self)
