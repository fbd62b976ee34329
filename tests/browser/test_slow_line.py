"""A line of 1 Mbit/s and 150 ms there and back: the picture follows the hand and ends where the hand ended."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nbexplain.examples import scenes
from tests.browser.conftest import SET_UP, Place
from tests.browser.jupyter import Lab, notebook, write_notebook
from tests.browser.pane import Explorer, difference, drag, frames, until
from tests.browser.slow_line import Line, slow_line
from tests.browser.test_drag import target_at

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOW = """\
import json, time
e = nx.explore(demo.model, demo.pictures[0], **about)
array, sent = e._parts[0]._feed.array, []
array.observe(lambda change: sent.append((time.time(), change["new"])), "frame")
e"""
# When each frame was drawn; the clock is the kernel's too, on the same machine.
WATCH = """canvas => {
    const look = () => window.drawn.push([Date.now() / 1000, Number(canvas.dataset.frame)]);
    window.drawn = [];
    look();
    new MutationObserver(look).observe(canvas, {attributes: true, attributeFilter: ['data-frame']});
}"""


@pytest.fixture(scope="module")
def line(place: Place) -> Iterator[Line]:
    with slow_line(place.address) as line:
        yield line


@pytest.fixture(scope="module")
def distant(place: Place, line: Line) -> Iterator[Lab]:
    """An explorer at the other end of the line, which is fast until it is on the page."""
    path = place.folder / "distant.ipynb"
    write_notebook(path, [SET_UP, SHOW])
    with notebook(place.browser, line.address, path, height=1600) as lab:
        Explorer(lab, 1).map.canvas.evaluate(WATCH)
        yield lab


@pytest.mark.parametrize(
    ("method", "label"), [("grad_cam", "Grad-CAM"), ("gradient", "Gradient")], ids=["small", "large"]
)
def test_a_slow_line_is_never_filled_and_ends_right(distant: Lab, line: Line, method: str, label: str) -> None:
    explorer = Explorer(distant, 1)
    distant.execute(f"e.session.select(method={method!r}, target=7); e.session.wait(60)")
    explorer.map.shows(f"{label} · gravel ring")
    frames(distant.page)
    distant.execute("sent.clear()")
    distant.page.evaluate("window.drawn.splice(0, window.drawn.length - 1)")
    line.slow = True
    try:
        slider = explorer.range("Target, best score first")
        target = target_at(explorer, drag(slider, 1.0, 0.0, 1.0, 0.4, steps=15, pause=0.05))
        explorer.map.shows(f"{label} · {scenes().classes[int(target)]}")
        until(distant, "(e.session.wait(60), e.session.selection.target)", f"(True, {target})")
        until_drawn(distant, explorer)
    finally:
        line.slow = False
    sent, drawn = json.loads(distant.execute("print(json.dumps(sent))")), distant.page.evaluate("window.drawn")
    assert len(sent) > 3
    assert behind(sent, drawn) <= 2
    shown = explorer.map.pixels()
    assert distant.execute("print(array.dtype)") == "float32"
    distant.execute("e.session.select(target=0); e.session.wait(60)")
    explorer.map.shows(f"{label} · {scenes().classes[0]}")
    distant.execute(f"e.session.select(target={target}); e.session.wait(60)")
    explorer.map.shows(f"{label} · {scenes().classes[int(target)]}")
    until_drawn(distant, explorer)
    assert difference(explorer.map.pixels(), shown) == 0  # as over a fast line
    assert distant.errors == []


def until_drawn(lab: Lab, explorer: Explorer) -> None:
    """Wait until what the kernel sent last is on the canvas."""
    last = lab.execute("print(e.session.wait(60) and array.frame)")
    lab.page.wait_for_function(
        "([canvas, last]) => canvas.dataset.frame === last", arg=[explorer.map.canvas.element_handle(), last]
    )
    frames(lab.page)


def behind(sent: list[list[float]], drawn: list[list[float]]) -> int:
    """The most frames that were sent, but not drawn, at any moment."""
    return max(int(frame - max(shown for at, shown in drawn if at <= when)) for when, frame in sent)
