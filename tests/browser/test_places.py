"""The first notebook in each place where it is shown, served as on Binder: JupyterLab, Notebook 7 and Voilà."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from nbexplain.examples import scenes
from tests.browser.conftest import Place
from tests.browser.jupyter import ROOT, Lab, notebook, server, write_notebook
from tests.browser.pane import SOON, Explorer, difference, frames

pytestmark = pytest.mark.browser

NAME = "01_first_look.ipynb"
RUN_ALL = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const panel = app.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await app.commands.execute('notebook:run-all-cells');
}"""
SHUT_DOWN = "window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
# What Notebook 7.6 says of itself, whatever it opens, and of a font on a server that has shown JupyterLab before.
NOT_OURS = re.compile(r"reading 'schema'|\(Forbidden\) \S+/static/notebook/\w+\.woff2")


@pytest.fixture(scope="module")
def binder(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server started by `binder/start`, which serves all three."""
    if sys.platform == "win32":
        pytest.skip("binder/start is a shell script")
    folder = tmp_path_factory.mktemp("binder")
    shutil.copy(ROOT / "notebooks" / NAME, folder)
    with server(folder, command=("sh", str(ROOT / "binder" / "start"), sys.executable, "-m", "notebook")) as address:
        yield Place(place.playwright, place.browser, address, folder)


def in_lab(binder: Place) -> Iterator[Lab]:
    with notebook(binder.browser, binder.address, binder.folder / NAME, height=2400) as lab:
        yield lab


def in_notebook_7(binder: Place) -> Iterator[Lab]:
    with watched(binder.browser) as lab:
        lab.page.goto(f"{binder.address}/notebooks/{NAME}")
        lab.page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext", timeout=2 * SOON)
        lab.page.evaluate(RUN_ALL)
        yield lab
        lab.page.evaluate(SHUT_DOWN)


def in_voila(binder: Place, theme: str = "light", name: str = NAME) -> Iterator[Lab]:
    with watched(binder.browser) as lab:
        lab.page.goto(f"{binder.address}/voila/render/{name}?theme={theme}", timeout=2 * SOON)
        yield lab


@contextmanager
def watched(browser: Browser) -> Iterator[Lab]:
    """A page of its own, so high that all of the notebook is drawn."""
    page = browser.new_page(viewport={"width": 1400, "height": 2400})
    lab = Lab(page)
    lab._watch()
    yield lab
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("place_of", [in_lab, in_notebook_7, in_voila])
def test_the_first_notebook_answers_to_its_sliders(binder: Place, place_of: Callable[[Place], Iterator[Lab]]) -> None:
    with contextmanager(place_of)(binder) as lab:
        explorer = Explorer(lab, 1)
        explorer.map.shows("Grad-CAM · gravel ring")
        before = explorer.map.pixels()
        explorer.range("Target, best score first").focus()
        lab.page.keyboard.press("ArrowRight")
        explorer.map.shows("Grad-CAM · grass heart")
        frames(lab.page)
        assert difference(explorer.map.pixels(), before) > 30
        expect(explorer.status).to_contain_text("Grad-CAM for grass heart", timeout=SOON)
        before = explorer.channel.pixels()
        explorer.choose_channel(40)
        explorer.channel.shows_channel(40)
        expect(explorer.grid).to_have_attribute("data-selected", "40")
        assert difference(explorer.channel.pixels(), before) > 30
        expect(explorer.labels.filter(has_text=scenes().classes[3])).to_have_count(1)  # bqplot draws as well
        expect(lab.page.locator("canvas[role=img][data-frame]")).to_have_count(6, timeout=SOON)  # the last cell ran
        expect(lab.page.get_by_role("alert")).to_have_count(0)
        assert [error for error in lab.errors if not NOT_OURS.search(error)] == []
        assert lab.strangers() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_voila_asks_nobody_else_for_its_formulas(binder: Place, theme: str) -> None:
    write_notebook(binder.folder / "formula.ipynb", ["from IPython.display import Math; Math('x^2')"])
    with contextmanager(in_voila)(binder, theme, "formula.ipynb") as lab:
        expect(lab.page.locator("mjx-container")).to_have_count(1, timeout=SOON)
        expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-light", json.dumps(theme == "light"))
        assert lab.errors == []
        assert lab.strangers() == []
