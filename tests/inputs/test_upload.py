"""Every kind of file that somebody may send, made in memory, and the picture that comes out of it."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from nbexplain.inputs import Image, upload
from nbexplain.inputs.upload import MAX_BYTES, MAX_PIXELS, like, picture_from

PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
RAMP = np.linspace(0, 65535, 40 * 30).round().astype(np.uint16).reshape(30, 40)

# What the camera stored when the picture that it means is the argument: the meaning of EXIF's orientations 1 to 8.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def saved(picture: PIL.Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    if isinstance(picture, np.ndarray):
        picture = PIL.Image.fromarray(np.ascontiguousarray(picture))
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, colours: int, rows: list[bytes] | None = None) -> bytes:
    """A PNG file byte by byte, for what Pillow does not write; without `rows` all zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    pressed = zlib.compressobj(9)
    pixels = b"".join(pressed.compress(b"\0" + row) for row in rows or [bytes(-(-width * depth // 8))] * height)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels + pressed.flush()), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def read(content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    picture, notes = picture_from("a.png", content)
    return np.asarray(picture), notes


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True})]
)
def test_plain_pictures_stay_as_they_are(kind: str, options: dict[str, Any]) -> None:
    array, notes = read(saved(PHOTO, kind, **options))
    np.testing.assert_array_equal(array, PHOTO)
    assert notes == ()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", list(STORED))
def test_turned_pictures_are_turned_back(kind: str, orientation: int) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    array, notes = read(saved(STORED[orientation](PHOTO), kind, exif=exif, **options))
    np.testing.assert_array_equal(array, PHOTO)
    assert notes == ()


def test_grey_stays_grey_and_palettes_become_three_colours() -> None:
    grey = PIL.Image.fromarray(PHOTO[..., 0])
    np.testing.assert_array_equal(read(saved(grey))[0], PHOTO[..., 0])
    bits = PIL.Image.fromarray(PHOTO[..., 0] > 99)
    np.testing.assert_array_equal(read(saved(bits))[0], (PHOTO[..., 0] > 99) * np.uint8(255))
    few = PIL.Image.fromarray(PHOTO // 64 * 64).quantize(64)
    np.testing.assert_array_equal(read(saved(few, "GIF"))[0], np.asarray(few.convert("RGB")))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_frames_the_first_is_taken(kind: str) -> None:
    frames = [PIL.Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    array, notes = read(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert array.shape == (6, 8, 3)
    assert (array == [255, 0, 0]).all()
    assert notes == ("only the first frame is taken",)


def test_the_previews_in_a_phones_picture_are_not_worth_a_word() -> None:
    frames = [PIL.Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    array, notes = read(saved(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    np.testing.assert_allclose(array, np.broadcast_to([255, 0, 0], array.shape), atol=2)
    assert notes == ()


# Transparent parts


def test_transparent_parts_are_laid_on_white() -> None:
    alpha = np.linspace(0, 255, 20 * 30).round().astype(np.uint8).reshape(20, 30)
    array, notes = read(saved(np.dstack([PHOTO, alpha])))
    share = alpha[..., None] / 255
    np.testing.assert_allclose(array, PHOTO * share + 255 * (1 - share), atol=1)
    assert notes == ("transparent parts are shown on white",)
    grey, notes = read(saved(PIL.Image.merge("LA", [PIL.Image.fromarray(plane) for plane in (PHOTO[..., 0], alpha)])))
    np.testing.assert_allclose(grey, (PHOTO[..., :1] * share + 255 * (1 - share))[..., 0], atol=1)
    assert notes == ("transparent parts are shown on white",)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_may_have_a_transparent_colour(kind: str) -> None:
    picture = PIL.Image.new("P", (4, 2), 0)
    picture.putpalette([0, 0, 0, 200, 100, 50])
    picture.paste(1, (2, 0, 4, 2))
    array, notes = read(saved(picture, kind, transparency=0))
    assert array[0].tolist() == [[255, 255, 255]] * 2 + [[200, 100, 50]] * 2
    assert notes == ("transparent parts are shown on white",)


def test_an_alpha_channel_that_hides_nothing_is_not_worth_a_word() -> None:
    opaque = np.full((20, 30, 1), 255, np.uint8)
    array, notes = read(saved(np.dstack([PHOTO, opaque])))
    np.testing.assert_array_equal(array, PHOTO)
    assert notes == ()


# More than eight bits


@pytest.mark.parametrize(("kind", "order"), [("PNG", "<"), ("TIFF", "<"), ("TIFF", ">"), ("PPM", "<")])
def test_sixteen_bits_are_kept(kind: str, order: str) -> None:
    array, notes = read(saved(RAMP.astype(f"{order}u2"), kind))
    np.testing.assert_array_equal(array, RAMP)
    assert notes == ()


def test_sixteen_bits_a_colour_are_scaled_too() -> None:
    colours = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], -1)
    array, notes = read(png(40, 30, 16, 2, [row.astype(">u2").tobytes() for row in colours]))
    np.testing.assert_allclose(array, colours / 257, atol=1)
    assert notes == ("16 bits per colour are reduced to 8",)


@pytest.mark.parametrize("values", [np.array([[-100_000, 0, 300_000]], np.int32), np.array([[-1.5, 0.2]], np.float32)])
def test_numbers_of_any_range_are_kept(values: np.ndarray) -> None:
    array, notes = read(saved(values, "TIFF"))
    assert array.dtype == values.dtype
    np.testing.assert_array_equal(array, values)
    assert notes == ()


# The same as in code


def files() -> dict[str, bytes]:
    """One file of each mode that Pillow writes somewhere."""
    alpha = np.linspace(0, 255, 20 * 30).round().astype(np.uint8).reshape(20, 30)
    colours = PIL.Image.fromarray(PHOTO)
    layered = PIL.Image.fromarray(np.dstack([PHOTO, alpha]))
    turned = PIL.Image.Exif()
    turned[0x0112] = 6
    return {
        "1": saved(PHOTO[..., 0] > 99),
        "L": saved(PHOTO[..., 0]),
        "L, turned": saved(PHOTO[..., 0], exif=turned),
        "LA": saved(layered.convert("LA")),
        "P": saved(colours.quantize(64)),
        "P, transparent": saved(colours.quantize(64), transparency=3),
        "RGB": saved(colours),
        "RGB, transparent": saved(colours, transparency=tuple(PHOTO[0, 0].tolist())),
        "RGBA": saved(layered),
        "CMYK": saved(colours.convert("CMYK"), "TIFF"),
        "YCbCr": saved(colours.convert("YCbCr"), "TIFF"),
        "LAB": saved(colours.convert("LAB"), "TIFF"),
        "JPEG": saved(colours, "JPEG"),
        "I;16": saved(RAMP),
        "I;16B": saved(RAMP.astype(">u2"), "TIFF"),
        "I": saved(RAMP.astype(np.int32), "TIFF"),
        "F": saved((RAMP / 65535).astype(np.float32), "TIFF"),
        "F beyond 1": saved((RAMP / 1000 - 3).astype(np.float32), "TIFF"),
    }


@pytest.mark.parametrize("kind", list(files()))
def test_an_upload_is_what_the_same_file_is_in_code(kind: str, tmp_path: Path) -> None:
    content = files()[kind]
    (tmp_path / "a.png").write_bytes(content)
    code = Image(tmp_path / "a.png")
    picture, notes = picture_from("a.png", content)
    upload = Image(picture)
    assert torch.equal(upload.tensor, code.tensor)
    assert upload.tensor.is_floating_point()
    assert (*notes, *upload.notes) == code.notes
    given: list[Any] = []
    for source in (tmp_path / "a.png", picture):
        Image(source, lambda x: given.append(x) or torch.zeros(3, 4, 4))
    assert given[0].mode == given[1].mode
    np.testing.assert_array_equal(given[0], given[1])


# As the others of a session are


def test_an_upload_becomes_what_the_transform_of_the_others_takes() -> None:
    grey, deep, colours = (PIL.Image.fromarray(a) for a in (PHOTO[..., 0], RAMP, PHOTO))
    assert like(colours, colours) == (colours, ())
    assert like(grey, grey) == (grey, ())
    assert like(deep, deep) == (deep, ())
    three, notes = like(grey, colours)
    np.testing.assert_array_equal(three, np.repeat(PHOTO[..., :1], 3, -1))
    assert notes == ("grey values are repeated for three colours",)
    three, notes = like(deep, colours)
    np.testing.assert_array_equal(np.asarray(three)[..., 1], np.rint(RAMP / 257))
    assert notes == ("values from 0 to 65535 are scaled to 8 bits",)
    one, notes = like(colours, torch.zeros(1, 1, 4, 4))
    np.testing.assert_array_equal(one, colours.convert("L"))
    assert notes == ("colours are turned into grey",)
    assert like(colours, torch.zeros(1, 13, 4, 4)) == (colours, ())


@pytest.mark.parametrize(
    "values", [np.array([[-100_000, 0, 300_000]], np.int32), np.array([[-1.5, 0, 4.5]], np.float32)]
)
def test_an_upload_of_another_range_is_stretched_to_eight_bits_and_it_is_said(values: np.ndarray) -> None:
    seen, notes = like(PIL.Image.fromarray(values), PIL.Image.fromarray(PHOTO))
    assert np.asarray(seen)[0, :, 0].tolist() == [0, 64, 255]
    assert notes == (f"values from {values.min():g} to {values.max():g} are scaled to 8 bits",)
    values = np.array([[0, np.nan]], np.float32)
    with pytest.raises(ValueError, match="some of its values are NaN or infinite"):
        like(PIL.Image.fromarray(values), PIL.Image.fromarray(PHOTO))


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (PHOTO, np.repeat(RAMP[..., None] / 257, 3, -1)),
        (PHOTO[..., 0], RAMP / 257),
        (PHOTO[..., :1] / np.float32(255), RAMP[..., None] / 65535),
        (RAMP, RAMP),
        (PHOTO / 255, np.repeat(RAMP[..., None] / 65535, 3, -1)),
    ],
    ids=["bytes (H, W, 3)", "bytes (H, W)", "float32 (H, W, 1)", "uint16", "float64 (H, W, 3)"],
)
def test_an_upload_becomes_an_array_where_the_others_are_arrays(other: np.ndarray, wanted: np.ndarray) -> None:
    array = like(PIL.Image.fromarray(RAMP), other)[0]
    assert array.dtype == other.dtype
    np.testing.assert_allclose(array, np.rint(wanted) if other.dtype.kind == "u" else wanted, rtol=1e-6)


# Inks


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_colours(kind: str) -> None:
    """Pillow writes JPEGs as Adobe does, with all inks inverted."""
    inks = {(0, 0, 0, 0): (255, 255, 255), (255, 0, 0, 0): (0, 255, 255), (0, 128, 0, 0): (255, 127, 255)}
    inks |= {(0, 0, 255, 0): (255, 255, 0), (0, 0, 0, 255): (0, 0, 0), (0, 0, 0, 100): (155, 155, 155)}
    for ink, colour in inks.items():
        options = {"quality": 100} if kind == "JPEG" else {}
        array, notes = read(saved(PIL.Image.new("CMYK", (16, 16), ink), kind, **options))
        np.testing.assert_allclose(array, np.broadcast_to(colour, array.shape), atol=2)
        assert notes == ("inks (CMYK) are turned into colours without a profile: these are approximate",)


# Limits


def refused(content: bytes, message: str, name: str = "a.png") -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message):
            picture_from(name, content)


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    exactly, bomb = png(8000, 5000, 1, 0), png(20_000, 20_000, 1, 0)
    assert MAX_PIXELS == 8000 * 5000
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda self: pytest.fail("decoded"))
    refused(exactly, r"'a\.png' has 8000×5000 pixels; fewer than 40 million are taken")
    refused(bomb, r"'a\.png' has 20000×20000 pixels; fewer than 40 million are taken")
    refused(b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(3) + b";", "has 65535×65535 pixels|can't be read")
    webp = bytearray(saved(PHOTO, "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 16383 << 14 | 16383)  # the header's width and height, less one
    refused(bytes(webp), "pixels; fewer than 40 million are taken")


def test_pillows_own_limit_is_neither_used_nor_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (10, None):
        monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", limit)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(read(saved(PHOTO))[0], PHOTO)
        assert PIL.Image.MAX_IMAGE_PIXELS is limit
        refused(png(20_000, 20_000, 1, 0), "has 20000×20000 pixels")


def test_large_pictures_are_reduced_to_what_an_input_may_have() -> None:
    array, notes = read(png(6000, 4000, 1, 0))
    assert notes == (f"reduced from 6000×4000 to {array.shape[1]}×{array.shape[0]} pixels",)
    assert 15_990_000 < array.shape[0] * array.shape[1] <= 16_000_000
    assert array.shape[1] / array.shape[0] == pytest.approx(1.5, rel=1e-3)
    assert Image(array).tensor.shape[2:] == array.shape
    assert read(png(4000, 4000, 1, 0))[1] == ()


@pytest.mark.parametrize(("width", "height"), [(60, 40), (3000, 1), (1, 3000)])
def test_reduced_pictures_keep_their_shape_as_far_as_they_can(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "MOST_PIXELS", 1600)
    array = read(png(width, height, 1, 0))[0]
    assert 1400 < array.shape[0] * array.shape[1] <= 1600
    assert (array.shape[0] > 1, array.shape[1] > 1) == (height > 1, width > 1)


def test_large_files_are_refused() -> None:
    content = saved(PHOTO) + bytes(MAX_BYTES)
    np.testing.assert_array_equal(read(content[:MAX_BYTES])[0], PHOTO)
    refused(content[: MAX_BYTES + 1], r"'a\.png' has 8\.1 MB; at most 8 MB are taken")


# What is no picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_half_a_file_is_refused(kind: str) -> None:
    content = saved(PHOTO, kind)
    for part in (content[: len(content) // 2], content[:20]):
        with pytest.raises(ValueError, match=r"^'a\.png' can't be read as a picture: .+; expected a whole PNG"):
            picture_from("a.png", part)


@pytest.mark.parametrize(
    "content",
    [b"hello", b"P", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>", bytes(2000)],
    ids=["text", "a letter", "PostScript", "SVG", "zeros"],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    refused(content, r"'a\.png' can't be read as a picture: .+; expected a whole PNG, JPEG, GIF, WebP")


def test_an_empty_file_is_called_empty_and_names_are_shown_safely() -> None:
    refused(b"", r"^'a\.png' is empty; expected a whole PNG")
    refused(b"", r"^'a\\n\\u202eb' is empty", name="a\n\u202eb")
    refused(b"", rf"^'{'n' * 59}…' is empty", name="n" * 200)
    refused(b"", rf"^'{'n' * 60}' is empty", name="n" * 60)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"])
@pytest.mark.filterwarnings("ignore:::PIL")
def test_wrong_bytes_lead_to_a_picture_or_to_an_error_that_names_the_file(kind: str) -> None:
    random = np.random.default_rng(1)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    content = np.frombuffer(
        saved(PHOTO, kind, **({"exif": exif} if kind in ("PNG", "JPEG", "TIFF", "WEBP") else {})), "u1"
    )
    failures = []
    for _ in range(60):
        damaged = content.copy()
        damaged[random.integers(0, len(content), 3)] = random.integers(0, 256, 3)
        try:
            picture_from("a.png", damaged.tobytes())
        except ValueError as error:
            failures.append(str(error))
    assert [message for message in failures if not message.startswith("'a.png' ")] == []


def test_pillow_waits_for_the_first_file() -> None:
    code = "import sys, nbexplain.inputs.upload as u; assert 'PIL' not in sys.modules; print('it waits')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "it waits\n"
