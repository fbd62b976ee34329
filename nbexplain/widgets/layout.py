"""How panes stand beside each other, and how they are closed with all that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

_GAP = "12px"


def card(widget: ipywidgets.Widget, *, grow: int = 1, least: int = 280) -> ipywidgets.Box:
    """One pane in a row: at least `least` pixels wide, growing in proportion to `grow`."""
    layout = ipywidgets.Layout(flex=f"{grow} 1 {least}px", min_width=f"{min(least, 260)}px", overflow="hidden")
    return ipywidgets.Box([widget], layout=layout)


def row(cards: Sequence[ipywidgets.Widget]) -> ipywidgets.Box:
    """Cards side by side; those that do not fit go below."""
    layout = ipywidgets.Layout(
        display="flex", flex_flow="row wrap", align_items="stretch", grid_gap=_GAP, width="100%", margin="6px 0 0 0"
    )
    return ipywidgets.Box(list(cards), layout=layout)


def close_tree(widget: ipywidgets.Widget, spared: set[ipywidgets.Widget]) -> None:
    """Close a widget and all that its synchronised traits refer to (children, layouts, marks, scales …)."""
    if widget in spared or widget.comm is None:
        return
    spared.add(widget)
    held: list[Any] = [getattr(widget, name) for name in widget.keys]  # noqa: SIM118  a list of names, not a dict
    widget.close()
    while held:
        value = held.pop()
        if isinstance(value, ipywidgets.Widget):
            close_tree(value, spared)
        elif isinstance(value, dict):
            held.extend(value.values())
        elif isinstance(value, (list, tuple)):
            held.extend(value)
