"""Scores near 1e200, whose squares no float holds: the same values in other units, without a warning of numpy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from nbexplain import Tabular, explain
from nbexplain.core.explanation import Explanation

UNIT = 2.0**664  # a power of two, so that nothing is rounded
ROWS = np.random.default_rng(0).normal(size=(60, 3))


def number(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = 2 * rows[:, 0] + np.sin(3 * rows[:, 1]) * rows[:, 2]
    return found


LABELS = number(ROWS) + np.random.default_rng(1).normal(size=60) / 3


class Line:
    _estimator_type = "regressor"

    def __init__(self, unit: float) -> None:
        self.unit = unit

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return number(rows) * self.unit


def explained(method: str, unit: float, labels: float | None, **asked: Any) -> Explanation:
    x = Tabular(ROWS[0], ROWS, labels=None if labels is None else LABELS * labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return explain(Line(unit), x, method, **asked)


@pytest.mark.parametrize(
    ("method", "labels"),
    [
        ("lime", False),
        ("averaged_lime", False),
        ("permutation_shap", False),
        ("partition_shap", False),
        ("kernel_shap", False),
        ("partial_dependence", False),
        ("permutation_importance", False),
        ("row_shap", False),
        ("permutation_importance", True),
        ("residuals", True),
    ],
)
def test_values_and_errors_are_those_of_usual_scores_in_other_units(method: str, labels: bool) -> None:
    asked = {"rows": 20} if method in ("averaged_lime", "row_shap") else {}
    usual = explained(method, 1.0, 1.0 if labels else None, **asked)
    large = explained(method, UNIT, UNIT if labels else None, **asked)
    unit = 1.0 if usual.quantity == "fall of R²" else UNIT
    np.testing.assert_allclose(large.values, usual.values * unit, rtol=1e-9)
    assert (large.standard_error is None) == (usual.standard_error is None)
    if usual.standard_error is not None:
        np.testing.assert_allclose(large.standard_error, np.multiply(usual.standard_error, unit), rtol=1e-6)
    for name in ("R²", "RMSE", "MAE"):
        if name in usual.details:
            own = 1.0 if name == "R²" else unit
            assert large.details[name] == pytest.approx(usual.details[name] * own, rel=1e-9)


def test_an_r2_that_no_float_holds_is_refused_or_left_out() -> None:
    with pytest.raises(ValueError, match=r"beyond what a float holds .* are they what the model predicts"):
        explained("permutation_importance", UNIT, 1.0)
    found = explained("residuals", UNIT, 1.0)
    assert "R²" not in found.details
    assert found.details["RMSE"] == pytest.approx(np.sqrt((number(ROWS) ** 2).mean()) * UNIT)
