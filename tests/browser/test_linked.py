"""Explorers in several cells, and widgets of the user's own, linked to one another: none jumps, none is left behind."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from nbexplain.examples import scenes
from tests.browser.jupyter import Lab
from tests.browser.pane import PLAIN, SOON, Explorer, difference, drag, frames, kernel_values, until
from tests.browser.test_drag import WATCH

pytestmark = pytest.mark.browser

CLASSES = scenes().classes
OWN = "show=['map', 'channel'], controls=['input', 'method', 'target', 'layer', 'channel']"


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(f"{PLAIN}\nimport ipywidgets") == ""


# Two explorers on one session


def two(lab: Lab) -> tuple[Explorer, Explorer]:
    lab.run_cell("s = nx.Session(demo.model, demo.pictures, **about); a = nx.Explorer(s, show=['inputs', 'map']); a")
    lab.run_cell("b = nx.Explorer(s, show=['inputs', 'map', 'channel']); b")
    return Explorer(lab, 1), Explorer(lab, 2)


def test_the_other_explorer_follows_a_dragged_input_without_a_step_back(lab):
    first, second = two(lab)
    hand, other = first.range("Input"), second.range("Input")
    for slider in (hand, other):
        slider.evaluate("slider => slider.dataset.watch = ''")
    lab.page.locator("[data-watch]").evaluate_all(WATCH)
    assert drag(hand, 1.0, steps=60) == "9"
    for explorer in (first, second):
        explorer.chose_input(9)
    until(lab, "s.wait(60) and s.selection.input", 9)
    frames(lab.page, 10)
    for values in lab.page.evaluate("(() => { const seen = window.watched; window.watched = null; return seen })()"):
        assert len(set(values)) > 3
        assert values == sorted(values)
    for explorer in (first, second):
        explorer.map.as_cells()
        explorer.map.draws(kernel_values(lab, "cam(tensor(9), 7)"))


def test_closing_one_explorer_leaves_the_other_alive(lab):
    first, second = two(lab)
    lab.execute("a.close()")
    expect(first.root.locator("canvas")).to_have_count(0, timeout=SOON)
    second.map.as_cells()
    second.inputs.nth(2).click()
    second.chose_input(2)
    second.choose_target(3)
    second.map.shows(f"Grad-CAM · {CLASSES[3]}")
    second.map.draws(kernel_values(lab, "cam(tensor(2), 3)"))
    until(lab, "(b.input, b.target)", (2, 3))


def test_running_a_cell_again_replaces_its_explorer(lab):
    first, second = two(lab)
    first.choose_target(3)
    second.map.shows(f"Grad-CAM · {CLASSES[3]}")
    old = lab.execute("print(b.model_id)")
    lab.run_again()
    until(lab, f"b.model_id != {old!r}", True)
    expect(lab.page.locator(".nbx-toolbar")).to_have_count(2, timeout=SOON)
    again = Explorer(lab, 2)
    again.map.shows(f"Grad-CAM · {CLASSES[3]}")  # the session and its selection are the same
    again.choose_target(5)
    first.map.shows(f"Grad-CAM · {CLASSES[5]}")
    lab.run_cell("b = None\nprint('done')")  # another cell closes nothing
    first.choose_target(2)
    again.map.shows(f"Grad-CAM · {CLASSES[2]}")


# Widgets of the user's own

USERS = """\
sized = {{"layout": {{"width": "600px"}}, "style": {{"description_width": "90px"}}}}
own = {{
    "channel": ipywidgets.IntSlider(min=0, max=95, description="my channel", **sized),
    "target": ipywidgets.Dropdown(options=demo.classes, index=7, description="my target"),
    "input": ipywidgets.IntSlider(min=0, max=9, description="my input"),
    "layer": ipywidgets.Text("layer4", description="my layer", continuous_update=False),
    "method": ipywidgets.Text("grad_cam", description="my method", continuous_update=False),
}}
own = {{name: (widget, "index" if name == "target" else "value") for name, widget in own.items()}}
e = nx.explore(demo.model, demo.pictures, **about, target=7, {own})
links = [ipywidgets.{link}(ours, (e, name)) for name, ours in own.items()]
ipywidgets.VBox([*(widget for widget, _ in own.values()), e])"""


def mine(explorer: Explorer, name: str) -> Locator:
    """The input of one of the user's own widgets: a select, a text, or the handle of a slider."""
    row = explorer.root.locator(".widget-inline-hbox", has_text=f"my {name}")
    return row.locator("select, input[type=text], .noUi-handle").first


def read_out(explorer: Explorer, name: str) -> Locator:
    return explorer.root.locator(".widget-inline-hbox", has_text=f"my {name}").locator(".widget-readout")


def everywhere(lab: Lab, explorer: Explorer, **chosen: object) -> None:
    """The user's widgets, the toolbar, the explorer's traits and the session agree, and stay so."""
    values = dict(chosen)
    for last in (False, True):
        for name, value in values.items():
            if name in ("channel", "input"):
                expect(read_out(explorer, name)).to_have_text(str(value), timeout=SOON)
                expect(explorer.range(name.capitalize())).to_have_value(str(value), timeout=SOON)
            elif name == "target":
                expect(mine(explorer, name)).to_have_value(CLASSES[int(str(value))], timeout=SOON)
                expect(explorer.select("Target by name")).to_have_value(str(value), timeout=SOON)
            else:
                expect(mine(explorer, name)).to_have_value(str(value), timeout=SOON)
                shown = "Layer by name" if name == "layer" else "Method"
                expect(explorer.select(shown)).to_have_value(str(value), timeout=SOON)
        if not last:
            shown = "(getattr(*own[n]), getattr(e, n), getattr(e.session.selection, n))"
            kernel = f"e.session.wait(60) and [{shown} for n in {list(values)}]"
            until(lab, kernel, [(value,) * 3 for value in values.values()])
            frames(lab.page)


@pytest.mark.parametrize("link", ["link", "jslink"])
def test_widgets_of_the_users_own_move_the_explorer_and_follow_it(lab, link):
    lab.run_cell(USERS.format(link=link, own=OWN))
    explorer = Explorer(lab)
    explorer.map.as_cells()
    everywhere(lab, explorer, channel=0, target=7, input=0, layer="layer4", method="grad_cam")
    # from the user's widgets
    mine(explorer, "target").select_option(label=CLASSES[3])
    mine(explorer, "input").press("ArrowRight")
    mine(explorer, "channel").press("ArrowRight")
    everywhere(lab, explorer, channel=1, target=3, input=1, layer="layer4", method="grad_cam")
    explorer.map.draws(kernel_values(lab, "cam(tensor(1), 3)"))
    mine(explorer, "layer").fill("layer3")
    mine(explorer, "layer").press("Enter")
    explorer.map.draws(kernel_values(lab, "cam(tensor(1), 3, 'layer3')"))
    mine(explorer, "method").fill("gradient")
    mine(explorer, "method").press("Enter")
    explorer.map.shows(f"Gradient · {CLASSES[3]}")
    everywhere(lab, explorer, channel=1, target=3, input=1, layer="layer3", method="gradient")
    # from the toolbar
    explorer.choose_method("grad_cam")
    explorer.choose_layer("layer4")
    explorer.choose_target(5)
    explorer.choose_channel(40)
    explorer.range("Input").fill("4")
    everywhere(lab, explorer, channel=40, target=5, input=4, layer="layer4", method="grad_cam")
    explorer.map.draws(kernel_values(lab, "cam(tensor(4), 5)"))
    # from code, on both sides
    lab.execute("own['channel'][0].value = 12; e.target = 2; e.session.select(input=8)")
    everywhere(lab, explorer, channel=12, target=2, input=8, layer="layer4", method="grad_cam")


@pytest.mark.parametrize("link", ["link", "jslink"])
def test_a_fast_drag_of_the_users_slider_ends_where_the_hand_ended(lab, link):
    lab.run_cell(USERS.format(link=link, own=OWN))
    explorer = Explorer(lab)
    handle, page = mine(explorer, "channel"), lab.page
    box = explorer.root.locator(".widget-inline-hbox", has_text="my channel").locator(".noUi-base").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    for ends in ((0.9, 0.1, 0.62), (0.0, 1.0, 0.3), (0.8, 0.35, 0.97)):
        place = handle.bounding_box()
        assert place
        page.mouse.move(place["x"] + place["width"] / 2, y)
        page.mouse.down()
        for end in ends:
            page.mouse.move(box["x"] + end * box["width"], y, steps=25)
        page.mouse.up()
        where = round(95 * ends[-1])
        hand = int(read_out(explorer, "channel").inner_text())
        assert abs(hand - where) <= 2
        everywhere(lab, explorer, channel=hand)
        explorer.channel.shows_channel(hand)


# What does not fit

NONSENSE = """\
own = {{
    "channel": ipywidgets.IntText(description="my channel", continuous_update=False),
    "target": ipywidgets.IntText(7, description="my target", continuous_update=False),
    "input": ipywidgets.IntText(description="my input", continuous_update=False),
    "layer": ipywidgets.Text("layer4", description="my layer", continuous_update=False),
    "method": ipywidgets.Text("grad_cam", description="my method", continuous_update=False),
}}
e = nx.explore(demo.model, demo.pictures, **about, target=7, {own})
links = [ipywidgets.{link}((widget, "value"), (e, name)) for name, widget in own.items()]
ipywidgets.VBox([*own.values(), e])"""
WRONG = [
    ("channel", "9999", "channel: 9999 is out of range, expected 0 to 95", "3"),
    ("target", "99", "target: class 99 is out of range, expected 0 to 8", "3"),
    ("input", "10", "input: expected 0 to 9, got 10", "3"),
    ("layer", "nope", "layer: there is no 'nope' in this model", "layer3"),
    ("method", "magic", "'magic'", "gradient"),
]


@pytest.mark.parametrize("link", ["link", "jslink"])
def test_nonsense_through_a_link_is_said_and_changes_nothing(lab, link):
    lab.run_cell(NONSENSE.format(link=link, own=OWN))
    explorer = Explorer(lab)
    explorer.map.as_cells()
    for name, wrong, words, right in WRONG:
        until(lab, "e.session.wait(60)", True)
        frames(lab.page)
        box = explorer.root.get_by_label(f"my {name}")
        good, map_ = lab.execute(f"print(e.{name})"), explorer.map.pixels()
        channel = explorer.channel.pixels()
        box.fill(wrong)
        box.press("Enter")
        expect(explorer.alert).to_contain_text(words, timeout=SOON)
        until(lab, f"e.session.wait(60) and (str(e.{name}), str(e.session.selection.{name}))", (good, good))
        frames(lab.page)
        assert difference(explorer.map.pixels(), map_) == 0
        assert difference(explorer.channel.pixels(), channel) == 0
        box.fill(right)
        box.press("Enter")
        until(lab, f"e.session.wait(60) and (str(e.{name}), str(e.session.selection.{name}))", (right, right))
        expect(explorer.alert).to_be_hidden(timeout=SOON)
    explorer.map.shows(re.compile(f"^Gradient · {CLASSES[3]}: .*160 × 160 cells"))
    activation = kernel_values(lab, "plain(tensor(3), 'layer3')[1][0, 3]")
    explorer.channel.as_cells()
    explorer.channel.draws(np.asarray(activation))
