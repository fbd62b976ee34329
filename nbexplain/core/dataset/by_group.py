"""What many rows tell together: the mean size of each column's values, over all rows or group by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.methods.sampling_error import error_of_mean_size
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed

_MOST_VALUES = 6  # a number with more values than this is cut into two groups at its median


@dataclass(frozen=True, eq=False)
class Importance:
    """Mean size (F,) of the values of each column, its standard error over the rows (F,), and how many rows."""

    values: np.ndarray
    errors: np.ndarray
    count: int


def mean_size(explanation: Explanation) -> Importance:
    """The mean of |value| of each column over the rows of an answer of `row_shap`.

    The errors tell how far the mean over so few rows may be from that over very many, whose values are exact: the draws
    within each row make |value| larger on average, which counts (`error_of_mean_size`). NaN for a single row, or where
    the values' own errors are not known.
    """
    return _of(explanation, slice(None))


def by_group(explanation: Explanation, groups: Sequence[Any] | np.ndarray) -> dict[Any, Importance]:
    """The mean of |value| of each column for each group of rows: does the model look at the same things in both?

    Parameters
    ----------
    explanation
        The answer of `row_shap`.
    groups
        (N,) the group of each background row; see `groups_of` for those of a column.

    Raises
    ------
    ValueError
        If there is not one group for each background row.
    """
    return {group: _of(explanation, places) for group, places in rows_of_groups(explanation, groups).items()}


def groups_of(table: Tabular, column: int | str | tuple[Any, ...]) -> np.ndarray:
    """(N,) the group of each background row by one column, as it is read.

    Each category or value is a group, in the order of the values; a number with more than six is cut at its median.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    names = table.names
    column = str(column) if isinstance(column, tuple) else column  # the levels of a pandas MultiIndex
    if column not in names and column not in range(len(names)):
        raise ValueError(f"column: expected a name or a number from 0 to {len(names) - 1}, got {column!r}")
    place = names.index(column) if isinstance(column, str) else column
    values, kind = needed(table)[:, place], table.columns[place]
    each, own = np.unique(np.where(np.isfinite(values), values, np.nan), return_inverse=True)  # NaN is the last
    known = each[np.isfinite(each)]
    if kind.categories or len(known) <= _MOST_VALUES:
        said = [kind.said(value) for value in known]
    else:
        middle = float(np.median(values[np.isfinite(values)]))
        if middle == known[-1]:  # else there would be no group above
            middle = float(known[-2])
        words = f"at most {kind.said(middle)}", f"above {kind.said(middle)}"
        said = [words[int(value > middle)] for value in known]
    return np.array([*said, kind.said(np.nan)])[own]


def rows_of_groups(explanation: Explanation, groups: Sequence[Any] | np.ndarray) -> dict[Any, np.ndarray]:
    """Which rows of the values belong to each group, groups in their order.

    Raises
    ------
    ValueError
        If there is not one group for each background row.
    """
    of_all, numbers = np.asarray(groups), explanation.features
    if explanation.on != "rows" or numbers is None:
        raise ValueError(f"explanation: expected values of rows, got values on {explanation.on!r}")
    if of_all.ndim != 1 or len(of_all) <= numbers.max():
        raise ValueError(f"groups: expected one for each background row, got shape {of_all.shape}")
    names, own = np.unique(of_all[numbers], return_inverse=True)
    places = np.split(np.argsort(own, kind="stable"), np.cumsum(np.bincount(own))[:-1])
    return dict(zip(names.tolist(), places, strict=True))


def _of(explanation: Explanation, places: np.ndarray | slice) -> Importance:
    values, own = explanation.values[places], explanation.standard_error
    errors = np.zeros(values.shape) if own is None else own[places]
    return Importance(np.abs(values).mean(0), error_of_mean_size(values, errors), len(values))
