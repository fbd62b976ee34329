"""Models that read the index of a frame: whose label each row has, and what that leaves of a column's value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbexplain import explain
from nbexplain.inputs import Tabular
from tests.shapley import shapley

N = 24
DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"a": DRAW.normal(size=N), "b": DRAW.choice(["x", "y"], N)},
    index=pd.date_range("2024-01-15", periods=N, freq="14D", name="when"),
)
ROW = FRAME.iloc[[3]]


def model(frame: pd.DataFrame) -> np.ndarray:
    """Two columns that do not add up, and the month of the index."""
    assert frame.index.name == "when"
    score: np.ndarray = frame["a"].to_numpy() * (1 + (frame["b"] == "x").to_numpy()) + 10 * frame.index.month.to_numpy()
    return score


def test_what_is_tried_for_a_row_has_its_label() -> None:
    found = explain(model, Tabular(ROW, FRAME), "exact_shap")
    assert found.score == model(ROW)[0]

    def value(keep: set[int]) -> float:
        mixed = FRAME.set_axis(pd.DatetimeIndex([ROW.index[0]] * N, name="when"))
        for place in keep:
            mixed[FRAME.columns[place]] = ROW.iloc[0, place]
        return float(model(mixed).mean())

    np.testing.assert_allclose(found.values, shapley(value, 2), atol=1e-9)
    assert found.base == pytest.approx(value(set()), abs=1e-9)


def test_rows_of_the_background_have_their_own() -> None:
    table = Tabular(ROW, FRAME)
    scores = explain(model, table, "row_scores")
    assert scores.features is not None
    np.testing.assert_allclose(scores.values[:, 0], model(FRAME)[scores.features], atol=1e-12)
    spread = explain(lambda frame: 1.0 * frame.index.month, table, "permutation_importance").values
    np.testing.assert_array_equal(spread, 0)  # no column moves the index
    rows = explain(lambda frame: frame["a"] + 10.0 * frame.index.month, table, "row_shap", explainer="permutation")
    assert rows.features is not None
    wanted = FRAME["a"].to_numpy() - FRAME["a"].mean()
    np.testing.assert_allclose(rows.values[:, 0], wanted[rows.features], atol=1e-9)
    np.testing.assert_allclose(rows.values[:, 1], 0, atol=1e-9)
    assert any("own index" in note for note in rows.warnings)


def test_another_row_keeps_the_label_unless_it_is_one_of_the_background() -> None:
    table = Tabular(ROW, FRAME)
    assert table.background is not None
    assert table.another([1.0, 0.0]).label == ROW.index[0]
    other = table.another(table.background[7])
    assert other.label == FRAME.index[7]
    pd.testing.assert_frame_equal(other.outside(other.tensor), FRAME.iloc[[7]], check_freq=False)


def test_where_the_row_tells_no_label() -> None:
    assert Tabular(FRAME.iloc[3], FRAME).label == ROW.index[0]
    told = Tabular(FRAME.iloc[3].to_dict(), FRAME)
    assert told.label == FRAME.index[0]
    assert told.notes == (
        "the row tells no label of the background's index; it gets that of the first row, 2024-01-15 00:00:00",
    )


@pytest.mark.parametrize(
    "index", [pd.Index(DRAW.permutation(N), name="id"), pd.MultiIndex.from_arrays([range(N), ["x", "y"] * (N // 2)])]
)
def test_other_kinds_of_index(index: pd.Index) -> None:
    frame = FRAME.set_axis(index)
    table = Tabular(frame.iloc[[5]], frame)
    pd.testing.assert_frame_equal(table.outside(table.tensor), frame.iloc[[5]])


def test_an_index_that_merely_counts_is_none() -> None:
    frame = FRAME.reset_index(drop=True)
    table = Tabular(frame.iloc[[5]], frame)
    assert not table.has_index
    assert table.outside(table.tensor).index.tolist() == [0]
