"""The words on charts, in a narrow font and in a wide one: none is cut, none lies on others, and bars have room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from nbexplain.widgets.text_width import pixels
from tests.browser import fonts
from tests.browser.conftest import SET_UP, Place
from tests.browser.jupyter import Lab, chromium, notebook, write_notebook
from tests.browser.pane import SOON, frames

pytestmark = pytest.mark.browser

TEN_B = {"DejaVu Sans": 76.2, "Liberation Sans": 66.7}  # pixels of "bbbbbbbbbb" at 12 px: 0.635 and 0.556 of the size
CHART = """\
import numpy as np
from nbexplain.widgets.{module} import {name}
from nbexplain.widgets.layout import close_tree, framed

chart = {name}({listener})
names = ["<img src=x onerror='window.hurt=1'>", "b" * 80, "c", "平均面積とても長い名前の特徴量の列", "W" * 60]
values = [0.4, -1.0, 0.2, -0.1, 0.3]
held = ["1", "123456.789", "−0.5", "漢" * 9, "MALIGNANT"]
about = "mean |SHAP value|, " + "MALIGNANT " * 9
many = np.random.default_rng(0).normal(size=(40, 5)) * [3, 2, 1, 1, 1]
where = getattr(chart, "widget", chart.figure)
where.layout.width = {width!r}
{show}
card = framed("Chart", where)
card"""
CHARTS = {
    "waterfall": (
        "waterfall_chart",
        "Waterfall",
        "chart.show(names, values, held, 0.5, 0.3, [0.1] * 5, quantity=about)",
    ),
    "waterfall, wide numbers": (
        "waterfall_chart",
        "Waterfall",
        "chart.show(names, values, held, -1.2345, -2888.0, quantity=about)",
    ),
    "feature bars": ("feature_bars_chart", "FeatureBars", "chart.show(names, values, [0.1] * 5, quantity=about)"),
    "feature bars of a row": ("feature_bars_chart", "FeatureBars", "chart.show(names, values, None, held)"),
    "force plot": ("force_chart", "Force", "chart.show(names, values, held, 0.5, 0.3, quantity=about)"),
    "force plot, wide numbers": (
        "force_chart",
        "Force",
        "chart.show(names, values, held, -1.2345, -0.8777, quantity=about)",
    ),
    "force plot, one side": (
        "force_chart",
        "Force",
        "chart.show(names, np.abs(values), held, 1000.25, 1002.25, quantity=about)",
    ),
    "beeswarm": ("beeswarm_chart", "Beeswarm", "chart.show(names, many, many, quantity=about)"),
    "interactions": ("interaction_chart", "InteractionChart", "chart.show(names, np.abs(many[:5]))"),
    "classes": ("charts.bars", "ClassBars", "chart.show(names, [1e4 * v for v in values], 0, about)"),
    "dependence": (
        "dependence_chart",
        "Dependence",
        "chart.show('W' * 60, many[:, 0] / 900, many[:, 1] / 900, quantity=about)",
    ),
    "boundary": (
        "boundary_chart",
        "BoundaryChart",
        "chart.show(np.tile(np.linspace(0, 1, 41), (31, 1)), (-0.011, 0.013), (-1000, 1234), 'W' * 60, '漢' * 60,"
        " many[:, :2], np.zeros(40, int), ['W' * 60], (0.0, 0.0))",
    ),
    "histogram": ("charts.bars", "Histogram", "chart.show(many / 900, 'activation of ' + 'W' * 60)"),
    "activity": ("activity_chart", "ActivityChart", "chart.show(many / 900, [0, 1, 2, 3, 4], 'mean', 'layer3')"),
    "fall": ("ablation_charts", "FallCurve", "chart.show([0, 1, 2], [-1234.5, 800.25, 0.1], None, 'W' * 60, about)"),
    "before and after": ("ablation_charts", "BeforeAfter", "chart.show(names, values, values, 1, about)"),
}


@pytest.fixture(scope="module", params=fonts.FAMILIES)
def font(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shared_lab(place: Place, font: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A notebook in a Chromium that has this font alone."""
    browser = chromium(place.playwright, fonts.only(font, tmp_path_factory.mktemp("font")))
    path = place.folder / f"words-{font.split()[0]}.ipynb"
    write_notebook(path, [SET_UP])
    try:
        with notebook(browser, place.address, path, height=1600) as lab:
            yield lab
    finally:
        browser.close()


def test_the_page_is_written_in_this_font_and_in_no_other(lab: Lab, font: str) -> None:
    for family in ("sans-serif", "system-ui", "Helvetica", "Arial", "var(--jp-ui-font-family)", *fonts.FAMILIES):
        assert measured(lab, ["b" * 10], family) == pytest.approx([TEN_B[font]], abs=0.1), family


@pytest.mark.parametrize(
    "text",
    [
        *("mean concave points", "HOUSEHOLD_SIZE", "Average_Income_2020", "illicit fill", "W" * 20, "@@ %% && mmm"),
        *(
            "1,234,567.89",
            "−0.0123",
            "+1.23e−05",
            "(x ± 1.96) = {y} → z",
            "Ünïcödé Straße ±1·…",
            "jumps! \"quoted\" 'it'",
        ),
        *("Средний периметр опухоли", "Μέση ακτίνα όγκου", "متوسط المحيط الطويل جدا", "平均面積", "🙂🙂🙂"),
    ],
)
@pytest.mark.parametrize("bold", [False, True])
def test_no_text_is_wider_than_it_is_taken_to_be(lab: Lab, font: str, text: str, bold: bool) -> None:
    (wide,) = measured(lab, [text], "sans-serif", bold)
    assert wide <= pixels([text], bold) + 0.5
    if text.isascii():
        assert wide >= 0.7 * pixels([text], bold), "room is wasted"


@pytest.mark.parametrize("width", ["100%", "300px"])  # of two beside each other on a page of 800 pixels
@pytest.mark.parametrize("kind", CHARTS)
def test_no_words_are_cut_and_none_lie_on_others(lab: Lab, kind: str, width: str) -> None:
    module, name, show = CHARTS[kind]
    listener = "" if name in ("BeforeAfter", "FallCurve", "Histogram") else "print"
    lab.run_cell(CHART.format(module=module, name=name, show=show, listener=listener, width=width))
    root = lab.page.locator(".bqplot").last
    words = root.locator(".tick text, text.label, text.axislabel")
    expect(root.locator(".tick text").first).to_be_visible(timeout=SOON)
    root.scroll_into_view_if_needed()
    frames(lab.page)
    lab.page.wait_for_function(_STILL, arg=words.last.element_handle())
    found: list[Any] = words.evaluate_all(_BOXES)
    (left, top, right, bottom, between) = root.evaluate(_FRAME)
    for text, x, y, x2, y2, _ in found:
        assert x >= left - 1, f"{text} begins before the chart"
        assert x2 <= right + 1, f"{text} ends beyond the chart"
        assert y >= top - 1, f"{text} begins above the chart"
        assert y2 <= bottom + 1, f"{text} ends below the chart"
    level = [each for each in found if not each[5]]
    for i, (text, x, y, x2, y2, _) in enumerate(level):
        for other, ox, oy, ox2, oy2, _ in level[i + 1 :]:
            apart = ox >= x2 - 1 or ox2 <= x + 1 or oy >= y2 - 3 or oy2 <= y + 3
            assert apart, f"{text} and {other} lie on each other"
    assert between >= (30 if width == "300px" else 400), "the margins leave no room for what is drawn"
    lab.execute("close_tree(card, set())")


def measured(lab: Lab, texts: list[str], family: str, bold: bool = False) -> list[float]:
    """How wide texts are where bqplot writes them, in pixels."""
    result: list[float] = lab.page.evaluate(_MEASURE, [texts, family, bold])
    return result


_MEASURE = """([texts, family, bold]) => {
    const svg = document.body.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'svg'));
    const widths = texts.map(words => {
        const text = svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'text'));
        text.style.font = `${bold ? 'bold' : 'normal'} 12px sans-serif`;
        text.style.fontFamily = family;
        text.textContent = words;
        return text.getComputedTextLength();
    });
    svg.remove();
    return widths;
}"""
_BOXES = """all => all.filter(each => each.textContent.trim() && each.getBoundingClientRect().width).map(each => {
    const {x, y, right, bottom} = each.getBoundingClientRect();
    return [each.textContent, x, y, right, bottom, /rotate\\((?!0)/.test(each.getAttribute('transform') ?? '')];
})"""
_FRAME = """chart => {
    const {x, y, right, bottom} = chart.getBoundingClientRect();
    return [x, y, right, bottom, chart.querySelector('.plotarea_background').getBoundingClientRect().width];
}"""
_STILL = """shape => {
    const {x, y, width} = shape.getBoundingClientRect();
    const now = [x, y, width].join();
    const same = shape.dataset.seen === now;
    shape.dataset.seen = now;
    return same;
}"""
