"""Where the model changes its mind: the score over a plane through the row, which can be dragged."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.called import values_called
from nbexplain.core.dataset.plane import Plane, axes_of, components_of, plane_of
from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer
from nbexplain.core.table.grid import are_whole, category_names
from nbexplain.core.table.labels import class_numbers
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_column import is_missing, names_of, told_apart
from nbexplain.inputs.table_masker import needed
from nbexplain.inputs.table_same import same_table
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.boundary_chart import BoundaryChart
from nbexplain.widgets.class_points import MOST_APART
from nbexplain.widgets.layout import board, framed, put_away, say_why, title_of

_KINDS = ("two columns", "two components", "three components")
_LEAST = (0, 2, 3)  # components that each of them needs
_NO_COLUMNS = "Right and Up choose columns, and this plane runs along components"
_REST = 0.15  # seconds after the last move of a hand
_MOST_POINTS = 400  # of the background in the picture


class BoundaryView:
    """The pane `"boundary"`: one plane along two columns or two components, or the three planes of three components.

    `move(row)` is called with the row (F,) where the mark was dragged to.
    """

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        move: Callable[[np.ndarray], None],
    ) -> None:
        self._session, self._answered, self._move = session, answered, move
        row = session.inputs[session.selection.input]
        assert isinstance(row, Tabular)
        names = list(row.names)
        self._kind = ipywidgets.Dropdown(description="Plane", options=_KINDS[:1])
        right, up = _varying(row)
        self._x = ipywidgets.Dropdown(description="Right", options=names, value=names[right])
        self._y = ipywidgets.Dropdown(description="Up", options=names, value=names[up])
        self._slices: list[_Slice] = []
        self._why = ipywidgets.Label("")
        self._why.add_class("nbx-note")
        controls = ipywidgets.HBox(
            [self._kind, self._x, self._y, self._why],
            layout=ipywidgets.Layout(flex_flow="row wrap", display=None if len(names) > 2 else "none"),
        )
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self._charts = [
            BoundaryChart(partial(self._dragged, number), on_drop=partial(self._dropped, number))
            for number in range(3 if len(names) > 2 else 1)
        ]
        self._frames = [framed("Decision boundary", chart.figure) for chart in self._charts]
        self.wide: list[ipywidgets.Widget] = [controls, board(self._frames) if len(names) > 2 else self._frames[0]]
        self._offer()
        self._kind.observe(self._changed, names=["value"])
        for control, other in ((self._x, self._y), (self._y, self._x)):
            control.observe(partial(self._chosen, other), names=["value"])
        self._end = session.on_facts(self._offer)
        self._ask()

    def close(self) -> None:
        """Ask no more."""
        self._end()
        for one in self._slices:
            one.close()

    def _offer(self) -> None:
        """In the worker: offer the planes that there are, and say why there are no others."""
        row = self._session.inputs[self._session.selection.input]
        assert isinstance(row, Tabular)
        count, why = 0, ""
        if len(row.columns) > 2:
            try:
                count = components_of(row)
                why = "" if count > 1 else "No components: they take two numbers that vary, and categories are none"
            except ValueError as error:
                why = words.sentence(error)
        chosen = self._kind.value
        kinds = tuple(kind for kind, least in zip(_KINDS, _LEAST, strict=True) if least <= count or kind == chosen)
        if self._kind.options != kinds:
            with self._kind.hold_trait_notifications():
                self._kind.options, self._kind.value = kinds, chosen
        along = chosen != _KINDS[0]
        self._kind.disabled = len(kinds) < 2
        self._x.disabled = self._y.disabled = along
        self._kind.tooltip = self._why.value = why
        self._x.tooltip = self._y.tooltip = _NO_COLUMNS if along else ""
        if along:
            self._why.value = why or _NO_COLUMNS

    def _chosen(self, other: ipywidgets.Dropdown, change: Any) -> None:
        """The column of the other axis: the two change places."""
        if change["new"] == other.value:
            other.value = change["old"]
        self._changed(change)

    def _changed(self, _change: object) -> None:
        runner.later((self, "plane"), 0, self._ask, owner=self._session)

    def _ask(self) -> None:
        kind = self._kind.value
        pairs = {
            "two columns": [(self._x.value, self._y.value)],
            "two components": [(0, 1)],
            "three components": [(0, 1), (0, 2), (1, 2)],
        }[kind]
        self._offer()
        for one in self._slices:
            one.close()
            one.tell_gone()
        plane = "columns" if kind == "two columns" else "components"
        for number, frame in enumerate(self._frames):  # all are made at first: in the worker no widget can be
            put_away(frame, number >= len(pairs))
        self._slices = [
            _Slice(self._session, self._answered, chart, frame, {"plane": plane, "horizontal": x, "vertical": y})
            for (x, y), chart, frame in zip(pairs, self._charts, self._frames, strict=False)
        ]

    def _dragged(self, number: int, x: float, y: float) -> None:
        """On the thread that delivers widget messages."""
        if number < len(self._slices) and self._slices[number].plane is not None:
            self._move(self._slices[number].row_at(x, y))

    def _dropped(self, number: int) -> None:
        """The mark goes where the row is: on a whole number, or on a category."""
        runner.later((self, "drop", number), 0, lambda: self._settle(number), owner=self._session)

    def _settle(self, number: int) -> None:
        if number < len(self._slices):
            self._slices[number].follow()


class _Slice:
    """One plane and its picture."""

    def __init__(
        self,
        session: Session,
        answered: Callable[[Place, Answer], None],
        chart: BoundaryChart,
        frame: ipywidgets.Widget,
        params: dict[str, Any],
    ) -> None:
        self._session, self._answered = session, answered
        self._chart, self._frame, self._params = chart, frame, params
        self.plane: Plane | None = None
        self._table: Tabular | None = None  # that of the plane
        self._place = session.place(self._show, rest=_REST, method="boundary", params=params)
        self._end = session.on_facts(self.follow)

    def close(self) -> None:
        self._end()
        self._place.close()

    def tell_gone(self) -> None:
        """Tell that what it showed is on the page no more."""
        self._answered(self._place, Answer(self._place.question(), "done"))

    def row_at(self, x: float, y: float) -> np.ndarray:
        """The row (F,) at a place of the plane through the row as it is now, whatever the picture was taken of.

        Along a column of whole numbers, or of whole days, it steps from one to the next, as the editor's slider does.
        """
        table = self._session.inputs[self._session.selection.input]
        assert isinstance(table, Tabular)
        plane = plane_of(table, **self._params)
        row = plane.point(x, y)
        if self._params["plane"] == "columns":
            held = np.vstack([needed(table), table.tensor.numpy()])
            for place in np.flatnonzero(plane.directions.any(0)):
                row[place] = np.rint(row[place]) if are_whole(held[:, place]) else row[place]
        return row

    def follow(self) -> None:
        """In the worker: the mark goes along with the row, the picture waits until the hand rests."""
        plane, table = self.plane, self._session.inputs[self._session.selection.input]
        assert isinstance(table, Tabular)
        if plane is not None and self._table is not None and same_table(table, self._table):
            x, y = plane.place(table.tensor.numpy())[0]
            self._chart.move_row(float(x), float(y))

    def _show(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        say_why(self._frame, answer)
        if explanation is not None:
            table = self._session.table_of(answer)
            plane = plane_of(table, **self._params)
            row = plane.place(table.tensor.numpy())[0]
            shown = self._table is not None and same_table(self._table, table) and self._is_as_shown(plane)
            if shown and explanation.progress < 1:
                self._chart.move_row(*row)  # dragged within the plane: what is there is finer than what comes first
            else:
                self._draw(table, plane, explanation, row)
            self.plane, self._table = plane, table
        self._answered(place, answer)

    def _is_as_shown(self, plane: Plane) -> bool:
        shown = self.plane
        return shown is not None and bool(
            np.allclose(shown.origin, plane.origin, equal_nan=True)
            and np.allclose(shown.directions, plane.directions)
            and np.allclose([shown.low, shown.high], [plane.low, plane.high])
        )

    def _draw(self, table: Tabular, plane: Plane, explanation: Explanation, row: np.ndarray) -> None:
        assert table.background is not None
        seen = np.random.default_rng(0).permutation(len(table.background))[:_MOST_POINTS]
        classes, names = _classes_of(table, seen, explanation.target, self._session)
        across, upwards = (~np.isfinite(plane.place(table.background))).sum(0).tolist()
        target = words.target_name(explanation.target, self._session)
        title_of(self._frame).value = f"{'Slice' if plane.is_slice else 'Decision boundary'} · {target}"
        about = explanation.details
        note = ""
        if plane.is_slice:
            note = f"A slice that holds {plane.held:.0%} of the background's variance; points beside it are projected"
        self._chart.show(
            explanation.values,
            (about["x_low"], about["x_high"]),
            (about["y_low"], about["y_high"]),
            *plane.names,
            plane.place(table.background[seen]),
            classes,
            names,
            (float(row[0]), float(row[1])),
            note,
            about["boundary"],
            explanation.quantity,
            plane.times,
            (_names_along(table, plane, 0), _names_along(table, plane, 1)),
            (across, upwards),
        )


def _names_along(table: Tabular, plane: Plane, axis: int) -> tuple[str, ...]:
    """What the categories of an axis are called; nothing of numbers."""
    return category_names(table.columns[table.names.index(plane.names[axis])]) if plane.categories[axis] else ()


def _classes_of(table: Tabular, seen: np.ndarray, target: Any, session: Session) -> tuple[np.ndarray, list[str]]:
    """The class of each point by its label, and the names; one class where labels tell none.

    That of the target is the second, as red as the side where its score is high.
    """
    facts = session.facts
    if table.labels is None or (facts.class_values is None and facts.score_name == "prediction"):  # a regression
        return np.zeros(len(seen), dtype=int), ["background"]
    names, values = list(session.classes), facts.class_values
    try:
        of = class_numbers(table.labels[seen], values_called(names) if values is None else values, names)
    except ValueError:  # labels that are no classes of the model
        of, names = _by_label(table.labels[seen])
        if len(names) > MOST_APART:
            return np.zeros(len(seen), dtype=int), ["background"]
        target = None
    if (of < 0).any():
        of, names = np.where(of < 0, len(names), of), [*names, "no label"]
    if isinstance(target, int) and len(names) > 1:
        names[1], names[target] = names[target], names[1]
        of = np.where(of == target, 1, np.where(of == 1, target, of))
    return of, names


def _by_label(labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The place of each of the labels (N,) among the different ones, −1 for a missing one, and their names."""
    different = {told_apart(label): label for label in labels if not is_missing(label)}
    try:
        known = sorted(different)
    except TypeError:  # of several kinds
        known = sorted(different, key=str)
    places = {key: place for place, key in enumerate(known)}
    of = np.array([-1 if is_missing(label) else places[told_apart(label)] for label in labels], dtype=int)
    return of, names_of(different[key] for key in known)


def _varying(row: Tabular) -> tuple[int, int]:
    """The first two columns that can be axes; of a table with less of them the first ones."""
    places = axes_of(row)
    return (places[0], places[1]) if len(places) > 1 else (0, min(1, len(row.columns) - 1))
