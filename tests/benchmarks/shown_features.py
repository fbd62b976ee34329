"""How many features are shown: the slider below a picture's superpixels, and below a text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from playwright.sync_api import Locator, expect

from tests.benchmarks.measure import Row
from tests.browser.jupyter import Lab
from tests.browser.pane import SOON

_SUPERPIXELS = """\
few = {"superpixels": 200, "samples": 10}
s = nx.AttributionExplorer(model, x, method="lime", params=few); s"""
_WORDS = """\
from nbexplain.examples import reviews

demo = reviews()
long = " ".join(demo.texts[:6])
t = nx.TextExplorer(demo.model, nx.Text(long, demo.tokenizer), classes=demo.classes, method="lime"); t"""

Presser = Callable[[Lab, Locator, str, Locator], Callable[[], float]]


def rows(lab: Lab, presser: Presser) -> Iterator[Row]:
    """Both, in cells of their own; the superpixels' slider is in the part that opens with "View"."""
    for cell, name, kind, shown, what, first in (
        (_SUPERPIXELS, "s", ".nbx-image-pane", "canvas[role=img]", "{} superpixels", 100),
        (_WORDS, "t", ".nbx-token-pane", ".nbx-token-line", "a text of {} words", 5),
    ):
        lab.run_cell(cell)
        if printed := lab.execute(f"assert {name}.session.wait(120)"):
            raise RuntimeError(printed)
        pane = lab.page.locator(".jp-CodeCell").last.locator(kind).first
        details = pane.locator("details", has_text="View")
        if details.count() and details.get_attribute("open") is None:
            details.locator("summary").click()
        slider = pane.get_by_role("slider", name="Shown", exact=True)
        expect(slider).to_be_enabled(timeout=SOON)
        slider.fill(str(first))
        press = presser(lab, slider, "input", pane.locator(shown))
        spent = [press() for _ in range(30)]
        features = what.format(slider.get_attribute("max"))
        note = f"largest {max(spent):.1f}"
        yield Row(f"Shown features, DOM event → pixels, {features}", statistics.median(spent), 17, note=note)
