"""Bars of features: which, how long, with which whiskers, and a second series beside them."""

from __future__ import annotations

import numpy as np
import pytest

from nbexplain.widgets.boxes import OUTLINE, Boxes
from nbexplain.widgets.chart_style import ACCENT, PLAIN
from nbexplain.widgets.feature_bars_chart import PALE, FeatureBars
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.text_width import pixels, width
from tests.widgets.comm import Line, living
from tests.widgets.marks import boxes, click, marks, names, plain, plot, spans, texts, words


@pytest.fixture
def chosen() -> list[int]:
    return []


@pytest.fixture
def chart(chosen):
    before = living()
    chart = FeatureBars(chosen.append)
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def test_the_largest_come_first_and_signs_have_colours(chart):
    chart.show(["a", "b", "c"], [0.5, -1.25, 0.75], quantity="weight")
    assert names(chart) == ["b", "c", "a"]
    np.testing.assert_allclose(spans(chart), [[0, -1.25], [0, 0.75], [0, 0.5]])
    assert boxes(chart).fill_colors == [PLAIN, ACCENT, ACCENT]
    assert texts(chart) == ["−1.25", "+0.75", "+0.50"]
    assert "weight" in [axis.label for axis in plot(chart).axes]
    assert "above 0 below 0" in words(chart.figure)
    scale = plot(chart).axes[1].scale
    assert scale.min < -1.25 < 0.75 < scale.max


def test_without_signs_there_is_one_colour(chart):
    chart.show(["a", "b"], [0.5, 1.25], signed=False)
    assert boxes(chart).fill_colors == [PLAIN, PLAIN]
    assert texts(chart) == ["1.25", "0.50"]
    assert "above 0" not in words(chart.figure)


def test_whiskers_reach_196_standard_errors(chart, chosen):
    chart.show(["a", "b", "c"], [1.0, -2.0, 3.0], errors=[0.1, 0.5, np.nan], quantity="weight")
    drawn = marks(chart, Boxes)[1]
    np.testing.assert_allclose(drawn.x[:, 2:4], [[-2.98, -1.02], [0.804, 1.196]])
    np.testing.assert_allclose(drawn.y[:, 2], [1, 2])
    assert [plain(each) for each in drawn.labels] == ["b: −2.00", "a: +1.00"]
    for whisker in (0, 1, 2):  # a whisker lies over its bar
        click(drawn, whisker)
    assert chosen == [1, 0]
    assert plot(chart).axes[1].label == "weight ± 1.96 SE"
    assert plot(chart).axes[1].scale.min < -2.98
    chart.show(["a"], [1.0], quantity="weight")
    assert plot(chart).axes[1].label == "weight"
    assert not np.size(drawn.x)


def test_a_second_series_stands_beside_the_first(chart, chosen):
    chart.show(["a", "b"], [1.0, 2.0], signed=False, quantity="ours", beside=("the forest's own", [4.0, 0.5]))
    np.testing.assert_allclose(spans(chart), [[0, 2.0], [0, 1.0], [0, 0.5], [0, 4.0]])
    assert boxes(chart).fill_colors == [PLAIN, PLAIN, PALE, PALE]
    rows = np.asarray(boxes(chart).y)
    assert (rows[:2].max(1) <= rows[2:].min(1) + 1e-9).all(), "bars of one feature lie over each other"
    assert (rows[2:].max(1) < [0.5, 1.5]).all()
    assert "ours the forest's own" in words(chart.figure)
    assert plain(boxes(chart).labels[3]) == "a, the forest's own: 4"
    assert plot(chart).axes[1].scale.max > 4
    for bar in range(5):
        click(boxes(chart), bar)
    assert chosen == [1, 0, 1, 0]
    chart.show(["a", "b"], [1.0, 2.0], signed=False)
    assert "forest" not in words(chart.figure)


def test_a_second_series_has_whiskers_and_numbers_where_its_errors_are_known(chart, chosen):
    told = {"signed": False, "quantity": "size", "errors": [0.1, 0.2], "beside": ("theirs", [4.0, 0.5])}
    chart.show(["a", "b"], [1.0, 2.0], **told, beside_errors=[0.5, 0.25])
    assert texts(chart) == ["1.00", "2.00", "4.00", "0.50"]
    drawn = marks(chart, Boxes)[1]
    reach = [[1 - 0.196, 1.196], [2 - 0.392, 2.392], [4 - 0.98, 4.98], [0.5 - 0.49, 0.99]]
    np.testing.assert_allclose(drawn.x[:, 2:4], reach)
    np.testing.assert_allclose(drawn.y[:, 2], boxes(chart).y.mean(1))  # in the middle of their bars
    assert plain(drawn.labels[2]) == "a, theirs: 4"
    click(drawn, 3)
    assert chosen == [1]
    assert plot(chart).axes[1].scale.max > 4.98
    chart.show(["a", "b"], [1.0, 2.0], **told)
    assert texts(chart) == ["2.00", "1.00"]
    np.testing.assert_allclose(drawn.x[:, 2:4], [reach[1], reach[0]])
    with pytest.raises(ValueError, match="beside_errors"):
        chart.show(["a", "b"], [1.0, 2.0], **told, beside_errors=[0.5])


def test_the_largest_of_two_series_is_named_with_the_one_that_has_it(chart):
    told = {"signed": False, "quantity": "size", "series": "ours", "top": 2}
    both = {**told, "beside_errors": [0.1, 0.1, np.nan]}
    chart.show(["a", "b", "c"], [0.0, 2.0, 1.0], **both, beside=("theirs", [4.0, 0.5, np.nan]))
    assert plain(words(chart.figure)).startswith("ours theirs largest: a, 4 (theirs) · 2 of 3 features")
    assert texts(chart) == ["0.00", "2.00", "4.00", "0.50"]
    chart.show(["a", "b", "c"], [0.0, 0.0, np.nan], **both, beside=("theirs", [4.0, 0.0, np.nan]))
    assert plain(words(chart.figure)).startswith("ours theirs largest: a, 4 (theirs) · 2 of 3 features · 1 without a v")
    # another measure on its own scale: the first one says which are the largest
    chart.show(["a", "b", "c"], [0.0, 2.0, 1.0], **told, beside=("theirs, scaled", [4.0, 0.5, np.nan]))
    assert texts(chart) == ["2.00", "1.00"]
    assert plain(words(chart.figure)).endswith("largest: b, 2 (ours) · 2 of 3 features")


def test_the_caption_speaks_of_the_whiskers_that_there_are(chart):
    told = {"signed": False, "quantity": "size", "errors": [0.1, 0.2], "beside": ("theirs", [4.0, 0.5])}
    chart.show(["a", "b"], [1.0, 2.0], **told, beside_errors=[np.nan, np.nan])
    assert "whiskers: ± 1.96 standard errors (SE), where they are known" in words(chart.figure)
    chart.show(["a", "b"], [1.0, 2.0], **told)  # of the second series none are given
    assert words(chart.figure).endswith("whiskers: ± 1.96 standard errors (SE)")
    chart.show(["a", "b"], [1.0, np.nan], errors=[0.1, np.nan])
    assert words(chart.figure).endswith("whiskers: ± 1.96 standard errors (SE)")
    chart.show(["a", "b"], [1.0, 2.0], errors=[np.nan, np.nan], quantity="size")
    assert "whiskers" not in words(chart.figure)
    assert plot(chart).axes[1].label == "size"
    chart.show(["a", "b"], [1.0, 2.0], errors=[0.0, 1e-17], quantity="size")  # exact, but for rounding
    assert "whiskers" not in words(chart.figure)
    assert plot(chart).axes[1].label == "size"
    chart.show(["a", "b"], [1.0, 2.0], errors=[0.0, 1e-4], quantity="size")
    assert words(chart.figure).endswith("whiskers: ± 1.96 standard errors (SE)")
    assert plot(chart).axes[1].label == "size ± 1.96 SE"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([-0.088, 0.0856, 0.068], [-0.08, 0.08]),
        ([-0.02, 0.13, 0.068], [0.0, 0.12]),
        ([950_000.0, 1.0, 2.0], [0, 900_000]),
    ],
)
def test_two_places_of_the_axis_are_told_beside_long_names(chart, values, ticks):
    named = ["ward of first admission", "glomerular filtration rate (estimated)", "age"]
    chart.show(named, values, shown_values=["Intensive care unit", "88.2", "22"])
    axis = plot(chart).axes[1]
    np.testing.assert_allclose(axis.tick_values, ticks)
    margin, (low, high) = plot(chart).fig_margin, (axis.scale.min, axis.scale.max)
    between = (ticks[1] - ticks[0]) / (high - low) * (300 - margin["left"] - margin["right"])
    assert between > sum(pixels([f"{tick:.2f}" if abs(tick) < 1 else "900k"]) for tick in ticks) / 2  # when narrowest


def test_where_the_narrowest_chart_has_room_for_one_tick_there_are_those_of_a_wider_one(chart):
    named = ["ward of first admission", "glomerular filtration rate (estimated)", "age"]
    chart.show(named, [-0.034, 0.026, 0.001], shown_values=["Intensive care unit", "88.2", "22"])
    # from −0.037 to 0.029 on 40 pixels −0.03 and 0.02 are 30 apart, and 30 wide; on 90 pixels −0.03 is 41 from 0,
    # and 0.02 is 27, for half of 28 and of 28, and 3 to tell them apart
    np.testing.assert_allclose(plot(chart).axes[1].tick_values, [-0.03, 0.0])


def test_only_the_first_are_shown_and_that_is_said(chart, chosen):
    chart.show([f"f{i}" for i in range(30)], np.arange(30.0), top=4, shown_values=[f"v{i}" for i in range(30)])
    assert names(chart) == [f"f{i} = v{i}" for i in (29, 28, 27, 26)]
    assert "4 of 30 features" in words(chart.figure)
    click(boxes(chart), 3)
    assert chosen == [26]


def test_no_largest_is_named_where_all_are_zero(chart):
    chart.show(["a", "b"], [0.0, 0.0], errors=[0.0, 0.0], signed=False, nothing="no column changes R²")
    assert words(chart.figure) == "no column changes R²"
    chart.show(["a", "b", "c"], [0.0, 0.0, np.nan], errors=[0.0, 0.1, np.nan], signed=False, nothing="no column counts")
    assert words(chart.figure).startswith("all values are 0 · 1 without a value")
    chart.show(["a", "b"], [0.0, 0.5], signed=False, nothing="no column counts")
    assert words(chart.figure) == "largest: b, 0.5"


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [np.nan], [np.nan, 2.0, -np.inf]])
def test_odd_values(chart, values):
    chart.show([f"f{i}" for i in range(len(values))], values, errors=np.full(len(values), np.nan))
    assert np.isfinite(boxes(chart).x).all()
    assert len(names(chart)) == len(values)
    known = [f"f{i}" for i, value in enumerate(values) if np.isfinite(value)]
    assert names(chart)[: len(known)] == known
    assert "no value" in texts(chart) or len(known) == len(values)


def test_what_is_too_small_for_an_axis_is_nothing(chart):
    chart.show(["a", "b"], [4e-51, -1e-60], errors=[9e-51, 1e-52])
    assert not np.any(spans(chart))
    assert texts(chart) == ["0", "0"]
    scale = plot(chart).axes[1].scale
    assert scale.max - scale.min >= 1
    chart.show(["a", "b"], [4e-21, 0.0])
    assert spans(chart)[0][1] == 4e-21


def test_small_numbers_beside_large_ones_are_not_written_as_nothing(chart):
    chart.show(list("abcd"), [1.27, -0.0031, 0.0, 1e-14], signed=False)
    assert texts(chart) == ["1.27", "−0.003", "0.00", "0.00"]  # the last is rounding


def test_the_axis_says_what_both_series_are_and_the_keys_which_is_which(chart):
    chart.show(["a"], [1.0], quantity="mean |SHAP value|", series="above 0.02343", beside=("at most 0.02343", [2.0]))
    assert "mean |SHAP value|" in [axis.label for axis in plot(chart).axes]
    assert "above 0.02343 at most 0.02343" in words(chart.figure)


def test_numbers_far_apart_are_written_without_endless_decimals(chart):
    chart.show(["a", "b"], [1e-9, 3e-10])
    assert all(len(text) < 10 for text in texts(chart))
    chart.show(["a", "b"], [123456.0, -3e5])
    assert texts(chart) == ["−300,000", "+123,000"]


def test_equal_shapes_need_one_message_a_mark_and_no_new_marks(chart, monkeypatch):
    chart.show(["a", "b"], [1.0, 2.0], errors=[0.1, 0.2])
    before = living()
    lines = [Line(mark, monkeypatch) for mark in plot(chart).marks]
    chart.show(["a", "b"], [1.5, 2.0], errors=[0.1, 0.3])
    assert living() == before
    assert all(len(line.state) <= 1 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [1.0]}, "values: expected one number for each of 2 features"),
        ({"errors": [[1.0, 2.0]]}, "errors: expected one number for each of 2"),
        ({"beside": ("x", [1.0])}, "beside: expected one number for each of 2"),
        ({"shown_values": ["1"]}, "shown_values: expected one for each of 2 features, got 1"),
        ({"top": 0}, "top: expected at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(chart, arguments, message):
    with pytest.raises(ValueError, match=message):
        chart.show(**{"names": ["a", "b"], "values": [1.0, 2.0], **arguments})


def test_the_bars_of_a_feature_are_outlined(chart):
    def outlined():
        return [bar for bar, colour in enumerate(boxes(chart).colors) if colour == OUTLINE]

    chart.show(["a", "b", "c"], [1.0, 3.0, 2.0], beside=("other", [1.0, 2.0, 3.0]))
    assert outlined() == []
    chart.mark(2)
    assert outlined() == [1, 4]  # second by size, in both series
    chart.show(["a", "b", "c"], [1.0, 3.0, 4.0])
    assert outlined() == [0]
    chart.mark(None)
    assert outlined() == []


def test_numbers_that_would_read_the_same_have_a_digit_more(chart):
    chart.show(list("abcdefg"), [10.62, 4.12, 0.2, 0.141, 0.119, 0.05, 0.0], signed=False)
    assert texts(chart) == ["10.6", "4.1", "0.2", "0.14", "0.12", "0.05", "0.0"]
    chart.show(list("abcd"), [10.62, 4.12, 4.12, 4.12 + 1e-12], signed=False)  # equal, but for rounding
    assert texts(chart) == ["10.6", "4.1", "4.1", "4.1"]
    chart.show(list("abc"), [0.1234, -0.1228, 0.05])
    assert texts(chart) == ["+0.123", "−0.123", "+0.050"]  # bars to either side are not alike


def test_of_a_condition_the_ends_stay_and_the_name_is_cut(chart):
    features = ["day", "measurement 01 of the sensor", "measurement 02 of the sensor", "2", "city"]
    conditions = [
        "2019-12-28 < day ≤ 2020-07-02",
        "measurement 01 of the sensor > 0.2341",
        "0.02 < measurement 02 of the sensor ≤ 0.7",
        "0.2 < 2 ≤ 2.25",
        "city = oslo",
    ]
    held = ["2020-03-04", "0.3", "0.5", "2.1", "oslo"]
    chart.show(features, [5.0, 4.0, 3.0, 2.0, 1.0], shown_values=held, conditions=conditions)
    shown = names(chart)
    assert shown[0] == "2019-12… < day ≤ 2020-07…"  # two days leave no room for a name
    assert shown[1].startswith("measu")
    assert "01" in shown[1]
    assert shown[1].endswith("> 0.2341")
    assert shown[2].startswith("0.02 < ")
    assert "02" in shown[2]
    assert shown[2].endswith("≤ 0.7")
    assert shown[3:] == ["0.2 < 2 ≤ 2.25", "city = oslo"]
    assert plain(boxes(chart).labels[0]).startswith("2019-12-28 < day ≤ 2020-07-02: ")


@pytest.mark.parametrize(
    ("name", "condition", "said"),
    [
        ("installed", "2007-03-10 < installed ≤ 2012-05-30", "2007-03 < ins…led ≤ 2012-05"),
        ("harvested", "2020-03-12 < harvested ≤ 2021-08-05", "2020-03 < ha…ted ≤ 2021-08"),
        ("harvested on the south slope", "harvested on the south slope > 2021-08-05", "harves…slope > 2021-08-05"),
        ("date of sale", "2007-03-10 < date of sale ≤ 2007-05-30", "…03-10 < dat…ale ≤ …05-30"),
        ("installed", "installed > 2012-05-30 08:30:00", "installed > 2012-05-30…"),
        ("asked", "2024-01-01 08:30 < asked ≤ 2024-01-01 12:15", "…08:30 < asked ≤ …12:15"),
        ("x", "−1.234567e−05 < x ≤ −1.234467e−05", ""),
        ("lasted", "10 d 20:30:15 < lasted ≤ 900 d 12:11:10", ""),
    ],
)
def test_a_condition_too_wide_for_its_name_is_cut_and_stays_one(chart, name, condition, said):
    chart.show([name], [0.1], shown_values=["a value"], conditions=[condition])
    (shown,) = names(chart)
    assert said in ("", shown)
    assert shown.count(" ≤ ") + shown.count(" > ") == 1
    assert width(shown) <= 29
    assert plain(boxes(chart).labels[0]).startswith(condition)
