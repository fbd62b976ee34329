"""A filter of rows prints as what makes it again, compares by what it says, and refuses what it cannot understand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbexplain.core.row_filter import ALL_ROWS, RowFilter, column_key, column_name

GIVEN = {"city": {"rome", "oslo"}, "age": (30, None), "predicted": "cat", "label": ["dog"], "error": True}


def test_it_prints_as_what_makes_it_again() -> None:
    found = RowFilter.of(GIVEN)
    said = "{'age': (30, None), 'city': {'oslo', 'rome'}, 'error': True, 'label': {'dog'}, 'predicted': {'cat'}}"
    assert repr(found) == said
    assert RowFilter.of(eval(repr(found))) == found
    assert repr(RowFilter.of({"n": {10, 9, 2}})) == "{'n': {2, 9, 10}}"


def test_equal_filters_are_equal_however_they_are_written() -> None:
    other = {"error": np.bool_(True), "label": {"dog"}, "predicted": ["cat"], "age": (np.int64(30), np.inf)}
    found = RowFilter.of({**other, "city": np.array(["oslo", "rome"])})
    assert found == RowFilter.of(GIVEN)
    assert hash(found) == hash(RowFilter.of(GIVEN))
    assert RowFilter.of(None) == RowFilter.of({}) == ALL_ROWS
    assert not ALL_ROWS
    assert RowFilter.of({"x": float("nan")}) == RowFilter.of({"x": None}) == RowFilter.of({"x": {None}})


def test_true_is_not_1() -> None:
    one, true, both = (RowFilter.of({"x": values}) for values in ({1}, {True}, [1, True]))
    assert len({one, true, both, RowFilter.of({"x": {1.0}})}) == 3
    assert list(map(repr, (one, true, both))) == ["{'x': {1}}", "{'x': {True}}", "{'x': [True, 1]}"]
    for found in (one, true, both):
        assert RowFilter.of(eval(repr(found))) == found == RowFilter.of(dict(found))


def test_conditions_are_put_and_taken_away() -> None:
    found = RowFilter.of({"age": (30, 50), "error": True})
    assert found.put({"age": None, "city": "oslo"}) == RowFilter.of({"error": True, "city": {"oslo"}})
    assert found.of_columns == RowFilter.of({"age": (30, 50)})
    assert found.get("error") is True
    assert found.get("city") is None


def test_columns_called_like_what_the_model_tells() -> None:
    assert [column_key(name) for name in ("label", "age", "column:x")] == ["column:label", "age", "column:column:x"]
    for name in ("label", "age", "column:x"):
        assert column_name(column_key(name)) == name
    assert RowFilter.of({"column:label": 3, "label": 4}).of_columns == RowFilter.of({"column:label": 3})


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("age", TypeError, 'where: expected a mapping such as {"age": '),
        ({1: 2}, TypeError, "where: expected the name of a column or one of 'predicted', 'error', .* got 1"),
        ({"age": (1, 2, 3)}, TypeError, r"where\['age'\]: expected a range .low, high. .* got .1, 2, 3."),
        ({"age": (1, "2")}, TypeError, r"where\['age'\]: expected a range"),
        ({"age": (50, 30)}, ValueError, r"where\['age'\]: expected low ≤ high, got .50, 30."),
        ({"age": (float("nan"), 30)}, ValueError, r"where\['age'\]: expected a range"),
        ({"city": set()}, ValueError, r"where\['city'\]: expected at least one value, got an empty set"),
        ({"city": [["oslo"]]}, TypeError, r"where\['city'\]: expected plain values, got \['oslo'\]"),
        ({"error": 1}, ValueError, r"where\['error'\]: expected True or False, or .* between 0 and 1, got 1"),
        ({"error": "wrong"}, ValueError, r"where\['error'\]: expected True or False"),
        ({"error": (0, 1)}, ValueError, "a column that is called so is 'column:error'"),
        ({"residual": 1}, TypeError, "a column that is called so is 'column:residual'"),
        ({"residual": 3}, TypeError, r"where\['residual'\]: expected a range .low, high., got 3"),
    ],
)
def test_what_cannot_be_understood_is_named(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RowFilter.of(given)
