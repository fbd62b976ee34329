"""How far values that are shared in proportion lie from Shapley values: measured by a draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nbexplain.core.methods.shap_trees import TreeValues

_LEAST = 100  # orders of the columns, each gone through forth and back


def measured_gap(trees: TreeValues, row: np.ndarray, stand_ins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(K,) the largest difference of values (F, K) of a row (F,) from Shapley values, where stand-ins (m, F) hide.

    These are sampled, by antithetic orders of the columns that differ from one stand-in to the next; what is left of
    the draw makes the difference larger rather than smaller.
    """
    columns, draw = len(row), np.random.default_rng(0)
    starts = np.repeat(stand_ins, -(-_LEAST // len(stand_ins)), axis=0)
    orders = np.argsort(draw.random((len(starts), columns)), axis=1)
    sampled = np.zeros((columns, len(trees.link.matrix)))
    for way in (orders, orders[:, ::-1]):
        rank = way.argsort(1)
        shown = rank[:, None] < np.arange(columns + 1)[:, None]  # (m, steps, F)
        scores = trees.scores(np.where(shown, row, starts[:, None]).reshape(-1, columns))
        added = np.diff(scores.reshape(len(starts), columns + 1, -1), axis=1)
        sampled += np.take_along_axis(added, rank[..., None], 1).mean(0) / 2
    gap: np.ndarray = np.abs(values - sampled).max(0)
    return gap
