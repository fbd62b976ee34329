"""Light and dark, narrow and wide: nothing overflows, and everything that is written can be read."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import Lab
from tests.browser.pane import SOON, Explorer, frames

pytestmark = pytest.mark.browser

THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
SHOWS_EVERYTHING = """\
@nx.method(label="Doubtful", paper="Nobody et al. 2026")
def doubtful(subject, target, layer, *, strength: Annotated[float, nx.Range("how strong", 0.0, 1.0)] = 0.5,
             kind: Annotated[str, nx.Choice("which kind of doubt", ("mild", "grave"))] = "mild",
             absolute: Annotated[bool, nx.Flag("without the sign")] = False):
    found = nx.METHODS["grad_cam"].function(subject, target, layer, relu=absolute)
    return dataclasses.replace(found, warnings=("this map mixes up cause and effect " * 3, "and so on"))

names = ["a class whose name is longer than any list could show it " * 3, *demo.classes[1:]]
e = nx.explore(demo.model, demo.pictures[:2], classes=names, preprocess=demo.preprocess, method="doubtful", target=0)
e"""

# Each returns what is wrong, in words. `skip`: what is meant for ears alone, or not on the page at all.
VISIBLE = """
const visible = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !e.closest('.nbx-spoken');
const named = e => `<${e.tagName.toLowerCase()} class="${e.getAttribute('class') ?? ''}"> ` +
    `${(e.getAttribute('aria-label') ?? e.textContent ?? '').slice(0, 60)}`;
"""
OVERFLOWS = f"""root => {{
    {VISIBLE}
    const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
    const scrolled = e => e !== root && (scrolls(e) || scrolled(e.parentElement));
    const limit = root.getBoundingClientRect().right + 1, found = [];
    for (const e of [root, ...root.querySelectorAll('*')]) {{
        if (!visible(e) || (e !== root && scrolled(e.parentElement))) continue;
        const box = e.getBoundingClientRect(), style = getComputedStyle(e);
        if (box.width && box.right > limit) found.push(`${{named(e)}}: ends ${{box.right - limit}} px too far right`);
        if (!(e instanceof HTMLElement) || ['INPUT', 'SELECT', 'PRE', 'CANVAS'].includes(e.tagName)) continue;
        const cut = e.scrollWidth - e.clientWidth;
        if (style.display !== 'inline' && cut > 1 && !scrolls(e) && style.textOverflow !== 'ellipsis')
            found.push(`${{named(e)}}: ${{cut}} px wider inside than outside`);
    }}
    return found;
}}"""
CONTRASTS = f"""root => {{
    {VISIBLE}
    const context = new OffscreenCanvas(1, 1).getContext('2d', {{willReadFrequently: true}});
    const rgba = colour => {{
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    }};
    const over = ([r, g, b, a], below) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a));
    const ground = e => {{
        if (!e) return [255, 255, 255];
        const colour = rgba(getComputedStyle(e).backgroundColor);
        return colour[3] === 1 ? colour.slice(0, 3) : over(colour, ground(e.parentElement));
    }};
    const opacity = e => (e ? Number(getComputedStyle(e).opacity) * opacity(e.parentElement) : 1);
    const light = rgb => {{
        const [r, g, b] = rgb.map(v => v / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }};
    const result = [];
    for (const e of root.querySelectorAll('*')) {{
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        const shows = own || (['INPUT', 'SELECT'].includes(e.tagName) && !['range', 'checkbox'].includes(e.type));
        if (!shows || !visible(e) || e.closest(':disabled, option') || !e.getBoundingClientRect().width) continue;
        const style = getComputedStyle(e), below = ground(e);
        const [r, g, b, a] = rgba(e instanceof SVGElement ? style.fill : style.color);
        const pair = [light(over([r, g, b, a * opacity(e)], below)), light(below)].sort((p, q) => q - p);
        result.push([named(e), (pair[0] + 0.05) / (pair[1] + 0.05)]);
    }}
    return result;
}}"""


@pytest.fixture(scope="module")
def everything(shared_lab: Lab) -> Explorer:
    """An explorer with all controls, a warning, an error and a notice, and every part open."""
    shared_lab.run_cell("import dataclasses\nfrom typing import Annotated\n" + SHOWS_EVERYTHING)
    explorer = Explorer(shared_lab)
    expect(explorer.root.get_by_text("mixes up cause and effect")).to_be_visible(timeout=SOON)
    for summary in explorer.root.locator("summary", has_text="View").all():
        summary.click()
    return explorer


def look(explorer: Explorer, theme: str, width: int) -> None:
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 1600})
    page.evaluate(THEME, f"JupyterLab {theme}")
    page.wait_for_function(
        "light => document.body.dataset.jpThemeLight === light", arg=json.dumps(theme == "Light"), timeout=SOON
    )
    page.mouse.move(2, 2)
    page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')", timeout=SOON)
    frames(page, 5)


def unreadable(explorer: Explorer) -> list[str]:
    """What overflows, and what is written with a contrast below 4.5 to 1."""
    found = explorer.root.evaluate(CONTRASTS)
    if len(found) <= 30:  # charts that come into view are not laid out yet
        return [f"only {len(found)} texts"]
    faint = [f"{name}: contrast {contrast:.1f}" for name, contrast in found if contrast < 4.5]
    return explorer.root.evaluate(OVERFLOWS) + faint


@pytest.mark.parametrize("width", [800, 1400])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_overflows_and_all_can_be_read(everything, theme, width):
    look(everything, theme, width)
    assert "\n".join(unreadable(everything)) == ""


@pytest.mark.parametrize("width", [800, 1400])
def test_an_error_can_be_read_as_well(everything, width):
    lab = everything.lab
    lab.execute("e.session.select(method='cam', layer='layer1')")
    expect(everything.alert).to_be_visible(timeout=SOON)
    everything.alert.locator("details").evaluate("details => details.open = true")
    for theme in ("Dark", "Light"):
        look(everything, theme, width)
        assert "\n".join(unreadable(everything)) == ""


def test_panes_of_a_row_have_equal_heights(everything):
    look(everything, "Light", 1400)
    boxes = everything.root.locator(".nbx-image-pane, .nbx-card").evaluate_all(
        "panes => panes.map(pane => pane.getBoundingClientRect()).map(box => [box.top, box.height])"
    )
    assert len(boxes) == 4
    rows: dict[int, set[int]] = {}
    for top, height in boxes:
        rows.setdefault(round(top), set()).add(round(height))
    assert all(len(heights) == 1 for heights in rows.values()), boxes


def test_every_control_has_a_name(everything):
    look(everything, "Light", 1400)
    nameless = everything.root.locator("input, select, button, canvas[role], [role=progressbar]").evaluate_all("""
        controls => controls.filter(c => {
            const label = c.labels?.length ? [...c.labels].map(l => l.textContent).join('') : '';
            return !(c.ariaLabel || c.title || label.trim() || (c.tagName === 'BUTTON' && c.textContent.trim()));
        }).map(c => c.outerHTML.slice(0, 200))""")
    assert nameless == []
