"""How a text or a row of a table is made again, in the names of the user's notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nbexplain.inputs import Array, Tabular, Text
from nbexplain.inputs.table_column import is_missing, told_apart
from nbexplain.inputs.table_reading import frame_of, labels_of, row_of

Name = Callable[[Any, str, str], str]

_MOST_TRIED = 20  # rows that are alike
_MOST_LABELS = 50  # that are written out
_OF_LABELS = ("numpy", "pandas", "builtins", "torch")  # whose arrays and lists may hold labels


class Making:
    """Expressions for texts and rows that have no name of their own.

    Parameters
    ----------
    things
        Expression and value of all that has one in the notebook.
    name
        `name(thing, word, what)`: its expression, or `word`, with a line that asks for `what`.
    remark
        Takes a line that says what else belongs to it.
    """

    def __init__(self, things: Sequence[tuple[str, Any]], name: Name, remark: Callable[[str], None]) -> None:
        self._things, self._name, self._remark = things, name, remark
        self._known = {id(thing): expression for expression, thing in things}

    def expression(self, x: Array) -> str:
        """How it is made, or `""` where it is neither."""
        return self._text(x) if isinstance(x, Text) else self._row(x) if isinstance(x, Tabular) else ""

    # Texts

    def texts(self, inputs: Sequence[Any]) -> str:
        """One expression for the first texts of a list, all made in the same way; or `""`."""
        if len(inputs) < 2 or not all(isinstance(x, Text) and self._ways(x) == self._ways(inputs[0]) for x in inputs):
            return ""
        if len(inputs[0].texts) > 1 or inputs[0].made_with["explain"] is not None:
            return ""
        known = [self._known.get(id(x.text), "") for x in inputs]
        name = known[0].removesuffix("[0]")
        if known != [f"{name}[{place}]" for place in range(len(known))]:
            return ""
        return f"[Text(text{self._how(inputs[0])}) for text in {name}[:{len(known)}]]"

    def _text(self, x: Text) -> str:
        said = self._said(x)
        if x.tokenizer is not None and id(x.tokenizer) not in self._known:
            for expression, thing in self._things:
                if isinstance(thing, Text) and self._ways(thing) == self._ways(x) and _is_another(x, thing):
                    return f"{expression}.another({said})"
        return f"Text({said}{self._how(x)})"

    def _said(self, x: Text) -> str:
        """The string, or the pair of them."""
        each = [self._known.get(id(text)) or repr(text) for text in x.texts]
        return each[0] if len(each) == 1 else self._known.get(id(x.texts)) or f"({', '.join(each)})"

    def _ways(self, x: Text) -> tuple[Any, ...]:
        ways = {name: value for name, value in x.made_with.items() if name != "explain"}
        return id(x.tokenizer), len(x.texts), *ways.values()

    def _how(self, x: Text) -> str:
        tokenizer = f", {self._name(x.tokenizer, 'tokenizer', 'the tokenizer')}" if x.tokenizer is not None else ""
        return tokenizer + "".join(
            f", {name}={self._known.get(id(value), repr(value)) if isinstance(value, str) else repr(value)}"
            for name, value in x.made_with.items()
            if value is not None
        )

    # Rows

    def _row(self, x: Tabular) -> str:
        for expression, thing in self._things:
            if isinstance(thing, Tabular) and thing.columns is x.columns:
                return f"{expression}.another({_numbers(x)})"
        values = {column.name: _held(column.categories, float(v)) for column, v in zip(x.columns, x.tensor[0])}
        categories = {column.name: list(column.categories) for column in x.columns if column.categories}
        row, background = self._values(x, values), ""
        if x.background is not None:
            background, found_out = self._background(x, values, categories)
            told = {} if found_out else categories
            if background and not self._as_written(x, values, background, told):
                values = _as_missing(x, values)
                # else what stands in it cannot be written as it is: dates, decimals
                row = self._values(x, values) if self._as_written(x, values, background, told) else ""
            if not background:
                background, found_out = self._name(x.background, "background", "the background"), False
        else:
            found_out = not categories
        parts = [row, *([f"background={background}"] if background else [])]
        if categories and not found_out:
            parts.append(f"categories={categories!r}")
        if x.labels is not None and (alike := self._alike(x, background) or _in_full(x.labels)):
            parts.append(f"labels={alike}")
        elif x.labels is not None:
            self._remark("# add labels=… to Tabular(…): the labels of the background that were given here")
        if x.encode is not None:
            parts.append(f"encode={self._name(x.encode, 'encode', 'encode')}")
        if row:
            return f"Tabular({', '.join(parts)})"
        return self._row_of(x, background, parts[1:])

    def _values(self, x: Tabular, values: Mapping[str, Any]) -> str:
        """The row of an array that has a name, or its values."""
        names = next((name for name, thing in self._things if _is_names(thing) and tuple(thing) == x.names), "")
        row = x.tensor[0].numpy()
        if names and not any(column.categories for column in x.columns):
            for expression, thing in self._things:
                if isinstance(thing, np.ndarray) and thing.dtype.kind in "fiu" and thing.shape[1:] == row.shape:
                    places = np.flatnonzero((thing == row).all(1))
                    if len(places):
                        return f"{expression}[{places[0]}], names={names}"
        return f"{{{', '.join(f'{name!r}: {_said(value)}' for name, value in values.items())}}}"

    def _row_of(self, x: Tabular, background: str, rest: list[str]) -> str:
        """A row of a frame that has a name; or one that is made of its numbers, where it was changed."""
        own = x.outside(x.tensor)
        for expression, thing in [(background, dict(self._things)[background]), *self._things]:
            if not frame_of(thing) or frame_of(thing) != frame_of(own) or list(thing.columns) != list(own.columns):
                continue
            try:
                for place in _like_row(own, thing):
                    made = Tabular(_at(thing, place), dict(self._things)[background])
                    if made.columns == x.columns and _same_row(made, x):
                        return f"Tabular({_at_said(thing, expression, place)}, {', '.join(rest)})"
            except (TypeError, ValueError):  # another table with these names
                continue
        first = next(
            (
                _at_said(thing, expression, int(np.flatnonzero(thing.index == x.label)[0]))
                for expression, thing in [(background, dict(self._things)[background]), *self._things]
                if x.has_index and frame_of(thing) == "pandas" and thing.ndim == 2 and x.label in thing.index
                if list(thing.columns) == list(own.columns)
            ),
            _at_said(dict(self._things)[background], background, 0),
        )
        return f"Tabular({first}, {', '.join(rest)}).another({_numbers(x)})"

    def _as_written(
        self, x: Tabular, values: Mapping[str, Any], background: str, categories: Mapping[str, Any]
    ) -> bool:
        """Whether the values, as Python writes them, make this very row."""
        if x.has_index or not all(isinstance(v, (int, float, str, bytes, type(None))) for v in values.values()):
            return False
        try:
            return _same_row(Tabular(values, dict(self._things)[background], categories=categories), x)
        except (TypeError, ValueError):
            return False

    def _background(self, x: Tabular, values: Mapping[str, Any], categories: Mapping[str, Any]) -> tuple[str, bool]:
        """The table that has this background in it, and whether the categories are found in it by themselves."""
        assert x.background is not None
        for expression, thing in self._things:
            if _shape(thing) != x.background.shape:
                continue
            for row, given in ((values, {}), (_at(thing, 0), {}), (values, categories)):
                try:
                    made = Tabular(row, thing, categories=given)
                except (TypeError, ValueError):  # another table of the same size
                    continue
                alike = made.form_key == x.form_key and (given or made.columns == x.columns)
                if alike and _equal_numbers(made.background, x.background):
                    return expression, not given
        return "", False

    def _alike(self, x: Tabular, background: str) -> str:
        """Something that makes the same labels, given with the background of this name."""
        assert x.labels is not None
        table = dict(self._things).get(background)
        for expression, thing in self._things:
            plain = frame_of(thing) or type(thing).__module__.partition(".")[0] in _OF_LABELS
            if plain and _shape(thing) in (x.labels.shape, (*x.labels.shape, 1)):
                try:
                    made = labels_of(thing, x.background, table)
                except (TypeError, ValueError):  # lists of several lengths, or the labels of other rows
                    continue
                if made is not None and _equal(made, x.labels):
                    return expression
        return ""


def _at(thing: Any, place: int) -> Any:
    """A row of a table."""
    return thing.iloc[[place]] if frame_of(thing) == "pandas" else thing[place]


def _at_said(thing: Any, expression: str, place: int) -> str:
    return f"{expression}.iloc[[{place}]]" if frame_of(thing) == "pandas" else f"{expression}[{place}]"


def _like_row(own: Any, frame: Any) -> list[int]:
    """Places of the rows of a frame that hold what another frame's only row does; a few of them."""
    alike = np.ones(len(frame), dtype=bool)
    for place in range(own.shape[1]):
        if frame_of(frame) == "polars":
            alike &= frame[:, place].eq_missing(own[:, place]).to_numpy()
            continue
        column, value = frame.iloc[:, place], own.iloc[0, place]
        alike &= ((column == value) | (column.isna() & own.iloc[:, place].isna().iloc[0])).fillna(False).to_numpy(bool)
    return np.flatnonzero(alike)[:_MOST_TRIED].tolist()


def _same_row(made: Tabular, x: Tabular) -> bool:
    alike = np.array_equal(made.tensor.numpy(), x.tensor.numpy(), equal_nan=True) and made.label == x.label
    return alike and all(
        type(one) is type(other) and (is_missing(one) or one == other)  # None is no NaN
        for one, other in zip(*(row_of(row.outside(row.tensor))[0] for row in (made, x)), strict=True)
    )


def _in_full(labels: np.ndarray) -> str:
    """A few plain labels as they are written; else `""`."""
    values = labels.tolist()
    plain = all(type(value) in (int, float, str, bool, type(None)) for value in values)
    return f"[{', '.join(map(_said, values))}]" if plain and len(values) <= _MOST_LABELS else ""


def _equal_numbers(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other, equal_nan=True)


def _numbers(x: Tabular) -> str:
    return f"[{', '.join(_number(value) for value in x.tensor[0].tolist())}]"


def _is_another(x: Text, of: Text) -> bool:
    """Whether a text is what `of.another` makes of the same words."""
    if x.made_with["explain"] is None or of.made_with["explain"] is None:
        return x.made_with["explain"] is of.made_with["explain"]
    try:
        again = of.another(x.text)
        return again.texts == x.texts and again.parts_explained == x.parts_explained
    except ValueError:  # what stays of that one is not in this one
        return False


def _shape(thing: Any) -> tuple[int, ...]:
    """Of an array, a frame or a list (of lists)."""
    if isinstance(thing, (list, tuple)):
        return (len(thing), *(_shape(thing[0]) if thing and isinstance(thing[0], (list, tuple)) else ()))
    shape = getattr(thing, "shape", ())
    return shape if isinstance(shape, tuple) else ()


def _equal(labels: np.ndarray, others: np.ndarray) -> bool:
    """Whether labels (N,) say the same of each row; missing ones may be missing in another way."""
    if "M" in (kinds := {labels.dtype.kind, others.dtype.kind}) or "m" in kinds:
        return len(kinds) == 1 and np.array_equal(labels, others, equal_nan=True)
    return all(
        (is_missing(one) and is_missing(other)) or bool(told_apart(one) == told_apart(other))
        for one, other in zip(labels.tolist(), others.tolist(), strict=True)
    )


def _is_names(thing: Any) -> bool:
    return isinstance(thing, (list, tuple)) and all(isinstance(name, str) for name in thing)


def _held(categories: tuple[Any, ...], value: float) -> Any:
    """A value as the user would write it."""
    if not categories:
        return value
    return categories[int(value)] if np.isfinite(value) else None


def _as_missing(x: Tabular, values: Mapping[str, Any]) -> dict[str, Any]:
    """With NaN where the model gets NaN, and None where it gets that."""
    own = row_of(x.outside(x.tensor))[0]
    return {name: given if is_missing(given) else value for (name, value), given in zip(values.items(), own)}


def _said(value: Any) -> str:
    return _number(value) if isinstance(value, float) else repr(value)


def _number(value: float) -> str:
    return repr(value) if np.isfinite(value) else f"float('{value}')"
