"""The scores of all rows of a background, computed once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.rows import drawn, scores_of, table_of
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.row_filter import ALL_ROWS, RowFilter
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import needed

_MOST_AT_ONCE = 262_144  # rows between two pictures


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
    rows = needed(table_of(subject))
    if where and (all_known := _of_all(subject)) is not None:
        yield len(numbers), all_known[numbers]
        return
    key, step = ("row_scores", seed, where), subject.chunk()
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
    order = _order(subject)
    for _, scores in scored(subject, order):  # noqa: B007  only the last ones are those of all
        pass
    return _in_place(scores, order)


def first_scores(subject: Subject, count: int) -> Tensor:
    """Scores (n, K, …) of the first rows of the background in the order in which all are scored, computed once."""
    first = _order(subject)[:count]
    if subject.scores().ndim != 2:
        return scores_of(subject, needed(table_of(subject))[first], "background")
    for _, scores in scored(subject, first):  # noqa: B007  only the last ones are those of all
        pass
    return torch.from_numpy(scores).to(subject.scores())


def unscored(subject: Subject) -> int:
    """How many passes the scores of all rows take: none where they are known."""
    return 0 if _of_all(subject) is not None else len(needed(table_of(subject)))


def _of_all(subject: Subject) -> np.ndarray | None:
    """(N, K) the scores of all rows, if they are known already."""
    parts: tuple[np.ndarray, ...] = subject.kept(("row_scores", 0, ALL_ROWS)) or ()
    order = _order(subject)
    return _in_place(np.concatenate(parts), order) if sum(map(len, parts)) == len(order) else None


def _order(subject: Subject) -> np.ndarray:
    """(N,) all rows in the order in which they are scored."""
    table = table_of(subject)
    return drawn(table, len(needed(table)), 0)


def _in_place(scores: np.ndarray, order: np.ndarray) -> np.ndarray:
    found = np.empty_like(scores)
    found[order] = scores
    return found
