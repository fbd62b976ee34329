"""Is the model fair to both? Importance and scores of the rows, group by group of a chosen column."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np

from nbexplain.core.dataset.by_group import Importance, by_group, groups_of
from nbexplain.core.dataset.row_scores import scores_by_group
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted, with_error
from nbexplain.core.question import Answer
from nbexplain.inputs import Tabular
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.feature_bars_chart import FeatureBars
from nbexplain.widgets.layout import Notices, framed, say_why, title_of
from nbexplain.widgets.right_classes import right_classes_of
from nbexplain.widgets.row_table import RowTable

_TOP = 8
_MOST_GROUPS = 200  # in the table
_COLUMNS = ("rows", "mean score", "chosen", "accuracy")
_ROUNDING = 1e-9  # of the largest value: what is less is none
_NO_ERROR = "A mean over 1 row has no standard error."
_APART = 3.0  # standard errors: with tens of columns two would be seen by chance


class GroupsView:
    """The pane `"groups"`: mean |SHAP| in the two largest groups, and what the model says of each group."""

    def __init__(self, session: Session, answered: Callable[[Place, Answer], None]) -> None:
        self._session, self._answered = session, answered
        number = session.selection.input
        table = session.inputs[number]
        assert isinstance(table, Tabular)
        self._table = table  # whose rows are grouped
        options = [(name, place) for place, name in enumerate(self._table.names)]
        self._column = ipywidgets.Dropdown(description="Groups by", options=options, value=_first_grouping(self._table))
        self._bars = FeatureBars()
        self._scores_table = RowTable(title="Scores by group", corner="group", choosable=False)
        self._differences = RowTable(corner="column", choosable=False)
        self._differences.layout.display = "none"  # until there are any
        chart = ipywidgets.VBox([self._column, self._bars.figure], layout=ipywidgets.Layout(flex="1 1 auto"))
        self._frame = framed("Importance by group", chart)
        self._values: Explanation | None = None
        self._scores: Explanation | None = None
        self._notices = Notices(self._say_of_scores)
        self._why = ""  # there are no scores of what is asked now
        self._groups: tuple[int, np.ndarray] | None = None
        self._left_out = ""  # of groups that the table has no room for, and of those of one row
        self._partial = ""  # the SHAP values are none of what is asked now, or of few rows
        self._read = ""  # how the differences are to be read
        self.above: list[ipywidgets.Widget] = []
        tables = ipywidgets.VBox([self._scores_table, self._differences])
        for name in ("nbx-two-columns", "nbx-stack"):
            tables.add_class(name)
        self.panes: list[ipywidgets.Widget] = [self._frame, tables]
        self.wide: list[ipywidgets.Widget] = []
        self._column.observe(
            lambda _change: runner.later((self, "groups"), 0, self._draw, owner=session), names=["value"]
        )
        self._place = session.place(self._show_scores, method="row_scores", input=number)

    def close(self) -> None:
        """Ask no more."""
        self._place.close()

    def show_values(self, answer: Answer) -> None:
        """In the worker: the SHAP values of the rows, or why there are none."""
        say_why(self._frame, answer)
        if words.is_news(answer):
            self._partial = words.remark(answer)
        if answer.explanation is not None:
            self._values = answer.explanation
            self._draw()
        self._write_notes()

    def _show_scores(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            self._scores, table = answer.explanation, self._session.table_of(answer)
            if table is not self._table:
                self._table, self._groups = table, None
            self._draw()
        self._notices.tell(place, answer)
        self._answered(place, answer)

    def _say_of_scores(self, why: str) -> None:
        self._why = why
        self._write_notes()

    def _write_notes(self) -> None:
        self._scores_table.note = " · ".join(filter(None, [self._why, self._left_out]))
        self._differences.note = " · ".join(filter(None, [self._partial, self._read]))

    def _draw(self) -> None:
        table = self._table
        column = int(self._column.value)
        if self._groups is None or self._groups[0] != column:
            self._groups = column, groups_of(table, column)
        groups, name = self._groups[1], table.names[column]
        if self._values is not None:
            found = by_group(self._values, groups)
            largest = sorted(found, key=lambda group: -found[group].count)[:2]
            if largest:
                first, *rest = largest
                beside = (str(rest[0]), found[rest[0]].values) if rest else None
                said = f"{first} and {rest[0]}" if rest else f"{first}"
                title_of(self._frame).value = f"By {name}: {said}"
                self._bars.show(
                    table.names,
                    found[first].values,
                    found[first].errors,
                    top=_TOP,
                    signed=False,
                    quantity="mean |SHAP value|",
                    series=str(first),
                    beside=beside,
                    beside_errors=found[rest[0]].errors if rest else None,
                )
                self._compare(name, {str(group): found[group] for group in largest})
        target = self._session.selection.target
        if self._scores is not None and isinstance(target, int):
            right = right_classes_of(self._session, table.labels)
            # a model of one score has no class to choose: without labels of classes nothing is right or wrong
            told = 2 if len(self._session.classes) < 2 else 3 if right is None else 4
            rows = []
            scores = scores_by_group(self._scores, groups, target, right)
            kept = sorted(sorted(scores, key=lambda group: -scores[group].count)[:_MOST_GROUPS])
            for group, said_of in ((group, scores[group]) for group in kept):
                numbers = [float(said_of.count), said_of.score, said_of.chosen]
                numbers.append(float("nan") if said_of.accuracy is None else said_of.accuracy)
                cells = [
                    f"{said_of.count:,}",
                    with_error(said_of.score, said_of.score_error),
                    f"{said_of.chosen:.1%} ± {said_of.chosen_error:.1%}",
                    "" if said_of.accuracy is None else f"{said_of.accuracy:.1%} ± {said_of.accuracy_error:.1%}",
                ]
                rows.append({"label": str(group), "cells": cells[:told], "numbers": numbers[:told]})
            of_shares = " (of shares: Wilson)" if told > _COLUMNS.index("chosen") else ""
            self._scores_table.title = f"What the model says by {name}, with standard errors{of_shares}"
            self._scores_table.rows = []  # rows are checked against the columns
            self._scores_table.columns = list(_COLUMNS[:told])
            self._scores_table.rows = rows
            notes = [f"The {len(kept)} largest of {len(scores):,} groups."] * (len(kept) < len(scores))
            notes += [_NO_ERROR] * any(scores[group].count == 1 for group in kept)
            self._left_out = " ".join(notes)
        self._write_notes()

    def _compare(self, name: str, found: dict[str, Importance]) -> None:
        """What counts in each of the groups, and how far two of them differ, the largest difference first."""
        table, groups = self._table, list(found.values())
        assert isinstance(table, Tabular)
        values, errors = [group.values for group in groups], [group.errors for group in groups]
        two = len(groups) == 2
        if two:
            values.append(values[0] - values[1])
            errors.append(np.hypot(*errors))
        nothing = _ROUNDING * max(float(np.nanmax(each, initial=0.0)) for each in values)
        values, errors = ([np.where(np.abs(each) < nothing, 0.0, each) for each in those] for those in (values, errors))
        shown = self._differences
        shown.layout.display = None
        shown.rows = []
        shown.title = f"What counts by {name}: mean |SHAP value|, with standard errors"
        counts = (f"{name} ({counted(group.count, 'row')})" for name, group in found.items())
        shown.columns = [*counts, *["difference"] * two]
        shown.rows = [
            {
                "label": table.names[place],
                "cells": [with_error(v[place], e[place]) for v, e in zip(values, errors)],
                "numbers": [float(v[place]) for v in values],
                "marks": [2] if two and abs(values[2][place]) > _APART * errors[2][place] else [],
            }
            for place in np.argsort(-np.abs(values[-1]), kind="stable").tolist()
        ]
        alone = any(group.count == 1 for group in groups)
        self._read = _NO_ERROR if alone else f"Bold: more than {_APART:g} standard errors apart." if two else ""


def _first_grouping(table: Tabular) -> int:
    """A category, where there is one: groups that people have names for."""
    return next((place for place, column in enumerate(table.columns) if column.categories), 0)
