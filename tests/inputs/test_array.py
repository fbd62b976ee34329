"""Inputs that are no pictures: what is explained of them, and what goes along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nbexplain.inputs import Array

ROW = torch.arange(6.0).reshape(1, 2, 3)


def test_a_dict_goes_in_as_keywords_and_a_tuple_as_positions() -> None:
    mask = torch.tensor([[1, 0, 1]])
    array = Array({"mask": mask, "values": ROW, "flag": True})
    assert torch.equal(array.tensor, ROW)  # the first of floating point
    batch = torch.zeros(4, 2, 3)
    positions, keywords = array.arguments(batch)
    assert positions == ()
    assert list(keywords) == ["mask", "values", "flag"]
    assert keywords["values"] is batch
    assert keywords["flag"] is True
    assert keywords["mask"].tolist() == [[1, 0, 1]] * 4
    positions, keywords = Array((mask, ROW)).arguments(batch)
    assert keywords == {}
    assert positions[0].shape == (4, 3)
    assert positions[1] is batch


def test_token_ids_alone_are_explained() -> None:
    ids = torch.tensor([[3, 1, 2]])
    assert torch.equal(Array({"input_ids": ids}).tensor, ids)


def test_other_parts_follow_device_and_dtype_and_are_the_models_to_write_into() -> None:
    gain, shared = torch.ones(1), torch.ones(4, 4)
    array = Array((ROW, gain, shared))
    _, moved, table = array.arguments(torch.zeros(3, 2, 3, dtype=torch.float64))[0]
    assert moved.dtype == table.dtype == torch.float64
    assert (moved.shape, table.shape) == ((3,), (4, 4))  # what has no batch axis of one stays
    moved.zero_()
    table.zero_()
    assert gain.item() == 1
    assert shared.all()


def test_fills() -> None:
    array = Array(ROW)
    assert not array.fill("zero").any()
    assert array.fill("mean").tolist() == [[[1.0] * 3, [4.0] * 3]]
    assert Array(torch.tensor([[1.0, 3.0]])).fill("mean").tolist() == [[2.0, 2.0]]
    whole = Array(torch.tensor([[[1, 4], [0, 9]]], dtype=torch.uint8)).fill("mean")
    assert (whole.dtype, whole.tolist()) == (torch.uint8, [[[2, 2], [4, 4]]])  # 2.5 and 4.5, to the even
    turned = Array(torch.tensor([[1 + 2j, 3 - 2j, complex("nan")]])).fill("mean")
    assert turned.tolist() == [[2 + 0j] * 3]
    with pytest.raises(ValueError, match="fill: 'blur' has no meaning for this input, expected one of zero, mean"):
        array.fill("blur")


def test_not_a_number_is_said() -> None:
    assert Array(torch.tensor([[1.0, float("nan"), float("inf")]])).notes == (
        "the input holds 2 values that are NaN or infinite",
    )
    assert Array(np.ones((1, 3), np.float32)).notes == ()


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (3, TypeError, r"x: expected an image, a tensor \(1, …\), Text\(…\), Tabular\(…\), .* of tensors, got int"),
        (None, TypeError, "x: .* got NoneType"),
        ({}, TypeError, "x: no tensor among the inputs"),
        (("a", 3), TypeError, "x: no tensor among the inputs 0, 1"),
        (torch.zeros(3), ValueError, r"x: expected a batch axis first, .* got shape \(3,\); try x\[None\]"),
        (torch.zeros(2, 3), ValueError, r"x: expected one input, got a batch of 2 \(shape \(2, 3\)\); try x\[:1\]"),
        (torch.zeros(1, 0), ValueError, r"x: expected an input with values in it, got shape \(1, 0\)"),
        ({"a": torch.zeros(5, 3)}, ValueError, "x: expected one input, got a batch of 5"),
        (
            torch.nested.nested_tensor([torch.ones(2, 1)], layout=torch.jagged),
            TypeError,
            r"got a nested one; try x\.to_pad",
        ),
        (torch.zeros(1, 3, device="meta"), TypeError, "expected a tensor with values, got one on the device 'meta'"),
        (torch.quantize_per_tensor(torch.ones(1, 3), 0.1, 0, torch.qint8), TypeError, r"try x\.dequantize\(\)"),
    ],
)
def test_what_cannot_be_taken_is_refused(x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Array(x)
