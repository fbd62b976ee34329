"""ROC and precision–recall curves equal scikit-learn's; the error of the area is that of other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from nbexplain import Tabular, explain
from nbexplain.core.table.roc import area_under_roc, counts_by_threshold
from tests.core.dataset.tables import curved, outside, rows
from tests.core.table.test_confusion import classes_of


def check(model: Any, table: Tabular, target: int, score: np.ndarray, **ways: Any) -> None:
    """Both curves and their areas, against scikit-learn's of this score."""
    assert table.labels is not None
    positive = table.labels == target
    found = explain(model, table, "roc", target=target, **ways)
    false, true, thresholds = metrics.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(found.values[0], false, atol=1e-9)
    np.testing.assert_allclose(found.values[1], true, atol=1e-9)
    np.testing.assert_allclose(found.values[2], thresholds, rtol=1e-5, atol=1e-6)
    assert found.details["AUC"] == pytest.approx(metrics.roc_auc_score(positive, score), abs=1e-9)
    found = explain(model, table, "precision_recall", target=target, **ways)
    precision, recall, thresholds = metrics.precision_recall_curve(positive, score)
    np.testing.assert_allclose(found.values[0], recall[::-1], atol=1e-9)
    np.testing.assert_allclose(found.values[1], precision[::-1], atol=1e-9)
    np.testing.assert_allclose(found.values[2, 1:], thresholds[::-1], rtol=1e-5, atol=1e-6)
    area = metrics.average_precision_score(positive, score)
    assert found.details["average precision"] == pytest.approx(area, abs=1e-9)
    assert found.details["share of the class"] == pytest.approx(positive.mean())


@pytest.mark.parametrize("count", [2, 3])
def test_probabilities_with_and_without_ties(count: int) -> None:
    background = rows(150)
    labels = classes_of(background, count)
    table = Tabular(background[0], background, labels=labels)
    forest = RandomForestClassifier(3, max_depth=2, random_state=0).fit(background[:60], labels[:60])
    line = LogisticRegression(C=0.01).fit(background[:60], labels[:60])
    for model in (forest, line):
        chances = model.predict_proba(background)
        assert (len(np.unique(chances[:, 0])) < 100) == (model is forest)
        for target in range(count):
            check(model, table, target, chances[:, target])


def test_other_scores() -> None:
    background = rows(80)
    two, three = classes_of(background, 2), classes_of(background, 3)
    of_two, of_three = (Tabular(background[0], background, labels=labels) for labels in (two, three))
    svm = LinearSVC().fit(background[:40], two[:40])
    check(svm, of_two, 1, svm.decision_function(background))
    check(svm, of_two, 0, -svm.decision_function(background))
    svm = LinearSVC().fit(background[:40], three[:40])
    check(svm, of_three, 2, svm.decision_function(background)[:, 2])
    logits = outside(curved())(background)
    check(curved(), of_three, 1, logits[:, 1])  # their softmax tells these labels worse than chance: it may be none
    near = (logits + np.random.default_rng(0).normal(size=logits.shape) / 5).argmax(1)
    chances = torch.from_numpy(logits).softmax(1).numpy()
    check(curved(), Tabular(background[0], background, labels=near), 1, chances[:, 1])
    both = logits[:, :2] * [1, 3]  # of two scores, the higher one wins
    found: dict[str, Any] = {str(row): score for row, score in zip(background, both, strict=True)}
    check(lambda x: np.array([found[str(row)] for row in x]), of_two, 1, both[:, 1] - both[:, 0])


def test_counts_by_hand() -> None:
    false, true, thresholds = counts_by_threshold(
        np.array([0.9, 0.4, 0.4, 0.4, 0.1]), np.array([True, True, False, True, False])
    )
    assert thresholds.tolist() == [np.inf, 0.9, 0.4, 0.1]
    assert true.tolist() == [0, 1, 3, 3]
    assert false.tolist() == [0, 0, 1, 2]


def test_the_error_of_the_area_is_the_spread_over_other_rows() -> None:
    areas, errors = [], []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        positive = np.arange(60) < 20
        area, error = area_under_roc(draw.normal(size=60).round(1) + positive, positive)
        areas.append(area)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(areas, ddof=1), rel=0.15)
    assert np.isnan(area_under_roc(np.arange(5.0), np.arange(5) == 4)[1])  # a single row of the class
    area, error = area_under_roc(np.arange(6.0), np.arange(6) > 2)  # six rows do not make it certain
    assert area == 1
    assert np.isnan(error)


def test_what_has_no_curve_says_why() -> None:
    background = rows(10)
    table = Tabular(background[0], background, labels=[1] * 10)
    for method, label in (("roc", "ROC curve"), ("precision_recall", "Precision–recall curve")):
        for target, which in ((1, "all"), (0, "none")):
            with pytest.raises(ValueError, match=f"labels: {label} needs .* and {which} of the 10 rows with a label"):
                explain(curved(), table, method, target=target)
        line = LinearRegression().fit(background, background[:, 0])
        with pytest.raises(ValueError, match=f"'{method}' needs scores of classes, and the model predicts numbers"):
            explain(line, table, method)
    labels = [0, 1] * 5
    with pytest.raises(ValueError, match=r"all of the 5 rows that match \{'label': \{1\}\} are of 'class 1'"):
        explain(curved(), Tabular(background[0], background, labels=labels), "roc", target=1, where={"label": 1})
