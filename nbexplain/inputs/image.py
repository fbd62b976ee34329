"""An image: what the user has, the tensor that the network gets, and the image that the network saw."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs import superpixels as cutting
from nbexplain.inputs.array import Array, _nan_note, _one, as_it_is
from nbexplain.inputs.image_display import Display, checked_display, drawn
from nbexplain.inputs.image_shapes import is_pil
from nbexplain.inputs.image_transform import batched, black_and_white, put_through
from nbexplain.inputs.image_values import MOST_PIXELS, read, values_of
from nbexplain.inputs.parts import Parts
from nbexplain.inputs.tensors import as_tensor, plain

_COLOURS, _TIMES = (1, 3, 4), 4
_UNUSABLE = (torch.uint16, torch.uint32, torch.uint64)


class Image(Array):
    """An image and its tensor.

    Parameters
    ----------
    source
        PIL image, path, array (H, W[, C]), or a tensor (1, C, H, W) or (C, H, W) that the network takes as it is.
    preprocess
        The user's transform, image → tensor (C, H, W): a callable, which may also return an array, a list of one tensor
        or a mapping with one (its other tensors go to the model as keywords), or an image processor of Hugging Face.
        It gets the very object that is given here; a file is opened for it, turned upright, and keeps its depth.
        A tensor of floats is not put through it: it is asked only where black and white lie.
        Without one, an image becomes a tensor with 0 for black and 1 for white; see `image_values.values_of`.
    segments
        A label map (H, W) of the image as the network sees it: the superpixels, where you have some of your own.
    display
        Which channels of the tensor are drawn: three numbers (red, green, blue), such as `(3, 2, 1)`, or one. By
        default that is one channel or three as they are, the first three of RGBA, and the mean of any other number.

    Attributes
    ----------
    tensor
        (1, C, H, W), what the network gets.
    source
        What the transform was given: the object of the user's, or the opened file.
    picture
        (H, W, 3) uint8, what the network saw: (x − p(black)) / (p(white) − p(black)), p the transform, so that
        overlays line up after any crop.
    channels_last
        Whether the model takes (N, H, W, C), as Keras does: whether that is what it was given.
    missing
        (H, W) bool, where the tensor is not finite.
    notes
        What was done to a file or to values on the way to the tensor; NaN in it.
    picture_notes
        What a reader of the picture must know: that it is stretched, or shows the mean of many channels.

    Raises
    ------
    TypeError, ValueError
        If it is empty, has more than 16 million pixels or numbers whose meaning is not known, or if the transform
        raises or returns what cannot be taken.
    """

    kind = "picture"
    fills = ("mean", "blur", "black", "white", "zero")

    def __init__(
        self,
        source: Any,
        preprocess: Callable[[Any], Any] | None = None,
        *,
        segments: np.ndarray | None = None,
        display: int | tuple[int, int, int] | None = None,
    ) -> None:
        opened, notes = _opened(source)
        _check_size(opened)
        self._preprocess = preprocess
        more: tuple[str, ...] = ()
        others: dict[str, Any] = {}
        if isinstance(opened, Tensor) and (preprocess is None or opened.is_floating_point()):
            self.tensor = _one(batched(opened))
        elif preprocess is None:
            values, more = values_of(opened)
            self.tensor = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
        else:
            opened, more, taken = put_through(opened, preprocess, isinstance(source, (str, Path)))
            self.tensor = taken.tensor
            others = {taken.name: taken.tensor, **taken.others} if taken.others else {}
        if self.tensor.ndim != 4:
            raise ValueError(f"x: expected a tensor (1, C, H, W), got shape {tuple(self.tensor.shape)}")
        self.channels_last = _has_channels_last(self.tensor.shape)
        if self.channels_last:
            self.tensor = self.tensor.permute(0, 3, 1, 2)
            more += ("taken as (1, H, W, C), with channels last, which is how the model gets it",)
        if self.tensor.dtype in _UNUSABLE:
            raise TypeError(f"x: torch computes nothing with tensors of {self.tensor.dtype}; try x.float() / 65535")
        self.source = opened
        self.segments = None if segments is None else _checked_segments(segments, self.tensor.shape[-2:])
        self.display = checked_display(display, self.tensor.shape[1])
        self._cut: tuple[tuple[int, str], np.ndarray] | None = None  # the superpixels that were asked for last
        self.notes = (*notes, *more, *_nan_note(self.tensor))
        if others:
            self.stands_among(Parts(others, taken.name))

    @cached_property
    def picture(self) -> np.ndarray:
        return self._seen[0]

    @cached_property
    def picture_notes(self) -> tuple[str, ...]:
        return self._seen[1]

    @property
    def in_channels(self) -> bool:
        """Whether its channels are neither grey nor colours, so that each is worth a look."""
        return self.display is None and self.tensor.shape[1] not in (1, 3) and not self._rgba

    @cached_property
    def missing(self) -> np.ndarray:
        missing: np.ndarray = (~torch.isfinite(self.tensor)).any(1)[0].cpu().numpy()
        return missing

    @cached_property
    def _rgba(self) -> bool:
        """Whether the last of four channels is alpha: of an array of bytes, or where nothing is transparent."""
        if self.tensor.shape[1] != 4:
            return False
        alpha = self.tensor[:, 3]
        of_bytes = isinstance(self.source, np.ndarray) and self.source.dtype == np.uint8
        return of_bytes or bool((alpha == alpha.flatten()[0]).all())

    @cached_property
    def _ends(self) -> tuple[Tensor | None, Tensor | None]:
        """The tensors of an all-black and an all-white image, if they can be told."""
        source, preprocess = self.source, self._preprocess
        if self.tensor.is_complex():
            return None, None
        if preprocess is None:
            inside = bool(((self.tensor >= 0) & (self.tensor <= 1) | ~torch.isfinite(self.tensor)).all())
            black, white = (self.tensor.new_full((1,), shade).expand_as(self.tensor) for shade in (0, 1))
            return (black, white) if inside else (None, None)
        sources = [source]
        if isinstance(source, Tensor):  # what the transform was made for is not known
            height, width = self.tensor.shape[-2:]
            pixels = np.zeros((height, width, 3) if self.tensor.shape[1] != 1 else (height, width), np.uint8)
            sources = [_pil(pixels), pixels] if source.is_floating_point() else [source]
        found = (black_and_white(like, preprocess, self.tensor) for like in sources)
        return next((ends for ends in found if ends is not None), (None, None))

    @cached_property
    def _seen(self) -> tuple[np.ndarray, tuple[str, ...]]:
        display: Display | None = (0, 1, 2) if self.display is None and self._rgba else self.display
        pixels, notes = drawn(self.tensor, *self._ends, display)
        if display != self.display:
            notes += (
                "the first three of its 4 channels are drawn as red, green and blue, the fourth is taken for alpha",
            )
        return pixels, notes

    def as_given(self, batch: Tensor) -> Tensor:
        """A batch (N, C, H, W) as (N, H, W, C), where the model takes channels last."""
        return batch.permute(0, 2, 3, 1) if self.channels_last else batch

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
            whole = not (self.tensor.is_floating_point() or self.tensor.is_complex())
            return _blurred(self.tensor.double()).round().to(self.tensor) if whole else _blurred(self.tensor)
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


def _has_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether (1, H, W, C): only the last axis can be that of grey, colours or RGBA, and the others are much longer."""
    return shape[3] in _COLOURS and shape[1] not in _COLOURS and min(shape[1], shape[2]) >= _TIMES * shape[3]


def _opened(source: Any) -> tuple[Any, tuple[str, ...]]:
    """A PIL image, an array (H, W[, C]) or a tensor; of a file, also what a reader must know of it."""
    if isinstance(source, (str, Path)):
        import PIL.Image

        with Path(source).open("rb") as file:
            start = file.read(32)
            with PIL.Image.open(file) as picture:
                return read(picture, start)
    if isinstance(source, np.ndarray) and source.ndim == 4:
        return as_tensor(source), ()
    return plain(source).detach() if isinstance(source, Tensor) else source, ()


def _pil(pixels: np.ndarray) -> Any:
    import PIL.Image

    return PIL.Image.fromarray(pixels)


def _check_size(source: Any) -> None:
    if is_pil(source):
        size = source.height, source.width
    elif isinstance(source, np.ndarray) and source.ndim in (2, 3):
        size = source.shape[0], source.shape[1]
    elif isinstance(source, Tensor) and source.ndim >= 2:
        size = source.shape[-2], source.shape[-1]
    else:
        got = f" of shape {tuple(source.shape)}" if isinstance(source, (np.ndarray, Tensor)) else ""
        raise TypeError(
            "x: expected a PIL image, a path, an array (H, W[, C]) or a tensor (1, C, H, W), got "
            f"{type(source).__name__}{got}"
        )
    if 0 in size:
        raise ValueError(f"x: the picture is empty, {size[0]}×{size[1]} pixels")
    if size[0] * size[1] > MOST_PIXELS:
        raise ValueError(
            f"x: the picture has {size[0] * size[1] / 1e6:.1f} million pixels, at most 16 million are taken; "
            "make it smaller first"
        )


def _checked_segments(segments: Any, size: tuple[int, ...]) -> np.ndarray:
    labels = np.asarray(segments)
    if labels.shape != tuple(size) or labels.dtype.kind not in "iub":
        raise ValueError(
            f"segments: expected whole numbers (H, W) = {tuple(size)}, as the network sees the image, got "
            f"{labels.dtype} {labels.shape}"
        )
    return cutting.numbered(labels)


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
