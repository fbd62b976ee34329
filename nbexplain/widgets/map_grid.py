"""All channels of a layer as thumbnails to choose from (twin of ``js/src/map_grid.ts``)."""

from __future__ import annotations

import traitlets

from nbexplain.widgets.controls import Controls
from nbexplain.widgets.image_pane import COLORMAPS
from nbexplain.widgets.wire import Array, Bundled, reference


class MapGrid(Bundled):
    """Every channel of a ``(channel, y, x)`` array; a click or an arrow key chooses one in the shared selection."""

    _bundle = "map_grid"

    array = reference(Array)
    controls = reference(Controls)
    title = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    limits = traitlets.Enum(["own", "shared"], default_value="own").tag(sync=True, echo_update=False)
    colormap = traitlets.Enum(COLORMAPS, default_value="auto").tag(sync=True, echo_update=False)
