"""Kernel SHAP: a weighted linear fit of the score on which features are shown; draw and fit are shap's own code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from math import comb
from typing import Annotated, Any

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import (
    Background,
    Fill,
    Hide,
    Segmentation,
    Stable,
    StandIn,
    Superpixels,
    Unit,
    is_stable,
)
from nbexplain.core.methods.local_fit import blas
from nbexplain.core.methods.prices import of_sets
from nbexplain.core.methods.shap_game import Game, Pace
from nbexplain.core.methods.shap_own import own
from nbexplain.core.question import Passes
from nbexplain.core.registry import MASKABLE, Range, method
from nbexplain.core.subject import Subject

_ENOUGH = 4  # samples for each feature: a set and its complement are one equation, so these are two for each value
_ROUNDING = 1e-9
_EACH = 3e-10  # seconds of all that is solved, times samples · features², with one thread


def _price(features: int, params: Mapping[str, Any]) -> Passes:
    samples = int(params["samples"])
    tried = min(samples if samples > 2 * features else _ENOUGH * features, int(2 ** min(features, 20)))
    return Passes(tried, seconds=_EACH * tried * features**2)


@method(
    label="Kernel SHAP",
    paper="Lundberg and Lee 2017, arXiv:1705.07874",
    kinds=MASKABLE,
    price=of_sets(_price),
)
def kernel_shap(
    subject: Subject,
    target: Target,
    *,
    superpixels: Superpixels = 50,
    samples: Annotated[int, Range("how many changed inputs are tried", 10, 20_000, step=10)] = 1000,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
    stable: Stable = 0.0,
    seed: Annotated[int, Range("of the draw", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """Shapley values as the weights of a linear model of the score, fitted on inputs with some features hidden.

    Values are (feature,), in units of the score; with `base`, the score with all features hidden, they add up to it.
    Drawn and fitted by `shap.KernelExplainer` without its selection of features (`l1_reg=0`): sets of few or of nearly
    all features are gone through, the rest is drawn. A set and its complement say the same of the values, so that many
    features need more than two samples each: where `samples` do not determine the values, four for each feature are
    tried, or as many more as do, and a warning says so. `standard_error` is what the draw leaves open, from the
    residuals (heteroscedasticity-consistent, a set and its complement as one draw); 0 where all sets were tried. The
    scores of all classes are kept: the next class costs one fit.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    players = len(game.players)
    if players < 2:  # one feature has all the effect
        whole = np.full(players, game.ends[1] - game.ends[0])
        yield game.explanation(whole, np.zeros(players))
        return
    fit, more = Fit(game, *drawn(players, samples, seed), seed=seed), samples
    while not fit.determined():  # at the latest all sets do
        more = max(_ENOUGH * players, more + players)
        note = f"{samples:,} samples do not determine {players:,} features: {more:,} are tried"
        fit = Fit(game, *drawn(players, more, seed), seed=seed, notes=[note])
    yield from fit.pictures(first=max(players, samples // 20), stable=stable)


def drawn(players: int, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows (n, players) that shap would try, their weights (n,), and how many of the first are not drawn at all."""
    explainer = _explainer(players, seed)
    explainer.explain(np.ones((1, players)), nsamples=samples, l1_reg=0)  # of a score that is 0: only the draw matters
    count = explainer.nsamplesAdded
    weights = explainer.kernelWeights[:count]
    sizes = explainer.maskMatrix[:count].sum(1).astype(int)
    sizes = np.minimum(sizes, players - sizes)  # a set goes with its complement
    there = np.bincount(sizes, minlength=players)
    is_whole = [there[s] == comb(players, s) * (1 if 2 * s == players else 2) for s in range(players)]
    whole = int(np.argmin([*np.array(is_whole)[sizes], False]))  # those sizes come first
    return explainer.maskMatrix[:count].astype(bool), weights.copy(), whole


def _explainer(players: int, seed: int) -> Any:
    module = own("explainers._kernel", seed)
    return module.KernelExplainer(lambda rows: np.zeros(len(rows)), np.zeros((1, players)))


class Fit:
    """shap's weighted fit on more and more of the rows.

    Parameters
    ----------
    game
        What is explained.
    rows, weights
        (n, players) and (n,): what is tried, and how far it counts.
    whole
        How many of the first rows are no draw.
    notes
        What must be said of every picture.
    """

    def __init__(
        self, game: Game, rows: np.ndarray, weights: np.ndarray, whole: int, *, seed: int, notes: Sequence[str] = ()
    ) -> None:
        self._game, self._seed, self._notes = game, seed, notes
        players, sizes = rows.shape[1], rows.sum(1)
        kinds = np.minimum(sizes, players - sizes)  # of sets that are gone through: their size, or their complement's
        kinds[whole:] = 0  # drawn
        pairs = _pairs(rows, kinds == 0)
        mixed = np.random.default_rng(seed).permutation(pairs.max() + 1)[pairs]
        turns = np.zeros(len(rows), dtype=np.int64)
        for kind in (kinds > 0, kinds == 0):  # by turns, so that what is known by then is always a fair part of both
            turns[kind] = np.unique(mixed[kind], return_inverse=True)[1].ravel()
        # rows with a single feature hidden come first: with one for each feature there is a fit at all
        order = np.lexsort((turns, sizes != players - 1))
        self._rows, self._weights = rows[order], weights[order]
        self._kinds, self._pairs = kinds[order], pairs[order]

    def pictures(self, first: int, stable: float = 0.0) -> Iterator[Explanation]:
        """Fits on the way, as soon as the values are determined, and the last one, on all rows."""
        game, pace, count = self._game, Pace(), len(self._rows)
        first = min(first, count)
        game.ends  # noqa: B018  the fit needs them
        for known in game.play(self._rows):
            if known < count and known >= first and pace.due:
                began = time.perf_counter()
                answer = self._answer(known, known / count)
                assert answer.standard_error is not None
                if np.isfinite(answer.standard_error).all():
                    if is_stable(answer.standard_error, answer.values, stable):
                        yield self._answer(known, 1.0)
                        return
                    yield answer
                pace.made(began)
        yield self._answer(count, 1.0)

    def determined(self) -> bool:
        """Whether all rows leave no value open, even without one of the draws."""
        return bool(np.isfinite(self._errors(np.zeros(len(self._rows)))).all())

    def _errors(self, residuals: np.ndarray) -> np.ndarray:
        """Standard errors (players,) of the fit on the first rows, which leaves these residuals (n,)."""
        count = len(residuals)
        kinds = self._kinds[:count]
        left = 1 - np.bincount(kinds) / np.maximum(np.bincount(self._kinds)[: kinds.max() + 1], 1)
        left[0] = 1  # there is no end of drawing
        with blas().limit(limits=1, user_api="blas"):  # see local_fit
            return _errors(self._rows[:count], self._counted(count), residuals, self._pairs[:count], kinds, left)

    def _counted(self, count: int) -> np.ndarray:
        """The weights (n,) of the first rows, which count for all of their kind: as shap does with what it draws."""
        kinds = self._kinds[:count]
        whole, here = (np.bincount(self._kinds[:n], self._weights[:n]) for n in (len(self._rows), count))
        weights: np.ndarray = self._weights[:count] * (whole[kinds] / here[kinds])
        return weights

    def _answer(self, count: int, progress: float) -> Explanation:
        """The fit on the first rows."""
        rows, weights = self._rows[:count].astype(np.float64), self._counted(count)
        scores = self._game(self._rows[:count])
        nothing, everything = self._game.ends
        module = own("explainers._kernel", self._seed)
        shap = module.KernelExplainer(lambda rows: np.zeros(len(rows)), np.zeros((1, rows.shape[1])))
        shap.l1_reg, shap.M = 0, rows.shape[1]
        shap.maskMatrix, shap.kernelWeights, shap.ey = rows, weights, scores[:, None]
        shap.fx, shap.fnull = np.array([everything]), np.array([nothing])
        with blas().limit(limits=1, user_api="blas"):
            values, _ = shap.solve(1.0, 0)
        errors = self._errors(scores - nothing - rows @ values)
        return self._game.explanation(
            values,
            errors,
            progress=progress,
            warnings=[*self._notes, *module.warnings.said],
            details={"samples": count},
        )


def _pairs(rows: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """A number for each of the rows (n, players), equal for a set and its complement, if these come together.

    Of sets that are `drawn` (n,) and hold half the players, each is drawn by itself.
    """
    alone = drawn & _halves(rows)
    keys = np.packbits(np.where(rows[:, :1] | alone[:, None], rows, ~rows), axis=1)
    return np.unique(keys, axis=0, return_inverse=True)[1].ravel()


def _halves(rows: np.ndarray) -> np.ndarray:
    """Whether rows (n, players) hold half the players."""
    halves: np.ndarray = 2 * rows.sum(1) == rows.shape[1]
    return halves


def _errors(
    rows: np.ndarray,
    weights: np.ndarray,
    residuals: np.ndarray,
    pairs: np.ndarray,
    kinds: np.ndarray,
    left: np.ndarray,
) -> np.ndarray:
    """Standard errors (players,) of the fit of rows (n, players) under the constraint that the values add up.

    Of each row its weight, residual, the number of its pair and that of its kind, all (n,); `left` is (kinds,).
    With the last player left out, X the rows less its column, A = XᵀWX: cov = A⁻¹ (Σ g gᵀ) A⁻¹, g the pull
    w e x / (1 − h) of a set and its complement, which are one draw and one equation: x is −x for the complement, w is
    the sum of both weights, e the mean of both residuals. A set of half the players is drawn by itself. What came up c
    times weighs c times as much, and its pull is that of c draws: its square is a c-th of theirs. Of what is gone
    through, only the share that is `left` of its kind is left to chance. NaN where the rows do not determine the
    values, or only by a single draw.
    """
    X = rows[:, :-1].astype(np.float64) - rows[:, -1:]
    A = (X * weights[:, None]).T @ X
    unknown = np.full(rows.shape[1], np.nan)
    if np.linalg.matrix_rank(A, hermitian=True) < len(A):
        return unknown
    _, first, pair = np.unique(pairs, return_index=True, return_inverse=True)
    same = (rows == rows[first[pair]]).all(1)
    each = np.bincount(pair, weights)
    apart = np.bincount(pair, weights * np.where(same, residuals, -residuals)) / each
    inverse, X, kind = np.linalg.inv(A), X[first], kinds[first]
    leverage = each * np.einsum("nf,fg,ng->n", X, inverse, X, optimize=True)
    open_ = left[kind] > 0
    if leverage[open_].max(initial=0) > 1 - _ROUNDING:
        return unknown
    once = np.where(_halves(rows[first]), 1, 2) * weights[kinds == 0].min(initial=np.inf)
    times = np.where(kind == 0, np.maximum(each / once, 1), 1)
    size = each[open_] * apart[open_] / (1 - leverage[open_]) * np.sqrt((left[kind] / times)[open_])
    pulls = X[open_] * size[:, None]
    covariance = inverse @ (pulls.T @ pulls) @ inverse
    variance = np.append(np.diag(covariance), covariance.sum())  # the last value is what is left of the sum
    errors: np.ndarray = np.sqrt(np.maximum(variance, 0))
    return errors
