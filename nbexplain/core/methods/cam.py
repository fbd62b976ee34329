"""Class activation maps: a layer's channels, weighted by what each means for the score."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.formatting import counted
from nbexplain.core.inside.activations import GRID_AXES, to_numpy
from nbexplain.core.layers import Layer
from nbexplain.core.registry import Flag, method
from nbexplain.core.subject import Subject
from nbexplain.core.target import asked
from nbexplain.core.twin import is_keras


def _no_linear_head(subject: Subject, layer: Layer | None) -> str:
    assert layer is not None
    try:
        _head_weights(subject, layer.as_channels(subject.activation(layer))[0], 0)
    except ValueError as error:
        return str(error)
    return ""


@method(label="CAM", paper="Zhou et al. 2016, arXiv:1512.04150", grid=True, of_class=True, unfit=_no_linear_head)
def cam(
    subject: Subject, target: Target, layer: Layer, *, relu: Annotated[bool, Flag("positive evidence only")] = False
) -> Explanation:
    """The layer's channels weighted with the linear head's weights for the class: Σ_k w_k A_k, in units of the score.

    Values are (*grid). Works where the head is linear on the mean (or sum) of this very layer over its grid; this is
    checked on the activations, not guessed from names. The mean of the map over the grid, plus the head's bias, is
    then the score.

    Raises
    ------
    ValueError
        If the head is not of this kind, or the target is not a class.
    """
    if not isinstance(target, int):
        raise ValueError(f"target: CAM explains a class index, got {asked(target)!r}; use 'grad_cam'")
    activations = layer.as_channels(subject.activation(layer))[0]
    weights, warnings = _head_weights(subject, activations, target)
    values = torch.einsum("k,k...->...", weights, activations)
    return _map(values.relu() if relu else values, layer, relu, warnings)


@method(label="Grad-CAM", paper="Selvaraju et al. 2017, arXiv:1610.02391", gradient=True, grid=True)
def grad_cam(
    subject: Subject, target: Target, layer: Layer, *, relu: Annotated[bool, Flag("positive evidence only")] = True
) -> Explanation:
    """The layer's channels weighted with the mean gradient of the score: Σ_k mean(∂score/∂A_k) · A_k.

    Values are (*grid). The paper's ReLU can be switched off to see evidence against as well.
    """
    activations, gradients = _activations_and_gradients(subject, target, layer)
    weights = gradients.flatten(1).mean(1)
    values = torch.einsum("k,k...->...", weights, activations)
    return _map(values.relu() if relu else values, layer, relu, _silent(weights, gradients))


@method(label="Grad-CAM++", paper="Chattopadhay et al. 2018, arXiv:1710.11063", gradient=True, grid=True)
def grad_cam_plus_plus(
    subject: Subject, target: Target, layer: Layer, *, relu: Annotated[bool, Flag("positive evidence only")] = True
) -> Explanation:
    """Grad-CAM with a weight per cell, so that several objects of a class count alike.

    With g = ∂score/∂A: α = g² / (2g² + Σ A·g³) and w_k = Σ α·ReLU(g). Values are (*grid). The paper explains
    exp(score), whose derivatives bring a common factor exp(score) into every w_k; it is left out, so that maps of
    different classes keep a scale.
    """
    activations, gradients = _activations_and_gradients(subject, target, layer)
    flat_a, flat_g = activations.flatten(1).double(), gradients.flatten(1).double()  # g³ is nothing in half precision
    bottom = 2 * flat_g**2 + (flat_a.sum(1, keepdim=True) * flat_g**3)
    alpha = torch.where(bottom != 0, flat_g**2 / torch.where(bottom != 0, bottom, 1), 0)
    weights = (alpha * flat_g.relu()).sum(1)
    values = torch.einsum("k,k...->...", weights.to(activations), activations)
    return _map(values.relu() if relu else values, layer, relu, _silent(weights, gradients))


def _activations_and_gradients(subject: Subject, target: Target, layer: Layer) -> tuple[Tensor, Tensor]:
    """Both as (channels, *grid)."""
    activations = layer.as_channels(subject.activation(layer))[0]
    return activations, layer.as_channels(subject.gradient(target, layer))[0]


def _silent(weights: Tensor, gradients: Tensor) -> tuple[str, ...]:
    if not weights.any() and not gradients.any():  # the few weights first: on a kept pass every look counts
        return ("the gradient is zero at every cell of this layer, so the map is empty; try an earlier layer",)
    return ()


def _map(values: Tensor, layer: Layer, relu: bool, warnings: tuple[str, ...] = ()) -> Explanation:
    assert layer.grid is not None
    if relu and not warnings and not values.any():
        warnings = ("all evidence of this layer is against the class, so the positive part is empty",)
    for count, where in ((layer.prefix, "before"), (layer.suffix, "behind")):
        if count:
            warnings += (f"{counted(count, 'token')} {where} the grid of this layer cannot be drawn",)
    return Explanation(
        values=to_numpy(values),
        axes=GRID_AXES[len(layer.grid)],
        on="layer",
        signed=not relu,
        quantity="evidence",
        warnings=warnings,
    )


def _head_weights(subject: Subject, activations: Tensor, target: int) -> tuple[Tensor, tuple[str, ...]]:
    """Weights (channels,) with which the pooled layer enters the class's logit, and what to say about it."""
    pooled = activations.flatten(1)
    for row in reversed(subject.layers()):  # the last is not the head where a model has two
        head = _linear(subject.module(row)) if row.type in ("Linear", "Dense") and row.usable else None
        if head is None or head[0].shape[1] != len(activations):
            continue
        weight, bias = head
        logits = subject.activation(row)
        if logits.shape != subject.scores().shape:
            continue
        same = torch.allclose(logits, subject.scores(), rtol=1e-3, atol=1e-6, equal_nan=True)
        if not same and row is not _last_linear(subject):
            continue
        rounding = max(1e-3, 4 * torch.finfo(logits.dtype).eps)  # bfloat16 has three digits
        for size in (pooled.shape[1], 1):  # the mean over the grid, or its sum
            expected = nn.functional.linear(
                pooled.double().sum(1) / size, weight.double(), None if bias is None else bias.double()
            )
            scale = float(torch.nan_to_num(logits).abs().max())
            if torch.allclose(expected, logits[0].double(), rtol=rounding, atol=rounding * scale, equal_nan=True):
                said = f"the map adds up to the logit of the linear head, not to the {subject.score_name} shown"
                return weight[target] * (pooled.shape[1] / size), () if same else (said,)
    raise ValueError(
        "layer: CAM needs a linear head on the mean of this very layer over its grid, and the scores of this model "
        "are not that; use 'grad_cam', which gives the same map there and works everywhere"
    )


def _last_linear(subject: Subject) -> Layer | None:
    rows = [row for row in subject.layers() if row.type in ("Linear", "Dense") and row.usable]
    return rows[-1] if rows else None


def _linear(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Weights (outputs, inputs) and bias of a linear layer, of torch or of Keras; None for others."""
    if isinstance(module, nn.Linear):
        return module.weight.detach(), None if module.bias is None else module.bias.detach()
    kernel, bias = (getattr(getattr(module, name, None), "value", None) for name in ("kernel", "bias"))
    if not is_keras(module) or not isinstance(kernel, Tensor) or kernel.ndim != 2:
        return None
    return kernel.detach().T, bias.detach() if isinstance(bias, Tensor) else None
