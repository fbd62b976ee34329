"""An image out of a file that somebody sent: upright, not too large, and what a reader must know of the way."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nbexplain.inputs.image_values import MOST_PIXELS, in_eight_bits, is_number_mode, read, values_of, white_of

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFile

MAX_BYTES = 8_000_000
MAX_PIXELS = 40_000_000

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF")  # the rest are rare, and some start programs
_EXPECTED = "a whole PNG, JPEG, GIF, WebP, BMP, TIFF, PPM or AVIF file"
_LONGEST_NAME = 60


def picture_from(name: str, content: bytes) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Decode an uploaded file as a file on the disk is decoded.

    Parameters
    ----------
    name
        What the file is called, for messages only.
    content
        Its bytes, at most `MAX_BYTES`.

    Returns
    -------
    picture, notes
        An image of mode L, RGB, I;16, I or F and of at most 16 million pixels, and what was done to the file's own on
        the way there: the first frame taken, transparent parts put on white, inks turned into colours, the size
        reduced.

    Raises
    ------
    ValueError
        If the file is empty, too large, damaged or no picture, or has `MAX_PIXELS` or more; the message names it.
    """
    called = repr(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…")
    if not content:
        raise ValueError(f"{called} is empty; expected {_EXPECTED}")
    if len(content) > MAX_BYTES:
        size = math.ceil(len(content) / 1e5) / 10  # never "8.0 MB, at most 8"
        raise ValueError(f"{called} has {size} MB; at most {MAX_BYTES / 1e6:g} MB are taken")

    with _named_errors(called):
        opened = _opened(content)
    width, height = opened.size
    if width * height >= MAX_PIXELS:
        raise ValueError(_too_many(called, f"{width}×{height}"))
    with _named_errors(called):
        picture, notes = read(opened, content)
        picture, more = _small_enough(picture)
    return picture, notes + more


def like(picture: PIL.Image.Image, other: Any) -> tuple[Any, tuple[str, ...]]:
    """An uploaded image as an image is that a session has: a transform may take no other.

    Parameters
    ----------
    picture
        What `picture_from` returned.
    other
        The `source` of the other image. The upload becomes grey or three colours as that is, with bytes where it has
        bytes, and an array where it is one.

    Returns
    -------
    source, notes
        The image to be wrapped, and what was done to it.
    """
    is_array, of_tensor = isinstance(other, np.ndarray), {1: "L", 3: "RGB"}
    if is_array:
        mode = of_tensor.get(other.shape[2] if other.ndim == 3 else 1, "")
    else:
        mode = of_tensor.get(other.shape[-3], "") if hasattr(other, "shape") else other.mode
    if mode not in ("L", "RGB") or (is_array and white_of(other) is None):
        return picture, ()
    bytes_wanted = not is_array or other.dtype == np.uint8
    notes: tuple[str, ...] = ()
    if is_number_mode(picture.mode) and bytes_wanted:
        picture, notes = in_eight_bits(picture)
    elif picture.mode == "L" and mode == "RGB":
        notes = ("grey values are repeated for three colours",)
    elif picture.mode == "RGB" and mode == "L":
        notes = ("colours are turned into grey",)
    if picture.mode != mode and not is_number_mode(picture.mode):
        picture = picture.convert(mode)
    if not is_array:
        return picture, notes
    values, more = values_of(picture)
    values = np.repeat(values, 3, -1) if mode == "RGB" and values.shape[2] == 1 else values
    levels = values * white_of(other)
    array = levels.astype(other.dtype) if other.dtype.kind == "f" else np.rint(levels).astype(other.dtype)
    return (array[..., 0] if other.ndim == 2 else array), notes + more


@contextmanager
def _named_errors(called: str) -> Iterator[None]:
    import PIL.Image

    try:
        yield
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ValueError(_too_many(called, "too many")) from error
    except Exception as error:  # decoders raise whatever a wrong byte leads them to
        reason = str(error) or type(error).__name__
        raise ValueError(f"{called} can't be read as a picture: {reason}; expected {_EXPECTED}") from error


def _too_many(called: str, pixels: str) -> str:
    return f"{called} has {pixels} pixels; fewer than {MAX_PIXELS / 1e6:.0f} million are taken"


def _opened(content: bytes) -> PIL.ImageFile.ImageFile:
    """What `PIL.Image.open` does, but for its look at the number of pixels: that limit is the user's to set."""
    import PIL.Image

    PIL.Image.init()
    for kind in _FORMATS:
        opener, accepts = PIL.Image.OPEN.get(kind, (None, None))
        if opener is not None and accepts is not None and accepts(content[:16]) is True:
            return opener(io.BytesIO(content), "")
    raise ValueError("it begins like none that is known")


def _small_enough(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    import PIL.Image

    width, height = picture.size
    if width * height <= MOST_PIXELS:
        return picture, ()
    factor = (MOST_PIXELS / (width * height)) ** 0.5
    across = min(max(int(width * factor), 1), MOST_PIXELS)
    down = max(min(int(height * factor), MOST_PIXELS // across), 1)
    small = picture.resize((across, down), PIL.Image.Resampling.BICUBIC)
    return small, (f"reduced from {width}×{height} to {across}×{down} pixels",)
