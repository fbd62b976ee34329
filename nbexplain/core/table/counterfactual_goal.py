"""What has to become of a prediction: another class, or a score on the other side of a boundary."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.rows import drawn, scores_of
from nbexplain.core.explanation import Target
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.core.table.labels import has_classes
from nbexplain.inputs import Tabular

_LEAST = 1e-9  # of a probability: the logarithm of less than that orders nothing ...
_LEAST_VOTES = 1e-3  # ... of shares of votes, as a forest's, that are 0 at times
_ROWS = 500  # of the background, whose scores tell where a boundary lies


class Goal:
    """The change that is looked for: the opposite of what the input itself gives.

    Parameters
    ----------
    subject, target
        What is explained.
    boundary
        The target's score that is to be crossed, or None.

    Attributes
    ----------
    boundary
        As it was given or chosen; None where the target's class is to become the predicted one, or not to be it any
        more.
    rises
        Whether the score of the target has to rise.
    words
        What is looked for, to be read.
    note
        How a boundary was chosen that nobody gave, or `""`.
    """

    def __init__(self, subject: Subject, target: Target, boundary: float | None) -> None:
        clean = subject.scores()
        self._target, self.note = target, ""
        self._probability = subject.score_name == "probability"
        self._least = _LEAST_VOTES if bool((clean == 0).any()) else _LEAST
        by_class = isinstance(target, int) and clean.ndim == 2 and has_classes(subject)
        by_class = by_class and not subject.independent and subject.score_name != "prediction"
        if boundary is None and clean.ndim != 2:
            raise ValueError(
                f"boundary: the scores have shape {tuple(clean.shape[1:])}; give the score that is to be crossed, such "
                "as boundary=0.0"
            )
        if boundary is None and not by_class:
            boundary, self.note = _chosen(subject, target)
        self.boundary = boundary
        self.rises = False
        self.rises = not bool(self._holds(clean)[0])
        if boundary is None:
            name = targets.name_of(target, subject.names)
            self.words = f"{name} is {'' if self.rises else 'no longer '}predicted"
        else:
            self.words = f"the {subject.score_name} is {'at least' if self.rises else 'below'} {boundary:.4g}"

    def reached(self, scores: Tensor) -> np.ndarray:
        """Whether scores (n, K, …) are what is looked for, (n,) bool."""
        return np.asarray(self._holds(scores) == self.rises)

    def toward(self, scores: Tensor) -> np.ndarray:
        """How far scores (n, K, …) are on the way, (n,): above 0 where they have arrived, in units that nearly add up.

        The score less that of the best other class, of probabilities their logarithms; or less the boundary.
        """
        if self.boundary is not None:
            ahead = np.asarray(self.read(scores) - self.boundary)
        else:
            assert isinstance(self._target, int)
            z = scores.double().cpu()
            z = z.clamp(min=self._least).log() if self._probability else z
            others = torch.cat([z[:, : self._target], z[:, self._target + 1 :]], 1)
            ahead = np.asarray((z[:, self._target] - others.max(1).values).numpy())
        return np.asarray(ahead if self.rises else -ahead)

    def read(self, scores: Tensor) -> np.ndarray:
        """The target's score (n,)."""
        read: np.ndarray = targets.score(scores, self._target).double().cpu().numpy()
        return read

    def kept(self, scores: Tensor) -> np.ndarray:
        """What an answer tells of scores (n, K, …): all classes (n, K), or the target's number (n, 1)."""
        whole = scores if scores.ndim == 2 else targets.score(scores, self._target)[:, None]
        kept: np.ndarray = whole.double().cpu().numpy()
        return kept

    def _holds(self, scores: Tensor) -> np.ndarray:
        """(n,) whether the class is the predicted one, or the score not below the boundary."""
        if self.boundary is not None:
            return np.asarray(self.read(scores) >= self.boundary)
        return np.asarray(scores.double().cpu().numpy().argmax(1) == self._target)  # numpy has no bfloat16


def _chosen(subject: Subject, target: Target) -> tuple[float, str]:
    """A boundary where none was given, and how it came about."""
    if subject.score_name == "probability":
        return 0.5, "the probability is to cross 0.5; give boundary= for another one"
    table = subject.input
    if subject.independent or not isinstance(table, Tabular) or table.background is None:
        return 0.0, f"the {subject.score_name} is to cross 0; give boundary= for another one"
    rows = table.background[drawn(table, _ROWS, 0)]
    scores = targets.score(scores_of(subject, rows, "background"), target).double()
    module = subject.twin.module
    regresses = isinstance(module, Predictor) and module.regresses
    if not regresses and float(scores.min()) < 0 < float(scores.max()):  # a decision function, for all that is known
        return 0.0, (
            f"the {subject.score_name} is to cross 0, on both sides of which the background lies; give boundary= for "
            "another one"
        )
    mean = float(scores.mean())
    return mean, (
        f"the {subject.score_name} is to cross {mean:.4g}, the mean of the background; give boundary= for another one"
    )
