"""Inputs that can go through the model together."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from nbexplain.core.explanation import Explanation
from nbexplain.core.subject import Subject
from nbexplain.core.subjects import inputs_of

_MOST_WAITING = 4  # chunks of inputs of all shapes together that are held until one shape has enough of them
_MOST_SHAPES = 32  # of which a subject is kept: each new one may cost a pass


def together(
    subjects: Sequence[Subject], numbers: Iterable[int] | None = None
) -> Iterator[tuple[Subject, list[int], Tensor]]:
    """Batches of inputs of equal shape: who runs them, which inputs they are, and their tensors (n, …).

    The inputs are read in their order, a few at a time. One that consists of several tensors goes alone, and one whose
    scores are its own detections'.
    """
    read = inputs_of(subjects)
    leads: OrderedDict[Hashable, Subject] = OrderedDict()
    waiting: OrderedDict[Hashable, list[tuple[int, Tensor]]] = OrderedDict()
    size = 0
    own_scores: bool | None = None

    def batch(key: Hashable) -> tuple[Subject, list[int], Tensor]:
        held = waiting.pop(key)
        return leads[key], [number for number, _ in held], torch.cat([tensor for _, tensor in held])

    for number in range(len(subjects)) if numbers is None else numbers:
        given = read(number)
        if own_scores is None:
            own_scores = subjects[number].reader.followed is not None
        if own_scores or not given.alone:
            yield subjects[number], [number], given.tensor
            continue
        key = given.tensor.shape, given.tensor.dtype, given.family
        if key not in leads:
            leads[key] = subjects[number]
            size = size or leads[key].chunk()  # of the first input's shape: others may cost a pass
            while len(leads) > _MOST_SHAPES:
                oldest = next(iter(leads))
                if oldest in waiting:
                    yield batch(oldest)
                del leads[oldest]
        waiting.setdefault(key, []).append((number, given.tensor))
        if len(waiting[key]) == size:
            yield batch(key)
        elif sum(map(len, waiting.values())) >= _MOST_WAITING * size:
            yield batch(max(waiting, key=lambda each: len(waiting[each])))
    while waiting:
        yield batch(next(iter(waiting)))


class Growing:
    """Values of all inputs, copied for a picture only when a tenth more of them is there: the copies stay few.

    Parameters
    ----------
    count
        How many inputs there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._done = 0
        self._pictured = 0
        self._last: Explanation | None = None

    def after(self, more: int, picture: Callable[[], Explanation]) -> Explanation:
        """What `picture` makes of the values so far, or the last one with its progress."""
        self._done += more
        progress = self._done / self._count
        if self._last is None or progress >= 1 or self._done >= 1.1 * self._pictured:
            self._pictured = self._done
            self._last = picture()
        return dataclasses.replace(self._last, progress=progress)
