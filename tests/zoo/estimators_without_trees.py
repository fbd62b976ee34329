"""Estimators without trees, networks that look like estimators, and callables."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_sampled
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC, OneClassSVM
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from tests.zoo import estimators as z
from tests.zoo.estimators import Case, called, margins, predictions, probabilities, several, table

SHOWS_NONE = r"a function shows none \(give the estimator itself"
NO_TREES = "is no tree, forest or boosted trees"


def plain(name: str, model: Any, says: Any, labels: Any, data: Any = z.numbers, **of: Any) -> Case:
    return Case(name, lambda: copy.deepcopy(model).fit(data(), labels()), says, data, **{"reason": NO_TREES, **of})


def clusters(model: Any, rows: Any) -> np.ndarray:
    return (model.predict(rows)[:, None] == np.unique(model.labels_)).astype(np.float64)


def net(kind: Any, module: nn.Module, labels: Any, *before: Any) -> Any:
    model = kind(module, max_epochs=1, verbose=0, train_split=None)
    return make_pipeline(*before, model).fit(z.framed_singles(), labels) if before else model.fit(z.singles(), labels)


def layers(out: int, *end: nn.Module) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(z.COLUMNS, 5), nn.Tanh(), nn.Linear(5, out), *end)


def probable_svc() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is said to be going
        return SVC(probability=True, random_state=0).fit(z.numbers(), z.two())


COLUMNS = ColumnTransformer(
    [("numbers", StandardScaler(), ["age", "height"]), ("words", OneHotEncoder(), ["colour", "member"])]
)

ESTIMATORS = [
    plain("logistic", LogisticRegression(), probabilities, z.two),
    plain("logistic of words", LogisticRegression(), probabilities, lambda: np.array(["no", "so", "yes"])[z.three()]),
    plain("line", LinearRegression(), predictions, z.number),
    plain("ridge", Ridge(), predictions, z.number),
    plain("ridge classes", RidgeClassifier(), margins, z.two),
    plain("SVC", SVC(), margins, z.two),
    Case("SVC with probabilities", probable_svc, probabilities, z.numbers, reason=NO_TREES),
    plain("SVC, calibrated", CalibratedClassifierCV(SVC(), cv=2, ensemble=False), probabilities, z.two,
          reason="maps the scores"),
    plain("SVC of three", SVC(), margins, z.three),
    plain("SVC of pairs", SVC(decision_function_shape="ovo"), margins, lambda: z.three() + (z.number() > 8)),
    plain("linear SVC", LinearSVC(), margins, z.three),
    plain("SGD", SGDClassifier(random_state=0), margins, z.two),
    plain("SGD with probabilities", SGDClassifier(loss="log_loss", random_state=0), probabilities, z.two),
    plain("perceptron", Perceptron(), margins, z.three),
    plain("neighbours", KNeighborsClassifier(3), probabilities, z.three),
    plain("naive Bayes", GaussianNB(), probabilities, z.three),
    plain("MLP", MLPClassifier(4, max_iter=5000, random_state=0, tol=1e-2), probabilities, z.three),
    plain("QDA", QuadraticDiscriminantAnalysis(), probabilities, z.two),
    plain("Gaussian process", GaussianProcessClassifier(random_state=0), probabilities, z.two),
    plain("one against the rest", OneVsRestClassifier(LogisticRegression()), probabilities, z.three,
          reason="holds an estimator for each class"),
    plain("one against one", OneVsOneClassifier(LinearSVC()), margins, z.three),
    plain("several labels", MultiOutputClassifier(LogisticRegression()), several, lambda: np.c_[z.two(), z.three()],
          reason="holds an estimator for each output"),
    plain("several numbers", MultiOutputRegressor(Ridge()), predictions, lambda: np.c_[z.number(), z.two()],
          reason="holds an estimator for each output"),
    plain("chain", ClassifierChain(LogisticRegression()), probabilities, lambda: np.c_[z.two(), z.number() > 6]),
    plain("transformed", TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), predictions,
          lambda: np.exp(z.number() / 5), reason="transforms what its regressor predicts"),
    plain("transformed trees", TransformedTargetRegressor(RandomForestRegressor(3, random_state=0), func=np.log,
          inverse_func=np.exp), predictions, lambda: np.exp(z.number() / 5), reason="transforms what"),
    Case("clusters", lambda: KMeans(3, n_init=1, random_state=0).fit(z.numbers()), clusters, z.numbers,
         reason=NO_TREES),
    Case("one class", lambda: OneClassSVM().fit(z.numbers()), margins, z.numbers, reason=NO_TREES),
    plain("columns", make_pipeline(COLUMNS, LogisticRegression()), probabilities, lambda: z.of_mixed() > 1, z.words,
          reason="LogisticRegression is the last step of a Pipeline"),
    plain("sampled line", make_sampled(SMOTE(random_state=0), LogisticRegression()), probabilities, z.two),
    Case("skorch classes", lambda: net(NeuralNetClassifier, layers(2, nn.Softmax(-1)), z.two()), probabilities,
         z.singles, reason=NO_TREES, near=1e-5),
    Case("skorch numbers", lambda: net(NeuralNetRegressor, layers(1), z.number()[:, None].astype(np.float32)),
         predictions, z.singles, reason=NO_TREES, near=1e-5),
    Case("skorch behind a scaler", lambda: net(NeuralNetClassifier, layers(2, nn.Softmax(-1)), z.two(),
         StandardScaler()), probabilities, z.framed_singles, reason="NeuralNetClassifier is the last step", near=1e-5),
]  # fmt: skip


def one_number(rows: Any) -> np.ndarray:
    return np.sin(rows[:, 0]) * rows[:, 1] + rows[:, 2]


def three_numbers(rows: Any) -> np.ndarray:
    return np.stack([one_number(rows), rows[:, 3] ** 2, rows[:, 0]], 1)


def in_words(rows: Any) -> np.ndarray:
    return np.array(["low", "high"])[(one_number(rows) > 0).astype(int)]


def yes_or_no(rows: Any) -> np.ndarray:
    return one_number(rows) > 0


def said_in_words(model: Any, rows: Any) -> np.ndarray:
    return (model(rows)[:, None] == np.array(["high", "low"])).astype(np.float64)


def said_yes_or_no(model: Any, rows: Any) -> np.ndarray:
    return model(rows)[:, None].astype(np.float64)


def of_tensors(gradient: bool) -> Any:
    module = layers(2)

    def call(rows: np.ndarray) -> torch.Tensor:
        found: torch.Tensor = module(torch.as_tensor(rows, dtype=torch.float32))
        return found if gradient else found.detach()

    return call


def said_in_tensors(model: Any, rows: Any) -> np.ndarray:
    return table(model(rows).detach())


CALLABLES = [
    Case("callable, one number", lambda: one_number, called, z.numbers, reason=SHOWS_NONE),
    Case("callable, three numbers", lambda: three_numbers, called, z.numbers, reason=SHOWS_NONE),
    Case("callable, words", lambda: in_words, said_in_words, z.numbers, reason=SHOWS_NONE),
    Case("callable, booleans", lambda: yes_or_no, said_yes_or_no, z.numbers, reason=SHOWS_NONE),
    Case("callable, tensors", lambda: of_tensors(False), said_in_tensors, z.numbers, reason=SHOWS_NONE, near=1e-5),
    Case("callable, gradients", lambda: of_tensors(True), said_in_tensors, z.numbers, reason=SHOWS_NONE, near=1e-5),
]

CASES = [*ESTIMATORS, *CALLABLES]
