"""How well a score tells one class from the rest, at every threshold: ROC and precision–recall curves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.registry import METHODS, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.class_score import ClassScore, class_score
from nbexplain.core.table.labelled_scores import check_classes, labelled_scores, no_classes, said_of
from nbexplain.core.table.labels import right_classes
from nbexplain.core.table.prices import of_scores


@method(
    label="ROC curve",
    paper="Fawcett 2006, doi:10.1016/j.patrec.2005.10.010",
    over_rows=True,
    kinds=("table",),
    of_class=True,
    unfit=no_classes,
    price=of_scores,
)
def roc(subject: Subject, target: Target, *, where: Where = ALL_ROWS) -> Iterator[Explanation]:
    """True and false positive rate of a class against the rest, at every threshold of its score.

    Values are (measure, point): the false positive rate, the true positive rate, and the threshold from which on rows
    are taken for the class, from infinity (none is) downwards: each score that occurs, as
    `sklearn.metrics.roc_curve(…, drop_intermediate=False)`. The score is the class's
    probability where the model gives probabilities (or logits of one softmax, put through it); else of two
    classes its score less the other's, or its score.
    `details` tell the area under the curve, ties counting half, with its standard error for other rows (DeLong et al.
    1988), and the share of the rows that are of the class.

    Raises
    ------
    ValueError
        If there are no labels, one is no class of the model, which has none at all, or all rows are of one side.
    """
    for score, positive, warnings, progress in _sides(subject, target, where, "roc"):
        false, true, thresholds = counts_by_threshold(score.values, positive)
        count = len(positive)
        points = np.stack([false / (count - positive.sum()), true / positive.sum(), thresholds])
        area, error = area_under_roc(score.values, positive)
        yield Explanation(
            values=points,
            axes=("measure", "point"),
            on="scores",
            signed=False,
            names=("false positive rate", "true positive rate", f"threshold ({score.name})"),
            quantity="rate",
            details={
                "AUC": area,
                "standard error of the AUC": error,
                "rows": count,
                "share of the class": float(positive.mean()),
            },
            warnings=warnings,
            progress=progress,
        )


@method(
    label="Precision–recall curve",
    paper="Davis & Goadrich 2006, doi:10.1145/1143844.1143874",
    over_rows=True,
    kinds=("table",),
    of_class=True,
    unfit=no_classes,
    price=of_scores,
)
def precision_recall(subject: Subject, target: Target, *, where: Where = ALL_ROWS) -> Iterator[Explanation]:
    """Precision and recall of a class against the rest, at every threshold of its score.

    Values are (measure, point): recall, precision, and the threshold, from infinity (no row is taken for the class, and
    precision is 1 by convention) downwards: `sklearn.metrics.precision_recall_curve` from its end. The score is that of
    `roc`. `details` tell the average precision Σ (Rₙ − Rₙ₋₁) Pₙ, and the share of rows that are of the class, which is
    the precision of a guess.

    Raises
    ------
    ValueError
        If there are no labels, one is no class of the model, which has none at all, or all rows are of one side.
    """
    for score, positive, warnings, progress in _sides(subject, target, where, "precision_recall"):
        false, true, thresholds = counts_by_threshold(score.values, positive)
        recall, precision = true / positive.sum(), np.ones(len(true))
        precision[1:] = true[1:] / (true[1:] + false[1:])
        yield Explanation(
            values=np.stack([recall, precision, thresholds]),
            axes=("measure", "point"),
            on="scores",
            signed=False,
            names=("recall", "precision", f"threshold ({score.name})"),
            quantity="rate",
            details={
                "average precision": float((np.diff(recall) * precision[1:]).sum()),
                "rows": len(positive),
                "share of the class": float(positive.mean()),
            },
            warnings=warnings,
            progress=progress,
        )


def counts_by_threshold(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positives (P,), true positives (P,) and thresholds (P,): infinity, then each score that occurs, downwards.

    Parameters
    ----------
    scores
        (n,).
    positive
        (n,) bool: which rows are of the class.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)  # of equal scores
    true = np.cumsum(hits)[last]
    false = 1 + last - true
    return np.append(0, false), np.append(0, true), np.append(np.inf, sorted_scores[last])


def area_under_roc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """The share of pairs of a row of the class and another in which it has the higher score, and its standard error.

    Ties count half. The error is that of DeLong et al. 1988; NaN where a side has a single row, or all pairs are told
    alike: the estimate, 0, would call an area certain that few rows have shown (Obuchowski and Lieber 2002).
    """
    ranks = _middle_ranks(scores)
    shares = []
    for side in (positive, ~positive):
        within = np.empty(len(scores))
        within[side] = _middle_ranks(scores[side])
        shares.append((ranks[side] - within[side]) / (~side).sum())
    if min(map(len, shares)) < 2 or all(np.ptp(side) == 0 for side in shares):
        return float(shares[0].mean()), float("nan")
    error = (shares[0].var(ddof=1) / len(shares[0]) + shares[1].var(ddof=1) / len(shares[1])) ** 0.5
    return float(shares[0].mean()), float(error)


def _middle_ranks(values: np.ndarray) -> np.ndarray:
    """(n,) ranks from 1 on, equal values sharing the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[which]


def _sides(
    subject: Subject, target: Target, where: Where, key: str
) -> Iterator[tuple[ClassScore, np.ndarray, tuple[str, ...], float]]:
    """The score of a class, and which rows (n,) are of it; more and more rows."""
    check_classes(subject, key, target)
    assert isinstance(target, int), "it was checked"
    right, warnings = right_classes(subject), said_of(subject, where)
    for numbers, scores, progress in labelled_scores(subject, where):
        positive = right[numbers] == target
        if positive.all() or not positive.any():
            if progress < 1:  # there may be others among the rest
                continue
            which = "all" if positive.all() else "none"
            of = f" that match {where!r}" if where else " with a label"
            raise ValueError(
                f"labels: {METHODS[key].label} needs rows of the class and rows of others, and {which} of the "
                f"{len(positive):,} rows{of} are of {subject.names[target]!r}"
            )
        yield class_score(subject, scores, target), positive, warnings, progress
