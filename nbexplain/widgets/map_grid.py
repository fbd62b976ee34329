"""All channels of a layer as thumbnails to choose from (twin of ``js/src/map_grid.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.controls import Controls, null_for_nan
from nbexplain.widgets.image_pane import COLORMAPS
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.wire import Array, Bundled, reference

SORTS = ["number", "activation", "evidence", "sparsity"]


class MapGrid(Bundled):
    """Every channel of a ``(channel, y, x)`` array, or of a ``(channel, z, y, x)`` one a slice of each.

    A click or an arrow key chooses a channel in the shared selection. The slice is that of the panes of its ``link``,
    at first the one in the middle.

    The browser writes ``sort``, one of the ``sorts`` on offer; the kernel answers with ``order`` (the channels as they
    are to be shown, ``[]`` by number) and ``sort_keys`` (per channel, what they are sorted by). ``dead`` are the
    channels that are dead over all inputs, ``dead_note`` says so in words: "3 channels are dead over all 12 inputs".
    """

    _bundle = "map_grid"

    array = reference(Array)
    controls = reference(Controls)
    link = reference(PaneLink)  # whose slice is shown of a volume's channels
    title = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    sorts = traitlets.List(traitlets.Enum(SORTS), default_value=["number"]).tag(sync=True)
    order = traitlets.List(traitlets.Int()).tag(sync=True)
    sort_keys = traitlets.List(traitlets.Float()).tag(sync=True, to_json=null_for_nan)
    dead = traitlets.List(traitlets.Int()).tag(sync=True)
    dead_note = traitlets.Unicode("").tag(sync=True)

    limits = traitlets.Enum(["own", "shared"], default_value="own").tag(sync=True, echo_update=False)
    colormap = traitlets.Enum(COLORMAPS, default_value="auto").tag(sync=True, echo_update=False)
    sort = traitlets.Enum(SORTS, default_value="number").tag(sync=True, echo_update=False)
