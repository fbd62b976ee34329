"""SHAP values of many rows of any model: columns are added in random orders, each there and back."""

from __future__ import annotations

import numpy as np

from nbexplain.core.dataset.hidden_rows import hidden_scores
from nbexplain.core.dataset.rows import Reading, scores_of, table_of
from nbexplain.core.methods.sampling_error import are_rare, error_of_mean, few_orders, of_one
from nbexplain.core.subject import Subject

_ROWS = 16384  # changed rows in one step
_SOME = 0.05  # of the rows: as many are told of
_INDEX = "each row keeps its own index, which is never hidden: what the model reads there is left open by the values"


class PermutationSampling:
    """The mean over orders of what each column adds to the score when it joins those before it.

    Columns that have not joined are averaged over the background rows. Each order is taken forwards and backwards
    (antithetic pairs), by which effects of one column and of pairs of columns come out without an error.

    Parameters
    ----------
    read
        Which numbers of the scores are explained.
    stand_ins
        (m, F): the background rows.
    orders
        How many for each row.
    base
        (C,) the scores with all columns hidden.
    """

    def __init__(
        self, subject: Subject, read: Reading, stand_ins: np.ndarray, orders: int, seed: int, base: np.ndarray
    ) -> None:
        self._subject, self._read, self._orders, self._seed, self._base = subject, read, orders, seed, base
        self._stand_ins = stand_ins
        self._has_index = table_of(subject).has_index
        self._notes = (_INDEX,) * self._has_index + few_orders(orders)
        self._seen = self._rare = 0  # rows, and in how many of them single orders make all of an error
        columns = stand_ins.shape[1]
        self.step = max(_ROWS // (2 * orders * max(columns - 1, 1) * len(stand_ins)), 1)

    def __call__(self, rows: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Values and their standard errors (n, F, C) of rows (n, F), the first of which is number `start` of all."""
        count, columns = rows.shape
        rank = np.stack([self._ranks(number, columns) for number in range(start, start + count)])  # (n, orders, F)
        sizes = np.arange(1, columns)
        forwards = rank[:, :, None] < sizes[:, None]  # (n, orders, F − 1, F): the first 1 … F − 1 of the order
        keep = np.stack([forwards, ~forwards], axis=2)  # and those behind them, which are the first going back
        clean = self._read(scores_of(self._subject, rows, "background")).numpy()
        scores = np.empty((*keep.shape[:3], columns + 1, clean.shape[1]))
        base = self._base[None]
        if self._has_index:
            base = self._hidden(rows, np.arange(count), np.zeros_like(rows, dtype=bool))
        scores[:, :, 0, 0] = scores[:, :, 1, -1] = base[:, None]
        scores[:, :, 0, -1] = scores[:, :, 1, 0] = clean[:, None]
        if columns > 1:
            whose = np.repeat(np.arange(count), keep[0].size // columns)
            hidden = self._hidden(rows, whose, keep.reshape(-1, columns))
            scores[:, :, :, 1:-1] = hidden.reshape(*keep.shape[:4], -1)
        added = np.diff(scores, axis=3)
        by_rank = (added[:, :, 0] - added[:, :, 1]) / 2  # (n, orders, F, C): going back, the column was there before
        found = np.take_along_axis(by_rank, rank[..., None], axis=2)
        self._seen += count
        self._rare += sum(bool(are_rare(one).any()) for one in found[..., self._read.column])
        return found.mean(1), error_of_mean(np.moveaxis(found, 1, 0), features=1)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said of the values so far."""
        if self._rare <= _SOME * self._seen:
            return self._notes
        some = f"error bars of columns in {self._rare:,} of {self._seen:,} rows rest on "
        return (*self._notes, some + of_one(self._orders, each=True))

    def _hidden(self, rows: np.ndarray, whose: np.ndarray, keep: np.ndarray) -> np.ndarray:
        return hidden_scores(self._subject, self._read, rows, whose, keep, self._stand_ins)

    def _ranks(self, number: int, columns: int) -> np.ndarray:
        """(orders, F): the place of each column in each order, from a seed of the row's own."""
        draw = np.random.default_rng([self._seed, 2, number])
        return draw.permuted(np.tile(np.arange(columns), (self._orders, 1)), axis=1)
