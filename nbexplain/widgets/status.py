"""One line that says what was computed, what runs, and what to distrust (twin of ``js/src/status.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.wire import Bundled


class StatusLine(Bundled):
    """The line under the panes. Only one kernel thread may write it."""

    _bundle = "status"

    text = traitlets.Unicode("").tag(sync=True)
    level = traitlets.Enum(["idle", "busy", "warning", "error"], default_value="idle").tag(sync=True)
    progress = traitlets.Float(-1.0).tag(sync=True)  # 0 … 1; below 0 there is no bar
    running = traitlets.Bool(False).tag(sync=True)
    warnings = traitlets.List(traitlets.Unicode()).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    traceback = traitlets.Unicode("").tag(sync=True)
