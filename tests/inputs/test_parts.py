"""Several inputs of one model: which is explained, whether they are a batch, and how the others go along."""

from __future__ import annotations

import dataclasses
from collections import UserDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbexplain.inputs import Array, Image, as_input
from nbexplain.inputs.parts import Parts

PIXELS = torch.arange(48.0).reshape(1, 3, 4, 4)
IDS = torch.tensor([[7, 8, 9]])
ROW = torch.arange(6.0).reshape(1, 2, 3)
NODES, EDGES = torch.arange(30.0).reshape(6, 5), torch.tensor([[0, 1, 2], [1, 2, 3]])


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"ids": IDS, "row": ROW, "pixels": PIXELS}, "pixels"),  # what looks like an image
        ({"row": ROW, "input_ids": IDS}, "input_ids"),  # else a text
        ({"input_features": ROW, "decoder_input_ids": IDS}, "input_features"),  # not what is written so far
        ({"attention_mask": torch.ones(1, 3).long(), "token_type_ids": IDS, "input_ids": IDS}, "input_ids"),
        ({"mask": torch.zeros(1, 1, 4, 4), "row": ROW}, "row"),  # a mask in floating point is no image
        ((torch.tensor([[1, 0, 1]]), ROW), 1),  # nor are zeros and ones a text
        ((3, "a", ROW, PIXELS[:, :, 0]), 2),  # else the first of floating point
        ((torch.tensor([[4]]), torch.tensor([[2]])), 0),  # else the first
        ({"far": torch.rand(1, 64, 4, 4), "near": PIXELS}, "near"),  # an image has few channels
        ({"x": np.ones((1, 2, 3)), "ids": np.ones((1, 1), np.int64)}, "x"),
    ],
)
def test_what_is_explained_if_nobody_says_so(given: Any, key: Any) -> None:
    assert Parts(given).key == Parts(given).default == key


def test_which_one_is_said_where_there_is_a_choice() -> None:
    given = {"input_ids": IDS, "pixels": PIXELS, "mask": torch.ones(1, 3).long()}
    parts = Parts(given)
    assert parts.choices == ("input_ids", "pixels")  # a mask is not offered ...
    assert parts.notes == ("explained: 'pixels' of 3 inputs; choose another with part='input_ids'",)
    assert Parts(given, "mask").choices == ("input_ids", "pixels", "mask")  # ... but taken
    assert Parts(given, "input_ids").notes == ()
    assert Parts({"input_ids": IDS, "mask": torch.ones(1, 3).long()}).notes == ()


def test_an_image_among_others_is_an_image() -> None:
    given = {"input_ids": IDS, "pixels": PIXELS / 48}
    taken = as_input(given)
    assert isinstance(taken, Image)
    assert taken.part == "pixels"
    assert taken.picture.shape == (4, 4, 3)
    assert not taken.alone
    positions, keywords = taken.parts.arguments(torch.zeros(2, 3, 4, 4)) if taken.parts else ((), {})
    assert positions == ()
    assert list(keywords) == ["input_ids", "pixels"]
    assert keywords["input_ids"].tolist() == IDS.tolist() * 2
    other = as_input(taken, part="input_ids")
    assert type(other) is Array
    assert torch.equal(other.tensor, IDS)
    assert as_input(other, part="pixels").kind == "picture"


@pytest.mark.parametrize(
    ("part", "error", "message"),
    [
        ("pixel", ValueError, "part: expected one of 'ids', 'pixels', got 'pixel'"),
        (0, ValueError, "part: expected one of 'ids', 'pixels', got 0"),
        ("flag", TypeError, "part: 'flag' is no tensor but bool, choose of 'ids', 'pixels'"),
    ],
)
def test_a_part_that_is_not_there(part: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_input({"ids": IDS, "pixels": PIXELS, "flag": True}, part=part)


def test_a_part_of_one_tensor() -> None:
    for x in (PIXELS, ROW):
        with pytest.raises(ValueError, match=r"part: x is one tensor .*no parts to choose from, got 'a'"):
            as_input(x, part="a")
        with pytest.raises(ValueError, match=r"part: x is one (Image|Array), of which there are no parts"):
            as_input(as_input(x), part="a")
    with pytest.raises(ValueError, match="part: expected one of 0, 1, got True"):
        as_input((ROW, ROW), part=True)


# With and without a batch axis


def test_parts_of_different_lengths_are_one_whole_input() -> None:
    taken = Array((NODES, EDGES, 3, None))
    assert not taken.batched
    assert taken.tensor.shape == (1, 6, 5)
    assert taken.notes == ("taken as one input without a batch axis, since the first axes differ: 0 (6, 5), 1 (2, 3)",)
    x, edges, count, nothing = taken.arguments(taken.tensor)[0]
    assert torch.equal(x, NODES)
    assert torch.equal(edges, EDGES)
    assert (count, nothing) == (3, None)
    assert edges.data_ptr() != EDGES.data_ptr()


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((torch.rand(1, 3), torch.rand(7, 4)), (1, 3)),  # one input beside a table of the model's
        ({"pixels": PIXELS, "input_ids": torch.tensor([[1, 5], [1, 7]])}, (1, 3, 4, 4)),  # one image, two prompts
        ((ROW, torch.tensor(0.5)), (1, 2, 3)),
    ],
)
def test_a_first_axis_of_one_is_a_batch_axis(given: Any, shape: tuple[int, ...]) -> None:
    taken = Array(given)
    assert taken.batched
    assert tuple(taken.tensor.shape) == shape


def test_a_sparse_neighbour_belongs_to_one_whole_input() -> None:
    adjacency = torch.eye(6).to_sparse()
    taken = Array((NODES, adjacency))
    assert not taken.batched
    assert taken.arguments(taken.tensor)[0][1].layout == torch.sparse_coo
    with pytest.raises(TypeError, match=r"x: expected a dense tensor, got torch.sparse_coo; try x.to_dense\(\)"):
        Array(adjacency)


@dataclasses.dataclass(frozen=True)
class Batch:
    values: Tensor
    mask: Tensor
    name: str = "b"


@pytest.mark.parametrize(
    "x",
    [
        {"a": torch.zeros(5, 3), "b": torch.ones(5).long()},
        {"a": torch.zeros(5, 3), "gain": torch.ones(1), "flag": True},
        (torch.zeros(5, 3), torch.ones(5).long()),
        (torch.zeros(5, 3), 3, torch.ones(5).long()),
        Batch(torch.zeros(5, 3), torch.ones(5, 3)),
    ],
)
def test_a_batch_is_refused_with_a_call_that_works(x: Any) -> None:
    with pytest.raises(
        ValueError, match=r"x: expected one input, got a batch of 5 \(.* has shape \(5, 3\)\)"
    ) as refused:
        Array(x)
    call = str(refused.value).partition("try ")[2].partition(", or, for one")[0]
    assert Array(eval(call, {"x": x, "dataclasses": dataclasses})).tensor.tolist() == [[0.0, 0.0, 0.0]]
    assert "nbexplain.inputs.Array(x, batched=False)" in str(refused.value)
    assert Array(x, batched=False).tensor.shape == (1, 5, 3)


def test_vectors_without_a_batch_axis_are_refused_with_a_call_that_works() -> None:
    x = {"a": torch.zeros(3), "b": torch.ones(3).long()}
    with pytest.raises(ValueError, match="a batch axis first") as refused:
        Array(x)
    call = str(refused.value).partition("try ")[2].partition(", or, for one")[0]
    assert Array(eval(call, {"x": x})).tensor.shape == (1, 3)


# What the model gets


def test_mappings_of_other_kinds_and_dataclasses() -> None:
    positions, keywords = Array(UserDict(a=ROW, b=IDS)).arguments(ROW)
    assert positions == ()
    assert list(keywords) == ["a", "b"]
    given = Batch(ROW, torch.ones(1, 3))
    taken = Array(given)
    assert taken.part == "values"
    (handed,), keywords = taken.arguments(torch.zeros(2, 2, 3))
    assert keywords == {}
    assert type(handed) is Batch
    assert (handed.values.shape, handed.mask.shape, handed.name) == ((2, 2, 3), (2, 3), "b")
    assert given.values is ROW
    with pytest.raises(TypeError, match="x: the keys of a dict are the names of the model's arguments, got 3"):
        Array({3: ROW})


def test_whole_numbers_are_explained_and_the_others_keep_their_values() -> None:
    taken = Array({"ids": IDS, "weights": torch.tensor([[0.5]], dtype=torch.float64)}, part="ids")
    assert taken.parts is not None
    assert taken.parts.arguments(IDS)[1]["weights"].tolist() == [[0.5]]  # not of the ids' dtype
    assert taken.parts.arguments(IDS, torch.float32)[1]["weights"].dtype == torch.float32


def test_a_real_neighbour_of_complex_values_stays_real() -> None:
    taken = Array((torch.ones(1, 2, 3, dtype=torch.complex128), torch.ones(1, 3)), part=0)
    assert taken.arguments(taken.tensor)[0][1].dtype == torch.float64


def test_what_lies_deeper_is_the_models_to_write_into_too() -> None:
    past = [(torch.ones(1, 2), {"k": torch.ones(1, 2)})]
    handed = Array((ROW, past)).arguments(torch.zeros(3, 2, 3))[0][1]
    assert handed[0][0].shape == handed[0][1]["k"].shape == (3, 2)
    handed[0][0].zero_()
    handed[0][1]["k"].zero_()
    assert past[0][0].all()
    assert past[0][1]["k"].all()
    thing = object()
    assert Array((ROW, thing)).arguments(ROW)[0][1] is thing
