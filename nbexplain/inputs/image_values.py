"""What the values of an image mean: the one place that decides it, for files, uploads, PIL images and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import PIL.Image

MOST_PIXELS = 16_000_000

_EIGHT_BITS, _SIXTEEN_BITS = 255, 65535
_GREY = ("1", "L", "LA", "La")


def is_number_mode(mode: str) -> bool:
    """Whether the pixels of a PIL mode are numbers of more than eight bits: I, F, I;16 and its byte orders."""
    return mode == "F" or mode.startswith("I")


def read(opened: PIL.Image.Image, start: bytes) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """The first image of an open file: upright, of mode L, RGB, I;16, I or F, and what a reader must know of the way.

    Parameters
    ----------
    start
        The first 25 bytes of the file or more.
    """
    import PIL.ImageOps

    notes: tuple[str, ...] = ()
    # The further frames of a phone's JPEG (MPO) are previews of the same image.
    if getattr(opened, "is_animated", False) and opened.format != "MPO":
        notes += ("only the first frame is taken",)
    depth = start[24] if opened.format == "PNG" else max(getattr(opened, "tag_v2", {}).get(258, (8,)))
    if depth == 16 and not is_number_mode(opened.mode):  # Pillow has dropped the lower bits of these
        notes += ("16 bits per colour are reduced to 8",)
    opened.load()  # the orientation may stand behind the pixels
    brightness, more = brightnesses(PIL.ImageOps.exif_transpose(opened))
    return brightness, notes + more


def brightnesses(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """A PIL image of a mode whose numbers are brightnesses (L, RGB, I;16, I, F), and what that took.

    Palettes, inks and other colour spaces become RGB, and what is transparent is laid on white.
    """
    import PIL.Image

    if is_number_mode(picture.mode) or (picture.mode in ("L", "RGB") and not picture.has_transparency_data):
        return picture, ()
    if picture.has_transparency_data:
        through = {"La": "LA", "RGBa": "RGBA"}.get(
            picture.mode, picture.mode
        )  # Pillow converts these to their like only
        layered = picture.convert(through).convert("RGBA")
        white = PIL.Image.new("RGBA", layered.size, "white")
        seen = PIL.Image.alpha_composite(white, layered).convert("L" if picture.mode in _GREY else "RGB")
        transparent = layered.getchannel("A").getextrema() != (255, 255)
        return seen, ("transparent parts are shown on white",) if transparent else ()
    if picture.mode == "CMYK":
        return picture.convert("RGB"), ("inks (CMYK) are turned into colours without a profile: these are approximate",)
    return picture.convert("L" if picture.mode in _GREY else "RGB"), ()


def values_of(source: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """The values (H, W, C) float32 of a PIL image or an array (H, W[, C]) that no transform is given for.

    0 is black and 1 is white: bytes are divided by 255, whole numbers up to 65,535 by that, and fractions are taken as
    they are, none of them clipped. Whole numbers of any other range are refused: nobody knows what white is.

    Returns
    -------
    values, notes
        What was divided by what, where it is not bytes by 255, and what a file's or image's mode took.

    Raises
    ------
    TypeError, ValueError
        For other numbers than these.
    """
    notes: tuple[str, ...] = ()
    if not isinstance(source, np.ndarray):
        source, notes = brightnesses(source)
    array = np.asarray(source)
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"x: expected an image of whole numbers or of floats in 0…1, got {array.dtype}; give preprocess=…"
        )
    if array.dtype.kind in "bf":
        return array.astype(np.float32), notes
    white = white_of(array)
    if white is None:
        low, high = int(array.min()), int(array.max())
        if low >= 0 and high <= _EIGHT_BITS:
            raise ValueError(
                f"x: {array.dtype} values from {low} to {high} may be meant as 8 bits or as 16; say which with "
                "np.asarray(x).astype('uint8') or .astype('uint16'), or give preprocess=…"
            )
        raise ValueError(
            f"x: expected whole numbers of 8 bits or of 0 to 65,535, got {array.dtype} from {low} to {high}; give "
            "preprocess=…, or floats with 0 for black and 1 for white"
        )
    if white != _EIGHT_BITS:
        notes += (f"the image's {array.dtype.itemsize * 8}-bit values are divided by {white:,.0f}",)
    return array.astype(np.float32) / np.float32(white), notes


def white_of(array: np.ndarray) -> float | None:
    """The value that is white where 0 is black; None where it cannot be told."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b":
        return 1
    if kind == "u" and size <= 2:
        return _EIGHT_BITS if size == 1 else _SIXTEEN_BITS
    known = array[np.isfinite(array)] if kind == "f" else array
    if kind not in "iuf" or not known.size:
        return None
    low, high = known.min(), known.max()
    if kind == "f":
        return 1 if low >= 0 and high <= 1 else None
    return _SIXTEEN_BITS if low >= 0 and _EIGHT_BITS < high <= _SIXTEEN_BITS else None


def in_eight_bits(picture: PIL.Image.Image) -> tuple[PIL.Image.Image, tuple[str, ...]]:
    """A PIL image as RGB of eight bits: whole numbers of 0…65535 and fractions of 0…1 by that range, others from the
    smallest to the largest, and what was scaled.

    Raises
    ------
    ValueError
        If some of its values are NaN or infinite.
    """
    import PIL.Image

    picture, notes = brightnesses(picture)
    if not is_number_mode(picture.mode):
        return picture.convert("RGB"), notes
    values = np.asarray(picture).astype(np.float32)  # where `convert` would cut everything above 255
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("some of its values are NaN or infinite")
    full = 1.0 if picture.mode == "F" else float(_SIXTEEN_BITS)
    if low >= 0 and high <= full:
        low, high = 0.0, full
    levels = (values - low) * (255 / (high - low or 1))
    grey = PIL.Image.fromarray(np.rint(levels).astype(np.uint8))
    return grey.convert("RGB"), (*notes, f"values from {low:g} to {high:g} are scaled to 8 bits")


def flat_like(source: Any, shade: int) -> Any:
    """An image of the same kind, mode, dtype and size that is all black (0) or all white (1).

    Raises
    ------
    ValueError
        If nobody knows which value is white.
    """
    if isinstance(source, np.ndarray):
        return np.full_like(source, _white(source) * shade)
    if not hasattr(source, "mode"):  # a tensor of whole numbers
        return source.new_full(source.shape, int(_white(source.cpu().numpy()) * shade))
    import PIL.Image

    if is_number_mode(source.mode):
        return PIL.Image.fromarray(np.full_like(np.asarray(source), _white(np.asarray(source)) * shade))
    return PIL.Image.new("RGB", source.size, (255 * shade,) * 3).convert(source.mode)


def _white(array: np.ndarray) -> float:
    white = white_of(array)
    if white is None:
        raise ValueError("it is not known which value is white")
    return white
