"""Dependence: value over feature value, what is missing, and which rows are clicked or lit."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest

from nbexplain.widgets.dependence_chart import Dependence
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.point_cloud import UNKNOWN, colours
from tests.widgets.comm import living
from tests.widgets.marks import click, marks, plain, plot, texts, words


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def chart(heard):
    before = living()
    chart = Dependence(heard.append)
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def cloud(chart: Dependence) -> bqplot.Scatter:
    (mark,) = marks(chart, bqplot.Scatter)
    return mark


X, VALUES = np.array([3.0, 1.0, 2.0, 7.0]), np.array([0.3, -0.1, np.nan, 0.7])


def test_points_lie_at_value_over_feature_value(chart, heard):
    chart.show("mean radius", X, VALUES, quantity="SHAP")
    np.testing.assert_allclose(cloud(chart).x, [3, 1, 7])
    np.testing.assert_allclose(cloud(chart).y, [0.3, -0.1, 0.7], rtol=1e-6)
    assert [axis.label for axis in plot(chart).axes] == ["mean radius", "SHAP"]
    said = words(chart.figure)
    assert "3 of 4 rows drawn" in said
    assert "1 value missing" in said
    assert "low" not in said
    for point in (0, 1, 2, 3):
        click(cloud(chart), point)
    assert heard == [0, 1, 3]
    chart.highlight(np.array([3]))
    assert [each.endswith("14") for each in cloud(chart).colors] == [True, True, False]


def test_rows_without_the_feature_stand_in_a_place_of_their_own(chart):
    chart.show("age", np.array([np.nan, 10.0, 20.0, np.inf]), np.array([1.0, 2.0, 3.0, 4.0]))
    mark, scale = cloud(chart), plot(chart).axes[0].scale
    assert scale.min < min(mark.x[[0, 3]])
    assert max(mark.x[[0, 3]]) < 10
    assert (mark.x[0] - scale.min) < 0.2 * (scale.max - scale.min)
    np.testing.assert_allclose(mark.x[1:3], [10, 20])
    assert min(plot(chart).axes[0].tick_values) >= 10
    assert texts(chart) == ["missing"]
    assert "2 rows without age" in words(chart.figure)
    assert mark.names.tolist() == ["missing", "10", "20", "missing"]  # for the pointer
    assert mark.tooltip.fields == ["name", "y"]


def test_rows_of_a_category_stand_in_its_strip(chart, heard):
    names = ["private", "never", "state"]
    chart.show("work", np.array([2.0, 0.0, np.nan, 2.0]), np.array([0.3, -0.1, 0.2, 0.7]), categories=names)
    mark, axis = cloud(chart), plot(chart).axes[0]
    assert [plain(axis.tick_labels[str(int(at))]) for at in axis.tick_values] == ["missing", "private", "state"]
    np.testing.assert_allclose(np.round(mark.x), [1, 0, -1, 1])
    assert mark.x[0] != mark.x[3]  # beside each other
    np.testing.assert_allclose(mark.y, [0.3, -0.1, 0.2, 0.7], rtol=1e-6)
    assert mark.names.tolist() == ["state", "private", "missing", "state"]
    click(mark, 3)
    assert heard == [3]
    chart.show("age", X, VALUES)  # and back to a number
    assert mark.names is None
    assert mark.tooltip.fields == ["x", "y"]
    np.testing.assert_allclose(mark.x, [3, 1, 7])


def test_the_colours_of_a_category_are_named_by_its_ends(chart):
    chart.show("a", np.arange(2.0), np.ones(2), np.array([0.0, 1.0]), "sex", colour_categories=["Female", "Male"])
    assert "sex Female Male" in words(chart.figure)


def test_colours_follow_another_feature(chart):
    chart.show("a", np.arange(4.0), np.ones(4), np.array([5.0, np.nan, 1.0, 9.0]), "width")
    low, middle, high = colours(np.array([0, 0.5, 1]))
    assert cloud(chart).colors == [middle, UNKNOWN, low, high]
    assert "width low high value missing" in words(chart.figure)


@pytest.mark.parametrize("x", [np.zeros(0), np.zeros(3), np.full(2, np.nan), np.array([5.0])])
def test_odd_values(chart, x):
    chart.show("a", x, np.zeros(len(x)), x, "a")
    assert len(cloud(chart).x) == len(x)
    assert np.isfinite(cloud(chart).x).all()
    scale = plot(chart).axes[0].scale
    assert scale.min < scale.max


@pytest.mark.parametrize(
    ("x", "values", "colour", "message"),
    [
        (np.zeros((2, 2)), np.zeros(2), None, "x: expected one number for each row"),
        (np.zeros(2), np.zeros(3), None, "values: expected one for each of 2 rows"),
        (np.zeros(2), np.zeros(2), np.zeros(1), "colour: expected one for each of 2 rows"),
    ],
)
def test_what_does_not_fit_is_refused(chart, x, values, colour, message):
    with pytest.raises(ValueError, match=message):
        chart.show("a", x, values, colour)


def test_dates_are_said_as_dates(chart):
    chart.show("day", np.array([19723.0, 19724.0, np.nan]), np.array([0.5, -0.5, 0.1]), time="date")
    assert cloud(chart).names.tolist() == ["2024-01-01", "2024-01-02", "missing"]
    assert cloud(chart).tooltip.fields[0] == "name"
    assert set(chart._column.axis.tick_labels.values()) <= {"2024-01-01", "2024-01-02"}
