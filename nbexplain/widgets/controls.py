"""The selection of a session, what is known of its model, and the toolbar (twin of ``js/src/controls.ts``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import traitlets

from nbexplain.widgets.status import StatusLine
from nbexplain.widgets.wire import Bundled, reference

COMMANDS = ("run", "stop", "more", "refresh")


class Shared(Bundled):
    """A model that panes read by reference; it needs no code and no view of its own in the browser."""

    _esm = "export default {}"
    _css = ""
    _view_name = traitlets.Unicode(None, allow_none=True).tag(sync=True)  # type: ignore[assignment]


class Controls(Shared):
    """The selection. The browser and user code write it; nothing else does, or a dragged slider would jump back.

    For the same reason the kernel echoes none of its traits: an echo of the last saved channel would undo the steps
    that the hand has made since. ``on_command`` is called with ``"run"``, ``"stop"``, ``"more"`` or ``"refresh"`` on
    the thread that delivers widget messages, and must not raise.
    """

    input = traitlets.Int(0).tag(sync=True, echo_update=False)
    part = traitlets.Unicode("").tag(sync=True, echo_update=False)  # "" where the model takes one input
    layer = traitlets.Unicode("").tag(sync=True, echo_update=False)
    channel = traitlets.Int(0).tag(sync=True, echo_update=False)
    cell = traitlets.List(traitlets.Int()).tag(sync=True, echo_update=False)  # [row, column], or [] for none
    target = traitlets.Int(0).tag(sync=True, echo_update=False)
    # of a map of scores, over what the class is explained: "predicted", "map" or a place "row,column"; "" for a mask
    over = traitlets.Unicode("").tag(sync=True, echo_update=False)
    method = traitlets.Unicode("").tag(sync=True, echo_update=False)
    params = traitlets.Dict().tag(sync=True, echo_update=False)  # {method key: {parameter: value}}

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_command: Callable[[str], None] | None = None
        self.on_msg(self._hear)

    def _hear(self, _widget: object, content: Any, _buffers: object) -> None:
        command = content.get("command") if isinstance(content, dict) else None
        if command in COMMANDS and self.on_command is not None:
            self.on_command(command)


def null_for_nan(scores: Sequence[float], _widget: object) -> list[float | None]:
    """Numbers as JSON that every browser reads."""
    return [score if math.isfinite(score) else None for score in scores]


class Facts(Shared):
    """What is known of the model. Only one kernel thread may write it."""

    layers = traitlets.List(traitlets.Dict()).tag(sync=True)  # {name, type, shape, channels, grid, gradient, reason}
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    scores = traitlets.List(traitlets.Float()).tag(sync=True, to_json=null_for_nan)
    score_name = traitlets.Unicode("logit").tag(sync=True)
    overs = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)  # [value, words] of what `over` may be
    methods = traitlets.List(traitlets.Dict()).tag(
        sync=True
    )  # {key, label, paper, needs, progressive, grid, reason, params}
    inputs = traitlets.Int(1).tag(sync=True)
    parts = traitlets.List(traitlets.Unicode()).tag(sync=True)  # of several inputs that the model takes, to explain


class Toolbar(Bundled):
    """A view of the selection as native, labelled inputs. One per explorer; all of a session show the same Controls."""

    _bundle = "controls"

    controls = reference(Controls)
    facts = reference(Facts)
    status = reference(StatusLine)
    show = traitlets.List(
        traitlets.Enum(["input", "part", "method", "target", "layer", "channel", "params"]),
        default_value=["input", "part", "method", "target", "layer", "channel", "params"],
    ).tag(sync=True)
    needs = traitlets.List(traitlets.Unicode()).tag(sync=True)  # what panes look at besides what the method does
    long = traitlets.Bool(False).tag(sync=True)  # whether panes ask methods of their own that take long
