"""The order of rows and columns beside shap's own."""

from __future__ import annotations

import numpy as np
import shap

from nbexplain.core.dataset.row_order import by_importance, by_likeness

VALUES = np.random.default_rng(4).normal(size=(40, 6)) * [3, 1, 5, 0.1, 2, 4]


def test_rows_are_ordered_as_shap_orders_them() -> None:
    assert by_likeness(VALUES).tolist() == shap.utils.hclust_ordering(VALUES).tolist()
    groups = np.repeat([[0.0, 5], [5, 0], [9, 9]], 4, axis=0)[np.random.default_rng(0).permutation(12)]
    ordered = groups[by_likeness(groups)]
    assert (np.abs(np.diff(ordered, axis=0)).sum(1) > 0).sum() == 2  # three groups, each together
    assert by_likeness(VALUES[:2]).tolist() == [0, 1]
    assert by_likeness(VALUES[:1]).tolist() == [0]


def test_columns_are_ordered_by_the_mean_size_of_their_values() -> None:
    means = np.abs(VALUES).mean(0)
    assert by_importance(VALUES).tolist() == np.argsort(-means).tolist()
    assert by_importance(VALUES).tolist() == np.argsort(np.sum(np.abs(VALUES), axis=0))[::-1].tolist()  # as shap's
    holes = VALUES.copy()
    holes[0] = np.nan
    assert by_importance(holes)[0] == 2
