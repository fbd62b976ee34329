"""Gradients of the score with respect to the input."""

from __future__ import annotations

from typing import Annotated

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.inside.activations import GRID_AXES, to_numpy
from nbexplain.core.registry import Flag, method
from nbexplain.core.subject import Subject


def input_axes(subject: Subject) -> tuple[str, ...]:
    """Names of the axes of the input, without the batch: those of its places, and its channels."""
    ndim, places = subject.input.tensor.ndim, subject.place_axes
    if ndim == 2:
        return ("feature",)
    if ndim - len(places) != 2 or len(places) not in GRID_AXES:
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
    """
    values = subject.gradient(target)[0]
    return Explanation(
        values=to_numpy(values.abs() if absolute else values),
        axes=input_axes(subject),
        signed=not absolute,
        quantity="|gradient|" if absolute else "gradient",
    )


@method(label="Input × gradient", paper="Shrikumar et al. 2016, arXiv:1605.01713", gradient=True)
def input_x_gradient(subject: Subject, target: Target) -> Explanation:
    """First-order contribution of each input value, x · ∂score/∂x, in units of the score.

    Values have the input's shape without the batch; x is what the network gets, after the user's transform.
    """
    slope = subject.gradient(target)
    values = (subject.ready(subject.input.tensor) * slope)[0]
    return Explanation(values=to_numpy(values), axes=input_axes(subject), quantity="input × gradient")
