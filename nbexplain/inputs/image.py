"""A picture: what the user has, the tensor that the network gets, and the picture that the network saw."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs import superpixels as cutting
from nbexplain.inputs.array import Array, _nan_note, _one, as_it_is

_MOST_PIXELS = 16_000_000


def is_picture(x: Any) -> bool:
    """Whether `x` is a picture: PIL, a path, an (H, W[, C]) array, or a (1, C, H, W) or (3, H, W) tensor."""
    if _is_pil(x) or isinstance(x, (str, Path)):
        return True
    if isinstance(x, np.ndarray) and x.ndim < 4:
        return (x.ndim == 2 and x.dtype == np.uint8) or (x.ndim == 3 and x.shape[-1] in (1, 3, 4))
    return isinstance(x, (Tensor, np.ndarray)) and (x.ndim == 4 or (x.ndim == 3 and x.shape[0] in (3, 4)))


class Image(Array):
    """A picture and its tensor.

    Parameters
    ----------
    source
        PIL image, path, array (H, W[, C]) of uint8 or of floats in 0…1, or a tensor (1, C, H, W) that the network
        takes as it is.
    preprocess
        The user's transform, picture → tensor (C, H, W). Without one, a picture becomes a tensor of 0…1. For a
        tensor it is asked only where black and white lie.
    segments
        A label map (H, W) of the picture as the network sees it: the superpixels, where you have some of your own.

    Attributes
    ----------
    tensor
        (1, C, H, W), what the network gets.
    picture
        (H, W, 3) uint8, what the network saw: (x − p(black)) / (p(white) − p(black)), p the transform, so that
        overlays line up after any crop.
    missing
        (H, W) bool, where the tensor is not finite.
    picture_notes
        What a reader of the picture must know: that it is stretched, or shows the mean of many channels.
    """

    kind = "picture"
    fills = ("mean", "blur", "black", "white", "zero")

    def __init__(
        self, source: Any, preprocess: Callable[[Any], Any] | None = None, *, segments: np.ndarray | None = None
    ) -> None:
        source = _opened(source)
        size = _size(source)
        if 0 in size:
            raise ValueError(f"x: the picture is empty, {size[0]}×{size[1]} pixels")
        if size[0] * size[1] > _MOST_PIXELS:
            raise ValueError(
                f"x: the picture has {size[0] * size[1] / 1e6:.1f} million pixels, at most 16 million are taken; "
                "make it smaller first"
            )
        as_given = isinstance(source, Tensor)
        self.tensor = _one(_batched(source)) if as_given else _transformed(source, preprocess, "preprocess")
        if self.tensor.ndim != 4:
            raise ValueError(f"x: expected a tensor (1, C, H, W), got shape {tuple(self.tensor.shape)}")
        self._parts, self._key = {}, None
        self._source, self._preprocess = source, preprocess
        self.segments = None if segments is None else _checked_segments(segments, self.tensor.shape[-2:])
        self._cut: tuple[tuple[int, str], np.ndarray] | None = None  # the superpixels that were asked for last
        self.notes = _nan_note(self.tensor)

    @cached_property
    def picture(self) -> np.ndarray:
        return self._seen[0]

    @cached_property
    def picture_notes(self) -> tuple[str, ...]:
        return self._seen[1]

    @cached_property
    def missing(self) -> np.ndarray:
        missing: np.ndarray = (~torch.isfinite(self.tensor.float())).any(1)[0].cpu().numpy()
        return missing

    @cached_property
    def _ends(self) -> tuple[Tensor | None, Tensor | None]:
        """The tensors of an all-black and an all-white picture, if they can be told."""
        source, preprocess = self._source, self._preprocess
        as_given = isinstance(source, Tensor)
        if preprocess is None:
            inside = bool(((self.tensor >= 0) & (self.tensor <= 1) | ~torch.isfinite(self.tensor)).all())
            black, white = (self.tensor.new_full((1,), shade).expand_as(self.tensor) for shade in (0, 1))
            return (black, white) if inside else (None, None)
        ends = []
        for shade in (0, 1):
            if as_given:
                import PIL.Image

                height, width = self.tensor.shape[-2:]
                flat: Any = PIL.Image.new("RGB" if self.tensor.shape[1] != 1 else "L", (width, height))
            else:
                flat = source
            try:
                end = _transformed(_flat_like(flat, shade), preprocess, "preprocess")
            except Exception:  # a transform for other pictures than these: black and white stay unknown, and it is said
                return None, None
            ends.append(end)
        same = ends[0].shape == self.tensor.shape and bool((ends[0] != ends[1]).all())
        return (_small(ends[0].to(self.tensor)), _small(ends[1].to(self.tensor))) if same else (None, None)

    @cached_property
    def _seen(self) -> tuple[np.ndarray, tuple[str, ...]]:
        tensor = self.tensor.float()
        notes: tuple[str, ...] = ()
        black, white = self._ends
        if black is not None and white is not None:
            shown = (tensor - black.float()) / (white.float() - black.float())
        else:
            finite = tensor[torch.isfinite(tensor)]
            low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (0.0, 1.0)
            shown = (tensor - low) / (high - low) if high > low else torch.full_like(tensor, 0.5)
            notes = (
                f"black and white of the transform are unknown: the picture is stretched from {low:.3g}…{high:.3g}",
            )
        channels = shown.shape[1]
        if channels not in (1, 3):
            if channels == 4:
                shown = shown[:, :3]
            else:
                shown = shown.mean(1, keepdim=True)
                notes += (f"the picture shows the mean of {channels} channels",)
        shown = torch.nan_to_num(shown, nan=0.0).clamp(0, 1)[0].expand(3, -1, -1)
        return (shown * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy(), notes

    def fill(self, kind: str) -> Tensor:
        """What hides a part of the picture, (1, C, H, W): `"black"`, `"white"`, `"mean"` colour, `"blur"`, `"zero"`."""
        if kind in ("black", "white"):
            end = self._ends[kind == "white"]
            if end is None:
                raise ValueError(
                    f"fill: {kind!r} is not known for this tensor; give preprocess=…, or use 'mean', 'blur' or 'zero'"
                )
            return end
        if kind == "blur":
            return _blurred(self.tensor)
        return super().fill(kind)

    def superpixels(self, count: int, kind: str = "slic") -> np.ndarray:
        """A label map (H, W) of 0 … n−1; see `superpixels.cut`. With segments of the user's own, these."""
        if self.segments is not None:
            return self.segments
        if self._cut is None or self._cut[0] != (count, kind):  # the borders are drawn before anything is run
            self._cut = (count, kind), cutting.cut(self.picture, count, kind)
        return self._cut[1]

    def masker(
        self,
        superpixels: int = 50,
        segmentation: str = "slic",
        fill: str = "region mean",
        *,
        ready: Callable[[Tensor], Tensor] = as_it_is,
    ) -> cutting.PictureMasker:
        """Superpixels to hide; `ready` brings tensors to where and how the model wants them."""
        labels = self.superpixels(superpixels, segmentation)
        key = ("own" if self.segments is not None else (superpixels, segmentation), fill)
        stand_in = cutting.region_mean(self.tensor, labels) if fill == "region mean" else self.fill(fill)
        return cutting.PictureMasker(key, ready(self.tensor), labels, ready(stand_in), self.picture)


def _opened(source: Any) -> Any:
    if isinstance(source, (str, Path)):
        import PIL.Image
        import PIL.ImageOps

        with PIL.Image.open(source) as picture:
            return PIL.ImageOps.exif_transpose(picture).convert("RGB")
    if isinstance(source, np.ndarray) and source.ndim == 4:
        return torch.from_numpy(source)
    return source.detach() if isinstance(source, Tensor) else source


def _is_pil(x: Any) -> bool:
    """Without importing Pillow: whoever has such a picture has done so."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(x, pillow.Image)


def _size(source: Any) -> tuple[int, int]:
    if _is_pil(source):
        return source.height, source.width
    if isinstance(source, np.ndarray):
        return source.shape[0], source.shape[1]
    return source.shape[-2], source.shape[-1]


def _batched(x: Tensor) -> Tensor:
    return x[None] if x.ndim == 3 else x


def _transformed(source: Any, preprocess: Callable[[Any], Any] | None, name: str) -> Tensor:
    if preprocess is not None:
        tensor = preprocess(source)
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}: expected a tensor from it, got {type(tensor).__name__}")
        return _one(_batched(tensor))
    if _is_pil(source) and source.mode not in ("L", "RGB"):
        source = source.convert("RGB")  # palettes, CMYK and the like are no intensities
    array = np.asarray(source)
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / 255
    elif not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"x: expected a picture of uint8 or of floats in 0…1, got {array.dtype}; give preprocess=…")
    if array.ndim == 2:
        array = array[..., None]
    return torch.from_numpy(np.ascontiguousarray(array.astype(np.float32).transpose(2, 0, 1)))[None]


def _flat_like(source: Any, shade: int) -> Any:
    """A picture of the same kind and size that is all black (0) or all white (1)."""
    if _is_pil(source):
        import PIL.Image

        mode = source.mode if source.mode in ("L", "RGB") else "RGB"
        return PIL.Image.new(mode, source.size, 255 * shade if mode == "L" else (255 * shade,) * 3)
    return np.full_like(source, (255 if source.dtype == np.uint8 else 1) * shade)


def _checked_segments(segments: Any, size: tuple[int, ...]) -> np.ndarray:
    labels = np.asarray(segments)
    if labels.shape != tuple(size) or labels.dtype.kind not in "iub":
        raise ValueError(
            f"segments: expected whole numbers (H, W) = {tuple(size)}, as the network sees the picture, got "
            f"{labels.dtype} {labels.shape}"
        )
    return cutting.numbered(labels)


def _small(tensor: Tensor) -> Tensor:
    """The same tensor, but with one number in memory for a channel that is all of one value."""
    corner = tensor[..., :1, :1]
    return corner.clone().expand_as(tensor) if bool((tensor == corner).all()) else tensor


def _blurred(tensor: Tensor) -> Tensor:
    """Gaussian blur of each channel, with a width of a tenth of the shorter side, but at least of one pixel."""
    sigma = max(min(tensor.shape[-2:]) / 10, 1.0)
    channels = tensor.shape[1]
    for axis in (-1, -2):
        radius = min(int(3 * sigma), tensor.shape[axis] - 1)
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
        kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
        kernel = (kernel / kernel.sum()).to(tensor)
        margins = (radius, radius, 0, 0) if axis == -1 else (0, 0, radius, radius)
        shape = (1, 1, 1, -1) if axis == -1 else (1, 1, -1, 1)
        padded = torch.nn.functional.pad(tensor, margins, mode="reflect")
        weight = kernel.view(shape).expand(channels, *kernel.view(shape).shape[1:])
        tensor = torch.nn.functional.conv2d(padded, weight, groups=channels)
    return tensor
