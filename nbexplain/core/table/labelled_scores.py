"""The scores of the rows that have a label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbexplain.core.dataset.rows import drawn, table_of
from nbexplain.core.explanation import Target
from nbexplain.core.layers import Layer
from nbexplain.core.row_filter import RowFilter
from nbexplain.core.subject import Subject
from nbexplain.core.table.every_score import scored
from nbexplain.core.table.labels import has_classes, labelled, left_out, right_numbers, tells_classes, without_classes
from nbexplain.core.table.matching import few, matching
from nbexplain.inputs.table_masker import needed


def labelled_scores(subject: Subject, where: RowFilter) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Of the rows that match and have a label: their numbers (n,) in a random order, their scores (n, K), the progress.

    More and more of them, at last all.

    Raises
    ------
    ValueError
        If none has a label.
    """
    numbers = drawn(table_of(subject), len(needed(table_of(subject))), 0, matching(subject, where))
    known = labelled(subject)[numbers]
    if not known.any():
        infinite = not has_classes(subject) and np.isinf(right_numbers(subject)[numbers]).any()
        what = "missing or infinite" if infinite else "missing"
        raise ValueError(f"labels: all are {what}" + (f" of the rows that match {where!r}" if where else ""))
    for done, scores in scored(subject, numbers, 0, where):
        has = known[:done]
        if has.any():
            yield numbers[:done][has], scores[has], done / len(numbers)


def said_of(subject: Subject, where: RowFilter) -> tuple[str, ...]:
    """What a reader must know of the rows that are looked at: how few they are, and how many have no label."""
    among = matching(subject, where)
    return (*few(where, among), *left_out(subject, among))


def check_classes(subject: Subject, key: str, target: Target) -> None:
    """Check that there are classes to be right about, where the score of `target` is asked for.

    Raises
    ------
    ValueError
        If the model chooses no class by its scores, or the target is none.
    """
    if not isinstance(target, int):
        raise ValueError(
            f"target: {key!r} compares classes with the labels, got a function of the scores; give a class"
        )
    if reason := without_classes(subject, target):
        raise ValueError(f"method: {key!r} needs scores of classes, and {reason}")


def no_classes(subject: Subject, _layer: Layer | None) -> str:
    """Why questions to the classes of labelled rows cannot be asked, or `""`."""
    if not has_classes(subject):
        return "it needs scores of classes"
    return no_labels(subject, None)


def no_numbers(subject: Subject, _layer: Layer | None) -> str:
    """Why questions to the numbers that are predicted for labelled rows cannot be asked, or `""`."""
    if tells_classes(subject):
        return "it needs a model that predicts numbers"
    return no_labels(subject, None)


def no_labels(subject: Subject, _layer: Layer | None) -> str:
    """Why questions to labelled rows cannot be asked, or `""`."""
    return "" if getattr(subject.input, "labels", None) is not None else "it needs Tabular(…, labels=…)"
