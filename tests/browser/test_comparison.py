"""Maps side by side: each is what its own explorer shows, and zoom, pointer and colours are shared."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from nbexplain.examples import scenes
from tests.browser.jupyter import Lab
from tests.browser.pane import (
    PLAIN,
    SOON,
    Explorer,
    Pane,
    difference,
    frames,
    kernel_picture,
    kernel_values,
    until,
    wait,
)
from tests.browser.pane import said_number as number
from tests.browser.test_looks import OVERFLOWS

pytestmark = pytest.mark.browser

CLASSES = scenes().classes
METHODS = {"grad_cam": "Grad-CAM", "gradient": "Gradient", "input_x_gradient": "Input × gradient"}


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(PLAIN) == ""


def compare(lab: Lab, more: str, inputs: str = "demo.pictures[0]") -> tuple[Explorer, list[Pane]]:
    """A comparison and its panes, from left to right and from top to bottom."""
    lab.run_cell(f"c = nx.MethodComparison(demo.model, {inputs}, **about, {more}); c")
    explorer = Explorer(lab)
    until(lab, "c.session.wait(60)", True)
    found = explorer.root.locator(".nbx-image-pane")
    expect(found.locator("canvas[data-frame]")).to_have_count(found.count(), timeout=SOON)
    return explorer, [Pane(found.nth(i)) for i in range(found.count())]


def test_maps_are_those_of_explorers_of_their_own(lab):
    _, panes = compare(lab, f"target=7, methods={list(METHODS)}")
    lab.run_cell("e = nx.explore(demo.model, demo.pictures[0], **about, show=['map', 'classes', 'channel']); e")
    alone = Explorer(lab)  # three panes as well, so that all are equally large
    for (key, label), pane in zip(METHODS.items(), panes, strict=True):
        alone.choose_method(key)
        title = f"{label} · gravel ring"
        for each in (pane, alone.map):
            each.shows(title)
        wait(lambda pane=pane: difference(pane.pixels(), alone.map.pixels()), 0)
        assert label in str(pane.canvas.get_attribute("aria-label"))
    panes[0].as_cells()
    panes[0].draws(kernel_values(lab, "cam(tensor(0), 7)"))


def test_classes_side_by_side(lab):
    explorer, panes = compare(lab, f"targets=[2, 7, {CLASSES[3]!r}]", "demo.pictures")
    assert len(panes) == 3
    expect(explorer.select("Target by name")).to_have_count(0)
    for pane in panes:
        pane.as_cells()
    for chosen in (0, 5):
        explorer.inputs.nth(chosen).click()
        explorer.chose_input(chosen)
        for pane, target in zip(panes, (2, 7, 3), strict=True):
            pane.shows(f"Grad-CAM · {CLASSES[target]}")
            pane.draws(kernel_values(lab, f"cam(tensor({chosen}), {target})"))
    explorer.choose_layer("layer3")
    for pane, target in zip(panes, (2, 7, 3), strict=True):
        pane.draws(kernel_values(lab, f"cam(tensor(5), {target}, 'layer3')"))


def test_inputs_side_by_side_keep_their_own_pictures(lab):
    explorer, panes = compare(lab, "target=7, numbers=[4, 0, 8]", "demo.pictures")
    expect(explorer.range("Input")).to_have_count(0)
    lab.execute("c.input = 2")
    explorer.choose_target(3)
    for pane, chosen in zip(panes, (4, 0, 8), strict=True):
        pane.shows(f"Grad-CAM · {CLASSES[3]} · input {chosen}")
        pane.as_cells()
        pane.draws(kernel_values(lab, f"cam(tensor({chosen}), 3)"))
        pane.view("Show", "picture")
        pane.shows_picture(kernel_picture(lab, f"tensor({chosen})"))


def point(pane: Pane, x: float, y: float) -> tuple[float, float]:
    box = pane.canvas.bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_zoom_and_pointer_are_shared(lab):
    _, panes = compare(lab, "targets=[2, 7, 3]")
    maps = [kernel_values(lab, f"cam(tensor(0), {target})") for target in (2, 7, 3)]
    panes[0].canvas.scroll_into_view_if_needed()
    sent, page = lab.frames, lab.page
    for x, y in ((0.31, 0.62), (0.77, 0.12)):
        page.mouse.move(*point(panes[1], x, y))
        column, row = int(x * 20), int(y * 20)
        for pane, values in zip(panes, maps, strict=True):
            said = pane.root.locator(".nbx-readout")
            place = f"x {int(x * 160)}  y {int(y * 160)}   cell {column}, {row} "
            expect(said).to_contain_text(place, timeout=SOON)
            assert number(said.inner_text().split()[-1]) == pytest.approx(values[row, column], rel=1e-3, abs=1e-6)
    before = [pane.pixels() for pane in panes]
    panes[2].canvas.focus()
    for _ in range(3):
        page.keyboard.press("+")
    for pane, was in zip(panes, before, strict=True):
        expect(pane.canvas).to_have_class(re.compile("nbx-zoomed"), timeout=SOON)
        wait(lambda pane=pane, was=was: float(np.array_equal(pane.pixels(), was)), 0)
    page.mouse.move(*point(panes[0], 0.1, 0.9))
    places = {pane.root.locator(".nbx-readout").inner_text().split("   ")[0] for pane in panes}
    x, y = (int((0.5 + (at - 0.5) / 1.25**3) * 160) for at in (0.1, 0.9))
    assert places == {f"x {x}  y {y}"}
    page.keyboard.press("0")
    page.mouse.move(2, 2)
    for pane, was in zip(panes, before, strict=True):
        wait(lambda pane=pane, was=was: difference(pane.pixels(), was), 0)
    assert lab.frames == sent


def ends(pane: Pane) -> tuple[float, float]:
    """The numbers at both ends of the colour bar."""
    low, _, high = (number(text) for text in pane.root.locator(".nbx-tick").all_inner_texts())
    return low, high


def test_shared_limits_are_the_same_for_all(lab):
    explorer, panes = compare(lab, "targets=[2, 7, 3]")
    own = [float(kernel_values(lab, f"cam(tensor(0), {target})").max()) for target in (2, 7, 3)]
    limits = explorer.root.get_by_role("combobox", name="Colour limits")
    for choice, highs in (("own", own), ("shared", [max(own)] * 3), ("own", own)):
        limits.select_option(choice)
        for pane, high in zip(panes, highs, strict=True):
            near = pytest.approx((0, high), rel=6e-3)
            wait(lambda pane=pane, near=near: float(ends(pane) != near), 0)
    assert len({*own}) == 3


@pytest.mark.parametrize("count", [2, 9])
def test_as_many_as_are_wanted_at_any_width(lab, count):
    explorer, panes = compare(lab, f"targets=range({count})", "demo.pictures[:3]")
    assert len(panes) == count
    titles = [str(pane.canvas.get_attribute("aria-label")).partition(":")[0] for pane in panes]
    assert titles == [f"Grad-CAM · {name}" for name in CLASSES[:count]]
    size: Any = lab.page.viewport_size
    try:
        for width in (800, size["width"]):
            lab.page.set_viewport_size({**size, "width": width})
            frames(lab.page, 5)
            wait(lambda: float(len(explorer.root.evaluate(OVERFLOWS))), 0)
            boxes = [pane.root.bounding_box() for pane in panes]
            assert len({round(box["width"]) for box in boxes if box}) == 1, boxes
    finally:
        lab.page.set_viewport_size(size)


BESIDE = {
    "texts": "reviews(); given = [demo_.model, nx.Text(demo_.texts[1], demo_.tokenizer)]",
    "tables": "tumour(); given = [demo_.forest, nx.Tabular(demo_.rows[1], demo_.background, names=demo_.names)]",
}
OVERLAPS = """root => {
    const controls = [...root.querySelectorAll('label, summary, button, input[type=range]')];
    const boxes = controls.filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()]);
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const found = boxes.filter(([e, box]) => e.type === 'range' && box.width < 60).map(() => 'a slider that is a dot');
    for (const [e, a] of boxes) for (const [f, b] of boxes)
        if (!e.contains(f) && !f.contains(e) && over(a, b)) found.push(`${e.textContent} lies on ${f.textContent}`);
    return found;
}"""


@pytest.mark.parametrize("source", BESIDE.values(), ids=BESIDE)
def test_texts_and_tables_have_room_at_any_width(lab, source):
    lab.run_cell(f"from nbexplain.examples import *\ndemo_ = {source}\nc = nx.MethodComparison(*given); c")
    explorer = Explorer(lab, drawn=".nbx-card, .nbx-token-line[data-frame]")
    until(lab, "c.session.wait(90)", True)
    frame = explorer.root.locator(".nbx-card, .nbx-token-pane")
    for title in ("Leave one out", "LIME", "SHAP"):
        expect(frame.filter(has_text=title)).to_have_count(1, timeout=SOON)
    size: Any = lab.page.viewport_size
    try:
        for width in (800, size["width"]):
            lab.page.set_viewport_size({**size, "width": width})
            frames(lab.page, 5)
            wait(lambda: float(len(explorer.root.evaluate(OVERFLOWS) + explorer.root.evaluate(OVERLAPS))), 0)
            widths = {round(box["width"]) for box in map(Locator.bounding_box, frame.all()) if box}
            assert len(widths) == 1, widths
            if frame.first.evaluate("card => card.matches('.nbx-card')"):
                plot = explorer.root.locator(".bqplot .plotarea_background").first
                room = 300 if width == 800 else 115  # beside the names
                wait(lambda plot=plot, room=room: room - float(plot.evaluate("plot => plot.getBBox().width")), 0)
    finally:
        lab.page.set_viewport_size(size)


OTHER_ORDER = """() => {
    const sheets = [...document.querySelectorAll('style')].filter(sheet => sheet.textContent.includes('.nbx-'));
    const last = document.querySelectorAll('.jp-CodeCell');
    const parts = last[last.length - 1].querySelectorAll(':is(.nbx-pane, .nbx-card), :is(.nbx-pane, .nbx-card) *');
    const looks = () => [...parts].map(part => {
        const style = getComputedStyle(part);
        return Object.fromEntries([...style].map(name => [name, style[name]]));
    });
    const before = looks();
    for (const sheet of sheets.reverse()) document.head.append(sheet);
    const after = looks();
    for (const sheet of sheets.reverse()) document.head.append(sheet);
    const name = part => `${part.parentElement.className} > ${part.tagName} ${part.className}`;
    return [...parts].flatMap((part, i) => Object.keys(before[i])
        .filter(key => before[i][key] !== after[i][key])
        .map(key => `${name(part)}: ${key}: ${before[i][key]}, in the other order ${after[i][key]}`));
}"""


def test_the_order_in_which_sheets_are_loaded_changes_nothing(lab):
    lab.run_cell(f"""from nbexplain.examples import *
demo_ = {BESIDE["texts"]}
c = nx.MethodComparison(*given)
display(nx.explore(demo.model, demo.pictures[0], **about, show=["map"]), c)""")
    explorer = Explorer(lab, drawn=".nbx-token-line[data-frame]")
    until(lab, "c.session.wait(90)", True)
    cell = lab.page.locator(".jp-CodeCell").last
    expect(cell.locator(".nbx-image-pane canvas[data-frame]")).to_be_visible(timeout=SOON)
    size: Any = lab.page.viewport_size
    try:
        for width in (800, size["width"]):
            lab.page.set_viewport_size({**size, "width": width})
            frames(lab.page, 5)
            wait(lambda: float(len(lab.page.evaluate(OTHER_ORDER))), 0)
            wait(lambda: float(len(explorer.root.evaluate(OVERLAPS))), 0)
    finally:
        lab.page.set_viewport_size(size)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("targets=[0] * 10", "ValueError: targets: expected 2 to 9 to compare, got 10"),
        ("methods=['grad_cam']", "ValueError: methods: expected 2 to 9 to compare, got 1"),
        ("methods=['grad_cam', 'magic']", "ValueError: method: there is no 'magic'"),
        ("numbers=[0, 1]", "ValueError: input: expected 0 to 0, got 1"),
        ("targets=[0, 1], numbers=[0, 1]", "TypeError: targets and numbers: expected one of them"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_the_cell(lab, given, words):
    lab.run_cell(f"nx.MethodComparison(demo.model, demo.pictures[0], **about, {given})")
    output = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output[data-mime-type*=err]")
    expect(output).to_contain_text(words, timeout=SOON)
