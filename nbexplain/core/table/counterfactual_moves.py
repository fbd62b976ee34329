"""What a counterfactual may change: a column to a value that the background holds, or a word that is hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.nearness import spread_of
from nbexplain.core.dataset.rows import scores_of, table_of
from nbexplain.core.subject import Subject
from nbexplain.inputs import Masker, Tabular
from nbexplain.inputs.table_reading import Column

Combo = tuple[int, ...]  # moves of different features

_MOST_VALUES = 50  # of a column that are tried alone; of more, so many that are spread evenly over its rows
NEARER = 25  # of a column that has to change, at a time: more follow between the last that fails and the best


class Moves(Protocol):
    """Single changes, each of one feature.

    Attributes
    ----------
    what
        What one feature is: `"column"`, `"word"` …
    names
        Of the features.
    counts
        (features,) how many values each may take, of which those of many are not all moves.
    """

    what: str
    names: tuple[str, ...]
    counts: np.ndarray

    @property
    def features(self) -> np.ndarray:
        """(M,) the feature that each move changes."""

    @property
    def costs(self) -> np.ndarray:
        """(M,) how large each change is."""

    def scores(self, combos: Sequence[Combo]) -> Tensor:
        """Scores (n, K, …) of the input after the moves of each combo."""

    def inputs(self, combos: Sequence[Combo]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """The input after the moves of each combo: which of them (m,), and these as a batch (m, …)."""

    def values(self, combos: Sequence[Combo]) -> np.ndarray:
        """(n, features): what an answer shows of each."""

    def nearer(self, move: int, failed: Sequence[int], most: int) -> list[int]:
        """At most so many moves of the same feature that change it less, but more than those that failed.

        Upwards more than those that failed upwards, downwards more than those downwards. None only if there is none.
        """


class Values:
    """Columns of a row set to values that they have in the background.

    The size of a change is |difference| over the median absolute deviation of the column (Wachter et al. 2017; over the
    standard deviation, where more than half of the rows hold the same), 1 of a category or where a value was missing.

    Parameters
    ----------
    fixed, rising, falling
        Columns that stay, that may only grow and that may only shrink.
    most
        How many moves there are in all at first: of many columns fewer values each are tried.
    """

    what = "column"

    def __init__(
        self,
        subject: Subject,
        table: Tabular,
        fixed: Sequence[str],
        rising: Sequence[str],
        falling: Sequence[str],
        most: int,
    ) -> None:
        if table.background is None:
            raise ValueError(
                "background: the values that columns may take come from it; give Tabular(row, background=…), such as "
                "the training data"
            )
        self._subject, self._background, self.names = subject, table.background, table.names
        self._row = table.tensor[0].numpy()
        self._free, self._up, self._down = _directions(table, fixed, rising, falling)
        self._scales = _scales(table.columns, table.background)
        self._may_be: dict[int, np.ndarray] = {}  # what `_allowed` found
        self._numbers: dict[tuple[int, float], int] = {}
        self._feature: list[int] = []
        self._value: list[float] = []
        self._cost: list[float] = []
        self._made = np.zeros(0, dtype=int), np.zeros(0)
        each = int(np.clip(most // max(int(self._free.sum()), 1), 2, _MOST_VALUES))
        self.counts = np.zeros(len(self.names), dtype=int)
        for feature in np.flatnonzero(self._free).tolist():
            allowed = self._allowed(feature)
            self.counts[feature] = len(allowed)
            for value in _spread(allowed, each):
                self._move(feature, float(value))

    @property
    def features(self) -> np.ndarray:
        return self._arrays()[0]

    @property
    def costs(self) -> np.ndarray:
        return self._arrays()[1]

    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Features and costs of the moves so far, made anew only where there are more."""
        if len(self._made[0]) < len(self._feature):
            self._made = np.array(self._feature, dtype=int), np.array(self._cost, dtype=float)
        return self._made

    def scores(self, combos: Sequence[Combo]) -> Tensor:
        return scores_of(self._subject, self.values(combos), "row")

    def inputs(self, combos: Sequence[Combo]) -> Iterator[tuple[np.ndarray, Tensor]]:
        yield np.arange(len(combos)), torch.from_numpy(table_of(self._subject).placed(self.values(combos)))

    def values(self, combos: Sequence[Combo]) -> np.ndarray:
        rows = np.tile(self._row, (len(combos), 1))
        for row, combo in zip(rows, combos, strict=True):
            for move in combo:
                row[self._feature[move]] = self._value[move]
        return rows

    def nearer(self, move: int, failed: Sequence[int], most: int) -> list[int]:
        feature = self._feature[move]
        allowed, here = self._allowed(feature), self._row[feature]
        costs, gone = self._costs_of(feature, allowed), self._value_of(feature, failed, self._cost[move])
        far = costs < self._cost[move]
        for side, values in ((allowed > here, gone[gone > here]), (allowed < here, gone[gone < here])):
            if len(values):
                far &= ~side | (costs > self._costs_of(feature, values).max())
        return [self._move(feature, float(value)) for value in _spread(allowed[far], most)]

    def _value_of(self, feature: int, moves: Sequence[int], cost: float) -> np.ndarray:
        """The values of those moves of a feature that change it by less than a cost."""
        return np.array([self._value[m] for m in moves if self._feature[m] == feature and self._cost[m] < cost])

    def from_rows(self, rows: np.ndarray, most: int) -> list[Combo]:
        """The moves that bring the row as near as is allowed to each of the nearest of others (n, F), nearest first."""
        changed = (rows != self._row) & np.isfinite(rows) & self._free
        changed &= ~(self._up & (rows < self._row)) & ~(self._down & (rows > self._row))
        measured = np.isfinite(rows) & np.isfinite(self._row) & (self._scales > 0)
        apart = np.abs(np.where(measured, rows - np.where(measured, self._row, 0), 0))
        apart /= np.where(self._scales > 0, self._scales, 1)
        costs = np.where(changed, np.where(measured, apart, 1.0), 0.0).sum(1)
        nearest = [place for place in np.argsort(costs, kind="stable").tolist() if changed[place].any()][:most]
        return [tuple(self._move(int(f), float(rows[n, f])) for f in np.flatnonzero(changed[n])) for n in nearest]

    def _allowed(self, feature: int) -> np.ndarray:
        """The values of a column that it may take, each once, with those of few rows and of many alike."""
        if feature in self._may_be:
            return self._may_be[feature]
        here = self._row[feature]
        values: np.ndarray = np.unique(self._background[:, feature])
        values = values[np.isfinite(values) & (values != here)]
        if self._up[feature]:
            values = values[values > here]
        if self._down[feature]:
            values = values[values < here]
        self._may_be[feature] = values
        return values

    def _costs_of(self, feature: int, values: np.ndarray) -> np.ndarray:
        """(n,) how large the changes of a column to values (n,) are."""
        here, scale = self._row[feature], self._scales[feature]
        if not np.isfinite(here) or not scale:
            return np.ones(len(values))
        return np.asarray(np.abs(values - here) / scale)

    def _move(self, feature: int, value: float) -> int:
        key = (feature, value)
        if key not in self._numbers:
            self._numbers[key] = len(self._feature)
            self._feature.append(feature)
            self._value.append(value)
            self._cost.append(float(self._costs_of(feature, np.array([value]))[0]))
        return self._numbers[key]


class Hidings:
    """Words of a text hidden, each by itself; all changes are equally large."""

    def __init__(self, subject: Subject, masker: Masker, is_finite: Callable[[Tensor], bool]) -> None:
        self._subject, self._masker, self._is_finite = subject, masker, is_finite
        self.what, self.names = masker.what, masker.names
        self.counts = np.ones(len(self.names), dtype=int)

    @property
    def features(self) -> np.ndarray:
        return np.arange(len(self.names))

    @property
    def costs(self) -> np.ndarray:
        return np.ones(len(self.names))

    def scores(self, combos: Sequence[Combo]) -> Tensor:
        scores = self._subject.hidden(self._masker, self.values(combos) > 0)
        if not self._is_finite(scores):
            raise ValueError("scores: a changed text has a score that is NaN or infinite")
        return scores

    def inputs(self, combos: Sequence[Combo]) -> Iterator[tuple[np.ndarray, Tensor]]:
        return self._masker.batches(self.values(combos) > 0)

    def values(self, combos: Sequence[Combo]) -> np.ndarray:
        keep = np.ones((len(combos), len(self.names)))
        for row, combo in zip(keep, combos, strict=True):
            row[list(combo)] = 0
        return keep

    def nearer(self, move: int, failed: Sequence[int], most: int) -> list[int]:
        return []


def _spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of sorted values, evenly spread, with both ends."""
    if len(values) <= most:
        return values
    if most == 1:
        return values[[len(values) // 2]]
    return np.asarray(values[np.linspace(0, len(values) - 1, most).round().astype(int)])


def _scales(columns: Sequence[Column], background: np.ndarray) -> np.ndarray:
    """(F,) what a difference is measured by; 0 of a category, and of a column that is constant."""
    found = np.zeros(len(columns))
    for place, column in enumerate(columns):
        values = background[np.isfinite(background[:, place]), place]
        if not column.categories and len(values):
            found[place] = np.median(np.abs(values - np.median(values))) or spread_of(values[:, None])[0]
    return found


def _directions(
    table: Tabular, fixed: Sequence[str], rising: Sequence[str], falling: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(F,) bool each: which columns may change, which of them only up, which only down."""
    found = []
    for argument, names in (("fixed", fixed), ("rising", rising), ("falling", falling)):
        for name in names:
            if name not in table.names:
                raise ValueError(f"{argument}: there is no column {name!r}; the columns are {', '.join(table.names)}")
        found.append(np.isin(table.names, names))
    stays, up, down = found
    for place, column in enumerate(table.columns):
        if (up[place] or down[place]) and not column.has_order:
            argument = "rising" if up[place] else "falling"
            raise ValueError(
                f"{argument}: {column.name!r} is a category, which has no order; use fixed=, or leave it, or tell one: "
                f"Tabular(…, categories={{{column.name!r}: […]}}), from the lowest on"
            )
        if up[place] and down[place]:
            raise ValueError(
                f"falling: {column.name!r} is in rising, too; a column that may not change goes into fixed="
            )
        if (up[place] or down[place]) and not np.isfinite(float(table.tensor[0, place])):
            raise ValueError(f"{'rising' if up[place] else 'falling'}: {column.name!r} is missing in the row")
    if stays.all():
        raise ValueError("fixed: all columns are fixed, expected one at least that may change")
    return ~stays, up, down
