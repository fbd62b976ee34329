"""Superpixels: label maps, what hides a region, and which belong together."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch

from nbexplain.inputs import Image
from nbexplain.inputs.superpixels import cut, region_mean
from tests.inputs.test_image import blobs, normalised
from tests.networks import picture


@pytest.mark.parametrize("kind", ["slic", "quickshift", "felzenszwalb", "grid"])
@pytest.mark.parametrize("count", [2, 12, 60])
def test_label_maps_cover_all_labels(kind: str, count: int) -> None:
    image = Image(blobs())
    labels = image.superpixels(count, kind)
    assert labels.shape == (48, 64)
    assert labels.dtype == np.int32
    regions = int(labels.max()) + 1
    assert sorted(np.unique(labels)) == list(range(regions))
    assert regions >= 2
    if kind in ("slic", "grid"):  # the others decide themselves how many; SLIC joins small ones
        assert (count / 2 if kind == "grid" else 2) <= regions <= count * 2
    np.testing.assert_array_equal(labels, image.superpixels(count, kind))


def test_a_grid_is_made_of_equal_rectangles() -> None:
    labels = Image(blobs()).superpixels(12, "grid")
    assert np.bincount(labels.ravel()).tolist() == [16 * 16] * 12  # 3 rows and 4 columns of 16 × 16
    np.testing.assert_array_equal(labels, np.arange(48)[:, None] // 16 * 4 + np.arange(64)[None] // 16)


def test_one_region_per_pixel_is_the_most() -> None:
    image = Image(picture(4))
    assert sorted(image.superpixels(16, "grid").ravel()) == list(range(16))
    with pytest.raises(ValueError, match="superpixels: 17 regions for a picture of 16 pixels"):
        image.superpixels(17, "grid")
    with pytest.raises(ValueError, match=r"segmentation: expected one of 'slic', .*, got 'watershed'"):
        image.superpixels(4, "watershed")


@pytest.mark.parametrize("kind", ["quickshift", "felzenszwalb"])
def test_the_number_of_regions_follows_what_is_asked_for(kind: str) -> None:
    image = Image(skimage.data.chelsea()[:224, :224])
    found = [int(image.superpixels(count, kind).max()) + 1 for count in (20, 60, 180)]
    for count, regions in zip((20, 60, 180), found, strict=True):
        assert count / 3 <= regions <= count * 3
    assert found == sorted(found)


def test_segments_of_the_users_own() -> None:
    own = np.zeros((16, 16), dtype=int)
    own[4:, :8], own[4:, 8:] = 7, 3  # any whole numbers: they are numbered anew
    image = Image(blobs(16, 16), segments=own)
    for count in (2, 50):
        labels = image.superpixels(count)
        assert [int(labels[0, 0]), int(labels[15, 0]), int(labels[15, 15])] == [0, 2, 1]
    assert len(image.masker().names) == 3
    with pytest.raises(ValueError, match=r"segments: expected whole numbers \(H, W\) = \(16, 16\)"):
        Image(blobs(16, 16), segments=own[:8])
    with pytest.raises(ValueError, match="got float64"):
        Image(blobs(16, 16), segments=own.astype(float))


@pytest.mark.parametrize("kind", ["slic", "quickshift", "grid"])
def test_region_means_against_a_slow_loop(kind: str) -> None:
    image = Image(blobs(), normalised)
    labels = image.superpixels(9, kind) if kind == "grid" else Image(blobs()).superpixels(9, kind)[16:32, 24:40]
    labels = np.unique(labels, return_inverse=True)[1].reshape(16, 16)
    right = image.tensor[0].double().clone()
    for region in np.unique(labels):
        inside = torch.from_numpy(labels == region)
        for channel in range(3):
            values = [float(v) for v in image.tensor[0, channel][inside]]
            right[channel][inside] = sum(values) / len(values)
    np.testing.assert_allclose(region_mean(image.tensor, labels)[0], right, rtol=1e-5, atol=1e-6)
    assert region_mean(image.tensor, labels).dtype == image.tensor.dtype


def test_masked_leaves_what_is_kept_bit_for_bit() -> None:
    image = Image(blobs(), normalised)
    labels = image.superpixels(9, "grid")
    keep = np.random.default_rng(0).integers(0, 2, (7, 9), dtype=np.int8)
    keep[0], keep[1] = 1, 0
    fill = image.fill("blur")
    masker = image.masker(9, "grid", "blur")
    ((rows, batch),) = masker.batches(keep)
    assert rows.tolist() == list(range(7))
    assert masker.varying.all()
    assert batch.shape == (7, 3, 16, 16)
    assert torch.equal(batch[:1], image.tensor)
    assert torch.equal(batch[1:2], fill)
    for n, region in np.ndindex(keep.shape):
        inside = torch.from_numpy(labels == region)
        source = image.tensor if keep[n, region] else fill
        assert torch.equal(batch[n][:, inside], source[0][:, inside])


def test_a_region_that_hiding_does_not_change_is_known() -> None:
    flat = np.zeros((12, 12, 3), dtype=np.uint8)
    flat[:6] = np.random.default_rng(0).integers(0, 255, (6, 12, 3))
    masker = Image(flat).masker(4, "grid", "region mean")  # a region of one colour is its own mean
    assert masker.varying.tolist() == [True, True, False, False]


def test_the_tree_joins_all_superpixels_neighbours_first() -> None:
    left = np.zeros((8, 16, 3), dtype=np.uint8)
    left[:, 8:] = 255
    tree = Image(left).masker(8, "grid").tree()  # 2 rows of 4 squares, the left ones black, the right ones white
    assert tree.shape == (7, 4)
    sides = {0: "left", 1: "left", 4: "left", 5: "left", 2: "right", 3: "right", 6: "right", 7: "right"}
    groups = {number: {side} for number, side in sides.items()}
    for number, (a, b, _, _) in enumerate(tree):
        groups[8 + number] = groups[int(a)] | groups[int(b)]
    assert [len(groups[8 + number]) for number in range(7)] == [1] * 6 + [2]  # across the edge only at last


@pytest.mark.parametrize(("height", "width"), [(100, 1), (1, 100), (3, 5), (2, 50), (50, 2)])
@pytest.mark.parametrize("count", [2, 10])
def test_a_grid_over_a_narrow_picture_has_the_regions_that_were_asked_for(height: int, width: int, count: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = cut(pixels, count, "grid")
    assert abs(labels.max() + 1 - count) <= 1
    sizes = np.bincount(labels.ravel())
    assert sizes.max() <= 2 * sizes.min() + 1


def test_where_one_region_comes_out_another_way_to_cut_is_named() -> None:
    line = np.random.default_rng(0).integers(0, 256, (1, 100, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"superpixels: only one region came out of 2 .*: try another .* 'grid'"):
        cut(line, 2, "slic")
    assert cut(line, 2, "grid").max() == 1
    with pytest.raises(ValueError, match=r"superpixels: 2 regions for a picture of 1 pixel$"):
        cut(line[:, :1], 2, "grid")


@pytest.mark.parametrize(("shape", "count"), [((60, 1), 9), ((1, 60), 9), ((60, 2), 8), ((8, 8), 16)])
def test_a_grid_has_as_many_regions_on_narrow_pictures(shape: tuple[int, int], count: int) -> None:
    labels = cut(np.zeros((*shape, 3), np.uint8), count, "grid")
    assert labels.max() + 1 == count
    assert np.ptp(np.bincount(labels.ravel())) <= 2
