"""One cell and what it sees and adds up, and what the scores are without some channels: against torch by hand."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import PLAIN, SOON, Explorer, Pane, drag, kernel_values, until, wait
from tests.browser.pane import said_number as number
from tests.browser.test_panes import cells, marks, point

pytestmark = pytest.mark.browser

SHOW = "e = nx.explore(demo.model, demo.pictures[:3], **about, target=7, {}); e"
# What a convolution took, and its weights: the patch under the kernel at a cell, (2, in, 3, 3).
BY_HAND = """\
def patch_and_kernel(x, layer, channel, row, column):
    taken = []
    model = copy.deepcopy(demo.model)
    conv = model.get_submodule(layer)
    conv.register_forward_pre_hook(lambda module, args: taken.append(args[0].detach().clone()))
    model(x)
    padded = torch.nn.functional.pad(taken[0], (1, 1, 1, 1))
    (down, across), (rows, columns) = conv.stride, conv.kernel_size
    patch = padded[0, :, row * down:row * down + rows, column * across:column * across + columns]
    return torch.stack([patch, conv.weight[channel].detach()]).double()

def order(which, target=7):
    activation, gradient = gradient_at(tensor(0), target)
    evidence = (activation.astype(float) * gradient).sum((1, 2))
    keys = {"most evidence first": -evidence, "least evidence first": evidence,
            "largest activation first": -activation.mean((1, 2))}
    return np.argsort(keys[which], kind="stable").tolist()
"""


@pytest.fixture(autouse=True, scope="module")
def _by_hand(shared_lab: Lab) -> None:
    assert shared_lab.execute(PLAIN + BY_HAND) == ""


def show(lab: Lab, more: str) -> Explorer:
    lab.run_cell(SHOW.format(more))
    return Explorer(lab)


# One cell


def frame_of(pane: Pane, width: int, height: int) -> list[float]:
    """Where the sides of the frame are drawn, in pixels of the input: upright ones first, each from low to high."""
    lines = re.findall(r"M(-?[\d.]+) (-?[\d.]+)([HV])", marks(pane, "framed"))
    across, down = (float(pane.canvas.evaluate(f"canvas => canvas.{side}")) for side in ("width", "height"))
    upright = sorted(float(x) / across * width for x, _, kind in lines if kind == "V")
    level = sorted(float(y) / down * height for _, y, kind in lines if kind == "H")
    return upright + level


def frames_the_field(pane: Pane, row: int, column: int, size: tuple[int, int] = (160, 160)) -> None:
    """Layer 4 sees 113 × 113 pixels; a cell is a step of 8, and the field of the first begins 56 beyond the edge."""
    width, height = size
    sides = {"left": 8 * column - 56, "top": 8 * row - 56, "right": 8 * column + 57, "bottom": 8 * row + 57}
    beyond = {"left": 0, "top": 0, "right": width, "bottom": height}
    words = [
        f"{abs(at - edge)} beyond the {side}"
        for side, at, edge in ((side, sides[side], beyond[side]) for side in ("left", "top", "right", "bottom"))
        if (at < edge) == (side in ("left", "top")) and at != edge
    ]
    note = f"receptive field 113 × 113 of {width} × {height} pixels" + (": " + ", ".join(words) if words else "")
    expect(pane.root.locator(".nbx-readout")).to_contain_text(re.compile(re.escape(note) + "$"), timeout=SOON)
    expect(pane.canvas).to_have_attribute("data-cell", f"{row},{column}")
    upright, level = [sides["left"], sides["right"]], [sides["top"], sides["bottom"]]
    drawn = [at for at in upright if 0 < at < width] + [at for at in level if 0 < at < height]
    near = pytest.approx(drawn, abs=0.7)
    wait(lambda: float(frame_of(pane, width, height) != near), 0)


def test_a_click_on_a_cell_frames_what_it_sees(lab):
    explorer = show(lab, "channel=3, show=['map', 'channel', 'cell']")
    picture, channel = explorer.map, explorer.channel
    frames_the_field(picture, 10, 10)
    activation = kernel_values(lab, "plain(tensor(0))[1][0, 3]")
    for row, column in ((9, 8), (0, 0), (19, 3), (3, 19), (19, 19)):
        channel.canvas.scroll_into_view_if_needed()
        lab.page.mouse.click(*point(channel, (column + 0.5) / 20, (row + 0.5) / 20))
        until(lab, "e.session.selection.cell", (row, column))
        lab.page.mouse.move(2, 2)
        for pane in (picture, channel):
            frames_the_field(pane, row, column)
        said = re.search(rf"cell {column}, {row}\s+(\S+)", channel.root.locator(".nbx-readout").inner_text())
        assert number(said.group(1)) == pytest.approx(activation[row, column], rel=1e-3, abs=1e-6)
    channel.canvas.focus()
    for key, cell in (("Shift+ArrowLeft", (19, 18)), ("Shift+ArrowUp", (18, 18)), ("Shift+ArrowDown", (19, 18))):
        lab.page.keyboard.press(key)
        frames_the_field(picture, *cell)
    lab.page.keyboard.press("Shift+ArrowDown")  # there is none below
    frames_the_field(picture, 19, 18)
    lab.page.keyboard.press("Escape")
    expect(picture.canvas).to_have_attribute("data-cell", "", timeout=SOON)
    wait(lambda: len(frame_of(picture, 160, 160)), 0)
    expect(picture.root.locator(".nbx-readout")).not_to_contain_text("receptive field")
    note = explorer.root.locator(".nbx-cell-arithmetic").get_by_role("note")
    expect(note).to_have_text("no cell is chosen: a click on a map chooses one", timeout=SOON)
    lab.page.keyboard.press("Enter")
    frames_the_field(picture, 10, 10)


def test_the_arithmetic_of_a_cell_is_torchs(lab):
    explorer = show(lab, "layer='layer4.conv2', channel=5, show=['channel', 'cell']")
    panel = explorer.root.locator(".nbx-cell-arithmetic")
    first = True  # the input channel that adds most is shown until one is chosen
    for layer, channel, row, column in (
        ("layer4.conv2", 5, 10, 10),
        ("layer4.conv2", 5, 0, 19),
        ("layer4.conv2", 80, 0, 19),
        ("layer2.conv1", 63, 7, 3),  # of stride 2
    ):
        explorer.choose_layer(layer)
        lab.execute(f"e.session.select(channel={channel}, cell=({row}, {column}))")
        title = f"{layer} · channel {channel} · cell {row}, {column}"
        expect(panel.locator(".nbx-title")).to_have_text(title, timeout=SOON)
        patch, kernel = kernel_values(lab, f"patch_and_kernel(tensor(0), {layer!r}, {channel}, {row}, {column})")
        returned = kernel_values(lab, f"plain(tensor(0), {layer!r})[1][0, {channel}, {row}, {column}]")
        shares = (patch * kernel).sum((1, 2))
        assert shares.sum() == pytest.approx(float(returned), abs=1e-4)
        box = panel.get_by_role("spinbutton", name="Input channel, number")
        largest = int(np.abs(shares).argmax())
        if first:
            expect(box).to_have_value(str(largest))
        for chosen in (largest, 2):
            box.fill(str(chosen))
            assert cells(panel, "patch") == pytest.approx(list(patch[chosen].ravel()), rel=6e-3, abs=1e-9)
            assert cells(panel, "kernel") == pytest.approx(list(kernel[chosen].ravel()), rel=6e-3)
            assert cells(panel, "product") == pytest.approx(list((patch * kernel)[chosen].ravel()), rel=1e-2, abs=1e-9)
            sums = panel.locator(".nbx-sum td").all_inner_texts()
            assert sums.pop(3) == "none"  # these convolutions have no bias
            total = shares.sum()
            expected = [shares[chosen], total - shares[chosen], total, total, float(returned)]
            assert [number(text) for text in sums] == pytest.approx(expected, abs=2e-3)
        padding = panel.get_by_role("table", name="patch").locator("td.nbx-padding")
        expect(padding).to_have_count(5 if (row, column) == (0, 19) else 0)
        expect(panel).not_to_contain_text("more than rounding")
        first = False


def test_a_layer_that_is_no_convolution_says_so(lab):
    explorer = show(lab, "show=['map', 'channel', 'cell']")
    panel = explorer.root.locator(".nbx-cell-arithmetic")
    note = panel.get_by_role("note")
    expect(note).to_contain_text("'layer4' is a ResidualBlock; only convolutions add up like this", timeout=SOON)
    expect(note).to_contain_text("layer4.conv2")
    expect(panel.locator("table:visible")).to_have_count(0)
    frames_the_field(explorer.map, 10, 10)  # what it sees is known all the same
    expect(explorer.alert).to_be_hidden()
    explorer.choose_layer("layer4.conv1")
    expect(panel.locator(".nbx-title")).to_contain_text("layer4.conv1", timeout=SOON)
    expect(note).to_be_hidden()
    expect(panel.locator("table:visible")).to_have_count(4)


# Without some channels


def scale_of(axis: Locator) -> tuple[float, float]:
    """What value stands at 0 pixels of an axis, and how much it is per pixel."""
    ticks = axis.locator(".tick")
    places = ticks.evaluate_all("all => all.map(t => t.transform.baseVal.consolidate().matrix).map(m => m.e || m.f)")
    values = [number(text) for text in ticks.locator("text").all_text_contents()]
    slope = (values[-1] - values[0]) / (places[-1] - places[0])
    return values[0] - slope * places[0], slope


class Ablation:
    """The pane of the ablation in an explorer."""

    def __init__(self, explorer: Explorer) -> None:
        self.lab, self.root = explorer.lab, explorer.root
        self.slider = explorer.range("Channels off")
        charts = [self.root.locator(".nbx-card", has_text=title) for title in ("Scores without", "How the score falls")]
        self.bars, self.curve = charts
        self.says = self.bars.locator(".nbx-caption").get_by_text("→")

    def shows(self, off: list[int], target: int = 7) -> None:
        """Bars and their words are those of a plain pass whose hook sets these channels to zero."""
        before, after = (kernel_values(self.lab, f"plain(tensor(0), off={o})[0]") for o in ([], off))
        classes = self.lab.execute(r"print(*demo.classes, sep='\n')").split("\n")
        first, best = np.argsort(-before, kind="stable"), int(after.argmax())
        expected = np.stack([before[first], after[first]], axis=1)

        def far() -> float:
            text = self.bars.inner_text()
            said = [number(n) for n in re.findall(r"logit (\S+) → (\S+)", text)[0]] if "→" in text else [np.inf] * 2
            wrong = np.abs(np.array(said) - (before[target], after[target])).max()
            _, slope = scale_of(self.bars.locator("g.axis").nth(1))
            widths: Any = self.bars.locator("rect.bar").evaluate_all("bars => bars.map(b => b.width.baseVal.value)")
            seen = np.array(widths, float) * abs(slope)
            if seen.size != expected.size:
                return np.inf
            return max(wrong, np.abs(seen.reshape(expected.shape) - np.abs(expected)).max())

        wait(far, 0.03)
        ticks = self.bars.locator("g.axis").first.locator(".tick")
        heights: Any = ticks.evaluate_all("all => all.map(t => t.transform.baseVal.consolidate().matrix.f)")
        labels = [text.lstrip("▸ ") for text in ticks.locator("text").all_text_contents()]
        assert [labels[i] for i in np.argsort(heights)] == [classes[c] for c in first]
        words = "still" if best == first[0] else "now"
        expect(self.bars).to_contain_text(re.compile(rf"best {words}: \W?{classes[best]}"), timeout=SOON)


def test_bars_and_curve_of_an_ablation_are_those_of_plain_passes(lab):
    explorer = show(lab, "show=['map', 'ablation'], controls=['target']")
    pane = Ablation(explorer)
    expect(pane.slider).to_have_value("9", timeout=SOON)
    most = [int(c) for c in kernel_values(lab, "np.array(order('most evidence first'))")]
    pane.shows(most[:9])
    off = int(drag(pane.slider, 0.9, 0.1, 0.4))
    assert off == pytest.approx(38, abs=2)
    pane.shows(most[:off])
    expect(pane.slider).to_have_value(str(off))
    until(lab, "e.session.wait(60)", True)
    expect(pane.curve).to_contain_text(f"{off} off: logit ", timeout=SOON)
    after = kernel_values(lab, f"plain(tensor(0), off=order('most evidence first')[:{off}])[0][7]")
    said = number(re.search(rf"{off} off: logit (\S+?),", pane.curve.inner_text()).group(1))
    assert said == pytest.approx(float(after), abs=6e-3)
    numbers = list(range(0, 97, 3))
    falls = kernel_values(
        lab, f"torch.stack([plain(tensor(0), off=order('most evidence first')[:k])[0][7] for k in {numbers}])"
    )
    expected = dict(zip(numbers, falls, strict=True)) | {off: float(after)}
    dots = pane.curve.locator(".dot")
    expect(dots).to_have_count(len(expected), timeout=SOON)
    places: Any = dots.evaluate_all(
        "dots => dots.map(d => d.transform.baseVal.consolidate().matrix).map(m => [m.e, m.f])"
    )
    axes = pane.curve.locator("g.axis")
    (x0, dx), (y0, dy) = scale_of(axes.first), scale_of(axes.last)
    for (x, y), k in zip(sorted(places), sorted(expected), strict=True):
        assert (x0 + dx * x, y0 + dy * y) == pytest.approx((k, expected[k]), abs=0.12)
    for choice in ("least evidence first", "largest activation first"):
        explorer.select("Channels off, which").select_option(choice)
        chosen = [int(c) for c in kernel_values(lab, f"np.array(order({choice!r}))")]
        pane.shows(chosen[:off])
    explorer.select("Channels off, which").select_option("the channel")
    lab.execute(f"e.channel = {most[0]}")
    pane.shows([most[0]])
    expect(pane.slider).to_be_disabled()
    explorer.select("Channels off, which").select_option("most evidence first")
    explorer.choose_target(3)
    pane.shows([int(c) for c in kernel_values(lab, "np.array(order('most evidence first', 3))")][:off], 3)


# Wide layers, and inputs of another size

WIDE = """\
torch.manual_seed(0)
wide = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 3, stride=4), torch.nn.ReLU(), torch.nn.Conv2d(8, 2048, 1), torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(2048, 9),
).eval()
e = nx.explore(wide, demo.pictures[:3], **about, layer="3", show=["inputs", "channel", "grid", "activity", "ablation"])
e"""


def test_a_layer_of_two_thousand_channels_opens_and_sorts(lab):
    lab.run_cell(WIDE)
    explorer = Explorer(lab)
    expect(explorer.range("Channel")).to_have_attribute("max", "2047")
    expect(explorer.root.get_by_text("256 of 2,048 channels")).to_be_visible(timeout=SOON)
    activation = kernel_values(lab, "plain(tensor(0), '3', model=wide)[1][0].mean((1, 2))")
    falling = np.sort(activation)[::-1]
    grid = explorer.root.locator(".nbx-map-grid")
    grid.get_by_role("combobox", name="Order").select_option("by mean activation")
    expect(explorer.grid).to_have_attribute("aria-valuetext", re.compile("mean activation"), timeout=SOON)
    explorer.grid.focus()
    for key, place in (("Home", 0), ("ArrowRight", 1), ("End", 2047), ("ArrowLeft", 2046)):
        lab.page.keyboard.press(key)
        channel = int(str(explorer.grid.get_attribute("data-selected")))
        assert activation[channel] == pytest.approx(falling[place], rel=1e-4, abs=1e-7)
    lab.page.keyboard.press("Home")
    explorer.channel.shows_channel(int(activation.argmax()))
    caption = explorer.root.locator(".nbx-caption", has_text="256 of 2,048 channels")
    expect(caption).to_contain_text("in the order of the grid")
    expect(caption).to_contain_text(f"input 0, channel {activation.argmax()}: {falling[0]:.3g}"[:-1], timeout=SOON)
    explorer.channel.as_cells()
    explorer.channel.draws(kernel_values(lab, f"plain(tensor(0), '3', model=wide)[1][0, {activation.argmax()}]"))
    off = int(drag(explorer.range("Channels off"), 1.0))
    assert off == 2048
    bias = float(lab.execute("print(float(wide[6].bias[e.target].detach()))"))
    curve = explorer.root.locator(".nbx-card", has_text="How the score falls")
    expect(curve).to_contain_text("2,048 off: logit ", timeout=SOON)
    said = re.search(r"2,048 off: logit (\S+?),", curve.inner_text())
    assert number(said.group(1)) == pytest.approx(bias, rel=6e-3)  # nothing else is left


SIZES = """\
def as_it_is(picture):
    return (torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255 - 0.45) / 0.27

others = [demo.pictures[0], demo.pictures[1].crop((8, 16, 152, 144))]
e = nx.explore(demo.model, others, classes=demo.classes, preprocess=as_it_is, target=7,
               show=["inputs", "map", "channel", "grid", "cell", "activity"])
e"""


def test_an_input_of_another_size_has_another_grid(lab):
    lab.run_cell(SIZES)
    explorer = Explorer(lab)
    explorer.map.as_cells()
    explorer.channel.as_cells()
    explorer.map.draws(kernel_values(lab, "cam(as_it_is(others[0])[None], 7)"))
    explorer.inputs.nth(1).click()
    explorer.chose_input(1)
    x = "as_it_is(others[1])[None]"
    map_ = kernel_values(lab, f"cam({x}, 7)")
    assert map_.shape == (16, 18)
    explorer.map.draws(map_)
    explorer.channel.draws(kernel_values(lab, f"plain({x})[1][0, 0]"))
    expect(explorer.root.get_by_text("96 channels of 18 × 16")).to_be_visible(timeout=SOON)
    lab.page.mouse.click(*point(explorer.channel, 17.5 / 18, 15.5 / 16))
    until(lab, "e.session.selection.cell", (15, 17))
    lab.page.mouse.move(2, 2)
    for pane in (explorer.map, explorer.channel):
        frames_the_field(pane, 15, 17, (144, 128))
    explorer.inputs.nth(0).click()
    explorer.chose_input(0)
    explorer.map.draws(kernel_values(lab, "cam(as_it_is(others[0])[None], 7)"))
    lab.execute("e.session.select(cell=(19, 19))")
    frames_the_field(explorer.map, 19, 19)
    explorer.inputs.nth(1).click()  # which has no such cell
    explorer.chose_input(1)
    explorer.map.draws(map_)
    for pane in (explorer.map, explorer.channel):
        note = "cell: (19, 19) is outside the 16×18 cells of 'layer4'"
        expect(pane.root.locator(".nbx-readout")).to_contain_text(note, timeout=SOON)
        assert frame_of(pane, 144, 128) == []
    lab.page.mouse.click(*point(explorer.channel, 0.5 / 18, 0.5 / 16))
    lab.page.mouse.move(2, 2)
    frames_the_field(explorer.map, 0, 0, (144, 128))
    expect(explorer.alert).to_be_hidden()
