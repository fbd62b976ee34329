"""Rows of different tables: what a number of one is in the other, and which inputs cannot stand beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbexplain as nx
from nbexplain.inputs.source import Source
from nbexplain.inputs.table_column import Column
from nbexplain.inputs.table_same import as_row_of, recoded, same_table

FRAME = pd.DataFrame({"n": np.arange(6.0), "k": ["oslo", "rome"] * 3})
ROW = nx.Tabular(FRAME.iloc[[0]], background=FRAME)
UNSEEN = nx.Tabular(FRAME.iloc[[1]].assign(k="bergen"), background=FRAME)  # (bergen, oslo, rome)


@pytest.mark.parametrize(
    ("one", "other", "numbers", "expected"),
    [
        (Column("k", ("a", "b")), Column("k", ("b", "c", "a")), [0, 1, np.nan], [2, 0, np.nan]),
        (Column("k", ("a", "b")), Column("k", ("b",)), [0, 1], [np.inf, 0]),
        (Column("k", (False, True)), Column("k", (0, 1)), [0, 1], [np.inf, np.inf]),  # no yes is a one
        (Column("k", (1, 2)), Column("k", (1.0, 2.0, 3.0)), [0, 1], [0, 1]),
        (Column("k"), Column("k", (5, 7)), [7.0, 6.0, np.nan], [1, np.inf, np.nan]),
        (Column("k", (5, 7)), Column("k"), [1, 0, np.nan], [7, 5, np.nan]),
        (Column("k", ("a",)), Column("k"), [0], [np.inf]),
        (Column("k", time="date"), Column("k", time="datetime"), [19723.0], [19723.0]),
        (Column("k", time="period M"), Column("k", time="date"), [648.0, np.nan], [np.inf, np.nan]),
    ],
)
def test_numbers_of_a_column_in_another_table(
    one: Column, other: Column, numbers: list[float], expected: list[float]
) -> None:
    np.testing.assert_array_equal(recoded(one, np.array(numbers, float), other), expected)


def test_a_row_in_the_numbers_of_another_table() -> None:
    assert as_row_of(UNSEEN, ROW).tolist() == [0.0, 1.0]
    assert as_row_of(ROW, UNSEEN).tolist() == [1.0, np.inf]


def test_which_tables_are_the_same() -> None:
    assert same_table(ROW, ROW.another([9, 1]))
    assert same_table(ROW, nx.Tabular(FRAME.iloc[[3]], background=FRAME.copy()))
    assert not same_table(ROW, UNSEEN)
    assert not same_table(ROW, nx.Tabular(FRAME.iloc[[0]], background=FRAME.assign(n=-FRAME["n"])))
    assert not same_table(ROW, nx.Tabular(FRAME.iloc[[0]], background=FRAME, labels=[0, 1] * 3))
    assert not same_table(ROW, nx.Tabular(FRAME.iloc[[0]]))
    labelled = [nx.Tabular(FRAME.iloc[[0]], background=FRAME, labels=["a", "b"] * 3) for _ in range(2)]
    assert same_table(*labelled)
    days = [FRAME.set_index(pd.date_range(start, periods=6)) for start in ("2024", "2024", "2025")]
    first, alike, other = (nx.Tabular(frame.iloc[[0]], background=frame) for frame in days)
    assert same_table(first, alike)
    assert not same_table(first, other)


TEXT = nx.Text("good film")
WIDE = nx.Tabular([1.0, 2.0, 3.0], names=["n", "k", "m"])


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([TEXT, ROW], TypeError, r"inputs\[1\]: expected Text\(…\) as the first input is, got Tabular\(…\)"),
        ([ROW, ROW, TEXT], TypeError, r"inputs\[2\]: expected Tabular\(…\) as the first input is, got Text\(…\)"),
        ([ROW, np.zeros((1, 2))], TypeError, r"inputs\[1\]: expected Tabular\(…\) .* got ndarray"),
        ([np.zeros((1, 2)), ROW], TypeError, r"inputs\[1\]: expected ndarray .* got Tabular\(…\)"),
        ([ROW, WIDE], ValueError, r"inputs\[1\]: expected a row of 2 columns .*, n, k, got 3: n, k, m"),
        (
            [ROW, nx.Tabular(FRAME[["k", "n"]].iloc[0], background=FRAME[["k", "n"]])],
            ValueError,
            r"inputs\[1\]: expected the columns in the order of the first input, n, k, got k, n; try table\[\['n",
        ),
        ([ROW, nx.Tabular([1, 2], names=["n", "z"])], ValueError, "expected the columns of the first input, n, k, got"),
    ],
)
def test_inputs_that_cannot_stand_beside_the_first(inputs: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Source(inputs)


def test_what_comes_later_must_fit_as_well() -> None:
    session = nx.Session(lambda rows: rows["n"].to_numpy(), ROW)
    with pytest.raises(ValueError, match="x: expected a row of 2 columns"):
        session.add(WIDE)
    with pytest.raises(TypeError, match=r"x: expected Tabular\(…\)"):
        session.add(TEXT)
    with pytest.raises(ValueError, match="x: expected a row of 2 columns"):
        session.replace(0, WIDE)
    assert len(session.inputs) == 1
    session.close()
