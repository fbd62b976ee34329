"""Which arrays and tensors are images, which are not, and which nobody can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import nbexplain
from nbexplain.inputs import Array, Image, as_input


def channels_first(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.atleast_3d(array).astype("float32").transpose(2, 0, 1))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize(
    "shape", [(64, 64), (64, 64, 1), (64, 64, 2), (64, 64, 3), (64, 64, 4), (64, 64, 13), (9, 5, 40)]
)
def test_with_a_transform_an_array_of_two_or_three_axes_is_an_image(shape: tuple[int, ...], dtype: str) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    given: list[Any] = []
    image = as_input(array, lambda x: given.append(x) or channels_first(x))
    assert isinstance(image, Image)
    assert given[0] is array  # the very object, never made bytes first
    assert image.tensor.shape == (1, (*shape, 1)[2], *shape[:2])
    np.testing.assert_array_equal(image.tensor, channels_first(array)[None])


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64), np.uint16),
        np.zeros((64, 64), ">u2"),
        np.zeros((64, 64), bool),
        np.zeros((1, 100, 3), np.uint8),
        np.zeros((64, 64, 2), np.uint8),
        np.zeros((64, 64, 13), np.uint16),
        np.full((64, 64, 13), 0.5, np.float32),
        np.full((64, 64, 16), 1.0),
        np.zeros((64, 64, 3), np.float32) - 5,
        np.zeros((1, 13, 64, 64), np.float32),
        torch.zeros(1, 13, 64, 64),
        torch.zeros(3, 64, 64),
        torch.zeros(1, 64, 64, dtype=torch.uint8),
    ],
    ids=lambda x: f"{x.dtype} {tuple(x.shape)}",
)
def test_what_is_an_image_without_a_transform(x: Any) -> None:
    assert isinstance(as_input(x), Image)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 64), np.float32),
        np.zeros((1, 64, 3), np.float32),
        np.zeros((1, 2, 200), np.float32),
        torch.zeros(1, 64, 64),
        torch.zeros(1, 200, 3),
    ],
    ids=lambda x: f"{x.dtype} {tuple(x.shape)}",
)
def test_what_begins_with_a_batch_axis_of_one_is_none(x: Any) -> None:
    assert type(as_input(x)) is Array


@pytest.mark.parametrize(
    ("x", "reading", "call"),
    [
        (np.full((64, 64), 300), "an image (H, W) or a batch of 64", "nbexplain.Image(x)"),
        (np.zeros((64, 64), np.float32), "an image (H, W) or a batch of 64", "nbexplain.Image(x)"),
        (np.zeros((64, 64, 13), np.float32) - 1, "an image (H, W, C) or a batch of 64", "nbexplain.Image(x)"),
        (np.zeros((50, 20, 6), np.float32), "an image (H, W, C) or a batch of 50", "nbexplain.Image(x)"),
        (np.zeros((64, 64, 17), np.float32), "an image (H, W, C) or a batch of 64", "nbexplain.Image(x)"),
        (np.zeros((64, 64, 200), np.uint8), "an image (H, W, C) or a batch of 64", "nbexplain.Image(x)"),
        (np.zeros((3, 64, 64), np.uint8), "an image (C, H, W) or a batch of 3", "x.transpose(1, 2, 0)"),
        (np.zeros((13, 64, 64), np.float32), "an image (C, H, W) or a batch of 13", "x.transpose(1, 2, 0)"),
        (torch.zeros(13, 64, 64), "an image (C, H, W) or a batch of 13", "x[None]"),
    ],
)
def test_where_it_is_unclear_both_readings_are_named_and_the_call_works(x: Any, reading: str, call: str) -> None:
    with pytest.raises(ValueError, match="x: expected one input") as raised:
        as_input(x)
    assert f"may be {reading}: {call} is the image, x[:1] the first of the batch" in str(raised.value)
    image = eval(call, {"nbexplain": nbexplain, "x": x})
    image = as_input(image)
    assert isinstance(image, Image)
    assert image.tensor.shape[1] == (x.shape[0] if "(C, H, W)" in reading else (*x.shape, 1)[2])
