"""Every estimator: its score is what it says itself, its SHAP values are Shapley's formula, its trees say the same."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from nbexplain import explain
from nbexplain.inputs import Tabular
from tests.zoo import estimators, estimators_with_trees, estimators_without_trees
from tests.zoo.estimators import Case

CASES = [*estimators_with_trees.CASES, *estimators_without_trees.CASES]
WITH_TREES = [case for case in CASES if case.trees]
WITHOUT = [case for case in CASES if not case.trees]


@functools.cache
def asked(name: str) -> tuple[Any, Tabular, np.ndarray, np.ndarray, np.ndarray]:
    """The model, the row, its scores (K,), their mean over the background (K,), and Shapley's values (F, K)."""
    case = next(case for case in CASES if case.name == name)
    model, data = case.make(), case.data()
    rows = data.iloc[: estimators.BACKGROUND] if hasattr(data, "iloc") else data[: estimators.BACKGROUND]
    row = data.iloc[[20]] if hasattr(data, "iloc") else data[20]
    x = Tabular(row, rows)
    columns = len(x.columns)
    keep = np.array(list(itertools.product([False, True], repeat=columns)))
    mixed = np.where(keep[:, None], x.tensor.numpy(), x.background).reshape(-1, columns)
    said = case.says(model, x.outside(torch.from_numpy(mixed)))
    values = said.reshape(len(keep), len(rows), -1).mean(1)
    return model, x, values[-1], values[0], shapley(keep, values)


def shapley(keep: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Shapley's formula (F, K) over coalitions (2^F, F) and their scores (2^F, K)."""
    columns = keep.shape[1]
    found = np.zeros((columns, values.shape[1]))
    for column in range(columns):
        without = np.flatnonzero(~keep[:, column])
        for number in without:
            size = int(keep[number].sum())
            weight = math.factorial(size) * math.factorial(columns - size - 1) / math.factorial(columns)
            found[column] += weight * (values[number + 2 ** (columns - 1 - column)] - values[number])
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_score_and_exact_shap_are_the_models_own(case: Case) -> None:
    model, x, scores, base, right = asked(case.name)
    assert np.abs(right).max() > 1e-3 * np.abs(scores).max(), "a game worth the name"
    if "colour" in x.names and case.trees:
        assert np.abs(right[x.names.index("colour")]).max() > 1e-3
    for target in {0, len(scores) - 1}:
        ours = explain(model, x, "exact_shap", target=target)
        near = case.near * max(1.0, float(np.abs(right).max()))
        assert ours.score == pytest.approx(scores[target], abs=near)
        assert ours.base == pytest.approx(base[target], abs=near)
        np.testing.assert_allclose(ours.values, right[:, target], atol=near)


@pytest.mark.parametrize("case", WITH_TREES, ids=str)
def test_trees_say_what_the_formula_says(case: Case) -> None:
    model, x, scores, base, right = asked(case.name)
    most = float(np.abs(right).max())
    for target in {0, len(scores) - 1}:
        ours = explain(model, x, "tree_shap", target=target)
        assert ours.base == pytest.approx(base[target], abs=1e-6)
        assert abs(ours.gap) <= 2e-6 * max(1.0, float(np.abs(scores).max()))  # type: ignore[arg-type]
        shared = any("in proportion" in note for note in ours.warnings)
        assert shared == (case.trees == "shared")
        np.testing.assert_allclose(ours.values, right[:, target], atol=0.1 * most if shared else 1e-6 * max(1.0, most))
        many = explain(model, x, "row_shap", target=target, explainer="tree", rows=3)
        again = explain(model, x.another(x.background[many.features[0]]), "tree_shap", target=target)
        np.testing.assert_allclose(many.values[0], again.values, atol=2e-7 * max(1.0, most))


LOG_ODDS = [case for case in WITH_TREES if case.trees == "shared" and len(asked(case.name)[2]) == 2]


@pytest.mark.parametrize("case", LOG_ODDS, ids=str)
def test_log_odds_of_two_classes_are_explained_exactly(case: Case) -> None:
    model, x, _, _, _ = asked(case.name)
    ours = explain(model, x, "tree_shap", target=1, scores=torch.logit)
    right = explain(model, x, "exact_shap", target=1, scores=torch.logit)
    np.testing.assert_allclose(ours.values, right.values, atol=2e-6 * np.abs(right.values).max())
    assert not any("in proportion" in note for note in ours.warnings)


@pytest.mark.parametrize("case", WITHOUT, ids=str)
def test_what_has_no_trees_is_refused_with_the_reason(case: Case) -> None:
    model, x, _, _, _ = asked(case.name)
    with pytest.raises(ValueError, match=case.reason):
        explain(model, x, "tree_shap", target=0)
