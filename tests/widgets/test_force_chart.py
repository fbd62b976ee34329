"""The force view: arrows meet at the score, and their names stay apart."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np
import pytest

from nbexplain.widgets.chart_style import ACCENT, PLAIN
from nbexplain.widgets.feature_sum import GREY
from nbexplain.widgets.force_chart import Force, flags_of, lines_of
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.text_width import pixels
from tests.widgets.comm import Line, living
from tests.widgets.marks import boxes, click, marks, plain, plot, texts, words


@pytest.fixture
def chosen() -> list[int]:
    return []


@pytest.fixture
def chart(chosen):
    before = living()
    chart = Force(chosen.append)
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def show(chart: Force, values: Any, base: float, score: float, **more: Any) -> None:
    values = np.asarray(values, float)
    named = [f"f{i}" for i in range(len(values))]
    chart.show(named, values, [f"{i}.5" for i in range(len(values))], base, score, **more)


def arrows(chart: Force) -> dict[str, tuple[float, float]]:
    """Of each arrow, by what it tells the pointer: where it comes from and where its point is, on its middle line."""
    x = np.asarray(boxes(chart).x).reshape(-1, 6)
    return {plain(label).split(":")[0]: (row[5], row[2]) for label, row in zip(boxes(chart).labels, x)}


def test_arrows_meet_at_the_score_the_largest_nearest(chart):
    show(chart, [0.1, -0.5, 0.3, -0.2], 0.4, 0.1)
    found = arrows(chart)
    expected = {
        "f2 = 2.5": (-0.2, 0.1),
        "f0 = 0.5": (-0.3, -0.2),
        "f1 = 1.5": (0.6, 0.1),
        "f3 = 3.5": (0.8, 0.6),
    }
    assert found.keys() == expected.keys()
    for name, ends in expected.items():
        np.testing.assert_allclose(found[name], ends, atol=1e-12)
    colours = dict(zip([plain(label)[:2] for label in boxes(chart).labels], boxes(chart).fill_colors))
    assert colours == {"f2": ACCENT, "f0": ACCENT, "f1": PLAIN, "f3": PLAIN}


def test_over_how_many_rows_the_base_value_is_the_mean(chart):
    show(chart, [0.1], 0.2, 0.3, over=50)
    assert "base value 0.2 over 50 rows" in chart._caption.value
    show(chart, [0.1], 0.2, 0.3)
    assert "over" not in chart._caption.value


def test_the_others_and_the_gap_have_arrows_too(chart, chosen):
    values = np.array([5.0, 0.2, -0.3, 0.1, -0.1, -4.0])
    show(chart, values, 0.0, values.sum() + 0.5, top=2)
    found = arrows(chart)
    lengths = {name: point - tail for name, (tail, point) in found.items()}
    assert lengths == pytest.approx({"f0 = 0.5": 5.0, "f5 = 5.5": -4.0, "2 others": lengths["2 others"], "gap": 0.5})
    both = [row[2] - row[5] for label, row in zip(boxes(chart).labels, boxes(chart).x) if "others" in label]
    assert sorted(both) == pytest.approx([-0.4, 0.3])
    assert sum(row[2] - row[5] for row in boxes(chart).x) == pytest.approx(values.sum() + 0.5)
    assert boxes(chart).fill_colors[-1] == GREY
    for arrow in range(6):
        click(boxes(chart), arrow)
    assert chosen == [0, 5]


def test_no_line_crosses_a_name(chart):
    rng = np.random.default_rng(0)
    values = rng.normal(size=30)
    show(chart, values, 0.0, values.sum())
    names = marks(chart, bqplot.Label)[0]
    assert len(names.x) == 6
    scale = plot(chart).axes[0].scale
    place = (names.x - scale.min) / (scale.max - scale.min) * 400  # pixels of a chart on a narrow page
    ends = place + 4 + [pixels([plain(str(text))]) for text in names.text]
    for one in range(6):
        over = (place > place[one]) & (place < ends[one])
        assert (names.y[over] < names.y[one]).all(), "what starts over a name stands above it, and so does its line"


def test_names_with_room_stand_in_one_line():
    assert lines_of([(0.8, 60), (0.5, 60), (0.2, 60)], 0.0, 1.0) == [0, 0, 0]
    assert lines_of([(0.9, 60), (0.85, 60), (0.83, 60), (0.2, 60)], 0.0, 1.0) == [0, 1, 2, 0]
    assert lines_of([], 0.0, 1.0) == []


def test_every_name_is_led_to(chart):
    values = np.random.default_rng(0).normal(size=30)
    show(chart, values, 0.0, values.sum())
    names = marks(chart, bqplot.Label)[0]
    leaders = marks(chart, bqplot.Lines)[0]
    for x, y in zip(names.x, names.y):
        assert any(np.allclose(line_x, x) and line_y.max() == y for line_x, line_y in zip(leaders.x, leaders.y))


@pytest.mark.parametrize(
    ("first", "second", "sides"),
    [
        (0.1, 0.3, [False, False]),
        (0.6, 0.9, [True, True]),
        (0.4, 0.55, [False, False]),
        (0.45, 0.6, [True, True]),
        (0.1, 0.9, [False, True]),
    ],
)
def test_words_above_keep_clear_of_each_other(first, second, sides):
    (x1, row1, _, left1), (x2, row2, _, left2) = flags_of([(second, "score"), (first, "base")], 0.0, 1.0)
    assert ([left1, left2], x1, x2) == (sides, first, second)
    if left1 == left2:  # the words that reach over the other place stand above its line
        over, other = (row1, row2) if not left1 else (row2, row1)
        assert over < other


@pytest.mark.parametrize("values", [[], [0.0], [np.nan], [np.nan, 1.0], [1.0], [-2.0]])
def test_odd_values(chart, values):
    show(chart, values, 0.5, 0.5 + np.nansum(values))
    assert np.isfinite(boxes(chart).x).all()
    assert len(boxes(chart).labels) == sum(np.isfinite(v) and v != 0 for v in values)
    assert any(text.startswith("score") for text in texts(chart))
    assert ("without a value" in words(chart.figure)) == bool(np.isnan(values).any())


def test_equal_shapes_need_one_message_a_mark_and_no_new_marks(chart, monkeypatch):
    show(chart, [0.1, -0.5, 0.3], 0.2, 0.1)
    before = living()
    lines = [Line(mark, monkeypatch) for mark in plot(chart).marks]
    show(chart, [0.2, -0.6, 0.3], 0.2, 0.1)
    assert living() == before
    assert all(len(line.state) <= 1 for line in lines)
