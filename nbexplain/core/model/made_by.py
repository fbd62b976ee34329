"""What made a model's scores: asked of the operations of one pass, since numbers alone do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, inf
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

_SLACK = 1e-6  # of bounds, whose arithmetic is rounded


class _Range(NamedTuple):
    """From where to where the values of a tensor can lie, and whether they are logarithms of probabilities."""

    low: float
    high: float
    log: bool = False

    @property
    def is_probability(self) -> bool:
        return self.low >= -_SLACK and self.high <= 1 + _SLACK


_PROBABILITY, _SIGNED, _LOGARITHM = _Range(0, 1), _Range(-1, 1), _Range(-inf, 0, log=True)
_MADE = (
    dict.fromkeys(("sigmoid", "special_expit", "hardsigmoid", "special_ndtr"), _PROBABILITY)
    | dict.fromkeys(("softmax", "_softmax", "_safe_softmax"), _PROBABILITY)
    | dict.fromkeys(("log_sigmoid", "log_sigmoid_forward", "log_softmax", "_log_softmax"), _LOGARITHM)
    | dict.fromkeys(("tanh", "erf", "special_erf"), _SIGNED)
)
# Each value of the result is one of the first argument's, or lies between some of them.
_KEEPING = {
    *("clone", "_to_copy", "contiguous", "repeat", "flip", "roll", "_unsafe_view", "_reshape_copy"),
    *("index", "index_select", "gather", "select_copy", "slice_copy", "take", "masked_select"),
    *("mean", "amax", "amin", "max", "min", "median", "topk", "sort", "round"),
    *("_adaptive_avg_pool2d", "max_pool2d_with_indices", "upsample_bilinear2d", "upsample_nearest2d"),
}


class Bounds(TorchDispatchMode):
    """While it is entered, remembers between which bounds the values of tensors must lie, whatever the input.

    Only what sigmoids, softmaxes and their like made has bounds, and what was made of that: a clamp of a logit has
    none. It sees functions and modules alike, with and without gradients; views share their storage, and so their
    bounds, with what they are of.
    """

    def __init__(self) -> None:
        super().__init__()
        # By storage. Weak references keep a storage's address from being given to another, but not its memory.
        self._known: dict[int, tuple[StorageWeakRef, _Range]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler at the first operation to skip this, which takes one to two seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        schema = func._schema
        name = schema.name.removeprefix("aten::")  # another library's have their prefix, and are not known
        if not schema.is_mutable:
            output = func(*args, **kwargs)
            first = output[0] if isinstance(output, (tuple, list)) and output else output  # max, topk, log_sigmoid
            if isinstance(first, Tensor):
                self._note(first, self._result(name, args, kwargs, first))
            return output
        written = _written(schema, args, kwargs)
        # before it runs: an in-place operation writes over what it was made of
        result = self._result(name.removesuffix("_"), args, kwargs, written[0]) if len(written) == 1 else None
        output = func(*args, **kwargs)
        for tensor in written:
            self._overwrite(tensor, result)
        return output

    def made(self, tensor: Tensor) -> bool:
        """Whether all values of a tensor can only lie from 0 to 1, and what has bounds made it."""
        known = self._of(tensor)
        return known is not None and known.is_probability

    def made_log(self, tensor: Tensor) -> bool:
        """Whether all values of a tensor can only be logarithms of probabilities."""
        known = self._of(tensor)
        return known is not None and known.log and known.high <= _SLACK

    def _of(self, value: Any) -> _Range | None:
        """The bounds of an argument; None if they are not known."""
        if isinstance(value, Tensor):
            place = _place(value)
            return self._known[place][1] if place in self._known else None
        if isinstance(value, (int, float)):
            return _Range(float(value), float(value))
        return None

    def _note(self, tensor: Tensor, known: _Range | None) -> None:
        """Remember the bounds of all of a tensor's storage."""
        place = _place(tensor)
        if known is not None and place is not None and tensor.is_floating_point():
            self._known[place] = StorageWeakRef(tensor.untyped_storage()), known

    def _overwrite(self, tensor: Tensor, known: _Range | None) -> None:
        """The values of a tensor are others now; those of its storage that it does not hold stay."""
        place = _place(tensor)
        if place is None:
            return
        before = self._known.pop(place, None)
        if tensor.numel() * tensor.element_size() < tensor.untyped_storage().nbytes():
            known = _union([known, before[1] if before else None])
        self._note(tensor, known)

    def _result(self, name: str, args: Any, kwargs: Mapping[str, Any], output: Tensor) -> _Range | None:
        """The bounds of what an operation returns; None if they are not known."""
        if name in _MADE:
            return _MADE[name]
        if name == "scalar_tensor":  # the number in torch.where(mask, p, 0.0)
            return self._of(args[0])
        if name in ("cat", "stack"):
            return _union(list(map(self._of, args[0])))
        if name == "where" and len(args) == 3:
            return _union([self._of(args[1]), self._of(args[2])])
        if name in ("maximum", "minimum") or (
            name in ("max", "min") and isinstance(args[-1], Tensor) and len(args) > 1
        ):
            return _union([self._of(args[0]), self._of(args[1])])
        if name in ("masked_fill", "constant_pad_nd"):
            return _union([self._of(args[0]), self._of(args[2] if len(args) > 2 else 0)])
        if name in ("copy", "fill"):  # copy_(to, what)
            return self._of(args[1])
        known = self._of(args[0]) if args else None
        if name == "exp":
            return _exp(known or _Range(-inf, inf))
        if known is None or kwargs.get("rounding_mode") is not None:
            return None
        if name in _KEEPING:
            return known
        if name == "log":
            return _LOGARITHM if known.is_probability else None
        if name in ("clamp", "clamp_min", "clamp_max", "hardtanh"):
            return _clamped(name, known, args, kwargs)
        if name == "neg":
            return _Range(-known.high, -known.low)
        if name == "reciprocal":
            return _reciprocal(known)
        if name == "sum" and output.numel():
            count = args[0].numel() // output.numel()
            return _Range(known.low * count, known.high * count)
        if name == "prod":
            return _PROBABILITY if known.is_probability else None
        other = self._of(args[1]) if len(args) > 1 else None
        if other is None:
            return None
        if name == "pow":
            exponent = other.low
            if not isinstance(args[1], (int, float)) or exponent <= 0 or known.low < 0:
                return None
            return _Range(known.low**exponent, known.high**exponent)
        if name == "mul":
            return _product(known, other)
        if name == "div":
            below = _reciprocal(other)
            return None if below is None else _product(known, below)
        alpha = kwargs.get("alpha", args[2] if len(args) > 2 else 1)
        share = _Range(float(alpha), float(alpha))
        if name == "add":
            return _sum(known, _product(other, share))
        if name == "sub":
            return _sum(known, _product(other, _Range(-share.low, -share.low)))
        if name == "rsub":
            return _sum(other, _product(known, _Range(-share.low, -share.low)))
        return None


def _place(tensor: Tensor) -> int | None:
    """Which storage a tensor lies in."""
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else None


def _written(schema: Any, args: Any, kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The arguments that an operation writes to."""
    held = [
        kwargs.get(taken.name, args[place] if place < len(args) else None)
        for place, taken in enumerate(schema.arguments)
        if taken.is_write
    ]
    listed = [each for value in held for each in (value if isinstance(value, (list, tuple)) else [value])]
    return [each for each in listed if isinstance(each, Tensor)]


def _union(ranges: list[_Range | None]) -> _Range | None:
    known = [each for each in ranges if each is not None]
    if not known or len(known) < len(ranges):
        return None
    return _Range(min(each.low for each in known), max(each.high for each in known), all(each.log for each in known))


def _sum(a: _Range, b: _Range) -> _Range:
    return _Range(a.low + b.low, a.high + b.high)


def _product(a: _Range, b: _Range) -> _Range:
    ends = [0.0 if 0 in (x, y) else x * y for x in (a.low, a.high) for y in (b.low, b.high)]  # 0 · inf is 0
    return _Range(min(ends), max(ends))


def _reciprocal(a: _Range) -> _Range | None:
    if a.low >= 0:
        return _Range(1 / a.high if a.high else inf, 1 / a.low if a.low else inf)
    if a.high <= 0:
        return _Range(1 / a.high if a.high else -inf, 1 / a.low)
    return None


def _exp(a: _Range) -> _Range:
    low, high = (exp(end) if end < 700 else inf for end in (a.low, a.high))
    return _Range(low, high)


def _clamped(name: str, known: _Range, args: Any, kwargs: Mapping[str, Any]) -> _Range | None:
    if name == "hardtanh":
        ends = [args[1] if len(args) > 1 else -1.0, args[2] if len(args) > 2 else 1.0]
    else:
        low = kwargs.get("min", args[1] if len(args) > 1 and name != "clamp_max" else None)
        high = kwargs.get("max", args[-1] if len(args) > 1 + (name == "clamp") and name != "clamp_min" else None)
        ends = [low, high]
    if any(isinstance(end, Tensor) for end in ends):
        return None
    low, high = (-inf if ends[0] is None else ends[0]), (inf if ends[1] is None else ends[1])
    return known._replace(low=min(max(known.low, low), high), high=min(max(known.high, low), high))
