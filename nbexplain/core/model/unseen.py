"""What a model's own error means for a row that holds what its background does not: tried without it."""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.core.model.estimator_calls import comes_from
from nbexplain.inputs import Array, Tabular
from nbexplain.inputs.table_column import written

_MOST_LISTED = 10  # values that occur
_MOST_ASKED = 20  # columns, to find those that a model cannot take
OUR_OWN = ("model:", "classes:", "scores:")  # how errors begin that say all there is to say of a model's answer


def of_unseen(error: Exception, given: Array, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a value of the row which occurs nowhere in the background; None where it is not that.

    Parameters
    ----------
    scores
        Hands rows (N, F) to the model, by which it is tried with a value that occurs, and without.
    """
    if not isinstance(given, Tabular) or given.background is None or str(error).startswith(OUR_OWN):
        return None
    row, first = given.tensor[0].tolist(), given.background[0].tolist()
    held = x.detach().double().cpu().numpy()
    places = [place for place in given.unseen if _holds(held[:, place], row[place])][:_MOST_ASKED]

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
    said = "; ".join(_said(given, place) for place in odd)
    return ValueError(f"row: {said}{_way(error)}; the model raised {type(error).__name__}: {error}")


def _holds(column: np.ndarray, value: float) -> bool:
    return bool(np.isnan(column).any() if np.isnan(value) else (column == value).any())


def _said(given: Tabular, place: int) -> str:
    """What the row has in a column, and what the background has there."""
    assert given.background is not None
    column, value, known = given.columns[place], float(given.tensor[0, place]), given.background[:, place]
    own = written(column.categories[int(value)]) if np.isfinite(value) else "missing"
    said = f"{column.name!r} is {own}, which does not occur in the background"
    if not column.categories:
        return f"{said}, expected a value"
    occur = np.unique(known[np.isfinite(known)])
    listed = ", ".join(written(column.categories[int(code)]) for code in occur[:_MOST_LISTED])
    return f"{said}, expected one of {listed}{', …' * (len(occur) > _MOST_LISTED)}" if len(occur) else said


def _way(error: Exception) -> str:
    """The encoder of scikit-learn that raised, as it is fitted to take values that it does not know; or `""`."""
    for frame, _ in walk_tb(error.__traceback__):
        own = frame.f_locals.get("self")
        if comes_from(own, "sklearn") and getattr(own, "handle_unknown", None) == "error":
            coded = "'use_encoded_value', unknown_value=-1" if hasattr(own, "unknown_value") else "'ignore'"
            return f"; to take others too, fit the model with {type(own).__name__}(handle_unknown={coded})"
    return ""
