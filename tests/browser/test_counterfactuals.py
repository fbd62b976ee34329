"""Counterfactuals, the decision plot and the heatmap plot with a real kernel: tried, kept, clicked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, until
from tests.browser.test_accessibility import looks_right
from tests.browser.test_explorers_of_tables import SET_UP, at_rest, card, shown, values

pytestmark = pytest.mark.browser

LOAN = """\
loans = pd.DataFrame({
    "age": np.arange(20.0, 60, 2),
    "<b>the debt of the whole household in the year before": np.arange(20.0) % 7,
    "city": ["oslo", "rome"] * 10,
})

def loan(x):
    points = (x["age"] - x.iloc[:, 1] + 15 * (x["city"] == "oslo") - 39.5).to_numpy(float)
    return np.stack([1 / (1 + np.exp(points)), 1 / (1 + np.exp(-points))], 1)
"""


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(SET_UP + LOAN) == ""


def test_on_a_wide_page_what_is_predicted_stands_in_one_line(lab: Lab) -> None:
    size = lab.page.viewport_size
    assert size
    try:
        lab.page.set_viewport_size({**size, "width": 1920})
        explorer = shown(
            lab,
            "nx.TabularExplorer(loan, nx.Tabular(loans.iloc[[3]], loans), show=['editor', 'counterfactual'], "
            "classes=['refused until all debts are paid', 'approved for the whole of the sum'])",
        )
        outcome = explorer.root.locator(".nbx-outcome").first
        expect(outcome.locator("bdi")).to_have_text("approved for the whole of the sum")
        high = "cell => [...cell.children].map(e => e.clientHeight / parseFloat(getComputedStyle(e).fontSize))"
        assert max(outcome.evaluate(high)) < 2
        at_rest(lab)
    finally:
        lab.page.set_viewport_size(size)


def test_a_counterfactual_is_tried_in_the_editor_and_a_column_is_kept(lab: Lab) -> None:
    explorer = shown(
        lab,
        "nx.TabularExplorer(loan, nx.Tabular(loans.iloc[[3]], loans), classes=['refused', 'approved'], "
        "show=['editor', 'counterfactual'])",
    )
    pane = explorer.root.locator(".nbx-counterfactual-pane")
    expect(pane.locator(".nbx-title")).to_have_text("Counterfactuals · refused no longer predicted")
    first = pane.locator("tbody tr").first
    expect(first.locator(".nbx-change")).to_have_text(["age26→44keep"])
    use = pane.get_by_role("button", name="Try counterfactual 1", exact=True)
    use.focus()
    explorer.page.keyboard.press("Enter")
    until(lab, "e.session.wait(60) and e.session.inputs[0].tensor[0].tolist()", [44.0, 3.0, 1.0])
    box = explorer.root.locator(".nbx-row-editor").get_by_role("spinbutton", name="age, number")
    expect(box).to_have_value("44", timeout=SOON)
    back = pane.get_by_role("button", name="Back to the input as it was")
    expect(back).to_have_attribute("aria-pressed", "true", timeout=SOON)
    back.click()
    until(lab, "e.session.wait(60) and e.session.inputs[0].tensor[0].tolist()", [26.0, 3.0, 1.0])
    pane.get_by_role("button", name="Keep age as it is").first.click()
    expect(pane.get_by_role("combobox", name="How age may change")).to_have_value("fixed", timeout=SOON)
    expect(pane.locator(".nbx-change-name", has_text="age")).to_have_count(0, timeout=SOON)
    expect(pane.locator("tbody tr")).to_have_count(1, timeout=SOON)
    expect(pane.locator("b")).to_have_count(0)
    at_rest(lab)
    looks_right(explorer)


def test_a_line_and_a_column_of_the_heatmap_are_rows_that_can_be_explained(lab: Lab) -> None:
    explorer = shown(
        lab,
        "nx.GlobalExplorer(cells.model, cell(0), classes=cells.classes, target=0, show=['decision', 'heatmap'])",
    )
    heat = card(explorer, "SHAP heatmap plot").locator(".bqplot image").first
    heat.scroll_into_view_if_needed()
    place = heat.bounding_box()
    assert place
    view = "e._parts[0]"
    explorer.page.mouse.click(place["x"] + place["width"] * 0.5 / 463, place["y"] + place["height"] / 2)
    wanted = f"{view}._points()[{view}._heatmap._rows[0]].tolist()"
    until(lab, f"e.session.wait(60) and e.session.inputs[0].tensor[0].tolist() == {wanted}", True)
    before = values(lab)
    line = card(explorer, "SHAP decision plot").locator(".bqplot path.line").last
    line.dispatch_event("click")
    until(lab, f"e.session.wait(60) and e.session.inputs[0].tensor[0].tolist() == {before}", False)
    looks_right(explorer)
