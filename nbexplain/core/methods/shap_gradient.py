"""Gradient SHAP: gradients on the way from the background to the input, by shap's own explainer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background, Stable, is_stable
from nbexplain.core.methods.sampling_error import widening
from nbexplain.core.methods.shap_game import Pace
from nbexplain.core.methods.shap_own import own
from nbexplain.core.methods.shap_values import Baseline, Rows, between_categories, by_value, check_finite, compared
from nbexplain.core.registry import Range, method
from nbexplain.core.subject import Subject


@method(label="Gradient SHAP", paper="Erion et al. 2021, arXiv:1906.10670", gradient=True, kinds=("picture", "table"))
def gradient_shap(
    subject: Subject,
    target: Target,
    *,
    samples: Annotated[int, Range("how many gradients are averaged", 4, 5000, step=4)] = 100,
    baseline: Baseline = "blur",
    background: Background = 100,
    stand_in: Rows = "sample",
    stable: Stable = 0.0,
    seed: Annotated[int, Range("of the draw", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """Expected gradients: (x − background) · ∂score/∂x on average over points drawn between the two.

    Values have the input's shape without the batch, for tables (feature,), in units of the score; with `base`, the
    background's mean score, they add up to the score as the samples grow. Each sample is a background row and a point
    on the straight line from it, drawn by `shap.GradientExplainer`; a picture's background is one picture,
    `baseline`. `standard_error` is the sampling error of each value.

    Raises
    ------
    ValueError
        If no gradient reaches the input, or a value or a score is not finite, with the row of the background.
    """
    x, rows = compared(subject, baseline, background, stand_in)
    module = own("explainers._gradient", seed)
    asked = _Asked(subject, target)
    explainer = module.GradientExplainer(asked, rows, batch_size=subject.chunk(gradients=True))
    mean, square = np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    done, pace = 0, Pace()
    while done < samples:
        count = min(subject.chunk(gradients=True), max(samples // 20, 4), samples - done)
        with torch.enable_grad():
            found, spread = explainer.shap_values(x, nsamples=count, rseed=seed, return_variances=True)
        part, variance = found[0, ..., 0], spread[0][0] * count**0.5  # shap divides the variance by √n
        check_finite(subject, target, x, rows, part, asked.base, "their gradient")
        square += count * variance + (part - mean) ** 2 * done * count / (done + count)
        mean += (part - mean) * count / (done + count)
        done += count
        errors = np.full(mean.shape, np.nan)
        if done > 1:
            errors = np.sqrt(square / (done - 1) / done) * widening(done - 1)
        enough = is_stable(errors, mean, stable)
        if enough or done == samples or pace.due:
            began = time.perf_counter()
            progress = 1.0 if enough else done / samples
            notes, details = between_categories(subject), {"samples": done}
            yield by_value(subject, target, mean.copy(), asked.base, rows, errors, progress, details, notes)
            pace.made(began)
        if enough:
            return


class _Asked(nn.Module):
    """The subject as shap wants a network: inputs (N, …) → the target's score (N, 1), with its gradient.

    Attributes
    ----------
    base
        Mean score of the background, which is the first that shap asks for.
    """

    def __init__(self, subject: Subject, target: Target) -> None:
        super().__init__()
        self.subject, self.target = subject, target
        self.base = np.nan

    def forward(self, x: Tensor) -> Any:
        if x.requires_grad:
            return _Score.apply(x, self.subject, self.target)
        scores = self.subject.evaluate(x, self.target)
        self.base = float(scores.cpu().double().mean())
        return scores[:, None].to(x)


class _Score(torch.autograd.Function):
    """The score, whose gradient the subject computes along with it: in its chunks, on its device, in its dtype."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, subject: Subject, target: Target) -> Tensor:
        scores, slope = subject.gradients(x, target)
        ctx.save_for_backward(slope.to(x))
        return scores[:, None].to(x)

    @staticmethod
    def backward(ctx: Any, *pulls: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return pulls[0].view(-1, *[1] * (slope.ndim - 1)) * slope, None, None
