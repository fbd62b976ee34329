"""Superpixels in explorers, with a real kernel: what is painted, when, and what Stop, Run and More do."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from nbexplain.examples import scenes
from tests.browser.jupyter import Lab
from tests.browser.pane import NEAR, SOON, Explorer, Pane, colours, difference, drag, frames, kernel_values, until
from tests.browser.test_accessibility import looks_right

pytestmark = pytest.mark.browser

TARGET = scenes().classes.index("gravel ring")
# A model that runs no more than `limit` samples before somebody raises it, and fails at `fuse`. A single input passes.
GATED = f"""\
import json, time
import ipywidgets.widgets.widget as models

limit, fuse, samples, blocked = [10**9], [10**9], [], []

def forward(model, x):
    if len(x) > 1:
        deadline = time.monotonic() + 60
        while sum(samples) + len(x) > limit[0] and time.monotonic() < deadline:
            blocked[:] = [True]
            time.sleep(0.005)
        blocked.clear()
        if sum(samples) + len(x) > fuse[0]:
            raise RuntimeError("<b>the fuse</b> has blown")
        samples.append(len(x))
    return model(x)

def made(samples=200, **more):
    given = dict(about, forward=forward, target={TARGET}, method="lime", params={{"samples": samples}}) | more
    return nx.AttributionExplorer(demo.model, demo.pictures[0], **given)

def found(samples=200, method="lime"):
    about = dict(target={TARGET}, preprocess=demo.preprocess, samples=samples)
    return nx.explain(demo.model, demo.pictures[0], method, **about)
"""


@pytest.fixture(autouse=True)
def gated(lab: Lab) -> None:
    assert lab.execute(GATED) == ""


def lime(lab: Lab, more: str = "", **values: object) -> Explorer:
    given = ", ".join(f"{name}={value!r}" for name, value in values.items())
    lab.run_cell(f"{more}\ne = made({given})\ne")
    return Explorer(lab)


def paints(pane: Pane, labels: np.ndarray, weights: np.ndarray) -> None:
    """The pane, which shows the map alone without borders, has the colour of each weight inside its superpixel."""
    seen = pane.pixels()
    high = float(np.abs(weights).max())
    expected = colours(weights[labels], seen.shape[:2], "RdBu_r", -high, high)
    inner = np.ones(labels.shape, bool)  # away from borders, where pixels of the page and of the picture do not meet
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(labels, step, axis) == labels
    rows, columns = (((np.arange(n) + 0.5) / n * m).astype(int) for n, m in zip(seen.shape, labels.shape, strict=False))
    inside = inner[np.ix_(rows, columns)]
    assert inside.mean() > 0.5
    assert difference(seen[inside], expected[inside]) <= NEAR


def at_limit(lab: Lab) -> None:
    """Wait until the kernel has shown all that it may."""
    until(lab, "blocked", [True])
    frames(lab.page, 10)


def flat(pane: Pane) -> None:
    pane.view("Show", "map")
    pane.root.get_by_role("checkbox", name="Borders").uncheck()
    frames(pane.root.page)


def test_borders_come_first_and_then_the_weights_that_explain_finds(lab):
    explorer = lime(lab, "limit[0] = 0")
    expect(explorer.map.canvas).to_have_attribute("aria-label", re.compile(r"^\d+ superpixels$"), timeout=SOON)
    labels = kernel_values(lab, "e.session.inputs[0].superpixels(50, 'slic')")
    expect(explorer.map.canvas).to_have_attribute("aria-label", f"{labels.max() + 1} superpixels")
    expect(explorer.status).to_have_text(re.compile("^LIME: .*the first picture is on its way$"), timeout=SOON)
    assert lab.execute("limit[0] = 10**9") == ""
    explorer.map.shows("LIME · gravel ring")
    until(lab, "e.session.wait(60)", True)
    weights = kernel_values(lab, "found().values")
    flat(explorer.map)
    paints(explorer.map, labels, weights)
    # the largest alone: nothing of that is asked of the kernel
    slider = explorer.map.root.get_by_role("slider", name="Shown")
    slider.scroll_into_view_if_needed()
    before, sent = explorer.map.pixels(), lab.frames
    assert drag(slider, 0.0, release=False) == "1"
    frames(lab.page)
    seen = explorer.map.pixels()
    assert lab.frames == sent
    assert difference(seen, before) > 50
    largest = labels == np.abs(weights).argmax()
    assert (seen[..., 3] > 0).mean() == pytest.approx(largest.mean(), abs=0.02)
    lab.page.mouse.up()


def test_stop_keeps_the_picture_run_goes_on_and_more_adds(lab):
    explorer = lime(lab, "limit[0] = 100")
    explorer.map.shows("LIME · gravel ring")
    expect(explorer.status).to_contain_text(re.compile(r"samples \d+ .*, about .* left · \d+ forward"), timeout=SOON)
    flat(explorer.map)
    at_limit(lab)
    sofar = explorer.map.pixels()
    explorer.button("Stop").click()
    until(lab, "any(job.stop.is_set() for job in __import__('nbexplain.runner').runner.runner._started())", True)
    assert lab.execute("limit[0] = 10**9") == ""
    expect(explorer.status).to_contain_text("stopped", timeout=SOON)
    expect(explorer.button("Run")).to_be_visible(timeout=SOON)
    until(lab, "e.session.wait(60)", True)
    assert difference(explorer.map.pixels(), sofar) == 0
    ran = int(lab.execute("print(sum(samples))"))
    assert 0 < ran <= 200
    explorer.button("Run").click()
    expect(explorer.status).to_contain_text("samples 200", timeout=SOON)
    until(lab, "e.session.wait(60)", True)
    expect(explorer.status).not_to_contain_text("stopped", timeout=SOON)
    assert int(lab.execute("print(sum(samples))")) <= 216  # those that were run are not run again
    labels = kernel_values(lab, "e.session.inputs[0].superpixels(50, 'slic')")
    paints(explorer.map, labels, kernel_values(lab, "found().values"))
    explorer.button("More samples").click()
    expect(explorer.status).to_contain_text("samples 700", timeout=2 * SOON)
    assert int(lab.execute("print(sum(samples))")) <= 716
    frames(lab.page)
    paints(explorer.map, labels, kernel_values(lab, "found(700).values"))


def test_a_model_that_fails_in_the_middle_leaves_the_picture_so_far(lab):
    explorer = lime(lab, "limit[0] = fuse[0] = 100")
    explorer.map.shows("LIME · gravel ring")
    flat(explorer.map)
    at_limit(lab)
    sofar = explorer.map.pixels()
    assert lab.execute("limit[0] = 10**9") == ""
    expect(explorer.alert).to_contain_text("<b>the fuse</b> has blown", timeout=SOON)
    expect(explorer.alert.locator("b")).to_have_count(0)
    expect(explorer.map.notice).to_contain_text("the fuse")
    explorer.alert.locator("summary").click()
    expect(explorer.alert.locator("pre")).to_contain_text("in forward")
    frames(lab.page)
    assert difference(explorer.map.pixels(), sofar) == 0
    assert lab.execute("fuse[0] = 10**9") == ""
    explorer.button("Run").click()
    expect(explorer.alert).to_be_hidden(timeout=SOON)
    expect(explorer.status).to_contain_text("samples 200", timeout=SOON)


COMPARED = ["lime", "kernel_shap", "leave_one_out"]


def test_methods_beside_each_other_can_be_stopped_and_looked_at(lab):
    before = lab.execute("print(json.dumps(sorted(models._instances)))")
    lab.run_cell(f"""\
limit[0] = 60
e = nx.MethodComparison(demo.model, demo.pictures[0], **about, forward=forward, methods={COMPARED!r}, target={TARGET})
e""")
    explorer = Explorer(lab)
    expect(explorer.button("Stop")).to_be_visible(timeout=SOON)
    expect(explorer.range("Layer")).to_have_count(0)  # no method looks into the network
    at_limit(lab)  # a run that is stopped between two passes ends at once
    explorer.button("Stop").click()
    until(lab, "any(job.stop.is_set() for job in __import__('nbexplain.runner').runner.runner._started())", True)
    assert lab.execute("limit[0] = 10**9") == ""
    expect(explorer.button("Run")).to_be_visible(timeout=SOON)
    until(lab, "e.session.wait(60)", True)
    explorer.button("Run").click()
    expect(explorer.root.locator(".nbx-image-pane")).to_have_count(3)
    until(lab, "e.session.wait(120)", True, 120)
    for title in ("LIME", "Kernel SHAP", "Leave one out"):
        expect(explorer.root.locator(f"canvas[aria-label^='{title} · gravel ring: ']")).to_be_visible(timeout=SOON)
    looks_right(explorer)
    assert lab.execute("e.close()") == ""
    expect(explorer.root.locator("canvas")).to_have_count(0)
    after = json.loads(lab.execute("print(json.dumps(sorted(models._instances)))"))
    assert after == json.loads(before)


def test_an_explorer_of_superpixels_looks_right(lab):
    explorer = lime(lab, samples=50)
    explorer.map.shows("LIME · gravel ring")
    until(lab, "e.session.wait(60)", True)
    explorer.map.root.locator("summary").click()
    looks_right(explorer)
