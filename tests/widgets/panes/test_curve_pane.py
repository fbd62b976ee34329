"""The steps of the threshold, the counts at each, and what of a curve is drawn; the traits of both twins."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbexplain.core.table.roc import counts_by_threshold
from nbexplain.widgets.panes.confusion_pane import ConfusionPane
from nbexplain.widgets.panes.curve_pane import CurvePane, at_steps, steps_of, thinned
from nbexplain.widgets.panes.filter_bar import FilterBar
from nbexplain.widgets.panes.threshold import Threshold
from tests.widgets.comm import Line, command, from_browser

SOURCES = Path(__file__).parents[3] / "js/src"


PANES = {"confusion_pane": ConfusionPane, "curve_pane": CurvePane, "filter_bar": FilterBar}


@pytest.mark.parametrize("file", PANES)
def test_both_twins_have_the_same_traits(file: str) -> None:
    kind: Any = PANES[file]
    source = (SOURCES / f"{file}.ts").read_text(encoding="utf-8")
    found = re.search(rf"interface {kind.__name__}State \{{(.*?)\n\}}", source, re.DOTALL)
    assert found
    theirs = set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))
    assert theirs == {name for name in kind.class_own_traits(sync=True) if not name.startswith("_")}


def test_the_threshold_is_heard_and_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Threshold()
    line = Line(shared, monkeypatch)
    from_browser(shared, value=0.25)
    from_browser(shared, value=None)
    assert (shared.value, line.state) == (None, [])
    shared.close()


@pytest.mark.parametrize(
    ("low", "high", "right"),
    [
        (0, 1, (0, 1001, 1, 1000)),
        (-3.02, 6.9, (-302, 993, 1, 100)),
        (0.0, 4200.0, (0, 841, 5, 1)),
        (2.0, 2.0, None),
    ],
)
def test_steps_are_round_and_reach_over_all_scores(low: float, high: float, right: Any) -> None:
    first, count, times, parts = found = steps_of(low, high)
    assert right is None or found == right
    assert 1 in (times, parts)
    assert first * times / parts <= low
    assert (first + count - 1) * times / parts >= high
    assert count <= 2100


def test_counts_at_each_step_are_those_of_the_rows() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(size=300).round(1)
    positive = draw.random(300) < 0.4
    false, true, thresholds = counts_by_threshold(scores, positive)
    first, count, times, parts = steps = steps_of(scores.min(), scores.max())
    found = at_steps(thresholds, true, false, steps)
    for place in range(count):
        taken = scores >= (first + place) * times / parts
        assert found[:, place].tolist() == [(taken & positive).sum(), (taken & ~positive).sum()]


def test_a_long_curve_is_drawn_with_few_points() -> None:
    x = np.linspace(0, 1, 100_000)
    found = thinned(np.stack([x, x**0.5]))
    assert found.shape[1] <= 600
    assert found[:, [0, -1]].tolist() == [[0, 1], [0, 1]]
    np.testing.assert_array_equal(found[1], found[0] ** 0.5)
    assert np.abs(np.diff(found)).sum(0).max() < 0.01  # no jump that the curve does not have
    few = np.array([[0.0, 0.5, 1.0], [0.0, 1.0, 1.0]])
    assert thinned(few) is few


def test_messages_that_are_none_are_not_taken() -> None:
    heard: list[Any] = []
    bar, matrix = FilterBar(lambda *put: heard.append(put)), ConfusionPane(heard.append, counts=[1, 2, 3, 4])
    for content in ({"put": 3}, {"choose": 1}, [], {"put": "age", "value": [1, None]}):
        command(bar, content)  # type: ignore[arg-type]
    for content in ({"choose": 4}, {"choose": -1}, {"choose": "1"}, {"choose": 3}):
        command(matrix, content)
    assert heard == [("age", [1, None]), 3]
    bar.close()
    matrix.close()
