"""The rows that LIME tries: column by column as `lime_tabular` draws them, and how the linear model sees them."""

from __future__ import annotations

import copy
from collections.abc import Hashable

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.methods.lime_columns import DrawnColumn, drawn_column
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed

_BLOCK = 1024  # rows that are drawn together, from a seed of their own: a longer draw begins like a shorter one


class Drawn:
    """Rows drawn as `lime_tabular` draws them: numbers with the background's mean and spread, or by quartile.

    Categories are drawn by their frequency. The linear model sees how many standard deviations a number is from the
    mean, or whether it lies in the row's quartile; of a category, whether it is the row's.

    Where lime draws what never was, or nothing, this does not: numbers that are whole throughout the background are
    drawn from those of the background by their frequency, and a column that is constant stays so. What is missing is
    drawn with its share. It is a quartile or a category of its own; among numbers it is seen as the mean, or, where the
    row's own number is missing, as 1 and any number as 0.

    Raises
    ------
    ValueError
        If there is no background, a number is infinite, or the model does not take what is missing.
    """

    what = "column"
    notes: tuple[str, ...] = ()

    def __init__(self, subject: Subject, bins: str, seed: int) -> None:
        table = subject.input
        assert isinstance(table, Tabular)
        background = needed(table)
        if reason := infinite(table):
            raise ValueError(reason)
        self._subject, self._seed, self._table = subject, seed, table
        self.key: Hashable = (bins, seed)
        self.names, self.features = table.names, np.arange(len(table.columns))
        self._row = table.tensor[0].numpy()
        columns: list[DrawnColumn] | None = subject.kept(("columns of lime", bins))  # the same for every draw
        if columns is None:
            columns = [
                drawn_column(background[:, place], bool(column.categories), bins == "quartile")
                for place, column in enumerate(table.columns)
            ]
            subject.keep(("columns of lime", bins), columns, background.nbytes)
        _check_missing(subject, table)
        self._columns = columns
        self._quartiles = bins == "quartile"
        self._near: np.ndarray | None = None  # the background row that is drawn around, if it is not the subject's
        self._rows = np.empty((0, len(self.names)))

    def around(self, row: np.ndarray, seed: int) -> Drawn:
        """Rows near a row (F,) of the background, drawn from a seed of their own."""
        other = copy.copy(self)
        other._row, other._seed, other.key = row, seed, (self.key, row.tobytes(), seed)
        other._near = row
        return other

    def design(self, count: int) -> np.ndarray:
        blocks = [self._block(number) for number in range(-(-count // _BLOCK))]
        rows = np.concatenate(blocks)[:count]
        rows[0], self._rows = self._row, rows
        seen = [column.seen(rows[:, place], self._row[place]) for place, column in enumerate(self._columns)]
        return np.stack(seen, axis=1)

    def _block(self, number: int) -> np.ndarray:
        """Rows (_BLOCK, features)."""
        draw = np.random.RandomState([self._seed, number])
        normal = None if self._quartiles else draw.normal(size=(_BLOCK, len(self._columns)))
        shared = [place for place, column in enumerate(self._columns) if self._quartiles or column.by_share]
        shares = dict(zip(shared, draw.random_sample((len(shared), _BLOCK)), strict=True))
        rows = np.empty((_BLOCK, len(self._columns)))
        for place, column in enumerate(self._columns):
            rows[:, place] = column.draw(shares.get(place), None if normal is None else normal[:, place], draw)
        return rows

    def scores(self, start: int, stop: int) -> Tensor:
        rows = self._rows[start:stop]
        if self._near is not None:
            rows = self._table.placed(rows, np.broadcast_to(self._near, rows.shape))
        return self._subject.evaluate(torch.from_numpy(rows))

    def distances(self, design: np.ndarray) -> np.ndarray:
        apart: np.ndarray = np.linalg.norm(design - design[0], axis=1)
        return apart


def infinite(table: Tabular) -> str:
    """Which column holds a number that LIME cannot draw from, or `""`."""
    for what, rows in (("row", table.tensor.numpy()), ("background", needed(table))):
        places = np.flatnonzero(np.isinf(rows).any(0))
        if len(places):
            return f"{what}: {table.names[places[0]]!r} holds infinity, which LIME cannot draw from"
    return ""


def _check_missing(subject: Subject, table: Tabular) -> None:
    """Try the row, and rows of the background, in which something is missing: such rows will be drawn."""
    for what, known in (("row", table.tensor.numpy()), ("background", needed(table))):
        gone = np.isnan(known)
        rows = np.unique(gone.argmax(0)[gone.any(0)])  # the first of each column
        if not len(rows):
            continue
        names = ", ".join(repr(table.names[place]) for place in np.flatnonzero(gone.any(0))[:5])
        said = f"{what}: there are missing values in {names}"
        try:
            scores = subject.evaluate(torch.from_numpy(table.placed(known[rows])))
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{said}, which the model does not take ({error})") from error
        if not torch.isfinite(scores).all():
            raise ValueError(f"{said}, and with them the score is NaN or infinite")
