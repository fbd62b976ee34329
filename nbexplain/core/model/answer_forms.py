"""How a row of numbers, or a label, is got out of what a callable returned for an input: written, and tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from nbexplain.inputs.table_column import is_yes_or_no

_DEEPEST = 3  # lists in lists, of one item each


_LABELS, _SHARES = ("label", "class", "prediction", "category"), ("score", "probability", "prob", "confidence")


def as_plain(said: Any) -> np.ndarray:
    """An array of what may be a tensor, with a gradient or not, or a sparse matrix; labels of several kinds stay so."""
    if isinstance(said, Tensor):
        said = said.detach().cpu()
        return np.asarray(said.float() if said.dtype.itemsize < 4 and said.is_floating_point() else said)
    array = np.asarray(said.toarray() if hasattr(said, "toarray") else said)
    if not isinstance(said, (list, tuple)) or array.ndim != 1 or array.dtype.kind == "b":
        return array
    if array.dtype.kind not in "US" and not any(map(is_yes_or_no, said)):
        return array
    held = [one.item() if isinstance(one, (np.generic, np.ndarray, Tensor)) else one for one in said]
    if len(set(map(type, held))) == 1:
        return array
    array = np.empty(len(held), dtype=object)  # numpy writes 1 as '1' beside a string, and True as 1 beside a number
    array[:] = held
    return array


class Form(NamedTuple):
    """What is written for `said`, what an input got, as a function of it, and what must be known of it.

    Attributes
    ----------
    label, number
        Of strings beside numbers, where no name says that they are labels: what reads them, and the form of the number
        alone, if there is one. See `settled`.
    """

    written: str
    read: Callable[[Any], Any]
    note: str = ""
    label: Callable[[Any], Any] | None = None
    number: Form | None = None


def form_of(said: Any, depth: int = 0) -> Form | None:
    """How a row of numbers, or a label, is got out of what a single input got; None where it holds none."""
    if isinstance(said, Tensor):
        if said.ndim < 2:
            return Form("said.tolist()", lambda said: said.tolist())
        return _inside(said, depth)
    if (scores := getattr(said, "cats", None)) and _are_numbers(scores):  # spaCy's documents
        return _by_name("said.cats", lambda said: said.cats, list(scores))
    if isinstance(said, Mapping):
        return _of_mapping(said)
    if isinstance(said, (list, tuple)) and said and all(isinstance(part, Mapping) for part in said):
        return _of_labelled(said) or _inside(said, depth)
    if isinstance(said, (list, tuple)) and len(said) > 1 and all(map(_is_pair, said)):
        names = sorted({label for label, _ in said})
        return _by_name("dict(said)", dict, names) if len(names) == len(said) else None
    try:
        array = np.asarray(said)
    except Exception:  # numbers of several lengths, say
        return _inside(said, depth)
    if isinstance(said, str) or (array.ndim < 2 and array.size and array.dtype.kind in "fiub"):
        return Form("said", lambda said: said)
    return _inside(said, depth)


def settled(form: Form | None, answers: Sequence[Any]) -> Form | None:
    """The form by what several inputs got: a string that comes again is a label, and one that never does is none.

    None where that cannot be told.
    """
    if form is None or form.label is None:
        return form
    first, *others = (form.label(said) for said in answers)
    if first in others:
        return form
    return form.number if others and len(set(others)) == len(others) else None


def _inside(said: Any, depth: int) -> Form | None:
    """Of the first of a tuple, beside which others stand, or the only one of a list; numbers before labels."""
    if isinstance(said, (list, tuple)) and (beside := _beside_labels(said)) is not None:
        return beside
    if isinstance(said, (list, tuple)) and any(isinstance(part, str) for part in said) and depth < _DEEPEST:
        beside, known = _beside_label(said, depth)
        if known:
            return beside
    try:
        first = said[0] if isinstance(said, tuple) or len(said) == 1 else None
    except Exception:  # it has no such thing
        return None
    inner = None if first is None or depth == _DEEPEST else form_of(first, depth + 1)
    return None if inner is None else _at(inner, 0)


def _at(inner: Form, place: int) -> Form:
    """The form of what holds something at a place."""
    label, number = inner.label, inner.number
    return Form(
        re.sub(r"\bsaid\b", f"said[{place}]", inner.written),
        lambda said: inner.read(said[place]),
        inner.note,
        None if label is None else (lambda said: label(said[place])),
        None if number is None else _at(number, place),
    )


def _beside_labels(said: Sequence[Any]) -> Form | None:
    """Of a row of numbers beside as many labels, the likeliest first: by label, as their order changes."""
    names = [place for place, part in enumerate(said) if _is_row_of_strings(part)]
    if len(names) != 1:
        return None
    name = names[0]
    labels = sorted(map(str, said[name]))
    shares = [place for place, part in enumerate(said) if place != name and _is_row_of_shares(part, len(labels))]
    if len(shares) != 1 or len(set(labels)) != len(labels):
        return None
    share = shares[0]
    held = "dict(zip(*said))" if (name, share, len(said)) == (0, 1, 2) else f"dict(zip(said[{name}], said[{share}]))"
    if len(labels) > 1:
        return Form(
            f"[{held}.get(name, 0.0) for name in {tuple(labels)!r}]",
            lambda said: [dict(zip(said[name], said[share])).get(label, 0.0) for label in labels],
            "the scores of these labels, 0 where others win",
            lambda said: tuple(sorted(said[name])),
        )
    (label,) = labels
    return Form(
        f"{held}.get({label!r}, 0.0)",
        lambda said: dict(zip(said[name], said[share])).get(label, 0.0),
        f"the score of {label!r}, 0 where another label wins",
        lambda said: tuple(said[name]),
        Form(f"said[{share}][0]", lambda said: said[share][0]),
    )


def _is_row_of_strings(part: Any) -> bool:
    held = isinstance(part, (list, tuple, np.ndarray)) and np.ndim(part) == 1 and len(part) > 0
    return held and all(isinstance(one, str) for one in part)


def _is_row_of_shares(part: Any, count: int) -> bool:
    if not isinstance(part, (list, tuple, np.ndarray, Tensor)) or len(part) != count:
        return False
    array = as_plain(part)
    return array.ndim == 1 and array.dtype.kind == "f"


def _beside_label(said: Sequence[Any], depth: int) -> tuple[Form | None, bool]:
    """Of the numbers that stand beside a string, and whether there are any: a row of them, or one alone."""
    labels = [part for part in said if isinstance(part, str)]
    for place, part in enumerate(said):
        form = None if isinstance(part, str) or _is_number(part) else form_of(part, depth + 1)
        if form is not None and _are_scores(part, as_plain(form.read(part)), labels):
            return _at(form, place), True
    strings = [place for place, part in enumerate(said) if isinstance(part, str)]
    numbers = [place for place, part in enumerate(said) if _is_number(part) and as_plain(part).dtype.kind == "f"]
    if len(strings) != 1 or len(numbers) != 1:
        return None, strings[0] == 0 and bool(numbers)  # which of them would be a guess
    name, share, label = strings[0], numbers[0], said[strings[0]]
    alone = Form(f"said[{share}]", lambda said: said[share])
    return (
        Form(
            f"{{said[{name}]: said[{share}]}}.get({label!r}, 0.0)",
            lambda said: {said[name]: said[share]}.get(label, 0.0),
            f"the score of {label!r}, 0 where another label wins",
            lambda said: said[name],
            alone,
        ),
        True,
    )


def _are_scores(part: Any, row: np.ndarray, labels: Sequence[str]) -> bool:
    """Whether a row that was read of something has scores of several classes, or by a name that is a label."""
    if isinstance(part, Mapping):
        return row.dtype.kind == "f" and any(label in part for label in labels)
    return row.dtype.kind == "f" and row.ndim == 1 and len(row) > 1


def _of_mapping(said: Mapping[Any, Any]) -> Form | None:
    """Of its numbers; of a label and how likely it is, the score of that label."""
    numbers = [name for name, value in said.items() if _is_number(value)]
    labels = [name for name in _LABELS if isinstance(said.get(name), str)]
    if labels and len(shares := [name for name in numbers if name in _SHARES]) == 1:
        name, share, label = labels[0], shares[0], said[labels[0]]
        return Form(
            f"{{said[{name!r}]: said[{share!r}]}}.get({label!r}, 0.0)",
            lambda said: {said[name]: said[share]}.get(label, 0.0),
            f"the score of {label!r}, 0 where another label wins (a pipeline of Hugging Face returns all of them with "
            "top_k=None)",
        )
    return _by_name("said", lambda said: said, numbers) if numbers and not labels else None


def _by_name(held: str, part: Callable[[Any], Any], names: Sequence[Any]) -> Form:
    return Form(f"[{held}[name] for name in {tuple(names)!r}]", lambda said: [part(said)[name] for name in names])


def _of_labelled(said: Sequence[Mapping[Any, Any]]) -> Form | None:
    """Of dicts of a label and a number each, in an order that changes, as pipelines return them."""
    keys = list(said[0])
    labels = [key for key in keys if isinstance(said[0][key], str)]
    numbers = [key for key in keys if _is_number(said[0][key])]
    if len(labels) != 1 or len(numbers) != 1 or any(set(one) != set(keys) for one in said) or len(said) < 2:
        return None
    label, number = labels[0], numbers[0]
    names = sorted(one[label] for one in said)
    written = f"{{one[{label!r}]: one[{number!r}] for one in said}}"
    return _by_name(written, lambda said: {one[label]: one[number] for one in said}, names)


def _are_numbers(scores: Any) -> bool:
    return isinstance(scores, Mapping) and bool(scores) and all(map(_is_number, scores.values()))


def _is_pair(value: Any) -> bool:
    """Whether it is a label and a number, whichever label comes first."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    return isinstance(value[0], str) and _is_number(value[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or (isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0)


def are_rows(found: Any, count: int) -> bool:
    """Whether what was read is a row of numbers, or a label, for each of so many inputs."""
    try:
        array = np.asarray(found)
    except Exception:
        return False
    return array.ndim in (1, 2) and len(array) == count and array.size > 0 and array.dtype.kind in "fiubU"
