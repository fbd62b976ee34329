"""About how many passes questions to the rows of a table take: what is told before the first picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbexplain.core.explanation import Target
from nbexplain.core.methods.prices import Price
from nbexplain.core.row_filter import ALL_ROWS, OF_THE_ROWS, RowFilter
from nbexplain.core.subject import Subject
from nbexplain.core.table.every_score import unscored
from nbexplain.core.table.matching import NoRows, matching
from nbexplain.inputs import Tabular


def of_rows(each: Callable[[Tabular, Mapping[str, Any]], int]) -> Price:
    """Of a method that is asked of many rows of a background, each of which takes so many passes."""

    def passes(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
        table = subject.input
        if not isinstance(table, Tabular) or table.background is None:
            return 0
        count, before = matches(subject, params.get("where", ALL_ROWS))
        return before + each(table, params) * min(int(params["rows"]), count)

    return passes


def of_scores(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
    """Of a method that looks at the score of each row that matches, or of so many `rows`."""
    table = subject.input
    if not isinstance(table, Tabular) or table.background is None or not unscored(subject):
        return 0
    count, before = matches(subject, params.get("where", ALL_ROWS))
    return before or min(int(params.get("rows", count)), count)


def matches(subject: Subject, where: RowFilter) -> tuple[int, int]:
    """How many rows of the background match at most, and how many passes it takes to find out which."""
    table = subject.input
    assert isinstance(table, Tabular)
    assert table.background is not None
    if any(name in OF_THE_ROWS and name != "label" for name, _ in where) and (passes := unscored(subject)):
        return len(table.background), passes
    try:
        return len(matching(subject, where)), 0
    except NoRows:
        return 0, 0  # which the method says
