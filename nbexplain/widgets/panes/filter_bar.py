"""Which rows of a table are looked at: conditions to put and to take away (twin of ``js/src/filter_bar.ts``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from nbexplain.widgets.wire import Bundled


class FilterBar(Bundled):
    """A bar that says which rows are looked at, with a button for each condition and a form for another one.

    ``fields`` are what conditions may be put on, each ``{key, name, kind}``: ``"some"`` has ``options``, of which any
    number may match, ``"one"`` has ``options`` of which one may be chosen, ``"range"`` has ``low`` and ``high``, and
    ``time`` where these are days to be written as ``"date"``, ``"datetime"`` or ``"time"``.
    ``conditions`` are those that hold, each ``{key, words, value}`` with the ``value`` that its form shows: positions
    of options, or ``[low, high]`` with null for no end. All traits are written by the kernel; what a person does comes
    as a message, ``on_put(key, value)`` with null for a condition that is taken away, ``on_put("", null)`` for all.
    """

    _bundle = "filter_bar"

    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    conditions = traitlets.List(traitlets.Dict()).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)

    def __init__(self, on_put: Callable[[str, Any], None], **traits: Any) -> None:
        super().__init__(**traits)
        self._on_put = on_put
        self.on_msg(self._hear)

    def _hear(self, _widget: object, content: Any, _buffers: object) -> None:
        if isinstance(content, dict) and isinstance(content.get("put"), str):
            self._on_put(content["put"], content.get("value"))
