"""What is right to answer, with plain torch: a forward hook of our own, `autograd.grad`, and sums written out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.zoo.entry import Entry


def tensor_of(output: Any, layer: str) -> Tensor:
    """The tensor that a layer's name means, of what its module returned: the first, or `name[key]`."""
    for key in re.findall(r"\[(\w+)\]", layer):
        output = output[int(key) if key.isdigit() else key]
    while not isinstance(output, Tensor):
        output = next(iter(output.values() if hasattr(output, "values") else output))
    return output


def recorded(entry: Entry, model: nn.Module, x: Any, layer: str) -> tuple[Tensor, Tensor, Tensor]:
    """What a layer returned, the score that is explained, and its gradient there (zero where it does not arrive)."""
    module, call = entry.module(model, layer)
    seen: list[Tensor] = []

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        seen.append(tensor_of(output, layer))
        return output.clone() if isinstance(output, Tensor) else None  # it may be overwritten in place

    given = entry.explained(x)
    given = given.clone().requires_grad_() if given.is_floating_point() else given
    handle = module.register_forward_hook(hook)
    try:
        with torch.enable_grad():
            found = entry.run(model, entry.exchanged(x, given))
            score = entry.score(found.detach(), entry.target)(found)
            reached = seen[call].requires_grad
            slope = torch.autograd.grad(score, seen[call], allow_unused=True)[0] if reached else None
    finally:
        handle.remove()
    slope = torch.zeros_like(seen[call]) if slope is None else slope
    return seen[call].detach(), score.detach(), slope


def input_gradient(entry: Entry, model: nn.Module, x: Any) -> Tensor:
    """∂score/∂x, of the shape of the tensor that is explained."""
    given = entry.explained(x).clone().requires_grad_()
    found = entry.run(model, entry.exchanged(x, given.clone()))
    return torch.autograd.grad(entry.score(found.detach(), entry.target)(found), given)[0]


def scores(entry: Entry, model: nn.Module, x: Any, tensor: Tensor | None = None) -> Tensor:
    """Scores (K, …), of the input or of another tensor in its place."""
    with torch.no_grad():
        return entry.run(model, x if tensor is None else entry.exchanged(x, tensor.clone())).clone()


def grad_cam(activations: Tensor, gradients: Tensor, *, relu: bool = True) -> np.ndarray:
    """Σ_k mean(g_k) · A_k over (C, *grid)."""
    total = sum(g.mean() * a for a, g in zip(activations.double(), gradients.double(), strict=True))
    assert isinstance(total, Tensor)
    return (total.clamp(min=0) if relu else total).numpy()


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> np.ndarray:
    """Σ_k w_k A_k, w_k = Σ_ij α·ReLU(g), α = g² / (2 g² + Σ_ab A_ab · g³) (arXiv:1710.11063, equations 10, 15, 19)."""
    total = torch.zeros_like(activations[0], dtype=torch.double)
    for a, g in zip(activations.double(), gradients.double(), strict=True):
        bottom = 2 * g**2 + a.sum() * g**3
        alpha = torch.where(bottom == 0, 0, g**2 / torch.where(bottom == 0, 1, bottom))
        total += (alpha * g.clamp(min=0)).sum() * a
    return total.clamp(min=0).numpy()


def without_channels(entry: Entry, model: nn.Module, x: Any, layer: str, channels: list[int]) -> Tensor:
    """Scores (K, …) with some channels of a layer zero, in place, so that all that is made of them later follows."""
    module, call = entry.module(model, layer)
    outputs = 0

    def hook(_module: nn.Module, _args: Any, output: Any) -> None:
        nonlocal outputs
        outputs += 1
        if call in (-1, outputs - 1):
            tensor = tensor_of(output, layer)
            axis = min(entry.axis, tensor.ndim - 1)  # a graph has no batch axis; nbexplain counts one
            tensor.index_fill_(axis, torch.tensor(channels, dtype=torch.long), 0)

    handle = module.register_forward_hook(hook)
    try:
        return scores(entry, model, x)
    finally:
        handle.remove()
