"""Round times along an axis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nbexplain.inputs.table_times import time_ticks


def days(moment: str) -> float:
    return float(np.datetime64(moment, "s").astype(np.int64)) / 86_400


@pytest.mark.parametrize(
    ("what", "low", "high", "written"),
    [
        ("date", "2023-01-01", "2025-12-31", ["2023", "2024", "2025"]),
        ("date", "1890-01-01", "2024-01-01", ["1900", "1950", "2000"]),
        ("date", "2024-03-15", "2024-12-03", ["2024-04", "2024-07", "2024-10"]),
        ("date", "2024-01-15", "2024-02-20", ["2024-01-22", "2024-02-05", "2024-02-19"]),  # Mondays
        ("date", "2024-02-28", "2024-03-01", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("datetime", "2024-03-01T03:00", "2024-03-02T20:00", ["2024-03-01 12:00", "2024-03-02", "12:00"]),
        ("datetime UTC", "2024-03-01T10:00", "2024-03-01T13:00",
         ["2024-03-01 10:00 UTC", "11:00", "12:00", "13:00"]),
        ("datetime", "2024-03-01T03:00", "2024-03-01T03:00", ["2024-03-01 03:00"]),
    ],
)  # fmt: skip
def test_dates_are_round_and_written_as_short_as_tells_them_apart(what, low, high, written):
    ticks = time_ticks(what, days(low), days(high))
    assert [word for _, word in ticks] == written
    for place, word in ticks:
        assert days(low) <= place <= days(high)
        if len(word) in (4, 7, 10):
            assert place == days(word)


@pytest.mark.parametrize(
    ("what", "low", "high", "ticks"),
    [
        ("time", 0.1, 0.9, [(0.25, "06:00"), (0.5, "12:00"), (0.75, "18:00")]),
        ("duration", -2.0, 5.0, [(-2, "−2 d"), (0, "0 s"), (2, "2 d"), (4, "4 d")]),
        ("duration", 0.0, 0.4, [(0, "0 s"), (0.125, "3 h"), (0.25, "6 h"), (0.375, "9 h")]),
        ("duration", 0.0, 0.01 / 86_400, [(0, "0 s"), (0.005 / 86_400, "0.005 s"), (0.01 / 86_400, "0.01 s")]),
    ],
)
def test_spans_and_clocks(what, low, high, ticks):
    found = time_ticks(what, low, high)
    assert [word for _, word in found] == [word for _, word in ticks]
    np.testing.assert_allclose([at for at, _ in found], [at for at, _ in ticks], rtol=1e-12, atol=1e-15)


def test_periods_begin_with_the_year():
    pytest.importorskip("pandas")
    found = time_ticks("period M", 602.0, 650.0)
    assert found == [(612, "2021-01"), (624, "2022-01"), (636, "2023-01"), (648, "2024-01")]
    assert [word for _, word in time_ticks("period Y-DEC", -30.0, 54.0)] == ["1940", "1960", "1980", "2000", "2020"]


def test_words_keep_clear_of_each_other():
    low, high = days("2024-01-01"), days("2024-01-03")
    assert len(time_ticks("date", low, high, 40)) == 3
    few = time_ticks("date", low, high, 20)
    assert len(few) == 1
    assert len(time_ticks("date", low, high, math.inf, lambda _word: 1e9)) == 3
