"""What made a model's scores: asked of the operations of one pass, since numbers alone do not tell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_SIGMOIDS = {"sigmoid", "sigmoid_", "special_expit"}
_KEEPING = {"cat", "stack", "clone", "_to_copy"}  # copies, in which sigmoids stay sigmoids


class Sigmoids(TorchDispatchMode):
    """While it is entered, remembers which tensors hold nothing but what sigmoids returned.

    It sees functions and modules alike, with and without gradients; views share their storage with what they are of.
    """

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, Tensor] = {}  # by where they are stored; kept alive, or another might be stored there

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor) and output.layout is torch.strided:
            name = func._schema.name.partition("::")[2]
            if name in _SIGMOIDS or (name in _KEEPING and all(map(self.made, _tensors(args)))):
                self._made[_place(output)] = output
            elif func._schema.is_mutable:
                self._made.pop(_place(output), None)
        return output

    def made(self, tensor: Tensor) -> bool:
        """Whether sigmoids made all of a tensor."""
        return tensor.layout is torch.strided and _place(tensor) in self._made


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(args: Any) -> list[Tensor]:
    listed = [each for arg in args for each in (arg if isinstance(arg, (list, tuple)) else [arg])]
    return [each for each in listed if isinstance(each, Tensor)]
