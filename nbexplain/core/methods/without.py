"""What the scores are when some features are hidden."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
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
    target: Target,
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
    """The scores before and after some superpixels, words or columns are hidden.

    Values are (state, class): before, after. Where the scores are not one per class, but those of places or tokens,
    they are (state,), the target's, which follow its token to where it stands without others. `details` holds the score
    of the target before and after. The names of the hidden features are `names`; as for leave one out, a word whose
    score is explained is none that can be removed.

    Raises
    ------
    ValueError
        If there is no such feature.
    """
    clean = subject.scores()
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    masker = masker_of(subject, {**options, "background": background, "stand_in": stand_in}, target)
    count = len(masker.names)
    if max(features, default=0) >= count:
        raise ValueError(f"features: {max(features)} is out of range, expected 0 to {count - 1}")
    by_class = clean.ndim == 2 and not subject.by_token

    def read(scores: Tensor) -> Tensor:
        return scores if by_class else targets.score(scores, target)

    key = ("without", masker.key, features, None if by_class else targets.key_of(target))
    after: Tensor | None = subject.kept(key) if features else read(clean)
    if after is None:
        keep = np.ones((1, count), dtype=bool)
        keep[0, list(features)] = False
        after = subject.hidden(masker, keep, read)
        subject.keep(key, after, after.nbytes)
    states = torch.cat([read(clean), after.to(clean)])
    before, without_them = (float(number) for number in (targets.score(states, target) if by_class else states))
    return Explanation(
        values=to_numpy(states),
        axes=("state", "class") if by_class else ("state",),
        on="scores",
        quantity=subject.score_name,
        names=tuple(masker.names[number] for number in features),
        details={"before": before, "after": without_them},
    )
