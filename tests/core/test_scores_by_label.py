"""Scores each of which is that of a label of its own, as the user says with `scores="sigmoid"`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from nbexplain import Subject, Tabular, TabularExplorer, explain

X = np.random.default_rng(0).normal(size=(40, 3))
WEIGHTS = np.array([[2.0, 0, 0], [0, -1.5, 0], [0, 0, 3.0]])
PROBABILITIES = 1 / (1 + np.exp(-X @ WEIGHTS.T))
ROW = X[:1]


def logits(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows @ WEIGHTS.T)


def probabilities(rows: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits(rows))))


def net(*end: nn.Module) -> nn.Module:
    linear = nn.Linear(3, 3, bias=False).double()
    linear.weight.data[:] = torch.from_numpy(WEIGHTS)
    return nn.Sequential(linear, *end)


@pytest.mark.parametrize("model", [logits, probabilities, net(), net(nn.Sigmoid())], ids=lambda model: str(model)[:20])
def test_logits_go_through_a_sigmoid_and_probabilities_stay(model: Any) -> None:
    subject = Subject(model, Tabular(ROW, X), scores="sigmoid")  # type: ignore[arg-type]
    np.testing.assert_allclose(subject.scores().numpy(), PROBABILITIES[:1])
    np.testing.assert_allclose(subject.evaluate(torch.from_numpy(X)).numpy(), PROBABILITIES)
    assert subject.score_name == "probability"
    assert subject.independent


def always_one(rows: np.ndarray) -> np.ndarray:
    """Of two labels, of which on these rows there is one always."""
    second = 1 / (1 + np.exp(-rows[:, 0]))
    return np.stack([1 - second, second], 1)


def test_what_adds_up_to_1_is_told_apart_by_what_the_user_says() -> None:
    table = Tabular(ROW, X)
    assert not Subject(always_one, table).independent
    assert Subject(always_one, table, scores="sigmoid").independent  # type: ignore[arg-type]
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    assert Subject(model, table, scores="sigmoid").independent  # type: ignore[arg-type]


def test_a_counterfactual_takes_the_label_over_one_half_whatever_the_others_are() -> None:
    row = np.array([[-0.1, -3.0, 3.0]])  # the first label is at 0.45, the others near 1
    for model in (logits, net()):
        found = explain(model, Tabular(row, X), "counterfactual", target=0, scores="sigmoid")
        assert found.details["boundary"] == 0.5
        changed = found.values[:, 0]
        assert len(changed) > 0
        assert (changed > 0).all()
        np.testing.assert_allclose(found.scores[:, 0], 1 / (1 + np.exp(-2 * changed)))


@pytest.mark.parametrize("model", [logits, net()], ids=["callable", "net"])
def test_no_class_is_chosen_among_labels(model: Any) -> None:
    table = Tabular(ROW, X, labels=np.arange(40) % 3)
    with pytest.raises(ValueError, match="that of a label of its own; ask for one of them") as said:
        explain(model, table, "confusion", scores="sigmoid")
    of_one = Tabular(ROW, X, labels=(X[:, 0] > 0).astype(int))  # as the call that is offered has it
    if "lambda rows: model(rows)[:, 0]" in str(said.value):
        found = explain(lambda rows: model(rows)[:, 0], of_one, "confusion", classes=("no", "yes"))
    else:
        assert "classes=('no', 'yes'): scores=lambda output: output[:, :1]" in str(said.value)
        found = explain(model, of_one, "confusion", classes=("no", "yes"), scores=lambda output: output[:, :1])
    assert found.details["accuracy"] == 1


def test_a_row_that_adds_up_to_1_by_chance_is_no_distribution() -> None:
    def chance(rows: np.ndarray) -> np.ndarray:
        return np.where((rows == ROW).all(1)[:, None], [[0.3, 0.7]], probabilities(rows)[:, :2])

    assert Subject(chance, Tabular(ROW, X)).score_name == "score"
    assert Subject(always_one, Tabular(ROW, X)).score_name == "probability"


def test_another_word_and_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scores: expected a function .* or 'sigmoid' .*, got 'sigmiod'"):
        explain(logits, Tabular(ROW, X), "exact_shap", scores="sigmiod")
    with pytest.raises(ValueError, match="scores: 'sigmoid' is for a score of each label"):
        explain(lambda rows: np.where(rows[:, 0] > 0, "a", "b"), Tabular(ROW, X), "exact_shap", scores="sigmoid")

    def late(rows: np.ndarray) -> np.ndarray:
        return np.where(rows == 9, 2.0, probabilities(rows))

    subject = Subject(late, Tabular(ROW, X), scores="sigmoid")  # type: ignore[arg-type]
    subject.scores()
    with pytest.raises(ValueError, match="taken for the probabilities of labels, and now one is 2"):
        subject.evaluate(torch.full((1, 3), 9.0, dtype=torch.float64))


def test_the_code_says_it() -> None:
    explorer = TabularExplorer(logits, Tabular(ROW, X), scores="sigmoid", method="exact_shap")
    assert explorer.session.wait(30)
    assert "scores='sigmoid'" in explorer.code()
    explorer.close()
