"""TabularExplorer and GlobalExplorer with a real kernel: what-if, nearest rows, boundaries, and all rows."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, drag, frames, kernel_values, said_number, until
from tests.browser.test_accessibility import looks_right
from tests.browser.test_feature_charts import _MIDDLES, _STILL, _TICKS
from tests.browser.test_row_panes import WATCH

pytestmark = pytest.mark.browser

SET_UP = """\
import json
import numpy as np
import pandas as pd
import ipywidgets.widgets.widget as models
from nbexplain.examples import moons, tumour

cells, half = tumour(), moons()
labels = cells.background_labels
cell = lambda number: nx.Tabular(cells.rows[number], cells.background, names=cells.names, labels=labels)
draw = np.random.default_rng(0)
frame = pd.DataFrame({
    "size": draw.normal(90, 30, 80).round(1),
    "rooms": draw.integers(1, 7, 80),
    "kind": draw.choice(["flat", "house"], 80),
})
dear = (frame["size"] + 20 * frame["rooms"] > 160).to_numpy().astype(int)

# a callable of a table with categories, which takes no home of 151
def price(homes):
    if (homes["size"] == 151).any():
        raise ValueError("<b>size</b>: nothing is as large as this")
    worth = ((homes["size"] + 20 * homes["rooms"] + 40 * (homes["kind"] == "house") - 170) / 30).to_numpy(float)
    return np.stack([1 / (1 + np.exp(worth)), 1 / (1 + np.exp(-worth))], 1)

def score(model, values, target=0):
    dtype = next(model.parameters()).dtype
    return model(torch.tensor([list(values)], dtype=dtype))[0, target].item()

homes = lambda **more: nx.TabularExplorer(
    price, [nx.Tabular(frame.iloc[n], frame, labels=dear) for n in (0, 1)], classes=["cheap", "dear"], **more)
"""


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(SET_UP) == ""


def shown(lab: Lab, source: str) -> Explorer:
    lab.run_cell(f"e = {source}\ne")
    explorer = Explorer(lab, drawn=".nbx-card, .nbx-row-editor")
    until(lab, "e.session.wait(90)", True, 100)
    frames(lab.page)
    return explorer


def tumour_explorer(lab: Lab, more: str = "") -> Explorer:
    return shown(lab, f"nx.TabularExplorer(cells.model, [cell(0), cell(1)], classes=cells.classes, target=0{more})")


def card(explorer: Explorer, title: str) -> Locator:
    """A pane by the beginning of its title."""
    return explorer.root.locator(".nbx-card").filter(
        has=explorer.page.locator(".nbx-title", has_text=re.compile(f"^{title}"))
    )


def said_score(explorer: Explorer) -> float:
    found = re.search(r"\((?:logit|probability) ([−\d.]+)\)", explorer.root.locator(".nbx-status-text").inner_text())
    assert found
    return said_number(found[1])


def at_rest(lab: Lab) -> None:
    until(lab, "e.session.wait(60)", True, 70)
    frames(lab.page, 10)


def values(lab: Lab, session: str = "e.session") -> list[float]:
    return list(kernel_values(lab, f"{session}.inputs[0].tensor[0]"))


def settled(chart: Locator) -> None:
    shape = chart.locator("path.dot").last
    shape.wait_for(state="attached")
    chart.page.wait_for_function(_STILL, arg=shape.element_handle())


def at(chart: Locator, x: float, y: float) -> tuple[float, float]:
    """Where a place of a chart is on the page, by what is written at its axes."""
    place = []
    for axis, side, value in zip(chart.locator("g.axis").all(), ("x", "y"), (x, y), strict=False):
        ticks: Any = axis.locator(".tick").evaluate_all(_TICKS, side)
        numbers = [(said_number(text), where) for text, where in ticks]
        place.append(float(np.polyval(np.polyfit(*np.array(numbers).T, 1), value)))
    return place[0], place[1]


# What if


def test_the_score_and_the_charts_follow_a_dragged_slider_and_end_where_the_hand_ends(lab):
    explorer = tumour_explorer(lab)
    slider = explorer.root.locator(".nbx-row-editor").get_by_role("slider", name="worst texture", exact=True)
    assert (
        lab.execute("""\
from nbexplain.runner import runner
queued, heard = [], []
submit = runner.submit
def counted(job, **more):
    submit(job, **more)
    queued.append(sum(each.place is job.place for each in runner._waiting.values()))
runner.submit = counted
e.session.on_facts(lambda: heard.append(float(e.session.inputs[0].tensor[0, 21])))""")
        == ""
    )
    slider.evaluate(WATCH)
    end = float(drag(slider, 0.1, 0.62, steps=40, pause=0.01))
    at_rest(lab)
    assert lab.execute("runner.submit = submit") == ""
    seen = explorer.page.evaluate("(() => { const seen = window.watched; window.watched = null; return seen })()")
    turn = seen.index(min(seen))
    assert seen[:turn] == sorted(seen[:turn], reverse=True)
    assert seen[turn:] == sorted(seen[turn:])  # nothing jumps back
    assert kernel_values(lab, "np.array(queued)").max() == 1  # the newest row alone waits
    heard = list(kernel_values(lab, "np.array(heard)"))
    assert heard[-1] == pytest.approx(end)
    row = values(lab)
    assert row[21] == pytest.approx(end, rel=1e-6)
    score = float(lab.execute(f"print(score(cells.model, {row}))"))
    assert said_score(explorer) == pytest.approx(score, abs=0.006)
    # the bars, the waterfall and its end are those of this row
    found = f"nx.explain(cells.model, e.session.inputs[0].another({row}), 'permutation_shap', target=0)"
    weights, base = kernel_values(lab, f"(found := {found}).values"), float(lab.execute("print(found.base)"))
    assert base + weights.sum() == pytest.approx(score, abs=1e-4)
    largest = int(np.abs(weights).argmax())
    names = json.loads(lab.execute("print(json.dumps(cells.names))"))
    bars = card(explorer, "Permutation SHAP")
    expect(bars.get_by_text(re.compile(rf"largest: \W*{names[largest]}\W*, "))).to_be_visible(timeout=SOON)
    written = [text for text in bars.locator("text").all_text_contents() if re.fullmatch(r"[+−][\d.]+", text)]
    strongest = weights[np.argsort(-np.abs(weights))][:10]
    np.testing.assert_allclose([said_number(text) for text in written], strongest, atol=0.001)
    waterfall = card(explorer, "From the base")
    expect(waterfall.get_by_text(re.compile(r"^score "))).to_have_text(f"score {score:.3g}".replace("-", "−"))
    expect(waterfall.get_by_text(re.compile(r"^base [−\d]"))).to_have_text(f"base {base:.3g}".replace("-", "−"))


def test_a_forest_follows_a_dragged_slider(lab):
    explorer = shown(
        lab, "nx.TabularExplorer(cells.forest, cell(0), classes=cells.classes, target=0, method='tree_shap')"
    )
    slider = explorer.root.locator(".nbx-row-editor").get_by_role("slider", name="worst perimeter", exact=True)
    drag(slider, 0.9, 0.05, steps=40, pause=0.01)
    at_rest(lab)
    score = float(lab.execute("print(cells.forest.predict_proba([e.session.inputs[0].tensor[0].tolist()])[0, 0])"))
    assert said_score(explorer) == pytest.approx(score, abs=0.006)
    waterfall = card(explorer, "From the base")
    expect(waterfall.get_by_text(re.compile(r"^score "))).to_have_text(f"score {score:.3g}", timeout=SOON)


def test_another_method_without_a_sum_has_no_waterfall(lab):
    explorer = tumour_explorer(lab)
    expect(card(explorer, "From the base")).to_be_visible()
    explorer.choose_method("lime")
    expect(card(explorer, "LIME")).to_be_visible(timeout=SOON)
    expect(card(explorer, "From the base")).to_have_count(1)
    expect(card(explorer, "From the base")).to_be_hidden(timeout=SOON)
    explorer.choose_method("gradient")
    expect(card(explorer, "Gradient")).to_be_visible(timeout=SOON)
    found = kernel_values(lab, "nx.explain(cells.model, cell(0), 'gradient', target=0).values")
    largest = json.loads(lab.execute("print(json.dumps(cells.names))"))[int(np.abs(found).argmax())]
    expect(card(explorer, "Gradient").get_by_text(re.compile(rf"largest: \W*{largest}\W*, "))).to_be_visible(
        timeout=SOON
    )


def test_a_near_row_that_is_clicked_is_explained(lab):
    explorer = tumour_explorer(lab)
    table = explorer.root.locator(".nbx-row-table", has_text="Nearest rows")
    line = table.locator("tbody tr").nth(3)
    number = int(line.locator("th").inner_text().split()[1])
    said = said_number(line.locator("td").nth(1).inner_text())
    line.click()
    until(
        lab,
        f"e.session.wait(60) and bool((e.session.inputs[0].tensor[0].numpy() == cells.background[{number}]).all())",
        True,
    )
    at_rest(lab)
    score = float(lab.execute(f"print(score(cells.model, cells.background[{number}]))"))
    assert said == pytest.approx(score, abs=0.006)
    assert said_score(explorer) == pytest.approx(score, abs=0.006)
    expect(table.locator("tbody tr").first.locator("th")).to_have_text("this row", timeout=SOON)
    expect(table.locator("tbody tr").nth(1).locator("th")).to_have_text(f"row {number}", timeout=SOON)


def test_long_names_and_reasons_take_as_many_lines_as_they_need(lab):
    name = "estimated glomerular filtration rate (mL/min/1.73 m²)"
    lab.execute(f"ill = frame[['size', 'rooms']].assign(crp=1.0).set_axis([{name!r}, 'age', 'crp'], axis=1)")
    lab.execute("ill['crp'] = draw.normal(size=80); ill.iloc[7, 0] = np.nan")
    score = "lambda rows: rows['age'].to_numpy(float)"
    explorer = shown(lab, f"nx.TabularExplorer({score}, nx.Tabular(ill.iloc[0], ill), show=['editor', 'boundary'])")
    why = explorer.root.get_by_text("there are no components")
    label = explorer.root.locator(".nbx-row-field > .nbx-name", has_text="estimated")
    ends = "node => [node.scrollWidth - node.clientWidth, node.scrollHeight - node.clientHeight]"
    for width in (500, 800, 1183, 1400):
        lab.page.set_viewport_size({"width": width, "height": 1200})
        frames(lab.page, 5)
        assert why.evaluate(ends) == [0, 0], width
        assert label.evaluate(ends) == [0, 0], width
        assert label.get_attribute("title") == name
        lists = explorer.root.locator(".widget-dropdown > select")
        assert lists.evaluate_all("all => all.map(each => getComputedStyle(each).textOverflow)") == ["ellipsis"] * 3
        assert len(label.inner_text()) > 20, width
    lab.page.set_viewport_size({"width": 1400, "height": 1200})


def test_the_row_is_dragged_through_the_boundary(lab):
    explorer = shown(
        lab,
        "nx.TabularExplorer(half.model, nx.Tabular(half.rows[0], half.background, names=half.names, "
        "labels=half.background_labels), classes=half.classes, target=0)",
    )
    chart = card(explorer, "Decision boundary").locator(".bqplot")
    at_rest(lab)  # panes above it grow no more
    chart.scroll_into_view_if_needed()
    settled(chart)
    page, there = explorer.page, "print(bool(np.allclose(e.session.inputs[0].tensor[0], [1.0, -0.5], atol=0.03)))"

    def dragged() -> bool:
        """Whether the row is there while the hand is down, which follows the chart: what stands above it may grow."""
        page.mouse.move(*at(chart, *values(lab)))
        page.mouse.down()
        for _ in range(5):
            page.mouse.move(*at(chart, 1.0, -0.5), steps=15)
            settled(chart)
            if lab.execute(there) == "True":
                return True
        page.mouse.up()
        at_rest(lab)
        return False

    assert any(dragged() for _ in range(3))
    page.mouse.up()
    at_rest(lab)
    row = values(lab)
    np.testing.assert_allclose(row, [1.0, -0.5], atol=0.03)
    score = float(lab.execute(f"print(score(half.model, {row}))"))
    assert said_score(explorer) == pytest.approx(score, abs=0.006)
    for name, value in zip(("x", "y"), row, strict=True):
        box = explorer.root.locator(".nbx-row-editor").get_by_role("spinbutton", name=f"{name}, number")
        assert float(box.input_value()) == pytest.approx(value, rel=1e-5)
    middle = chart.locator("path.dot").last.evaluate_all(_MIDDLES)[0]
    np.testing.assert_allclose(middle, at(chart, *row), atol=2)


# What goes wrong


def test_a_row_that_the_model_does_not_take_is_said(lab):
    explorer = shown(lab, "homes(target=1)")
    good = said_score(explorer)
    editor = explorer.root.locator(".nbx-row-editor")
    size = editor.get_by_role("spinbutton", name="size, number")
    size.fill("151")
    size.press("Enter")
    expect(explorer.alert).to_contain_text("<b>size</b>: nothing is as large as this", timeout=SOON)
    expect(explorer.alert.locator("b")).to_have_count(0)
    explorer.alert.locator("summary").click()
    expect(explorer.alert.locator("pre")).to_contain_text("in price")
    size.fill("120")
    size.press("Enter")
    expect(explorer.alert).to_be_hidden(timeout=SOON)
    editor.get_by_role("combobox", name="kind").select_option(label="house")
    until(lab, "e.session.wait(60) and e.session.inputs[0].tensor[0, [0, 2]].tolist()", [120.0, 1.0])
    at_rest(lab)
    rooms = int(values(lab)[1])
    score = float(lab.execute(f"print(price(pd.DataFrame(dict(size=[120.0], rooms=[{rooms}], kind=['house'])))[0, 1])"))
    assert said_score(explorer) == pytest.approx(score, abs=0.006)
    assert score != pytest.approx(good, abs=0.02)


def test_stop_and_run_of_samples_of_a_table(lab):
    assert (
        lab.execute("""\
import threading
gate, reached = threading.Event(), threading.Event()
def held(module, x):
    if len(x) > 1:
        reached.set()
        if not gate.wait(60):
            raise RuntimeError("nobody opened the gate")
    return module(x)""")
        == ""
    )
    lab.run_cell("""\
e = nx.TabularExplorer(cells.model, cell(0), classes=cells.classes, target=0, forward=held, method="lime", show=["map"])
e""")
    explorer = Explorer(lab, drawn=".nbx-toolbar")
    until(lab, "reached.is_set()", True)  # a run that is stopped between two passes ends at once
    explorer.button("Stop").click()
    until(lab, "any(job.stop.is_set() for job in __import__('nbexplain.runner').runner.runner._started())", True)
    assert lab.execute("gate.set()") == ""
    expect(explorer.button("Run")).to_be_visible(timeout=SOON)
    explorer.button("Run").click()
    expect(explorer.status).to_contain_text("samples 500", timeout=SOON)
    explorer.button("More samples").click()
    expect(explorer.status).to_contain_text(re.compile(r"samples 1,000 .* 5\d\d forward passes"), timeout=SOON)


# All rows


def test_a_point_in_one_cell_is_explained_in_the_other_and_a_brush_fades(lab):
    lab.run_cell(
        "s = nx.Session(cells.forest, cell(0), classes=cells.classes)\n"
        "e = one = nx.TabularExplorer(s, method='tree_shap', show=['editor', 'map'])\none"
    )
    explorer = Explorer(lab, drawn=".nbx-row-editor")
    lab.run_cell("every = nx.GlobalExplorer(s, show=['importance', 'beeswarm', 'dependence', 'interaction'])\nevery")
    everything = Explorer(lab, drawn=".bqplot .tick text")
    until(lab, "s.wait(90)", True, 100)
    chart = card(everything, "SHAP dependence plot").locator(".bqplot")
    chart.scroll_into_view_if_needed()
    settled(chart)
    dots = chart.locator("path.dot").evaluate_all(_MIDDLES)
    held = kernel_values(lab, "every._parts[0]._points()")
    assert len(dots) == len(held)
    rightmost = max(range(len(dots)), key=lambda place: dots[place][0])
    everything.page.mouse.click(*dots[rightmost])
    wanted = held[rightmost].tolist()
    until(lab, f"s.wait(60) and s.inputs[0].tensor[0].tolist() == {wanted}", True)
    column = int(lab.execute("print(every._parts[0].column.value)"))
    name = json.loads(lab.execute("print(json.dumps(cells.names))"))[column]
    assert wanted[column] == held[:, column].max()
    box = explorer.root.locator(".nbx-row-editor").get_by_role("spinbutton", name=f"{name}, number")
    expect(box).to_have_value(re.compile(rf"^{wanted[column]:.6g}"), timeout=SOON)
    score = float(lab.execute(f"print(cells.forest.predict_proba([{wanted}])[0, 0])"))
    assert said_score(explorer) == pytest.approx(score, abs=0.006)
    # a brush over the right half of the dependence chart lets the others fade in the beeswarm
    card(everything, "SHAP dependence plot").get_by_role("button", name="Select by dragging").click()
    expect(chart.locator(".selector .overlay")).to_be_attached(timeout=SOON)
    settled(chart)  # the other cell may have grown or shrunk above it
    dots = chart.locator("path.dot").evaluate_all(_MIDDLES)
    across = np.sort([x for x, _ in dots])[len(dots) // 4 : -len(dots) // 4]
    widest = int(np.diff(across).argmax())
    middle, low = (across[widest] + across[widest + 1]) / 2, max(y for _, y in dots) + 6
    everything.page.mouse.move(middle, low)
    everything.page.mouse.down()
    everything.page.mouse.move(max(x for x, _ in dots) + 6, min(y for _, y in dots) - 6, steps=8)
    everything.page.mouse.up()
    inside = sum(x > middle for x, _ in dots)
    swarm = card(everything, "SHAP values")
    faded = swarm.locator("path.dot[style*='rgba']")
    expect(faded).to_have_count(10 * (len(dots) - int(inside)), timeout=SOON)
    # a pair of columns that is clicked is shown in the dependence chart
    image = card(everything, "Interaction").locator(".bqplot image").first
    picture = image.bounding_box()
    assert picture
    pair = {"x": picture["width"] * 1.5 / 8, "y": picture["height"] * 2.5 / 8}
    image.click(position=pair, timeout=SOON)  # waits until it lies still: what is above it may have grown or shrunk
    order = "every._parts[1]._chart._order"
    until(lab, f"(every._parts[0].column.value, every._parts[0]._colour.value) == ({order}[2], {order}[1])", True)
    assert lab.execute("every.close(); one.close(); s.close()") == ""


def test_groups_are_counted_and_a_refusal_is_said(lab):
    before = lab.execute("print(sorted(models._instances))")
    explorer = shown(
        lab,
        "nx.GlobalExplorer(price, nx.Tabular(frame.iloc[0], frame, labels=dear), classes=['cheap', 'dear'], target=1, "
        "show=['importance', 'groups'])",
    )
    table = explorer.root.locator(".nbx-row-table").first
    expect(table).to_contain_text("What the model says by kind", timeout=SOON)
    lines = {
        line.locator("th").inner_text(): line.locator("td").all_inner_texts()
        for line in table.locator("tbody tr").all()
    }
    says = kernel_values(lab, "price(frame)")
    kinds = json.loads(lab.execute("print(json.dumps(frame['kind'].tolist()))"))
    labels = kernel_values(lab, "dear")
    for kind in ("flat", "house"):
        inside = np.array(kinds) == kind
        rows, mean, chosen, accuracy = lines[kind]
        assert int(rows) == inside.sum()
        assert said_number(mean.split(" ± ")[0]) == pytest.approx(says[inside, 1].mean(), abs=0.001)
        assert float(chosen.split("%")[0]) == pytest.approx(100 * (says[inside].argmax(1) == 1).mean(), abs=0.06)
        assert float(accuracy.split("%")[0]) == pytest.approx(
            100 * (says[inside].argmax(1) == labels[inside]).mean(), abs=0.06
        )
    lab.execute("e.close()")
    expect(explorer.root.locator(".nbx-card")).to_have_count(0)
    assert lab.execute("print(sorted(models._instances))") == before
    many = shown(lab, "nx.GlobalExplorer(cells.model, cell(0), classes=cells.classes, show=['interaction'])")
    expect(card(many, "Interaction")).to_contain_text("at most 10 columns, and the table has 30", timeout=SOON)
    expect(many.alert).to_be_hidden()


def test_where_there_is_no_picture_a_card_is_as_high_as_its_words(lab):
    lab.run_cell("ordered = np.c_[np.linspace(1, 5, 40), np.linspace(2, 6, 40)]")
    explorer = shown(
        lab,
        "nx.GlobalExplorer(lambda rows: np.where(rows[:, 0] > rows[:, 1], np.nan, rows.sum(1)), "
        "nx.Tabular(ordered[0], ordered), show=['importance', 'beeswarm', 'partial', 'interaction'])",
    )
    expect(explorer.alert).to_contain_text("NaN", timeout=SOON)
    for title in (r"Mean \|SHAP value\|", "Partial dependence", "Interaction"):
        failed = card(explorer, title)
        expect(failed).to_contain_text("NaN", timeout=SOON)
        assert failed.bounding_box()["height"] < 130
    expect(card(explorer, "Partial dependence").get_by_role("combobox")).to_be_visible()
    expect(explorer.root.locator(".nbx-card:visible")).to_have_count(3)
    lab.execute("e.close()")


# The right edges of the rows of panes, in pixels from that of what holds them.
_EDGES = """board => {
    const panes = [...board.children].map(pane => pane.getBoundingClientRect()).filter(pane => pane.width);
    const ends = {};
    for (const {top, right} of panes) ends[Math.round(top)] = Math.max(right, ends[Math.round(top)] ?? 0);
    return Object.values(ends).map(right => board.getBoundingClientRect().right - right);
}"""


@pytest.mark.parametrize(
    "source",
    [
        "nx.TabularExplorer(price, nx.Tabular(frame.iloc[0], frame), show=['editor', 'map', 'waterfall', 'partial'])",
        "nx.GlobalExplorer(price, nx.Tabular(frame.iloc[0], frame), show=['importance', 'partial', 'groups'])",
    ],
)
def test_no_place_beside_a_pane_stays_empty(lab, source):
    explorer = shown(lab, source)
    board = explorer.root.locator(".widget-box.nbx-board")
    for width in (1900, 1400, 1183, 800):
        lab.page.set_viewport_size({"width": width, "height": 1200})
        lab.page.wait_for_timeout(200)
        edges = board.evaluate(_EDGES)
        assert edges
        assert np.abs(edges).max() < 1
    lab.page.set_viewport_size({"width": 1400, "height": 1200})
    lab.execute("e.close()")


LOOKS = {
    "a row": "nx.TabularExplorer(cells.model, [cell(0), cell(1)], classes=cells.classes, show=nx.TabularExplorer.panes)"
    "",
    "categories": "homes()",
    "all rows": "nx.GlobalExplorer(price, nx.Tabular(frame.iloc[0], frame, labels=dear), classes=['cheap', 'dear'])",
}


@pytest.mark.parametrize("source", LOOKS.values(), ids=LOOKS)
def test_it_looks_right_and_leaves_nothing_behind(lab, source):
    before = lab.execute("print(sorted(models._instances))")
    explorer = shown(lab, source)
    looks_right(explorer)
    lab.execute("e.close()")
    expect(explorer.root.locator(".nbx-card")).to_have_count(0)
    assert lab.execute("print(sorted(models._instances))") == before
