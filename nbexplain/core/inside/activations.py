"""What a layer answers to the input."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject

GRID_AXES: dict[int, tuple[str, ...]] = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}


@method(label="Activation")
def activation(subject: Subject, layer: Layer, channel: int | None = None) -> Explanation:
    """What the layer returned for this input, as it was before any later in-place operation.

    Values are (channel, *grid), those of one channel (*grid), or (channel,) where the layer has no spatial grid.
    """
    values = layer.as_channels(subject.activation(layer))[0]
    axes: tuple[str, ...] = ("channel", *(GRID_AXES[len(layer.grid)] if layer.grid else ("place",)))
    if layer.grid is None and values.shape[1] == 1:
        values, axes = values[:, 0], ("channel",)
    if channel is not None:
        values, axes = values[channel], axes[1:]
    return Explanation(
        values=to_numpy(values),
        axes=axes,
        on="layer",
        signed=not bool(values.amin() >= 0),  # NaN counts as signed, so that nothing is drawn as if it were known
        quantity="activation",
    )


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Values for an Explanation: float64 stays, everything shorter becomes float32; a copy of its own."""
    plain = (tensor.detach() if tensor.element_size() == 8 else tensor.detach().float()).cpu().contiguous()
    return (plain.clone() if plain.data_ptr() == tensor.data_ptr() else plain).numpy()
