"""What a layer answers to the input: all its channels, one of them over the picture, and how its values are spread."""

from __future__ import annotations

from collections.abc import Callable, Collection

import ipywidgets

from nbexplain.core.dataset.channels import dead_channels
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.channel_order import SORTS, ChannelOrder, Order
from nbexplain.widgets.charts.bars import Histogram
from nbexplain.widgets.feed import Feed, about, as_picture
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.inputs_row import MANY
from nbexplain.widgets.layout import close_tree, framed
from nbexplain.widgets.map_grid import MapGrid
from nbexplain.widgets.models import SessionModels, interpolation
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.wire import Array

_GRID_BYTES = 512 * 1024


class LayerChannels:
    """The panes `"channel"`, `"grid"` and `"histogram"`, following the selection.

    All channels go to the browser once a layer, so that the channel slider never waits for the kernel; the chosen
    channel follows in full precision, with its histogram.
    """

    def __init__(
        self,
        session: Session,
        models: SessionModels,
        answered: Callable[[Place, Answer], None],
        shown: Collection[str],
        order: ChannelOrder,
        link: PaneLink | None = None,
    ) -> None:
        self._session = session
        self._models = models
        self._answered = answered
        self._order = order
        grid, detail = Array(), Array()
        self._grid_feed = Feed(grid, session, limit=_GRID_BYTES)
        self._detail_feed = Feed(detail, session)
        self._arrays = [grid, detail]
        self._grid_key = ""
        self._dead_of: str | None = None  # the layer whose dead channels the grid marks
        self._endings: list[Callable[[], None]] = []
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = []
        self._pane: ImagePane | None = None
        self._grid: MapGrid | None = None
        self._histogram: Histogram | None = None
        if "channel" in shown:
            self._pane = ImagePane(
                overlay=grid,
                detail=detail,
                controls=models.controls,
                follow_channel=True,
                link=link,
                interpolation=interpolation(session.inputs[session.selection.input]),
            )
            models.show_picture(self._pane, session.selection.input)
            self.panes.append(self._pane)
        if "grid" in shown:
            self._grid = MapGrid(array=grid, controls=models.controls, link=link, sorts=list(SORTS))
            self._grid.observe(lambda change: order.sort(change["new"]), names=["sort"])
            order.on_order(self._sort)
            self.wide.append(self._grid)
            if len(session.inputs) > 1 or "inputs" in shown:
                few = len(session.inputs) <= MANY  # of many inputs it is asked for only where somebody wants it
                self._endings.append(models.activity.listen(self._mark_dead, ask=few))
        if "histogram" in shown:
            self._histogram = Histogram()
            self.panes.append(framed("Values of the channel", self._histogram.figure))
        self._places = [
            session.place(self._show_layer, method="activation", channel=None),
            session.place(self._show_channel, method="activation"),
        ]

    @property
    def picture(self) -> ImagePane | None:
        """The pane of the chosen channel, if it is shown."""
        return self._pane

    def close(self) -> None:
        """Ask no more."""
        self._order.close()
        for end in self._endings:
            end()
        for place in self._places:
            place.close()
        for array in self._arrays:  # with no pane that refers to them nobody else would
            close_tree(array, set())

    def _show_layer(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            self._grid_key = repr(answer.question)
            self._forget_dead(explanation.layer)
            title = f"{explanation.layer}"
            self._grid_feed.show(as_picture(explanation), about(explanation, self._grid_key, title))
        notice = words.sentence(answer.error) if answer.error is not None else ""
        for pane in (self._pane, self._grid):
            if pane is not None:
                pane.notice = notice
        if self._pane is not None and answer.question.input is not None:
            self._models.show_picture(self._pane, answer.question.input)
        self._answered(place, answer)

    def _sort(self, order: Order) -> None:
        if self._grid is not None:
            with self._grid.hold_sync():
                self._grid.order, self._grid.sort_keys = list(order.channels), list(order.keys)

    def _mark_dead(self, place: Place, answer: Answer) -> None:
        """What no single input shows: channels that say the same of all of them."""
        explanation = answer.explanation
        if self._grid is None or explanation is None or explanation.progress < 1:
            return
        dead = dead_channels(explanation.values)
        are = "channel is" if len(dead) == 1 else "channels are"
        self._dead_of = explanation.layer
        with self._grid.hold_sync():
            self._grid.dead = dead
            count = explanation.values.shape[1]
            self._grid.dead_note = f"{len(dead)} {are} dead over all {count} inputs" if dead else ""

    def _forget_dead(self, layer: str | None) -> None:
        if self._grid is not None and self._dead_of not in (None, layer):
            self._dead_of = None
            with self._grid.hold_sync():
                self._grid.dead, self._grid.dead_note = [], ""

    def _show_channel(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            values = as_picture(explanation)
            meta = about(explanation, repr(answer.question), f"{explanation.layer} · channel {explanation.channel}")
            self._detail_feed.show(values, {**meta, "of": self._grid_key})
            if self._histogram is not None:
                label = f"activation of channel {explanation.channel}"
                self._histogram.show(explanation.values, label)
