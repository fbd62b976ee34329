"""A volume or a video: which axes are its places, and its slices as bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nbexplain.inputs import Array, Volume, as_input


def test_tensors_with_three_axes_of_places_are_volumes() -> None:
    x = torch.rand(1, 2, 4, 5, 6)
    for given in (x, x.numpy(), {"scan": x, "age": torch.tensor([50])}, Volume(x)):
        taken = as_input(given)
        assert isinstance(taken, Volume)
        assert (taken.kind, taken.place_axes, taken.notes) == ("volume", (2, 3, 4), ())
    assert type(as_input(torch.rand(1, 2, 3, 4, 5, 6))) is Array
    with pytest.raises(ValueError, match=r"x: expected a volume \(1, C, D, H, W\) or a video .*, got \(1, 2, 3\)"):
        Volume(torch.rand(1, 2, 3))
    with pytest.raises(ValueError, match="a batch of 2"):
        as_input(torch.rand(2, 1, 4, 5, 6))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, 16, 3, 8, 8), (1, 3, 4)),
        ((1, 5, 1, 8, 8), (1, 3, 4)),
        ((1, 2, 3, 8, 8), (1, 3, 4)),
        ((1, 4, 16, 8, 8), (2, 3, 4)),  # four kinds of scans
        ((1, 3, 16, 8, 8), (2, 3, 4)),
        ((1, 32, 8, 8, 8), (2, 3, 4)),
    ],
)
def test_frames_before_channels_are_taken_where_it_is_clear_and_said(
    shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    taken = Volume(torch.rand(shape))
    assert taken.place_axes == axes
    assert bool(taken.notes) == (axes == (1, 3, 4))


def test_slices_of_values_from_0_to_1_are_shown_as_they_are() -> None:
    values = torch.tensor([0.0, 0.2, 0.6, 1.0, float("nan"), 0.4]).reshape(1, 1, 3, 1, 2)
    taken = Volume(values)
    assert taken.picture.tolist() == [[[0, 51]], [[153, 255]], [[0, 102]]]
    assert taken.picture_notes == ()
    assert taken.notes == ("the input holds 1 values that are NaN or infinite",)


def test_others_are_windowed_between_percentiles() -> None:
    values = torch.arange(-100.0, 101.0).reshape(1, 1, 3, 1, 67)
    taken = Volume(values)
    right = np.clip((np.arange(-100, 101) + 98) / 196, 0, 1) * 255
    assert abs(taken.picture.ravel().astype(float) - right).max() <= 0.5
    assert taken.picture_notes == (
        "black and white of the slices are -98 and 98, the 1st and 99th percentile of its values",
    )
    flat = Volume(torch.full((1, 1, 2, 3, 3), 7.0))
    assert set(flat.picture.ravel()) == {128}
    empty = Volume(torch.full((1, 1, 2, 3, 3), float("nan")))
    assert set(empty.picture.ravel()) == {0}
    mask = torch.zeros(1, 1, 4, 50, 50)
    mask[0, 0, 2, 3, 3] = 9.0  # one voxel of ten thousand: both percentiles are 0
    taken = Volume(mask)
    assert taken.picture[2, 3, 3] == 255
    assert taken.picture_notes == ("black and white of the slices are 0 and 9",)


def test_colours_and_many_channels() -> None:
    clip = torch.rand(1, 6, 3, 4, 5)
    taken = Volume(clip)
    right = clip[0].permute(0, 2, 3, 1).numpy() * 255
    assert taken.picture.shape == (6, 4, 5, 3)
    assert abs(taken.picture - right).max() <= 0.51
    scans = Volume(torch.rand(1, 2, 6, 4, 5))
    assert abs(scans.picture - scans.tensor[0].mean(0).numpy() * 255).max() <= 0.51
    assert scans.picture_notes == ("the slices show the mean of 2 channels",)


def test_the_mean_that_hides_a_part_is_that_of_a_channel() -> None:
    clip = torch.rand(1, 6, 3, 4, 5)
    filling = Volume(clip).fill("mean")
    assert torch.allclose(filling[0, :, 1], clip[0, :, 1].mean().expand(6, 4, 5))
    scan = torch.rand(1, 2, 6, 4, 5)
    assert torch.allclose(Volume(scan).fill("mean")[0, 1], scan[0, 1].mean().expand(6, 4, 5))
