"""The confusion matrix, and how well the model tells the classes of labelled rows apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.sampling_error import error_of_share
from nbexplain.core.registry import Choice, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.class_score import class_score, probabilities
from nbexplain.core.table.labelled_scores import check_classes, labelled_scores, no_classes, said_of
from nbexplain.core.table.labels import right_classes
from nbexplain.core.table.prices import of_scores

OF = ("none", "label", "predicted", "all")


class Threshold:
    """A score from which on the class is predicted, or None for the class with the highest score."""

    help = "of two classes: from which score of the target on it is predicted; None: the class with the highest score"
    kinds = ("table",)

    def check(self, name: str, value: Any, kind: type) -> float | None:
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if value is not None and not (number and np.isfinite(value)):
            raise TypeError(f"{name}: expected a number, or None for the class with the highest score, got {value!r}")
        return None if value is None else float(value)


@method(label="Confusion matrix", over_rows=True, of_class=True, kinds=("table",), unfit=no_classes, price=of_scores)
def confusion(
    subject: Subject,
    target: Target,
    *,
    threshold: Annotated[float | None, Threshold()] = None,
    normalize: Annotated[str, Choice("of what the numbers are shares; 'none' counts rows", OF)] = "none",
    where: Where = ALL_ROWS,
) -> Iterator[Explanation]:
    """How many rows of each class the model takes for each class.

    Values are (label, predicted), rows of the background that have a label, or shares of a label's, of a prediction's
    or of all; NaN where there is none. As `sklearn.metrics.confusion_matrix`, but for classes without rows, which have
    no shares. The predicted class is that with the highest score, the first of equal ones; with a `threshold`, of two
    classes, the target where its score (see `roc`) is not below it. `details` tell the accuracy, the balanced accuracy
    (mean recall of the classes that occur), and where the scores are probabilities the log loss (natural logarithm,
    probabilities from 2.2e-16 on) and the Brier score (of two classes the mean (p − y)², of more the sum over them).
    An answer on the way is that of rows drawn at random; shares then have a `standard_error` such that ± 1.96 of it
    holds Wilson's interval.

    Raises
    ------
    ValueError
        If there are no labels, one is no class of the model, which has none at all, or the threshold has not two.
    """
    check_classes(subject, "confusion", target)
    names, right = subject.names, right_classes(subject)
    if threshold is not None and len(names) != 2:
        raise ValueError(f"threshold: needs two classes, the model has {len(names)}; 'roc' has one against the rest")
    assert isinstance(target, int), "it was checked"
    warnings = said_of(subject, where)
    for numbers, scores, progress in labelled_scores(subject, where):
        predicted = scores.argmax(1)
        if threshold is not None:
            predicted = np.where(class_score(subject, scores, target).values >= threshold, target, 1 - target)
        counts = confusion_counts(right[numbers], predicted, len(names))
        values, errors = _shares(counts, normalize)
        yield Explanation(
            values=values,
            axes=("label", "predicted"),
            on="scores",
            signed=False,
            names=names,
            standard_error=errors if progress < 1 else None,
            quantity="rows" if normalize == "none" else f"share of {_WORDS[normalize]}",
            details=_details(counts, probabilities(subject, scores), right[numbers]),
            warnings=warnings,
            progress=progress,
        )


_WORDS = {"label": "the rows with the label", "predicted": "the rows predicted so", "all": "all rows"}


def confusion_counts(right: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(K, K): how often each class (n,) was taken for each class (n,)."""
    return np.bincount(right * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _shares(counts: np.ndarray, of: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Counts as shares, and the errors of these; see `error_of_share`."""
    if of == "none":
        return counts, None
    total = counts.sum({"label": 1, "predicted": 0, "all": None}[of], keepdims=True)
    with np.errstate(invalid="ignore"):
        return counts / total, error_of_share(counts, total)


def _details(counts: np.ndarray, known: np.ndarray | None, right: np.ndarray) -> dict[str, float]:
    occurs = counts.sum(1) > 0
    details = {
        "rows": int(counts.sum()),
        "accuracy": float(np.trace(counts) / counts.sum()),
        "balanced accuracy": float((np.diag(counts)[occurs] / counts.sum(1)[occurs]).mean()),
    }
    if known is not None:
        least = np.finfo(np.float64).eps
        of_right = known[np.arange(len(right)), right]
        details["log loss"] = float(-np.log(np.clip(of_right, least, 1 - least)).mean())
        off = known - (np.arange(known.shape[1]) == right[:, None])
        details["Brier score"] = float((off**2).sum(1).mean() / (2 if known.shape[1] == 2 else 1))
    return details
