"""The text pane's end in the kernel: where features are, what is sent together, and what comes from the browser."""

from __future__ import annotations

import json

import pytest
import traitlets

from nbexplain.widgets.token_pane import TokenPane, utf16_spans
from tests.widgets.comm import Line, command, from_browser

MIXED = "a😀 هذا 𝒳了e\u0301!"
PARTS = ["a", "😀", "😀 هذا", "𝒳", "𝒳了", "e\u0301!", ""]


def spans_of(text: str, parts: list[str]) -> list[list[int]]:
    return [[text.index(part), text.index(part) + len(part)] for part in parts]


@pytest.fixture
def pane():
    pane = TokenPane()
    yield pane
    pane.close()


def test_spans_are_those_that_a_browser_cuts_out_of_the_same_text():
    units = MIXED.encode("utf-16-le")
    cut = [units[2 * a : 2 * b].decode("utf-16-le") for a, b in utf16_spans(MIXED, spans_of(MIXED, PARTS))]
    assert cut == PARTS
    assert utf16_spans("", [[0, 0]]) == [[0, 0]]


@pytest.mark.parametrize("span", [[0, 4], [2, 1], [-1, 1], [1], [0, 1, 2]])
def test_spans_that_are_none_are_refused(pane, span):
    for attempt in (
        lambda: utf16_spans("😀ab", [[0, 1], span]),
        lambda: pane.show("😀ab", [[0, 1], span]),
        lambda: TokenPane(text="😀ab", spans=[[0, 1], span]),
    ):
        with pytest.raises(ValueError, match=r"spans: expected \[start, end\] with 0 ≤ start ≤ end ≤ 3, got .* at 1"):
            attempt()
    assert (pane.text, pane.spans) == ("", [])
    with pytest.raises(ValueError, match="names: expected none or 2, one per span, got 1"):
        pane.show("ab", [[0, 1], [1, 2]], ["a"])


def test_the_kernel_counts_in_code_points_and_the_wire_in_utf_16_units(pane, monkeypatch):
    line = Line(pane, monkeypatch)
    pane.dropped = [1]
    pane.show("😀ab", [[0, 1], [1, 3]], ["smile", "ab"])
    assert pane.spans == [[0, 1], [1, 3]]
    shown = {"text": "😀ab", "spans": [[0, 2], [2, 4]], "names": ["smile", "ab"], "dropped": []}
    assert line.state == [{"dropped": [1]}, shown]


def test_the_same_spans_are_sent_again_with_another_text(pane, monkeypatch):
    pane.show("abc", [[0, 1], [1, 3]])
    line = Line(pane, monkeypatch)
    pane.show("😀bc", [[0, 1], [1, 3]])
    assert line.state == [{"text": "😀bc", "spans": [[0, 2], [2, 4]]}]
    pane.text = "a"  # the spans of the text before do not fit, and are not shown on this one
    assert line.state[-1] == {"text": "a", "spans": []}


def test_what_the_browser_writes_is_heard_and_not_echoed(pane, monkeypatch):
    pane.show("a b", [[0, 1], [2, 3]])
    line = Line(pane, monkeypatch)
    from_browser(pane, dropped=[1])
    for name, value in {
        "colormap": "PuOr",
        "sign": "absolute",
        "clip": 98.0,
        "limits": [-1.0, 1.0],
        "top": 3,
        "numbers": True,
    }.items():
        from_browser(pane, **{name: value})
        assert getattr(pane, name) == value
    assert pane.dropped == [1]
    assert line.state == []


@pytest.mark.parametrize(("name", "value"), [("top", -1), ("limit", -1), ("colormap", "jet"), ("dropped", ["a"])])
def test_what_makes_no_sense_is_refused(pane, name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(pane, name, value)


def test_an_edit_is_heard_and_nothing_else(pane):
    command(pane, {"edit": "nobody listens"})
    heard = []
    pane.on_edit = heard.append
    for content in ({"edit": "another 😀"}, {"edit": 3}, {"edit": None}, {"text": "x"}, {}):
        command(pane, content)
    assert heard == ["another 😀"]
    pane.editable = False
    command(pane, {"edit": "not any more"})
    assert heard == ["another 😀"]


def test_a_longer_text_than_is_taken_is_refused_in_words_each_time_anew(pane, monkeypatch):
    heard = []
    pane.on_edit, pane.limit = heard.append, 3
    line = Line(pane, monkeypatch)
    command(pane, {"edit": "😀😀😀"})
    for _ in range(2):
        command(pane, {"edit": "1234"})
    said = "The text has 4 characters; at most 3 are taken."
    assert heard == ["😀😀😀"]
    assert line.state == [{"notice": said}, {"notice": ""}, {"notice": said}]


def test_half_an_emoji_can_still_be_sent_back(pane):
    heard = []
    pane.on_edit = heard.append
    command(pane, {"edit": "a\ud83d"})
    assert json.dumps(heard, ensure_ascii=False).encode() == '["a\ufffd"]'.encode()


def test_the_module_is_small_and_fetches_nothing(pane):
    assert len(pane._esm.encode()) < 26_500
    for text in (pane._esm, pane._css):
        assert "://" not in text
        assert "innerHTML" not in text
