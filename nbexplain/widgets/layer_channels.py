"""What a layer answers to the input: all its channels, one of them over the picture, and how its values are spread."""

from __future__ import annotations

from collections.abc import Callable, Collection

import ipywidgets

from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.charts import Histogram
from nbexplain.widgets.feed import Feed, about, as_picture
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.layout import close_tree, framed
from nbexplain.widgets.map_grid import MapGrid
from nbexplain.widgets.models import SessionModels
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
    ) -> None:
        self._session = session
        self._models = models
        self._answered = answered
        grid, detail = Array(), Array()
        self._grid_feed = Feed(grid, session, limit=_GRID_BYTES)
        self._detail_feed = Feed(detail, session)
        self._arrays = [grid, detail]
        self._grid_key = ""
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = []
        self._pane: ImagePane | None = None
        self._grid: MapGrid | None = None
        self._histogram: Histogram | None = None
        if "channel" in shown:
            self._pane = ImagePane(
                overlay=grid,
                detail=detail,
                picture=models.picture(session.selection.input),
                controls=models.controls,
                follow_channel=True,
            )
            self.panes.append(self._pane)
        if "grid" in shown:
            self._grid = MapGrid(array=grid, controls=models.controls)
            self.wide.append(self._grid)
        if "histogram" in shown:
            self._histogram = Histogram()
            self.panes.append(framed("Values of the channel", self._histogram.figure))
        self._places = [
            session.place(self._show_layer, method="activation", channel=None),
            session.place(self._show_channel, method="activation"),
        ]

    def close(self) -> None:
        for place in self._places:
            place.close()
        for array in self._arrays:  # with no pane that refers to them nobody else would
            close_tree(array, set())

    def _show_layer(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            self._grid_key = repr(answer.question)
            title = f"{explanation.layer}"
            self._grid_feed.show(as_picture(explanation), about(explanation, self._grid_key, title))
        notice = words.sentence(answer.error) if answer.error is not None else ""
        for pane in (self._pane, self._grid):
            if pane is not None:
                pane.notice = notice
        if self._pane is not None and answer.question.input is not None:
            self._pane.picture = self._models.picture(answer.question.input)
        self._answered(place, answer)

    def _show_channel(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if explanation is not None:
            values = as_picture(explanation)
            meta = about(explanation, repr(answer.question), f"{explanation.layer} · channel {explanation.channel}")
            self._detail_feed.show(values, {**meta, "of": self._grid_key})
            if self._histogram is not None:
                label = f"activation of channel {explanation.channel}"
                self._histogram.show(explanation.values, label)
