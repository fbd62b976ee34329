"""Ten thousand inputs in the row: few are read, few are on the page, and what is shown is the right one."""

from __future__ import annotations

import io
import re

import numpy as np
import PIL.Image
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, kernel_values, until, wait

pytestmark = pytest.mark.browser

MANY = 10_000

# Each input has a colour of its own in its left half, told by its number; the right half is black.
DATA_SET = f"""\
import numpy as np
from torch import nn

def colour(number):
    return [20 + 23 * (number % 10), 20 + 23 * (number // 10 % 10), 20 + 23 * (number // 100 % 10)]

class Counted(torch.utils.data.Dataset):
    def __init__(self):
        self.read = []
    def __len__(self):
        return {MANY}
    def __getitem__(self, number):
        self.read.append(number)
        x = torch.zeros(3, 16, 16)
        x[:, :, :8] = torch.tensor(colour(number))[:, None, None] / 255
        return x, number % 3

torch.manual_seed(0)
body = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
net = nn.Sequential(*body, nn.Linear(8, 3)).eval()
data = Counted()

def scores(number):
    with torch.no_grad():
        return net(data[number][0][None])[0].numpy()
"""


@pytest.fixture(autouse=True, scope="module")
def _data_set(shared_lab: Lab) -> None:
    assert shared_lab.execute(DATA_SET) == ""


def show(lab: Lab, more: str = "") -> Explorer:
    lab.execute("data.read.clear()")
    lab.run_cell(f"e = nx.explore(net, data, classes=['ant', 'bee', 'cat']{more}); e")
    return Explorer(lab)


def tile(explorer: Explorer, number: int) -> Locator:
    return explorer.inputs.and_(
        explorer.root.locator(f'[aria-label^="input {number},"], [aria-label="input {number}"]')
    )


def is_drawn(explorer: Explorer, number: int) -> None:
    """Wait for the thumbnail of an input, and compare its colours with those that the number tells."""
    option = tile(explorer, number)
    expect(option).to_have_count(1, timeout=SOON)
    expect(option.locator(".nbx-tile:not(.nbx-blank)")).to_have_count(1, timeout=SOON)

    def difference() -> float:
        seen = np.asarray(PIL.Image.open(io.BytesIO(option.locator(".nbx-tile").screenshot())).convert("RGB"))
        middle = seen[20:44]
        left = np.abs(middle[:, 6:26].astype(float) - colour(number)).max()
        return float(max(left, middle[:, 38:58].max()))

    wait(difference, 12)


def colour(number: int) -> list[int]:
    return [20 + 23 * (number % 10), 20 + 23 * (number // 10 % 10), 20 + 23 * (number // 100 % 10)]


def test_few_are_read_and_few_are_on_the_page(lab: Lab) -> None:
    explorer = show(lab)
    for number in (0, 1, 5):
        is_drawn(explorer, number)
    until(lab, "e.session.wait(30)", True)
    assert int(lab.execute("print(len(set(data.read)))")) < 100
    assert explorer.inputs.count() < 100
    expect(explorer.strip).to_contain_text(f"1 of {MANY:,}")
    best = kernel_values(lab, "scores(5)")
    label = ["ant", "bee", "cat"][best.argmax()]
    expect(tile(explorer, 5)).to_have_attribute(
        "aria-label", re.compile(rf"^input 5, {label} −?{abs(best.max()):.2f}".replace(".", r"\.")), timeout=SOON
    )
    if label != "cat":
        expect(tile(explorer, 5)).to_contain_text("(label: cat)")


def test_the_end_of_the_row_shows_its_own_images(lab: Lab) -> None:
    explorer = show(lab)
    is_drawn(explorer, 0)
    row = explorer.root.get_by_role("listbox", name="Inputs")
    for part in range(1, 21):  # a hand that drags the bar
        row.evaluate("(row, part) => { row.scrollLeft = row.scrollWidth * part / 20; }", part)
        lab.page.wait_for_timeout(20)
    for number in (MANY - 1, MANY - 2, MANY - 5):
        is_drawn(explorer, number)
    assert explorer.inputs.count() < 100
    until(lab, "e.session.wait(30)", True)
    assert int(lab.execute("print(len(set(data.read)))")) < 20 * 64  # where the hand lingered on a busy machine, too


def test_keys_reach_the_last_one_and_everything_follows(lab: Lab) -> None:
    explorer = show(lab, ", show=['inputs', 'map'], target=1, method='gradient'")
    is_drawn(explorer, 0)
    explorer.root.get_by_role("listbox", name="Inputs").focus()
    lab.page.keyboard.press("End")
    explorer.chose_input(MANY - 1)
    is_drawn(explorer, MANY - 1)
    lab.page.keyboard.press("ArrowLeft")
    explorer.chose_input(MANY - 2)
    lab.page.keyboard.press("PageUp")
    lab.page.keyboard.press("ArrowRight")
    page = MANY - 1 - int(re.search(r"\d+", explorer.strip.locator(".nbx-strip-name").inner_text()).group())
    assert 3 < page < 60
    is_drawn(explorer, MANY - 1 - page)
    wait(lambda: abs(int(lab.execute("print(e.input)")) - (MANY - 1 - page)), 0)
    x = f"data[{MANY - 1 - page}][0][None]"
    line = f"gradient = explain(net, {x}, 'gradient', target=1, classes=['ant', 'bee', 'cat'])"
    assert lab.execute("print(e.code().splitlines()[-1])").startswith(line)


def test_sorting_by_score_reads_all_and_can_be_stopped(lab: Lab) -> None:
    explorer = show(lab, ", show=['inputs', 'map'], target=1, method='gradient'")
    is_drawn(explorer, 0)
    order = explorer.strip.get_by_role("combobox", name="Order")
    order.select_option("by score of the target")
    explorer.button("Stop").click(timeout=SOON)
    expect(explorer.strip.get_by_role("alert")).to_contain_text(f"of {MANY:,} inputs were computed", timeout=SOON)
    until(lab, "e.session.wait(30)", True)
    read = int(lab.execute("print(len(set(data.read)))"))
    assert read < MANY
    order.select_option("as given")
    order.select_option("by score of the target")
    best = kernel_values(lab, "np.argsort([-scores(n)[1] for n in range(1000)], kind='stable')")  # colours repeat
    expect(explorer.inputs.first).to_have_attribute("aria-label", re.compile(rf"^input {best[0]},"), timeout=4 * SOON)
    until(lab, "e.session.wait(60)", True)
    first = [
        int(re.search(r"\d+", str(each.get_attribute("aria-label"))).group()) for each in explorer.inputs.all()[:5]
    ]
    right = kernel_values(lab, "np.argsort([-scores(n)[1] for n in range(len(data))], kind='stable')[:5]").tolist()
    values = kernel_values(lab, f"np.array([scores(n)[1] for n in {first + right}])")
    np.testing.assert_allclose(values[:5], values[5:], rtol=1e-5, atol=1e-6)
    for number in first[:2]:
        is_drawn(explorer, number)


def test_long_names_have_room_in_the_list_of_layers_and_below_the_tiles(lab):
    names = [f"unsecured consumer {kind} line" for kind in ("credit", "debit", "other")]
    lab.run_cell(f"e = nx.explore(net, [data[i][0] for i in range(2)], classes={names}); e")
    explorer = Explorer(lab)
    slider, layers = explorer.range("Layer").bounding_box(), explorer.select("Layer by name").bounding_box()
    assert slider
    assert layers
    assert layers["x"] - slider["x"] - slider["width"] < 12
    title = explorer.root.locator(".nbx-tile-title").first
    expect(title).to_have_text(re.compile("^unsecured consumer"), timeout=SOON)
    lefts = title.evaluate("""title => {
        const range = document.createRange();
        range.selectNodeContents(title);
        return [...range.getClientRects()].map(box => Math.round(box.left));
    }""")
    assert len(lefts) > 1
    assert len(set(lefts)) == 1
