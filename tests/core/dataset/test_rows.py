"""What is said of rows that a model does not take: of changed ones the column and its value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbexplain import Tabular, explain

FRAME = pd.DataFrame(np.random.default_rng(0).normal(50, 10, (300, 3)).round(1), columns=["age", "income", "debt"])
OLD = float(np.sort(FRAME["age"].unique())[-3])


def raising(frame, column="age", most=OLD):
    if (frame[column] > most).any():
        raise ValueError("too large")
    return frame.to_numpy() @ np.array([1.0, 2.0, 3.0])


def broken(frame, column="age", most=OLD):
    return np.where(frame[column] > most, np.nan, frame.to_numpy() @ np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("method", ["partial_dependence", "ice"])
@pytest.mark.parametrize("model", [raising, broken])
def test_the_value_that_a_model_does_not_take_is_named(model, method):
    young = FRAME[FRAME["age"] <= OLD]
    table = Tabular(young.iloc[0], background=FRAME)
    oldest = float(FRAME["age"].max())
    with pytest.raises(ValueError, match=f"with 'age' at {oldest:.4g}") as caught:
        explain(model, table, method, column="age", points=2)
    assert ("too large" in str(caught.value)) == (model is raising)


@pytest.mark.parametrize("model", [raising, broken])
def test_a_value_is_not_named_where_the_row_fails_by_itself(model):
    table = Tabular(FRAME.iloc[0], background=FRAME)
    with pytest.raises((ValueError, RuntimeError)) as caught:
        explain(lambda rows: model(rows, "debt", float(FRAME["debt"].max()) - 0.05), table, "partial_dependence")
    assert "with 'age'" not in str(caught.value)


def test_a_value_is_not_named_where_a_server_is_away():
    calls = []

    def model(frame):
        calls.append(len(frame))
        if len(calls) > 6:
            raise ConnectionError("server away")
        return frame.to_numpy() @ np.array([1.0, 2.0, 3.0])

    with pytest.raises(RuntimeError, match="server away") as caught:
        explain(model, Tabular(FRAME.iloc[0], background=FRAME), "partial_dependence", column="age")
    assert "with 'age'" not in str(caught.value)
    assert len(calls) < 16
