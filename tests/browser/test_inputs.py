"""Many inputs: one is chosen and everything follows; what is sorted is sorted as numpy does; nothing is asked twice."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import (
    PLAIN,
    SOON,
    Explorer,
    frames,
    kernel_picture,
    kernel_values,
    pixels,
    said_number,
    until,
    wait,
)

pytestmark = pytest.mark.browser

SHOW = "e = nx.explore({model}, demo.pictures, **about{more}); e"
MEANS = "np.stack([plain(tensor(i), model={model})[1][0].mean((1, 2)).detach().numpy() for i in range(10)])"


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(PLAIN) == ""


def show(lab: Lab, more: str = "", model: str = "demo.model") -> Explorer:
    lab.run_cell(SHOW.format(model=model, more=more and f", {more}"))
    return Explorer(lab)


def names(explorer: Explorer) -> list[str]:
    """What each thumbnail is called, in the order in which they stand."""
    return [str(option.get_attribute("aria-label")) for option in explorer.inputs.all()]


def order_of(explorer: Explorer) -> list[int]:
    return [int(re.match(r"input (\d+)", name).group(1)) for name in names(explorer)]


def classes(lab: Lab) -> list[str]:
    return lab.execute(r"print(*demo.classes, sep='\n')").split("\n")


def titles(lab: Lab) -> list[str]:
    """The best class of each input with its score, by plain passes."""
    scores, called = kernel_values(lab, "torch.stack([plain(tensor(i))[0] for i in range(10)])"), classes(lab)
    return [f"{called[row.argmax()]} {row.max():.2f}".replace("-", "−") for row in scores]


def follows(lab: Lab, explorer: Explorer, number: int) -> None:
    """Everything shows this input, at target 7 and channel 3: map, picture, bars, channel and all channels."""
    explorer.chose_input(number)
    explorer.map.draws(kernel_values(lab, f"cam(tensor({number}), 7)"))
    explorer.map.view("Show", "picture")
    explorer.map.shows_picture(kernel_picture(lab, f"tensor({number})"))
    explorer.map.view("Show", "map")
    activation = kernel_values(lab, f"plain(tensor({number}))[1][0, 3]")
    explorer.channel.draws(activation)
    text = re.compile(rf"channel 3   0 … {f'{activation.max():.3g}'[:-1]}")
    expect(explorer.grid).to_have_attribute("aria-valuetext", text, timeout=SOON)
    scores, called = kernel_values(lab, f"plain(tensor({number}))[0]"), classes(lab)
    ranking = [f"{called[i]} {scores[i]:.2f}".replace("-", "−") for i in np.argsort(scores)]
    expect(explorer.labels).to_have_text([re.compile(text.replace(" ", r"\s+")) for text in ranking], timeout=SOON)


def test_an_input_is_chosen_by_hand_and_everything_follows(lab):
    explorer = show(lab, "target=7, channel=3, show=['inputs', 'map', 'classes', 'channel', 'grid']")
    explorer.map.as_cells()
    explorer.channel.as_cells()
    follows(lab, explorer, 0)
    explorer.inputs.nth(3).click()
    follows(lab, explorer, 3)
    explorer.button("Next input").click()
    follows(lab, explorer, 4)
    explorer.button("Previous input").click()
    explorer.chose_input(3)
    explorer.root.get_by_role("listbox", name="Inputs").focus()
    for key, number in (("ArrowRight", 4), ("ArrowLeft", 3), ("Home", 0), ("PageDown", 9), ("PageUp", 0), ("End", 9)):
        lab.page.keyboard.press(key)
        explorer.chose_input(number)
        expect(explorer.strip.get_by_text(f"{number + 1} of 10", exact=True)).to_be_visible()
    expect(explorer.button("Next input")).to_be_disabled()
    follows(lab, explorer, 9)
    explorer.range("Input").fill("6")
    follows(lab, explorer, 6)
    until(lab, "e.session.wait(30) and (e.input, e.session.selection.input)", (6, 6))


def test_thumbnails_say_the_best_class(lab):
    explorer = show(lab, "show=['inputs', 'map']")
    expected = [f"input {i}, {title}" for i, title in enumerate(titles(lab))]
    for option, name in zip(explorer.inputs.all(), expected, strict=True):
        expect(option).to_have_attribute("aria-label", name, timeout=SOON)


def sorts(explorer: Explorer, choice: str, values: np.ndarray) -> None:
    """The thumbnails stand from the largest value to the smallest, and say it."""
    explorer.strip.get_by_role("combobox", name="Order").select_option(choice)
    stands(explorer, values)


def stands(explorer: Explorer, values: np.ndarray) -> None:
    expected = np.argsort(-values, kind="stable").tolist()
    wait(lambda: order_of(explorer) != expected, 0)
    for name, number in zip(names(explorer), expected, strict=True):
        assert said_number(name.rpartition(", ")[2]) == pytest.approx(values[number], rel=5e-3, abs=1e-3)


def test_inputs_are_sorted_as_numpy_sorts_them(lab):
    explorer = show(lab, "target=7, channel=3, show=['inputs', 'map', 'channel']")
    scores = kernel_values(lab, "torch.stack([plain(tensor(i))[0] for i in range(10)])")
    means = kernel_values(lab, MEANS.format(model="demo.model"))
    sorts(explorer, "by score of the target", scores[:, 7])
    explorer.choose_target(2)
    stands(explorer, scores[:, 2])
    sorts(explorer, "by activation of the channel", means[:, 3])
    explorer.choose_channel(40)
    stands(explorer, means[:, 40])
    explorer.root.get_by_role("listbox", name="Inputs").focus()
    lab.page.keyboard.press("Home")
    explorer.chose_input(int(means[:, 40].argmax()))
    explorer.strip.get_by_role("combobox", name="Order").select_option("as given")
    wait(lambda: order_of(explorer) != list(range(10)), 0)


def cell(image: Locator, row: int, column: int, shape: tuple[int, int]) -> tuple[float, float]:
    """Where the middle of a cell of a heat map is on the page."""
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    assert box
    return box["x"] + (column + 0.5) / shape[1] * box["width"], box["y"] + (row + 0.5) / shape[0] * box["height"]


def test_a_click_in_the_heat_map_chooses_input_and_channel(lab):
    explorer = show(lab, "show=['inputs', 'channel', 'grid', 'activity']")
    explorer.channel.as_cells()
    means = kernel_values(lab, MEANS.format(model="demo.model"))
    image = explorer.root.locator(".bqplot image").first
    caption = explorer.root.locator(".nbx-caption", has_text="mean activation of layer4")
    expect(caption).to_contain_text("10 inputs · 96 channels", timeout=SOON)
    expect(caption).not_to_contain_text("computed", timeout=SOON)

    def click(row: int, column: int, channel: int) -> None:
        lab.page.mouse.click(*cell(image, row, column, (10, 96)))
        explorer.chose_input(row)
        explorer.channel.shows_channel(channel)
        expect(caption).to_contain_text(f"input {row}, channel {channel}: ", timeout=SOON)
        assert said_number(caption.inner_text().split()[-1]) == pytest.approx(means[row, channel], rel=5e-3, abs=1e-9)

    for row, column in ((7, 80), (2, 0), (9, 95), (0, 33)):
        click(row, column, column)
    explorer.channel.draws(kernel_values(lab, "plain(tensor(0))[1][0, 33]"))
    explorer.root.locator(".nbx-map-grid").get_by_role("combobox", name="Order").select_option("by mean activation")
    expect(caption).to_contain_text("in the order of the grid", timeout=SOON)
    order = np.argsort(-means[0], kind="stable")
    for column in (0, 5, 20):
        click(0, column, int(order[column]))


KEYS = {
    "by mean activation": ("mean activation", lambda activation, gradient: activation.mean((1, 2))),
    "by evidence for the class": ("evidence", lambda activation, gradient: (activation * gradient).sum((1, 2))),
    "by sparsity": ("sparsity", lambda activation, gradient: (activation == 0).mean((1, 2))),
}


@pytest.mark.parametrize("choice", KEYS)
def test_channels_are_sorted_as_numpy_sorts_them(lab, choice):
    explorer = show(lab, "target=7, channel=50, show=['inputs', 'grid']")
    called, key = KEYS[choice]
    expect(explorer.grid).to_be_visible(timeout=SOON)
    explorer.root.locator(".nbx-map-grid").get_by_role("combobox", name="Order").select_option(choice)
    for number, target in ((0, 7), (4, 7), (4, 2)):
        explorer.inputs.nth(number).click()
        explorer.choose_target(target)
        keys = key(*kernel_values(lab, f"np.stack(gradient_at(tensor({number}), {target}))"))
        of_50 = re.compile(f"{called} {f'{keys[50]:.3g}'[:4]}".replace("-", "−").replace(".", r"\."))
        expect(explorer.grid).to_have_attribute("aria-valuetext", of_50, timeout=SOON)
        explorer.grid.focus()
        seen = []
        for step in ["Home", *["ArrowRight"] * 8, "End", *["ArrowLeft"] * 3]:
            lab.page.keyboard.press(step)
            seen.append(int(explorer.grid.get_attribute("data-selected")))
            text = str(explorer.grid.get_attribute("aria-valuetext"))
            said = said_number(text.partition(f"{called} ")[2].split()[0])
            assert said == pytest.approx(keys[seen[-1]], rel=6e-3, abs=1e-5)
        falling = np.sort(keys)[::-1]  # channels whose numbers are equal up to rounding may change places
        assert keys[seen[:9]] == pytest.approx(falling[:9], rel=1e-4, abs=1e-6)
        assert keys[seen[9:]] == pytest.approx(falling[:-5:-1], rel=1e-4, abs=1e-6)
        assert len(set(seen)) == 13
        explorer.choose_channel(50)


# Channels 5 and 60 answer nothing to any input, 71 the same to every input, and 17 is silent for input 0 alone.
PLANTED = """\
planted = scenes().model
block = planted.layer4
with torch.no_grad():
    for channel, bias in ((5, -1e4), (60, -1e4), (71, 3.0)):
        for bn in (block.bn2, block.shortcut[1]):
            bn.weight[channel] = 0
            bn.bias[channel] = 0
        block.bn2.bias[channel] = bias
    largest = np.array([float(plain(tensor(i), model=planted)[1][0, 17].detach().max()) for i in range(10)])
    block.bn2.bias[17] -= float(largest[0] + largest.max()) / 2 if largest.argmax() else 0"""


def test_dead_channels_are_those_that_say_the_same_of_all_inputs(lab):
    lab.run_cell(PLANTED)
    everything = "np.stack([plain(tensor(i), model=planted)[1][0].detach().numpy() for i in range(10)])"
    dead = kernel_values(lab, f"np.flatnonzero((a := {everything}).min((0, 2, 3)) == a.max((0, 2, 3)))").tolist()
    silent = kernel_values(lab, f"np.flatnonzero((a := {everything})[0].min((1, 2)) == a[0].max((1, 2)))").tolist()
    assert {5, 60, 71} <= set(dead)
    assert 17 in set(silent) - set(dead)
    explorer = show(lab, "show=['inputs', 'grid', 'activity'], controls=['channel']", model="planted")
    note = f"{len(dead)} channels are dead over all 10 inputs"
    expect(explorer.root.locator(".nbx-map-grid").get_by_text(note)).to_be_visible(timeout=SOON)
    expect(explorer.root.get_by_text(f"{len(dead)} dead channels (cross)")).to_be_visible(timeout=SOON)
    frames(lab.page)
    marked, canvas = [], pixels(explorer.grid)
    looked_at = sorted({*dead, *silent, *range(0, 96, 9)})
    for channel in looked_at:
        explorer.choose_channel(channel)
        expect(explorer.grid).to_have_attribute("data-selected", str(channel))
        said = "dead" in str(explorer.grid.get_attribute("aria-valuetext"))
        assert said == (channel in dead), channel
        if has_corner(explorer, canvas):
            marked.append(channel)
    assert marked == dead


def has_corner(explorer: Explorer, canvas: np.ndarray) -> bool:
    """Whether the upper right corner of the chosen thumbnail is red."""
    x, y, width = explorer.root.locator(".nbx-map-grid .nbx-frame").evaluate("""frame => {
        const {e, f} = new DOMMatrix(getComputedStyle(frame).transform);
        return [e, f, frame.offsetWidth];
    }""")
    corner = canvas[int(y) : int(y) + 8, int(x + width) - 8 : int(x + width), :3].astype(int)
    return bool((np.abs(corner - (179, 38, 30)).max(-1) < 20).sum() > 3)


COUNTED = """\
passes = []
def counted(model, x):
    passes.append(len(x))
    return model(x)
"""


def test_going_back_to_an_input_costs_no_pass(lab):
    lab.execute(COUNTED)
    explorer = show(lab, "forward=counted, target=7, channel=3")
    explorer.map.as_cells()
    first = explorer.map.pixels()
    explorer.inputs.nth(4).click()
    explorer.map.draws(kernel_values(lab, "cam(tensor(4), 7)"))
    until(lab, "e.session.wait(30)", True)
    before = int(lab.execute("print(sum(passes))"))
    assert before >= 10
    explorer.inputs.nth(0).click()
    explorer.map.draws(kernel_values(lab, "cam(tensor(0), 7)"))
    until(lab, "e.session.wait(30) and sum(passes)", before)
    wait(lambda: int((explorer.map.pixels() != first).sum()), 0)
    expect(explorer.labels.last).to_contain_text(re.compile(titles(lab)[0].replace(" ", r"\s+")), timeout=SOON)


# A map that tells whose it is: the brightness of the input in cells. It waits at the gate before each picture.
ECHO = """\
import threading
gate = threading.Event()
gate.set()

def bright(x):
    cells = torch.nn.functional.avg_pool2d(x.mean(1), 8)[0]
    return (cells - cells.min()).numpy()

@nx.method(label="Echo")
def echo(subject, target, layer):
    for progress in (0.5, 1.0):
        assert gate.wait(60)
        values = bright(subject.input.tensor)
        yield nx.Explanation(values=values, axes=("y", "x"), on="layer", signed=False, progress=progress)
"""


def test_a_map_stays_with_the_picture_that_it_is_of(lab):
    """However long a new input takes, the picture shown is the one that the map was made for."""
    lab.execute(ECHO)
    explorer = show(lab, "show=['inputs', 'map'], method='echo'")
    brightness = [kernel_values(lab, f"bright(tensor({i}))") for i in range(2)]
    pane = explorer.map
    pane.as_cells()
    pane.draws(brightness[0])
    pane.view("Show", "picture")
    picture = pane.pixels()
    lab.execute("gate.clear()")
    explorer.inputs.nth(1).click()
    expect(explorer.status).to_contain_text("the first picture is on its way", timeout=SOON)
    frames(lab.page)
    assert np.array_equal(pane.pixels(), picture)
    pane.view("Show", "map")
    pane.draws(brightness[0])
    lab.execute("gate.set()")
    pane.draws(brightness[1])
    pane.view("Show", "picture")
    assert not np.array_equal(pane.pixels(), picture)
    lab.execute("gate.clear()")
    explorer.inputs.nth(2).click()
    expect(explorer.status).to_contain_text("the first picture is on its way", timeout=SOON)
    explorer.inputs.nth(0).click()  # another one before the first has its answer
    explorer.chose_input(0)
    lab.execute("gate.set()")
    pane.view("Show", "map")
    pane.draws(brightness[0])
    pane.view("Show", "picture")
    assert np.array_equal(pane.pixels(), picture)
    until(lab, "e.session.wait(30)", True)
    lab.execute("nx.METHODS.pop('echo')")
