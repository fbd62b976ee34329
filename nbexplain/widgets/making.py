"""How a text or a row of a table is made again, in the names of the user's notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nbexplain.inputs import Array, Tabular, Text

Name = Callable[[Any, str, str], str]


class Making:
    """Expressions for texts and rows that have no name of their own.

    Parameters
    ----------
    things
        Expression and value of all that has one in the notebook.
    name
        `name(thing, word, what)`: its expression, or `word`, with a line that asks for `what`.
    """

    def __init__(self, things: Sequence[tuple[str, Any]], name: Name) -> None:
        self._things, self._name = things, name
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
                return f"{expression}.another([{', '.join(_number(value) for value in x.tensor[0].tolist())}])"
        values = {column.name: _held(column.categories, float(v)) for column, v in zip(x.columns, x.tensor[0])}
        parts = [self._values(x, values)]
        categories = {column.name: list(column.categories) for column in x.columns if column.categories}
        if x.background is not None:
            found = self._background(x, values, categories)
            parts.append(f"background={found or self._name(x.background, 'background', 'the background')}")
        if categories and not self._found_out(x, values, parts[-1]):
            parts.append(f"categories={categories!r}")
        if x.labels is not None:
            alike = self._alike(x.labels) or self._name(x.labels, "labels", "the labels of the background")
            parts.append(f"labels={alike}")
        if x.encode is not None:
            parts.append(f"encode={self._name(x.encode, 'encode', 'encode')}")
        return f"Tabular({', '.join(parts)})"

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

    def _background(self, x: Tabular, values: Mapping[str, Any], categories: Mapping[str, Any]) -> str:
        """The table that has this background in it."""
        assert x.background is not None
        for expression, thing in self._things:
            if _shape(thing) != x.background.shape:
                continue
            try:
                made = Tabular(values, thing, categories=categories)
            except (TypeError, ValueError):  # another table of the same size
                continue
            assert made.background is not None
            if made.framed == x.framed and np.array_equal(made.background, x.background, equal_nan=True):
                return expression
        return ""

    def _found_out(self, x: Tabular, values: Mapping[str, Any], background: str) -> bool:
        """Whether the categories are found by themselves."""
        thing = dict(self._things).get(background.removeprefix("background="))
        return thing is not None and Tabular(values, thing).columns == x.columns

    def _alike(self, labels: np.ndarray) -> str:
        """Something with the same values."""
        for expression, thing in self._things:
            plain = type(thing).__module__.partition(".")[0] in ("numpy", "pandas", "builtins")
            if plain and _shape(thing) == labels.shape and _equal(thing, labels):
                return expression
        return ""


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


def _equal(thing: Any, labels: np.ndarray) -> bool:
    try:
        return np.array_equal(np.asarray(thing), labels)
    except ValueError:  # a list of lists of several lengths
        return False


def _is_names(thing: Any) -> bool:
    return isinstance(thing, (list, tuple)) and all(isinstance(name, str) for name in thing)


def _held(categories: tuple[Any, ...], value: float) -> Any:
    """A value as the user would write it."""
    if not categories:
        return value
    return categories[int(value)] if np.isfinite(value) else None


def _said(value: Any) -> str:
    return _number(value) if isinstance(value, float) else repr(value)


def _number(value: float) -> str:
    return repr(value) if np.isfinite(value) else f"float('{value}')"
