"""The threshold that the curves and the confusion matrix share, in the page."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.controls import Shared


class Threshold(Shared):
    """From which score on a row is taken for the class; None: the class with the highest score.

    The browser writes it at every step of a hand, and all panes that refer to it redraw in the page; nothing is echoed.
    """

    value = traitlets.Float(None, allow_none=True).tag(sync=True, echo_update=False)
