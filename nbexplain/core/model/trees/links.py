"""From what trees add up to the score: the sum itself, or a probability or a mean that follows from it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

_NEAR = 1e-4  # between sums so near, a curve is as good as its slope
_POINTS = 64  # of a softmax on a straight line: of sums that lie 50 apart it still leaves out less than 1e-6


@dataclass(frozen=True)
class Link:
    """Scores (n, K) from sums (n, R): `matrix` · curve(sums) + `shift`.

    Attributes
    ----------
    unit
        What the trees add up.
    matrix, shift
        (K, R) and (K,).
    curve
        (n, R) → (n, R), or None where the scores are the sums.
    slope
        (n, R) → its derivative, of the same shape, where each sum goes by itself; None for softmax.
    """

    unit: str
    matrix: np.ndarray
    shift: np.ndarray
    curve: Callable[[np.ndarray], np.ndarray] | None = None
    slope: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def by_logit(self) -> bool:
        """Whether each score is a probability whose log-odds are a sum."""
        return self.curve is not None and self.slope is not None and self.unit == "log-odds"

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        """Scores (n, K)."""
        curved = sums if self.curve is None else self.curve(sums)
        found: np.ndarray = curved @ self.matrix.T + self.shift
        return found

    def rates(self, start: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """(n, K, R): how much of a score each unit of a sum makes, on the straight way from sums (R,) to sums (n, R).

        With these, what columns add to the sums adds up to the difference of the scores. For a single sum it is the
        rescale rule of shap (and DeepLIFT); for several, integrated gradients of the link.
        """
        if self.curve is None:
            return np.broadcast_to(self.matrix, (len(sums), *self.matrix.shape))
        if self.slope is not None:
            apart = sums - start
            near = np.abs(apart) < _NEAR
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = (self.curve(sums) - self.curve(start[None])) / apart
            rate = np.where(near, self.slope((sums + start) / 2), mean)
            alone: np.ndarray = self.matrix * rate[:, None]
            return alone
        points, weights = _quadrature()
        on_the_way = start + (points[:, None, None] + 1) / 2 * (sums - start)
        shares = self.curve(on_the_way.reshape(-1, len(start))).reshape(on_the_way.shape)
        rates = -np.einsum("p,pnk,pnr->nkr", weights / 2, shares, shares, optimize=True)
        rates[:, np.arange(len(start)), np.arange(len(start))] += np.einsum("p,pnk->nk", weights / 2, shares)
        several: np.ndarray = self.matrix @ rates
        return several


@functools.cache
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    return points, weights


def logistic(sums: np.ndarray) -> np.ndarray:
    found: np.ndarray = 0.5 * (1 + np.tanh(sums / 2))
    return found


def softmax(sums: np.ndarray) -> np.ndarray:
    grown = np.exp(sums - sums.max(1, keepdims=True))
    found: np.ndarray = grown / grown.sum(1, keepdims=True)
    return found


def _logistic_slope(sums: np.ndarray) -> np.ndarray:
    share = logistic(sums)
    found: np.ndarray = share * (1 - share)
    return found


def exponential(sums: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        found: np.ndarray = np.exp(sums)
    return found


def usual(sums: int, scores: int) -> Iterator[Link]:
    """The ways from so many sums to so many scores, the simplest first."""
    if sums == scores:
        same, none = np.eye(sums), np.zeros(sums)
        yield Link("score", same, none)
        yield Link("log-odds", same, none, logistic, _logistic_slope)
        yield Link("logarithm of the score", same, none, exponential, exponential)
        if sums > 1:
            yield Link("log-odds", same, none, softmax)
    elif (sums, scores) == (1, 2):  # of two classes, the second alone
        apart = np.array([[-1.0], [1.0]])
        yield Link("score", apart, np.zeros(2))
        yield Link("half the score", 2 * apart, np.zeros(2))
        yield Link("score", apart, np.array([1.0, 0.0]))
        yield Link("log-odds", apart, np.array([1.0, 0.0]), logistic, _logistic_slope)
        yield Link(
            "half log-odds",
            apart,
            np.array([1.0, 0.0]),
            lambda sums: logistic(2 * sums),
            lambda sums: 2 * _logistic_slope(2 * sums),
        )
