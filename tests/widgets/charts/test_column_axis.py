"""The axis of a column: numbers where they are, categories in strips, what is missing to the left of all."""

from __future__ import annotations

import bqplot
import numpy as np
import pytest

from nbexplain.widgets.chart_style import figure
from nbexplain.widgets.charts.column_axis import JITTER, ColumnAxis
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.text_width import NARROWEST, pixels
from tests.widgets.comm import living
from tests.widgets.marks import plain


@pytest.fixture
def made():
    before = living()
    axis = ColumnAxis(bqplot.LinearScale(min=0.0, max=1.0))
    chart = figure(axis.marks, [axis.axis], left=60, right=16)
    yield axis, chart
    close_tree(chart, set())
    assert living() == before


def labels(axis: ColumnAxis) -> dict[float, str]:
    return {float(at): plain(axis.axis.tick_labels[str(int(at))]) for at in axis.axis.tick_values}


def test_numbers_lie_where_they_are_and_missing_ones_left_of_them(made):
    axis, chart = made
    held = np.array([20.0, np.nan, 30.0, 60.0, 20.5])
    axis.lay_out(chart, "age", held)
    axis.bottom(0.0)
    places = axis.place(held)
    np.testing.assert_array_equal(places[[0, 2, 3, 4]], held[[0, 2, 3, 4]])
    assert axis.scale.min < places[1] < 20
    assert axis.axis.label == "age"
    assert min(axis.axis.tick_values) >= 20
    assert axis.marks[1].text.tolist() == ["missing"]
    assert axis.marks[1].x.tolist() == [places[1]]
    axis.lay_out(chart, "age", held[[0, 2]])
    axis.bottom(0.0)
    assert axis.marks[1].text.size == axis.marks[1].x.size == 0


def test_dates_are_written_as_dates_and_numbers_after_them_as_numbers(made):
    axis, chart = made
    axis.lay_out(chart, "day", np.array([19723.0, np.nan, 20453.0]), time="date")  # 2024-01-01 to 2025-12-31
    assert labels(axis) == {19723: "2024", 20089: "2025"}
    axis.lay_out(chart, "at", np.array([0.0, 0.4]), time="time")
    assert set(axis.axis.tick_labels.values()) <= {"00:00", "03:00", "06:00", "09:00"}
    assert {float(key) for key in axis.axis.tick_labels} == set(axis.axis.tick_values.tolist())
    axis.lay_out(chart, "width", np.array([0.0, 5e-5]), time="duration")
    assert not any("e" in key for key in axis.axis.tick_labels)  # JavaScript writes 0.00001, not 1e-05
    axis.lay_out(chart, "age", np.array([1.0, 7.0]))
    assert axis.axis.tick_labels is None
    assert chart.fig_margin["right"] == 16


def test_there_is_a_strip_for_each_category_that_occurs(made):
    axis, chart = made
    held = np.array([3.0, 0.0, 3.0, np.nan])
    axis.lay_out(chart, "work", held, ["flat", "never", "nor", "house"])
    assert labels(axis) == {-1: "missing", 0: "flat", 1: "house"}
    np.testing.assert_array_equal(axis.place(held), [1, 0, 1, -1])
    assert (axis.scale.min, axis.scale.max) == (-1.5, 1.5)
    axis.lay_out(chart, "said", np.array([0.0, np.nan]), ["missing"])
    assert labels(axis) == {-1: "no value", 0: "missing"}
    axis.lay_out(chart, "age", np.array([1.0, 7.0]))  # and back to numbers
    assert axis.axis.tick_labels is None
    assert axis.axis.tick_rotate == 0
    np.testing.assert_array_equal(axis.place(np.array([7.0])), [7])


def test_short_names_stand_level_and_long_ones_aslant_with_room_below_and_beside(made):
    axis, chart = made
    axis.lay_out(chart, "sex", np.array([0.0, 1.0]), ["Female", "Male"])
    assert axis.axis.tick_rotate == 0
    names = [f"{word} in a household of its own" for word in ("Divorced", "Married", "Widowed")]
    axis.lay_out(chart, "marital status", np.arange(3.0), names)
    assert axis.axis.tick_rotate == -40
    written = list(labels(axis).values())
    assert all("…" in name for name in written)
    assert chart.fig_margin["bottom"] >= 16 + 0.64 * pixels(written)
    assert chart.fig_margin["left"] >= 0.7 * pixels(written[:1])


def test_of_many_categories_the_most_frequent_are_named_as_far_as_there_is_room(made):
    axis, chart = made
    held = np.repeat(np.arange(60.0), np.arange(1, 61))
    axis.lay_out(chart, "town", held, [f"town {n}" for n in range(60)])
    found = labels(axis)
    assert 8 <= len(found) <= (NARROWEST - 76) / 13
    assert set(found) == set(range(60 - len(found), 60))
    assert axis.scale.max == 59.5


@pytest.mark.parametrize("categories", [(), ("a", "b")])
def test_points_are_spread_in_their_strips_alone(made, categories):
    axis, chart = made
    held = np.array([0.0, 1.0, np.nan] * 40)
    axis.lay_out(chart, "x", held, categories)
    moved = axis.spread(held) - axis.place(held)
    if categories:
        assert np.abs(moved).max() <= JITTER
        assert len(np.unique(moved.round(6))) == 120
    else:
        assert (moved[np.isfinite(held)] == 0).all()
        assert len(np.unique(moved[np.isnan(held)].round(9))) == 40
        assert axis.spread(held)[np.isnan(held)].max() < 0


@pytest.mark.parametrize("held", [np.zeros(0), np.full(2, np.nan), np.full(3, 5.0)])
def test_odd_columns(made, held):
    axis, chart = made
    for categories in ((), [str(n) for n in range(6)]):
        axis.lay_out(chart, "x", held, categories)
        axis.bottom(0.0)
        assert axis.scale.min < axis.scale.max
        places = axis.place(held)
        assert ((axis.scale.min < places) & (places < axis.scale.max)).all()
