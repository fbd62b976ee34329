"""What the filter bar offers for columns of times and of very many categories, and what a filter gets of it."""

from __future__ import annotations

import pandas as pd

from nbexplain import Tabular
from nbexplain.core.row_filter import RowFilter, Values
from nbexplain.widgets.views.filter_words import fields_of, filter_words

DAYS = pd.date_range("2024-01-01", periods=3)
FRAME = pd.DataFrame(
    {
        "day": DAYS,
        "at": DAYS + pd.Timedelta("5h"),
        "month": DAYS.to_period("M"),
        "span": pd.to_timedelta([1, 2, 3], unit="D"),
        "x": [1.0, 2.0, 3.5],
    }
)


def test_ends_of_times_are_written_as_such() -> None:
    fields = {field.key: field for field in fields_of(Tabular(FRAME.iloc[[0]], FRAME), ["y"], False)}
    assert {name: fields[name].shown()["time"] for name in FRAME} == {
        "day": "date",
        "at": "datetime",
        "month": "",
        "span": "",
        "x": "",
    }
    day, at = fields["day"], fields["at"]
    assert day.condition([19723, None]) == ("2024-01-01", None)
    assert at.condition([19723.25, 19724]) == ("2024-01-01T06:00:00", "2024-01-02")
    assert fields["span"].condition([1, 2]) == (1, 2)
    assert (fields["month"].kind, fields["month"].condition([0])) == ("some", Values.of(["2024-01"]))
    where = RowFilter.of({"day": (DAYS[0], None), "at": (None, "2024-01-02T06:00")})
    assert day.value(where.get("day")) == [19723, None]  # type: ignore[arg-type]
    assert at.value(where.get("at")) == [None, 19724.25]  # type: ignore[arg-type]
    assert filter_words(where, list(fields.values())) == [
        "at: at most 2024-01-02T06:00",
        "day: at least 2024-01-01T00:00:00",
    ]


def test_a_category_called_missing_stands_beside_what_is_missing():
    frame = pd.DataFrame({"name": ["missing", "x", None], "b": [1, 2, 3]})
    field = next(field for field in fields_of(Tabular(frame.iloc[[0]], frame), ["y"], False) if field.name == "name")
    assert field.options == ("missing", "x", "no value")
    assert filter_words(RowFilter.of({"name": {"missing"}}), [field]) == ["name: missing"]
    assert filter_words(RowFilter.of({"name": {"missing", None}}), [field]) == ["name: missing, no value"]


def test_of_very_many_categories_the_most_frequent_are_listed() -> None:
    names = [f"n{number:03d}" for number in range(500)] + ["n420", "n499", None]
    frame = pd.DataFrame({"name": names, "x": range(len(names))})
    field = next(field for field in fields_of(Tabular(frame.iloc[[0]], frame), ["y"], False) if field.name == "name")
    assert len(field.options) == 301
    assert field.options[-3:] == ("n420", "n499", "missing")
    assert field.condition([298, 300]) == Values.of(["n420", None])
    assert field.shown()["listed"] == "the 300 most frequent of 500"
    rare = RowFilter.of({"name": {"n498"}})
    assert field.value(rare.get("name")) == []  # type: ignore[arg-type]
    assert filter_words(rare, [field]) == ["name: n498"]
