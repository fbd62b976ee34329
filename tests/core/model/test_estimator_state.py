"""What counts as a fit of an estimator, and what it writes itself when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbexplain import Subject, TextExplorer
from nbexplain.core.twin import twin
from nbexplain.inputs import Tabular, Text

TABLE = np.random.default_rng(0).normal(size=(40, 2))


class Writing:
    """Weights, beside which it counts its calls, keeps its last input, and what it made at the first call."""

    def __init__(self) -> None:
        self.weights: np.ndarray | None = None
        self.calls, self.last = 0, None

    def __call__(self, inputs: Any) -> np.ndarray:
        self.calls += 1
        self.last = inputs
        if self.weights is None:
            self.weights = np.array([1.0, 2.0])
        lengths = [[len(one), one.count("a")] if isinstance(one, str) else one for one in inputs]
        return np.asarray(lengths) @ self.weights


def _asked(model: Any) -> Callable[[], bool]:
    """Whether a model has changed since it was taken, and asked four times."""
    known = twin(model)
    for _ in range(4):
        Subject(known, Tabular(TABLE[0], TABLE), whole=True).scores()
    return known.changed


def test_what_a_model_writes_when_it_is_asked_is_no_change_of_its_weights() -> None:
    assert not _asked(Writing())()


@pytest.mark.parametrize("early", [True, False])  # whether it has its weights before it is asked first
def test_weights_that_a_user_replaces_are_noticed_beside_what_it_writes(early: bool) -> None:
    model = Writing()
    model.weights = np.array([1.0, 2.0]) if early else None
    changed = _asked(model)
    assert not changed()
    model.weights = np.array([3.0, 2.0])
    assert changed()


def test_a_fit_is_noticed_before_and_after_the_first_calls() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(TABLE, TABLE[:, 0] > 0)
    known = twin(model)
    model[-1].fit(TABLE, TABLE[:, 1] > 0)
    assert known.changed()
    changed = _asked(model)
    assert not changed()
    model[-1].fit(TABLE, TABLE[:, 1] > 0)
    assert changed()


def test_an_explorer_of_a_model_that_counts_its_calls_says_nothing_of_changed_weights() -> None:
    explorer = TextExplorer(Writing(), Text("a film of a man"))
    assert explorer.session.wait(60)
    answers = [answer.explanation for answer in explorer._answers.values()]
    explorer.close()
    assert [found.warnings for found in answers if found is not None]
    assert not any(found.warnings for found in answers)
