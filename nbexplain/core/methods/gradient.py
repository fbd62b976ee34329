"""Gradients of the score with respect to the input."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.inside.activations import GRID_AXES, to_numpy
from nbexplain.core.registry import Flag, method
from nbexplain.core.subject import Subject


def input_axes(subject: Subject) -> tuple[str, ...]:
    """Names of the axes of the input, without the batch: those of its places, and its channels.

    Of an input without a batch axis it is not known what its first axis counts.
    """
    ndim, places = subject.input.tensor.ndim, subject.place_axes
    if ndim == 2 and subject.input.batched:
        return ("feature",)
    if not subject.input.batched or ndim - len(places) != 2 or len(places) not in GRID_AXES:
        return tuple(f"axis {axis}" for axis in range(1, ndim))
    names = dict(zip(places, GRID_AXES[len(places)], strict=True))
    return tuple(names.get(axis, "channel") for axis in range(1, ndim))


@method(label="Gradient", paper="Simonyan et al. 2014, arXiv:1312.6034", gradient=True)
def gradient(
    subject: Subject, target: Target, *, absolute: Annotated[bool, Flag("|gradient|: saliency, without a sign")] = False
) -> Explanation:
    """How much the score changes per unit of each input value: ∂score/∂x, in score per unit of the network's input.

    Values have the input's shape without the batch. With `absolute` this is the paper's saliency, before its maximum
    over colour channels, which is a matter of drawing here.

    Of complex input, as from k-space, values are magnitudes: |∂score/∂Re x + i ∂score/∂Im x|, with torch's convention
    for the gradient, which is the largest change of the score per unit of x in any direction of the complex plane.
    """
    values = subject.gradient(target)[0]
    of_complex = values.is_complex()
    absolute |= of_complex
    return Explanation(
        values=to_numpy(values.abs() if absolute else values),
        axes=input_axes(subject),
        signed=not absolute,
        quantity="|gradient|" if absolute else "gradient",
        warnings=(*_flat(values), *_of_complex(values)),
    )


@method(label="Input × gradient", paper="Shrikumar et al. 2016, arXiv:1605.01713", gradient=True)
def input_x_gradient(subject: Subject, target: Target) -> Explanation:
    """First-order contribution of each input value, x · ∂score/∂x, in units of the score.

    Values have the input's shape without the batch; x is what the network gets, after the user's transform. Of complex
    input they are Re x · ∂score/∂Re x + Im x · ∂score/∂Im x, both parts of each value together.
    """
    slope, x = subject.gradient(target), subject.ready(subject.input.tensor)
    values = (torch.view_as_real(x) * torch.view_as_real(slope)).sum(-1) if x.is_complex() else x * slope
    return Explanation(
        values=to_numpy(values[0]), axes=input_axes(subject), quantity="input × gradient", warnings=_flat(slope)
    )


def _of_complex(slope: Tensor) -> tuple[str, ...]:
    return ("the input is complex: |∂score/∂Re x + i ∂score/∂Im x| is shown",) if slope.is_complex() else ()


def _flat(slope: Tensor) -> tuple[str, ...]:
    if slope.any():
        return ()
    return (
        "the gradient is zero everywhere: steps in the model (rounding, a sign, saturation) hide the input from it",
    )
