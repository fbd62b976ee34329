"""What LIME, SHAP and leave-one-out hide of an input: the parameters that they share, each declared once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.registry import Choice, Places, Range
from nbexplain.core.subject import Subject
from nbexplain.inputs import Masker
from nbexplain.inputs.superpixels import KINDS
from nbexplain.inputs.table_masker import STAND_INS
from nbexplain.inputs.text_masker import HIDING, UNITS, TextMasker, never_hidden, them

_PICTURE, _TEXT, _TABLE = ("picture",), ("text",), ("table",)


def some_of(most: int) -> Callable[[Places], int]:
    """A default number of superpixels: `most`, or one for four pixels of a small image."""
    return lambda places: min(most, math.prod(places) // 4)


Superpixels = Annotated[
    int,
    Range(
        "about how many regions the picture is cut into", 2, 500, kinds=_PICTURE, default=some_of(50), most=math.prod
    ),
]
Segmentation = Annotated[str, Choice("how the regions are cut", KINDS, kinds=_PICTURE)]
Fill = Annotated[
    str,
    Choice("what hides a region", ("region mean", "mean", "blur", "black", "white", "zero"), kinds=_PICTURE),
]
Unit = Annotated[str, Choice("what is hidden at a time", UNITS, kinds=_TEXT)]
Hide = Annotated[str, Choice("how it is hidden", HIDING, kinds=_TEXT)]
Background = Annotated[int, Range("how many background rows stand in for a hidden column", 1, 1000, kinds=_TABLE)]
StandIn = Annotated[str, Choice("which background rows", STAND_INS, kinds=_TABLE)]

Stable = Annotated[
    float, Range("stop when no standard error is above this share of the largest value; 0: never", 0.0, 0.5, 0.01)
]

_COUNTS = 0.5  # of the largest value: what the score may lose with signs that no value tells, before it is said

_OF_KIND = {
    "picture": ("superpixels", "segmentation", "fill"),
    "text": ("unit", "hide"),
    "table": ("background", "stand_in"),
}


def masker_of(subject: Subject, options: Mapping[str, Any], target: Target | None = None) -> Masker:
    """The masker of the subject's input, from those of a method's parameters that its kind has.

    Where each token of a text has scores of its own, and tokens are removed, the target's follow theirs to its new
    place, and are never removed themselves.

    Raises
    ------
    ValueError
        If tokens were to be removed, and it is not known whose scores the target looks at.
    """
    chosen = {name: options[name] for name in _OF_KIND[subject.input.kind]}
    if subject.by_token and options["hide"] == "remove":
        places = targets.places_of(target)
        if places is None:
            raise ValueError(
                "hide: 'remove' would move the tokens behind, or take away a token whose score is explained; 'mask "
                "token' and 'neutral embedding' leave each in its place; or explain a Region at a token"
            )
        chosen["stays"] = places
    return subject.masker(**chosen)


def signs_note(subject: Subject, answer: Explanation, options: Mapping[str, Any], target: Target) -> tuple[str, ...]:
    """That the score rests on plain punctuation, which is hidden with no word: where it counts beside the values.

    That costs one pass, of texts that have some.
    """
    masker = masker_of(subject, options, target)
    signs = masker.of_signs() if isinstance(masker, TextMasker) else None
    if signs is None:
        return ()
    kept = targets.Kept(target, subject.scores())
    key = ("signs", signs.key, kept.key)
    scores: Tensor | None = subject.kept(key)
    try:
        if scores is None:
            scores = subject.hidden(signs, np.zeros((1, 1), dtype=bool), kept.keep)
            subject.keep(key, scores, scores.nbytes)
        without, score = float(kept.read(scores)[0]), subject.score(target)
    except (RuntimeError, TypeError, ValueError):  # a model may want some: the method does not ask for this
        return ()
    rounding = max(1e-5, 10 * torch.finfo(subject.dtype).eps) * max(abs(score), abs(without))
    fall = score - without
    if not abs(fall) > max(_COUNTS * np.abs(answer.values).max(), rounding):
        return ()
    return (
        f"{never_hidden(signs.signs_unheld)}, and without {them(signs.signs_unheld)} the score is {abs(fall):.3g} "
        f"{'lower' if fall > 0 else 'higher'}; unit='token' hides each sign",
    )


def is_stable(errors: np.ndarray, values: np.ndarray, share: float) -> bool:
    """Whether no standard error is above this share of the largest value; not as long as one is not known."""
    return bool(share > 0 and errors.size and errors.max() <= share * np.abs(values).max())


def not_finite(scores: np.ndarray, empty: np.ndarray) -> ValueError:
    """The error that scores (n,) of changed inputs are NaN or infinite; `empty` (n,) are those with all hidden."""
    broken = ~np.isfinite(scores)
    only = " (those with everything hidden)" if not (broken & ~empty).any() else ""
    return ValueError(
        f"scores: {broken.sum()} of {len(scores)} changed inputs have a score that is NaN or infinite{only}"
    )
