"""What the numbers are that an estimator returns: held against its own `predict`, not assumed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from numbers import Number
from typing import Any

import numpy as np

from nbexplain.core.called import number_called
from nbexplain.core.model.answer_forms import as_plain
from nbexplain.inputs.table_column import is_missing, is_yes_or_no, of_one_kind, told_apart, written

_MOST_LABELS = 1000  # kinds of labels that `predict` may return, each of which becomes a score
_FEW_NUMBERS = 20  # kinds of whole numbers that may be labels
_ROUNDED = 1e-3  # by so much a probability of single precision may be below 0 or above 1
_FEW_STRINGS = 8  # from so many on, strings that hold numbers and hardly ever come again are no labels
_WRITTEN = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\s*%?|[-+]?\d+\s*%")  # a fraction, or a percentage
_RANGE = re.compile(r"[<>≤≥]|\d%?\s*(?:[-–]|to)\s*\d|\(.+,.+\]|\[.+,.+\)")
_YES_OR_NO = np.array([False, True])
OUTLIERS = (-1, 1)  # what predict of scikit-learn's outlier detectors says of outliers and of inliers
_OF_RAW = (
    "the model's predict returns these scores and no classes, as with an objective of one's own; the class with the "
    "highest is taken for the predicted one, of two classes the second where its score is above 0"
)


@dataclass(frozen=True)
class Outputs:
    """How scores (N, K) are made of what an estimator returns, and what they are.

    Attributes
    ----------
    scores
        Output (N, …) → scores (N, K).
    names
        Of the K scores, as the estimator has them; None where it has none.
    labels
        What `predict` returns for each of them, where that is something else than its name.
    undecided
        Where it tells classes apart and does not choose one by these scores: why, and the call that would.
    by_chance
        Whether the input's scores may add up to 1, and those of other rows do not.
    quantity
        `"probability"`, `"prediction"` (of a number), or `"score"`.
    exclusive
        Whether `predict` chooses the class with the highest score.
    by_score
        The same where one of the K scores is asked for, where it depends on that.
    contradicted
        Whether `predict` was seen to choose another class.
    alone
        Whether the labels are those of the input itself, so that there may be others.
    notes
        What a reader of the scores must know.
    """

    scores: Callable[[np.ndarray], np.ndarray]
    names: tuple[Any, ...] | None = None
    quantity: str = "score"
    exclusive: bool = False
    notes: tuple[str, ...] = ()
    labels: tuple[Any, ...] | None = None
    undecided: str = ""
    by_chance: bool = False
    by_score: tuple[str, ...] = ()
    contradicted: bool = False
    alone: bool = False

    def why_undecided(self, target: Any) -> str:
        """Why no class is chosen, with the call that would for the score that is asked for; `""` where one is."""
        asked = isinstance(target, int) and 0 <= target < len(self.by_score)
        return self.by_score[target] if asked else self.undecided


def numbers(array: np.ndarray) -> np.ndarray:
    """Scores (N, K) of an output (N,) or (N, K)."""
    if array.dtype.kind not in "fiub":
        held = array.ravel().tolist()
        odd = [one for one in held if not _is_number(one)] or held
        kind = "strings" if isinstance(odd[0], str) else type(odd[0]).__name__
        among = f" among {array.size - len(odd):,} numbers" if len(odd) < array.size else ""
        raise ValueError(f"model: expected numbers, got {kind} such as {odd[0]!r}{among}")
    return array.reshape(len(array), -1).astype(np.float64)


def tells(said: np.ndarray) -> np.ndarray:
    """(N,) bool: which of some outputs tell what the numbers are: none that are NaN or infinite do."""
    return np.asarray(np.isfinite(numbers(said)).all(1)) if said.dtype.kind == "f" else np.ones(len(said), dtype=bool)


def _beyond(said: np.ndarray) -> np.ndarray:
    """The numbers that are below 0 or above 1, by more than rounding; NaN is none of them."""
    return said[(said < -_ROUNDED) | (said > 1 + _ROUNDED)]


def _between(said: np.ndarray) -> bool:
    """Whether the numbers are from 0 to 1, as far as they tell."""
    return not _beyond(said[tells(said)]).size


# What it is, by what was asked


def of_classes(
    way: str,
    said: np.ndarray,
    labels: np.ndarray | None,
    chosen: np.ndarray | None,
    *,
    pairs: bool = False,
    told: Sequence[str] | None = None,
) -> Outputs:
    """Of `predict_proba` or `decision_function`.

    Parameters
    ----------
    way
        Which of the two.
    said
        (N,) or (N, K), what it returned for some rows.
    labels
        (K,) the estimator's `classes_`, or None.
    chosen
        What `predict` returned for the same rows, or None.
    pairs
        Whether the estimator says that its decision function is one of pairs, where the rows do not tell.
    told
        The user's names of the classes, or None.
    """
    if (known := tells(said)).any():
        said, chosen = said[known], None if chosen is None else chosen[known]
    table = numbers(said)
    if chosen is not None and _same_numbers(table, chosen) and labels is None:
        if way != "predict_proba" or not add_up(table):
            return of_numbers(table, regresses=True)
        chosen = None  # nothing is chosen by it
    chosen = _one_of_each(table, labels, chosen)
    if labels is not None and chosen is not None and _same_numbers(table, chosen) and not np.isin(chosen, labels).all():
        return of_raw(said, labels)
    quantity = "probability" if way == "predict_proba" and _between(table) else "score"
    count, margins = table.shape[1], way == "decision_function"
    if count == 1 and labels is None and chosen is not None and chosen.ndim == 1:
        labels = _two_labels(table, chosen, told)
    if count == 1 and labels is not None and len(labels) == 2:
        reverse = (
            quantity == "score" and chosen is not None and _agreement(np.hstack([table, -table]), labels, chosen) == 1
        )
        signs = -1 if reverse and _agreement(np.hstack([-table, table]), labels, chosen) < 1 else 1
        both = (lambda a: _both(1 - a, a)) if quantity == "probability" else (lambda a: _both(-signs * a, signs * a))
        return _named(lambda a: both(numbers(a)), table, labels, chosen, quantity, way, told)
    if labels is not None and count == len(labels) and not (margins and _by_pairs(table, labels, chosen, pairs)):
        return _named(numbers, table, labels, chosen, quantity, way, told)
    if margins and labels is not None and count == len(labels) * (len(labels) - 1) // 2:
        names = tuple(f"{first} against {second}" for first, second in combinations(labels.tolist(), 2))
        note = "the scores are margins of pairs of classes: positive ones speak for the first"
        why = "its scores are margins of pairs of classes; model.set_params(decision_function_shape='ovr') makes them "
        return Outputs(numbers, names, "score", notes=(note,), undecided=f"{why}those of classes")
    return _without_labels(way, table, chosen, quantity, told)


def of_raw(said: np.ndarray, labels: np.ndarray) -> Outputs:
    """Of scores of the classes `labels` that `predict` itself returns, as with an objective of one's own."""
    found = of_classes("decision_function", said, labels, None)
    return replace(found, notes=(*found.notes, _OF_RAW))


def _without_labels(
    way: str, table: np.ndarray, chosen: np.ndarray | None, quantity: str, told: Sequence[str] | None
) -> Outputs:
    """Of scores for which the estimator has no labels: its `predict` tells them, or else the user."""
    count, shares = table.shape[1], way == "predict_proba" and add_up(table)
    named = told is not None and len(told) == count
    if count > 1 and chosen is not None and chosen.shape == table.shape and np.isin(chosen, (0, 1)).all():
        return _checked(numbers, table, np.arange(count), chosen, quantity, way)  # several labels, each yes or no
    if count < 2:
        return Outputs(numbers, quantity=quantity, undecided=_why_not_two(chosen, quantity))
    if chosen is not None and chosen.ndim > 1:
        return Outputs(numbers, quantity=quantity)
    if chosen is None:
        return Outputs(numbers, quantity=quantity, exclusive=shares)
    if (labels := _labels_seen(table, chosen)) is not None:
        return _checked(numbers, table, labels, chosen, quantity, way)
    counted = (np.array(told), np.arange(count), np.arange(1, count + 1)) if named else ()
    if fitting := [known for known in counted if are_among(chosen, known).all()]:
        best = max(fitting, key=lambda known: _agreement(table, known, chosen))
        return _checked(numbers, table, best, chosen, quantity, way)
    if way != "predict_proba" or named:
        return Outputs(numbers, quantity=quantity, exclusive=named)
    why = (
        f"it has no label for each of its {count} probabilities (model.classes_), and its predict does not return the "
        "number of the highest; give the name of each class, in the order of the probabilities: classes=[…]"
    )
    return Outputs(numbers, quantity=quantity, undecided=why)


def _one_of_each(table: np.ndarray, labels: np.ndarray | None, chosen: np.ndarray | None) -> np.ndarray | None:
    """(N,) the one label of each row where `predict` returns it as a column of 0 and one 1, or first of a ranking.

    As it is where each row has several labels; two columns of an estimator whose classes are 0 and 1 are two labels.
    """
    known = np.arange(table.shape[1]) if labels is None else labels
    if chosen is None or chosen.ndim < 2 or chosen.shape[1] < 2 or len(known) != table.shape[1]:
        return chosen
    if chosen.dtype.kind in "fiub" and np.isin(chosen, (0, 1)).all():
        either = labels is not None and len(labels) == 2 and are_among(labels, np.arange(2)).all()
        marked = chosen.shape == table.shape and add_up(table) and (chosen.sum(1) == 1).all()
        return known[chosen.argmax(1)] if marked and not either else chosen
    columns = [chosen[:, place] for place in range(chosen.shape[1])]
    if not all(are_among(own, known).all() for own in columns):
        return chosen
    first, *others = (_agreement(table, known, own) for own in columns)
    ranked = all(len(set(row)) == len(row) for row in chosen.tolist())
    return columns[0] if ranked and first > max(others) else chosen


def _two_labels(table: np.ndarray, chosen: np.ndarray, told: Sequence[str] | None) -> np.ndarray | None:
    """(2,) what `predict` says where a single number (N, 1) is low, and where it is high; None if it does not tell."""
    found, labels = _different(chosen.tolist()), None
    if len(found) == 2 and not any(map(is_missing, found)):
        is_second = np.array([told_apart(label) == told_apart(found[1]) for label in chosen.tolist()])
        first, second = table[~is_second], table[is_second]
        rises, falls = first.max() < second.min(), second.max() < first.min()
        labels = as_plain(found) if rises else as_plain(found[::-1]) if falls else None
    for known in (_YES_OR_NO if chosen.dtype.kind == "b" else np.arange(2), np.array(told or ())):
        if len(known) == 2 and are_among(chosen, known).all() and (labels is None or np.array_equal(labels, known)):
            return known
    return labels


def _why_not_two(chosen: np.ndarray | None, quantity: str) -> str:
    """Why a single number that is no prediction tells no classes, and the call by which it does."""
    one = f"it gives one {quantity} for each row"
    kinds = [] if chosen is None or chosen.ndim > 1 else _different(chosen.tolist())
    if chosen is not None and len(kinds) > 2 and not any(map(is_missing, kinds)):  # all of which a callable may return
        meant = "if these numbers are meant: explain(model.predict, …, 'residuals')"
        if chosen.dtype.kind == "f":
            return (
                f"{one}, and its predict returns numbers such as {kinds[0]:.4g}; if the {quantity} is that of one of "
                f"two classes, name them, in this order: classes=(first, second); {meant}"
            )
        if chosen.dtype.kind in "iu":
            return (
                f"{one}, and its predict returns {len(kinds)} different whole numbers; if they are classes, give a "
                f"name for each, from the lowest on: explain(model.predict, …, classes=[…]); {meant}"
            )
        return f"{one}, and its predict returns {len(kinds)} different labels; ask for these: explain(model.predict, …)"
    return (
        f"{one}, and has no predict that tells the class of a low one from that of a high one; name them, in this "
        "order: classes=(first, second)"
    )


def beside_predict(chosen: np.ndarray | None) -> tuple[str, ...]:
    """What is said of two classes that were named, where `predict` returned labels that do not follow their scores."""
    if chosen is None or chosen.ndim > 1 or len(labels := _different(chosen.tolist())) < 2:
        return ()
    return (
        f"the model's own predict returns labels such as {_listed(labels)}, which do not follow its single number; the "
        "class with the highest score is taken for the predicted one",
    )


def _labels_seen(table: np.ndarray, chosen: np.ndarray) -> np.ndarray | None:
    """(K,) the label that `predict` returns where each score is the highest: its number, or one of its own; or None."""
    numbered = np.arange(table.shape[1])
    if _agreement(table, numbered, chosen) == 1:
        return numbered
    highest = table.argmax(1)
    seen = [_different(chosen[highest == place].tolist()) for place in numbered]
    if any(len(own) != 1 or is_missing(own[0]) for own in seen):
        return None  # one is never the highest, or `predict` abstains or goes by something else
    found = as_plain([own[0] for own in seen])
    return found if len(_different(found.tolist())) == len(found) else None


def _decodes(table: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> bool:
    """Whether `predict` calls the classes otherwise, where it returns one label for each, some of them in `classes_`.

    It may instead return another label where the highest score is low, as one that abstains; then that of no such row
    is above that of a row which has the label in `classes_`.
    """
    top = table.max(1)
    highest = table >= top[:, None]
    kept = (highest & _which(chosen, labels)).any(1)
    if kept.all() or not highest.any(0).all():
        return False
    return not kept.any() or bool(top[~kept].max() > top[kept].min())


def _different(labels: Sequence[Any]) -> list[Any]:
    """Each of some labels once, in the order in which they come; True is another than 1, and NaN is one."""
    once = (np.nan if isinstance(label, float) and np.isnan(label) else label for label in labels)
    return [label for _, label in dict.fromkeys(map(told_apart, once))]


def _named(
    scores: Callable[[np.ndarray], np.ndarray],
    said: np.ndarray,
    labels: np.ndarray,
    chosen: np.ndarray | None,
    quantity: str,
    way: str,
    told: Sequence[str] | None,
) -> Outputs:
    """Scores of the classes `labels`, which `predict` may call otherwise: it may decode those of a model inside."""
    if chosen is None or chosen.ndim > 1 or len(labels) == 1:
        return _checked(scores, said, labels, chosen, quantity, way)
    own = _labels_seen(scores(said), chosen)
    if are_among(chosen, labels).any() and (own is None or not _decodes(scores(said), labels, chosen)):
        return _checked(scores, said, labels, chosen, quantity, way)
    if own is None and told is not None and len(told) == len(labels) and are_among(chosen, np.array(told)).all():
        own = np.array(told)
    known = _listed(labels.tolist())
    returned = _listed(_different((chosen if own is None else own).tolist()))
    if own is None:
        note = (
            f"the model's own predict returns labels such as {returned}, and none of its classes_ ({known}): the class "
            f"with the highest {quantity} is taken for the predicted one. Classes are called by the labels of predict "
            "where these are given in the order of classes_: classes=[…]"
        )
        return replace(_checked(scores, said, labels, None, quantity, way), notes=(note,))
    found = _checked(scores, said, own, chosen, quantity, way)
    if np.array_equal(own, np.arange(len(own))):  # the number of the class, which has a name
        return replace(found, names=tuple(labels.tolist()), labels=tuple(own.tolist()))
    if told is not None and list(told) == own.tolist():
        return found
    note = f"the classes are called what the model's own predict returns, {returned}; its classes_ are {known}"
    return replace(found, notes=(note, *found.notes))


def _listed(labels: Sequence[Any]) -> str:
    return ", ".join(map(written, labels[:6])) + ", …" * (len(labels) > 6)


def _both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.hstack([first, second])


def _checked(
    scores: Callable[[np.ndarray], np.ndarray],
    said: np.ndarray,
    labels: np.ndarray,
    chosen: np.ndarray | None,
    quantity: str,
    way: str,
) -> Outputs:
    """Scores of the classes `labels`; it is said where `predict` does not choose the highest."""
    names = tuple(labels.tolist())
    if len(names) == 1:
        return Outputs(scores, names, quantity, exclusive=True, undecided=_of_a_single(names[0], "class"))
    if chosen is None:
        return Outputs(scores, names, quantity, exclusive=True)
    if chosen.ndim == 2 and chosen.shape[1] > 1:  # several labels for a row, each yes or no
        return replace(of_labels_in_columns(way, len(names)), scores=scores, names=names, quantity=quantity)
    made = scores(said)
    share = _agreement(made, labels, chosen)
    notes: tuple[str, ...] = ()
    if share < 1:
        notes = (
            f"the model's own predict does not choose the class with the highest {quantity} for {1 - share:.0%} of the "
            f"rows that were tried{_threshold(made, labels, chosen, quantity)}; 'predicted', 'error', accuracies and "
            f"the confusion matrix go by the highest {quantity}, counterfactuals by predict",
        )
    return Outputs(scores, names, quantity, exclusive=True, notes=notes, contradicted=share < 1)


def _of_a_single(label: Any, kind: str) -> str:
    """Why no class is chosen where there is one alone: of an estimator's own, a cluster, or what a model returned."""
    ways = {
        "class": f"it was fitted to a single class, {label!r} (model.classes_)",
        "cluster": f"it has a single cluster, {label!r}",
        "label": f"it returned the label {label!r} for each row that it was asked",
    }
    more = f"; if there are others, name them all: classes=({label!r}, …)" if kind == "label" else ""
    return f"{ways[kind]}, so there is nothing to choose between{more}"


def _threshold(scores: np.ndarray, labels: np.ndarray, chosen: np.ndarray, quantity: str) -> str:
    """From which score of the second of two classes on `predict` chooses it, where that is what it does; or `""`."""
    yes = _which(chosen, labels)[:, -1]
    if len(labels) != 2 or yes.all() or not yes.any():
        return ""
    low, high = float(scores[~yes, 1].max()), float(scores[yes, 1].min())
    if low >= high:
        return ""
    between = next((n for n in (float(f"{(low + high) / 2:.{d}g}") for d in range(1, 17)) if low < n <= high), high)
    name = repr(labels.tolist()[1])
    return (
        f": it says {name} from a {quantity} of about {between:g} on, as does the confusion matrix with target=1, "
        f"threshold={between:g}"
    )


def are_among(chosen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) bool: whether what `predict` chose is one of these labels, of which '1' is not 1."""
    return np.asarray(_which(chosen, labels).any(1))


def _which(chosen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, K) bool: which of the labels `predict` chose; True is another than 1 where they are of several kinds."""
    column = chosen.reshape(-1, 1)
    same = np.asarray(column == labels)
    if of_one_kind(labels.tolist()):
        return same
    yes_or_no = np.vectorize(is_yes_or_no, otypes=[bool])
    return np.asarray(same & (yes_or_no(column) == yes_or_no(labels)))


def _agreement(table: np.ndarray, labels: np.ndarray, chosen: np.ndarray | None) -> float:
    """For which share of rows `predict` chose one of the highest scores."""
    if chosen is None:
        return 1.0
    highest = table >= table.max(1, keepdims=True)
    return float((highest & _which(chosen, labels)).any(1).mean())


def _by_pairs(table: np.ndarray, labels: np.ndarray, chosen: np.ndarray | None, declared: bool) -> bool:
    """Whether three scores of three classes are margins of pairs, so that `predict` says what their votes say."""
    if chosen is not None and chosen.ndim == 2:  # several labels for a row
        return False
    if len(labels) != 3 or chosen is None:
        return declared and len(labels) == 3
    votes = np.zeros_like(table)
    for column, (first, second) in enumerate(combinations(range(3), 2)):
        votes[:, first] += table[:, column] > 0
        votes[:, second] += table[:, column] <= 0
    by_votes, by_class = _agreement(votes, labels, chosen), _agreement(table, labels, chosen)
    return 1 == by_votes > by_class or (by_votes >= by_class and declared)


def of_numbers(said: np.ndarray, names: Sequence[str] = (), *, regresses: bool = False) -> Outputs:
    """Of numbers (N,) or (N, K) that are no labels."""
    count = numbers(said).shape[1]
    if regresses:
        named = tuple(names) or (("prediction",) if count == 1 else tuple(f"output {k}" for k in range(count)))
        return Outputs(numbers, named, "prediction")
    return Outputs(numbers, tuple(names) or None)


def add_up(said: np.ndarray) -> bool:
    """Whether numbers (N, K) are shares, of which those of each row add up to 1."""
    table = numbers(said)[tells(said)]
    if not len(table) or table.shape[1] < 2:
        return False
    return bool((table >= -_ROUNDED).all() and (np.abs(table.sum(1) - 1) < _ROUNDED).all())


def of_labels(
    labels: Sequence[Any] | np.ndarray,
    names: Sequence[str] | None = None,
    *,
    alone: bool = False,
    kind: str = "class",
) -> Outputs:
    """Of labels (N,), each of which becomes a score of 1 for the class that is chosen, and 0 for the others.

    `alone` if they are those of the input itself, as a text has no background. `kind` is `"class"` of those that an
    estimator knows, `"cluster"`, or `"label"` of those that were seen.
    """
    known = as_plain(labels)

    def scores(said: np.ndarray) -> np.ndarray:
        said = said.reshape(len(said), -1)[:, 0]
        chosen = _which(said, known)
        unknown = np.isnan(said) if said.dtype.kind == "f" else np.zeros(len(said), dtype=bool)
        if not (other := chosen.any(1) | unknown).all():
            label = said[~other][:1].tolist()[0]
            if alone:
                if way := _holding_numbers([*known.tolist(), label]):
                    raise ValueError(way)
                own = ", ".join(map(written, known.tolist()))
                raise ValueError(
                    f"model: it returned the label {written(label)}, and {own} for the input itself; say which "
                    f"labels there are: classes={[*known.tolist(), label]}, all of them"
                )
            if names is not None and kind == "class":
                raise ValueError(
                    f"model: it returned the label {written(label)}, and the {len(names)} names given are those of "
                    f"{_listed(known.tolist())}; name each label that it may return: classes=[…], all of them"
                )
            raise ValueError(
                f"model: it returned the label {written(label)}, which it did for none of the rows that tell its "
                f"classes ({', '.join(map(written, known[:6].tolist()))}); give a background in which each occurs, or "
                "classes=[…], all of them"
            )
        return np.where(unknown[:, None], np.nan, chosen)

    labelled = tuple(known.tolist())
    named = labelled if names is None else tuple(names)
    why = _of_a_single(labelled[0], kind) if len(labelled) == 1 else ""
    return Outputs(scores, named, "score", exclusive=True, undecided=why, labels=labelled, alone=alone)


def are_whole(said: np.ndarray) -> bool:
    """Whether numbers (N,) are whole, as far as they tell: of floats too, which may then be labels."""
    known = said[tells(said)]
    return said.dtype.kind in "iub" or bool(known.size and (known == np.round(known)).all())


def tell_two(said: np.ndarray) -> bool:
    """Whether numbers (N,) are such that two classes are told by them rather than being labels.

    0 and 1 are probabilities, as numbers between them are, and numbers on both sides of 0 are margins.
    """
    known = np.unique(said[tells(said)])
    if not are_whole(known) or not 1 < len(known) <= _FEW_NUMBERS:
        return True
    return set(known.tolist()) <= {0, 1} or bool(known[0] < 0 < known[-1])


def two_told(said: np.ndarray) -> tuple[Any, ...] | None:
    """The two whole numbers that were returned, one of them below 0, which labels may be as well; None of others."""
    known = np.unique(said[tells(said)])
    if len(known) != 2 or not are_whole(known) or not known[0] < 0 < known[1]:
        return None
    return tuple(known.astype(np.int64).tolist())


def are_called(said: np.ndarray, told: Sequence[str]) -> bool:
    """Whether numbers (N,) are those that the names of the classes are, unless these are 0 and 1 in this order.

    A 0 and a 1 may then be probabilities as well.
    """
    named = [number_called(name) for name in told]
    known = set(np.unique(said[tells(said)]).tolist())
    return None not in named and named != [0, 1] and len(known) > 0 and known <= set(named)


def renames(labels: np.ndarray, told: Sequence[str]) -> bool:
    """Whether each of the labels (K,) of an estimator is given another name, and none is called by another's number."""
    return len(labels) == len(told) and not are_called(labels, told)


def labels_named(
    said: np.ndarray, right: Sequence[Any], told: Sequence[str], call: str, *, alone: bool
) -> Sequence[Any]:
    """(K,) the whole numbers that are the labels of K classes with names, by those that a model returned.

    These names where they are numbers, of two classes −1 and 1, and else what is counted from 0, or from 1, or what was
    returned where it is as many. `right` are those of rows, which may hold more of them. `alone` if there are no rows
    that could have more: a 1 of two classes is then the second, as yes is.

    Raises
    ------
    ValueError
        If they do not tell.
    """
    count, seen = len(told), list(np.unique(said[tells(said)]).tolist())
    named = [number_called(name) for name in told]
    if None not in named and len(set(named)) == count and set(seen) <= set(named):
        return named
    if count == 2 and set(seen) <= set(OUTLIERS) and seen[0] < 0:
        return OUTLIERS
    if said.dtype.kind != "b" and not (0 in seen or count in seen):
        seen = with_right_ones(seen, right)
    from_0, from_1 = range(count), range(1, count + 1)
    if set(seen) <= set(from_0) and (0 in seen or said.dtype.kind == "b" or (alone and count == 2)):
        return from_0
    if set(seen) <= set(from_1) and count in seen:
        return from_1
    if len(seen) == count:
        return seen
    names, said_whole = f"numpy.array({list(told)})", f"numpy.asarray({call}(rows), dtype=int)"
    if set(seen) <= set(from_1):
        raise ValueError(
            f"classes: the model returned the whole numbers {_listed(seen)}, and neither 0 nor {count}, so nothing "
            f"tells whether it counts its {count} classes from 0 or from 1; give a background for which it returns "
            f"each, or let it return their names: lambda rows: {names}[{said_whole}], or {names}[{said_whole} - 1]"
        )
    each = ", ".join(f"{label}: '…'" for label in dict.fromkeys((seen[0], seen[-1])))
    raise ValueError(
        f"classes: {count} names, and the model returned {len(seen)} different numbers, {_listed(seen)}; give a "
        "name for each that it may return and a background for which it returns them all, or let it return the names: "
        f"lambda rows: [names[label] for label in {call}(rows)], where names = {{{each}}}"
    )


def labels_among(found: Sequence[Any], told: Sequence[str]) -> list[Any] | None:
    """(K,) the labels of K classes with names, where those that a model returned are these; None of others in order.

    Raises
    ------
    ValueError
        If they are others, of which nothing tells which is which.
    """
    by_name = {str(label): label for label in found}
    if set(by_name) <= set(told):
        return [by_name.get(name, name) for name in told]
    if not any(isinstance(label, (str, bytes)) for label in found):
        return None
    others = [label for label in found if str(label) not in told]
    alike = {_letters(name): name for name in by_name}
    own = [alike[_letters(name)] for name in told if _letters(name) in alike]
    names = own if len(own) == len(by_name) else list(by_name)
    raise ValueError(
        f"classes: the model returns labels such as {_listed(others)}, which are not among the names given, "
        f"{_listed(list(told))}, and nothing tells which is which; leave classes= out, or name them as the model does, "
        f"all that there are: classes={names}"
    )


def _letters(name: str) -> str:
    """A name by which it is the same as another that has blanks or capitals elsewhere."""
    return "".join(name.split()).casefold()


def of_clusters(said: np.ndarray, found: Outputs) -> Outputs:
    """Of the probabilities of clusters (N, K), as they were `found`: they are called by their numbers."""
    count = found.scores(said).shape[1]
    names = tuple(f"cluster {number}" for number in range(count))
    clusters = Outputs(found.scores, names, found.quantity, exclusive=True, labels=found.names)
    return clusters if count > 1 else replace(clusters, undecided=_of_a_single(0, "cluster"), labels=(0,))


def of_two(said: np.ndarray, *, margin: bool = False, labels: tuple[Any, ...] | None = None) -> Outputs:
    """Of one number (N,) that tells two classes apart: a probability p, (1 − p, p), or else a margin d, (−d, d).

    `margin` says that it is none of these probabilities, `labels` what `predict` calls the two.
    """
    if margin or not _between(said):
        return Outputs(lambda a: _both(-numbers(a), numbers(a)), exclusive=True, labels=labels)

    def scores(said: np.ndarray) -> np.ndarray:
        if (odd := _beyond(said)).size:
            raise ValueError(
                f"model: its numbers were from 0 to 1 and taken for the probability of the second class, and now one "
                f"is {odd[0]:g}; let it return a number for each class"
            )
        return _both(1 - numbers(said), numbers(said))

    return Outputs(scores, quantity="probability", exclusive=True)


def of_several(
    parts: Sequence[Outputs], widths: Sequence[int], labels: Sequence[np.ndarray] | None, quantity: str, way: str
) -> Outputs:
    """Of several outputs side by side, each as wide as it is, and each with scores of its own."""
    ends = np.cumsum(widths)

    def scores(said: np.ndarray) -> np.ndarray:
        return np.hstack([part.scores(piece) for part, piece in zip(parts, np.split(said, ends[:-1], 1), strict=True)])

    names = None
    if labels is not None:
        names = tuple(f"output {number}: {label}" for number, own in enumerate(labels) for label in own)
    asked = [
        _of_one_label(way, f"[:, {place}]" if way == "predict" else f"[{place}]", own.tolist(), place)
        for place, own in enumerate(labels or ())
        for _ in own
    ]
    return Outputs(scores, names, quantity, undecided=asked[0] if asked else "", by_score=tuple(asked))


def of_each_label(found: Outputs, said: np.ndarray, call: str) -> Outputs:
    """Of scores each of which tells a label of its own: probabilities as they are, other numbers through a sigmoid.

    `said` is what `call` returned for some rows.
    """
    given = found.scores
    why = f"each of its scores is that of a label of its own; ask for one of them: {_one_of(call, '[:, 0]')}"
    if found.exclusive and found.labels is not None:
        raise ValueError("scores: 'sigmoid' is for a score of each label, and the model returns the labels themselves")

    def probabilities(said: np.ndarray) -> np.ndarray:
        table = given(said)
        if (odd := _beyond(table)).size:
            raise ValueError(
                f"scores: the numbers were from 0 to 1 and taken for the probabilities of labels, and now one is "
                f"{odd[0]:g}; if they are logits: scores=torch.sigmoid"
            )
        return table

    def of_logits(said: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * given(said)))

    scores = probabilities if _between(given(said)) else of_logits
    return Outputs(scores, found.names, "probability", undecided=why)


def _one_of(call: str, place: str, names: tuple[str, ...] = ("no", "yes")) -> str:
    return f"explain(lambda rows: {call}(rows){place}, …, classes={names})"


def of_labels_in_columns(way: str, count: int) -> Outputs:
    """Of several labels for each row, of which each is a column, yes or no."""
    asked = tuple(_of_one_label(way, f"[:, {place}]", (0, 1), place) for place in range(count))
    return Outputs(numbers, undecided=asked[0], by_score=asked)


def _of_one_label(way: str, place: str, labels: Sequence[Any], number: int) -> str:
    """Why no class is chosen where a row has several labels, and how one of these is asked."""
    names = tuple(label if isinstance(label, str) else f"class {label}" for label in labels)
    named = ("no", "yes") if list(labels) == [0, 1] else names
    column = f"labels=numpy.asarray(Y)[:, {number}], of the Y that it was fitted to"
    return (
        f"it gives each row several labels; ask for one of them: {_one_of(f'model.{way}', place, named)}, with the "
        f"labels of that one: {column}"
    )


def labels_in(said: np.ndarray) -> list[Any] | None:
    """The labels among outputs (N,), in order, where these are strings or other objects; None of numbers, yes and no.

    Raises
    ------
    ValueError
        If each input has another.
    """
    if said.dtype.kind in "fiub" or (said.ndim == 2 and said.shape[1] > 1):
        return None
    values = said.ravel()
    found = _different(values.tolist())
    if broken := next((label for label in found if _is_fraction(label)), None):
        raise ValueError(
            f"model: it returned numbers as strings, such as {broken!r}; let it return floats: "
            "numpy.asarray(…, dtype=float), or, if they are labels of classes, say which there are: classes=[…], all "
            "of them"
        )
    if len(found) >= _FEW_STRINGS and 2 * len(found) > len(values) and (way := _holding_numbers(found)):
        raise ValueError(way)
    if len(found) > _MOST_LABELS:
        raise ValueError(
            f"model: expected numbers or labels of classes, got {len(found):,} different ones such as {found[0]!r}"
        )
    return _in_order(found)


def with_right_ones(found: list[Any], right: Sequence[Any]) -> list[Any]:
    """The labels `found` among what a model returned, with the `right` ones of rows besides, where they are of these.

    So that a class that it chooses for none of the rows is a class too.
    """
    known = _different([label for label in right if not is_missing(label)])
    same = set(map(told_apart, found)) <= set(map(told_apart, known))
    return _in_order(known) if same and len(known) <= _MOST_LABELS else found


def _in_order(labels: list[Any]) -> list[Any]:
    try:
        return sorted(labels)
    except TypeError:
        return labels


def _is_number(value: Any) -> bool:
    """Whether it is a number, or how one is written."""
    if not isinstance(value, str):
        return isinstance(value, (Number, np.bool_))
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_fraction(label: Any) -> bool:
    """Whether a string is a number that is not whole."""
    try:
        return isinstance(label, str) and not float(label).is_integer() and np.isfinite(float(label))
    except ValueError:
        return False


def _holding_numbers(labels: Sequence[Any]) -> str:
    """What is said of different strings that hold fractions or percentages, such as 'bad: 0.818', or `""`.

    Those of a range, such as '0.5-1.0', or one that is open, are names of classes.
    """
    if not all(isinstance(one, str) and _WRITTEN.search(one) and not _RANGE.search(one) for one in labels):
        return ""
    each = "the numbers"
    if all(_WRITTEN.fullmatch(one) and one.endswith("%") for one in labels):
        each = "[float(said.rstrip('%')) for said in …]"
    elif None not in (held := [_names_in_json(one) for one in labels]):
        names = ", ".join(map(repr, sorted(set().union(*filter(None, held)))))
        each = f"[[json.loads(said).get(name, 0.0) for name in ({names},)] for said in …]"
    return (
        f"model: it returned strings that hold numbers, such as {labels[0]!r} and {labels[-1]!r}; let it return {each}"
        ", or, if they are labels of classes, say which there are: classes=[…], all of them"
    )


def _names_in_json(said: str) -> list[str] | None:
    """The names in a dict of numbers, as JSON writes it; None where it is none."""
    try:
        held = json.loads(said)
    except ValueError:
        return None
    of_numbers = isinstance(held, dict) and all(isinstance(one, (int, float)) for one in held.values())
    return list(held) if of_numbers else None


def perhaps_labels(said: np.ndarray) -> tuple[str, ...]:
    """What must be said of whole numbers (N,) that are few enough to be the labels of classes."""
    if said.dtype.kind not in "iu" or said.ndim != 1:
        return ()
    found = np.unique(said)
    if not 2 < len(found) <= _FEW_NUMBERS:
        return ()
    listed = ", ".join(map(str, found[:6].tolist())) + ", …" * (len(found) > 6)
    return (
        f"the model returns whole numbers ({listed}), which are explained as numbers; if they are classes, give a name "
        "for each: classes=[…]",
    )


def _same_numbers(table: np.ndarray, chosen: np.ndarray) -> bool:
    """Whether `predict` returns these very numbers, so that nothing is chosen."""
    if chosen.dtype.kind not in "fiu" or chosen.size != table.size:
        return False
    return bool(np.allclose(table, chosen.reshape(table.shape), rtol=1e-6, atol=1e-9, equal_nan=True))
