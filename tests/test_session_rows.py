"""A session whose selection holds a filter of rows: methods over rows follow it, the others do not."""

from __future__ import annotations

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
