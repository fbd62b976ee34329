"""Charts of features in a real browser: what is clicked, brushed and dragged is what is seen there."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, frames, until

pytestmark = pytest.mark.browser

BARS = """\
from nbexplain.widgets.{module} import {name}
from nbexplain.widgets.layout import close_tree, framed

heard = []
chart = {name}(heard.append)
names = ["<img src=x onerror='window.hurt=1'>", "b" * 80, "c", "d"]
{show}
card = framed("Chart", chart.figure)
card"""
POINTS = """\
import numpy as np
from nbexplain.widgets.{module} import {name}
from nbexplain.widgets.layout import close_tree, framed

heard, brushed = [], []
chart = {name}(heard.append, lambda rows: brushed.append(None if rows is None else rows.tolist()))
values = np.random.default_rng(0).normal(size=(40, 3)) * [3, 2, 1]
held = np.random.default_rng(1).normal(size=(40, 3))
held[5, 0] = np.nan
{show}
card = framed("Chart", chart.figure)
card"""
BOUNDARY = """\
import numpy as np
from nbexplain.widgets.boundary_chart import BoundaryChart
from nbexplain.widgets.layout import close_tree, framed

chosen, dragged = [], []
chart = BoundaryChart(lambda x, y: dragged.append((x, y)), chosen.append)
surface = np.tile(np.linspace(0, 1, 41), (31, 1))
points = np.array([[1.0, 11.0], [6.0, 13.0], [9.0, 19.0]])
chart.show(surface, (0, 10), (10, 20), "a", "b", points, np.array([0, 1, 0]), ["cat", "dog"], (3.0, 17.0))
card = framed("Chart", chart.figure)
card"""


class Chart:
    """A chart that a cell shows."""

    def __init__(self, lab: Lab, source: str) -> None:
        lab.run_cell(source)
        self.lab, self.page = lab, lab.page
        self.root = lab.page.locator(".bqplot").last
        expect(self.root.locator(".tick text").first).to_be_visible(timeout=SOON)
        self.root.scroll_into_view_if_needed()
        frames(self.page)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place is on the page, by what is written at the axes."""
        result = []
        for axis, side, value in zip(self.root.locator("g.axis").all(), ("x", "y"), (x, y)):
            ticks = axis.locator(".tick").evaluate_all(_TICKS, side)
            result.append(np.polyval(np.polyfit(*np.array(ticks, float).T, 1), value))
        return float(result[0]), float(result[1])

    def dots(self, count: int) -> list[tuple[float, float]]:
        """The middles of the points, in the order in which they were drawn."""
        dots = self.root.locator("path.dot")
        expect(dots).to_have_count(count, timeout=SOON)
        return [tuple(each) for each in dots.evaluate_all(_MIDDLES)]

    def settled(self, shapes: Locator) -> None:
        """Wait until shapes stay where they are."""
        shapes.last.wait_for(state="attached")
        self.page.wait_for_function(_STILL, arg=shapes.last.element_handle())


_MIDDLES = """all => all.map(each => each.getBoundingClientRect())
    .map(box => [box.x + box.width / 2, box.y + box.height / 2])"""
_TICKS = """(all, side) => all.map(tick => {
    const box = tick.querySelector('line').getBoundingClientRect();
    return [tick.textContent, side === 'x' ? box.x + box.width / 2 : box.y + box.height / 2];
})"""
_STILL = """shape => {
    const {x, y, width} = shape.getBoundingClientRect();
    const now = [x, y, width].join();
    const same = shape.dataset.seen === now;
    shape.dataset.seen = now;
    return same;
}"""
SHOWS = [
    (
        "waterfall_chart",
        "Waterfall",
        "chart.show(names, [0.4, -1.0, 0.2, -0.1], ['1'] * 4, 0.5, 0.0, [0.1] * 4)",
        [1, 0, 2, 3],
        [-1.0, 0.4, 0.2, -0.1],
    ),
    (
        "feature_bars_chart",
        "FeatureBars",
        "chart.show(names, [0.4, -1.0, 0.2, -0.1], [0.1] * 4)",
        [1, 0, 2, 3],
        [-1.0, 0.4, 0.2, -0.1],
    ),
    (
        "force_chart",
        "Force",
        "chart.show(names, [0.4, -1.0, 0.2, -0.1], ['1'] * 4, 0.5, 0.0)",
        [1, 0, 2, 3],
        [-1.0, 0.4, 0.2, -0.1],
    ),
]


@pytest.mark.parametrize(("module", "name", "show", "features", "values"), SHOWS)
def test_a_click_on_a_bar_chooses_the_feature_that_is_as_long(lab, module, name, show, features, values):
    chart = Chart(lab, BARS.format(module=module, name=name, show=show))
    bars = chart.root.locator("path.line[id^=curve]").and_(chart.root.locator("[style*='fill: rgb']"))
    expect(bars).to_have_count(4, timeout=SOON)
    chart.settled(bars)
    boxes = bars.evaluate_all("all => all.map(each => each.getBBox()).map(box => [box.x, box.y, box.width])")
    widths = np.array(boxes)[:, 2]
    np.testing.assert_allclose(widths / widths[0], np.abs(values), atol=0.03)
    for i, feature in enumerate(features):
        box = bars.nth(i).bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        chart.page.mouse.move(x, y, steps=4)  # away from the words that the bar before has shown
        frames(chart.page)
        chart.page.mouse.click(x, y)
        until(lab, "heard[-1:]", [feature])
    until(lab, "heard", features)
    bars.nth(1).hover()
    tooltip = chart.page.locator(".bqplot_mark_tooltip:visible")
    expect(tooltip).to_contain_text("<img src=x onerror='window.hurt=1'>", timeout=SOON)
    bars.nth(0).hover()
    expect(tooltip).to_contain_text("b" * 80, timeout=SOON)
    assert chart.page.evaluate("window.hurt") is None
    lab.execute("close_tree(card, set())")


@pytest.mark.parametrize(
    ("module", "name", "show", "count"),
    [
        ("beeswarm_chart", "Beeswarm", "chart.show(['a', 'b', 'c'], values, held)", 120),
        ("dependence_chart", "Dependence", "chart.show('a', held[:, 0], values[:, 0], held[:, 1], 'b')", 40),
    ],
)
def test_points_are_clicked_brushed_and_faded(lab, module, name, show, count):
    chart = Chart(lab, POINTS.format(module=module, name=name, show=show))
    chart.settled(chart.root.locator("path.dot"))
    dots = chart.dots(count)
    # The outermost points of the first feature: nothing lies over them.
    ends = sorted(range(40), key=lambda i: dots[i][0])
    for row in (ends[0], ends[-1]):
        chart.page.mouse.click(*dots[row])
        until(lab, "heard[-1:]", [row])

    button = chart.page.get_by_role("button", name="Select by dragging")
    button.click()
    expect(chart.root.locator(".selector .overlay")).to_be_attached(timeout=SOON)
    first = np.array(dots[:40])
    right, (low, high) = np.median(first[:, 0]), (first[:, 1].min() - 9, first[:, 1].max() + 9)
    chart.page.mouse.move(first[:, 0].min() - 6, low)
    chart.page.mouse.down()
    chart.page.mouse.move(right, high, steps=8)
    chart.page.mouse.up()
    inside = {i % 40 for i, (x, y) in enumerate(dots) if x < right and low <= y <= high}
    until(lab, "brushed[-1]", sorted(inside))
    lab.execute("chart.highlight(np.array(brushed[-1]))")
    faded = chart.root.locator("path.dot[style*='rgba']")
    expect(faded).to_have_count(count - sum(i % 40 in inside for i in range(count)), timeout=SOON)
    button.click()
    until(lab, "brushed[-1]", None)
    chart.page.mouse.click(*dots[ends[0]])
    until(lab, "heard[-1:]", [ends[0]])
    lab.execute("close_tree(card, set())")


def test_the_row_is_dragged_and_put(lab):
    chart = Chart(lab, BOUNDARY)
    chart.settled(chart.root.locator("path.dot"))
    at = chart.at

    dots = chart.dots(4)
    for dot, place in zip(dots, [(1, 11), (9, 19), (6, 13), (3, 17)]):  # class by class, the row last
        np.testing.assert_allclose(dot, at(*place), atol=1)
    for place, point in (((9, 19), 2), ((6, 13), 1), ((1, 11), 0)):
        chart.page.mouse.click(*at(*place))
        until(lab, "chosen[-1:]", [point])
    chart.page.mouse.move(*at(3, 17))
    chart.page.mouse.down()
    chart.page.mouse.move(*at(5, 12), steps=12)
    until(lab, "np.allclose(dragged[-1], (5, 12), atol=0.1)", True)  # the hand is still down
    chart.page.mouse.move(*at(8, 15), steps=12)
    lab.execute("chart.move_row(0, 10)")  # an answer that comes late
    chart.page.mouse.up()
    until(lab, "np.allclose(dragged[-1], (8, 15), atol=0.1)", True)
    np.testing.assert_allclose(chart.dots(4)[3], at(8, 15), atol=2)
    chart.page.mouse.click(*at(2, 14))
    until(lab, "np.allclose(dragged[-1], (2, 14), atol=0.1)", True)
    lab.execute("chart.move_row(7, 11)")
    until(lab, "np.allclose(dragged[-1], (2, 14), atol=0.1)", True)
    chart.page.wait_for_function(
        "([dot, x, y]) => { const b = dot.getBoundingClientRect();"
        " return Math.hypot(b.x + b.width / 2 - x, b.y + b.height / 2 - y) < 2; }",
        arg=[chart.root.locator("path.dot").nth(3).element_handle(), *at(7, 11)],
    )
    line = chart.root.locator("g.curve path.line").first.bounding_box()
    assert line
    assert line["x"] + line["width"] / 2 == pytest.approx(at(5, 0)[0], abs=2)
    lab.execute("close_tree(card, set())")
