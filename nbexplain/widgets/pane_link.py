"""What panes that stand side by side have in common (twin of ``js/src/pane_link.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.wire import Bundled


class PaneLink(Bundled):
    """Zoom, pointer and, if wanted, colour limits of the image panes whose ``link`` it is; all within the browser.

    Its view is the choice of the colour limits. With ``"shared"`` the maps of one quantity have the colours of the
    range of all of them; a map of another quantity keeps its own.
    """

    _bundle = "pane_link"

    limits = traitlets.Enum(["own", "shared"], default_value="own").tag(sync=True, echo_update=False)
