"""How far rows are from each other."""

from __future__ import annotations

import numpy as np

from nbexplain.inputs import Tabular


def differences(row: Tabular, others: np.ndarray) -> np.ndarray:
    """(N, F): |difference| of the row to others, in standard deviations of the background; 1 for another category."""
    background = others if row.background is None else row.background
    spread = np.nanstd(background, axis=0)
    apart = np.abs(others - row.tensor.numpy()) / np.where(spread > 0, spread, 1)
    for place, column in enumerate(row.columns):
        if column.categories:
            apart[:, place] = others[:, place] != float(row.tensor[0, place])
    return np.asarray(np.nan_to_num(apart, nan=1.0))
