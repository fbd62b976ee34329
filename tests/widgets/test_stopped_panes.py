"""A pane that does not answer what is asked now says so: each one of the explorers of tables."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

import nbexplain as nx
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.feature_map import CHARTS
from nbexplain.widgets.groups_view import GroupsView
from nbexplain.widgets.rows_view import RowsView
from nbexplain.widgets.views.counterfactual_view import CounterfactualView
from nbexplain.widgets.views.filter_view import FilterView

DRAW = np.random.default_rng(0)
FRAME = pd.DataFrame(DRAW.normal(size=(40, 3)), columns=["a", "b", "c"])
CLASS = (FRAME["a"] + FRAME["b"] ** 2 > 0.8).astype(int).to_numpy()
FOREST = RandomForestClassifier(5, random_state=0).fit(FRAME, CLASS)
LINE = LinearRegression().fit(FRAME, FRAME["a"])
BEFORE = "stopped before the first picture"


def of_classes(number: int) -> nx.Tabular:
    return nx.Tabular(FRAME.iloc[number], FRAME, labels=CLASS)


def of_numbers(number: int) -> nx.Tabular:
    return nx.Tabular(FRAME.iloc[number], FRAME, labels=FRAME["a"].to_numpy())


MAKERS: dict[str, Any] = {
    "a row": lambda: nx.TabularExplorer(FOREST, [of_classes(0), of_classes(1)], show=nx.TabularExplorer.panes),
    "rows with classes": lambda: nx.GlobalExplorer(FOREST, of_classes(0)),
    "rows with numbers": lambda: nx.GlobalExplorer(LINE, of_numbers(0)),
}


@pytest.fixture(params=MAKERS)
def explorer(request: pytest.FixtureRequest) -> Iterator[Explorer]:
    explorer = MAKERS[request.param]()
    assert explorer.session.wait(120)
    yield explorer
    explorer.close()


def said(widget: ipywidgets.Widget) -> str:
    """All words of a pane that can tell how its answer came about."""
    own = [getattr(widget, name) for name in ("note", "notice", "text") if widget.has_trait(name)]
    own += [widget.value] if isinstance(widget, ipywidgets.Label) else []
    return " · ".join(
        [word for word in own if isinstance(word, str)] + [said(w) for w in getattr(widget, "children", ())]
    )


def panes(explorer: Explorer) -> dict[str, ipywidgets.Widget]:
    """The panes of all parts that ask something, boards of several taken apart; controls are none."""
    found = {}
    for place, part in enumerate(explorer._parts):
        shown = [*([part.bar] if isinstance(part, FilterView) else []), *part.panes, *part.wide]
        shown = [w for widget in shown for w in (widget.children if "nbx-board" in widget._dom_classes else [widget])]
        shown = [w for w in shown if not isinstance(w, ipywidgets.HBox) and "nbx-away" not in w._dom_classes]
        found |= {f"{type(part).__name__} {place} {number}": widget for number, widget in enumerate(shown)}
    return {name: widget for name, widget in found.items() if not name.startswith("ClassScores")}


def answers(explorer: Explorer) -> dict[Place, Answer]:
    """What each place was told last."""
    told: dict[Place, Answer] = {}
    for place in explorer.session._places:
        show = place._show

        def note(place: Place, answer: Answer, show: Any = show) -> None:
            told[place] = answer
            show(place, answer)

        place._show = note
    explorer.session.renew(again=True)
    assert explorer.session.wait(120)
    return told


def test_each_pane_says_that_it_was_stopped_until_it_is_whole(explorer: Explorer) -> None:
    shown, told = panes(explorer), answers(explorer)

    def stopped() -> set[str]:
        return {name for name, widget in shown.items() if BEFORE in said(widget).lower()}

    assert not stopped()
    for place, answer in told.items():
        place.tell(dataclasses.replace(answer, state="stopped", explanation=None))
        assert stopped(), answer.question
        place.tell(answer)
        assert not stopped(), answer.question
    for place, answer in told.items():
        place.tell(dataclasses.replace(answer, state="stopped", explanation=None))
    assert stopped() == set(shown)


def test_each_pane_is_silent_again_as_soon_as_another_answer_is_on_its_way(explorer: Explorer) -> None:
    shown, told = panes(explorer), answers(explorer)
    for state in ("stopped", "running"):
        for place, answer in told.items():
            place.tell(dataclasses.replace(answer, state=state, explanation=None))
    assert not [name for name, widget in shown.items() if BEFORE in said(widget).lower()]


def test_what_goes_wrong_is_said_in_one_chart_and_remarked_in_the_others_of_the_answer() -> None:
    explorer = nx.TabularExplorer(FOREST, of_classes(0), show=CHARTS)
    assert explorer.session.wait(60)
    (place, answer), *_ = answers(explorer).items()
    place.tell(dataclasses.replace(answer, state="failed", explanation=None, error=ValueError("a: no such thing")))
    first, *others = panes(explorer).values()
    assert said(first).count("a: no such thing") == 1
    assert len(others) == 2
    assert all("not answered, so it stays as it was" in said(each) for each in others)
    assert not any("no such thing" in said(each) for each in others)
    explorer.close()


def test_a_search_that_is_stopped_on_its_way_says_how_far_it_came() -> None:
    explorer = nx.TabularExplorer(FOREST, of_classes(0), show=["counterfactual"])
    assert explorer.session.wait(60)
    (place, answer), *_ = answers(explorer).items()
    view: Any = next(part for part in explorer._parts if isinstance(part, CounterfactualView))
    half = dataclasses.replace(answer.explanation, progress=0.4, details={"model evaluations": 1492.0})
    place.tell(dataclasses.replace(answer, state="running", explanation=half))
    assert view.pane.note == "Searching: 1,492 changed inputs tried so far"
    place.tell(dataclasses.replace(answer, state="stopped", explanation=half))
    assert view.pane.note == "Stopped at 40%: 1,492 changed inputs tried"
    assert not view.pane.busy
    explorer.close()


def test_a_row_that_was_moved_before_stop_leaves_no_pane_without_a_word() -> None:
    held, go = threading.Event(), threading.Event()

    def slow(rows: pd.DataFrame) -> np.ndarray:
        if held.is_set() and len(rows) > 1:
            assert go.wait(60)
        return np.asarray(FOREST.predict_proba(rows))

    panes_of_one = [name for name in nx.TabularExplorer.panes if name != "compare"]
    explorer = nx.TabularExplorer(slow, of_classes(0), classes=["no", "yes"], show=panes_of_one)
    assert explorer.session.wait(120)
    held.set()
    explorer.session.replace(0, of_classes(0).another([2.5, -1.0, 0.5]))
    time.sleep(0.05)
    explorer.session.stop()
    go.set()
    assert explorer.session.wait(60)
    time.sleep(0.6)  # longer than any pane lets a hand rest
    assert explorer.session.wait(60)
    shown = panes(explorer)
    # the rows of the background and their scores are those of before
    silent = {name.split()[0] for name, widget in shown.items() if BEFORE not in said(widget).lower()}
    assert silent == {"NearRows"}
    explorer.session.renew(again=True)
    assert explorer.session.wait(120)
    assert not [name for name, widget in shown.items() if "stopped" in said(widget).lower()]
    explorer.close()


def test_a_stopped_table_of_groups_says_how_far_it_came_and_of_how_many_rows() -> None:
    frame = FRAME.assign(kind=["flat"] * 30 + ["mill"] * 10)
    explorer = nx.GlobalExplorer(lambda rows: rows["a"].to_numpy(), nx.Tabular(frame.iloc[[0]], frame), show=["groups"])
    assert explorer.session.wait(120)
    view = next(part for part in explorer._parts if isinstance(part, GroupsView))
    whole = view._differences.note
    assert view._differences.columns == ["flat (30 rows)", "mill (10 rows)", "difference"]
    place, answer = next((p, a) for p, a in answers(explorer).items() if a.question.method == "row_shap")
    done = answer.explanation
    assert done is not None
    kept = np.flatnonzero(np.isin(done.features, [0, 3, 4, 31, 32]))
    assert done.standard_error is not None
    half = dataclasses.replace(
        done, values=done.values[kept], standard_error=done.standard_error[kept], features=done.features[kept],
        progress=0.125,
    )  # fmt: skip
    place.tell(dataclasses.replace(answer, state="stopped", explanation=half))
    assert view._differences.columns == ["flat (3 rows)", "mill (2 rows)", "difference"]
    assert view._differences.note == f"stopped at 12% · {whole}"
    place.tell(answer)
    assert view._differences.note == whole
    explorer.close()


def test_who_listens_late_hears_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = nx.GlobalExplorer(
        LinearRegression().fit(FRAME, FRAME["a"]), nx.Tabular(FRAME.iloc[[0]], FRAME), show=["importance"]
    )
    assert explorer.session.wait(120)
    view = next(part for part in explorer._parts if isinstance(part, RowsView))
    place, whole = next((p, a) for p, a in answers(explorer).items() if a.question.method == "row_shap")
    assert whole.explanation is not None
    place.tell(dataclasses.replace(whole, explanation=dataclasses.replace(whole.explanation, progress=0.5)))
    waiting: list[Any] = []
    monkeypatch.setattr(runner, "later", lambda _key, _delay, chore, **_: waiting.append(chore))
    heard: list[Answer] = []
    view.listen(heard.append)
    place.tell(whole)
    for chore in waiting:
        chore()
    assert heard
    assert all(answer is whole for answer in heard)
    explorer.close()
