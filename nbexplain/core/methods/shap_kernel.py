"""Kernel SHAP: a weighted linear fit of the score on which features are shown; draw and fit are shap's own code."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
from nbexplain.core.methods.shap_game import Game, Pace
from nbexplain.core.methods.shap_own import own
from nbexplain.core.registry import MASKABLE, Range, method
from nbexplain.core.subject import Subject


@method(label="Kernel SHAP", paper="Lundberg and Lee 2017, arXiv:1705.07874", kinds=MASKABLE)
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
    all features are gone through, the rest is drawn. `standard_error` is what the draw leaves open, from the residuals
    (heteroscedasticity-consistent, a set and its complement as one draw); 0 where all sets were tried. The scores of
    all classes are kept: the next class costs one fit.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    if len(game.players) < 2:  # one feature has all the effect
        whole = np.full(len(game.players), game.ends[1] - game.ends[0])
        yield game.explanation(whole, np.zeros(len(whole)))
        return
    fit = Fit(game, *drawn(len(game.players), samples, seed), seed=seed)
    yield from fit.pictures(first=max(len(game.players), samples // 20), stable=stable)


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
    """

    def __init__(self, game: Game, rows: np.ndarray, weights: np.ndarray, whole: int, *, seed: int) -> None:
        self._game = game
        self._seed = seed
        # rows with a single feature hidden come first: with one for each feature there is a fit at all
        order = np.argsort(~(rows.sum(1) == rows.shape[1] - 1), kind="stable")
        self._rows, self._weights, self._sampled = rows[order], weights[order], (np.arange(len(rows)) >= whole)[order]

    def pictures(self, first: int, stable: float = 0.0) -> Iterator[Explanation]:
        """Fits on the way, and the last one, on all rows."""
        game, pace, count = self._game, Pace(), len(self._rows)
        first = min(first, count)
        game.ends  # noqa: B018  the fit needs them
        for known in game.play(self._rows):
            if known < count and known >= first and pace.due:
                began = time.perf_counter()
                answer = self._answer(known, known / count)
                assert answer.standard_error is not None
                if is_stable(answer.standard_error, answer.values, stable):
                    yield self._answer(known, 1.0)
                    return
                yield answer
                pace.made(began)
        yield self._answer(count, 1.0)

    def _answer(self, count: int, progress: float) -> Explanation:
        """The fit on the first rows."""
        rows, sampled = self._rows[:count].astype(np.float64), self._sampled[:count]
        weights = self._weights[:count].copy()
        if sampled.any():  # as shap does it at the end: together, drawn rows count for all that were not gone through
            weights[sampled] *= self._weights[self._sampled].sum() / weights[sampled].sum()
        scores = self._game(self._rows[:count])
        nothing, everything = self._game.ends
        module = own("explainers._kernel", self._seed)
        shap = module.KernelExplainer(lambda rows: np.zeros(len(rows)), np.zeros((1, rows.shape[1])))
        shap.l1_reg, shap.M = 0, rows.shape[1]
        shap.maskMatrix, shap.kernelWeights, shap.ey = rows, weights, scores[:, None]
        shap.fx, shap.fnull = np.array([everything]), np.array([nothing])
        with blas().limit(limits=1, user_api="blas"):  # see local_fit
            values, _ = shap.solve(1.0, 0)
        complete = (~self._sampled).sum() == (~sampled).sum()
        open_ = sampled if complete else np.ones(count, dtype=bool)
        errors = _errors(rows, weights, scores - nothing - rows @ values, open_)
        return self._game.explanation(
            values, errors, progress=progress, warnings=module.warnings.said, details={"samples": count}
        )


def _errors(rows: np.ndarray, weights: np.ndarray, residuals: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """Standard errors (players,) of the fit under the constraint that the values add up.

    With the last player left out, X the rows less its column, A = XᵀWX: cov = A⁻¹ (Σ g gᵀ) A⁻¹, g the pull
    w e x / (1 − h) of a set and its complement together, which are one draw. A set that came up c times weighs c
    times as much, and its pulls are c draws: their squares add up to a c-th.
    """
    count, players = rows.shape
    if not sampled.any():
        return np.zeros(players)
    if count <= players:
        return np.full(players, np.nan)
    X = rows[:, :-1] - rows[:, -1:]
    try:
        inverse = np.linalg.inv((X * weights[:, None]).T @ X)
    except np.linalg.LinAlgError:
        return np.full(players, np.nan)
    leverage = weights * np.einsum("nf,fg,ng->n", X, inverse, X, optimize=True)
    times = weights / weights[sampled].min()
    pulls = X * (weights * residuals / np.maximum(1 - leverage, 1e-9) / np.sqrt(times))[:, None]
    pulls = pulls[sampled]
    shown = rows[sampled].astype(bool)
    keys = np.packbits(np.where(shown[:, :1], shown, ~shown), axis=1)  # equal for a set and its complement
    pair = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    together = np.zeros((int(pair.max()) + 1, players - 1))
    np.add.at(together, pair, pulls)
    covariance = inverse @ (together.T @ together) @ inverse
    variance = np.append(np.diag(covariance), covariance.sum())  # the last value is what is left of the sum
    errors: np.ndarray = np.sqrt(np.maximum(variance, 0))
    return errors
