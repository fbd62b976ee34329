"""Which changes of a model are noticed in what it holds, and what it writes there itself, which is none."""

from __future__ import annotations

import functools
import weakref
from collections import deque
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbexplain import Session, explain
from nbexplain.core.model.estimator_state import Attributes
from nbexplain.core.twin import twin
from nbexplain.inputs import Tabular

TABLE = np.random.default_rng(0).normal(size=(40, 2))
LABELS = (TABLE @ [1.0, 0.5] > 0).astype(int)
WEIGHTS = np.array([1.0, 2.0])
CALLS = 0


def _by_global(rows: Any) -> Any:
    return rows @ WEIGHTS


def _fitted(labels: np.ndarray = LABELS) -> LogisticRegression:
    return LogisticRegression().fit(TABLE, labels)


def _refit(model: Any) -> None:
    model.fit(-TABLE, LABELS)


def of_a_function() -> tuple[Any, Any]:
    model = _fitted()
    return lambda rows: model.predict_proba(rows), lambda: _refit(model)


def of_a_bound_method() -> tuple[Any, Any]:
    model = _fitted()
    return model.predict_proba, lambda: _refit(model)


def of_a_partial() -> tuple[Any, Any]:
    model = _fitted()
    return partial(lambda inner, rows: inner.predict_proba(rows), model), lambda: _refit(model)


def of_a_network_in_a_function() -> tuple[Any, Any]:
    network = torch.nn.Linear(2, 2).double()
    return lambda rows: network(torch.tensor(rows)).softmax(1).detach(), lambda: network.weight.data.mul_(-5)


def of_weights_of_a_function() -> tuple[Any, Any]:
    held = {"weights": np.array([1.0, 2.0])}
    return lambda rows: rows @ held["weights"], lambda: held.update(weights=-held["weights"])


def of_a_name_closed_over() -> tuple[Any, Any]:
    weights = np.array([1.0, 2.0])

    def rebind() -> None:
        nonlocal weights
        weights = -weights

    return lambda rows: rows @ weights, rebind


def of_a_global_that_a_helper_names() -> tuple[Any, Any]:
    def rebind() -> None:
        global WEIGHTS
        WEIGHTS = -WEIGHTS

    return lambda rows: _by_global(rows), rebind


class Wrapper:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def predict_proba(self, rows: Any) -> Any:
        return self.inner.predict_proba(rows)


class Slotted:
    __slots__ = ("inner",)

    def __call__(self, rows: Any) -> Any:
        return self.inner.predict_proba(rows)


def of_a_wrapper() -> tuple[Any, Any]:
    inner = _fitted()
    return Wrapper(inner), lambda: _refit(inner)


def of_a_wrapper_with_slots() -> tuple[Any, Any]:
    model = Slotted()
    model.inner = _fitted()
    return model, lambda: _refit(model.inner)


def of_a_method_of_a_class() -> tuple[Any, Any]:
    inner = _fitted()
    method = staticmethod(lambda rows: inner.predict_proba(rows))
    return type("Model", (), {"predict_proba": method, "__module__": __name__})(), lambda: _refit(inner)


def of_a_search() -> tuple[Any, Any]:
    model = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2)
    model.fit(TABLE, LABELS)
    return model, lambda: _refit(model.best_estimator_)


def of_a_threshold() -> tuple[Any, Any]:
    model = FixedThresholdClassifier(LogisticRegression()).fit(TABLE, LABELS)
    return model, lambda: _refit(model.estimator_)


def of_a_frozen_estimator() -> tuple[Any, Any]:
    inner = _fitted()
    return CalibratedClassifierCV(FrozenEstimator(inner)).fit(TABLE, LABELS), lambda: _refit(inner)


def of_a_nested_pipeline() -> tuple[Any, Any]:
    model = make_pipeline(make_pipeline(StandardScaler(), LogisticRegression())).fit(TABLE, LABELS)
    return model, lambda: _refit(model[-1][-1])


def of_voters() -> tuple[Any, Any]:
    model = VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft").fit(TABLE, LABELS)
    return model, lambda: _refit(model.estimators_[1])


def of_a_tree_of_a_forest() -> tuple[Any, Any]:
    model = RandomForestClassifier(5, random_state=0).fit(TABLE, LABELS)
    return model, lambda: [_refit(tree) for tree in model.estimators_[3:]]


def of_coefficients_in_place() -> tuple[Any, Any]:
    model = _fitted()
    return model, lambda: model.coef_.__imul__(-1)


def _xgboost(sign: int) -> Any:
    import xgboost

    return xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(sign * TABLE, LABELS), 5)


def of_a_booster_that_is_trained_on() -> tuple[Any, Any]:
    import xgboost

    model, data = _xgboost(1), xgboost.DMatrix(-TABLE, LABELS)
    return model, lambda: [model.update(data, number) for number in range(5, 15)]


def of_a_booster_that_loads_another() -> tuple[Any, Any]:
    model, other = _xgboost(1), _xgboost(-1).save_raw()
    return model, lambda: model.load_model(other)


def of_lightgbm() -> tuple[Any, Any]:
    import lightgbm

    data = lightgbm.Dataset(TABLE, LABELS, free_raw_data=False)
    options = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 3}
    model = lightgbm.train(options, data, 2, keep_training_booster=True)
    return model, lambda: [model.update() for _ in range(20)]


def of_catboost(folder: Path) -> tuple[Any, Any]:
    import catboost

    models = [catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False) for _ in range(2)]
    for model, sign in zip(models, (1, -1), strict=True):
        model.fit(sign * TABLE, LABELS)
    models[1].save_model(str(folder / "other"))
    return models[0], lambda: models[0].load_model(str(folder / "other"))


HOLDERS = [value for name, value in list(globals().items()) if name.startswith("of_")]


@pytest.mark.parametrize("make", HOLDERS, ids=lambda make: make.__name__)
def test_a_session_goes_on_with_what_a_model_holds_now(make: Any, tmp_path: Path) -> None:
    model, refit = make(tmp_path) if make is of_catboost else make()
    table = Tabular(TABLE[0], TABLE)
    session = Session(model, table)
    answers: list[Any] = []
    session.place(lambda _place, answer: answers.append(answer.explanation), method="exact_shap", target=0)
    session.wait()
    before = answers[-1]
    session.renew(again=True)  # the same question, of the same model
    session.wait()
    assert answers[-1] is before
    refit()
    session.renew(again=True)
    session.wait()
    session.close()
    right = explain(model, table, "exact_shap", target=0)
    assert not np.allclose(before.values, right.values, atol=1e-3)
    np.testing.assert_allclose(answers[-1].values, right.values, atol=1e-6)
    np.testing.assert_allclose(float(answers[-1].score), float(right.score), atol=1e-6)


# What a model writes when it is asked


class Writes:
    """A model that writes as `write(model, rows)` says."""

    def __init__(self, write: Any, **held: Any) -> None:
        self.write, self.weights = write, WEIGHTS
        self.inner = SimpleNamespace(calls=0)
        self.__dict__.update(held)

    def __call__(self, rows: Any) -> Any:
        self.write(self, rows)
        return np.asarray(rows) @ self.weights

    @property
    def computed(self) -> Any:
        raise AssertionError("a property was read")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} was looked up, which is not there")


def counts(model: Any, rows: Any) -> None:
    model.__dict__["calls"] = model.__dict__.get("calls", 0) + 1


def counts_within(model: Any, rows: Any) -> None:
    model.inner.calls += 1


def counts_in_a_global(model: Any, rows: Any) -> None:
    global CALLS
    CALLS += 1


def keeps_the_last_input(model: Any, rows: Any) -> None:
    model.inner.last = {"rows": rows, "parts": [np.array(row) for row in rows]}


def keeps_answers(model: Any, rows: Any) -> None:
    for row in rows:
        model.known.setdefault(tuple(row), float(row @ model.weights))


def counts_by_size(model: Any, rows: Any) -> None:
    model.known[len(rows)] = model.known.get(len(rows), 0) + 1


def keeps_a_history(model: Any, rows: Any) -> None:
    model.history.appendleft(len(rows))


def appends(model: Any, rows: Any) -> None:
    model.times.append(float(len(model.times)))


def loads_itself(model: Any, rows: Any) -> None:
    if "loaded" not in vars(model):
        model.loaded = SimpleNamespace(model=LogisticRegression().fit(TABLE, LABELS))


def loads_for_batches(model: Any, rows: Any) -> None:
    if len(rows) > 1 and "buffer" not in vars(model):
        model.buffer = np.zeros(3)


def makes_a_part_anew(model: Any, rows: Any) -> None:
    model.part = SimpleNamespace(inner=SimpleNamespace(size=len(rows)))


def writes_into_an_array(model: Any, rows: Any) -> None:
    model.scratch[:] = rows[0]


def counts_at_a_function(model: Any, rows: Any) -> None:
    counts_at_a_function.calls = getattr(counts_at_a_function, "calls", 0) + 1  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=3)
def _squared(value: float) -> float:
    return value * value


def uses_a_cache(model: Any, rows: Any) -> None:
    for row in rows:
        _squared(float(row[0]))


WRITERS = [counts, counts_within, counts_in_a_global, keeps_the_last_input, keeps_answers, keeps_a_history, appends]
WRITERS += [loads_itself, loads_for_batches, makes_a_part_anew, writes_into_an_array, counts_at_a_function]
WRITERS += [uses_a_cache, counts_by_size]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_what_a_model_writes_is_no_change_and_new_weights_are(write: Any) -> None:
    model = Writes(write, known={}, history=deque(maxlen=3), times=[], scratch=np.zeros(2))
    known = twin(model)  # before it is asked
    rows, states = iter(range(len(TABLE))), []
    for count in (1, 1, 1, 5, 1, 7, 5, 1, 3):
        states.append(known.original.state())
        known.original(TABLE[[next(rows) for _ in range(count)]])
        assert not known.changed()
    now = known.original.state()
    assert [state == now for state in states] == [True] * len(states)
    later = twin(model, known.stop)
    later.original(TABLE[:2])
    assert not later.changed()
    model.weights = -WEIGHTS
    assert known.changed()
    assert later.changed()


def test_what_other_code_rebinds_is_no_change() -> None:
    """A global that is called as an attribute is, and one that no function names."""
    space: dict[str, Any] = {"model": LogisticRegression().fit(TABLE, LABELS), "predict_proba": 1, "other": 1}
    exec("def ask(rows): return model.predict_proba(rows)", space)
    held = Attributes(space["ask"])
    before = held.state()
    space.update(predict_proba=2, other=np.ones(3))
    assert held.state() == before
    space["model"] = LogisticRegression().fit(TABLE, 1 - LABELS)
    assert held.state() != before


def test_looking_keeps_no_large_array_alive() -> None:
    model = SimpleNamespace(predict=lambda rows: rows[:, 0], rows=np.zeros(500_000))
    held = Attributes(model)
    before = held.state()
    gone = weakref.ref(model.rows)
    del model.rows
    assert gone() is None
    assert held.state() != before


class Client:
    """What asks a server: a count, and a token that is another one now and then."""

    def __init__(self) -> None:
        self.asked, self.token, self.weights = 0, "", WEIGHTS

    def send(self, rows: Any) -> Any:
        self.asked += 1
        if self.asked % 5 == 0:
            self.token = f"number {self.asked}"
        return np.asarray(rows) @ self.weights

    def evaluate(self) -> Any:
        return self.send(rows_of_others)


rows_of_others = TABLE[:3]


def test_tokens_counts_and_what_other_methods_look_up_are_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    held = Attributes(client.send)
    before = held.state()
    for _ in range(12):
        with held.watched(1):
            client.send(TABLE[:1])
        monkeypatch.setitem(globals(), "rows_of_others", TABLE[:4] + 1)
        assert held.state() == before
    client.weights = -WEIGHTS
    assert held.state() != before
