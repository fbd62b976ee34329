"""Models that refuse many rows at once, or fail now and then: the classes that they have, and how they are asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nbexplain import Tabular, Text, explain
from nbexplain.core.model.asked_in_parts import answered
from nbexplain.core.subject import Subject
from nbexplain.core.twin import twin

ROWS = np.random.default_rng(0).normal(size=(3000, 3))
TABLE = Tabular(ROWS[np.argmax(ROWS[:, 0])], background=ROWS)
WEIGHTS = np.array([1.0, 2.0, 3.0])


class Answers:
    """w·x, or labels of it, which fails at some calls, or with more rows than it takes."""

    def __init__(self, most: int = 10**9, fails_at: tuple[int, ...] = (), labels: bool = False) -> None:
        self.most, self.fails_at, self.labels = most, fails_at, labels
        self.calls: list[int] = []

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.calls.append(len(rows))
        if len(self.calls) in self.fails_at:
            raise ConnectionError("server away")
        if len(rows) > self.most:
            raise ValueError(f"at most {self.most} rows")
        if self.labels:
            return np.where(rows[:, 0] > 0, "yes", np.where(rows[:, 1] > 0, "no", "maybe"))
        return rows @ WEIGHTS


def classes_of(model: object, table: Tabular = TABLE) -> tuple[str, ...]:
    subject = Subject(twin(model), table)
    subject.scores()
    return subject.names


@pytest.mark.parametrize("model", [Answers(fails_at=(2, 3), labels=True), Answers(most=30, labels=True)])
def test_all_classes_are_found_though_a_call_fails(model):
    assert classes_of(model) == ("maybe", "no", "yes")


def test_classes_are_not_learnt_from_what_happens_to_answer_while_a_server_is_away():
    model = Answers(fails_at=tuple(range(2, 12)), labels=True)
    subject = Subject(twin(model), TABLE)
    with pytest.raises(RuntimeError, match=r"ConnectionError.*server away$"):
        subject.scores()
    assert len(model.calls) < 12, "it is not asked on and on"
    model.fails_at = ()
    subject.scores()
    assert subject.names == ("maybe", "no", "yes")


def test_rows_that_a_model_does_not_take_are_left_out_for_its_classes():
    holed = ROWS.copy()
    holed[::3, 2] = np.nan
    plain = Answers(labels=True)

    def model(rows):
        if np.isnan(rows).any() or (rows[:, 2] > 3).any():
            raise ValueError("Input contains NaN, or too much")
        return plain(rows)

    assert (holed[:, 2] > 3).any()
    assert classes_of(model, Tabular(ROWS[0], background=holed)) == ("maybe", "no", "yes")


def test_rows_in_parts():
    rows = np.arange(1000.0)[:, None]

    def at_most(most):
        def ask(some):
            if len(some) > most or (some == 500).any():
                raise ValueError
            return some[:, 0] * 2

        return ask

    taken, said = answered(at_most(20), rows)
    assert np.array_equal(said, taken[:, 0] * 2)
    assert 500 not in taken
    assert len(taken) == 1000 - 15  # the part that holds it: of 1,000 / 4 / 4 / 4 rows
    assert answered(at_most(0), rows) is None
    assert answered(at_most(20), np.full((3, 1), np.nan)) is None


@pytest.mark.parametrize("method", ["partial_dependence", "row_shap", "row_scores", "boundary", "kernel_shap"])
@pytest.mark.parametrize("most", [20, 1000])
def test_a_model_that_refuses_many_rows_in_a_call_is_asked_for_fewer(method, most):
    table = TABLE if most > 20 else Tabular(ROWS[0], background=ROWS[:60])
    model = Answers(most=most)
    found, right = (explain(one, table, method) for one in (model, Answers()))
    assert np.allclose(found.values, right.values)
    assert sum(size > most for size in model.calls) < 12, "the size is remembered"


def test_a_model_of_texts_that_refuses_many_is_asked_for_fewer():
    calls = []

    def model(texts):
        calls.append(len(texts))
        if len(texts) > 5:
            raise ValueError("at most 5")
        return np.array([[text.count("a"), len(text)] for text in texts], dtype=float)

    found = explain(model, Text("a banana is a fruit and an apple is one as well"), "kernel_shap", target=0)
    assert np.allclose(found.values, [1, 3, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0], atol=1e-6)


def test_what_a_model_raises_for_one_row_is_not_taken_for_too_many():
    def model(rows):
        calls.append(len(rows))
        if (rows[:, 0] > 2.5).any():
            raise ValueError("too large")
        return rows @ WEIGHTS

    calls: list[int] = []
    order = np.argsort(ROWS[:, 0])
    table = Tabular(ROWS[0], background=ROWS[order])
    with pytest.raises(RuntimeError, match=r"shape \(1024, 3\): too large"):
        explain(model, table, "row_scores")
    assert sum(calls) < 10_000


def test_what_a_model_returns_for_many_rows_is_not_mended_by_asking_for_fewer():
    def model(rows):
        return (rows @ WEIGHTS)[:1000]

    with pytest.raises(ValueError, match=r"got float64 \(1000,\)"):
        explain(model, TABLE, "row_scores")


def test_a_model_that_fails_now_and_then_gets_no_advice_how_to_ask_it():
    model = Answers(fails_at=tuple(range(1, 100, 5)))
    with pytest.raises(RuntimeError, match=r"ConnectionError.*server away$"):
        explain(model, TABLE, "exact_shap")
    model = Answers(fails_at=(1, 2))
    with pytest.raises(RuntimeError, match=r"ConnectionError.*server away$"):
        explain(model, TABLE, "exact_shap")


def test_a_call_that_fails_by_chance_is_no_reason_to_ask_for_fewer():
    model = Answers()
    subject = Subject(twin(model), TABLE)
    subject.scores()
    many = subject.ready(torch.from_numpy(ROWS))
    subject.evaluate(many)
    usual = len(model.calls)
    subject.evaluate(many)
    usual = len(model.calls) - usual
    model.fails_at = (len(model.calls) + 1,)
    right = ROWS @ WEIGHTS
    np.testing.assert_allclose(subject.evaluate(many)[:, 0].numpy(), right)  # asked once more
    before = len(model.calls)
    subject.evaluate(many)
    assert len(model.calls) - before <= usual
