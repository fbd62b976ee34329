"""What the README says: its code runs, and its table of methods is the table of METHODS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbexplain import METHODS

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def table() -> str:
    """The methods as a Markdown table."""
    rows = [
        f"| `{found.key}` | {found.label} | {found.about} | {', '.join(found.kinds) or 'any'} | {found.paper} |"
        for found in sorted(METHODS.values(), key=lambda found: found.key)
        if found.function.__module__.startswith("nbexplain.")  # other tests register some of their own
    ]
    return "\n".join(["| Key | Method | What it shows | Input | Paper |", "|---|---|---|---|---|", *rows])


def test_the_table_of_methods_is_up_to_date() -> None:
    found = re.search(r"<!-- methods -->\n(.*)<!-- /methods -->", README, re.DOTALL)
    assert found
    if found[1].strip() != table():
        pytest.fail(f"put this table between the marks in README.md:\n{table()}", pytrace=False)


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_code_runs(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
