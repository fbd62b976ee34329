"""How far rows are from each other."""

from __future__ import annotations

import numpy as np

from nbexplain.inputs import Tabular


def spread_of(rows: np.ndarray) -> np.ndarray:
    """(F,) the standard deviations of the columns of rows (n, F), of what is finite in them; 0 where nothing is."""
    known = np.isfinite(rows)
    largest = np.abs(np.where(known, rows, 0)).max(0, initial=0)
    unit = np.where(largest > 0, largest, 1)  # in which no square is too large for a float
    scaled = np.where(known, rows, 0) / unit
    count = np.maximum(known.sum(0), 1)
    apart = np.where(known, scaled - scaled.sum(0) / count, 0)
    spread: np.ndarray = np.sqrt((apart**2).sum(0) / count) * unit
    return spread


def differences(row: Tabular, others: np.ndarray) -> np.ndarray:
    """(N, F): |difference| of the row to others, in standard deviations of the background.

    It is 1 to another category, and where one of the two is missing or infinite; 0 where both are.
    """
    background = others if row.background is None else row.background
    own, spread = row.tensor.numpy(), spread_of(background)
    same = (others == own) | (np.isnan(others) & np.isnan(own))
    whole = np.array([bool(column.categories) for column in row.columns])
    measured = np.isfinite(others) & np.isfinite(own) & ~whole
    with np.errstate(over="ignore"):
        apart = np.abs(np.where(measured, others, 0) - np.where(measured, own, 0)) / np.where(spread > 0, spread, 1)
    found: np.ndarray = np.where(measured, apart, np.where(same, 0.0, 1.0))
    return found
