"""The rows of a set: which are asked, in what order, and which numbers of their scores are explained."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Target
from nbexplain.core.registry import Range
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed

_MOST_KEPT = 32 * 2**20  # bytes of the values of all classes; where they are more, only the target's are computed

Rows = Annotated[int, Range("how many rows of the background, drawn at random", 1, 10_000)]
Seed = Annotated[int, Range("of the draw", 0, 999)]


def table_of(subject: Subject) -> Tabular:
    """The subject's table, which has a background.

    Raises
    ------
    ValueError
        If it has none.
    """
    table = subject.input
    assert isinstance(table, Tabular), "asked of tables only"
    needed(table)
    return table


def drawn(table: Tabular, rows: int, seed: int, among: np.ndarray | None = None) -> np.ndarray:
    """Numbers (n,) of so many background rows in a random order: the first of them stand for all.

    Where they are drawn `among` the numbers (m,) of some rows, these are what would be drawn of a background of those.
    """
    draw = np.random.default_rng([seed, 1])
    return draw.permutation(len(needed(table)))[:rows] if among is None else among[draw.permutation(len(among))[:rows]]


def scores_of(
    subject: Subject, rows: np.ndarray, what: str, like: np.ndarray | None = None, column: int | None = None
) -> Tensor:
    """Scores (n, K, …) of rows (n, F) of the background, or made of those in `like` (n, F); see `Tabular.placed`.

    `column` is the one in which they differ from these, if that is all.

    Raises
    ------
    ValueError
        If the model cannot take a row with NaN or infinity, or a score is not finite; with the column. If it cannot
        take a value of the changed column, with the value.
    """
    try:
        scores = _scores(subject, rows, like)
    except (RuntimeError, ValueError) as error:
        if like is not None and column is not None:
            _check_changed(subject, rows, what, like, column)
        if np.isfinite(rows).all() or str(error).startswith("background: "):
            raise
        raise ValueError(f"{what}: {_where(subject, rows, like)}, which the model does not take ({error})") from error
    broken = ~torch.isfinite(scores).flatten(1).all(1).cpu().numpy()
    if broken.any():
        first = broken.argmax()
        if like is not None and column is not None and _is_finite(subject, like[[first]]):
            raise ValueError(f"{what}: the score of a row is NaN or infinite: {_at(subject, rows[first], column)}")
        reason = _where(subject, rows[broken], None if like is None else like[broken])
        if not reason and (place := place_of(subject, (rows if like is None else like)[first])) is not None:
            reason = (
                f"row {place} of the background" if like is None else f"a row made of row {place} of the background"
            )
        raise ValueError(f"{what}: the score of a row is NaN or infinite" + (f": {reason}" if reason else ""))
    return scores


def _scores(subject: Subject, rows: np.ndarray, like: np.ndarray | None = None) -> Tensor:
    return subject.evaluate(torch.from_numpy(table_of(subject).placed(rows, like)))


def _is_finite(subject: Subject, rows: np.ndarray) -> bool:
    """Whether the model takes these rows of the background, and their scores are finite."""
    try:
        return bool(torch.isfinite(_scores(subject, rows)).all())
    except (RuntimeError, ValueError):
        return False


def _at(subject: Subject, row: np.ndarray, column: int) -> str:
    """The value of a column, in words."""
    changed = table_of(subject).columns[column]
    return f"with {changed.name!r} at {changed.said(row[column])}"


def _check_changed(subject: Subject, rows: np.ndarray, what: str, like: np.ndarray, column: int) -> None:
    """Find a row that fails, by halves, and raise with the value of its column, if it does not fail without it."""
    if not _is_finite(subject, like[:1]):  # such as of a server that is away: not one of the values
        return
    while len(rows) > 1:
        half = len(rows) // 2
        try:
            _scores(subject, rows[:half], like[:half])
        except (RuntimeError, ValueError):
            rows, like = rows[:half], like[:half]
        else:
            rows, like = rows[half:], like[half:]
    try:
        _scores(subject, rows, like)
    except (RuntimeError, ValueError) as error:
        if str(error).startswith(("row: ", "background: ")):  # which names the value by itself
            raise
        if _is_finite(subject, like):
            raise ValueError(f"{what}: {_at(subject, rows[0], column)}, {error}") from error


def check_rows(subject: Subject, rows: np.ndarray, what: str) -> None:
    """Try the rows that hold NaN or infinity, if any: some models take them, for the others `scores_of` tells where."""
    odd = ~np.isfinite(rows).all(1)
    if odd.any():
        scores_of(subject, rows[odd], what)


def place_of(subject: Subject, row: np.ndarray) -> int | None:
    """Which row of the background this is, or None."""
    background = needed(table_of(subject))
    places = np.flatnonzero(((background == row) | (np.isnan(background) & np.isnan(row))).all(1))
    return int(places[0]) if len(places) else None


def _where(subject: Subject, rows: np.ndarray, like: np.ndarray | None) -> str:
    """Which row of the background and which column holds NaN or infinity, or `""`; rows (n, F) were made of `like`."""
    table = table_of(subject)
    own = table.tensor[0].numpy()
    for row, origin in zip(rows, rows if like is None else like, strict=True):
        odd = np.flatnonzero(~np.isfinite(row))
        if len(odd):
            place = place_of(subject, origin)
            is_own = np.array_equal(own[odd], row[odd], equal_nan=True)
            other = "the row" if is_own else "a row that is made of it"
            number = f"row {place} of the background" if place is not None else other
            return f"{number} holds NaN or infinity in {table.names[odd[0]]!r}"
    return ""


class Reading:
    """Which numbers of the scores are explained: those of all classes, so that the next one is free, or one alone.

    Parameters
    ----------
    subject, target
        What is asked.
    values
        How many values there will be for each class.

    Attributes
    ----------
    key
        Equal for targets that read the same numbers.
    column
        Which of the numbers is the target's, ...
    width
        ... of how many.
    dtype
        Their precision: single where they are made in that, else double.
    """

    key: Hashable
    column: int
    width: int
    dtype: torch.dtype

    def __init__(self, subject: Subject, target: Target, values: float) -> None:
        scores = subject.scores()
        shape = tuple(scores.shape[1:])
        self._target = target
        own = scores if isinstance(target, (int, tuple)) else targets.score(scores, target)
        self.dtype = torch.float32 if own.dtype == torch.float32 else torch.float64
        self.key, self.column, self.width = targets.key_of(target), 0, 1
        if isinstance(target, (int, tuple)) and values * math.prod(shape) * 8 <= _MOST_KEPT:
            place = target if isinstance(target, tuple) else (target,)
            self.key, self.column = None, int(np.ravel_multi_index(place, shape))
            self.width = math.prod(shape)

    def __call__(self, scores: Tensor) -> Tensor:
        """Scores (N, K, …) → the numbers (N, C)."""
        read = scores.flatten(1) if self.key is None else targets.score(scores, self._target)[:, None]
        return read.to("cpu", self.dtype)
