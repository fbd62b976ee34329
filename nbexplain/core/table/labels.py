"""The labels of a background: which class of the model, or which number, is right for each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from nbexplain.core.called import number_called, values_called
from nbexplain.core.choices import labels_of
from nbexplain.core.dataset.rows import table_of
from nbexplain.core.formatting import counted
from nbexplain.core.model.estimator_calls import classes_of, labels_of_method
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_column import is_missing, key_among, told_apart, written
from nbexplain.inputs.table_dtypes import floats, floats_of
from nbexplain.inputs.table_exact import EXACT
from nbexplain.inputs.table_times import is_time, same_time

_MOST_WRITTEN = 10  # classes
_IN_DAYS = "; if it predicts days: labels=numpy.asarray(labels, dtype='timedelta64[ns]') / numpy.timedelta64(1, 'D')"
_AS_CLASSES = "; if its number is the score of one of two classes, name them: classes=(first, second)"


def has_classes(subject: Subject) -> bool:
    """Whether the highest of the scores is the class that the model chooses; not so of a regression."""
    return not without_classes(subject)


def without_classes(subject: Subject, target: Any = None) -> str:
    """Why the highest of the scores is no class that the model chooses, and what to ask instead; `""` where it is.

    `target` is the score that is asked for, if one is.
    """
    scores, module = subject.scores(), subject.twin.module
    known = module.outputs if isinstance(module, Predictor) and module.way not in ("call", "forward") else None
    if why := undecided(subject, target):
        return why
    if subject.score_name == "prediction":
        return f"the model predicts numbers; use {_of_numbers(subject)}"
    if known is not None and known.exclusive and scores.shape[1] > 1:
        return ""
    if scores.shape[1] == 1 or known is not None:
        one, way = "one number", "it is the score of one of two, say classes=(first, second)"
        if scores.shape[1] > 1:
            one, way = "numbers", "each is the score of a class, give a name for each: classes=[…]"
        return (
            f"the model gives {one}, of which nothing tells a class; if {way}; if the model predicts numbers, use "
            f"{_of_numbers(subject)}"
        )
    if (label := _other_number(subject)) is not None:
        return f"the labels are numbers such as {label:.4g}, and no classes; use {_of_numbers(subject)}"
    return ""


def _of_numbers(subject: Subject) -> str:
    """What to ask of predicted numbers."""
    return "'residuals'" if subject.scores().shape[1] == 1 else "'residuals', target=0"


def tells_classes(subject: Subject, target: Any = None) -> str:
    """Why labels are no numbers that the model predicts, and what to ask instead; `""` where they may be."""
    return undecided(subject, target) or ("it has classes; use 'confusion'" if has_classes(subject) else "")


def undecided(subject: Subject, target: Any = None) -> str:
    """Why a model that tells classes apart chooses none by its scores, and what would; `""` of all other models."""
    subject.scores()  # by which it learns what they are
    module = subject.twin.module
    if subject.reader.by_label and not isinstance(module, Predictor):
        return (
            "each of its scores is that of a label of its own; ask for one of them, with classes=('no', 'yes'): "
            "scores=lambda output: output[:, :1]"
        )
    outputs = module.outputs if isinstance(module, Predictor) else None
    return "" if outputs is None else outputs.why_undecided(target)


def _other_number(subject: Subject) -> float | None:
    """A label that is no whole number, where the scores of several classes would be logits that nobody has named."""
    named = subject.reader.names is not None or labels_of(subject.twin.original) is not None
    module = subject.twin.module
    exclusive = isinstance(module, Predictor) and module.outputs is not None and module.outputs.exclusive
    labels = getattr(subject.input, "labels", None)
    if named or exclusive or labels is None or labels.dtype.kind != "f" or "probability" in subject.score_name:
        return None
    odd = labels[np.isfinite(labels) & (labels != np.rint(labels))]
    return float(odd[0]) if len(odd) else None


def _compared(subject: Subject) -> bool:
    """Whether labels are held against one of several numbers that the model predicts."""
    labels, scores = getattr(subject.input, "labels", None), subject.scores()
    return labels is not None and scores.ndim == 2 and scores.shape[1] > 1 and not tells_classes(subject)


def check_number(subject: Subject) -> None:
    """Check that the model predicts one number, which labels are compared with where nobody says with which.

    Raises
    ------
    ValueError
        If it predicts several.
    """
    if _compared(subject):
        names = subject.names
        listed = ", ".join(f"{number} ({name})" for number, name in enumerate(names[:6])) + ", …" * (len(names) > 6)
        raise ValueError(
            f"target: the model predicts {len(names)} numbers, {listed}; say which of them the labels are: target=0"
        )


def which_number(subject: Subject, target: Any) -> tuple[str, ...]:
    """What is said where labels are compared with one of several numbers."""
    if not _compared(subject) or not isinstance(target, int):
        return ()
    return (f"the labels are compared with {subject.names[target]!r}, one of {len(subject.names)} numbers",)


def class_values(subject: Subject) -> list[Any]:
    """What labels call the classes.

    The model's own labels, such as the estimator's `classes_`, or else what their names are called (`values_called`).
    Where the user has named them, and the background's labels are none of the model's own but these names, the names.
    """
    kept: list[Any] | None = subject.kept("class values")
    if kept is None:
        ways = _ways_to_call(subject)
        labels = subject.input.labels if isinstance(subject.input, Tabular) else None
        fitting = [] if labels is None or len(ways) < 2 else _fitting(labels, ways)
        kept = fitting[0][0] if fitting else ways[0]
        subject.keep("class values", kept, 64 * len(kept))
    return list(kept)


def _ways_to_call(subject: Subject) -> list[list[Any]]:
    """What labels may call the classes, the likelier way first; see `class_values`."""
    scores, module, names = subject.scores(), subject.twin.module, list(subject.names)
    if _unnamed(subject):
        return [names]
    called = values_called(names)
    numbered = any(number_called(name) is not None for name in names)
    by_name = [] if subject.reader.names is None else [called, names] if numbered else [names]
    if isinstance(module, Predictor) and subject.reader.in_order and module.classes is not None:
        return [module.classes.tolist(), *by_name]
    if not isinstance(subject.input, Tabular):
        return [list(range(scores.shape[1]))]
    own = _own_of_callable(subject)
    if own is None:
        return [called, *by_name]
    by_number = values_called([str(label) for label in own])  # of words by their places, unless the user's are numbers
    return [own, *([] if numbered and by_name and by_number == list(range(len(own))) else [by_number]), *by_name]


def _own_of_callable(subject: Subject) -> list[Any] | None:
    """(K,) the labels of a function's scores: those of the estimator it is a method of, or of the frame's columns."""
    module = subject.twin.module
    if not isinstance(module, Predictor) or module.way not in ("call", "forward") or not subject.reader.in_order:
        return None
    count = subject.scores().shape[1]
    own = labels_of_method(module.estimator, count) or module.names
    if own is None or len(own) != count or len(set(map(told_apart, own))) < count:
        return None
    return list(own)


def _fitting(labels: np.ndarray, ways: list[list[Any]]) -> list[tuple[list[Any], np.ndarray]]:
    """The ways to call classes in which each of the labels (N,) is one, with the class numbers (N,) by each."""
    kinds, of_kind = labels, np.arange(len(labels))
    if labels.dtype.kind in "iufbU":  # few of many, which numpy finds quickly
        kinds, of_kind = np.unique(labels, return_inverse=True)
    found = []
    for way in ways:
        try:
            found.append((way, class_numbers(kinds, way)[of_kind]))
        except ValueError:
            continue
    return found


def _unnamed(subject: Subject) -> bool:
    """Whether `scores` puts others in the place of those of the model's classes, and nobody says whose they are."""
    module = subject.twin.module
    own = isinstance(module, Predictor) and module.classes is not None
    return own and not subject.reader.in_order and subject.reader.names is None


def right_classes(subject: Subject) -> np.ndarray:
    """(N,) the class number of each background row's label, −1 where it is missing.

    Labels are what `class_values` says, or names of classes.

    Raises
    ------
    ValueError
        If there are no labels, one of them is no class of the model, or they are the model's own labels as well as
        names, and not of the same classes: of 0, 1 and 2 that are named 1, 2 and 3.
    """
    kept: np.ndarray | None = subject.kept("right classes")
    if kept is not None:
        return kept
    values, module, names = class_values(subject), subject.twin.module, subject.names
    if _unnamed(subject):
        raise ValueError(
            "labels: scores= puts others in the place of the scores of the model's classes, and nothing tells which "
            f"label is whose; name the {len(values)} in their order: classes=[…]"
        )
    labels = needed_labels(table_of(subject))
    ways = _ways_to_call(subject)
    by_way = _fitting(labels, ways) if len(ways) > 1 else []
    own = classes_of(module.estimator) if isinstance(module, Predictor) else None
    known = "model.classes_" if isinstance(own, np.ndarray) and own.tolist() == values else ""
    found = by_way[0][1] if by_way else class_numbers(labels, values, names, known)
    others = [other for _, other in by_way[1:]]
    if not by_way and subject.reader.names is not None:  # some are labels, and others names
        others = [class_numbers(labels, values, names, names_first=True)]
    for other in others:
        if (differs := found != other).any():
            row = int(differs.argmax())
            raise _of_either(labels, row, names[found[row]])
    subject.keep("right classes", found, found.nbytes)
    return found


def _of_either(labels: np.ndarray, row: int, name: str) -> ValueError:
    """What is said of a row whose label is the model's own of the class called `name`, and the name of another."""
    label = labels.tolist()[row]
    made = ""
    if not isinstance(label, str):
        each = "numpy.asarray(labels).astype(str)" if labels.dtype.kind in "iu" else _of_each("str(int(label))")
        made = f"; if the names are meant: labels={each}"
    return ValueError(
        f"labels: row {row} has {written(label)}, which is the model's own label of the class that is named {name!r}, "
        f"and the name of another{made}; else give names that are none of its labels: classes=[…]"
    )


def right_numbers(subject: Subject) -> np.ndarray:
    """(N,) the label of each background row as a number, NaN where it is missing.

    Raises
    ------
    ValueError
        If there are no labels, one of them is no number, or the model predicts none.
    """
    labels = needed_labels(table_of(subject))
    if reason := undecided(subject):
        raise ValueError(f"labels: the model predicts no numbers to compare them with: {reason}")
    if labels.dtype.kind in "fiub":
        return labels.astype(np.float64)
    plain = [np.nan if is_missing(label) else label for label in labels.tolist()]
    for number, label in enumerate(plain):
        if not isinstance(label, (Real, Decimal)) or isinstance(label, np.timedelta64):
            module = subject.twin.module
            predicts = isinstance(module, Predictor) and module.regresses
            way = "" if predicts or subject.scores().shape[1] > 1 else _AS_CLASSES
            way = _IN_DAYS if isinstance(label, (timedelta, np.timedelta64)) else way
            raise ValueError(f"labels: the model predicts numbers, expected numbers, row {number} has {label!r}{way}")
    return np.array(plain, dtype=np.float64)


def floats_of_labels(labels: np.ndarray) -> np.dtype[Any]:
    """In which floats labels (N,) that are numbers are compared: their own where these are shorter than 64 bits."""
    if labels.dtype != object:
        return floats(labels.dtype)
    return floats_of({type(label) for label in labels.tolist() if not is_missing(label)})


def labelled(subject: Subject) -> np.ndarray:
    """(N,) bool: whether there is a label for each background row, and it is one that the model can be right about."""
    return right_classes(subject) >= 0 if has_classes(subject) else np.isfinite(right_numbers(subject))


def left_out(subject: Subject, among: np.ndarray) -> tuple[str, ...]:
    """What is said of those of the rows numbered `among` (n,) that have no label, or one that no number comes near."""
    lost = among[~labelled(subject)[among]]
    infinite = 0 if has_classes(subject) else int(np.isinf(right_numbers(subject)[lost]).sum())
    kinds = {"without a label": len(lost) - infinite, "with an infinite label": infinite}
    return tuple(f"{counted(count, 'row')} {what} left out" for what, count in kinds.items() if count)


def class_numbers(
    labels: np.ndarray,
    classes: Sequence[Any] | np.ndarray,
    names: Sequence[str] = (),
    told: str = "",
    *,
    names_first: bool = False,
) -> np.ndarray:
    """(N,) the place of each of the labels (N,) among the classes or else their names; −1 for a missing one.

    `told` is how the classes are written as an array, for an error; by default one by one. With `names_first` what is
    both a name and another's label is the name.

    Raises
    ------
    ValueError
        If one of them is no class.
    """
    known = classes.tolist() if isinstance(classes, np.ndarray) else list(classes)
    key = _key_among(known)
    last_counts = (known, names) if names_first else (names, known)
    places = {key(label): number for own in last_counts for number, label in enumerate(own)}
    shared = _rounded_alike(known)
    found = np.empty(len(labels), dtype=np.int64)
    for number, label in enumerate(labels.tolist()):
        place = places.get(key(label))
        if shared and isinstance(label, float) and label in shared:
            raise ValueError(
                f"labels: row {number} has {label!r}, a float that the classes {shared[label]} are both rounded to; "
                "give whole numbers that were never floats: of dtype int64, or pandas' Int64 where some are missing"
            )
        if place is None:
            if not is_missing(label):
                named = ", ".join(map(written, known[:_MOST_WRITTEN]))
                raise ValueError(
                    f"labels: row {number} has {written(label)}, expected one of the model's classes {named}"
                    f"{_made_classes(labels, known, told)}"
                )
            place = -1
        found[number] = place
    return found


def _key_among(classes: Sequence[Any]) -> Callable[[Any], Any]:
    """By what one of the classes is looked up; of dates and times by when they are, whatever holds them."""
    key = key_among(classes)
    return (lambda label: key(same_time(label))) if any(map(is_time, classes)) else key


def _rounded_alike(classes: Sequence[Any]) -> dict[float, str]:
    """The floats that several of the classes are rounded to, such as ids of 19 digits, and which these are."""
    large = [label for label in classes if isinstance(label, int) and abs(label) >= EXACT]
    found: dict[float, list[int]] = {}
    for label in large:
        found.setdefault(float(label), []).append(label)
    return {number: " and ".join(map(str, own[:2])) for number, own in found.items() if len(own) > 1}


def _made_classes(labels: np.ndarray, classes: list[Any], told: str) -> str:
    """The call that makes classes of labels (N,) of another type, or of the numbers of the classes; `""` if none."""
    held = labels.tolist()
    present = [label for label in held if not is_missing(label)]
    key = _key_among(classes)
    known = {key(label) for label in classes}
    for make, each, whole in _OTHER_TYPES:
        if all(key(_tried(make, label)) in known for label in present):
            made = f"numpy.asarray(labels){whole}" if len(present) == len(held) else _of_each(each)
            return f"; try labels={made}"
    numbered = all(_tried(_whole, label) in range(len(classes)) for label in present)
    if not numbered or not (told or len(classes) <= _MOST_WRITTEN):
        return ""
    listed = told or f"numpy.array([{', '.join(map(written, classes))}])"
    places = "numpy.asarray(labels)" if labels.dtype.kind in "iu" else "numpy.asarray(labels).astype(int)"
    made = f"{listed}[{places}]" if len(present) == len(held) else _of_each(f"{listed}[int(label)]")
    return f"; if they are the numbers of the classes, from 0 on: labels={made}"


def _of_each(made: str) -> str:
    return f"[None if pandas.isna(label) else {made} for label in labels]"


def _tried(make: Callable[[Any], Any], label: Any) -> Any:
    """What is made of a label, or None where nothing can be."""
    try:
        return make(label)
    except (TypeError, ValueError, OverflowError):
        return None


def _whole(label: Any) -> int | None:
    """A number that is whole, or how one is written."""
    number = int(label)
    return number if isinstance(label, str) or number == label else None


# how labels become classes of another type, as a function, and as it is written for each and for all of them
_OTHER_TYPES: tuple[tuple[Callable[[Any], Any], str, str], ...] = (
    (str, "str(label)", ".astype(str)"),
    (lambda label: str(_whole(label)), "str(int(label))", ".astype(int).astype(str)"),
    (_whole, "int(label)", ".astype(int)"),
    (float, "float(label)", ".astype(float)"),
)


def needed_labels(table: Tabular) -> np.ndarray:
    """The labels (N,) of the background's rows, as they were given.

    Raises
    ------
    ValueError
        If there are none.
    """
    labels = table.labels
    if labels is None:
        raise ValueError(
            "labels: how well the model does is measured with the right class or number of each row; give "
            "Tabular(…, labels=…)"
        )
    return labels
