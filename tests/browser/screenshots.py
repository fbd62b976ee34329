"""Takes the pictures of the README from the real thing: `python -m tests.browser.screenshots`."""

from __future__ import annotations

from tests.browser.jupyter import ROOT, jupyter

CELLS = [
    "from nbexplain import explore\nfrom nbexplain.examples import scenes\n\ndemo = scenes()",
    "view = explore(demo.model, demo.pictures[0], classes=demo.classes, preprocess=demo.preprocess)\nview",
]


def main() -> None:
    """Write docs/explore.png: the explorer on a scene with two objects."""
    (ROOT / "docs").mkdir(exist_ok=True)
    with jupyter(CELLS, width=1400, height=1500) as lab:
        page = lab.page
        page.wait_for_function("document.querySelector('.nbx-map-grid canvas')?.dataset.frame > 0")
        page.wait_for_function("document.querySelectorAll('.bqplot .bars rect, .bqplot rect.bar').length > 10")
        output = page.locator(".jp-OutputArea-output .widget-vbox").first
        output.screenshot(path=ROOT / "docs" / "explore.png")


if __name__ == "__main__":
    main()
