"""Scores of rows with one column set to each of some values: the rows are made once, only the column is written."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.rows import Reading, scores_of, table_of
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_varied import Varied

_AT_ONCE = 32_768  # changed rows that are made in one step, where each is made by itself


def scores_along(
    subject: Subject, rows: np.ndarray, column: int, values: np.ndarray, what: str, read: Reading, into: np.ndarray
) -> None:
    """Write what is read of the scores of rows (n, F), with a column set to each of the values (P,), into (C, P, n).

    Raises
    ------
    ValueError
        As of `scores_of`, which says of `what` the rows are.
    """
    start = 0
    while start < len(rows):
        part = rows[start : start + subject.call_size(rows.shape[1])]
        place = into[..., start : start + len(part)]
        start += len(part)
        if not _written(subject, part, column, values, read, place):  # row by row, which tells what is wrong with one
            step = max(_AT_ONCE // len(values), 1)
            for at in range(0, len(part), step):
                some = part[at : at + step]
                scores = scores_of(subject, _changed(some, column, values), what, np.repeat(some, len(values), axis=0))
                place[..., at : at + step] = read(scores).unflatten(0, (-1, len(values))).permute(2, 1, 0)


def _written(
    subject: Subject, rows: np.ndarray, column: int, values: np.ndarray, read: Reading, into: np.ndarray
) -> bool:
    """Whether all are there: not if the model writes into what it gets, fails, or a score is not finite."""
    most = min(max(subject.most_in_call(rows.shape[1]) // len(rows), 1), len(values))  # values in one call
    placed = table_of(subject).placed(rows)
    varied = (_Outside if isinstance(subject.twin.module, Predictor) else _Inside)(subject, placed, most, column)
    at = 0
    try:
        while at < len(values):
            size = subject.call_size(rows.shape[1])
            calls = -(-(len(values) - at) // min(max(size // len(rows), 1), most))
            some = values[at : at + -(-(len(values) - at) // calls)]
            begun = time.perf_counter()
            scores = varied.scores(np.repeat(some, len(rows)))
            spent = time.perf_counter() - begun
            subject.call_took(size, spent * size / len(scores), rows.shape[1])
            if not _all_finite(scores):
                return False
            into[:, at : at + len(some)] = read(scores).T.unflatten(1, (len(some), -1))
            at += len(some)
    except Exception:  # it is tried once more, row by row, and what is raised then tells which row it was
        return False
    return varied.intact()


def _all_finite(scores: Tensor) -> bool:
    """Whether all are; their sum, which may overflow, tells it sooner."""
    return bool(torch.isfinite(scores.sum())) or bool(torch.isfinite(scores).all())


class _Outside:
    """For a model outside torch."""

    def __init__(self, subject: Subject, rows: np.ndarray, many: int, column: int) -> None:
        self._subject, self._rows = subject, np.tile(rows, (many, 1))
        self._varied = Varied(table_of(subject), self._rows, column)

    def scores(self, numbers: np.ndarray) -> Tensor:
        return self._subject.run_made(torch.from_numpy(self._rows[: len(numbers)]), self._varied.of(numbers))

    def intact(self) -> bool:
        return self._varied.intact()


class _Inside:
    """For a torch module: one tensor on its device, in its dtype."""

    def __init__(self, subject: Subject, rows: np.ndarray, many: int, column: int) -> None:
        self._subject, self._column = subject, column
        self._batch = subject.ready(torch.from_numpy(rows)).repeat(many, 1)
        self._first = self._batch.clone()

    def scores(self, numbers: np.ndarray) -> Tensor:
        batch = self._batch[: len(numbers)]
        batch[:, self._column] = torch.from_numpy(numbers).to(batch)
        return self._subject.run_made(batch, None)

    def intact(self) -> bool:
        self._batch[:, self._column] = self._first[:, self._column]
        return torch.allclose(self._batch, self._first, rtol=0, atol=0, equal_nan=True)


def _changed(rows: np.ndarray, column: int, values: np.ndarray) -> np.ndarray:
    """Rows (n, F) with a column set to each value: (n · P, F), row by row."""
    changed = np.empty((len(rows), len(values), rows.shape[1]))
    changed[:] = rows[:, None]
    changed[..., column] = values
    return changed.reshape(-1, rows.shape[1])
