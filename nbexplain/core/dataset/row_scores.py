"""What the model says of many rows, and whether it says it of one group as of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.dataset.rows import Rows, Seed, drawn, table_of
from nbexplain.core.explanation import Explanation
from nbexplain.core.methods.sampling_error import error_of_mean, error_of_share
from nbexplain.core.registry import method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.every_score import scored
from nbexplain.core.table.labels import has_classes, right_classes
from nbexplain.core.table.matching import few, matching
from nbexplain.core.table.prices import of_scores


@method(label="Scores of the rows", over_rows=True, kinds=("table",), price=of_scores)
def row_scores(
    subject: Subject, *, rows: Rows = 10_000, where: Where = ALL_ROWS, seed: Seed = 0
) -> Iterator[Explanation]:
    """The scores of many rows of the background, as the model gives them.

    Values are (row, class); `features` are the rows' numbers in the background, in a random order. Where the background
    has labels, `details` tell the accuracy over the rows that have one.

    Raises
    ------
    ValueError
        If there is no background, no row matches, or a score is not finite.
    """
    table = table_of(subject)
    among = matching(subject, where)
    numbers = drawn(table, rows, seed, among)
    right = None if table.labels is None or not has_classes(subject) else right_classes(subject)[numbers]
    for done, scores in scored(subject, numbers, seed, where):
        details = {}
        if right is not None and (has_label := right[:done] >= 0).any():
            hits = scores.argmax(1) == right[:done]
            details["accuracy"] = float(hits[has_label].mean())
        yield Explanation(
            values=scores,
            axes=("row", "class"),
            on="rows",
            features=numbers[:done].copy(),
            quantity=subject.score_name,
            details=details,
            warnings=few(where, among),
            progress=done / len(numbers),
        )


@dataclass(frozen=True)
class GroupScores:
    """What the model says of one group, each number with its standard error over the rows.

    That of a share (`chosen`, `accuracy`) is such that ± 1.96 of it holds Wilson's interval, as few rows need.

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
        (N,) the number of each background row's right class, −1 where it is not known; see `right_classes`.
    """
    from nbexplain.core.dataset.by_group import rows_of_groups

    assert explanation.features is not None, "values of rows know which rows they are"
    best = explanation.values.argmax(1)
    found = {}
    for group, places in rows_of_groups(explanation, groups).items():
        score, chosen = explanation.values[places, target], best[places] == target
        numbers = [float(score.mean()), float(error_of_mean(score)), *_share(chosen)]
        if right is not None:
            told = np.asarray(right)[explanation.features[places]]
            hit = (best[places] == told)[told >= 0]
            numbers += _share(hit) if len(hit) else []
        found[group] = GroupScores(len(places), *numbers)
    return found


def _share(hits: np.ndarray) -> list[float]:
    """The share of those (n,) that are true, and its error; see `error_of_share`."""
    return [float(hits.mean()), float(error_of_share(hits.sum(), np.float64(len(hits))))]
