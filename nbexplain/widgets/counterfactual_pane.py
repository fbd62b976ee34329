"""Counterfactuals, and what may not change (twin of ``js/src/counterfactual_pane.ts``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from nbexplain.widgets.wire import Bundled

DIRECTIONS = ("fixed", "rising", "falling")


class CounterfactualPane(Bundled):
    """A list of counterfactuals: what changes, what comes of it, and a button that tries it.

    Each of ``rows`` holds

    - ``changes``, of a row of a table: the number of a column in ``names``, what the row holds and what it would hold;
    - ``parts``, of a text: its pieces, and whether they are left out;
    - ``outcome`` and ``score``, two texts.

    ``limits`` are pairs of a column's number and one of ``"fixed"``, ``"rising"``, ``"falling"``; the last two only for
    columns that are ``ordered``. ``crossed`` is the score that has to be crossed, None where another class is looked
    for; ``boundary`` the one that was asked for, or None, and ``most`` how many columns or words are changed at most.
    The browser writes both and the limits, and nothing is echoed.
    ``tried`` is a position in ``rows``, or -1; ``refusal`` says why none can be tried, or nothing. As long as nothing
    has ``begun``, a button begins it.

    ``on_find()`` and ``on_try(position)`` are called on the thread that delivers widget messages, and must not raise.
    """

    _bundle = "counterfactual_pane"

    title = traitlets.Unicode("Counterfactuals").tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    ordered = traitlets.List(traitlets.Bool()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    limits = traitlets.List(traitlets.List()).tag(sync=True, echo_update=False)
    crossed = traitlets.Float(None, allow_none=True).tag(sync=True)
    boundary = traitlets.Float(None, allow_none=True).tag(sync=True, echo_update=False)
    most = traitlets.Int(10, min=1, max=100).tag(sync=True, echo_update=False)
    tried = traitlets.Int(-1, min=-1).tag(sync=True)
    refusal = traitlets.Unicode("").tag(sync=True)
    begun = traitlets.Bool(False).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self.on_find: Callable[[], None] | None = None
        self.on_try: Callable[[int], None] | None = None
        super().__init__(**traits)
        self.on_msg(self._hear)

    @traitlets.validate("limits")
    def _check_limits(self, proposal: Any) -> list[Any]:
        limits: list[Any] = proposal["value"]
        for limit in limits:
            if len(limit) != 2 or limit[1] not in DIRECTIONS or limit[0] not in range(len(self.names)):
                known = ", ".join(map(repr, DIRECTIONS))
                raise traitlets.TraitError(
                    f"limits: expected [a number from 0 to {len(self.names) - 1}, one of {known}], got {limit!r}."
                )
        return limits

    def _hear(self, _widget: object, content: Any, _buffers: object) -> None:
        said = content if isinstance(content, dict) else {}
        if said.get("find") and self.on_find is not None:
            self.on_find()
        place = said.get("try")
        if isinstance(place, int) and 0 <= place < len(self.rows) and self.on_try is not None:
            self.on_try(place)
