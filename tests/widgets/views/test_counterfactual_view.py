"""The pane of counterfactuals: what is listed, tried and kept, in explorers of rows and of texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from traitlets import TraitError

import nbexplain as nx
from nbexplain.inputs.table_column import numbers_apart
from nbexplain.widgets import code
from nbexplain.widgets.counterfactual_pane import DIRECTIONS, CounterfactualPane
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.row_view import RowView
from nbexplain.widgets.token_map import TokenMap
from nbexplain.widgets.views.counterfactual_view import CounterfactualView, _changes
from nbexplain.widgets.views.struck_words import struck
from tests.core.table.test_counterfactual_of_texts import bert
from tests.core.texts import SENTENCE, tokenizer
from tests.widgets.comm import command, from_browser, living

JS = Path(__file__).parents[3] / "js/src"
FRAME = pd.DataFrame({"age": np.arange(20.0, 60, 2), "debt": np.arange(20.0) % 7, "city": ["oslo", "rome"] * 10})
ROW = FRAME.iloc[[3]]  # age 26, debt 3, rome


def loan(x: pd.DataFrame) -> np.ndarray:
    """Approved with 39.5 points: of age, less the debt, and 15 in Oslo."""
    points = (x["age"] - x["debt"] + 15 * (x["city"] == "oslo") - 39.5).to_numpy(float)
    return np.stack([1 / (1 + np.exp(points)), 1 / (1 + np.exp(-points))], 1)


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


@pytest.fixture
def explorer() -> Iterator[nx.Explorer]:
    explorer = nx.TabularExplorer(
        loan, nx.Tabular(ROW, FRAME), classes=["refused", "approved"], show=["editor", "counterfactual"]
    )
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(each for each in explorer._parts if isinstance(each, kind))


def pane(explorer: nx.Explorer) -> CounterfactualPane:
    found: CounterfactualPane = part(explorer, CounterfactualView).pane
    return found


def test_both_twins_have_the_same_traits_and_directions() -> None:
    source = (JS / "counterfactual_pane.ts").read_text(encoding="utf-8")
    found = re.search(r"interface CounterfactualPaneState \{(.*?)\n\}", source, re.DOTALL)
    ways = re.search(r"type Direction = (.*);", (JS / "counterfactual_limits.ts").read_text(encoding="utf-8"))
    assert found
    assert ways
    theirs = set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))
    assert theirs == {n for n in CounterfactualPane.class_own_traits(sync=True) if not n.startswith("_")}
    assert tuple(way.strip('" ') for way in ways[1].split("|")) == DIRECTIONS


def test_the_list_is_the_answer(explorer: nx.Explorer) -> None:
    shown, answer = pane(explorer), nx.explain(loan, nx.Tabular(ROW, FRAME), "counterfactual")
    assert shown.title == "Counterfactuals · refused no longer predicted"
    changed = [[int(n) for n in np.flatnonzero(v != [26, 3, 1])] for v in answer.values]
    assert [[change[0] for change in row["changes"]] for row in shown.rows] == changed
    assert shown.rows[0]["changes"] == [[0, "26", "44"]]  # 44 − 3 = 41 points
    assert shown.rows[0]["outcome"] == "approved"
    assert shown.rows[0]["score"].startswith("probability of refused 1 → 0.182")  # 1 / (1 + e^1.5)
    assert "'counterfactual', target=0, classes=['refused', 'approved'])" in explorer.code()


def test_one_is_tried_in_the_editor_and_left_again_while_the_list_stays(explorer: nx.Explorer) -> None:
    shown, before = pane(explorer), pane(explorer).rows
    for place in (0, 1):
        command(shown, {"try": place})
        assert explorer.session.wait(60)
        assert shown.tried == place
        assert shown.rows == before
        values = part(explorer, CounterfactualView)._now[1].values[place].tolist()
        assert explorer.session.inputs[0].tensor[0].tolist() == values
        assert part(explorer, RowView).pane.values == values
    command(shown, {"try": 1})
    assert explorer.session.wait(60)
    assert (shown.tried, shown.rows) == (-1, before)
    assert explorer.session.inputs[0].tensor[0].tolist() == [26, 3, 1]


@pytest.mark.parametrize("tried", [False, True])
def test_the_code_gives_the_list_that_stays_while_its_rows_are_tried(
    tried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = nx.Tabular(ROW, FRAME)
    explorer = nx.TabularExplorer(
        loan, row, classes=["refused", "approved"], show=["editor", "map", "counterfactual"], method="leave_one_out"
    )
    if tried:  # a row that is edited has no name in the notebook
        explorer.session.replace(0, row.another([30.0, 2.0, 1.0]))
    assert explorer.session.wait(60)
    command(pane(explorer), {"try": 0})
    assert explorer.session.wait(60)
    names = {"loan": loan, "row": row, "np": np}
    monkeypatch.setattr(code, "_namespace", lambda: names)
    made: dict[str, Any] = dict(names)
    exec(explorer.code(), made)
    shown = part(explorer, CounterfactualView)._now[1]
    np.testing.assert_array_equal(made["counterfactual"].values, shown.values)
    assert made["counterfactual"].score == shown.score
    age, debt, city = shown.values[0]  # the row that is tried
    points = age - debt + 15 * (city == 0) - 39.5
    assert made["leave_one_out"].score == pytest.approx(1 / (1 + np.exp(points)), abs=1e-4)
    assert ("x_before" in made) == tried
    explorer.close()


def test_a_row_that_came_otherwise_is_asked_about_anew(explorer: nx.Explorer) -> None:
    shown = pane(explorer)
    command(shown, {"try": 0})
    assert explorer.session.wait(60)
    from_browser(part(explorer, RowView).pane, values=[30.0, 0.0, 0.0], seen=99)  # 30 + 15 points: approved
    assert explorer.session.wait(60)
    assert shown.title == "Counterfactuals · refused predicted"
    assert [change[1:] for change in shown.rows[0]["changes"]] == [["30", "24"]]
    assert shown.tried == -1


def test_a_missing_value_that_stays_is_no_change() -> None:
    frame = pd.DataFrame({"age": [20.0, 30, 40, 50], "debt": [np.nan, 1, np.nan, 2]})
    row = nx.Tabular(frame.iloc[[0]], frame)
    assert [place for place, *_ in _changes(row, np.array([35.0, np.nan]))] == [0]
    assert [place for place, *_ in _changes(row, np.array([20.0, 1.0]))] == [1]


@pytest.mark.parametrize("zone", [None, "Europe/Oslo"])
def test_dates_are_said_as_dates(zone: str | None) -> None:
    days = pd.date_range("2022-10-01", periods=4, freq="D", tz=zone)
    frame = pd.DataFrame({"opened": days, "debt": [1.0, 2, 3, 4]})
    row = nx.Tabular(frame.iloc[[3]], frame)
    ((_, before, after),) = _changes(row, np.array([row.background[0, 0], 4.0]))
    said = row.columns[0].said
    assert [before, after] == [said(row.background[3, 0]), said(row.background[0, 0])]
    assert before[:7] == "2022-10"
    assert after[:7] in ("2022-10", "2022-09")


def test_a_column_that_is_kept_is_changed_no_more_and_the_code_says_so(explorer: nx.Explorer) -> None:
    shown = pane(explorer)
    from_browser(shown, limits=[[0, "fixed"], [1, "rising"]])
    assert explorer.session.wait(60)
    assert "fixed=('age',), rising=('debt',)" in explorer.code()
    assert explorer.code().count("'counterfactual'") == 1
    answer = nx.explain(loan, nx.Tabular(ROW, FRAME), "counterfactual", fixed=("age",), rising=("debt",))
    assert len(shown.rows) == len(answer.values) == 0
    assert "no change was found" in shown.note


def test_how_many_change_at_most_is_chosen_in_the_pane_and_the_code_says_so(texts: nx.Explorer) -> None:
    shown = pane(texts)
    from_browser(shown, most=2)
    assert texts.session.wait(60)
    assert shown.rows == []
    assert "with at most 2 changes; changes=8 allows more" in shown.note
    assert "changes=2" in texts.code()
    from_browser(shown, most=3)
    assert texts.session.wait(60)
    assert [gone(row) for row in shown.rows] == [["good", "fine", "fine"]]
    from_browser(shown, most=10)
    assert texts.session.wait(60)
    assert "changes=" not in texts.code()


def test_without_being_asked_for_it_waits_for_its_button() -> None:
    session = nx.Session(loan, nx.Tabular(ROW, FRAME), classes=["refused", "approved"])
    view = CounterfactualView(session, lambda _place, _answer: None, lambda _row: None, at_once=False)
    assert session.wait(60)
    shown = view.pane
    assert (shown.begun, shown.rows) == (False, [])
    command(shown, {"find": True})
    assert session.wait(60)
    assert shown.begun
    assert shown.rows
    view.close()
    session.close()
    close_tree(shown, set())


def test_what_is_chosen_before_is_in_the_pane_from_the_beginning() -> None:
    session = nx.Session(loan, nx.Tabular(ROW, FRAME), classes=["refused", "approved"])
    session.select(params={"counterfactual": {"changes": 2, "fixed": ("debt",)}})
    view = CounterfactualView(session, lambda _place, _answer: None, lambda _row: None, at_once=False)
    assert session.wait(60)
    assert (view.pane.most, view.pane.limits) == (2, [[1, "fixed"]])
    view.close()
    session.close()
    close_tree(view.pane, set())


def test_a_prediction_crosses_the_number_that_is_given() -> None:
    explorer = nx.TabularExplorer(
        lambda x: (x["age"] - x["debt"]).to_numpy(float), nx.Tabular(ROW, FRAME), show=["counterfactual"]
    )
    assert explorer.session.wait(60)
    shown = pane(explorer)
    mean = float((FRAME["age"] - FRAME["debt"]).mean())
    assert shown.crossed == pytest.approx(mean)
    from_browser(shown, boundary=25.0)
    assert explorer.session.wait(60)
    assert shown.crossed == 25
    assert {row["outcome"] for row in shown.rows} == {"23 → 25"}
    explorer.close()


def test_words_are_struck_through_and_left_out_of_the_running_text() -> None:
    explorer = nx.TextExplorer(judge, nx.Text("a good and fine film"), show=["map", "counterfactual"])
    assert explorer.session.wait(60)
    shown = pane(explorer)
    parts = [["a ", False], ["good", True], [" and ", False], ["fine", True], [" film", False]]
    assert [row["parts"] for row in shown.rows] == [parts]
    command(shown, {"try": 0})
    assert explorer.session.wait(60)
    text = part(explorer, TokenMap).pane
    assert text.dropped == [1, 3]
    assert "class 1 1.50 → −0.50, now class 0 0.50" in text.note
    command(shown, {"try": 0})
    assert explorer.session.wait(60)
    assert (text.dropped, shown.tried) == ([], -1)
    explorer.close()


def judge(texts: list[str]) -> np.ndarray:
    """Of class 1 with one of two words; without what is asked for, of class 0 for sure."""
    good = np.array([("good" in t) + ("fine" in t) - 0.5 for t in texts])
    return np.stack([-good, good], 1)


@pytest.fixture
def texts() -> Iterator[nx.Explorer]:
    sentences = nx.Text("a good and fine film. it was fine.")
    explorer = nx.TextExplorer(judge, sentences, method="leave_one_out", show=["map", "counterfactual"])
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def gone(row: dict[str, Any]) -> list[str]:
    return [piece for piece, struck in row["parts"] if struck]


def test_what_is_found_is_asked_anew_with_the_words_of_the_page(texts: nx.Explorer) -> None:
    shown, text = pane(texts), part(texts, TokenMap).pane
    assert [gone(row) for row in shown.rows] == [["good", "fine", "fine"]]
    command(shown, {"try": 0})
    assert texts.session.wait(60)
    assert (shown.tried, text.dropped) == (0, [1, 3, 7])
    texts.session.select(params={"leave_one_out": {"unit": "sentence"}})
    assert texts.session.wait(60)
    assert (shown.tried, text.dropped, shown.refusal) == (-1, [], "")
    (row,) = shown.rows
    assert gone(row) == ["a good and fine film.", " it was fine."]
    command(shown, {"try": 0})
    assert texts.session.wait(60)
    assert (shown.tried, text.dropped) == (0, [0, 1])
    assert "class 1 1.50 → −0.50, now class 0 0.50" in text.note
    assert row["score"].endswith("class 1 1.5 → −0.5")


def test_it_is_asked_anew_too_where_none_is_tried(texts: nx.Explorer) -> None:
    texts.session.select(params={"leave_one_out": {"unit": "sentence"}})
    assert texts.session.wait(60)
    (row,) = pane(texts).rows
    assert gone(row) == ["a good and fine film.", " it was fine."]


def test_words_that_are_hidden_otherwise_are_never_tried() -> None:
    pytest.importorskip("transformers")
    model, x = bert("SequenceClassification", num_labels=3), nx.Text(SENTENCE, tokenizer())
    explorer = nx.TextExplorer(model, x, method="leave_one_out", show=["map", "counterfactual"])
    assert explorer.session.wait(60)
    shown, text, view = pane(explorer), part(explorer, TokenMap).pane, part(explorer, CounterfactualView)
    scores: dict[str, float] = {}
    for hide in ("remove", "mask token"):
        explorer.session.select(params={"leave_one_out": {"hide": hide}})
        assert explorer.session.wait(60)
        right = nx.explain(model, x, "counterfactual", hide=hide)
        assert (view._now[1].params["hide"], len(shown.rows)) == (hide, len(right.values))
        command(shown, {"try": 0})
        assert explorer.session.wait(60)
        assert text.dropped == np.flatnonzero(right.values[0] == 0).tolist()
        told = text.note.split("→ ")[1].split(",")[0].replace("−", "-")
        scores[hide] = float(right.scores[0, right.target])
        assert float(told) == pytest.approx(scores[hide], abs=0.006)
    assert abs(scores["remove"] - scores["mask token"]) > 0.1
    # as long as others are not there yet, or never come
    removed = nx.explain(model, x, "counterfactual")
    view._now = x, removed
    view._mark_words()
    assert shown.refusal == "Found with hide “remove”, not with hide “mask token” as on the page"
    assert shown.tried == -1
    before = text.dropped
    view._try(0)
    assert explorer.session.wait(60)
    assert (shown.tried, text.dropped) == (-1, before)
    explorer.close()


def test_what_is_found_in_another_text_is_never_tried(texts: nx.Explorer) -> None:
    shown, text, view = pane(texts), part(texts, TokenMap).pane, part(texts, CounterfactualView)
    before = view._now, view._units
    texts.session.replace(0, nx.Text("the good and fine book. it was fine."))
    assert texts.session.wait(60)
    assert shown.refusal == ""
    view._now, view._units = before  # as long as others are not there yet
    view._mark_words()
    assert shown.refusal == "Found for other words than these"
    view._try(0)
    assert texts.session.wait(60)
    assert (shown.tried, text.dropped) == (-1, [])


def test_the_mark_is_where_the_words_are_left_out(texts: nx.Explorer) -> None:
    shown, text = pane(texts), part(texts, TokenMap).pane
    marks = []
    for dropped in ([1, 3, 7], [1, 3], [7, 3, 1], []):
        from_browser(text, dropped=dropped)
        assert texts.session.wait(60)
        marks.append(shown.tried)
    assert marks == [0, -1, 0, -1]
    command(shown, {"try": 0})
    assert texts.session.wait(60)
    assert shown.tried == 0
    from_browser(text, dropped=[])  # Restore all
    assert texts.session.wait(60)
    assert shown.tried == -1
    command(shown, {"try": 0})
    assert texts.session.wait(60)
    assert (shown.tried, text.dropped) == (0, [1, 3, 7])


def test_without_the_words_on_the_page_none_can_be_tried() -> None:
    explorer = nx.TextExplorer(judge, nx.Text("a good and fine film"), show=["counterfactual"])
    assert explorer.session.wait(60)
    shown = pane(explorer)
    assert shown.refusal == "To try one, show the words too: show=['map', 'counterfactual']"
    command(shown, {"try": 0})
    assert explorer.session.wait(60)
    assert shown.tried == -1
    explorer.close()


def test_a_row_that_is_reset_by_hand_is_tried_no_more(explorer: nx.Explorer) -> None:
    shown, editor = pane(explorer), part(explorer, RowView).pane
    command(shown, {"try": 1})
    assert explorer.session.wait(60)
    before = shown.rows
    from_browser(editor, values=list(editor.row), seen=editor.written)  # Reset all
    assert explorer.session.wait(60)
    assert explorer.session.inputs[0].tensor[0].tolist() == [26, 3, 1]
    assert (shown.tried, shown.rows) == (-1, before)


def test_another_callable_is_another_question_whatever_its_equality_gives(explorer: nx.Explorer) -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __init__(self, times: float) -> None:
            self.times = times

        def __eq__(self, other: object) -> Any:
            return torch.ones(2)

        def __call__(self, scores: Tensor) -> Tensor:
            return scores[:, 0] * self.times

    shown = pane(explorer)
    for times in (1, 40):
        explorer.session.select(target=Odd(times))
        assert explorer.session.wait(60)
        assert (shown.crossed == 0.5) == (times == 1)
        command(shown, {"try": 0})
        assert explorer.session.wait(60)


def test_a_long_text_is_cut_between_struck_words() -> None:
    text = "good " + "word " * 100 + "end"
    spans = np.array([[0, 4], [505, 508]])
    pieces = struck(text, spans, np.array([0.0, 0.0]))
    assert [piece for piece, gone in pieces if gone] == ["good", "end"]
    middle = next(piece for piece, gone in pieces if not gone)
    assert middle.startswith(" word")
    assert " … " in middle
    assert len(middle) < 100
    assert struck("a good film", np.array([[2, 6]]), np.array([0.0])) == [
        ["a ", False],
        ["good", True],
        [" film", False],
    ]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([26.0, 44.0], ["26", "44"]),
        ([1234567.0, 1234890.0], ["1,234,567", "1,234,890"]),
        ([-0.5, 0.5001], ["−0.5", "0.5"]),
    ],
)
def test_two_numbers_are_told_apart(numbers: list[float], said: list[str]) -> None:
    assert numbers_apart(numbers) == said
    assert len(set(numbers_apart([0.12345678, 0.12345679]))) == 2


def test_limits_that_do_not_fit_are_refused() -> None:
    shown = CounterfactualPane(names=["age"])
    for wrong in ([[1, "fixed"]], [[0, "up"]], [[0]]):
        with pytest.raises(TraitError, match=r"limits: expected \[a number from 0 to 0, one of 'fixed'"):
            shown.limits = wrong
    close_tree(shown, set())


class Strict:
    """Approves from a probability of 0.9 on."""

    classes_ = np.array(["refused", "approved"])

    def predict_proba(self, x: pd.DataFrame) -> np.ndarray:
        return loan(x)

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return self.classes_[(loan(x)[:, 1] >= 0.9).astype(int)]


def test_the_list_tells_what_predict_says() -> None:
    row = FRAME.iloc[[12]].assign(debt=4.0, city="rome")  # age 44: 0.5 points, 0.62 approved, and so refused
    explorer = nx.TabularExplorer(
        Strict(), nx.Tabular(row, FRAME), target="approved", show=["editor", "counterfactual"]
    )
    assert explorer.session.wait(60)
    shown = pane(explorer)
    assert shown.title == "Counterfactuals · approved predicted"
    assert {row["outcome"] for row in shown.rows} == {"approved"}
    assert all(float(row["score"].split("→ ")[1]) >= 0.9 for row in shown.rows)
    assert "own predict" in shown.note
    explorer.session.wait(60)
    explorer.close()
