"""Scores of the rows and what they are in groups, counted by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from nbexplain import Explanation, Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.dataset.by_group import by_group, groups_of, mean_size
from nbexplain.core.dataset.row_scores import scores_by_group
from nbexplain.core.table.labels import right_classes
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import curved, outside, rows, table


def test_scores_are_the_models() -> None:
    model, given = curved(), table(3000)
    subject = Subject(model, given)
    steps = [*ask(subject, "row_scores", params={"rows": 2500})]
    assert len(steps) > 1
    for step in steps:
        np.testing.assert_allclose(step.values, outside(model)(given.background[step.features]), rtol=1e-4, atol=1e-6)
    assert steps[-1].values.shape == (2500, 3)
    assert steps[-1].progress == 1
    before = subject.passes["forward"]
    *_, fewer = ask(subject, "row_scores", params={"rows": 100})
    assert subject.passes["forward"] == before
    np.testing.assert_array_equal(fewer.values, steps[-1].values[:100])


def test_the_accuracy_is_that_of_the_estimator() -> None:
    background = rows(90)
    labels = np.where(background[:, 0] > 1, "yes", "no")
    model = LogisticRegression(C=0.01).fit(background[:20], labels[:20])
    given = Tabular(background[0], background, labels=labels)
    found = explain(model, given, "row_scores")
    assert found.details["accuracy"] == pytest.approx(model.score(background, labels))
    assert 0.5 < found.details["accuracy"] < 1
    np.testing.assert_array_equal(right_classes(Subject(model, given)), (labels == "yes").astype(int))
    with pytest.raises(ValueError, match="labels: how well the model does is measured with the right class"):
        right_classes(Subject(model, Tabular(background[0], background)))
    with pytest.raises(ValueError, match=r"labels: row 0 has 7, expected one of the model's classes 'no', 'yes'"):
        right_classes(Subject(model, Tabular(background[0], background, labels=[7] * 90)))


def values(numbers: list[list[float]], features: list[int]) -> Explanation:
    return Explanation(values=np.array(numbers), axes=("row", "feature"), on="rows", features=np.array(features))


def test_mean_size_by_hand() -> None:
    found = mean_size(values([[1, -2], [-3, 0]], [4, 1]))
    np.testing.assert_array_equal(found.values, [2, 1])
    np.testing.assert_allclose(found.errors, np.full(2, 12.7062 / 1.96), rtol=1e-5)  # spread √2 over √2 rows, t of 1
    assert found.count == 2


def test_draws_within_rows_count_for_the_mean_size() -> None:
    rows = values([[1, -2], [-3, 0], [2, 1]], [4, 1, 0])
    noisy = dataclasses.replace(rows, standard_error=np.tile([0.0, 9.0], (3, 1)))
    exact, found = mean_size(rows), mean_size(noisy)
    assert found.errors[0] == pytest.approx(exact.errors[0])
    assert found.errors[1] == pytest.approx(np.hypot(exact.errors[1], 1))  # all of the mean, 1, may be their doing
    unknown = dataclasses.replace(rows, standard_error=np.full((3, 2), np.nan))
    assert np.isnan(mean_size(unknown).errors).all()


def test_groups_by_hand() -> None:
    told = by_group(values([[1, -2], [-3, 0], [5, 5]], [4, 1, 0]), ["a", "b", "a", "a", "b"])
    assert list(told) == ["a", "b"]
    np.testing.assert_array_equal(told["a"].values, [5, 5])
    assert np.isnan(told["a"].errors).all()  # one row has no spread
    np.testing.assert_array_equal(told["b"].values, [2, 1])
    assert (told["a"].count, told["b"].count) == (1, 2)
    with pytest.raises(ValueError, match=r"groups: expected one for each background row, got shape \(2,\)"):
        by_group(values([[1.0, 2.0]], [4]), ["a", "b"])
    on_columns = Explanation(values=np.zeros(2), axes=("feature",), on="features", features=np.arange(2))
    with pytest.raises(ValueError, match="explanation: expected values of rows, got values on 'features'"):
        by_group(on_columns, ["a"])


def test_scores_in_groups_by_hand() -> None:
    told = scores_by_group(
        Explanation(
            values=np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]]),
            axes=("row", "class"),
            on="rows",
            features=np.array([2, 0, 1, 3]),
        ),
        groups=["f", "m", "f", "m"],  # rows 2 and 0 are f: scores .1 and .6
        target=1,
        right=np.array([1, 0, 1, 0]),
    )
    women, men = told["f"], told["m"]
    assert (women.count, men.count) == (2, 2)
    assert (women.score, men.score) == pytest.approx((0.35, 0.55))
    assert women.score_error == pytest.approx(0.25 * 12.7062 / 1.96)  # t of one degree of freedom
    assert women.chosen_error == pytest.approx(0.405 / 1.96, rel=1e-2)  # Wilson's interval of 1 of 2: 0.095 to 0.905
    assert (women.chosen, men.chosen) == (0.5, 0.5)
    assert (women.accuracy, men.accuracy) == (0.5, 0.5)  # row 2 is wrongly 0, row 1 wrongly 1
    alone = scores_by_group(
        Explanation(values=np.eye(2), axes=("row", "class"), on="rows", features=np.arange(2)), ["f", "m"], 0
    )
    assert alone["f"].accuracy is None
    assert np.isnan(alone["f"].score_error)


def test_groups_of_a_column() -> None:
    mixed = np.array([[1.0, "b", 0.0], [2.0, "a", 1.0], [9.0, "b", 1.0]] * 3 + [[4.0, "a", 0.0]], dtype=object)
    given = Tabular(mixed[0], mixed, names=["n", "kind", "flag"])
    assert groups_of(given, "kind").tolist() == ["b", "a", "b"] * 3 + ["a"]
    assert groups_of(given, 2).tolist() == ["0", "1", "1"] * 3 + ["0"]
    many = Tabular([1.0], np.array([[float(n)] for n in range(10)]))
    assert groups_of(many, 0).tolist() == ["at most 4.5"] * 5 + ["above 4.5"] * 5
    heaped = Tabular([1.0], np.array([[min(float(n), 7.0)] for n in range(20)]))
    assert set(groups_of(heaped, 0)) == {"at most 6", "above 6"}  # the median is the largest value
    missing = Tabular([1.0], np.array([[1.0], [np.nan], [2.0]]))
    assert groups_of(missing, 0).tolist() == ["1", "missing", "2"]
    for column in ("size", 3, -1):
        with pytest.raises(ValueError, match="column: expected a name or a number from 0 to 2, got"):
            groups_of(given, column)


def test_maps_are_no_classes() -> None:
    background = rows(6, 4)
    model = torch.nn.Sequential(torch.nn.Unflatten(1, (1, 2, 2)), torch.nn.Conv2d(1, 2, 1))
    with pytest.raises(ValueError, match=r"scores: expected one score per class, the model gives \(2, 2, 2\) per row"):
        explain(model, Tabular(background[0], background), "row_scores")
