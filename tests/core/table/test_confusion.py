"""Confusion matrices equal scikit-learn's, and so do the figures of merit; the rest is counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from nbexplain import Subject, Tabular, explain
from nbexplain.core.ask import ask
from tests.core.dataset.tables import curved, outside, rows

WORDS = np.array(["ant", "bee", "cow"])


def classes_of(background: np.ndarray, count: int) -> np.ndarray:
    """Which of the first columns is the largest, with some noise."""
    return (background[:, :count] + np.random.default_rng(3).normal(size=(len(background), count))).argmax(1)


@pytest.mark.parametrize("count", [2, 3])
def test_equals_scikit_learns(count: int) -> None:
    background = rows(120)
    labels = WORDS[classes_of(background, count)]
    model = RandomForestClassifier(4, max_depth=3, random_state=0).fit(background[:50], labels[:50])  # many ties
    table = Tabular(background[0], background, labels=labels)
    predicted, chances = model.predict(background), model.predict_proba(background)
    found = explain(model, table, "confusion")
    np.testing.assert_array_equal(found.values, metrics.confusion_matrix(labels, predicted))
    assert found.values.dtype.kind == "i"
    assert found.axes == ("label", "predicted")
    assert found.names == tuple(WORDS[:count])
    assert found.details == pytest.approx(
        {
            "rows": 120,
            "accuracy": metrics.accuracy_score(labels, predicted),
            "balanced accuracy": metrics.balanced_accuracy_score(labels, predicted),
            "log loss": metrics.log_loss(labels, chances),
            "Brier score": metrics.brier_score_loss(
                labels, chances if count > 2 else chances[:, 1], **({} if count > 2 else {"pos_label": WORDS[1]})
            ),
        },
        abs=1e-12,
    )
    assert 0.5 < found.details["accuracy"] < 1
    for ours, theirs in (("label", "true"), ("predicted", "pred"), ("all", "all")):
        shares = explain(model, table, "confusion", normalize=ours)
        right = metrics.confusion_matrix(labels, predicted, normalize=theirs)
        np.testing.assert_allclose(shares.values, right, atol=1e-15)
        assert shares.standard_error is None  # all rows are counted


def test_a_threshold_of_two_classes() -> None:
    background = rows(90)
    labels = classes_of(background, 2)
    model = RandomForestClassifier(4, max_depth=2, random_state=0).fit(background, labels)
    table = Tabular(background[0], background, labels=labels)
    chance = model.predict_proba(background)[:, 1]
    for threshold in (0.0, 0.25, float(chance[3]), 1.1):
        right = metrics.confusion_matrix(labels, chance >= threshold)
        np.testing.assert_array_equal(explain(model, table, "confusion", target=1, threshold=threshold).values, right)
        turned = metrics.confusion_matrix(labels, 1 - chance < threshold)
        np.testing.assert_array_equal(explain(model, table, "confusion", target=0, threshold=threshold).values, turned)
    for wrong in ("0.5", True, float("nan")):
        with pytest.raises(TypeError, match="threshold: expected a number, or None"):
            explain(model, table, "confusion", threshold=wrong)
    three = Tabular(background[0], background, labels=classes_of(background, 3))
    with pytest.raises(ValueError, match="threshold: needs two classes, the model has 3; 'roc' has one against the"):
        explain(curved(), three, "confusion", threshold=0.5)


def test_probabilities_are_known_where_the_scores_are_some() -> None:
    background = rows(40)
    labels = classes_of(background, 3)
    table = Tabular(background[0], background, labels=labels)
    logits = torch.from_numpy(3 * outside(curved())(background))
    near = (logits.numpy() + np.random.default_rng(0).normal(size=logits.shape)).argmax(1)

    class Sure(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = curved()

        def forward(self, x: torch.Tensor) -> Any:
            return 3 * self.net(x)

    found = explain(Sure(), Tabular(background[0], background, labels=near), "confusion")
    assert found.details["log loss"] == pytest.approx(metrics.log_loss(near, logits.softmax(1).numpy()), rel=1e-5)
    for model in (LinearSVC().fit(background, labels), outside(curved())):  # a callable's scores may be anything
        assert "log loss" not in explain(model, table, "confusion").details
        assert "Brier score" not in explain(model, table, "confusion").details
    assert "accuracy" in explain(RidgeClassifier().fit(background, labels), table, "confusion").details


def test_rows_without_a_label_and_classes_without_rows() -> None:
    background = rows(4)

    def model(x: np.ndarray) -> np.ndarray:
        return np.eye(3)[[0, 1, 1, 0]][[int(np.abs(background - row).sum(1).argmin()) for row in x]]

    found = explain(model, Tabular(background[0], background, labels=[0, 0, None, 1]), "confusion", normalize="label")
    np.testing.assert_array_equal(found.values, [[0.5, 0.5, 0], [1, 0, 0], [np.nan] * 3])
    assert found.details["balanced accuracy"] == 0.25  # of the classes that occur
    assert "1 row without a label left out" in found.warnings
    for labels in ([0, 0, 5, 1], ["a", "b", "c", "a"]):
        with pytest.raises(ValueError, match=r"labels: row \d has .* expected one of the model's classes 0, 1, 2"):
            explain(model, Tabular(background[0], background, labels=labels), "confusion")
    with pytest.raises(ValueError, match="labels: all are missing"):
        explain(model, Tabular(background[0], background, labels=[None] * 4), "confusion")
    with pytest.raises(ValueError, match=r"labels: .* give Tabular\(…, labels=…\)"):
        explain(model, Tabular(background[0], background), "confusion")
    line = LinearRegression().fit(background, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"'confusion' needs scores of classes, and the model predicts .* 'residuals'"):
        explain(line, Tabular(background[0], background, labels=[0, 1, 0, 1]), "confusion")


def test_of_the_rows_that_match() -> None:
    background = rows(60)
    labels = classes_of(background, 3)
    among = background[:, 1] > 0
    where: dict[str, Any] = {"feature 1": (0, None)}
    found = explain(curved(), Tabular(background[0], background, labels=labels), "confusion", where=where)
    predicted = outside(curved())(background).argmax(1)
    right = metrics.confusion_matrix(labels[among], predicted[among], labels=[0, 1, 2])
    np.testing.assert_array_equal(found.values, right)
    assert 0 < right.sum() < 60


def test_on_the_way_shares_tell_their_error() -> None:
    background = rows(20_000)
    labels = classes_of(background, 3)
    subject = Subject(curved(), Tabular(background[0], background, labels=labels))
    *before, last = ask(subject, "confusion", params={"normalize": "label"})
    assert len(before) > 1
    assert last.standard_error is None
    off = [np.abs(step.values - last.values) / np.maximum(step.standard_error, 1e-9) for step in before]
    assert all((parts < 4.5).all() for parts in off)
    assert before[0].standard_error.max() > 0
    passes = subject.passes["forward"]
    [*ask(subject, "confusion", params={"where": {"feature 0": (0, None)}})]
    assert subject.passes["forward"] == passes  # the scores of all rows are known


WAS_HIGH = np.array([True, False, True, True, False, False] * 3)
ONE_COLUMN = np.where(WAS_HIGH, 1.0, -1.0)[:, None] + np.linspace(-0.5, 0.5, 18)[:, None]


def chosen(low: Any, high: Any) -> np.ndarray:
    return np.where(WAS_HIGH, high, low)


def with_a_gap(labels: np.ndarray) -> list[Any]:
    return [None, *labels.tolist()[1:]]


@pytest.mark.parametrize(
    ("classes", "labels", "way"),
    [
        (("3", "7"), chosen(3, 7), "try labels=numpy.asarray(labels).astype(str)"),
        (("3", "7"), chosen(3, 7).tolist(), "try labels=numpy.asarray(labels).astype(str)"),
        (("3", "7"), chosen(3.0, 7.0), "try labels=numpy.asarray(labels).astype(int).astype(str)"),
        (("False", "True"), WAS_HIGH, "try labels=numpy.asarray(labels).astype(str)"),
        ((3, 7), chosen("3", "7"), "try labels=numpy.asarray(labels).astype(int)"),
        ((3, 7), chosen("3.0", "7.0"), "try labels=numpy.asarray(labels).astype(float)"),
        (
            ("3", "7"),
            with_a_gap(chosen(3, 7)),
            "try labels=[None if pandas.isna(label) else str(label) for label in labels]",
        ),
        (
            ("no", "yes"),
            chosen(0, 1),
            "numbers of the classes, from 0 on: labels=model.classes_[numpy.asarray(labels)]",
        ),
        (
            ("no", "yes"),
            WAS_HIGH,
            "numbers of the classes, from 0 on: labels=model.classes_[numpy.asarray(labels).astype(int)]",
        ),
        (
            ("no", "yes"),
            with_a_gap(chosen(0.0, 1.0)),
            "numbers of the classes, from 0 on: "
            "labels=[None if pandas.isna(label) else model.classes_[int(label)] for label in labels]",
        ),
    ],
)
def test_labels_of_another_type_are_told_how_to_become_classes(classes: Any, labels: Any, way: str) -> None:
    model = LogisticRegression().fit(ONE_COLUMN, chosen(*classes))
    with pytest.raises(ValueError, match=r"labels: row \d has .* expected one of the model's classes") as raised:
        explain(model, Tabular(ONE_COLUMN[0], ONE_COLUMN, labels=labels), "confusion")
    assert str(raised.value).endswith(way)
    names = {"labels": labels, "model": model, "numpy": np, "pandas": pd}
    made = eval(way.rpartition("labels=")[2], names)
    found = explain(model, Tabular(ONE_COLUMN[0], ONE_COLUMN, labels=made), "confusion")
    known = 17 if isinstance(labels, list) and labels[0] is None else 18
    assert found.details["rows"] == known
    assert found.details["accuracy"] == 1  # the classes are apart


def test_labels_that_number_the_classes_of_a_callable_are_told_its_classes() -> None:
    def model(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] > 0, "yes", "no")

    labels = chosen(0, 1)
    with pytest.raises(ValueError, match=r"labels=numpy.array\(\['no', 'yes'\]\)\[numpy.asarray\(labels\)\]$"):
        explain(model, Tabular(ONE_COLUMN[0], ONE_COLUMN, labels=labels), "confusion")
    table = Tabular(ONE_COLUMN[0], ONE_COLUMN, labels=np.array(["no", "yes"])[labels])
    assert explain(model, table, "confusion").details["accuracy"] == 1


@pytest.mark.parametrize("labels", [[7, 3] * 9, [0, 2] * 9, [0.5, 1] * 9, ["no", 1] * 9])
def test_labels_that_are_neither_are_told_no_call(labels: Any) -> None:
    model = LogisticRegression().fit(ONE_COLUMN, chosen("no", "yes"))
    with pytest.raises(ValueError, match=r"expected one of the model's classes 'no', 'yes'$"):
        explain(model, Tabular(ONE_COLUMN[0], ONE_COLUMN, labels=np.array(labels, dtype=object)), "confusion")


DAYS = pd.to_datetime(["2024-01-01", "2024-02-01"])
RIGHT = np.array([0, 1, 1, 0])


class ByDay:
    """Chooses the second class where x > 0."""

    def __init__(self, classes: Any) -> None:
        self.classes_ = classes

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return np.hstack([x < 0, x > 0]) * 0.8 + 0.1

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.classes_)[(x[:, 0] > 0).astype(int)]


@pytest.mark.parametrize("classes", [DAYS.to_numpy().astype(f"M8[{unit}]") for unit in ("D", "us", "ns")])
@pytest.mark.parametrize(
    "labels",
    [
        *(DAYS.to_numpy().astype(f"M8[{unit}]")[RIGHT] for unit in ("D", "us", "ns")),
        pd.Series(DAYS[RIGHT]).astype("datetime64[ns]"),
        list(DAYS[RIGHT]),
        [day.date() for day in DAYS[RIGHT]],
        list(DAYS[RIGHT].strftime("%Y-%m-%d")),
    ],
)
def test_classes_that_are_dates_are_compared_as_dates(classes: np.ndarray, labels: Any) -> None:
    background = np.array([[-1.0], [1.0], [2.0], [1.0]])
    found = explain(ByDay(classes), Tabular([1.0], background, labels=labels), "confusion")
    assert found.values.tolist() == [[1, 1], [0, 2]]
    assert found.names == ("2024-01-01", "2024-02-01")


def test_other_dates_than_those_of_the_classes_are_named() -> None:
    later = pd.to_datetime(["2024-01-01", "2024-03-01"]).astype("datetime64[ns]")
    table = Tabular([1.0], np.array([[-1.0], [1.0]]), labels=later)
    with pytest.raises(ValueError, match=r"row 1 has '2024-03-01.*', expected one .* '2024-01-01.*', '2024-02-01.*'"):
        explain(ByDay(DAYS.to_numpy().astype("M8[ns]")), table, "confusion")


def test_classes_that_no_datetime_holds_are_dates_too() -> None:
    background = np.array([[-1.0], [1.0], [2.0], [1.0]])
    classes = DAYS.to_numpy().astype("M8[ns]") + 1
    for labels in (classes[RIGHT], list(classes[RIGHT]), pd.Series(classes[RIGHT])):
        found = explain(ByDay(classes), Tabular([1.0], background, labels=labels), "confusion")
        assert found.values.tolist() == [[1, 1], [0, 2]]
        assert found.names == ("2024-01-01 00:00:00.000000001", "2024-02-01 00:00:00.000000001")
    with pytest.raises(
        ValueError, match=r"row 0 has '2024-01-01T00:00:00', expected .* '2024-01-01T00:00:00.000000001'"
    ):
        explain(ByDay(classes), Tabular([1.0], background, labels=DAYS[RIGHT]), "confusion")


IDS = 2**60 + np.arange(2)


@pytest.mark.parametrize(
    "labels",
    [
        pd.array([None, *IDS[RIGHT[1:]]], dtype="Int64"),
        pd.Series([None, *IDS[RIGHT[1:]]], dtype="Int64"),
        pd.DataFrame({"label": pd.Series([None, *IDS[RIGHT[1:]]], dtype="Int64")}),
        pl.Series([None, *IDS[RIGHT[1:]].tolist()]),
        pl.DataFrame({"label": [None, *IDS[RIGHT[1:]].tolist()]}),
        [np.nan, *IDS[RIGHT[1:]].tolist()],
        np.ma.masked_array(IDS[RIGHT], [True, False, False, False]),
    ],
)
def test_large_whole_numbers_stay_what_they_are_where_a_label_is_missing(labels: Any) -> None:
    background = np.array([[-1.0], [1.0], [-2.0], [-1.0]])
    found = explain(ByDay(IDS), Tabular([1.0], background, labels=labels), "confusion")
    assert found.values.tolist() == [[1, 0], [1, 1]]
    assert found.warnings == ("1 row without a label left out",)


def test_floats_that_do_not_tell_classes_apart_are_refused() -> None:
    background = np.array([[-1.0], [1.0]])
    with pytest.raises(ValueError, match=rf"row 0 has 1\.15\S+, a float that the classes {IDS[0]} and {IDS[1]}"):
        explain(ByDay(IDS), Tabular([1.0], background, labels=IDS.astype(float)), "confusion")
    apart = 2**60 + np.array([0, 1024])
    found = explain(ByDay(apart), Tabular([1.0], background, labels=apart.astype(float)), "confusion")
    assert found.values.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("classes", "listed", "right"),
    [
        (["a", "b"], ["a", np.nan, "a", "b"], [[1, 1], [0, 1]]),
        (["a", "b"], ("a", None, "a", "b"), [[1, 1], [0, 1]]),
        ([1, "other"], [1, "other", "other", 1], [[1, 1], [0, 2]]),
        ([b"a", b"b"], [b"a", b"b", b"b", b"a"], [[1, 1], [0, 2]]),
        (["1", "nan"], ["1", "nan", "nan", "1"], [[1, 1], [0, 2]]),
    ],
)
def test_a_list_holds_what_an_array_of_the_same_objects_holds(classes: Any, listed: Any, right: Any) -> None:
    background = np.array([[-1.0], [1.0], [2.0], [1.0]])
    model = ByDay(np.array(classes, dtype=object))
    for labels in (listed, np.array(listed, dtype=object), pd.Series(listed, dtype=object)):
        assert explain(model, Tabular([1.0], background, labels=labels), "confusion").values.tolist() == right
