"""The waterfall: which steps, from where to where, and what a click on one means."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest

from nbexplain.widgets.boxes import Boxes
from nbexplain.widgets.chart_style import ACCENT, PLAIN
from nbexplain.widgets.feature_sum import GREY
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.waterfall_chart import Waterfall
from tests.widgets.comm import Line, living
from tests.widgets.marks import boxes, click, marks, names, plain, plot, spans, texts, words


@pytest.fixture
def chosen() -> list[int]:
    return []


@pytest.fixture
def chart(chosen):
    """Closed as explorers close it; nothing of it may stay."""
    before = living()
    chart = Waterfall(chosen.append)
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def show(chart: Waterfall, values: Any, base: float, score: float, **more: Any) -> None:
    values = np.asarray(values, float)
    named = [f"f{i}" for i in range(len(values))]
    chart.show(named, values, [f"{i}.5" for i in range(len(values))], base, score, **more)


def test_steps_lead_from_the_base_value_to_the_score_the_largest_first(chart):
    show(chart, [0.1, -0.5, 0.3], 0.2, 0.1)
    assert names(chart) == ["f1 = 1.5", "f2 = 2.5", "f0 = 0.5"]
    np.testing.assert_allclose(spans(chart), [[0.2, -0.3], [-0.3, 0.0], [0.0, 0.1]], atol=1e-12)
    assert boxes(chart).fill_colors == [PLAIN, ACCENT, ACCENT]
    np.testing.assert_allclose(boxes(chart).y.mean(1), [0, 1, 2])
    assert texts(chart)[:3] == ["−0.500", "+0.300", "+0.100"]
    assert {"base 0.2", "score 0.1"} < set(texts(chart))


def test_over_how_many_rows_the_base_value_is_the_mean(chart):
    chart.show(["f0"], [0.1], None, 0.2, 0.3, over=1)
    assert "base value 0.2 over 1 row ·" in chart._caption.value
    chart.show(["f0"], [0.1], None, 0.2, 0.3)
    assert "base value 0.2 ·" in chart._caption.value


def test_numbers_stand_at_the_right_end_of_their_bar_and_whisker(chart):
    show(chart, [0.1, -0.5, 0.3], 0.2, 0.1, errors=[0.1, np.nan, 0.01])
    ends = marks(chart, bqplot.Label)[0]
    np.testing.assert_allclose(ends.x, [0.2, 0.0 + 1.96 * 0.01, 0.1 + 1.96 * 0.1])
    np.testing.assert_allclose(ends.y, [0, 1, 2])
    whiskers = marks(chart, Boxes)[1]
    np.testing.assert_allclose(whiskers.x[:, 2:4], [[-0.0196, 0.0196], [0.1 - 0.196, 0.1 + 0.196]])
    assert "± 1.96 standard errors" in words(chart.figure)
    x = plot(chart).axes[1].scale
    assert x.min < -0.3 < 0.296 < x.max


@pytest.mark.parametrize("errors", [[np.nan] * 3, [0.0, 0.0, 0.0], [0.0, 1e-17, np.nan]])
def test_no_whiskers_are_spoken_of_where_no_error_is_known_or_above_zero(chart, errors):
    show(chart, [0.1, -0.5, 0.3], 0.2, 0.1, errors=errors)
    assert "whiskers" not in words(chart.figure)


def test_what_is_not_shown_by_itself_is_one_step(chart, chosen):
    values = np.array([0.01, 5.0, -4.0, 0.02, 0.03, -0.5])
    show(chart, values, 0.0, values.sum(), top=2)
    assert names(chart) == ["f1 = 1.5", "f2 = 2.5", "4 others"]
    np.testing.assert_allclose(spans(chart)[2], [1.0, values.sum()])
    for bar in (0, 1, 2, 3, -1, None, "0"):
        click(boxes(chart), bar)
    assert chosen == [1, 2]


def test_a_single_other_has_its_name(chart):
    show(chart, [3.0, 2.0, 1.0], 0.0, 6.0, top=2)
    assert names(chart) == ["f0 = 0.5", "f1 = 1.5", "f2 = 2.5"]


@pytest.mark.parametrize(("gap", "seen"), [(0.0, False), (9e-7, False), (-9e-7, False), (2e-6, True), (-0.25, True)])
def test_what_the_values_leave_open_is_a_step(chart, chosen, gap, seen):
    show(chart, [1.0, -0.5], 0.5, 1.0 + gap)
    assert (names(chart)[-1] == "gap") == seen
    if seen:
        np.testing.assert_allclose(spans(chart)[-1], [1.0, 1.0 + gap], atol=1e-12)
        assert boxes(chart).fill_colors[-1] == GREY
        click(boxes(chart), 2)
        assert chosen == []


def test_a_gap_is_shown_though_all_values_are_zero(chart):
    show(chart, [0.0, 0.0], 0.5, 0.6)
    assert names(chart) == ["f0 = 0.5", "f1 = 1.5", "gap"]
    np.testing.assert_allclose(spans(chart), [[0.5, 0.5], [0.5, 0.5], [0.5, 0.6]])


@pytest.mark.parametrize("values", [[], [0.0], [np.nan], [np.nan, 1.0, np.nan], [1e-300, -1e300]])
def test_odd_values(chart, values):
    show(chart, values, 0.5, 0.5 + np.nansum(values))
    assert np.isfinite(boxes(chart).x).all()
    assert all(np.isfinite([plot(chart).axes[1].scale.min, plot(chart).axes[1].scale.max]))
    assert ("without a value" in words(chart.figure)) == bool(np.isnan(values).any())


def test_a_score_without_a_value_breaks_nothing(chart):
    show(chart, [1.0], 0.5, np.nan)
    assert names(chart) == ["f0 = 0.5"]
    assert "score no value" in words(chart.figure)
    assert not any("score" in text for text in texts(chart))


def test_names_are_cut_beside_the_chart_and_whole_for_the_pointer(chart):
    name = "a very long <b>name</b>\nof a feature that nobody can read"
    wide = "平均面積とても長い名前の特徴量の列"
    chart.show([name, wide], [1.0, 2.0], ["1234.5678", "x" * 40], 0.0, 3.0)
    cut = names(chart)
    assert cut[1].startswith("a ve")
    assert "…" in cut[1]
    assert cut[1].endswith("ad = 1234.5678")
    assert cut[0].startswith("平")
    assert "…" in cut[0]
    assert all("\n" not in each for each in cut)
    margin = plot(chart).fig_margin["left"]
    assert 100 < margin < 210
    assert [plain(each) for each in boxes(chart).labels] == [
        f"{wide} = {'x' * 40}: +2.00",
        f"{name} = 1234.5678: +1.00",
    ]


def test_equal_shapes_need_one_message_a_mark_and_no_new_marks(chart, monkeypatch):
    show(chart, [0.1, -0.5, 0.3], 0.2, 0.1)
    before = living()
    lines = [Line(mark, monkeypatch) for mark in plot(chart).marks]
    show(chart, [0.2, -0.6, 0.3], 0.2, 0.1)
    assert living() == before
    assert all(len(line.state) <= 1 for line in lines)
    assert sum(len(line.state) for line in lines) >= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [1.0]}, "values: expected one number for each of 2 features"),
        ({"errors": [1.0]}, "errors: expected one number for each of 2"),
        ({"shown_values": ["1"]}, "shown_values: expected one for each of 2 features, got 1"),
        ({"top": 0}, "top: expected at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(chart, arguments, message):
    given = {"names": ["a", "b"], "values": [1.0, 2.0], "shown_values": ["1", "2"], "base": 0.0, "score": 3.0}
    with pytest.raises(ValueError, match=message):
        chart.show(**{**given, **arguments})
