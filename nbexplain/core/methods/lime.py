"""LIME: the samples are ours, drawn and hidden in batches; the weighted fit is lime's own code."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.layers import Layer
from nbexplain.core.methods.hiding import (
    Fill,
    Hide,
    Segmentation,
    Stable,
    Superpixels,
    Unit,
    is_stable,
    masker_of,
    not_finite,
)
from nbexplain.core.methods.lime_conditions import conditions
from nbexplain.core.methods.lime_rows import Drawn, infinite
from nbexplain.core.methods.lime_samples import Hidden, Neighbourhood
from nbexplain.core.methods.local_fit import fit
from nbexplain.core.methods.prices import of_sets
from nbexplain.core.registry import MASKABLE, Choice, Range, method
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular

_STEP = 0.25  # seconds that the inputs of one step are to take: a quick model is asked about many at a time ...
_LEAST = 8  # ... and a slow one about so many at least
_AT_ONCE = 0.15  # seconds: of a text or a row whose inputs take less in all, nobody could see a picture on the way
_FEW_WORDS = 2  # of which samples that show most are rare: the text itself, which is one, makes most of the fit
_SPEED = ("lime", "inputs per second")  # as the question before has found it
_NEAR = 0.5  # of the samples: where as many count, it is not the width that makes them few
_PAUSE = 0.2  # seconds between two fits, so that fitting never costs more than a small part of the passes


def _not_drawn(subject: Subject, layer: Layer | None) -> str:
    table = subject.input
    return infinite(table) if isinstance(table, Tabular) and table.background is not None else ""


@method(
    label="LIME",
    paper="Ribeiro et al. 2016, arXiv:1602.04938",
    kinds=MASKABLE,
    unfit=_not_drawn,
    price=of_sets(lambda features, params: params["samples"]),
)
def lime(
    subject: Subject,
    target: Target,
    *,
    superpixels: Superpixels = 50,
    samples: Annotated[int, Range("how many changed inputs are tried", 10, 5000, step=10)] = 500,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    bins: Annotated[
        str, Choice("what the linear model sees of a number", ("quartile", "value"), kinds=("table",))
    ] = "quartile",
    kernel_width: Annotated[
        float, Range("how far samples count, in cosine distance", 0.05, 5.0, step=0.05, kinds=("picture", "text"))
    ] = 0.25,
    table_width: Annotated[
        float, Range("how far samples count, times the root of the number of columns", 0.05, 5.0, 0.05, ("table",))
    ] = 0.75,
    stable: Stable = 0.0,
    seed: Annotated[int, Range("of the draw", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """Weight of each superpixel, word or column in a linear model of the score, fitted on inputs near this one.

    Values are (feature,), in units of the score per feature shown. The samples are drawn as lime draws them: each
    superpixel is hidden with probability ½; of words a number that is drawn first; rows come from the background's
    distribution. With `bins="value"` the weight of a number is per standard deviation of the background; else `names`
    are the conditions that were weighed, such as "0.2 < concavity ≤ 0.38", in the order of the columns. Unlike lime,
    whole numbers are drawn from those of the background, and a missing value with its share, as a quartile of its own:
    see `lime_rows.Drawn`. Fitted by
    `lime.lime_base.LimeBase` (ridge with penalty 1, kernel exp(−d²/width²)^½ on the cosine distance, of rows on the
    Euclidean one); lime explains probabilities, this explains the score, which is the logit unless the model ends in
    a softmax. `standard_error` is how far a weight may be from that of very many samples: the sampling error
    (heteroscedasticity-consistent, HC3) and what the penalty takes from the weights of few samples; NaN, with a
    warning, until there are more samples than features. Of one or two words it is the sampling error alone, as more
    samples mean other weights. The scores of all classes are kept: the next class costs one
    fit, and more samples go on from the ones there are.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    near: Neighbourhood
    if subject.input.kind == "table":
        near, width = Drawn(subject, bins, seed), table_width * len(subject.input.tensor[0]) ** 0.5
    else:
        options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
        near, width = Hidden(subject, masker_of(subject, options, target), seed), kernel_width
    design = near.design(samples)
    kept = targets.Kept(target, subject.scores())
    key = ("lime", near.key, kept.key)
    scores: list[Tensor] = list(subject.kept(key) or ())
    first = max(2, samples // 20)
    most = subject.chunk()
    shown, spent, own = -np.inf, 0.0, 0
    speed: float = subject.kept(_SPEED) or 0.0

    def is_quick() -> bool:
        return subject.input.kind != "picture" and samples < speed * _AT_ONCE

    step = min(most, samples if is_quick() else first)

    table = subject.input
    names = conditions(table, bins) if isinstance(table, Tabular) else near.names

    def answer_on(done: int) -> Explanation:
        answer = _answer(near, design[:done], torch.cat(scores)[:done], kept, width)
        return dataclasses.replace(answer, names=names)

    while True:
        known = sum(map(len, scores))
        done = min(known, samples)
        if done == samples or (done >= first and not is_quick() and time.perf_counter() - shown > _PAUSE):
            answer = answer_on(done)
            assert answer.standard_error is not None
            enough = is_stable(answer.standard_error, answer.values, stable)
            yield dataclasses.replace(answer, progress=1.0 if enough else done / samples)
            if enough:
                return
            shown = time.perf_counter()
        if done == samples:
            return
        begun = time.perf_counter()
        try:
            scores.append(kept.keep(near.scores(known, min(known + step, samples))))
        except Exception:
            if done >= first and shown < 0:  # a model that fails in the middle: what came so far is seen all the same
                yield dataclasses.replace(answer_on(done), progress=done / samples)
            raise
        spent, own = spent + time.perf_counter() - begun, own + len(scores[-1])
        speed = own / spent
        step = max(min(most, int(speed * _STEP)), min(most, max(first, _LEAST)))
        subject.keep(_SPEED, speed, 8)
        subject.keep(key, tuple(scores), sum(part.nbytes for part in scores))


def _answer(near: Neighbourhood, design: np.ndarray, scores: Tensor, kept: targets.Kept, width: float) -> Explanation:
    values = kept.read(scores).double().cpu().numpy()
    if not np.isfinite(values).all():
        hidden = near.what != "column"  # rows of a table are drawn, with nothing hidden
        raise not_finite(values, np.asarray(~design.any(1)) & hidden)
    few = isinstance(near, Hidden) and near.what != "superpixel" and len(near.names) <= _FEW_WORDS
    found = fit(design, values, near.distances(design), width, of_draw=few)
    warnings: tuple[str, ...] = ()
    if not few and too_far(found.near, *design.shape):
        option = "table_width" if near.what == "column" else "kernel_width"
        warnings = (
            f"too few samples are near enough to count, as few as {found.near:,.1f} of {len(values):,}, to tell what "
            f"{len(near.names):,} {near.what}s weigh: choose a larger {option}",
        )
    if not np.isfinite(found.errors).all():
        warnings += (too_few(len(values), len(near.names), near.what),)
    if few:
        warnings += (
            f"of so few {near.what}s its weights change with the number of samples, as the text itself is only one of "
            "them, which the errors do not count; 'exact_shap' and 'leave_one_out' draw nothing",
        )
    return Explanation(
        values=found.weights,
        axes=("feature",),
        on="features",
        features=near.features,
        names=near.names,
        standard_error=found.errors,
        quantity=f"weight of a {near.what}",
        base=found.intercept,
        details={"R²": found.r2, "samples": len(values), f"{near.what}s": len(near.names)},
        warnings=(*near.notes, *warnings),
    )


def too_few(samples: int, features: int, what: str) -> str:
    """What must be said where there are no more samples than weights."""
    return (
        f"{samples:,} samples do not tell how far the weights of {features:,} {what}s may be off; "
        f"that takes more than {features + 1:,}"
    )


def too_far(near: float, samples: int, features: int) -> bool:
    """Whether samples would be enough for the weights, but hardly any has a weight of its own; see `Fit.near`."""
    return near <= features + 1 < samples and near < _NEAR * samples
