"""SHAP values of many rows from gradients: the gradient at random points between each row and background rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from nbexplain.core.explanation import Target
from nbexplain.core.methods.sampling_error import error_of_mean
from nbexplain.core.subject import Subject

_DRAWS = 8192  # points that go through the model in one step


class ExpectedGradients:
    """The mean over draws of (x − b) · ∂score/∂x at t·x + (1 − t)·b, b a background row and t between 0 and 1.

    The draws are those of `shap.GradientExplainer.shap_values(rows, nsamples=samples, rseed=seed)`.

    Parameters
    ----------
    stand_ins
        (m, F): the background rows that are drawn from.
    samples
        Draws for each row.
    skip
        Rows that were explained before, whose draws are passed over.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self, subject: Subject, target: Target, stand_ins: np.ndarray, samples: int, seed: int, skip: int
    ) -> None:
        self._subject, self._target, self._samples = subject, target, samples
        self._stand_ins = subject.ready(torch.from_numpy(stand_ins))
        self._draws = _draws(len(stand_ins), samples, seed)
        for _ in range(skip):
            next(self._draws)
        self.step = max(_DRAWS // samples, 1)

    def __call__(self, rows: np.ndarray, _start: int) -> tuple[np.ndarray, np.ndarray]:
        """Values and their standard errors (n, F, 1) of the next rows (n, F).

        Raises
        ------
        ValueError
            If a score or its gradient is not finite.
        """
        drawn = [next(self._draws) for _ in rows]
        numbers, shares = (torch.from_numpy(np.array(part)) for part in zip(*drawn, strict=True))
        x = self._subject.ready(torch.from_numpy(rows))[:, None]
        other = self._stand_ins[numbers.to(x.device)]
        t = self._subject.ready(shares)[..., None]
        points = (t * x + (1 - t) * other).flatten(0, 1)
        scores, slopes = self._subject.gradients(points, self._target)
        known = torch.isfinite(scores) & torch.isfinite(slopes).all(1)
        if not known.all():
            raise ValueError(
                f"scores: at {int((~known).sum()):,} of {len(known):,} points between the rows and background rows the "
                "score or its gradient is NaN or infinite; explainer='permutation' asks for no points between them"
            )
        parts = (slopes.unflatten(0, numbers.shape) * (x - other)).double().cpu().numpy()
        return parts.mean(1)[..., None], error_of_mean(np.moveaxis(parts, 1, 0))[..., None]


def _draws(count: int, samples: int, seed: int) -> Iterator[tuple[list[int], list[float]]]:
    """For row after row, which of `count` background rows, and how far the points are from it."""
    draw = np.random.RandomState(seed)
    while True:
        pairs = [(draw.randint(0, count), draw.random_sample()) for _ in range(samples)]
        yield [number for number, _ in pairs], [share for _, share in pairs]
