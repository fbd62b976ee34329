"""How LIME draws the numbers and categories of one column of a table, and how the linear model sees them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from nbexplain.core.dataset.nearness import spread_of


class DrawnColumn:
    """How a column is drawn, and how the linear model sees it."""

    by_share = True  # whether a share from 0 to 1 tells which value, or bin, is drawn

    def draw(self, share: np.ndarray | None, normal: np.ndarray | None, draw: np.random.RandomState) -> np.ndarray:
        """Values (n,), from shares (n,), normal numbers (n,) or more draws."""
        raise NotImplementedError

    def seen(self, values: np.ndarray, own: float) -> np.ndarray:
        """(n,) what the linear model sees of values, where the row has `own`."""
        raise NotImplementedError


def drawn_column(values: np.ndarray, category: bool, quartile: bool) -> DrawnColumn:
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
    return float(spread_of(known[:, None])[0]) or 1.0 if len(known) else 1.0  # as scikit-learn's scaler


def _quartiles(known: np.ndarray) -> np.ndarray:
    return np.unique(np.percentile(known, [25, 50, 75])) if len(known) else np.empty(0)


class _Values(DrawnColumn):
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
class _Normal(DrawnColumn):
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
class _Bins(DrawnColumn):
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
            spread=np.array([spread_of(part[:, None])[0] + 1e-11 for part in parts]),
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
