"""The README's table of models is what is found here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbexplain import METHODS, Text
from nbexplain.inputs import as_input
from tests.zoo.models import MODELS
from tests.zoo.tried import KEYS, Tried, tried

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def row(case: Tried) -> str:
    """Family, model, input, the suggested layer with its channels and grid, and the methods that answer."""
    entry = case.entry
    layer = next(row for row in case.rows if row.name == case.rows.suggested)
    shape = "×".join(map(str, entry.explained(case.x).shape))
    given = f"a text, {shape} tokens" if isinstance(case.given, Text) else shape
    if entry.part is not None and not isinstance(case.given, Text):
        given += f" (`{entry.part}` of {len(case.x)})" if len(case.x) > 1 else f" (`{entry.part}`)"
    cells = " × ".join([str(layer.channels), "×".join(map(str, layer.grid or ()))])
    kind = as_input(case.given, **{name: way for name, way in case.ways.items() if name == "part"}).kind
    asked = [key for key in KEYS if not METHODS[key].reason_for(kind)]
    refused = [f"`{key}`" for key in asked if isinstance(case.outcome(key), str)]
    methods = f"all {len(asked)}" if not refused else f"{len(asked) - len(refused)} of {len(asked)}; not "
    name = re.sub(r", \d+×\d+$", "", entry.name)
    return f"| {entry.family} | {name} | {given} | `{layer.name}` | {cells} | {methods}{', '.join(refused)} |"


def table() -> str:
    """The models as a Markdown table."""
    rows = [row(tried(entry)) for entry in MODELS if not entry.brief]
    heads = ["| Family | Model | Input | Suggested layer | Channels × grid | Methods |", "|---|---|---|---|---|---|"]
    return "\n".join([*heads, *rows])


def test_the_table_of_models_is_up_to_date() -> None:
    found = re.search(r"<!-- models -->\n(.*)<!-- /models -->", README, re.DOTALL)
    assert found
    if found[1].strip() != table():
        pytest.fail(f"put this table between the marks in README.md:\n{table()}", pytrace=False)
