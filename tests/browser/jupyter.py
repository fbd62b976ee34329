"""A real JupyterLab with a real kernel, driven in a real Chromium."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
_THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
_CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

_OPEN = """async (path) => {
    const app = window.jupyterapp;
    await app.restored;
    const panel = await app.commands.execute('docmanager:open', {path, factory: 'Notebook'});
    await panel.context.ready;
    await panel.sessionContext.ready;
    app.shell.collapseLeft();
}"""
_RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
_RUN_LAST = """async ({source, wait}) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = notebook.widgets.length - 1;
    await window.jupyterapp.commands.execute('notebook:insert-cell-below');
    notebook.activeCell.model.sharedModel.setSource(source);
    window.cellRun = window.jupyterapp.commands.execute('notebook:run-cell');
    if (wait) await window.cellRun;
}"""
_RUN_AGAIN = """async () => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = notebook.widgets.length - 1;
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
_CLEAR = """() => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const cells = notebook.model.sharedModel;
    if (cells.cells.length > 1) cells.deleteCellRange(1, cells.cells.length);
}"""
_SHUT_DOWN = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
# Runs outside the notebook, so that no cell and no output changes; resolves with what was printed.
_EXECUTE = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false});
    let printed = '';
    future.onIOPub = ({header, content}) => {
        if (header.msg_type === 'stream') printed += content.text;
        if (header.msg_type === 'error') printed += content.traceback.join('\\n');
    };
    await future.done;
    return printed;
}"""


@dataclass
class Lab:
    """An open notebook.

    Attributes
    ----------
    page
        Playwright's page.
    errors
        Uncaught errors of the page, and what it logged as errors.
    addresses
        Every address that the page asked for, web sockets included.
    frames
        Number of messages that the page has sent to the server through web sockets.
    received
        Number of bytes in the messages that have come back.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    frames: int = 0
    received: int = 0

    def open(self, address: str, name: str) -> None:
        """Load the page (anew), and open a notebook in it."""
        self.page.goto(address)
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        self.page.evaluate(_OPEN, name)

    def run_cell(self, source: str) -> None:
        """Add a cell at the end, run it, and wait until it has run."""
        self.page.evaluate(_RUN_LAST, {"source": source, "wait": True})

    def start_cell(self, source: str) -> None:
        """Add a cell at the end and start it; `finish_cell` waits until it has run."""
        self.page.evaluate(_RUN_LAST, {"source": source, "wait": False})

    def finish_cell(self) -> None:
        """Wait until the cell has run that was started."""
        self.page.evaluate("window.cellRun")

    def run_again(self) -> None:
        """Run the last cell once more: the same cell, with the same id."""
        self.page.evaluate(_RUN_AGAIN)

    def clear(self) -> None:
        """Delete all cells but the first, with what they show."""
        self.page.evaluate(_CLEAR)

    def interrupt(self) -> None:
        """Interrupt the cell that runs."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")

    def execute(self, code: str) -> str:
        """Run code in the kernel, outside the notebook; returns what it printed, or its traceback."""
        return str(self.page.evaluate(_EXECUTE, code)).strip()

    def strangers(self) -> list[str]:
        """Addresses beyond this machine that the page asked for."""
        local = {"127.0.0.1", "localhost", None}
        return [address for address in self.addresses if urlparse(address).hostname not in local]

    def _watch(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(f"{m.text} {m.location['url']}"))
        self.page.on("request", lambda request: self.addresses.append(request.url))

        def opened(socket_: object) -> None:
            self.addresses.append(socket_.url)  # type: ignore[attr-defined]
            socket_.on("framesent", self._count)  # type: ignore[attr-defined]
            socket_.on("framereceived", self._weigh)  # type: ignore[attr-defined]

        self.page.on("websocket", opened)

    def _count(self, _payload: object) -> None:
        self.frames += 1

    def _weigh(self, payload: str | bytes) -> None:
        self.received += len(payload)


@contextmanager
def server(
    folder: Path,
    *,
    theme: str = "light",
    environment: dict[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "jupyterlab"),
) -> Iterator[str]:
    """A JupyterLab that serves `folder`, with settings and data of its own; yields its address."""
    settings = folder / ".jupyter" / "lab" / "user-settings" / "@jupyterlab"
    chosen = {
        "apputils-extension/themes.jupyterlab-settings": {"theme": _THEMES[theme], "adaptive-theme": False},
        "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
        "docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
    }
    for name, content in chosen.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(json.dumps(content))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),
        "JUPYTER_DATA_DIR": str(folder / ".data"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings.parent),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "IPYTHONDIR": str(folder / ".ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    options = ["--no-browser", "--allow-root", f"--port={port}", f"--notebook-dir={folder}", "--log-level=ERROR"]
    options += ["--IdentityProvider.token=", "--ServerApp.password=", "--LabApp.expose_app_in_browser=True"]
    options += ["--JupyterNotebookApp.expose_app_in_browser=True"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, *options],
            env={**os.environ, **own, **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            _wait_for(process, f"http://127.0.0.1:{port}/api", folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()  # shuts its kernels down as well
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    waiting = urllib.request.Request(address)
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(waiting, timeout=5):
                return
        except OSError:
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
    raise RuntimeError(f"Jupyter did not start:\n{log.read_text()}")


def chromium(playwright: Playwright, environment: dict[str, str] | None = None) -> Browser:
    """The machine's Chromium, or Playwright's own."""
    found = os.environ.get("NBEXPLAIN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    return playwright.chromium.launch(
        executable_path=found, args=list(_CHROMIUM), env={**os.environ, **(environment or {})}
    )


def write_notebook(path: Path, cells: Sequence[str], kernel: str = "python3") -> None:
    """A notebook of code cells; the kernel is named in it, or a dialog would wait for an answer."""
    content = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{i}",
                "metadata": {},
                "source": s,
                "outputs": [],
                "execution_count": None,
            }
            for i, s in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content))


@contextmanager
def notebook(
    browser: Browser,
    address: str,
    path: Path,
    *,
    width: int = 1400,
    height: int = 1200,
    run: bool = True,
) -> Iterator[Lab]:
    """A notebook file in the folder of a server that runs, open in a page of its own."""
    page = browser.new_page(viewport={"width": width, "height": height})
    if slower := os.environ.get("NBEXPLAIN_SLOW_PAGE"):
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": float(slower)})
    try:
        lab = Lab(page)
        lab._watch()
        lab.open(f"{address}/lab?reset", path.name)
        if run:
            page.evaluate(_RUN_ALL)
        yield lab
        page.evaluate(_SHUT_DOWN)  # the server would go on with its kernel
    finally:
        page.close()


@contextmanager
def jupyter(
    cells: Sequence[str] | Path,
    *,
    theme: str = "light",
    width: int = 1400,
    height: int = 1200,
    environment: dict[str, str] | None = None,
    run: bool = True,
) -> Iterator[Lab]:
    """A notebook of these cells (or a copy of a notebook file), open in JupyterLab in Chromium, and run."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if isinstance(cells, Path):
            shutil.copy(cells, folder / "test.ipynb")
        else:
            write_notebook(folder / "test.ipynb", cells)
        with server(folder, theme=theme, environment=environment) as address, sync_playwright() as playwright:
            browser = chromium(playwright)
            try:
                with notebook(browser, address, folder / "test.ipynb", width=width, height=height, run=run) as lab:
                    yield lab
            finally:
                browser.close()
