"""How texts are handed to a model that reads them in a column of a table with others."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.model.estimator_calls import comes_from


def way_of_columns(model: Any, call: str, text: str) -> str:
    """The columns of a model that was fitted to several, and the call with a text in one of them; else `""`.

    Parameters
    ----------
    model
        What was fitted, or a method of it.
    text
        What it raised when it got texts.
    """
    owner = getattr(model, "__self__", model)
    known, number = getattr(owner, "feature_names_in_", None), getattr(owner, "n_features_in_", 0)
    specs = [columns for part in _transformers(owner) for _, _, columns in part.transformers]
    if not specs and (not hasattr(owner, "steps") or "2D array" in text):  # its columns may be a vectorizer's
        return ""
    named = isinstance(known, np.ndarray)
    names = known.tolist() if isinstance(known, np.ndarray) else list(range(number))
    if len(names) < 2:
        return ""
    one, every = ("inputs" if named else "one"), range(len(names))
    scalars = [spec for spec in specs if isinstance(spec, (str, int))]  # by itself, not in a list: as texts are taken
    alone = [place for spec in scalars for place in every if spec in (names[place], place)]
    filled = [one if place in alone[:1] else "…" for place in every]
    which = "with values for the others" if alone else "one of them with the inputs, the others with values"
    if named:
        held = ", ".join(f"{name!r}: {value}" for name, value in zip(names, filled))
        made, listed = f"pandas.DataFrame({{{held}}})", f"the columns {', '.join(map(repr, names))}"
    else:
        made = f"numpy.array([[{', '.join(filled)}] for one in inputs], dtype=object)"
        listed = f"{len(names)} columns"
    return f"; it takes a table of {listed}; {which}: lambda inputs: {call}({made})"


def _transformers(model: Any) -> list[Any]:
    """The first `ColumnTransformer` among the steps of a model of scikit-learn, if there is one."""
    model = getattr(model, "best_estimator_", model)
    if not comes_from(model, "sklearn") or not hasattr(model, "get_params"):
        return []
    parts = (model, *model.get_params(deep=True).values())
    return [part for part in parts if hasattr(part, "transformers") and comes_from(part, "sklearn")][:1]
