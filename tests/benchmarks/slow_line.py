"""What an explorer sends to the browser, and how far a slow line lets the picture fall behind the hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.benchmarks.measure import Row
from tests.browser.conftest import SET_UP
from tests.browser.jupyter import chromium, notebook, server, write_notebook
from tests.browser.pane import Explorer, drag, until
from tests.browser.slow_line import slow_line
from tests.browser.test_drag import target_at
from tests.browser.test_slow_line import SHOW, WATCH, behind, until_drawn


def rows() -> Iterator[Row]:
    """Bytes through the web socket, all messages counted; then the class slider over 1 Mbit/s and 150 ms."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, server(Path(name)) as address:
        path = Path(name) / "distant.ipynb"
        write_notebook(path, [SET_UP])
        with sync_playwright() as playwright, slow_line(address) as line:
            browser = chromium(playwright)
            with notebook(browser, line.address, path, height=1600) as lab:
                before = lab.received
                lab.run_cell(SHOW)
                explorer = Explorer(lab, 1)
                lab.execute("e.session.wait(60)")
                yield Row("Showing `explore(scenes)`", (lab.received - before) / 1000, 1500, unit="kB")
                explorer.map.canvas.evaluate(WATCH)
                line.slow = True
                before = lab.received
                slider = explorer.range("Target, best score first")
                target = target_at(explorer, drag(slider, 1.0, 0.0, 1.0, 0.4, steps=15, pause=0.05))
                until(lab, "(e.session.wait(60), e.session.selection.target)", f"(True, {target})")
                until_drawn(lab, explorer)
                spent = lab.received - before
                line.slow = False
                sent, drawn = json.loads(lab.execute("print(json.dumps(sent))")), lab.page.evaluate("window.drawn")
                note = "1 Mbit/s, 150 ms"
                yield Row("Class slider, Grad-CAM: per frame", spent / len(sent) / 1000, 10, unit="kB", note=note)
                yield Row("Class slider, Grad-CAM: behind the kernel", behind(sent, drawn), 2, unit="frames", note=note)
            browser.close()
