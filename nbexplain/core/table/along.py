"""Scores of rows with one column set to each of some values: the rows are made once, only the column is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.rows import Reading, scores_of, table_of
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_varied import Varied

_FULL = 0.9  # of the rows that a call may have: it is nearly full
_TRIED, _FEW = 16, 4  # changed rows that are also asked alone; fewer where they take ...
_TRYING = 0.002  # ... so many seconds at a batch's pace
_NEAR = 1e-4  # by how much of their scores they may differ
_TRIED_OF = "of how many rows some were also asked alone"
_NEVER = -1  # again: those that were had other scores
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
    start, tried, few = 0, subject.kept(_TRIED_OF) or 0, _in_one_call(len(values))
    while start < len(rows):
        size = subject.calls(rows.shape[1]).size
        most = max(size // few, 1)
        parts = -(-(len(rows) - start) // most)  # all of about the same size, for which memory is used again
        part = rows[start : start + -(-(len(rows) - start) // parts)]
        place = into[..., start : start + len(part)]
        written = tried >= 0 and _written(subject, part, column, values, read, place)
        count = len(part) * len(values)
        if written and (count >= 4 * tried or tried <= size < count):  # several calls get the same memory
            written = _as_alone(subject, part, column, values, read, place)
            tried = count if written else _NEVER
            subject.keep(_TRIED_OF, tried, 1)
        start += len(part)
        if not written:  # row by row, which tells what is wrong with one
            step = max(_AT_ONCE // len(values), 1)
            for at in range(0, len(part), step):
                some = part[at : at + step]
                like = np.repeat(some, len(values), axis=0)
                scores = scores_of(subject, _changed(some, column, values), what, like, column)
                numbers = read(scores).unflatten(0, (-1, len(values)))
                _check(numbers, table_of(subject).names[column], values, what)
                place[..., at : at + step] = numbers.permute(2, 1, 0)


def _in_one_call(values: int) -> int:
    """The fewest of so many values, but several, with which calls are nearly full: each part of the rows costs."""
    return next((few for few in range(2, values) if values >= _FULL * few * -(-values // few)), values)


def _check(numbers: Tensor, column: str, values: np.ndarray, what: str) -> None:
    """Check the numbers (n, P, C) that a target makes of scores that are all finite."""
    odd = (~numbers.isfinite()).nonzero()
    if len(odd):
        value = values[int(odd[0, 1])]
        raise ValueError(
            f"target: what it makes of the scores is NaN or infinite, such as for a row made of the {what} with "
            f"{column!r} at {value:.4g}"
        )


def _written(
    subject: Subject, rows: np.ndarray, column: int, values: np.ndarray, read: Reading, into: np.ndarray
) -> bool:
    """Whether all are there: not if the model writes into what it gets, fails, or a score is not finite."""
    placed = table_of(subject).placed(rows)
    repeated = _outside if isinstance(subject.twin.module, Predictor) else _inside

    def in_call() -> int:
        """How many values; calls grow while they are quick."""
        return min(max(calls.size // len(rows), 1), len(values) - at)

    at, calls = 0, subject.calls(rows.shape[1])
    try:
        while at < len(values):
            most = in_call()
            with repeated(subject, placed, most, column, values) as run:
                while at < len(values) and (in_one := in_call()) < 2 * most:  # else more rows are made for them
                    size, begun = calls.size, time.perf_counter()
                    left = -(-(len(values) - at) // min(in_one, most))  # calls
                    many = -(-(len(values) - at) // left)
                    scores = run(at, many)
                    numbers = read(scores).numpy().T
                    if not np.isfinite(numbers).all():  # torch's threads would stand in the way of the model's BLAS
                        return False
                    if read.key is not None and not scores.isfinite().all():
                        return False
                    into[:, at : at + many] = numbers.reshape(len(into), many, -1)
                    at += many
                    calls.took(size, (time.perf_counter() - begun) * size / len(scores))
    except Exception:  # it is tried once more, row by row, and what is raised then tells which row it was
        return False
    return True


def _as_alone(
    subject: Subject, rows: np.ndarray, column: int, values: np.ndarray, read: Reading, found: np.ndarray
) -> bool:
    """Whether some rows have alone, in memory of their own, the scores (C, P, n) that were found.

    Not of a model that mixes rows, nor of one that keeps what it was given to look whether it is asked the same again:
    that was written into.
    """
    number = min(max(int(_TRYING / max(subject.pace[0], 1e-9)), _FEW), _TRIED, len(values) * len(rows))
    point = np.linspace(0, len(values) - 1, number).astype(np.intp)
    row = len(rows) - 1 - np.arange(number) * (len(rows) // number or 1) % len(rows)  # the last as well
    tried = rows[row]
    tried[:, column] = values[point]
    own = [read(scores_of(subject, tried[[n]], "row", rows[row[[n]]])) for n in range(number)]
    near = max(_NEAR, 4 * torch.finfo(subject.dtype).eps)
    alone = torch.cat(own).numpy().T
    return np.allclose(alone, found[:, point, row], rtol=near, atol=near * float(np.abs(alone).max()))


class _Written(Exception):
    """The model has written into what it was given."""


_Run = Callable[[int, int], Tensor]  # the place of the first of some values, and how many they are → scores (N, K, …)


@contextmanager
def _outside(subject: Subject, rows: np.ndarray, most: int, column: int, values: np.ndarray) -> Iterator[_Run]:
    """For a model outside torch: the scores of rows (n, F) with some of `values` (P,) in a column, at `most` so many.

    All rows with the first of these values come first.
    """
    varied = Varied(table_of(subject), rows, most, column)
    with subject.calling() as call:

        def run(at: int, many: int) -> Tensor:
            numbers = np.repeat(values[at : at + many], len(rows))
            return call(varied.of(numbers), len(numbers))

        yield run
    if not varied.intact():
        raise _Written


@contextmanager
def _inside(subject: Subject, rows: np.ndarray, most: int, column: int, values: np.ndarray) -> Iterator[_Run]:
    """For a torch module, like `_outside`: one tensor on its device, in its dtype."""
    batch = subject.ready(torch.from_numpy(rows)).repeat(most, 1, 1)
    first, changed, flat = batch[0].clone(), batch[..., column], batch.flatten(0, 1)
    tried = torch.tensor(values).to(batch)[:, None]

    with subject.calling() as call:

        def run(at: int, many: int) -> Tensor:
            changed[:many] = tried[at : at + many]
            return call(flat[: many * len(rows)], many * len(rows))

        yield run
    batch[..., column] = first[:, column]
    bits = torch.uint8  # which NaN has, too
    if not (batch.view(bits) == first.view(bits)).all():
        raise _Written


def _changed(rows: np.ndarray, column: int, values: np.ndarray) -> np.ndarray:
    """Rows (n, F) with a column set to each value: (n · P, F), row by row."""
    changed = np.empty((len(rows), len(values), rows.shape[1]))
    changed[:] = rows[:, None]
    changed[..., column] = values
    return changed.reshape(-1, rows.shape[1])
