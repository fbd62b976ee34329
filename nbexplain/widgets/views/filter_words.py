"""What a filter of rows may look at, and what it says, in the words of the filter bar."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.row_filter import Condition, RowFilter, Values, column_key, column_name
from nbexplain.core.table.matching import class_places, days_in
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_column import Column, as_written, told_apart
from nbexplain.inputs.table_masker import needed
from nbexplain.inputs.table_times import time_written
from nbexplain.session import Session
from nbexplain.widgets.row_view import frequent

SHARES = (0.5, 0.25, 0.1, 0.05, 0.01)  # of rows with the largest |residual|
_MOST_PERIODS = 200  # to choose some of
_RIGHT = ("right", "wrong")


@dataclass(frozen=True)
class Field:
    """Something that a condition can be put on.

    Attributes
    ----------
    key, name
        What the filter calls it, and what the bar does.
    kind
        `"some"` of the options, `"one"` of them, or a `"range"`.
    options, values
        Words, and what each of them stands for in a filter.
    ends
        (low, high) of what there is.
    column
        Of a range of times.
    listed
        Which of very many values the options are.
    """

    key: str
    name: str
    kind: str
    options: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    ends: tuple[float, float] = (0.0, 0.0)
    column: Column | None = None
    listed: str = ""

    def shown(self) -> dict[str, Any]:
        """As the bar gets it."""
        low, high = self.ends
        return {
            "key": self.key,
            "name": self.name,
            "kind": self.kind,
            "options": list(self.options),
            "low": low,
            "high": high,
            "time": self._time,
            "listed": self.listed,
        }

    @property
    def _time(self) -> str:
        """What the browser writes the ends as: `"date"`, `"datetime"`, `"time"`, or a number."""
        what = "" if self.column is None else self.column.time.removesuffix(" UTC")
        whole = all(end == round(end) for end in self.ends)
        return "date" if what == "datetime" and whole else what if what in ("date", "datetime", "time") else ""

    def condition(self, value: Any) -> Any:
        """What a filter gets for what the bar sent; None where it takes the condition away."""
        if value is None or value in ([], [None, None]):
            return None
        if self.kind == "range":
            low, high = value
            if low is not None and high is not None and low > high:
                raise ValueError(f"{self.name}: expected low ≤ high")
            low, high = (None if end is None else self._end(float(end)) for end in value)
            return low, high
        chosen = [self.values[place] for place in (value if isinstance(value, list) else [value])]
        return chosen[0] if self.kind == "one" else Values.of(chosen)

    def _end(self, number: float) -> float | str:
        return number if self.column is None else time_written(self.column.time, number)

    def value(self, condition: Condition) -> Any:
        """What the form in the bar shows of a condition; None where it cannot."""
        if self.kind == "range":
            if not isinstance(condition, tuple) or self.column is None:
                return list(condition) if isinstance(condition, tuple) else None
            return [None if end is None else days_in(self.column, end, self.name) for end in condition]
        if self.kind == "one":
            return self.values.index(condition) if condition in self.values else None
        if not isinstance(condition, Values):
            return None
        return [place for place, value in enumerate(self.values) if value in condition]


def fields_of_outcomes(table: Tabular, classes: Sequence[str], has_classes: bool) -> list[Field]:
    """What a filter may look at of what the model makes of the rows."""
    found = []
    if has_classes:
        found.append(Field("predicted", "predicted class", "some", tuple(classes), tuple(classes)))
        if table.labels is not None:
            found.append(Field("label", "label", "some", tuple(classes), tuple(classes)))
            found.append(Field("error", "error", "one", _RIGHT, (False, True)))
    elif table.labels is not None:
        options = tuple(f"largest {share:.0%}" for share in SHARES)
        found.append(Field("error", "|residual|", "one", options, SHARES))
        found += [Field(key, key, "range") for key in ("residual", "label")]
    if not has_classes:
        found.append(Field("predicted", "prediction", "range"))
    return found


def fields_of(table: Tabular, classes: Sequence[str], has_classes: bool) -> list[Field]:
    """What a filter may look at: what the model makes of the rows first, then the columns."""
    found = fields_of_outcomes(table, classes, has_classes)
    for place, column in enumerate(table.columns):
        values = needed(table)[:, place]
        key = column_key(column.name)
        if column.categories:
            known, count = values[np.isfinite(values)], len(column.categories)
            chosen = frequent(known, count)
            listed = f"the {len(chosen)} most frequent of {count:,}" if len(chosen) < count else ""
            missing = len(known) < len(values)
            options = (*map(column.said, chosen), *[column.said(np.nan)] * missing)
            held = (*(as_written(column.categories[place]) for place in chosen), *[None] * missing)
            found.append(Field(key, column.name, "some", options, held, listed=listed))
        else:
            known = values[np.isfinite(values)]
            ends = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
            each = np.unique(known) if column.time.startswith("period") else ()
            if 0 < len(each) <= _MOST_PERIODS:
                names = tuple(column.said(value) for value in each)
                found.append(Field(key, column.name, "some", names, names))
            else:
                found.append(Field(key, column.name, "range", ends=ends, column=column if column.time else None))
    return found


def condition_words(key: str, condition: Condition, field: Field | None) -> str:
    """`age: 30 to 50`, `error: wrong`."""
    name = column_name(key) if field is None else field.name
    if isinstance(condition, tuple):
        low, high = (end if end is None or isinstance(end, str) else _end_said(end) for end in condition)
        if low is not None and high is not None:
            return f"{name}: {low} to {high}"
        return f"{name}: at most {high}" if low is None else f"{name}: at least {low}"
    if field is not None and condition in field.values:
        return f"{name}: {field.options[field.values.index(condition)]}"
    if isinstance(condition, Values):
        values = field.values if field is not None else ()
        order = {told_apart(value): place for place, value in enumerate(values)}
        told = sorted(condition, key=lambda value: (order.get(told_apart(value), len(order)), str(value)))
        words = {} if field is None else dict(zip(map(told_apart, field.values), field.options))
        said = (words.get(told_apart(value), "missing" if value is None else str(value)) for value in told)
        return f"{name}: {', '.join(said)}"
    return f"{name}: {condition}"


def _end_said(end: float) -> str:
    """An end of a range as it was given: cut to three digits it might read as the other end."""
    return f"{end:,.10g}".replace("-", "−")


def filter_words(where: RowFilter, fields: Sequence[Field]) -> list[str]:
    """A phrase for each condition."""
    by_key = {field.key: field for field in fields}
    return [condition_words(key, condition, by_key.get(key)) for key, condition in where]


def in_words(sentences: Collection[str], where: RowFilter, session: Session) -> list[str]:
    """Sentences that write a filter as code does, with the words of the filter bar in its place."""
    code, table, values = repr(where), session.inputs[session.selection.input], session.facts.class_values
    if not isinstance(table, Tabular) or not any(code in sentence for sentence in sentences):
        return list(sentences)
    fields = fields_of(table, session.classes, values is not None)
    phrases = filter_words(where if values is None else named(where, values, session.classes), fields)
    return [sentence.replace(code, " and ".join(phrases)) for sentence in sentences]


def named(where: RowFilter, values: Sequence[Any], classes: Sequence[str]) -> RowFilter:
    """The same filter, with classes by their names wherever their labels were given."""
    changes: dict[str, Any] = {}
    for key in ("predicted", "label"):
        condition = where.get(key)
        if isinstance(condition, Values):
            places = class_places(key, condition, values, classes)
            changes[key] = {None if place < 0 else classes[place] for place in places.tolist()}
    return where.put(changes)
