"""The parts of explorers of tables: of one row, and of the rows of its background."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from nbexplain.core.question import Answer
from nbexplain.inputs import Array, Tabular
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import rows_view
from nbexplain.widgets.attribution_map import ClassScores
from nbexplain.widgets.boundary_view import BoundaryView
from nbexplain.widgets.feature_map import CHARTS, FeatureMap
from nbexplain.widgets.groups_view import GroupsView
from nbexplain.widgets.importance_view import ImportanceView, has_importance
from nbexplain.widgets.interaction_view import InteractionView
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.near_rows import NearRows, TwoRows
from nbexplain.widgets.parts import Part
from nbexplain.widgets.row_view import RowView
from nbexplain.widgets.rows_view import RowsView
from nbexplain.widgets.views.column_link import follow_column
from nbexplain.widgets.views.counterfactual_view import CounterfactualView
from nbexplain.widgets.views.labelled_parts import labelled_parts
from nbexplain.widgets.views.partial_dependence_view import PartialDependenceView

ROW_PANES = ("editor", *CHARTS, "classes", "partial", "nearest", "counterfactual", "compare", "boundary")
OF_BACKGROUND = ("partial", "nearest", "counterfactual", "boundary")
LABELLED_PANES = ("filter", "confusion", "curves", "residuals")
SET_PANES = (*LABELLED_PANES, *rows_view.CHARTS, "partial", "permutation", "lime", "interaction", "groups")

Answered = Callable[[Place, Answer], None]


def check_table(x: Array, explorer: str) -> Tabular:
    """The row for an explorer of rows.

    Raises
    ------
    TypeError
        If it is another input; with the explorer that takes it.
    """
    if not isinstance(x, Tabular):
        raise TypeError(f"inputs: {explorer} shows rows of tables, got {type(x).__name__}; try explore(model, x)")
    return x


def what_lacks(session: Session) -> dict[str, str]:
    """What panes of one row need that is not there, by their names."""
    row = session.inputs[session.selection.input]
    assert isinstance(row, Tabular)
    found = {"compare": "two rows: give a list"} if len(session.inputs) < 2 else {}
    if row.background is None or len(row.background) < 2:
        found |= dict.fromkeys(OF_BACKGROUND, "a background of two rows or more: give Tabular(row, background=table)")
    elif len(row.columns) < 2:
        found["boundary"] = "two columns, and there is one"
    return found


def row_parts(
    session: Session, models: SessionModels, answered: Answered, shown: Collection[str], asked: bool = True
) -> list[Part]:
    """The parts that hold the panes of one row. What needs a background or a second row is left out without.

    What takes long waits for a button, unless its pane was `asked` for.
    """
    row, lacking = session.inputs[session.selection.input], what_lacks(session)
    assert isinstance(row, Tabular)
    scored = session.facts.one_per_class
    parts: list[Part] = []
    editor = RowView(session) if "editor" in shown else None
    move = editor.show_row if editor is not None else _replacing(session)
    values = FeatureMap(session, answered, shown) if set(CHARTS) & set(shown) else None
    if editor is not None:
        parts.append(editor)
        if values is not None:
            values.listen(editor.show_weights, editor.notices)
    if values is not None:
        parts.append(values)
    if "classes" in shown and scored:
        parts.append(ClassScores(session))
    shown = [name for name in shown if name not in lacking]
    if "compare" in shown:
        parts.append(two := TwoRows(session, answered, other=1 if session.selection.input == 0 else 0))
        if values is not None:
            values.listen(two.show_weights, two.notices)
    if "partial" in shown:
        parts.append(partial := PartialDependenceView(session, answered, own=True))
        if values is not None:
            values.listen(partial.follow_weights)
            values.share(partial.choose_column)
            follow_column(partial.column, values.mark, session)
    if "nearest" in shown:
        parts.append(NearRows(session, answered, move))
    if "counterfactual" in shown:
        parts.append(CounterfactualView(session, answered, move, at_once=asked))
    if "boundary" in shown:
        parts.append(BoundaryView(session, answered, move))
    return parts


def set_parts(session: Session, models: SessionModels, answered: Answered, shown: Collection[str]) -> list[Part]:
    """The parts that hold the panes of all rows of the background. What needs labels is left out without."""

    def explain(row: Tabular) -> None:
        session.replace(session.selection.input, row)

    parts: list[Part] = labelled_parts(session, answered, shown, explain)
    values = None
    choose: Callable[[int], None] | None = None  # the column of the charts of one column
    marks: list[Callable[[int], None]] = []
    column = None
    if {*rows_view.CHARTS, "groups"} & set(shown):
        parts.append(values := RowsView(session, answered, explain, shown))
        choose, column = values.choose_column, values.column if "dependence" in shown else None
        marks.append(values.mark)
    if "partial" in shown:
        parts.append(partial := PartialDependenceView(session, answered))
        choose, column = partial.choose_column, partial.column
        if values is not None:
            values.share(partial.column, partial.highlight)
    for name, method in (("permutation", "permutation_importance"), ("lime", "averaged_lime")):
        if name in shown:
            beside = "forest_importance" if name == "permutation" and has_importance(session) else ""
            parts.append(importance := ImportanceView(session, answered, method, beside, choose))
            marks.append(importance.mark)
    for mark in marks if column is not None else ():
        follow_column(column, mark, session)
    if "interaction" in shown:
        parts.append(InteractionView(session, answered, values.show_pair if values is not None else None))
    if "groups" in shown and values is not None:
        parts.append(groups := GroupsView(session, answered))
        values.listen(groups.show_values)
    return parts


def _replacing(session: Session) -> Callable[[np.ndarray], None]:
    """What lets another row be the one that is explained."""

    def explain(values: np.ndarray) -> None:
        number = session.selection.input
        row = session.inputs[number]
        assert isinstance(row, Tabular)
        session.replace(number, row.another([float(v) for v in values]))

    return explain
