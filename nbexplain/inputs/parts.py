"""The inputs of a model that takes several: which of them is explained, and how the others go along."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.tensors import as_tensor, plain

Key = str | int
_MOST_CHANNELS = 16  # of what looks like an image
_GO_ALONG = ("mask", "type_ids", "position", "decoder")  # in names of whole numbers that are not the text itself


def is_several(x: Any) -> bool:
    """Whether `x` holds the inputs of one call: a mapping, a tuple, a list, or an instance of a dataclass."""
    return isinstance(x, (Mapping, tuple, list)) or (dataclasses.is_dataclass(x) and not isinstance(x, type))


class Parts:
    """The inputs of one call of a model, one of which is explained.

    Parameters
    ----------
    given
        A mapping, passed on as keywords; a tuple or list, as positions; or an instance of a dataclass, as one argument:
        a copy with the fields replaced. Arrays in it become tensors.
    part
        Key, index or field of the one that is explained. None stands for the one that looks like an image (floating
        point, (1, C, H, W), few channels), else like a text (whole numbers, (1, L)), else the first of floating point,
        else the first tensor. Masks come last.
    batched
        Whether the first axis of the explained tensor counts inputs. None finds out: it does not where that axis is
        longer than 1 and a tensor beside it has neither this length nor 1 (a graph's nodes and edges), or is sparse.

    Attributes
    ----------
    key
        Of the one that is explained.
    default
        What `key` is without `part`.
    choices
        Keys that may be explained, but for masks.
    tensor
        The explained one; without a batch axis where `batched` is False.
    notes
        What was found out, not said by the user.

    Raises
    ------
    TypeError, ValueError
        If there is no tensor, or not this part.
    """

    def __init__(self, given: Any, part: Key | None = None, batched: bool | None = None) -> None:
        self.given = given
        self._values = {key: _taken(value) for key, value in _opened(given).items()}
        if isinstance(given, Mapping) and (odd := [key for key in self._values if not isinstance(key, str)]):
            raise TypeError(f"x: the keys of a dict are the names of the model's arguments, got {odd[0]!r}")
        self._tensors = {k: v for k, v in self._values.items() if isinstance(v, Tensor)}
        if not self._tensors:
            way = "; of a text, try Text(text, tokenizer) with the text itself" if "input_ids" in self._values else ""
            raise TypeError(f"x: no tensor among the inputs {', '.join(map(repr, self._values))}{way}")
        self.default = _default(self._tensors)
        self.key: Key = self.default if part is None else self._checked(part)
        self.tensor = self._tensors[self.key]
        self.batched = self._is_batch() if batched is None else batched
        self.choices = self._choices()
        notes = []
        if part is None and len(self.choices) > 1:
            count = len(self._tensors)
            notes.append(f"explained: {self.key!r} of {count} inputs; choose another with {self.others}")
        if batched is None and not self.batched:
            shapes = ", ".join(f"{k!r} {tuple(v.shape)}" for k, v in self._tensors.items())
            notes.append(f"taken as one input without a batch axis, since the first axes differ: {shapes}")
        self.notes = tuple(notes)

    @property
    def others(self) -> str:
        """What to give to have another explained: `part=1`; `""` where there is none."""
        return " or ".join(f"part={key!r}" for key in self.choices if key != self.key)

    @property
    def nbytes(self) -> int:
        """What the tensors beside the explained one take."""
        return sum(t.numel() * t.element_size() for key, t in self._tensors.items() if key != self.key)

    def arguments(self, batch: Tensor, dtype: torch.dtype | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments of the model for a batch (N, …) of the explained tensor.

        The others follow it to its device, floating point in `dtype` or its own, and are the model's to write into.
        Those with a first axis of 1 are repeated along the batch. Without a batch axis, N is 1, and all go in as they
        were given. So do objects that are no tensors, nor lists, tuples or dicts of these.
        """
        if dtype is None and (batch.is_floating_point() or batch.is_complex()):
            dtype = batch.dtype.to_real()
        explained = batch if self.batched else batch[0]
        count = len(batch) if self.batched else 0
        values = {
            k: explained if k == self.key else _along(value, batch.device, dtype, count)
            for k, value in self._values.items()
        }
        if isinstance(self.given, Mapping):
            return (), values
        if isinstance(self.given, (tuple, list)):
            return tuple(values.values()), {}
        filled = copy.copy(self.given)
        for name, value in values.items():
            object.__setattr__(filled, name, value)  # a frozen one too: it is ours
        return (filled,), {}

    def instead(self, change: str, *, of_length: int | None = None) -> str:
        """The expression that makes of `x` what could be taken: `x["a"][:1]` for `[:1]`, all of them together.

        With `of_length` only the tensors whose first axis is that long are changed.
        """
        changed = [k for k, v in self._tensors.items() if of_length is None or (v.ndim > 0 and v.shape[0] == of_length)]
        if isinstance(self.given, Mapping):
            if len(changed) == len(self._values):
                return f"{{k: v{change} for k, v in x.items()}}"
            return "{**x, " + ", ".join(f"{k!r}: x[{k!r}]{change}" for k in changed) + "}"
        if isinstance(self.given, (tuple, list)):
            if len(changed) == len(self._values):
                return f"tuple(v{change} for v in x)"
            return "(" + "".join(f"x[{k}]{change if k in changed else ''}, " for k in self._values).rstrip() + ")"
        return "dataclasses.replace(x, " + ", ".join(f"{k}=x.{k}{change}" for k in changed) + ")"

    def _checked(self, part: Any) -> Key:
        named = ", ".join(map(repr, self._tensors))
        known = not isinstance(part, bool) and isinstance(part, (str, int)) and part in self._values
        if not known:
            raise ValueError(f"part: expected one of {named}, got {part!r}")
        if part not in self._tensors:
            raise TypeError(f"part: {part!r} is no tensor but {type(self._values[part]).__name__}, choose of {named}")
        key: Key = part
        return key

    def _is_batch(self) -> bool:
        if self.tensor.ndim > 1 and self.tensor.shape[0] == 1:
            return True
        others = [v for k, v in self._tensors.items() if k != self.key and v.ndim]
        return all(v.layout is torch.strided and v.shape[0] in (1, *self.tensor.shape[:1]) for v in others)

    def _choices(self) -> tuple[Key, ...]:
        def fits(tensor: Tensor) -> bool:
            if tensor.layout is not torch.strided or not tensor.numel():
                return False
            if self.batched:
                return tensor.ndim > 1 and tensor.shape[0] == 1
            return tensor.ndim > 0 and _is_number(tensor)

        return tuple(k for k, v in self._tensors.items() if k == self.key or (fits(v) and not _is_mask(k, v)))


def _opened(given: Any) -> dict[Any, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, (tuple, list)):
        return dict(enumerate(given))
    return {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}


def _taken(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fciub":
        return as_tensor(value)
    return plain(value) if isinstance(value, Tensor) else value


def _default(tensors: Mapping[Key, Tensor]) -> Key:
    worth = {k: v for k, v in tensors.items() if not _is_mask(k, v)} or tensors
    for looks in (_is_image, _is_text, lambda _, tensor: _is_number(tensor)):
        for key, tensor in worth.items():
            if looks(key, tensor):
                return key
    return next(iter(worth))


def _is_number(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _is_image(_key: Key, tensor: Tensor) -> bool:
    shape = tuple(tensor.shape)
    sized = len(shape) == 4 and shape[0] == 1 and shape[1] <= _MOST_CHANNELS and min(shape[2:]) > 1
    return sized and _is_number(tensor)


def _is_text(key: Key, tensor: Tensor) -> bool:
    row = tensor.ndim == 2 and tensor.shape[0] == 1 and tensor.shape[1] > 1
    return row and not _is_number(tensor) and not any(word in str(key).lower() for word in _GO_ALONG)


def _is_mask(key: Key, tensor: Tensor) -> bool:
    """Whether it is called a mask, or holds only zeros and ones as whole numbers."""
    if isinstance(key, str) and "mask" in key.lower():
        return True
    if _is_number(tensor) or tensor.layout is not torch.strided:
        return False
    return tensor.dtype is torch.bool or not tensor.numel() or bool(((tensor == 0) | (tensor == 1)).all())


def _along(value: Any, device: torch.device, dtype: torch.dtype | None, count: int) -> Any:
    """What goes in beside a batch of `count` inputs; 0 where there is no batch."""
    if isinstance(value, Tensor):
        wanted = value.dtype if dtype is None or not value.is_floating_point() else dtype
        value = value.detach().to(device, wanted)
        if count > 1 and value.layout is torch.strided and value.ndim and value.shape[0] == 1:
            value = value.expand(count, *value.shape[1:])
        return value.clone()  # the model may write into it
    if type(value) in (list, tuple):
        return type(value)(_along(item, device, dtype, count) for item in value)
    if type(value) is dict:
        return {key: _along(item, device, dtype, count) for key, item in value.items()}
    return value
