"""SHAP decision and heatmap plots: the numbers of shap's own, what is clicked, brushed and faded."""

from __future__ import annotations

import io
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest
import shap

from nbexplain.core.dataset.row_order import by_likeness
from nbexplain.widgets.charts import decision_chart, heatmap_chart
from nbexplain.widgets.charts.decision_chart import Decision, paths
from nbexplain.widgets.charts.heatmap_chart import Heatmap
from nbexplain.widgets.layout import close_tree
from tests.widgets.comm import command, from_browser, living

NAMES = [f"column {n}" for n in range(5)]
VALUES = np.random.default_rng(4).normal(size=(12, 5)) * [3, 1, 5, 0.1, 2]
BASE = 0.5


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


@pytest.fixture
def decision() -> Iterator[Decision]:
    chart = Decision(on_choose=CHOSEN.append, on_brush=BRUSHED.append)
    chart.show(NAMES, VALUES, BASE, top=3)
    CHOSEN.clear()
    BRUSHED.clear()
    yield chart
    close_tree(chart.figure, set())


@pytest.fixture
def heatmap() -> Iterator[Heatmap]:
    chart = Heatmap(on_choose=CHOSEN.append, on_brush=BRUSHED.append)
    chart.show(NAMES, VALUES, BASE, top=3)
    CHOSEN.clear()
    BRUSHED.clear()
    yield chart
    close_tree(chart.figure, set())


CHOSEN: list[int] = []
BRUSHED: list[np.ndarray | None] = []


def test_the_lines_are_those_of_shap() -> None:
    plt.switch_backend("agg")
    plt.figure()
    theirs = shap.decision_plot(BASE, VALUES, feature_names=NAMES, return_objects=True, show=False)
    drawn = np.array([line.get_xdata() for line in plt.gca().lines if len(line.get_xdata()) == 6])
    plt.close("all")
    order, ours = paths(VALUES, BASE, top=5)
    assert order == theirs.feature_idx[::-1].tolist()
    np.testing.assert_allclose(ours[ours[:, -1].argsort()], drawn[drawn[:, -1].argsort()])


def test_features_that_are_not_shown_are_the_first_step(decision: Decision) -> None:
    solid = decision._marks[0]
    np.testing.assert_allclose(solid.x[:, 0], BASE)
    np.testing.assert_allclose(solid.x[:, 1], BASE + VALUES[:, [1, 3]].sum(1))
    np.testing.assert_allclose(solid.x[:, 2], BASE + VALUES[:, [1, 3, 4]].sum(1))
    np.testing.assert_allclose(solid.x[:, -1], BASE + VALUES.sum(1))
    named = [each.strip("\u2068\u2069") for each in decision._names.tick_labels.values()]
    assert named == ["2 others", "column 4", "column 0", "column 2"]


def test_over_how_many_rows_the_base_value_is_the_mean(decision: Decision, heatmap: Heatmap) -> None:
    for chart in (decision, heatmap):
        chart.show(NAMES, VALUES, BASE, over=50)
        assert "over 50 rows" in chart._caption.value
        chart.show(NAMES, VALUES, BASE)
        assert "base value" in chart._caption.value
        assert "over" not in chart._caption.value


def test_of_some_rows_the_misclassified_are_counted_among_those_drawn(decision: Decision) -> None:
    values = np.tile(VALUES, (25, 1))
    decision.show(NAMES, values, BASE, np.ones(300, bool), top=3)
    assert "200 of 300 rows drawn" in decision._caption.value
    assert decision._caption.value.endswith("dashed: 200 misclassified of those drawn")


def test_misclassified_rows_are_dashed_and_a_click_tells_the_row(decision: Decision) -> None:
    wrong = np.arange(12) % 5 == 0
    decision.show(NAMES, VALUES, BASE, wrong, np.arange(12) + 100, top=3)
    solid, dashed = decision._marks
    assert (len(solid.x), len(dashed.x)) == (9, 3)
    assert dashed.line_style == "dashed"
    np.testing.assert_allclose(dashed.x[:, -1], BASE + VALUES[[0, 5, 10]].sum(1))
    assert dashed.labels[1].startswith("row 105: ")
    assert decision._caption.value.endswith("dashed: 3 misclassified")
    command(dashed, {"event": "element_click", "data": {"index": 1}})
    command(solid, {"event": "element_click", "data": {"index": 0}})
    assert CHOSEN == [5, 1]


def brush(chart: Decision | Heatmap, interval: tuple[float, float] | None) -> None:
    """Select a part of the axis, as a hand does: by the button, then by dragging."""
    assert chart._brush is not None
    chart._brush.control.value = True
    chart._brush._brush.selected = interval and np.array(interval)  # type: ignore[union-attr]


def test_lines_fade_and_are_brushed_by_their_score(decision: Decision) -> None:
    decision.highlight(np.array([2, 3]))
    faded = [colour.endswith("14") and len(colour) == 9 for colour in decision._marks[0].colors]
    assert [n for n, yes in enumerate(faded) if not yes] == [2, 3]
    decision.highlight(None)
    assert all(len(colour) == 7 for colour in decision._marks[0].colors)
    scores = BASE + VALUES.sum(1)
    brush(decision, (0.0, 100.0))
    assert BRUSHED[-1].tolist() == np.flatnonzero(scores >= 0).tolist()
    brush(decision, None)
    assert BRUSHED[-1] is None


def test_many_rows_are_thinned_and_it_is_said(monkeypatch: pytest.MonkeyPatch, decision: Decision) -> None:
    monkeypatch.setattr(decision_chart, "MOST_LINES", 4)
    decision.show(NAMES, VALUES, BASE)
    assert len(decision._marks[0].x) == 4
    assert "4 of 12 rows drawn, evenly spread" in decision._caption.value
    monkeypatch.setattr(heatmap_chart, "MOST_ROWS", 4)
    heat = Heatmap()
    heat.show(NAMES, VALUES, BASE)
    assert sorted(heat._rows) == [0, 4, 7, 11]
    assert "4 of 12 rows drawn, evenly spread" in heat._caption.value
    close_tree(heat.figure, set())


def cells(heat: Heatmap) -> np.ndarray:
    return np.array(PIL.Image.open(io.BytesIO(heat._map.image.value)).convert("RGBA"))


def test_the_cells_are_the_values_in_the_order_of_shap(heatmap: Heatmap) -> None:
    order = by_likeness(VALUES)
    assert heatmap._rows.tolist() == order.tolist()
    np.testing.assert_allclose(heatmap._cells[:3], VALUES[order][:, [2, 0, 4]].T)
    np.testing.assert_allclose(heatmap._cells[3], VALUES[order][:, [1, 3]].sum(1))
    pixels = cells(heatmap).astype(int)
    assert pixels.shape == (4, 12, 4)
    redder = pixels[..., 0] - pixels[..., 2]
    assert ((redder > 0) == (heatmap._cells > 0))[np.abs(heatmap._cells) > 0.3].all()
    scores = BASE + VALUES.sum(1)
    line = -np.asarray(heatmap._line.y)  # the scale points downwards
    assert np.corrcoef(line, scores[order])[0, 1] == pytest.approx(1)
    named = [each.strip("\u2068\u2069") for each in heatmap._names.tick_labels.values()]
    assert named == ["f(x)", "column 2", "column 0", "column 4", "sum of 2 others"]


def test_rows_by_score(heatmap: Heatmap) -> None:
    heatmap.show(NAMES, VALUES, BASE, order="score", top=3)
    assert heatmap._rows.tolist() == np.argsort(VALUES.sum(1)).tolist()
    assert heatmap._below.label == "rows by their score"
    heatmap.show(NAMES, VALUES, BASE, order="score", top=3, meanwhile=True)
    assert heatmap._below.label == "rows by their score, until all are known"
    with pytest.raises(ValueError, match="order: expected one of 'alike', 'score', got 'colour'"):
        heatmap.show(NAMES, VALUES, BASE, order="colour")


def test_a_column_is_clicked_brushed_and_left_alone(heatmap: Heatmap) -> None:
    command(heatmap._map, {"event": "element_click", "data": {"click_x": 3.2, "click_y": 0}})
    assert [heatmap._rows[3]] == CHOSEN
    brush(heatmap, (1.6, 4.4))
    assert BRUSHED[-1].tolist() == sorted(heatmap._rows[2:5].tolist())
    lit = heatmap._rows[[0, 5]]
    heatmap.highlight(lit)
    assert np.flatnonzero(cells(heatmap)[0, :, 3] > 0).tolist() == [0, 5]
    heatmap.highlight(None)
    assert (cells(heatmap)[..., 3] > 0).all()


def test_the_brush_is_put_on_and_taken_off(heatmap: Heatmap) -> None:
    button = heatmap.figure.children[1].children[0]
    from_browser(button, value=True)
    brush = heatmap._chart.interaction
    brush.selected = np.array([0.0, 2.0])
    assert BRUSHED[-1].tolist() == sorted(heatmap._rows[:3].tolist())
    from_browser(button, value=False)
    assert (heatmap._chart.interaction, BRUSHED[-1]) == (None, None)


@pytest.mark.parametrize("name", ["decision", "heatmap"])
def test_an_interval_with_other_rows_than_before_goes_without_a_call(request: pytest.FixtureRequest, name: str) -> None:
    chart = request.getfixturevalue(name)
    from_browser(chart.figure.children[1].children[0], value=True)
    brush = chart._chart.interaction
    brush.selected = np.array([0.0, 3.0])
    chart.show(NAMES, VALUES, BASE)
    assert brush.selected is not None
    told = len(BRUSHED)
    chart.show(NAMES, VALUES[::-1] * 2, BASE)
    assert brush.selected is None
    brush.selected = np.array([0.0, 3.0])
    assert len(BRUSHED) == told + 1
    chart.unbrush()
    assert brush.selected is None
    assert len(BRUSHED) == told + 1


@pytest.mark.parametrize("chart", [Decision, Heatmap])
def test_shapes_that_do_not_fit_are_refused(chart: type) -> None:
    made = chart()
    with pytest.raises(ValueError, match=r"values: expected \(rows, 5 features\), got shape \(12, 4\)"):
        made.show(NAMES, VALUES[:, :4], BASE)
    with pytest.raises(ValueError, match="top: expected at least 1, got 0"):
        made.show(NAMES, VALUES, BASE, top=0)
    close_tree(made.figure, set())


@pytest.mark.parametrize("kind", ["decision", "heatmap"])
def test_a_brush_stays_while_it_holds_the_rows_that_it_told(kind: str, request: pytest.FixtureRequest) -> None:
    chart = request.getfixturevalue(kind)
    middle = float(np.median(BASE + VALUES.sum(1)))
    held = (middle, middle + 100) if kind == "decision" else (-0.4, 1.4)
    brush(chart, held)
    told = len(BRUSHED)
    chart.show(NAMES, VALUES, BASE, top=3)
    assert chart._brush._brush.selected is not None
    chart.show(NAMES, np.roll(VALUES, 5, axis=0), BASE, top=3)
    assert chart._brush._brush.selected is None
    assert len(BRUSHED) == told  # nobody is called: who shows other rows knows
