"""Partial dependence and ICE: equal to scikit-learn's and to closed forms; numbers, categories, missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.inspection import partial_dependence as of_sklearn
from sklearn.svm import SVC

from nbexplain import Explanation, Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.dataset.by_group import groups_of
from nbexplain.core.explanation import Grid
from nbexplain.core.table.grid import grid_of
from nbexplain.core.table.partial_dependence import mean_curve
from nbexplain.inputs import Tabular

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(300, 4))
X[:, 2] = DRAW.integers(0, 9, 300)
SIDE = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
TABLE = Tabular(X[0], X, names=["a", "b", "c", "d"])


def formula(rows: np.ndarray) -> np.ndarray:
    """Two scores; the second is a² + a·b."""
    scores: np.ndarray = np.stack([rows[:, 3], rows[:, 0] ** 2 + rows[:, 0] * rows[:, 1]], 1)
    return scores


@pytest.mark.parametrize("kind", ["average", "individual"])
@pytest.mark.parametrize("column", [0, 2])  # with more values than points, and with fewer
@pytest.mark.parametrize(
    ("model", "target"),
    [
        (RandomForestClassifier(10, random_state=0).fit(X, SIDE), 1),
        (SVC().fit(X, SIDE), 1),  # by its decision function
        (GradientBoostingRegressor(n_estimators=20).fit(X, X[:, 0] * X[:, 2]), 0),
        (HistGradientBoostingClassifier(max_iter=10).fit(X, X[:, 2] % 3), 2),
    ],
    ids=["probability", "decision function", "regression", "three classes"],
)
def test_it_is_scikit_learns(model: Any, target: int, column: int, kind: str) -> None:
    ours = explain(
        model, TABLE, "partial_dependence", target=target, column=column, kind=kind, spacing="even", points=20
    )
    theirs = of_sklearn(model, X, [column], method="brute", kind=kind, grid_resolution=20, percentiles=(0, 1))
    curves = theirs[kind][target if len(theirs[kind]) > 1 else 0]
    assert ours.grid is not None
    assert ours.grid.column == "abcd"[column]
    np.testing.assert_allclose(ours.grid.values, theirs["grid_values"][0], atol=1e-12)
    wanted = curves if kind == "average" else curves[ours.features]
    np.testing.assert_allclose(ours.values, wanted, rtol=0, atol=1e-9)


def test_curves_of_a_formula_their_mean_and_their_first_points() -> None:
    def asked(kind: str) -> Explanation:
        return explain(
            formula, TABLE, "partial_dependence", target=1, column="a", kind=kind, points=7, rows=40, spacing="even"
        )

    ice, mean, moved = (asked(kind) for kind in ("individual", "average", "centred"))
    a, b = ice.grid.values, X[ice.features, 1]
    assert (len(a), a[0], a[-1]) == (7, X[:, 0].min(), X[:, 0].max())
    right = a**2 + b[:, None] * a
    np.testing.assert_allclose(ice.values, right, atol=1e-12)
    assert (ice.axes, ice.on, len(set(ice.features.tolist()))) == (("row", "point"), "rows", 40)
    np.testing.assert_allclose(mean.values, a**2 + b.mean() * a, atol=1e-12)
    t = 2.022691 / 1.96  # of 39 degrees of freedom
    np.testing.assert_allclose(mean.standard_error, np.abs(a) * b.std(ddof=1) / 40**0.5 * t, rtol=1e-5)
    np.testing.assert_allclose(moved.values, right - right[:, :1], atol=1e-12)
    assert mean.axes == ("point",)
    assert mean.details == {"rows": 40}
    np.testing.assert_allclose(mean_curve(ice.values).values, mean.values)


def test_intervals_hold_the_curve_of_all_rows() -> None:
    held = 0
    whole = explain(formula, TABLE, "partial_dependence", target=1, column="a", rows=300)
    for seed in range(60):
        few = explain(formula, TABLE, "partial_dependence", target=1, column="a", rows=30, seed=seed)
        held += int((np.abs(few.values - whole.values) < 1.96 * few.standard_error)[3])
    assert 53 <= held <= 60  # 95 % of them, or a few more: a tenth of the rows was drawn without putting back


# The values that are tried


def test_quantiles_have_as_many_rows_between_each_two_and_occur() -> None:
    grid = grid_of(TABLE, 0, 11, "quantiles").values
    assert np.isin(grid, X[:, 0]).all()
    counts = np.histogram(X[:, 0], grid)[0]
    assert len(counts) == 10
    assert counts.min() >= 29
    assert counts.max() <= 31


def test_whole_numbers_are_tried_at_whole_numbers_only() -> None:
    ages = np.random.default_rng(1).integers(17, 91, 500).astype(float)
    table = Tabular([30.0], ages[:, None], names=["age"])
    for spacing in ("quantiles", "even"):
        grid = grid_of(table, 0, 10, spacing).values
        assert (grid == np.round(grid)).all()
        assert (len(grid), grid[0], grid[-1]) == (10, 17, 90)


FRAME = pd.DataFrame(
    {
        "work": pd.Categorical(
            ["private", "state", "private", None, "self"] * 8, ["never", "private", "self", "state"]
        ),
        "age": [20.0, np.nan, 40.0, 60.0, 20.0] * 8,
    }
)
WORTH = {"never": 100.0, "private": 1.0, "self": 2.0, "state": 4.0}


def price(frame: pd.DataFrame) -> np.ndarray:
    """Of work, where it is known, and age; a missing age counts as 1000."""
    work = np.array([WORTH.get(value, -8.0) for value in frame["work"]])
    return work + frame["age"].fillna(1000.0).to_numpy(float)


def test_a_category_has_a_point_for_each_value_that_occurs_and_for_none() -> None:
    found = explain(price, Tabular(FRAME.iloc[0], FRAME), "partial_dependence", column="work", rows=40)
    assert found.grid.categories == ("private", "self", "state", "missing")  # "never" is what no row is
    age = FRAME["age"].fillna(1000.0).mean()
    np.testing.assert_allclose(found.values, np.array([1.0, 2.0, 4.0, -8.0]) + age)


def test_a_number_that_is_missing_in_some_rows_has_a_last_point_for_that() -> None:
    found = explain(price, Tabular(FRAME.iloc[0], FRAME), "partial_dependence", column="age", rows=40)
    np.testing.assert_array_equal(found.grid.values, [20, 40, 60, np.nan])
    assert found.grid.categories == ()
    work = np.mean([WORTH.get(value, -8.0) for value in FRAME["work"]])
    np.testing.assert_allclose(found.values, np.array([20.0, 40.0, 60.0, 1000.0]) + work)


def test_a_constant_column_has_one_point() -> None:
    table = Tabular([1.0, 5.0], [[1.0, 5.0], [3.0, 5.0]])
    found = explain(lambda rows: rows.sum(1), table, "partial_dependence", column=1)
    np.testing.assert_allclose(found.values, [7.0])
    np.testing.assert_allclose(found.grid.values, [5.0])


def test_a_model_that_takes_no_missing_value_says_of_which_column() -> None:
    def strict(frame: pd.DataFrame) -> np.ndarray:
        if frame["age"].isna().all():  # of the row that is tried alone
            raise ValueError("no gaps")
        return np.ones(len(frame))

    def careless(frame: pd.DataFrame) -> np.ndarray:
        return frame["age"].to_numpy(float)

    table = Tabular(FRAME.iloc[0], FRAME)
    with pytest.raises(ValueError, match=r"column: 'age' is missing in some rows .* model does not take \(.*no gaps"):
        explain(strict, table, "partial_dependence", column="age")
    with pytest.raises(ValueError, match=r"column: 'age' is missing in some rows .* score is NaN or infinite"):
        explain(careless, table, "partial_dependence", column="age")


# The row itself


@pytest.mark.parametrize("value", [0.3, 1e3])  # within what the background holds, and far beyond
def test_the_curve_of_a_row_goes_through_its_score(value: float) -> None:
    table = TABLE.another([value, *X[0, 1:]])
    found = explain(formula, table, "ice", target=1, column="a", points=9)
    assert found.grid.values.tolist() == sorted({value, *grid_of(TABLE, 0, 9, "quantiles").values.tolist()})
    np.testing.assert_allclose(found.values, found.grid.values**2 + X[0, 1] * found.grid.values)
    assert found.values[found.grid.values.tolist().index(value)] == pytest.approx(found.score)


def test_a_missing_value_of_the_row_is_its_last_point() -> None:
    frame = FRAME.assign(age=[20.0, 30.0, 40.0, 60.0, 20.0] * 8)
    found = explain(price, Tabular({"work": "self", "age": np.nan}, frame), "ice", column="age")
    np.testing.assert_array_equal(found.grid.values, [20, 30, 40, 60, np.nan])
    np.testing.assert_allclose(found.values, [22, 32, 42, 62, 1002])


def _none_or_nan(frame: Any) -> np.ndarray:
    """z, 10 more for None, 3 more for NaN, 5 more for pandas.NA."""
    more = {type(None): 10.0, float: 3.0, type(pd.NA): 5.0}
    values = frame["c"].to_list()
    return np.asarray(frame["z"]) + [more[type(v)] if type(v) not in (float, str) or v != v else 0.0 for v in values]


@pytest.mark.parametrize(
    ("frame", "more"),
    [
        (pl.DataFrame({"z": np.arange(9.0), "c": [None, np.nan, 1.5] * 3}), [10, 3, 0]),
        (pl.DataFrame({"z": np.arange(9.0), "c": [np.nan, None, 1.5] * 3}), [3, 10, 0]),
        (pd.DataFrame({"z": np.arange(9.0), "c": pd.Series([None, np.nan, "x"] * 3, dtype=object)}), [10, 3, 0]),
        (pd.DataFrame({"z": np.arange(9.0), "c": pd.Series([pd.NA, None, np.nan] * 3, dtype=object)}), [5, 10, 3]),
    ],
    ids=["polars", "NaN first", "pandas", "three kinds"],
)
def test_the_curve_of_a_row_without_a_value_goes_through_its_score(frame: Any, more: list[int]) -> None:
    for number, right in enumerate(more):
        row = frame[[number]] if isinstance(frame, pl.DataFrame) else frame.iloc[[number]]
        found = explain(_none_or_nan, Tabular(row, frame), "ice", column="c")
        assert found.score == number + right
        assert number + right in found.values
        if right:
            assert found.values[-1] == number + right


# How it goes on


def test_first_curves_come_from_few_rows_and_the_next_target_and_more_rows_are_free() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, SIDE)
    subject = Subject(model, TABLE)
    first, *_, last = ask(subject, "partial_dependence", target=1, params={"rows": 250, "points": 20})
    assert first.progress == 5 / 250  # rows, times 20 values
    assert first.passes["forward"] <= 0.1 * last.passes["forward"]
    # the row, 66 that tell whether rows are mixed, and up to three times 16 alone, of few rows and of many
    assert last.passes["forward"] <= 250 * 20 + 67 + 3 * 16
    assert np.abs(first.values - last.values).max() < 6 * first.standard_error.max()
    (other,) = ask(subject, "partial_dependence", target=0, params={"rows": 250, "points": 20})
    assert other.passes["forward"] == 0
    np.testing.assert_allclose(other.values, 1 - last.values)
    *_, more = ask(subject, "partial_dependence", target=0, params={"rows": 260, "points": 20})
    assert more.passes["forward"] == 10 * 20
    for column, seed in ((0, 0), (1, 0), (0, 1)):  # nothing is taken for what it is not
        params = {"rows": 260, "points": 20, "column": column, "seed": seed}
        *_, last = ask(subject, "partial_dependence", target=0, params=params)
        fresh = explain(model, TABLE, "partial_dependence", target=0, **params)
        np.testing.assert_allclose(last.values, fresh.values)


def test_a_network_gives_the_same_as_a_callable() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))

    def called(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            scores: np.ndarray = net(torch.from_numpy(rows).float()).double().numpy()
        return scores

    one, other = (explain(model, TABLE, "partial_dependence", target=1, column=1) for model in (net, called))
    np.testing.assert_allclose(one.values, other.values, atol=1e-6)


# What does not fit


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"column": "A"}, ValueError, "column: there is no 'A'; nearest: 'a', 'b', 'c', 'd'"),
        ({"column": 4}, ValueError, "column: expected a name or a number from 0 to 3, got 4"),
        ({"column": -1}, TypeError, "column: expected the name of a column or its number from 0, got -1"),
        ({"column": True}, TypeError, "column: expected the name of a column or its number from 0, got True"),
        ({"kind": "both"}, ValueError, "kind: expected one of 'average', 'individual', 'centred', got 'both'"),
    ],
)
def test_what_does_not_fit_is_refused(params: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        explain(formula, TABLE, "partial_dependence", target=1, **params)


def test_a_number_is_a_place_also_where_another_column_is_called_so() -> None:
    frame = pd.DataFrame(np.arange(30.0).reshape(10, 3), columns=[2, 0, 1])
    x = Tabular(frame.iloc[[0]], frame)
    said = "column=1 is the one at place 1, counted from 0, which is called '0'; the one called '1': column='1'"
    for method in ("partial_dependence", "ice"):
        found = explain(lambda rows: rows.to_numpy()[:, 0], x, method, column=1)
        assert (found.grid.column, found.warnings) == ("0", (said,))
        named = explain(lambda rows: rows.to_numpy()[:, 0], x, method, column="1")
        assert (named.grid.column, named.warnings) == ("1", ())
    alike = Tabular(X[0], pd.DataFrame(X))
    assert explain(lambda rows: rows.to_numpy()[:, 0], alike, "partial_dependence", column=1).warnings == ()
    far = pd.DataFrame(np.arange(30.0).reshape(10, 3), columns=[5, 6, 7])
    with pytest.raises(ValueError, match="from 0 to 2, got 7; the one called '7': column='7'"):
        explain(lambda rows: rows.to_numpy()[:, 0], Tabular(far.iloc[[0]], far), "partial_dependence", column=7)


def test_a_column_of_two_levels_is_named_by_both() -> None:
    frame = pd.DataFrame(X[:, :2], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    x = Tabular(frame.iloc[[0]], frame)
    found = explain(lambda rows: rows.to_numpy()[:, 0], x, "ice", column=("a", "y"))
    assert found.grid is not None
    assert found.grid.column == "('a', 'y')"
    assert groups_of(x, ("a", "y")).tolist() == groups_of(x, 1).tolist()
    high = float(np.median(X[:, 1]))
    where = {("a", "y"): (high, None)}
    of_some = explain(lambda rows: rows.to_numpy()[:, 1], x, "partial_dependence", column=0, where=where)
    assert of_some.details["rows"] == int((X[:, 1] >= high).sum())


def test_a_row_without_a_background_is_refused() -> None:
    with pytest.raises(ValueError, match="background: "):
        explain(formula, Tabular(X[0]), "partial_dependence", target=1)


def test_a_grid_has_as_many_points_as_the_curve() -> None:
    with pytest.raises(ValueError, match=r"grid: 3 points for values of shape \(2,\)"):
        Explanation(values=np.zeros(2), axes=("point",), on="scores", grid=Grid("a", np.arange(3.0)))


def test_what_is_known_to_take_less_than_a_look_has_no_picture_on_the_way() -> None:
    subject = Subject(formula, TABLE)
    *_, last = ask(subject, "partial_dependence", target=1, params={"rows": 300, "points": 20})
    assert 300 * 20 * subject.pace[0] < 0.05  # numpy alone, in large calls
    (only,) = ask(subject, "partial_dependence", target=1, params={"rows": 300, "points": 20, "column": 1})
    assert only.progress == last.progress == 1
