"""Each control changes the right pixels; clicks choose; the read-out says the raw number; names stay text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from nbexplain import explain
from nbexplain.examples import scenes
from nbexplain.examples.scenes import Scenes
from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, Pane, colours, difference, frames, pixels, until

pytestmark = pytest.mark.browser

SHOW = "e = nx.explore(demo.model, demo.pictures[0], **about{}); e"
NEAR = 6  # of 255: matplotlib's table has 256 colours, the page's a few fewer knots


@pytest.fixture(scope="module")
def demo() -> Scenes:
    return scenes()


def show(lab: Lab, more: str = "") -> Explorer:
    lab.run_cell(SHOW.format(more and f", {more}"))
    return Explorer(lab)


def as_cells(pane: Pane) -> np.ndarray:
    """The pixels of a pane that shows nothing but the map, as flat squares."""
    pane.view("Show", "map")
    pane.view("Cells", "nearest")
    return pane.pixels()


def activation(demo: Scenes, layer: str, channel: int) -> np.ndarray:
    picture, how = demo.pictures[0], {"layer": layer, "channel": channel, "preprocess": demo.preprocess}
    return explain(demo.model, picture, "activation", **how).values


def at_rest(lab: Lab) -> None:
    """Wait until the chosen channel has been drawn in full precision."""
    until(lab, "e.session.wait(30)", True)  # also for what is still to be sent
    frames(lab.page)


def limits(values: np.ndarray) -> tuple[float, float]:
    return min(0.0, float(values.min())), float(np.abs(values).max())


def test_the_class_slider_moves_the_bright_region_to_that_class(lab, demo):
    lab.run_cell("nx.explore(demo.model, demo.pictures[1], **about)")  # a heart and a star, of different textures
    explorer = Explorer(lab)
    pane = explorer.map
    pane.view("Show", "map")
    masks = demo.masks[1]
    for name, other in (list(masks), list(masks)[::-1]):
        explorer.number("Target, class number").fill(str(demo.classes.index(name)))
        pane.shows(f"Grad-CAM · {name}")
        brightness = pane.pixels()[..., :3].sum(2)
        height, width = brightness.shape
        inside, outside = (np.asarray(Image.fromarray(masks[n]).resize((width, height))) for n in (name, other))
        brightest = brightness >= np.percentile(brightness, 98)
        assert inside[brightest].mean() > 0.5
        assert outside[brightest].mean() == 0


def test_the_map_is_the_numbers_of_explain(lab, demo):
    explorer = show(lab, "show=['map']")
    cells = as_cells(explorer.map)
    for rank, target in ((0, 7), (1, 3)):  # the slider runs over the classes, best score first
        explorer.range("Target, best score first").fill(str(rank))
        explorer.map.shows(f"Grad-CAM · {demo.classes[target]}")
        found = explain(demo.model, demo.pictures[0], "grad_cam", target=target, preprocess=demo.preprocess).values
        cells = explorer.map.pixels()
        assert difference(cells, colours(found, cells.shape[:2], "viridis", *limits(found))) <= NEAR


def test_a_signed_map_is_symmetric_around_zero(lab, demo):
    explorer = show(lab, "show=['map'], params={'relu': False}")
    cells = as_cells(explorer.map)
    found = explain(demo.model, demo.pictures[0], relu=False, preprocess=demo.preprocess).values
    assert found.min() < 0
    most = np.abs(found).max()
    assert difference(cells, colours(found, cells.shape[:2], "RdBu_r", -most, most)) <= NEAR
    explorer.root.get_by_role("checkbox", name="relu").check()
    expect(explorer.map.canvas).to_have_attribute("aria-label", re.compile("colours from 0 to"), timeout=SOON)
    assert (
        difference(explorer.map.pixels(), colours(found.clip(min=0), cells.shape[:2], "viridis", 0, found.max()))
        <= NEAR
    )


@pytest.mark.parametrize("layer", ["layer4", "layer1"])
def test_the_channel_slider_shows_exactly_that_channel(lab, demo, layer):
    explorer = show(lab, f"show=['channel', 'histogram'], controls=['layer', 'channel'], layer={layer!r}")
    pane = explorer.channel
    as_cells(pane)
    for channel in (5, 17, 0):
        explorer.choose_channel(channel)
        pane.shows_channel(channel)
        found = activation(demo, layer, channel)
        expect(explorer.root.locator(".axislabel", has_text=f"activation of channel {channel}")).to_be_visible()
        at_rest(lab)
        seen = pane.pixels()
        assert difference(seen, colours(found, seen.shape[:2], "viridis", *limits(found))) <= NEAR


def test_the_layer_slider_changes_the_grid(lab, demo):
    explorer = show(lab, "show=['map', 'grid', 'channel']")
    slider = explorer.range("Layer")
    for name, cells in (("layer1", "40 × 40"), ("layer3", "20 × 20"), ("stem.conv", "80 × 80")):
        usable = explorer.select("Layer by name").locator("option:enabled")
        slider.fill(str(usable.evaluate_all("options => options.map(option => option.value)").index(name)))
        explorer.channel.shows(re.compile(f"^{re.escape(name)}: .*{cells} cells"))
        explorer.map.shows(re.compile(f"{cells} cells"))
        expect(explorer.select("Layer by name")).to_have_value(name)
        expect(explorer.root.get_by_text(f"channels of {cells}")).to_be_visible()
        found = explain(demo.model, demo.pictures[0], "grad_cam", layer=name, preprocess=demo.preprocess)
        assert " × ".join(map(str, found.values.shape)) == cells
        seen = as_cells(explorer.map)
        assert difference(seen, colours(found.values, seen.shape[:2], "viridis", *limits(found.values))) <= NEAR


def test_the_method_list_changes_the_map(lab, demo):
    explorer = show(lab, "show=['map']")
    explorer.choose_method("gradient")
    explorer.map.shows("Gradient · gravel ring")
    side = demo.pictures[0].size[0]
    expect(explorer.map.canvas).to_have_attribute("aria-label", re.compile(f"{side} × {side} cells"))
    explorer.choose_method("occlusion")
    explorer.map.shows("Occlusion · gravel ring")
    expect(explorer.status).to_contain_text("Occlusion for gravel ring", timeout=SOON)


def test_a_click_on_a_bar_chooses_the_class(lab, demo):
    explorer = show(lab, "show=['map', 'classes']")
    expect(explorer.labels).to_have_count(9)
    for place, name in ((1, "grass heart"), (4, "brick heart"), (0, "gravel ring")):
        expect(explorer.labels.nth(8 - place)).to_have_text(re.compile(name))
        explorer.bars.nth(place).click()
        explorer.map.shows(f"Grad-CAM · {name}")
        expect(explorer.select("Target by name")).to_have_value(str(demo.classes.index(name)))
        expect(explorer.bars.nth(place)).to_have_css("fill", "rgb(213, 94, 0)", timeout=SOON)


def test_a_click_and_arrow_keys_on_the_grid_choose_the_channel(lab):
    explorer = show(lab, "show=['grid', 'channel', 'histogram'], controls=['channel']")
    before = explorer.channel.pixels()
    columns = 0
    space = explorer.grid.bounding_box()
    for x in range(20, 400, 20):
        explorer.grid.click(position={"x": x, "y": 20})
        columns = max(columns, int(str(explorer.grid.get_attribute("data-selected"))))
        frame = explorer.root.locator(".nbx-frame").bounding_box()
        assert frame["x"] - space["x"] - 4 <= x <= frame["x"] - space["x"] + frame["width"] + 4  # or the gap beside it
    assert columns >= 3
    explorer.channel.shows_channel(columns)
    expect(explorer.range("Channel")).to_have_value(str(columns))
    assert difference(explorer.channel.pixels(), before) > 50
    for key, expected in (("ArrowRight", columns + 1), ("ArrowLeft", columns), ("Home", 0), ("End", 95)):
        explorer.grid.press(key)
        explorer.channel.shows_channel(expected)
        expect(explorer.range("Channel")).to_have_value(str(expected))
    until(lab, "e.session.wait(30) and e.channel", 95)


def test_arrow_keys_in_a_slider_move_it_and_not_the_notebook(lab):
    explorer = show(lab, "show=['channel'], controls=['channel']")
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    place = lab.page.evaluate(active)
    explorer.range("Channel").focus()
    for key, expected in (("ArrowRight", 1), ("ArrowUp", 2), ("ArrowDown", 1), ("End", 95), ("Home", 0)):
        lab.page.keyboard.press(key)
        explorer.channel.shows_channel(expected)
        assert lab.page.evaluate(active) == place
    lab.page.keyboard.press("d")  # twice, it would delete the cell
    lab.page.keyboard.press("d")
    assert lab.page.evaluate(active) == place
    expect(explorer.channel.canvas).to_be_visible()


def test_the_read_out_says_the_raw_number_of_the_cell(lab, demo):
    explorer = show(lab, "show=['map', 'channel'], channel=3")
    map_ = explain(demo.model, demo.pictures[0], preprocess=demo.preprocess).values
    channel = activation(demo, "layer4", 3)
    at_rest(lab)
    for column, row in ((3, 7), (10, 4), (19, 19)):
        at = (column + 0.5) / 20, (row + 0.5) / 20
        for pane, values in ((explorer.map, map_), (explorer.channel, channel)):
            said = pane.read_out(*at)
            assert f"cell {column}, {row}" in said
            assert "≈" not in said
            number = float(said.split()[-1].replace("−", "-"))
            assert number == pytest.approx(values[row, column], rel=1e-4, abs=1e-9)


def test_the_view_controls_change_the_right_pixels(lab):
    explorer = show(lab, "show=['map'], params={'relu': False}")
    pane = explorer.map
    pane.view("Show", "picture")
    picture = pane.pixels()
    pane.view("Show", "overlay")
    opacity = pane.slider("Opacity")
    opacity.fill("0")
    frames(lab.page)
    assert difference(pane.pixels(), picture) <= 2
    opacity.fill("1")
    frames(lab.page)
    assert difference(pane.pixels(), picture) > 100
    viridis = as_cells(pane)
    pane.view("Colours", "gray")
    gray = pane.pixels()
    assert (gray[..., 0] == gray[..., 1]).all()
    assert (gray[..., 0] == gray[..., 2]).all()
    assert not (viridis[..., 0] == viridis[..., 2]).all()
    pane.slider("Clip").fill("60")
    frames(lab.page)
    ends = {name: np.isin(seen[..., 0], (0, 255)).mean() for name, seen in (("clipped", pane.pixels()), ("not", gray))}
    assert ends["clipped"] == pytest.approx(0.4, abs=0.02)
    assert ends["not"] < 0.05


EVIL = "<img src=x onerror='hacked=1'>"


def test_names_are_text_and_never_markup(lab):
    lab.page.evaluate("window.hacked = 0")
    names = [EVIL, "中文", "עברית", "<script>window.hacked=1</script>", "a" * 300, "中文", "&lt;b&gt;", "é ü ß", ""]
    lab.run_cell(f"""\
class Odd(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module({EVIL!r}, torch.nn.Conv2d(3, 4, 3))
        self.add_module("层", torch.nn.Conv2d(4, 9, 3))
    def forward(self, x):
        for part in self.children():
            x = part(x)
        return x.mean((2, 3))

@nx.method(label="{EVIL}")
def odd(subject, target):
    raise ValueError("{EVIL} 中文")

e = nx.explore(Odd(), demo.pictures[0], preprocess=demo.preprocess, classes={names!r}, target=0, layer={EVIL!r})
e""")
    explorer = Explorer(lab)
    explorer.map.shows(f"Grad-CAM · {EVIL}")
    explorer.channel.shows(EVIL)
    expect(explorer.map.root.get_by_text(f"Grad-CAM · {EVIL}", exact=True)).to_be_visible()
    expect(explorer.status).to_contain_text(f"Grad-CAM for {EVIL}", timeout=SOON)
    expect(explorer.labels.filter(has_text="中文")).to_have_count(2)
    expect(explorer.labels.filter(has_text="<img ")).to_have_count(1)
    listed = explorer.select("Target by name").locator("option").all_inner_texts()
    assert [name for name in names if name and not any(name in text for text in listed)] == []
    assert any(EVIL in text for text in explorer.select("Layer by name").locator("option").all_inner_texts())
    explorer.choose_target(1)
    explorer.map.shows("Grad-CAM · 中文 (1)")
    explorer.choose_method("odd")
    expect(explorer.alert).to_contain_text(f"{EVIL} 中文", timeout=SOON)
    assert lab.page.locator("img[src=x]").count() == 0
    assert lab.page.evaluate("window.hacked") == 0
    lab.execute("nx.METHODS.pop('odd')")


def test_every_address_is_of_this_machine(lab):
    show(lab)
    assert any("/lab" in address for address in lab.addresses)
    assert any(address.startswith("ws") for address in lab.addresses)
    assert lab.strangers() == []


def test_the_picture_is_what_the_network_saw(lab, demo):
    lab.run_cell("e = nx.explore(demo.model, demo.pictures[0].resize((300, 200)), **about, show=['map']); e")
    pane = Explorer(lab).map
    pane.view("Show", "picture")
    seen = pixels(pane.canvas)[..., :3]
    expected = (demo.preprocess(demo.pictures[0].resize((300, 200))) * 0.27 + 0.45) * 255
    picture = Image.fromarray(expected.permute(1, 2, 0).round().clamp(0, 255).byte().numpy())
    height, width = seen.shape[:2]
    assert height == width
    enlarged = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(seen.astype(int) - enlarged).mean() < 6
