"""Thumbnails, and what the strip and the browser say to each other."""

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
from nbexplain.widgets.input_strip import InputStrip, thumbnail
from tests.widgets.comm import Line, from_browser

TWIN = Path(__file__).parents[2] / "js/src/input_strip.ts"


def flat(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def opened(file: bytes) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(file)).convert("RGB"))


# A thumbnail


@pytest.mark.parametrize(
    ("shape", "small"), [((100, 100), (64, 64)), ((100, 200), (32, 64)), ((160, 40), (64, 16)), ((3, 900), (2, 64))]
)
def test_a_picture_keeps_its_shape(shape: tuple[int, int], small: tuple[int, int]) -> None:
    found = opened(thumbnail(flat(*shape, (200, 30, 30))))
    assert found.shape == (*small, 3)
    np.testing.assert_allclose(found.mean((0, 1)), (200, 30, 30), atol=8)


def test_few_pixels_are_enlarged_as_squares() -> None:
    few = np.array([[[255, 0, 0], [0, 0, 255]], [[255, 255, 255], [0, 0, 0]]], np.uint8)
    found = opened(thumbnail(few))
    for row in (0, 1):
        for column in (0, 1):
            inner = found[row * 32 + 4 : row * 32 + 28, column * 32 + 4 : column * 32 + 28]
            np.testing.assert_allclose(inner, np.broadcast_to(few[row, column], inner.shape), atol=12)


def test_a_thumbnail_is_the_picture_in_small() -> None:
    y, x = np.mgrid[:128, :128]
    smooth = np.stack([x * 2, y * 2, 255 - x - y], -1).clip(0, 255).astype(np.uint8)
    means = smooth.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(opened(thumbnail(smooth)) - means).mean() < 3


def test_a_hundred_thumbnails_are_a_light_message() -> None:
    assert sum(len(thumbnail(np.asarray(picture))) for picture in scenes().pictures) * 10 <= 200_000


def test_without_webp_it_is_a_png(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda feature: feature != "webp")
    file = thumbnail(flat(10, 20, (9, 8, 7)))
    assert PIL.Image.open(io.BytesIO(file)).format == "PNG"
    assert (opened(file) == (9, 8, 7)).all()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_named(wrong: np.ndarray) -> None:
    shape = re.escape(str(wrong.shape))
    with pytest.raises(ValueError, match=rf"picture: expected uint8 of shape \(H, W, 3\), got {wrong.dtype} .*{shape}"):
        thumbnail(wrong)


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


def test_what_the_browser_wants_is_handed_on() -> None:
    strip = InputStrip(count=9)
    heard: list[tuple[str, list[int], list[int]]] = []
    upload(strip, {"want": {"pictures": [1], "titles": []}, "view": "a"})  # nobody is there to make them
    strip.on_want = lambda view, pictures, titles: heard.append((view, pictures, titles))
    upload(strip, {"want": {"pictures": [3, 1], "titles": [1]}, "view": "a"})
    upload(strip, {"want": {"pictures": [2, "4", True, None, 1.5], "titles": 3}, "view": None})
    for content in ({"want": [1, 2]}, {"want": "all"}, {"view": "a"}):
        upload(strip, content)
    assert heard == [("a", [3, 1], [1]), ("None", [2], [])]
    upload(strip, {"want": {"pictures": list(range(10**6)), "titles": []}, "view": "a"})
    assert len(heard[-1][1]) <= 1000


def test_a_word_that_is_the_same_as_the_last_time_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    strip = InputStrip()
    line = Line(strip, monkeypatch)
    strip.on_upload = lambda name, content: setattr(strip, "notice", "no picture")
    upload(strip, {"upload": {"name": "a.txt"}}, b"1")
    upload(strip, {"upload": {"name": "a.txt"}}, b"1")
    assert line.state == [{"notice": "no picture"}, {"notice": ""}, {"notice": "no picture"}]
