"""LIME on superpixels: the samples are ours, drawn and masked in batches; the weighted fit is lime's own code."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.subject import Subject
from nbexplain.inputs import Image

_RIDGE = 1.0  # the penalty of lime's default regressor, which the standard errors must know
_PAUSE = 0.2  # seconds between two fits, so that fitting never costs more than a small part of the passes


@method(label="LIME", paper="Ribeiro et al. 2016, arXiv:1602.04938")
def lime(
    subject: Subject,
    target: Target,
    *,
    superpixels: Annotated[int, Range("about how many regions the picture is cut into", 2, 500)] = 50,
    samples: Annotated[int, Range("how many masked pictures are tried", 10, 5000, step=10)] = 500,
    segmentation: Annotated[str, Choice("how the regions are cut", ("slic", "quickshift", "grid"))] = "slic",
    fill: Annotated[
        str, Choice("what hides a region", ("region mean", "mean", "blur", "black", "white", "zero"))
    ] = "region mean",
    kernel_width: Annotated[float, Range("how far samples count, in cosine distance", 0.05, 5.0, step=0.05)] = 0.25,
    seed: Annotated[int, Range("of the draw of regions to hide", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """Weight of each superpixel in a linear model of the score, fitted on pictures with half the superpixels hidden.

    Values are (feature,), in units of the score per superpixel shown. Fitted by `lime.lime_base.LimeBase` (ridge with
    penalty 1, kernel exp(−d²/width²)^½ on the cosine distance, as `lime_image` does); lime explains probabilities,
    this explains the score, which is the logit unless the model ends in a softmax. `standard_error` is the sampling
    error of each weight (heteroscedasticity-consistent, HC3), NaN until there are more samples than superpixels. The
    scores of all classes are kept: the next class costs one fit, and more samples go on from the ones there are.

    Raises
    ------
    ValueError
        If the input is no picture, or the superpixels do not fit it.
    """
    picture = subject.input
    if not isinstance(picture, Image):
        raise ValueError(
            f"x: LIME on superpixels needs a picture (1, C, H, W), got shape {tuple(picture.tensor.shape)}"
        )
    labels = picture.superpixels(superpixels, segmentation)
    count = int(labels.max()) + 1
    hidden = subject.ready(picture.region_mean(labels) if fill == "region mean" else picture.fill(fill))
    keep = np.random.default_rng(seed).integers(0, 2, (samples, count), dtype=np.int8)  # a longer draw begins alike
    keep[0] = 1
    key = ("lime", superpixels, segmentation, fill, seed)
    scores: list[Tensor] = list(subject.kept(key) or ())
    step = subject.chunk()
    first = max(2, samples // 20)
    shown = -np.inf
    while True:
        known = sum(map(len, scores))
        done = min(known, samples)
        if done == samples or (done >= first and time.perf_counter() - shown > _PAUSE):
            values = targets.score(torch.cat(scores)[:done], target).double().cpu().numpy()
            if not np.isfinite(values).all():
                broken = int((~np.isfinite(values)).sum())
                raise ValueError(f"scores: {broken} of {done} masked pictures have a score that is NaN or infinite")
            yield _fitted(keep[:done], values, labels, kernel_width, done / samples)
            shown = time.perf_counter()
        if done == samples:
            return
        chosen = keep[known : known + step]
        scores.append(subject.evaluate(picture.masked(chosen, labels, hidden)))
        subject.keep(key, tuple(scores), sum(part.nbytes for part in scores))


def _fitted(keep: np.ndarray, scores: np.ndarray, labels: np.ndarray, width: float, progress: float) -> Explanation:
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances

    design = keep.astype(np.float64)
    distances = pairwise_distances(design, design[:1], metric="cosine").ravel()

    def kernel(d: np.ndarray) -> np.ndarray:
        return np.sqrt(np.exp(-(d**2) / width**2))

    fit = LimeBase(kernel, random_state=np.random.RandomState(0))
    everything = design.shape[1]
    weights = np.zeros(everything)
    # the threads of a BLAS go on spinning for a while, and would take a quarter of the next passes' time from torch
    with _blas().limit(limits=1, user_api="blas"):
        intercept, pairs, r2, _ = fit.explain_instance_with_data(
            design, scores[:, None], distances, 0, everything, feature_selection="none"
        )
        for feature, weight in pairs:
            weights[feature] = weight
        residuals = scores - intercept - design @ weights
        errors = _standard_errors(design, residuals, kernel(distances))
    return Explanation(
        values=weights,
        axes=("feature",),
        on="features",
        features=labels,
        standard_error=errors,
        quantity="weight of a superpixel",
        progress=progress,
        details={"R²": float(r2), "samples": len(scores), "superpixels": everything},
    )


@functools.cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _standard_errors(design: np.ndarray, residuals: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """HC3 errors (features,) of a weighted ridge fit with a free intercept.

    With X centred at its weighted mean, A = XᵀWX + αI: cov = A⁻¹ Xᵀ W² diag(e² / (1 − h)²) X A⁻¹, h the leverages.
    """
    count, features = design.shape
    if count <= features + 1:
        return np.full(features, np.nan)
    total = weights.sum()
    centred = design - weights @ design / total
    inverse = np.linalg.inv((centred * weights[:, None]).T @ centred + _RIDGE * np.eye(features))
    leverage = weights * (np.einsum("nf,fg,ng->n", centred, inverse, centred, optimize=True) + 1 / total)
    scaled = centred * (weights * residuals / (1 - np.minimum(leverage, 1 - 1e-9)))[:, None]
    variance: np.ndarray = np.einsum("fg,gh,fh->f", inverse, scaled.T @ scaled, inverse, optimize=True)
    errors: np.ndarray = np.sqrt(variance)
    return errors
