"""Whether scores are the logits of one softmax: tried on a labelled background, or told by the model, never assumed."""

from __future__ import annotations

import numpy as np
import torch

from nbexplain.core.dataset.rows import scores_of, table_of
from nbexplain.core.subject import Subject
from nbexplain.core.table.labels import right_classes
from nbexplain.inputs.table_masker import needed

_TRIED = 500  # background rows

UNKNOWN = (
    "shown are the model's own numbers: whether they are logits of one softmax is not known; "
    "Tabular(…, labels=…) lets it be tried, scores=lambda output: output.softmax(1) says it"
)


def are_softmax_logits(subject: Subject) -> bool:
    """Whether a softmax of the scores (N, K) gives the probabilities of classes of which each input has one.

    Known of two classes made of one logit, and of a Hugging Face model whose `problem_type` is single-label
    classification. Tried where the background has labels, one class for each row: the softmax must tell them better
    than an equal chance for each class does (log loss below log K). Several labels for a row, or several numbers of a
    regression, look the same as logits; without labels there is no telling.
    """
    if subject.reader.both:
        return True
    told = getattr(getattr(subject.twin.original, "config", None), "problem_type", None)
    if told is not None:
        return bool(told == "single_label_classification")
    table = table_of(subject)
    if table.labels is None:
        return False
    known: bool | None = subject.kept("are softmax logits")
    if known is None:
        known = _tried(subject)
        subject.keep("are softmax logits", known, 64)
    return known


def _tried(subject: Subject) -> bool:
    try:
        right = right_classes(subject)
    except ValueError:  # labels of another kind, such as numbers of a regression
        return False
    background = needed(table_of(subject))
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(right >= 0))[:_TRIED]
    if not len(chosen):
        return False
    scores = scores_of(subject, background[chosen], "background").double().cpu()
    if scores.ndim != 2:
        return False
    loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(right[chosen]))
    return bool(loss < np.log(scores.shape[1]))
