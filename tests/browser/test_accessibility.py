"""Everything can be used without a mouse and heard without a screen: by axe's rules, and by what axe does not see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import ROOT, Lab
from tests.browser.pane import SOON, Explorer, frames, until
from tests.browser.test_looks import look, unreadable

pytestmark = pytest.mark.browser

AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"

EVERYTHING = """\
show = ("inputs", "map", "classes", "channel", "histogram", "grid", "activity", "cell", "ablation")
e = nx.explore(demo.model, demo.pictures[:4], **about, show=show, layer="layer4.conv2", method="occlusion")
e.session.select(cell=(4, 5))
e"""
CELLS = {
    "all panes": EVERYTHING,
    "comparison": "e = nx.MethodComparison(demo.model, demo.pictures[0], **about)\ne",
    "activations": "e = nx.ActivationExplorer(demo.model, demo.pictures[0], **about)\ne",
    "error": "e = nx.explore(demo.model, demo.pictures[0], **about)\ne.session.select(method='cam', layer='layer1')\ne",
    "long run": "e = nx.explore(demo.model, demo.pictures[0], **about, method='lime', params={'samples': 5000})\ne",
}
NAMED = {"slider", "spinbutton", "combobox", "listbox", "option", "button", "checkbox", "searchbox", "textbox", "image"}
NAMED |= {"DisclosureTriangle", "progressbar"}  # as Chromium calls them

FOCUSABLE = """root => [...root.querySelectorAll('input, select, button, summary, [tabindex]')]
    .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}))"""
# Where the focus is: its place among what can have it, -1 within the explorer but not among it, null outside.
FOCUSED = f"""root => {{
    const focused = document.activeElement;
    return root.contains(focused) ? ({FOCUSABLE})(root).indexOf(focused) : null;
}}"""
OUTLINE = """() => {
    const focused = document.activeElement, style = getComputedStyle(focused);
    const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return [focused.outerHTML.slice(0, 120), seen];
}"""
NOTEBOOK = """() => {
    const {content} = window.jupyterapp.shell.currentWidget;
    const cells = content.widgets.map(cell => [cell.model.type, cell.model.sharedModel.getSource(), cell.isVisible]);
    const dialogues = document.querySelectorAll('.jp-Dialog').length;
    return JSON.stringify([content.activeCellIndex, content.mode, cells, dialogues]);
}"""


@pytest.fixture(scope="module", params=CELLS)
def explorer(shared_lab: Lab, request: pytest.FixtureRequest) -> Iterator[Explorer]:
    """Each of the explorers in turn."""
    shared_lab.clear()
    shared_lab.run_cell(CELLS[request.param])
    explorer = Explorer(shared_lab)
    if request.param == "long run":
        explorer.map.shows("LIME · gravel ring")
    elif request.param == "error":
        expect(explorer.alert).to_be_visible(timeout=SOON)
    else:
        until(shared_lab, "e.session.wait(60)", True)
        frames(shared_lab.page)
    for summary in explorer.root.locator("summary").all():
        if summary.is_visible():
            summary.click()
    yield explorer
    shared_lab.execute("e.close()")
    assert shared_lab.errors == []
    assert shared_lab.strangers() == []


def violations(explorer: Explorer) -> list[str]:
    """What axe finds within the explorer, one line for each element and rule."""
    page = explorer.page
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = explorer.root.evaluate("root => axe.run(root, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 15, "axe has looked at next to nothing"
    return [
        f"{rule['impact']}: {rule['id']}: {node['html'][:200]}\n    {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def looks_right(explorer: Explorer) -> None:
    """Narrow and wide, light and dark: all can be read and reached, and nothing reaches beyond its place."""
    for theme in ("Dark", "Light"):
        for width in (800, 1400):
            look(explorer, theme, width)
            explorer.page.set_viewport_size({"width": width, "height": 4000})  # bqplot lays out what is in view alone
            deadline = time.monotonic() + SOON / 1000
            while (found := unreadable(explorer)) and time.monotonic() < deadline:
                frames(explorer.page, 10)  # charts take their time to fill another width
            assert "\n".join(found) == "", (theme, width)
            assert "\n".join(violations(explorer)) == "", (theme, width)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing(explorer, theme):
    look(explorer, theme, 1400)
    assert "\n".join(violations(explorer)) == ""


def tree(explorer: Explorer) -> list[tuple[str, str]]:
    """Role and name of everything that assistive technology is told of the explorer."""
    explorer.root.evaluate("root => root.id = 'looked-at'")
    session = explorer.page.context.new_cdp_session(explorer.page)
    found = session.send("Runtime.evaluate", {"expression": "document.getElementById('looked-at')"})
    nodes = session.send("Accessibility.queryAXTree", {"objectId": found["result"]["objectId"]})["nodes"]
    session.detach()
    heard = [node for node in nodes if not node["ignored"]]
    return [(node["role"]["value"], node.get("name", {}).get("value", "").strip()) for node in heard]


def test_every_control_has_a_name(explorer):
    heard = tree(explorer)
    assert sum(role in NAMED for role, _ in heard) > 10
    assert [role for role, name in heard if role in NAMED and not name] == []


ALL_PANES = pytest.mark.parametrize("explorer", ["all panes"], indirect=True)


@ALL_PANES
def test_a_box_to_type_in_stands_beside_every_slider(explorer):
    """For the layer, which has a name and no number, that is the list of names."""
    rows = explorer.root.locator("input[type=range]").evaluate_all("""sliders => sliders.map(slider => {
        const box = slider.parentElement.querySelector('input[type=number]');
        return [slider.ariaLabel, box?.ariaLabel ?? ''];
    })""")
    assert len(rows) > 8
    assert [name for name, box in rows if not box] == ["Layer"]
    assert all(box.partition(",")[0].startswith(name.partition(",")[0]) for name, box in rows if box), rows


@ALL_PANES
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_tab_goes_through_all_controls_and_out_again_and_is_seen(explorer, theme):
    look(explorer, theme, 1400)
    page, root = explorer.page, explorer.root
    count = root.evaluate(f"root => ({FOCUSABLE})(root).length")
    assert count > 30
    root.evaluate(f"root => ({FOCUSABLE})(root)[0].focus()")
    page.keyboard.press("Shift+Tab")
    assert root.evaluate(FOCUSED) is None
    root.evaluate(f"root => ({FOCUSABLE})(root)[0].focus()")
    way = []
    while (place := root.evaluate(FOCUSED)) is not None and len(way) < 2 * count:
        way.append(place)
        element, seen = page.evaluate(OUTLINE)
        assert seen, element
        page.keyboard.press("Tab")
    # a part that scrolls, and is none of these, may have the focus as well
    assert [place for place in way if place >= 0] == list(range(count))


@ALL_PANES
def test_panes_with_the_same_controls_are_told_apart(explorer):
    for title in ("Occlusion · gravel ring", "layer4.conv2"):
        pane = explorer.root.get_by_role("group", name=title, exact=True)
        expect(pane.get_by_role("slider", name="Opacity", exact=True).first).to_be_attached()


@pytest.mark.parametrize("explorer", ["long run"], indirect=True)
def test_progress_is_announced_at_most_once_a_second(explorer):
    explorer.root.evaluate("""root => {
        const spoken = root.querySelector('[role=status]');
        window.heard = [];
        new MutationObserver(() => window.heard.push([performance.now(), spoken.textContent]))
            .observe(spoken, {childList: true, characterData: true, subtree: true});
    }""")
    explorer.lab.execute("e.session.select(params={'lime': {'samples': 4000}})")
    explorer.page.wait_for_function("window.heard.length > 4", timeout=SOON)
    heard = explorer.page.evaluate("window.heard")
    times = [time for time, _ in heard]
    assert min(later - earlier for earlier, later in pairwise(times)) > 900
    assert len({text for _, text in heard}) == len(heard)
    assert explorer.status.get_attribute("aria-live") == "polite"


@ALL_PANES
def test_nothing_moves_by_itself(explorer):
    explorer.page.emulate_media(reduced_motion="reduce")
    moving = explorer.root.evaluate("""root => [root, ...root.querySelectorAll('*')].filter(element => {
        const style = getComputedStyle(element), changes = parseFloat(style.transitionDuration) > 0;
        return element.checkVisibility() && (changes || style.animationName !== 'none');
    }).map(element => element.outerHTML.slice(0, 120))""")
    explorer.page.emulate_media(reduced_motion="no-preference")
    assert moving == []


@ALL_PANES
def test_forced_colours_leave_what_colours_alone_say(explorer):
    page = explorer.page
    page.emulate_media(forced_colors="active")
    said = explorer.root.evaluate("""root => {
        const style = name => getComputedStyle(root.querySelector(name));
        return {
            scale: style('.nbx-bar').backgroundImage, channel: style('.nbx-map-grid .nbx-frame').boxShadow,
            input: style('[aria-selected=true] > .nbx-tile').boxShadow,
            picture: style('[aria-selected=true] > .nbx-tile').backgroundImage,
            before: style('.nbx-key').backgroundColor,
            positive: style('.nbx-contribution-bar > .nbx-positive').backgroundColor,
            negative: style('.nbx-contribution-bar > .nbx-negative').backgroundColor,
        };
    }""")
    explorer.root.evaluate(f"root => ({FOCUSABLE})(root)[0].focus()")
    _, seen = page.evaluate(OUTLINE)
    page.emulate_media(forced_colors="none")
    assert seen
    assert "none" not in said.values(), said
    assert len({said["before"], said["positive"], said["negative"], "rgb(255, 255, 255)"}) == 4, said


KEYS = [*"jkabddmyxv00", "ArrowDown", "ArrowUp", "ArrowLeft", "Enter", "Escape"]


@ALL_PANES
def test_keys_typed_in_a_control_never_reach_the_notebook(explorer):
    page, root = explorer.page, explorer.root
    page.on("filechooser", lambda chooser: None)  # or the button would open a window of the system
    before = page.evaluate(NOTEBOOK)
    for place in range(root.evaluate(f"root => ({FOCUSABLE})(root).length")):
        root.evaluate(f"(root, place) => ({FOCUSABLE})(root)[place]?.focus()", place)
        element, _ = page.evaluate(OUTLINE)
        for key in KEYS:
            page.keyboard.press(key)
            assert page.evaluate(NOTEBOOK) == before, f"{key} in {element}"
