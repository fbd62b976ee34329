"""The parts of an explorer: which panes there are, who fills them, and how they stand on the page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import ipywidgets

from nbexplain.core.question import Answer
from nbexplain.inputs import Volume
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets.ablation_view import AblationView
from nbexplain.widgets.activity_map import ActivityMap
from nbexplain.widgets.attribution_map import ClassScores
from nbexplain.widgets.cell_view import CellView
from nbexplain.widgets.channel_order import ChannelOrder
from nbexplain.widgets.counterfactual_pane import CounterfactualPane
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.inputs_row import InputsRow
from nbexplain.widgets.layer_channels import LayerChannels
from nbexplain.widgets.layout import board
from nbexplain.widgets.maps import map_of
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.row_table import RowTable

PANES = ("inputs", "map", "classes", "channel", "histogram", "grid", "activity", "cell", "ablation")
_OF_A_LAYER = {"channel", "histogram", "grid", "activity", "cell", "ablation"}


class Part(Protocol):
    """A few panes that belong together: those above the board, on it, and as wide as the page below it."""

    above: list[ipywidgets.Widget]
    panes: list[ipywidgets.Widget]
    wide: list[ipywidgets.Widget]

    def close(self) -> None:
        """Ask no more."""


def parts_of(
    session: Session, models: SessionModels, answered: Callable[[Place, Answer], None], shown: Collection[str]
) -> list[Part]:
    """The parts that hold the panes of `shown`. What cannot show anything for this model is left out."""
    scored = session.facts.sides == 2
    if session.selection.layer is None or session.facts.kind in ("text", "table"):
        shown = set(shown) - _OF_A_LAYER
    order = ChannelOrder(session, answered)
    sliced = isinstance(session.inputs[0], Volume) and {"map", "channel", "grid"} & set(shown)
    link = PaneLink() if sliced else None  # all show the same slice
    parts: list[Part] = []
    pictures: list[ImagePane] = []
    if "map" in shown:
        parts.append(attribution := map_of(session, models, answered, link))
        if isinstance(attribution.pane, ImagePane):
            pictures.append(attribution.pane)
    if "classes" in shown and session.facts.is_clear:
        parts.append(ClassScores(session, narrow=True))
    if {"grid", "channel", "histogram"} & set(shown):
        parts.append(channels := LayerChannels(session, models, answered, shown, order, link))
        pictures += [channels.picture] if channels.picture is not None else []
    if "inputs" in shown:
        strip = InputsRow(session, models, answered)
        parts.insert(0 if session.facts.kind == "text" else len(parts), strip)  # a text stands below its thumbnails
    if "activity" in shown:
        parts.append(ActivityMap(session, models, order, answered))
    if "cell" in shown:
        parts.append(CellView(session, pictures, answered))
    if "ablation" in shown and scored:
        parts.append(AblationView(session, answered))
    return parts


def needs(shown: Collection[str]) -> list[str]:
    """Which controls the panes look at, whatever the method does."""
    layered = bool(_OF_A_LAYER & set(shown))
    needed = {"layer": layered, "channel": layered, "target": "ablation" in shown}
    return [name for name, yes in needed.items() if yes]


def rows(parts: Sequence[Part], least: int = 0, equal: bool = False) -> list[ipywidgets.Widget]:
    """The panes as they stand below each other; `least` and `equal` as for `board`."""
    panes = [pane for part in parts for pane in part.panes]
    above = [pane for part in parts for pane in part.above]
    wide = [pane for part in parts for pane in part.wide]
    for pane in wide:
        if isinstance(
            pane, (ipywidgets.Box, RowTable, CounterfactualPane)
        ):  # as far from what is above it as panes are from each other
            pane.layout.margin = "8px 0 0 0"
    pictures = all(isinstance(pane, ImagePane) for pane in panes)
    return [*above, *([board(panes, equal=pictures or (equal and bool(least)), least=least)] if panes else []), *wide]
