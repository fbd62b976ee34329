"""Which columns of a table a model reads: CatBoost by their names, LightGBM by their places alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbexplain.core.model.trees.ensemble import is_a


def places_of(model: Any, names: Sequence[str], framed: bool) -> np.ndarray:
    """(M,) where in a table each column of the model's lies; −1 where it is not there.

    Parameters
    ----------
    model
        The estimator itself; all but CatBoost's read columns by their places.
    names
        Of the table's columns.
    framed
        Whether the model gets a data frame, which tells it the names.
    """
    own = list(getattr(model, "feature_names_", None) or ()) if is_a(model, "catboost", "CatBoost") else []
    if not own:
        return np.arange(len(names))
    if not framed or own == [str(place) for place in range(len(own))]:  # an array that it was trained on has no names
        return np.where(np.arange(len(own)) < len(names), np.arange(len(own)), -1)
    known = {name: place for place, name in enumerate(names)}
    # of a column without effect CatBoost does not mind the name
    return np.array([known.get(name, place if place < len(names) else -1) for place, name in enumerate(own)])


def order_note(model: Any, names: Sequence[str]) -> tuple[str, ...]:
    """What is said where LightGBM was trained on the table's columns in another order, which it does not notice."""
    if is_a(model, "lightgbm", "LGBMModel"):
        own, asked = list(getattr(model, "feature_name_", ())), "model.feature_name_"
    elif is_a(model, "lightgbm", "Booster"):
        own, asked = list(model.feature_name()), "model.feature_name()"
    else:
        return ()
    here = ["_".join(name.split()) for name in names]  # as LightGBM writes them
    if own == here or sorted(own) != sorted(here):
        return ()
    place = next(place for place, (one, other) in enumerate(zip(own, here, strict=True)) if one != other)
    return (
        f"the model was trained on these columns in another order, {_listed(own)}, and LightGBM reads them by their "
        f"places: it takes {here[place]!r} for {own[place]!r}, and so do all values here. With the columns in its own "
        f"order, as in table[{asked}], each counts as itself",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:6])) + ", …" * (len(names) > 6)
