"""What to write instead of rows, backgrounds and labels that do not fit; said at the end of their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_OF_BOOSTERS = ("DMatrix", "QuantileDMatrix", "ExtMemQuantileDMatrix", "Pool", "Dataset")  # what they train on


def table_in(background: Any) -> str:
    """Where the table is in what people hand to other packages, or what the background is for."""
    if isinstance(getattr(background, "data", None), np.ndarray) and not isinstance(background, np.ndarray):
        return "; try background=background.data"
    if type(background).__name__ == "LimeTabularExplainer":
        return "; give the table that it was made with"
    if type(background).__name__ in _OF_BOOSTERS:
        return "; give the table that it was made of: Tabular(row, background=table)"
    if isinstance(background, str):
        return f"; read it first: background=pandas.read_csv({background!r})" if background.endswith(".csv") else ""
    if np.ndim(background) == 1:
        return "; a background is a table of many rows, such as the training data: Tabular(row, background=table)"
    if isinstance(background, int):
        return f"; how many rows are used is a parameter of the methods: explain(…, background={background})"
    return ""


def row_in(row: Any) -> str:
    """Where a row is in what boosters train on, or `""`."""
    if type(row).__name__ not in _OF_BOOSTERS:
        return ""
    return "; give a row of the table that it was made of: Tabular(table[0], background=table), or table.iloc[[0]]"


def renamed(row: Any, background: Any) -> str:
    """How columns of pandas that are called alike are told apart, of a model that knows them so; of others `""`."""
    framed, own = hasattr(background, "set_axis"), hasattr(row, "set_axis")
    if not framed and not own:
        return ""
    labels = "table.columns" if framed else "row.index" if row.ndim == 1 else "row.columns"
    told = "row"
    if own:
        told = "row.set_axis(names)" if row.ndim == 1 else "row.set_axis(names, axis=1)"
        if framed and list(row.index if row.ndim == 1 else row.columns) != list(background.columns):
            told = "table.iloc[[0]].set_axis(names, axis=1)"  # their order is all that tells them apart
    table = ", table.set_axis(names, axis=1)" if framed else "" if background is None else ", table"
    once = framed and background.columns.duplicated().any()
    first = "; if it takes the first of each alone: table.loc[:, ~table.columns.duplicated()]" if once else ""
    return (
        "; give them other names, and the model those that it knows: explain(lambda rows: model.predict("
        f"rows.set_axis({labels}, axis=1)), Tabular({told}{table}), …), or predict_proba, with "
        f"names = [f'{{name}}_{{k}}' for k, name in enumerate({labels})]{first}"
    )


def without_more(more: Sequence[str], row: Any) -> str:
    """How a row is written without some of its names."""
    if isinstance(row, Mapping) or hasattr(row, "columns") or hasattr(row, "iloc"):
        return "{name: row[name] for name in table.columns}"
    if list(more) == ["Index"]:
        return "next(table.itertuples(index=False))"
    return "{name: getattr(row, name) for name in table.columns}"


def one_label(array: np.ndarray, count: int, labels: Any) -> str:
    """How one label of each row is made of several columns, if there are so many rows; else `""`.

    `labels` is what `array` was made of.
    """
    if array.ndim == 0 and array.dtype.kind in "US":
        return f"; if it is a column's name: labels=table[{array.item()!r}], and a background without that column"
    if array.ndim != 2 or len(array) != count:
        return ""
    if array.dtype.kind in "fiub" and bool((np.sort(array, 1)[:, -1] == 1).all() and (array.sum(1) == 1).all()):
        if hasattr(labels, "columns"):
            return (
                "; if they are one-hot, with columns called like the model's classes: "
                "labels=numpy.asarray(labels.columns)[numpy.asarray(labels).argmax(axis=1)]"
            )
        return (
            "; if they are one-hot: labels=numpy.argmax(labels, axis=1) for classes that are numbers from 0 on, else "
            "by their names, as in labels=numpy.asarray(model.classes_)[numpy.argmax(labels, axis=1)]"
        )
    if array.dtype.kind in "fiub" and bool(np.isin(array, (0, 1)).all()):
        return (
            "; if each row may have several labels, ask for one of them alone, number k: "
            "explain(lambda rows: model.predict_proba(rows)[:, k], Tabular(row, background=table, "
            "labels=numpy.asarray(labels)[:, k]), …, classes=('no', 'yes')), or predict_proba(rows)[k] of a list"
        )
    return "; the column of the output that is asked for, number k: labels=numpy.asarray(labels)[:, k], and target=k"


def as_kind(value: Any, kind: type) -> str:
    """How a value becomes one of another kind, where it does, before `the background the row's dtype`."""
    way = f"{kind.__name__}({value!r})" if kind in (str, int, float) else ""
    try:
        if isinstance(value, bytes) and kind is str:
            value.decode()
            way = f"{value!r}.decode()"
        elif isinstance(value, str) and kind is bytes:
            way = f"{value!r}.encode()"
        elif way:
            kind(value)
    except (TypeError, ValueError):
        way = ""
    return f"try {way}, or give" if way else "give"


def all_values(name: str, names: Sequence[str], background: Any) -> str:
    """How the values of a column are listed as its categories, if they are in the background; else `""`."""
    if name not in names or background is None or hasattr(background, "toarray"):
        return ""
    named = name in list(getattr(background, "columns", ()))
    column = f"table[{name!r}]" if named else f"numpy.asarray(table)[:, {names.index(name)}]"
    return f"; try categories={{{name!r}: numpy.unique({column}).tolist()}}"
