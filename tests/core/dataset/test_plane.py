"""The plane: it goes through the row, places what it points to, and says what it holds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from nbexplain.core.dataset.plane import components_of, plane_of
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import rows, table


@pytest.mark.parametrize("plane", ["columns", "components"])
def test_points_and_places_belong_together_and_the_row_lies_in_the_plane(plane: str) -> None:
    given = table()
    seen = plane_of(given, plane, 3, 1)
    places = np.random.default_rng(0).normal(size=(20, 2)) * 3
    np.testing.assert_allclose(seen.place(seen.point(*places.T)), places, atol=1e-9)
    row = given.tensor.numpy()
    np.testing.assert_allclose(seen.point(*seen.place(row).T), row, atol=1e-9)
    inside = seen.place(given.background)
    assert ((seen.low < inside) & (inside < seen.high)).all()
    span = np.ptp(inside, axis=0)
    np.testing.assert_allclose(inside.min(0) - seen.low, 0.05 * span)
    np.testing.assert_allclose(seen.high - inside.max(0), 0.05 * span)
    assert seen.is_slice


def test_columns_are_themselves_and_the_others_stay() -> None:
    given = table(names=list("abcde"))
    seen = plane_of(given, "columns", 4, 0)
    assert seen.names == ("e", "a")
    np.testing.assert_array_equal(seen.place(given.background), given.background[:, [4, 0]])
    row = seen.point(7.0, -3.0)
    np.testing.assert_array_equal(row, [-3, *given.tensor[0, 1:4].numpy(), 7])
    assert seen.held == pytest.approx(2 / 5)


def test_components_are_those_of_the_standardised_background() -> None:
    given = table()
    scaled = (given.background - given.background.mean(0)) / given.background.std(0)
    theirs = PCA(5).fit(scaled)
    seen = plane_of(given, "components", 0, 2)
    right = theirs.transform(scaled)[:, [0, 2]]
    ours = seen.place(given.background)
    np.testing.assert_allclose(np.abs(ours), np.abs(right), atol=1e-9)  # a component may point either way
    assert seen.held == pytest.approx(theirs.explained_variance_ratio_[[0, 2]].sum())
    share = theirs.explained_variance_ratio_[2]
    assert seen.names[1] == f"component 3 ({share:.0%} of the variance)"
    # steps along the two axes are perpendicular, and one long, in standard deviations
    steps = seen.directions / given.background.std(0)
    np.testing.assert_allclose(steps @ steps.T, np.eye(2), atol=1e-12)


def test_two_columns_are_no_slice_and_hold_all() -> None:
    given = table(columns=2)
    for plane in ("columns", "components"):
        seen = plane_of(given, plane, 0, 1)
        assert not seen.is_slice
        assert seen.held == pytest.approx(1)


def test_categories_have_a_point_for_each_and_stay_out_of_components() -> None:
    values = [[float(n), "xyz"[n % 3], float(n * n % 7)] for n in range(12)]
    given = Tabular([3.0, "z", 1.0], np.array(values, dtype=object), names=["n", "kind", "m"])
    u, v = plane_of(given, "columns", 0, 1).ticks(25)
    assert len(u) == 25
    np.testing.assert_array_equal(v, [0, 1, 2])
    seen = plane_of(given, "components", 0, 1)
    assert (seen.point(np.linspace(-2, 2, 5), np.linspace(1, 3, 5))[:, 1] == 2).all()
    with pytest.raises(
        ValueError, match="horizontal: expected a component from 0 to 1, one for each number that varies, got 2"
    ):
        plane_of(given, "components", 2, 0)


def test_what_cannot_be_drawn_is_named() -> None:
    given = table()
    with pytest.raises(ValueError, match="vertical: expected another column than horizontal, got 2 twice"):
        plane_of(given, "columns", 2, 2)
    with pytest.raises(ValueError, match="horizontal: expected a column from 0 to 4, got 5"):
        plane_of(given, "columns", 5, 2)
    with pytest.raises(ValueError, match="vertical: expected a component from 0 to 4"):
        plane_of(given, "components", 0, 5)
    with pytest.raises(ValueError, match="background: what is hidden needs rows"):
        plane_of(Tabular([1.0, 2.0]), "columns", 0, 1)
    background = rows()
    with pytest.raises(ValueError, match="background: a plane needs at least two rows"):
        plane_of(Tabular(background[0], background[:1]), "columns", 0, 1)
    background[:, 3] = 1
    constant = Tabular(background[0], background)
    with pytest.raises(ValueError, match="vertical: 'feature 3' is constant in the background"):
        plane_of(constant, "columns", 0, 3)
    assert plane_of(constant, "components", 0, 3).names[1].startswith("component 4")
    background[7, 2] = np.nan
    with pytest.raises(ValueError, match="background: row 7 holds NaN or infinity in 'feature 2'"):
        plane_of(Tabular(background[0], background), "components", 0, 1)
    assert np.isfinite(plane_of(Tabular(background[0], background), "columns", 0, 2).high).all()


def test_a_category_is_rounded_to_the_nearest_that_there_is() -> None:
    values = np.array([[float(n), "xyz"[n % 3]] for n in range(12)], dtype=object)
    given = Tabular(values[4], values, names=["n", "kind"])
    seen = plane_of(given, "columns", 1, 0)
    for at, code in ((0.76, 1), (1.51, 2), (-0.4, 0), (2.5, 2), (9.0, 2)):
        row = seen.point(at, 3.25)
        assert row.tolist() == [3.25, code]
        assert given.another(row).tensor.tolist() == [row.tolist()]


def test_columns_are_told_by_name_too() -> None:
    given = table(names=list("abcde"))
    assert plane_of(given, "columns", "e", "a").names == ("e", "a")
    assert plane_of(given, "columns", "a", None).names == ("a", "b")
    with pytest.raises(ValueError, match="horizontal: there is no 'f'; nearest: 'a'"):
        plane_of(given, "columns", "f", None)
    with pytest.raises(ValueError, match="vertical: expected another column than horizontal"):
        plane_of(given, "columns", 1, "b")
    with pytest.raises(ValueError, match="vertical: components have numbers from 0, got the name 'b'; vertical=0"):
        plane_of(given, "components", 0, "b")


def test_how_many_components_there_are() -> None:
    assert components_of(table()) == 5
    assert components_of(table(count=3)) == 3
    mixed = np.array([[float(n), "xyz"[n % 3], 1.0] for n in range(12)], dtype=object)
    assert components_of(Tabular(mixed[4], mixed)) == 1
    holed = rows()
    holed[7, 2] = np.nan
    with pytest.raises(ValueError, match="background: row 7 holds NaN or infinity"):
        components_of(Tabular(holed[0], holed))
