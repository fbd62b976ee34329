"""Arrays of all kinds become tensors with the same values, or are refused by name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from nbexplain.inputs import Array, as_input
from nbexplain.inputs.tensors import as_tensor

ROW = np.arange(6.0).reshape(1, 6)


def frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (ROW[:, ::-1], torch.float64),
        (frozen(ROW.copy()), torch.float64),
        (ROW.astype("float16"), torch.float16),
        (ROW > 2, torch.bool),
        (ROW.astype(">f4"), torch.float32),
        (ROW.astype(">i2"), torch.int16),
        (ROW.astype("uint16"), torch.int32),
        (ROW.astype("uint32"), torch.int64),
        (ROW.astype("uint64"), torch.int64),
        (ROW.astype("longdouble"), torch.float64),
        (ROW.astype("complex64"), torch.complex64),
        (ROW.astype("clongdouble"), torch.complex128),
        (np.matrix(ROW), torch.float64),
    ],
)
def test_arrays_of_all_kinds(array: np.ndarray, dtype: torch.dtype) -> None:
    before = array.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        taken = Array(array).tensor
    assert taken.dtype == dtype
    assert taken.tolist() == np.asarray(array).tolist()
    assert np.array_equal(array, before)


def test_four_axes_with_odd_strides_are_an_image() -> None:
    x = np.arange(48.0).reshape(1, 3, 4, 4)[..., ::-1]
    assert as_input(x).tensor.tolist() == x.tolist()
    assert as_tensor(np.float32(3)[...]).shape == ()


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.array([[1, None]], object), TypeError, r"x: expected an array of numbers, got dtype object; try x.astype"),
        (np.array([["a"]]), TypeError, "got dtype str32"),
        (np.array([["2026-01-01"]], "datetime64[D]"), TypeError, r"got dtype datetime64\[D\]"),
        (np.ma.masked_less(ROW, 2), TypeError, r"x: expected an array without a mask; .* x.filled\(0\)"),
        (np.array([[2**64 - 1]], np.uint64), ValueError, r"x: 18446744073709551615 is larger .* x.astype\('float64'\)"),
        (np.float32(3)[...], ValueError, r"got shape \(\); try x.reshape\(1, 1\)"),
        (ROW[0], ValueError, r"got shape \(6,\); try x\[None\]"),
    ],
)
def test_what_is_refused(array: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Array(array)


class Meta(torch.Tensor):
    """A tensor that carries something along and refuses what would lose it."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise TypeError("this would lose what the tensor carries")


def test_subclasses_of_tensors_are_plain_from_here_on() -> None:
    x = torch.arange(48.0).reshape(1, 3, 4, 4)
    with torch._C.DisableTorchFunctionSubclass():
        own = x.as_subclass(Meta)
    taken = Array(own).tensor
    assert type(taken) is torch.Tensor
    assert torch.equal(taken, x)
