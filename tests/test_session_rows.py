"""A session whose selection holds a filter of rows: methods over rows follow it, the others do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from nbexplain import Session, Tabular
from nbexplain.core.question import Answer
from nbexplain.core.row_filter import ALL_ROWS, RowFilter
from nbexplain.place import Place
from tests.core.dataset.tables import curved, rows, table


def _shown(answers: list[Answer]) -> set[int]:
    explanation = answers[-1].explanation
    assert explanation is not None
    assert explanation.features is not None
    return set(explanation.features.tolist())


def test_methods_over_rows_follow_the_filter() -> None:
    background = rows(30)
    session = Session(curved(), Tabular(background[0], background))
    heard: dict[str, list[Answer]] = {"all": [], "following": [], "row": [], "pairs": []}

    def hear(name: str) -> list[Answer]:
        return heard[name]

    places: dict[str, Place] = {
        "following": session.place(lambda _, answer: hear("following").append(answer), method="row_scores"),
        "all": session.place(lambda _, answer: hear("all").append(answer), method="row_scores", where=ALL_ROWS),
        "pairs": session.place(lambda _, answer: hear("pairs").append(answer), method="interaction"),  # of this row
        "row": session.place(lambda _, answer: hear("row").append(answer), method="gradient"),
    }
    session.wait()
    times = {name: place.times_asked for name, place in places.items()}
    session.select(where={"feature 0": (0, None)})
    session.wait()
    right = {number for number in range(30) if background[number, 0] >= 0}
    assert 0 < len(right) < 30
    assert _shown(heard["following"]) == right
    assert _shown(heard["all"]) == set(range(30))
    assert {name: place.times_asked - times[name] for name, place in places.items()} == {
        "following": 1,
        "all": 0,
        "row": 0,
        "pairs": 0,
    }
    assert dict(places["following"].question().params) == {"where": RowFilter.of({"feature 0": (0, None)})}
    session.select(where={})
    session.wait()
    assert _shown(heard["following"]) == set(range(30))
    session.close()


def test_a_filter_that_does_not_fit_is_refused_at_once() -> None:
    session = Session(curved(), table())
    for where, message in (
        ({"age": 3}, "where: there is no column 'age'"),
        ({"feature 0": (3, 1)}, "expected low ≤ high"),
        ({"residual": (0, 1)}, "the model tells classes apart"),
        ({"error": True}, "labels: how well the model does is measured with"),
    ):
        with pytest.raises(ValueError, match=message):
            session.select(where=where)
    assert session.selection.where == ALL_ROWS
    session.close()
    bare = Session(curved(), Tabular(rows()[0]))
    with pytest.raises(ValueError, match="background"):
        bare.select(where={"feature 0": (0, 1)})
    bare.close()


@pytest.mark.parametrize("name", ["label", "predicted"])
def test_classes_of_a_regression_are_refused_where_they_are_chosen(name: str) -> None:
    held = np.random.default_rng(0).normal(size=(30, 2))
    session = Session(lambda rows: rows.sum(1), Tabular(held[0], held, labels=held.sum(1)))
    with pytest.raises(ValueError, match=rf"where\['{name}'\]: expected numbers or a range \(low, high\), got 'yes'"):
        session.select(where={name: {"yes"}})
    assert not session.selection.where
    session.select(where={name: (0, None)})
    session.close()


def test_what_is_asked_of_many_rows_goes_on_when_the_row_is_edited() -> None:
    background, edited = rows(200), threading.Event()

    def model(asked: np.ndarray) -> np.ndarray:
        edited.wait(0.01)  # as long as the row is the old one, it takes its time
        return np.asarray(asked.sum(1))

    session = Session(model, Tabular(background[0], background))
    answers: list[Answer] = []
    session.place(lambda _, answer: answers.append(answer), method="row_shap")
    _until(lambda: any(answer.explanation is not None for answer in answers))
    x = session.inputs[0]
    assert isinstance(x, Tabular)
    session.replace(0, x.another([1.0] * len(x.columns)))
    _until(lambda: bool((session.inputs[0].tensor == 1).all()))
    assert answers[-1].state == "running"
    edited.set()
    assert session.wait(30)
    found = answers[-1].explanation
    assert answers[-1].state == "done"
    assert found is not None
    assert found.base is not None
    np.testing.assert_allclose(found.values.sum(1) + found.base, background[found.features].sum(1))
    session.close()


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()
