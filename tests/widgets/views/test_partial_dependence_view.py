"""The pane "partial": the shared column, brushed rows in front, the explained row that moves, centred curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbexplain as nx
from nbexplain.core.table.partial_dependence import mean_curve
from nbexplain.widgets.feature_map import FeatureMap
from nbexplain.widgets.layout import title_of
from nbexplain.widgets.rows_view import RowsView
from nbexplain.widgets.views.partial_dependence_view import PartialDependenceView
from tests.widgets.comm import from_browser, living
from tests.widgets.marks import words

DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "size": DRAW.normal(3, 2, 60).round(2),
        "rooms": DRAW.integers(1, 6, 60),
        "kind": DRAW.choice(["flat", "house"], 60),
    }
)


def price(homes: pd.DataFrame) -> np.ndarray:
    """Two scores; the second is size · rooms, and 5 more of a house."""
    worth = (homes["size"] * homes["rooms"] + 5.0 * (homes["kind"] == "house")).to_numpy(float)
    return np.stack([-worth, worth], 1)


X = nx.Tabular(FRAME.iloc[0], FRAME)


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


@pytest.fixture
def everything() -> Iterator[nx.Explorer]:
    explorer = nx.GlobalExplorer(price, X, target=1, show=["importance", "beeswarm", "dependence", "partial"])
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


@pytest.fixture
def of_a_row() -> Iterator[nx.Explorer]:
    explorer = nx.TabularExplorer(price, X, target=1, show=["editor", "map", "partial"])
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(each for each in explorer._parts if isinstance(each, kind))


def choose(explorer: nx.Explorer, name: str) -> PartialDependenceView:
    view: PartialDependenceView = part(explorer, PartialDependenceView)
    view.column.value = list(FRAME.columns).index(name)
    assert explorer.session.wait(60)
    return view


def test_the_curve_of_a_column(everything: nx.Explorer) -> None:
    view = choose(everything, "size")
    grid = np.unique(np.quantile(FRAME["size"], np.linspace(0, 1, 50), method="inverted_cdf"))
    np.testing.assert_allclose(view._chart._mean.x, grid)
    right = grid * FRAME["rooms"].mean() + 5 * (FRAME["kind"] == "house").mean()
    np.testing.assert_allclose(view._chart._mean.y, right, rtol=1e-5)
    assert title_of(view._frame).value == "Partial dependence: size · class 1 · 60 rows"
    assert "this row" not in words(view._frame)
    choose(everything, "kind")
    assert [label.split(":")[0] for label in view._chart._whiskers.labels] == ["flat", "house"]


def test_bars_below_count_the_rows_that_the_curves_are_of(everything: nx.Explorer) -> None:
    few = FRAME["rooms"] == FRAME["rooms"].iloc[0]
    everything.session.select(where={"rooms": {int(FRAME["rooms"].iloc[0])}})
    view = choose(everything, "kind")
    assert title_of(view._frame).value.endswith(f"{few.sum()} rows")
    counts = FRAME["kind"][few].value_counts()
    assert list(view._chart._held.labels) == [f"{kind}: {counts[kind]} rows" for kind in ("flat", "house")]
    choose(everything, "rooms")
    assert np.asarray(view._chart._held.y).max(-1).tolist() == few.sum()
    scale = view._chart._column.scale
    assert scale.min <= FRAME["rooms"].min() < FRAME["rooms"].max() <= scale.max


def test_the_column_is_the_same_here_and_in_the_dependence_plot(everything: nx.Explorer) -> None:
    rows, view = part(everything, RowsView), part(everything, PartialDependenceView)
    largest = int(np.abs(rows._now.values).mean(0).argmax())
    assert (rows.column.value, view.column.value, view._now.grid.column) == (largest, largest, FRAME.columns[largest])
    rows.choose_column(2)  # a bar of the importance is clicked
    assert everything.session.wait(60)
    assert view._now.grid.column == "kind"
    assert title_of(rows._frames["dependence"]).value == "SHAP dependence plot: kind · class 1 · 60 rows"
    choose(everything, "rooms")
    assert rows.column.value == 1
    assert title_of(rows._frames["dependence"]).value == "SHAP dependence plot: rooms · class 1 · 60 rows"


def test_the_names_of_categories_stand_below_the_dependence_plot(everything: nx.Explorer) -> None:
    choose(everything, "kind")
    chart = part(everything, RowsView)._dependence
    assert sorted({*chart._cloud.mark.names}) == ["flat", "house"]
    house = np.asarray(chart._cloud.mark.names) == "house"
    assert (np.round(chart._cloud.mark.x) == house).all()


def test_brushed_rows_have_their_curves_in_front(everything: nx.Explorer) -> None:
    rows, view = part(everything, RowsView), choose(everything, "size")
    rows._brush(np.array([4, 9]), "beeswarm")
    assert everything.session.wait(60)
    numbers = rows._now.features[[4, 9]]
    held = FRAME.iloc[numbers]
    grid = view._now.grid.values
    right = grid * held["rooms"].to_numpy()[:, None] + 5.0 * (held["kind"] == "house").to_numpy()[:, None]
    lit = np.asarray(view._chart._lit.y)
    np.testing.assert_allclose(np.sort(lit, 0), np.sort(right, 0), rtol=1e-5)
    choose(everything, "rooms")  # they are still the ones that are brushed
    assert len(view._chart._lit.y) == 2
    rows._brush(None, "beeswarm")
    assert everything.session.wait(60)
    assert view._chart._lit.y.size == 0


def test_the_row_stands_out_and_its_mark_goes_along_with_the_editor(of_a_row: nx.Explorer) -> None:
    view = choose(of_a_row, "size")
    size, rooms, kind = X.tensor[0].tolist()
    score = size * rooms + 5 * kind
    assert (view._chart._here.x.tolist(), view._chart._here.y.tolist()) == ([size], [pytest.approx(score)])
    at = np.flatnonzero(np.isclose(view._chart._own.x, size))
    np.testing.assert_allclose(view._chart._own.y[at], score, rtol=1e-6)
    asked = view._place.times_asked
    editor = next(each for each in of_a_row._parts if hasattr(each, "show_weights")).pane
    from_browser(editor, values=[-1.5, 5.0, kind])
    assert of_a_row.session.wait(60)
    assert view._chart._here.x.tolist() == [-1.5]
    np.testing.assert_allclose(view._chart._here.y, [-7.5 + 5 * kind], rtol=1e-6)
    np.testing.assert_allclose(view._chart._own.y, 5 * np.asarray(view._chart._own.x) + 5 * kind, atol=1e-5)
    assert view._place.times_asked == asked  # the mean over the rows is still that
    choose(of_a_row, "kind")
    assert view._chart._here.x.tolist() == [kind]


def test_at_first_the_column_is_the_one_that_weighs_most(of_a_row: nx.Explorer) -> None:
    weights, view = part(of_a_row, FeatureMap)._now.values, part(of_a_row, PartialDependenceView)
    assert view._now.grid.column == FRAME.columns[int(np.abs(weights).argmax())]
    first = view._now.grid.column
    for row in ([300.0, 3.0, 0.0], [3.0, 300.0, 0.0]):  # another one weighs most by far: the picture stays
        of_a_row.session.replace(0, X.another(row))
        assert of_a_row.session.wait(60)
        assert view._now.grid.column == first


def test_centred_curves_begin_at_zero_and_so_does_the_row(of_a_row: nx.Explorer) -> None:
    view = choose(of_a_row, "size")
    plain = view._now.values
    view._centred.value = True
    assert of_a_row.session.wait(60)
    np.testing.assert_allclose(view._now.values, plain - plain[:, :1])
    np.testing.assert_allclose(view._chart._mean.y, mean_curve(plain - plain[:, :1]).values, atol=1e-5)
    first = np.flatnonzero(view._row.grid.values == view._now.grid.values[0])[0]
    assert view._chart._own.y[first] == 0
    assert view._now.passes["forward"] == 0  # nothing is asked of the model again
    assert view._chart._beside.label == view._now.quantity  # in whole


def test_the_code_computes_what_is_drawn(everything: nx.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.widgets.code._namespace", lambda: {"price": price, "X": X})
    view = choose(everything, "kind")
    view._centred.value = True
    assert everything.session.wait(60)
    text = everything.code()
    assert "explain(price, X, 'partial_dependence', target=1, column='kind', kind='centred')" in text
    made: dict[str, Any] = {"price": price, "X": X}
    exec(text, made)
    np.testing.assert_allclose(made["partial_dependence"].values, view._now.values)


def test_why_there_is_no_curve_is_said() -> None:
    frame = FRAME.astype({"rooms": float})
    frame.loc[3, "rooms"] = np.nan

    def strict(homes: pd.DataFrame) -> np.ndarray:
        if homes["rooms"].isna().all():
            raise ValueError("no gaps")
        return price(homes.fillna(1.0))

    explorer = nx.TabularExplorer(strict, nx.Tabular(frame.iloc[0], frame), target=1, show=["partial"])
    view = choose(explorer, "rooms")
    assert "nbx-failed" in view._frame._dom_classes
    assert "'rooms' is missing in some rows of the background" in words(view._frame)
    choose(explorer, "size")
    assert title_of(view._frame).value.startswith("Partial dependence: size")
    assert "nbx-failed" not in view._frame._dom_classes
    assert "missing" not in words(view._frame)
    explorer.close()


def test_without_a_background_there_is_no_curve() -> None:
    explorer = nx.TabularExplorer(
        lambda rows: rows.sum(1), nx.Tabular([1.0, 2.0]), method="lime", show=["editor", "partial"]
    )
    assert not any(isinstance(each, PartialDependenceView) for each in explorer._parts)
    explorer.close()
