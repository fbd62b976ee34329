"""The partial dependence chart: mean and band, ICE curves, the column's values below, and the row in front."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest

from nbexplain.core.explanation import Grid
from nbexplain.widgets.charts.partial_dependence_chart import MOST_LINES, PartialDependenceChart, RowCurve
from nbexplain.widgets.layout import close_tree
from tests.widgets.comm import living
from tests.widgets.marks import plot, words

DRAW = np.random.default_rng(0)
HELD = DRAW.normal(40, 10, 300)
GRID = Grid("age", np.linspace(20.0, 60.0, 5))
CURVES = DRAW.normal(size=(120, 1)) + np.arange(5.0) * DRAW.normal(1, 0.3, size=(120, 1))


@pytest.fixture
def chart():
    before = living()
    chart = PartialDependenceChart()
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def bars(chart: Any) -> list[str]:
    return list(chart._held.labels)


def test_the_mean_its_band_and_a_hundred_curves(chart):
    chart.show(GRID, CURVES, HELD, quantity="probability")
    np.testing.assert_allclose(chart._mean.x, GRID.values)
    np.testing.assert_allclose(chart._mean.y, CURVES.mean(0), rtol=1e-6)
    reach = 1.980100 * CURVES.std(0, ddof=1) / 120**0.5  # t of 119 degrees of freedom
    np.testing.assert_allclose(chart._band.y, [CURVES.mean(0) - reach, CURVES.mean(0) + reach], rtol=1e-5)
    np.testing.assert_allclose(chart._ice.y, CURVES[:MOST_LINES], rtol=1e-5)
    said = words(chart.figure)
    assert "100 of 120 rows drawn" in said
    assert (
        f"mean: lowest {CURVES.mean(0)[0]:.3g} at 20, highest {CURVES.mean(0)[4]:.3g} at 60".replace("-", "−") in said
    )
    assert plot(chart).axes[1].label == "probability"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-2.611314, 0.1, 3.105181], ("−2.61", "3.11")),
        ([1990.0, 2004.5, 2019.0], ("1990", "2019")),
        ([100.1234, 100.2, 100.4567], ("100.123", "100.457")),
        ([2e-8, 3e-8, 5e-8], ("2e−08", "5e−08")),
        ([0.25, 0.25, 0.25], ("0.25", "0.25")),
    ],
)
def test_places_are_said_as_exactly_as_the_column_needs(chart, values, said):
    chart.show(Grid("x", np.array(values)), np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]), np.array(values))
    low, high = said
    assert words(chart.figure).endswith(f"lowest 0 at {low}, highest 2 at {high}")


def test_of_very_many_categories_those_that_are_tried_alone_have_a_place(chart):
    names = tuple(f"c{code}" for code in range(5000))
    held = np.append(np.arange(5000.0), [3.0, 7.0, 7.0, np.nan])
    tried = np.array([3.0, 7.0, np.nan])
    chart.show(Grid("who", tried, ("c3", "c7", "missing")), CURVES[:, :3], held, names)
    assert bars(chart) == ["c3: 2 rows", "c7: 3 rows", "missing: 1 row"]
    assert np.asarray(chart._held.x).shape == (3, 4)
    assert (chart._column.scale.min, chart._column.scale.max) == (-1.5, 1.5)


def test_bars_below_count_the_rows_and_stay_below_the_curves(chart):
    chart.show(GRID, CURVES, HELD)
    counts = np.asarray(chart._held.y)[:, 2]
    np.testing.assert_array_equal(counts, np.histogram(HELD, 30)[0])
    y = plot(chart).axes[1].scale
    lowest = (CURVES[:MOST_LINES].min() - y.min) / (y.max - y.min)
    assert counts.max() / chart._count.max < lowest


def test_whole_numbers_are_counted_one_by_one_or_in_equal_steps(chart):
    chart.show(Grid("rooms", np.array([1.0, 2, 5])), np.ones((3, 3)), np.array([1.0, 1, 2, 5]))
    assert bars(chart) == ["1: 2 rows", "2: 1 row", "3: 0 rows", "4: 0 rows", "5: 1 row"]
    chart.show(Grid("age", np.array([17.0, 90])), np.ones((3, 2)), np.arange(17.0, 91))
    assert {label.split(": ")[1] for label in bars(chart)[:-1]} == {"3 rows"}  # none has two, and another three
    assert bars(chart)[0] == "17 to 19: 3 rows"
    assert bars(chart)[-1] == "89 to 90: 2 rows"


def test_values_that_no_row_holds_have_a_place_for_the_curve(chart):
    grid = Grid("work", np.array([0.0, 1.0, 2.0, np.nan]), ("private", "never", "state", "missing"))
    chart.show(grid, CURVES[:, :4], np.array([0.0, 2, 2]), ["private", "never", "state"])
    assert bars(chart) == ["private: 1 row", "state: 2 rows"]
    np.testing.assert_allclose(np.asarray(chart._whiskers.x)[:, 2], [0, 1, 2, -1])
    chart.show(GRID, CURVES, np.array([35.0]))
    scale = chart._column.scale
    assert scale.min <= 20 < 60 <= scale.max


def contrast(colour: str, ground: int) -> float:
    """Of a grey #rrggbbaa on a grey ground, as WCAG 2 counts it."""
    grey, part = int(colour[1:3], 16), int(colour[7:9], 16) / 255
    seen = [(level / 255 + 0.055) / 1.055 for level in (part * grey + (1 - part) * ground, ground)]
    dark, bright = sorted(level**2.4 + 0.05 for level in seen)
    return bright / dark


@pytest.mark.parametrize("ground", [0x21, 0xFF])
def test_bars_below_are_seen_on_a_dark_and_a_light_page(chart, ground):
    chart.show(GRID, CURVES, HELD)
    assert {contrast(colour, ground) >= 3 for colour in chart._held.fill_colors} == {True}


def test_a_missing_value_stands_apart_with_points_and_a_whisker(chart):
    grid = Grid("age", np.array([20.0, 40.0, np.nan]))
    chart.show(grid, CURVES[:, :3], np.array([20.0, 40.0, np.nan, np.nan]))
    np.testing.assert_allclose(chart._mean.x, [20, 40])
    np.testing.assert_allclose(chart._mean.y, CURVES[:, :2].mean(0), rtol=1e-5)
    assert len(chart._points.x) == MOST_LINES
    assert chart._points.x.max() < 20
    np.testing.assert_allclose(chart._points.y, CURVES[:MOST_LINES, 2], rtol=1e-5)
    (whisker,) = np.atleast_2d(chart._whiskers.y)
    reach = 1.980100 * CURVES[:, 2].std(ddof=1) / 120**0.5
    np.testing.assert_allclose([whisker.min(), whisker.max()], CURVES[:, 2].mean() + np.array([-reach, reach]), 1e-5)
    assert bars(chart)[-1] == "missing: 2 rows"


def test_categories_are_strips_without_curves(chart):
    grid = Grid("work", np.array([0.0, 2.0, np.nan]), ("private", "state", "missing"))
    chart.show(grid, CURVES[:, :3], np.array([0.0, 0, 2, np.nan]), ["private", "never", "state"])
    assert chart._mean.x.size == chart._ice.x.size == chart._band.x.size == 0
    assert len(chart._points.x) == 3 * MOST_LINES
    np.testing.assert_allclose(np.asarray(chart._whiskers.x)[:, 2], [0, 1, -1])
    np.testing.assert_allclose(np.asarray(chart._whiskers.y)[:, 0], CURVES[:, :3].mean(0))
    assert [label.split(":")[0] for label in chart._whiskers.labels] == ["private", "state", "missing"]
    assert bars(chart) == ["private: 2 rows", "state: 1 row", "missing: 1 row"]


def test_the_mean_of_a_single_row_has_no_error(chart):
    grid = Grid("work", np.array([0.0, 1.0]), ("private", "state"))
    chart.show(grid, np.array([[0.25, 0.5]]), np.array([0.0]), ["private", "state"])
    assert list(chart._whiskers.labels) == ["private: 0.25", "state: 0.5"]
    assert "standard errors" not in words(chart.figure)
    chart.show(grid, np.array([[0.25, 0.5], [0.25, 0.5]]), np.array([0.0, 1.0]), ["private", "state"])
    assert list(chart._whiskers.labels) == ["private: 0.25 ± 0", "state: 0.5 ± 0"]
    assert "mean ± 1.96 standard errors" in words(chart.figure)


def test_brushed_rows_are_drawn_in_front_even_those_beyond_the_hundred(chart):
    chart.show(GRID, CURVES, HELD)
    chart.highlight(np.array([3, 117]))
    np.testing.assert_allclose(chart._lit.y, CURVES[[3, 117]], rtol=1e-5)
    assert chart._ice.colors[0].endswith("18")
    assert "2 selected rows" in words(chart.figure)
    chart.show(GRID, CURVES[:2], HELD)  # others, which are not brushed
    assert chart._lit.y.size == 0
    chart.highlight(np.zeros(0, int))
    assert "0 selected rows" in words(chart.figure)
    chart.highlight(None)
    assert chart._ice.colors[0].endswith("50")
    assert "selected" not in words(chart.figure)


def test_the_row_has_a_curve_and_a_mark_and_moves(chart):
    chart.show(GRID, CURVES, HELD)
    chart.show_row(RowCurve(GRID, np.arange(5.0), 30.0, 1.0))
    np.testing.assert_allclose(chart._own.y, np.arange(5.0))
    assert (chart._here.x.tolist(), chart._here.y.tolist()) == ([30.0], [1.0])
    assert "this row" in words(chart.figure)
    further = Grid("age", np.append(GRID.values, 95.0))
    chart.show_row(RowCurve(further, np.arange(6.0), 95.0, 5.0))
    assert chart._here.x.tolist() == [95.0]
    assert plot(chart).axes[0].scale.max > 95  # seen, though no row of the background is as old
    chart.show(Grid("size", GRID.values), CURVES, HELD)  # of which the row's curve is not known yet
    assert chart._own.y.size == chart._here.x.size == 0


def test_a_row_without_the_value_is_marked_where_it_is_missing(chart):
    grid = Grid("age", np.array([20.0, 40.0, np.nan]))
    chart.show(grid, CURVES[:, :3], np.array([20.0, 40.0]))
    chart.show_row(RowCurve(grid, np.array([1.0, 2.0, 0.5]), np.nan, 0.5))
    assert chart._here.x[0] < 20
    assert chart._here.y.tolist() == [0.5]


@pytest.mark.parametrize("values", [[5.0], [np.nan], [5.0, np.nan]])
def test_a_single_value_is_a_strip(chart, values):
    chart.show(Grid("x", np.array(values)), np.ones((2, len(values))), np.array(values))
    assert chart._mean.x.size == 0
    assert len(chart._whiskers.labels) == len(values)


def test_what_does_not_fit_is_refused(chart):
    with pytest.raises(ValueError, match=r"curves: expected \(rows, 5 points\), got shape \(3, 4\)"):
        chart.show(GRID, np.zeros((3, 4)), HELD)
    assert isinstance(plot(chart), bqplot.Figure)
