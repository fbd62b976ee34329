"""What the panes' Python halves accept, and what they tell the browser."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets

from nbexplain.widgets.cell_arithmetic import CellArithmetic
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.map_grid import MapGrid
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.wire import Array
from tests.widgets.comm import Line, from_browser, living


@pytest.mark.parametrize("frame", [[1, 2, 3], [5, 0, 5, 9], [0, 9, 5, 2]])
def test_a_frame_has_four_sides_in_order(frame):
    with pytest.raises(ValueError, match=r"frame: expected \[\] or \[left, top, right, bottom\].*got \["):
        ImagePane(frame=frame)


def test_a_frame_may_reach_beyond_the_picture_and_go_away():
    pane = ImagePane(frame=[-5.0, 30.0, 38.0, 1e4])
    pane.frame = []
    assert pane.frame == []


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [(PaneLink, "limits", "shared"), (MapGrid, "sort", "evidence"), (ImagePane, "opacity", 0.25)],
)
def test_what_the_browser_writes_is_not_sent_back(monkeypatch, make, name, value):
    widget = make()
    line = Line(widget, monkeypatch)
    from_browser(widget, **{name: value})
    assert getattr(widget, name) == value
    assert line.state == []


def test_channels_without_a_key_to_sort_by_are_null_in_the_browser():
    grid = MapGrid(order=[1, 0, 2], sort_keys=[0.5, float("nan"), -1.0])
    assert grid.get_state(["sort_keys", "order"]) == {"sort_keys": [0.5, None, -1.0], "order": [1, 0, 2]}


def test_only_known_orders_are_offered():
    assert MapGrid().sorts == ["number"]
    with pytest.raises(traitlets.TraitError):
        MapGrid(sorts=["number", "beauty"])


def test_a_pane_is_closed_with_its_link_and_arrays():
    before = living()
    numbers = Array()
    numbers.send(np.zeros((2, 3, 3, 3)), bias=0.0, has_bias=False, activation=0.0)
    for widget in (ImagePane(overlay=Array(), link=PaneLink()), CellArithmetic(numbers=numbers)):
        close_tree(widget, set())
    assert living() == before
