"""explore: the explorer that fits a model and its input."""

from __future__ import annotations

from typing import Any

from torch import nn

from nbexplain.session import Session
from nbexplain.widgets.explorers.explorer import Explorer


def explore(model: nn.Module | Session, inputs: Any = None, **options: Any) -> Explorer:
    """Show what a model does with an input: the attribution map, the class scores, and a layer's channels.

    Parameters
    ----------
    model, inputs, **options
        As for `Explorer`.

    Returns
    -------
    Explorer
        Panes that cannot show anything for this model (no named layer, no classes) are left out.
    """
    return Explorer(model, inputs, **options)
