"""How texts are handed to a model that reads them in a column of a table with others, or reads none."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.formatting import counted
from nbexplain.core.model.estimator_calls import comes_from

_MOST_NAMES = 6


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
    if not _reads_texts(owner):
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


def way_of_rows(model: Any, text: str) -> str:
    """That a fitted model takes rows of a table, how they are given, and how texts are, if they make its columns.

    `""` of others, and of a model with a part that may read texts, unless it raised, as `text`, that it takes rows.
    """
    owner = getattr(model, "__self__", model)
    count, known = getattr(owner, "n_features_in_", None), getattr(owner, "feature_names_in_", None)
    if not isinstance(count, int) or ("2D array" not in text and _reads_texts(owner)):
        return ""
    rows = f"rows of {counted(count, 'value')}"
    if isinstance(known, np.ndarray):
        listed = ", ".join(map(repr, known[:_MOST_NAMES].tolist())) + ", …" * (len(known) > _MOST_NAMES)
        rows = f"rows of a table with the column{'s' * (len(known) > 1)} {listed}"
    fitted = "model" if owner is model else "model.__self__"  # of a method of it
    return (
        f"; it takes {rows}: Tabular(row, background=table); if these are made of texts by a vectorizer: "
        f"explain(make_pipeline(vectorizer, {fitted}), …)"
    )


def _reads_texts(model: Any) -> bool:
    """Whether a model has a part that may read texts: a vectorizer, a function, or a transformer of another package."""
    return any(
        hasattr(part, "build_analyzer") or hasattr(part, "func") or not type(part).__module__.startswith("sklearn.")
        for part in _parts(model)
        if callable(getattr(part, "transform", None)) or hasattr(part, "build_analyzer")
    )


def _transformers(model: Any) -> list[Any]:
    """The first `ColumnTransformer` among the steps of a model of scikit-learn, if there is one."""
    return [part for part in _parts(model) if hasattr(part, "transformers") and comes_from(part, "sklearn")][:1]


def _parts(model: Any) -> list[Any]:
    """A model of scikit-learn and all that it is made of; nothing of another package."""
    model = getattr(model, "best_estimator_", model)
    if not comes_from(model, "sklearn") or not hasattr(model, "get_params"):
        return []
    return [model, *model.get_params(deep=True).values()]
