"""On which other column the SHAP values of a column depend."""

from __future__ import annotations

import numpy as np


def strongest(held: np.ndarray, values: np.ndarray, column: int) -> int | None:
    """The other column on which a column's SHAP values depend most, beyond the column's own value; None without rows.

    `held` and `values` are (rows, columns): what the rows hold, and their SHAP values. Judged as shap does: within bins
    of rows of like value, the correlation of the SHAP value with the other column.
    """
    rows, columns = held.shape
    size = max(min(rows // 10, 50), 2)
    if rows < 2 * size or columns < 2:
        return None
    order = np.argsort(held[:, column], kind="stable")
    held, values = _in_units(held), _in_units(values[:, [column]])
    found = np.zeros(columns)
    for start in range(0, rows - size + 1, size):
        part = order[start : start + size]
        shap = values[part, 0] - values[part, 0].mean()
        known = np.isfinite(held[part])
        middle = np.where(known, held[part], 0.0).sum(0) / np.maximum(known.sum(0), 1)
        others = np.where(known, held[part] - middle, 0.0)
        scale = np.sqrt((others**2).sum(0) * (shap**2).sum())
        found += np.abs(np.divide(others.T @ shap, scale, out=np.zeros(columns), where=scale > 1e-12))
    found[column] = -1
    return int(found.argmax())


def _in_units(numbers: np.ndarray) -> np.ndarray:
    """Numbers (rows, columns) in units of the largest finite one of each column: no square is too large for a float."""
    largest = np.where(np.isfinite(numbers), np.abs(numbers), 0).max(0)
    return np.asarray(numbers / np.where(largest > 0, largest, 1))
