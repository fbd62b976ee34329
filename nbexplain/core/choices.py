"""What may be chosen: every part of a selection is checked before it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from enum import Enum
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.core import registry
from nbexplain.core import target as targets
from nbexplain.core.called import plain_name
from nbexplain.core.formatting import told_apart
from nbexplain.core.layers import Layer, nearest, split, unprefixed
from nbexplain.core.question import Facts
from nbexplain.core.row_filter import RowFilter
from nbexplain.core.twin import unwrap
from nbexplain.inputs.table_times import date_named

_FEW = 3  # methods that are named


def checked(name: str, value: Any, facts: Facts, classes: Sequence[str], inputs: int) -> Any:
    """The value of one part of the selection as it is kept: class names as indices, layers by their full names.

    Raises
    ------
    TypeError, ValueError
        If the value does not fit, naming the part.
    """
    if name == "method":
        return registry.find(value).key
    if name == "target":
        scores = facts.example
        assert scores is not None, "there is a model to choose for"
        value = facts.first_target if value is None else value
        return targets.checked(
            value, scores, last=facts.classes_last, known=facts.is_clear, names=classes, of=facts.open_labels
        )
    if name == "layer":
        return _checked_layer(value, facts.layers)
    if name == "params":
        return _checked_params(value, facts.kind)
    if name == "where":
        return RowFilter.of(value)
    if name == "cell":
        if value is None:
            return None
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise TypeError(f"cell: expected (row, column), got {value!r}")
        return tuple(checked("cell's place", at, facts, classes, inputs) for at in value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected a whole number, got {value!r}")
    if value < 0 or (name == "input" and value >= inputs):
        most = f" to {inputs - 1}" if name == "input" else " or more"
        raise ValueError(f"{name}: expected 0{most}, got {value}")
    return value


def class_names(classes: Iterable[Any] | None) -> tuple[str, ...] | None:
    """The user's names of the scores, read once: a generator may come.

    Raises
    ------
    TypeError
        If they have no order of their own, or are one string.
    """
    if classes is None:
        return None
    if isinstance(classes, str):
        raise TypeError(
            f"classes: expected a name for each score, got one string, {classes!r}; of a model with a single score: "
            f"classes=[{classes!r}]; of one with several, all their names, as in classes=['no', 'yes']"
        )
    if isinstance(classes, (Mapping, Set)):
        known = list(classes)
        if isinstance(classes, Mapping):
            numbered = all(isinstance(key, int) for key in classes)
            known = [classes[key] for key in (sorted(classes) if numbered else classes)]
        raise TypeError(
            f"classes: expected names in the order of the scores, got a {type(classes).__name__}; try "
            f"classes={[str(name) for name in known]!r} if that is their order"
        )
    named = getattr(classes, "categories", classes)  # of a categorical column, or of its dtype
    try:
        iter(named)
    except TypeError:
        raise TypeError(
            f"classes: expected a name for each score, got {classes!r}; give strings, as in classes=['no', 'yes']"
        ) from None
    given = list(named)
    unnamed = next((one for one in given if _without_name(one)), None)
    if unnamed is not None:
        raise TypeError(f"classes: expected names, got {unnamed!r}; give strings, as in classes=['no', 'yes']")
    return tuple(one.name if isinstance(one, Enum) else str(one) for one in given)


def _without_name(value: Any) -> bool:
    """Whether it tells its type and where it is in memory, and no more."""
    own = next(kind for kind in type(value).__mro__ if {"__str__", "__repr__"} & vars(kind).keys())
    return own is object


def checked_classes(
    classes: Sequence[str] | None, scores: Tensor, labels: Sequence[Any] | None = None, source: str = ""
) -> tuple[str, ...]:
    """One name for each of the scores (1, K, …); without, those of the model's own labels, or invented ones.

    Equal names are told apart by their places, as two of ImageNet's classes are called crane.

    `source` says where the model has its labels.
    """
    count = scores.shape[1]
    if classes is None and count == 1 and not labels:
        return ("score",)
    if classes is None:
        known = labels if labels is not None and len(labels) == count else range(count)
        return told_apart([_named(label) for label in known])
    names = tuple(str(name) for name in classes)
    if len(names) != count:
        maps = f"; if the classes of {tuple(scores.shape)} are last: scores=lambda output: output.movedim(-1, 1)"
        last = maps if scores.ndim > 2 and len(names) == scores.shape[-1] else ""
        raise ValueError(f"classes: expected {count} names, one per score, got {len(names)}{last}")
    own = [str(label) for label in labels or ()]
    told, known = [plain_name(name) for name in names], [plain_name(name) for name in own]
    if told != known and sorted(told) == sorted(known):
        raise ValueError(
            f"classes: {', '.join(map(repr, names))} are the model's own labels in another order than that of its "
            f"scores, which is {source or 'its own'}: {', '.join(map(repr, own))}; leave classes= out"
        )
    return told_apart(names)


def _named(label: Any) -> str:
    """What a class is called by its label: a word or a day as it is, a number as that of a class."""
    if isinstance(label, str):
        return label
    return date_named(label) if isinstance(label, (date, np.datetime64)) else f"class {label}"


def labels_of(model: Any) -> list[Any] | None:
    """What a model calls its scores: the `config.id2label` of Hugging Face.

    None where it has no names: those that transformers makes up (LABEL_0, LABEL_1 …) are none.
    """
    config = getattr(unwrap(model), "config", None)
    names = config.get("id2label") if isinstance(config, Mapping) else getattr(config, "id2label", None)
    if not isinstance(names, Mapping):
        return None
    by_number = {str(number): name for number, name in names.items()}  # a config that was read from JSON has strings
    labels = [by_number.get(str(number)) for number in range(len(by_number))]
    if any(not isinstance(label, str) for label in labels):
        return None
    return None if all(label == f"LABEL_{number}" for number, label in enumerate(labels)) else labels


def _checked_params(value: Any, kind: str) -> dict[str, dict[str, Any]]:
    """Parameters of methods, by the methods' keys; `kind` is that of the input."""
    expected = "params: expected {method: {parameter: value}}"
    if not isinstance(value, Mapping):
        raise TypeError(f"{expected}, got {type(value).__name__}")
    for key, params in value.items():
        if key not in registry.METHODS:
            fit = [m for m in registry.METHODS.values() if not m.reason_for(kind)]
            if having := [m.key for m in fit if set(value) <= set(m.parameters)]:
                few = ", ".join(map(repr, having[:_FEW])) + ", …" * (len(having) > _FEW)
                way = f"params={{{having[0]!r}: {dict(value)!r}}}"
                raise ValueError(f"{expected}, got {dict(value)!r}, parameters of {few}; try {way}")
            close = ", ".join(map(repr, registry.nearest(key)))
            raise ValueError(f"{expected}, and there is no method {key!r}" + (f"; nearest: {close}" if close else ""))
        if not isinstance(params, Mapping):
            raise TypeError(f"{expected}, got {params!r} for {key!r}")
        registry.METHODS[key].check_params(params)
    return {key: dict(params) for key, params in value.items()}


def _checked_layer(name: Any, layers: Sequence[Layer]) -> str:
    rows = {row.name: row for row in layers}
    rows = {**{split(row.name)[0]: row for row in layers}, **rows}  # a plain name is the last call
    row = rows.get(unprefixed(name, rows) if isinstance(name, str) else name)
    if row is None:
        raise ValueError(f"layer: there is no {name!r} in this model; {nearest(str(name), (r.name for r in layers))}")
    if not row.usable:
        raise ValueError(f"layer: {name!r} cannot be used: {row.reason}")
    return row.name
