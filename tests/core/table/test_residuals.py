"""Residuals and their figures equal scikit-learn's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression

from nbexplain import Tabular, explain
from tests.core.dataset.tables import rows


def test_equals_scikit_learns() -> None:
    background = rows(70)
    labels = background[:, 0] ** 2
    model = LinearRegression().fit(background[:40], labels[:40])
    found = explain(model, Tabular(background[0], background, labels=labels), "residuals")
    predicted = model.predict(background)
    np.testing.assert_allclose(found.values[:, 0], predicted[found.features])
    np.testing.assert_allclose(found.values[:, 1], (labels - predicted)[found.features])
    assert sorted(found.features.tolist()) == list(range(70))
    assert found.details == pytest.approx(
        {
            "rows": 70,
            "R²": metrics.r2_score(labels, predicted),
            "RMSE": metrics.root_mean_squared_error(labels, predicted),
            "MAE": metrics.mean_absolute_error(labels, predicted),
        }
    )
    some = explain(model, Tabular(background[0], background, labels=labels), "residuals", where={"residual": (0, None)})
    assert set(some.features.tolist()) == set(np.flatnonzero(labels >= predicted).tolist())
    assert some.values[:, 1].min() >= 0


def test_of_several_numbers_one_is_asked_for() -> None:
    background = rows(70)
    wanted = np.stack([background[:, 0], 3 * background[:, 1] + 10], 1)
    model = LinearRegression().fit(background, wanted)
    row = Tabular(background[0], background, labels=wanted[:, 0])
    for method in ("residuals", "permutation_importance"):
        with pytest.raises(ValueError, match=r"predicts 2 numbers, 0 \(output 0\), 1 \(output 1\); .*: target=0"):
            explain(model, row, method)
        found = explain(model, row, method, target=0)
        assert found.details["R²"] == pytest.approx(1)
        assert found.warnings == ("the labels are compared with 'output 0', one of 2 numbers",)
    without = Tabular(background[0], background)
    assert explain(model, without, "permutation_importance").warnings == ()


def test_by_hand() -> None:
    background = np.array([[1.0], [2], [3], [4]])
    found = explain(lambda x: x[:, 0], Tabular([1.0], background, labels=[2, 2, None, 1]), "residuals")
    order = np.argsort(found.features)
    assert found.features[order].tolist() == [0, 1, 3]
    assert found.values[order].tolist() == [[1, 1], [2, 0], [4, -3]]
    assert found.details["MAE"] == pytest.approx(4 / 3)
    assert found.details["RMSE"] == pytest.approx((10 / 3) ** 0.5)
    assert "1 row without a label left out" in found.warnings
    level = explain(lambda x: x[:, 0], Tabular([1.0], background, labels=[2.0] * 4), "residuals")
    assert "R²" not in level.details  # it divides by their variance


@pytest.mark.parametrize("method", ["residuals", "permutation_importance"])
def test_rows_whose_label_is_infinite_are_not_said_to_have_none(method: str) -> None:
    background = np.array([[1.0], [2], [3], [4], [5], [6]])
    labels = np.array([1, 2, np.inf, np.nan, -np.inf, 5])
    found = explain(lambda x: x[:, 0], Tabular([1.0], background, labels=labels), method)
    assert [said for said in found.warnings if "label" in said] == [
        "1 row without a label left out",
        "2 rows with an infinite label left out",
    ]
    kept = Tabular([1.0], background[[0, 1, 5]], labels=labels[[0, 1, 5]])
    np.testing.assert_allclose(np.sort(found.values, 0), np.sort(explain(lambda x: x[:, 0], kept, method).values, 0))
    with pytest.raises(ValueError, match="labels: all are missing or infinite"):
        explain(lambda x: x[:, 0], Tabular([1.0], background, labels=[np.inf] * 3 + [np.nan] * 3), "residuals")


def test_two_outputs_and_two_labels() -> None:
    background = rows(20)
    model = LinearRegression().fit(background, background[:, :2])
    found = explain(model, Tabular(background[0], background, labels=background[:, 1]), "residuals", target=1)
    assert found.details["R²"] == pytest.approx(1)
    one = torch.nn.Linear(5, 1)
    found = explain(one, Tabular(background[0], background, labels=[0, 1] * 10), "residuals")
    assert any("give classes=(first, second)" in warning for warning in found.warnings)
    found = explain(one, Tabular(background[0], background, labels=[0, 1] * 10), "confusion", classes=["no", "yes"])
    assert found.names == ("no", "yes")


def test_what_does_not_fit_is_named() -> None:
    background = rows(10)
    labels = list("ababababab")
    line = LinearRegression().fit(background, background[:, 0])
    with pytest.raises(ValueError, match=r"labels: the model predicts numbers, expected numbers, row 0 has 'a'$"):
        explain(line, Tabular(background[0], background, labels=labels), "residuals")
    with pytest.raises(ValueError, match=r"row 0 has 'a'; .* name them: classes=\(first, second\)$"):
        explain(lambda rows: rows[:, 0], Tabular(background[0], background, labels=labels), "permutation_importance")
    model = LogisticRegression().fit(background, labels)
    with pytest.raises(ValueError, match="'residuals' needs a model that predicts numbers, and it has classes; use"):
        explain(model, Tabular(background[0], background, labels=labels), "residuals")


WAITS = pd.to_timedelta(["1D", "36h", "12h", "2D", "3h"])


@pytest.mark.parametrize("method", ["residuals", "permutation_importance"])
@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_durations_are_no_numbers_in_any_unit(method: str, unit: str) -> None:
    background = np.array([[1.0], [1.5], [0.5], [2.0], [0.125]])  # days
    labels = WAITS.astype(f"timedelta64[{unit}]")
    table = Tabular(background[0], background, labels=labels)
    with pytest.raises(ValueError, match=r"expected numbers, row 0 has .*; if it predicts days: labels=") as raised:
        explain(lambda x: x[:, 0], table, method)
    made = eval(str(raised.value).split("labels=")[-1], {"numpy": np, "labels": labels})
    found = explain(lambda x: x[:, 0], Tabular(background[0], background, labels=made), "residuals")
    assert found.values[:, 1].tolist() == [0] * 5
    with pytest.raises(ValueError, match=r"expected numbers, row 0 has .*2024"):
        explain(lambda x: x[:, 0], Tabular([1.0], background, labels=pd.Timestamp("2024-01-01") + labels), method)


@pytest.mark.parametrize("method", ["residuals", "permutation_importance"])
def test_durations_that_no_timedelta_holds_are_no_numbers_either(method: str) -> None:
    table = Tabular([1.0], np.array([[1.0], [1.5], [0.5], [2.0], [0.125]]), labels=WAITS + pd.Timedelta(1, "ns"))
    with pytest.raises(
        ValueError, match=r"expected numbers, row 0 has .*86400000000001.*; if it predicts days: labels="
    ):
        explain(lambda x: x[:, 0], table, method)


@pytest.mark.parametrize("dtype", [float, "f4", int, object])
def test_masked_labels_are_missing(dtype: Any) -> None:
    background = np.array([[1.0], [2.0], [3.0], [4.0]])
    labels = np.ma.masked_equal(np.array([1, -999, 3, 5], dtype=dtype), -999)
    found = explain(lambda x: x[:, 0], Tabular([1.0], background, labels=labels), "residuals")
    assert dict(zip(found.features.tolist(), found.values[:, 1].tolist(), strict=True)) == {0: 0, 2: 0, 3: 1}
    assert found.warnings == ("1 row without a label left out",)


def test_fractions_are_numbers() -> None:
    background, labels = np.array([[1.0], [2.0]]), [Fraction(3, 2), Fraction(2)]
    found = explain(lambda x: x[:, 0], Tabular([1.0], background, labels=labels), "residuals")
    assert dict(zip(found.features.tolist(), found.values[:, 1].tolist(), strict=True)) == {0: 0.5, 1: 0}
