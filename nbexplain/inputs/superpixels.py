"""Superpixels: how a picture is cut into regions, and how these are hidden."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
import torch
from torch import Tensor

KINDS = ("slic", "quickshift", "felzenszwalb", "grid")


def cut(picture: np.ndarray, count: int, kind: str = "slic") -> np.ndarray:
    """A label map (H, W) of 0 … n−1 with about `count` regions, cut by scikit-image or as a plain grid.

    Quickshift and felzenszwalb know no number of regions: the size of theirs is chosen so that the number comes near.

    Parameters
    ----------
    picture
        (H, W, 3) uint8.

    Raises
    ------
    ValueError
        If there are more regions than pixels, or fewer than two come out.
    """
    height, width = picture.shape[:2]
    if count > height * width:
        raise ValueError(
            f"superpixels: {count} regions for a picture of {height * width} pixel{'s' * (height * width > 1)}"
        )
    if kind == "grid":
        rows = min(max(round((count * height / width) ** 0.5), 1), height, count)  # of an image one pixel wide: all
        columns = min(max(round(count / rows), 1), width)
        y, x = np.arange(height) * rows // height, np.arange(width) * columns // width
        labels = y[:, None] * columns + x[None, :]
    elif kind == "slic":
        from skimage.segmentation import slic

        labels = slic(picture, n_segments=count, compactness=10, sigma=1, start_label=0)
    elif kind == "quickshift":
        labels = _quickshift(picture, count)
    elif kind == "felzenszwalb":
        labels = _felzenszwalb(picture, count)
    else:
        raise ValueError(f"segmentation: expected one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    labels = numbered(labels)
    if labels.max() < 1:
        raise ValueError(
            f"superpixels: only one region came out of {count} asked for; a fit needs at least two: try another "
            "segmentation, such as 'grid'"
        )
    return labels


def numbered(labels: np.ndarray) -> np.ndarray:
    """The same regions, numbered 0 … n−1 without a gap."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


def _quickshift(picture: np.ndarray, count: int) -> np.ndarray:
    """lime's parameters, but for the width of the density: on photographs a region has about 80 times its square.

    It goes up to 5, since the time grows with its square as well: large pictures are cut into more regions than wanted.
    """
    from skimage.segmentation import quickshift

    width = min(max((picture.shape[0] * picture.shape[1] / count / 80) ** 0.5, 1.0), 5.0)
    labels: np.ndarray = quickshift(picture, kernel_size=width, max_dist=200, ratio=0.2, rng=0)
    return labels


def _felzenszwalb(picture: np.ndarray, count: int) -> np.ndarray:
    from skimage.segmentation import felzenszwalb

    area = picture.shape[0] * picture.shape[1] / count
    best, near = None, np.inf
    for scale in (20, 50, 100, 200, 400, 800):  # each takes some hundredths of a second
        labels = felzenszwalb(picture, scale=scale, sigma=0.8, min_size=max(int(area / 4), 1))
        apart = abs(np.log((labels.max() + 1) / count))
        if apart < near:
            best, near = labels, apart
    assert best is not None
    return best


def region_mean(tensor: Tensor, labels: np.ndarray) -> Tensor:
    """A picture (1, C, H, W) with every region painted in its mean colour: what LIME hides regions with."""
    index = torch.from_numpy(labels.astype(np.int64)).to(tensor.device).flatten()
    flat = tensor[0].flatten(1).to(torch.complex128 if tensor.is_complex() else torch.float64)
    sums = torch.zeros(flat.shape[0], int(index.max()) + 1, dtype=flat.dtype, device=flat.device)
    means = sums.index_add(1, index, flat) / torch.bincount(index)
    return means[:, index].reshape(tensor.shape).to(tensor)


class PictureMasker:
    """Hides superpixels of a picture (1, C, H, W) by those of another one, `fill`; see `Masker`."""

    what = "superpixel"
    notes: tuple[str, ...] = ()

    def __init__(self, key: Hashable, tensor: Tensor, labels: np.ndarray, fill: Tensor, picture: np.ndarray) -> None:
        self.key = key
        self.features = labels
        count = int(labels.max()) + 1
        self.names = tuple(f"superpixel {number}" for number in range(count))
        layout = torch.channels_last  # what the network wants of a batch; made here, it needs no other copy
        fill = fill.to(tensor).expand_as(tensor)
        self._tensor, self._fill = (x.contiguous(memory_format=layout) for x in (tensor, fill))
        self._picture = picture
        self._index = torch.from_numpy(labels.astype(np.int64))
        changed = (tensor != fill).any(1)[0].cpu().numpy()
        self.varying = np.bincount(labels.ravel(), changed.ravel(), count) > 0
        self.weights = np.ones(1)

    def batches(self, keep: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        kept = torch.from_numpy(np.asarray(keep, dtype=bool))[:, self._index][:, None].to(self._fill.device)
        yield np.arange(len(keep)), torch.where(kept, self._tensor, self._fill)

    def tree(self) -> np.ndarray:
        """Neighbours of like colour first: Ward's clusters of the regions' places and mean colours."""
        from scipy.cluster.hierarchy import linkage

        labels, count = self.features, len(self.names)
        height, width = labels.shape
        y, x = np.mgrid[:height, :width] / max(height, width)
        colours = np.moveaxis(self._picture.astype(np.float64) / 255, -1, 0)
        area = np.bincount(labels.ravel())
        means = [np.bincount(labels.ravel(), part.ravel(), count) / area for part in (2 * y, 2 * x, *colours)]
        tree: np.ndarray = linkage(np.stack(means, 1), method="ward")
        return tree
