"""Inputs that can go through the model together."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import torch
from torch import Tensor

from nbexplain.core.subject import Subject


def together(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, list[int], Tensor]]:
    """Batches of inputs of equal shape, in chunks: who runs them, which inputs they are, and their tensors (n, …).

    An input that consists of several tensors goes alone, and one whose scores are its own detections'.
    """
    groups: dict[tuple[Hashable, ...], list[int]] = {}
    for number, subject in enumerate(subjects):
        if subject.input.alone and subject.reader.followed is None:
            given = subject.input
            groups.setdefault((given.tensor.shape, given.tensor.dtype, given.family), []).append(number)
        else:
            yield subject, [number], subject.input.tensor
    for numbers in groups.values():
        lead = subjects[numbers[0]]
        size = subjects[next(iter(groups.values()))[0]].chunk()  # of the first input's shape: others may cost a pass
        for start in range(0, len(numbers), size):
            part = numbers[start : start + size]
            yield lead, part, torch.cat([subjects[number].input.tensor for number in part])
