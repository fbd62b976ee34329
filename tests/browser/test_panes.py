"""Panes side by side share zoom, pointer and limits; cells are picked and framed; a cell's sum is numpy's."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Pane, colours, difference, frames, kernel_values, pixels, until

pytestmark = pytest.mark.browser

NEAR = 6  # of 255, as in test_pixels.py
MAKE = """\
import ipywidgets
import numpy as np
from nbexplain.widgets.cell_arithmetic import CellArithmetic
from nbexplain.widgets.controls import Controls
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.wire import Array

def array(values, **meta):
    made = Array()
    made.send(np.asarray(values), **meta)
    return made

def picture(height, width):
    rows, columns = np.mgrid[:height, :width]
    values = np.stack([rows * 255 // height, columns * 255 // width, rows * 0 + 90], axis=-1)
    return array(values.astype(np.uint8), size=[height, width])

grid = np.arange(60, dtype=np.float32).reshape(2, 5, 6)
controls = Controls(channel=1)
"""
SIDE_BY_SIDE = """\
link = PaneLink()
maps = [(grid[0], "score"), (grid[1] * 2, "score"), (-grid[0], "other")]
panes = [
    ImagePane(
        picture=picture(80 * (i + 1), 96 * (i + 1)),
        overlay=array(values, on="grid", quantity=quantity, signed=quantity == "other", title=f"map {i}"),
        link=link, interpolation="nearest", mode="map",
    )
    for i, (values, quantity) in enumerate(maps)
]
ipywidgets.VBox([link, ipywidgets.HBox(panes)])
"""
PICKING = """\
first, second = (
    ImagePane(
        picture=picture(80, 96), overlay=array(grid, on="grid", title=f"pane {i}", quantity="activation"),
        controls=controls, follow_channel=True, pick=i == 0,
    )
    for i in range(2)
)
ipywidgets.HBox([first, second])
"""


def shown(lab: Lab, cell: str, canvases: int) -> list[Pane]:
    """The panes that a cell shows, once they are drawn."""
    lab.run_cell(MAKE + cell)
    output = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output").last
    panes = output.locator(".nbx-image-pane")
    expect(panes.locator("canvas[data-frame]")).to_have_count(canvases, timeout=SOON)
    return [Pane(panes.nth(i)) for i in range(canvases)]


def point(pane: Pane, x: float, y: float) -> tuple[float, float]:
    """Where a fraction of a pane's canvas lies on the page."""
    pane.canvas.scroll_into_view_if_needed()
    box = pane.canvas.bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def marks(pane: Pane, name: str) -> str:
    """The outline of a mark, in pixels of the canvas."""
    return pane.root.locator(".nbx-marks").get_attribute(f"data-{name}") or ""


def test_panes_of_a_link_zoom_together_and_nobody_tells_the_kernel(lab):
    panes = shown(lab, SIDE_BY_SIDE, 3)
    before = [pane.pixels() for pane in panes]
    page = lab.page
    panes[0].canvas.focus()
    page.mouse.move(*point(panes[0], 0.3, 0.45))
    sent = lab.frames
    for _ in range(4):
        page.mouse.wheel(0, -150)
    for pane in panes:
        expect(pane.canvas).to_have_class(re.compile("nbx-zoomed"), timeout=SOON)
    frames(page)
    zoom = 2 ** (4 * 150 / 300)
    for pane, whole in zip(panes, before, strict=True):
        seen = pane.pixels()
        height, width = seen.shape[:2]
        # the cell that is seen at a place of the zoomed stage: the point under the pointer has stayed where it was
        for x, y in ((0.1, 0.1), (0.3, 0.45), (0.8, 0.55)):
            row, column = (int((a + (b - a) / zoom) * n) for a, b, n in ((0.45, y, 5), (0.3, x, 6)))
            cell = whole[int((row + 0.5) / 5 * height), int((column + 0.5) / 6 * width)]
            assert difference(seen[int(y * height), int(x * width)], cell) <= 1, (x, y)
    page.mouse.down()
    page.mouse.move(*point(panes[0], 0.6, 0.6), steps=8)
    page.mouse.up()
    frames(page)
    assert lab.frames == sent
    page.keyboard.press("0")
    for pane in panes:
        expect(pane.canvas).not_to_have_class(re.compile("nbx-zoomed"), timeout=SOON)
    frames(page)
    assert all(np.array_equal(pane.pixels(), was) for pane, was in zip(panes, before, strict=True))


def test_the_pointer_reads_the_same_place_in_all_panes(lab):
    panes = shown(lab, SIDE_BY_SIDE, 3)
    sent = lab.frames
    lab.page.mouse.move(*point(panes[1], 0.55, 0.5))
    for i, text in enumerate(["15", "90", "−15"]):  # row 2, column 3: 15; 30 + 15, twice; and 15 below zero
        place = f"x {int(0.55 * 96 * (i + 1))}  y {int(0.5 * 80 * (i + 1))}   cell 3, 2   {text}"
        expect(panes[i].root.locator(".nbx-readout")).to_have_text(place, timeout=SOON)
        assert marks(panes[i], "ring").startswith("M")
    lab.page.mouse.move(2, 2)
    for pane in panes:
        expect(pane.root.locator(".nbx-readout")).to_have_text(re.compile("^6 × 5"), timeout=SOON)
        assert marks(pane, "ring") == ""
    assert lab.frames == sent


def test_shared_limits_make_equal_numbers_equal_colours(lab):
    panes = shown(lab, SIDE_BY_SIDE, 3)
    one, two = kernel_values(lab, "maps[0][0]"), kernel_values(lab, "maps[1][0]")
    highest = [one.max(), two.max()]
    limits = lab.page.get_by_role("combobox", name="Colour limits")
    for choice, highs in (("own", highest), ("shared", [max(highest)] * 2), ("own", highest)):
        limits.select_option(choice)
        until(lab, "link.limits", choice)
        frames(lab.page)
        for pane, values, high in zip(panes, (one, two), highs, strict=False):
            seen = pane.pixels()
            assert difference(seen, colours(values, seen.shape[:2], "viridis", 0, high)) <= NEAR
            expect(pane.root.get_by_text("limits of 2 maps")).to_have_count(int(choice == "shared"))
        expect(panes[2].root.get_by_text("own limits: other quantity")).to_have_count(int(choice == "shared"))
        expect(panes[2].canvas).to_have_attribute("aria-label", re.compile("colours from −29 to 29"))


def test_a_click_picks_the_cell_and_a_drag_does_not(lab):
    first, second = shown(lab, PICKING, 2)
    page = lab.page
    page.mouse.click(*point(first, 3.5 / 6, 1.5 / 5))
    until(lab, "controls.cell", "[1, 3]")
    for pane in (first, second):
        expect(pane.canvas).to_have_attribute("data-cell", "1,3")
        expect(pane.canvas).to_have_attribute("aria-label", re.compile(r"cell 3, 1: 39$"))  # 30 + 6 + 3 in channel 1
        box = pane.canvas.bounding_box()
        assert box
        left, top, right, bottom = (float(n) for n in re.findall(r"-?[\d.]+", marks(pane, "picked"))[:4])
        place = [left / box["width"], top / box["height"], right / box["width"], bottom / box["height"]]
        assert place == pytest.approx([3 / 6, 1 / 5, 4 / 6, 2 / 5], abs=0.01)
    page.mouse.click(*point(second, 0.9, 0.9))  # its cells are not to be picked
    first.canvas.focus()
    page.keyboard.press("+")
    page.mouse.move(*point(first, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*point(first, 0.8, 0.7), steps=5)
    page.mouse.up()
    frames(page)
    assert lab.execute("print(controls.cell)") == "[1, 3]"
    for _ in range(3):
        page.keyboard.press("+")
    page.mouse.click(*point(first, 0.02, 0.02))  # zoomed: what is seen there is picked
    row, column = picked_when_changed(lab, "[1, 3]")
    read = first.read_out(0.02, 0.02)
    assert f"cell {column}, {row} " in read


def test_a_cell_is_picked_with_the_keyboard(lab):
    first, _ = shown(lab, PICKING, 2)
    first.canvas.focus()
    for key, cell in (
        ("Enter", [2, 3]),
        ("Shift+ArrowLeft", [2, 2]),
        ("Shift+ArrowUp", [1, 2]),
        ("Escape", []),
        ("Shift+ArrowDown", [2, 3]),
        ("Space", []),
    ):
        lab.page.keyboard.press(key)
        until(lab, "controls.cell", cell)
        expect(first.canvas).to_have_attribute("data-cell", ",".join(map(str, cell)))
    assert first.canvas.evaluate("canvas => canvas === document.activeElement")


def test_user_code_and_another_channel_move_what_is_read_of_the_cell(lab):
    first, _ = shown(lab, PICKING, 2)
    lab.execute("controls.cell = [4, 0]")
    expect(first.canvas).to_have_attribute("data-cell", "4,0", timeout=SOON)
    expect(first.root.locator(".nbx-readout")).to_have_text("cell 0, 4   54")
    lab.execute("controls.channel = 0")
    expect(first.root.locator(".nbx-readout")).to_have_text("cell 0, 4   24")
    lab.execute("controls.cell = [5, 0]")  # of another layer's grid
    expect(first.canvas).to_have_attribute("data-cell", "")


def test_a_frame_is_drawn_as_far_as_it_lies_inside_with_no_map_at_all(lab):
    note = "receptive field 20 × 10 of 96 × 80, 5 pixels beyond the left edge"
    cell = f"p = ImagePane(picture=picture(80, 96), title='field', frame=[-5, 20, 15, 30], frame_note={note!r})\np"
    (pane,) = shown(lab, cell, 1)
    expect(pane.root.locator(".nbx-readout")).to_have_text(note)
    expect(pane.canvas).to_have_attribute("aria-label", f"field, {note}")
    width, height = (float(pane.canvas.evaluate(f"canvas => canvas.{side}")) for side in ("width", "height"))
    across, down = width / 96, height / 80
    left, top, right, bottom = 0, 20 * down, 15 * across, 30 * down
    expected = [
        [left, top, right],
        [right, top, bottom],
        [left, bottom, right],
    ]  # above, right, below; none at the left
    lines = [[float(n) for n in re.findall(r"-?[\d.]+", line)] for line in marks(pane, "framed").split("M")[1:]]
    assert np.allclose(lines, expected, atol=0.01)
    assert re.sub(r"[^A-Z]", "", marks(pane, "framed")) == "MHMVMH"
    drawn = pixels(pane.root.locator(".nbx-marks"))
    assert drawn[int(25 * down), int(15 * across)].tolist() == [255, 255, 255, 255]  # the line
    assert drawn[int(25 * down), int(5 * across)].tolist() == [0, 0, 0, 0]  # inside
    assert 50 < drawn[int(60 * down), int(50 * across), 3] < 100  # outside, dimmed
    lab.execute("p.frame = []; p.frame_note = ''")
    expect(pane.root.locator(".nbx-marks")).to_have_attribute("data-framed", "")


def test_the_arithmetic_of_a_cell_is_numpys(lab):
    """A real convolution of the example network, at a corner, so that the patch holds padding."""
    lab.run_cell(
        MAKE
        + """
torch.manual_seed(0)
conv = torch.nn.Conv2d(12, 4, 3, padding=1)
x = torch.randn(1, 12, 6, 6)
returned = float(conv(x)[0, 2, 0, 5])
patch = torch.nn.functional.pad(x, (1, 1, 1, 1))[0, :, 0:3, 5:8].numpy()
kernel = conv.weight[2].detach().numpy()
numbers = array(np.stack([patch, kernel]), bias=float(conv.bias[2]), has_bias=True, activation=returned,
                padding=[[0, 0], [0, 1], [0, 2], [1, 2], [2, 2]], in_names=[])
CellArithmetic(numbers=numbers, title="conv")
"""
    )
    pane = lab.page.locator(".jp-CodeCell").last.locator(".nbx-cell-arithmetic")
    expect(pane.locator("table")).to_have_count(4, timeout=SOON)
    patch, weights = kernel_values(lab, "patch").astype(float), kernel_values(lab, "kernel").astype(float)
    bias, returned = float(lab.execute("print(float(conv.bias[2]))")), float(lab.execute("print(returned)"))
    shares = (patch * weights).sum((1, 2))
    ranking = np.argsort(-np.abs(shares), kind="stable")
    buttons = pane.get_by_role("list").get_by_role("button")
    assert buttons.count() == 8
    for button, channel in zip(buttons.all(), ranking, strict=False):
        name, value = re.fullmatch(r"channel (\d+)\s*(\S+)", button.inner_text().replace("\n", " ")).groups()
        assert int(name) == channel
        assert number(value) == pytest.approx(shares[channel], rel=5e-3)
    rest = pane.get_by_text(re.compile("^and 4 more: "))
    assert number(rest.inner_text().rpartition(" ")[2]) == pytest.approx(shares[ranking[8:]].sum(), rel=5e-3)

    total = shares.sum()
    assert total + bias == pytest.approx(returned, abs=1e-5)
    for choose, channel in (
        (lambda: None, ranking[0]),
        (lambda: buttons.nth(3).click(), ranking[3]),
        (lambda: pane.get_by_role("spinbutton", name="Input channel, number").fill("5"), 5),
        (lambda: pane.get_by_role("slider", name="Input channel").press("ArrowRight"), 6),
    ):
        choose()
        share = shares[channel]
        assert cells(pane, "patch") == pytest.approx(patch[channel].ravel(), rel=5e-3)
        assert cells(pane, "kernel") == pytest.approx(weights[channel].ravel(), rel=5e-3)
        assert cells(pane, "product") == pytest.approx((patch * weights)[channel].ravel(), rel=1e-2)
        sums = [number(text) for text in pane.locator(".nbx-sum td").all_inner_texts()]
        assert sums == pytest.approx([share, total - share, total, bias, total + bias, returned], abs=2e-4)
    assert pane.get_by_role("table", name="patch").locator("td.nbx-padding").count() == 5
    assert "more than rounding" not in pane.inner_text()
    lab.execute("numbers.send(np.stack([patch, kernel]), bias=0.0, has_bias=False, activation=returned)")
    expect(pane.get_by_text("more than rounding")).to_be_visible(timeout=SOON)


def picked_when_changed(lab: Lab, before: str) -> tuple[int, int]:
    until(lab, f"str(controls.cell) != {before!r}", True)
    row, column = json.loads(lab.execute("print(controls.cell)"))
    return row, column


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def cells(pane: Locator, caption: str) -> list[float]:
    return [number(text) for text in pane.get_by_role("table", name=caption).locator("tbody td").all_inner_texts()]
