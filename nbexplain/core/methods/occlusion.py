"""Occlusion: hide a part of the input and see how far the score falls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.inside.activations import GRID_AXES
from nbexplain.core.layers import Layer
from nbexplain.core.local import Path, Rectangle, Span
from nbexplain.core.registry import Choice, Places, Range, method
from nbexplain.core.subject import Subject

Index = tuple[int, ...]  # of a window, along each axis of places


def _no_places(subject: Subject, layer: Layer | None) -> str:
    return "" if len(subject.place_axes) in GRID_AXES else "it needs an image, a volume or a signal"


def _usual_window(places: Places) -> int:
    """A seventh of the longer side; in a volume, where windows are many, a third of the longer side of a slice."""
    return round(max(places[1:]) / 3) if len(places) == 3 else round(max(places) / 7)


def _usual_depth(places: Places) -> int:
    return round(places[0] / 3)


def _slices(places: Places) -> int:
    return places[0]


@method(
    label="Occlusion",
    paper="Zeiler & Fergus 2014, arXiv:1311.2901",
    kinds=("picture", "volume", "array"),
    unfit=_no_places,
)
def occlusion(
    subject: Subject,
    target: Target,
    *,
    window: Annotated[
        int, Range("side of the hidden window, in pixels", 1, 65536, default=_usual_window, most=max)
    ] = 32,
    stride: Annotated[
        int, Range("step from one window to the next, in pixels", 1, 65536, most=max, half_of="window")
    ] = 16,
    depth: Annotated[
        int,
        Range("slices or frames that a window hides", 1, 65536, kinds=("volume",), default=_usual_depth, most=_slices),
    ] = 1,
    fill: Annotated[
        str,
        Choice(
            "what the window is painted with",
            ("mean", "blur", "black", "white", "zero"),
            of_pictures=("blur", "black", "white"),
        ),
    ] = "mean",
) -> Iterator[Explanation]:
    """How much the score falls when a window is hidden, averaged over the windows that cover a place.

    Values are (y, x) of the input, (z, y, x) of a volume or a video, (x,) of a signal, in units of the score. A window
    hides all channels; it is a square or a cube, cut to a side of the input that is shorter. By default it is a seventh
    of the longer side (32 of 224 pixels), and half of it the stride; in a volume it is a third of the longer side of a
    slice and of the number of slices, so that there are about as many windows as in an image. Along the slices of a
    volume the step is in the same proportion to `depth` as `stride` to `window`, rounded up. Windows start at multiples
    of the stride and the last ones may reach beyond the edge, where they are cut. They are tried coarse to fine: until
    all are done, a window that is still to come has the value of its coarser neighbour. The scores of all classes are
    kept, so that the next class costs no pass.

    Raises
    ------
    ValueError
        If the stride leaves places that no window covers.
    """
    x = subject.ready(subject.input.tensor)
    axes, sizes = subject.place_axes, subject.places
    if len(axes) not in GRID_AXES:
        raise ValueError(
            "x: occlusion needs a picture (1, C, H, W), a volume (1, C, D, H, W) or a signal (1, C, L), "
            f"got {tuple(x.shape)}"
        )
    if stride > window and max(sizes[-2:]) > window:
        raise ValueError(f"stride: {stride} is larger than the window of {window}, so that places would stay untried")
    windows, steps = [window] * len(axes), [stride] * len(axes)
    if len(axes) == 3:
        windows[0], steps[0] = depth, min(depth, -(-depth * stride // window))
    windows = [min(wide, size) for wide, size in zip(windows, sizes, strict=True)]
    filling = subject.ready(subject.input.fill(fill))
    starts = [_starts(*along) for along in zip(sizes, windows, steps, strict=True)]

    def spans_of(index: Index) -> list[Span]:
        along = zip(index, starts, windows, sizes, strict=True)
        return [(start[at], min(start[at] + wide, size)) for at, start, wide, size in along]

    order, first = _coarse_to_fine([len(start) for start in starts])
    of_picture = x.ndim == 4 and axes == (2, 3)
    if of_picture:
        x = x.contiguous(memory_format=torch.channels_last)  # as `ready` wants batches; here it is done once
    clean = subject.score(target)
    kept = targets.Kept(target, subject.scores())
    key = ("occlusion", window, stride, depth, fill, kept.key)
    scores: list[Tensor] = list(subject.kept(key) or ())
    done = sum(map(len, scores))
    step = subject.chunk()
    near: dict[Path, Tensor] | None = None
    while True:
        if done >= first:
            yield _map(scores, order[:done], starts, windows, sizes, kept, clean)
        if done == len(order):
            return
        if of_picture and done >= first and near is None:  # the first map does not wait for it
            near = subject.clean_parts(_rectangle(spans_of(tuple(len(start) // 2 for start in starts))))
        wanted = order[done : done + step] if done >= first else order[done:first]
        batch = torch.cat([x] * len(wanted))
        spans = [spans_of(index) for index in wanted]
        for changed, span in zip(batch, spans, strict=True):
            place = [slice(None)] * changed.ndim
            for axis, along in zip(axes, span, strict=True):
                place[axis - 1] = slice(*along)
            changed[tuple(place)] = filling[0][tuple(place)]
        rectangles = [_rectangle(span) for span in spans] if near else []
        scores.append(kept.keep(subject.evaluate_changed(batch, rectangles, near or {})))
        done += len(wanted)
        subject.keep(key, tuple(scores), sum(part.nbytes for part in scores))


def _rectangle(spans: Sequence[Span]) -> Rectangle:
    down, across = spans
    return down, across


def _starts(size: int, window: int, stride: int) -> list[int]:
    """First places of the windows: the last window reaches the edge or beyond."""
    return [i * stride for i in range(-(-(size - window) // stride) + 1)]


def _coarse_to_fine(counts: Sequence[int]) -> tuple[list[Index], int]:
    """All window indices, coarse lattices first, and how many make the coarsest: at most a twentieth, or four."""
    stride = 1
    while math.prod(-(-count // stride) for count in counts) > max(4, math.prod(counts) // 20):
        stride *= 2
    order: list[Index] = []
    first = 0
    while stride:
        lattice = itertools.product(*(range(0, count, stride) for count in counts))
        seen = set(order)
        order += [index for index in lattice if index not in seen]
        first = first or len(order)
        stride //= 2
    return order, first


def _map(
    scores: list[Tensor],
    tried: list[Index],
    starts: Sequence[list[int]],
    windows: Sequence[int],
    sizes: Sequence[int],
    kept: targets.Kept,
    clean: float,
) -> Explanation:
    """The mean fall of the score over the windows that cover each place."""
    values = np.full([len(start) for start in starts], np.nan)
    values[tuple(np.array(tried).T)] = clean - kept.read(torch.cat(scores)).double().cpu().numpy()
    count = values.size
    values = _filled(values)
    covers = np.ones(())
    for axis, along in enumerate(zip(starts, windows, sizes, strict=True)):
        cover = _cover(*along)
        values = np.moveaxis(np.tensordot(values, cover, (axis, 0)), -1, axis)
        covers = np.multiply.outer(covers, cover.sum(0))
    values = values / covers
    if scores[0].dtype != torch.float64:
        values = values.astype(np.float32)
    return Explanation(
        values=values,
        axes=GRID_AXES[values.ndim],
        quantity="fall of the score",
        progress=len(tried) / count,
        details={"windows": len(tried)},
    )


def _cover(starts: list[int], window: int, size: int) -> np.ndarray:
    """(windows, places): 1 where a window covers a place."""
    places = np.arange(size)
    return np.array([(places >= s) & (places < s + window) for s in starts], dtype=np.float64)


def _filled(falls: np.ndarray) -> np.ndarray:
    """Windows that were not tried yet take the value of the finest coarser lattice that was."""
    along = [np.arange(count) for count in falls.shape]
    stride = 1
    while np.isnan(falls).any() and stride < 2 * max(falls.shape):
        stride *= 2
        coarse = falls[np.ix_(*(indices // stride * stride for indices in along))]
        falls = np.where(np.isnan(falls), coarse, falls)
    return falls
