"""AttributionExplorer: which places of the input speak for a class."""

from __future__ import annotations

from nbexplain.widgets.explorers.explorer import Explorer


class AttributionExplorer(Explorer):
    """Which places of the input speak for a class: choose method, class and layer. Parameters as for `Explorer`."""

    default_show = ("inputs", "map", "classes")
    default_controls = ("input", "part", "method", "target", "layer", "params")
