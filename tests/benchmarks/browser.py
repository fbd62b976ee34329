"""What a person waits for in a real JupyterLab: from a key or an event to the pixels, in headless Chromium."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator

from playwright.sync_api import ElementHandle, Locator

from tests.benchmarks import shown_features
from tests.benchmarks.measure import Row, in_turn
from tests.browser.jupyter import Lab, jupyter
from tests.browser.pane import Explorer, drag, frames

_SET_UP = """\
import time
import nbexplain as nx
from nbexplain.runner import runner
from tests.benchmarks.compute import picture
from tests.benchmarks.networks import resnet18

model, x = resnet18(), picture()
"""
_CHANNELS = "e = nx.ActivationExplorer(model, x, layer='layer2'); e"
_MAP = "m = nx.AttributionExplorer(e.session); m"
_CLASSES = "a = nx.AttributionExplorer(model, x, params={'relu': False}); a"
_BARE = '''\
import anywidget
import traitlets

class Bare(anywidget.AnyWidget):
    _esm = """
    function render({ model, el }) {
      const slider = document.createElement("input");
      const canvas = document.createElement("canvas");
      Object.assign(slider, { type: "range", max: 999, value: 0 });
      slider.addEventListener("keydown", (event) => event.stopPropagation());
      slider.addEventListener("input", () => {
        model.set("asked", Number(slider.value));
        model.save_changes();
      });
      model.on("change:answered", () => {
        const context = canvas.getContext("2d");
        context.fillStyle = `rgb(${model.get("answered") % 256}, 0, 0)`;
        context.fillRect(0, 0, 1, 1);
        canvas.dataset.frame = model.get("answered");
      });
      el.append(slider, canvas);
    }
    export default { render };
    """
    asked = traitlets.Int().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)

    @traitlets.observe("asked")
    def _answer(self, change):
        self.answered = change["new"]

Bare()
'''
_INTERACT = """\
%matplotlib inline
import ipywidgets
import matplotlib.pyplot as plt
from captum.attr import LayerGradCam

cam = LayerGradCam(model, model.layer4)

def show(target):
    plt.imshow(cam.attribute(x, target=target)[0, 0].detach())
    plt.show()

ipywidgets.interact(show, target=(0, 999));
"""
# `ended` resolves with the milliseconds from the event until other pixels (or another <img>) can be read.
_WATCH = """([slider, event, shown]) => {
    const canvas = shown instanceof HTMLCanvasElement;
    const read = () => canvas
        ? new Uint32Array(shown.getContext('2d').getImageData(0, 0, shown.width, shown.height).data.buffer)
        : Array.from(shown.querySelectorAll('img, [role=button]'), part => part.src || part.style.cssText);
    const before = read();
    const changed = () => {
        const now = read();
        if (!now.length || now.length !== before.length) return now.length > 0;
        for (let i = 0; i < now.length; i++) if (now[i] !== before[i]) return true;
        return false;
    };
    slider.focus();
    window.ended = new Promise((done) => {
        let start;
        slider.addEventListener(event, () => (start = performance.now()), { capture: true, once: true });
        const observer = new MutationObserver(() => {
            if (start === undefined) return;
            if (canvas) shown.getContext('2d').getImageData(0, 0, 1, 1);  // what is drawn can be read from here on ...
            else getComputedStyle(shown.lastElementChild).backgroundColor;
            const spent = performance.now() - start;
            if (!changed()) return;  // ... and comparing all of it is our business, not the widget's
            observer.disconnect();
            clearTimeout(patience);
            done(spent);
        });
        const patience = setTimeout(() => (observer.disconnect(), done(null)), 20000);
        observer.observe(shown, { attributes: true, childList: true, subtree: true });
    });
}"""


def rows() -> Iterator[Row]:
    """All rows, in one page, so high that no cell is scrolled away: JupyterLab takes those out of the page."""
    with jupyter([_SET_UP], height=3000) as lab:
        yield from channels(lab)
        yield from classes(lab)
        lab.clear()
        yield from shown_features.rows(lab, _presser)


def channels(lab: Lab) -> Iterator[Row]:
    """What the browser does alone: the channel slider, and how a map is drawn."""
    lab.run_cell(_CHANNELS)
    explorer = Explorer(lab, 1)
    lab.run_cell(_MAP)
    shared = Explorer(lab, 2)
    press = _presser(lab, explorer.range("Channel"), "input", explorer.channel.canvas)
    for situation, begin, end in (
        ("", "", ""),
        (", kernel in time.sleep", "sleep", "sleep"),
        (
            ", LIME under way",
            "e.session.select(method='lime', params={'lime': {'samples': 5000}})",
            "assert runner.busy(e.session); e.session.stop(); e.session.wait()",
        ),
    ):
        if begin == "sleep":
            lab.start_cell("time.sleep(600)")
        elif begin:
            _must(lab, begin)
        spent = [press() for _ in range(30)]
        if end == "sleep":
            lab.interrupt()
            lab.finish_cell()
        elif end:
            _must(lab, end)
        note = f"largest {max(spent):.1f}"
        yield Row(f"Channel slider, DOM event → pixels{situation}", statistics.median(spent), 5, note=note)
    shared.choose_method("grad_cam")
    shared.map.shows(re.compile("^Grad-CAM"))
    _until_silent(lab)
    for label in ("Opacity", "Clip"):
        before = shared.map.pixels()
        slider = shared.map.slider(label)
        slider.scroll_into_view_if_needed()
        _until_silent(lab)
        sent = _sent(lab, lambda slider=slider: drag(slider, 0.6, 0.3, release=False))
        assert (before != shared.map.pixels()).any()
        lab.page.mouse.up()
        yield Row(f"{label}: while it is dragged", sent, 0, unit="messages")
    colours = shared.map.root.get_by_role("combobox", name="Colours", exact=True)
    colours.focus()
    _until_silent(lab)

    def walk() -> None:
        for _ in range(5):
            colours.press("ArrowDown")

    sent = _sent(lab, walk)
    yield Row("Colour map: five steps through the list with arrow keys", sent, 0, unit="messages")


def classes(lab: Lab, times: int = 60) -> Iterator[Row]:
    """Through the kernel and back: Grad-CAM for the next class beside a round trip that computes nothing."""
    lab.clear()
    lab.run_cell(_CLASSES)
    explorer = Explorer(lab, 1)
    lab.run_cell(_BARE)
    lab.run_cell(_INTERACT)
    bare, interact = (lab.page.locator(".jp-CodeCell").nth(place) for place in (2, 3))
    interact.locator("img").wait_for()
    presses = {
        "nbexplain": _presser(lab, explorer.range("Target, best score first"), "keydown", explorer.map.canvas),
        "a bare anywidget round trip": _presser(lab, bare.locator("input"), "keydown", bare.locator("canvas")),
        "interact, captum, matplotlib": _presser(
            lab, interact.locator(".noUi-handle"), "keydown", interact.locator(".widget-output")
        ),
    }
    spent: dict[str, list[float]] = {name: [] for name in presses}
    for turn in range(-3, times):
        for place in in_turn(len(presses), turn):  # and once all is quiet again
            name = list(presses)[place]
            _must(lab, "")
            frames(lab.page)
            took = presses[name]()
            if turn >= 0:
                spent[name].append(took)
    ours, round_trip, usual = (statistics.median(took) for took in spent.values())
    _, one, other = spent
    yield Row("Class slider → pixels, Grad-CAM, ResNet-18", ours, 1.6, one, round_trip)
    yield Row("Class slider → pixels, Grad-CAM, ResNet-18", ours, 0.25, other, usual)


def _presser(lab: Lab, slider: Locator, event: str, shown: Locator) -> Callable[[], float]:
    """What presses the right arrow key on a slider and returns the milliseconds until something else is shown."""
    slider.scroll_into_view_if_needed()
    ends: list[ElementHandle] = [slider.element_handle(), shown.element_handle()]

    def press() -> float:
        for _ in range(3):  # `interact` now and then loses a key while it replaces its output
            lab.page.evaluate(_WATCH, [ends[0], event, ends[1]])
            frames(lab.page)  # a hand does not press while the page is at work on something else
            lab.page.keyboard.press("ArrowRight")
            if (spent := lab.page.evaluate("window.ended")) is not None:
                return float(spent)
        raise RuntimeError(f"three keys on {slider} changed nothing")

    return press


def _must(lab: Lab, code: str) -> None:
    """Run code in the kernel that prints nothing unless it fails."""
    printed = lab.execute(code)
    if printed:
        raise RuntimeError(printed)


def _until_silent(lab: Lab) -> None:
    """Wait until the page has sent nothing during twenty frames."""
    while _sent(lab, lambda: frames(lab.page, 20)):
        pass


def _sent(lab: Lab, act: Callable[[], object]) -> int:
    """Messages that the page sends to the server while something is done, and until that has been drawn."""
    before = lab.frames
    act()
    frames(lab.page)
    return lab.frames - before
