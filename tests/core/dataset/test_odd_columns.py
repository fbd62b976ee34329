"""Columns without numbers, with infinity or with very large ones: no warning, and the true reason."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression

import nbexplain as nx
from nbexplain.core.dataset.dependence import strongest
from nbexplain.core.dataset.nearness import differences, spread_of
from nbexplain.core.subject import Subject

DRAW = np.random.default_rng(0)
N = 30


def table(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": values, "b": DRAW.normal(size=N), "k": DRAW.integers(0, 4, N)})


def model(rows: pd.DataFrame) -> np.ndarray:
    return rows["b"].to_numpy() + rows["k"].to_numpy()


ODD = {
    "missing": np.full(N, np.nan),
    "infinite": np.full(N, np.inf),
    "both infinities": np.where(np.arange(N) % 3, np.arange(N), np.where(np.arange(N) % 2, np.inf, -np.inf)),
    "large": DRAW.normal(size=N) * 1e300,
}


def test_the_spread_is_numpys_of_what_is_finite() -> None:
    rows = DRAW.normal(size=(N, 3))
    np.testing.assert_allclose(spread_of(rows), rows.std(0), rtol=1e-12)
    np.testing.assert_allclose(spread_of(rows * 1e300), rows.std(0) * 1e300, rtol=1e-12)
    held = np.array([[np.nan, np.inf, 1.0], [np.nan, 2.0, 1.0], [np.nan, 4.0, 1.0]])
    assert spread_of(held).tolist() == [0, 1, 0]


def test_differences_of_what_is_missing_or_infinite() -> None:
    held = pd.DataFrame({"a": [np.nan, 1.0, 3.0, np.inf]})  # of spread 1
    of_missing, of_number, of_infinity = (nx.Tabular(held.iloc[[place]], held) for place in (0, 1, 3))
    assert differences(of_missing, held.to_numpy())[:, 0].tolist() == [0, 1, 1, 1]
    assert differences(of_number, held.to_numpy())[:, 0].tolist() == [1, 0, 2, 1]
    assert differences(of_infinity, held.to_numpy())[:, 0].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
@pytest.mark.parametrize("method", ["exact_shap", "lime", "counterfactual", "partial_dependence", "boundary"])
def test_nothing_warns(method: str, values: np.ndarray) -> None:
    frame = table(values)
    row = nx.Tabular(frame.iloc[[1]], frame)
    params = {"horizontal": 1, "vertical": 2, "resolution": 10} if method == "boundary" else {}
    refused = {"lime": np.isinf(values).any(), "partial_dependence": np.isinf(values).all()}.get(method, False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.raises(ValueError, match="infini") if refused else contextlib.nullcontext():
            nx.explain(model, row, method, **params)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (ODD["missing"], "'a' is missing throughout in the background"),
        (ODD["infinite"], "'a' is infinite in the background"),
        (np.ones(N), "'a' is constant in the background"),
    ],
    ids=["missing", "infinite", "constant"],
)
def test_a_plane_tells_why_a_column_is_no_axis(values: np.ndarray, words: str) -> None:
    frame = table(values)
    row = nx.Tabular(frame.iloc[[1]], frame)
    with pytest.raises(ValueError, match=rf"horizontal: {words}; .* such as horizontal=2 \('k'\)"):
        nx.explain(model, row, "boundary", horizontal=0, vertical=1)
    assert nx.explain(model, row, "boundary", resolution=10).names == ("b", "k")
    explorer = nx.TabularExplorer(model, row, show=["boundary", "nearest", "editor"])
    assert explorer.session.wait(60)
    assert {answer.state for answer in explorer._answers.values()} == {"done"}
    explorer.close()


def test_a_column_partly_infinite_is_an_axis() -> None:
    frame = table(ODD["both infinities"])
    found = nx.explain(model, nx.Tabular(frame.iloc[[1]], frame), "boundary", resolution=10)
    assert np.isfinite(found.values).all()


def test_partial_dependence_of_nothing_but_infinity() -> None:
    frame = table(ODD["infinite"])
    with pytest.raises(ValueError, match="column: 'a' is infinite in every row"):
        nx.explain(model, nx.Tabular(frame.iloc[[1]], frame), "partial_dependence")


def test_the_strongest_of_columns_does_not_hang_on_their_unit() -> None:
    held = DRAW.normal(size=(200, 3))
    values = held * held[:, [2, 1, 0]]  # those of column 0 follow column 2
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for unit in (1.0, 1e300, 1e-300):
            assert strongest(held * unit, values, 0) == 2
            assert strongest(held, values * unit, 0) == 2


def test_medians_are_such_as_occur_where_numbers_are_whole() -> None:
    frame = pd.DataFrame(
        {
            "code": [1, 2, 3, 4],
            "number": [1.0, 2.0, 3.0, 4.5],
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]),
            "gone": np.nan,
            "odd": [np.inf, -np.inf, np.nan, np.inf],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        masker = nx.Tabular(frame.iloc[[0]], frame).masker(stand_in="median")
    np.testing.assert_array_equal(masker.stand_ins[0], [2, 2.5, 19724, np.nan, np.inf])


@pytest.mark.parametrize(
    "method", ["exact_shap", "kernel_shap", "permutation_shap", "partition_shap", "leave_one_out", "partial_dependence"]
)
@pytest.mark.parametrize("refuses", [True, False])
def test_what_a_model_does_not_take_is_named(method: str, refuses: bool) -> None:
    clean = table(DRAW.normal(size=N))
    estimator = LinearRegression().fit(clean, clean["b"])
    frame = clean.copy()
    frame.loc[7, "b"] = np.nan
    other = estimator if refuses else lambda rows: rows.to_numpy().sum(1)
    with pytest.raises(ValueError, match="row 7 of the background holds NaN or infinity in 'b'"):
        nx.explain(other, nx.Tabular(clean.iloc[[0]], frame), method)


def test_partial_dependence_keeps_the_index_of_the_rows() -> None:
    """The rows that are changed stay those of the background, for models that read the index."""
    frame = table(DRAW.normal(size=N)).set_axis(np.arange(N) * 10)
    found = nx.explain(
        lambda rows: rows.index.to_numpy(float), nx.Tabular(frame.iloc[[3]], frame), "partial_dependence", rows=N
    )
    np.testing.assert_allclose(found.values, np.mean(np.arange(N) * 10))


@pytest.mark.parametrize("lost", [False, True])
def test_a_missing_value_is_warned_of_only_where_the_score_is_lost(lost: bool) -> None:
    frame = table(DRAW.normal(size=N))
    labels = (frame["b"] > 0).astype(int)
    frame.loc[7, "b"] = np.nan
    trees = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(frame, labels)
    row = nx.Tabular(frame.iloc[[7]], background=frame)
    subject = Subject(model if lost else trees, row)
    assert ("the row holds NaN or infinity in 'b'" in subject.warnings) is lost
    subject.close()
    assert "the row holds NaN or infinity in 'b'" in row.notes


def test_without_axes_the_first_columns_that_can_be_some_are_taken() -> None:
    """Strings of which each row has another are no axis."""
    rows = np.random.default_rng(0).normal(size=(300, 2))
    frame = pd.DataFrame({"id": [f"p{number}" for number in range(300)], "a": rows[:, 0], "b": rows[:, 1]})
    row = nx.Tabular(frame.iloc[[1]], frame)
    for chosen, names in (({}, ("a", "b")), ({"vertical": 1}, ("b", "a")), ({"horizontal": 2}, ("b", "a"))):
        found = nx.explain(lambda x: x["a"].to_numpy(), row, "boundary", resolution=10, **chosen)
        assert found.names == names
    parts = nx.explain(lambda x: x["a"].to_numpy(), row, "boundary", plane="components", resolution=10)
    assert [name[:11] for name in parts.names] == ["component 1", "component 2"]
