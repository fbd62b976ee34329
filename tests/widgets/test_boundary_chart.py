"""The boundary: colours, the line where scores cross, points by class, and the row that is dragged."""

from __future__ import annotations

import io
from typing import Any

import bqplot
import matplotlib
import numpy as np
import pytest
from PIL import Image

from nbexplain.widgets.boundary_chart import BoundaryChart, crossing
from nbexplain.widgets.heat_picture import HeatPicture
from nbexplain.widgets.layout import close_tree
from tests.widgets.comm import Line, command, living
from tests.widgets.marks import click, marks, plot, words

SURFACE = np.array([[0.0, 0.25, 0.5], [0.75, 1.0, np.nan]])  # the second row lies above the first
POINTS = np.array([[1.0, 11.0], [2.0, 12.0], [np.nan, 0.0], [3.0, 13.0]])


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def chart(heard):
    before = living()
    chart = BoundaryChart(lambda *place: heard.append(place), heard.append)
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def show(chart: BoundaryChart, surface: np.ndarray = SURFACE, **more: Any) -> None:
    given = {
        "x_range": (0.0, 4.0),
        "y_range": (10.0, 14.0),
        "x_name": "width",
        "y_name": "height",
        "points": POINTS,
        "classes": np.array([1, 0, 1, 1]),
        "class_names": ["cat", "dog"],
        "row": (1.5, 12.5),
    }
    chart.show(surface, **{**given, **more})


def row_mark(chart: BoundaryChart) -> bqplot.Scatter:
    return marks(chart, bqplot.Scatter)[-1]


def place(chart: BoundaryChart) -> list[tuple[float, float]]:
    return list(zip(row_mark(chart).x, row_mark(chart).y))


def moved(mark: bqplot.Scatter, x: float, y: float) -> None:
    """What the browser sends of a point that is dragged there."""
    state = {name: {"value": None, "dtype": "float64", "shape": [1]} for name in ("x", "y")}
    content = {"method": "update", "state": state, "buffer_paths": [["x", "value"], ["y", "value"]]}
    buffers = [memoryview(np.array([each], float)) for each in (x, y)]
    mark._handle_msg({"content": {"data": content}, "buffers": buffers})


def test_colours_of_probabilities_are_symmetric_around_a_half(chart):
    show(chart)
    (surface,) = marks(chart, HeatPicture)
    seen = np.array(Image.open(io.BytesIO(surface.image.value)).convert("RGBA")).astype(int)
    expected = matplotlib.colormaps["RdBu_r"](SURFACE[::-1], bytes=True).astype(int)
    expected[0, 2] = 0
    known = np.isfinite(SURFACE[::-1])
    assert np.abs(seen - expected)[known].max() <= 7
    assert seen[0, 2, 3] == 0, "what is not known is left empty"
    np.testing.assert_allclose([*surface.x, *surface.y], [-1, 5, 8, 16])  # the middle of each pixel is its place
    assert [axis.label for axis in plot(chart).axes] == ["width", "height"]
    assert "no probability in 17% of the picture" in words(chart.figure)


def test_other_scores_reach_as_far_below_the_boundary_as_above(chart):
    show(chart, np.array([[-1.0, 3.0], [0.0, 0.0]]), boundary=0.0, quantity="logit")
    (surface,) = marks(chart, HeatPicture)
    seen = np.array(Image.open(io.BytesIO(surface.image.value)).convert("RGB")).astype(int)
    expected = matplotlib.colormaps["RdBu_r"]((np.array([[0.0, 0.0], [-1.0, 3.0]]) + 3) / 6, bytes=True)[..., :3]
    assert np.abs(seen - expected).max() <= 7
    assert "logit −3 3" in words(chart.figure)


def test_the_line_is_where_the_scores_cross():
    x, y = np.linspace(0, 10, 21), np.linspace(0, 4, 9)
    line_x, line_y = crossing(x, y, np.tile(x / 10, (9, 1)), 0.35)
    np.testing.assert_allclose(line_x, 3.5)
    assert (line_y.min(), line_y.max()) == (0, 4)
    two_x, _ = crossing(x, y, np.tile(np.abs(x - 5) / 5, (9, 1)), 0.5)
    gaps = np.isnan(two_x)
    assert gaps.sum() == 1
    assert not gaps[0]
    assert not gaps[-1]
    assert set(np.round(two_x[~gaps], 9)) == {2.5, 7.5}
    for surface in (np.zeros((9, 21)), np.full((9, 21), np.nan)):
        assert crossing(x, y, surface, 0.5)[0].size == 0


def test_the_line_is_drawn(chart):
    show(chart, np.array([[0.0, 1.0], [0.0, 1.0]]))
    (line,) = marks(chart, bqplot.Lines)
    np.testing.assert_allclose(line.x, 2.0)
    show(chart, np.zeros((2, 2)))
    assert not np.size(line.x)
    assert "0% of the picture above 0.5" in words(chart.figure)


def test_no_two_of_many_classes_look_alike(chart):
    show(chart, class_names=[f"kind {number}" for number in range(25)])
    looks = [(mark.marker, *mark.colors) for mark in marks(chart, bqplot.Scatter)[:-1]]
    assert len(set(looks)) == len(looks) == 25
    keys = [key.children[0] for key in chart._points.keys]
    assert len({(shape.value, shape.style.background) for shape in keys}) == 25
    assert [key.style.background for key in keys] == [colour for _, colour in looks]


def test_each_class_has_its_shape_and_tells_its_points(chart, heard):
    show(chart)
    cats, dogs, _ = marks(chart, bqplot.Scatter)
    assert cats.marker != dogs.marker
    assert cats.colors != dogs.colors
    np.testing.assert_allclose([*cats.x, *cats.y], [2, 12])
    np.testing.assert_allclose([*dogs.x, *dogs.y], [1, 3, 11, 13])
    assert "● cat ■ dog" in words(chart.figure)
    click(dogs, 1)
    click(cats, 0)
    for index in (2, -1, None, "0"):
        click(dogs, index)
    assert heard == [3, 1]


def test_the_marks_stay_until_there_are_other_classes(chart, monkeypatch):
    show(chart)
    before, drawn = living(), plot(chart).marks
    lines = [Line(mark, monkeypatch) for mark in drawn]
    show(chart, SURFACE[::-1], points=POINTS + 0.1, row=(2.0, 13.0))
    assert living() == before
    assert plot(chart).marks == drawn
    # A picture is put into the spare image first, and then shown.
    assert all(len(line.state) <= 1 for line in lines)
    show(chart, classes=np.array([0, 1, 2, 2]), class_names=["cat", "dog", "owl"])
    assert len(plot(chart).marks) == len(drawn) + 1
    show(chart)
    assert len(living()) == len(before), "marks of classes that are gone stay behind"


def test_a_drag_tells_where_the_row_is_and_nothing_moves_it_meanwhile(chart, heard):
    show(chart)
    mark = row_mark(chart)
    assert mark.enable_move
    assert mark.update_on_move
    command(mark, {"event": "drag_start", "point": {"x": 1.5, "y": 12.5}, "index": 0})
    moved(mark, 1.75, 12.0)
    moved(mark, 2.0, 11.0)
    assert heard == [(1.75, 12.0), (2.0, 11.0)]
    show(chart, row=(1.75, 12.0))  # the answer to where the hand was before
    chart.move_row(0.0, 10.0)
    assert place(chart) == [(2.0, 11.0)]
    command(mark, {"event": "drag_end", "point": {"x": 2.0, "y": 11.0}, "index": 0})
    moved(mark, 2.0, 11.0)
    assert heard == [(1.75, 12.0), (2.0, 11.0)]
    chart.move_row(3.0, 13.0)
    assert place(chart) == [(3.0, 13.0)]
    assert len(heard) == 2, "what the kernel moves is not told to it"
    assert "row: width 3, height 13" in words(chart.figure)


def test_moving_the_row_sends_nothing_else(chart, monkeypatch):
    show(chart)
    lines = {mark: Line(mark, monkeypatch) for mark in plot(chart).marks}
    chart.move_row(3.0, 13.0)
    assert [mark for mark, line in lines.items() if line.state] == [row_mark(chart)]


def test_a_click_on_the_picture_puts_the_row_there(chart, heard):
    show(chart)
    (surface,) = marks(chart, HeatPicture)
    command(surface, {"event": "element_click", "data": {"click_x": 1.25, "click_y": 13.5}})
    assert heard == [(1.25, 13.5)]
    assert place(chart) == [(1.25, 13.5)]
    for data in ({"click_x": None, "click_y": 1}, {}, None, {"click_x": "x", "click_y": 0}):
        command(surface, {"event": "element_click", "data": data})
    assert len(heard) == 1


def test_a_row_beyond_the_picture_stands_at_its_edge(chart, heard):
    show(chart, row=(9.0, 12.0))
    assert place(chart) == [(4.0, 12.0)]
    assert "row: width 9, height 12, beyond the picture" in words(chart.figure)
    chart.move_row(np.nan, 12.0)
    assert place(chart) == []
    assert "width no value" in words(chart.figure)
    assert heard == []


def test_a_note_stands_above(chart):
    show(chart, title_note="A slice")
    note = chart.figure.children[0]
    assert (words(note), note.layout.display) == ("A slice", None)
    show(chart)
    assert note.layout.display == "none"


def test_no_points_at_all(chart):
    show(chart, points=np.zeros((0, 2)), classes=np.zeros(0, int), class_names=[])
    assert len(marks(chart, bqplot.Scatter)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"surface": np.zeros(3)}, r"probability: expected \(rows, columns\)"),
        ({"surface": np.zeros((1, 5))}, r"probability: .*at least 2 of each"),
        ({"x_range": (1.0, 1.0)}, "x_range: expected two rising numbers"),
        ({"y_range": (0.0, np.nan)}, "y_range: expected two rising numbers"),
        ({"points": np.zeros((4, 3))}, r"points: expected \(points, 2\)"),
        ({"classes": np.zeros(3, int)}, "classes: expected one for each of 4 points, got 3"),
        ({"classes": np.array([0, 1, 2, 0])}, "classes: expected numbers from 0 to 1, got 0 to 2"),
    ],
)
def test_what_does_not_fit_is_refused(chart, arguments, message):
    with pytest.raises(ValueError, match=message):
        show(chart, **arguments)


def test_dates_are_written_as_dates(chart):
    ends = {"x_range": (19723.0, 20453.0), "y_range": (0.0, 1.0), "row": (19724.0, 0.5)}
    show(chart, **ends, times=("date", "time"))
    below, beside = (axis.tick_labels for axis in chart._chart.axes)
    assert below == {"19723": "2024", "20089": "2025"}
    assert {"06:00", "12:00", "18:00"} & set(beside.values())
    assert "row: width 2024-01-02, height 12:00:00" in chart._caption.value
    show(chart)
    assert [axis.tick_labels for axis in chart._chart.axes] == [None, None]
    assert chart._chart.fig_margin["left"] == 60


NAMES = ("reef", "open sea", "lagoon")


def test_categories_have_cells_and_names(chart, heard):
    surface = np.array([[0.0, 1.0], [1.0, 0.0], [0.25, 0.45]])
    points = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, np.nan], [3.0, 2.0]])
    given = {"y_range": (0.0, 2.0), "points": points, "row": (1.5, 1.0), "categories": ((), NAMES)}
    show(chart, surface, **given)
    (picture,) = marks(chart, HeatPicture)
    assert list(picture.y) == [-0.5, 2.5]
    below, beside = plot(chart).axes
    assert (beside.scale.min, beside.scale.max) == (-0.5, 2.5), "points stand in the middle of their cells"
    assert list(beside.tick_values) == [0, 1, 2]
    assert list(beside.tick_labels.values()) == [f"\u2068{name}\u2069" for name in NAMES]
    assert below.tick_labels is None
    assert "row: width 1.5, height open sea" in words(chart.figure)
    cats, _, _ = marks(chart, bqplot.Scatter)
    assert (list(cats.names), cats.tooltip.fields) == (["cat: 2, open sea"], ["name"])
    (line,) = marks(chart, bqplot.Lines)
    parts = np.split(np.stack([line.x, line.y], 1), np.flatnonzero(np.isnan(line.x)))
    crossed = [sorted(map(tuple, part[~np.isnan(part[:, 0])].tolist())) for part in parts]
    assert crossed == [[(2, -0.5), (2, 0.5)], [(2, 0.5), (2, 1.5)]]  # within a category, never from one to the next
    chart.move_row(1.5, np.nan)
    assert "height missing" in words(chart.figure)
    show(chart)
    assert [axis.tick_labels for axis in plot(chart).axes] == [None, None]
    assert marks(chart, bqplot.Scatter)[0].tooltip.fields == ["name", "x", "y"]


def test_points_of_a_category_stand_apart_within_it(chart):
    points = np.tile([[2.5, 1.0]], (60, 1))
    given = {"y_range": (0.0, 2.0), "points": points, "classes": np.zeros(60, int), "categories": ((), NAMES)}
    show(chart, np.array([[0.0, 1.0], [1.0, 0.0], [0.25, 0.45]]), row=(1.5, 1.0), **given)
    cats = marks(chart, bqplot.Scatter)[0]
    assert set(cats.x) == {2.5}, "along numbers they stay where they are"
    assert len(np.unique(np.round(cats.y, 6))) == 60
    assert (np.abs(cats.y - 1.0) < 0.31).all()
    assert np.ptp(cats.y) > 0.5
    assert set(cats.names) == {"cat: 2.5, open sea"}


def test_between_two_categories_there_is_no_line(chart):
    given = {"points": np.array([[1.0, 0.0]] * 4), "row": (0.0, 1.0), "categories": (NAMES, ("low", "high"))}
    show(chart, np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), **given)
    (line,) = marks(chart, bqplot.Lines)
    assert not np.size(line.x)
    assert [list(axis.tick_values) for axis in plot(chart).axes] == [[0, 1, 2], [0, 1]]
    assert "row: width reef, height high" in words(chart.figure)
    show(chart, np.array([[0.25], [0.75]]), **{**given, "categories": (("one",), ("low", "high"))})
    assert (plot(chart).axes[0].scale.min, plot(chart).axes[0].scale.max) == (-0.5, 0.5)
    with pytest.raises(ValueError, match="categories: expected a name for each of 2 rows, got 3"):
        show(chart, **{**given, "categories": (NAMES, NAMES)})


def test_names_below_stand_aslant_where_they_are_long_and_are_left_out_where_they_are_many(chart):
    below = plot(chart).axes[0]
    for count, shown, slanted in ((2, 2, False), (6, 6, True), (40, 14, True)):
        names = [f"a long category {number}" for number in range(count)]
        show(chart, np.zeros((2, count)), categories=(names, ()), row=(0.0, 12.0))
        step = -(-count // shown)
        assert list(below.tick_values) == list(range(0, count, step))
        assert (below.tick_rotate != 0) == slanted
        assert (plot(chart).fig_margin["bottom"] > 40) == slanted
        assert len(set(below.tick_labels.values())) == len(below.tick_labels)
    show(chart)
    assert (below.tick_rotate, plot(chart).fig_margin["bottom"], below.label_offset) == (0, 40, "30px")


def test_where_it_lets_go_is_told(chart, heard):
    chart._on_drop = lambda: heard.append("dropped")
    show(chart)
    mark = row_mark(chart)
    command(mark, {"event": "drag_start", "point": {"x": 1.5, "y": 12.5}, "index": 0})
    moved(mark, 2.0, 11.0)
    command(mark, {"event": "drag_end", "point": {"x": 2.0, "y": 11.0}, "index": 0})
    assert heard == [(2.0, 11.0), "dropped"]


def test_ticks_come_after_what_is_written_at_them(chart, monkeypatch):
    show(chart)
    line = Line(plot(chart).axes[0], monkeypatch)
    for categories in ((NAMES, ()), ((), ())):
        del line.messages[:]
        show(chart, np.zeros((2, 3)), categories=categories, row=(0.0, 12.0))
        labels, values = (
            [number for number, state in enumerate(line.state) if name in state]
            for name in ("tick_labels", "tick_values")
        )
        assert max(labels) < min(values)  # at once the browser may write 0, 1, 2 where names were to be
