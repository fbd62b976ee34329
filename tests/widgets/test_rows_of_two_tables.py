"""Several rows in one explorer whose categories are numbered differently, or that have backgrounds of their own."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest

import nbexplain as nx
from nbexplain.widgets.boundary_view import BoundaryView
from nbexplain.widgets.near_rows import NearRows, TwoRows
from nbexplain.widgets.row_view import RowView
from nbexplain.widgets.rows_view import RowsView
from nbexplain.widgets.views.partial_dependence_view import PartialDependenceView
from tests.widgets.comm import from_browser

DRAW = np.random.default_rng(0)
A = pd.DataFrame({"n": DRAW.normal(size=50), "k": ["oslo", "rome"] * 25})
B = pd.DataFrame({"n": DRAW.normal(size=50) + 5, "k": ["bonn", "oslo"] * 25})


def model(rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(rows["n"] + 10.0 * (rows["k"] == "oslo"), float)


OSLO = nx.Tabular(A.iloc[[0]], background=A)  # oslo, rome
BERGEN = nx.Tabular(A.iloc[[1]].assign(k="bergen"), background=A)  # bergen, oslo, rome
BONN = nx.Tabular(B.iloc[[0]], background=B)  # bonn, oslo


def made(inputs: list[nx.Tabular], show: list[str], **options: Any) -> nx.TabularExplorer:
    explorer = nx.TabularExplorer(model, inputs, show=show, **options)
    assert explorer.session.wait(30)
    return explorer


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(one for one in explorer._parts if isinstance(one, kind))


def choose(explorer: nx.Explorer, number: int) -> None:
    explorer.input = number
    assert explorer.session.wait(30)


def test_the_editor_shows_and_asks_the_levels_of_the_row_that_is_chosen() -> None:
    explorer = made([OSLO, BERGEN], ["editor", "map"])
    editor = part(explorer, RowView).pane
    choose(explorer, 1)
    assert editor.features[1]["choices"] == ["bergen", "oslo", "rome"]
    assert editor.features[1]["choices"][int(editor.values[1])] == "bergen"
    from_browser(editor, values=[0.5, 2.0], seen=editor.written)
    assert explorer.session.wait(30)
    assert explorer.session.facts.scores[1].item() == 0.5  # of rome
    choose(explorer, 0)
    assert editor.features[1]["choices"] == ["oslo", "rome"]
    explorer.close()


def test_beside_another_row_each_says_what_it_holds() -> None:
    explorer = made([OSLO, BERGEN], ["map", "compare"])
    table = part(explorer, TwoRows).table
    for number, expected in ((0, ["oslo", "bergen"]), (1, ["bergen", "oslo"])):
        choose(explorer, number)
        kind = next(row for row in table.rows if row["label"] == "k")
        assert kind["cells"][:2] == expected
    explorer.close()
    explorer = made([BONN, OSLO], ["map", "compare"])  # whose numbers are 0 both
    kind = next(row for row in part(explorer, TwoRows).table.rows if row["label"] == "k")
    assert kind["numbers"][0] != kind["numbers"][1]
    explorer.close()


@pytest.mark.parametrize("inputs", [[OSLO, BERGEN], [BERGEN, OSLO]])
def test_the_curve_of_the_row_stands_where_the_mean_has_the_same_level(inputs: list[nx.Tabular]) -> None:
    explorer = made(inputs, ["map", "partial"])
    for number in (0, 1, 0):
        choose(explorer, number)
        view = part(explorer, PartialDependenceView)
        view.column.value = 1
        assert explorer.session.wait(30)
        chart = view._chart
        own = {chart._categories[int(code)]: score for code, score in zip(chart._row.grid.values, chart._row.scores)}
        mean = {chart._categories[int(v)]: y for v, y in zip(chart._grid.values, chart._mean_curve.values)}
        n = float(inputs[number].tensor[0, 0])
        assert {"oslo": own["oslo"], "rome": own["rome"]} == pytest.approx({"oslo": n + 10, "rome": n})
        assert mean == pytest.approx({"oslo": A["n"].mean() + 10, "rome": A["n"].mean()})
        held = inputs[number].columns[1].said(float(inputs[number].tensor[0, 1]))
        assert chart._categories[int(chart._row.value)] == held
    explorer.close()


def test_what_is_asked_of_many_rows_is_asked_of_the_background_of_the_chosen_one() -> None:
    explorer = made([OSLO, BONN], ["map", "partial", "nearest"])
    choose(explorer, 1)
    nearest, view = part(explorer, NearRows), part(explorer, PartialDependenceView)
    view.column.value = 1
    assert explorer.session.wait(30)
    numbers = nearest._rows
    assert [row["cells"][1] for row in nearest.table.rows[1:]] == [
        f"{score:.2f}".replace("-", "−") for score in model(B.iloc[numbers])
    ]
    chart = view._chart
    mean = {chart._categories[int(v)]: y for v, y in zip(chart._grid.values, chart._mean_curve.values)}
    assert mean == pytest.approx({"bonn": B["n"].mean(), "oslo": B["n"].mean() + 10})
    assert view._place.question().input == 1  # which is what the code names
    explorer.session.replace(1, nx.Tabular(B.iloc[[0]], background=B.assign(n=0.0)))
    assert explorer.session.wait(30)
    assert view._chart._mean_curve.values.tolist() == [0.0, 10.0]
    explorer.close()


def test_rows_of_equal_backgrounds_share_what_is_asked_of_many() -> None:
    inputs = [OSLO, nx.Tabular(A.iloc[[3]], background=A.copy())]
    explorer = made(inputs, ["map", "partial"])
    place = part(explorer, PartialDependenceView)._place
    before = place.question()
    choose(explorer, 1)
    assert place.question() == before
    explorer.close()


def test_the_boundary_does_not_put_a_row_into_the_plane_of_another_table() -> None:
    explorer = made([OSLO, BERGEN], ["map", "boundary"])
    view = part(explorer, BoundaryView)
    drawn = view._slices[0]
    explorer.session.select(input=1)
    drawn.follow()  # before the plane of that row is asked for
    assert drawn._chart._row == pytest.approx(OSLO.tensor[0].tolist())
    assert explorer.session.wait(30)
    assert view._slices[0]._chart._row == pytest.approx(BERGEN.tensor[0].tolist())
    explorer.close()


def test_a_row_that_is_clicked_among_many_is_explained_as_what_it_holds() -> None:
    session = nx.Session(model, [OSLO, BONN])
    rows = nx.GlobalExplorer(session, show=["importance", "beeswarm", "partial"])
    assert session.wait(30)
    session.select(input=1)
    assert session.wait(30)
    view = part(rows, RowsView)
    assert view._now.base == pytest.approx(model(A).mean(), abs=0.5)  # those of A, as at first
    view._choose_row(1)
    assert session.wait(30)
    taken, number = session.inputs[1], int(view._now.features[1])
    assert session.facts.scores[1].item() == pytest.approx(model(A)[number])
    assert taken.columns[1].categories == ("oslo", "rome")
    rows.close()
    session.close()


def test_explorers_refuse_inputs_that_they_cannot_show() -> None:
    made: list[ipywidgets.Widget] = []
    ipywidgets.Widget.on_widget_constructed(made.append)
    with pytest.raises(TypeError, match=r"TextExplorer shows texts.* got Tabular; try TabularExplorer\(model, x\)"):
        nx.TextExplorer(model, OSLO)
    with pytest.raises(ValueError, match=r"shows the rows of a background.*give Tabular\(row, background=table\)"):
        nx.GlobalExplorer(model, nx.Tabular(A.iloc[[0]]))
    with pytest.raises(ValueError, match=r"inputs\[1\]: expected a row of 2 columns"):
        nx.TabularExplorer(model, [OSLO, nx.Tabular([1.0, 2.0, 3.0])])
    with pytest.raises(ValueError, match=r"input: expected 0 to 0, got 1"):
        nx.MethodComparison(model, OSLO, numbers=[0, 1])
    ipywidgets.Widget.on_widget_constructed(None)
    assert made == []  # a widget that is closed before the browser has read its module logs an error there
