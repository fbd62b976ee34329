"""A text with coloured words: right colours at the right words in any script, and nothing said while a slider moves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, drag, frames, until
from tests.browser.test_accessibility import AXE
from tests.browser.test_looks import CONTRASTS, OVERFLOWS, THEME

pytestmark = pytest.mark.browser

SHOW = """\
import re
import numpy as np
from nbexplain.widgets.token_pane import TokenPane
from nbexplain.widgets.wire import Array

nan = float("nan")

def words(text):
    return [[m.start(), m.end()] for m in re.finditer(r"\\w+|[^\\w\\s]", text)]

def weigh(*rows, **meta):
    p.overlay.send(np.array(rows, np.float32), quantity="change of the score", **{{"signed": True, **meta}})

text = {text!r}
p = TokenPane(overlay=Array(), title="LIME · positive")
p.show(text, words(text))
p"""
REVIEW = "The 😀 plot is\n  not bad, never 𝒳 dull"
WEIGHTS = [0.0, 0.5, -1.0, 0.25, -4.0, 2.0, 0.0, float("nan"), 4.0, -2.0]
ERRORS = [0.1, 0.1, 0.1, 0.1, 0.05, 0.1, 0.1, 0.1, float("nan"), 0.1]
RGB = "e => getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number)"


def shown(lab: Lab, text: str = REVIEW) -> Locator:
    """A pane with this text, in the last cell."""
    lab.run_cell(SHOW.format(text=text))
    pane = lab.page.locator(".jp-CodeCell").last.locator(".nbx-token-pane")
    expect(tokens(pane).first).to_be_visible(timeout=SOON)
    return pane


def tokens(pane: Locator) -> Locator:
    return pane.get_by_role("group", name="Text", exact=True).get_by_role("button")


def drawn(pane: Locator, frame: int) -> None:
    """Wait until a frame's colours are on the page."""
    expect(pane.locator(f".nbx-token-line[data-frame='{frame}']")).to_be_visible(timeout=SOON)


def dressed(lab: Lab, theme: str, width: int = 1400) -> None:
    """Another theme, and another width."""
    lab.page.set_viewport_size({"width": width, "height": 1600})
    lab.page.evaluate(THEME, f"JupyterLab {theme}")
    lab.page.wait_for_function("light => document.body.dataset.jpThemeLight === String(light)", arg=theme == "Light")
    lab.page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")
    frames(lab.page)


@pytest.fixture(autouse=True)
def plain(lab: Lab) -> Iterator[None]:
    """Each test finds the page light and wide."""
    yield
    dressed(lab, "Light")


def weighed(lab: Lab) -> Locator:
    pane = shown(lab)
    lab.execute(f"weigh({WEIGHTS}, {ERRORS})")
    drawn(pane, 1)
    return pane


def test_every_word_has_the_colour_of_its_weight(lab):
    from matplotlib import colormaps

    pane = weighed(lab)
    assert pane.locator(".nbx-token-line").inner_text() == REVIEW
    assert tokens(pane).all_text_contents() == re.findall(r"\w+|[^\w\s]", REVIEW)
    for theme, name in (("Light", "RdBu_r"), ("Dark", "berlin")):
        dressed(lab, theme)
        for token, weight in zip(tokens(pane).all(), WEIGHTS, strict=True):
            found = token.evaluate(RGB)
            if np.isnan(weight):
                assert found == [0, 0, 0, 0]
            else:
                wanted = np.array(colormaps[name](0.5 + weight / 8)[:3]) * 255
                assert np.abs(np.array(found) - wanted).max() <= 6, (theme, weight)


def test_a_word_is_read_out_and_left_out(lab):
    pane = weighed(lab)
    word = tokens(pane).nth(4)
    word.hover()
    expect(pane.get_by_text("“not” · −4 ± 0.05 (SE) · rank 1 of 10")).to_be_visible()
    sent = lab.frames
    word.click()
    until(lab, "p.dropped", [4])
    assert lab.frames - sent <= 3  # one message, and the question itself
    expect(word).to_have_attribute("aria-pressed", "true")
    expect(word).to_have_css("text-decoration-line", "line-through")
    lab.execute("p.note = 'without “not”: positive 3.21 → −1.14'")
    note = pane.get_by_text("without “not”: positive 3.21 → −1.14")
    expect(note).to_be_visible(timeout=SOON)
    expect(note).to_have_attribute("aria-live", "polite")
    lab.page.keyboard.press("ArrowRight")
    expect(pane.get_by_text("“bad” · +2 ± 0.1 (SE) · rank 3 of 10")).to_be_visible()
    lab.page.keyboard.press("Enter")
    until(lab, "p.dropped", [4, 5])
    lab.execute("p.dropped = [0]")
    expect(tokens(pane).first).to_have_attribute("aria-pressed", "true", timeout=SOON)
    expect(word).to_have_attribute("aria-pressed", "false")
    pane.get_by_role("button", name="Restore all").click()
    until(lab, "p.dropped", [])


def test_no_message_while_the_slider_moves(lab):
    pane = weighed(lab)
    slider = pane.get_by_role("slider", name="Shown", exact=True)
    sent = lab.frames
    place = drag(slider, 0.1, 0.9, 0.25, release=False)
    frames(lab.page)
    assert place == "3"
    coloured = [token.text_content() for token in tokens(pane).all() if token.evaluate(RGB)[3:] != [0]]
    assert coloured == ["not", "bad", "𝒳"]  # of the two that come third, the first
    assert lab.frames == sent
    lab.page.mouse.up()
    until(lab, "p.top", 3)
    pane.get_by_role("spinbutton", name="Shown, number of features").fill("10")
    pane.get_by_role("checkbox", name="Numbers").check()
    until(lab, "(p.top, p.numbers)", "(0, True)")
    numbers = tokens(pane).evaluate_all("all => all.map(e => getComputedStyle(e, '::after').content)")
    assert [re.sub(r"[^−+.\d]", "", number) for number in numbers][3:7] == ["+0.25", "−4.00", "+2.00", "0.00"]


def test_an_edit_reaches_the_kernel_and_its_words_come_back(lab):
    pane = weighed(lab)
    lab.execute("""\
def edited(text):
    if text == 'no':
        p.notice = 'too short'
    else:
        p.show(text, words(text))
p.on_edit = edited""")
    pane.get_by_role("button", name="Edit").click()
    box = pane.get_by_role("textbox", name="Text")
    expect(box).to_have_value(REVIEW)
    expect(box).to_be_focused()
    box.fill("no")
    box.press("Escape")
    assert lab.execute("print(p.text)") == REVIEW
    pane.get_by_role("button", name="Edit").click()
    box.fill("no")
    pane.get_by_role("button", name="Apply").click()
    expect(pane.get_by_text("too short")).to_be_visible(timeout=SOON)
    expect(tokens(pane)).to_have_count(10)
    pane.get_by_role("button", name="Edit").click()
    expect(box).to_have_value("no")
    box.fill("The 😀 plot is\n  not very bad")
    box.press("Control+Enter")
    expect(tokens(pane)).to_have_text(["The", "😀", "plot", "is", "not", "very", "bad"], timeout=SOON)
    until(lab, "p.text", "The 😀 plot is\n  not very bad")
    expect(pane.locator(".nbx-token-stale")).to_be_visible()
    lab.execute("weigh([0, 0, 0, 0, 1, -2, 1])")
    drawn(pane, 2)
    assert tokens(pane).nth(5).evaluate(RGB) == [5, 48, 97]
    expect(pane.locator(".nbx-token-stale")).to_have_count(0)
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    tokens(pane).nth(5).focus()
    for key in [*"jabddx", "ArrowDown", "Escape"]:
        lab.page.keyboard.press(key)
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert lab.execute("print(p.dropped)") == "[]"


@pytest.mark.parametrize(
    ("text", "right_to_left"),
    [("هذا الفيلم رائع جدا", True), ("הסרט הזה נהדר מאוד", True), ("This film is great", False)],
)
def test_a_text_runs_in_its_own_direction(lab, text, right_to_left):
    pane = shown(lab, text)
    lab.execute("p.show(text, [[0, 0], *words(text)], ['[CLS]', *text.split()])")
    expect(tokens(pane)).to_have_count(5, timeout=SOON)
    for numbers in (False, True):
        lab.execute(f"p.numbers = {numbers}; weigh([0, 1, 2, 3, 4])")
        drawn(pane, 1 + numbers)
        boxes = [token.bounding_box() for token in tokens(pane).all()]
        middles = [box["x"] + box["width"] / 2 for box in boxes if box]
        assert len(middles) == 5
        assert middles == sorted(middles, reverse=right_to_left)
    tokens(pane).nth(1).focus()
    lab.page.keyboard.press("ArrowLeft" if right_to_left else "ArrowRight")
    expect(tokens(pane).nth(2)).to_be_focused()


def test_a_number_stays_with_its_word_where_scripts_mix(lab):
    """An English run within Arabic: the second word's number stands to its right, not left of the first."""
    pane = shown(lab, "هذا machine learning رائع")
    lab.execute("p.numbers = True; weigh([1, 2, 3, 4])")
    drawn(pane, 1)
    edges = [
        token.evaluate("e => [...e.getClientRects()].map(r => [Math.round(r.left), Math.round(r.right)])")
        for token in tokens(pane).all()
    ]
    assert all(len(pieces) == 1 for pieces in edges), edges  # none is torn apart
    order = sorted(range(4), key=lambda word: edges[word][0][0])
    assert order == [3, 1, 2, 0]


def test_two_thousand_words_are_coloured_anew_without_being_made_anew(lab):
    pane = shown(lab, " ".join(f"word{i}" for i in range(2000)))
    lab.execute("weigh(np.linspace(-1, 1, 2000))")
    drawn(pane, 1)
    tokens(pane).first.evaluate("e => { e.kept = true }")
    slider = pane.get_by_role("slider", name="Shown", exact=True)
    slider.evaluate("e => { e.value = '2'; e.dispatchEvent(new Event('input')) }")
    frames(lab.page)
    filled = pane.locator(".nbx-token[style*='--nbx-fill: rgb']")
    expect(filled).to_have_text(["word0", "word1999"])
    assert tokens(pane).first.evaluate("e => e.kept")
    box = pane.locator(".nbx-token-line").bounding_box()
    assert box
    assert box["height"] < 400  # it scrolls


def test_what_is_said_of_a_long_word_is_not_cut(lab):
    pane = shown(lab, "a" * 200)
    lab.execute("weigh([0.5], [0.25]); p.dropped = [0]")
    lab.page.set_viewport_size({"width": 800, "height": 1600})
    drawn(pane, 1)
    tokens(pane).first.focus()
    words, rest = pane.locator(".nbx-readout > bdi"), pane.locator(".nbx-readout > span")
    expect(rest).to_have_text(" · +0.5 ± 0.25 (SE) · rank 1 of 1 · left out", timeout=SOON)
    right = "node => node.getBoundingClientRect().right"
    assert rest.evaluate(right) <= pane.locator(".nbx-readout").evaluate(right) + 0.5
    assert rest.evaluate("node => node.scrollWidth - node.clientWidth") == 0
    assert words.evaluate("node => node.offsetWidth") > 100


@pytest.mark.parametrize("theme", ["Light", "Dark"])
@pytest.mark.parametrize("width", [1400, 800])
def test_it_can_be_read_and_used_by_everybody(lab, theme, width):
    pane = weighed(lab)
    lab.execute(
        "p.dropped = [2]; p.numbers = True; p.note = 'without “plot”'; p.notice = 'cut at 64 tokens'; p.limit = 9"
    )
    expect(pane.get_by_text("cut at 64 tokens")).to_be_visible(timeout=SOON)
    pane.locator("summary").click()
    page = lab.page
    dressed(lab, theme, width)
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    for editing in (False, True):
        if editing:
            pane.get_by_role("button", name="Edit").click()
        found = pane.evaluate("root => axe.run(root, {resultTypes: ['violations']})")
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
        assert pane.evaluate(OVERFLOWS) == []
        contrasts = pane.evaluate(CONTRASTS)
        assert len(contrasts) > 10
        assert [(name, contrast) for name, contrast in contrasts if contrast < 4.5] == []
