"""Rows that match a filter, counted by hand, and methods over rows that are asked of them alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression

from nbexplain import Subject, Tabular, explain
from nbexplain.core.ask import ask
from nbexplain.core.dataset.rows import drawn
from nbexplain.core.table.labels import labelled, right_classes
from tests.core.dataset.tables import outside, rows, straight

AGE = np.array([20.0, 30, 40, 50, np.nan, 60])
CITY = ["oslo", "rome", "oslo", None, "rome", "oslo"]
FRAME = pd.DataFrame({"age": AGE, "city": pd.Categorical(CITY), "label": [1, 0, 1, 0, 1, 0]})
RIGHT = ["cat", "dog", "dog", None, "cat", "cat"]
SAID = ["cat", "dog", "cat", "dog", "dog", "cat"]  # by the model: row 2 and row 4 are wrong


class Cats:
    """Says `SAID`, row by row."""

    classes_ = np.array(["cat", "dog"])

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        dog = frame.age.map({20: 0.1, 30: 0.9, 40: 0.2, 50: 0.8, 60: 0.3}).fillna(0.7).to_numpy(float)
        return np.stack([1 - dog, dog], 1)


def cats(**options: Any) -> Tabular:
    return Tabular(FRAME.iloc[[0]], background=FRAME, labels=RIGHT, **options)


@pytest.mark.parametrize(
    ("where", "right"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"age": (30, 50)}, [1, 2, 3]),
        ({"age": (None, 40)}, [0, 1, 2]),
        ({"age": {20, 60}}, [0, 5]),
        ({"age": None}, [4]),
        ({"city": {"oslo"}}, [0, 2, 5]),
        ({"city": ["rome", None]}, [1, 3, 4]),
        ({"column:label": 1}, [0, 2, 4]),
        ({"label": "dog"}, [1, 2]),
        ({"label": {None}}, [3]),
        ({"predicted": "dog"}, [1, 3, 4]),
        ({"error": True}, [2, 4]),
        ({"error": False}, [0, 1, 5]),
        ({"label": "cat", "predicted": "dog"}, [4]),
        ({"error": True, "age": (30, 50), "city": "oslo"}, [2]),
    ],
)
def test_by_hand(where: Any, right: list[int]) -> None:
    found = explain(Cats(), cats(), "matching_rows", where=where)
    assert found.features.tolist() == right
    assert found.details == {"rows": len(right), "of": 6}
    scores = explain(Cats(), cats(), "row_scores", where=where)
    assert sorted(scores.features.tolist()) == right
    np.testing.assert_array_equal(scores.values.argmax(1) == 1, np.array(SAID)[scores.features] == "dog")


@pytest.mark.parametrize(
    ("where", "right"),
    [
        ({"predicted": (2, 4)}, [1, 2]),
        ({"label": (None, 1)}, [0, 2]),
        ({"residual": (-2, 0)}, [0, 2]),  # label − prediction: 0, 2, −2, missing, 0.5
        ({"error": 0.5}, [1, 2]),  # |residual| at least the median of 0, 2, 2, 0.5
    ],
)
def test_a_regression_has_no_classes(where: Any, right: list[int]) -> None:
    background = np.array([[0.0], [1], [1.5], [3], [4]])
    table = Tabular(background[0], background, labels=[0, 4, 1, np.nan, 8.5])
    found = explain(lambda x: 2 * x[:, 0], table, "matching_rows", where=where)
    assert found.features.tolist() == right


def test_what_does_not_fit_is_named() -> None:
    for where, message in (
        ({"age": (70, None)}, r"where: no row of the background matches age: \(70, None\)"),
        (
            {"age": (30, 50), "error": True, "city": "rome"},
            r"no row .* matches all of .*; 3 match age: \(30, 50\), 2 match city: \{'rome'\}, 2 match error: True",
        ),
        ({"ag": 3}, "where: there is no column 'ag'; the columns are 'age', 'city', 'label', and"),
        ({"city": "paris"}, r"where\['city'\]: 'city' is never 'paris', expected some of 'oslo', 'rome'"),
        ({"city": (1, 2)}, r"where\['city'\]: 'city' is a category, expected a set of 'oslo', 'rome'"),
        ({"age": "old"}, r"where\['age'\]: expected numbers or a range .* got 'old'"),
        ({"label": "fish"}, r"where\['label'\]: expected some of the classes 'cat', 'dog', got \{'fish'\}"),
        ({"predicted": (0, 1)}, r"where\['predicted'\]: expected classes such as \{'cat'\}, got the range"),
        ({"error": 0.1}, r"where\['error'\]: the model tells classes apart, expected True or False"),
        ({"residual": (0, 1)}, r"where\['residual'\]: the model tells classes apart"),
    ):
        with pytest.raises(ValueError, match=message):
            explain(Cats(), cats(), "matching_rows", where=where)
    with pytest.raises(ValueError, match=r"labels: how well .* give Tabular\(…, labels=…\)"):
        explain(Cats(), Tabular(FRAME.iloc[[0]], background=FRAME), "matching_rows", where={"error": True})
    table = Tabular([0.0], [[0.0], [1]], labels=[0, 1])
    with pytest.raises(ValueError, match="the model predicts numbers, expected the share of rows"):
        explain(lambda x: x[:, 0], table, "matching_rows", where={"error": True})


class Three:
    """Probabilities of three classes whose labels are nowhere said, and a choice among two of them."""

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        first = np.where(rows[:, 0] > 0, 0.7, 0.2)
        return np.stack([first, 0.9 - first, np.full(len(rows), 0.1)], 1)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.array(["a", "b", "c"])[self.predict_proba(rows).argmax(1)]


@pytest.mark.parametrize("condition", [{"a"}, {0}, True, (0, 1), None])
def test_a_prediction_of_no_known_class_is_refused_with_the_call_that_names_them(condition: Any) -> None:
    table = Tabular([1.0], [[1.0], [-1], [2]])
    reason = (
        r"where\['predicted'\]: the model chooses no class: it has no label for each of its 3 probabilities .* "
        r"classes=\[…\]"
    )
    with pytest.raises(ValueError, match=reason):
        explain(Three(), table, "matching_rows", where={"predicted": condition})
    found = explain(Three(), table, "matching_rows", where={"predicted": "a"}, classes=["a", "b", "c"])
    assert found.features.tolist() == [0, 2]


def test_the_score_of_outliers_has_ranges_and_no_classes() -> None:
    background = np.array([[0.0], [0.1], [-0.1], [0], [9]])
    forest, table = IsolationForest(random_state=0).fit(background), Tabular([0.0], background)
    right = np.flatnonzero(forest.decision_function(background) <= 0)
    found = explain(forest, table, "matching_rows", where={"predicted": (None, 0)})
    assert found.features.tolist() == right.tolist()
    with pytest.raises(ValueError, match=r"where\['predicted'\]: the model chooses no class: its score tells outliers"):
        explain(forest, table, "matching_rows", where={"predicted": -1})


def test_the_scores_of_all_rows_are_computed_once() -> None:
    model, background = straight(), rows(50)
    subject = Subject(model, Tabular(background[0], background))
    right = outside(model)(background).argmax(1)
    counts = []
    for wanted in (0, 1, 2):
        if (right == wanted).any():
            *_, found = ask(subject, "matching_rows", params={"where": {"predicted": wanted}})
            np.testing.assert_array_equal(found.features, np.flatnonzero(right == wanted))
            counts.append(subject.passes["forward"])
    [*ask(subject, "row_scores")]
    assert len(counts) > 1
    assert subject.passes["forward"] == counts[0]


def test_labels_that_are_missing_are_neither_right_nor_wrong() -> None:
    found = explain(Cats(), cats(), "row_scores")
    assert found.details["accuracy"] == pytest.approx(3 / 5)
    assert right_classes(Subject(Cats(), cats())).tolist() == [0, 1, 1, -1, 0, 0]
    assert labelled(Subject(Cats(), cats())).tolist() == [True, True, True, False, True, True]
    found = explain(Cats(), cats(), "permutation_importance", target=0)
    assert found.details["accuracy"] == pytest.approx(3 / 5)
    assert "1 row without a label left out" in found.warnings


def test_names_of_classes_are_labels_too() -> None:
    background = rows(30)
    model = straight()
    numbers = outside(model)(background).argmax(1)
    names = np.array(["ant", "bee", "cow"])
    table = Tabular(background[0], background, labels=names[numbers])
    assert explain(model, table, "row_scores", classes=names.tolist()).details["accuracy"] == 1
    found = explain(model, table, "matching_rows", classes=names.tolist(), where={"label": names[numbers[0]]})
    np.testing.assert_array_equal(found.features, np.flatnonzero(numbers == numbers[0]))


DOSE = np.array([0.1, 0.2, 0.3, np.nan])  # none of which is a float32


def _doses(kind: str) -> Any:
    """Rows with a dose and a number."""
    number = np.arange(4.0)
    if kind in ("array", "tensor", "scipy"):
        table: Any = np.stack([DOSE, number], 1).astype(np.float32)
        return {"array": table, "tensor": torch.from_numpy(table), "scipy": scipy.sparse.csr_matrix(table)}[kind]
    if kind == "polars":
        return pl.DataFrame({"dose": pl.Series([*DOSE[:3], None], dtype=pl.Float32), "z": number})
    if kind == "objects":
        return pd.DataFrame({"dose": pd.Series([*map(np.float32, DOSE[:3]), None], dtype=object), "z": number})
    return pd.DataFrame({"dose": pd.Series(DOSE).astype(kind), "z": number})


@pytest.mark.parametrize(
    "kind",
    ["float16", "float32", "float64", "Float32", "Sparse[float32]", "array", "tensor", "scipy", "polars", "objects"],
)
@pytest.mark.parametrize(
    ("condition", "right"),
    [
        ((0.1, 0.3), [0, 1, 2]),
        ((None, 0.2), [0, 1]),
        ((0.3, None), [2]),
        ({0.1, 0.3}, [0, 2]),
        ([0.2, None], [1, 3]),
        ((0.1001, 0.2), [1]),
        ((0.1, 1e300), [0, 1, 2]),
    ],
)
def test_numbers_are_compared_as_the_column_has_them(kind: str, condition: Any, right: list[int]) -> None:
    table = _doses(kind)
    row = Tabular({"dose": 0.2, "z": 1.0} if hasattr(table, "columns") else [0.2, 1.0], table)
    where = {row.names[0]: condition}
    assert explain(lambda rows: np.zeros(rows.shape[0]), row, "matching_rows", where=where).features.tolist() == right


@pytest.mark.parametrize("condition", [(0.1, 0.2), {0.1, 0.2}])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, object])
def test_labels_are_compared_as_they_are(kind: Any, condition: Any) -> None:
    dose = np.array([np.float32(d) for d in DOSE[:3]], dtype=object) if kind is object else DOSE[:3].astype(kind)
    table = Tabular([1.0], np.arange(3.0)[:, None], labels=dose)
    found = explain(lambda rows: rows[:, 0], table, "matching_rows", where={"label": condition})
    assert found.features.tolist() == [0, 1]


@pytest.mark.parametrize("condition", [(0.1, 0.2), {0.1, 0.2}])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_what_a_network_predicts_is_compared_as_it_computes(dtype: torch.dtype, condition: Any) -> None:
    network = torch.nn.Linear(3, 1, bias=False).to(dtype)
    network.weight.data = torch.tensor([DOSE[:3].tolist()], dtype=dtype)
    found = explain(network, Tabular([1.0, 0, 0], np.eye(3)), "matching_rows", where={"predicted": condition})
    assert found.features.tolist() == [0, 1]


@pytest.mark.parametrize("condition", [(0.1, 0.2), {0.1, 0.2}])
@pytest.mark.parametrize(
    "said",
    [
        lambda dose: dose.astype(np.float16),
        lambda dose: dose.astype(np.float32),
        lambda dose: dose.astype(np.float32).tolist(),
        lambda dose: torch.from_numpy(dose).bfloat16(),
        lambda dose: dose,
    ],
    ids=["half", "single", "list", "bfloat16", "double"],
)
def test_what_a_callable_predicts_is_compared_as_it_computes(said: Any, condition: Any) -> None:
    table = Tabular([1.0, 0, 0], np.eye(3))
    found = explain(lambda rows: said(rows @ DOSE[:3]), table, "matching_rows", where={"predicted": condition})
    assert found.features.tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_whole_predictions_are_compared_to_the_last_digit(dtype: Any) -> None:
    table, numbers = Tabular([1.0, 0], np.eye(2)), np.array([16777216, 16777218])  # single precision holds both

    def predict(rows: np.ndarray) -> np.ndarray:
        return (rows @ numbers).astype(dtype)

    for condition, right in (((16777217, None), [1]), ((16777216.4, None), [1]), ({16777218}, [1])):
        found = explain(predict, table, "matching_rows", where={"predicted": condition})
        assert found.features.tolist() == right
    with pytest.raises(ValueError, match="no row of the background matches"):
        explain(predict, table, "matching_rows", where={"predicted": {16777217}})


def test_a_score_made_of_single_precision_is_compared_as_it_is() -> None:
    table = Tabular([1.0, 0], np.eye(2))
    where = {"predicted": {0.1}}
    found = explain(lambda rows: rows @ [1.0, 2], table, "matching_rows", where=where, scores=lambda said: said / 10)
    assert found.features.tolist() == [0]


MIXED = [1, True, 1.0, "1", 0, False, None, "x"]


@pytest.mark.parametrize("of", ["frame", "array"])
@pytest.mark.parametrize(
    ("condition", "right"),
    [
        ({1}, [0, 2]),  # and 1.0, which is the same number
        ({1.0}, [0, 2]),
        (np.float64(1), [0, 2]),
        ({True}, [1]),
        (np.True_, [1]),
        ({0}, [4]),
        ({False, None}, [5, 6]),
        ([1, True], [0, 1, 2]),
        ({"1"}, [3]),
    ],
)
def test_true_is_not_1_among_several_kinds(condition: Any, right: list[int], of: str) -> None:
    table: Any = pd.DataFrame({"o": pd.Series(MIXED, dtype=object), "z": range(len(MIXED))})
    table = table if of == "frame" else table.to_numpy(dtype=object)
    row = Tabular(table[:1] if of == "frame" else table[0], table)
    subject = Subject(lambda rows: np.zeros(len(rows)), row)
    name = row.names[0]
    for where, found_by_hand in (({name: {True}}, [1]), ({name: condition}, right)):  # the first is not taken for it
        *_, found = ask(subject, "matching_rows", params={"where": where})
        assert found.features.tolist() == found_by_hand


@pytest.mark.parametrize("values", [[True, False, True], pd.Categorical([1, 0, 1]), [1, 0, 1], [1.0, 0.0, 1.0]])
def test_1_is_true_where_nothing_else_can_be_meant(values: Any) -> None:
    frame = pd.DataFrame({"o": values, "z": range(3)})
    for value in (1, True, 1.0):
        found = explain(lambda rows: rows.z, Tabular(frame.iloc[[0]], frame), "matching_rows", where={"o": {value}})
        assert found.features.tolist() == [0, 2]


def test_a_column_of_several_kinds_that_is_never_true() -> None:
    frame = pd.DataFrame({"o": [1, "x", None], "z": range(3)})
    with pytest.raises(ValueError, match=r"where\['o'\]: 'o' is never True, expected some of 1, 'x'"):
        explain(lambda rows: rows.z, Tabular(frame.iloc[[0]], frame), "matching_rows", where={"o": True})


# Methods over rows: rows are drawn among those that match, what stands in stays the whole background

WHERE = {"feature 0": (0, None)}


def _some(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    background = rows(count)
    return background, np.flatnonzero(background[:, 0] >= 0)


def test_shap_values_of_the_rows_that_match() -> None:
    model, (background, among) = straight(), _some()
    table = Tabular(background[0], background)
    found = explain(outside(model), table, "row_shap", target=1, rows=9, background=60, orders=1, where=WHERE)
    filtered = Tabular(background[0], background[among])
    np.testing.assert_array_equal(found.features, among[drawn(filtered, 9, 0)])
    weights = model.head.weight[1].detach().double().numpy()
    right = weights * (background[found.features] - background.mean(0))
    np.testing.assert_allclose(found.values, right, atol=1e-5 * np.abs(right).max())
    assert not any("match" in warning for warning in found.warnings)


def test_what_is_kept_is_not_mixed_up() -> None:
    background, among = _some()
    subject = Subject(straight(), Tabular(background[0], background))
    for method, target in (("row_scores", None), ("row_shap", 0), ("averaged_lime", 0), ("permutation_importance", 0)):
        answers = []
        for where in ({}, WHERE, {}):
            params = {"rows": 12, "where": where}
            answers.append([*ask(subject, method, target=target, params=params)][-1])
        np.testing.assert_array_equal(answers[0].values, answers[2].values)
        assert not np.array_equal(answers[0].values, answers[1].values)
        if answers[1].on == "rows":
            assert set(answers[1].features) <= set(among)


def test_scores_and_permutations_are_those_of_a_filtered_background() -> None:
    background, among = _some(80)
    labels = np.where(background[:, 1] > background[:, 2], "yes", "no")
    line = LinearRegression().fit(background[:40], background[:40, 0] ** 2)
    for model, right in ((LogisticRegression(C=0.01).fit(background, labels), labels), (line, background[:, 0] ** 2)):
        whole = Tabular(background[0], background, labels=right)
        filtered = Tabular(background[0], background[among], labels=right[among])
        for method, params in (("row_scores", {}), ("permutation_importance", {"rows": 20, "target": 0})):
            ours = explain(model, whole, method, where=WHERE, **params)
            theirs = explain(model, filtered, method, **params)
            np.testing.assert_allclose(ours.values, theirs.values, atol=1e-12)
            assert ours.details == pytest.approx(theirs.details)


def test_lime_draws_around_the_rows_that_match_from_the_whole_background() -> None:
    background, among = _some()
    model = outside(straight())  # of a linear model each row has the same weights: slope × spread of the background
    whole = Tabular(background[0], background)
    asked = {"target": 0, "bins": "value", "samples": 2000, "rows": 4, "table_width": 5.0}
    ours = explain(model, whole, "averaged_lime", where=WHERE, **asked)
    np.testing.assert_allclose(ours.values, explain(model, whole, "averaged_lime", **asked).values, rtol=0.02)
    filtered = explain(model, Tabular(background[0], background[among]), "averaged_lime", **asked)
    assert np.abs(filtered.values / ours.values - 1).max() > 0.1


def test_interactions_are_the_mean_over_the_rows_that_match() -> None:
    background = rows(12, columns=3)
    table = Tabular(background[0], background)

    def model(x: np.ndarray) -> np.ndarray:
        return x[:, 0] * x[:, 1] + x[:, 2]

    where = {"feature 0": (0, None)}
    found = explain(model, table, "interaction", rows=12, where=where)
    each = [explain(model, table.another(row), "interaction").values for row in background[background[:, 0] >= 0]]
    np.testing.assert_allclose(found.values, np.mean(np.abs(each), axis=0))
    assert 0 < len(each) < 12
    assert any(f"only {len(each)} rows match" in warning for warning in found.warnings)
    with pytest.raises(ValueError, match=r"where: with rows=0 this row alone is explained, got .*; give rows="):
        explain(model, table, "interaction", where=where)
