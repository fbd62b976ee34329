"""What stands in the memory of a tensor, bit by bit: NaN equals itself there, and no write is too small to be seen."""

from __future__ import annotations

import torch
from torch import Tensor


def has_bytes(tensor: Tensor) -> bool:
    """Whether its values stand in memory as they are, where they can be looked at."""
    return tensor.layout is torch.strided and not (tensor.is_meta or tensor.is_quantized or tensor.is_nested)


def bytes_of(tensor: Tensor, most: int | None = None) -> bytes:
    """The bytes of its values; of more than `most` of them, of so many that are spread over them."""
    with torch.inference_mode(False), torch.no_grad():
        if most is not None and tensor.numel() > most:
            tensor = spread(tensor, most)
        flat = tensor.detach().resolve_conj().resolve_neg().reshape(-1)
        plain = torch.cat([flat])  # side by side, which a single value of an expanded tensor is not
        return bytes(plain.view(torch.uint8).cpu().numpy().tobytes())


def spread(tensor: Tensor, count: int) -> Tensor:
    """So many values spread over the storage, as a view (`reshape` would copy channels-last weights)."""
    span = _span(tensor)
    count = min(span, count)  # an expanded tensor has more values than places
    stride = max(span // count, 1)
    stride -= stride % 2 == 0  # else all of them may stand in one column
    return torch.as_strided(tensor, (count,), (stride,), tensor.storage_offset())


def sum_of_words(tensor: Tensor) -> list[Tensor]:
    """What all its bytes add up to, eight at a time, which is fast; and the few before and after these, if any.

    Nothing of one that shows parts of a storage.
    """
    span, each = _span(tensor), max(8 // tensor.element_size(), 1)
    if span > tensor.numel() or tensor.is_conj() or tensor.is_neg():
        return []
    flat = torch.as_strided(tensor, (span,), (1,), tensor.storage_offset())
    begin = min(-tensor.storage_offset() % each, span)
    end = begin + (span - begin) // each * each
    ends = [part.view(torch.uint8).sum() for part in (flat[:begin], flat[end:]) if len(part)]
    return [flat[begin:end].view(torch.int64).sum(), *ends]


def _span(tensor: Tensor) -> int:
    """How many places lie from its first value to its last."""
    if tensor.is_contiguous():
        return tensor.numel()
    return sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1


def each_place_once(tensor: Tensor) -> Tensor:
    """A view without the values that an expanded tensor repeats, which torch lets nobody write to."""
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(axis, 0, 1)
    return tensor
