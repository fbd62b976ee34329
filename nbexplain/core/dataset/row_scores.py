"""What the model says of many rows, and whether it says it of one group as of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.dataset.rows import Rows, Seed, drawn, scores_of, table_of
from nbexplain.core.explanation import Explanation
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import needed


@method(label="Scores of the rows", over_rows=True, kinds=("table",))
def row_scores(subject: Subject, *, rows: Rows = 10_000, seed: Seed = 0) -> Iterator[Explanation]:
    """The scores of many rows of the background, as the model gives them.

    Values are (row, class); `features` are the rows' numbers in the background, in a random order. Where the background
    has labels, `details` tell the accuracy over the rows.

    Raises
    ------
    ValueError
        If there is no background, or a score is not finite.
    """
    table = table_of(subject)
    numbers = drawn(table, rows, seed)
    chosen = needed(table)[numbers]
    right = None if table.labels is None or not has_classes(subject) else right_classes(subject)[numbers]
    step = subject.chunk()
    parts: list[np.ndarray] = list(subject.kept(("row_scores", seed)) or ())
    while True:
        known = sum(map(len, parts))
        done = min(known, len(numbers))
        if done:
            values = np.concatenate(parts)[:done]
            yield Explanation(
                values=values,
                axes=("row", "class"),
                on="rows",
                features=numbers[:done].copy(),
                quantity=subject.score_name,
                details={} if right is None else {"accuracy": float((values.argmax(1) == right[:done]).mean())},
                progress=done / len(numbers),
            )
        if done == len(numbers):
            return
        scores = scores_of(subject, chosen[known : known + step], "background")
        if scores.ndim != 2:
            raise ValueError(f"scores: expected one score per class, the model gives {tuple(scores.shape[1:])} per row")
        parts.append(to_numpy(scores))
        step *= 2  # the first picture soon, and not a hundred pictures after it
        subject.keep(("row_scores", seed), tuple(parts), sum(part.nbytes for part in parts))


def has_classes(subject: Subject) -> bool:
    """Whether the highest of the scores is the class that the model chooses; not so of a regression."""
    scores, module = subject.scores(), subject.twin.module
    if isinstance(module, Predictor) and module.outputs is not None and module.way not in ("call", "forward"):
        return module.outputs.exclusive and scores.shape[1] > 1
    return scores.shape[1] > 1 and subject.score_name != "prediction"


def right_classes(subject: Subject) -> np.ndarray:
    """(N,) the class number of each background row's label.

    Labels are the estimator's `classes_`, where it has some, else class numbers from 0.

    Raises
    ------
    ValueError
        If there are no labels, or one of them is no class of the model.
    """
    table = table_of(subject)
    if table.labels is None:
        raise ValueError("labels: the accuracy needs the right class of each row; give Tabular(…, labels=…)")
    scores, module = subject.scores(), subject.twin.module
    classes = module.classes if isinstance(module, Predictor) else None
    return class_numbers(table.labels, range(scores.shape[1]) if classes is None else classes)


def class_numbers(labels: np.ndarray, classes: Sequence[Any] | np.ndarray) -> np.ndarray:
    """(N,) the place of each of the labels (N,) among the classes.

    Raises
    ------
    ValueError
        If one of them is no class.
    """
    known = list(np.asarray(classes).tolist())
    places = {label: number for number, label in enumerate(known)}
    found = []
    for number, label in enumerate(labels.tolist()):
        if label not in places:
            names = ", ".join(map(repr, known[:10]))
            raise ValueError(f"labels: row {number} has {label!r}, expected one of the model's classes {names}")
        found.append(places[label])
    return np.array(found)


@dataclass(frozen=True)
class GroupScores:
    """What the model says of one group, each number with its standard error over the rows.

    Attributes
    ----------
    count
        Rows of the group.
    score, score_error
        The mean score of the class.
    chosen, chosen_error
        The share of rows for which the class has the highest score.
    accuracy, accuracy_error
        The share of rows whose highest score is that of the right class; None without labels.
    """

    count: int
    score: float
    score_error: float
    chosen: float
    chosen_error: float
    accuracy: float | None = None
    accuracy_error: float | None = None


def scores_by_group(
    explanation: Explanation, groups: Sequence[Any] | np.ndarray, target: int, right: np.ndarray | None = None
) -> dict[Any, GroupScores]:
    """Mean score of a class, how often it is chosen, and the accuracy, for each group of rows.

    Parameters
    ----------
    explanation
        The answer of `row_scores`.
    groups
        (N,) the group of each background row.
    target
        The class.
    right
        (N,) the number of each background row's right class, where it is known; see `right_classes`.
    """
    from nbexplain.core.dataset.by_group import error_of_mean, rows_of_groups

    assert explanation.features is not None, "values of rows know which rows they are"
    best = explanation.values.argmax(1)
    found = {}
    for group, places in rows_of_groups(explanation, groups).items():
        score, chosen = explanation.values[places, target], best[places] == target
        numbers = [float(score.mean()), error_of_mean(score), float(chosen.mean()), error_of_mean(chosen)]
        if right is not None:
            hit = best[places] == np.asarray(right)[explanation.features[places]]
            numbers += [float(hit.mean()), error_of_mean(hit)]
        found[group] = GroupScores(len(places), *numbers)
    return found
