"""Charts in a real browser: a click tells the cell that is seen there, and a slider ends where the hand ended."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, drag, frames, kernel_values, until

pytestmark = pytest.mark.browser

CHART = """\
import numpy as np
from nbexplain.widgets.activity_chart import ActivityChart
from nbexplain.widgets.layout import close_tree, framed

chosen = []
def choose(row, channel):
    chosen.append((row, channel))
    chart.mark(row, channel)

values = np.random.default_rng(0).random(({rows}, {columns}), np.float32)
order = [int(channel) for channel in np.argsort(-values.mean(0))]
values[{empty}] = np.nan
chart = ActivityChart(choose)
chart.show(values, order, "mean activation", "layer3", 1.0)
card = framed("All inputs", chart.widget)
card"""
SLIDER = """\
from nbexplain.widgets.slider import Slider

heard = []
slider = Slider(label="Channels off", help="How many", high=96, value=20, choices=["most first", "least first"])
slider.choice = "most first"
slider.observe(lambda change: heard.append(change["new"]), "value")
slider"""


NAMED = """\
import bqplot
from nbexplain.widgets.chart_style import figure, set_ticks

rows, across = bqplot.LinearScale(min=0, max=3), bqplot.LinearScale(min=0, max=1)
beside = bqplot.Axis(scale=rows, orientation="vertical")
named = figure([bqplot.Bars(x=[0, 1, 2], y=[0.2, 0.5, 1], scales={"x": rows, "y": across}, orientation="horizontal")],
               [beside, bqplot.Axis(scale=across)])

def name(names, most):
    rows.max = most  # the axis moves
    set_ticks(beside, np.arange(3.0), ".0f", {str(place): name for place, name in enumerate(names)})

name("abc", 3)
named"""


class Heat:
    """The map of a chart as it lies on the page."""

    def __init__(self, lab: Lab, rows: int, columns: int, empty: int) -> None:
        lab.run_cell(CHART.format(rows=rows, columns=columns, empty=empty))
        self.lab, self.page = lab, lab.page
        self.image = lab.page.locator(".bqplot image").first
        expect(self.image).to_have_attribute("href", re.compile("^blob:"), timeout=SOON)
        self.image.scroll_into_view_if_needed()
        self.shape = rows, min(columns, 256)
        self.order = [int(channel) for channel in kernel_values(lab, "np.array(order)")]

    def at(self, row: int, column: int) -> tuple[float, float]:
        """Where the middle of a cell is on the page."""
        box = self.image.bounding_box()
        assert box
        x, y = (column + 0.5) / self.shape[1], (row + 0.5) / self.shape[0]
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def colour(self, row: int, column: int) -> np.ndarray:
        """What is seen there: (3,) int."""
        x, y = self.at(row, column)
        self.page.mouse.move(2, 2)
        clip: Any = {"x": round(x - 0.5), "y": round(y - 0.5), "width": 1, "height": 1}
        return np.array(Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")).reshape(3).astype(int)

    def shows(self, expected: dict[tuple[int, int], Any]) -> None:
        """Wait until each of these cells has the colour of its value; what is NaN, the white of the page."""
        deadline = time.monotonic() + 30
        while True:
            wrong = []
            for cell, value in expected.items():
                viridis = np.array(matplotlib.colormaps["viridis"](value, bytes=True)[:3])
                seen = self.colour(*cell)
                if np.abs(seen - (255 if np.isnan(value) else viridis)).max() > 9:
                    wrong.append((cell, value, seen))
            if not wrong:
                return
            assert time.monotonic() < deadline, wrong


@pytest.mark.parametrize(("rows", "columns"), [(12, 96), (40, 300)])
def test_a_click_on_a_cell_chooses_what_is_seen_there(lab, rows, columns):
    heat = Heat(lab, rows, columns, empty=2)
    seen = min(columns, 256)
    cells = [(0, 0), (rows - 1, seen - 1), (rows - 1, 0), (0, seen - 1), (rows // 2, seen // 2), (2, seen // 3)]
    values = kernel_values(lab, "values[:, order]")
    heat.shows({cell: values[cell] / np.nanmax(values[:, :seen]) for cell in cells})
    for row, column in cells:
        heat.page.mouse.click(*heat.at(row, column))
        until(lab, "chosen[-1:]", [(row, heat.order[column])])
    caption = lab.page.locator(".nbx-caption")
    expect(caption).to_contain_text(f"input 2, channel {heat.order[seen // 3]}: not computed yet", timeout=SOON)
    assert ("256 of 300 channels" in caption.inner_text()) == (columns > 256)
    until(lab, "len(chosen)", len(cells))
    lab.execute("close_tree(card, set())")


def test_what_is_shown_next_replaces_what_was_seen(lab):
    """bqplot looks at a picture again only when it is another one."""
    heat = Heat(lab, 4, 8, empty=2)
    cells = [(0, 0), (3, 7), (2, 4)]
    for start in (0.0, 0.6, 0.2):
        lab.execute(f"""\
values = np.full((4, 8), 1.0); values[0, 0], values[3, 7], values[2, 4] = {start}, {start} + 0.1, np.nan
chart.show(values, range(8), "mean activation", "layer3", 1.0)""")
        heat.shows(dict(zip(cells, (start, start + 0.1, np.nan))))
    lab.execute("chart.show(np.ones((3, 5)), range(5), 'mean activation', 'layer3', 1.0)")
    heat.shape = 3, 5
    heat.shows({(row, column): 1.0 for row in range(3) for column in (0, 4)})
    heat.page.mouse.click(*heat.at(2, 4))
    until(lab, "chosen", [(2, 4)])
    lab.execute("close_tree(card, set())")


@pytest.mark.parametrize("ends", [(0.9, 0.1, 1.0), (1.0, 0.0, 0.37)])
def test_a_dragged_slider_ends_where_the_hand_ended(lab, ends):
    lab.run_cell(SLIDER)
    lab.run_cell("slider")
    hand, other = lab.page.locator("input[type=range][aria-label='Channels off']").all()
    value = drag(hand, *ends)
    assert value == "96" or ends[-1] < 1
    until(lab, "(slider.value, heard[-1])", (int(value), int(value)))
    frames(lab.page)
    numbers = lab.page.get_by_role("spinbutton", name="Channels off, number", exact=True)
    for shown in (hand, other, numbers.first, numbers.last):
        expect(shown).to_have_value(value)
    lab.execute("slider.close()")


def test_a_slider_is_typed_into_chosen_from_and_set_by_code(lab):
    lab.run_cell(SLIDER)
    number = lab.page.get_by_role("spinbutton", name="Channels off, number", exact=True)
    hand = lab.page.get_by_role("slider", name="Channels off", exact=True)
    number.fill("61")
    until(lab, "slider.value", 61)
    expect(hand).to_have_value("61")
    hand.press("ArrowRight")
    until(lab, "slider.value", 62)
    lab.page.get_by_role("combobox", name="Channels off, which", exact=True).select_option("least first")
    until(lab, "slider.choice", "least first")
    lab.execute("slider.value = 7; slider.disabled = True")
    for shown in (hand, number):
        expect(shown).to_have_value("7", timeout=SOON)
        expect(shown).to_be_disabled(timeout=SOON)
    lab.execute("slider.close()")


def test_a_chart_has_its_frame_with_no_other_pane_beside_it(lab):
    lab.run_cell("nx.Explorer(demo.model, demo.pictures[0], show=['classes'], **about)")
    expect(lab.page.locator(".nbx-card")).to_have_css("border-top-width", "1px", timeout=SOON)


def test_ticks_at_the_same_places_have_their_new_names_while_the_axis_moves(lab):
    lab.run_cell("import numpy as np\n" + NAMED)
    texts = lab.page.locator(".bqplot .axis .tick text").filter(has_text=re.compile("^[a-z]$"))
    expect(texts).to_have_text([*"abc"])
    for turn, names in enumerate(["cab", "bca", "xyz", "cba"] * 3):
        lab.execute(f"name({names!r}, {3 + turn % 2})")
        frames(lab.page, 10)
        expect(texts).to_have_text([*names])
    assert lab.errors == []
