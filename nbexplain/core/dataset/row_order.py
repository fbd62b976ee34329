"""In what order rows with SHAP values stand beside each other, and their columns below each other."""

from __future__ import annotations

import numpy as np


def by_importance(values: np.ndarray) -> np.ndarray:
    """The columns of SHAP values (rows, columns), the largest mean |value| first; NaN counts as nothing."""
    return np.argsort(-np.nanmean(np.abs(np.nan_to_num(values)), axis=0), kind="stable")


def by_likeness(values: np.ndarray) -> np.ndarray:
    """The rows of SHAP values (rows, columns), those beside each other that have like ones.

    As `shap.utils.hclust_ordering` does: complete linkage on the squared Euclidean distance, and of the orders that
    the tree allows that in which neighbours are nearest to each other (Bar-Joseph et al. 2001).
    """
    if len(values) < 3:
        return np.arange(len(values))
    from scipy.cluster.hierarchy import complete, leaves_list, optimal_leaf_ordering
    from scipy.spatial.distance import pdist

    apart = pdist(np.nan_to_num(values), "sqeuclidean")
    return np.asarray(leaves_list(optimal_leaf_ordering(complete(apart), apart)))
