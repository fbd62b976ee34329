"""Models that are no torch module: what they are asked, what they may return, and when they count as changed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightgbm import LGBMClassifier
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from nbexplain import Session, Subject, explain
from nbexplain.core.model.batches import MIXES, RANDOM
from nbexplain.inputs import Tabular, Text

IRIS = load_iris()


def test_probabilities_of_a_classifier() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(IRIS.data, IRIS.target)
    subject = Subject(forest, Tabular(IRIS.data[70]))
    np.testing.assert_array_equal(subject.scores().numpy(), forest.predict_proba(IRIS.data[70:71]))
    assert subject.score_name == "probability"
    assert not subject.has_gradient()
    assert subject.layers() == ()


def test_predictions_of_a_regressor_are_one_score() -> None:
    forest = RandomForestRegressor(5, random_state=0).fit(IRIS.data[:, :3], IRIS.data[:, 3])
    subject = Subject(forest, Tabular(IRIS.data[70, :3]))
    assert subject.scores().shape == (1, 1)
    assert float(subject.scores()) == forest.predict(IRIS.data[70:71, :3])[0]
    assert (subject.score_name, subject.names) == ("prediction", ("prediction",))


def test_a_classifier_without_probabilities_is_asked_for_its_decision_function() -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[IRIS.target]
    three = make_pipeline(StandardScaler(), SVC()).fit(IRIS.data, names)
    session = Session(three, Tabular(IRIS.data[70], IRIS.data))
    np.testing.assert_array_equal(session.facts.scores[0].numpy(), three.decision_function(IRIS.data[70:71]))
    assert session.classes == ("setosa", "versicolor", "virginica")
    assert session.facts.score_name == "score"  # no softmax of it is a probability
    session.close()
    two = SVC().fit(IRIS.data[:100], names[:100])
    scores = Subject(two, Tabular(IRIS.data[70])).scores().numpy()[0]
    assert scores[1] == -scores[0] == two.decision_function(IRIS.data[70:71])[0]


def test_a_classifier_that_only_chooses_gives_all_to_its_choice() -> None:
    labels = np.array([2, 5, 9])[IRIS.target]
    model = VotingClassifier([("tree", DecisionTreeClassifier(random_state=0))]).fit(IRIS.data, labels)
    rows = Tabular(IRIS.data[70], IRIS.data, labels=labels)
    session = Session(model, rows)
    assert session.classes == ("class 2", "class 5", "class 9")
    assert session.facts.scores[0].tolist() == [[0, 1, 0]]
    session.close()
    shuffled = explain(model, rows, "permutation_importance", target=1)
    assert shuffled.quantity == "fall of the accuracy"
    assert shuffled.details["accuracy"] == pytest.approx(model.score(IRIS.data, labels), abs=1e-12)


@pytest.mark.parametrize("classes", [3, 4])
@pytest.mark.parametrize("background", [True, False])
def test_margins_of_pairs_are_no_scores_of_classes(classes: int, background: bool) -> None:
    labels = IRIS.target if classes == 3 else np.arange(150) % 4
    model = SVC(decision_function_shape="ovo").fit(IRIS.data, labels)
    subject = Subject(model, Tabular(IRIS.data[70], IRIS.data if background else None))
    pairs = [f"{a} against {b}" for a in range(classes) for b in range(a + 1, classes)]
    assert subject.names == tuple(pairs)
    np.testing.assert_array_equal(subject.scores().numpy(), model.decision_function(IRIS.data[70:71]))
    assert "margins of pairs" in subject.warnings[0]
    by_class = Subject(SVC().fit(IRIS.data, labels), Tabular(IRIS.data[70], IRIS.data))  # votes of the pairs
    assert by_class.names == tuple(f"class {n}" for n in range(classes))
    told = "the model's own predict does not choose the class with the highest score for 7% of the rows"
    assert [note[: len(told)] for note in by_class.warnings] == [told] * (classes == 4)  # libsvm breaks ties otherwise


def test_probabilities_are_no_margins_of_pairs_whatever_predict_says() -> None:
    table = np.random.default_rng(2).normal(size=(60, 2))
    labels = np.where(table[:, 0] > 0.9, "c3", np.where(table[:, 0] < -0.9, "c2", "a1"))
    by_pairs = SVC(probability=True, decision_function_shape="ovo", random_state=0).fit(table, labels)
    for model, background in (
        (SVC(probability=True, C=0.01, random_state=0).fit(table, labels), table),
        (by_pairs, table[labels == "a1"]),
        (DummyClassifier(strategy="stratified", random_state=0).fit(table, labels), table),
    ):
        subject = Subject(model, Tabular(table[0], background))
        assert (subject.names, subject.score_name) == (("a1", "c2", "c3"), "probability")


class Mixing:
    """A regression on columns, of which something is made from all rows that it gets."""

    def __init__(self, way: str) -> None:
        self.way, self.calls = way, 0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.way == "scaled":
            with np.errstate(invalid="ignore"):
                return ((rows - rows.mean(0)) / rows.std(0)).sum(1)
        if self.way == "centred":
            return rows.sum(1) - rows.sum(1).mean()
        if self.way == "ranked":
            return np.argsort(np.argsort(rows[:, 0])) / max(len(rows) - 1, 1)
        if self.way == "beside":
            return rows.sum(1) + (len(rows) > 1)
        if self.way == "random":
            return rows.sum(1) + np.random.default_rng(self.calls).normal(size=len(rows))
        return np.array(rows, dtype=np.float32) @ np.full(2, 0.1, np.float32) * np.float32(1 + 1e-7 * (len(rows) > 1))


@pytest.mark.parametrize("way", ["scaled", "centred", "ranked"])
def test_scores_that_tell_rows_apart_by_the_others_alone_are_refused(way: str) -> None:
    table = np.random.default_rng(0).normal(size=(20, 2))
    table = table[table[:, 0].argsort()]  # the first has the same rank alone
    with pytest.raises(ValueError, match="NaN" if way == "scaled" else "the same"):
        explain(Mixing(way), Tabular(table[0], table), "exact_shap")


def test_rows_that_are_mixed_in_a_batch_are_asked_alone() -> None:
    table = np.random.default_rng(0).normal(size=(20, 2))
    found = explain(Mixing("beside"), Tabular(table[0], table), "exact_shap")
    np.testing.assert_allclose(found.values, table[0] - table.mean(0))
    said = "the model takes one input at a time: in a batch, the scores of an input depend on the other inputs"
    assert found.warnings == (said,)
    assert explain(Mixing("rounded"), Tabular(table[0], table), "exact_shap").warnings == ()


@pytest.mark.parametrize("rows", [12, 200])  # of the background: fewer than are tried together, and more
def test_rows_that_are_mixed_in_large_batches_only_are_asked_alone(rows: int) -> None:
    table = np.random.default_rng(0).normal(size=(rows, 2))

    def model(x: np.ndarray) -> np.ndarray:
        return x.sum(1) - (x.sum(1).mean() if len(x) > 8 else 0)

    found = explain(model, Tabular(table[0], table), "exact_shap", background=rows)
    np.testing.assert_allclose(found.values, table[0] - table.mean(0))
    assert found.warnings == (f"the model takes one input at a time: {MIXES}",)


@pytest.mark.parametrize("size", [1e-3, 1.0])
def test_a_model_that_draws_random_numbers_is_said_to_be_random(size: float) -> None:
    table, draw = np.random.default_rng(0).normal(size=(20, 2)), np.random.default_rng(1)
    for normal in (np.random.normal, random.gauss):  # the generators of all

        def noisy(x: np.ndarray, normal: Callable[[float, float], float] = normal) -> np.ndarray:
            return x.sum(1) + size * np.array([normal(0, 1) for _ in x])

        assert explain(noisy, Tabular(table[0], table), "exact_shap").warnings == (f"the model is random: {RANDOM}",)

    def own(x: np.ndarray) -> np.ndarray:
        return x.sum(1) + size * draw.normal(size=len(x))

    (said,) = explain(own, Tabular(table[0], table), "exact_shap").warnings
    assert "it keeps something from call to call, or draws random numbers" in said
    assert "the model is random" not in said


def test_no_more_calls_are_made_than_four_to_try_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.network._TRYING", 1e9)  # however slow this machine is now
    table, calls = np.random.default_rng(0).normal(size=(200, 2)), []

    def model(x: np.ndarray) -> np.ndarray:
        calls.append(len(x))
        return x.sum(1)

    assert Subject(model, Tabular(table[0], table)).takes_batches()
    assert calls == [1, 64, 1, 1]


def test_labels_or_votes_that_are_drawn_are_no_mixing() -> None:
    table, draw = np.random.default_rng(0).normal(size=(40, 2)), np.random.default_rng(1)

    def votes(rows: np.ndarray) -> np.ndarray:
        return (draw.random((len(rows), 5)) < 0.5).mean(1)

    for row in table:
        assert Subject(votes, Tabular(row, table)).takes_batches()


def test_a_slow_model_is_asked_for_few_rows_whether_it_mixes_them() -> None:
    table, calls = np.random.default_rng(0).normal(size=(20, 2)), []

    def slow(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        time.sleep(0.25 * (len(calls) == 1))
        return rows[:, 0] - 0.5 * rows[:, 0].max()

    subject = Subject(slow, Tabular(table[0], table))
    subject.scores()
    assert not subject.takes_batches()
    assert max(calls) == 2


def test_as_many_outputs_as_rows() -> None:
    wanted = (IRIS.data[:, :2] > IRIS.data[:, :2].mean(0)).astype(int)
    forest = RandomForestClassifier(5, random_state=0).fit(IRIS.data, wanted)
    subject = Subject(forest, Tabular(IRIS.data[70], IRIS.data))
    subject.scores()
    rows = IRIS.data[[3, 120]]
    right = np.hstack(forest.predict_proba(rows))
    np.testing.assert_array_equal(subject.evaluate(torch.from_numpy(rows)).numpy(), right)


def test_a_frame_of_probabilities_is_read_by_its_columns() -> None:
    class Framed(LogisticRegression):
        def predict_proba(self, rows: np.ndarray) -> pd.DataFrame:
            return pd.DataFrame(super().predict_proba(rows), columns=self.classes_).iloc[:, ::-1]

    labels = IRIS.target_names[IRIS.target]
    model, plain = Framed(max_iter=500).fit(IRIS.data, labels), LogisticRegression(max_iter=500).fit(IRIS.data, labels)
    subject = Subject(model, Tabular(IRIS.data[70], IRIS.data))
    np.testing.assert_array_equal(subject.scores().numpy(), plain.predict_proba(IRIS.data[70:71]))
    assert subject.names == tuple(plain.classes_)
    assert subject.warnings == ()


@pytest.mark.parametrize("label", ["x", 1])
def test_a_single_class_is_nothing_to_choose_between(label: Any) -> None:
    labels = [label] * 150
    model = RandomForestClassifier(2).fit(IRIS.data, labels)
    row = Tabular(IRIS.data[70], IRIS.data, labels=labels)
    why = rf"it was fitted to a single class, {label!r} \(model\.classes_\), so there is nothing to choose between"
    for method in ("residuals", "confusion"):
        with pytest.raises(ValueError, match=why):
            explain(model, row, method)
    shuffled = explain(model, row, "permutation_importance", rows=60)
    assert shuffled.warnings[-1] == f"the labels are not used: {why}".replace("\\", "")


@pytest.mark.parametrize("make", [KMeans, GaussianMixture])
def test_a_single_cluster_is_nothing_to_choose_between(make: Any) -> None:
    row = Tabular(IRIS.data[70], IRIS.data, labels=[0] * 150)
    why = "it has a single cluster, 0, so there is nothing to choose between"
    for method in ("residuals", "confusion"):
        with pytest.raises(ValueError, match=why):
            explain(make(1).fit(IRIS.data), row, method)
    shuffled = explain(make(1).fit(IRIS.data), row, "permutation_importance", rows=60)
    assert shuffled.warnings[-1] == f"the labels are not used: {why}"


def all_fine(rows: np.ndarray) -> np.ndarray:
    """Says so of every flower."""
    return np.where(rows[:, 0] > 99, "fraud", "fine")


class AllFine:
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return all_fine(rows)


@pytest.mark.parametrize("model", [all_fine, AllFine()])
def test_labels_that_the_model_never_says_are_classes_beside_the_one_that_it_does(model: Any) -> None:
    row = Tabular(IRIS.data[70], IRIS.data, labels=["fraud"] * 50 + ["fine"] * 99 + [None])
    found = explain(model, row, "confusion")
    assert found.names == ("fine", "fraud")
    np.testing.assert_array_equal(found.values, [[99, 0], [50, 0]])
    shuffled = explain(model, row, "permutation_importance")
    assert shuffled.details == {"accuracy": pytest.approx(99 / 149)}
    with pytest.raises(ValueError, match="it has classes; use 'confusion'"):
        explain(model, row, "residuals")


@pytest.mark.parametrize("model", [all_fine, AllFine()])
@pytest.mark.parametrize("labels", [["fine"] * 150, ["Fraud"] * 50 + ["Fine"] * 100, [0] * 50 + [1] * 100])
def test_a_single_label_is_nothing_to_choose_between_until_the_others_are_named(model: Any, labels: list[Any]) -> None:
    row = Tabular(IRIS.data[70], IRIS.data, labels=labels)
    why = "it returned the label 'fine' for each row that it was asked, so there is nothing to choose between"
    for method in ("residuals", "confusion"):
        with pytest.raises(ValueError, match=rf"{why}; if there are others, name them all: classes=\('fine', …\)"):
            explain(model, row, method)
    row = Tabular(IRIS.data[70], IRIS.data, labels=["fine"] * 150)
    named = explain(model, row, "confusion", classes=("fine", "fraud"))
    np.testing.assert_array_equal(named.values, [[150, 0], [0, 0]])


def test_two_predictions_are_no_two_classes() -> None:
    wanted = np.stack([IRIS.data[:, 0] * 2, -IRIS.data[:, 1]], 1)
    model = LinearRegression().fit(IRIS.data, wanted)
    rows = Tabular(IRIS.data[70], IRIS.data, labels=wanted[:, 1])
    plane = explain(model, rows, "boundary", target=1)
    assert plane.quantity == "prediction"
    assert plane.values.max() < -1  # predictions themselves: no softmax is below 0
    shuffled = explain(model, rows, "permutation_importance", target=1)
    assert shuffled.details["R²"] == pytest.approx(1)
    found = explain(model, rows, "row_scores")
    assert "accuracy" not in found.details


def test_a_model_that_writes_into_its_rows_leaves_the_table_alone() -> None:
    rows = IRIS.data[:100]
    mean, weights = rows.mean(0), np.array([1.0, -2.0, 0.5, 3.0])

    def centred(batch: np.ndarray) -> np.ndarray:
        if len(batch) == 1:  # the first row that it is asked for tells nothing of it
            return (batch - mean) @ weights
        batch -= mean
        return batch @ weights

    table = Tabular(rows[70], rows.copy())
    found = explain(centred, table, "row_shap", target=0)
    right = explain(lambda batch: (batch - mean) @ weights, Tabular(rows[70], rows), "row_shap", target=0)
    np.testing.assert_allclose(found.values, right.values, atol=1e-9)
    np.testing.assert_array_equal(table.background, rows)


def test_a_pipeline_on_a_frame_with_strings() -> None:
    frame = pd.DataFrame({"size": [1.0, 2, 3, 4], "kind": ["a", "b", "a", "b"]})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(frame, [0, 1, 0, 1])
    subject = Subject(model, Tabular(frame.iloc[1], frame))
    np.testing.assert_allclose(subject.scores().numpy(), model.predict_proba(frame.iloc[[1]]))


def test_a_callable_that_reads_texts() -> None:
    seen: list[list[str]] = []

    def count(texts: list[str]) -> np.ndarray:
        seen.append(texts)
        return np.array([[text.count("good"), text.count("bad")] for text in texts])

    answer = explain(count, Text("good, good and bad"), "lime", target=0, samples=300, seed=1)
    assert all(isinstance(text, str) for texts in seen for text in texts)
    np.testing.assert_allclose(answer.values, [1, 1, 0, 0], atol=0.08)  # ridge shrinks a little


@pytest.mark.parametrize("hidden", [False, True], ids=["module", "gradient"])
def test_methods_that_need_a_gradient_say_what_remains(hidden: bool) -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(IRIS.data, IRIS.target)
    with pytest.raises(ValueError, match=r"methods that (need none|remain): .*'lime'"):
        explain(forest, Tabular(IRIS.data[0], IRIS.data), "gradient" if hidden else "grad_cam")


class Odd:
    """Returns whatever comes next."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def predict_proba(self, rows: np.ndarray) -> Any:
        return self.answers.pop(0)(len(rows))


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (lambda n: np.zeros((n, 3)), "model: it returned 3 scores for each input, and 2 at the call before"),
        (
            lambda n: np.zeros((n + 1, 2)),
            r"model: expected a row of numbers for each of 25 inputs, got float64 \(26, 2\)",
        ),
        (lambda n: np.zeros((n, 2, 2)), r"model: expected a row of numbers"),
        (lambda n: [["a", "b"]] * n, "model: expected numbers, got strings such as"),
        (lambda n: None, "model: expected a row of numbers"),
    ],
)
def test_a_model_that_returns_another_shape(later: Any, message: str) -> None:
    model = Odd(*[lambda n: np.full((n, 2), 0.5)] * 4, later)  # of the row, the background, both, one
    with pytest.raises(ValueError, match=message):
        explain(model, Tabular([1.0, 2.0], [[0.0, 0.0], [3.0, 3.0]]), "lime", target=0, samples=500)


def test_a_fit_is_noticed_and_an_unchanged_model_is_not_asked_again() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS.data, IRIS.target)
    session = Session(model, Tabular(IRIS.data[70], IRIS.data))
    before = session.facts.scores[0]
    session.renew(again=True)
    session.wait()
    assert session.facts.scores[0] is before
    model.fit(IRIS.data[:, ::-1], IRIS.target)
    places: list[Any] = []
    session.place(lambda _place, answer: places.append(answer), method="lime", params={"samples": 20})
    session.wait()
    np.testing.assert_allclose(session.facts.scores[0].numpy(), model.predict_proba(IRIS.data[70:71]))
    session.close()


class Shares:
    """As Keras has it: `predict` alone, which returns probabilities in single precision."""

    def predict(self, rows: np.ndarray) -> np.ndarray:
        shares: np.ndarray = LINE.predict_proba(rows).astype(np.float32)
        return shares


LINE = LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target)
NAMED = {"classes": ["lo", "mid", "hi"]}


@pytest.mark.parametrize("method", ["confusion", "permutation_importance", "roc"])
def test_rows_of_probabilities_with_names_are_scores_of_classes(method: str) -> None:
    x = Tabular(IRIS.data[70], IRIS.data, labels=IRIS.target)
    ours, right = (explain(model, x, method, target=1, **NAMED) for model in (Shares(), LINE))
    np.testing.assert_allclose(ours.values, right.values, atol=1e-6)
    assert ours.details == pytest.approx(right.details, abs=1e-5)
    assert (ours.score_name, ours.quantity) == ("probability", right.quantity)


def test_rows_of_probabilities_with_names_are_changed_to_another_class() -> None:
    assert LINE.predict(IRIS.data[70:71]) == [2]
    changed = explain(Shares(), Tabular(IRIS.data[70], IRIS.data), "counterfactual", target=1, **NAMED)
    assert LINE.predict(changed.values).tolist() == [1] * len(changed.values)
    assert "boundary" not in changed.details


def test_rows_of_probabilities_without_names_ask_for_them() -> None:
    x = Tabular(IRIS.data[70], IRIS.data)
    unnamed = explain(Shares(), x, "exact_shap", target=1)
    assert any("if they are probabilities of classes, give a name for each" in note for note in unnamed.warnings)
    named = lambda _, rows: pd.DataFrame(Shares().predict(rows), columns=list("abc"))  # noqa: E731
    framed = type("Framed", (), {"predict": named})()
    assert Subject(framed, x).names == ("a", "b", "c")
    numbers = type("Numbers", (), {"predict": lambda self, rows: LINE.decision_function(rows)})()
    told = explain(numbers, x, "exact_shap", target=1, **NAMED)  # three numbers that are no probabilities
    assert (told.score_name, told.warnings) == ("prediction", ())


@pytest.mark.filterwarnings("ignore:Cannot compute class probabilities")  # LightGBM's own
@pytest.mark.parametrize("classes", [2, 3])
def test_raw_scores_of_an_objective_of_ones_own(classes: int) -> None:
    def objective(wanted: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = np.eye(classes)[wanted.astype(int)] if classes > 2 else wanted
        slope = said - own
        return slope, np.ones(slope.shape)

    labels = np.minimum(IRIS.target, classes - 1)
    options = {"n_estimators": 3, "verbose": -1, "objective": objective}
    model = LGBMClassifier(**options, **({"num_class": 3} if classes > 2 else {})).fit(IRIS.data, labels)
    subject = Subject(model, Tabular(IRIS.data[70], IRIS.data))
    raw = model.predict_proba(IRIS.data[70:71])
    wanted = raw if classes > 2 else np.array([[-raw[0], raw[0]]])  # from 0 to 1 here, and no probability
    np.testing.assert_allclose(subject.scores().numpy(), wanted)
    assert subject.score_name == "score"
    assert len(subject.warnings) == 1
    assert "predict returns these scores and no classes" in subject.warnings[0]


def test_a_model_that_answers_to_every_name_is_asked_for_scores_alone() -> None:
    class Remote:
        """A proxy: whatever is asked of it, it hands on itself."""

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or name in ("predict", "predict_proba", "decision_function"):
                raise AttributeError(name)
            return self

        def __call__(self, rows: np.ndarray) -> np.ndarray:
            return np.asarray(rows)[:, 0]

    found = explain(Remote(), Tabular(IRIS.data[70], IRIS.data), "exact_shap")
    assert found.values[0] == pytest.approx(5.9 - IRIS.data[:, 0].mean(), abs=0.05)
