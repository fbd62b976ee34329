"""The shipped network of `digits` on pictures it has never seen, and the pictures themselves."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from safetensors.torch import load_file
from sklearn.datasets import load_digits

import nbexplain
from nbexplain.examples import digits, digits_train, train
from nbexplain.examples.digits import WEIGHTS, Digits, load_part, split
from nbexplain.inputs import Image

LAYERS = ("conv1", "relu1", "conv2", "relu2", "pool", "conv3", "relu3")


@pytest.fixture(scope="module")
def demo() -> Digits:
    return digits()


@pytest.fixture(scope="module")
def everything() -> Digits:
    return digits(450)


@torch.inference_mode()
def test_shipped_weights_read_held_out_digits(everything: Digits) -> None:
    scores = everything.model(torch.stack([everything.preprocess(picture) for picture in everything.pictures]))
    right = [(everything.classes[best],) == label for best, label in zip(scores.argmax(1), everything.labels)]
    assert len(right) == 450
    assert np.mean(right) >= 0.98


def test_the_parts_share_nothing_and_leave_nothing_out() -> None:
    training, held_out = split()
    assert sorted([*training, *held_out]) == list(range(1797))
    source = load_digits()
    assert (np.bincount(source.target[held_out]) == 45).all()
    pictures = {held: {p.tobytes() for p in load_part(held)[0]} for held in (False, True)}
    assert not pictures[False] & pictures[True]  # no two of scikit-learn's pictures are the same either
    # written down: another draw would hand out pictures that the shipped weights were trained on
    assert held_out[:10].tolist() == [536, 70, 851, 143, 613, 495, 1222, 182, 1583, 895]


def test_training_never_opens_the_held_out_part(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def load(held_out: bool) -> tuple[np.ndarray, np.ndarray]:
        opened.append(held_out)
        return load_part(held_out)

    monkeypatch.setattr(digits_train, "load_part", load)
    digits_train.train(0, epochs=1)
    assert opened == [False]


def test_training_again_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits_train, "train", partial(digits_train.train, epochs=2))
    threads = torch.get_num_threads()
    try:
        for name, seed in (("first", "0"), ("again", "0"), ("other", "1")):
            monkeypatch.setattr(sys, "argv", ["train", "digits", "--out", str(tmp_path / name), "--seed", seed])
            train.main()
    finally:
        torch.set_num_threads(threads)
    first, again, other = ((tmp_path / name).read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def test_pictures_are_the_digits_that_scikit_learn_has(demo: Digits) -> None:
    source = load_digits()
    numbers = split()[1]
    assert [label for (label,) in demo.labels] == [str(source.target[number]) for number in numbers[:100]]
    assert [label for (label,) in demo.labels[:20]] == [*demo.classes, *demo.classes]
    for picture, number in zip(demo.pictures, numbers):
        assert (picture.mode, picture.size) == ("L", (8, 8))
        assert np.array_equal(np.rint(np.asarray(picture) / 255 * 16), source.images[number])


def test_what_is_shown_is_the_digit(demo: Digits) -> None:
    for picture in demo.pictures[:10]:
        shown = Image(picture, demo.preprocess)
        assert shown.picture_notes == ()  # black and white are known
        assert np.array_equal(shown.picture, np.asarray(picture.convert("RGB")))


def test_layers_list_sensibly_and_numbers_follow_by_hand(demo: Digits) -> None:
    layers = nbexplain.list_layers(demo.model, demo.pictures[3], preprocess=demo.preprocess)
    assert [layer.name for layer in layers] == [*LAYERS, "mean", "head"]
    assert all(layer.usable and layer.gradient for layer in layers)
    assert [layer.grid for layer in layers] == [(8, 8)] * 4 + [(4, 4)] * 3 + [None] * 2
    assert layers.suggested == "relu3"
    # One cell of the first layer, worked out from the picture and the weights.
    answer = nbexplain.explain(demo.model, demo.pictures[3], "activation", layer="conv1", preprocess=demo.preprocess)
    window = np.asarray(demo.pictures[3], dtype=np.float64)[2:5, 3:6] / 255
    kernel, bias = (parameter.detach().numpy() for parameter in demo.model.conv1.parameters())
    assert answer.values[5, 3, 4] == pytest.approx((window * kernel[5, 0]).sum() + bias[5], abs=1e-5)


def test_explain_works(demo: Digits) -> None:
    for picture, (label,) in zip(demo.pictures[:20], demo.labels):
        target = demo.classes.index(label)
        answer = nbexplain.explain(demo.model, picture, "cam", target=target, preprocess=demo.preprocess)
        assert (answer.layer, answer.axes, answer.values.shape) == ("relu3", ("y", "x"), (4, 4))
        assert answer.values.max() > 0
        bias = demo.model.head.bias.detach()[target]
        assert answer.values.mean() + bias == pytest.approx(answer.score, abs=1e-4)
    answer = nbexplain.explain(demo.model, demo.pictures[7], "gradient", preprocess=demo.preprocess)
    assert answer.values.shape == (1, 8, 8)


def test_preprocess_takes_any_picture(demo: Digits) -> None:
    picture = demo.pictures[0]
    tensor = demo.preprocess(picture)
    assert tensor.shape == (1, 8, 8)
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor, demo.preprocess(np.asarray(picture)))
    # each pixel four times as wide and high, black margins left and right that are cut off
    large = np.pad(np.kron(np.asarray(picture), np.ones((4, 4), np.uint8)), ((0, 0), (6, 6)))
    assert torch.equal(tensor, demo.preprocess(PillowImage.fromarray(large).convert("RGB")))


def test_every_call_makes_a_new_model(demo: Digits) -> None:
    again = digits(10)
    assert again.model is not demo.model
    assert not again.model.training
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), demo.model.parameters()))
    assert len(again.pictures) == len(again.labels) == 10
    assert repr(demo).splitlines() == [
        "Digits: 100 pictures of 8×8, 10 classes, a DigitNet with 6,218 parameters",
        "  classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ]


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (451, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_wrong_count_is_refused(count: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"count: expected .* got {count}"):
        digits(count)  # type: ignore[arg-type]


def test_without_scikit_learn_the_extra_is_named() -> None:
    code = "import sys; sys.modules['sklearn.datasets'] = None; from nbexplain.examples import digits; digits()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: The digits come with scikit-learn: pip install 'nbexplain[examples]'" in done.stderr


def test_weights_are_small_and_single_precision() -> None:
    assert WEIGHTS.stat().st_size < 100_000
    assert {tensor.dtype for tensor in load_file(WEIGHTS).values()} == {torch.float32}
