"""Partial dependence and ICE as figures: where the curves lie, what stands below, and the row's mark."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

import nbexplain
from nbexplain import Tabular, explain
from nbexplain.core.explanation import Grid
from nbexplain.figures import figure, png
from tests.figures.pages import answer, drawn, texts

X = np.random.default_rng(0).normal(size=(150, 2))
TABLE = Tabular(X[0], X, names=["width", "height"])


def product(rows: np.ndarray) -> np.ndarray:
    worth: np.ndarray = rows[:, 0] * rows[:, 1] + rows[:, 0]
    return worth


def of_product(**params: Any) -> nbexplain.Explanation:
    return explain(product, TABLE, "partial_dependence", column="width", points=8, **params)


def curves(page: Figure) -> list[np.ndarray]:
    """The lines over more than two points, (points, 2) each."""
    axes: Axes = page.axes[0]
    return [np.asarray(line.get_xydata()) for line in axes.lines if len(line.get_xydata()) > 2]


def marks(page: Figure) -> list[np.ndarray]:
    return [np.asarray(part.get_offsets()) for part in page.axes[0].collections if isinstance(part, PathCollection)]


def test_the_mean_its_band_and_the_column() -> None:
    found = of_product()
    page = figure(found, x=TABLE)
    (line,) = curves(page)
    np.testing.assert_allclose(line, np.stack([found.grid.values, found.values], 1))
    band = page.axes[0].collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx((found.values + 1.96 * found.standard_error).max())
    said = texts(page).splitlines()
    assert said[0] == "Partial dependence: width · class 0"
    assert {"width", "mean score", "band and whiskers: ±1.96 standard errors"} <= set(said)


def test_a_hundred_thin_curves_and_their_mean() -> None:
    found = of_product(kind="individual")
    page = figure(found)
    lines = curves(page)
    assert len(lines) == 101
    np.testing.assert_allclose([line[:, 1] for line in lines[:100]], found.values[:100])
    np.testing.assert_allclose(lines[100][:, 1], found.values.mean(0))
    assert "thin: 100 of 150 rows, thick: their mean, with ±1.96 standard errors" in texts(page)


def test_the_row_is_marked_on_its_own_curve() -> None:
    found = explain(product, TABLE, "ice", column="width", points=8)
    page = figure(found, x=TABLE)
    (mark,) = marks(page)
    np.testing.assert_allclose(mark, [[X[0, 0], product(X[:1])[0]]])
    assert "diamond: the row" in texts(page)
    assert marks(figure(found)) == []
    assert "diamond" not in texts(figure(found))


def of_categories(count: int, values: Any = None) -> nbexplain.Explanation:
    names = tuple(f"category no. {n} of a long list" for n in range(count - 1))
    grid = Grid("kind", np.append(np.arange(count - 1.0), np.nan), (*names, "missing"))
    shown = np.arange(count) if values is None else values
    return answer(shown, ("point",), on="scores", grid=grid, standard_error=np.ones(count), method="partial_dependence")


def test_categories_stand_beside_each_other_and_what_is_missing_comes_first() -> None:
    page = figure(of_categories(4))
    assert curves(page) == []
    _, strips = page.axes[0].collections
    where = [(path.vertices[:, 0].mean(), path.vertices[0, 1]) for path in strips.get_paths()]
    assert where == [(0, 0), (1, 1), (2, 2), (-1, 3)]
    at = {text.get_text(): text.get_position()[0] for text in page.texts}
    names = sorted((at[name], name) for name in at if name.startswith(("category", "missing")))
    assert names[0][1] == "missing"
    assert len(names) == 4


@pytest.mark.parametrize("count", [2, 30, 200])
def test_names_below_keep_clear_of_each_other(count: int) -> None:
    page = figure(of_categories(count))
    drawn(page)
    names = [text for text in page.texts if text.get_rotation()]
    places = np.sort([text.get_position()[0] for text in names]) * page.get_figwidth() * 72
    assert (np.diff(places) > 7.5).all()


@pytest.mark.parametrize("values", [[5.0], [np.nan], [5.0, np.nan], [2.0, 2.0 + 1e-9]])
def test_odd_grids_are_drawn_without_a_warning(values: list[float]) -> None:
    grid = Grid("x", np.array(values))
    found = answer(np.ones(len(values)), ("point",), on="scores", grid=grid, method="partial_dependence")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn(figure(found))
        assert len(png([found, of_product(kind="centred")], x=TABLE)) > 1000


def test_dates_stand_below_as_dates() -> None:
    grid = Grid("day", np.array([19723.0, 20000.0, 20453.0, np.nan]), time="date")  # 2024-01-01 to 2025-12-31
    found = answer(np.ones(4), ("point",), on="scores", grid=grid, method="partial_dependence")
    assert {"2024-01", "2024-07", "2025-01", "2025-07", "missing"} <= set(texts(figure(found)).splitlines())
