"""What the scores are when some features are hidden."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch

from nbexplain.core.explanation import Explanation
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.methods.hiding import (
    Background,
    Fill,
    Hide,
    Segmentation,
    StandIn,
    Superpixels,
    Unit,
    masker_of,
)
from nbexplain.core.registry import MASKABLE, Numbers, method
from nbexplain.core.subject import Subject


@method(label="Without some features", kinds=MASKABLE, on_picture=False)
def without(
    subject: Subject,
    *,
    features: Annotated[tuple[int, ...], Numbers("which are hidden, by their number")] = (),
    superpixels: Superpixels = 50,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
) -> Explanation:
    """All scores before and after some superpixels, words or columns are hidden.

    Values are (state, class): before, after. The names of the hidden features are `names`.

    Raises
    ------
    ValueError
        If there is no such feature, or the model's output is not one score per class.
    """
    clean = subject.scores()
    if clean.ndim != 2:
        raise ValueError(f"scores: expected one score per class, the model gives {tuple(clean.shape[1:])} per input")
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    masker = masker_of(subject, {**options, "background": background, "stand_in": stand_in})
    count = len(masker.names)
    if max(features, default=0) >= count:
        raise ValueError(f"features: {max(features)} is out of range, expected 0 to {count - 1}")
    keep = np.ones((1, count), dtype=bool)
    keep[0, list(features)] = False
    after = subject.hidden(masker, keep) if features else clean
    return Explanation(
        values=to_numpy(torch.cat([clean, after.to(clean)])),
        axes=("state", "class"),
        on="scores",
        quantity=subject.score_name,
        names=tuple(masker.names[number] for number in features),
    )
