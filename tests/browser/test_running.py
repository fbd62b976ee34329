"""Long runs, errors, training in another cell, and the same cell run again and again."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from nbexplain.examples import scenes
from tests.browser.pane import SOON, Explorer, difference, frames, until

pytestmark = pytest.mark.browser


# Stop


def test_stop_ends_lime_and_keeps_the_picture_so_far(lab):
    lab.run_cell("""\
e = nx.AttributionExplorer(demo.model, demo.pictures[0], **about, method="lime", params={"samples": 5000})
e""")
    explorer = Explorer(lab)
    explorer.map.shows("LIME · gravel ring")
    bar = explorer.root.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"\d+"), timeout=SOON)
    explorer.button("Stop").click()
    expect(explorer.button("Run")).to_be_visible(timeout=SOON)
    expect(explorer.status).to_contain_text("stopped", timeout=SOON)
    assert lab.execute("print(e.session.wait(60))") == "True"
    count = int(re.search(r"samples (\d+)", explorer.status.inner_text().replace(",", "")).group(1))
    assert 0 < count < 5000
    frames(lab.page)
    sofar, frame = explorer.map.pixels(), explorer.map.canvas.get_attribute("data-frame")
    explorer.map.view("Show", "picture")
    assert difference(explorer.map.pixels(), sofar) > 50
    explorer.map.view("Show", "overlay")
    assert difference(explorer.map.pixels(), sofar) == 0
    assert explorer.map.canvas.get_attribute("data-frame") == frame
    lab.execute("e.session.select(params={'lime': {'samples': 400}})")
    expect(explorer.status).to_contain_text("samples 400", timeout=SOON)
    expect(explorer.status).not_to_contain_text("stopped")
    expect(explorer.button("Run")).to_be_visible(timeout=SOON)


def test_run_goes_on_where_stop_ended(lab):
    lab.run_cell("""\
e = nx.AttributionExplorer(demo.model, demo.pictures[0], **about, method="lime", params={"samples": 700})
e""")
    explorer = Explorer(lab)
    explorer.button("Stop").click()
    expect(explorer.button("Run")).to_be_visible(timeout=SOON)
    explorer.button("Run").click()
    expect(explorer.button("Run")).to_be_visible(timeout=2 * SOON)
    expect(explorer.status).to_contain_text("samples 700", timeout=2 * SOON)


# Errors

MOODY = """\
@nx.method(label="Moody")
def moody(subject, target, layer):
    '''Grad-CAM that has had enough of one class.'''
    if target == 2:
        raise ValueError("<b>class 2</b> is more than I can bear")
    return nx.METHODS["grad_cam"].function(subject, target, layer)

broken = []
def forward(model, x):
    if broken:
        raise RuntimeError("the fuse has blown")
    return model(x)

e = nx.explore(demo.model, demo.pictures[0], **about, forward=forward, method="moody", target=7)
e"""


def test_an_error_shows_and_the_explorer_goes_on(lab):
    lab.run_cell(MOODY)
    explorer = Explorer(lab)
    explorer.map.shows("Moody · gravel ring")
    good = explorer.map.pixels()
    explorer.choose_target(2)
    expect(explorer.alert).to_contain_text("<b>class 2</b> is more than I can bear", timeout=SOON)
    expect(explorer.alert.locator("b")).to_have_count(0)
    expect(explorer.map.notice).to_contain_text("more than I can bear")
    explorer.alert.locator("summary").click()
    expect(explorer.alert.locator("pre")).to_contain_text("Traceback (most recent call last)")
    frames(lab.page)
    assert difference(explorer.map.pixels(), good) == 0  # the last good picture
    explorer.choose_target(3)
    explorer.map.shows("Moody · grass heart")
    expect(explorer.alert).to_be_hidden(timeout=SOON)
    expect(explorer.map.notice).to_be_hidden()
    assert difference(explorer.map.pixels(), good) > 30
    lab.execute("nx.METHODS.pop('moody')")


def test_a_model_that_fails_for_a_while(lab):
    lab.run_cell(MOODY.replace('"moody", target=7', '"grad_cam", target=7'))
    explorer = Explorer(lab)
    explorer.map.shows("Grad-CAM · gravel ring")
    good = explorer.map.pixels()
    lab.execute("broken.append(1)")
    explorer.button("Refresh").click()
    expect(explorer.alert).to_contain_text("the fuse has blown", timeout=SOON)
    assert difference(explorer.map.pixels(), good) == 0
    lab.execute("broken.clear()")
    explorer.button("Refresh").click()
    expect(explorer.alert).to_be_hidden(timeout=SOON)
    explorer.choose_target(3)
    explorer.map.shows("Grad-CAM · grass heart")
    lab.execute("nx.METHODS.pop('moody')")


# Another cell trains the same model

TRAIN = """\
import json, threading

torch.set_num_threads(1)  # two threads on a busy machine spend their time waiting for each other

def train(model, steps, after):
    torch.manual_seed(0)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for step in range(steps):
        x = torch.randn(4, 3, 64, 64)  # from the global generator, which nobody else may touch
        y = torch.randint(0, 9, (4,))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        after(step)
    return losses
"""
MEANWHILE = """\
moved = threading.Semaphore(0)
view = nx.explore(mine.model, demo.pictures[0], **about, target=0)
view.observe(lambda change: moved.release(), names="target")
view"""
LOOP = """\
def after(step):
    print("step", step, flush=True)
    if step in (3, 6, 9, 12):
        assert moved.acquire(timeout=60)

losses = train(mine.model, 20, after)
print("finished")"""


def test_while_the_same_model_is_trained_in_another_cell(lab):
    lab.run_cell(TRAIN + "reference = train(scenes().model, 20, lambda step: None)\nmine = scenes()")
    lab.run_cell(MEANWHILE)
    explorer = Explorer(lab)
    before = explorer.map.pixels()
    lab.start_cell(LOOP)
    classes = scenes().classes
    for step, target in ((3, 5), (6, 1), (9, 7), (12, 3)):
        output = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
        expect(output).to_contain_text(re.compile(rf"step {step}\b"), timeout=SOON)
        explorer.choose_target(target)
        explorer.map.shows(f"Grad-CAM · {classes[target]}")
    lab.finish_cell()
    expect(output).to_contain_text("finished")
    assert lab.execute(f"print(view.session.wait({SOON // 1000}))") == "True"
    reference, losses = json.loads(lab.execute("print(json.dumps([reference, losses]))"))
    assert losses == reference
    assert losses[-1] != losses[0]
    assert lab.execute("print(mine.model.training)") == "True"
    assert lab.execute("print(sum(len(m._forward_hooks) for m in mine.model.modules()))") == "0"
    assert difference(explorer.map.pixels(), before) > 30
    explorer.button("Refresh").click()
    found = "nx.explain(mine.model, demo.pictures[0], target=3, preprocess=demo.preprocess).values.max()"
    limit = float(lab.execute(f"print({found})"))
    shown = f"colours from 0 to {limit:.3g}"
    expect(explorer.map.canvas).to_have_attribute("aria-label", re.compile(re.escape(shown)), timeout=SOON)


# The same cell again and again

MEASURE = """\
import ctypes, gc, json, sys, threading, psutil
import ipywidgets.widgets.widget as _w
gc.collect()
if sys.platform == "linux":
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is free but not given back yet is no leak
print(json.dumps({
    "widgets": len(_w._instances),
    "threads": sorted(t.name.partition("-")[0] for t in threading.enumerate()),
    "hooks": sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
                 for m in demo.model.modules()),
    "resident": psutil.Process().memory_info().rss,
}))
"""
NO_WORKER = "not any(t.name == 'nbexplain' for t in __import__('threading').enumerate())"
GROWTH = 2_000_000  # bytes a run; what one explorer of this network keeps is more than ten times that


@pytest.mark.slow
def test_the_same_cell_run_thirty_times_leaves_nothing_behind(lab):
    lab.run_cell("e = nx.explore(demo.model, demo.pictures[0], **about); e")

    def measured(runs: int) -> dict:
        for _ in range(runs):
            lab.run_again()
        explorer = Explorer(lab)
        explorer.map.shows("Grad-CAM · gravel ring")
        until(lab, NO_WORKER, True)
        return json.loads(lab.execute(MEASURE))

    early, late = measured(6), measured(24)
    assert late["widgets"] == early["widgets"]
    assert late["threads"] == early["threads"]
    assert late["hooks"] == early["hooks"] == 0
    assert late["resident"] - early["resident"] < 24 * GROWTH
    assert lab.page.locator("canvas[data-frame]").count() == 3


def test_close_leaves_no_widget_model(lab):
    before = json.loads(lab.execute(MEASURE))["widgets"]
    lab.run_cell("e = nx.explore(demo.model, demo.pictures[0], **about); e")
    explorer = Explorer(lab)
    explorer.choose_target(3)
    explorer.map.shows("Grad-CAM · grass heart")
    lab.execute("e.session.wait(30); e.close()")
    expect(explorer.root.locator("canvas")).to_have_count(0)
    assert json.loads(lab.execute(MEASURE))["widgets"] == before


def test_values_linked_to_another_widget(lab):
    lab.run_cell("""\
import ipywidgets
e = nx.explore(demo.model, demo.pictures[0], **about, show=["map", "channel"], controls=["target", "channel"])
number = ipywidgets.IntText(description="mine")
ipywidgets.link((e, "channel"), (number, "value"))
ipywidgets.VBox([number, e])""")
    explorer = Explorer(lab)
    mine = explorer.root.get_by_label("mine")
    explorer.choose_channel(40)
    expect(mine).to_have_value("40", timeout=SOON)
    mine.fill("12")
    mine.press("Enter")
    explorer.channel.shows_channel(12)
    expect(explorer.range("Channel")).to_have_value("12")
    until(lab, "e.session.wait(30) and (e.channel, e.session.selection.channel)", (12, 12))
