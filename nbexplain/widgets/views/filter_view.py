"""Which rows all panes over rows look at: the filter bar."""

from __future__ import annotations

from typing import Any

import ipywidgets

from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.core.row_filter import ALL_ROWS, RowFilter
from nbexplain.core.table.matching import NoRows
from nbexplain.inputs import Tabular
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.panes.filter_bar import FilterBar
from nbexplain.widgets.views.filter_words import fields_of, filter_words, named


class FilterView:
    """The pane `"filter"`: conditions on the rows, and how many match, or why none does.

    Which rows match is nothing that an explorer's status line or code would tell of besides.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        table = session.inputs[session.selection.input]
        assert isinstance(table, Tabular)
        self._fields = fields_of(table, session.classes, session.facts.class_values is not None)
        self.bar = FilterBar(self._put, fields=[field.shown() for field in self._fields])
        self.above: list[ipywidgets.Widget] = [self.bar]
        self.panes: list[ipywidgets.Widget] = []
        self.wide: list[ipywidgets.Widget] = []
        self._counted = ""
        self._refused = ""  # what was typed that is no condition
        self._unmatched: tuple[RowFilter, str] | None = None  # the filter that no row matches, and the words for it
        self._end = session.on_select(self._chosen)
        self._place = session.place(self._show, method="matching_rows", input=session.selection.input)
        self._draw()

    def close(self) -> None:
        """Ask no more."""
        self._end()
        self._place.close()

    def _put(self, key: str, value: Any) -> None:
        """On the thread that delivers widget messages."""
        field = next((field for field in self._fields if field.key == key), None)
        where = self._session.selection.where
        try:
            change = None if field is None else field.condition(value)
            self._session.select(where=where.put({key: change}) if key else {})
            self._chosen()
        except (TypeError, ValueError, IndexError) as error:  # the browser has no cell to raise in
            self._refused = words.sentence(error)
            self._follow()

    def _chosen(self) -> None:
        self._refused = ""
        self._follow()

    def _follow(self) -> None:
        runner.later((self, "filter"), 0, self._draw, owner=self._session)

    def _show(self, place: Place, answer: Answer) -> None:
        explanation = answer.explanation
        if answer.error is not None:
            stay = "; the panes stay as they were" if self._counted else ""
            self._counted = "no rows"
            where = dict(answer.question.params).get("where", ALL_ROWS)  # by now another may be chosen
            self._unmatched = where, self._nothing(answer.error, where) + stay
            self._draw()
        elif explanation is not None:
            count, of = (int(explanation.details[name]) for name in ("rows", "of"))
            part = f"{count:,} of {of:,} rows" if of > 1 else counted(count, "row")
            self._counted = part if explanation.params["where"] else f"all {of:,} rows" if of > 1 else "1 row"
            self._unmatched = None
            self._draw()
        elif words.is_news(answer):
            why = words.notice(answer)
            self._counted = f"rows: {why}" if why else ""
            self._draw()

    def _nothing(self, error: Exception, where: RowFilter) -> str:
        """Why no row matches: the condition that none meets, or how many meet each alone."""
        if not isinstance(error, NoRows):
            return words.sentence(error)
        phrases = dict(zip((key for key, _ in where), filter_words(self._named(where), self._fields), strict=True))
        none = next((phrases[key] for key, count in error.counts.items() if not count), "")
        each = ", ".join(f"{phrases[key]} ({counted(count, 'row')})" for key, count in error.counts.items())
        return f"No row matches {none or f'all of these: {each}'}"

    def _named(self, where: RowFilter) -> RowFilter:
        """A filter with classes by their names."""
        values = self._session.facts.class_values
        return where if values is None else named(where, values, self._session.classes)

    def _draw(self) -> None:
        where = self._named(self._session.selection.where)
        phrases = filter_words(where, self._fields)
        by_key = {field.key: field for field in self._fields}
        shown = [
            {"key": key, "words": phrase, "value": by_key[key].value(condition) if key in by_key else None}
            for (key, condition), phrase in zip(where, phrases, strict=True)
        ]
        with self.bar.hold_sync():
            self.bar.conditions = shown
            self.bar.text = " · ".join([self._counted, *phrases] if self._counted else phrases)
            unmatched = self._unmatched is not None and self._unmatched[0] == self._session.selection.where
            self.bar.problem = self._refused or (self._unmatched[1] if self._unmatched and unmatched else "")
