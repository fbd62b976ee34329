"""A segmentation in the browser: a class is chosen by name, and where it is explained by a list or a click."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.pane import SOON, Explorer, kernel_values, until
from tests.browser.test_panes import point

pytestmark = pytest.mark.browser

MAKE = """\
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(6, 4, 1)).eval()
x = torch.rand(1, 3, 16, 16)
windows = {"window": 4, "stride": 4}
"""
SHOW = """\
e = nx.Explorer(net, x, classes=["ground", "cat", "dog", "eel"], method="occlusion", params=windows,
                show=["map", "classes"])
e
"""
EXPLAIN = "__import__('nbexplain').explain(net, x, 'occlusion', target=nx.Region({}), **windows).values"


def test_a_class_is_explained_where_a_click_says(lab):
    lab.execute(MAKE)
    lab.run_cell(SHOW)
    explorer = Explorer(lab)
    over = explorer.select("Target, over which places")
    expect(over).to_have_value("predicted", timeout=SOON)
    explorer.map.as_cells()
    explorer.choose_target(1)
    over.select_option("map")
    until(lab, "e.session.selection.target", "Region(1, over='map')")
    expect(explorer.status).to_contain_text("Occlusion for cat over the whole map (score", timeout=SOON)
    whole = kernel_values(lab, EXPLAIN.format("1, 'map'"))
    explorer.map.draws(whole, "RdBu_r")
    lab.page.mouse.click(*point(explorer.map, 11.5 / 16, 5.5 / 16))
    until(lab, "e.session.selection.target", "Region(1, over=(5, 11))")
    expect(explorer.status).to_contain_text("Occlusion for cat at 5, 11 (score", timeout=SOON)
    expect(over).to_have_value("5,11", timeout=SOON)
    place = kernel_values(lab, EXPLAIN.format("1, (5, 11)"))
    assert np.flatnonzero(place.any(1)).tolist() == [
        4,
        5,
        6,
        7,
    ]  # only the window that covers the place's 3 × 3 pixels,
    assert np.flatnonzero(place.any(0)).tolist() == [8, 9, 10, 11, 12, 13, 14, 15]  # and the one beside it
    explorer.map.draws(place, "RdBu_r")
    scores = kernel_values(lab, "net(x)[0, :, 5, 11].detach()")
    told = [float(row.rsplit("  ", 1)[1].replace("−", "-")) for row in explorer.labels.all_text_contents()]
    assert sorted(told) == sorted(np.round(scores, 2).tolist())
    explorer.map.canvas.focus()
    lab.page.keyboard.press("Shift+ArrowDown")
    until(lab, "e.session.selection.target", "Region(1, over=(6, 11))")
    expect(over).to_have_value("6,11", timeout=SOON)
