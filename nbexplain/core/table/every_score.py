"""The scores of all rows of a background, computed once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbexplain.core.dataset.rows import drawn, scores_of, table_of
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.row_filter import ALL_ROWS, RowFilter
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import needed

_MOST_AT_ONCE = 65_536  # rows between two pictures


def scored(
    subject: Subject, numbers: np.ndarray, seed: int = 0, where: RowFilter = ALL_ROWS
) -> Iterator[tuple[int, np.ndarray]]:
    """How many of the rows are scored so far, and their scores (n, K); more and more, at last of all `numbers`.

    `numbers` are the first of the background's rows in the order of this seed among those that match; what was
    computed before is not computed again.

    Raises
    ------
    ValueError
        If there is not one score for each class, or one is not finite.
    """
    rows, step = needed(table_of(subject)), subject.chunk()
    key = ("row_scores", seed, where)
    parts: list[np.ndarray] = list(subject.kept(key) or ())
    while True:
        known = sum(map(len, parts))
        done = min(known, len(numbers))
        if done:
            if len(parts) > 1:
                parts = [np.concatenate(parts)]
            yield done, parts[0][:done]
        if done == len(numbers):
            return
        scores = scores_of(subject, rows[numbers[known : known + step]], "background")
        if scores.ndim != 2:
            raise ValueError(f"scores: expected one score per class, the model gives {tuple(scores.shape[1:])} per row")
        parts.append(to_numpy(scores))
        step = min(2 * step, _MOST_AT_ONCE)  # the first picture soon, and not a hundred pictures after it
        subject.keep(key, tuple(parts), sum(part.nbytes for part in parts))


def every_score(subject: Subject) -> np.ndarray:
    """(N, K): the scores of all rows of the background, row by row."""
    table = table_of(subject)
    count = len(needed(table))
    order = drawn(table, count, 0)
    for _, scores in scored(subject, order):  # noqa: B007  only the last ones are those of all
        pass
    found = np.empty_like(scores)
    found[order] = scores
    return found
