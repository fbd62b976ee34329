"""Superpixels in a pane: weights where the labels are, the largest alone, the rest hidden, borders, what is read."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import NEAR, SOON, Pane, colours, difference, drag, frames, until
from tests.browser.test_accessibility import AXE
from tests.browser.test_panes import marks, point, shown

pytestmark = pytest.mark.browser

# Six superpixels, of which the fourth is the frame around all others:
# 3 3 3 3 3
# 3 0 1 2 3
# 3 4 4 5 3
# 3 3 3 3 3
LABELS = np.full((4, 5), 3)
LABELS[1, 1:4], LABELS[2, 1:4] = [0, 1, 2], [4, 4, 5]
WEIGHTS = np.array([0.42, -1, 0.3, 0.05, -0.6, 0.8], np.float32)
SIDE = 16  # pixels of the picture for each of these cells
SHOW = f"""\
labels = np.kron(np.array({LABELS.tolist()}), np.ones(({SIDE}, {SIDE}), int))
weights = np.array({WEIGHTS.tolist()}, np.float32)
errors = np.array([0.051, np.nan, 0.01, 0.01, 0.01, 0.01], np.float32)
about = dict(on="features", signed=True, quantity="weight of a superpixel", title="LIME · cat", key="q")
segments = array(labels.astype(np.uint8), key="six", count=6)
overlay = array(np.stack([weights, errors]), segments="six", **about)
def pane(**more):
    return ImagePane(picture=picture(*labels.shape), segments=segments, **dict(dict(overlay=overlay), **more))
"""
MAP = SHOW + "p = pane(mode='map', borders=False)\np"


def superpixels(pane: Pane, skip: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of a canvas, and the superpixel of each; -1 as near to a border as this, in pixels."""
    seen = pane.pixels()
    places = [(np.arange(n) + 0.5) / n * cells for n, cells in zip(seen.shape, LABELS.shape, strict=False)]
    labels = LABELS[np.ix_(*(place.astype(int) for place in places))]
    near = [
        np.abs(place - np.rint(place)) * n / cells < skip
        for place, n, cells in zip(places, seen.shape, LABELS.shape, strict=False)
    ]
    return seen, np.where(near[0][:, None] | near[1][None], -1, labels)


def control(pane: Pane, role: str, name: str) -> Locator:
    return pane.root.get_by_role(role, name=name)  # type: ignore[arg-type]


def expected(pane: Pane) -> np.ndarray:
    """All weights in their colours, as they would be painted on the whole canvas."""
    height, width = pane.pixels().shape[:2]
    return colours(WEIGHTS[LABELS].astype(float), (height, width), "RdBu_r", -1, 1)


def test_weights_are_painted_where_the_labels_are(lab):
    (pane,) = shown(lab, MAP, 1)
    for change in (
        "pass",
        "segments.send(labels.astype(np.float32), key='six', count=6)",
        "segments.send(labels.astype(np.uint8), key='six', count=6)",
        "overlay.send(weights[None], segments='six', **about)",
    ):
        assert lab.execute(change) == ""
        frames(lab.page)
        seen, labels = superpixels(pane)
        inside = labels >= 0
        assert inside.mean() > 0.8
        assert difference(seen[inside], expected(pane)[inside]) <= NEAR
    assert lab.execute("weights[[0, 1]] = weights[[1, 0]]; overlay.send(weights[None], segments='six', **about)") == ""
    frames(lab.page)
    seen, labels = superpixels(pane)
    high, low = (seen[labels == label][0].astype(int) for label in (0, 1))
    assert low[0] > low[2]  # red: +0.42
    assert high[0] < high[2]
    expect(pane.canvas).to_have_attribute(
        "aria-label", "LIME · cat: weight of a superpixel, 6 superpixels, colours from −1 to 1"
    )
    expect(pane.root.get_by_text("weight of a superpixel")).to_be_visible()


def test_only_the_largest_are_painted_and_the_rest_is_hidden(lab):
    (pane,) = shown(lab, MAP, 1)
    order = np.argsort(-np.abs(WEIGHTS))
    box = control(pane, "spinbutton", "Shown, number of superpixels")
    for count in (1, 3, 2, 5):
        box.fill(str(count))
        frames(lab.page)
        seen, labels = superpixels(pane)
        painted, rest = np.isin(labels, order[:count]), np.isin(labels, order[count:])
        assert difference(seen[painted], expected(pane)[painted]) <= NEAR  # the colours are those of all
        assert (seen[painted][:, 3] == 255).all()
        assert (seen[rest] == 0).all()
    control(pane, "checkbox", "Hide the rest").check()
    pane.view("Show", "overlay")
    box.fill("2")
    frames(lab.page)
    seen, labels = superpixels(pane, 8)
    rest = np.isin(labels, order[2:])
    assert (seen[rest] == [128, 128, 128, 255]).all()
    assert len(np.unique(seen[labels == order[0]], axis=0)) > 5  # the picture shines through
    box.press("Tab")
    until(lab, "[p.top, p.hide_rest]", [2, True])
    box.fill("6")
    box.press("Tab")
    until(lab, "p.top", 0)
    expect(pane.root.locator(".nbx-out-of")).to_have_text("all")
    assert lab.execute("p.top = 1") == ""
    expect(box).to_have_value("1", timeout=SOON)


def test_the_slider_moves_in_the_page_alone(lab):
    (pane,) = shown(lab, MAP, 1)
    slider = control(pane, "slider", "Shown")
    before = pane.pixels()
    slider.scroll_into_view_if_needed()
    frames(lab.page)
    sent = lab.frames
    ended = drag(slider, 0.0, 0.7, 0.2, release=False)
    frames(lab.page)
    assert ended == "2"
    seen, labels = superpixels(pane)
    assert (seen[labels == 1][:, 3] == 255).all()
    assert (seen[labels == 3][:, 3] == 0).all()
    assert difference(seen, before) > 100
    assert lab.frames == sent
    assert lab.execute("print(p.top)") == "0"
    lab.page.mouse.up()
    until(lab, "p.top", 2)


def test_borders_are_there_before_anything_is_known(lab):
    (pane,) = shown(lab, SHOW + "p = pane(overlay=Array())\np", 1)
    expect(pane.canvas).to_have_attribute("aria-label", "6 superpixels", timeout=SOON)
    frames(lab.page)
    seen, labels = superpixels(pane)
    control(pane, "checkbox", "Borders").uncheck()
    frames(lab.page)
    picture = pane.pixels()
    assert difference(seen[labels >= 0], picture[labels >= 0]) <= 1
    column, row = (round(n / cells * at) for n, cells, at in zip(seen.shape[1::-1], (5, 4), (2, 1.5), strict=True))
    around = seen[row, column - 3 : column + 4, :3].astype(int)
    assert around.max() > 220  # a light line ...
    assert (
        around.sum(1) < picture[row, column - 3 : column + 4, :3].astype(int).sum(1) - 30
    ).any()  # ... on a dark one
    for disabled in (control(pane, "slider", "Shown"), control(pane, "checkbox", "Hide the rest")):
        expect(disabled).to_be_disabled()

    control(pane, "checkbox", "Borders").check()
    for label, fits in (("other", False), ("six", True), ("other", False)):
        assert lab.execute(f"p.overlay.send(weights[None], segments={label!r}, **about)") == ""
        expect(pane.canvas).to_have_attribute(
            "aria-label", re.compile("^LIME · cat" if fits else "^6 superpixels$"), timeout=SOON
        )
        frames(lab.page)
        found = difference(pane.pixels(), seen)
        assert found > 100 if fits else found == 0
    assert lab.execute("p.overlay.send(np.ones((4, 5)), on='grid', title='Grad-CAM')") == ""
    frames(lab.page)
    assert difference(pane.pixels(), seen) == 0
    assert lab.execute("p.segments = None") == ""  # and a map of a grid is drawn as ever
    pane.shows("Grad-CAM")
    expect(control(pane, "checkbox", "Borders")).to_have_count(0)


def test_what_is_hidden_has_no_borders(lab):
    (pane,) = shown(lab, SHOW + "p = pane(top=1, hide_rest=True)\np", 1)
    pane.shows("LIME · cat")

    def lights(column: float, row: float) -> bool:
        """Whether a border is drawn that runs down through a place, in cells."""
        seen = pane.pixels()
        x, y = round(column / 5 * seen.shape[1]), round(row / 4 * seen.shape[0])
        return bool(seen[y, x - 3 : x + 4, :3].max() > 200)

    frames(lab.page)
    assert [lights(1, 1.5), lights(2, 1.5), lights(3, 1.5)] == [False, True, True]
    assert lab.execute("weights[0] = 2; overlay.send(weights[None], segments='six', **about)") == ""
    pane.shows(re.compile("from −2 to 2"))
    frames(lab.page)
    assert [lights(1, 1.5), lights(2, 1.5), lights(3, 1.5)] == [True, True, False]


def test_the_superpixel_under_the_pointer_is_outlined_and_read_in_all_linked_panes(lab):
    cell = "panes = [pane(link=link), pane(link=link, overlay=Array())]\nipywidgets.HBox(panes)"
    panes = shown(lab, SHOW + "link = PaneLink()\n" + cell, 2)
    expect(panes[1].canvas).to_have_attribute("aria-label", "6 superpixels", timeout=SOON)
    sent = lab.frames
    for (x, y), label, said in (
        ((1.5, 1.5), 0, "superpixel 0 · rank 4 of 6 · +0.42 ± 0.051 (SE)"),
        ((2.5, 1.5), 1, "superpixel 1 · rank 1 of 6 · −1"),
        ((4.5, 3.5), 3, "superpixel 3 · rank 6 of 6 · +0.05 ± 0.01 (SE)"),
    ):
        lab.page.mouse.move(*point(panes[0], x / 5, y / 4))
        expect(panes[0].root.locator(".nbx-readout")).to_have_text(said, timeout=SOON)
        expect(panes[1].root.locator(".nbx-readout")).to_have_text(f"superpixel {label} of 6")
        for pane in panes:
            numbers = np.array([float(n) for n in re.findall(r"-?[\d.]+", marks(pane, "outlined"))]).reshape(-1, 2)
            width, height = (pane.canvas.evaluate(f"canvas => canvas.{side}") for side in ("width", "height"))
            rows, columns = np.nonzero(np.equal(LABELS, label))
            assert numbers.min(0) == pytest.approx([columns.min() / 5 * width, rows.min() / 4 * height], abs=0.6)
            assert numbers.max(0) == pytest.approx(
                [(columns.max() + 1) / 5 * width, (rows.max() + 1) / 4 * height], abs=0.6
            )
    assert lab.frames == sent
    lab.page.mouse.move(2, 2)
    expect(panes[0].root.locator(".nbx-readout")).to_have_text("6 superpixels")
    assert marks(panes[0], "outlined") == ""


def test_superpixels_are_read_with_the_keyboard(lab):
    (pane,) = shown(lab, SHOW + "p = pane()\np", 1)
    pane.shows("LIME · cat")
    pane.canvas.focus()
    for key, label in (("Enter", 4), ("Shift+ArrowUp", 1), ("Shift+ArrowRight", 2), ("Shift+ArrowDown", 5)):
        lab.page.keyboard.press(key)
        expect(pane.canvas).to_have_attribute("aria-label", re.compile(rf", superpixel {label} · rank \d of 6 · .\d"))
        expect(pane.root.locator(".nbx-readout")).to_have_text(re.compile(f"^superpixel {label} ·"))
    lab.page.keyboard.press("Escape")
    expect(pane.canvas).to_have_attribute("aria-label", re.compile("colours from −1 to 1$"))
    assert pane.canvas.evaluate("canvas => canvas === document.activeElement")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing(lab: Lab, theme):
    (pane,) = shown(lab, SHOW + "p = pane(top=2)\np", 1)
    page = lab.page
    page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
    page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'")
    page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")
    pane.root.locator("summary").click()
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = pane.root.evaluate("root => axe.run(root, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 10
    assert [rule["id"] for rule in found["violations"]] == []
    expect(pane.root.get_by_role("combobox", name="Cells")).to_have_count(0)  # hidden: nothing to interpolate
