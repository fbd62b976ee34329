"""Leafing through a volume: the slider moves in the page, for all panes at once, and the kernel hears nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.pane import SOON, Pane, frames

pytestmark = pytest.mark.browser

VOLUME = """\
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 3))
scan = torch.zeros(1, 1, 8, 16, 16)
scan += torch.arange(8)[:, None, None] / 8  # each slice is grey, one darker than the next
scan[0, 0, 6, 4:8, 10:14] = 1
view = nx.explore(net.eval(), scan, method="gradient", target=1, show=["map", "channel", "grid"])
right = nx.explain(net, scan, "gradient", target=1).values[0]
view"""


def test_a_slider_shows_the_slices_without_the_kernel(lab):
    lab.run_cell(VOLUME)
    cell = lab.page.locator(".jp-CodeCell").last
    first, second = (Pane(cell.locator(".nbx-image-pane").nth(place)) for place in (0, 1))
    first.shows(re.compile("^Gradient · class 1: .*slice 4 of 8"))
    second.shows(re.compile("slice 4 of 8"))
    slider = first.root.get_by_role("slider", name="Slice", exact=True)
    number = first.root.get_by_role("spinbutton", name="Slice, number")
    expect(slider).to_have_attribute("aria-valuetext", "slice 4 of 8")
    first.root.get_by_text("View", exact=True).click()
    first.view("Show", "picture")
    lab.execute("pass")
    frames(lab.page)
    greys = {4: np.median(first.pixels()[..., 0])}
    sent = lab.frames
    slider.focus()
    for place, key in ((5, "ArrowRight"), (6, "ArrowRight"), (7, "End"), (0, "Home")):
        lab.page.keyboard.press(key)
        first.shows(re.compile(f"slice {place} of 8"))
        expect(number).to_have_value(str(place))
        frames(lab.page)
        greys[place] = np.median(first.pixels()[..., 0])
    assert all(abs(grey - 255 * place / 8) <= 2 for place, grey in greys.items()), greys
    number.fill("6")
    first.shows(re.compile("slice 6 of 8"))
    second.shows(re.compile("slice 6 of 8"))
    expect(cell.locator(".nbx-map-grid")).to_contain_text("slice 6 of 8")
    # the white square: rows 4 to 7, columns 10 to 13 of 16
    frames(lab.page)
    pixels = first.pixels()[..., 0]
    side = pixels.shape[0] / 16
    assert pixels[int(6 * side), int(12 * side)] == 255
    assert abs(int(pixels[int(12 * side), int(12 * side)]) - 191) <= 2
    box = first.canvas.bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] * 12.5 / 16, box["y"] + box["height"] * 6.5 / 16)
    readout = first.root.locator(".nbx-readout")
    expect(readout).to_have_text(re.compile(r"^x 12  y 6  z 6   "), timeout=SOON)
    shown = float(str(readout.text_content()).split()[-1].replace("−", "-").replace("≈", ""))
    assert lab.frames == sent  # not one message
    assert shown == pytest.approx(float(lab.execute("print(right[6, 6, 12])")), rel=1e-4, abs=1e-12)
