"""Which channels of an image are drawn, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nbexplain.inputs import Image, as_input

MANY = np.random.default_rng(0).random((5, 7, 13)).astype(np.float32)
MEAN_OF_13 = "unless one is chosen, the image shows the mean of its 13 channels; display=… draws three as colours"


def bytes_of(values: np.ndarray) -> np.ndarray:
    return np.rint(values * 255).astype(np.uint8)


def test_three_channels_as_colours_one_as_grey_and_the_mean_of_all() -> None:
    false_colours = Image(MANY, display=(3, 2, 1))
    np.testing.assert_array_equal(false_colours.picture, bytes_of(MANY[..., [3, 2, 1]]))
    assert false_colours.picture_notes == ()
    one = Image(MANY, display=12)
    np.testing.assert_array_equal(one.picture, bytes_of(MANY[..., [12, 12, 12]]))
    whole = Image(MANY)
    np.testing.assert_array_equal(whole.picture[..., 1], bytes_of(MANY.mean(-1)))
    assert whole.picture_notes == (MEAN_OF_13,)
    assert [image.in_channels for image in (false_colours, one, whole)] == [False, False, True]
    for image in (false_colours, one, whole):  # what is drawn changes nothing of what is computed
        np.testing.assert_array_equal(image.tensor[0].permute(1, 2, 0), MANY)


def test_without_black_and_white_the_drawn_channels_alone_set_the_stretch() -> None:
    values = MANY.copy()
    values[..., 3] = values[..., 3] * 4 - 2
    values[..., 7] *= 1000
    image = Image(values, display=(3, 2, 1))
    drawn = values[..., [3, 2, 1]]
    low, high = drawn.min(), drawn.max()
    np.testing.assert_array_equal(image.picture, bytes_of((drawn - low) / (high - low)))
    assert image.picture_notes == (f"black and white are unknown: the image is stretched from {low:.3g}…{high:.3g}",)


def test_black_and_white_of_the_transform_belong_to_the_drawn_channels() -> None:
    spread = torch.arange(1, 14)[:, None, None] / 4

    def normalise(array: np.ndarray) -> torch.Tensor:
        return (torch.from_numpy(array.transpose(2, 0, 1).copy()) - 0.4) / spread

    image = Image(MANY, normalise, display=(12, 0, 6))
    np.testing.assert_array_equal(image.picture, bytes_of(MANY[..., [12, 0, 6]]))
    assert image.picture_notes == ()


def test_two_channels_show_their_mean() -> None:
    image = Image(MANY[..., :2])
    np.testing.assert_array_equal(image.picture[..., 0], bytes_of(MANY[..., :2].mean(-1)))
    assert image.in_channels


def test_four_channels_are_colours_where_the_fourth_is_alpha() -> None:
    said = "the first three of its 4 channels are drawn as red, green and blue, the fourth is taken for alpha"
    of_bytes = Image(bytes_of(MANY[..., :4]))
    np.testing.assert_array_equal(of_bytes.picture, bytes_of(MANY[..., :3]))
    assert of_bytes.picture_notes == (said,)
    opaque = torch.from_numpy(np.concatenate([MANY[..., :3], np.ones((5, 7, 1), np.float32)], -1)).permute(2, 0, 1)[
        None
    ]
    np.testing.assert_array_equal(Image(opaque).picture, bytes_of(MANY[..., :3]))
    assert not Image(opaque).in_channels
    bands = Image(torch.from_numpy(MANY[..., :4]).permute(2, 0, 1))  # red, green, blue and near infrared, or others
    np.testing.assert_array_equal(bands.picture[..., 2], bytes_of(MANY[..., :4].mean(-1)))
    assert bands.in_channels


def test_a_place_without_a_value_is_missing_whichever_channel_is_drawn() -> None:
    values = MANY.copy()
    values[1, 2, 5] = np.nan
    image = Image(values, display=(3, 2, 1))
    assert np.argwhere(image.missing).tolist() == [[1, 2]]
    np.testing.assert_array_equal(image.picture, bytes_of(MANY[..., [3, 2, 1]]))


@pytest.mark.parametrize(
    ("display", "error", "message"),
    [
        ((0, 1, 13), ValueError, r"display: expected channels from 0 to 12, got \(0, 1, 13\)"),
        (-1, ValueError, "display: expected channels from 0 to 12, got -1"),
        ((0, 1), TypeError, r"display: expected three channel numbers .*, got \(0, 1\)"),
        ("rgb", TypeError, "display: .* got 'rgb'"),
        (True, TypeError, "display: .* got True"),
        (1.0, TypeError, "display: .* got 1.0"),
    ],
)
def test_channels_that_there_are_not_are_refused(display: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Image(MANY, display=display)


def test_only_images_have_channels_to_draw() -> None:
    assert as_input(MANY, display=(3, 2, 1)).picture.shape == (5, 7, 3)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"display: it is for images, got Tensor; try Image\(…, display=…\)"):
        as_input(torch.rand(1, 5), display=(3, 2, 1))
    with pytest.raises(TypeError, match=r"display: x is Image\(…\) already"):
        as_input(Image(MANY), display=(3, 2, 1))
