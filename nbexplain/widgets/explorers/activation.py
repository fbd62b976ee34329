"""ActivationExplorer: what a layer answers to the input."""

from __future__ import annotations

from nbexplain.widgets.explorers.explorer import Explorer


class ActivationExplorer(Explorer):
    """What a layer answers to the input: choose layer and channel. Parameters as for `Explorer`."""

    default_show = ("inputs", "channel", "grid", "histogram")
    default_controls = ("input", "part", "layer", "channel")
