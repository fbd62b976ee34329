"""Occlusion: hide a part of the input and see how far the score falls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.local import Path, Rectangle
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.subject import Subject


@method(label="Occlusion", paper="Zeiler & Fergus 2014, arXiv:1311.2901", kinds=("picture", "array"))
def occlusion(
    subject: Subject,
    target: Target,
    *,
    window: Annotated[int, Range("side of the hidden square, in pixels", 1, 512)] = 32,
    stride: Annotated[int, Range("step from one square to the next, in pixels", 1, 256)] = 16,
    fill: Annotated[
        str, Choice("what the square is painted with", ("mean", "blur", "black", "white", "zero"))
    ] = "mean",
) -> Iterator[Explanation]:
    """How much the score falls when a window is hidden, averaged over the windows that cover a place.

    Values are (y, x) of the input (or (x,) of a signal), in units of the score. Windows start at multiples of the
    stride and the last ones may reach beyond the edge, where they are cut. They are tried coarse to fine: until all
    are done, a window that is still to come has the value of its coarser neighbour. The scores of all classes are
    kept, so that the next class costs no pass.

    Raises
    ------
    ValueError
        If the window is larger than the input, or the stride leaves places that no window covers.
    """
    x = subject.ready(subject.input.tensor)
    if x.ndim not in (3, 4):
        raise ValueError(f"x: occlusion needs a picture (1, C, H, W) or a signal (1, C, L), got {tuple(x.shape)}")
    height, width = (1, x.shape[-1]) if x.ndim == 3 else x.shape[-2:]
    tall = min(window, height) if x.ndim == 3 else window
    if tall > height or window > width:
        raise ValueError(f"window: {window} is larger than the input of {height}×{width}")
    if stride > window and (height > tall or width > window):
        raise ValueError(f"stride: {stride} is larger than the window of {window}, so that places would stay untried")
    filling = subject.ready(subject.input.fill(fill))
    tops, lefts = _starts(height, tall, stride), _starts(width, window, stride)

    def place_of(row: int, column: int) -> Rectangle:
        top, left = tops[row], lefts[column]
        return (top, min(top + tall, height)), (left, min(left + window, width))

    order, first = _coarse_to_fine(len(tops), len(lefts))
    if x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)  # as `ready` wants batches; here it is done once
    clean = subject.score(target)
    kept = targets.Kept(target, subject.scores())
    key = ("occlusion", window, stride, fill, kept.key)
    scores: list[Tensor] = list(subject.kept(key) or ())
    done = sum(map(len, scores))
    step = subject.chunk()
    near: dict[Path, Tensor] | None = None
    while True:
        if done >= first:
            yield _map(scores, order[:done], (tops, lefts), (tall, window, height, width), kept, clean, x.ndim)
        if done == len(order):
            return
        if done >= first and near is None:  # the first picture does not wait for it
            near = subject.clean_parts(place_of(len(tops) // 2, len(lefts) // 2))
        wanted = order[done : done + step] if done >= first else order[done:first]
        batch = torch.cat([x] * len(wanted))
        places = [place_of(row, column) for row, column in wanted]
        for picture, (down, across) in zip(batch, places, strict=True):
            place = (slice(*down), slice(*across)) if x.ndim == 4 else (slice(*across),)
            picture[:, *place] = filling[0][:, *place]
        scores.append(kept.keep(subject.evaluate_changed(batch, places, near or {})))
        done += len(wanted)
        subject.keep(key, tuple(scores), sum(part.nbytes for part in scores))


def _starts(size: int, window: int, stride: int) -> list[int]:
    """First places of the windows: the last window reaches the edge or beyond."""
    return [i * stride for i in range(-(-(size - window) // stride) + 1)]


def _coarse_to_fine(rows: int, columns: int) -> tuple[list[tuple[int, int]], int]:
    """All window indices, coarse lattices first, and how many make the coarsest: at most a twentieth, or four."""
    stride = 1
    while -(-rows // stride) * -(-columns // stride) > max(4, rows * columns // 20):
        stride *= 2
    order: list[tuple[int, int]] = []
    first = 0
    while stride:
        lattice = [(r, c) for r in range(0, rows, stride) for c in range(0, columns, stride)]
        seen = set(order)
        order += [place for place in lattice if place not in seen]
        first = first or len(order)
        stride //= 2
    return order, first


def _map(
    scores: list[Tensor],
    tried: list[tuple[int, int]],
    starts: tuple[list[int], list[int]],
    sizes: tuple[int, int, int, int],
    kept: targets.Kept,
    clean: float,
    ndim: int,
) -> Explanation:
    """The mean fall of the score over the windows that cover each place."""
    (tops, lefts), (tall, wide, height, width) = starts, sizes
    falls = np.full((len(tops), len(lefts)), np.nan)
    rows, columns = np.array(tried).T
    falls[rows, columns] = clean - kept.read(torch.cat(scores)).double().cpu().numpy()
    falls = _filled(falls)
    covers_y = _cover(tops, tall, height)
    covers_x = _cover(lefts, wide, width)
    counts = covers_y.sum(0)[:, None] * covers_x.sum(0)[None, :]
    values = covers_y.T @ falls @ covers_x / counts
    if scores[0].dtype != torch.float64:
        values = values.astype(np.float32)
    return Explanation(
        values=values if ndim == 4 else values[0],
        axes=("y", "x") if ndim == 4 else ("x",),
        quantity="fall of the score",
        progress=len(tried) / (len(tops) * len(lefts)),
        details={"windows": len(tried)},
    )


def _cover(starts: list[int], window: int, size: int) -> np.ndarray:
    """(windows, places): 1 where a window covers a place."""
    places = np.arange(size)
    return np.array([(places >= s) & (places < s + window) for s in starts], dtype=np.float64)


def _filled(falls: np.ndarray) -> np.ndarray:
    """Windows that were not tried yet take the value of the finest coarser lattice that was."""
    rows, columns = (np.arange(n) for n in falls.shape)
    stride = 1
    while np.isnan(falls).any() and stride < 2 * max(falls.shape):
        stride *= 2
        coarse = falls[np.ix_(rows // stride * stride, columns // stride * stride)]
        falls = np.where(np.isnan(falls), coarse, falls)
    return falls
