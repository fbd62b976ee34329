"""The table of rows: what is checked, and what the browser writes."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from nbexplain.widgets.row_table import TONES, RowTable
from tests.widgets.comm import Line, from_browser

TWIN = Path(__file__).parents[2] / "js/src/row_table.ts"
COLUMNS = ["distance", "score"]
ROW: dict[str, Any] = {"label": "row 3", "cells": ["0.5", "+2"], "numbers": [0.5, 2], "marks": [1], "tone": "strong"}


def test_both_twins_have_the_same_traits_and_tones() -> None:
    source = TWIN.read_text(encoding="utf-8")
    found = re.search(r"interface RowTableState \{(.*?)\n\}", source, re.DOTALL)
    tones = re.search(r"tone\?: (.*);", source)
    assert found
    assert tones
    theirs = set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))
    assert theirs == {name for name in RowTable.class_own_traits(sync=True) if not name.startswith("_")}
    assert tuple(json.loads(tone) for tone in tones[1].split(" | ")) == TONES


def test_a_row_chosen_in_the_browser_is_heard_and_not_echoed(monkeypatch):
    table = RowTable(columns=COLUMNS, rows=[ROW, ROW])
    heard: list[int] = []
    table.observe(lambda change: heard.append(change["new"]), "chosen")
    line = Line(table, monkeypatch)
    from_browser(table, chosen=1)
    assert (heard, line.state) == ([1], [])
    table.chosen = -1
    assert line.state == [{"chosen": -1}]
    table.close()


def test_numbers_that_json_does_not_know_are_sent_as_null():
    numbers = [math.nan, None]
    table = RowTable(columns=COLUMNS, rows=[{**ROW, "numbers": numbers}, {"label": "row 4", "cells": ["1", "2"]}])
    sent = table.get_state("rows")["rows"]
    assert sent == [{**ROW, "numbers": [None, None]}, {"label": "row 4", "cells": ["1", "2"]}]
    assert table.rows[0]["numbers"] is numbers
    table.close()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"label": 3}, r"rows\[1\]: expected a label \(str\), got 3"),
        ({"cells": ["1"]}, r"expected 2 cells \(str\), one per column, got \['1'\]"),
        ({"cells": ["1", 2]}, r"expected 2 cells \(str\)"),
        ({"numbers": [1]}, "expected 2 numbers, one per column, got 1"),
        ({"marks": [2]}, r"expected marks from 0 to 1, got \[2\]"),
        ({"tone": "loud"}, "expected a tone among '', 'strong', 'quiet', 'positive', 'negative', got 'loud'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(wrong, complaint):
    with pytest.raises(TraitError, match=complaint):
        RowTable(columns=COLUMNS, rows=[ROW, {**ROW, **wrong}])
