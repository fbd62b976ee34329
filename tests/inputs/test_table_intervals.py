"""Intervals of `pandas.cut` and other objects that are categories: errors say them as the table does."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbexplain import Tabular, explain

FRAME = pd.DataFrame({"x": np.arange(6.0), "age": pd.cut(np.arange(6) / 2, [-1, 0, 1, 3])})
KNOWN = "'(-1, 0]', '(0, 1]', '(1, 3]'"


def first(rows: pd.DataFrame) -> np.ndarray:
    return rows["x"].to_numpy(float)


def matches(**where: Any) -> list[int]:
    found = explain(first, Tabular(FRAME.iloc[[0]], FRAME), "matching_rows", where=where).features
    assert found is not None
    return list(found)


@pytest.mark.parametrize("wrong", ["(0,1]", pd.Interval(5, 6), 0.5, (0, 1)])
def test_what_a_filter_may_say_can_be_pasted(wrong: Any) -> None:
    with pytest.raises(ValueError, match="'age' is") as said:
        matches(age=wrong)
    assert KNOWN in str(said.value)
    assert "Interval" not in str(said.value)
    (listed,) = re.findall(r"expected (?:some|a set) of (.*?)(?:, got .*)?$", str(said.value))
    categories = ast.literal_eval(f"[{listed}]")
    assert [matches(age=one) for one in categories] == [[0], [1, 2], [3, 4, 5]]


@pytest.mark.parametrize("dtype", ["category", object])
@pytest.mark.parametrize("wrong", [0.5, "young"])
def test_what_a_row_may_hold_can_be_pasted(dtype: Any, wrong: Any) -> None:
    frame = FRAME.assign(age=FRAME["age"].astype(dtype))
    with pytest.raises(ValueError, match="row: 'age' is") as said:
        Tabular({"x": 0.0, "age": wrong}, frame)
    assert KNOWN in str(said.value)
    assert "Interval(" not in str(said.value)
    for place, category in enumerate(ast.literal_eval(f"[{KNOWN}]")):
        table = Tabular({"x": 0.0, "age": category}, frame)
        assert table.tensor[0, 1] == place
        assert table.columns[1].categories == tuple(FRAME["age"].cat.categories)


def test_a_row_takes_a_time_as_it_is_written() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0], "day": pd.Categorical(pd.to_datetime(["2024-01-01", "2024-01-02"]))})
    with pytest.raises(ValueError, match="expected one of '2024-01-01T00:00:00', '2024-01-02T00:00:00'"):
        Tabular({"x": 0.0, "day": "2024-01-03"}, frame)
    assert Tabular({"x": 0.0, "day": "2024-01-02T00:00:00"}, frame).tensor[0, 1] == 1


def test_a_new_interval_in_the_row_is_said_as_the_table_says_it() -> None:
    with pytest.raises(ValueError, match=re.escape(f"row: 'age' is '(5, 6]', expected one of {KNOWN}")):
        Tabular({"x": 0.0, "age": pd.Interval(5, 6)}, FRAME)


def test_labels_are_said_so_too() -> None:
    two = lambda rows: np.stack([first(rows), -first(rows)], 1)  # noqa: E731
    table = Tabular(FRAME.iloc[[0]], FRAME, labels=FRAME["age"].to_numpy(object))
    with pytest.raises(ValueError, match=re.escape("labels: row 0 has '(-1, 0]', expected one of the model's classes")):
        explain(two, table, "confusion")
