"""What each method must answer, computed slowly and plainly on a network that no explainer has touched."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Run = Callable[[Tensor], Tensor]


def scores(run: Run, x: Tensor) -> Tensor:
    """Scores (N, K)."""
    with torch.no_grad():
        return run(x.clone())


def input_gradient(run: Run, x: Tensor, target: int) -> Tensor:
    """∂score/∂x, of the input's shape."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(run(x.clone())[0, target], x)[0]


def layer_output(run: Run, module: nn.Module, x: Tensor, target: int, call: int = 0) -> tuple[Tensor, Tensor]:
    """Output (1, …) of one call of a module, as it was before later in-place operations, and the score's gradient."""
    seen: list[Tensor] = []

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        tensor = output[0] if isinstance(output, tuple) else output
        seen.append(tensor)
        return (tensor.clone(), *output[1:]) if isinstance(output, tuple) else tensor.clone()

    handle = module.register_forward_hook(hook)
    score = run(x.clone().requires_grad_().clone())[0, target]
    handle.remove()
    return seen[call].detach(), torch.autograd.grad(score, seen[call])[0]


def as_grid(output: Tensor, side: int) -> Tensor:
    """(1, C, …) or (1, 1 + patches, C) as (C, *grid)."""
    if output.ndim == 3 and side:
        return output[0, 1:].T.reshape(-1, side, side)
    return output[0]


def grad_cam(activations: Tensor, gradients: Tensor, *, relu: bool) -> Tensor:
    """Σ_k mean(g_k) A_k over (C, *grid), channel by channel."""
    total = torch.zeros_like(activations[0])
    for a, g in zip(activations, gradients, strict=True):
        total = total + g.mean() * a
    return total.clamp(min=0) if relu else total


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor, score: float, *, relu: bool) -> Tensor:
    """The paper's equations for Y = exp(S), written out cell by cell (arXiv:1710.11063, equations 10, 15 and 19)."""
    A, g = activations.double().flatten(1), gradients.double().flatten(1)
    Y = math.exp(score)
    total = torch.zeros_like(A[0])
    for k in range(len(A)):
        weight = 0.0
        for ij in range(A.shape[1]):
            first, second, third = (Y * float(g[k, ij]) ** power for power in (1, 2, 3))
            bottom = 2 * second + sum(float(A[k, ab]) * third for ab in range(A.shape[1]))
            alpha = second / bottom if bottom else 0.0
            weight += alpha * max(first, 0.0)
        total = total + weight * A[k]
    total = total.reshape(activations.shape[1:])
    return total.clamp(min=0) if relu else total


def occlusion(
    run: Run, x: Tensor, target: int, window: int | Sequence[int], stride: int | Sequence[int], filling: Tensor
) -> np.ndarray:
    """Mean fall of the score over all windows that cover a place; (y, x), (z, y, x), or (x,) of a signal."""
    windows, strides = (np.broadcast_to(sides, x.ndim - 2).tolist() for sides in (window, stride))
    size = x.shape[2:]
    falls, counts = np.zeros(size), np.zeros(size)
    clean = float(scores(run, x)[0, target])
    starts = [range(0, n - wide + step, step) for n, wide, step in zip(size, windows, strides, strict=True)]
    for corner in np.ndindex(*map(len, starts)):
        place = tuple(slice(s[i], s[i] + wide) for s, i, wide in zip(starts, corner, windows, strict=True))
        hidden = x.clone()
        hidden[(slice(None), slice(None), *place)] = filling[(slice(None), slice(None), *place)]
        falls[place] += clean - float(scores(run, hidden)[0, target])
        counts[place] += 1
    return falls / counts


def samples(count: int, regions: int, seed: int = 0) -> np.ndarray:
    """Which superpixels are shown in which sample (the first shows all)."""
    keep = np.random.default_rng(seed).integers(0, 2, (count, regions), dtype=np.int8)
    keep[0] = 1
    return keep


def hide(x: Tensor, labels: np.ndarray, keep: np.ndarray) -> Tensor:
    """Pictures in which the regions that are not kept have their mean colour, pixel by pixel."""
    result = x.repeat(len(keep), 1, 1, 1)
    for n, row in enumerate(keep):
        for region in np.flatnonzero(row == 0):
            for c in range(x.shape[1]):
                plane = x[0, c]
                inside = torch.from_numpy(labels == region)
                result[n, c][inside] = plane[inside].double().mean().to(x.dtype)
    return result


def ridge(keep: np.ndarray, values: np.ndarray, width: float = 0.25) -> np.ndarray:
    """LIME's weighted ridge regression (penalty 1, free intercept), from the normal equations."""
    z = keep.astype(float)
    cosine = 1 - z @ z[0] / np.maximum(np.linalg.norm(z, axis=1) * np.linalg.norm(z[0]), 1e-300)
    w = np.sqrt(np.exp(-(cosine**2) / width**2))
    full = np.column_stack([np.ones(len(z)), z])
    penalty = np.diag([0.0] + [1.0] * z.shape[1])
    return np.linalg.solve(full.T @ (w[:, None] * full) + penalty, full.T @ (w * values))[1:]


def ablated(run: Run, module: nn.Module, x: Tensor, channels: list[int], call: int, axis: int) -> Tensor:
    """Scores (1, K) with some channels of one call of a module set to zero, one after the other."""
    calls = [0]

    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        calls[0] += 1
        if calls[0] - 1 != call:
            return None
        tensor = (output[0] if isinstance(output, tuple) else output).clone()
        for channel in channels:
            tensor.select(axis, channel).zero_()
        return (tensor, *output[1:]) if isinstance(output, tuple) else tensor

    handle = module.register_forward_hook(hook)
    try:
        return scores(run, x)
    finally:
        handle.remove()


def receptive_field(answer: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
    """The rectangle around all pixels that, made NaN one by one, make `answer(x)` NaN: 1 inside, 0 outside."""
    reaches = np.zeros(x.shape[-2:], bool)
    for y, column in np.ndindex(*reaches.shape):
        spoilt = x.clone()
        spoilt[:, :, y, column] = torch.nan
        reaches[y, column] = bool(answer(spoilt).isnan().any())
    rows, columns = np.flatnonzero(reaches.any(1)), np.flatnonzero(reaches.any(0))
    field = np.zeros(reaches.shape)
    field[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    return field


def taken(run: Run, module: nn.Module, x: Tensor) -> Tensor:
    """What a module gets."""
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _module, args: seen.append(args[0].clone()))
    scores(run, x)
    handle.remove()
    return seen[0]


Values = Callable[[np.ndarray], np.ndarray]  # rows of which features are shown (n, features) → scores (n,)


def shapley(game: Values, count: int) -> np.ndarray:
    """Shapley's own formula: Σ over sets S without i of |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S))."""
    rows = (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(float)
    score = game(rows)
    values = np.zeros(count)
    for i in range(count):
        for number, row in enumerate(rows):
            if not row[i]:
                size = int(row.sum())
                share = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
                values[i] += share * (score[number | 1 << i] - score[number])
    return values


def in_orders(game: Values, orders: list[list[int]]) -> np.ndarray:
    """What each feature adds when features are shown in an order, averaged over the orders."""
    values = np.zeros(len(orders[0]))
    for order in orders:
        rows = np.zeros((len(order) + 1, len(order)))
        for step, feature in enumerate(order):
            rows[step + 1 :, feature] = 1
        values[order] += np.diff(game(rows)) / len(orders)
    return values


def permuted(game: Values, count: int, orders: int, seed: int = 0) -> np.ndarray:
    """The average over orders that are shuffled one from the other, each forth and back."""
    random, order, drawn = np.random.RandomState(seed), np.arange(count), []
    for _ in range(orders):
        random.shuffle(order)
        drawn += [order.tolist(), order.tolist()[::-1]]
    return in_orders(game, drawn)


def owen(game: Values, count: int, tree: np.ndarray) -> np.ndarray:
    """The average over all orders in which every group of the tree (a linkage matrix) is shown in one piece."""

    def orders(node: int) -> list[list[int]]:
        if node < count:
            return [[node]]
        left, right = (orders(int(child)) for child in tree[node - count, :2])
        return [part for a in left for b in right for part in (a + b, b + a)]

    return in_orders(game, orders(2 * count - 2))
