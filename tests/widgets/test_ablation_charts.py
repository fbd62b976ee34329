"""Before and after switching channels off: which classes, which bars, which points, and what the words say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from nbexplain.widgets.ablation_charts import BeforeAfter, FallCurve
from nbexplain.widgets.chart_style import ACCENT, PLAIN
from nbexplain.widgets.layout import close_tree
from tests.widgets.comm import Line, living

NAN = float("nan")


@pytest.fixture(autouse=True)
def _nothing_stays():
    before = living()
    yield
    assert living() == before


def closing(chart: Any) -> Any:
    yield chart
    close_tree(chart.widget, set())


@pytest.fixture
def bars():
    yield from closing(BeforeAfter())


@pytest.fixture
def curve():
    yield from closing(FallCurve())


def words(chart: BeforeAfter | FallCurve) -> str:
    """What the caption says, without the marks that keep names of any script apart."""
    return re.sub("[\u2068\u2069]", "", said(chart))


def said(chart: BeforeAfter | FallCurve) -> str:
    return chart.widget.children[1].children[-1].value


def legend(chart: BeforeAfter | FallCurve) -> list[tuple[str, str]]:
    """The colours that the caption explains, with their words."""
    boxes = [box for box in chart.widget.children[1].children[:-1] if box.layout.display != "none"]
    return [(square.style.background, word.value) for square, word in (box.children for box in boxes)]


# Bars before and after


def test_each_class_has_two_bars_best_before_first(bars):
    bars.show(["a", "b", "c"], [0.5, -1.0, 2.0], [1.5, -3.0, -0.25], 2, "logit")
    mark = bars.figure.marks[0]
    assert list(mark.x) == ["▸ c", "a", "b"]
    np.testing.assert_array_equal(mark.y, [[2, 0.5, -1], [-0.25, 1.5, -3]])
    assert (mark.type, mark.orientation, mark.colors) == ("grouped", "horizontal", [PLAIN, ACCENT])
    assert legend(bars) == [(PLAIN, "before"), (ACCENT, "after")]
    assert words(bars) == "c: logit 2 → −0.25 · best now: a (1.5)"
    scores = mark.scales["y"]
    assert (scores.min, scores.max) == pytest.approx((-3.25, 2.25))
    assert list(bars.figure.axes[1].tick_values) == [-3, -2, -1, 0, 1, 2]


def test_of_many_classes_ten_the_chosen_and_the_best_after_among_them(bars):
    before = np.arange(100.0, 0, -1)
    after = before.copy()
    after[60] = 500
    bars.show([f"n{i}" for i in range(100)], before, after, 90, "probability")
    assert list(bars.figure.marks[0].x) == [*(f"n{i}" for i in range(8)), "n60", "▸ n90"]
    assert words(bars) == "n90: probability 10 → 10 · best now: n60 (500) · 10 of 100 classes"
    bars.show([f"n{i}" for i in range(100)], before, before, 3, "probability")
    assert list(bars.figure.marks[0].x) == ["n0", "n1", "n2", "▸ n3", *(f"n{i}" for i in range(4, 10))]
    assert words(bars).endswith("best still: n0 (100) · 10 of 100 classes")


def test_a_target_that_is_no_class_and_scores_that_are_no_numbers(bars):
    bars.show(["a", "b"], [1.0, NAN], [NAN, 2.0], lambda scores: scores[:, 0], "score")
    assert list(bars.figure.marks[0].x) == ["a", "b"]
    assert words(bars) == "best now: b (2)"
    bars.show(["a", "b"], [1.0, NAN], [NAN, 2.0], 0, "score")
    assert words(bars) == "a: score 1 → no value · best now: b (2)"


def test_long_and_equal_names(bars):
    bars.show(["x" * 300, "x" * 300], [2.0, 1.0], [2.0, 1.0], 9, "logit")
    labels = list(bars.figure.marks[0].x)
    assert len(set(labels)) == 2
    assert all(len(label) < 20 and "…" in label for label in labels)


def test_names_in_any_script_reorder_nothing(bars, curve):
    bars.show(["قطة", "b"], [2.0, 1.0], [2.0, 1.0], 0, "logit")
    curve.show([0], [2.0], label="قطة")
    assert said(bars) == "\u2068قطة\u2069: logit 2 → 2 · best still: \u2068قطة\u2069 (2)"
    assert said(curve) == "\u2068قطة\u2069 · 0 off: logit 2"


def test_scores_that_do_not_fit_the_names(bars):
    with pytest.raises(ValueError, match="before, after: expected a score for each of 2 classes, got 2 and 1"):
        bars.show(["a", "b"], [1.0, 2.0], [1.0], 0, "logit")


# The curve


def test_the_points_are_what_has_been_computed(curve):
    curve.show([0, 8, 4, 16], [5.0, NAN, 3.0, -1.0], label="cat", score_name="logit")
    other, line = curve.figure.marks[1:]
    assert (list(line.x), list(line.y)) == ([0, 4, 16], [5, 3, -1])
    assert len(other.x) == 0
    assert legend(curve) == [(ACCENT, "most evidence first")]
    assert (line.scales["x"].min, line.scales["x"].max) == (0, 16)
    assert line.scales["y"].min < -1 < 5 < line.scales["y"].max
    below, beside = curve.figure.axes
    assert (below.label, beside.label) == ("channels off", "logit")
    assert (list(below.tick_values), below.tick_format) == ([0, 5, 10, 15], ".0f")
    assert list(beside.tick_values) == [0, 2, 4]


def test_the_comparison_has_a_line_and_a_word_of_its_own(curve):
    curve.show([0, 1, 2], [5.0, 1.0, 0.0], [5.0, NAN, 4.0], label="cat", score_name="logit")
    other, line = curve.figure.marks[1:]
    assert (list(other.x), list(other.y)) == ([0, 2], [5, 4])
    assert other.stroke_width < line.stroke_width
    assert legend(curve) == [(ACCENT, "most evidence first"), (PLAIN, "least evidence first")]
    assert (other.colors, line.colors) == ([PLAIN], [ACCENT])
    curve.show([0, 1, 2], [5.0, 1.0, 0.0], orders=("largest activation first", ""))
    assert len(other.x) == 0
    assert legend(curve) == [(ACCENT, "largest activation first")]


def test_the_slider_is_followed_and_said(curve):
    curve.show([0, 4, 8], [5.0, 3.0, NAN], label="cat", score_name="logit")
    assert words(curve) == "cat · 0 off: logit 5"
    curve.mark(4)
    assert words(curve) == "cat · 4 off: logit 3, 5 with none off"
    here, y = curve.figure.marks[0], curve.figure.marks[0].scales["y"]
    assert (list(here.x), list(here.y)) == ([4, 4], [y.min, y.max])
    curve.mark(8)
    assert words(curve) == "cat · 8 off: not computed yet"
    curve.show([0, 4, 8], [5.0, 3.0, -20.0], label="cat", score_name="logit")
    assert list(here.x) == [8, 8]
    assert here.y[0] == y.min < -20


def test_a_mark_costs_two_small_messages(curve, monkeypatch):
    curve.show([0, 4, 8], [5.0, 3.0, 1.0], [5.0, 4.0, 1.0], label="cat", score_name="logit")
    widgets = [curve.figure, *curve.figure.marks, *curve.figure.axes, curve.widget.children[1].children[-1]]
    lines = [Line(widget, monkeypatch) for widget in widgets]
    curve.mark(4)
    assert [sorted(state) for line in lines for state in line.state] == [["x"], ["value"]]


def test_nothing_known_yet(curve):
    curve.show([0, 1], [NAN, NAN], [NAN, NAN], label="cat", score_name="logit")
    curve.show([], [])
    assert [len(mark.x) for mark in curve.figure.marks[1:]] == [0, 0]
    assert words(curve) == "0 off: not computed yet"


@pytest.mark.parametrize(
    ("scores", "other_scores", "word"), [([1.0], None, "scores: .* 2 .* got 1"), ([1.0, 2.0], [1.0], "other_scores")]
)
def test_scores_that_do_not_fit_the_numbers(curve, scores, other_scores, word):
    with pytest.raises(ValueError, match=word):
        curve.show([0, 1], scores, other_scores)
