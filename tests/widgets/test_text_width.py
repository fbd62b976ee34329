"""How wide words are taken to be; tests/browser/test_words_on_charts.py measures them."""

from __future__ import annotations

import numpy as np
import pytest

from nbexplain.widgets.text_width import fitted, fitted_apart, free, pixels, room, width

ANY = (
    "平均面積とても長い名前の特徴量の列",
    "e\u0301" * 40,
    "متوسط المحيط الطويل جدا",
    "🙂" * 30,
    "x",
    "W" * 40,
    "i" * 90,
)


def test_each_letter_has_a_width_of_its_own():
    assert pixels(["i" * 20]) < pixels(["n" * 20]) < pixels(["m" * 20]) < pixels(["🙂" * 20])
    assert pixels(["n" * 20]) < pixels(["N" * 20]) < pixels(["漢" * 20])
    assert pixels(["n", "nnn", "nn"]) == pixels(["nnn"]) < pixels(["nnn"], bold=True)
    assert pixels([]) == pixels([""]) == 0


def test_marks_take_no_room_and_an_accent_does_not_change_a_letter():
    assert width("e\u0301") == width("é") == width("e")
    assert width("\u2068e\u2069\u200b") == width("e")


def test_names_are_cut_in_the_middle_and_no_wider_than_asked():
    assert fitted("worst concave points", 14) == "worst…points"
    assert fitted("short\n name", 12) == "short name"
    assert fitted("e\u0301" * 40, 7) == "e\u0301e\u0301…e\u0301e\u0301"
    for name in ANY:
        for most in (2, 5, 12):
            assert width(fitted(name, most)) <= most


def test_where_cut_names_would_coincide_what_differs_stays():
    names = [f"measurement {number:02d} of the sensor" for number in range(30)]
    cut = fitted_apart(names, [20] * 30)
    assert len(set(cut)) == 30
    for number, shown in enumerate(cut):
        assert f"{number:02d}" in shown
        assert shown.startswith("meas")
        assert shown.endswith("sor")
        assert width(shown) <= 20
    assert fitted_apart(["a rather long class name number 1", "a rather long class name number 2"], [12, 12]) == [
        fitted(f"a rather long class name number {number}", 12) for number in (1, 2)
    ]
    deep = [f"the {first} of a sensor with a long name in {last} that goes on" for first in "AB" for last in "XYZ"]
    assert len(set(fitted_apart(deep, [24] * 6))) == 6
    words = [f"pre{'n' * 30}{letter}\u0301{'n' * 30}" for letter in "eo"]
    assert [f"{letter}\u0301" in name for letter, name in zip("eo", fitted_apart(words, [10, 11]))] == [True, True]
    assert fitted_apart(["a" * 50] * 2 + ["short"], [9] * 3) == [*[fitted("a" * 50, 9)] * 2, "short"]
    assert fitted_apart([], []) == []


def test_what_is_cut_uses_the_room_there_is():
    for name in ANY:
        if width(name) > 20:
            assert width(fitted(name, 20)) > 20 - 2 * max(map(width, name)) - 0.01


@pytest.mark.parametrize("seed", range(20))
def test_words_that_reach_into_a_margin_end_on_the_narrowest_chart(seed):
    rng = np.random.default_rng(seed)
    low, high = -2.0, 3.0
    words = [(float(place), int(wide)) for place, wide in zip(rng.uniform(low, high, 5), rng.integers(5, 180, 5))]
    left = int(rng.integers(16, 100))
    right = free(words, low, high, left)
    between = 300 - left - right
    for place, wide in words:
        assert left + between * (place - low) / (high - low) + wide <= 300
    assert free([], low, high, left) == 12
    assert right <= 10 + max(wide for _, wide in words)


def test_names_at_an_axis_have_room_for_its_ticks():
    assert room(["abc"]) == pixels(["abc"]) + 16
