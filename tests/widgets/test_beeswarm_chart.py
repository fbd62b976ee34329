"""The beeswarm: where points lie, how they spread, which are drawn, and which rows are clicked, lit or brushed."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest

from nbexplain.widgets.beeswarm_chart import Beeswarm, spread
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.point_cloud import MOST_POINTS, MOST_ROWS, UNKNOWN, colours, ranks, thinned
from tests.widgets.comm import Line, from_browser, living
from tests.widgets.marks import boxes, click, marks, names, plot, words

VALUES = np.array([[0.1, -2.0, 0.0], [0.2, 1.0, 0.0], [-0.3, 3.0, 0.1], [0.4, -2.0, 0.0]])
HELD = np.array([[1.0, 10.0, np.nan], [2.0, 40.0, 5.0], [3.0, 20.0, 5.0], [9.0, 30.0, 6.0]])


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def chart(heard):
    before = living()
    chart = Beeswarm(heard.append, lambda rows: heard.append(None if rows is None else rows.tolist()))
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def cloud(chart: Beeswarm) -> bqplot.Scatter:
    (mark,) = marks(chart, bqplot.Scatter)
    return mark


def press(chart: Beeswarm, pressed: bool) -> None:
    button = chart.figure.children[1].children[0]
    assert button.description == "Select by dragging"
    from_browser(button, value=pressed)


def brush(chart: Beeswarm, x: Any, y: Any) -> None:
    """What the browser sends while a rectangle is dragged."""
    given = {"selected_x": x, "selected_y": y}
    arrays = {
        k: None if v is None else {"value": memoryview(np.array(v, float)), "dtype": "float64", "shape": [2]}
        for k, v in given.items()
    }
    brush = plot(chart).interaction
    data = {"method": "update", "state": {k: None if v is None else {**v, "value": None} for k, v in arrays.items()}}
    paths = [[k, "value"] for k, v in arrays.items() if v is not None]
    buffers = [v["value"] for v in arrays.values() if v is not None]
    brush._handle_msg({"content": {"data": {**data, "buffer_paths": paths}}, "buffers": buffers})


def test_a_line_of_points_for_each_feature_the_largest_mean_first(chart):
    chart.show(["a", "b", "c"], VALUES, HELD, quantity="SHAP")
    assert names(chart) == ["b", "a", "c"]
    mark = cloud(chart)
    np.testing.assert_allclose(mark.x, [*VALUES[:, 1], *VALUES[:, 0], *VALUES[:, 2]])
    np.testing.assert_array_equal(np.round(mark.y), np.repeat([0, 1, 2], 4))
    np.testing.assert_array_equal(mark.rotation, [0, 1, 2, 3] * 3)
    np.testing.assert_array_equal(mark.size, [*HELD[:, 1], *HELD[:, 0], *HELD[:, 2]])
    assert "SHAP" in [axis.label for axis in plot(chart).axes]
    assert "4 rows" in words(chart.figure)


def test_the_pointer_is_told_the_numbers_of_the_rows_and_a_click_their_places(chart, heard):
    chart.show(["a", "b", "c"], VALUES, HELD, numbers=np.array([12, 40, 7, 99]))
    np.testing.assert_array_equal(cloud(chart).rotation, [12, 40, 7, 99] * 3)
    chart._cloud._clicked({"data": {"index": 5}})
    assert heard == [1]


def test_colours_follow_the_rank_within_the_feature(chart):
    chart.show(["a", "b", "c"], VALUES, HELD)
    low, third, two_thirds, high = colours(np.array([0, 1 / 3, 2 / 3, 1]))
    seen = cloud(chart).colors
    assert seen[:4] == [low, high, third, two_thirds]
    assert seen[4:8] == [low, third, two_thirds, high]
    assert seen[8] == UNKNOWN
    assert "value missing" in words(chart.figure)
    chart.show(["a", "b", "c"], VALUES, np.ones((4, 3)))
    assert set(cloud(chart).colors) == set(colours(np.array([0.5])))
    assert "missing" not in words(chart.figure)


def test_ranks():
    np.testing.assert_allclose(ranks(np.array([5.0, np.nan, 1.0, 1e9])), [0.5, np.nan, 0, 1])
    np.testing.assert_allclose(ranks(np.array([2.0, 2.0, 2.0, 7.0])), [0, 0, 0, 1])
    np.testing.assert_allclose(ranks(np.array([1.0, 2.0, 2.0, 3.0])), [0, 0.5, 0.5, 1])


def test_equal_values_spread_evenly_to_both_sides():
    places = spread(np.zeros(5), -1.0, 1.0)
    assert sorted(places) == pytest.approx([-0.24, -0.12, 0, 0.12, 0.24])
    crowd = spread(np.zeros(1001), -1.0, 1.0)
    assert (crowd.min(), crowd.max()) == pytest.approx((-0.42, 0.42))
    assert len(np.unique(crowd)) == 1001
    np.testing.assert_allclose(spread(np.array([-0.9, 0.0, 0.9]), -1.0, 1.0), 0)


def test_points_are_spread_where_they_are_dense_and_always_alike():
    values = np.random.default_rng(0).normal(size=3000)
    places = spread(values, values.min(), values.max())
    np.testing.assert_array_equal(places, spread(values, values.min(), values.max()))
    assert np.abs(places).max() <= 0.42 + 1e-9
    middle, tail = np.abs(values) < 0.3, np.abs(values) > 2
    assert np.abs(places[middle]).max() > 3 * np.abs(places[tail]).max()
    assert abs(places.mean()) < 0.01


def test_many_rows_are_thinned_evenly_and_that_is_said(chart):
    rng = np.random.default_rng(0)
    chart.show(["a"], rng.normal(size=(9001, 1)), rng.normal(size=(9001, 1)))
    rows = cloud(chart).rotation
    assert len(rows) == MOST_ROWS
    assert (rows[0], rows[-1]) == (0, 9000)
    assert set(np.diff(rows)) <= {4, 5}
    assert "2,000 of 9,001 rows drawn" in words(chart.figure)


def test_a_page_is_not_given_more_points_than_it_can_move(chart):
    values = np.random.default_rng(0).normal(size=(500, 30))
    chart.show([f"f{i}" for i in range(30)], values, values)
    assert len(cloud(chart).x) == 5000
    assert "10 of 30 features · 500 rows" in words(chart.figure)
    chart.show([f"f{i}" for i in range(30)], values, values, top=30)
    assert len(cloud(chart).x) == MOST_POINTS
    assert "200 of 500 rows drawn, evenly spread" in words(chart.figure)
    assert len(thinned(3, 10**6)) == 1


def test_a_click_chooses_the_row(chart, heard):
    values = VALUES.copy()
    values[1, 1] = np.nan  # this point is not drawn
    chart.show(["a", "b", "c"], values, HELD)
    for point in (0, 1, 2, 3, 10):
        click(cloud(chart), point)
    assert heard == [0, 2, 3, 0, 3]
    for point in (11, -1, None, "0"):
        click(cloud(chart), point)
    assert len(heard) == 5


def test_rows_that_are_not_lit_fade(chart, monkeypatch):
    chart.show(["a", "b", "c"], VALUES, HELD)
    plain = list(cloud(chart).colors)
    line = Line(cloud(chart), monkeypatch)
    chart.highlight(np.array([2, 0, 77]))
    seen = cloud(chart).colors
    stays = np.isin(np.tile(np.arange(4), 3), [0, 2])
    assert seen == [each if lit else each + "14" for each, lit in zip(plain, stays)]
    assert [set(state) for state in line.state] == [{"colors"}]
    chart.show(["a", "b", "c"], VALUES, HELD)
    assert cloud(chart).colors == seen, "another show forgets what is lit"
    chart.highlight(np.zeros(0, int))
    assert all(each.endswith("14") for each in cloud(chart).colors)
    chart.highlight(None)
    assert cloud(chart).colors == plain


def test_a_brush_tells_the_rows_inside(chart, heard):
    chart.show(["a", "b", "c"], VALUES, HELD)
    assert plot(chart).interaction is None
    press(chart, True)
    brush(chart, [-2.5, -1.5], [-0.5, 0.5])
    brush(chart, [-2.5, -1.0], [-0.5, 0.5])  # the same rows
    brush(chart, [-2.5, 0.25], [1.5, -0.5])
    brush(chart, [50, 60], [0, 1])
    assert heard == [[0, 3], [0, 1, 2, 3], []]
    press(chart, False)
    assert heard[3:] == [None]
    assert plot(chart).interaction is None


def test_other_rows_drop_the_brush_without_a_call(chart, heard):
    chart.show(["a", "b", "c"], VALUES, HELD)
    press(chart, True)
    brush(chart, [-2.5, -1.5], [-0.5, 0.5])
    chart.show(["a", "b", "c"], VALUES * 1.01, HELD)
    assert plot(chart).interaction.selected_x is not None
    chart.show(["a", "b", "c"], VALUES[:2], HELD[:2])
    assert plot(chart).interaction.selected_x is None
    assert heard == [[0, 3]]


def test_a_rectangle_around_other_rows_than_before_goes_without_a_call(chart, heard):
    chart.show(["a", "b", "c"], VALUES, HELD)
    press(chart, True)
    brush(chart, [-2.5, -1.5], [-0.5, 0.5])
    chart.show(["a", "b", "c"], -VALUES, HELD)  # the same rows, elsewhere
    assert plot(chart).interaction.selected_x is plot(chart).interaction.selected_y is None
    assert heard == [[0, 3]]
    brush(chart, [1.5, 2.5], [-0.5, 0.5])
    chart.unbrush()
    assert plot(chart).interaction.selected_x is None
    assert heard == [[0, 3], [0, 3]]
    press(chart, False)  # they are still chosen
    assert heard[2:] == [None]


def test_without_a_listener_there_is_no_brush():
    before = living()
    chart = Beeswarm()
    assert not hasattr(chart.figure.children[1].children[0], "description") or not any(
        getattr(child, "description", "") == "Select by dragging" for child in chart.figure.children[1].children
    )
    chart.show(["a"], VALUES[:, :1], HELD[:, :1])
    click(cloud(chart), 0)
    close_tree(chart.figure, set())
    assert living() == before


@pytest.mark.parametrize(
    "values",
    [np.zeros((0, 2)), np.zeros((3, 0)), np.zeros((3, 2)), np.full((3, 2), np.nan), np.array([[np.inf, 1.0]])],
)
def test_odd_values(chart, values):
    chart.show([f"f{i}" for i in range(values.shape[1])], values, values)
    mark = cloud(chart)
    assert np.isfinite(mark.x).all()
    assert np.isfinite(mark.y).all()
    assert len(mark.x) == np.isfinite(values).sum()
    chart.highlight(np.array([0]))


def test_whole_names_are_told_to_the_pointer(chart):
    name = "n" * 100
    chart.show([name], VALUES[:, :1], HELD[:, :1])
    assert name in boxes(chart).labels[0]
    assert len(names(chart)[0]) < 30


def test_equal_shapes_need_one_message_a_mark_and_no_new_marks(chart, monkeypatch):
    chart.show(["a", "b", "c"], VALUES, HELD)
    before = living()
    lines = [Line(mark, monkeypatch) for mark in plot(chart).marks]
    chart.show(["a", "b", "c"], VALUES * [1.0, 1.1, 1.2], HELD)
    assert living() == before
    assert all(len(line.state) <= 1 for line in lines)


@pytest.mark.parametrize(
    ("values", "points", "top", "message"),
    [
        (VALUES[:, :2], HELD, 10, r"values: expected \(rows, 3 features\)"),
        (VALUES, HELD[:2], 10, "points: expected the shape of values"),
        (VALUES, HELD, 0, "top: expected at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(chart, values, points, top, message):
    with pytest.raises(ValueError, match=message):
        chart.show(["a", "b", "c"], values, points, top=top)
