"""Partial dependence in a real page: the curve is where the numbers say, and the row's mark goes along with a hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, drag, frames, kernel_values, until
from tests.browser.test_explorers_of_tables import SET_UP, at, at_rest, card, shown

pytestmark = pytest.mark.browser

_PLACES = """path => {
    const numbers = path.getAttribute("d").match(/-?[\\d.]+(e-?\\d+)?/g).map(Number), box = path.getScreenCTM();
    return numbers.reduce((all, n, i) => i % 2 ? all : [...all, [n + box.e, numbers[i + 1] + box.f]], []);
}"""


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(SET_UP) == ""


def middle(mark: Locator) -> tuple[float, float]:
    box = mark.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_curve_the_bars_and_the_row_that_moves(lab):
    explorer = shown(lab, "homes(target=1, show=['editor', 'partial'])")
    pane = card(explorer, "Partial dependence")
    pane.scroll_into_view_if_needed()
    chart = pane.locator(".bqplot")
    chooser = pane.get_by_role("combobox", name="Column")
    chooser.focus()
    explorer.page.keyboard.press("End")  # a category
    expect(pane.locator(".nbx-title")).to_have_text(re.compile("^Partial dependence: kind · dear · 80 rows"))
    expect(chart.get_by_text(re.compile("^\\W*house\\W*$"))).to_be_visible(timeout=SOON)
    explorer.page.keyboard.press("Home")
    expect(pane.locator(".nbx-title")).to_have_text(re.compile("^Partial dependence: size · dear"))
    at_rest(lab)
    curve = chart.locator("path.line[style*='stroke-width: 2.8']")
    expect(curve).to_have_count(1)
    found = "nx.explain(price, e.session.inputs[0], 'partial_dependence', target=1, column='size')"
    x, y = kernel_values(lab, f"(found := {found}).grid.values"), kernel_values(lab, "found.values")
    frames(explorer.page, 30)
    places = np.array(curve.evaluate(_PLACES))
    wanted = np.array([at(chart, *point) for point in zip(x, y, strict=True)])
    np.testing.assert_allclose(places, wanted, atol=1.5)
    # the mark is on the row's own curve, and follows the slider
    mark = chart.locator("path.dot[style*='255, 210, 31']")
    slider = explorer.root.locator(".nbx-row-editor").get_by_role("slider", name="size", exact=True)
    for where in (0.3, 0.7):
        size = float(drag(slider, 0.5, where, steps=20, pause=0.01))
        at_rest(lab)
        score = kernel_values(lab, "price(frame.iloc[[0]].assign(size=e.session.inputs[0].tensor[0, 0].item()))[0]")[1]
        until(lab, "e.session.wait(10)", True)
        expect(mark).to_have_count(1)
        frames(explorer.page, 30)
        np.testing.assert_allclose(middle(mark), at(chart, size, score), atol=3)
    # the bars below say to the pointer how many rows hold the value
    counts, edges = (
        kernel_values(lab, "np.histogram(frame['size'], 30)[0]"),
        kernel_values(lab, "np.histogram(frame['size'], 30)[1]"),
    )
    tallest = int(counts.argmax())
    left = at(chart, (edges[tallest] + edges[tallest + 1]) / 2, 0)[0]
    bottom = chart.locator("g.axis").first.bounding_box()
    assert bottom
    explorer.page.mouse.move(left, bottom["y"] - 4)
    expect(
        explorer.page.locator(".bqplot_tooltip_div, .tooltip_div").get_by_text(f"{counts[tallest]} rows")
    ).to_be_visible(timeout=SOON)
