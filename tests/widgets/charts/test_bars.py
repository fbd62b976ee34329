"""The charts: which bars, in which order, and what a click on one means."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest
import torch

from nbexplain.core.explanation import Grid
from nbexplain.widgets.beeswarm_chart import Beeswarm
from nbexplain.widgets.chart_style import ACCENT, PLAIN, around_zero, as_written, figure, spaced, ticks
from nbexplain.widgets.charts.bars import ClassBars, Histogram
from nbexplain.widgets.charts.heatmap_chart import Heatmap
from nbexplain.widgets.charts.partial_dependence_chart import PartialDependenceChart
from nbexplain.widgets.feature_bars_chart import FeatureBars
from nbexplain.widgets.feature_rows import few
from nbexplain.widgets.force_chart import Force
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.text_width import pixels
from nbexplain.widgets.waterfall_chart import Waterfall
from tests.widgets.comm import living


def bars_of(chart: ClassBars | Histogram) -> Any:
    return chart.figure.marks[0]


def click(chart: ClassBars, index: Any) -> None:
    """What bqplot sends when a bar is clicked."""
    mark = bars_of(chart)
    mark._handle_custom_msgs(mark, {"event": "element_click", "data": {"index": index}}, [])


def test_the_best_come_first_and_the_chosen_one_is_marked():
    chart = ClassBars(lambda _: None)
    chart.show(["a", "b", "c"], [0.5, -1.25, 2], 0, "logit")
    mark = bars_of(chart)
    assert list(mark.y) == [2, 0.5, -1.25]
    assert [name.split()[0] for name in mark.x] == ["c", "a", "b"]
    assert mark.x[2].endswith("−1.25")
    assert mark.colors == [PLAIN, ACCENT, PLAIN]
    assert "logit" in [axis.label for axis in chart.figure.axes]


@pytest.mark.parametrize(
    ("scores", "ticks", "written"),
    [
        ([8.3, 1], [0, 2, 4, 6, 8], ".0f"),
        ([11, -3], [0, 5, 10], ".0f"),
        ([0.001, 0.02], [0, 0.005, 0.01, 0.015, 0.02], ".3f"),
        ([1e-7, 0], [0, 2e-8, 4e-8, 6e-8, 8e-8, 1e-7], ".1~e"),
        ([1.5e-7, 0], [0, 5e-8, 1e-7, 1.5e-7], ".1~e"),
        ([5e5, 1e3], [0, 1e5, 2e5, 3e5, 4e5, 5e5], "~s"),
        ([0, 0], [0], ".0f"),
        ([np.nan, np.inf], [0], ".0f"),
    ],
)
def test_the_axis_has_few_and_round_numbers(scores: list[float], ticks: list[float], written: str):
    chart = ClassBars(lambda _: None)
    chart.show(["a", "b"], scores, 0, "logit")
    axis = next(axis for axis in chart.figure.axes if axis.label == "logit")
    np.testing.assert_allclose(axis.tick_values, ticks, atol=1e-12)
    assert axis.tick_format == written


def test_a_click_chooses_the_class_of_the_bar():
    chosen: list[int] = []
    chart = ClassBars(chosen.append)
    chart.show(["a", "b", "c"], [0.5, -1, 2], 0, "logit")
    for index in (0, 1, 2):
        click(chart, index)
    assert chosen == [2, 0, 1]
    for index in (3, -1, None, "0"):
        click(chart, index)
    assert chosen == [2, 0, 1]


def test_classes_with_equal_names_have_bars_of_their_own():
    chosen: list[int] = []
    chart = ClassBars(chosen.append)
    chart.show(["cat", "dog", "cat", "cat"], [1.0, 2.0, 1.0, 1.0], 2, "logit")
    mark = bars_of(chart)
    assert len(set(mark.x)) == 4
    assert [name.strip("\u200b").split()[0] for name in mark.x] == ["dog", "cat", "cat", "cat"]
    assert mark.colors == [PLAIN, PLAIN, ACCENT, PLAIN]
    for index in range(4):
        click(chart, index)
    assert chosen == [1, 0, 2, 3]


def test_scores_that_are_not_finite():
    chart = ClassBars(lambda _: None)
    chart.show(["a", "b", "c", "d"], [np.nan, 1, -np.inf, 2], 1, "logit")
    mark = bars_of(chart)
    assert [name.split()[0] for name in mark.x][:2] == ["d", "b"]
    assert {name.split()[0] for name in mark.x} == {"a", "b", "c", "d"}
    assert list(mark.y)[:2] == [2, 1]


def test_of_a_thousand_classes_the_best_ten_and_the_chosen_one():
    chosen: list[int] = []
    chart = ClassBars(chosen.append)
    scores = np.random.default_rng(0).normal(size=1000)
    worst = int(scores.argmin())
    chart.show([f"class {i}" for i in range(1000)], scores.tolist(), worst, "logit")
    mark = bars_of(chart)
    best = np.argsort(-scores)[:9].tolist()
    assert len(mark.x) == len(mark.y) == 10
    assert list(mark.y) == pytest.approx([*scores[best], scores.min()])
    assert mark.colors == [PLAIN] * 9 + [ACCENT]
    click(chart, 9)
    click(chart, 0)
    assert chosen == [worst, best[0]]


def test_a_target_that_is_no_class_marks_no_bar():
    class Odd:
        def __eq__(self, other):
            return torch.ones(2)

        def __call__(self, scores):
            return scores[:, 0]

    chart = ClassBars(lambda _: None)
    for target in (lambda scores: scores[:, 0], Odd()):
        chart.show(["a", "b"], [1, 2], target, "score")
        assert bars_of(chart).colors == [PLAIN, PLAIN]


def test_long_names_are_cut_and_stay_apart():
    chart = ClassBars(lambda _: None)
    chart.show(["x" * 300 + "1", "x" * 300 + "2"], [1, 1], 0, "logit")
    labels = bars_of(chart).x
    assert len(set(labels)) == 2
    assert all("…" in label and len(label) < 40 for label in labels)


@pytest.mark.parametrize("cells", [1, 7, 400])
def test_a_histogram_counts_every_finite_cell(cells):
    chart = Histogram()
    values = np.random.default_rng(0).normal(size=(cells, 1))
    chart.show(values, "activation of channel 3")
    mark = bars_of(chart)
    assert np.sum(mark.y) == cells
    assert len(mark.x) == len(mark.y)
    assert "activation of channel 3" in [axis.label for axis in chart.figure.axes]


@pytest.mark.parametrize(
    ("values", "finite"),
    [([np.nan, np.inf, 1.0, 2.0], 2), ([3.0, 3.0, 3.0], 3), ([np.nan], 0), ([], 0), ([1e30, -1e30], 2)],
)
def test_a_histogram_of_odd_values(values, finite):
    chart = Histogram()
    chart.show(np.array(values), "")
    assert np.sum(bars_of(chart).y) == finite
    assert np.isfinite(bars_of(chart).x).all()


def test_cells_are_counted_in_whole_numbers():
    chart = Histogram()
    chart.show(np.arange(8.0), "activation")
    axis = next(axis for axis in chart.figure.axes if axis.label == "cells")
    assert (list(axis.tick_values), axis.tick_format) == ([0, 1], ".0f")


@pytest.mark.parametrize(
    ("values", "ticks", "written"),
    [
        ([0.0, 0.0, 0.3, 12.3], [0, 5, 10], ".0f"),
        ([-0.2, 0.9], [0, 0.5], ".1f"),
        ([100.05, 100.95], [100.2, 100.4, 100.6, 100.8], ".1f"),
        ([0.05000, 0.05004], [0.05, 0.05001, 0.05002, 0.05003, 0.05004], ".3~e"),
        ([0.3, 0.3], [-0.2, 0, 0.2, 0.4, 0.6, 0.8], ".1f"),  # numpy's bins reach half a unit further
    ],
)
def test_the_values_of_a_histogram_have_round_numbers_too(values: list[float], ticks: list[float], written: str):
    chart = Histogram()
    chart.show(np.array(values), "activation")
    axis = next(axis for axis in chart.figure.axes if axis.label == "activation")
    np.testing.assert_allclose(axis.tick_values, ticks, atol=1e-12)
    assert axis.tick_format == written


def test_neighbouring_float32_values_have_a_histogram():
    chart = Histogram()
    chart.show(np.array([1.0, np.nextafter(np.float32(1), np.float32(2))] * 50, np.float32), "activation")
    assert np.sum(bars_of(chart).y) == 100


def test_closing_leaves_nothing():
    before = living()
    bars, histogram = ClassBars(lambda _: None), Histogram()
    bars.show(["a", "b"], [1.0, 2.0], 0, "logit")
    histogram.show(np.arange(8.0), "activation")
    for chart in (bars, histogram):
        close_tree(chart.figure, set())
    assert living() == before


def test_ticks_keep_clear_of_each_other_on_the_narrowest_chart():
    places, written = ticks([-0.25, 0.25])
    chart = figure([], [], left=60, right=24)
    np.testing.assert_allclose(spaced(places, written, 0.5, chart), places)
    chart.fig_margin = {**chart.fig_margin, "left": 150}  # 126 pixels are left
    np.testing.assert_allclose(spaced(places, written, 0.5, chart), places[::2])
    chart.fig_margin = {**chart.fig_margin, "left": 230}  # 46 pixels: the outermost alone
    np.testing.assert_allclose(spaced(places, written, 0.5, chart), places[[0, -1]])
    wide = np.array([-0.25, 0.25])  # of more places than are still there
    inner = np.array([-0.1, 0.1])
    np.testing.assert_allclose(spaced(inner, written, 0.5, chart, wide), wide)
    chart.fig_margin = {**chart.fig_margin, "left": 260}
    assert len(spaced(places, written, 0.5, chart)) == 1
    close_tree(chart, set())


def test_two_ticks_of_class_scores_stand_beside_long_names():
    chart = ClassBars(lambda _: None)
    names = [f"{'the longest of all names of classes':.30s} {number}" for number in range(3)]
    chart.show(names, [-0.99, 0.31, -0.2], 0, "score")
    # the names leave about 70 pixels of 300; −0.5 would be 27 of them from 0, which is as much as both are wide
    np.testing.assert_allclose(chart.figure.axes[1].tick_values, [-0.8, 0])
    assert chart.figure.axes[1].tick_format == ".1f"
    close_tree(chart.figure, set())


@pytest.mark.parametrize("between", [40, 60, 100])  # names leave 40 pixels to the bars of the narrowest chart
def test_an_axis_has_two_ticks_at_least(between: int):
    chart, draw = figure([], [], left=300 - between, right=0), np.random.default_rng(0)
    for size in 10.0 ** draw.uniform(-4, 5, 300):
        low, high = around_zero([-size * draw.random(), size * draw.random()])
        places, written = few(low, high, True, chart)
        assert len(places) > 1
        assert low <= places[0] < places[-1] <= high
        # in the narrowest pane of an explorer of tables they keep clear of each other
        apart = (places[1:] - places[:-1]) / (high - low) * (between + 50)
        wide = np.array([pixels([as_written(place, written)]) for place in places])
        assert (apart > (wide[1:] + wide[:-1]) / 2).all()
    close_tree(chart, set())


def test_ticks_of_class_scores_keep_clear_in_the_narrowest_pane():
    """A pane has 270 pixels at least, of which its frame takes 22."""
    chart = ClassBars(lambda _: None, narrow=True)
    names = ["lighthouse", "a very long class name that goes on and on", "container ship"]
    for scores in ([-0.18, -0.05, 0.15], [0.9, 0.06, 0.04], [8.3, 1.0, -2.0]):
        chart.show(names, scores, 2, "logit")
        axis, margin = chart.figure.axes[1], chart.figure.fig_margin
        pixel = float(np.ptp([0.0, *scores])) / (248 - margin["left"] - margin["right"])
        said = [as_written(place, axis.tick_format) for place in axis.tick_values]
        assert len(said) > 1
        assert (np.diff(axis.tick_values) / pixel > pixels(said)).all()
    close_tree(chart.figure, set())


def test_names_of_classes_keep_their_hyphens():
    chart = ClassBars(lambda _: None)
    chart.show(["t-shirt"], [-2.0], 0, "logit")
    assert list(bars_of(chart).x) == ["t-shirt  −2.00"]


@pytest.mark.parametrize(
    ("make", "show"),
    [
        (lambda: ClassBars(lambda _: None), lambda chart: chart.show(["a"], [0.0], 0, "logit")),
        (Histogram, lambda chart: chart.show(np.zeros(3), "activation")),
        (FeatureBars, lambda chart: chart.show(["a", "b"], [0.0, np.nan])),
        (Waterfall, lambda chart: chart.show(["a"], [0.0], None, 0.0, 0.0)),
        (Force, lambda chart: chart.show(["a"], [0.0], None, 0.0, 0.0)),
        (Beeswarm, lambda chart: chart.show(["a"], np.zeros((1, 1)), np.zeros((1, 1)))),
        (Heatmap, lambda chart: chart.show(["a"], np.zeros((1, 1)), 0.0)),
        (PartialDependenceChart, lambda chart: chart.show(Grid("a", np.zeros(1)), np.zeros((1, 1)), np.zeros(1))),
    ],
)
def test_a_chart_is_seen_as_soon_as_something_is_drawn_and_not_before(make, show):
    chart = make()
    plot = chart.figure if isinstance(chart.figure, bqplot.Figure) else chart.figure.children[0]
    assert "nbx-undrawn" in plot._dom_classes
    show(chart)
    assert "nbx-undrawn" not in plot._dom_classes
    close_tree(chart.figure, set())
