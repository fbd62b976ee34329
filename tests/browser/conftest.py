"""One JupyterLab and one Chromium for all tests here; a notebook with a kernel of its own for each file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.jupyter import Lab, chromium, notebook, server, write_notebook

SET_UP = """\
import nbexplain as nx
import torch
from nbexplain.examples import scenes

demo = scenes()
about = {"classes": demo.classes, "preprocess": demo.preprocess}
"""
_LIGHT = "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
_CLOSE = """\
import ipywidgets.widgets.widget as _widgets
for _widget in list(_widgets._instances.values()):
    if isinstance(_widget, nx.Explorer):
        _widget.close()
nx.options.run = "background"
"""


@dataclass
class Place:
    """Where notebooks are opened."""

    playwright: Playwright
    browser: Browser
    address: str
    folder: Path


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The server and the browser."""
    folder = tmp_path_factory.mktemp("lab")
    with server(folder) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        yield Place(playwright, browser, address, folder)
        browser.close()


@pytest.fixture(scope="module")
def shared_lab(place: Place, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A notebook whose first cell has run `SET_UP`."""
    path = place.folder / f"{request.module.__name__.rpartition('.')[2]}.ipynb"
    write_notebook(path, [SET_UP])
    with notebook(place.browser, place.address, path, height=1600) as lab:
        lab.page.evaluate(_LIGHT)  # the server keeps the theme that another file has left
        lab.page.wait_for_function("document.body.dataset.jpThemeLight === 'true'")
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The file's notebook, with nothing on it but the first cell. Nothing may be logged or asked for elsewhere."""
    shared_lab.errors.clear()
    yield shared_lab
    shared_lab.page.mouse.up()
    shared_lab.clear()
    left = shared_lab.execute(_CLOSE)
    assert left == ""
    assert shared_lab.errors == []
    assert shared_lab.strangers() == []
