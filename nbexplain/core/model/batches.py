"""Whether several inputs go through a model at once as each would alone: tried, not believed.

Some models take a batch of one only (`x.view(1, -1)`), some mix what is in a batch (batch statistics, attention across
it), some take a plain batch but not one in channels-last order (`x.view(len(x), -1)` behind a convolution).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MIXES = "in a batch, the scores of an input depend on the other inputs"
GROWS = "an input has as many scores as there are inputs in a batch, or others than it has alone"
_ROUGHLY = 0.05  # by how much scores may differ between batch sizes: half precision inside, other kernels


@dataclass(frozen=True)
class Batches:
    """How batches are handed to a model.

    Attributes
    ----------
    alone
        Why inputs are run one by one, or `""`.
    channels_last
        Whether batches of images may be in channels-last order.
    folded
        Whether a faster twin may run them.
    """

    alone: str = ""
    channels_last: bool = True
    folded: bool = True


def differing(x: Tensor, *, ids: bool) -> Tensor:
    """An input that the model can take and that is not `x`, to stand beside it in a batch; `x` where none is known.

    With `ids`, integers are token ids of one vocabulary; others may be codes of columns, each with values of its own.
    """
    if x.is_floating_point():
        other = x.flip(-1) if x.ndim > 2 else x
        # reaches beyond both ends of x, and has another mean: what a model does by the largest value of a batch, the
        # smallest or the mean, `x` has then not alone
        other = 3 * other - 1.5 * other.mean() - 0.5 * other.min()
        return other + 0.125 if torch.equal(other, x) else other
    if x.is_complex():
        other = (x.flip(-1) if x.ndim > 2 else x) * 3
        return other + 0.125 if torch.equal(other, x) else other
    return x.flip(-1) if ids else x


def problem(run: Callable[[Tensor], Tensor], x: Tensor, other: Tensor, alone: Tensor, size: int) -> str:
    """Why a batch does not give an input the scores that it has alone, or `""`.

    Parameters
    ----------
    run
        Batch (N, …) → scores (N, K, …).
    x, other
        The input and another one, (1, …).
    alone
        The scores of the input.
    size
        Of the batch, at least 2.
    """
    place = min(1, size - 1)  # in the middle: a model may mix from the first on, or from the last
    rows = [other] * size
    rows[place] = x
    try:
        mixed = run(torch.cat(rows))[place : place + 1]
    except Exception as error:
        try:
            equal = run(torch.cat([x] * size))
        except Exception:
            said = str(error.__cause__ or error).strip().partition("\n")[0]
            return f"a batch of {size} raises {type(error.__cause__ or error).__name__} ({said})"
        return "" if _near(equal, alone, _ROUGHLY) else MIXES  # it is the other input that cannot be taken
    if mixed.shape != alone.shape:
        return GROWS
    if is_close(mixed, alone):
        return ""
    # Other sums in batches of another size are no mixing: a batch of the same size rounds in the same way.
    equal = run(torch.cat([x] * size))
    if is_close(mixed, equal[place : place + 1]) and _near(equal, alone, _ROUGHLY):
        return ""
    if not is_close(run(x), alone):  # the model draws random numbers
        return ""
    return MIXES


def is_close(scores: Tensor, wanted: Tensor) -> bool:
    """Whether they differ by no more than rounding."""
    return _near(scores, wanted, 100 * torch.finfo(wanted.dtype).eps if wanted.is_floating_point() else 0.0)


def _near(scores: Tensor, wanted: Tensor, share: float) -> bool:
    finite = wanted[torch.isfinite(wanted)]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    wanted = wanted.expand_as(scores)
    return math.isfinite(largest) and torch.allclose(
        scores.to(wanted.dtype), wanted, rtol=share, atol=share * largest, equal_nan=True
    )
