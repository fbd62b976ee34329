"""Arrays and tensors of all kinds as plain tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_SIGNED = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}  # torch can store these types, but hardly compute


def as_tensor(array: np.ndarray) -> Tensor:
    """An array as a tensor, whatever its strides and byte order; read-only arrays are copied.

    Raises
    ------
    TypeError, ValueError
        If it holds something else than numbers, or its mask says that some are missing.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("x: expected an array without a mask; say what stands for masked values, as in x.filled(0)")
    name = array.dtype.newbyteorder("=").name
    if array.dtype.kind not in "fciub":
        raise TypeError(f"x: expected an array of numbers, got dtype {name}; try x.astype('float32')")
    wanted = np.dtype(_SIGNED.get(name, name))
    if wanted.itemsize > 8 * (1 + (wanted.kind == "c")):
        wanted = np.dtype("complex128" if wanted.kind == "c" else "float64")  # no longer numbers than these in torch
    if name == "uint64" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"x: {array.max()} is larger than torch's whole numbers; try x.astype('float64')")
    plain = np.ascontiguousarray(array, dtype=wanted).reshape(array.shape)  # a single number would get an axis
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy())


def plain(x: Tensor) -> Tensor:
    """A `torch.Tensor` with the values of `x`, whatever subclass it is (MONAI's MetaTensor, fastai's TensorImage …)."""
    if type(x) is Tensor:
        return x
    with torch._C.DisableTorchFunctionSubclass():  # the subclass may refuse any function, this one as well
        return x if x.is_nested else x.as_subclass(Tensor)


def as_array(tensor: Tensor) -> np.ndarray:
    """A tensor as an array, wherever and however it lies; bfloat16, and what else numpy has not, as float32."""
    held = plain(tensor.detach()).cpu()
    if held.layout is not torch.strided:
        held = held.to_dense()
    known = not held.is_floating_point() or held.dtype in (torch.float16, torch.float32, torch.float64)
    array: np.ndarray = (held if known else held.float()).numpy()
    return array
