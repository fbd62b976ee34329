"""One labelled slider with a number box, and if wanted a list before it (twin of ``js/src/slider.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.wire import Bundled


class Slider(Bundled):
    """A whole number, chosen with a hand or typed; every input has a name for assistive technology.

    ``value`` and ``choice`` belong to the browser: it writes them at every step of a hand, and nothing is echoed, or a
    dragged slider would jump back. Kernel code should only set them as initial values or on the user's behalf. A value
    beyond ``low`` or ``high`` is shown at that end. ``disabled`` holds for the number, not for the list.
    """

    _bundle = "slider"

    label = traitlets.Unicode("").tag(sync=True)
    help = traitlets.Unicode("").tag(sync=True)
    value = traitlets.Int(0).tag(sync=True, echo_update=False)
    low = traitlets.Int(0).tag(sync=True)
    high = traitlets.Int(1).tag(sync=True)
    step = traitlets.Int(1, min=1).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)  # empty: no list
    choice = traitlets.Unicode("").tag(sync=True, echo_update=False)
