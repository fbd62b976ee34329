"""A row that is changed feature by feature, and tables of rows, in a real notebook."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SET_UP
from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, drag, frames, until
from tests.browser.test_accessibility import NOTEBOOK, violations
from tests.browser.test_kernel_gone import restart
from tests.browser.test_looks import look, unreadable

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror='window.broken=true'>"
LONG = "mean compactness of the nucleus as it was measured by the scanner"
EDITOR = f"""\
from nbexplain.widgets.row_editor import RowEditor

nan = float("nan")
number = lambda name, **more: dict(name=name, kind="number", low=0.0, high=10.0, step=0.01) | more
features = [number("length"), number({LONG!r}), number("age", low=0, high=90, step=1, integer=True, missing=True),
            dict(name="island", kind="category", choices=["Biscoe", "Dream", {EVIL!r}], missing=True),
            number("year", low=2007, high=2007, constant=True), *[number(f"width {{i}}") for i in range(10)]]
row = [5, 2.5, nan, 1, 2007, *range(10)]
e = RowEditor(title="Row 17", features=features, row=row)
heard = []
e.on_values = heard.append
e"""
NAMES = ["length", LONG, "age", "island", "year", *[f"width {i}" for i in range(10)]]
TABLE = f"""\
from nbexplain.widgets.row_table import RowTable

numbers = [[0.5, -3, 7], [1.25, 12, 1], [10, 2.5, 3], [2, 0, 5]]
rows = [dict(label=f"row {{place}}", cells=[f"{{a:.2f}}", f"{{b:+.1f}}".replace("-", "−"), ["Dream", {EVIL!r}][c % 2]],
             marks=[1], tone=["strong", "quiet", "positive", "negative"][i])
        for i, (place, (a, b, c)) in enumerate(zip([2, 10, 1, 33], numbers))]
t = RowTable(title="Nearest rows", columns=["distance", "score", "island"], rows=rows, note="Of 4,000 rows.")
t"""
WATCH = """slider => {
    window.watched = [];
    const look = () => {
        if (!window.watched) return;
        window.watched.push(Number(slider.value));
        requestAnimationFrame(look);
    };
    look();
}"""


@dataclass
class Panes:
    """A pane in the output of the last cell."""

    lab: Lab
    root: Locator

    @property
    def page(self) -> Page:
        return self.lab.page

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=name, exact=True)

    def field(self, name: str) -> Locator:
        """All that belongs to a feature."""
        return self.root.locator(".nbx-row-field", has=self.page.locator(f"input[type=range][aria-label={name!r}]"))

    def number(self, name: str) -> Locator:
        return self.root.get_by_role("spinbutton", name=f"{name}, number", exact=True)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    @property
    def names(self) -> Locator:
        """The features that are shown, in their order."""
        return self.root.locator(".nbx-row-field:not([hidden]) > .nbx-name")

    @property
    def labels(self) -> Locator:
        """The rows of a table, in their order."""
        return self.root.locator("tbody th")


def shown(lab: Lab, cell: str, pane: str) -> Panes:
    lab.run_cell(cell)
    root = lab.page.locator(".jp-CodeCell").last.locator(pane)
    expect(root).to_be_visible(timeout=SOON)
    frames(lab.page)
    return Panes(lab, root)


def editor(lab: Lab, more: str = "") -> Panes:
    return shown(lab, EDITOR.removesuffix("e") + more + "\ne", ".nbx-row-editor")


def table(lab: Lab) -> Panes:
    return shown(lab, TABLE, ".nbx-row-table")


def from_kernel(lab: Lab, expression: str) -> Any:
    return json.loads(lab.execute(f"import json; print(json.dumps({expression}))").splitlines()[-1])


# The row


def test_the_kernel_hears_a_drag_in_order_and_its_end_exactly(lab):
    pane = editor(lab)
    end = drag(pane.slider("length"), 1.0, 0.313, steps=60)
    until(lab, "e.values[0]", float(end))
    heard = from_kernel(lab, "[values[0] for values in heard]")
    assert len(heard) > 5
    assert heard[-1] == float(end)
    turn = heard.index(max(heard))  # up, then down; nothing twice
    assert all(a < b for a, b in pairwise(heard[: turn + 1]))
    assert all(a > b for a, b in pairwise(heard[turn:]))
    assert from_kernel(lab, "[v for values in heard for v in values[3:]] == row[3:] * len(heard)")
    expect(pane.number("length")).to_have_value(str(float(end)))
    expect(pane.root.get_by_text("1 of 15 changed")).to_be_visible()


def test_answers_of_the_kernel_do_not_disturb_a_drag(lab):
    """Weights are drawn under the hand, another order waits for it; the slider goes nowhere but forward."""
    answer = """
def answer(values):
    heard.append(values)
    e.weights = [values[0] - 5, 1, *[0.1] * 13]
    e.order = [*range(14, -1, -1)]
e.on_values = answer
e.weights = [1] * 15
"""
    pane = editor(lab, answer)
    slider = pane.slider("length")
    slider.evaluate(WATCH)
    end = drag(slider, 0.95, steps=90, release=False)
    until(lab, "(e.values[0], e.weights[0])", f"({float(end)}, {float(end) - 5})")
    bar = pane.field("length").locator(".nbx-weight > span")
    expect(bar).to_have_attribute("style", "width: 50%;")
    expect(bar).to_have_class("nbx-positive")
    expect(pane.names).to_have_text(NAMES)
    pane.page.mouse.up()
    frames(pane.page)
    expect(pane.names).to_have_text(NAMES)  # the focus is still there
    seen = pane.page.evaluate("(() => { const seen = window.watched; window.watched = null; return seen })()")
    assert len(set(seen)) > 5
    assert seen == sorted(seen)
    pane.page.keyboard.press("ArrowRight")
    until(lab, "e.values[0]", round(float(end) + 0.01, 2))
    expect(slider).to_be_focused()
    slider.evaluate("slider => slider.blur()")
    frames(pane.page)
    expect(pane.names).to_have_text(NAMES[::-1])


def test_a_row_that_the_kernel_writes_waits_until_the_hand_lets_go(lab):
    pane = editor(lab)
    slider = pane.slider("length")
    end = drag(slider, 0.8, release=False)
    lab.execute("e.values = [1, 2, 3, 0, 2007, *[4] * 10]")
    until(lab, "e.values[1]", 2.0)
    frames(pane.page)
    expect(slider).to_have_value(end)
    expect(pane.number("width 9")).to_have_value("9")
    box = slider.bounding_box()
    assert box
    pane.page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=5)
    further = slider.input_value()
    assert float(further) > float(end)
    pane.page.mouse.up()
    expect(slider).to_have_value("1")
    expect(pane.number("width 9")).to_have_value("4")
    until(lab, "e.values", [1.0, 2.0, 3.0, 0.0, 2007.0, *[4.0] * 10])  # both ends hold the same
    pane.slider("width 9").fill("5")
    until(lab, "e.values", [1.0, 2.0, 3.0, 0.0, 2007.0, *[4.0] * 9, 5.0])
    expect(pane.root.get_by_role("combobox", name="island", exact=True)).to_have_value("0")


def test_another_row_is_shown_unchanged(lab):
    pane = editor(lab)
    pane.slider("length").fill("7")
    expect(pane.root.get_by_text("1 of 15 changed")).to_be_visible()
    until(lab, "e.values[0]", 7.0)
    lab.execute("e.show_row([*range(3), 2, 2007, *range(10)])")
    expect(pane.slider("length")).to_have_value("0")
    expect(pane.root.get_by_role("combobox", name="island", exact=True)).to_have_value("2")
    expect(pane.root.get_by_text("changed", exact=False).filter(has_text="of 15")).to_have_count(0)
    assert pane.page.evaluate("'broken' in window") is False


def test_what_is_typed_beyond_the_background_is_taken_and_said(lab):
    pane = editor(lab)
    box = pane.number("length")
    box.click()
    box.press("Control+a")
    pane.page.keyboard.type("123.456")
    said = pane.root.get_by_text("outside the background's range, 0 to 10")
    expect(said.first).to_be_visible()
    expect(said.locator("visible=true")).to_have_count(1)
    expect(box).to_have_value("123.456")
    until(lab, "e.values[0]", 123.456)
    pane.button("Reset length to 5").click()
    expect(said.first).to_be_hidden()
    expect(pane.slider("length")).to_be_focused()
    until(lab, "e.values[0]", 5.0)


def test_the_click_after_typing_is_heard_although_the_answer_orders_the_features_anew(lab):
    pane = editor(lab)
    lab.execute("""
def answer(values):
    e.order = [*range(1, 15), 0] if e.order[:1] == [0] or not e.order else [*range(15)]
e.on_values = answer""")
    missing = pane.root.get_by_role("checkbox", name="age, missing")
    pane.number("length").fill("7.5")
    until(lab, "e.order[:1]", [1])
    missing.click()
    expect(missing).not_to_be_checked()
    until(lab, "e.values[2]", 45.0)
    expect(pane.names).to_have_text(NAMES)
    pane.root.locator(".nbx-title").click()
    until(lab, "e.order[:1]", [0])
    pane.slider("length").press("ArrowRight")
    until(lab, "e.order[:1]", [1])
    pane.number("length").focus()
    pane.page.keyboard.press("Shift+Tab")
    expect(pane.slider("length")).to_be_focused()
    expect(pane.names).to_have_text(NAMES)
    pane.root.locator(".nbx-title").click()
    expect(pane.root.locator(".nbx-row-field > .nbx-name").last).to_have_text("length")
    expect(pane.names).to_have_text([*NAMES[1:], NAMES[0]])


def test_categories_missing_values_and_back_again(lab):
    pane = editor(lab)
    island = pane.root.get_by_role("combobox", name="island", exact=True)
    island.select_option(label="Biscoe")
    until(lab, "e.values[3]", 0.0)
    island.select_option(label="missing")
    until(lab, "e.values[3]", "nan")
    missing = pane.root.get_by_role("checkbox", name="age, missing")
    expect(missing).to_be_checked()
    pane.slider("age").fill("30")
    until(lab, "e.values[2]", 30.0)
    expect(missing).not_to_be_checked()
    expect(pane.slider("year")).to_be_disabled()
    pane.button("Reset all").click()
    until(lab, "str(e.values) == str(e.row)", True)
    expect(missing).to_be_checked()
    expect(island).to_have_value("1")
    expect(pane.button("Reset all")).to_be_disabled()


def test_the_original_is_marked_where_the_thumb_stood(lab):
    pane = editor(lab)
    slider = pane.slider("width 7")
    slider.fill("2")
    box = slider.bounding_box()
    tick = pane.field("width 7").locator(".nbx-original").bounding_box()
    assert box
    assert tick
    thumb = 16
    expected = box["x"] + thumb / 2 + 0.7 * (box["width"] - thumb)
    assert abs(tick["x"] + tick["width"] / 2 - expected) < 1


def test_features_are_found_by_name_and_by_change(lab):
    pane = editor(lab)
    pane.root.get_by_role("searchbox", name="Find a feature").fill("WIDTH")
    expect(pane.names).to_have_text(NAMES[5:])
    pane.slider("width 3").fill("8")
    pane.root.get_by_role("checkbox", name="changed only").check()
    expect(pane.names).to_have_text(["width 3"])
    pane.root.get_by_role("searchbox", name="Find a feature").fill("")
    expect(pane.names).to_have_text(["width 3"])
    pane.button("Reset all").click()
    expect(pane.names).to_have_text([])
    expect(pane.root.get_by_text("No changed feature.")).to_be_visible()


@pytest.mark.parametrize("width", [800, 1400])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_editor_can_be_read_and_heard(lab, theme, width):
    pane = editor(lab, "e.weights = [2, -1, *[0.5] * 13]; e.notice = 'The model has not seen such rows.'")
    pane.slider("length").fill("7")
    pane.number(LONG).fill("42")
    look(pane, theme, width)
    assert "\n".join(violations(pane)) == ""
    assert "\n".join(unreadable(pane)) == ""
    lefts = pane.root.locator(".nbx-row-field").evaluate_all(
        "fields => [...new Set(fields.map(field => Math.round(field.getBoundingClientRect().x)))]"
    )
    assert len(lefts) == (1 if width == 800 else 2)
    fields = pane.root.locator(".nbx-row-fields")
    height, inner, outer = fields.evaluate("list => [list.clientHeight, list.scrollWidth, list.clientWidth]")
    assert height <= 420
    assert inner == outer


@pytest.mark.parametrize("width", [800, 1400])
def test_what_is_reset_says_in_full_what_it_goes_back_to(lab, width):
    pane = editor(
        lab,
        """e = RowEditor(title="Row 17", features=[number("day", low=19000.0, high=20000.0, step=1, time="date"),
            number("share", high=1.0, missing=True)], row=[19707, 0.1462])""",
    )
    lab.page.set_viewport_size({"width": width, "height": 1600})
    for name, value in (("day", "19800"), ("share", "0.5")):
        pane.slider(name).fill(value)
    for name, said in (("day", "2023-12-16"), ("share", "0.1462")):
        reset = pane.button(f"Reset {name} to {said}")
        expect(reset).to_have_text(f"↺ {said}")
        assert reset.evaluate("button => button.scrollWidth - button.clientWidth") == 0
        assert pane.slider(name).evaluate("slider => slider.offsetWidth") >= 80


def test_in_a_row_of_widgets_it_takes_the_width_it_is_given(lab):
    pane = editor(lab, "import ipywidgets\ne = ipywidgets.Box([e], layout=ipywidgets.Layout(width='400px'))")
    width = pane.root.evaluate("root => root.offsetWidth")
    assert 390 <= width <= 400
    name, slider = pane.field("length").locator(".nbx-name").bounding_box(), pane.slider("length").bounding_box()
    assert name
    assert slider
    assert slider["y"] >= name["y"] + name["height"] - 1  # in two lines
    assert slider["width"] > 150
    assert "\n".join(unreadable(pane)) == ""


# The table


def test_a_table_is_sorted_by_its_headings(lab):
    pane = table(lab)
    expect(pane.labels).to_have_text(["row 2", "row 10", "row 1", "row 33"])
    pane.button("score").click()
    expect(pane.labels).to_have_text(["row 2", "row 33", "row 1", "row 10"])
    heading = pane.root.get_by_role("columnheader", name="score")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("button").press("Enter")
    expect(pane.labels).to_have_text(["row 10", "row 1", "row 33", "row 2"])
    pane.button("row").click()
    expect(pane.labels).to_have_text(["row 1", "row 2", "row 10", "row 33"])
    rights = pane.root.locator("tbody td:nth-child(2)").evaluate_all("""cells => cells.map(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return Math.round(range.getBoundingClientRect().right);
    })""")
    assert len(set(rights)) == 1
    assert pane.page.evaluate("'broken' in window") is False


def test_a_row_is_chosen_by_hand_by_key_and_by_the_kernel(lab):
    pane = table(lab)
    chosen = pane.root.locator("[aria-selected=true]")
    pane.button("distance").click()
    pane.root.get_by_role("row", name=re.compile("^row 33")).click()
    until(lab, "t.chosen", 3)
    expect(chosen.locator("th")).to_have_text("row 33")
    expect(pane.labels).to_have_text(["row 2", "row 10", "row 33", "row 1"])
    pane.page.keyboard.press("ArrowDown")
    expect(chosen.locator("th")).to_have_text("row 33")
    pane.page.keyboard.press("Enter")
    until(lab, "t.chosen", 2)
    expect(chosen.locator("th")).to_have_text("row 1")
    lab.execute("t.chosen = 0")
    expect(chosen.locator("th")).to_have_text("row 2")
    lab.execute("t.chosen = -1")
    expect(chosen).to_have_count(0)


@pytest.mark.parametrize("width", [800, 1400])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_table_can_be_read_and_heard(lab, theme, width):
    pane = table(lab)
    lab.execute("t.chosen = 1; t.rows = [{**row, 'label': f'row {i}'} for i in range(9) for row in rows]")
    pane.button("score").click()
    look(pane, theme, width)
    assert "\n".join(violations(pane)) == ""
    assert "\n".join(unreadable(pane)) == ""


def test_headings_and_labels_stay_while_a_large_table_scrolls_inside(lab):
    pane = table(lab)
    lab.execute("""
t.columns = [f"a column of numbers {i}" for i in range(20)]
t.rows = [dict(label=f"row {i}", cells=[str(i * j) for j in range(20)]) for i in range(60)]""")
    expect(pane.root.get_by_role("button", name="a column of numbers 19")).to_be_attached()
    box, edges = pane.root.locator(".nbx-row-table-box"), pane.root.bounding_box()
    assert edges
    assert edges["height"] < 460
    heading, label = pane.button("row"), pane.root.locator("tbody th").nth(40)
    before = heading.bounding_box()
    box.evaluate("box => box.scrollTo(900, 900)")
    frames(pane.page)
    assert heading.bounding_box() == before
    place = label.bounding_box()
    assert place
    assert before
    assert place["x"] == before["x"]
    assert pane.root.locator("tbody td").nth(40 * 20).bounding_box()["x"] < before["x"]
    lab.execute("t.chosen = 3")
    expect(pane.root.locator("[aria-selected=true]")).to_be_in_viewport()
    line = pane.root.locator("[aria-selected=true]").bounding_box()
    assert line
    assert line["y"] >= before["y"] + before["height"] - 1


# Both


def test_keys_never_reach_the_notebook(lab):
    table(lab)
    rows = Panes(lab, lab.page.locator(".nbx-row-table"))
    pane = editor(lab)
    pane.slider("length").fill("7")
    controls = [
        pane.slider("length"),
        pane.number("length"),
        pane.button("Reset length to 5"),
        pane.button("Reset all"),
    ]
    controls += [pane.root.get_by_role(kind).first for kind in ("combobox", "checkbox", "searchbox")]
    controls += [rows.button("score"), rows.root.locator("tbody tr").first]
    for control in controls:
        for key in ("j", "d", "x", "0", "ArrowDown", "Enter", "Escape"):
            if pane.slider("length").is_visible():
                pane.slider("length").fill("8")  # so that there is something to bring back
            control.focus()
            before = pane.page.evaluate(NOTEBOOK)
            pane.page.keyboard.press(key)
            assert pane.page.evaluate(NOTEBOOK) == before, f"{key} in {control}"


# At the end of the file: the kernel is restarted


def test_without_a_kernel_both_can_only_be_read(lab):
    table(lab)
    rows = Panes(lab, lab.page.locator(".nbx-row-table"))
    pane = editor(lab)
    pane.slider("length").fill("7")
    restart(lab)
    expect(pane.slider("length")).to_be_disabled(timeout=SOON)
    expect(pane.button("Reset all")).to_be_disabled()
    pane.root.get_by_role("searchbox", name="Find a feature").fill("length")
    expect(pane.names).to_have_text(["length"])
    rows.button("score").click()
    expect(rows.labels.first).to_have_text("row 2")
    rows.root.locator("tbody tr").first.click(force=True)
    expect(rows.root.locator("[aria-selected=true]")).to_have_count(0)
    lab.execute(SET_UP)  # for what closes the notebook


@pytest.mark.parametrize("width", ["300px", "700px"])
def test_no_number_is_cut_in_its_box(lab: Lab, width: str) -> None:
    numbers = [-1.652202, -0.4128213456, -0.00041282134, -4.1282134e-5, 123456.789, -123456.789, 8888888888.0]
    pane = shown(
        lab,
        f"""\
from nbexplain.widgets.row_editor import RowEditor

numbers = {numbers!r}
number = lambda i, n: dict(name=f"n{{i}}", kind="number", low=min(n, 0), high=max(n, 0), step=0.01)
features = [number(i, n) for i, n in enumerate(numbers)]
features[-1]["integer"] = True
e = RowEditor(title="Row", features=features, row=numbers, layout={{"width": {width!r}}})
e""",
        ".nbx-row-editor",
    )
    inside = """box => {
        const style = getComputedStyle(box), context = document.createElement('canvas').getContext('2d');
        context.font = style.font;
        const room = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        return [context.measureText(box.value).width, room, box.scrollWidth - box.clientWidth];
    }"""
    for place in range(len(numbers)):
        wide, room, cut = pane.number(f"n{place}").evaluate(inside)
        assert wide <= room
        assert cut <= 0
