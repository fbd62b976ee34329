"""A picture out of a file that somebody sent: eight bits, upright, on white, and what a reader must know of the way."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from nbexplain.inputs.image import _MOST_PIXELS

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFile

MAX_BYTES = 8_000_000
MAX_PIXELS = 40_000_000

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF")  # the rest are rare, and some start programs
_EXPECTED = "a whole PNG, JPEG, GIF, WebP, BMP, TIFF, PPM or AVIF file"
_LONGEST_NAME = 60


def picture_from(name: str, content: bytes) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Decode an uploaded file to a picture of three colours in eight bits, turned upright.

    Parameters
    ----------
    name
        What the file is called, for messages only.
    content
        Its bytes, at most `MAX_BYTES`.

    Returns
    -------
    picture, notes
        An RGB picture of at most 16 million pixels, and what was done to the file's own on the way there: the first
        frame taken, transparent parts put on white, values scaled, inks turned into colours, the size reduced.

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

    import PIL.ImageOps

    with _named_errors(called):
        opened = _opened(content)
    width, height = opened.size
    if width * height >= MAX_PIXELS:
        raise ValueError(_too_many(called, f"{width}×{height}"))
    with _named_errors(called):
        notes = _notes_of_the_file(opened, content)
        opened.load()  # the orientation may stand behind the pixels
        picture, more = _in_eight_bits(PIL.ImageOps.exif_transpose(opened))
        picture, last = _small_enough(picture)
    return picture, notes + more + last


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


def _notes_of_the_file(opened: PIL.ImageFile.ImageFile, content: bytes) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    # The further frames of a phone's JPEG (MPO) are previews of the same picture.
    if getattr(opened, "is_animated", False) and opened.format != "MPO":
        notes += ("only the first frame is taken",)
    depth = content[24] if opened.format == "PNG" else max(getattr(opened, "tag_v2", {}).get(258, (8,)))
    if depth == 16 and not _is_number_mode(opened.mode):  # Pillow has dropped the lower bits of these
        notes += ("16 bits per colour are reduced to 8",)
    return notes


def _is_number_mode(mode: str) -> bool:
    return mode == "F" or mode.startswith("I")


def _in_eight_bits(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """The picture as RGB, and what that took."""
    import PIL.Image

    if _is_number_mode(picture.mode):
        return _scaled(picture)
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", layered.size, "white")
        seen = PIL.Image.alpha_composite(white, layered).convert("RGB")
        transparent = layered.getchannel("A").getextrema() != (255, 255)
        return seen, ("transparent parts are shown on white",) if transparent else ()
    if picture.mode == "CMYK":
        return picture.convert("RGB"), ("inks (CMYK) are turned into colours without a profile: these are approximate",)
    return picture.convert("RGB"), ()


def _scaled(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """Whole numbers of 0…65535 and fractions of 0…1 by that range, others from the smallest to the largest."""
    import PIL.Image

    values = np.asarray(picture).astype(np.float32)  # where `convert` would cut everything above 255
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("some of its values are NaN or infinite")
    full = 1.0 if picture.mode == "F" else 65535.0
    if low >= 0 and high <= full:
        low, high = 0.0, full
    levels = (values - low) * (255 / (high - low or 1))
    grey = PIL.Image.fromarray(np.rint(levels).astype(np.uint8))
    return grey.convert("RGB"), (f"values from {low:g} to {high:g} are scaled to 8 bits",)


def _small_enough(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    import PIL.Image

    width, height = picture.size
    if width * height <= _MOST_PIXELS:
        return picture, ()
    factor = (_MOST_PIXELS / (width * height)) ** 0.5
    across = min(max(int(width * factor), 1), _MOST_PIXELS)
    down = max(min(int(height * factor), _MOST_PIXELS // across), 1)
    small = picture.resize((across, down), PIL.Image.Resampling.BICUBIC)
    return small, (f"reduced from {width}×{height} to {across}×{down} pixels",)
