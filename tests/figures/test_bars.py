"""Bars with names: the order, the numbers and the whiskers are those of the values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import nbexplain
from nbexplain import Tabular
from nbexplain.figures import figure
from tests.figures.pages import answer, drawn, texts

NAN = np.nan


def columns(values: Any, names: tuple[str, ...] = (), **more: Any) -> nbexplain.Explanation:
    """An explanation of some columns."""
    names = names or tuple(f"c{place}" for place in range(np.shape(values)[-1]))
    return answer(values, ("feature",), on="features", features=np.arange(len(names)), names=names, **more)


def lines(page: Figure) -> list[np.ndarray]:
    """The segments (n, 2, 2) of grid, bars, zero and whiskers."""
    found = [part for part in page.artists if isinstance(part, LineCollection)]
    return [np.array(part.get_segments()) for part in found]


def listed(page: Figure, names: set[str]) -> list[str]:
    return [line for line in texts(page).splitlines() if line in names]


def test_the_largest_come_first_with_their_numbers() -> None:
    page = figure(columns([0.25, -2.0, 1.5, 0.0], standard_error=np.array([0.1, 0.5, NAN, 0], np.float32)))
    assert listed(page, {"c0", "c1", "c2", "c3"}) == ["c1", "c2", "c0", "c3"]
    assert listed(page, {"−2.00", "+1.50", "+0.25", "0"}) == ["−2.00", "+1.50", "+0.25", "0", "0"]  # one at the axis
    _, bars, _, whiskers, *_ = lines(page)
    assert bars[:, :, 0].tolist() == [[0, -2], [0, 1.5], [0, 0.25], [0, 0]]
    assert whiskers[:, :, 0] == pytest.approx(np.array([[-2 - 0.98, -2 + 0.98], [0.25 - 0.196, 0.25 + 0.196]]))
    assert "whiskers: ±1.96 standard errors" in texts(page)


@pytest.mark.parametrize("errors", [[0.0, 0.0], [NAN, 1e-17]])
def test_whiskers_are_spoken_of_only_where_some_error_is_above_zero(errors: list[float]) -> None:
    assert "whiskers" not in texts(figure(columns([0.25, -2.0], standard_error=np.array(errors, np.float32))))


def test_bars_end_where_their_numbers_are() -> None:
    page = figure(columns([4.0, -1.0, 2.0]), dpi=100)
    drawn(page)
    bars = next(part for part in page.artists if isinstance(part, LineCollection) and len(part.get_segments()) == 3)
    pixels = bars.get_transform().transform(np.array(bars.get_segments()).reshape(-1, 2)).reshape(3, 2, 2)
    zero = {round(x, 6) for x in pixels[:, 0, 0]}
    assert len(zero) == 1
    lengths = pixels[:, 1, 0] - pixels[:, 0, 0]
    assert lengths / lengths[0] == pytest.approx(np.array([1, 0.5, -0.25]))
    # each beside its name
    renderer = page.canvas.get_renderer()  # type: ignore[attr-defined]
    names = {text.get_text(): text.get_window_extent(renderer) for text in page.texts}
    for name, y in zip(("c0", "c2", "c1"), pixels[:, 0, 1], strict=True):
        assert names[name].y0 - 2 <= y <= names[name].y1 + 2
        assert names[name].x1 < pixels[:, :, 0].min()
    assert names["c0"].y0 > names["c2"].y1 > names["c2"].y0 > names["c1"].y1
    assert names["c1"].y0 > names["2"].y1  # the axis is below the last bar


def test_fifteen_and_the_sum_of_the_others() -> None:
    values = np.arange(1.0, 21.0)
    page = figure(columns(values, standard_error=np.ones(20, np.float32)))
    assert listed(page, {f"c{place}" for place in range(20)}) == [f"c{place}" for place in range(19, 4, -1)]
    assert "5 others, summed\n+15.0" in texts(page)
    height = {text.get_text(): text.get_position()[1] for text in page.texts}
    assert height["c5"] > height["5 others, summed"] > height["10"] > height["whiskers: ±1.96 standard errors"]
    assert "others" not in texts(figure(columns(values[:16])))  # one other has a name


def test_a_value_that_is_not_known_comes_last() -> None:
    page = figure(columns([NAN, 1.0]))
    assert listed(page, {"c0", "c1", "no value"}) == ["c1", "c0", "no value"]


def test_the_row_tells_what_it_holds() -> None:
    row = Tabular({"age": 31.5, "town": "Köln"}, categories={"town": ["Bonn", "Köln"]})
    own = columns([1.0, 2.0], ("age", "town"), method="lime")
    assert {"age = 31.5", "town = Köln"} <= set(texts(figure(own, x=row)).splitlines())
    gradient = answer([1.0, 2.0], ("feature",), on="input")
    assert {"age = 31.5", "town = Köln"} <= set(texts(figure(gradient, x=row)).splitlines())
    over_rows = columns([1.0, 2.0], ("age", "town"), method="averaged_lime", score=3.0)
    assert {"age", "town"} <= set(texts(figure(over_rows, x=row)).splitlines())
    assert "score 3" not in texts(figure(over_rows, x=row))
    with pytest.raises(ValueError, match="x: a row of age, town …, but the explanation is of another table"):
        figure(columns([1.0, 2.0], ("age", "size")), x=row)


@pytest.mark.parametrize("name", ["x" * 300, "漢字" * 40, "a\nb", "$x_1$", "", "\U00010000"])
def test_names_of_any_kind_stay_on_the_page(name: str) -> None:
    row = Tabular({name: 1.25, "b": 2.0})
    page = figure(columns([1.0, -0.5], (name, "b")), x=row)
    drawn(page)
    renderer, (width, _) = page.canvas.get_renderer(), page.get_size_inches()  # type: ignore[attr-defined]
    extents = [text.get_window_extent(renderer) for text in page.texts]
    assert min(extent.x0 for extent in extents) >= 0
    assert max(extent.x1 for extent in extents) <= width * page.dpi
    assert "= 1.25" in texts(page)  # what it holds is never cut
    assert "□" not in texts(page)


def test_rows_are_the_mean_size_of_each_column() -> None:
    values = np.array([[1.0, -4.0], [-3.0, 0.0], [2.0, 1.0], [-2.0, 3.0]])
    page = figure(answer(
        values, ("row", "feature"), on="rows", features=np.arange(4), names=("a", "b"), quantity="SHAP value"
    ))  # fmt: skip
    assert listed(page, {"a", "b"}) in (["a", "b"], ["b", "a"])
    _, bars, _, whiskers, *_ = lines(page)
    assert sorted(bars[:, 1, 0].tolist()) == [2.0, 2.0]
    spread = np.abs(values).std(0, ddof=1) / 2 * 3.182446 / 1.96  # t of 3 degrees of freedom
    assert np.sort(np.ptp(whiskers[:, :, 0], axis=1)) == pytest.approx(np.sort(2 * 1.96 * spread))
    assert "mean |SHAP value|" in texts(page)
    assert "mean of |value| over 4 rows" in texts(page)


def test_pairs_of_columns_have_names() -> None:
    values = np.array([[1.0, 0.5], [0.5, -1.0]])
    page = figure(answer(values, ("feature", "feature"), on="features", features=np.arange(2), names=("age", "size")))
    assert listed(page, {"age", "size"}) == ["age", "size"]
    cells = drawn(page)[0]
    assert cells[5, 5, 0] > cells[5, 5, 2]  # red, blue
    assert cells[-5, -5, 0] < cells[-5, -5, 2]
