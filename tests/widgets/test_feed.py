"""The way of an answer to the browser, with a clock and a worker that stand still until they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nbexplain import Explanation, options
from nbexplain.widgets import feed as feed_module
from nbexplain.widgets.feed import SMALL, Feed, about, as_picture
from nbexplain.widgets.wire import MAX_BYTES, Array
from tests.widgets.comm import command


class World:
    """Stands for `runner` and `time`: chores are done when `wait` is called."""

    def __init__(self) -> None:
        self.now = 100.0
        self.chores: dict[Any, tuple[float, Callable[[], None]]] = {}

    def monotonic(self) -> float:
        return self.now

    def later(self, key: Any, delay: float, chore: Callable[[], None], *, owner: object) -> None:
        self.chores[key] = (self.now + delay, chore)

    def wait(self, seconds: float) -> None:
        """Let time pass, and do what is due in its order."""
        until = self.now + seconds
        while self.chores and min(due for due, _ in self.chores.values()) <= until:
            key = min(self.chores, key=lambda k: self.chores[k][0])
            self.now, chore = max(self.now, self.chores[key][0]), self.chores.pop(key)[1]
            chore()
        self.now = until


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(feed_module, "runner", world)
    monkeypatch.setattr(feed_module, "time", world)
    return world


def small(value: float) -> np.ndarray:
    return np.full((4, 5), value, np.float32)


def middling(value: float) -> np.ndarray:
    """So large that it is reported, so small that it is exact at once."""
    return np.full((80, 80), value, np.float32)


def large(value: float) -> np.ndarray:
    side = 200
    assert side * side * 4 > SMALL
    return value + np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side)


def seen(array: Array) -> np.ndarray:
    """What the browser has."""
    return np.frombuffer(array.buffer, array.dtype).reshape(array.shape)


def drawn(array: Array) -> None:
    command(array, {"drawn": array.frame})


def test_small_frames_go_at_once_and_ask_for_no_report(world):
    feed = Feed(Array(), None)
    for number in (1, 2, 3):
        feed.show(small(number), {})
        assert feed.array.frame == number
        assert not feed.array.meta["report"]


def test_one_frame_is_in_flight_and_the_newest_follows(world):
    feed = Feed(Array(), None)
    feed.show(middling(1), {"key": "a"})
    drawn(feed.array)
    feed.show(middling(2), {"key": "b"})
    assert feed.array.frame == 2
    for value in (3, 4, 5):
        feed.show(middling(value), {"key": f"{value}"})
    world.wait(0.3)
    assert feed.array.frame == 2
    drawn(feed.array)
    world.wait(0)
    assert feed.array.frame == 3
    assert seen(feed.array)[0, 0] == 5
    assert feed.array.meta["key"] == "5"
    drawn(feed.array)
    world.wait(10)
    assert feed.array.frame == 3


def test_a_frame_that_is_never_drawn_does_not_hold_up_the_rest(world):
    feed = Feed(Array(), None)
    feed.show(middling(1), {})
    drawn(feed.array)
    feed.show(middling(2), {})
    feed.show(middling(3), {})
    assert feed.array.frame == 2
    world.wait(2)
    assert feed.array.frame == 3
    assert seen(feed.array)[0, 0] == 3


def test_a_large_frame_may_take_its_time_on_a_slow_line(world):
    feed = Feed(Array(), None)
    feed.show(large(0), {"key": "a"})
    drawn(feed.array)
    feed.show(large(1), {"key": "b"})  # 40,000 bytes: a second and 0.8 more
    feed.show(large(2), {"key": "c"})
    world.wait(1.7)
    assert feed.array.meta["key"] == "b"
    world.wait(0.2)
    assert feed.array.meta["key"] == "c"


def test_an_exact_frame_waits_until_the_coarse_one_is_drawn(world):
    feed = Feed(Array(), None)
    feed.show(large(0), {})
    drawn(feed.array)
    world.wait(1)
    drawn(feed.array)
    feed.show(large(1), {})
    world.wait(1.2)
    assert (feed.array.frame, feed.array.dtype) == (3, "uint8")
    drawn(feed.array)
    world.wait(0.1)
    assert feed.array.frame == 3
    world.wait(0.1)
    assert (feed.array.frame, feed.array.dtype) == (4, "float32")
    np.testing.assert_array_equal(seen(feed.array), large(1))


def test_nothing_waits_where_all_is_computed_in_place():
    options.run = "sync"
    feed = Feed(Array(), None)
    feed.show(large(0), {})
    drawn(feed.array)
    for value in (1, 2):  # neither is reported
        feed.show(large(value), {})
        assert feed.array.dtype == "float32"
        np.testing.assert_array_equal(seen(feed.array), large(value))


def test_an_exact_frame_comes_in_the_end_though_the_coarse_one_was_never_drawn(world):
    feed = Feed(Array(), None)
    feed.show(large(0), {})
    drawn(feed.array)
    feed.show(large(1), {})
    world.wait(2)
    assert feed.array.dtype == "float32"
    np.testing.assert_array_equal(seen(feed.array), large(1))


def test_a_large_map_is_coarse_at_once_and_exact_when_the_hand_rests(world):
    feed = Feed(Array(), None)
    values = large(0)
    feed.show(values, {"key": "a"})
    assert feed.array.dtype == "uint8"
    assert feed.array.meta["coarse"]
    drawn(feed.array)
    world.wait(1)
    assert feed.array.frame == 2
    assert feed.array.dtype == "float32"
    assert not feed.array.meta.get("coarse")
    np.testing.assert_array_equal(seen(feed.array), values)
    drawn(feed.array)
    world.wait(10)
    assert feed.array.frame == 2


def test_no_exact_frame_while_the_hand_moves(world):
    feed = Feed(Array(), None)
    for step in range(10):
        feed.show(large(step), {"key": f"{step}"})
        drawn(feed.array)
        world.wait(0.05)
    assert feed.array.frame == 10
    assert feed.array.dtype == "uint8"
    world.wait(1)
    assert feed.array.frame == 11
    np.testing.assert_array_equal(seen(feed.array), large(9))


def test_an_exact_frame_never_replaces_a_newer_small_one(world):
    feed = Feed(Array(), None)
    feed.show(large(0), {"key": "old"})
    drawn(feed.array)
    world.wait(0.1)
    feed.show(small(7), {"key": "new"})
    drawn(feed.array)
    world.wait(5)
    assert feed.array.meta["key"] == "new"
    assert seen(feed.array)[0, 0] == 7


def test_an_exact_frame_never_replaces_one_that_waits(world):
    feed = Feed(Array(), None)
    feed.show(large(0), {"key": "old"})
    drawn(feed.array)
    world.wait(0.1)
    feed.show(large(1), {"key": "newer"})
    feed.show(large(2), {"key": "newest"})  # waits for the newer one to be drawn
    world.wait(0.5)
    assert feed.array.meta["key"] == "newer"
    drawn(feed.array)
    world.wait(5)
    assert feed.array.meta["key"] == "newest"
    np.testing.assert_array_equal(seen(feed.array), large(2))


def test_a_grid_keeps_within_its_limit(world):
    feed = Feed(Array(), None, limit=10_000)
    values = np.random.default_rng(0).normal(size=(64, 56, 56)).astype(np.float32)
    feed.show(values, {})
    assert feed.array.dtype == "uint8"
    assert len(feed.array.buffer) <= 10_000
    assert feed.array.shape[0] == len(feed.array.low) == len(feed.array.high) == 64


def test_a_huge_map_is_averaged_until_a_message_may_hold_it(world):
    feed = Feed(Array(), None)
    feed.show(np.ones((3000, 3000), np.float32), {})
    world.wait(1)
    assert feed.array.dtype == "float32"
    assert len(feed.array.buffer) <= MAX_BYTES
    assert (seen(feed.array) == 1).all()


def test_nan_stays_nan(world):
    feed = Feed(Array(), None)
    values = large(0)
    values[3, 4] = np.nan
    feed.show(values, {})
    assert seen(feed.array)[3, 4] == 255
    drawn(feed.array)
    world.wait(1)
    assert np.isnan(seen(feed.array)[3, 4])


@pytest.mark.parametrize(
    ("shape", "axes", "drawn_shape"),
    [
        ((4, 5), ("y", "x"), (4, 5)),
        ((3, 4, 5), ("channel", "y", "x"), (3, 4, 5)),
        ((7,), ("channel",), (7, 1, 1)),
        ((3, 9), ("channel", "place"), (3, 1, 9)),
        ((9,), ("place",), (1, 9)),
    ],
)
def test_values_of_any_shape_as_a_picture(shape, axes, drawn_shape):
    values = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    explanation = Explanation(values=values, axes=axes)
    picture = as_picture(explanation)
    assert picture.shape == drawn_shape
    assert picture.dtype == np.float32
    np.testing.assert_array_equal(picture.ravel(), values.ravel())
    assert len(about(explanation, "key", "title")["axes"]) == len(drawn_shape)


def test_values_of_features_lie_where_the_features_are():
    labels = np.array([[0, 0, 1], [2, 2, 1]])
    explanation = Explanation(values=np.array([5.0, 6.0, 7.0]), axes=("feature",), on="features", features=labels)
    np.testing.assert_array_equal(as_picture(explanation), [[5, 5, 6], [7, 7, 6]])
