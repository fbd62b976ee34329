"""Times of a zone whose clocks change: what a model gets is what was given, and no time that never was."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import torch

from nbexplain import Subject, Tabular, explain

BERLIN = ZoneInfo("Europe/Berlin")
NEVER, AFTER = (datetime(2024, 3, 31, hour, 30, tzinfo=BERLIN) for hour in (2, 3))  # the same instant
SUMMER, WINTER = (datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1))  # equal to Python
EAST, WEST = (datetime(2024, 5, 1, h, tzinfo=timezone(timedelta(hours=h - 10))) for h in (12, 11))  # the same instant
OTHERS = [datetime(2024, 6, day, 12, tzinfo=BERLIN) for day in (1, 2, 3)]


def frame(times: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(len(times)) * 1.0, "t": times})


def first(rows: pd.DataFrame) -> np.ndarray:
    return rows["x"].to_numpy(float)


def told(table: Tabular, rows: np.ndarray) -> list[Any]:
    """The times in what a model gets of rows."""
    got: list[pd.DataFrame] = []
    Subject(lambda x: (got.append(x), first(x))[1], table).evaluate(torch.from_numpy(table.placed(rows)))
    return [made for made in got if len(made) == len(rows)][-1]["t"].tolist()  # some are asked alone as well


def written(times: list[Any]) -> list[tuple[str, int]]:
    return [(time.isoformat(), time.fold) for time in times]


@pytest.mark.parametrize("pair", [(NEVER, AFTER), (AFTER, NEVER), (SUMMER, WINTER), (WINTER, SUMMER), (EAST, WEST)])
def test_objects_come_back_as_they_were_though_they_are_equal(pair: tuple[datetime, datetime]) -> None:
    for kind in (datetime, pd.Timestamp):
        times = [*pair, *OTHERS] if kind is datetime else [pd.Timestamp(one) for one in (*pair, *OTHERS)]
        given = frame(pd.Series(times, dtype=object))
        for place in (0, 1):
            table = Tabular(given.iloc[[place]], given)
            assert written(told(table, table.background)) == written(times)
            assert written(told(table, table.tensor.numpy())) == written([times[place]])


@pytest.mark.parametrize("time", [NEVER, AFTER, SUMMER, WINTER, EAST, WEST])
def test_the_rows_own_object_is_no_other_one(time: datetime) -> None:
    equal = {NEVER: AFTER, AFTER: NEVER, EAST: WEST, WEST: EAST}.get(time, SUMMER if time.fold else WINTER)
    given = frame(pd.Series([equal, *OTHERS], dtype=object))
    table = Tabular({"x": 0.0, "t": time}, given)
    assert written(told(table, table.tensor.numpy())) == written([time])
    assert written(told(table, table.background)) == written([equal, *OTHERS])


def test_a_string_becomes_a_time_like_the_others() -> None:
    given = frame(pd.Series(OTHERS, dtype=object))
    for said, is_there in (
        ("2024-05-01 12:00", "2024-05-01T12:00:00+02:00"),
        ("2024-10-27 02:30+01:00", WINTER.isoformat()),
    ):
        (got,) = told(table := Tabular({"x": 0.0, "t": said}, given), table.tensor.numpy())
        assert type(got) is datetime
        assert got.isoformat() == is_there
    days = frame(pd.Series([date(2024, 5, day) for day in (1, 2, 3)], dtype=object))
    table = Tabular({"x": 0.0, "t": "2024-05-07"}, days)
    assert told(table, table.tensor.numpy()) == [date(2024, 5, 7)]


@pytest.mark.parametrize("kind", ["dtype", "objects"])
def test_a_string_that_the_clocks_never_show_or_show_twice_is_refused(kind: str) -> None:
    given = frame(pd.DatetimeIndex(OTHERS) if kind == "dtype" else pd.Series(OTHERS, dtype=object))
    with pytest.raises(ValueError, match="there is no such time in Europe/Berlin, where the clocks were put forward"):
        Tabular({"x": 0.0, "t": "2024-03-31 02:30"}, given)
    with pytest.raises(ValueError, match="show it twice") as said:
        Tabular({"x": 0.0, "t": "2024-10-27 02:30"}, given)
    for offered, hour in (("'2024-10-27 02:30:00+02:00'", 0), ("'2024-10-27 02:30:00+01:00'", 1)):
        assert offered in str(said.value)
        table = Tabular({"x": 0.0, "t": offered.strip("'")}, given)
        (got,) = told(table, table.tensor.numpy())
        assert got.astimezone(ZoneInfo("UTC")).hour == hour
    for low in ("2024-03-31 02:30", "2024-10-27 02:30"):
        with pytest.raises(ValueError, match=r"where\['t'\]: .* Europe/Berlin"):
            explain(first, Tabular(given.iloc[[0]], given), "matching_rows", where={"t": (low, None)})


def test_a_time_that_never_was_is_refused_where_the_dtype_cannot_hold_it() -> None:
    given = frame(pd.DatetimeIndex(OTHERS))
    with pytest.raises(ValueError, match="there is no such time in Europe/Berlin"):
        Tabular({"x": 0.0, "t": NEVER}, given)
    table = Tabular({"x": 0.0, "t": WINTER}, given)
    (got,) = told(table, table.tensor.numpy())
    assert got == pd.Timestamp("2024-10-27 01:30", tz="UTC")
    assert got.isoformat() == WINTER.isoformat()
