"""Rows chosen by times and decimals, counted by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbexplain import Tabular, explain
from nbexplain.core.row_filter import RowFilter
from nbexplain.widgets.views.filter_words import Field, fields_of, filter_words

DAYS = pd.date_range("2024-01-01", periods=5, freq="12h")  # the last at 2024-01-03


class Colour(Enum):
    RED = 1
    BLUE = 2


FRAME = pd.DataFrame(
    {
        "at": DAYS,
        "utc": DAYS.tz_localize("Europe/Berlin"),
        "day": [moment.date() for moment in DAYS],
        "span": pd.to_timedelta([1, 2, 3, 4, None], unit="h"),
        "month": pd.period_range("2024-01", periods=5, freq="M"),
        "clock": [dt.time(number, 30) for number in range(5)],
        "price": [Decimal(number) / 4 for number in range(5)],
        "kind": pd.Categorical([pd.Timestamp("2024-01-01"), pd.Timestamp("2024-05-01")] * 2 + [None]),
        "bin": pd.cut([18, 30, 41, 52, 70], [17, 40, 65, 80]),
        "colour": [Colour.RED, Colour.BLUE] * 2 + [Colour.RED],
        "ns": pd.to_datetime([1_704_067_200_123_456_789 + number for number in (0, 10**6, 10**9, 10**12, 10**15)]),
    }
)

CASES: list[tuple[Any, list[int]]] = [
    ({"at": (pd.Timestamp("2024-01-01 12:00"), pd.Timestamp("2024-01-02"))}, [1, 2]),
    ({"at": ("2024-01-02", None)}, [2, 3, 4]),
    ({"at": (None, dt.date(2024, 1, 1))}, [0]),
    ({"at": (np.datetime64("2024-01-02T12"), None)}, [3, 4]),
    ({"at": {dt.datetime(2024, 1, 1, 12)}}, [1]),
    ({"at": (19724.0, None)}, [2, 3, 4]),  # days since 1970
    ({"utc": (DAYS[1].tz_localize("Europe/Berlin"), None)}, [1, 2, 3, 4]),
    ({"utc": ("2024-01-01T11:00+00:00", "2024-01-02")}, [1, 2]),
    ({"utc": ("2024-01-01 12:00", "2024-01-01 23:59")}, [1]),
    ({"utc": {"2024-01-03"}}, [4]),
    ({"day": (dt.date(2024, 1, 2), dt.date(2024, 1, 2))}, [2, 3]),
    ({"day": {"2024-01-03"}}, [4]),
    ({"span": (pd.Timedelta("90min"), dt.timedelta(hours=3))}, [1, 2]),
    ({"span": {np.timedelta64(4, "h"), None}}, [3, 4]),
    ({"month": (pd.Period("2024-02", "M"), None)}, [1, 2, 3, 4]),
    ({"month": {"2024-03"}}, [2]),
    ({"clock": (dt.time(1), "02:30")}, [1, 2]),
    ({"price": (Decimal("0.25"), Decimal("0.5"))}, [1, 2]),
    ({"price": {Decimal("0.75")}}, [3]),
    ({"kind": pd.Timestamp("2024-05-01")}, [1, 3]),
    ({"ns": FRAME["ns"][1]}, [1]),
    ({"bin": {pd.Interval(40, 65), "(65, 80]"}}, [2, 3, 4]),
    ({"colour": Colour.BLUE}, [1, 3]),
]


@pytest.mark.parametrize(
    ("where", "right"), CASES, ids=[f"{n}-{'-'.join(where)}" for n, (where, _) in enumerate(CASES)]
)
def test_times_and_decimals(where: Any, right: list[int]) -> None:
    row = Tabular(FRAME.iloc[[0]], FRAME)
    found = explain(lambda rows: np.zeros(len(rows)), row, "matching_rows", where=where)
    assert found.features.tolist() == right
    assert RowFilter.of(eval(repr(RowFilter.of(where)))) == RowFilter.of(where)  # needs no import


def test_what_the_bar_chooses_is_what_a_filter_holds() -> None:
    fields = {field.key: field for field in fields_of(Tabular(FRAME.iloc[[0]], FRAME), (), False)}
    for key, value in (("bin", pd.Interval(40, 65)), ("colour", Colour.BLUE)):
        condition = RowFilter.of({key: value}).get(key)
        assert condition is not None
        (place,) = fields[key].value(condition)
        assert fields[key].options[place] == str(value)
        assert fields[key].condition([place]) == condition


def test_the_bar_tells_true_from_1() -> None:
    frame = pd.DataFrame({"o": pd.Series([1, "1", True, None] * 3, dtype=object), "z": range(12)})
    (field,) = (one for one in fields_of(Tabular(frame.iloc[[0]], frame), (), False) if one.key == "o")
    assert field.options == ("1", "'1'", "True", "missing")
    for chosen in ([0], [2], [0, 2], [0, 1, 2, 3]):
        where = RowFilter.of({"o": field.condition(chosen)})
        condition = where.get("o")
        assert condition is not None
        assert field.value(condition) == chosen
        assert filter_words(where, [field]) == [f"o: {', '.join(field.options[place] for place in chosen)}"]


def test_polars() -> None:
    frame = pl.DataFrame({"at": DAYS.to_numpy(), "price": [Decimal(number) / 4 for number in range(5)]})
    row = Tabular(frame[0], frame)
    where = {"at": (dt.datetime(2024, 1, 1, 12), None), "price": (None, Decimal("0.5"))}
    found = explain(lambda rows: np.zeros(len(rows)), row, "matching_rows", where=where)
    assert found.features.tolist() == [1, 2]


SUMMER = pd.date_range("2024-07-01", periods=48, freq="h", tz="America/New_York")
ZONES = {
    "pandas": pd.DataFrame({"ts": SUMMER}),
    "fixed": pd.DataFrame({"ts": SUMMER.tz_convert(dt.timezone(dt.timedelta(hours=-4)))}),
    "objects": pd.DataFrame({"ts": pd.Series(SUMMER.to_pydatetime(), dtype=object)}),
    "polars": pl.DataFrame({"ts": SUMMER.tz_localize(None).to_numpy()}).with_columns(
        pl.col("ts").dt.replace_time_zone("America/New_York")
    ),
}


@pytest.mark.parametrize("kind", ZONES)
def test_a_time_without_a_zone_is_one_of_the_columns_zone(kind: str) -> None:
    frame = ZONES[kind]
    row = Tabular(frame.iloc[[0]] if kind != "polars" else frame[0], frame)
    ends = ("2024-07-02 00:00", "2024-07-02 05:00")
    right = np.flatnonzero(pd.Series(SUMMER).between(*ends))
    assert right.tolist() == [24, 25, 26, 27, 28, 29]
    found = explain(lambda rows: np.zeros(len(rows)), row, "matching_rows", where={"ts": ends})
    assert found.features.tolist() == right.tolist()
    bar = Field("ts", "ts", "range", column=row.columns[0], ends=(0.0, 20000.0))
    written = bar.condition(bar.value(ends))
    assert written == ("2024-07-02T04:00:00+00:00", "2024-07-02T09:00:00+00:00")
    assert Tabular({"ts": "2024-07-02 05:00"}, frame).tensor.item() == row.background[29, 0]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"at": ("soon", None)}, r"where\['at'\]: expected a datetime, got 'soon'"),
        ({"at": ("2024-01-01T00:00+01:00", None)}, "it has a time zone"),
        ({"price": ("2024-01-01", None)}, r"where\['price'\]: expected a range of numbers, got '2024-01-01'"),
        ({"at": (pd.Timestamp("2024-05-01"), pd.Timestamp("2024-01-01"))}, "expected low ≤ high"),
    ],
)
def test_what_is_no_time(where: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explain(lambda rows: np.zeros(len(rows)), Tabular(FRAME.iloc[[0]], FRAME), "matching_rows", where=where)
