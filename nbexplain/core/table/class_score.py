"""The number by which rows are sorted into a class and the others: a probability where the scores are some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbexplain.core.dataset.softmax import are_softmax_logits
from nbexplain.core.subject import Subject

_ROUNDING = 1e-3  # of probabilities that add up to 1


@dataclass(frozen=True, eq=False)
class ClassScore:
    """How much each row is of one class rather than of the others.

    Attributes
    ----------
    values
        (n,); a higher one means the class.
    name
        What the numbers are.
    threshold
        From which value on the class has the higher score, where there are two; else 0.5 or 0.
    """

    values: np.ndarray
    name: str
    threshold: float


def probabilities(subject: Subject, scores: np.ndarray) -> np.ndarray | None:
    """Scores (n, K) of rows as probabilities that add up to 1, or None where they are none.

    Logits go through softmax where they are known to be those of one (`are_softmax_logits`), log-probabilities through
    exp.
    """
    numbers = scores.astype(np.float64)
    if numbers.min(initial=0) > -_ROUNDING and np.abs(numbers.sum(1) - 1).max(initial=0) < _ROUNDING:
        return numbers
    if subject.score_name == "log-probability":
        return np.exp(numbers)
    if subject.score_name != "logit" or scores.shape[1] < 2 or not are_softmax_logits(subject):
        return None
    if subject.reader.both:
        return _sigmoid(numbers)
    powers = np.exp(numbers - numbers.max(1, keepdims=True))
    found: np.ndarray = powers / powers.sum(1, keepdims=True)
    return found


def class_score(subject: Subject, scores: np.ndarray, target: int) -> ClassScore:
    """Of scores (n, K), how much each row is of the class `target`.

    Its probability; else of two classes its score less the other's (a decision function as it is); else its score.
    """
    known = probabilities(subject, scores)
    if known is not None:
        return ClassScore(known[:, target], "probability", 0.5)
    own = scores[:, target].astype(np.float64)
    if scores.shape[1] != 2:
        return ClassScore(own, subject.score_name, 0.0)
    other = scores[:, 1 - target].astype(np.float64)
    if np.array_equal(own, -other):
        return ClassScore(own, subject.score_name, 0.0)
    return ClassScore(own - other, f"difference of the {subject.score_name}s", 0.0)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(values))
    found: np.ndarray = np.where(values >= 0, 1, small) / (1 + small)
    return found
