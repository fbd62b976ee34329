"""Which input excites which channel of a layer: a heat map, inputs × channels."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from nbexplain.core.dataset.channels import dead_channels
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets.activity_chart import ActivityChart
from nbexplain.widgets.channel_order import ChannelOrder, Order
from nbexplain.widgets.layout import framed
from nbexplain.widgets.models import SessionModels

_REST = 0.05  # seconds: the marks follow the channel slider, but after what the hand looks at


class ActivityMap:
    """The pane `"activity"`, following the selection; a click chooses input and channel.

    Parameters
    ----------
    order
        In which order the channels stand.
    answered
        Told of every answer, in the worker.
    """

    def __init__(
        self,
        session: Session,
        models: SessionModels,
        order: ChannelOrder,
        answered: Callable[[Place, Answer], None],
    ) -> None:
        self._session = session
        self._order = order
        self._answered = answered
        self._shown: Answer | None = None
        self._chart = ActivityChart(lambda number, channel: session.select(input=number, channel=channel))
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = [
            framed("Mean activation of all channels, for all inputs", self._chart.widget)
        ]
        order.on_order(self._reorder)
        self._endings = [models.activity.listen(self._show), session.on_select(self._mark_soon)]

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()

    def _show(self, place: Place, answer: Answer) -> None:
        self._shown = answer
        self._draw(self._order.order)
        self._answered(place, answer)

    def _reorder(self, order: Order) -> None:
        self._draw(order)

    def _draw(self, order: Order) -> None:
        explanation = self._shown.explanation if self._shown is not None else None
        if explanation is None or explanation.layer is None:
            return
        mean = explanation.values[0]
        fits = len(order.channels) == mean.shape[1]  # an order of another layer is on its way out
        self._chart.show(
            mean,
            order=order.channels if fits else range(mean.shape[1]),
            quantity="mean activation",
            layer=explanation.layer,
            progress=explanation.progress,
            dead=dead_channels(explanation.values) if explanation.progress >= 1 else [],
        )
        self._mark()

    def _mark_soon(self) -> None:
        runner.later((self, "mark"), _REST, self._mark, owner=self._session)

    def _mark(self) -> None:
        chosen = self._session.selection
        self._chart.mark(chosen.input, chosen.channel)
