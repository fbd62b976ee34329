"""All channels of a layer as thumbnails: in the order that the kernel gives, with the chosen one in sight."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pane import SOON, frames, kernel_values, pixels, until

pytestmark = pytest.mark.browser


def test_a_grid_is_shown_in_the_order_that_the_kernel_gives(lab):
    lab.run_cell(
        """\
import numpy as np
from nbexplain.widgets.controls import Controls
from nbexplain.widgets.map_grid import MapGrid
from nbexplain.widgets.wire import Array

controls = Controls(channel=1)
shown = Array()
many = np.random.default_rng(0).random((300, 8, 8)).astype(np.float32)
shown.send(many, quantity="activation", size=[32, 32])
g = MapGrid(array=shown, controls=controls, sorts=["number", "activation"],
            dead=[7], dead_note="1 channel is dead over all 12 inputs")
def answer(change):
    by_number = change["new"] == "number"
    g.sort_keys = [] if by_number else many.mean((1, 2)).tolist()
    g.order = [] if by_number else np.argsort(-many.mean((1, 2))).tolist()
g.observe(answer, "sort")
g
"""
    )
    pane = lab.page.locator(".jp-CodeCell").last.locator(".nbx-map-grid")
    canvas = pane.locator("canvas[role=slider][data-selected='1']")
    expect(canvas).to_be_visible(timeout=SOON)
    expect(
        pane.get_by_text("300 channels of 32 × 32, drawn as 8 × 8 1 channel is dead over all 12 inputs")
    ).to_be_visible()
    means = kernel_values(lab, "many.mean((1, 2))")
    order = np.argsort(-means).tolist()
    by_number = pixels(canvas)
    pane.get_by_role("combobox", name="Order").select_option("by mean activation")
    text = f"mean activation {means[1]:.3f}"[:-1]
    expect(canvas).to_have_attribute("aria-valuetext", re.compile(re.escape(text)), timeout=SOON)
    until(lab, "g.order[:3]", order[:3])
    frames(lab.page)
    place = order.index(1)
    assert in_sight(pane)
    canvas.focus()
    lab.page.keyboard.press("ArrowRight" if place + 1 < 300 else "ArrowLeft")
    neighbour = order[place + 1 if place + 1 < 300 else place - 1]
    until(lab, "controls.channel", neighbour)
    lab.page.keyboard.press("Home")
    until(lab, "controls.channel", order[0])
    frames(lab.page)
    assert in_sight(pane)
    lab.execute("g.sort = 'number'")
    expect(pane.locator("canvas[aria-valuetext*=mean]")).to_have_count(0, timeout=SOON)
    lab.execute("controls.channel = 0")
    expect(pane.locator("canvas[data-selected='0']")).to_be_visible(timeout=SOON)
    frames(lab.page)
    assert np.array_equal(pixels(pane.locator("canvas[role=slider]")), by_number)


def in_sight(pane: Locator) -> bool:
    """Whether the frame of the chosen thumbnail lies within what the grid shows."""
    return bool(
        pane.evaluate("""pane => {
            const box = name => pane.querySelector(name).getBoundingClientRect();
            const [inner, outer] = [box('.nbx-frame'), box('.nbx-grid-scroll')];
            return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
        }""")
    )
