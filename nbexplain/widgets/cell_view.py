"""One cell of a feature map: its receptive field in the picture, and what it adds up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.cell_arithmetic import CellArithmetic
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.wire import Array


class CellView:
    """The pane `"cell"`: arithmetic of the chosen cell; its receptive field is framed in the pictures beside it.

    Parameters
    ----------
    pictures
        The panes in which a cell can be picked and the field is framed.
    answered
        Told of every answer that came, in the worker. That a layer has no such arithmetic is said in the pane only.
    """

    def __init__(
        self, session: Session, pictures: Sequence[ImagePane], answered: Callable[[Place, Answer], None]
    ) -> None:
        self._session = session
        self._answered = answered
        self._pictures = pictures
        for pane in pictures:
            pane.pick = True
        self._numbers = Array()
        self._pane = CellArithmetic(numbers=self._numbers)
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = [self._pane]
        row = session.facts.layer(session.selection.layer)
        if session.selection.cell is None and row is not None:
            rows, columns = row.rows_and_columns
            session.select(cell=(rows // 2, columns // 2))
        self._places = [
            session.place(self._show_field, method="receptive_field"),
            session.place(self._show_arithmetic, method="cell_arithmetic"),
        ]

    def close(self) -> None:
        """Ask no more."""
        for place in self._places:
            place.close()
        close_tree(self._numbers, set())  # while the pane says why there are none, nobody else would

    def _show_field(self, _place: Place, answer: Answer) -> None:
        explanation = answer.explanation if answer.question.cell is not None else None
        frame: list[float] = []
        note = words.sentence(answer.error) if answer.error is not None else ""
        if explanation is not None:
            frame = [explanation.details[side] for side in ("left", "top", "right", "bottom")]
            note = _extent(explanation)
        for pane in self._pictures:
            with pane.hold_sync():
                pane.frame, pane.frame_note = frame, note

    def _show_arithmetic(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation if answer.question.cell is not None else None
        self._pane.notice = words.sentence(answer.error) if answer.error is not None else ""
        if answer.question.cell is None:
            self._pane.notice = "no cell is chosen: a click on a map chooses one"
        if explanation is None:
            self._pane.numbers = None
            return
        patch, kernel, inside = explanation.values
        row, column = explanation.cell or (0, 0)
        self._numbers.send(
            np.stack([patch, kernel]),
            title=f"{explanation.layer} · channel {explanation.channel} · cell {row}, {column}",
            key=repr(answer.question),
            bias=explanation.details["bias"],
            has_bias=bool(explanation.details["has a bias"]),
            activation=explanation.details["activation"],
            first_channel=int(explanation.details["first channel"]),
            padding=[[int(y), int(x)] for y, x in np.argwhere(inside[0] == 0)],
        )
        self._pane.numbers = self._numbers
        self._answered(place, answer)


def _extent(explanation: Explanation) -> str:
    """The size of a receptive field, and how far it reaches beyond the picture, in words."""
    height, width = explanation.values.shape
    left, top, right, bottom = (int(explanation.details[side]) for side in ("left", "top", "right", "bottom"))
    beyond = {"left": -left, "top": -top, "right": right - width, "bottom": bottom - height}
    said = ", ".join(f"{count} beyond the {side}" for side, count in beyond.items() if count > 0)
    size = f"receptive field {right - left} × {bottom - top} of {width} × {height} pixels"
    if explanation.details["cut"]:
        size += ", cut at the edge: how far it goes on is not known"
    return f"{size}: {said}" if said else size
