"""What a person sees of an explorer: its controls by their labels, its panes by their pixels."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyter import Lab

SOON = 30_000  # milliseconds in which anything should have appeared, on a busy machine as well
NEAR = 6  # of 255: matplotlib's tables have 256 colours, the page's a few fewer knots

# What the panes should show, worked out in the kernel with torch alone, from the user's own model.
PLAIN = """\
import copy
import numpy as np

def tensor(number):
    return demo.preprocess(demo.pictures[number])[None]

# scores (classes,), and what the layer returned, (1, C, H, W); the channels `off` go on as zeros
def plain(x, layer="layer4", off=(), model=demo.model):
    kept = []
    def hook(module, taken, returned):
        keep = torch.ones(returned.shape[1], 1, 1)
        keep[list(off)] = 0
        kept.append(returned.detach().clone().requires_grad_())
        return kept[0] * keep
    model = copy.deepcopy(model)  # a hook on the user's own is copied into a twin that is made meanwhile
    model.get_submodule(layer).register_forward_hook(hook)
    return model(x)[0], kept[0]

# an input as the network sees it, (H, W, 3) from 0 to 255
def as_seen(x):
    return (x[0] * 0.27 + 0.45).mul(255).round().clamp(0, 255).int().permute(1, 2, 0)

# what the layer returned, and the gradient of a score there: (C, H, W) each
def gradient_at(x, target, layer="layer4"):
    scores, activation = plain(x, layer)
    return activation[0].detach().numpy(), torch.autograd.grad(scores[target], activation)[0][0].numpy()

# Grad-CAM, (H, W)
def cam(x, target, layer="layer4"):
    activation, gradient = gradient_at(x, target, layer)
    return np.maximum((gradient.mean((1, 2))[:, None, None] * activation).sum(0), 0)
"""

_PIXELS = """canvas => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return [canvas.height, canvas.width, btoa(text)];
}"""
_FRAMES = "n => new Promise(done => { const next = () => n-- > 0 ? requestAnimationFrame(next) : done(); next(); })"


def pixels(canvas: Locator) -> np.ndarray:
    """What is drawn on a canvas: (height, width, 4) uint8."""
    height, width, text = canvas.evaluate(_PIXELS)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def frames(page: Page, count: int = 3) -> None:
    """Let the page draw what it has been told to draw."""
    page.evaluate(_FRAMES, count)


def until(lab: Lab, expression: str, expected: object, seconds: float = 30) -> None:
    """Ask the kernel until an expression has this value; what came last is in the message of the failure."""
    deadline = time.monotonic() + seconds
    while (got := lab.execute(f"print({expression})")) != str(expected):
        assert time.monotonic() < deadline, f"{expression}: {got}, expected {expected}"


def wait(measure: Callable[[], float], most: float) -> None:
    """Look at the page until what is measured there is small enough."""
    deadline = time.monotonic() + SOON / 1000
    while (found := measure()) > most:
        assert time.monotonic() < deadline, f"{found}, expected at most {most}"


@dataclass
class Pane:
    """A picture with its map, and what stands around it."""

    root: Locator

    @property
    def canvas(self) -> Locator:
        return self.root.locator("canvas[role=img]")

    @property
    def notice(self) -> Locator:
        return self.root.get_by_role("note")

    def shows(self, text: str | re.Pattern[str]) -> None:
        """Wait until the canvas is described by these words; its title comes first."""
        pattern = text if isinstance(text, re.Pattern) else re.compile(f"^{re.escape(text)}[:,]")
        expect(self.canvas).to_have_attribute("aria-label", pattern, timeout=SOON)

    def shows_channel(self, channel: int) -> None:
        expect(self.canvas).to_have_attribute("data-channel", str(channel), timeout=SOON)

    def pixels(self) -> np.ndarray:
        return pixels(self.canvas)

    def view(self, label: str, value: str) -> None:
        """Choose how the map is drawn, in the part "View", and leave the list, so that the kernel hears."""
        select = self._view().get_by_role("combobox", name=label, exact=True)
        select.focus()
        select.select_option(value)
        select.blur()
        frames(self.root.page)

    def slider(self, label: str) -> Locator:
        """The slider of opacity or clip."""
        return self._view().locator(f"input[type=range][aria-label={label!r}]")

    def _view(self) -> Locator:
        details = self.root.locator("details", has_text="View")
        if details.get_attribute("open") is None:
            details.locator("summary").click()
        return self.root

    def as_cells(self) -> None:
        """Show nothing but the map, as flat squares."""
        self.view("Show", "map")
        self.view("Cells", "nearest")

    def draws(self, values: np.ndarray, colormap: str = "viridis") -> None:
        """Wait until a pane that is shown `as_cells` has these numbers, in colours up to the largest.

        With a diverging colour map the colours reach as far below 0 as above.
        """
        high = float(np.abs(values).max())
        low = -high if colormap == "RdBu_r" else min(0.0, float(values.min()))

        def far() -> float:
            seen = self.pixels()
            inside = np.ix_(*(within_cells(n, cells) for n, cells in zip(seen.shape, values.shape)))
            return difference(seen[inside], colours(values, seen.shape[:2], colormap, low, high)[inside])

        wait(far, NEAR)

    def shows_picture(self, picture: np.ndarray) -> None:
        """Wait until a pane that shows "picture" has this one, (H, W, 3) uint8, but for how it is enlarged."""
        from PIL import Image

        def far() -> float:
            seen = self.pixels()[..., :3]
            height, width = seen.shape[:2]
            enlarged = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
            return float(np.abs(seen.astype(int) - np.asarray(enlarged)).mean())

        wait(far, 6)

    def read_out(self, x: float, y: float) -> str:
        """What the line under the picture says when the pointer is at a fraction of width and height."""
        box = self.canvas.bounding_box()
        assert box
        self.canvas.hover(position={"x": x * box["width"], "y": y * box["height"]})
        line = self.root.get_by_text(re.compile(r"^(x \d+|cell \d+)"))
        expect(line).to_be_visible(timeout=SOON)
        return line.inner_text()


class Explorer:
    """An explorer in the output of a code cell of the page.

    Parameters
    ----------
    place
        Which code cell; without it the one that is the last now.
    drawn
        What is there when it has been drawn.
    """

    def __init__(self, lab: Lab, place: int | None = None, drawn: str = "canvas[data-frame]") -> None:
        self.lab = lab
        self.page = lab.page
        cells = lab.page.locator(".jp-CodeCell")
        place = cells.count() - 1 if place is None else place
        outputs = cells.nth(place).locator(".jp-OutputArea-output")
        self.root = outputs.last
        first = self.root.locator(drawn).first
        error = outputs.and_(lab.page.locator("[data-mime-type='application/vnd.jupyter.error']"))
        expect(first.or_(error).first).to_be_visible(timeout=SOON)
        assert error.count() == 0, error.inner_text()

    def _pane(self, canvas: str) -> Pane:
        """The pane with this canvas; marked, so that it stays found whatever it shows later."""
        found = self.root.locator(canvas)
        expect(found).to_have_count(1, timeout=SOON)
        mark = found.evaluate("canvas => canvas.dataset.mark ??= String(Math.random())")
        marked = self.page.locator(f"canvas[data-mark='{mark}']")
        return Pane(self.root.locator(".nbx-image-pane").filter(has=marked))

    @property
    def map(self) -> Pane:
        """The pane of the attribution."""
        return self._pane("canvas[role=img][data-channel='']")

    @property
    def channel(self) -> Pane:
        """The pane of the chosen channel."""
        return self._pane("canvas[role=img][data-channel]:not([data-channel=''])")

    @property
    def grid(self) -> Locator:
        """The canvas of all channels."""
        return self.root.locator("canvas[role=slider]")

    @property
    def bars(self) -> Locator:
        """The bars of the class scores, best first; bqplot sets the order of their groups."""
        return self.root.locator(".bqplot").first.locator("rect.bar")

    @property
    def labels(self) -> Locator:
        """What stands beside the bars, lowest first."""
        return self.root.locator(".bqplot").first.locator("g.axis").first.locator(".tick text")

    @property
    def inputs(self) -> Locator:
        """The thumbnails of the inputs, in the order in which they are shown."""
        return self.root.get_by_role("listbox", name="Inputs").get_by_role("option")

    @property
    def strip(self) -> Locator:
        """All that belongs to the inputs: thumbnails, buttons, messages."""
        return self.root.locator(".nbx-input-strip")

    def chose_input(self, number: int) -> None:
        """Wait until thumbnails and toolbar say that this input is chosen."""
        expect(self.strip.locator("[role=option][aria-selected=true]")).to_have_attribute(
            "aria-label", re.compile(rf"^input {number}\b"), timeout=SOON
        )
        expect(self.range("Input")).to_have_value(str(number), timeout=SOON)

    @property
    def status(self) -> Locator:
        """The region that is read aloud; it follows what is seen within a second."""
        return self.root.locator(".nbx-spoken")

    @property
    def alert(self) -> Locator:
        return self.root.get_by_role("alert")

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def range(self, label: str) -> Locator:
        """A slider of the toolbar."""
        return self.root.locator(f"input[type=range][aria-label={label!r}]")

    def number(self, label: str) -> Locator:
        """A number box of the toolbar."""
        return self.root.locator(f"input[type=number][aria-label={label!r}]")

    def select(self, label: str) -> Locator:
        """A list of the toolbar, by the name that assistive technology reads."""
        return self.root.get_by_role("combobox", name=label, exact=True)

    def choose_target(self, number: int) -> None:
        self.select("Target by name").select_option(str(number))

    def choose_layer(self, name: str) -> None:
        self.select("Layer by name").select_option(name)

    def choose_method(self, key: str) -> None:
        self.select("Method").select_option(key)

    def choose_channel(self, number: int) -> None:
        self.range("Channel").fill(str(number))


_RECORD = (
    "input => { input.dataset.heard = ''; input.addEventListener('input', () => (input.dataset.heard = input.value)) }"
)


def drag(slider: Locator, *fractions: float, steps: int = 25, release: bool = True, pause: float = 0) -> str:
    """Drag a slider's thumb to each of these fractions of its length in turn; returns where the hand ended.

    That is the value of the last step that the browser reported from the hand, not what the slider shows afterwards.
    With a pause the hand takes so many seconds for each step.
    """
    slider.scroll_into_view_if_needed()
    slider.evaluate(_RECORD)
    page, box = slider.page, slider.bounding_box()
    assert box
    low, high, value = (float(slider.evaluate(f"input => input.{name}")) for name in ("min", "max", "value"))
    y = box["y"] + box["height"] / 2
    thumb = 16  # pixels

    def place(fraction: float) -> float:
        return box["x"] + thumb / 2 + fraction * (box["width"] - thumb)

    page.mouse.move(place((value - low) / (high - low)), y)
    page.mouse.down()
    start, due = (value - low) / (high - low), time.monotonic()
    for fraction in fractions:
        if not pause:
            page.mouse.move(place(fraction), y, steps=steps)
            continue
        for step in range(1, steps + 1):
            page.mouse.move(place(start + (fraction - start) * step / steps), y)
            due += pause
            page.wait_for_timeout(1000 * max(due - time.monotonic(), 0))  # the hand's own pace, not a wait for anything
        start = fraction
    if release:
        page.mouse.up()
    return str(slider.get_attribute("data-heard"))


def colours(values: np.ndarray, shape: tuple[int, int], colormap: str, low: float, high: float) -> np.ndarray:
    """Cells of a grid as flat squares of colour on a canvas of this (height, width): (…, 3) uint8."""
    import matplotlib

    rows, columns = ((np.arange(n) + 0.5) / n * cells for n, cells in zip(shape, values.shape))
    cells = values[np.ix_(rows.astype(int), columns.astype(int))]
    return matplotlib.colormaps[colormap]((cells - low) / (high - low), bytes=True)[..., :3]


def within_cells(pixels: int, cells: int) -> np.ndarray:
    """The pixels whose middle does not lie on the border of two cells, where rounding decides."""
    place = (np.arange(pixels) + 0.5) / pixels * cells
    return np.abs(place - np.rint(place)) > 1e-6


def difference(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference of any colour of any pixel."""
    return int(np.abs(one[..., :3].astype(int) - other[..., :3].astype(int)).max())


def kernel_picture(lab: Lab, expression: str) -> np.ndarray:
    """An input of the kernel, as the network sees it: (H, W, 3) uint8."""
    return np.asarray(kernel_values(lab, f"as_seen({expression})"), np.uint8)


def said_number(text: str) -> float:
    """A number as it is written on the page."""
    return float(text.replace("−", "-").replace(",", ""))


def kernel_values(lab: Lab, expression: str) -> Any:
    """An array of the kernel, number by number."""
    said = lab.execute(f"import json; print(json.dumps(({expression}).tolist()))")
    return np.array(json.loads(said.splitlines()[-1]))  # an answer on a busy machine says its price first
