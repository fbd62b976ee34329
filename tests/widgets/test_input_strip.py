"""The sheet of thumbnails, and what the strip and the browser say to each other."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from nbexplain.examples import scenes
from nbexplain.inputs.upload import MAX_BYTES, MAX_PIXELS
from nbexplain.widgets import wire
from nbexplain.widgets.input_strip import InputStrip, sheet_of
from tests.widgets.comm import Line, from_browser

TWIN = Path(__file__).parents[2] / "js/src/input_strip.ts"


def flat(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def tiles(sheet: bytes, columns: int, tile: tuple[int, int]) -> list[np.ndarray]:
    """The tiles one by one, (height, width, 4), the empty rest of the last row included."""
    drawn = np.asarray(PIL.Image.open(io.BytesIO(sheet)).convert("RGBA"))
    width, height = tile
    assert drawn.shape[1] == columns * width
    return [
        drawn[y : y + height, x : x + width]
        for y in range(0, drawn.shape[0], height)
        for x in range(0, drawn.shape[1], width)
    ]


# The sheet


def test_each_picture_has_its_tile_and_keeps_its_shape() -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)]
    shapes = [(100, 100), (100, 200), (160, 40), (3, 900)]
    pictures = [flat(*shape, colour) for shape, colour in zip(shapes, colours)]
    found = tiles(*sheet_of([pictures[0], None, *pictures[1:]]))
    assert len(found) == 6
    assert sheet_of([pictures[0], None, *pictures[1:]])[1:] == (3, (64, 64))
    for number in (1, 5):  # no picture, and no input
        assert (found[number][..., 3] == 0).all()
    boxes = {0: (64, 64), 2: (32, 64), 3: (64, 16), 4: (2, 64)}  # height, width of what is drawn
    for (number, (height, width)), colour in zip(boxes.items(), colours):
        top, left = (64 - height) // 2, (64 - width) // 2
        opaque = np.zeros((64, 64), bool)
        opaque[top : top + height, left : left + width] = True
        np.testing.assert_array_equal(found[number][..., 3] == 255, opaque)
        np.testing.assert_array_equal(found[number][..., 3] == 0, ~opaque)
        assert found[number][32, 32, 3] == 255  # by its middle the browser tells a picture from none
        np.testing.assert_allclose(found[number][opaque][:, :3].mean(0), colour, atol=8)


def test_few_pixels_are_enlarged_as_squares() -> None:
    few = np.array([[[255, 0, 0], [0, 0, 255]], [[255, 255, 255], [0, 0, 0]]], np.uint8)
    (tile,) = tiles(*sheet_of([few]))
    for row in (0, 1):
        for column in (0, 1):
            inner = tile[row * 32 + 4 : row * 32 + 28, column * 32 + 4 : column * 32 + 28, :3]
            np.testing.assert_allclose(inner, np.broadcast_to(few[row, column], inner.shape), atol=12)


def test_a_thumbnail_is_the_picture_in_small() -> None:
    y, x = np.mgrid[:128, :128]
    smooth = np.stack([x * 2, y * 2, 255 - x - y], -1).clip(0, 255).astype(np.uint8)
    (tile,) = tiles(*sheet_of([smooth]))
    means = smooth.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(tile[..., :3] - means).mean() < 3


def test_a_hundred_inputs_are_a_light_message() -> None:
    pictures = [np.asarray(picture) for picture in scenes().pictures] * 10
    assert len(sheet_of(pictures)[0]) <= 200_000


def test_tiles_get_smaller_before_the_message_gets_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = list(np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), dtype=np.uint8))
    sizes = [len(sheet_of(noise)[0])]
    for side in (32, 16):
        monkeypatch.setattr(wire, "MAX_BYTES", sizes[-1] - 1)
        sheet, columns, tile = sheet_of(noise)
        assert (columns, tile) == (6, (side, side))
        assert sum((each[..., 3] == 255).all() for each in tiles(sheet, columns, tile)) == 30
        sizes.append(len(sheet))


def test_nothing_to_draw() -> None:
    for pictures in ([], [None]):
        sheet, columns, tile = sheet_of(pictures)
        assert (columns, tile) == (1, (64, 64))
        assert not tiles(sheet, columns, tile)[0][..., 3].any()


def test_without_webp_the_sheet_is_a_png(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda feature: feature != "webp")
    sheet, columns, tile = sheet_of([flat(10, 20, (9, 8, 7)), None])
    assert PIL.Image.open(io.BytesIO(sheet)).format == "PNG"
    one, other = tiles(sheet, columns, tile)
    assert one[32, 32].tolist() == [9, 8, 7, 255]
    assert not other[..., 3].any()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_for_the_sheet_is_named(wrong: np.ndarray) -> None:
    shape = re.escape(str(wrong.shape))
    with pytest.raises(
        ValueError, match=rf"pictures: expected uint8 of shape \(H, W, 3\), got {wrong.dtype} .*{shape}"
    ):
        sheet_of([None, wrong])


# What is said


def test_both_twins_have_the_same_traits() -> None:
    found = re.search(r"interface InputStripState \{(.*?)\n\}", TWIN.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    theirs = set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))
    ours = {name for name in InputStrip.class_own_traits(sync=True) if not name.startswith("_")}
    assert theirs == ours
    strip = InputStrip()
    assert (strip.max_bytes, strip.max_pixels) == (MAX_BYTES, MAX_PIXELS)
    assert strip.max_bytes < 10 * 1024**2  # above that the server drops a message without a word


def test_values_that_are_no_numbers_are_sent_as_null() -> None:
    strip = InputStrip(values=[1.5, None, float("nan"), float("-inf")])
    assert strip.get_state("values") == {"values": [1.5, None, None, None]}


def test_an_order_chosen_in_the_browser_is_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    strip = InputStrip(sorts=["given", "score"])
    line = Line(strip, monkeypatch)
    from_browser(strip, sort="score")
    assert strip.sort == "score"
    assert line.state == []


def upload(strip: InputStrip, content: Any, *buffers: bytes) -> None:
    """What arrives when the browser sends a file: the bytes beside the message, as memory that is not ours."""
    data = {"method": "custom", "content": content}
    strip._handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})


def test_a_file_from_the_browser_is_handed_on() -> None:
    strip = InputStrip(notice="the last one was no picture")
    heard: list[tuple[str, bytes, str]] = []
    upload(strip, {"upload": {"name": "before.png"}}, b"1")
    strip.on_upload = lambda name, content: heard.append((name, content, strip.notice))
    upload(strip, {"upload": {"name": "a.png"}}, b"\x89PNG")
    assert heard == [("a.png", b"\x89PNG", "")]
    assert type(heard[0][1]) is bytes
    strip.notice = "the last one was no picture"
    for content in ({"upload": {"name": 3}}, {"upload": "a.png"}, {"drawn": 3}, "nonsense", None):
        upload(strip, content, b"1")
    upload(strip, {"upload": {"name": "a.png"}})
    upload(strip, {"upload": {"name": "a.png"}}, b"1", b"2")
    assert len(heard) == 1
    assert strip.notice == "the last one was no picture"


def test_a_word_that_is_the_same_as_the_last_time_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    strip = InputStrip()
    line = Line(strip, monkeypatch)
    strip.on_upload = lambda name, content: setattr(strip, "notice", "no picture")
    upload(strip, {"upload": {"name": "a.txt"}}, b"1")
    upload(strip, {"upload": {"name": "a.txt"}}, b"1")
    assert line.state == [{"notice": "no picture"}, {"notice": ""}, {"notice": "no picture"}]
