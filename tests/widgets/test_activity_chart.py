"""The map of all channels over all inputs: which cell has which colour, what is marked, and what a click means."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from nbexplain.widgets.activity_chart import MOST_CHANNELS, MOST_INPUTS, ActivityChart
from nbexplain.widgets.layout import close_tree
from tests.widgets.comm import Line, command, living

VALUES = np.array([[0.0, 1.0, 2.0, 0.0], [4.0, 0.5, 0.0, 0.0], [1.0, 3.0, 2.5, 0.0]], np.float32)


@pytest.fixture
def chosen() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def chart(chosen):
    """Closed as explorers close it; nothing of it may stay."""
    before = living()
    chart = ActivityChart(lambda *place: chosen.append(place))
    yield chart
    close_tree(chart.widget, set())
    assert living() == before


def show(chart: ActivityChart, values: np.ndarray, order: Any = None, **more: Any) -> None:
    order = range(values.shape[1]) if order is None else order
    chart.show(values, order, "mean activation", "layer3", **{"progress": 1.0, **more})


def cells(chart: ActivityChart) -> np.ndarray:
    """What is drawn: (rows, columns, 4) uint8."""
    mark = chart.figure.marks[0]
    assert mark.image is not mark.spare
    return np.array(Image.open(io.BytesIO(mark.image.value)).convert("RGBA"))


def caption(chart: ActivityChart) -> str:
    return chart.widget.children[1].children[0].value


def pointers(chart: ActivityChart) -> list[tuple[list[float], list[float]]]:
    mark = chart.figure.marks[2]
    return [(list(x), list(y)) for x, y in zip(np.atleast_2d(mark.x), np.atleast_2d(mark.y)) if len(x)]


def click(chart: ActivityChart, x: Any, y: Any) -> None:
    """What bqplot sends when the map is clicked, in the data's units."""
    command(chart.figure.marks[0], {"event": "element_click", "data": {"click_x": x, "click_y": y}})


@pytest.mark.parametrize(("sign", "colormap", "low"), [(1.0, "viridis", 0.0), (-1.0, "RdBu_r", -4.0)])
def test_each_cell_has_the_colour_of_its_value(chart, sign, colormap, low):
    show(chart, sign * VALUES, order := [2, 0, 3, 1])
    expected = matplotlib.colormaps[colormap]((sign * VALUES[:, order] - low) / (4.0 - low), bytes=True)
    assert np.abs(cells(chart).astype(int) - expected).max() <= 7


def test_colours_of_signed_values_are_symmetric_around_zero(chart):
    show(chart, np.array([[-1.0, 0.0, 4.0]]))
    negative, zero, positive = cells(chart)[0, :, :3].astype(int)
    assert np.ptp(zero) <= 2
    assert zero.min() > 240
    assert positive[0] > positive[2]
    assert negative[2] > negative[0]
    bar = chart.figure.marks[1]
    assert list(bar.y) == [-4, 4]
    assert chart.figure.axes[2].scale.min < -4 < 4 < chart.figure.axes[2].scale.max


def test_what_has_not_been_computed_is_left_empty(chart):
    values = VALUES.copy()
    values[1] = np.nan
    values[2, 0] = np.inf
    show(chart, values, progress=0.67)
    empty = cells(chart)[..., 3] == 0
    assert empty.tolist() == [[False] * 4, [True] * 4, [True, False, False, False]]
    assert "2 of 3 computed" in caption(chart)
    chart.mark(1, 2)
    assert caption(chart).endswith("input 1, channel 2: not computed yet")
    show(chart, VALUES)
    assert "computed" not in caption(chart)
    assert (cells(chart)[..., 3] == 255).all()


def test_nothing_computed_at_all(chart):
    show(chart, np.full((2, 3), np.nan), progress=0.0)
    assert (cells(chart)[..., 3] == 0).all()
    assert "0 of 2 computed" in caption(chart)


def test_the_axes_name_inputs_and_channels(chart):
    show(chart, VALUES, [2, 0, 3, 1])
    below, beside = chart.figure.axes[:2]
    assert [below.tick_labels[f"{place:.0f}"] for place in below.tick_values] == ["2", "0", "3", "1"]
    assert [beside.tick_labels[f"{place:.0f}"] for place in beside.tick_values] == ["0", "1", "2"]
    show(chart, np.ones((3, 96)))
    assert list(below.tick_values) == [0, 20, 40, 60, 80]


def test_the_caption_says_what_is_seen(chart):
    show(chart, VALUES)
    assert caption(chart) == "mean activation of layer3 · 3 inputs · 4 channels · from 0 to 4"
    show(chart, VALUES, [2, 0, 3, 1], dead=[3])
    chart.mark(2, 1)
    assert caption(chart) == (
        "mean activation of layer3 · 3 inputs · 4 channels, in the order of the grid · from 0 to 4"
        " · 1 dead channel (cross): the same for all inputs · input 2, channel 1: 3"
    )


def test_dead_channels_are_marked_at_the_foot_of_their_columns(chart):
    show(chart, VALUES, [2, 3, 0, 1], dead={3})
    feet = chart.figure.marks[3]
    assert list(feet.x) == [1]
    assert 2.5 < feet.y[0] < feet.scales["y"].max
    show(chart, VALUES)
    assert len(feet.x) == 0


def test_the_chosen_row_and_column_are_pointed_at_from_the_margins(chart):
    show(chart, VALUES, [2, 0, 3, 1])
    assert pointers(chart) == []
    chart.mark(2, 3)
    above, left, right = pointers(chart)
    x, y = (chart.figure.marks[2].scales[name] for name in "xy")
    assert above == ([2, 2], [y.min, -0.5])
    assert (left[1], right[1]) == ([2, 2], [2, 2])
    assert (left[0], right[0][0]) == ([x.min, -0.5], 3.5)
    assert 3.5 < right[0][1] < chart.figure.marks[1].x[0]  # the colour bar comes after it
    show(chart, VALUES)
    assert pointers(chart)[0][0] == [3, 3]


def test_a_mark_costs_two_small_messages(chart, monkeypatch):
    show(chart, VALUES)
    chart.mark(0, 0)
    widgets = [chart.figure, *chart.figure.marks, *chart.figure.axes, chart.widget.children[1].children[0]]
    lines = [Line(widget, monkeypatch) for widget in widgets]
    chart.mark(1, 2)
    assert [sorted(state) for line in lines for state in line.state] == [["x", "y"], ["value"]]


def test_many_channels_and_inputs_are_cut_and_the_caption_says_so(chart, chosen):
    values = np.random.default_rng(0).random((1000, 2048), np.float32)
    order = np.argsort(-values.mean(0))
    show(chart, values, order)
    assert cells(chart).shape[:2] == (MOST_INPUTS, MOST_CHANNELS) == (200, 256)
    assert "200 of 1,000 inputs · 256 of 2,048 channels, in the order of the grid" in caption(chart)
    assert len(chart.figure.marks[0].image.value) < 60_000
    assert chart.figure.layout.min_height == "460px"
    chart.mark(999, int(order[300]))
    assert pointers(chart) == []
    assert caption(chart).endswith(f"input 999, channel {order[300]} is not among them")
    click(chart, 255.4, 199.4)
    assert chosen == [(199, order[255])]
    show(chart, values[:3])
    assert "3 inputs · 256 of 2,048 channels, in the order of the grid" in caption(chart)
    assert chart.figure.layout.min_height == "220px"


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_a_single_row_or_column(chart, chosen, shape):
    show(chart, np.ones(shape))
    assert cells(chart).shape[:2] == shape
    click(chart, shape[1] - 1, shape[0] - 1)
    assert chosen == [(shape[0] - 1, shape[1] - 1)]


def test_a_click_chooses_input_and_channel(chart, chosen):
    show(chart, VALUES, [2, 0, 3, 1])
    for x, y in [(-0.49, -0.49), (0.51, 0.4), (3.49, 2.49)]:
        click(chart, x, y)
    assert chosen == [(0, 2), (0, 0), (2, 1)]
    for x, y in [(4.2, 1), (-0.8, 1), (1, 3.1), (1, -0.8), (None, 1), ("1", 1), (float("nan"), 1)]:
        click(chart, x, y)
    command(chart.figure.marks[0], {"event": "element_click"})
    assert len(chosen) == 3


def test_a_click_before_anything_is_shown(chart, chosen):
    chart.mark(0, 0)
    click(chart, 0, 0)
    assert chosen == []
    assert caption(chart) == ""


@pytest.mark.parametrize(
    ("values", "order", "word"),
    [
        (VALUES[0], [0], "values: expected \\(inputs, channels\\)"),
        (VALUES[:, :0], [0], "values: .*\\(3, 0\\)"),
        (VALUES, [0, 0], "order: expected different channels from 0 to 3"),
        (VALUES, [4], "order"),
        (VALUES, [-1], "order"),
        (VALUES, [], "order"),
    ],
)
def test_what_does_not_fit_is_refused(chart, values, order, word):
    with pytest.raises(ValueError, match=word):
        chart.show(values, order, "mean activation", "layer3", 1.0)
