"""What the model says of every input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbexplain.core.dataset.together import Growing, together
from nbexplain.core.explanation import Explanation
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject


@method(label="Scores of all inputs")
def class_scores(subjects: Sequence[Subject]) -> Iterator[Explanation]:
    """The scores of every input, as the model gives them.

    Values are (input, class); rows that are not computed yet are NaN.

    Raises
    ------
    ValueError
        If the model's output is not one score per class.
    """
    clean = subjects[0].scores()
    if subjects[0].reader.followed is not None:
        raise ValueError("scores: each input has detections of its own, which cannot be put into one table")
    if clean.ndim != 2:
        raise ValueError(f"scores: expected one score per class, the model gives {tuple(clean.shape[1:])} per input")
    values = np.full((len(subjects), clean.shape[1]), np.nan, to_numpy(clean).dtype)
    growing = Growing(len(subjects))
    for lead, numbers, batch in together(subjects):
        values[numbers] = to_numpy(lead.evaluate(batch))
        yield growing.after(
            len(numbers),
            lambda: Explanation(
                values=values.copy(), axes=("input", "class"), on="inputs", quantity=subjects[0].score_name
            ),
        )
