"""The row that can be changed: what is checked, what is said, and to whom."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from nbexplain.widgets.row_editor import RowEditor
from tests.widgets.comm import Line, from_browser

TWIN = Path(__file__).parents[2] / "js/src/row_editor.ts"
NAN = math.nan
FEATURES: list[dict[str, Any]] = [
    {"name": "length", "kind": "number", "low": 0.0, "high": 10.0, "step": 0.1},
    {"name": "age", "kind": "number", "low": 1, "high": 9, "step": 1, "integer": True, "missing": True},
    {"name": "island", "kind": "category", "choices": ["Biscoe", "Dream"]},
]


@pytest.fixture
def editor():
    editor = RowEditor(features=FEATURES, row=[5, NAN, 1])
    yield editor
    editor.close()


def test_both_twins_have_the_same_traits() -> None:
    found = re.search(r"interface RowEditorState \{(.*?)\n\}", TWIN.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    theirs = set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))
    assert theirs == {name for name in RowEditor.class_own_traits(sync=True) if not name.startswith("_")}


def test_the_values_begin_as_the_row_and_a_missing_one_travels_as_null(editor):
    assert editor.get_state(["row", "values"]) == {"row": [5, None, 1], "values": [5, None, 1]}
    assert math.isnan(editor.values[1])


def test_the_browser_is_heard_once_for_each_change_and_hears_no_echo(editor, monkeypatch):
    heard: list[list[float]] = []
    editor.on_values = heard.append
    line = Line(editor, monkeypatch)
    from_browser(editor, values=[5.5, None, 1])
    from_browser(editor, values=[5.5, None, 1])
    from_browser(editor, values=[5.5, 3, 0])
    assert str(heard) == "[[5.5, nan, 1.0], [5.5, 3.0, 0.0]]"
    assert line.state == []
    editor.values = [1, 2, 0]
    assert line.state == [{"values": [1, 2, 0], "written": 1}]
    assert len(heard) == 2  # who writes knows
    assert editor.row[0] == 5


def test_what_the_browser_said_before_it_knew_of_the_kernels_values_is_not_heard(editor, monkeypatch):
    heard: list[list[float]] = []
    editor.on_values = heard.append
    editor.show_row([1, 2, 0])
    line = Line(editor, monkeypatch)
    from_browser(editor, values=[6, None, 1])  # was on its way
    assert (editor.values, heard) == ([1, 2, 0], [])
    from_browser(editor, values=[3, 2, 0], seen=1)
    from_browser(editor, values=[4, 2, 0])
    assert heard == [[3, 2, 0], [4, 2, 0]]
    editor.show_row([9, 9, 1])
    from_browser(editor, values=[5, 2, 0], seen=1)
    assert editor.values == [9, 9, 1]
    assert [state.get("written") for state in line.state] == [2]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([5, 2], r"values: expected 3 numbers, one per feature, got 2"),
        ([NAN, 2, 1], r"values: expected a finite number, it may not be missing for 'length', got nan"),
        ([5, math.inf, 1], r"values: expected a finite number or NaN for 'age', got inf"),
        ([5, 2, 2], r"values: expected the position of one of its 2 choices for 'island', got 2.0"),
        ([5, 2, 0.5], r"values: expected the position of one of its 2 choices for 'island', got 0.5"),
    ],
)
def test_values_that_do_not_fit_are_refused(editor, values, complaint):
    heard: list[list[float]] = []
    editor.on_values = heard.append
    with pytest.raises(TraitError, match=complaint):
        editor.values = values
    with pytest.raises(TraitError, match=complaint):
        editor.set_state({"values": [None if math.isnan(value) else value for value in values]})
    assert (editor.values[0], editor.values[2]) == (5, 1)
    assert heard == []


@pytest.mark.parametrize(
    ("feature", "complaint"),
    [
        ({"kind": "number", "low": 0, "high": 1}, r"features\[1\]: expected a name \(str\), got None"),
        ({"name": "a", "kind": "float"}, "expected the kind 'number', 'category' or 'boolean', got 'float'"),
        ({"name": "a", "kind": "number", "low": 2, "high": 1}, "expected low ≤ high, two finite numbers, got 2 and 1"),
        ({"name": "a", "kind": "number", "low": 0, "high": NAN}, "two finite numbers, got 0 and nan"),
        ({"name": "a", "kind": "number", "low": 0}, "two finite numbers, got 0 and None"),
        ({"name": "a", "kind": "category", "choices": []}, r"expected choices \(a list of str\), got none"),
    ],
)
def test_a_feature_that_cannot_be_shown_is_named(feature, complaint):
    with pytest.raises(TraitError, match=complaint):
        RowEditor(features=[FEATURES[0], feature], row=[1, 0])


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [0, 1, 3]])
def test_an_order_holds_every_feature_once(editor, order):
    editor.order = [2, 0, 1]
    with pytest.raises(TraitError, match=r"order: expected each of the positions 0 to 2 once, got \[0, 1"):
        editor.order = order
    assert editor.order == [2, 0, 1]


def test_there_is_a_weight_for_every_feature_or_none(editor):
    editor.weights = [1, NAN, -2]
    assert editor.get_state("weights") == {"weights": [1, None, -2]}
    with pytest.raises(TraitError, match=r"weights: expected none or 3, one per feature, got 2"):
        editor.weights = [1, 2]


def test_another_row_is_one_message(editor, monkeypatch):
    editor.order, editor.weights = [2, 1, 0], [1, 2, 3]
    line = Line(editor, monkeypatch)
    editor.show_row([2, 3, 0])
    assert line.state == [{"row": [2, 3, 0], "values": [2, 3, 0], "written": 1}]
    editor.show_row([7], FEATURES[:1])
    rest = {"order": [], "weights": [], "written": 2}
    assert line.state[1:] == [{"features": FEATURES[:1], "row": [7], "values": [7]} | rest]


def test_another_row_may_come_changed(editor, monkeypatch):
    line = Line(editor, monkeypatch)
    editor.show_row([2, 3, 0], values=[2, 4, 0])
    assert line.state == [{"row": [2, 3, 0], "values": [2, 4, 0], "written": 1}]
    with pytest.raises(TraitError, match="values: expected 3 numbers"):
        editor.show_row([1, 1, 1], values=[2, 4])
    assert editor.row == [2, 3, 0]


def test_a_row_that_does_not_fit_leaves_everything_as_it_was(editor, monkeypatch):
    line = Line(editor, monkeypatch)
    with pytest.raises(TraitError, match="row: expected 1 numbers"):
        editor.show_row([1, 2], FEATURES[:1])
    with pytest.raises(TraitError, match=r"features\[0\]"):
        editor.show_row([1], [{"name": "a"}])
    assert (editor.features, editor.row[0], line.state) == (FEATURES, 5, [])
