"""What the scores are when channels of a layer are switched off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.inside.activations import to_numpy
from nbexplain.core.inside.evidence import channel_evidence
from nbexplain.core.layers import Layer
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.subject import NoGradient, Subject
from nbexplain.core.target import key_of, score

THIS = "the channel"
ORDERS = ("most evidence first", "least evidence first", "largest activation first")
_POINTS = 33  # of a curve, both ends among them
_PAPER = "Morcos et al. 2018, arXiv:1803.06959"


@method(label="Ablation", paper=_PAPER, on_picture=False)
def ablation(
    subject: Subject,
    target: Target,
    layer: Layer,
    channel: int | None = None,
    *,
    which: Annotated[str, Choice("the chosen channel, or the first of an order", (THIS, *ORDERS))] = THIS,
    off: Annotated[int, Range("how many channels are switched off", 0, 65536)] = 1,
) -> Explanation:
    """All scores before and after channels of a layer are switched off: they return zero at every cell.

    Values are (state, class): before, after. `details` holds the score of the target before and after. With "the
    channel", `off` is not looked at; where no channel is given, those with most evidence are switched off. One pass.
    Where no gradient reaches the layer, the evidence is not known: the largest activations then go first, and
    `warnings` says so.

    Raises
    ------
    ValueError
        If the model's output is not one score per class.
    """
    clean = subject.scores()
    if clean.ndim != 2:
        raise ValueError(f"scores: expected one score per class, the model gives {tuple(clean.shape[1:])} per input")
    notes: tuple[str, ...] = ()
    if which == THIS and channel is not None:
        off_now: Sequence[int] = [channel]
    else:
        order, notes = _order_or_next(subject, target, layer, ORDERS[0] if which == THIS else which)
        off_now = order[:off]
    keep = torch.ones(1, layer.channels, dtype=torch.bool)
    keep[0, off_now] = False
    after = subject.ablated(layer, keep)
    return Explanation(
        values=to_numpy(torch.cat([clean, after.to(clean)])),
        axes=("state", "class"),
        on="scores",
        quantity=subject.score_name,
        details={
            "channels off": len(off_now),
            "before": float(score(clean, target)),
            "after": float(score(after, target)),
        },
        warnings=notes,
    )


@method(label="Fall of the score", paper=_PAPER, on_picture=False)
def ablation_curve(
    subject: Subject,
    target: Target,
    layer: Layer,
    *,
    which: Annotated[str, Choice("the order in which channels are switched off", ORDERS)] = ORDERS[0],
) -> Iterator[Explanation]:
    """The score when the first 0, 1, 2 … channels of an order are switched off.

    Values are (off,), from none to all channels; NaN where it was not computed: at most 33 numbers of channels are
    tried, the ends and the middle first.
    """
    order, notes = _order_or_next(subject, target, layer, which)
    values = np.full(layer.channels + 1, np.nan)
    values[0] = subject.score(target)
    waiting = _coarse_to_fine(layer.channels)
    size = subject.chunk()
    for start in range(0, len(waiting), size):
        numbers = waiting[start : start + size]
        keep = torch.ones(len(numbers), layer.channels, dtype=torch.bool)
        for row, off in zip(keep, numbers, strict=True):
            row[order[:off]] = False
        values[numbers] = score(subject.ablated(layer, keep), target).double().cpu().numpy()
        yield Explanation(
            values=values.copy(),
            axes=("off",),
            on="scores",
            quantity=subject.score_name,
            progress=min((start + size) / len(waiting), 1.0),
            warnings=notes,
        )


def _order_or_next(subject: Subject, target: Target, layer: Layer, which: str) -> tuple[list[int], tuple[str, ...]]:
    """The order asked for, or where the default has no gradient to go by, that of the activations, and what to say."""
    try:
        return channel_order(subject, target, layer, which), ()
    except NoGradient as error:
        if which != ORDERS[0]:
            raise
        return channel_order(subject, target, layer, ORDERS[2]), (f"channels go {ORDERS[2]}: {error}",)


def channel_order(subject: Subject, target: Target, layer: Layer, which: str) -> list[int]:
    """The channels of a layer in one of `ORDERS`; equal ones by their number."""
    key = ("order", key_of(target), layer.name, which)
    known = subject.kept(key)
    if known is not None:
        return list(known)
    if which == ORDERS[2]:
        strength: Tensor = layer.as_channels(subject.activation(layer))[0].flatten(1).mean(1).double().cpu()
    else:
        strength = torch.tensor(channel_evidence(subject, target, layer).values, dtype=torch.double)
    strength = torch.nan_to_num(strength if which != ORDERS[1] else -strength)
    order = [int(channel) for channel in torch.argsort(strength, descending=True, stable=True)]
    subject.keep(key, order, 8 * len(order))
    return order


def _coarse_to_fine(channels: int) -> list[int]:
    """How many channels to switch off, 0 left out: all, half, quarters and so on."""
    points = sorted({round(number) for number in np.linspace(0, channels, min(_POINTS, channels + 1))} - {0})
    found: list[int] = []
    step = len(points)
    while len(found) < len(points):
        found += [point for point in points[step - 1 :: step] if point not in found]
        step = max(step // 2, 1)
    return found
