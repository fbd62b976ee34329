"""The confusion matrix (twin of ``js/src/confusion_pane.ts``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from nbexplain.widgets.panes.threshold import Threshold
from nbexplain.widgets.wire import Array, Bundled, reference


class ConfusionPane(Bundled):
    """Counts and shares of each label's rows, label by predicted class; a click on a cell chooses its rows.

    ``names`` are the classes, ``cuts`` the same cut to less and less room, of which the page takes the longest that
    fit; ``counts`` are the rows (label, predicted) one line after another; ``others`` says how many
    classes the last of the names stands for, 0 if it is one of its own. ``chosen`` is the position of the cell whose
    rows are looked at, or -1. ``figures`` are figures of merit in words. Of two classes ``curve`` holds what
    ``CurvePane`` has, from which the page counts again at another ``threshold``. All are written by the kernel;
    ``on_choose(position)`` is called on the thread that delivers widget messages.
    """

    _bundle = "confusion_pane"

    title = traitlets.Unicode("").tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    cuts = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    others = traitlets.Int(0, min=0).tag(sync=True)
    chosen = traitlets.Int(-1, min=-1).tag(sync=True)
    figures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    curve = reference(Array)
    threshold = reference(Threshold)

    def __init__(self, on_choose: Callable[[int], None], **traits: Any) -> None:
        super().__init__(**traits)
        self._on_choose = on_choose
        self.on_msg(self._hear)

    def _hear(self, _widget: object, content: Any, _buffers: object) -> None:
        place = content.get("choose") if isinstance(content, dict) else None
        if isinstance(place, int) and 0 <= place < len(self.counts):
            self._on_choose(place)
