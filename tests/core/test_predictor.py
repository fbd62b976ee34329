"""Models that are no torch module: what they are asked, what they may return, and when they count as changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nbexplain import Session, Subject, explain
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
    assert subject.score_name == "score"


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
        (lambda n: np.zeros((n, 3)), "predict: it returned 3 scores for each input, and 2 at the call before"),
        (
            lambda n: np.zeros((n + 1, 2)),
            r"predict: expected a row of numbers for each of 25 inputs, got float64 \(26, 2\)",
        ),
        (lambda n: np.zeros((n, 2, 2)), r"predict: expected a row of numbers"),
        (lambda n: [["a", "b"]] * n, "predict: expected a row of numbers"),
        (lambda n: None, "predict: expected a row of numbers"),
    ],
)
def test_a_model_that_returns_another_shape(later: Any, message: str) -> None:
    model = Odd(lambda n: np.full((n, 2), 0.5), later)
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
