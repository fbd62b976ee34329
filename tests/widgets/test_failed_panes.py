"""What explorers of tables show where the model gives no number: why, once for each answer, and no empty charts."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets
import numpy as np
import pytest

import nbexplain as nx
from nbexplain.widgets.attribution_map import ClassScores
from nbexplain.widgets.near_rows import NearRows
from tests.widgets.comm import living
from tests.widgets.marks import words

LOW = np.linspace(1, 5, 30)
ORDERED = nx.Tabular([1.0, 2.0], np.c_[LOW, LOW + 1], names=["low", "high"])  # but not with columns of two rows mixed


class Ordered:
    """A model of rows whose columns are in order; of others, too, once it is `lenient`."""

    lenient = False

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return rows.sum(1) if self.lenient else np.where(rows[:, 0] > rows[:, 1], np.nan, rows.sum(1))


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


def failed(explorer: nx.Explorer) -> list[ipywidgets.Widget]:
    """The panes on the page that say why they show nothing new."""
    panes = [pane for part in explorer._parts for pane in (*part.panes, *part.wide)]
    return [pane for pane in panes if "nbx-failed" in pane._dom_classes and not is_away(pane)]


def is_away(pane: ipywidgets.Widget) -> bool:
    return "nbx-away" in pane._dom_classes


ALL_ROWS = ["importance", "beeswarm", "dependence", "decision", "heatmap", "partial", "permutation", "lime"]


def test_each_answer_says_once_why_there_is_none() -> None:
    explorer = nx.GlobalExplorer(Ordered(), ORDERED, show=[*ALL_ROWS, "interaction", "groups"])
    assert explorer.session.wait(120)
    said = failed(explorer)
    assert [pane.children[0].value for pane in said] == [
        "Mean |SHAP value|",
        "Partial dependence",
        "Permutation importance",
        "LIME over rows",
        "Interaction",
        "Importance by group",
    ]
    assert all("NaN or infinite" in words(pane) for pane in said)
    hidden = [pane.children[0].value for part in explorer._parts for pane in part.panes if is_away(pane)]
    assert hidden == ["SHAP values", "SHAP dependence plot", "SHAP decision plot", "SHAP heatmap plot"]
    assert explorer._status.text == "SHAP over rows: failed"
    assert explorer._status.error in words(said[0])
    explorer.close()


def test_the_last_picture_stays_with_why_there_is_no_new_one_and_the_next_answer_takes_that_away() -> None:
    model = Ordered()
    model.lenient = True
    explorer = nx.GlobalExplorer(model, ORDERED, show=["importance", "beeswarm"])
    assert explorer.session.wait(120)
    assert failed(explorer) == []
    model.lenient = False
    explorer.session.refresh()
    assert explorer.session.wait(120)
    assert explorer._status.text == "SHAP over rows: failed; its panes stay as they were"
    assert ["NaN" in words(pane) for pane in failed(explorer)] == [True, False]
    assert "not answered, so it stays as it was" in words(failed(explorer)[1])
    assert not any(is_away(pane) for part in explorer._parts for pane in part.panes)
    model.lenient = True
    explorer.session.refresh()
    assert explorer.session.wait(120)
    assert failed(explorer) == []
    assert "NaN" not in words(explorer._parts[0].panes[0])
    explorer.close()


def test_charts_that_were_put_away_come_back_with_the_first_answer() -> None:
    model = Ordered()
    explorer = nx.GlobalExplorer(model, ORDERED, show=["importance", "beeswarm", "groups"])
    assert explorer.session.wait(120)
    panes = [pane for part in explorer._parts for pane in part.panes]
    assert [is_away(pane) for pane in panes] == [False, True, False, False]
    model.lenient = True
    explorer.session.refresh()
    assert explorer.session.wait(120)
    assert failed(explorer) == []
    assert not any(is_away(pane) for pane in panes)
    explorer.close()


def test_of_one_row_the_first_chart_says_it() -> None:
    model = Ordered()
    explorer = nx.TabularExplorer(model, ORDERED, method="exact_shap", show=["map", "waterfall", "force", "boundary"])
    assert explorer.session.wait(120)
    first, boundary = failed(explorer)
    assert words(first).startswith("Attribution scores: ")
    assert "NaN" in words(boundary)
    charts = explorer._parts[0]
    assert [is_away(pane) for pane in (*charts.panes, *charts.wide)] == [False, True, True]
    model.lenient = True
    explorer.session.refresh()
    assert explorer.session.wait(120)
    assert failed(explorer) == []
    assert not any(is_away(pane) for pane in (*charts.panes, *charts.wide))
    explorer.close()


def test_class_scores_say_why_the_model_gives_none() -> None:
    def model(rows: np.ndarray) -> np.ndarray:
        if np.abs(rows).max() > 1e30:
            raise ValueError("Input X contains a value too large for dtype('float32').")
        return np.stack([rows[:, 0], rows[:, 1], -rows[:, 0]], 1)

    explorer = nx.TabularExplorer(model, ORDERED, method="leave_one_out", show=["map", "classes", "nearest"])
    assert explorer.session.wait(120)
    classes, nearest = (next(p for p in explorer._parts if isinstance(p, kind)) for kind in (ClassScores, NearRows))
    assert failed(explorer) == []
    for chosen in (1e300, 2e300):
        explorer.session.replace(0, ORDERED.another([chosen, 2.0]))
        assert explorer.session.wait(120)
        assert classes.panes[0] in failed(explorer)
        assert "too large for dtype('float32')" in words(classes.panes[0])
        assert len(nearest.table.rows[1]["cells"][0]) < 12
    explorer.session.replace(0, ORDERED.another([3.0, 2.0]))
    assert explorer.session.wait(120)
    assert failed(explorer) == []
    assert "too large" not in words(classes.panes[0])
    explorer.close()


def test_class_scores_alone_say_it_too() -> None:
    def model(rows: np.ndarray) -> np.ndarray:
        if np.abs(rows).max() > 1e30:
            raise ValueError("too large")
        return np.stack([rows[:, 0], rows[:, 1], -rows[:, 0]], 1)

    explorer = nx.TabularExplorer(model, ORDERED, show=["editor", "classes"])
    assert explorer.session.wait(120)
    explorer.session.replace(0, ORDERED.another([1e300, 2.0]))
    assert explorer.session.wait(120)
    assert ["too large" in words(pane) for pane in failed(explorer)] == [True]
    explorer.close()
