"""A picture: its tensor, what is shown of it, what hides a part of it, and its superpixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

from nbexplain.inputs import Array, Image, as_input
from tests.networks import picture

MEAN, SPREAD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def normalised(source: Any) -> Tensor:
    """What torchvision's usual transform does: crop the middle 16 × 16, scale, normalise."""
    array = np.asarray(source)
    array = array if array.ndim == 3 else np.repeat(array[..., None], 3, -1)
    top, left = (array.shape[0] - 16) // 2, (array.shape[1] - 16) // 2
    x = torch.from_numpy(array[top : top + 16, left : left + 16].copy()).permute(2, 0, 1)
    x = x / 255 if array.dtype == np.uint8 else x
    return (x - MEAN[:, None, None]) / SPREAD[:, None, None]


def blobs(height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth picture (height, width, 3) of uint8."""
    y, x = np.mgrid[:height, :width] / 8
    planes = [np.sin(y) * np.cos(x), np.sin(y + x), np.cos(2 * y - x)]
    return ((np.stack(planes, -1) + 1) * 127).astype(np.uint8)


# What it is


@pytest.mark.parametrize(
    "give",
    [
        lambda path: path,
        str,
        lambda path: PIL.Image.open(path),
        lambda path: np.asarray(PIL.Image.open(path)),
        lambda path: torch.from_numpy(PHOTO).permute(2, 0, 1) / 255,
        lambda path: (torch.from_numpy(PHOTO).permute(2, 0, 1) / 255)[None].numpy(),
        lambda path: PHOTO.astype(np.float32) / 255,
        lambda path: PHOTO / 255,
    ],
    ids=["path", "name", "PIL", "uint8", "tensor", "numpy (1, C, H, W)", "float32", "float64"],
)
def test_all_ways_to_give_a_picture_are_the_same(give: Callable[[Path], Any], tmp_path: Path) -> None:
    PIL.Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    image = as_input(give(tmp_path / "photo.png"))
    assert isinstance(image, Image)
    np.testing.assert_allclose(image.tensor[0].permute(1, 2, 0), PHOTO / np.float32(255), rtol=1e-6)
    assert image.tensor.dtype == torch.float32
    np.testing.assert_array_equal(image.picture, PHOTO)
    assert image.notes == image.picture_notes == ()


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "CMYK", "1", "HSV"])
def test_odd_modes_become_the_colours_that_a_person_sees(mode: str) -> None:
    source = PIL.Image.fromarray(blobs()).convert(mode) if mode != "LA" else PIL.Image.fromarray(blobs()).convert("LA")
    np.testing.assert_array_equal(Image(source).picture, np.asarray(source.convert("RGB")))


def test_grey_pictures_have_one_channel() -> None:
    for source in (PHOTO[..., 0], PIL.Image.fromarray(PHOTO[..., 0])):
        image = Image(source)
        assert image.tensor.shape == (1, 1, 20, 30)
        np.testing.assert_array_equal(image.picture, np.repeat(PHOTO[..., :1], 3, -1))


def test_a_phones_turned_picture_is_turned_back(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn by 90° when shown
    PIL.Image.fromarray(blobs()).save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_array_equal(Image(tmp_path / "phone.png").picture, np.rot90(blobs(), -1))


def test_what_is_no_picture_is_an_array() -> None:
    for x in (torch.rand(1, 5), torch.rand(1, 2, 16), np.zeros((1, 5), np.float32)):
        assert type(as_input(x)) is Array
    image = Image(PHOTO)
    assert as_input(image) is image


def test_the_users_tensor_and_array_stay_as_they_are() -> None:
    x = picture().requires_grad_()
    kept = x.detach().clone()
    image = Image(x)
    assert not image.tensor.requires_grad
    array = PHOTO.copy()
    Image(array).tensor.zero_()
    assert torch.equal(x, kept)
    assert x.requires_grad
    np.testing.assert_array_equal(array, PHOTO)


# What is shown


@pytest.mark.parametrize("kind", ["PIL", "uint8", "float"])
def test_the_picture_shown_is_what_the_network_saw(kind: str) -> None:
    source = {"PIL": PIL.Image.fromarray(PHOTO), "uint8": PHOTO, "float": (PHOTO / 255).astype(np.float32)}[kind]
    image = Image(source, normalised)
    assert image.tensor.shape == (1, 3, 16, 16)
    black, white = (normalised(np.full_like(PHOTO, value)) for value in (0, 255))
    shown = ((image.tensor[0] - black) / (white - black)).permute(1, 2, 0)
    np.testing.assert_array_equal(image.picture, (shown.clamp(0, 1) * 255).round().byte())
    np.testing.assert_array_equal(image.picture, PHOTO[2:18, 7:23])  # the crop, in its own colours
    assert image.notes == image.picture_notes == ()


def test_a_normalised_tensor_is_shown_in_its_own_colours_where_the_transform_is_known() -> None:
    x = normalised(PHOTO)[None]
    known = Image(x, normalised)
    np.testing.assert_array_equal(known.picture, PHOTO[2:18, 7:23])
    assert torch.equal(known.tensor, x)  # the network takes it as it is
    unknown = Image(x)
    assert any("black and white are unknown" in note for note in unknown.picture_notes)
    low, high = float(x.min()), float(x.max())
    np.testing.assert_array_equal(
        unknown.picture, (((x[0] - low) / (high - low)) * 255).round().byte().permute(1, 2, 0)
    )


def test_values_beyond_black_and_white_are_clipped_in_the_picture_only() -> None:
    image = Image(PHOTO, lambda source: normalised(source) * 2 if np.asarray(source).std() else normalised(source))
    assert image.picture.max() == 255
    assert image.picture.min() == 0
    assert torch.equal(image.tensor[0], normalised(PHOTO) * 2)


def test_a_constant_picture_is_grey() -> None:
    assert (Image(torch.full((1, 3, 4, 4), 7.0)).picture == 128).all()


def test_not_a_number_is_said_and_masked() -> None:
    x = picture(6)
    x[0, 1, 2, 3] = torch.nan
    x[0, :, 4, 5] = torch.inf
    image = Image(x)
    assert image.notes[0] == "the input holds 4 values that are NaN or infinite"
    assert np.argwhere(image.missing).tolist() == [[2, 3], [4, 5]]
    assert image.picture[0, 0].tolist() == (x[0, :, 0, 0] * 255).round().tolist()  # the rest is shown as ever
    assert torch.isnan(image.tensor[0, 1, 2, 3])


@pytest.mark.parametrize(
    ("source", "preprocess", "error", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), None, ValueError, "x: the picture is empty, 0×4 pixels"),
        (np.zeros((4, 4, 3), np.int64), None, ValueError, "x: int64 values from 0 to 0 may be meant as 8 bits or"),
        (np.zeros((4, 4, 3), complex), None, TypeError, "x: expected an image of whole numbers or .*, got complex128"),
        (np.zeros(4, np.uint8), None, TypeError, r"x: expected a PIL image, a path, .* got ndarray of shape \(4,\)"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint16), None, TypeError, "x: torch computes nothing with .*uint16"),
        (np.broadcast_to(np.uint8(0), (5000, 3201, 3)), None, ValueError, "x: the picture has 16.0 million pixels"),
        (torch.rand(2, 3, 4, 4), None, ValueError, "x: expected one input, got a batch of 2"),
        (PHOTO, lambda source: "a photo", TypeError, "preprocess: expected a tensor from it, got str"),
        (PHOTO, lambda source: torch.zeros(4, 3, 8, 8), ValueError, "x: expected one input, got a batch of 4"),
        (
            PHOTO,
            lambda source: torch.zeros(1, 8),
            ValueError,
            r"preprocess: expected a tensor \(C, H, W\) from it, got shape \(1, 8\)",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused(source: Any, preprocess: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Image(source, preprocess)


def test_a_path_that_leads_nowhere() -> None:
    with pytest.raises(FileNotFoundError, match=r"no such picture\.png"):
        as_input("no such picture.png")


# What hides a part of it


def test_fills_are_pictures_put_through_the_transform() -> None:
    image = Image(PHOTO, normalised)
    for kind, value in (("black", 0), ("white", 255)):
        np.testing.assert_allclose(image.fill(kind)[0], normalised(np.full_like(PHOTO, value)), rtol=1e-6)
    assert not image.fill("zero").any()
    mean = image.fill("mean")
    assert mean.shape == image.tensor.shape
    for channel in range(3):
        torch.testing.assert_close(mean[0, channel], image.tensor[0, channel].mean().expand(16, 16))


@pytest.mark.parametrize("shape", [(20, 30), (5, 40), (1, 7), (3, 3)])
def test_blur_against_a_slow_sum(shape: tuple[int, int]) -> None:
    x = torch.rand(1, 2, *shape, dtype=torch.float64)
    sigma = max(min(shape) / 10, 1.0)
    high, wide = (min(int(3 * sigma), side - 1) for side in shape)
    down, across = (np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2)) for radius in (high, wide))
    down, across = down / down.sum(), across / across.sum()
    padded = np.pad(x[0].numpy(), ((0, 0), (high, high), (wide, wide)), mode="reflect")
    right = np.zeros(x.shape[1:])
    for channel, row, column in np.ndindex(right.shape):
        window = padded[channel, row : row + 2 * high + 1, column : column + 2 * wide + 1]
        right[channel, row, column] = down @ window @ across
    np.testing.assert_allclose(Image(x).fill("blur")[0], right, rtol=1e-9)


@pytest.mark.parametrize("preprocess", [None, normalised])
def test_black_and_white_take_no_memory_of_a_whole_picture(preprocess: Any) -> None:
    image = Image(PHOTO, preprocess)
    for kind in ("black", "white"):
        assert image.fill(kind).shape == image.tensor.shape
        assert image.fill(kind).untyped_storage().nbytes() <= 3 * 4


@pytest.mark.parametrize("kind", ["black", "white"])
def test_black_and_white_of_an_unknown_transform_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"fill: '{kind}' is not known for this tensor; give preprocess=…"):
        Image(picture() * 5 - 2).fill(kind)


def test_the_mean_ignores_what_is_no_number() -> None:
    x = picture(4)
    right = x[0, 0].flatten()[1:].mean()
    x[0, 0, 0, 0] = torch.nan
    torch.testing.assert_close(Image(x).fill("mean")[0, 0, 2, 2], right)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_every_fill_keeps_shape_and_dtype(dtype: torch.dtype) -> None:
    image = Image(picture(dtype=dtype))
    for kind in image.fills:
        assert image.fill(kind).shape == image.tensor.shape
        assert image.fill(kind).dtype == dtype


@pytest.mark.parametrize("shape", [(1, 1), (1, 100), (100, 1), (3, 5), (2, 2)])
def test_tiny_and_narrow_images(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image(pixels)
    np.testing.assert_array_equal(image.picture, pixels)
    blurred = image.fill("blur")
    assert blurred.shape == image.tensor.shape
    assert blurred.min() >= image.tensor.min() - 1e-6
    assert blurred.max() <= image.tensor.max() + 1e-6
    np.testing.assert_allclose(Image(np.full_like(pixels, 51)).fill("blur"), 0.2, rtol=1e-6)
    if pixels.size > 3:
        labels = image.superpixels(2, "grid")
        assert labels.shape == shape
        assert labels.max() == 1


def test_channels_last_are_handed_on_as_they_came() -> None:
    given = torch.rand(1, 20, 12, 3)
    taken = Image(given)
    assert taken.channels_last
    assert torch.equal(taken.tensor, given.permute(0, 3, 1, 2))
    assert torch.equal(taken.arguments(taken.tensor)[0][0], given)
    np.testing.assert_array_equal(taken.outside(taken.tensor), given)
    assert taken.picture.shape == (20, 12, 3)
    assert "taken as (1, H, W, C), with channels last, which is how the model gets it" in taken.notes


@pytest.mark.parametrize("shape", [(1, 3, 20, 3), (1, 1, 20, 12), (1, 8, 8, 3), (1, 13, 20, 20), (1, 20, 12, 7)])
def test_channels_come_first_where_another_axis_may_be_them(shape: tuple[int, ...]) -> None:
    taken = Image(torch.rand(shape))
    assert not taken.channels_last
    assert tuple(taken.tensor.shape) == shape
