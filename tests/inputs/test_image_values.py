"""What the values of an image mean: by hand, for each mode and depth, and alike however the image is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from nbexplain.inputs import Image
from nbexplain.inputs.image_values import values_of

PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
RAMP = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)  # 64 levels, of which bytes would leave as many or two
SHARES = (RAMP / 65535).astype(np.float32)
SIXTEEN = ("the image's 16-bit values are divided by 65,535",)
THIRTY_TWO = ("the image's 32-bit values are divided by 65,535",)
INKS = ("inks (CMYK) are turned into colours without a profile: these are approximate",)


@pytest.mark.parametrize(
    ("values", "notes"),
    [
        (RAMP, SIXTEEN),
        (RAMP.astype(">u2"), SIXTEEN),
        (RAMP.astype(np.int32), THIRTY_TWO),
        (SHARES, ()),
        (RAMP.astype(np.int64), ("the image's 64-bit values are divided by 65,535",)),
        (RAMP / 65535, ()),
    ],
    ids=["uint16", "big-endian uint16", "int32", "float32", "int64", "float64"],
)
def test_a_ramp_stays_a_ramp_however_it_is_given(values: np.ndarray, notes: tuple[str, ...], tmp_path: Path) -> None:
    ways: list[Any] = [values, values[..., None]]
    if values.dtype.itemsize <= 4:
        picture = PIL.Image.fromarray(values)
        picture.save(tmp_path / "ramp.tif")
        ways += [picture, tmp_path / "ramp.tif"]
    for given in ways:
        image = Image(given)
        assert image.tensor.shape == (1, 1, 8, 8)
        np.testing.assert_allclose(image.tensor[0, 0], RAMP / 65535, rtol=1e-6)
        assert len(image.tensor.unique()) == 64
        assert float(image.tensor.mean()) == pytest.approx(RAMP.mean() / 65535, rel=1e-6)
        assert float(image.tensor.max()) == 1
        assert image.notes == notes
        assert image.picture_notes == ()
        np.testing.assert_array_equal(image.picture[..., 0], np.rint(RAMP / 257))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13, 40])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_any_number_of_channels_at_any_depth(channels: int, dtype: Any) -> None:
    levels = np.random.default_rng(1).integers(0, 256, (6, 9, channels))
    white = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1.0)
    array = (levels / 255 * white).astype(dtype)
    image = Image(array)
    assert image.tensor.shape == (1, channels, 6, 9)
    assert image.tensor.dtype == torch.float32
    np.testing.assert_allclose(image.tensor[0], array.transpose(2, 0, 1) / white, rtol=1e-6)
    assert float(image.tensor.max()) == pytest.approx(levels.max() / 255, abs=2e-5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_of_eight_bits_become_brightnesses(mode: str) -> None:
    alpha = np.linspace(0, 255, 20 * 30).round().astype(np.uint8).reshape(20, 30)
    source = PIL.Image.fromarray(PHOTO).convert("LA" if mode == "LA" else "RGB").convert(mode)
    if mode in ("LA", "PA", "RGBA"):
        source.putalpha(PIL.Image.fromarray(alpha))
    seen = np.asarray(source.convert("L" if mode in ("1", "L", "LA") else "RGB")).reshape(20, 30, -1).astype(float)
    if mode in ("LA", "PA", "RGBA"):
        seen = seen * alpha[..., None] / 255 + 255 - alpha[..., None]
    before = np.asarray(source).copy()
    image = Image(source)
    np.testing.assert_allclose(image.tensor[0].permute(1, 2, 0) * 255, seen, atol=1.01 if "A" in mode else 1e-3)
    notes = {"CMYK": INKS, "LA": ("transparent parts are shown on white",)}
    assert image.notes == notes.get("LA" if mode in ("PA", "RGBA") else mode, ())
    np.testing.assert_array_equal(np.asarray(source), before)
    assert source.mode == mode


def test_a_dark_image_of_16_bits_has_16_bits_in_either_byte_order() -> None:
    for order in "<>":
        np.testing.assert_allclose(Image(np.full((2, 2), 200, f"{order}u2")).tensor, 200 / 65535, rtol=1e-6)


def test_booleans_are_black_and_white() -> None:
    mask = PHOTO[..., 0] > 99
    np.testing.assert_array_equal(Image(mask).tensor[0, 0], mask.astype(np.float32))


def test_floats_of_any_range_go_in_as_they_are_and_only_the_drawing_is_stretched() -> None:
    values = np.array([[-1000.0, 0.5], [300.0, 3000.0]], np.float32)  # Hounsfield units
    for given in (values, PIL.Image.fromarray(values)):
        image = Image(given)
        np.testing.assert_array_equal(image.tensor[0, 0], values)
        assert image.notes == ()
        assert image.picture_notes == ("black and white are unknown: the image is stretched from -1e+03…3e+03",)
        np.testing.assert_array_equal(image.picture[..., 0], np.rint((values + 1000) / 4000 * 255))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.array([[-5, 70]], np.int16),
            r"x: expected whole numbers of 8 bits or of 0 to 65,535, got int16 from -5 to 70",
        ),
        (np.array([[0, 65536]], np.int32), r"x: .*, got int32 from 0 to 65536; give preprocess=…"),
        (
            np.array([[0, 255]], np.int32),
            r"x: int32 values from 0 to 255 may be meant as 8 bits or as 16; say which with",
        ),
    ],
)
def test_whole_numbers_whose_white_nobody_knows_are_refused(values: np.ndarray, message: str, tmp_path: Path) -> None:
    ways: list[Any] = [values]
    if values.dtype == np.int32:
        PIL.Image.fromarray(values).save(tmp_path / "a.tif")
        ways += [PIL.Image.fromarray(values), tmp_path / "a.tif"]
    for given in ways:
        with pytest.raises(ValueError, match=message):
            Image(given)
    assert Image(values, lambda source: torch.ones(1, 4, 4)).tensor.shape == (1, 1, 4, 4)


def test_arrays_come_out_untouched() -> None:
    strange = np.asfortranarray(PHOTO)[::-1]
    kept, flags = strange.copy(), str(strange.flags)
    values = values_of(strange)[0]
    values[:] = 7
    Image(strange).tensor.zero_()
    np.testing.assert_array_equal(strange, kept)
    assert str(strange.flags) == flags
    frozen = np.asarray(PIL.Image.fromarray(PHOTO))  # read only
    np.testing.assert_array_equal(Image(frozen).picture, PHOTO)
    whole = np.flip((RAMP / 65535)[None, None], 3)
    np.testing.assert_array_equal(Image(whole).tensor, whole.copy())
    frozen = np.broadcast_to(np.float32(0.5), (1, 3, 4, 4))
    Image(frozen).tensor.zero_()
    assert (frozen == 0.5).all()
