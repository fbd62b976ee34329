"""Gradients of the score with respect to the input."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.registry import Flag, method
from nbexplain.core.subject import Subject


def input_axes(ndim: int) -> tuple[str, ...]:
    """Names of the axes of one input, by the number of axes without the batch."""
    return {1: ("feature",), 2: ("channel", "x"), 3: ("channel", "y", "x")}.get(
        ndim, tuple(f"axis {i + 1}" for i in range(ndim))
    )


def axes_of(subject: Subject, ndim: int) -> tuple[str, ...]:
    """Names of the axes of the subject's input; without a batch axis, it is not known what the first one counts."""
    return input_axes(ndim) if subject.input.batched else tuple(f"axis {i + 1}" for i in range(ndim))


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
        axes=axes_of(subject, values.ndim),
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
    values = values[0]
    return Explanation(
        values=to_numpy(values),
        axes=axes_of(subject, values.ndim),
        quantity="input × gradient",
        warnings=_flat(slope),
    )


def _of_complex(slope: Tensor) -> tuple[str, ...]:
    return ("the input is complex: |∂score/∂Re x + i ∂score/∂Im x| is shown",) if slope.is_complex() else ()


def _flat(slope: Tensor) -> tuple[str, ...]:
    if slope.any():
        return ()
    return (
        "the gradient is zero everywhere: steps in the model (rounding, a sign, saturation) hide the input from it",
    )
