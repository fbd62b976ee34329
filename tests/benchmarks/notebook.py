"""What a notebook costs as a whole: until its first explorer is on screen, and in the saved file."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.benchmarks.measure import Row
from tests.browser.jupyter import ROOT, chromium, notebook, server, write_notebook
from tests.browser.pane import Explorer, until

_SAVE_STATE = "lab/user-settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
_FIRST = """\
demo = scenes()
view = nx.explore(demo.model, demo.pictures[0], classes=demo.classes, preprocess=demo.preprocess)
view"""
_ON_SCREEN = """() => {
    const canvases = [...document.querySelectorAll('.nbx-canvas')];
    const drawn = canvases.length === 3 && canvases.every(canvas => Number(canvas.dataset.frame) > 0);
    return drawn && document.querySelectorAll('.bqplot rect.bar').length > 9;
}"""
_ALL_ANSWERED = """\
import nbexplain, ipywidgets.widgets.widget as widgets
print(all(e.session.wait(100) for e in list(widgets._instances.values()) if isinstance(e, nbexplain.Explorer)))"""


def rows() -> Iterator[Row]:
    """Both, in one JupyterLab that saves the state of widgets."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        setting = folder / ".jupyter" / _SAVE_STATE
        setting.parent.mkdir(parents=True)
        setting.write_text(json.dumps({"saveState": True}))
        write_notebook(folder / "first.ipynb", ["import nbexplain as nx\nfrom nbexplain.examples import scenes"])
        course = folder / "course.ipynb"
        shutil.copy(ROOT / "notebooks" / "01_first_look.ipynb", course)
        with server(folder) as address, sync_playwright() as playwright:
            browser = chromium(playwright)
            with notebook(browser, address, folder / "first.ipynb", height=1600) as lab:
                lab.execute("nx")  # the import is over
                started = time.perf_counter()
                lab.start_cell(_FIRST)
                lab.page.wait_for_function(_ON_SCREEN)
                spent = 1000 * (time.perf_counter() - started)
                lab.finish_cell()
                yield Row("From `import` to the first explorer on screen, scenes included", spent, 2000)
            with notebook(browser, address, course, height=1600) as lab:
                Explorer(lab, 1)
                until(lab, "1", 1, 120)
                lab.execute(_ALL_ANSWERED)
                lab.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
                lab.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
                saved = json.loads(course.read_text())
                state = saved["metadata"].get("widgets")
                if not state:
                    raise RuntimeError("the state of the widgets was not saved")
                kilobytes = len(json.dumps(state)) / 1000
                outputs = [output for cell in saved["cells"] for output in cell.get("outputs", ())]
                pictures = [
                    len(output["data"]["image/png"]) for output in outputs if "image/png" in output.get("data", {})
                ]
                note = f"{len(pictures)} pictures beside it, the largest {max(pictures) / 1000:.0f} kB"
                yield Row("State saved with notebook 01", kilobytes, 1500, unit="kB", note=note)
            browser.close()
