"""What a model's own error means for a row that holds what its background does not: tried without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from traceback import walk_tb
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.core.model.estimator_calls import comes_from
from nbexplain.inputs import Array, Tabular
from nbexplain.inputs.table_column import Column, written

_MOST_LISTED = 10  # values that occur
_MOST_ASKED = 20  # columns, to find those that a model cannot take
_MOST_CODES = 100  # different whole numbers of a column that may stand for categories
OUR_OWN = ("model:", "classes:", "scores:")  # how errors begin that say all there is to say of a model's answer


def of_unseen(error: Exception, given: Array, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a value which occurs nowhere in the background; None where it is not that.

    It is one of the row, or, in a column of few whole numbers, which may be codes, one that a method made up.

    Parameters
    ----------
    scores
        Hands rows (N, F) to the model, by which it is tried with a value that occurs, and without.
    """
    if not isinstance(given, Tabular) or given.background is None or str(error).startswith(OUR_OWN):
        return None
    row, first = given.tensor[0].tolist(), given.background[0].tolist()
    held = x.detach().double().cpu().numpy()
    of_row = {place: row[place] for place in given.unseen if _holds(held[:, place], row[place])}
    found = _of_codes(given, held) | of_row
    places = list(found)[-_MOST_ASKED:]

    def takes(kept: int | None) -> bool:
        """Whether the model takes the rows with values that occur in all of these columns but one."""
        rows = x.detach().clone()
        for place in places:
            if place != kept:
                rows[:, place] = first[place]
        try:
            scores(rows)
        except Exception:  # what it raises is known, or is about something else
            return False
        return True

    if not places or not takes(None):
        return None
    odd = [place for place in places if not takes(place)]
    if not odd:  # it failed by chance, or by several together
        return None
    own = [place for place in odd if place in of_row or found[place] == row[place]]
    said = "; ".join(_said(given, place, found[place]) for place in own or odd)
    begins, way = ("row: ", "") if own else ("model: it does not take rows where ", _as_codes(given, odd))
    return ValueError(f"{begins}{said}{way}{_way(error)}; the model raised {type(error).__name__}: {error}")


def _of_codes(given: Tabular, held: np.ndarray) -> dict[int, float]:
    """By column of few whole numbers one of rows (N, F) that the background lacks: the row's own, else the least."""
    assert given.background is not None
    row, found = given.tensor[0].numpy(), dict[int, float]()
    for place, column in enumerate(given.columns):
        if column.categories or column.time:
            continue
        known = _codes(given.background[:, place])
        new = np.setdiff1d(held[:, place][np.isfinite(held[:, place])], known)
        if len(known) and len(new):
            found[place] = float(row[place]) if row[place] in new else float(new[0])
    return found


def _codes(column: np.ndarray) -> np.ndarray:
    """The different numbers of a column, if they are few and whole, so that they may be codes; else none."""
    known = np.unique(column[np.isfinite(column)])
    return known if len(known) <= _MOST_CODES and (known == np.rint(known)).all() else known[:0]


def _holds(column: np.ndarray, value: float) -> bool:
    return bool(np.isnan(column).any() if np.isnan(value) else (column == value).any())


def _said(given: Tabular, place: int, value: float) -> str:
    """A value in a column, and what the background has there."""
    assert given.background is not None
    column, known = given.columns[place], given.background[:, place]
    said = f"{column.name!r} is {_written(column, value)}, which does not occur in the background"
    occur = np.unique(known[np.isfinite(known)]) if column.categories else _codes(known)
    if not len(occur) or (np.isnan(value) and not column.categories):
        return said if column.categories else f"{said}, expected a value"
    listed = ", ".join(_written(column, one) for one in occur[:_MOST_LISTED])
    return f"{said}, expected one of {listed}{', …' * (len(occur) > _MOST_LISTED)}"


def _written(column: Column, value: float) -> str:
    if np.isnan(value):
        return "missing"
    return written(column.categories[int(value)]) if column.categories else f"{value:.15g}"


def _as_codes(given: Tabular, places: Sequence[int]) -> str:
    """The call by which no numbers between codes are made up."""
    assert given.background is not None
    told = {given.columns[place].name: _codes(given.background[:, place]).astype(int).tolist() for place in places}
    return f"; if its numbers stand for categories, which none lies between: Tabular(…, categories={told!r})"


def _way(error: Exception) -> str:
    """The encoder of scikit-learn that raised, as it is fitted to take values that it does not know; or `""`."""
    for frame, _ in walk_tb(error.__traceback__):
        own = frame.f_locals.get("self")
        if comes_from(own, "sklearn") and getattr(own, "handle_unknown", None) == "error":
            coded = "'use_encoded_value', unknown_value=-1" if hasattr(own, "unknown_value") else "'ignore'"
            return f"; to take others too, fit the model with {type(own).__name__}(handle_unknown={coded})"
    return ""
