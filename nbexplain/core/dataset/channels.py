"""How strongly every channel of a layer answers to every input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch

from nbexplain.core.dataset.together import Growing, together
from nbexplain.core.explanation import Explanation
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.layers import Layer
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject

STATISTICS = ("mean", "smallest", "largest")


@method(label="Activation over all inputs")
def channel_activity(subjects: Sequence[Subject], layer: Layer) -> Iterator[Explanation]:
    """The mean, smallest and largest activation of each channel over its cells, for every input.

    Values are (statistic, input, channel), the statistics in this order; inputs that are not computed yet are NaN.
    Costs one pass per input, up to the layer.
    """
    values: np.ndarray | None = None
    signed = False
    growing = Growing(len(subjects))
    for lead, numbers, batch in together(subjects):
        returned = lead.catch(layer, batch).returned
        assert returned is not None  # the layer was tried when the question was checked
        cells = layer.geometry.cells(returned)  # inputs, and so their grids, may differ in size
        found = to_numpy(torch.stack([cells.mean(2), cells.amin(2), cells.amax(2)]))
        if values is None:
            values = np.full((3, len(subjects), found.shape[2]), np.nan, found.dtype)
        values[:, numbers] = found
        signed = signed or bool((found < 0).any())
        yield growing.after(len(numbers), partial(_picture, values, signed))


def _picture(values: np.ndarray, signed: bool) -> Explanation:
    return Explanation(
        values=values.copy(),
        axes=("statistic", "input", "channel"),
        on="inputs",
        signed=signed,
        quantity="activation",
    )


def dead_channels(values: np.ndarray) -> list[int]:
    """Channels that return one and the same value at every cell of every input, given `channel_activity`'s values."""
    _, smallest, largest = values
    return [int(channel) for channel in np.flatnonzero(smallest.min(0) == largest.max(0))]
