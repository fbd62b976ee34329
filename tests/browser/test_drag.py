"""Where the hand ends is where everything ends, however busy the kernel is."""

from __future__ import annotations

import random
import re

import psutil
import pytest
from playwright.sync_api import expect

from nbexplain.examples import scenes
from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, difference, drag, frames, pixels, until

pytestmark = pytest.mark.browser

CLASSES = scenes().classes
TWO = """\
session = nx.Session(demo.model, demo.pictures[0], **about)
first = nx.Explorer(session, show=["map", "channel"], controls=["target", "channel"]{more})
first"""
OTHER = "second = nx.Explorer(session, show=['map', 'grid', 'classes'], controls=['target', 'channel']); second"
BLOCK = """\
import time
print("blocked")
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("free")"""


def linked(lab: Lab, more: str = "") -> tuple[Explorer, Explorer]:
    """Two explorers of one session, in two cells."""
    lab.run_cell(TWO.format(more=more))
    lab.run_cell(OTHER)
    return Explorer(lab, 1), Explorer(lab, 2)


def the_channel_is(channel: str, first: Explorer, second: Explorer) -> None:
    """Sliders, number boxes and panes of both explorers."""
    for explorer in (first, second):
        expect(explorer.range("Channel")).to_have_value(channel)
        expect(explorer.number("Channel, number")).to_have_value(channel)
    expect(first.channel.canvas).to_have_attribute("data-channel", channel)
    expect(second.grid).to_have_attribute("data-selected", channel)


def the_target_is(target: str, method: str, first: Explorer, second: Explorer) -> None:
    """Lists, number boxes, sliders and panes of both explorers."""
    for explorer in (first, second):
        explorer.map.shows(f"{method} · {CLASSES[int(target)]}")
        expect(explorer.number("Target, class number")).to_have_value(target)
        expect(explorer.select("Target by name")).to_have_value(target)
    place = first.range("Target, best score first").input_value()
    expect(second.range("Target, best score first")).to_have_value(place)


def target_at(explorer: Explorer, place: str) -> str:
    """The class number at a place of the slider, which runs over the classes best score first."""
    return str(explorer.select("Target by name").locator("option").nth(int(place)).get_attribute("value"))


def settled(lab: Lab, target: str, channel: str) -> None:
    """The kernel has heard of it, has answered, and has sent all it had to send."""
    until(
        lab, "(session.wait(30), session.selection.target, session.selection.channel)", f"(True, {target}, {channel})"
    )
    frames(lab.page)


@pytest.mark.parametrize("ends", [(0.9, 0.1, 1.0), (1.0, 0.0, 0.37)])
def test_a_fast_drag_ends_where_the_hand_ended(lab, ends):
    first, second = linked(lab)
    channel = drag(first.range("Channel"), *ends)
    assert channel == "95" or ends[-1] < 1
    the_channel_is(channel, first, second)
    place = drag(second.range("Target, best score first"), *ends)
    assert place == "8" or ends[-1] < 1
    target = target_at(second, place)
    the_target_is(target, "Grad-CAM", first, second)
    settled(lab, target, channel)
    the_channel_is(channel, first, second)
    the_target_is(target, "Grad-CAM", first, second)


WATCH = """sliders => {
    window.watched = sliders.map(() => []);
    const look = () => {
        if (!window.watched) return;
        sliders.forEach((slider, i) => window.watched[i].push(Number(slider.value)));
        requestAnimationFrame(look);
    };
    look();
}"""


def test_nothing_jumps_back_while_the_hand_goes_forward(lab):
    """An echo of an earlier value, from the kernel or from the other explorer, would show as a step back."""
    first, second = linked(lab)
    for label, count in (("Channel", 96), ("Target, best score first", 9)):
        hand, other = first.range(label), second.range(label)
        for slider in (hand, other):
            slider.evaluate("slider => slider.dataset.watch = ''")
        lab.page.locator("[data-watch]").evaluate_all(WATCH)
        drag(hand, 1.0, steps=90)
        expect(other).to_have_value(str(count - 1))
        until(lab, "session.wait(30)", True)
        frames(lab.page, 10)
        seen = lab.page.evaluate("(() => { const seen = window.watched; window.watched = null; return seen })()")
        for values in seen:
            assert len(set(values)) > 4
            assert values == sorted(values)
        lab.page.locator("[data-watch]").evaluate_all("sliders => sliders.forEach(s => delete s.dataset.watch)")


def test_while_the_kernel_is_blocked_by_a_cell(lab):
    first, second = linked(lab)
    before = pixels(second.map.canvas)
    lab.start_cell(BLOCK)
    printed = lab.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
    expect(printed).to_have_text("blocked", timeout=SOON)
    channel = drag(second.range("Channel"), 0.9, 0.2, 0.6)
    the_channel_is(channel, first, second)
    place = drag(first.range("Target, best score first"), 0.8, 0.0, 0.55)
    target = target_at(first, place)
    the_target_is(target, "Grad-CAM", first, second)  # answered beside the cell
    assert difference(pixels(second.map.canvas), before) > 30
    expect(printed).to_have_text("blocked")
    lab.interrupt()
    lab.finish_cell()
    expect(printed).to_have_text("blocked free", timeout=SOON)
    settled(lab, target, channel)
    the_channel_is(channel, first, second)
    the_target_is(target, "Grad-CAM", first, second)


def test_while_lime_runs(lab):
    first, second = linked(lab, ", method='lime', params={'samples': 300, 'superpixels': 20}")
    channel = drag(first.range("Channel"), 0.9, 0.1, 0.8)
    the_channel_is(channel, first, second)
    place = drag(first.range("Target, best score first"), 1.0, 0.0, 0.3)
    target = target_at(first, place)
    settled(lab, target, channel)
    the_channel_is(channel, first, second)
    the_target_is(target, "LIME", first, second)
    expect(first.status).to_contain_text(f"LIME for {CLASSES[int(target)]}", timeout=SOON)
    expect(first.status).to_contain_text("samples 300")


def test_a_suspended_kernel_holds_up_nothing_that_the_browser_can_do(lab):
    first, second = linked(lab)
    kernel = psutil.Process(int(lab.execute("import os; print(os.getpid())")))
    pane, look = first.channel, first.channel
    look.view("Cells", "nearest")
    kernel.suspend()
    try:
        before = pane.pixels()
        channel = drag(first.range("Channel"), 0.3, 0.9, 0.5)
        the_channel_is(channel, first, second)
        changed = pane.pixels()
        assert difference(changed, before) > 30
        look.view("Colours", "magma")
        assert difference(pane.pixels(), changed) > 30
        opaque = pane.pixels()
        drag(look.slider("Opacity"), 0.0, 0.2)
        frames(lab.page)
        assert difference(pane.pixels(), opaque) > 30
        assert "cell 10, 10" in pane.read_out(0.51, 0.51)
        pane.canvas.focus()
        faint = pane.pixels()
        lab.page.keyboard.press("+")
        frames(lab.page)
        assert difference(pane.pixels(), faint) > 30
        drag(second.range("Target, best score first"), 1.0, 0.6)  # waits for the kernel, but is not forgotten
    finally:
        kernel.resume()
    target = target_at(second, second.range("Target, best score first").input_value())
    the_target_is(target, "Grad-CAM", first, second)
    settled(lab, target, channel)
    the_channel_is(channel, first, second)


def test_no_message_while_opacity_clip_or_colours_change(lab):
    first, _ = linked(lab, ", params={'relu': False}")
    settled(lab, "7", "0")
    pane = first.map
    for label in ("Opacity", "Clip"):
        slider = pane.slider(label)
        before, sent = pane.pixels(), lab.frames
        drag(slider, 0.1, 0.9, 0.35, release=False)
        frames(lab.page)
        assert difference(pane.pixels(), before) > 10
        assert lab.frames == sent
        lab.page.mouse.up()
        trait = label.lower()
        value = float(slider.input_value())
        until(lab, f"first._parts[0].pane.{trait}", value)
        assert lab.frames - sent <= 3  # one message, and the question itself
    sent = lab.frames
    pane.view("Colours", "PuOr")
    pane.view("Sign", "positive")
    assert lab.frames - sent <= 2


MOVES = """async ({root, moves}) => {
    const element = document.querySelector(root);
    const find = label => {
        const inputs = [...element.querySelectorAll('input, select')];
        return inputs.find(i => i.ariaLabel === label || (i.id && i.labels?.[0]?.textContent === label));
    };
    const made = [];
    for (const [label, value, pause] of moves) {
        if (made.length === 300) break;
        const input = find(label);
        const option = input?.options && [...input.options].find(o => o.value === value);
        if (!input || input.disabled || (input.options && (!option || option.disabled))) continue;
        if (input.type === 'range' && Number(value) > Number(input.max)) continue;
        input.value = value;
        input.dispatchEvent(new Event('input', {bubbles: true}));
        input.dispatchEvent(new Event('change', {bubbles: true}));
        made.push([label, value]);
        await null;  // between two events of a hand, what waits for the end of a handler has its turn
        for (let i = 0; i < pause; i++) await new Promise(requestAnimationFrame);
    }
    return made;
}"""
PARTS = {"Target by name": "target", "Layer by name": "layer", "Channel": "channel", "Method": "method"}
LAYERS = ["stem.conv", "layer1", "layer2", "layer3", "layer4"]
METHODS = ["grad_cam", "grad_cam", "gradient", "grad_cam_plus_plus", "occlusion"]


def some_moves(count: int, rng: random.Random) -> list[tuple[str, str, int]]:
    """A label, a value, and how many animation frames to wait afterwards."""
    moves = []
    for _ in range(count):
        values = {
            "Target by name": str(rng.randrange(9)),
            "Layer by name": rng.choice(LAYERS),
            "Channel": str(rng.randrange(96)),
            "Method": rng.choice(METHODS),
        }
        label = rng.choices(list(values), weights=[4, 2, 4, 1])[0]
        moves.append((label, values[label], rng.choice([0, 1, 1, 3, 6, 10])))
    return moves


@pytest.mark.slow
def test_three_hundred_random_moves_end_as_a_synchronous_run_does(lab):
    lab.run_cell("""\
e = nx.explore(demo.model, demo.pictures[0], **about)
e""")
    explorer = Explorer(lab)
    explorer.root.evaluate("element => element.id = 'moved'")
    moves = some_moves(800, random.Random(5))  # those of controls that are switched off are skipped
    made = lab.page.evaluate(MOVES, {"root": "#moved", "moves": moves})
    assert len(made) == 300
    assert {label for label, _ in made} == set(PARTS)
    steps = [(PARTS[label], int(v) if PARTS[label] in ("target", "channel") else v) for label, v in made]
    lab.run_cell(f"""\
nx.options.run = "sync"
s = nx.explore(demo.model, demo.pictures[0], **about)
for name, value in {steps!r}:
    s.session.select(**{{name: value}})
nx.options.run = "background"
s""")
    synchronous = Explorer(lab)
    until(lab, "e.session.wait(30) and e.session.selection == s.session.selection", True)
    title = str(synchronous.map.canvas.get_attribute("aria-label"))
    expect(explorer.map.canvas).to_have_attribute("aria-label", title, timeout=SOON)
    expect(synchronous.status).to_contain_text(re.compile("pass"), timeout=SOON)
    arrays = "[a for p in {}._parts for a in ([p.pane.overlay] if hasattr(p, 'pane') else getattr(p, '_arrays', []))]"
    for who in ("e", "s"):
        until(lab, f"all(not a.meta.get('coarse') for a in {arrays.format(who)})", True)
    frames(lab.page)
    for pane in ("map", "channel"):
        one, other = getattr(explorer, pane), getattr(synchronous, pane)
        assert one.canvas.get_attribute("aria-label") == other.canvas.get_attribute("aria-label")
        assert difference(one.pixels(), other.pixels()) == 0
    assert difference(pixels(explorer.grid), pixels(synchronous.grid)) == 0
    assert explorer.labels.all_inner_texts() == synchronous.labels.all_inner_texts()
    fills = "bars => bars.map(bar => bar.style.fill + bar.getAttribute('width'))"
    assert explorer.bars.evaluate_all(fills) == synchronous.bars.evaluate_all(fills)
    said = [re.sub(r" · [\d.]+ m?s · .*", "", each.status.inner_text()) for each in (explorer, synchronous)]
    assert said[0] == said[1]
    for label in ("Target by name", "Layer by name", "Method"):
        assert explorer.select(label).input_value() == synchronous.select(label).input_value()
    assert explorer.range("Channel").input_value() == synchronous.range("Channel").input_value()
