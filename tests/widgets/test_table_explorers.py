"""TabularExplorer and GlobalExplorer: what-if, near rows, boundaries, and the rows of a background."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import nn

import nbexplain as nx
from nbexplain.core.dataset.by_group import by_group, groups_of
from nbexplain.core.dataset.dependence import strongest
from nbexplain.core.dataset.row_order import by_likeness
from nbexplain.core.formatting import with_error
from nbexplain.figures.words import title_of as figure_title
from nbexplain.widgets import words
from nbexplain.widgets.boundary_view import BoundaryView
from nbexplain.widgets.boxes import OUTLINE
from nbexplain.widgets.feature_map import FeatureMap
from nbexplain.widgets.feature_words import even
from nbexplain.widgets.groups_view import GroupsView
from nbexplain.widgets.importance_view import ImportanceView
from nbexplain.widgets.layout import title_of
from nbexplain.widgets.near_rows import NearRows, TwoRows
from nbexplain.widgets.row_view import RowView
from nbexplain.widgets.rows_view import RowsView
from nbexplain.widgets.table_parts import ROW_PANES
from nbexplain.widgets.views.partial_dependence_view import PartialDependenceView
from tests.widgets.comm import command, from_browser, living
from tests.widgets.marks import click

DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "size": DRAW.normal(3, 2, 60).round(2),
        "rooms": DRAW.integers(1, 6, 60),
        "kind": DRAW.choice(["flat", "house"], 60),
    }
)
LABELS = (FRAME["size"] + FRAME["rooms"] > 6).to_numpy().astype(int)
WEIGHTS = torch.tensor([[-1.0, -2.0, 0.5], [1.0, 2.0, -0.5]], dtype=torch.float64)


def linear() -> nn.Module:
    model = nn.Linear(3, 2).double()
    with torch.no_grad():
        model.weight.copy_(WEIGHTS)
        model.bias.zero_()
    return model


def row(number: int) -> nx.Tabular:
    return nx.Tabular(FRAME.iloc[number], FRAME, labels=LABELS)


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


@pytest.fixture
def explorer() -> Iterator[nx.Explorer]:
    explorer = nx.TabularExplorer(
        linear(), [row(0), row(1)], classes=["cheap", "dear"], target="dear", method="lime", show=ROW_PANES
    )
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(each for each in explorer._parts if isinstance(each, kind))


def score(values: list[float]) -> float:
    return float(torch.tensor(values, dtype=torch.float64) @ WEIGHTS[1])


# What if


def test_a_control_for_each_column(explorer: nx.Explorer) -> None:
    size, rooms, kind = part(explorer, RowView).pane.features
    assert (size["kind"], size["low"], size["high"]) == ("number", FRAME["size"].min(), FRAME["size"].max())
    assert (rooms["integer"], rooms["step"], rooms["low"], rooms["high"]) == (True, 1, 1, 5)
    assert (kind["kind"], kind["choices"]) == ("category", ["flat", "house"])


def test_a_changed_value_is_explained(explorer: nx.Explorer) -> None:
    editor = part(explorer, RowView).pane
    wanted = [4.5, 2.0, 1.0]
    from_browser(editor, values=wanted)
    assert explorer.session.wait(60)
    assert explorer.session.inputs[0].tensor.tolist() == [wanted]
    assert float(explorer.session.facts.scores[0][0, 1]) == pytest.approx(score(wanted))
    assert "logit 8.00" in explorer._status.text  # 4.5 + 4 − 0.5
    assert editor.row == row(0).tensor[0].tolist()  # the row as it was given is still known


def test_the_columns_are_weighed_and_ordered(explorer: nx.Explorer) -> None:
    editor, now = part(explorer, RowView).pane, part(explorer, FeatureMap)._now
    assert editor.weights == now.values.tolist()
    assert editor.order == np.argsort(-np.abs(now.values)).tolist()


def test_a_value_that_the_session_cannot_take_is_said(explorer: nx.Explorer) -> None:
    view = part(explorer, RowView)
    view._change([1.0, 2.0, 7.0])
    assert explorer.session.wait(60)
    assert view.pane.notice == "values: 'kind' has no category number 7"
    assert explorer.session.inputs[0].tensor.tolist() == row(0).tensor.tolist()


def test_another_input_keeps_what_was_changed(explorer: nx.Explorer) -> None:
    editor = part(explorer, RowView).pane
    from_browser(editor, values=[4.5, 2.0, 1.0])
    explorer.input = 1
    assert explorer.session.wait(60)
    assert editor.values == row(1).tensor[0].tolist()
    explorer.input = 0
    assert explorer.session.wait(60)
    assert (editor.values, editor.row) == ([4.5, 2.0, 1.0], row(0).tensor[0].tolist())


def test_what_another_pane_changes_of_the_row_is_marked_and_can_be_reset(explorer: nx.Explorer) -> None:
    editor, given = part(explorer, RowView).pane, row(0).tensor[0].tolist()
    changed = [2.5, 4.0, given[2]]
    part(explorer, BoundaryView)._dragged(0, 2.5, 4.0)
    assert explorer.session.wait(60)
    assert (editor.values, editor.row) == (changed, given)
    explorer.session.replace(0, explorer.session.inputs[0].another([1.0, 2.0, 1.0]))  # as another explorer does
    assert explorer.session.wait(60)
    assert (editor.values, editor.row) == ([1.0, 2.0, 1.0], given)
    from_browser(editor, values=given, seen=editor.written)
    assert explorer.session.wait(60)
    assert explorer.session.inputs[0].tensor[0].tolist() == given


def test_a_row_made_anew_is_a_given_one(explorer: nx.Explorer) -> None:
    editor, other = part(explorer, RowView).pane, row(7).tensor[0].tolist()
    explorer.session.replace(0, row(7))
    assert explorer.session.wait(60)
    assert (editor.values, editor.row) == (other, other)
    from_browser(editor, values=[4.5, 2.0, 1.0], seen=editor.written)
    assert explorer.session.wait(60)
    explorer.session.replace(0, again := row(7))
    assert explorer.session.wait(60)
    assert (editor.values, editor.row) == (other, other)
    from_browser(editor, values=[4.5, 2.0, 1.0], seen=editor.written)
    explorer.session.replace(0, again)
    assert explorer.session.wait(60)
    assert (editor.values, editor.row) == (other, other)


def test_a_click_on_a_bar_shows_its_column_and_the_column_that_is_shown_is_outlined() -> None:
    explorer = nx.TabularExplorer(linear(), row(0), show=["map", "waterfall", "force", "partial"])
    assert explorer.session.wait(60)
    view, partial = part(explorer, FeatureMap), part(explorer, PartialDependenceView)
    charts = (view._bars, view._waterfall, view._force)
    shapes = (view._bars._rows.boxes, view._waterfall._rows.boxes, view._force._arrows)

    def outlined() -> list[list[int]]:
        """The columns whose shapes have an outline, chart by chart."""
        parts = [[part.feature for part in chart._parts] for chart in charts[1:]]
        marked = [[n for n, colour in enumerate(shape.colors) if colour == OUTLINE] for shape in shapes]
        return [[column[n] for n in each] for column, each in zip((view._bars._order, *parts), marked, strict=True)]

    largest = int(np.abs(view._now.values).argmax())
    assert partial.column.value == largest
    assert outlined() == [[largest]] * 3
    other = view._bars._order[1]
    click(shapes[0], 1)
    assert explorer.session.wait(60)
    assert partial.column.value == other
    assert partial._now.grid.column == FRAME.columns[other]
    assert outlined() == [[other]] * 3
    for chart, shape in zip(charts[1:], shapes[1:], strict=True):
        place = [part.feature for part in chart._parts].index(largest)
        click(shape, place)
        assert explorer.session.wait(60)
        assert partial.column.value == largest
        from_browser(partial.column, index=other)
        assert explorer.session.wait(60)
        assert outlined() == [[other]] * 3
    explorer.close()


# Beside other rows


def test_the_nearest_rows_and_their_scores(explorer: nx.Explorer) -> None:
    table = part(explorer, NearRows).table
    background = row(0).background
    assert background is not None
    here = row(0).tensor[0].numpy()
    apart = np.abs(background - here) / background.std(0)
    apart[:, 2] = background[:, 2] != here[2]
    nearest = np.argsort(apart.mean(1), kind="stable")[:6]
    assert [r["label"] for r in table.rows] == ["this row", *(f"row {n}" for n in nearest)]
    assert nearest[0] == 0  # the row is one of the background
    columns = table.columns[2:5]  # before the label: the last ones are beyond the edge of a narrow page
    assert table.columns == ["distance", "score of dear", *columns, "label"]
    places = [row(0).names.index(name) for name in columns]
    spread = apart[nearest].mean(0)[places]
    assert (np.diff(spread) <= 0).all()
    for shown, number in zip(table.rows[1:], nearest, strict=True):
        assert shown["cells"][1] == f"{score(background[number].tolist()):.2f}".replace("-", "−")
        said = [row(0).columns[place].said(background[number, place]) for place in places]
        assert shown["cells"][2:] == [*said, ["cheap", "dear"][LABELS[number]]]
        assert shown["marks"] == [2 + k for k, place in enumerate(places) if apart[number, place] > 1]


CODES = np.arange(20) % 3
HELD = np.stack([np.arange(20.0), CODES], 1)
LACKING = np.where(np.arange(20) == 0, None, CODES + 1)


@pytest.mark.parametrize(
    ("model", "labels", "classes", "said"),
    [
        (LogisticRegression(), CODES + 1, None, ["class 1", "class 2", "class 3"]),
        (LogisticRegression(), CODES + 1, ["low", "mid", "high"], ["low", "mid", "high"]),
        (LogisticRegression(), LACKING, None, ["no label", "class 2", "class 3"]),
        (LogisticRegression(), CODES + 5, None, ["5", "6", "7"]),  # which the model does not know
        (LinearRegression(), CODES * 1000 - 1, None, ["−1", "999", "1,999"]),
        (LinearRegression(), CODES / 4, None, ["0.00", "0.25", "0.50"]),
        (LinearRegression(), np.where(np.arange(20) == 0, np.nan, CODES), None, ["no label", "1.00", "2.00"]),
    ],
)
def test_the_labels_of_the_nearest_rows(model: Any, labels: np.ndarray, classes: Any, said: list[str]) -> None:
    held = HELD[:, :1]
    fitted = model.fit(held, CODES + 1)
    shown = nx.TabularExplorer(fitted, nx.Tabular(held[0], held, labels=labels), classes=classes, show=["nearest"])
    assert shown.session.wait(60)
    rows = {line["label"]: line["cells"][-1] for line in part(shown, NearRows).table.rows}
    assert [rows[f"row {number}"] for number in range(3)] == said
    shown.close()


def test_nearest_rows_say_which_columns_they_show(explorer: nx.Explorer) -> None:
    assert part(explorer, NearRows).table.note == ""
    wide = np.random.default_rng(0).normal(size=(20, 7))
    other = nx.TabularExplorer(lambda rows: rows[:, :1], nx.Tabular(wide[0], wide), show=["nearest"])
    assert other.session.wait(60)
    assert part(other, NearRows).table.note == "The 5 of 7 columns that differ most."
    other.close()


def test_a_near_row_that_is_chosen_is_explained(explorer: nx.Explorer) -> None:
    table = part(explorer, NearRows).table
    number = int(table.rows[3]["label"].split()[1])
    from_browser(table, chosen=3)
    assert explorer.session.wait(60)
    assert explorer.session.inputs[0].tensor[0].tolist() == row(number).tensor[0].tolist()
    assert part(explorer, RowView).pane.values == row(number).tensor[0].tolist()


def test_two_rows_column_by_column(explorer: nx.Explorer) -> None:
    table, view = part(explorer, TwoRows).table, part(explorer, FeatureMap)
    theirs = nx.explain(linear(), row(1), "lime", target=1).values
    ours = view._now.values
    by_name = {shown["label"]: shown for shown in table.rows}
    for place, name in enumerate(FRAME.columns):
        np.testing.assert_allclose(
            by_name[name]["numbers"][2:], [ours[place], theirs[place], ours[place] - theirs[place]]
        )
    assert [r["label"] for r in table.rows] == [FRAME.columns[i] for i in np.argsort(-np.abs(ours - theirs))]
    written = even([number for shown in table.rows for number in shown["numbers"][2:]])
    assert [cell for shown in table.rows for cell in shown["cells"][2:]] == written


def test_the_input_that_is_chosen_stands_beside_the_one_before(explorer: nx.Explorer) -> None:
    table = part(explorer, TwoRows).table
    assert table.title == "Beside input 1"
    explorer.session.select(input=1)
    assert explorer.session.wait(60)
    ours, theirs = (nx.explain(linear(), row(number), "lime", target=1).values for number in (1, 0))
    assert (table.title, table.columns[1], table.columns[3]) == ("Beside input 0", "input 0", "of input 0")
    by_name = {shown["label"]: shown["numbers"][2:] for shown in table.rows}
    for place, name in enumerate(FRAME.columns):
        np.testing.assert_allclose(by_name[name], [ours[place], theirs[place], ours[place] - theirs[place]])


def test_the_status_line_is_about_what_took_longest_where_no_pane_follows_the_method() -> None:
    numbers = FRAME[["size", "rooms"]].to_numpy(float)
    forest = RandomForestClassifier(5, random_state=0).fit(numbers, LABELS)
    explorer = nx.GlobalExplorer(forest, nx.Tabular(numbers[0], numbers, labels=LABELS), show=["permutation"])
    assert explorer.session.wait(60)
    assert explorer._status.text.startswith("Permutation importance")
    explorer.close()


def test_a_method_that_is_stopped_while_it_waits_is_said_to_be() -> None:
    held, go = threading.Event(), threading.Event()

    def slow(rows: pd.DataFrame) -> np.ndarray:
        if threading.current_thread().name == "nbexplain" and len(rows) > 1:
            held.set()
            assert go.wait(60)
        return np.asarray(rows["size"], float)

    explorer = nx.TabularExplorer(slow, row(0), method="permutation_shap", show=["map"])
    assert held.wait(60)
    explorer.session.select(method="kernel_shap")
    explorer.session.stop()
    go.set()
    assert explorer.session.wait(60)
    assert (explorer._status.text, explorer._status.running) == ("Kernel SHAP: stopped before the first picture", False)
    explorer.close()


def test_a_pane_that_was_stopped_says_so_beside_others_that_are_whole() -> None:
    explorer = nx.GlobalExplorer(linear(), row(0), show=["importance", "partial"])
    assert explorer.session.wait(60)
    view, whole = part(explorer, PartialDependenceView), explorer._status.text
    answer = explorer._answers[view._place]
    half = dataclasses.replace(answer.explanation, progress=0.56)
    view._show(view._place, dataclasses.replace(answer, state="stopped", explanation=half))
    assert view._frame.children[1].value == "stopped at 56%"
    assert explorer._status.text == f"{whole} · Partial dependence stopped at 56%"
    view._show(view._place, answer)
    assert view._frame.children[1].value == ""
    assert explorer._status.text == whole
    explorer.close()


# Boundaries


def test_the_boundary_and_the_row_in_it(explorer: nx.Explorer) -> None:
    view = part(explorer, BoundaryView)
    chart = view._charts[0]
    assert chart._row == tuple(row(0).tensor[0, :2].tolist())
    view._dragged(0, 2.5, 4.0)
    assert explorer.session.wait(60)
    assert explorer.session.inputs[0].tensor[0].tolist() == [2.5, 4.0, row(0).tensor[0, 2].item()]
    assert chart._row == (2.5, 4.0)


def test_a_column_of_very_many_categories_is_no_axis_until_it_is_chosen() -> None:
    frame = pd.DataFrame({"name": [f"n{number}" for number in range(300)], "a": range(300), "b": range(300, 0, -1)})

    def score(rows: pd.DataFrame) -> np.ndarray:
        return rows["a"].to_numpy(float)

    given = nx.Tabular(frame.iloc[[1]], frame)
    explorer = nx.TabularExplorer(score, given)
    assert explorer.session.wait(60)
    assert part(explorer, BoundaryView)._slices[0].plane.names == ("a", "b")
    explorer.close()
    two = nx.TabularExplorer(score, nx.Tabular(frame.iloc[[1], :2], frame.iloc[:, :2]))
    assert two.session.wait(60)
    assert not any(isinstance(one, BoundaryView) for one in two._parts)
    assert two._status.error == ""
    two.close()


def test_three_components_are_three_slices(explorer: nx.Explorer) -> None:
    view = part(explorer, BoundaryView)
    assert ["nbx-away" in frame._dom_classes for frame in view._frames] == [False, True, True]
    view._x.value = "kind"
    assert explorer.session.wait(60)
    assert view._slices[0].plane.names == ("kind", "rooms")
    view._kind.value = "two components"
    assert explorer.session.wait(60)
    assert view._slices[0].plane.is_slice


SEA = pd.DataFrame({"size": np.linspace(0, 9, 60), "zone": ["reef", "sea", "bay"] * 20, "depth": np.arange(60) % 7})


def swims(rows: pd.DataFrame) -> np.ndarray:
    return rows["size"].to_numpy(float) / 9 - (rows["zone"] == "sea").to_numpy() * 0.3


@pytest.fixture
def at_sea() -> Iterator[nx.Explorer]:
    shown = nx.TabularExplorer(swims, nx.Tabular(SEA.iloc[0], SEA), show=["boundary"])
    assert shown.session.wait(60)
    yield shown
    shown.close()


def test_the_row_snaps_to_a_category_and_its_mark_goes_there_when_the_hand_lets_go(at_sea: nx.Explorer) -> None:
    view = part(at_sea, BoundaryView)
    chart = view._charts[0]
    categories = list(at_sea.session.inputs[0].columns[1].categories)
    chart._hold(True)
    chart._on_drag(3.25, categories.index("sea") + 0.4)
    assert at_sea.session.wait(60)
    assert at_sea.session.inputs[0].tensor[0].tolist()[:2] == [3.25, categories.index("sea")]
    chart._hold(False)
    assert at_sea.session.wait(60)
    assert chart._row == (3.25, categories.index("sea"))
    assert "row: size 3.25, zone sea" in chart._caption.value
    assert [str(name) for name in chart._categories[1]] == categories


def test_the_row_snaps_to_whole_numbers_and_whole_days_where_a_column_holds_no_others() -> None:
    frame = pd.DataFrame(
        {
            "visits": [3.0, 1.0, np.nan, 20.0],
            "since": pd.to_datetime(["2024-01-01", "2024-03-01", "2024-05-01", "2024-02-01"]),
            "rate": [0.5, 1.0, 2.0, 4.0],
        }
    )
    shown = nx.TabularExplorer(lambda rows: rows["rate"].to_numpy(), nx.Tabular(frame.iloc[[0]], frame))
    assert shown.session.wait(60)
    view = part(shown, BoundaryView)
    chart = view._charts[0]
    chart._hold(True)
    chart._on_drag(7.4, 19730.6)  # 2024-01-08 is day 19730
    assert shown.session.wait(60)
    assert shown.session.inputs[0].tensor[0].tolist() == [7.0, 19731.0, 0.5]
    chart._hold(False)
    assert shown.session.wait(60)
    assert chart._row == (7.0, 19731.0)
    view._y.value = "rate"
    assert shown.session.wait(60)
    view._dragged(0, 3.6, 1.37)
    assert shown.session.wait(60)
    assert shown.session.inputs[0].tensor[0].tolist() == [4.0, 19731.0, 1.37]
    assert part(shown, RowView).pane.row == [3.0, 19723.0, 0.5]
    shown.close()


def test_rows_without_a_value_on_an_axis_are_counted() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0, np.nan], "b": [1.0, 3.0, 2.0, np.nan, 5.0]})
    shown = nx.TabularExplorer(lambda rows: np.zeros(len(rows)), nx.Tabular(frame.iloc[[0]], frame), show=["boundary"])
    assert shown.session.wait(60)
    said = part(shown, BoundaryView)._charts[0]._caption.value.replace("\u2068", "").replace("\u2069", "")
    assert said.endswith(" · 2 rows without a · 1 row without b")
    shown.close()


def test_a_plane_that_is_gone_is_told_of_no_more(at_sea: nx.Explorer) -> None:
    view = part(at_sea, BoundaryView)
    for name in ("depth", "zone", "depth"):
        view._x.value = name
        assert at_sea.session.wait(60)
    (call,) = (line for line in at_sea.code().splitlines() if "'boundary'" in line)
    assert "horizontal='depth'" in call
    assert [answer.explanation.names[0] for answer in at_sea._answers.values()] == ["depth"]
    assert [answer.explanation.names[0] for answer in at_sea._drawn.values()] == ["depth"]
    view._kind.value = "two components"
    assert at_sea.session.wait(60)
    assert at_sea.code().count("'boundary'") == 1


def test_the_column_of_the_other_axis_swaps_the_two(at_sea: nx.Explorer) -> None:
    view = part(at_sea, BoundaryView)
    assert (view._x.value, view._y.value) == ("size", "zone")
    view._x.value = "zone"
    assert (view._x.value, view._y.value) == ("zone", "size")
    view._y.value = "zone"
    assert (view._x.value, view._y.value) == ("size", "zone")
    view._y.value = "depth"
    assert at_sea.session.wait(60)
    assert view._slices[0].plane.names == ("size", "depth")
    assert at_sea._status.error == ""


def test_the_boundary_says_which_planes_there_are_not(at_sea: nx.Explorer) -> None:
    view = part(at_sea, BoundaryView)
    assert view._kind.options == ("two columns", "two components")  # of two numbers
    assert (view._kind.disabled, view._x.disabled, view._why.value) == (False, False, "")
    view._kind.value = "two components"
    assert at_sea.session.wait(60)
    assert view._x.disabled
    assert view._y.disabled
    assert view._why.value == view._x.tooltip == "Right and Up choose columns, and this plane runs along components"
    view._kind.value = "two columns"
    assert at_sea.session.wait(60)
    assert (view._x.disabled, view._why.value, view._x.tooltip) == (False, "", "")

    holed = SEA.assign(depth=SEA["depth"].where(SEA.index != 4))
    for frame, why in (
        (holed, "background: row 4 holds NaN or infinity in 'depth': there are no components"),
        (SEA.drop(columns="depth").assign(one=2.0), "No components: they take two numbers that vary"),
    ):
        with_out = nx.TabularExplorer(swims, nx.Tabular(frame.iloc[0], frame), show=["boundary"])
        assert with_out.session.wait(60)
        other = part(with_out, BoundaryView)
        assert (other._kind.options, other._kind.disabled) == (("two columns",), True)
        assert other._why.value.startswith(why)
        assert other._kind.tooltip == other._why.value
        with_out.close()


# All rows


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    table = FRAME.assign(kind=(FRAME["kind"] == "house").astype(int))
    return RandomForestClassifier(8, random_state=0).fit(table.to_numpy(), LABELS)


@pytest.fixture
def everything(forest: RandomForestClassifier) -> Iterator[nx.Explorer]:
    table = FRAME.assign(kind=(FRAME["kind"] == "house").astype(int)).to_numpy(float)
    given = nx.Tabular(table[0], table, names=list(FRAME.columns), labels=LABELS)
    explorer = nx.GlobalExplorer(forest, given, classes=["cheap", "dear"], target="dear")
    assert explorer.session.wait(120)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def test_a_clicked_point_becomes_the_explained_row(everything: nx.Explorer) -> None:
    view = part(everything, RowsView)
    assert view._now.values.shape == (60, 3)
    view._choose_row(5)
    assert everything.session.wait(60)
    held = view._points()[5]
    assert everything.session.inputs[0].tensor[0].tolist() == held.tolist()
    assert view._now.values.shape == (60, 3)  # what was found over the rows does not depend on the row


def test_a_clicked_bar_is_the_column_of_the_dependence_chart(everything: nx.Explorer) -> None:
    view = part(everything, RowsView)
    assert view.column.value == int(np.abs(view._now.values).mean(0).argmax())
    view.choose_column(1)
    assert everything.session.wait(60)
    x = np.sort(view._dependence._cloud.mark.x)
    np.testing.assert_allclose(x, np.sort(view._points()[:, 1]))


def test_the_forests_own_importance_stands_beside(everything: nx.Explorer, forest: RandomForestClassifier) -> None:
    view = part(everything, ImportanceView)
    np.testing.assert_allclose(view._other.values, forest.feature_importances_)
    assert view._now.method == "permutation_importance"


def test_importance_names_a_class_only_where_it_is_of_its_score(
    everything: nx.Explorer, forest: RandomForestClassifier
) -> None:
    titles = [title_of(view._frame).value for view in everything._parts if isinstance(view, ImportanceView)]
    assert titles == ["Permutation importance · fall of the accuracy", "LIME over rows · dear"]
    given = everything.session.inputs[0]
    found = [nx.explain(forest, given, "permutation_importance", target=target) for target in (0, 1)]
    np.testing.assert_array_equal(found[0].values, found[1].values)
    assert words.about(found[1], everything.session) == ""
    assert figure_title(found[1], None) == "Permutation importance · fall of the accuracy"
    bare = nx.explain(forest, nx.Tabular(given.tensor[0].numpy(), given.background), "permutation_importance", target=1)
    assert words.about(bare, everything.session) == " for dear (probability)"
    assert figure_title(bare, ["cheap", "dear"]) == "Permutation importance · dear"


def test_a_clicked_bar_of_any_importance_is_the_column_of_all_charts_of_one_column(everything: nx.Explorer) -> None:
    partial, rows = part(everything, PartialDependenceView), part(everything, RowsView)
    views = [view for view in everything._parts if isinstance(view, ImportanceView)]
    assert [view._method for view in views] == ["permutation_importance", "averaged_lime"]
    for view in views:
        for column in (1, 0):
            view._bars._on_choose(column)
            assert everything.session.wait(60)
            assert partial.column.value == rows.column.value == column
            assert partial._now.grid.column == FRAME.columns[column]
            for bars in (view._bars, rows._bars):
                outlined = [bar for bar, colour in enumerate(bars._rows.boxes.colors) if colour == OUTLINE]
                assert {bars._order[bar % len(bars._order)] for bar in outlined} == {column}


def test_points_are_told_by_the_number_of_their_row_in_the_background(everything: nx.Explorer) -> None:
    rows = part(everything, RowsView)
    everything.session.select(where=everything.session.selection.where.put({FRAME.columns[0]: _upper_half()}))
    assert everything.session.wait(60)
    numbers = rows._now.features
    assert 0 < len(numbers) < 60
    assert set(rows._swarm._cloud.mark.rotation.tolist()) == set(numbers.tolist()) != set(range(len(numbers)))


def _upper_half() -> tuple[float, float]:
    held = FRAME[FRAME.columns[0]]
    return float(held.median()), float(held.max())


def test_class_scores_say_of_how_many_classes_they_are() -> None:
    table = FRAME[[FRAME.columns[0], FRAME.columns[1]]].to_numpy(float)
    for count, said in ((24, "Class scores · 10 of 24 classes"), (10, "Class scores")):

        def model(rows: np.ndarray, count: int = count) -> np.ndarray:
            return rows[:, :1] * np.linspace(1, 2, count)

        explorer = nx.TabularExplorer(model, nx.Tabular(table[0], table), show=["classes"])
        assert explorer.session.wait(60)
        assert title_of(explorer._parts[0].panes[0]).value == said
        explorer.close()


def test_groups_of_a_column(everything: nx.Explorer, forest: RandomForestClassifier) -> None:
    view = part(everything, GroupsView)
    view._column.value = 2
    assert everything.session.wait(60)
    assert view._scores_table.title.endswith(", with standard errors (of shares: Wilson)")
    rows = {shown["label"]: shown["numbers"] for shown in view._scores_table.rows}
    table = FRAME.assign(kind=(FRAME["kind"] == "house").astype(int)).to_numpy(float)
    predicted = forest.predict_proba(table)
    for group in (0, 1):
        inside = table[:, 2] == group
        right = (predicted[inside].argmax(1) == LABELS[inside]).mean()
        np.testing.assert_allclose(rows[str(group)][0], inside.sum())
        np.testing.assert_allclose(rows[str(group)][1], predicted[inside, 1].mean())
        np.testing.assert_allclose(rows[str(group)][3], right)


def test_groups_know_labels_that_are_names() -> None:
    table = FRAME.assign(kind=(FRAME["kind"] == "house").astype(int)).to_numpy(float)
    names = np.array(["low", "high"])[LABELS]  # in the model's order "high" comes first
    model = RandomForestClassifier(8, random_state=0).fit(table, names)
    explorer = nx.GlobalExplorer(model, nx.Tabular(table[0], table, labels=names), show=["groups"])
    assert explorer.session.wait(120)
    view = part(explorer, GroupsView)
    view._column.value = 2
    assert explorer.session.wait(60)
    for shown in view._scores_table.rows:
        inside = table[:, 2] == int(shown["label"])
        assert shown["numbers"][3] == pytest.approx(model.score(table[inside], names[inside]))
    explorer.close()


def test_a_method_that_no_pane_asks_is_not_offered() -> None:
    def offered(show: list[str], **more: Any) -> list[str]:
        explorer = nx.TabularExplorer(linear(), row(0), show=show, **more)
        found: list[str] = explorer.children[0].show
        explorer.close()
        return found

    assert offered(["editor", "partial", "nearest"]) == ["input", "target"]
    assert offered(["editor", "classes"]) == ["input", "target"]
    assert offered(["editor", "map"]) == ["input", "method", "target", "params"]
    assert offered(["partial"], controls=["method"]) == ["method"]


def test_groups_of_a_regression_are_told_by_their_scores_alone() -> None:
    table = FRAME.assign(kind=(FRAME["kind"] == "house").astype(int)).to_numpy(float)
    truth = table[:, 0] * 3
    model = RandomForestRegressor(8, random_state=0).fit(table, truth)
    explorer = nx.GlobalExplorer(model, nx.Tabular(table[0], table, labels=truth), show=["groups"])
    assert explorer.session.wait(120)
    shown = part(explorer, GroupsView)._scores_table
    assert shown.columns == ["rows", "mean score"]
    assert shown.title.endswith(", with standard errors")  # there is no share
    assert [len(row["cells"]) for row in shown.rows] == [2] * len(shown.rows) != []
    explorer.close()


def test_of_very_many_groups_the_largest_are_told() -> None:
    names = [f"n{number:03d}" for number in range(300)] + ["n299", "n007"]
    frame = pd.DataFrame({"name": names, "a": np.arange(302.0)})
    given = nx.Tabular(frame.iloc[[1]], frame)
    explorer = nx.GlobalExplorer(lambda rows: rows["a"].to_numpy(float), given, show=["groups"])
    assert explorer.session.wait(120)
    shown = part(explorer, GroupsView)._scores_table
    counts = {row["label"]: row["numbers"][0] for row in shown.rows}
    assert len(counts) == 200
    assert [name for name, count in counts.items() if count == 2] == ["n007", "n299"]
    assert shown.note == "The 200 largest of 300 groups. A mean over 1 row has no standard error."
    explorer.close()


def test_what_counts_in_two_groups_and_how_far_they_differ(
    everything: nx.Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbexplain.widgets.groups_view._APART", 0.5)  # these groups are too much alike for three
    view = part(everything, GroupsView)
    marked, count = 0, 0
    for column in (1, 2, 0):
        view._column.value = column
        assert everything.session.wait(60)
        rows, columns = view._differences.rows, view._differences.columns
        groups = groups_of(everything.session.inputs[0], column)[view._values.features]
        found = by_group(view._values, groups_of(everything.session.inputs[0], column))
        names = [heading.rpartition(" (")[0] for heading in columns[:2]]
        assert columns[:2] == [f"{name} ({(groups == name).sum()} rows)" for name in names]
        means = [np.abs(view._values.values[groups == name]).mean(0) for name in names]
        errors = [found[name].errors for name in names]
        for shown in rows:
            place = list(FRAME.columns).index(shown["label"])
            first, second = (mean[place] for mean in means)
            np.testing.assert_allclose(shown["numbers"], [first, second, first - second])
            error = np.hypot(errors[0][place], errors[1][place])
            assert shown["cells"][2] == with_error(first - second, error)
            far = abs(first - second) > 0.5 * error
            assert shown["marks"] == ([2] if far else [])
            marked, count = marked + far, count + 1
        apart = [abs(shown["numbers"][2]) for shown in rows]
        assert apart == sorted(apart, reverse=True)
    assert 0 < marked < count


def test_a_group_of_one_row_has_no_standard_error() -> None:
    frame = pd.DataFrame({"kind": ["flat"] * 9 + ["mill"], "a": np.arange(10.0)})
    given = nx.Tabular(frame.iloc[[1]], frame)
    explorer = nx.GlobalExplorer(lambda rows: 2 * rows["a"].to_numpy(float), given, show=["groups"])
    assert explorer.session.wait(120)
    view = part(explorer, GroupsView)
    scores = {row["label"]: row["cells"] for row in view._scores_table.rows}
    assert scores["mill"] == ["1", "18"]
    assert scores["flat"] == ["9", with_error(8.0, np.arange(0, 18, 2).std(ddof=1) / 3 * 2.306004 / 1.959964)]
    assert view._scores_table.note == "A mean over 1 row has no standard error."
    assert view._differences.columns == ["flat (9 rows)", "mill (1 row)", "difference"]
    cells = {row["label"]: row["cells"] for row in view._differences.rows}
    assert cells["a"][1:] == ["9", "−4.44"]  # 2 · |9 − 4.5|, and 2 · 20.5 / 9 from 0 … 8 less that
    assert "±" in cells["a"][0]
    assert view._differences.note == "A mean over 1 row has no standard error."
    explorer.close()


def test_a_brush_fades_the_other_rows(everything: nx.Explorer) -> None:
    view = part(everything, RowsView)
    view._brush(np.array([0, 3]), "beeswarm")
    assert everything.session.wait(60)
    mark = view._dependence._cloud.mark
    assert sum(len(colour) == len("#rrggbb") for colour in mark.colors) == 2  # the others have got an opacity


def test_a_brush_fades_lines_and_cells_of_other_rows_and_a_line_explains_its_row(everything: nx.Explorer) -> None:
    view = part(everything, RowsView)
    view._brush(np.array([0, 3]), "beeswarm")
    assert everything.session.wait(60)
    lines = [colour for mark in view._decision._marks if len(mark.x) for colour in mark.colors]
    assert sum(not colour.endswith("14") for colour in lines) == 2
    assert view._heatmap._lit.tolist() == [0, 3]
    assert view._heatmap._rows.tolist() == by_likeness(view._now.values).tolist()
    scores = view._now.base + view._now.values.sum(1)
    ends = np.concatenate([mark.x[:, -1] for mark in view._decision._marks if len(mark.x)])
    np.testing.assert_allclose(np.sort(ends), np.sort(scores), atol=1e-9)
    view._brush(None, "beeswarm")
    command(view._decision._marks[0], {"event": "element_click", "data": {"index": 4}})
    assert everything.session.wait(60)
    number = view._decision._rows[0][4]
    assert everything.session.inputs[0].tensor[0].tolist() == view._points()[number].tolist()


def test_charts_say_over_how_many_rows_the_base_value_is_the_mean() -> None:
    explorer = nx.TabularExplorer(linear(), row(0), method="exact_shap", show=["waterfall", "force"])
    explorer.session.select(params={"exact_shap": {"background": 40}})
    assert explorer.session.wait(60)
    one = part(explorer, FeatureMap)
    for chart in (one._waterfall, one._force):
        assert "over 40 rows" in chart._caption.value
    explorer.close()
    explorer = nx.GlobalExplorer(linear(), row(0), show=["decision", "heatmap"])
    assert explorer.session.wait(60)
    each = part(explorer, RowsView)
    for chart in (each._decision, each._heatmap):
        assert f"over {each._now.details['background rows']} rows" in chart._caption.value
    explorer.close()


def test_a_brush_is_seen_only_where_it_says_which_rows_are_chosen(everything: nx.Explorer) -> None:
    session, view = everything.session, part(everything, RowsView)
    swarm, dependence = view._swarm._cloud, view._dependence._cloud

    def lit(mark: Any) -> int:
        return sum(len(colour) == len("#rrggbb") for colour in mark.colors)

    def brush(cloud: Any) -> Any:
        from_browser(cloud.control, value=True)
        with cloud._brush.hold_trait_notifications():
            cloud._brush.selected_x, cloud._brush.selected_y = np.sort(cloud.mark.x)[[0, 11]], np.array([-9.0, 9.0])
        assert session.wait(60)
        return cloud._brush

    one = brush(dependence)
    chosen = view._now.features[view._dependence._cloud._inside]
    count = len(chosen)
    assert 0 < count < len(view._now.features)
    assert lit(dependence.mark) == count  # where it is, too
    other = brush(swarm)
    assert (one.selected_x, other.selected_x is None) == (None, False)
    from_browser(dependence.control, value=False)  # it has not chosen these
    assert session.wait(60)
    chosen = view._now.features[swarm._inside]
    assert lit(dependence.mark) == len(chosen) < len(view._now.features)
    session.select(target=1 - session.selection.target)  # of two classes every value has the other sign
    assert session.wait(60)
    assert other.selected_x is None
    assert lit(dependence.mark) == len(chosen)
    assert set(view._now.features[view._dependence._cloud._lit]) == set(chosen)
    left = np.delete(np.arange(60), chosen[1:])  # one of them, at another place
    sizes = FRAME["size"].to_numpy()
    name = session.inputs[0].names[0]
    session.select(where={name: set(sizes[left].tolist()) - set(sizes[chosen[1:]].tolist())})
    assert session.wait(60)
    assert view._now.features[view._dependence._cloud._lit].tolist() == [chosen[0]]
    session.select(where={name: set(sizes[np.delete(np.arange(60), chosen)].tolist()) - set(sizes[chosen].tolist())})
    assert session.wait(60)
    assert lit(dependence.mark) == len(view._now.features)  # none of them is shown: none is chosen
    from_browser(swarm.control, value=False)
    assert session.wait(60)


def test_rows_of_a_wrong_class_are_dashed(forest: RandomForestClassifier) -> None:
    table = FRAME.assign(kind=(FRAME["kind"] == "house").astype(int)).to_numpy(float)
    labels = np.where(np.arange(60) % 20 == 3, 1 - LABELS, LABELS)
    explorer = nx.GlobalExplorer(forest, nx.Tabular(table[0], table, labels=labels), show=["decision"])
    assert explorer.session.wait(60)
    view = part(explorer, RowsView)
    wrong = forest.predict(table) != labels
    assert view._wrong().tolist() == wrong[view._now.features].tolist()
    assert len(view._decision._marks[1].x) == wrong.sum() >= 2
    explorer.close()


def test_rows_without_a_label_are_not_of_a_wrong_class() -> None:
    fitted = LogisticRegression().fit(HELD, CODES > 0)
    right = fitted.predict(HELD)
    labels = np.where(np.arange(20) % 2, right ^ (np.arange(20) == 3), None)
    explorer = nx.GlobalExplorer(fitted, nx.Tabular(HELD[0], HELD, labels=labels), show=["decision"])
    assert explorer.session.wait(60)
    view = part(explorer, RowsView)
    assert view._now.features[view._wrong()].tolist() == [3]
    explorer.close()


def test_the_column_on_which_another_depends_most() -> None:
    draw = np.random.default_rng(1)
    held = draw.normal(size=(400, 4))
    values = np.zeros((400, 4))
    values[:, 0] = held[:, 0] * (held[:, 2] > 0)
    assert strongest(held, values, 0) == 2
    assert strongest(held[:3], values[:3], 0) is None


def test_what_needs_a_background_is_left_out_without_one() -> None:
    explorer = nx.TabularExplorer(linear(), nx.Tabular([1.0, 2.0, 0.0], names=["a", "b", "c"]), method="gradient")
    assert explorer.session.wait(60)
    kinds = {type(each) for each in explorer._parts}
    assert RowView in kinds
    assert not kinds & {NearRows, BoundaryView, TwoRows}
    values = part(explorer, FeatureMap)._now.values
    np.testing.assert_allclose(values, WEIGHTS[int(explorer.target)])
    explorer.close()


def test_a_session_that_both_explorers_share() -> None:
    session = nx.Session(linear(), row(0), classes=["cheap", "dear"])
    one, all_rows = nx.TabularExplorer(session, method="lime"), nx.GlobalExplorer(session, show=["importance"])
    assert session.wait(60)
    view = part(all_rows, RowsView)
    view._choose_row(7)
    assert session.wait(60)
    assert part(one, RowView).pane.values == view._points()[7].tolist()
    one.close()
    all_rows.close()
    session.close()


def test_the_boundary_waits_until_the_hand_rests_and_its_mark_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = nx.TabularExplorer(linear(), row(0), show=["editor", "boundary"], method="gradient")
    assert explorer.session.wait(60)
    view = part(explorer, BoundaryView)
    slice_ = view._slices[0]
    monkeypatch.setattr(slice_._place, "rest", 60.0)
    asked, (_, rooms, kind) = slice_._place.times_asked, row(0).tensor[0].tolist()
    explorer.session.replace(0, row(0).another([1.25, rooms, kind]))
    deadline = time.monotonic() + 30
    while view._charts[0]._row != (1.25, rooms) and time.monotonic() < deadline:
        explorer.session.wait(0.05)  # in vain: the question is still to be asked
    assert view._charts[0]._row == (1.25, rooms)
    assert slice_._place.times_asked == asked
    monkeypatch.setattr(slice_._place, "rest", 0.01)
    explorer.session.replace(0, row(0).another([1.5, rooms, 1 - kind]))
    assert explorer.session.wait(60)
    assert slice_._place.times_asked == asked + 1
    view._dragged(0, 2.5, 4.0)  # through the row as it is now
    assert explorer.session.wait(60)
    assert explorer.session.inputs[0].tensor[0].tolist() == [2.5, 4.0, 1 - kind]
    explorer.close()


def test_the_target_of_two_classes_has_the_colour_of_its_side() -> None:
    explorer = nx.TabularExplorer(
        linear(), row(0), classes=["cheap", "dear"], target="cheap", show=["boundary"], method="gradient"
    )
    for target, names in (("cheap", ["dear", "cheap"]), ("dear", ["cheap", "dear"])):
        explorer.target = target
        assert explorer.session.wait(60)
        points = part(explorer, BoundaryView)._charts[0]._points
        assert [str(mark.names[0]) for mark in points.marks] == names  # blue, and red where the score is high
        assert [len(numbers) for numbers in points._numbers] == [((n == "dear") == LABELS).sum() for n in names]
    explorer.close()


@pytest.mark.parametrize("target", [0, 1, 2])
def test_of_three_classes_the_target_has_the_colour_of_its_side_however_labels_are_written(target: int) -> None:
    held = np.arange(9.0).reshape(9, 1) * [1, -1]
    names, of = ["low", "mid", "high"], np.array([0, 0, 1, 2, 2, 2, 2, 1, 0])
    unknown = np.array(names, object)[of]
    unknown[3] = None
    for labels in (of, np.array(names)[of], unknown):
        table = nx.Tabular(held[0], held, labels=labels)
        explorer = nx.TabularExplorer(
            lambda rows: np.tile([0.2, 0.3, 0.5], (len(rows), 1)),
            table,
            classes=names,
            target=target,
            show=["boundary"],
        )
        assert explorer.session.wait(60)
        points = part(explorer, BoundaryView)._charts[0]._points
        red = points.marks[1]
        assert (red.colors, str(red.names[0])) == (["#9c1127"], names[target])
        counts = {str(mark.names[0]): len(mark.x) for mark in points.marks}
        lost = labels is unknown
        assert counts == {"low": 3, "mid": 2, "high": 4 - lost} | ({"no label": 1} if lost else {})
        explorer.close()


@pytest.mark.parametrize(
    ("model", "labels", "counts"),
    [
        (LinearRegression(), HELD[:, 0], {"background": 20}),
        (LinearRegression(), CODES, {"background": 20}),
        (lambda rows: rows[:, 0], HELD[:, 0] / 8, {"0.0": 1, "0.125": 1}),
        (lambda rows: rows[:, 0], np.repeat(HELD[:, 0] / 8, 2), {"0.0": 2, "0.125": 2}),
        (lambda rows: rows[:, 0], np.arange(30) / 8, {"background": 30}),
        (LogisticRegression(), LACKING, {"class 2": 7, "class 1": 6, "class 3": 6, "no label": 1}),
        (LogisticRegression(), np.where(CODES, LACKING, "x"), {"2": 7, "3": 6, "x": 7}),
        (LogisticRegression(), np.array([None, "1", 1, 2.5] * 5, object), {"'1'": 5, "1": 5, "2.5": 5, "no label": 5}),
    ],
)
def test_points_beside_the_boundary_by_labels_that_are_no_classes(
    model: Any, labels: np.ndarray, counts: dict[str, int]
) -> None:
    fitted = model.fit(HELD, CODES + 1) if hasattr(model, "fit") else model
    held = np.stack([np.arange(float(len(labels))), np.arange(len(labels)) % 3], 1)
    shown = nx.TabularExplorer(fitted, nx.Tabular(held[0], held, labels=labels), show=["boundary"])
    assert shown.session.wait(60)
    points = part(shown, BoundaryView)._charts[0]._points
    found = {str(mark.names[0]): len(mark.x) for mark in points.marks}
    assert {name: found.get(name) for name in counts} == counts
    assert sum(found.values()) == len(labels)
    shown.close()


def test_what_the_session_knows_already_is_shown_in_every_pane() -> None:
    session = nx.Session(linear(), row(0))
    try:
        first = nx.GlobalExplorer(session, show=["importance"])
        assert session.wait(60)
        second = nx.GlobalExplorer(session, show=["groups"])
        third = nx.TabularExplorer(session, show=["map", "editor"], method="permutation_shap")
        assert session.wait(60)
        fourth = nx.TabularExplorer(session, show=["map", "editor"])
        assert session.wait(60)
        assert part(second, GroupsView)._values is not None
        assert part(fourth, RowView).pane.weights == part(third, RowView).pane.weights != []
        for explorer in (first, second, third, fourth):
            explorer.close()
    finally:
        session.close()


@pytest.mark.parametrize(
    ("explorer", "x", "message"),
    [
        (nx.TabularExplorer, nx.Text("hi there"), "TabularExplorer shows rows of tables, got Text; try explore"),
        (nx.GlobalExplorer, [nx.Text("hi there")], "GlobalExplorer shows rows of tables, got Text; try explore"),
        (nx.TextExplorer, row(0), "TextExplorer shows texts, Text(…), got Tabular; try TabularExplorer(model, x)"),
    ],
)
def test_another_kind_of_input_is_refused_before_the_model_is_asked(explorer: Any, x: Any, message: str) -> None:
    def never(inputs: Any) -> Any:
        raise AssertionError("it was asked")

    with pytest.raises(TypeError, match=re.escape(f"inputs: {message}")):
        explorer(never, x)


@pytest.mark.parametrize(
    ("x", "show", "message"),
    [
        (row(0), ["compare"], "show: 'compare' needs two rows: give a list"),
        ([row(0)], ["map", "compare"], "show: 'compare' needs two rows: give a list"),
        (
            nx.Tabular([1.0, 2.0, 0.0]),
            "nearest",
            "show: 'nearest' needs a background of two rows or more: give Tabular(",
        ),
        (
            nx.Tabular([1.0], [[1.0], [2.0]]),
            ["boundary"],
            "show: 'boundary' needs two columns, and there is one",
        ),
    ],
)
def test_panes_that_are_asked_for_and_cannot_be_shown_are_refused(x: Any, show: Any, message: str) -> None:
    model = linear() if isinstance(x, list) or len(x.columns) > 1 else lambda rows: rows[:, 0]
    with pytest.raises(ValueError, match=re.escape(message)):
        nx.TabularExplorer(model, x, show=show)
