"""The channels of an image that has neither one nor three: a slider in the pane, which no kernel is asked about."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Pane, drag, frames, kernel_values, until, wait

pytestmark = pytest.mark.browser

SHOW = """\
import numpy as np
from nbexplain.widgets.image_channels import send_channels
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.wire import Array

values = np.random.default_rng(0).random((8, 8, 5)).astype(np.float32)
values[..., 1] = values[..., 1] * 0.1 + 0.3
image = nx.Image(values)
array = Array()
send_channels(array, image, size=[8, 8], title="five channels")
pane = ImagePane(picture=array, title="five channels")
pane"""
NEAR = 2  # of 255


def shows(pane: Pane, wanted: np.ndarray) -> None:
    """Wait until the canvas has these greys (n, n) or colours (n, n, 3), pixel by pixel."""
    wanted = wanted if wanted.ndim == 3 else wanted[..., None]

    def far() -> float:
        seen = pane.pixels()
        height, width = seen.shape[:2]
        rows, columns = (
            ((np.arange(cells) + 0.5) / cells * n).astype(int)
            for n, cells in zip((height, width), wanted.shape[:2], strict=True)
        )
        found = seen[np.ix_(rows, columns)].astype(int)
        assert (found[..., 3] == 255).all()
        return int(np.abs(found[..., :3] - wanted).max())

    wait(far, NEAR)


def test_each_channel_is_looked_at_by_keyboard_and_pointer_without_the_kernel(lab: Lab) -> None:
    lab.run_cell(SHOW)
    output = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output").last
    expect(output.locator("canvas[data-frame]")).to_have_count(1, timeout=SOON)
    pane = Pane(output.locator(".nbx-image-pane"))
    values = kernel_values(lab, "values")
    low, high = values.min((0, 1)), values.max((0, 1))
    greys = np.rint((values - low) / (high - low) * 255)
    slider: Locator = pane.root.get_by_role("slider", name="Image channel", exact=True)
    box = pane.root.get_by_role("spinbutton", name="Image channel, number", exact=True)
    note = pane.root.locator(".nbx-image-channel-note")

    shows(pane, np.rint(values.mean(-1) * 255))
    expect(slider).to_have_attribute("aria-valuetext", "mean")
    expect(note).to_have_text("mean of 5 channels")

    slider.focus()
    for channel in (0, 1):
        lab.page.keyboard.press("ArrowRight")
        shows(pane, greys[..., channel])
        expect(slider).to_have_attribute("aria-valuetext", f"{channel} of 5")
        expect(box).to_have_value(str(channel))
    expect(note).to_have_text(f"channel 1 of 5, stretched from {low[1]:.3g} to {high[1]:.3g}")
    until(lab, "pane.image_channel", 1)

    sent = lab.frames
    assert drag(slider, 0.8, release=False) == "3"
    shows(pane, greys[..., 3])
    frames(lab.page)
    assert lab.frames == sent  # the hand is still on it: nobody has been told
    lab.page.mouse.up()
    until(lab, "pane.image_channel", 3)

    box.fill("4")
    shows(pane, greys[..., 4])
    box.blur()
    until(lab, "pane.image_channel", 4)
    slider.focus()
    lab.page.keyboard.press("Home")
    shows(pane, np.rint(values.mean(-1) * 255))


def test_an_explorer_offers_the_channels_of_its_input_and_none_with_display(lab: Lab) -> None:
    lab.run_cell(
        "import numpy as np\n"
        "from torch import nn\n"
        "many = np.random.default_rng(0).random((24, 24, 5)).astype(np.float32)\n"
        "net = nn.Sequential(nn.Conv2d(5, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))\n"
        "both = [nx.explore(net.eval(), many, show=['map'], **more) for more in ({}, {'display': (4, 2, 0)})]\n"
        "import ipywidgets\n"
        "ipywidgets.VBox(both)"
    )
    output = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output").last
    panes = output.locator(".nbx-image-pane")
    expect(panes.locator("canvas[data-frame]")).to_have_count(2, timeout=SOON)
    for pane, offered in ((panes.first, True), (panes.last, False)):
        expect(pane.get_by_role("slider", name="Opacity")).to_be_visible(timeout=SOON)
        expect(pane.get_by_role("slider", name="Image channel")).to_be_visible(visible=offered)
    plain = Pane(panes.last)
    plain.view("Show", "picture")
    shows(plain, np.rint(kernel_values(lab, "many")[..., [4, 2, 0]] * 255))
