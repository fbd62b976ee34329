"""Counterfactuals as lines of a figure."""

from __future__ import annotations

import numpy as np
import pytest

from nbexplain import Tabular, Text, explain
from nbexplain.core.explanation import Explanation
from nbexplain.figures import figure
from nbexplain.figures.changes import lines_of

ROWS = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 9.0]])
X = Tabular(ROWS[0], ROWS, names=["age", "debt"])


def model(x: np.ndarray) -> np.ndarray:
    yes = (x[:, 0] >= 2).astype(float)
    return np.stack([1 - yes, yes], 1)


@pytest.fixture(scope="module")
def answer() -> Explanation:
    return explain(model, X, "counterfactual")


def test_a_line_tells_what_changes_and_what_becomes_of_the_score(answer: Explanation) -> None:
    assert lines_of(answer, X) == ("1   age 1 → 2   (probability 1 → 0)",)
    written = " ".join(text.get_text() for text in figure(answer, x=X, classes=["no", "yes"]).texts)
    assert "Counterfactual · no" in written
    assert "age 1 → 2" in written
    assert "fixed" not in written  # what was not asked for is not told


def test_words_are_named_and_nothing_found_is_said() -> None:
    def judge(texts: list[str]) -> np.ndarray:
        good = np.array([float("good" in text) for text in texts])
        return np.stack([0.5 - good, good - 0.5], 1)

    text = Text("a good film")
    assert lines_of(explain(judge, text, "counterfactual"), text) == ("1   without “good”   (score 0.5 → −0.5)",)
    none = explain(lambda texts: np.tile([0.0, 1.0], (len(texts), 1)), text, "counterfactual")
    assert lines_of(none, text) == ("none found",)
    assert "none found" in [written.get_text() for written in figure(none, x=text).texts]


def test_the_row_is_needed(answer: Explanation) -> None:
    with pytest.raises(ValueError, match=r"x: the row that was explained is needed, .* give figure\(…, x=row\)"):
        figure(answer)


def test_values_that_are_near_each_other_are_told_apart() -> None:
    rows = np.array([[20_000.1, 5.0], [20_000.4, 5.0]])
    near = Tabular(rows[0], rows, names=["income", "debt"])

    def rich(x: np.ndarray) -> np.ndarray:
        yes = (x[:, 0] > 20_000.2).astype(float)
        return np.stack([1 - yes, yes], 1)

    (line,) = lines_of(explain(rich, near, "counterfactual"), near)
    assert "income 20000.1 → 20000.4" in line
