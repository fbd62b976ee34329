"""The weighted linear fit of LIME, by lime's own code, and the errors of its weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbexplain.core.methods.sampling_error import unit_of

_RIDGE = 1.0  # the penalty of lime's default regressor, which the standard errors must know


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights (features,), their errors and the part of these that the penalty makes, the intercept and R².

    `near` is the effective number of the samples by Kish (1965), (Σw)² / Σw², those that the linear model sees as it
    sees the first counting as one: what the features weigh they do not tell.
    """

    weights: np.ndarray
    errors: np.ndarray
    shrunk: np.ndarray
    intercept: float
    r2: float
    near: float


def fit(design: np.ndarray, scores: np.ndarray, distances: np.ndarray, width: float, *, of_draw: bool = False) -> Fit:
    """Ridge with penalty 1 of scores (n,) on a design (n, features), samples weighted by exp(−d²/width²)^½.

    The errors are how far the weights may be from those of very many samples: sampling errors (HC3) and what the
    penalty takes from the weights of few samples. NaN until there are more samples than features. With `of_draw` they
    are how far those of another draw of as many samples may be.
    """
    from lime.lime_base import LimeBase

    def kernel(d: np.ndarray) -> np.ndarray:
        return np.sqrt(np.exp(-(d**2) / width**2))

    unit = unit_of(scores)
    scores = scores / unit
    lime = LimeBase(kernel, random_state=np.random.RandomState(0))
    everything = design.shape[1]
    weights = np.zeros(everything)
    # the threads of a BLAS go on spinning for a while, and would take a quarter of the next passes' time from torch
    with blas().limit(limits=1, user_api="blas"):
        intercept, pairs, r2, _ = lime.explain_instance_with_data(
            design, scores[:, None], distances, 0, everything, feature_selection="none"
        )
        for feature, weight in pairs:
            weights[feature] = weight
        residuals = scores - intercept - design @ weights
        importance = kernel(distances)
        errors, shrunk = _errors(design, weights, residuals, importance, of_draw)
    others = importance[(design != design[0]).any(1)]
    near = float((1 + others.sum()) ** 2 / (1 + (others**2).sum())) if len(others) else float(len(design))
    return Fit(weights * unit, errors * unit, shrunk * unit, float(intercept) * unit, float(r2), near)


@functools.cache
def blas() -> Any:
    """What limits the threads of numpy's linear algebra."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _errors(
    design: np.ndarray, weights: np.ndarray, residuals: np.ndarray, importance: np.ndarray, of_draw: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (features,) of the weights (features,) of a weighted ridge fit, and what the penalty takes from them.

    With X centred at its weighted mean and A = XᵀWX + αI: cov = A⁻¹ Xᵀ W² diag(e² / (1 − h)²) X A⁻¹, h the leverages
    (HC3). The weights are too small by α A⁻¹ β, β those without a penalty, which many samples undo: its square is
    added. For β stand the weights and once more what they lack: where samples hardly determine β, it would be noise.
    Of the draw alone: the first sample is in every draw, and so is the mean of what the others add to XᵀWe.
    """
    count, features = design.shape
    if count <= features + 1:
        return np.full(features, np.nan), np.full(features, np.nan)
    total = importance.sum()
    centred = design - importance @ design / total
    inverse = np.linalg.inv((centred * importance[:, None]).T @ centred + _RIDGE * np.eye(features))
    if of_draw:
        added = (centred * (importance * residuals)[:, None])[1:]
        varies = (added - added.mean(0)) @ inverse
        return np.sqrt((varies**2).sum(0)), np.zeros(features)
    leverage = importance * (np.einsum("nf,fg,ng->n", centred, inverse, centred, optimize=True) + 1 / total)
    scaled = centred * (importance * residuals / (1 - np.minimum(leverage, 1 - 1e-9)))[:, None]
    variance: np.ndarray = np.einsum("fg,gh,fh->f", inverse, scaled.T @ scaled, inverse, optimize=True)
    shrunk = _RIDGE * inverse @ weights
    shrunk = shrunk + _RIDGE * inverse @ shrunk
    return np.sqrt(variance + shrunk**2), shrunk
