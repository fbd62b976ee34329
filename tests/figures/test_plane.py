"""A plane of two columns: what is right and up on the page is right and up in the table."""

from __future__ import annotations

import dataclasses
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

import nbexplain
from nbexplain import Tabular
from nbexplain.examples import moons
from nbexplain.figures import figure
from tests.figures.pages import answer, centres, drawn, texts


def plane(values: Any, **more: Any) -> nbexplain.Explanation:
    """The score over a plane from 10 to 20 and from −1 to 1."""
    about: dict[str, Any] = {"quantity": "probability", "signed": False, "names": ("width", "height"), **more}
    ends = {"x_low": 10.0, "x_high": 20.0, "y_low": -1.0, "y_high": 1.0}
    return answer(values, on="scores", method="boundary", details=ends, **about)


def places(page: Figure) -> list[np.ndarray]:
    """The marks on a plane: those of the background, then the row."""
    return [np.asarray(part.get_offsets()) for part in page.axes[0].collections if isinstance(part, PathCollection)]


def test_the_lowest_y_is_at_the_bottom_and_half_is_white() -> None:
    values = np.array([[0.0, 0.5, 1.0], [0.25, 0.5, 0.75]])
    shown = centres(drawn(figure(plane(values)))[0], 2, 3)
    right = matplotlib.colormaps["RdBu_r"](values[::-1], bytes=True)[..., :3]
    assert np.abs(shown - right).max() <= 6


def test_axes_say_from_where_to_where() -> None:
    page = figure(plane(np.random.default_rng(0).uniform(size=(20, 20))))
    said = texts(page).splitlines()
    assert {"width", "height", "10", "20", "−1", "0", "1", "0.5", "probability"} <= set(said)
    assert not any("low" in line for line in said)
    assert "20 × 20 points, line: 0.5" in said
    at = {text.get_text(): text.get_position() for text in reversed(page.texts)}  # below is the colour bar
    assert at["10"][0] < at["20"][0]
    assert at["−1"][1] < at["1"][1]  # from the lower edge


def test_the_line_is_where_the_score_is_half() -> None:
    u, _ = np.meshgrid(np.linspace(10, 20, 41), np.linspace(-1, 1, 41))
    page = figure(plane((u - 10) / 10))
    line = page.axes[0].collections[0].get_paths()[0].vertices
    assert np.abs(line[:, 0] - 15).max() < 0.01
    assert np.ptp(line[:, 1]) == pytest.approx(2)


def test_scores_that_are_never_zero_are_coloured_around_the_row() -> None:
    prices = plane([[250.0, 260.0], [240.0, 290.0]], quantity="score", signed=True)
    page = figure(dataclasses.replace(prices, details={**prices.details, "boundary": 250.0}))
    assert {"210", "250", "290", "2 × 2 points, line: 250"} <= set(texts(page).splitlines())


def test_scores_without_bounds_are_coloured_around_zero() -> None:
    page = figure(plane([[-1.0, 4.0], [0.0, 2.0]], quantity="logit", signed=True))
    assert {"−4", "0", "4"} <= set(texts(page).splitlines())
    assert "line: 0" in texts(page)


def test_rows_lie_where_they_are() -> None:
    demo = moons()
    row = Tabular(demo.rows[0], background=demo.background, names=demo.names)
    explanation = nbexplain.explain(demo.model, row, "boundary", target=0, resolution=20)
    page = figure(explanation, x=row, classes=demo.classes)
    dots, mark = places(page)
    assert mark == pytest.approx(demo.rows[:1])
    assert dots == pytest.approx(demo.background)
    assert "dots: 400 background rows, diamond: the row" in texts(page)
    assert not places(figure(explanation))
    swapped = Tabular(demo.rows[0] + 9, background=demo.background, names=demo.names)
    with pytest.raises(ValueError, match="x: the plane of the explanation goes through another row or table"):
        figure(explanation, x=swapped)


def test_categories_are_named_along_their_axis() -> None:
    background = [[size, town] for size in range(5) for town in ("Bonn", "Köln", "Trier")]
    row = Tabular({"size": 2, "town": "Köln"}, background=np.array(background, dtype=object))

    def score(rows: np.ndarray) -> np.ndarray:
        return np.array([[0.1, 0.9] if town == "Köln" else [0.8, 0.2] for _, town in rows])

    explanation = nbexplain.explain(score, row, "boundary", target=1)
    page = figure(explanation, x=row)
    assert [line for line in texts(page).splitlines() if line in ("Bonn", "Köln", "Trier")] == ["Bonn", "Köln", "Trier"]
    cells = centres(drawn(page)[0], 3, 5)
    assert (cells[1, 1:, 0] != cells[0, 1:, 0]).all()  # no cell is blended with that of another town
    assert (cells[0, 1:] == cells[2, 1:]).all()


def test_dates_are_written_along_their_axis() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(
        {"day": pandas.date_range("2024-01-01", periods=73, freq="10D"), "week": np.arange(73) % 7}
    )
    row = Tabular(table.iloc[[3]], table)
    found = nbexplain.explain(lambda rows: rows["week"].to_numpy(float), row, "boundary", resolution=10)
    assert {"2024-07", "day", "week"} <= set(texts(figure(found, x=row)).splitlines())


def test_no_line_is_drawn_between_categories() -> None:
    towns = [f"town {number:02}" for number in range(10)]
    background = [[size, town] for size in range(11) for town in towns]
    row = Tabular({"size": 2, "town": "town 03"}, background=np.array(background, dtype=object))

    def score(rows: np.ndarray) -> np.ndarray:
        right = np.array([float(size > 5) if int(town[-1]) % 2 else 0.1 for size, town in rows])
        return np.stack([1 - right, right], 1)

    found = nbexplain.explain(score, row, "boundary", target=1, resolution=11)
    lines = [path.vertices for part in figure(found, x=row).axes[0].collections[:-2] for path in part.get_paths()]
    assert len(lines) == 5
    for vertices, town in zip(lines, (1, 3, 5, 7, 9), strict=True):
        assert vertices[:, 1].min() == town - 0.5
        assert vertices[:, 1].max() == town + 0.5
        assert vertices[:, 0] == pytest.approx(vertices[0, 0])
