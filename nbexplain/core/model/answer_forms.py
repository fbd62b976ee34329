"""How a row of numbers, or a label, is got out of what a callable returned for an input: written, and tried."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from nbexplain.inputs.table_column import is_yes_or_no

_DEEPEST = 3  # lists in lists, of one item each
_TO_TELL = 4  # so many inputs with a string each that is another's are no labels
_SAID = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\bsaid\b""")  # the name, or a label in which it may stand
_FRACTION = re.compile(r"-?\d*\.\d+(e[+-]?\d+)?|-?\d+\.?e[+-]?\d+")
# of a label and of its number: which of several it is, and that a whole number is a label
_LABELS = ("label", "class", "prediction", "pred", "category")
_SHARES = ("score", "probability", "prob", "proba", "p", "confidence")
_SIGNED = ("polarity", "compound", "valence")  # of a number that falls below 0 for other inputs, whatever it is here
_ROUNDED = 1e-3  # by so much a probability of single precision may be above 1


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

    `of_labels` if it reads numbers by the labels that stand beside them.
    """

    written: str
    read: Callable[[Any], Any]
    note: str = ""
    of_labels: bool = False


class _Told(NamedTuple):
    """A dict of labels and their numbers: what is written for it, and how it is got of what an input got."""

    written: str
    read: Callable[[Any], Mapping[Any, Any]]
    about: str = ""


def form_of(answers: Sequence[Any], near: Sequence[Any] = (), depth: int = 0) -> Form | None:
    """How a row of numbers, or a label, is got out of what each input got; None where it holds none, or it is a guess.

    A number that stands beside a label is that label's: it is read by label, however the two are written.

    Parameters
    ----------
    answers
        What the inputs got.
    near
        What inputs got that are close to the first one, as far as these can be asked: a string that comes again there
        is a label, and one that never does is none.
    """
    said = answers[0]
    if isinstance(said, Tensor):
        return Form("said.tolist()", lambda said: said.tolist()) if said.ndim < 2 else _inside(answers, near, depth)
    if _are_numbers(getattr(said, "cats", None)):  # spaCy's documents
        return _by_label(_Told("said.cats", lambda said: said.cats), answers, near)
    if (told := _rows_beside(said) or _list_of_pairs(answers, near)) is not None:
        return _by_label(told, answers, near, beside=True) if _are_labels(told, answers, near) else None
    parts = _parts(said)
    if any(isinstance(part, str) for part in parts.values()) or _label_by_name(parts) is not None:
        return _beside_strings(answers, near, depth)
    if isinstance(said, Mapping):
        return _by_name(answers, near, [name for name, part in parts.items() if _is_number(part)])
    try:
        array = np.asarray(said)
    except Exception:  # numbers of several lengths, say
        return _inside(answers, near, depth)
    if isinstance(said, str) or (array.ndim < 2 and array.size and array.dtype.kind in "fiub"):
        return Form("said", lambda said: said)
    return _inside(answers, near, depth)


def literal(value: Any) -> str:
    """How a label or a name is written in Python: numpy writes its own otherwise."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _inside(answers: Sequence[Any], near: Sequence[Any], depth: int) -> Form | None:
    """Of the first of a tuple, beside which others stand, or the only one of a list."""
    said = answers[0]
    try:
        first = said[0] if isinstance(said, tuple) or len(said) == 1 else None
    except Exception:  # it has no such thing
        return None
    return None if first is None or depth == _DEEPEST else _at(0, answers, near, depth)


def _at(key: Any, answers: Sequence[Any], near: Sequence[Any], depth: int) -> Form | None:
    """The form of what stands at a place, or under a name, of what each input got."""
    inner = form_of([said[key] for said in answers], [said[key] for said in near], depth + 1)
    if inner is None:
        return None
    read, at = inner.read, f"said[{literal(key)}]"
    written = _SAID.sub(lambda found: at if found[0] == "said" else found[0], inner.written)
    return inner._replace(written=written, read=lambda said: read(said[key]))


def _by_label(told: _Told, answers: Sequence[Any], near: Sequence[Any], *, beside: bool = False) -> Form:
    """The numbers of all labels that were seen, 0 for those that an input is not told.

    `beside` if the labels stand beside their numbers, in any order; else these are names, which have one.
    """
    own, others = ([list(told.read(said)) for said in these] for these in (answers, near))
    only_first = all(len(labels) == 1 for labels in (*own, *others))  # the likeliest: it is the one to explain
    seen = own if only_first else [*own, *others]
    ordered = not beside and all(labels == seen[0] for labels in seen)
    names = seen[0] if ordered else sorted({label for labels in seen for label in labels}, key=str)
    read = told.read
    if len(names) == 1:
        name = names[0]
        lacking = "another label wins" if beside else "it is not told"
        return Form(
            f"{told.written}.get({literal(name)}, 0.0)",
            lambda said: read(said).get(name, 0.0),
            f"the score of {literal(name)}, 0 where {lacking}{told.about}",
            beside,
        )
    return Form(
        f"[{told.written}.get(name, 0.0) for name in ({', '.join(map(literal, names))})]",
        lambda said: [read(said).get(name, 0.0) for name in names],
        f"the scores of these labels, 0 where one is not told{told.about}",
        beside,
    )


def _by_name(answers: Sequence[Any], near: Sequence[Any], names: Sequence[Any]) -> Form | None:
    """Of the numbers in a mapping, by the names that they have there, or other answers have beside these."""
    others = {name for name in _parts(answers[0]) if name not in names}  # what is no number, or no score

    def numbers(said: Mapping[Any, Any]) -> dict[Any, Any]:
        return {name: part for name, part in said.items() if name not in others and _is_number(part)}

    return _by_label(_Told("said", numbers), answers, near) if names else None


# Labels that stand beside their numbers


def _rows_beside(said: Any) -> _Told | None:
    """Of a row of numbers beside as many labels, the likeliest first."""
    parts = _parts(said)
    names = [key for key, part in parts.items() if _is_row_of_strings(part)]
    if len(names) != 1:
        return None
    name, count = names[0], len(parts[names[0]])
    shares = [key for key, part in parts.items() if key != name and _is_row_of_shares(part, count)]
    if len(shares) != 1:
        return None
    share = shares[0]
    pair = not isinstance(said, Mapping) and (name, share, len(said)) == (0, 1, 2)
    zipped = "*said" if pair else f"said[{literal(name)}], said[{literal(share)}]"
    return _Told(f"dict(zip({zipped}))", lambda said: _different(said[name], said[share]))


def _list_of_pairs(answers: Sequence[Any], near: Sequence[Any]) -> _Told | None:
    """Of lists of a label and a number each, in tuples, lists or dicts; one alone is read as what it is."""
    lists = [*answers, *near]
    if not all(isinstance(said, (list, tuple)) or _is_array_of_objects(said) for said in lists):
        return None
    if max(map(len, lists)) < 2:
        return None
    first = next(said for said in lists if len(said))[0]
    parts = _parts(first)
    names, shares = [key for key, part in parts.items() if isinstance(part, str)], _floats(parts) or _numbers(parts)
    if isinstance(first, str) or len(names) != 1 or len(shares) != 1:
        return None
    name, share = names[0], shares[0]
    for one in (one for said in lists for one in said):
        own = _parts(one)
        if own.keys() != parts.keys() or not isinstance(own[name], str) or not _is_number(own[share]):
            return None
    pairs = not isinstance(first, Mapping) and (name, share, len(first)) == (0, 1, 2)
    written = "dict(said)" if pairs else f"{{one[{literal(name)}]: one[{literal(share)}] for one in said}}"
    return _Told(written, lambda said: _different([one[name] for one in said], [one[share] for one in said]))


def _different(labels: Sequence[Any], numbers: Sequence[Any]) -> dict[str, Any]:
    """Labels and their numbers; these are no labels if one is there twice."""
    found = dict(zip(map(str, labels), numbers, strict=True))
    if len(found) != len(labels):
        raise ValueError("a label is there twice")
    return found


def _are_labels(told: _Told, answers: Sequence[Any], near: Sequence[Any]) -> bool:
    """Whether strings are labels: they come again, or are always as many, of which some come and go."""
    try:
        first, *others = ({str(label) for label in told.read(said)} for said in (answers[0], *near))
    except ValueError:
        return False
    return not others or first in others or (len(first) > 1 and all(len(one) == len(first) for one in others))


def _beside_strings(answers: Sequence[Any], near: Sequence[Any], depth: int) -> Form | None:
    """Of what stands beside strings: a row of scores, or a number, which is that of the string that is a label."""
    said = answers[0]
    parts, named = _parts(said), isinstance(said, Mapping)
    strings = [key for key, part in parts.items() if isinstance(part, str)]
    numbers, floats = _numbers(parts), _floats(parts)
    for key in parts:
        form = None if key in strings or key in numbers or depth == _DEEPEST else _at(key, answers, near, depth)
        if form is not None and _are_scores(parts[key], form.read(said), [parts[one] for one in (*strings, *floats)]):
            return form
    if not named and not floats:
        return _inside(answers, near, depth) if strings[0] == 0 else None
    label = _label_by_name(parts)
    if label is None:
        again = {key: _comes_again([one[key] for one in answers], [one[key] for one in near]) for key in strings}
        labels = [key for key in strings if again[key]]
        if None in again.values() or len(labels) > 1:
            return None
        if not labels and named:
            return _by_name(answers, near, numbers)
        if not labels:
            return _alone(said, floats[0]) if len(floats) == 1 else None
        label = labels[0]
    shares = [key for key in numbers if key in _SHARES] if named else []
    if len(shares) != 1:
        shares = [key for key in floats or numbers if key != label]
    if named and len(shares) > 1 and (parts[label] in shares or _add_up([parts[key] for key in shares])):
        return _by_name(answers, near, shares)
    if len(shares) != 1:
        return None  # which of them would be a guess
    if _is_no_share(shares[0], [_parts(one)[shares[0]] for one in (*answers, *near) if shares[0] in _parts(one)]):
        return _alone(said, shares[0])._replace(note="the number by itself, which is no probability of the string")
    name, share = _alone(said, label), _alone(said, shares[0])
    pipeline = (label, shares[0]) == ("label", "score")
    told = _Told(
        f"{{{name.written}: {share.written}}}",
        lambda said: {name.read(said): share.read(said)},
        " (a pipeline of Hugging Face returns all of them with top_k=None)" * pipeline,
    )
    return _by_label(told, answers, near, beside=True)


def _is_no_share(key: Any, numbers: Sequence[Any]) -> bool:
    """Whether a number that stands beside a label is not how sure it is: below 0, say, as a polarity may be.

    Above 1 too, but for one that is called a score: it may be in percent, or how far the label is ahead.
    """
    found = [float(number) for number in numbers]
    above = key not in _SHARES and max(found) > 1 + _ROUNDED
    return key in _SIGNED or min(found) < 0 or above


def _alone(said: Any, key: Any) -> Form:
    """Of a single part, out of a tensor; numpy makes numbers strings beside others."""
    at = f"said[{literal(key)}]"
    if isinstance(_parts(said)[key], Tensor):
        return Form(f"{at}.item()", lambda said: said[key].item())
    if isinstance(said, np.ndarray) and said.dtype.kind == "U" and not isinstance(_parts(said)[key], str):
        return Form(f"float({at})", lambda said: float(said[key]))
    return Form(at, lambda said: said[key])


def _comes_again(own: Sequence[str], near: Sequence[str]) -> bool | None:
    """Whether strings, one of each input, are labels, as far as can be told; None where it cannot."""
    if not near:
        return len(own) < _TO_TELL or len(set(own)) < len(own)
    if own[0] in near:
        return True
    return False if len(set(near)) == len(near) > 1 else None


def _label_by_name(parts: Mapping[Any, Any]) -> str | None:
    """The name of what must be a label by its name: a string, or a whole number beside one that is called a score."""
    shares = [name for name in _SHARES if _is_number(parts.get(name))]
    for name in _LABELS:
        part = parts.get(name)
        whole = _is_number(part) and as_plain(part).dtype.kind in "iu"
        if isinstance(part, str) or (whole and len(shares) == 1):
            return name
    return None


def _are_scores(part: Any, read: Any, beside: Sequence[Any]) -> bool:
    """Whether what was read of a part are scores: of a label's name, or a row that has the number beside it."""
    row, labels = as_plain(read), [one for one in beside if isinstance(one, str)]
    if row.dtype.kind != "f":
        return False
    if isinstance(part, Mapping):
        return any(label in part for label in labels)
    numbers = [float(one) for one in beside if not isinstance(one, str)]
    held = not numbers or any(np.isclose(row, one, atol=1e-4).any() for one in numbers)
    return row.ndim == 1 and len(row) > 1 and held


# What an answer holds


def _parts(said: Any) -> dict[Any, Any]:
    """What stands under each name, or at each place; numbers that numpy made strings are numbers."""
    if isinstance(said, Mapping):
        return dict(said)
    if isinstance(said, np.ndarray) and said.ndim == 1 and said.dtype.kind == "U":
        return {place: float(one) if _FRACTION.fullmatch(one) else one for place, one in enumerate(said.tolist())}
    return dict(enumerate(said)) if isinstance(said, (list, tuple)) or _is_array_of_objects(said) else {}


def has_label_and_number(row: Any) -> bool:
    """Whether strings stand in it beside fractions."""
    parts = _parts(row)
    return any(isinstance(part, str) for part in parts.values()) and bool(_floats(parts))


def _numbers(parts: Mapping[Any, Any]) -> list[Any]:
    return [key for key, part in parts.items() if _is_number(part)]


def _floats(parts: Mapping[Any, Any]) -> list[Any]:
    return [key for key in _numbers(parts) if as_plain(parts[key]).dtype.kind == "f"]


def _add_up(shares: Sequence[Any]) -> bool:
    return math.isclose(sum(map(float, shares)), 1, abs_tol=1e-3)


def _is_array_of_objects(said: Any) -> bool:
    return isinstance(said, np.ndarray) and said.ndim > 0 and said.dtype == object


def _is_row_of_strings(part: Any) -> bool:
    held = isinstance(part, (list, tuple, np.ndarray)) and np.ndim(part) == 1 and len(part) > 0
    return held and all(isinstance(one, str) for one in part)


def _is_row_of_shares(part: Any, count: int) -> bool:
    if not isinstance(part, (list, tuple, np.ndarray, Tensor)) or len(part) != count:
        return False
    array = as_plain(part)
    return array.ndim == 1 and array.dtype.kind == "f"


def _are_numbers(scores: Any) -> bool:
    return isinstance(scores, Mapping) and bool(scores) and all(map(_is_number, scores.values()))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or (isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0)


def are_rows(found: Any, count: int) -> bool:
    """Whether what was read is a row of numbers, or a label, for each of so many inputs."""
    try:
        array = np.asarray(found)
    except Exception:
        return False
    if array.ndim not in (1, 2) or len(array) != count or not array.size:
        return False
    return array.dtype.kind in "fiub" or (array.dtype.kind == "U" and array.ndim == 1)
