"""Sliders under older and newer kernels, with messages of widgets on a thread of their own and without."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from nbexplain.examples import scenes
from tests.browser.conftest import SET_UP, Place
from tests.browser.jupyter import ROOT, Lab, notebook, server, write_notebook
from tests.browser.pane import SOON, Explorer, difference, drag, frames, until
from tests.browser.test_drag import target_at

pytestmark = [pytest.mark.browser, pytest.mark.packaging, pytest.mark.slow]

# The last release without subshells, the pinned one, and the newest, in which a slider moved beside a cell can die.
KERNELS = {"6.31.0": ["nest-asyncio==1.6.0"], "7.3.0": [], "7.4.0": []}
FREEZES = "7.4.0"
CLASSES = scenes().classes
BUSY = """\
import asyncio, pathlib, time
signal = pathlib.Path("go on")
print("waits")
while not signal.exists():
    {wait}(0.02)
signal.unlink()"""
SHOW = "e = nx.explore(demo.model, demo.pictures[0], **about, show=['map', 'channel']); e"


@pytest.fixture(scope="module")
def kernels(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server that knows a kernel of each release, made of this environment and another ipykernel before it."""
    folder = tmp_path_factory.mktemp("kernels")
    for release, others in KERNELS.items():
        site = folder / "site" / release
        packages = [f"ipykernel=={release}", *others]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*command, "--target", str(site), *packages], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip could not fetch {' '.join(packages)}: {done.stderr.strip().splitlines()[-1]}")
        kernel = folder / ".data" / "kernels" / name_of(release) / "kernel.json"
        kernel.parent.mkdir(parents=True)
        start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        about = {"argv": start, "display_name": release, "language": "python"}
        kernel.write_text(json.dumps({**about, "env": {"PYTHONPATH": f"{site}:{ROOT}"}}))
    with server(folder) as address:
        yield Place(place.playwright, place.browser, address, folder)


def name_of(release: str) -> str:
    return f"ipykernel-{release}"


@pytest.fixture(params=["perCommTarget", "disabled"], ids=["subshells", "main thread"])
def comms(request: pytest.FixtureRequest, kernels: Place) -> str:
    """What JupyterLab does with the messages of widgets; a page that is opened afterwards reads it."""
    extension = kernels.folder / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    chosen = json.dumps({"commsOverSubshells": request.param})
    (extension / "kernels-settings.jupyterlab-settings").write_text(chosen)
    return str(request.param)


@pytest.fixture(params=KERNELS)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(kernels: Place, comms: str, release: str) -> Iterator[Lab]:
    """An explorer in a notebook of its own, under one of the kernels."""
    path = kernels.folder / f"{release}-{comms}.ipynb"
    write_notebook(path, [SET_UP, SHOW], kernel=name_of(release))
    with notebook(kernels.browser, kernels.address, path, height=1600) as lab:
        assert lab.execute("import ipykernel; print(ipykernel.__version__)") == release
        yield lab
        assert lab.errors == []


def test_sliders_end_where_the_hand_ended(lab: Lab, kernels: Place, comms: str, release: str) -> None:
    explorer = Explorer(lab, 1)
    warned = lab.page.get_by_text(re.compile("ipykernel 7.4.0 can leave sliders dead"))
    expect(warned).to_have_count(1 if release == FREEZES else 0)
    target = drag_target(explorer, 0.9, 0.1, 0.6)
    explorer.map.shows(f"Grad-CAM · {CLASSES[target]}")
    until(lab, "(e.session.wait(30), e.session.selection.target)", f"(True, {target})")
    for wait, ends in (("time.sleep", (0.9, 0.2, 0.5)), ("await asyncio.sleep", (0.1, 1.0, 0.7))):
        lab.start_cell(BUSY.format(wait=wait))
        printed = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
        expect(printed).to_have_text("waits", timeout=SOON)
        before = explorer.channel.pixels()
        channel = drag(explorer.range("Channel"), *ends)
        explorer.channel.shows_channel(int(channel))
        frames(lab.page)
        assert difference(explorer.channel.pixels(), before) > 30
        if release == FREEZES:
            return
        target = drag_target(explorer, *ends)
        if comms != "disabled" and release != "6.31.0":  # widgets' messages are heard beside the cell
            explorer.map.shows(f"Grad-CAM · {CLASSES[target]}")
        (kernels.folder / "go on").touch()
        lab.finish_cell()
        explorer.map.shows(f"Grad-CAM · {CLASSES[target]}")
        chosen = "e.session.selection.target, e.session.selection.channel"
        until(lab, f"(e.session.wait(30), {chosen})", f"(True, {target}, {channel})")


def drag_target(explorer: Explorer, *fractions: float) -> int:
    """Drag the class slider; returns the class on which the hand ended."""
    return int(target_at(explorer, drag(explorer.range("Target, best score first"), *fractions)))
