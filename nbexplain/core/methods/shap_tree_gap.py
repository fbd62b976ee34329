"""How far values that are shared in proportion lie from Shapley values: measured by a draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nbexplain.core.methods.shap_trees import TreeValues

_LEAST = 100  # pairs of orders of the columns, each gone through forth and back
_ERRORS = 2  # standard errors that are added, so that the draw does not hide a part of the gap


def measured_gap(trees: TreeValues, row: np.ndarray, stand_ins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(K,) how far values (F, K) of a row (F,) may be from Shapley values, where stand-ins (m, F) hide.

    These are sampled, by two antithetic orders of the columns for each stand-in, or more; the largest difference is
    that of a column with two of its standard errors, which the two orders tell.
    """
    columns, draw = len(row), np.random.default_rng(0)
    starts = np.repeat(stand_ins, -(-_LEAST // len(stand_ins)), axis=0)
    first, second = (_sampled(trees, row, starts, np.argsort(draw.random((len(starts), columns)), 1)) for _ in "12")
    errors = np.sqrt(((first - second) ** 2).mean(0) / 4 / len(starts))
    gap: np.ndarray = (np.abs(values - (first + second).mean(0) / 2) + _ERRORS * errors).max(0)
    return gap


def _sampled(trees: TreeValues, row: np.ndarray, starts: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(m, F, K) what each column adds to each start (m, F) on the way to the row, in its order, forth and back."""
    count, columns = orders.shape
    found = np.zeros((count, columns, len(trees.link.matrix)))
    for way in (orders, orders[:, ::-1]):
        rank = way.argsort(1)
        shown = rank[:, None] < np.arange(columns + 1)[:, None]  # (m, steps, F)
        scores = trees.scores(np.where(shown, row, starts[:, None]).reshape(-1, columns))
        added = np.diff(scores.reshape(count, columns + 1, -1), axis=1)
        found += np.take_along_axis(added, rank[..., None], 1) / 2
    return found
