"""Confusion matrix, curves, residuals and the filter bar with a real kernel and a real page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, frames, until
from tests.browser.test_accessibility import looks_right
from tests.browser.test_looks import look

pytestmark = pytest.mark.browser

SET_UP = """\
import numpy as np
import nbexplain as nx
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

bunch = load_breast_cancer(as_frame=True)
frame = bunch.data.iloc[:, :3]
tumours = LogisticRegression(max_iter=2000).fit(frame, bunch.target)
chance = tumours.predict_proba(frame)[:, 1]
outcomes = lambda **more: nx.GlobalExplorer(
    tumours, nx.Tabular(frame.iloc[[0]], background=frame, labels=bunch.target), classes=list(bunch.target_names),
    target="benign", show=["filter", "confusion", "curves", "importance"], **more)
"""


@pytest.fixture(autouse=True, scope="module")
def _tumours(shared_lab: Lab) -> None:
    assert shared_lab.execute(SET_UP) == ""


def shown(lab: Lab) -> Explorer:
    lab.run_cell("e = outcomes()\ne")
    explorer = Explorer(lab, drawn=".nbx-card")
    until(lab, "e.session.wait(90)", True, 100)
    frames(lab.page)
    return explorer


def counts(explorer: Explorer) -> list[int]:
    cells = explorer.root.locator(".nbx-confusion td button strong").all_inner_texts()
    return [int(text.replace(",", "")) for text in cells]


def counted(lab: Lab, threshold: str) -> list[int]:
    return eval(lab.execute(f"print(confusion_matrix(bunch.target, {threshold}).ravel().tolist())"))  # type: ignore[no-any-return]


def said(explorer: Explorer) -> Locator:
    return explorer.root.locator(".nbx-filter-text")


def test_a_cell_chooses_its_rows_and_the_bar_lets_them_go(lab):
    explorer = shown(lab)
    right = counted(lab, "chance > 0.5")
    assert counts(explorer) == right
    wrong = explorer.root.get_by_role("button", name="label malignant, predicted benign")
    wrong.focus()
    wrong.press("Enter")
    expect(said(explorer)).to_have_text(f"{right[1]} of 569 rows")
    expect(wrong).to_have_attribute("aria-pressed", "true")
    expect(explorer.root.locator(".nbx-card .nbx-title").first).to_contain_text(f"{right[1]} rows")
    assert counts(explorer) == right
    explorer.root.get_by_label("Filter rows by").select_option(label="mean radius")
    low = explorer.root.get_by_label("mean radius, from")
    low.fill("14")
    low.press("Enter")
    left = lab.execute("print(((frame['mean radius'] >= 14) & (bunch.target == 0) & (chance > 0.5)).sum())").strip()
    expect(said(explorer)).to_have_text(f"{left} of 569 rows")
    explorer.root.get_by_role("button", name="All rows").click()
    expect(said(explorer)).to_have_text("all 569 rows")
    expect(wrong).to_have_attribute("aria-pressed", "false")
    assert lab.errors == []


@pytest.mark.parametrize("width", [1183, 1920])
def test_the_matrix_is_as_high_as_the_curves_beside_it(lab, width):
    size = lab.page.viewport_size
    lab.page.set_viewport_size({"width": width, "height": 1500})
    explorer = shown(lab)
    pane = explorer.root.locator(".nbx-confusion")
    frames(lab.page, 10)
    left = pane.evaluate("""pane => {
        const last = [...pane.children].filter(part => part.offsetHeight).pop();
        return pane.getBoundingClientRect().bottom - last.getBoundingClientRect().bottom;
    }""")
    lab.page.set_viewport_size(size)
    assert left < 20


def test_names_of_classes_differ_after_a_change_of_the_theme(lab):
    names = [f"Customer segment of the retail bank in the northern region, {end}" for end in "AB"]
    lab.run_cell(f"""e = nx.GlobalExplorer(tumours, nx.Tabular(frame.iloc[[0]], background=frame, labels=bunch.target),
        classes={names}, show=["filter", "confusion", "curves"])\ne""")
    explorer = Explorer(lab, drawn=".nbx-confusion")
    until(lab, "e.session.wait(90)", True, 100)
    heads = explorer.root.locator(".nbx-confusion th[scope=col] > span")
    for theme in ("Dark", "Light"):
        look(explorer, theme, 1183)
        frames(lab.page, 10)
        for head, end in zip(heads.all(), "AB", strict=True):
            expect(head).to_have_text(re.compile(f"….*{end}$"), timeout=SOON)
            assert head.evaluate("head => head.scrollWidth - head.clientWidth") == 0


def test_a_time_to_filter_by_is_seen_whole(lab):
    lab.execute("times = frame.iloc[:, :1].assign(day=np.datetime64('2024-01-01') + np.arange(569).astype('m8[D]'))")
    lab.execute("times['at'] = times['day'] + np.arange(569).astype('m8[s]') * 7")
    lab.execute("by_size = lambda rows: np.stack([1 - rows['mean radius'] / 30, rows['mean radius'] / 30], 1)")
    lab.run_cell("nx.GlobalExplorer(by_size, nx.Tabular(times.iloc[[0]], background=times), show=['filter'])")
    explorer = Explorer(lab, drawn=".nbx-filter")
    for name, written in (("day", "2024-10-20"), ("at", "2024-10-20T10:20:30")):
        explorer.root.get_by_label("Filter rows by").select_option(label=name)
        low = explorer.root.get_by_label(f"{name}, from")
        low.fill(written)
        needed, given = low.evaluate("""input => {
            const given = input.getBoundingClientRect().width;
            input.style.setProperty('width', 'max-content', 'important');
            const needed = input.getBoundingClientRect().width;
            input.style.removeProperty('width');
            return [needed, given];
        }""")
        assert given >= needed > 100, name
    assert lab.errors == []


def test_the_threshold_needs_no_kernel(lab):
    explorer = shown(lab)
    expected = counted(lab, "chance >= 0.3")
    lab.start_cell("import time\nbegun = time.monotonic()\nwhile time.monotonic() < begun + 3: pass")  # and no answer
    slider = explorer.root.get_by_role("slider", name="Threshold (probability)", exact=True)
    slider.evaluate("s => { s.value = 300; s.dispatchEvent(new Event('input', { bubbles: true })) }")
    frames(lab.page)
    assert counts(explorer) == expected
    lab.finish_cell()
    until(lab, "e.session.wait(60)", True, 70)
    code = lab.execute("print([line for line in e.code().splitlines() if line.startswith('confusion')][0])")
    assert "target=1, threshold=0.3" in code
    explorer.root.get_by_role("button", name="Reset").click()
    frames(lab.page)
    assert counts(explorer) == counted(lab, "chance > 0.5")
    assert lab.errors == []


def test_all_can_be_read_and_reached(lab):
    looks_right(shown(lab))
