"""Which channels of a layer speak for a class."""

from __future__ import annotations

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.layers import Layer
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject


@method(
    label="Evidence of the channels",
    paper="Ancona et al. 2018, arXiv:1711.06104",
    gradient=True,
    on_picture=False,
)
def channel_evidence(subject: Subject, target: Target, layer: Layer) -> Explanation:
    """First-order contribution of each channel to the score: gradient × activation, summed over its cells.

    Values are (channel,), in units of the score. It is input × gradient with the layer in place of the input, so it
    estimates how far the score falls when the channel is switched off.
    """
    activations = layer.as_channels(subject.activation(layer))[0]
    gradients = layer.as_channels(subject.gradient(target, layer))[0]
    return Explanation(
        values=to_numpy((activations * gradients).flatten(1).sum(1)),
        axes=("channel",),
        on="layer",
        quantity="evidence",
    )
