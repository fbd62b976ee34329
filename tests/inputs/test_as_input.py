"""What a user hands in is wrapped, and put through the transform where that is what it is for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbexplain.inputs import Array, Image, Tabular, Text, as_input

SIGNAL = torch.arange(400.0).reshape(1, 2, 200)


def scaled(t: Any) -> Any:
    return (t - 50) / 10


@pytest.mark.parametrize(
    ("x", "preprocess"),
    [
        (SIGNAL, scaled),
        (SIGNAL[0], scaled),  # the batch axis is added
        (SIGNAL.numpy(), scaled),  # an array may come back as an array
        (SIGNAL[0].numpy(), lambda a: torch.from_numpy(scaled(a))),
        (SIGNAL.flatten().tolist(), lambda values: scaled(torch.tensor(values).reshape(2, 200))),  # or anything else
    ],
)
def test_a_signal_is_put_through_the_transform(x: Any, preprocess: Any) -> None:
    taken = as_input(x, preprocess)
    assert type(taken) is Array
    assert torch.equal(taken.tensor, scaled(SIGNAL))


def test_a_vector_gets_its_batch_axis() -> None:
    assert as_input(np.arange(3.0), lambda a: a * 2).tensor.tolist() == [[0.0, 2.0, 4.0]]


def test_what_becomes_an_image_is_one() -> None:
    taken = as_input(np.arange(12.0), lambda wave: torch.from_numpy(wave / 12).reshape(3, 2, 2))  # a spectrogram, say
    assert isinstance(taken, Image)
    assert taken.tensor.shape == (1, 3, 2, 2)
    assert taken.picture_notes == ()  # black and white are 0 and 1: the transform of a wave is not asked


def test_a_whole_dict_is_put_through() -> None:
    given = {"raw": SIGNAL, "length": 200}

    def prepared(x: Any) -> Any:
        x["raw"] -= 50  # a transform may write into what it gets
        return {"values": x["raw"] / 10, "mask": torch.ones(1, 200).long(), "length": x["length"]}

    taken = as_input(given, prepared)
    assert taken.part == "values"
    assert torch.equal(taken.tensor, scaled(torch.arange(400.0).reshape(1, 2, 200)))
    assert given["raw"] is SIGNAL
    assert SIGNAL[0, 0, 0] == 0
    assert as_input((SIGNAL, 3), lambda x: (scaled(x[0]), x[1])).part == 0
    chosen = as_input((SIGNAL, SIGNAL), lambda x: {"a": x[0], "b": scaled(x[1])}, part="b")
    assert torch.equal(chosen.tensor, scaled(SIGNAL))


def test_an_image_tensor_is_what_the_network_takes() -> None:
    x = torch.rand(1, 3, 8, 8)
    taken = as_input(x, lambda image: 1 / 0)
    assert torch.equal(taken.tensor, x)


def test_what_is_wrapped_already_keeps_its_own_transform() -> None:
    def words(text: str) -> list[int]:
        return [len(word) for word in text.split()]

    def to_tensor(image: Any) -> Tensor:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255

    pixels = np.zeros((8, 8, 3), np.uint8)
    for x in (Text("a few words"), Tabular([1.0, 2.0]), Image(pixels), Array(SIGNAL), as_input(SIGNAL, lambda t: t)):
        with pytest.raises(TypeError, match=f"preprocess: x is {type(x).__name__}.* already, to which it cannot be"):
            as_input(x, scaled)
        assert as_input(x) is x
    for x in (Image(pixels, to_tensor), as_input(pixels, to_tensor)):
        assert as_input(x, to_tensor) is x
    kept = as_input(SIGNAL, scaled)
    assert as_input(kept, scaled) is kept  # and is not put through twice


@pytest.mark.parametrize(
    ("x", "preprocess", "error", "message"),
    [
        (SIGNAL, lambda t: "a", TypeError, "preprocess: expected a tensor, a dict or a tuple from it, got str"),
        (SIGNAL, lambda t: None, TypeError, "preprocess: .* got NoneType"),
        (
            {"a": SIGNAL},
            scaled,
            RuntimeError,
            "preprocess: it raised TypeError on x, dict: unsupported operand",
        ),
        (SIGNAL, lambda t: t[:, :, :0], ValueError, r"expected an input with values in it, got shape \(1, 2, 0\)"),
        (
            3,
            None,
            TypeError,
            r"x: expected an image, a tensor \(1, …\), Text\(…\), Tabular\(…\), .* of tensors, got int",
        ),
    ],
)
def test_what_cannot_be_taken(x: Any, preprocess: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_input(x, preprocess)
