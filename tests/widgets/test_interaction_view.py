"""What two columns do together: the map of pairs, what a click means, and what is said where it cannot be told."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import nbexplain as nx
from nbexplain.core.dataset.rows import drawn as drawn_rows
from nbexplain.runner import runner
from nbexplain.widgets.interaction_chart import InteractionChart
from nbexplain.widgets.interaction_view import InteractionView
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.rows_view import RowsView
from tests.widgets.comm import command, living
from tests.widgets.marks import plain, words

SIZES = np.array([[9.0, 1.0, 0.5], [1.0, 9.0, 2.0], [0.5, 2.0, 9.0]])


@pytest.fixture
def chosen() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def chart(chosen: list[tuple[int, int]]) -> Iterator[InteractionChart]:
    before = living()
    chart = InteractionChart(lambda *pair: chosen.append(pair))
    yield chart
    close_tree(chart.figure, set())
    assert living() == before


def cells(chart: InteractionChart) -> np.ndarray:
    """What is drawn: (rows, columns, 4) uint8."""
    return np.array(Image.open(io.BytesIO(chart._map.image.value)).convert("RGBA"))


def click(chart: InteractionChart, x: float, y: float) -> None:
    command(chart._map, {"event": "element_click", "data": {"click_x": x, "click_y": y}})


def named(axis: object) -> list[str]:
    return [plain(axis.tick_labels[str(place)]) for place in range(len(axis.tick_values))]  # type: ignore[attr-defined]


def test_each_pair_has_the_colour_of_its_size_and_the_strongest_columns_come_first(chart: InteractionChart) -> None:
    chart.show(["a", "b", "c"], SIZES, quantity="together")
    assert named(chart._names) == named(chart._below) == ["b", "c", "a"]  # together with others: 3, 2.5, 1.5
    drawn = cells(chart)
    assert (drawn[range(3), range(3), 3] == 0).all()  # a column with itself
    ordered = SIZES[np.ix_([1, 2, 0], [1, 2, 0])]
    expected = matplotlib.colormaps["viridis"](ordered / 2.0, bytes=True)
    apart = ~np.eye(3, dtype=bool)
    assert np.abs(drawn.astype(int) - expected)[apart].max() <= 7
    assert "together · largest: b with c, 2" in words(chart.figure)


def test_the_most_are_drawn_and_the_caption_says_of_how_many(chart: InteractionChart) -> None:
    chart.show(["a", "b", "c"], SIZES, top=2)
    assert named(chart._names) == ["b", "c"]
    assert "2 of 3 features" in words(chart.figure)


def test_a_click_chooses_a_pair(chart: InteractionChart, chosen: list[tuple[int, int]]) -> None:
    chart.show(["a", "b", "c"], SIZES)
    click(chart, 2.2, 0.4)  # row b, column a
    click(chart, 1.0, 1.0)  # with itself
    click(chart, 7.0, 0.0)
    click(chart, float("nan"), 0.0)
    assert chosen == [(1, 0)]


def test_columns_that_do_nothing_together(chart: InteractionChart) -> None:
    chart.show(["a", "b"], np.diag([3.0, 4.0]))
    assert "a with b, 0" in words(chart.figure)


def test_pairs_that_are_not_finite_are_left_empty(chart: InteractionChart) -> None:
    sizes = SIZES.copy()
    sizes[0, 1] = sizes[1, 0] = np.nan
    sizes[0, 2] = sizes[2, 0] = np.inf
    chart.show(["a", "b", "c"], sizes)
    assert "largest: b with c, 2" in words(chart.figure)
    assert named(chart._names) == ["b", "c", "a"]
    assert (cells(chart)[2, :, 3] == 0).all()
    chart.show(["a", "b"], np.full((2, 2), np.nan))
    assert "not known of any pair" in words(chart.figure)
    assert (cells(chart)[..., 3] == 0).all()


@pytest.mark.parametrize("sizes", [np.ones((2, 3)), np.ones((1, 1)), np.ones(3)])
def test_shapes_that_do_not_fit(chart: InteractionChart, sizes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="sizes: expected"):
        chart.show(["a", "b", "c"][: len(sizes)], sizes)


# In an explorer

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(50, 3))  # as many as stand in for hidden columns


class Product(nn.Module):
    """The first column times the second, three times; the third by itself."""

    def forward(self, x: Tensor) -> Tensor:
        score = 3 * x[:, 0] * x[:, 1] + 5 * x[:, 2]
        return torch.stack([score, -score], 1)


def view_of(explorer: nx.Explorer) -> InteractionView:
    return next(part for part in explorer._parts if isinstance(part, InteractionView))


def test_the_pair_that_is_multiplied_is_found_and_shown_in_the_dependence_chart() -> None:
    before = living()
    table = nx.Tabular(ROWS[0], ROWS, names=["a", "b", "c"])
    explorer = nx.GlobalExplorer(Product().double(), table, show=["dependence", "interaction"], target=0)
    assert explorer.session.wait(120)
    view = view_of(explorer)
    assert view._chart._order[:2] in ([0, 1], [1, 0])
    drawn = cells(view._chart)
    third = view._chart._order.index(2)
    others = [place for place in range(3) if place != third]
    # the colour of nothing, but for the two that are multiplied
    nothing = matplotlib.colormaps["viridis"](0.0, bytes=True)
    assert np.abs(drawn[third, others].astype(int) - nothing).max() <= 7
    said = words(view._chart.figure)
    assert "mean size of what two do together · largest: a with b" in said or "b with a" in said
    a, b, _ = ROWS.T
    together = 3 * (a * b - a * b.mean() - b * a.mean() + (a * b).mean())  # both known, less one, less the other
    shown = float(said.rpartition(", ")[2].partition(" ")[0])
    assert shown == pytest.approx(np.abs(together[drawn_rows(table, 20, 0)]).mean(), abs=0.006)
    rows = next(part for part in explorer._parts if isinstance(part, RowsView))
    click(view._chart, view._chart._order.index(1), view._chart._order.index(0))
    assert explorer.session.wait(60)
    assert (rows.column.value, rows._colour.value) == (0, 1)
    explorer.close()
    assert living() == before


def test_many_rows_do_not_depend_on_the_row_that_is_explained() -> None:
    table = nx.Tabular(ROWS[0], ROWS, names=["a", "b", "c"])
    explorer = nx.GlobalExplorer(Product().double(), table, show=["interaction"], target=0)
    assert explorer.session.wait(120)
    asked = view_of(explorer)._place.times_asked
    explorer.session.replace(0, table.another(ROWS[1].tolist()))
    assert explorer.session.wait(60)
    assert view_of(explorer)._place.times_asked == asked
    explorer.close()


def test_too_many_columns_are_said_and_are_no_failure() -> None:
    before = living()
    many = DRAW.normal(size=(30, 12))
    model = nn.Linear(12, 2).double()
    explorer = nx.GlobalExplorer(model, nx.Tabular(many[0], many), show=["importance", "interaction"])
    assert explorer.session.wait(120)
    frame = view_of(explorer).panes[0]
    assert "at most 10 columns, and the table has 12" in words(frame)
    assert "nbx-failed" in frame._dom_classes  # goes below the charts: no empty place beside them
    assert explorer._status.error == ""
    assert explorer._status.level == "idle"
    assert not explorer._status.running
    explorer.close()
    assert living() == before


def test_scores_that_are_not_finite_are_said_in_the_status_line_as_well() -> None:
    before = living()
    low = np.linspace(1, 5, 30)
    ordered = np.c_[low, low + 1]

    def higher(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] > rows[:, 1], np.nan, rows.sum(1))

    explorer = nx.GlobalExplorer(higher, nx.Tabular(ordered[0], ordered, names=["low", "high"]), show=["interaction"])
    assert explorer.session.wait(60)
    assert explorer._status.level == "error"
    assert "rows with hidden columns have a score that is NaN or infinite" in explorer._status.error
    assert explorer._status.error in words(view_of(explorer).panes[0])
    assert "on its way" not in explorer._status.text
    explorer.close()
    assert living() == before


@pytest.mark.parametrize("later", [False, True], ids=["with its answer", "in a chore"])
def test_a_pane_that_cannot_be_drawn_is_said_in_the_status_line(later: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = living()
    seen: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("no room")

    table = nx.Tabular(ROWS[0], ROWS, names=["a", "b", "c"])
    explorer = nx.GlobalExplorer(Product().double(), table, show=["interaction"], target=0)
    assert explorer.session.wait(120)
    if later:
        runner.later("chore", 0, broken, owner=explorer.session)
        said = "ZeroDivisionError('no room')"
    else:
        monkeypatch.setattr(view_of(explorer)._chart, "show", broken)
        explorer.session.select(target=1)
        said = "Interaction could not be drawn: ZeroDivisionError('no room')"
    assert explorer.session.wait(120)
    assert (explorer._status.level, explorer._status.error) == ("error", said)
    assert not explorer._status.running
    assert ("ZeroDivisionError" in explorer._status.traceback) is not later
    assert len(seen) == 1
    monkeypatch.undo()
    explorer.session.select(target=0 if not later else 1)  # the next question works
    assert explorer.session.wait(120)
    assert explorer._status.level != "error"
    assert explorer._status.error == ""
    explorer.close()
    assert living() == before
