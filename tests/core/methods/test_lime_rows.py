"""How LIME draws the rows of a table: whole numbers, what is missing, times, and what the linear model sees of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from nbexplain import METHODS, Subject, explain
from nbexplain.core.methods.lime_rows import Drawn
from nbexplain.inputs import Tabular

N = 400


def drawn(table: Tabular, bins: str, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """What the linear model sees, and the rows."""
    near = Drawn(Subject(lambda rows: np.zeros(len(rows)), table), bins, 0)  # type: ignore[arg-type]
    design = near.design(count)
    return design, near._rows


@pytest.mark.parametrize("bins", ["quartile", "value"])
def test_whole_numbers_are_drawn_from_those_of_the_background(bins: str) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"zip": draw.choice([3, 7, 20], N, p=[0.5, 0.3, 0.2]), "x": draw.normal(size=N)})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["zip"]), remainder="passthrough"), LogisticRegression()
    )
    model.fit(frame, (frame["zip"] == 7) ^ (frame["x"] > 1))
    table = Tabular(frame.iloc[0], frame)
    _, rows = drawn(table, bins)
    shares = frame["zip"].value_counts(normalize=True).sort_index()
    assert np.unique(rows[:, 0]).tolist() == [3, 7, 20]
    np.testing.assert_allclose([(rows[:, 0] == n).mean() for n in (3, 7, 20)], shares, atol=0.025)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a category that the encoder does not know
        explain(model, table, "lime", bins=bins, samples=300)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("own", ["missing", "known"])
def test_what_is_missing_is_drawn_with_its_share(whole: bool, own: str) -> None:
    draw = np.random.default_rng(0)
    values = draw.integers(0, 9, N).astype(float) if whole else draw.normal(size=N)
    values[:100] = np.nan
    background = np.stack([values, draw.normal(size=N)], 1)
    row = background[0 if own == "missing" else 200]
    seen, rows = drawn(Tabular(row, background), "quartile")
    gone = np.isnan(rows[:, 0])
    assert gone.mean() == pytest.approx(0.25, abs=0.025)
    edges = np.percentile(values[100:], [25, 50, 75])
    alike = gone if own == "missing" else np.searchsorted(edges, rows[:, 0]) == np.searchsorted(edges, row[0])
    np.testing.assert_array_equal(seen[:, 0], alike & (gone if own == "missing" else ~gone))
    seen, rows = drawn(Tabular(row, background), "value")
    gone = np.isnan(rows[:, 0])
    assert gone.mean() == pytest.approx(0.25, abs=0.025)
    if own == "missing":
        np.testing.assert_array_equal(seen[:, 0], gone)
    else:  # a missing one is seen as the mean
        mean, spread = np.nanmean(values), np.nanstd(values)
        np.testing.assert_allclose(seen[:, 0], np.where(gone, 0, (rows[:, 0] - mean) / spread), atol=1e-12)


@pytest.mark.parametrize("own", [np.nan, 0.5])
def test_the_weight_of_being_missing(own: float) -> None:
    """A score that only asks whether the number is there."""
    draw = np.random.default_rng(1)
    background = draw.normal(size=(N, 2))
    background[draw.random(N) < 0.2, 0] = np.nan
    table = Tabular([own, 0.0], background)
    found = explain(lambda rows: 3.0 * np.isnan(rows[:, 0]), table, "lime", samples=5000, table_width=5.0)
    share = np.isnan(background[:, 0]).mean()
    # missing, against all else; or in the row's quartile, where none is missing, against all else, where some are
    expected = 3.0 if np.isnan(own) else -3 * share / (share + 0.75 * (1 - share))
    assert found.values[0] == pytest.approx(expected, abs=0.05)
    assert found.values[1] == pytest.approx(0, abs=0.05)


def test_infinity_is_refused_and_proposed_by_no_one() -> None:
    background = np.random.default_rng(0).normal(size=(20, 2))
    background[3, 1] = np.inf
    table = Tabular([0.0, 0.0], background, names=["a", "b"])

    def model(rows: np.ndarray) -> np.ndarray:
        return np.isinf(rows).sum(1)

    with pytest.raises(ValueError, match="background: 'b' holds infinity, which LIME cannot draw from"):
        explain(model, table, "lime")
    unfit = METHODS["lime"].unfit
    assert unfit is not None
    assert unfit(Subject(model, table), None) == "background: 'b' holds infinity, which LIME cannot draw from"  # type: ignore[arg-type]
    assert unfit(Subject(model, Tabular([0.0, 0.0], background[:2])), None) == ""  # type: ignore[arg-type]


def boosted(name: str) -> Callable[[], Any]:
    def make() -> Any:
        if name == "sklearn":
            return HistGradientBoostingClassifier(max_iter=10, random_state=0)
        if name == "xgboost":
            return pytest.importorskip("xgboost").XGBClassifier(n_estimators=10, max_depth=3)
        if name == "lightgbm":
            return pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=10, verbose=-1)
        return pytest.importorskip("catboost").CatBoostClassifier(iterations=10, verbose=0, allow_writing_files=False)

    return make


@pytest.mark.parametrize("name", ["sklearn", "xgboost", "lightgbm", "catboost"])
def test_models_that_take_missing_values(name: str) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(80, 3)), columns=list("abc"))
    right = ((frame["a"] > 0) ^ (draw.random(80) < 0.1)).astype(int)
    frame.loc[draw.random(80) < 0.3, "a"] = np.nan
    model = boosted(name)().fit(frame, right)
    before = frame.copy(deep=True)
    row = frame[frame["a"].isna()].iloc[[0]]
    table = Tabular(row, frame, labels=right)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        exact = explain(model, table, "exact_shap", target=1)
        kernel = explain(model, table, "kernel_shap", target=1)
        permuted = explain(model, table, "permutation_shap", target=1)
        for key in ("lime", "boundary", "row_shap", "permutation_importance", "leave_one_out", "averaged_lime"):
            options = {"rows": 8} if key in ("row_shap", "averaged_lime") else {}
            assert np.isfinite(explain(model, table, key, target=1, **options).values).all(), key
    np.testing.assert_allclose(exact.values, brute_force(model, row, frame), atol=1e-6)
    np.testing.assert_allclose(kernel.values, exact.values, atol=1e-6)
    assert permuted.standard_error is not None
    assert (np.abs(permuted.values - exact.values) <= 5 * permuted.standard_error + 1e-6).all()
    pd.testing.assert_frame_equal(frame, before)


def brute_force(model: Any, row: pd.DataFrame, frame: pd.DataFrame) -> np.ndarray:
    """Shapley values by their definition, hidden columns by every row of the frame."""
    from tests.shapley import shapley

    def value(keep: set[int]) -> float:
        mixed = frame.copy()
        for place in keep:
            mixed[frame.columns[place]] = row.iloc[0, place]
        return float(model.predict_proba(mixed)[:, 1].mean())

    return shapley(value, 3)
