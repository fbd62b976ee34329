"""The rows that LIME tries: column by column as `lime_tabular` draws them, and how the linear model sees them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

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
        columns: list[_Column] | None = subject.kept(("columns of lime", bins))  # the same for every draw
        if columns is None:
            columns = [
                _column(background[:, place], bool(column.categories), bins == "quartile")
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


class _Column:
    """How a column is drawn, and how the linear model sees it."""

    by_share = True  # whether a share from 0 to 1 tells which value, or bin, is drawn

    def draw(self, share: np.ndarray | None, normal: np.ndarray | None, draw: np.random.RandomState) -> np.ndarray:
        """Values (n,), from shares (n,), normal numbers (n,) or more draws."""
        raise NotImplementedError

    def seen(self, values: np.ndarray, own: float) -> np.ndarray:
        """(n,) what the linear model sees of values, where the row has `own`."""
        raise NotImplementedError


def _column(values: np.ndarray, category: bool, quartile: bool) -> _Column:
    gone = np.isnan(values)
    known = values[~gone]
    if category:
        return _Values(values)
    if not len(known) or (known == np.rint(known)).all() or (known == known[0]).all():
        seen = {"edges": _quartiles(known)} if quartile else {"mean": _mean(known), "spread": _std(known)}
        return _Values(values, **seen)
    return _Bins.of(known, gone.mean()) if quartile else _Normal(_mean(known), _std(known), gone.mean())


def _mean(known: np.ndarray) -> float:
    return float(known.mean()) if len(known) else 0.0


def _std(known: np.ndarray) -> float:
    return float(known.std()) or 1.0 if len(known) else 1.0  # as scikit-learn's scaler


def _quartiles(known: np.ndarray) -> np.ndarray:
    return np.unique(np.percentile(known, [25, 50, 75])) if len(known) else np.empty(0)


class _Values(_Column):
    """Values as frequent as in the background: categories, whole numbers, and what is missing among them.

    Parameters
    ----------
    values
        (N,) those of the background.
    edges
        Up to where each quartile goes; None of categories, of which each is one.
    mean, spread
        By which a number is seen in standard deviations; None where it is seen by its quartile or category.
    """

    def __init__(
        self,
        values: np.ndarray,
        edges: np.ndarray | None = None,
        mean: float | None = None,
        spread: float = 1.0,
    ) -> None:
        self._values, counts = np.unique(values, return_counts=True)  # NaN is one value, the last
        self._upto = np.cumsum(counts / len(values))
        self._upto[-1] = 1  # and not a rounding below
        self._edges, self._mean, self._spread = edges, mean, spread

    def draw(self, share: np.ndarray | None, normal: np.ndarray | None, draw: np.random.RandomState) -> np.ndarray:
        assert share is not None
        drawn: np.ndarray = self._values[self._upto.searchsorted(share, side="right")]
        return drawn

    def seen(self, values: np.ndarray, own: float) -> np.ndarray:
        if self._mean is not None:
            return _in_spreads(values, own, self._mean, self._spread)
        if self._edges is None or np.isnan(own):
            return _alike(values, own)
        return _same_bin(self._edges, values, own)


@dataclass(frozen=True)
class _Normal(_Column):
    """Normal numbers of the background's mean and spread, seen in standard deviations."""

    mean: float
    spread: float
    missing: float  # the share

    @property
    def by_share(self) -> bool:  # type: ignore[override]
        return self.missing > 0

    def draw(self, share: np.ndarray | None, normal: np.ndarray | None, draw: np.random.RandomState) -> np.ndarray:
        assert normal is not None
        drawn = normal * self.spread + self.mean
        return drawn if share is None else np.where(share < self.missing, np.nan, drawn)

    def seen(self, values: np.ndarray, own: float) -> np.ndarray:
        return _in_spreads(values, own, self.mean, self.spread)


def _in_spreads(values: np.ndarray, own: float, mean: float, spread: float) -> np.ndarray:
    if np.isnan(own):
        return _alike(values, own)
    seen: np.ndarray = np.nan_to_num((values - mean) / spread, nan=0.0)
    return seen


def _same_bin(edges: np.ndarray, values: np.ndarray, own: float) -> np.ndarray:
    same: np.ndarray = (edges.searchsorted(values) == edges.searchsorted(own)) & ~np.isnan(values)
    return same.astype(np.float64)


def _alike(values: np.ndarray, own: float) -> np.ndarray:
    alike: np.ndarray = np.isnan(values) if np.isnan(own) else values == own
    return alike.astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Bins(_Column):
    """A number by quartile, (bins,) each: normal ones that lie in the bins are drawn, as lime draws them.

    lime's `undiscretize` asks `scipy.stats.truncnorm`, which takes ten times as long. The mean of what is in a bin lies
    in it, so neither end is so far out that the distribution function would lose its digits.
    """

    edges: np.ndarray
    upto: np.ndarray  # shares; what is missing comes after the last
    places: np.ndarray  # of the bins that are not empty
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, known: np.ndarray, missing: float) -> _Bins:
        """Of the numbers (n,) that there are, and the share of those that are missing."""
        edges = _quartiles(known)
        place = edges.searchsorted(known)
        counts = np.bincount(place, minlength=len(edges) + 1)
        used = np.flatnonzero(counts)
        upto = np.cumsum(counts[used] / len(known)) * (1 - missing)
        if not missing:
            upto[-1] = 1  # and not a rounding below
        parts = [known[place == number] for number in used]
        ends = [known.min(), *edges, known.max()]
        return cls(
            edges,
            upto,
            used,
            low=np.array([ends[number] for number in used]),
            high=np.array([ends[number + 1] for number in used]),
            mean=np.array([part.mean() for part in parts]),
            spread=np.array([part.std() + 1e-11 for part in parts]),
        )

    @functools.cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The share of the normal distribution below each bin, and the share in it."""
        from scipy.special import ndtr

        below = ndtr((self.low - self.mean) / self.spread)
        return below, ndtr((self.high - self.mean) / self.spread) - below

    def draw(self, share: np.ndarray | None, normal: np.ndarray | None, draw: np.random.RandomState) -> np.ndarray:
        from scipy.special import ndtri

        assert share is not None
        place = self.upto.searchsorted(share, side="right")
        gone = place == len(self.upto)
        place[gone] = 0
        below, inside = self._ends
        normal = ndtri(below[place] + inside[place] * draw.random_sample(len(place)))
        numbers = np.clip(self.mean[place] + self.spread[place] * normal, self.low[place], self.high[place])
        return np.where(gone, np.nan, numbers)

    def seen(self, values: np.ndarray, own: float) -> np.ndarray:
        if np.isnan(own):
            return _alike(values, own)
        return _same_bin(self.edges, values, own)
