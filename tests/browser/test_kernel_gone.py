"""A kernel that is restarted, dies, is shut down or cut off under an open explorer; and a page that is loaded anew."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, difference, drag, frames
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser

KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
OCCLUSION = """\
show = ["inputs", "map", "classes", "channel", "histogram", "grid", "ablation"]
e = nx.explore(demo.model, demo.pictures[:3], **about, show=show, method="occlusion", channel=3)
e"""
LIME = "e = nx.explore(demo.model, demo.pictures[0], **about, method='lime', params={'samples': 5000})\ne"
SET_UP_AGAIN = """async () => {
    const {sessionContext} = window.jupyterapp.shell.currentWidget;
    if (!sessionContext.session?.kernel) await sessionContext.startKernel();
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""
RESTARTED = "The kernel was restarted: run the cell again."

ENABLED = """root => [...root.querySelectorAll('input, select, button')]
    .filter(control => !control.disabled && control.checkVisibility())
    .map(control => control.ariaLabel ?? (control.closest('label')?.firstElementChild ?? control).textContent)"""
# Left edges and widths of panes and charts: where they stand, whatever the status line above them says.
COLUMNS = """root => [...root.querySelectorAll('.nbx-pane, .nbx-card')]
    .map(pane => pane.getBoundingClientRect()).map(box => `${Math.round(box.x)}+${Math.round(box.width)}`)"""
ONLY_IN_THE_PAGE = {"Channel", "Channel, number", "Opacity", "Opacity in percent", "Limits", "Colours"}


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The file's notebook, with nothing on it but the first cell, which has run in whatever kernel is there now."""
    shared_lab.clear()
    shared_lab.page.evaluate(SET_UP_AGAIN)
    shared_lab.errors.clear()
    return shared_lab


def show(lab: Lab, cell: str = OCCLUSION) -> Explorer:
    """The explorer of a new cell, once everything that it asks for is answered."""
    lab.run_cell(cell)
    explorer = Explorer(lab)
    lab.execute("e.session.wait(60)")
    explorer.map.shows("Occlusion · gravel ring")
    expect(explorer.bars).to_have_count(9, timeout=SOON)
    frames(lab.page)
    return explorer


def restart(lab: Lab) -> None:
    lab.page.evaluate(f"{KERNEL}.restart()")


def kill(lab: Lab) -> None:
    """The kernel ends its own process; the server starts another, and JupyterLab says so in a dialogue of its own."""
    lab.page.evaluate(f"() => void {KERNEL}.requestExecute({{code: 'import os; os._exit(1)'}})")
    lab.page.get_by_role("dialog").get_by_role("button", name="Ok").click(timeout=SOON)


@pytest.mark.parametrize("harm", [restart, kill])
def test_a_new_kernel_is_said_and_the_page_goes_on_alone(lab, harm):
    explorer = show(lab)
    before, columns = explorer.map.pixels(), explorer.root.evaluate(COLUMNS)
    assert "Add a picture" in explorer.root.evaluate(ENABLED)
    harm(lab)
    expect(explorer.alert).to_have_text(RESTARTED, timeout=SOON)
    assert explorer.root.evaluate(COLUMNS) == columns
    assert difference(explorer.map.pixels(), before) == 0
    assert set(explorer.root.evaluate(ENABLED)) == ONLY_IN_THE_PAGE
    assert "\n".join(violations(explorer)) == ""

    explorer.choose_channel(40)
    explorer.channel.shows_channel(40)
    expect(explorer.grid).to_have_attribute("data-selected", "40")
    drag(explorer.map.slider("Opacity"), 0.1)
    frames(lab.page)
    faded = explorer.map.pixels()
    assert difference(faded, before) > 50
    explorer.map.canvas.press("+")
    frames(lab.page)
    assert difference(explorer.map.pixels(), faded) > 50
    explorer.map.view("Colours", "gray")
    explorer.root.get_by_role("listbox", name="Inputs").press("ArrowRight")
    # nobody could compute the pictures of another input
    expect(explorer.root.get_by_text("1 of 3")).to_be_visible()
    assert lab.errors == []

    lab.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(explorer.alert).to_have_count(0, timeout=SOON)
    explorer.map.shows("Occlusion · gravel ring")
    assert explorer.root.locator("canvas[data-frame]").count() == 3
    explorer.choose_target(3)
    explorer.map.shows("Occlusion · grass heart")
    assert lab.errors == []


def test_a_run_under_way_does_not_seem_to_go_on(lab):
    lab.run_cell(LIME)
    explorer = Explorer(lab)
    explorer.map.shows("LIME · gravel ring")
    expect(explorer.root.get_by_role("progressbar")).to_be_visible()
    restart(lab)
    expect(explorer.alert).to_have_text(RESTARTED, timeout=SOON)
    expect(explorer.root.get_by_role("progressbar")).to_be_hidden()
    expect(explorer.button("Run")).to_be_disabled()
    expect(explorer.button("Stop")).to_have_count(0)


def test_a_view_that_is_made_after_the_restart_says_it_too(lab):
    show(lab)
    restart(lab)
    lab.page.evaluate("""() => {
        const app = window.jupyterapp;
        app.shell.currentWidget.content.activeCellIndex = 1;
        return app.commands.execute('notebook:create-output-view');
    }""")
    copy = lab.page.locator(".jp-LinkedOutputView")
    expect(copy.get_by_role("alert")).to_contain_text("run the cell again", timeout=SOON)
    expect(copy.get_by_role("button", name="Refresh")).to_be_disabled()
    lab.page.evaluate("window.jupyterapp.shell.currentWidget.close()")
    assert lab.errors == []


def test_a_kernel_that_is_shut_down(lab):
    explorer = show(lab)
    lab.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    expect(explorer.alert).to_have_text("The kernel has ended: start it and run the cell again.", timeout=SOON)
    assert set(explorer.root.evaluate(ENABLED)) == ONLY_IN_THE_PAGE


def test_a_connection_that_is_lost_for_a_while(lab):
    explorer = show(lab)
    told = f"status => {KERNEL}._updateConnectionStatus(status)"  # as JupyterLab does when its socket closes or opens
    lab.page.evaluate(told, "connecting")
    expect(explorer.alert).to_contain_text("The connection to the kernel is lost")
    explorer.choose_target(3)  # waits until the kernel hears it
    frames(lab.page)
    lab.page.evaluate(told, "connected")
    expect(explorer.alert).to_be_hidden()
    explorer.map.shows("Occlusion · grass heart")


def test_a_page_that_is_loaded_anew_finds_everything_as_it_was(lab, place):
    explorer = show(lab)
    explorer.choose_channel(40)
    explorer.channel.shows_channel(40)
    explorer.map.slider("Opacity").fill("0.3")
    lab.execute("e.session.wait(60)")
    frames(lab.page)
    seen, columns = explorer.map.pixels(), explorer.root.evaluate(COLUMNS)
    lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    lab.open(f"{place.address}/lab?reset", "test_kernel_gone.ipynb")
    again = Explorer(lab)
    again.map.shows("Occlusion · gravel ring")
    again.channel.shows_channel(40)
    expect(again.bars).to_have_count(9, timeout=SOON)
    frames(lab.page)
    assert again.root.evaluate(COLUMNS) == columns
    assert difference(again.map.pixels(), seen) == 0
    again.choose_target(3)
    again.map.shows("Occlusion · grass heart")
