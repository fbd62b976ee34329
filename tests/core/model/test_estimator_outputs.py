"""What the numbers of an estimator are: held against what its own public functions say, for one of each kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
import xgboost
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix, r2_score, roc_auc_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetRegressor
from torch import nn

from nbexplain import Session, Subject, explain
from nbexplain.core.model import estimator_outputs as outputs
from nbexplain.core.model.answer_forms import as_plain
from nbexplain.inputs import Tabular, Text

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 3))
NUMBER = 3 * X[:, 0] + X[:, 1] * X[:, 2]
TWO = (NUMBER > 0).astype(int)
THREE = (NUMBER > -1).astype(int) + (NUMBER > 1)
BOTH = np.stack([THREE, TWO], 1)
QUIET = {"verbose": 0, "allow_writing_files": False}


def subject(model: Any, **options: Any) -> Subject:
    return Subject(model, Tabular(X[5], background=X), **options)


def scores(model: Any, **options: Any) -> np.ndarray:
    found: np.ndarray = subject(model, **options).scores().numpy()[0]
    return found


@cache
def matrix(labels: str) -> Any:
    return xgboost.DMatrix(X, label={"two": TWO, "three": THREE, "number": NUMBER}[labels])


def boosted(objective: str, labels: str, **more: Any) -> Any:
    return xgboost.train({"objective": objective, **more}, matrix(labels), 4)


def light(objective: Any, labels: np.ndarray, **more: Any) -> Any:
    return lightgbm.train({"objective": objective, "verbose": -1, **more}, lightgbm.Dataset(X, labels), 4)


ROW = X[5:6]
CASES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], str, tuple[str, ...]]] = {
    # name: model, its scores of ROW by its own words, what they are, their names
    "catboost regressor": (
        lambda: catboost.CatBoostRegressor(iterations=9, **QUIET).fit(X, NUMBER),
        lambda m: m.predict(ROW),
        "prediction",
        ("prediction",),
    ),
    "catboost, two numbers": (
        lambda: catboost.CatBoostRegressor(iterations=9, loss_function="MultiRMSE", **QUIET).fit(
            X, np.stack([NUMBER, -NUMBER], 1)
        ),
        lambda m: m.predict(ROW)[0],
        "prediction",
        ("output 0", "output 1"),
    ),
    "catboost, raw values of two classes": (
        lambda: catboost.CatBoost({"iterations": 9, "loss_function": "Logloss", **QUIET}).fit(X, TWO),
        lambda m: [-m.predict(ROW)[0], m.predict(ROW)[0]],
        "score",
        ("class 0", "class 1"),
    ),
    "catboost, raw values of three classes": (
        lambda: catboost.CatBoost({"iterations": 9, "loss_function": "MultiClass", **QUIET}).fit(X, THREE),
        lambda m: m.predict(ROW)[0],
        "score",
        ("class 0", "class 1", "class 2"),
    ),
    "catboost ranker": (
        lambda: catboost.CatBoostRanker(iterations=9, **QUIET).fit(X, TWO, group_id=np.zeros(60, int)),
        lambda m: m.predict(ROW),
        "score",
        ("score",),
    ),
    "xgboost booster of two classes": (
        lambda: boosted("binary:logistic", "two"),
        lambda m: [1 - m.inplace_predict(ROW)[0], m.inplace_predict(ROW)[0]],
        "probability",
        ("class 0", "class 1"),
    ),
    "xgboost booster that returns labels": (
        lambda: boosted("multi:softmax", "three", num_class=3),
        lambda m: m.predict(xgboost.DMatrix(ROW), output_margin=True)[0],
        "score",
        ("class 0", "class 1", "class 2"),
    ),
    "xgboost booster of numbers": (
        lambda: boosted("reg:squarederror", "number"),
        lambda m: m.inplace_predict(ROW),
        "prediction",
        ("prediction",),
    ),
    "lightgbm booster of two classes": (
        lambda: light("binary", TWO),
        lambda m: [1 - m.predict(ROW)[0], m.predict(ROW)[0]],
        "probability",
        ("class 0", "class 1"),
    ),
    "lightgbm booster of three classes": (
        lambda: light("multiclass", THREE, num_class=3),
        lambda m: m.predict(ROW)[0],
        "probability",
        ("class 0", "class 1", "class 2"),
    ),
    "lightgbm ranker": (
        lambda: lightgbm.LGBMRanker(n_estimators=4, verbose=-1).fit(X, TWO, group=[60]),
        lambda m: m.predict(ROW),
        "score",
        ("score",),
    ),
    "clusters": (
        lambda: KMeans(3, n_init=1, random_state=0).fit(X),
        lambda m: np.eye(3)[m.predict(ROW)[0]],
        "score",
        ("cluster 0", "cluster 1", "cluster 2"),
    ),
    "a mixture": (
        lambda: GaussianMixture(2, random_state=0).fit(X),
        lambda m: m.predict_proba(ROW)[0],
        "probability",
        ("cluster 0", "cluster 1"),
    ),
    "outliers": (
        lambda: IsolationForest(n_estimators=9, random_state=0).fit(X),
        lambda m: m.decision_function(ROW),
        "score",
        ("score",),
    ),
    "several outputs": (
        lambda: RandomForestClassifier(5, random_state=0).fit(X, BOTH),
        lambda m: np.concatenate([part[0] for part in m.predict_proba(ROW)]),
        "probability",
        ("output 0: 0", "output 0: 1", "output 0: 2", "output 1: 0", "output 1: 1"),
    ),
    "several outputs that are only chosen": (
        lambda: MultiOutputClassifier(LinearSVC(random_state=0)).fit(X, BOTH),
        lambda m: [*np.eye(3)[m.predict(ROW)[0, 0]], *np.eye(2)[m.predict(ROW)[0, 1]]],
        "score",
        ("output 0: 0", "output 0: 1", "output 0: 2", "output 1: 0", "output 1: 1"),
    ),
    "a chain": (
        lambda: ClassifierChain(LogisticRegression()).fit(X, np.stack([TWO, 1 - TWO], 1)),
        lambda m: m.predict_proba(ROW)[0],
        "probability",
        ("output 0: 1", "output 1: 1"),
    ),
    "several labels": (
        lambda: OneVsRestClassifier(LinearSVC(random_state=0)).fit(X, np.stack([TWO, X[:, 1] > 0], 1)),
        lambda m: m.decision_function(ROW)[0],
        "score",
        ("class 0", "class 1"),
    ),
    "a network that regresses": (
        lambda: NeuralNetRegressor(nn.Linear(3, 1), max_epochs=1, verbose=0).fit(
            X.astype("float32"), NUMBER.astype("float32")[:, None]
        ),
        lambda m: m.predict(ROW.astype("float32"))[0],
        "prediction",
        ("prediction",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_estimators_scores_are_what_its_own_functions_say(name: str) -> None:
    make, own, quantity, names = CASES[name]
    model = make()
    background = X.astype("float32") if "network" in name else X
    found = Subject(model, Tabular(background[5], background=background))
    np.testing.assert_allclose(found.scores().numpy()[0], np.ravel(own(model)), rtol=1e-6)
    assert found.score_name == quantity
    assert found.names == names
    assert found.warnings == ()


LIGHT = {"n_estimators": 4, "verbose": -1, "n_jobs": 1}
GROUPS = np.repeat(np.arange(6), 10)


class ByStars(lightgbm.LGBMRanker):
    """A ranker whose name says nothing."""


def of_catboost(loss: str) -> Any:
    return catboost.CatBoost({"iterations": 4, "loss_function": loss, **QUIET}).fit(
        catboost.Pool(X, THREE, group_id=GROUPS)
    )


RANKERS: dict[str, Callable[[], Any]] = {
    "xgboost": lambda: xgboost.XGBRanker(n_estimators=4, n_jobs=1).fit(X, THREE, qid=GROUPS),
    "xgboost, called a regressor": lambda: xgboost.XGBRegressor(n_estimators=4, objective="rank:pairwise").fit(
        X, THREE
    ),
    "xgboost booster": lambda: boosted("rank:ndcg", "two"),
    "lightgbm": lambda: lightgbm.LGBMRanker(**LIGHT).fit(X, THREE, group=[10] * 6),
    "lightgbm, by a function": lambda: lightgbm.LGBMRanker(
        objective=lambda right, said: (said - right, np.ones(60)), **LIGHT
    ).fit(X, THREE, group=[10] * 6),
    "lightgbm, its base class": lambda: lightgbm.LGBMModel(objective="rank_xendcg", **LIGHT).fit(
        X, THREE, group=[10] * 6
    ),
    "lightgbm booster": lambda: lightgbm.LGBMRanker(**LIGHT).fit(X, THREE, group=[10] * 6).booster_,
    "an heir": lambda: ByStars(**LIGHT).fit(X, THREE, group=[10] * 6),
    "catboost": lambda: catboost.CatBoostRanker(iterations=4, **QUIET).fit(X, THREE, group_id=GROUPS),
    "catboost, pairs": lambda: of_catboost("PairLogit"),
    "catboost, within queries": lambda: of_catboost("QueryRMSE"),
    "a pipeline": lambda: make_pipeline(StandardScaler(), lightgbm.LGBMRanker(**LIGHT)).fit(
        X, THREE, lgbmranker__group=[10] * 6
    ),
    "frozen": lambda: FrozenEstimator(xgboost.XGBRanker(n_estimators=4, n_jobs=1).fit(X, THREE, qid=GROUPS)),
}


@pytest.mark.parametrize("name", RANKERS)
def test_labels_are_not_compared_with_a_score_that_ranks(name: str) -> None:
    model = RANKERS[name]()
    table = Tabular(X[5], background=X, labels=THREE)
    said = (lambda rows: model.predict(xgboost.DMatrix(rows))) if name == "xgboost booster" else model.predict
    by_hand = permutation_importance(
        LinearRegression().fit(X, NUMBER),
        X,
        said(X),
        scoring=lambda _, rows, clean: -np.abs(said(rows) - clean).mean(),
        n_repeats=5,
        random_state=0,
    )
    found = explain(model, table, "permutation_importance")
    assert found.quantity == "mean change of the score"
    assert found.details == {}
    np.testing.assert_allclose(found.values, by_hand.importances_mean, rtol=1e-5, atol=1e-7)
    reason = "its score ranks rows, and has no zero and no unit in which labels could be compared with it"
    assert any(f"the labels are not used: {reason}" in warning for warning in found.warnings)
    for method, needs in (("residuals", "a model that predicts numbers"), ("confusion", "scores of classes")):
        with pytest.raises(ValueError, match=f"method: '{method}' needs {needs}, and {reason}"):
            explain(model, table, method)
    for where in ({"residual": (1.5, None)}, {"error": 0.1}):
        with pytest.raises(ValueError, match=f"the model predicts no numbers to compare labels with: {reason}"):
            explain(model, table, "matching_rows", where=where)
    above = explain(model, table, "matching_rows", where={"predicted": (0, None)})
    np.testing.assert_array_equal(above.features, np.flatnonzero(said(X) >= 0))
    named = explain(model, Tabular(X[5], background=X, labels=TWO), "roc", classes=["no", "yes"], target=1)
    assert named.details["AUC"] == pytest.approx(roc_auc_score(TWO, said(X)))


@pytest.mark.filterwarnings("ignore:Regression loss")
@pytest.mark.parametrize(
    "make",
    [
        lambda: catboost.CatBoostRanker(iterations=4, loss_function="RMSE", **QUIET).fit(X, NUMBER, group_id=GROUPS),
        lambda: lightgbm.LGBMRanker(objective="regression", **LIGHT).fit(X, THREE, group=[10] * 6),
    ],
)
def test_a_ranker_that_was_trained_to_predict_the_labels_predicts_them(make: Callable[[], Any]) -> None:
    model = make()
    found = explain(model, Tabular(X[5], background=X, labels=NUMBER), "residuals")
    assert found.details["R²"] == pytest.approx(r2_score(NUMBER, model.predict(X)))


COUNTS = DRAW.poisson(np.exp(0.5 * X[:, 0] + 2))
TIMES = np.exp(1 - X[:, 0])


def raw_catboost(loss: str, labels: Any, kind: Any = None) -> Any:
    if kind is None:
        return catboost.CatBoost({"iterations": 20, "loss_function": loss, **QUIET}).fit(X, labels)
    return kind(iterations=20, loss_function=loss, **QUIET).fit(X, labels)


HAZARDS: dict[str, Callable[[], Any]] = {
    "xgboost": lambda: xgboost.XGBRegressor(n_estimators=4, objective="survival:cox").fit(X, TIMES),
    "xgboost booster": lambda: xgboost.train({"objective": "survival:cox"}, xgboost.DMatrix(X, label=TIMES), 4),
    "catboost": lambda: raw_catboost("Cox", TIMES, catboost.CatBoostRegressor),
    "catboost, its base class": lambda: raw_catboost("Cox", TIMES),
    "a pipeline": lambda: make_pipeline(
        StandardScaler(), xgboost.XGBRegressor(n_estimators=4, objective="survival:cox")
    ).fit(X, TIMES),
}


@pytest.mark.parametrize("name", HAZARDS)
def test_times_are_not_compared_with_hazards(name: str) -> None:
    model = HAZARDS[name]()
    table = Tabular(X[5], background=X, labels=TIMES)
    what = "the logarithm of a hazard ratio" if "catboost" in name else "a hazard ratio"
    reason = f"its score is {what}, and no time that labels could be compared with; lifelines.utils.concordance_index"
    with pytest.raises(ValueError, match=f"method: 'residuals' needs a model that predicts numbers, and {reason}"):
        explain(model, table, "residuals")
    with pytest.raises(ValueError, match=f"the model predicts no numbers to compare labels with: {reason}"):
        explain(model, table, "matching_rows", where={"error": 0.1})
    found = explain(model, table, "permutation_importance")
    assert found.quantity == "mean change of the score"
    assert any(f"the labels are not used: {reason}" in warning for warning in found.warnings)
    whole = explain(model, table, "exact_shap")
    said = model.predict(xgboost.DMatrix(X)) if "booster" in name else model.predict(X)
    assert float(whole.values.sum()) == pytest.approx(said[5] - said.mean(), rel=1e-4)


OTHER_SCALES: dict[str, tuple[Callable[[], Any], Any]] = {
    "the logarithm that Poisson learns": (lambda: raw_catboost("Poisson", COUNTS), COUNTS),
    "the logarithm that Tweedie learns": (lambda: raw_catboost("Tweedie:variance_power=1.5", COUNTS), COUNTS),
    "the logarithm that LogLinQuantile learns": (
        lambda: raw_catboost("LogLinQuantile", TIMES, catboost.CatBoostRegressor),
        TIMES,
    ),
    "the logarithm that SurvivalAft learns": (
        lambda: raw_catboost("SurvivalAft:dist=Normal", np.stack([TIMES, TIMES], 1), catboost.CatBoostRegressor),
        TIMES,
    ),
    "a logit": (lambda: xgboost.XGBRegressor(n_estimators=4, objective="binary:logitraw").fit(X, TWO), TWO),
    "a rate λ": (lambda: lightgbm.LGBMRegressor(objective="cross_entropy_lambda", **LIGHT).fit(X, TWO), TWO),
}
TO_LABELS: dict[str, Callable[[Any], Any]] = {
    "a logit": lambda said: 1 / (1 + np.exp(-said)),
    "a rate λ": lambda said: 1 - np.exp(-said),
}


@pytest.mark.parametrize("what", OTHER_SCALES)
def test_labels_are_not_compared_with_scores_on_another_scale_and_the_call_that_compares_works(what: str) -> None:
    make, labels = OTHER_SCALES[what]
    model, table = make(), Tabular(X[5], background=X, labels=labels)
    with pytest.raises(ValueError, match=f"'residuals' needs .*, and its predict returns {what}, and labels") as raised:
        explain(model, table, "residuals")
    assert explain(model, table, "permutation_importance").quantity == "mean change of the score"
    call = re.search(r"explain\((.*), …\)", str(raised.value))
    assert call is not None
    found = explain(eval(call[1], {"model": model, "numpy": np}), table, "residuals")
    own = TO_LABELS.get(what, np.exp)(model.predict(X))
    np.testing.assert_allclose(found.values[found.features.argsort(), 0], own, rtol=1e-5)
    assert found.details["R²"] == pytest.approx(r2_score(labels, own), rel=1e-5)


@pytest.mark.parametrize("kind", [catboost.CatBoost, catboost.CatBoostRegressor])
def test_labels_are_not_compared_with_the_logarithm_of_a_sum_of_models(kind: Any) -> None:
    model = catboost.sum_models([raw_catboost("Poisson", COUNTS)] * 2, weights=[0.5, 0.5])
    model = catboost.to_regressor(model) if kind is catboost.CatBoostRegressor else model
    assert type(model) is kind
    with pytest.raises(ValueError, match="its predict returns the logarithm that Poisson learns, and labels"):
        explain(model, Tabular(X[5], background=X, labels=COUNTS), "residuals")


def test_a_logit_tells_two_classes_that_are_named() -> None:
    model = OTHER_SCALES["a logit"][0]()
    table = Tabular(X[5], background=X, labels=TWO)
    found = explain(model, table, "confusion", classes=["no", "yes"])
    np.testing.assert_array_equal(found.values, confusion_matrix(TWO, model.predict(X) > 0))


def own_loss(said: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Log loss, of two classes or of three: its gradient, and its curvature."""
    if said.ndim == 1:
        chance = 1 / (1 + np.exp(-said))
        return chance - data.get_label(), chance * (1 - chance)
    shares = np.exp(said) / np.exp(said).sum(1, keepdims=True)
    return shares - np.eye(3)[data.get_label().astype(int)], shares * (1 - shares)


def test_a_booster_of_ones_own_objective_tells_two_classes_that_are_named() -> None:
    model, table = light(own_loss, TWO), Tabular(X[5], background=X, labels=TWO)
    with pytest.raises(ValueError, match=r"nothing tells a class; .* say classes=\(first, second\)"):
        explain(model, table, "confusion")
    found = explain(model, table, "confusion", classes=("no", "yes"))
    np.testing.assert_array_equal(found.values, confusion_matrix(TWO, model.predict(X) > 0))
    assert any("of two classes the second where its score is above 0" in warning for warning in found.warnings)
    with pytest.raises(ValueError, match="it has classes; use 'confusion'"):
        explain(model, table, "residuals", classes=("no", "yes"), target=0)
    named = explain(model, table, "residuals", classes=("margin",))
    assert named.details["R²"] == pytest.approx(r2_score(TWO, model.predict(X)))


def test_a_booster_of_ones_own_objective_tells_three_classes_that_are_named() -> None:
    model, table = light(own_loss, THREE, num_class=3), Tabular(X[5], background=X, labels=THREE)
    said = r"nothing tells a class; .* give a name for each: classes=\[…\]; if .* numbers, use 'residuals', target=0$"
    with pytest.raises(ValueError, match=said):
        explain(model, table, "confusion")
    found = explain(model, table, "confusion", classes=["low", "middle", "high"])
    np.testing.assert_array_equal(found.values, confusion_matrix(THREE, model.predict(X).argmax(1)))
    numbers = explain(model, table, "residuals", target=0)
    assert numbers.details["R²"] == pytest.approx(r2_score(THREE, model.predict(X)[:, 0]))


OF_A_NUMBER: dict[str, Callable[[], Any]] = {
    "lightgbm": lambda: light("regression", NUMBER),
    "lightgbm, counts": lambda: light("tweedie", TIMES),
    "lightgbm, a rate": lambda: light("cross_entropy_lambda", TWO),
    "xgboost": lambda: boosted("reg:squarederror", "number"),
    "xgboost, by a function": lambda: xgboost.train({}, matrix("two"), 4, obj=own_loss),
    "xgboost, hazards": HAZARDS["xgboost booster"],
    "catboost, hazards": HAZARDS["catboost, its base class"],
    "a regressor": lambda: LinearRegression().fit(X, NUMBER),
}
UNLIKE_LABELS = {"lightgbm, a rate": "a rate λ", "xgboost, hazards": "a hazard", "catboost, hazards": "a hazard"}


@pytest.mark.parametrize("name", OF_A_NUMBER)
def test_two_names_make_no_classes_of_a_number(name: str) -> None:
    model, table = OF_A_NUMBER[name](), Tabular(X[5], background=X, labels=TWO)
    for method in ("exact_shap", "confusion", "residuals"):
        with pytest.raises(ValueError, match="classes: two names, and the model predicts a number; give") as raised:
            explain(model, table, method, classes=("no", "yes"))
    if name in UNLIKE_LABELS:
        assert UNLIKE_LABELS[name] in str(raised.value).replace("the logarithm of ", "")
        return
    call = re.search(r"explain\((.*), …, classes=\(first, second\)\)", str(raised.value))
    assert call is not None
    function = eval(call[1], {"model": model, "xgboost": xgboost})
    found = explain(function, table, "confusion", classes=("no", "yes"))
    np.testing.assert_array_equal(found.values, confusion_matrix(TWO, function(X) > 0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: raw_catboost("Poisson", COUNTS, catboost.CatBoostRegressor),
        lambda: raw_catboost("Tweedie:variance_power=1.5", COUNTS, catboost.CatBoostRegressor),
        lambda: xgboost.XGBRegressor(n_estimators=4, objective="count:poisson").fit(X, COUNTS),
        lambda: xgboost.XGBRegressor(n_estimators=4, objective="reg:tweedie").fit(X, COUNTS),
        lambda: lightgbm.LGBMRegressor(objective="poisson", **LIGHT).fit(X, COUNTS),
    ],
)
def test_labels_are_compared_with_what_is_predicted_of_counts(make: Callable[[], Any]) -> None:
    model = make()
    found = explain(model, Tabular(X[5], background=X, labels=COUNTS), "residuals")
    assert found.details["R²"] == pytest.approx(r2_score(COUNTS, model.predict(X)), rel=1e-5)


class PageRanker(LinearRegression):
    """Named so, and a regression."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: PageRanker().fit(X, NUMBER),
        lambda: catboost.sum_models([raw_catboost(loss, NUMBER) for loss in ("RMSE", "MAE")]),
    ],
)
def test_a_name_and_an_unknown_objective_make_no_ranker(make: Callable[[], Any]) -> None:
    model = make()
    found = explain(model, Tabular(X[5], background=X, labels=NUMBER), "residuals")
    assert found.details["R²"] == pytest.approx(r2_score(NUMBER, model.predict(X)))


def test_a_threshold_of_the_models_own_is_said() -> None:
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.9).fit(X, TWO)
    share = (model.predict(X) != model.predict_proba(X).argmax(1)).mean()
    assert 0 < share < 1
    assert subject(model).warnings == ()  # before it was asked
    given = subject(model)
    given.scores()
    assert f"predict does not choose the class with the highest probability for {share:.0%}" in given.warnings[0]


class Backwards(ClassifierMixin, BaseEstimator):
    """A decision function that is positive for the first class, and no probabilities, as it tells when asked."""

    classes_ = np.array(["no", "yes"])

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return -rows[:, 0]

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.classes_[(rows[:, 0] > 0).astype(int)]


class Shares:
    """Probabilities of three classes and a `predict` that returns the number of the highest: no `classes_`."""

    weights = np.random.default_rng(1).normal(size=(3, 3))

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        made = np.exp(3 * rows @ self.weights)
        return np.asarray(made / made.sum(1, keepdims=True))

    def predict(self, rows: np.ndarray) -> Any:
        return self.predict_proba(rows).argmax(1)


class Labelled(Shares):
    """The same with labels of its own."""

    def __init__(self, labels: Any, classes: Any = None) -> None:
        self.labels, self.classes_ = labels, classes

    def predict(self, rows: np.ndarray) -> Any:
        return [self.labels[place] for place in self.predict_proba(rows).argmax(1)]


SHARED = (X @ Shares.weights).argmax(1)  # the class with the highest probability
NOISY = np.where(DRAW.random(60) < 0.2, 0, SHARED)
NO_LABELS: dict[str, Any] = {"None": None, "an empty list": [], "a number": 3, "four of three": [0, 1, 2, 3]}


@pytest.mark.parametrize("classes", NO_LABELS.values(), ids=NO_LABELS)
def test_predict_tells_the_classes_of_an_estimator_without_labels(classes: Any) -> None:
    model, table = Labelled([0, 1, 2], classes), Tabular(X[0], background=X, labels=NOISY)
    for told in ({}, {"classes": ["u", "v", "w"]}):
        counts = explain(model, table, "confusion", **told)
        np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
        assert counts.warnings == ()
    named = Tabular(X[0], background=X, labels=np.array(["u", "v", "w"])[NOISY])
    np.testing.assert_array_equal(explain(model, named, "confusion", classes=["u", "v", "w"]).values, counts.values)
    shuffled = explain(model, table, "permutation_importance")
    assert shuffled.details["accuracy"] == pytest.approx((NOISY == SHARED).mean())
    np.testing.assert_array_equal(shuffled.values, explain(model.predict_proba, table, "permutation_importance").values)
    assert subject(model).names == ("class 0", "class 1", "class 2")
    assert explain(model, table, "counterfactual").warnings == ()
    with pytest.raises(ValueError, match="it has classes; use 'confusion'"):
        explain(model, table, "residuals", target=1)


@pytest.mark.parametrize("where", ["predict", "a list", "a tuple", "an index", "a tensor"])
@pytest.mark.parametrize("labels", [[3, 1, 2], ["w", "u", "v"], ["low", 1, 2.5]], ids=str)
def test_labels_of_an_estimator_stay_what_they_are(labels: list[Any], where: str) -> None:
    kinds: dict[str, Callable[[Any], Any]] = {
        "predict": lambda _: None,
        "a list": list,
        "a tuple": tuple,
        "an index": pd.Index,
        "a tensor": torch.tensor if labels[0] == 3 else pd.Series,
    }
    model = Labelled(labels, kinds[where](labels))
    own = np.empty(60, dtype=object)
    own[:] = [labels[place] for place in NOISY]
    table = Tabular(X[0], background=X, labels=own)
    counts = explain(model, table, "confusion")
    np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
    assert counts.warnings == ()
    flipped = explain(model, table, "counterfactual", target=int(SHARED[0]))
    assert not any("predict" in note for note in flipped.warnings)
    assert labels[SHARED[0]] not in model.predict(flipped.values)
    assert subject(model).names == tuple(label if isinstance(label, str) else f"class {label}" for label in labels)
    if "low" in labels:  # numbers alone are explained as numbers
        told = explain(lambda rows: model.predict(rows), table, "confusion")
        assert told.details["accuracy"] == counts.details["accuracy"]


KEPT = ("classes_", "predict", "a callable")  # where labels are


@pytest.mark.parametrize(
    ("kept", "labels"),  # of a callable, numbers alone are explained as numbers
    [*((kept, [True, 2, 1]) for kept in ("classes_", "predict")), *((kept, [True, "low", 1]) for kept in KEPT)],
    ids=str,
)
def test_one_and_true_are_two_labels(kept: str, labels: list[Any]) -> None:
    model = Labelled(labels, labels if kept == "classes_" else None)
    asked = (lambda rows: model.predict(rows)) if kept == "a callable" else model
    own = np.array([*model.predict(X)], dtype=object)
    table = Tabular(X[0], background=X, labels=own)
    counts = explain(asked, table, "confusion")
    assert counts.details["accuracy"] == 1
    assert sorted(np.diag(counts.values)) == sorted(np.bincount(SHARED))
    assert counts.warnings == ()
    for label in labels:
        found = explain(asked, table, "matching_rows", where={"predicted": {label}, "label": {label}})
        np.testing.assert_array_equal(found.features, [n for n, one in enumerate(own) if one is label])
    if kept != "a callable":
        for row in X[:9]:
            target = int((row @ Shares.weights).argmax())
            flipped = explain(model, Tabular(row, background=X), "counterfactual", target=target)
            assert not any(one is labels[target] for one in model.predict(flipped.values))


def test_probabilities_that_predict_does_not_go_by_ask_for_names() -> None:
    class Strict(Shares):
        def predict(self, rows: np.ndarray) -> Any:
            shares = self.predict_proba(rows)
            return np.where(shares[:, 2] > 0.1, 2, shares.argmax(1))

    table = Tabular(X[0], background=X, labels=NOISY)
    share = (Strict().predict(X) != SHARED).mean()
    assert share > 0
    for method in ("confusion", "roc", "residuals"):
        with pytest.raises(ValueError, match=r"no label for each of its 3 probabilities .*: classes=\[…\]"):
            explain(Strict(), table, method, target=1)
    shuffled = explain(Strict(), table, "permutation_importance", target=1)
    assert "R²" not in shuffled.details
    assert "labels are not used" in shuffled.warnings[0]
    counts = explain(Strict(), table, "confusion", classes=["u", "v", "w"])
    np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
    assert f"does not choose the class with the highest probability for {share:.0%}" in counts.warnings[0]


def test_several_labels_without_names_are_not_compared_with_numbers() -> None:
    class Several:
        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            return 1 / (1 + np.exp(-rows))

        def predict(self, rows: np.ndarray) -> np.ndarray:
            return (rows > 0).astype(int)

    table = Tabular(X[0], background=X, labels=TWO)
    for method in ("confusion", "residuals"):
        with pytest.raises(ValueError, match=r"several labels.*predict_proba\(rows\)\[:, 1\]"):
            explain(Several(), table, method, target=1)

    class Marked(Shares):
        def predict(self, rows: np.ndarray) -> np.ndarray:
            return np.eye(3)[super().predict(rows)]

    table = Tabular(X[0], background=X, labels=NOISY)
    np.testing.assert_array_equal(explain(Marked(), table, "confusion").values, confusion_matrix(NOISY, SHARED))


@pytest.mark.parametrize("said", ["ranking", "top two", "marks"])
@pytest.mark.parametrize("classes", [["low", "mid", "high"], [0, 1, 2], [5, 7, 9], None], ids=str)
def test_one_label_of_each_row_is_read_of_a_ranking_or_of_marks(classes: Any, said: str) -> None:
    labels = np.array([0, 1, 2] if classes is None else classes)

    class Told(Shares):
        classes_ = classes

        def predict(self, rows: np.ndarray) -> np.ndarray:
            order = np.argsort(-self.predict_proba(rows), axis=1)
            if said == "marks":
                return np.eye(3, dtype=int)[order[:, 0]]
            return labels[order] if said == "ranking" else labels[order[:, :2]]

    table = Tabular(X[0], background=X, labels=labels[NOISY])
    found = explain(Told(), table, "confusion")
    np.testing.assert_array_equal(found.values, confusion_matrix(NOISY, SHARED))
    assert not found.warnings


def test_two_columns_of_a_label_yes_or_no_are_two_labels() -> None:
    class Either:
        classes_ = np.array([0, 1])

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            second = 1 / (1 + np.exp(-rows[:, 0]))
            return np.stack([1 - second, second], axis=1)

        def predict(self, rows: np.ndarray) -> np.ndarray:
            return (self.predict_proba(rows) > 0.5).astype(int)

    with pytest.raises(ValueError, match="it gives each row several labels"):
        explain(Either(), Tabular(X[0], background=X, labels=TWO), "confusion")


class SaysYes:
    """As generalised additive models have it: one probability for a row, and `predict` says yes or no."""

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-rows[:, 0]))

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.predict_proba(rows) > 0.5)


def test_one_probability_beside_yes_and_no_is_that_of_yes() -> None:
    table = Tabular(X[0], background=X, labels=TWO)
    answer = explain(SaysYes(), table, "exact_shap", target="class True")
    assert answer.score == pytest.approx(SaysYes().predict_proba(X[:1])[0])
    counts = explain(SaysYes(), table, "confusion").values
    np.testing.assert_array_equal(counts, confusion_matrix(TWO, X[:, 0] > 0))
    of_one = type("SaysOne", (SaysYes,), {"predict": lambda _, rows: (rows[:, 0] > 0).astype(int)})()
    np.testing.assert_array_equal(explain(of_one, table, "confusion").values, counts)
    with pytest.raises(ValueError, match="it has classes; use 'confusion'"):
        explain(of_one, table, "residuals")


WEIGHTS = np.array([1.0, -2, 0.5])


class OneNumber:
    """One probability, or one margin, for a row, and a `predict` with a threshold and labels of its own."""

    def __init__(self, way: str, threshold: float, labels: Any) -> None:
        self.threshold, self.labels = threshold, np.array(labels)
        self.own = (lambda z: 1 / (1 + np.exp(-z))) if way == "predict_proba" else (lambda z: z)
        setattr(self, way, lambda rows: self.own(np.asarray(rows) @ WEIGHTS)[:, None])

    def predict(self, rows: Any) -> np.ndarray:
        return self.labels[(self.own(np.asarray(rows) @ WEIGHTS) > self.threshold).astype(int)]


@pytest.mark.parametrize("told", [None, ("no", "yes")])
@pytest.mark.parametrize("labels", [(0, 1), (1, -1), ("no", "yes"), (False, True)], ids=str)
@pytest.mark.parametrize(("way", "middle", "threshold"), [("predict_proba", 0.5, 0.2), ("decision_function", 0, 0.7)])
def test_predict_tells_the_two_classes_of_a_single_number(
    way: str, middle: float, threshold: float, labels: Any, told: Any
) -> None:
    model, higher = OneNumber(way, threshold, labels), X @ WEIGHTS > 0
    own = model.predict(X)
    table = Tabular(X[4], background=X, labels=own)
    share = (own != np.array(labels)[higher.astype(int)]).mean()
    assert share > 0
    counts = explain(model, table, "confusion", classes=told)
    assert counts.details["accuracy"] == pytest.approx(1 - share)
    assert f"does not choose the class with the highest {counts.score_name} for {share:.0%}" in counts.warnings[0]
    assert f"from a {counts.score_name} of about {threshold:g} on" in counts.warnings[0]
    shuffled = explain(model, table, "permutation_importance", classes=told)
    assert shuffled.details == {"accuracy": pytest.approx(1 - share)}
    wrong = explain(model, table, "matching_rows", classes=told, where={"error": True})
    assert wrong.details["rows"] == round(60 * share)
    with pytest.raises(ValueError, match="it has classes; use 'confusion'"):
        explain(model, table, "residuals", classes=told)
    between = np.flatnonzero((model.own(X @ WEIGHTS) > middle) != (own == labels[1]))[0]  # where the two differ
    for row in (X[4], X[between]):
        flipped = explain(model, Tabular(row, background=X), "counterfactual", classes=told)
        assert not (model.predict(flipped.values) == model.predict(row[None])).any()
    agreeing = OneNumber(way, middle, labels)
    table = Tabular(X[4], background=X, labels=agreeing.predict(X))
    counts = explain(agreeing, table, "confusion", classes=told)
    assert (counts.details["accuracy"], counts.warnings) == (1, ())


@pytest.mark.parametrize("way", ["predict_proba", "decision_function"])
def test_a_single_number_of_which_predict_tells_nothing_asks_for_two_names(way: str) -> None:
    class Other(OneNumber):
        def predict(self, rows: Any) -> np.ndarray:
            return np.where(np.asarray(rows)[:, 1] > 0, "yes", "no")

    model, table = Other(way, 0, ()), Tabular(X[4], background=X, labels=TWO)
    call = r"classes=\(first, second\)"
    for method in ("residuals", "confusion", "roc"):
        with pytest.raises(ValueError, match=call):
            explain(model, table, method)
    for condition in (True, 0.1):
        with pytest.raises(ValueError, match=call):
            explain(model, table, "matching_rows", where={"error": condition})
    shuffled = explain(model, table, "permutation_importance")
    assert shuffled.quantity == "mean change of the score"
    assert "labels are not used" in shuffled.warnings[0]
    counts = explain(model, table, "confusion", classes=("first", "second"))
    np.testing.assert_array_equal(counts.values, confusion_matrix(TWO, X @ WEIGHTS > 0))
    assert "predict returns labels such as" in counts.warnings[0]


def several(labels: Any) -> Any:
    """A model of one probability p, and what its `predict` says where p < .3, up to .7, and above."""

    class Several(OneNumber):
        def predict(self, rows: Any) -> np.ndarray:
            likely = self.predict_proba(rows)[:, 0]
            return np.asarray(self.labels[(likely > 0.3).astype(int) + (likely > 0.7)])

    return Several("predict_proba", 0.5, labels)


@pytest.mark.parametrize(
    ("labels", "asked", "told"),
    [
        (("no", "perhaps", "yes"), r"labels; ask for these: explain\(model.predict, …\)$", None),
        ((-1, 0, 1), r"whole numbers; .* from the lowest on: explain\(model.predict, …, classes=\[…\]\)", "abc"),
    ],
    ids=["words", "numbers"],
)
def test_of_several_labels_beside_a_single_number_the_call_is_told_that_explains_them(
    labels: Any, asked: str, told: Any
) -> None:
    model = several(labels)
    table = Tabular(X[4], background=X, labels=model.predict(X))
    with pytest.raises(ValueError, match="its predict returns 3 different " + asked):
        explain(model, table, "confusion")
    counts = explain(model.predict, table, "confusion", classes=told and list(told))
    np.testing.assert_array_equal(counts.values, confusion_matrix(model.predict(X), model.predict(X)))


def test_numbers_that_predict_returns_beside_a_single_number_are_no_labels() -> None:
    model, table = several((0.0, 0.5, 1.0)), Tabular(X[4], background=X, labels=TWO)
    for method in ("confusion", "residuals"):
        with pytest.raises(
            ValueError, match=r"returns numbers such as .*classes=.*explain.model.predict, …, 'residuals'"
        ):
            explain(model, table, method)
    counts = explain(model, table, "confusion", classes=("no", "yes"))
    np.testing.assert_array_equal(counts.values, confusion_matrix(TWO, X @ WEIGHTS > 0))
    for meant in (model, several((0, 1, 3))):
        left = explain(meant.predict, table, "residuals")
        assert left.details["RMSE"] == pytest.approx(np.sqrt(((meant.predict(X) - TWO) ** 2).mean()))


@pytest.mark.parametrize("labels", [(0.0, np.nan, 1.0), (np.nan, 1.0, 1.0)], ids=str)
def test_a_predict_that_abstains_with_nan_tells_no_labels(labels: Any) -> None:
    model, table = several(labels), Tabular(X[4], background=X, labels=TWO)
    with pytest.raises(
        ValueError, match=r"has no predict that tells .*name them, in this order: classes=\(first, second"
    ):
        explain(model, table, "confusion")
    counts = explain(model, table, "confusion", classes=("no", "yes"))
    np.testing.assert_array_equal(counts.values, confusion_matrix(TWO, X @ WEIGHTS > 0))
    assert counts.warnings[0].count("nan") == 1


@pytest.mark.parametrize("told", [None, ["u", "v", "w"]])
def test_labels_that_predict_decodes_are_those_of_the_classes(told: Any) -> None:
    model = Labelled(["u", "v", "w"], [0, 1, 2])
    table = Tabular(X[0], background=X, labels=np.array(model.labels)[NOISY])
    counts = explain(model, table, "confusion", classes=told)
    np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
    assert counts.names == ("u", "v", "w")
    said = "the classes are called what the model's own predict returns, 'u', 'v', 'w'; its classes_ are 0, 1, 2"
    assert counts.warnings == ((said,) if told is None else ())
    found = explain(model, table, "matching_rows", classes=told, where={"predicted": "w"})
    np.testing.assert_array_equal(found.features, np.flatnonzero(SHARED == 2))
    flipped = explain(model, Tabular(X[0], background=X), "counterfactual", classes=told)
    assert model.predict(X[:1])[0] not in model.predict(flipped.values)
    assert flipped.warnings == counts.warnings


@pytest.mark.parametrize("labels", [(1, 2, 3), (2, 0, 1), (0, 2, 4), (10, "b", True), (True, 1, "x")], ids=str)
def test_labels_that_predict_decodes_may_be_among_the_numbers_of_the_classes(labels: Any) -> None:
    model, noisy = Labelled(labels, [0, 1, 2]), as_plain([labels[place] for place in NOISY])
    counts = explain(model, Tabular(X[0], background=X, labels=noisy), "confusion")
    np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
    assert counts.details["accuracy"] == (NOISY == SHARED).mean()
    assert counts.warnings[0].startswith("the classes are called what the model's own predict returns")
    for place, label in enumerate(labels):
        found = explain(model, Tabular(X[0], background=X), "matching_rows", where={"predicted": {label}})
        np.testing.assert_array_equal(found.features, np.flatnonzero(place == SHARED))


@pytest.mark.parametrize("other", [-1, np.nan, "unsure"])
def test_a_predict_that_abstains_where_one_class_is_the_highest_does_not_rename_it(other: Any) -> None:
    likely = np.array([0.1, 0.2, 0.05, 0.6, 0.65, 0.55])  # of the second class: never sure enough

    class Abstains:
        classes_ = np.arange(2)

        def predict_proba(self, rows: Any) -> np.ndarray:
            second = np.asarray(rows)[:, 0]
            return np.stack([1 - second, second], 1)

        def predict(self, rows: Any) -> np.ndarray:
            table = self.predict_proba(rows)
            return as_plain([int(row.argmax()) if row.max() > 0.7 else other for row in table])

    table = Tabular(likely[:1], background=likely[:, None], labels=[0, 0, 0, 1, 1, 1])
    counts = explain(Abstains(), table, "confusion")
    np.testing.assert_array_equal(counts.values, [[3, 0], [0, 3]])
    assert "does not choose the class with the highest probability for 50%" in counts.warnings[0]


def test_numbers_that_predict_returns_for_named_classes_leave_them_their_names() -> None:
    model = Labelled([0, 1, 2], ["u", "v", "w"])
    for labels in (NOISY, np.array(model.classes_)[NOISY]):
        counts = explain(model, Tabular(X[0], background=X, labels=labels), "confusion")
        np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
        assert (counts.names, counts.warnings) == (("u", "v", "w"), ())


def test_labels_of_predict_that_name_no_class_are_told() -> None:
    model = Labelled(["u", "v", "v"], [0, 1, 2])
    counts = explain(model, Tabular(X[0], background=X, labels=NOISY), "confusion")
    np.testing.assert_array_equal(counts.values, confusion_matrix(NOISY, SHARED))
    assert re.search(r"returns labels such as '.', '.', and none of its classes_ \(0, 1, 2\)", counts.warnings[0])


def test_the_sign_of_a_margin_is_held_against_predict() -> None:
    found = subject(Backwards())
    np.testing.assert_allclose(found.scores().numpy(), [[-X[5, 0], X[5, 0]]])
    assert found.names == ("no", "yes")
    assert found.warnings == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda rows: torch.tensor(rows[:, :2], requires_grad=True),
        lambda rows: torch.tensor(rows[:, :2]).to(torch.bfloat16),
        lambda rows: rows[:, :2].tolist(),
        lambda rows: pd.DataFrame(rows[:, :2], columns=["u", "v"]),
        lambda rows: rows[:, :2].astype(object),
    ],
    ids=["with a gradient", "bfloat16", "lists", "a frame", "objects"],
)
def test_a_callable_may_return_its_numbers_as_it_likes(call: Any) -> None:
    found = subject(call)
    np.testing.assert_allclose(found.scores().numpy()[0], X[5, :2], rtol=1e-2)
    assert found.names == (("u", "v") if isinstance(call(ROW), pd.DataFrame) else ("class 0", "class 1"))
    session = Session(call, Tabular(X[5], background=X))  # whose first pass has gradients on
    np.testing.assert_allclose(session.facts.scores[0].numpy()[0], X[5, :2], rtol=1e-2)
    session.close()


class OfAFrame:
    """Probabilities of two classes in the columns of a frame: the first is that of the class that `columns` name so."""

    def __init__(self, classes: Any, columns: list[Any]) -> None:
        self.classes_ = np.array(classes)
        self.columns = columns

    def predict_proba(self, rows: np.ndarray) -> pd.DataFrame:
        first = 1 / (1 + np.exp(-rows[:, 0]))
        return pd.DataFrame(np.stack([first, 1 - first], 1), columns=self.columns)


@pytest.mark.parametrize(
    ("classes", "columns", "turned"),
    [
        ([10.0, 20.0], [20, 10], True),
        ([10, 20], [20.0, 10.0], True),
        ([10, 20], ["20", "10"], True),
        ([10, 20], ["class 20", "class 10"], True),
        ([False, True], [1, 0], True),
        ([0, 1], [True, False], True),
        ([0.0, 1.0], ["1", "0"], True),
        (["10", "20"], [20, 10], True),
        ([10.0, 20.0], [10, 20], False),
        ([2**60, 2**60 + 1], [2**60 + 1, 2**60], True),  # one float64
        (["no", "yes"], ["yes", "no"], True),
        (["no", "yes"], ["of yes", "of no"], False),  # nothing tells
        ([10, 20], [30, 10], False),
    ],
)
def test_columns_of_a_frame_that_are_the_classes_are_put_in_their_order(
    classes: Any, columns: list[Any], turned: bool
) -> None:
    model = OfAFrame(classes, columns)
    said = model.predict_proba(X[5:6]).to_numpy()
    np.testing.assert_allclose(subject(model).scores().numpy(), said[:, ::-1] if turned else said)


def test_a_callable_that_returns_labels_chooses_among_those_of_the_background() -> None:
    words = np.array(["low", "mid", "high"])

    def label(rows: np.ndarray) -> np.ndarray:
        return words[(rows[:, 0] > -1).astype(int) + (rows[:, 0] > 1)]

    found = subject(label)
    assert found.scores().tolist() == [[label(ROW)[0] == word for word in ("high", "low", "mid")]]
    assert found.names == ("high", "low", "mid")
    few = Subject(label, Tabular(X[5], background=X[np.abs(X[:, 0]) < 1]))
    with pytest.raises(ValueError, match=r"label 'high', which it did for none .*classes=\[…\], all of them"):
        few.evaluate(torch.from_numpy(X[X[:, 0] > 1]))
    told = Subject(label, Tabular(X[5]), classes=["low", "mid", "high"])
    assert told.evaluate(torch.from_numpy(X)).argmax(1).tolist() == [
        ["low", "mid", "high"].index(word) for word in label(X)
    ]


def test_yes_and_no_of_a_callable_are_one_and_nought() -> None:
    pair = Tabular([1, 1], background=[[0, 0]])
    assert explain(lambda rows: rows[:, 0] != rows[:, 1], pair, "leave_one_out").values.tolist() == [-1, -1]


def test_whole_numbers_of_a_callable_are_numbers_until_they_have_names() -> None:
    model = DecisionTreeClassifier(random_state=0).fit(X, THREE)
    found = subject(lambda rows: model.predict(rows))
    assert found.scores().tolist() == [[model.predict(ROW)[0]]]
    assert "whole numbers (0, 1, 2), which are explained as numbers" in found.warnings[0]
    named = subject(lambda rows: model.predict(rows), classes=["a", "b", "c"])
    assert named.scores().tolist() == [np.eye(3)[model.predict(ROW)[0]].tolist()]
    assert named.warnings == ()
    assert explain(lambda rows: (rows[:, 0] > 0).astype(int), Tabular(X[5], background=X), "lime").warnings == ()


@pytest.mark.parametrize("dtype", [int, float])
@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ((1, 2), ("low", "high")),
        ((0, 5), ("low", "high")),
        ((-2, -1), ("low", "high")),
        ((0, 1, 2), ("low", "mid", "high")),
        ((1, 2, 3), ("low", "mid", "high")),
        ((10, 20, 30), ("low", "mid", "high")),
        ((7, 5), ("7", "5")),
        ((1, 0), ("1", "0")),
        ((1, 2, 3), ("3", "1", "2")),
    ],
    ids=str,
)
@pytest.mark.parametrize("alone", [False, True], ids=["a callable", "predict alone"])
def test_whole_numbers_are_labels_where_there_is_a_name_for_each(
    labels: Any, told: tuple[str, ...], dtype: type, alone: bool
) -> None:
    place = THREE if len(labels) == 3 else TWO
    known = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, place)

    class Alone:
        def predict(self, rows: np.ndarray) -> np.ndarray:
            return np.array(sorted(labels), dtype=dtype)[known.predict(rows)]

    names = told if "low" in told else tuple(sorted(told))
    table = Tabular(X[5], background=X, labels=np.array(names)[place])
    found = explain(Alone() if alone else Alone().predict, table, "confusion", classes=told)
    assert found.details["accuracy"] == pytest.approx(known.score(X, place))
    order = [names.index(name) for name in told]
    np.testing.assert_array_equal(found.values, confusion_matrix(place, known.predict(X))[np.ix_(order, order)])


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ((-1.0, 1.0), ("1", "-1")),
        ((-1.0, 1.0), ("low", "high")),
        ((-3.0, 4.0), ("low", "high")),
        ((0.5, 1.5), ("0.5", "1.5")),
        ((0.5, 1.5), ("1.5", "0.5")),
    ],
)
def test_floats_that_are_labels_are_those_of_the_rows(labels: tuple[float, float], told: tuple[str, str]) -> None:
    known = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, TWO)

    def call(rows: np.ndarray) -> np.ndarray:
        return np.array(labels)[known.predict(rows)]

    found = explain(call, Tabular(X[5], background=X, labels=np.array(labels)[TWO]), "confusion", classes=told)
    assert found.details["accuracy"] == pytest.approx(known.score(X, TWO))


@pytest.mark.parametrize("labels", [np.array([1, 2]), np.array(["a", "b"]), np.array([1.0, 2.0])], ids=str)
def test_a_method_predict_is_known_by_its_classes(labels: np.ndarray) -> None:
    texts = ["good fine film", "bad poor film", "great good acting", "poor dull plot"] * 5
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, labels[[1, 0, 1, 0] * 5])
    found = Subject(model.predict, Text("dull bad plot"), classes=["no", "yes"])
    assert found.scores().tolist() == [[1.0, 0.0]]  # it says the first of its labels
    if labels.dtype.kind != "U":  # names that are these labels, in another order
        backwards = [str(label) for label in labels[::-1].tolist()]
        found = Subject(model.predict, Text("dull bad plot"), classes=backwards)
        assert found.scores().tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("told", [["no", "yes"], ["0", "1"]])
def test_floats_of_nought_and_one_in_their_order_stay_probabilities(told: list[str]) -> None:
    table = Tabular(X[5], background=X)
    found = Subject(lambda rows: np.where(rows[:, 0] == 9, 0.25, (rows[:, 0] > 0) * 1.0), table, classes=told)
    found.scores()
    held = found.twin.module.outputs
    assert held.quantity == "probability"
    assert held.scores(np.array([0.25])).tolist() == [[0.75, 0.25]]


@pytest.mark.parametrize("told", [("True", "False"), ("False", "True")])
def test_yes_and_no_are_called_as_they_are_named(told: tuple[str, ...]) -> None:
    found = Subject(lambda rows: rows[:, 0] > -9, Tabular(X[5], background=X), classes=told)
    assert found.scores().tolist() == [[name == "True" for name in told]]


def test_numbers_that_happen_to_be_nought_and_one_are_probabilities() -> None:
    found = subject(lambda rows: np.where(rows[:, 0] == 9, 0.25, TWO[5] * 1.0), classes=["no", "yes"])
    assert found.scores().tolist() == [[1 - TWO[5], TWO[5]]]
    other = found.evaluate(torch.full((1, X.shape[1]), 9.0, dtype=torch.float64))
    assert other.tolist() == [[0.75, 0.25]]


def test_a_float_that_is_no_label_of_its_row_is_unknown() -> None:
    def label(rows: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(rows[:, 0]), np.nan, 1.0 + (rows[:, 0] > 0))

    rows, right = X.copy(), np.where(X[:, 0] > 0, "b", "a").astype(object)
    rows[7, 0], right[7] = np.nan, None
    table = Tabular(X[5], background=rows, labels=right)
    assert explain(label, table, "permutation_importance", classes=["a", "b"]).details == {"accuracy": 1}
    with pytest.raises(ValueError, match="the score of a row is NaN or infinite"):
        explain(label, table, "exact_shap", classes=["a", "b"])


def test_whole_numbers_that_may_be_counted_from_nought_or_from_one_are_not_guessed() -> None:
    names = ["one", "two", "three"]

    def model(rows: np.ndarray) -> np.ndarray:
        return 1 + (rows[:, 0] > 0) + (rows[:, 0] > 1)

    few = X[X[:, 0] <= 1]
    with pytest.raises(ValueError, match="the whole numbers 1, 2, and neither 0 nor 3, so nothing tells") as raised:
        explain(model, Tabular(few[0], few), "row_scores", classes=names)
    calls = re.search(r"names: (lambda rows: .*\]), or (numpy.*)$", str(raised.value))
    assert calls is not None
    named = eval("lambda rows: " + calls[2], {"numpy": np, "model": model})
    found = Subject(named, Tabular(few[0], few), classes=names)
    rows = X[:9]
    assert found.evaluate(torch.from_numpy(rows)).argmax(1).tolist() == (model(rows) - 1).tolist()
    from_0 = eval(calls[1], {"numpy": np, "model": lambda rows: model(rows) - 1})
    assert from_0(rows).tolist() == named(rows).tolist()
    for labels, first in ((model(few) % 2, 0), (np.where(few[:, 1] > 0, 3, model(few)), 1)):
        told = Subject(model, Tabular(few[0], few, labels=labels), classes=names)
        if first == 0:
            with pytest.raises(ValueError, match="neither 0 nor 3"):
                told.scores()  # labels that are counted otherwise tell nothing
            continue
        assert told.scores().argmax(1).tolist() == [model(few[:1])[0] - first]


def test_whole_numbers_that_are_neither_counted_nor_as_many_as_the_names_are_said_as_they_were() -> None:
    names = ["low", "mid", "high"]
    for dtype in (int, float):
        with pytest.raises(ValueError, match="3 names, and the model returned 2 different numbers, 10") as raised:
            subject(lambda rows, d=dtype: np.where(rows[:, 0] > 0, 30, 10).astype(d), classes=names).scores()
        assert "lambda rows: [names[label] for label in model(rows)], where names = {10" in str(raised.value)
    found = subject(lambda rows: (rows[:, 0] > 0) + 5 * (rows[:, 0] == 9), classes=["no", "yes"])
    found.scores()
    with pytest.raises(ValueError, match="returned the label 6, and the 2 names given are those of 0, 1; name each"):
        found.evaluate(torch.full((1, X.shape[1]), 9.0, dtype=torch.float64))


def test_a_single_label_of_two_that_are_named_is_the_second_where_no_background_tells() -> None:
    found = Subject(lambda texts: [int("good" in text) for text in texts], Text("a good film"), classes=["neg", "pos"])
    assert found.scores().tolist() == [[0, 1]]


def test_labels_counted_from_one_beside_probabilities_are_those_of_the_classes() -> None:
    model = LogisticRegression().fit(X, THREE)
    few = model.predict(X) < 2

    class Counted:
        def predict(self, rows: np.ndarray) -> np.ndarray:
            return model.predict(rows) + 1

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            return np.asarray(model.predict_proba(rows))

    table = Tabular(X[few][0], background=X[few], labels=THREE[few] + 1)
    counts = explain(Counted(), table, "confusion", classes=["a", "b", "c"])
    np.testing.assert_array_equal(counts.values, confusion_matrix(THREE[few], model.predict(X[few]), labels=[0, 1, 2]))
    assert counts.warnings == ()


def test_names_are_no_others_than_the_labels_that_a_callable_returns() -> None:
    def label(rows: np.ndarray) -> np.ndarray:
        return np.where(rows[:, 0] > 0, "Low", "High ")

    table = Tabular(X[5], background=X)
    for told, advice in ((("low", "high"), ["Low", "High "]), (("a", "b"), ["High ", "Low"])):
        with pytest.raises(
            ValueError, match="classes: the model returns labels such as 'High ', 'Low', which"
        ) as raised:
            explain(label, table, "exact_shap", classes=told)
        assert f"leave classes= out, or name them as the model does, all that there are: classes={advice}" in str(
            raised.value
        )
        named = Subject(label, table, classes=advice)
        assert named.scores().tolist() == [[name == label(ROW)[0] for name in advice]]


def test_labels_of_several_kinds_are_those_that_are_written_as_their_names() -> None:
    def label(rows: np.ndarray) -> list[Any]:
        return [1 if row[0] > 0 else "other" for row in rows]

    table = Tabular(X[5], background=X)
    found = Subject(label, table, classes=["other", "1"])
    assert found.scores().tolist() == [[one == label(ROW)[0] for one in ("other", 1)]]


def test_the_users_own_call_of_an_estimator() -> None:
    model = LogisticRegression().fit(X, TWO)
    found = subject(model, forward=lambda model, rows: model.predict_log_proba(rows))
    np.testing.assert_array_equal(found.scores().numpy(), model.predict_log_proba(ROW))


def test_two_outputs_of_a_regression_have_no_classes() -> None:
    wanted = np.stack([NUMBER, 2 * NUMBER], 1)
    table = Tabular(X[5], background=X, labels=NUMBER)
    answer = explain(LinearRegression().fit(X, wanted), table, "permutation_importance", target=0)
    assert "R²" in answer.details


def pipe(*, top_k: int | None) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    ids = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "the", "film", "is", "good"])}
    words = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=6, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config.id2label = {0: "bad", 1: "good", 2: "neither"}
    config.initializer_range = 0.5
    model = BertForSequenceClassification(config).eval()
    return pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=top_k)


@pytest.mark.parametrize("top_k", [1, None])
def test_a_pipeline_of_hugging_face_is_a_model_of_texts(top_k: int | None) -> None:
    model, text = pipe(top_k=top_k), "the film is good"
    own = {entry["label"]: entry["score"] for entry in model(text, top_k=None)}
    found = Subject(model, Text(text))
    assert found.names == ("bad", "good", "neither")
    assert found.score_name == "probability"
    np.testing.assert_allclose(found.scores()[0], [own[name] for name in found.names], rtol=1e-6)
    answer = explain(model, Text(text), "leave_one_out", target="good")
    without = {entry["label"]: entry["score"] for entry in model("film is good", top_k=None)}
    assert answer.values[0] == pytest.approx(own["good"] - without["good"], abs=1e-6)
    assert explain(model, Text(text), "exact_shap", target="good").gap == pytest.approx(0, abs=1e-6)


def test_a_pipeline_takes_a_pair_as_it_takes_one_from_its_user() -> None:
    model = pipe(top_k=None)

    def good(first: str, second: str) -> float:
        told = model([{"text": first, "text_pair": second}], top_k=None)[0]
        return next(entry["score"] for entry in told if entry["label"] == "good")

    answer = explain(model, Text(("the film", "is good")), "leave_one_out", target="good")
    without = [good("film", "is good"), good("the", "is good"), good("the film", "good"), good("the film", "is")]
    np.testing.assert_allclose(answer.values, good("the film", "is good") - np.array(without), atol=1e-6)
    assert explain(model, Text(("the", "film")), "exact_shap", target="good").gap == pytest.approx(0, abs=1e-6)


def test_weights_that_change_inside_a_pipeline_are_noticed() -> None:
    model = pipe(top_k=None)
    session = Session(model, Text("the film is good"))
    before = session.facts.scores[0]
    with torch.no_grad():
        model.model.classifier.bias += torch.tensor([3.0, 0, 0])
    session.renew(again=True)
    session.place(lambda _place, _answer: None, method="leave_one_out")
    session.wait()
    after = session.facts.scores[0]
    assert after[0, 0] > before[0, 0]
    session.close()


def test_a_callables_probability_of_two_classes_is_no_logit() -> None:
    model = LogisticRegression().fit(X, TWO)
    for call in (
        lambda rows: model.predict_proba(rows)[:, 1],
        lambda rows: torch.from_numpy(model.predict_proba(rows)[:, 1:]),
    ):
        found = subject(call, classes=["no", "yes"])
        np.testing.assert_allclose(found.scores().numpy(), model.predict_proba(ROW))
        assert found.score_name == "probability"
        table = Tabular(X[5], background=X, labels=TWO)
        answer = explain(call, table, "confusion", classes=["no", "yes"])
        np.testing.assert_array_equal(answer.values, confusion_matrix(TWO, model.predict(X)))
    margin = subject(lambda rows: model.decision_function(rows), classes=["no", "yes"])
    np.testing.assert_allclose(margin.scores().numpy()[0], [-1, 1] * model.decision_function(ROW))
    assert margin.score_name == "score"


def likely(rows: np.ndarray) -> np.ndarray:
    """How probable the second of two classes is; NaN of a row that lacks its first value."""
    return np.asarray(1 / (1 + np.exp(-rows[:, 0] - 0.5 * rows[:, 1])))


class Likely:
    """The same as an estimator, of both classes or of the second alone."""

    classes_ = np.array(["no", "yes"])

    def __init__(self, both: bool, scale: float = 1.0) -> None:
        self.both, self.scale = both, scale

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        chance = self.scale * likely(rows)
        return np.stack([1 - chance, chance], 1) if self.both else chance

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.classes_[(self.scale * likely(rows) > 0.5).astype(int)]


WAYS_TO_A_CHANCE: dict[str, Callable[..., Any]] = {
    "a callable": lambda scale=1.0: lambda rows: scale * likely(rows),
    "a callable, of both": lambda scale=1.0: lambda rows: Likely(True, scale).predict_proba(rows),
    "an estimator": lambda scale=1.0: Likely(False, scale),
    "an estimator, of both": lambda scale=1.0: Likely(True, scale),
}


@pytest.mark.parametrize("name", ["a callable", "an estimator", "an estimator, of both"])
def test_a_row_whose_numbers_are_unknown_does_not_tell_what_they_are(name: str) -> None:
    rows, right = X.copy(), np.where(likely(X) > 0.5, "yes", "no").astype(object)
    rows[7, 0], right[7] = np.nan, None
    table = Tabular(X[5], background=rows, labels=right)
    found = Subject(WAYS_TO_A_CHANCE[name](), table, classes=["no", "yes"])
    np.testing.assert_allclose(found.scores()[0], [1 - likely(ROW)[0], likely(ROW)[0]])
    assert found.score_name == "probability"
    shuffled = explain(WAYS_TO_A_CHANCE[name](), table, "permutation_importance", classes=["no", "yes"])
    assert shuffled.details == {"accuracy": 1}
    assert shuffled.warnings == ("1 row without a label left out",)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_makes_no_margin(odd: float) -> None:
    found = outputs.of_two(np.array([0.2, odd, 0.9]))
    assert (found.quantity, found.scores(np.array([0.25])).tolist()) == ("probability", [[0.75, 0.25]])
    assert outputs.add_up(np.array([[0.2, 0.8], [odd, 0.8]]))
    assert outputs.of_two(np.array([0.2, odd, 1.9])).quantity == "score"


def test_three_shares_are_told_beside_a_row_of_which_they_are_unknown() -> None:
    model = LogisticRegression().fit(X, THREE)
    shares = type("Shares", (), {"predict": lambda self, rows: np.where(rows[:, :1] > 90, np.nan, 1) * told(rows)})()

    def told(rows: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict_proba(rows))

    rows, right = X.copy(), THREE.astype(object)
    rows[7, 0], right[7] = 99, None
    table = Tabular(X[5], background=rows, labels=right)
    shuffled = explain(shares, table, "permutation_importance", classes=["a", "b", "c"])
    rest = np.arange(len(X)) != 7
    assert shuffled.details["accuracy"] == pytest.approx(model.score(X[rest], THREE[rest]))


def test_a_probability_that_is_unknown_for_a_changed_row_is_refused_as_such() -> None:
    table = Tabular([np.nan, 1.0], background=X[:, :2])
    for classes in (None, ["no", "yes"]):
        with pytest.raises(ValueError, match=r"scores: .* changed inputs have a score that is NaN or infinite"):
            explain(likely, table, "exact_shap", classes=classes)


@pytest.mark.parametrize("scale", [1 + 1e-15, 1.0001])
@pytest.mark.parametrize("name", WAYS_TO_A_CHANCE)
def test_probabilities_are_such_where_rounding_takes_them_beyond_one(name: str, scale: float) -> None:
    rows = np.vstack([X, [[50.0, 50, *X[0, 2:]]]])
    assert scale * likely(rows[-1:])[0] > 1
    right = np.where(scale * likely(rows) > 0.5, "yes", "no")
    model, table = WAYS_TO_A_CHANCE[name](scale), Tabular(rows[-1], background=rows, labels=right)
    found = Subject(model, table, classes=["no", "yes"])
    np.testing.assert_allclose(found.scores()[0], [1 - scale, scale], atol=1e-15)
    assert found.score_name == "probability"
    counts = explain(model, table, "confusion", classes=["no", "yes"])
    assert counts.details["accuracy"] == 1
    assert counts.details["Brier score"] == pytest.approx(np.mean((likely(rows) - (right == "yes")) ** 2), abs=1e-3)
    assert counts.warnings == ()


def test_a_number_far_beyond_one_is_no_probability_and_said_as_it_is() -> None:
    found = subject(lambda rows: np.where(rows[:, 0] == 9, 1.002, likely(rows)), classes=["no", "yes"])
    found.scores()
    with pytest.raises(ValueError, match=r"were from 0 to 1 and taken for .*, and now one is 1\.002; let it return"):
        found.evaluate(torch.full((1, X.shape[1]), 9.0, dtype=torch.float64))


def test_three_labels_for_a_row_are_no_pairs() -> None:
    wanted = (X > 0).astype(int)
    model = OneVsRestClassifier(LinearSVC(random_state=0)).fit(X, wanted)
    np.testing.assert_array_equal(scores(model), model.decision_function(ROW)[0])


def test_clusters_are_labelled_by_their_numbers() -> None:
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    table = Tabular(X[5], background=X, labels=model.labels_)
    assert explain(model, table, "confusion").details["accuracy"] == 1


@pytest.mark.parametrize("kind", [GaussianMixture, BayesianGaussianMixture])
def test_components_of_a_mixture_are_labelled_by_their_numbers(kind: Any) -> None:
    model = kind(n_components=2, random_state=0).fit(X)
    own = model.predict(X)
    table = Tabular(X[5], background=X, labels=own)
    np.testing.assert_array_equal(explain(model, table, "confusion").values, np.diag(np.bincount(own)))
    assert explain(model, table, "permutation_importance").details["accuracy"] == 1
    assert explain(model, table, "row_scores").values.shape == (60, 2)
    found = explain(model, table, "matching_rows", where={"predicted": 1})
    np.testing.assert_array_equal(found.features, np.flatnonzero(own == 1))


def test_digits_among_objects_are_labels() -> None:
    digits = np.array(["0", "1", "2"], dtype=object)[THREE]
    model = VotingClassifier([("tree", DecisionTreeClassifier(max_depth=2, random_state=0))]).fit(X, digits)
    counts = explain(model, Tabular(X[5], background=X, labels=digits), "confusion")
    np.testing.assert_array_equal(counts.values, confusion_matrix(digits, model.predict(X)))
    assert counts.warnings == ()
    assert subject(lambda rows: pd.Series(model.predict(rows))).names == ("0", "1", "2")


def test_a_pipeline_whose_labels_have_one_name_twice_keeps_them_apart() -> None:
    model, text = pipe(top_k=None), "the film is good"
    right = Subject(model, Text(text)).scores().numpy()
    model.model.config.id2label = {0: "bad", 1: "good", 2: "bad"}
    subject = Subject(model, Text(text))
    np.testing.assert_allclose(subject.scores().numpy(), right)
    assert subject.names == ("bad (0)", "good", "bad (2)")
    assert model.model.config.id2label == {0: "bad", 1: "good", 2: "bad"}
    with torch.no_grad():
        model.model.classifier.bias += torch.tensor([0.0, 5.0, 0.0])  # the weights are seen as they are now
    assert Subject(model, Text(text)).scores()[0, 1] > right[0, 1]
