"""Rows beside the one that is explained: the nearest of the background, and another input column by column."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.dataset.nearness import differences
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import HUGE
from nbexplain.core.question import Answer
from nbexplain.core.row_filter import ALL_ROWS
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_column import is_missing
from nbexplain.inputs.table_same import as_row_of, same_table
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.feature_words import even
from nbexplain.widgets.layout import Notices
from nbexplain.widgets.right_classes import right_classes_of
from nbexplain.widgets.row_table import RowTable

_NEAREST = 6
_COLUMNS = 5  # that differ most, of each near row
_REST = 0.15  # seconds after the last move of a hand


class NearRows:
    """The pane `"nearest"`: rows of the background that are like the one explained, and their scores.

    Near is the mean over the columns of |difference| in standard deviations of the background, a category counting 1
    where it is another. Choosing a row explains that one.
    """

    def __init__(
        self, session: Session, answered: Callable[[Place, Answer], None], explain: Callable[[np.ndarray], None]
    ) -> None:
        self._session, self._answered, self._explain = session, answered, explain
        self.table = RowTable(title="Nearest rows of the background", corner="row")
        self._scores: np.ndarray | None = None
        self._scored: Tabular | None = None  # whose rows have these scores
        self._rows = np.empty(0, dtype=int)
        self._notices = Notices(self._say)
        self._why = self._few = ""  # there are no scores of what is asked now; not all columns are shown
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = [self.table]
        self.table.observe(self._choose, names=["chosen"])
        self._place = session.place(self._show_scores, method="row_scores", where=ALL_ROWS)
        self._endings = [session.on_facts(self._draw_soon), session.on_select(self._draw_soon)]
        self._draw_soon()

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()
        self._place.close()

    def _show_scores(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None:
            found, self._scored = answer.explanation, self._session.table_of(answer)
            assert self._scored.background is not None
            self._scores = np.full((len(self._scored.background), found.values.shape[1]), np.nan)
            self._scores[found.features] = found.values
            self._draw()
        self._notices.tell(place, answer, "scores")
        self._answered(place, answer)

    def _say(self, why: str) -> None:
        self._why = why
        self._write_note()

    def _write_note(self) -> None:
        self.table.note = " · ".join(filter(None, [self._why, self._few]))

    def _draw_soon(self) -> None:
        runner.later((self, "near"), _REST, self._draw, owner=self._session)

    def _draw(self) -> None:
        chosen = self._session.selection
        row = self._session.inputs[chosen.input]
        assert isinstance(row, Tabular)
        if row.background is None:
            self._rows, self.table.rows = np.empty(0, dtype=int), []
            return
        here = row.tensor[0].numpy()
        apart = differences(row, row.background)
        self._rows = np.argsort(apart.mean(1), kind="stable")[:_NEAREST]
        spread = np.nan_to_num(apart[self._rows]).mean(0)
        columns = np.argsort(-spread, kind="stable")[: min(_COLUMNS, len(spread))]
        named = isinstance(chosen.target, int) and chosen.target < len(self._session.classes)
        score = f"score of {words.target_name(chosen.target, self._session)}" if named else "score"
        score = score if len(self._session.classes) > 1 else self._session.facts.score_name
        # what differs before the label: a narrow page cuts off the last ones
        headings = ["distance", score, *(row.names[c] for c in columns), *(["label"] if row.labels is not None else [])]
        known = self._scored is not None and same_table(self._scored, row) and isinstance(chosen.target, int)
        right = right_classes_of(self._session, None if row.labels is None else row.labels[self._rows])
        of = [None] * len(self._rows) if right is None else right.tolist()
        rows = [self._cells(row, int(n), columns, apart, known, place) for n, place in zip(self._rows, of, strict=True)]
        own = self._session.facts.scores.get(chosen.input)
        cells = ["0", *([""] if own is None or not named else [score_text(float(own[0, chosen.target]))])]
        cells += [""] * (2 - len(cells)) + [row.columns[c].said(here[c]) for c in columns]
        cells += [""] if row.labels is not None else []
        with self.table.hold_sync():
            self.table.rows = []
            self.table.columns = headings
            self.table.rows = [{"label": "this row", "cells": cells, "tone": "strong"}, *rows]
            self.table.chosen = -1
            few = len(columns) < len(spread)
            self._few = f"The {len(columns)} of {len(spread):,} columns that differ most." if few else ""
            self._write_note()

    def _cells(
        self, row: Tabular, number: int, columns: np.ndarray, apart: np.ndarray, known: bool, right: int | None
    ) -> dict[str, object]:
        assert row.background is not None
        held, target = row.background[number], self._session.selection.target
        score = float(self._scores[number, target]) if known and self._scores is not None else float("nan")
        cells = [words.number(float(apart[number].mean())), score_text(score)]
        numbers: list[float | None] = [float(apart[number].mean()), score]
        marks = [len(cells) + place for place, c in enumerate(columns) if apart[number, c] > 1]
        cells += [row.columns[c].said(held[c]) for c in columns]
        numbers += [float(held[c]) for c in columns]
        if row.labels is not None:
            said, measured = self._label_of(row.labels[number], right)
            cells.append(said)
            numbers.append(measured)
        return {"label": f"row {number}", "cells": cells, "numbers": numbers, "marks": marks, "tone": ""}

    def _label_of(self, label: Any, right: int | None) -> tuple[str, float | None]:
        """A label as it is read, and the number that it is; `right` is its class, None where labels tell none."""
        if is_missing(label):
            return "no label", None
        if right is not None:
            return words.target_name(right, self._session), None
        number = isinstance(label, (Real, Decimal)) and not isinstance(label, (bool, np.bool_, np.timedelta64))
        if not number or self._session.facts.class_values is not None:  # a class that the model does not know
            return str(label), None
        return words.number(int(label)) if isinstance(label, Integral) else score_text(float(label)), float(label)

    def _choose(self, change: dict[str, int]) -> None:
        place = change["new"] - 1  # the first is the row itself
        if 0 <= place < len(self._rows):
            number = int(self._rows[place])
            row = self._session.inputs[self._session.selection.input]
            assert isinstance(row, Tabular)
            assert row.background is not None
            held = row.background[number]
            runner.later((self, "choose"), 0, lambda: self._explain(held), owner=self._session)


class TwoRows:
    """The pane `"compare"`: another input beside the one explained, column by column, with what each column weighs.

    If that other one is chosen, the one explained so far takes its place.
    """

    def __init__(self, session: Session, answered: Callable[[Place, Answer], None], other: int) -> None:
        self._session, self._answered, self._other = session, answered, other
        self._before = session.selection.input
        self.table = RowTable(title=f"Beside input {other}", corner="column", choosable=False)
        self.notices = Notices(self._say, brief=True)
        self._theirs: Explanation | None = None
        self._ours: Explanation | None = None
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = [self.table]
        self._place = session.place(self._show, input=other)
        self._end = session.on_select(self._follow)

    def close(self) -> None:
        """Ask no more."""
        self._end()
        self._place.close()

    def _follow(self) -> None:
        chosen = self._session.selection.input
        if chosen == self._other:
            self._other = self._place.own["input"] = self._before
            self._session.renew()
        self._before = chosen

    def _say(self, why: str) -> None:
        self.table.note = why

    def show_weights(self, explanation: Explanation) -> None:
        """In the worker: what the columns of the row explained weigh."""
        self._ours = explanation
        self._draw()

    def _show(self, place: Place, answer: Answer) -> None:
        if answer.explanation is not None and answer.question.input == self._other:
            self._theirs = answer.explanation
            self._draw()
        self.notices.tell(place, answer, f"input {self._other}")
        self._answered(place, answer)

    def _draw(self) -> None:
        chosen = self._session.selection
        if chosen.input == self._other:  # `_follow` is about to be told
            return
        here, there = self._session.inputs[chosen.input], self._session.inputs[self._other]
        assert isinstance(here, Tabular)
        assert isinstance(there, Tabular)
        ours, held = here.tensor[0].numpy(), there.tensor[0].numpy()
        unknown = np.full(len(ours), np.nan)
        weights = [
            unknown if e is None or e.values.shape != ours.shape else e.values for e in (self._ours, self._theirs)
        ]
        order = np.argsort(-np.nan_to_num(np.abs(weights[0] - weights[1])), kind="stable")
        theirs = as_row_of(here, there)
        apart = differences(here, theirs[None])[0]
        weights.append(weights[0] - weights[1])
        written = np.reshape(even(np.concatenate(weights).tolist()), (3, -1))
        headings = ["this row", f"input {self._other}", "attribution", f"of input {self._other}", "difference"]
        rows = []
        for place in order:
            column, numbers = here.columns[place], [ours[place], theirs[place], *(w[place] for w in weights)]
            cells = [column.said(ours[place]), there.columns[place].said(held[place])]
            cells += ["" if np.isnan(w[place]) else str(text[place]) for w, text in zip(weights, written)]
            marks = [0, 1] if apart[place] > 1 else []
            rows.append({"label": column.name, "cells": cells, "numbers": [float(n) for n in numbers], "marks": marks})
        with self.table.hold_sync():
            self.table.title = f"Beside input {self._other}"
            self.table.rows = []
            self.table.columns = headings
            self.table.rows = rows


def score_text(score: float) -> str:
    """With two places behind the point; a score that is not known yet is dots."""
    if abs(score) >= HUGE:
        return words.number(score)
    return "…" if np.isnan(score) else f"{score:.2f}".replace("-", "−")
