"""Labels that are numbers, of classes that are called by numbers: each row belongs to the class of that name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics
from sklearn.inspection import permutation_importance
from sklearn.naive_bayes import GaussianNB
from torch import nn

from nbexplain import Session, Tabular, explain
from nbexplain.widgets.right_classes import right_classes_of

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
HIGH = (X.a > 0).astype(int).to_numpy()
BINARY = GaussianNB().fit(X, HIGH)
GRADES = (1 + (X.a > 0) + (X.b > 0.7)).to_numpy()
GRADED = GaussianNB().fit(X, GRADES)  # of the classes 1, 2 and 3


def backwards(rows: pd.DataFrame) -> np.ndarray:
    return BINARY.predict_proba(rows)[:, ::-1]


def framed(columns: list[Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: pd.DataFrame(backwards(rows), columns=columns, index=rows.index)


def table(labels: Any, rows: pd.DataFrame = X) -> Tabular:
    return Tabular(X.iloc[0], rows, labels=labels)


WAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "columns": (framed([1, 0]), {}),
    "columns that are yes and no": (framed([True, False]), {}),
    "columns of floats": (framed([1.0, 0.0]), {}),
    "classes": (backwards, {"classes": [1, 0]}),
    "strings": (backwards, {"classes": ["1", "0"]}),
    "yes and no": (backwards, {"classes": [True, False]}),
    "as classes are called here": (backwards, {"classes": ["class 1", "class 0"]}),
}
LABELS = {"int": HIGH, "float": HIGH.astype(float), "bool": HIGH > 0, "object": HIGH.astype(object)}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize(("model", "named"), WAYS.values(), ids=WAYS)
def test_a_number_is_the_class_of_that_name(model: Any, named: dict[str, Any], labels: Any) -> None:
    found = explain(model, table(labels), "confusion", **named)
    right = metrics.confusion_matrix(HIGH, BINARY.predict(X), labels=[1, 0])
    np.testing.assert_array_equal(found.values, right)
    assert found.details["accuracy"] == BINARY.score(X, HIGH)


def test_what_else_is_asked_of_the_rows_goes_by_the_names_too() -> None:
    model, x = framed([1, 0]), table(HIGH)
    area = explain(model, x, "roc", target="1").details["AUC"]
    assert area == pytest.approx(metrics.roc_auc_score(HIGH, BINARY.predict_proba(X)[:, 1]), abs=1e-9)
    for key, of in (("predicted", BINARY.predict(X)), ("label", HIGH)):
        for value in (1, 1.0, True, "1"):
            found = explain(model, x, "matching_rows", where={key: {value}})
            np.testing.assert_array_equal(found.features, np.flatnonzero(of == 1))
    ours = explain(model, x, "permutation_importance", repeats=20, seed=0)
    theirs = permutation_importance(BINARY, X, HIGH, n_repeats=20, random_state=0)
    np.testing.assert_allclose(ours.values, theirs.importances_mean, atol=0.05)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (lambda rows: GRADED.predict_proba(rows), {"classes": GRADED.classes_}),
        (lambda rows: GRADED.predict_proba(rows), {"classes": ["1", "2", "3"]}),
        (lambda rows: pd.DataFrame(GRADED.predict_proba(rows), columns=GRADED.classes_), {}),
        (GRADED.predict_proba, {}),
    ],
)
def test_classes_that_count_from_one(model: Any, named: dict[str, Any]) -> None:
    for rows in (X, X[GRADES < 3]):
        labels = GRADES[rows.index]
        found = explain(model, table(labels, rows), "confusion", **named)
        right = metrics.confusion_matrix(labels, GRADED.predict(rows), labels=[1, 2, 3])
        np.testing.assert_array_equal(found.values, right)


WORDS = ["mild", "medium", "severe"]


@pytest.mark.parametrize("base", [1, -1])
@pytest.mark.parametrize("way", ["model", "predict_proba", "frame"])
def test_own_labels_stay_known_where_words_name_the_classes(way: str, base: int) -> None:
    model = GaussianNB().fit(X, GRADES - 1 + base)
    ways = {
        "model": model,
        "predict_proba": model.predict_proba,
        "frame": lambda rows: pd.DataFrame(model.predict_proba(rows), columns=model.classes_),
    }
    for kept in (GRADES > 0, GRADES < 3, GRADES > 1):
        labels, rows = (GRADES - 1 + base)[kept], X[kept]
        found = explain(ways[way], table(labels, rows), "confusion", classes=WORDS)
        right = metrics.confusion_matrix(labels, model.predict(rows), labels=model.classes_)
        np.testing.assert_array_equal(found.values, right)
        area = explain(ways[way], table(labels, rows), "roc", target="medium", classes=WORDS).details["AUC"]
        theirs = metrics.roc_auc_score(labels == model.classes_[1], model.predict_proba(rows)[:, 1])
        assert area == pytest.approx(theirs, abs=1e-9)


def test_labels_that_are_no_name_are_told_the_names() -> None:
    expected = (
        "expected one of the model's classes 1, 2, 3; if they are the numbers of the classes, from 0 on: "
        "labels=numpy.array([1, 2, 3])[numpy.asarray(labels)]"
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        explain(lambda rows: GRADED.predict_proba(rows), table(GRADES - 1), "confusion", classes=[1, 2, 3])
    with pytest.raises(ValueError, match=r"row 0 has 0, expected one of the model's classes '1', '1.0';"):
        explain(backwards, table(0 * HIGH), "confusion", classes=["1", "1.0"])


def test_words_are_meant_by_their_places() -> None:
    found = explain(lambda rows: GRADED.predict_proba(rows), table(GRADES - 1), "confusion", classes=list("xyz"))
    np.testing.assert_array_equal(found.values, metrics.confusion_matrix(GRADES, GRADED.predict(X)))


def test_of_a_network() -> None:
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    rows = X.to_numpy(np.float32)
    chosen = net(torch.tensor(rows)).argmax(1).numpy()
    x = Tabular(rows[0], rows, labels=np.array([1, 0])[chosen])  # the first score is that of the class 1
    found = explain(net, x, "confusion", classes=["1", "0"])
    np.testing.assert_array_equal(found.values, np.diag(np.bincount(chosen)))


def test_scores_in_another_order_are_those_of_the_users_names() -> None:
    found = explain(
        GRADED, table(GRADES), "confusion", scores=lambda chances: chances.flip(1), classes=GRADED.classes_[::-1]
    )
    right = metrics.confusion_matrix(GRADES, GRADED.predict(X), labels=[3, 2, 1])
    np.testing.assert_array_equal(found.values, right)
    with pytest.raises(ValueError, match=r"labels: scores= puts others .* name the 3 in their order: classes=\["):
        explain(GRADED, table(GRADES), "confusion", scores=lambda chances: chances.flip(1))


COUNTED = GaussianNB().fit(X, GRADES - 1)  # of the classes 0, 1 and 2, which the user calls 1, 2 and 3


@pytest.mark.parametrize("labels", [GRADES, GRADES.astype(str), GRADES - 1], ids=["names", "strings", "own"])
def test_numbers_that_name_other_numbers(labels: np.ndarray) -> None:
    found = explain(COUNTED, table(labels), "confusion", classes=[1, 2, 3])
    np.testing.assert_array_equal(found.values, metrics.confusion_matrix(GRADES, GRADED.predict(X)))


@pytest.mark.parametrize(
    ("made", "way"),
    [
        (lambda labels: labels, "numpy.asarray(labels).astype(str)"),
        (lambda labels: [None, *labels[1:]], "[None if pandas.isna(label) else str(int(label)) for label in labels]"),
    ],
)
def test_labels_that_are_the_models_own_and_names_of_others_are_refused(made: Any, way: str) -> None:
    rows = X[GRADES < 3]
    labels = made(GRADES[GRADES < 3])
    with pytest.raises(ValueError, match=re.escape(f"and the name of another; if the names are meant: labels={way};")):
        explain(COUNTED, table(labels, rows), "confusion", classes=[1, 2, 3])
    named = eval(way, {"labels": labels, "numpy": np, "pandas": pd})
    found = explain(COUNTED, table(named, rows), "confusion", classes=[1, 2, 3])
    given = slice(int(labels[0] is None), None)
    right = metrics.confusion_matrix(GRADES[GRADES < 3][given], GRADED.predict(rows)[given], labels=[1, 2, 3])
    np.testing.assert_array_equal(found.values, right)
    own = explain(COUNTED, table(GRADES[GRADES < 3] - 1, rows), "confusion", classes=["one", "two", "three"])
    np.testing.assert_array_equal(
        own.values, metrics.confusion_matrix(GRADES[GRADES < 3], GRADED.predict(rows), labels=[1, 2, 3])
    )


def test_a_filter_reads_labels_as_the_confusion_matrix_does() -> None:
    kinds = np.array([1, 2, 5])  # what an encoder made 0, 1 and 2 of
    x = table(kinds[GRADES - 1])
    for value, place in ((1, 1), (2, 2), (5, 3), ("5", 3)):
        for key, of in (("label", GRADES), ("predicted", GRADED.predict(X))):
            found = explain(COUNTED, x, "matching_rows", classes=kinds, where={key: {value}})
            np.testing.assert_array_equal(found.features, np.flatnonzero(of == place))
    session = Session(COUNTED, x, classes=kinds)
    np.testing.assert_array_equal(right_classes_of(session, x.labels), GRADES - 1)
    session.close()


@pytest.mark.parametrize(("own", "names"), [("abc", "bcd"), ("012", "123")])
def test_names_that_are_other_classes_own_labels(own: str, names: str) -> None:
    model = GaussianNB().fit(X, np.array(list(own))[GRADES - 1])
    right = metrics.confusion_matrix(GRADES, GRADED.predict(X))
    for called in (own, names):
        x = table(np.array(list(called))[GRADES - 1])
        found = explain(model, x, "confusion", classes=list(names))
        np.testing.assert_array_equal(found.values, right)
        rows = explain(model, x, "matching_rows", classes=list(names), where={"label": {names[1]}})
        np.testing.assert_array_equal(rows.features, np.flatnonzero(GRADES == 2))
    both = np.array(list(own))[GRADES[GRADES > 1] - 1]  # the second and the third of its own, or the names of others
    with pytest.raises(ValueError, match=r"own label of the class that is named .* and the name of another; else give"):
        explain(model, table(both, X[GRADES > 1]), "confusion", classes=list(names))
    mixed = [own[0], names[2], *both]
    with pytest.raises(ValueError, match=r"own label of the class that is named .* and the name of another; else give"):
        explain(model, table(mixed, pd.concat([X[:2], X[GRADES > 1]])), "confusion", classes=list(names))
