"""TextExplorer with a real kernel: words that are dropped, texts that are edited, in any script."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, frames, kernel_values, said_number, until
from tests.browser.test_accessibility import looks_right

pytestmark = pytest.mark.browser

TEXT = "The plot is silly, but the acting is wonderful."
OTHER = "We saw it on a rainy Tuesday. The plot was not clever."
SET_UP = f"""\
import json
import ipywidgets.widgets.widget as models
from nbexplain.examples import reviews

words = reviews()
given = lambda text: nx.Text(text, words.tokenizer)

# the scores of the words that are left, from the user's own model
def left(text, *dropped):
    ids = words.tokenizer(text)["input_ids"]
    spoken = [place for place, (start, end) in enumerate(words.tokenizer(text)["offset_mapping"])
              if text[start:end].isalpha()]
    gone = [spoken[word] for word in dropped]
    kept = torch.tensor([[each for place, each in enumerate(ids) if place not in gone]])
    return words.model(kept, torch.ones_like(kept))[0].tolist()

def made(**more):
    about = dict(classes=words.classes, target="positive", method="lime", params={{"samples": 100}})
    return nx.TextExplorer(words.model, [given({TEXT!r}), given({OTHER!r})], **(about | more))
"""


@pytest.fixture(autouse=True, scope="module")
def _plain(shared_lab: Lab) -> None:
    assert shared_lab.execute(SET_UP) == ""


def text_explorer(lab: Lab, **values: object) -> Explorer:
    lab.run_cell(f"e = made({', '.join(f'{name}={value!r}' for name, value in values.items())})\ne")
    explorer = Explorer(lab, drawn=".nbx-token-line[data-frame]")
    until(lab, "e.session.wait(60)", True)
    return explorer


def tokens(explorer: Explorer) -> Locator:
    return explorer.root.get_by_role("group", name="Text", exact=True).get_by_role("button")


def names(explorer: Explorer) -> list[str]:
    return tokens(explorer).all_text_contents()


def test_words_have_the_weights_that_explain_finds(lab):
    explorer = text_explorer(lab)
    expect(tokens(explorer)).to_have_text(re.findall(r"\w+", TEXT))
    found = "nx.explain(words.model, given(e.session.inputs[0].text), 'lime', target=1, samples=100)"
    weights = kernel_values(lab, f"{found}.values")
    order = np.argsort(-np.abs(weights)).tolist()
    for place in order[:3]:
        tokens(explorer).nth(place).hover()
        words = names(explorer)[place]
        line = explorer.root.get_by_text(re.compile(rf"^“{words}” · .* · rank {order.index(place) + 1} of 9$"))
        expect(line).to_be_visible(timeout=SOON)
        said = re.search(r"· ([+−]?[\d.]+)", line.inner_text())
        assert said
        assert said_number(said[1]) == pytest.approx(weights[place], rel=0.01)
    explorer.select("unit").select_option("sentence")
    expect(tokens(explorer)).to_have_text([TEXT], timeout=SOON)
    explorer.select("unit").select_option("token")
    expect(tokens(explorer)).to_have_text(re.findall(r"\w+|[^\w\s]", TEXT), timeout=SOON)


@pytest.mark.parametrize("method", ["permutation_shap", "leave_one_out"])
def test_other_methods_find_the_same_words(lab, method):
    explorer = text_explorer(lab, method=method, params={})
    words = {"permutation_shap": "Permutation SHAP", "leave_one_out": "Leave one out"}[method]
    expect(explorer.status).to_contain_text(f"{words} for positive (logit", timeout=SOON)
    tokens(explorer).nth(8).hover()
    line = explorer.root.get_by_text(re.compile(r"^“wonderful” · \+[\d.]+ .*rank [1-3] of 9$"))
    expect(line).to_be_visible(timeout=SOON)


def test_a_dropped_word_tells_both_scores_as_the_model_says_them(lab):
    explorer = text_explorer(lab)
    before, after, fewer = (
        json.loads(lab.execute(f"print(json.dumps(left({TEXT!r}, {d})))")) for d in ("", "8", "8, 3")
    )

    def said(after: list[float]) -> str:
        return f"positive {before[1]:.2f} → {after[1]:.2f}".replace("-", "−")

    tokens(explorer).nth(8).click()
    note = explorer.root.get_by_text(f"without “wonderful”: {said(after)}")
    expect(note).to_be_visible(timeout=SOON)
    tokens(explorer).nth(3).click()
    expect(explorer.root.get_by_text(f"without “silly”, “wonderful”: {said(fewer)}")).to_be_visible(timeout=SOON)
    for place in (3, 8):
        tokens(explorer).nth(place).click()
    expect(explorer.root.get_by_text("without “")).to_have_count(0, timeout=SOON)


def edit(explorer: Explorer, text: str) -> None:
    explorer.button("Edit").click()
    box = explorer.root.get_by_role("textbox", name="Text")
    box.fill(text)
    box.press("Control+Enter")


def test_an_edited_text_is_explained_in_any_script(lab):
    explorer = text_explorer(lab)
    edit(explorer, "The acting is not wonderful.")
    expect(tokens(explorer)).to_have_text(["The", "acting", "is", "not", "wonderful"], timeout=SOON)
    score = json.loads(lab.execute("print(json.dumps(left('The acting is not wonderful.')))"))[1]
    said = f"LIME for positive (logit {score:.2f})".replace("-", "−")
    expect(explorer.status).to_contain_text(said, timeout=SOON)
    expect(explorer.strip.get_by_role("option").first).to_contain_text("The acting is not")
    for text, units in (
        ("هذا الفيلم رائع", ["هذا", "الفيلم", "رائع"]),
        ("这部电影 very good", ["这部电影", "very", "good"]),
        ("<b>not</b> good", ["b", "not", "b", "good"]),
    ):
        edit(explorer, text)
        until(lab, "e.session.wait(60) and e.session.inputs[0].text", text)
        expect(explorer.root.locator(".nbx-token-stale")).to_have_count(0, timeout=SOON)
        assert explorer.root.locator(".nbx-token-line").inner_text().strip() == text
        assert names(explorer) == units
        tokens(explorer).nth(len(units) - 1).hover()
        expect(explorer.root.get_by_text(re.compile(rf"^“{units[-1]}” · [+−]?[\d.]+ "))).to_be_visible(timeout=SOON)
    assert explorer.root.locator("b").count() == 0


def test_an_edit_without_a_word_is_explained_sign_by_sign_and_an_empty_one_cannot_be_applied(lab):
    explorer = text_explorer(lab)
    edit(explorer, "?!")
    expect(tokens(explorer)).to_have_text(["?", "!"], timeout=SOON)
    expect(explorer.alert).to_be_hidden(timeout=SOON)
    explorer.button("Edit").click()
    explorer.root.get_by_role("textbox", name="Text").fill("   ")
    expect(explorer.button("Apply")).to_be_disabled()


def test_more_samples_and_another_text(lab):
    explorer = text_explorer(lab)
    expect(explorer.status).to_contain_text("samples 100 · words 9", timeout=SOON)
    explorer.button("More samples").click()
    expect(explorer.status).to_contain_text(re.compile(r"samples 600 .* 5\d\d forward passes"), timeout=SOON)
    explorer.strip.get_by_role("option").nth(1).click()
    expect(tokens(explorer)).to_have_text(re.findall(r"\w+", OTHER), timeout=SOON)
    explorer.chose_input(1)


def test_it_looks_right_and_leaves_nothing_behind(lab):
    before = lab.execute("print(sorted(models._instances))")
    explorer = text_explorer(lab)
    tokens(explorer).nth(8).click()
    expect(explorer.root.get_by_text("without “wonderful”")).to_be_visible(timeout=SOON)
    explorer.root.locator(".nbx-token-pane summary").click()
    frames(lab.page)
    looks_right(explorer)
    lab.execute("e.close()")
    expect(explorer.root.locator(".nbx-token-line")).to_have_count(0)
    assert lab.execute("print(sorted(models._instances))") == before
