"""Takes the pictures of the README from the real thing: `python -m tests.browser.screenshots [name ...]`."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable

import PIL.Image
from playwright.sync_api import Locator

from tests.browser.jupyter import ROOT, Lab, jupyter
from tests.browser.pane import Explorer, frames, until

SET_UP = """\
import nbexplain as nx
from nbexplain.examples import digits, reviews, scenes, tumour

demo = scenes()
about = {"classes": demo.classes, "preprocess": demo.preprocess}"""
FOLDER = ROOT / "docs"
_STEPS = 8  # pictures of the film for each slider
_FRAME = 140  # milliseconds
_WIDTH = 800  # pixels of the film


def explore(lab: Lab) -> None:
    """docs/explore.png: the explorer on scenes with two objects."""
    lab.run_cell("view = nx.explore(demo.model, demo.pictures, **about)\nview")
    shoot(lab, "view", "explore.png")


def inside(lab: Lab) -> None:
    """docs/inside.png: a layer of the digits' network, cell by cell, and without some of its channels."""
    lab.run_cell("""\
ten = digits()
view = nx.Explorer(ten.model, ten.pictures[:40], classes=ten.classes, preprocess=ten.preprocess,
    show=["inputs", "map", "channel", "histogram", "activity", "cell", "ablation"],
    layer="conv2", channel=3)
view""")
    shoot(lab, "view", "inside.png")


def comparison(lab: Lab) -> None:
    """docs/comparison.png: four methods side by side."""
    lab.run_cell("""\
view = nx.MethodComparison(demo.model, demo.pictures[0], **about, target="grass heart",
    methods=["grad_cam", "input_x_gradient", "occlusion", "lime"])
view""")
    shoot(lab, "view", "comparison.png")


def table(lab: Lab) -> None:
    """docs/table.png: a row of a table, what its columns add to the score, and what if."""
    lab.run_cell("""\
cells = tumour()
row = nx.Tabular(cells.rows[3], cells.background, names=cells.names, labels=cells.background_labels)
view = nx.explore(cells.model, row, classes=cells.classes)
view""")
    shoot(lab, "view", "table.png")


def words(lab: Lab) -> None:
    """docs/words.png: which words of a review speak for its class."""
    lab.run_cell("""\
texts = reviews()
view = nx.explore(texts.model, nx.Text(texts.texts[2], texts.tokenizer), classes=texts.classes)
view""")
    shoot(lab, "view", "words.png")


def rows(lab: Lab) -> None:
    """docs/rows.png: how well a forest does on rows that it was not trained on, and what it looks at."""
    lab.run_cell("""\
cells = tumour()
row = nx.Tabular(cells.rows[3], cells.rows, names=cells.names, labels=cells.labels)
view = nx.GlobalExplorer(cells.forest, row, classes=cells.classes)
view""")
    shoot(lab, "view", "rows.png")


def sliders(lab: Lab) -> None:
    """docs/sliders.gif: the class slider, then the channel slider, as a hand moves them."""
    lab.run_cell("view = nx.Explorer(demo.model, demo.pictures[0], **about, show=['map', 'classes', 'channel'])\nview")
    output = settled(lab, "view")
    explorer = Explorer(lab)
    film = [picture(output)] * 3
    for label, step in (("Target, best score first", 1), ("Channel", 5)):
        slider = explorer.range(label)
        for place in [*range(step, step * _STEPS, step), *range(step * (_STEPS - 2), -1, -step)]:
            slider.fill(str(place))
            until(lab, "view.session.wait(20)", True)
            frames(lab.page)
            film.append(picture(output))
    small = [
        each.resize((_WIDTH, round(each.height * _WIDTH / each.width)), PIL.Image.Resampling.LANCZOS) for each in film
    ]
    reduced = [each.quantize(256) for each in small]
    path = FOLDER / "sliders.gif"
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=_FRAME, loop=0, optimize=True)


def settled(lab: Lab, name: str) -> Locator:
    """The output of the last cell, when all is computed and drawn."""
    until(lab, f"{name}.session.wait(60)", True)
    output = lab.page.locator(".jp-OutputArea-output .widget-vbox").last.locator(
        "xpath=ancestor::*[contains(@class,'jp-OutputArea-output')]"
    )
    lab.page.wait_for_function("[...document.querySelectorAll('.nbx-canvas')].every(c => c.dataset.frame !== '0')")
    frames(lab.page, 30)  # bars and axes of bqplot move to their places
    lab.page.wait_for_function(
        "window.seen === (window.seen = [...document.querySelectorAll('.bqplot rect, .bqplot path')]"
        ".map(e => e.getBoundingClientRect().width).join()) && window.seen !== undefined",
        polling=600,
    )
    return output.first


def shoot(lab: Lab, name: str, file: str) -> None:
    output = settled(lab, name)
    picture(output).save(FOLDER / file, optimize=True)


def picture(output: Locator) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(output.screenshot())).convert("RGB")


PICTURES: dict[str, Callable[[Lab], None]] = {
    f.__name__: f for f in (explore, inside, comparison, table, words, rows, sliders)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"{', '.join(PICTURES)}; all if none is given")
    names = parser.parse_args().name or [*PICTURES]
    FOLDER.mkdir(exist_ok=True)
    with jupyter([SET_UP], width=1400, height=3600) as lab:
        for name in names:
            lab.clear()
            PICTURES[name](lab)


if __name__ == "__main__":
    main()
