"""What holds for every question to a set of rows: nothing is touched, equal seeds, Stop, errors that name the row."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from nbexplain import METHODS, Explanation, Subject, explain
from nbexplain.core.ask import ask
from nbexplain.core.call_size import Calls, CallSize
from nbexplain.core.hooks import Cancelled
from nbexplain.inputs import Tabular
from tests.core.dataset.tables import curved, rows, table
from tests.core.snapshot import differences, snapshot
from tests.core.test_contract import Late

PARAMS: dict[str, dict[str, Any]] = {
    "row_shap": {"rows": 30, "samples": 60, "background": 20},
    "row_scores": {},
    "interaction": {"rows": 4},
    "permutation_importance": {"repeats": 2},
    "averaged_lime": {"rows": 5, "samples": 40},
    "boundary": {"resolution": 24},
    "partial_dependence": {"rows": 30, "points": 10, "kind": "individual"},
}
KEYS = sorted(PARAMS)


def target(key: str) -> dict[str, Any]:
    return {"target": 1} if "target" in METHODS[key].needs else {}


def same(one: Explanation, other: Explanation) -> bool:
    # rows go to the model in other company where it is quicker the second time: equal but for a float32's rounding
    equal = np.allclose(one.values, other.values, rtol=1e-6, atol=1e-6)
    return equal and np.array_equal(one.features, other.features)


@pytest.mark.parametrize("key", [*KEYS, "forest_importance"])
def test_a_persons_choice_for_the_pane_of_one_row_has_none_of_them(key: str) -> None:
    found = METHODS[key]
    assert not found.on_picture
    assert found.kinds == ("table",)


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_touched_and_equal_seeds_give_equal_answers(key: str) -> None:
    model, given = curved(), table()
    before = snapshot(model, given.tensor)
    background = given.background.copy()
    first = explain(model, given, key, **target(key), **PARAMS[key])
    assert differences(before, snapshot(model, given.tensor)) == []
    np.testing.assert_array_equal(given.background, background)
    assert same(first, explain(model, given, key, **target(key), **PARAMS[key]))
    if "seed" in METHODS[key].parameters:
        other = explain(model, given, key, **target(key), **PARAMS[key], seed=5)
        assert not same(first, other)


@pytest.mark.parametrize("key", KEYS)
def test_an_estimator_is_left_as_it_was(key: str) -> None:
    background = rows()
    model = RandomForestClassifier(4, max_depth=3, random_state=0).fit(background, background[:, 0] > 0)
    before, state = pickle.dumps(model), np.random.get_state()[1].copy()
    explain(model, Tabular(background[0], background), key, **target(key), **PARAMS[key])
    assert pickle.dumps(model) == before
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("key", KEYS)
def test_stop_stops_and_the_next_run_goes_on(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # as many calls each time, however quick they are
    monkeypatch.setattr(Subject, "calls", lambda self, width: Calls(CallSize(8192), 64, 64))
    monkeypatch.setattr("nbexplain.core.table.partial_dependence._AT_A_LOOK", 1e9)
    model, given = curved(), table()
    before = snapshot(model, given.tensor)
    asked: dict[str, Any] = {**target(key), "params": PARAMS[key]}
    subject = Subject(model, given)
    subject.twin.stop.event = never = Late(float("inf"))
    whole = [*ask(subject, key, **asked)]
    assert [step.progress for step in whole] == sorted(step.progress for step in whole)
    assert whole[-1].progress == 1
    for at in (1, never.looks // 2, never.looks):
        subject = Subject(model, given)
        subject.twin.stop.event = Late(at)
        with pytest.raises(Cancelled):
            [*ask(subject, key, **asked)]
        subject.twin.stop.event = None
        *_, last = ask(subject, key, **asked)
        np.testing.assert_allclose(last.values, whole[-1].values, rtol=1e-4, atol=1e-6)
    steps = ask(Subject(model, given), key, **asked)
    next(steps)
    steps.close()
    assert differences(before, snapshot(model, given.tensor)) == []


@pytest.mark.parametrize("key", KEYS)
def test_two_questions_between_each_others_pictures(key: str) -> None:
    # a quick question is served between two pictures of a slow one: both share what is kept
    model, given = curved(), table(400)
    subject = Subject(model, given)
    asked: dict[str, Any] = {**target(key), "params": PARAMS[key]}
    slow = ask(subject, key, **asked)
    next(slow)
    *_, quick = ask(subject, key, **asked)
    last = quick
    for last in slow:  # noqa: B007
        pass
    whole = explain(model, given, key, **target(key), **PARAMS[key])
    for one in (quick, last):
        np.testing.assert_allclose(one.values, whole.values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("key", KEYS)
def test_no_background(key: str) -> None:
    with pytest.raises(ValueError, match=r"background: .*Tabular"):
        explain(curved(), Tabular(rows()[0]), key, **target(key), **PARAMS[key])


@pytest.mark.parametrize("key", ["row_shap", "row_scores", "interaction", "permutation_importance"])
def test_rows_with_nan_are_kept_by_models_that_take_them_and_named_for_the_others(key: str) -> None:
    background = rows()
    labels = background[:, 0] > 0
    background[13, 2] = np.nan
    given = Tabular(background[0], background, names=list("abcde"))
    params = {**PARAMS[key], "rows": 40}
    with pytest.raises(ValueError, match=r"background: .*row 13 of the background holds NaN or infinity in 'c'"):
        explain(curved(), given, key, **target(key), **params)
    model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5).fit(background, labels)
    taken = explain(model, given, key, **target(key), **params)
    assert np.isfinite(taken.values).all()

    def picky(x: np.ndarray) -> np.ndarray:
        if np.isnan(x).any():
            raise ValueError("Input contains NaN")
        return np.stack([x[:, 0], x[:, 1]], 1)

    with pytest.raises(
        ValueError, match=r"row 13 of the background holds NaN or infinity in 'c', which the model does"
    ):
        explain(picky, given, key, **target(key), **params)


def test_pictures_and_texts_have_no_rows() -> None:
    with pytest.raises(ValueError, match="x: SHAP over rows needs a row of a table"):
        explain(curved(), np.zeros((8, 8, 3)), "row_shap")
