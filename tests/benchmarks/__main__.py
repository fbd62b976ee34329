"""Print one Markdown table of all rows. The exit status says only whether everything could be measured."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from tests.benchmarks.measure import Row, markdown

# first those that are driven from here, by a process that is small still
PARTS = (
    *("browser", "slow_line", "notebook", "memory", "compute", "shap_values", "words_and_columns", "first_pictures"),
    *("stopping", "session", "growth", "growth_of_tables", "growth_of_texts", "coverage"),
)

LONG = ("coverage",)  # takes nearly half an hour, so it runs only where it is named


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all but {LONG[0]} if none is given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here too")
    parser.add_argument("--peers", action="store_true", help="print how the other packages are used, and end")
    given = parser.parse_args()
    if given.peers:
        print(Path(__file__).with_name("peers.py").read_text(encoding="utf-8"), end="")
        return
    if unknown := set(given.part) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    started = time.monotonic()
    for part in PARTS:
        if part in given.part or not (given.part or part in LONG):
            for row in import_module(f"tests.benchmarks.{part}").rows():
                rows.append(row)
                print("·".join(row.cells()), file=sys.stderr, flush=True)
    print(markdown(rows))
    print(f"{sum(not row.ok for row in rows)} of {len(rows)} over the limit; {time.monotonic() - started:.0f} s")
    print("How the other packages are used: --peers")
    if given.json:
        facts = [{**asdict(row), "ratio": row.ratio, "ok": row.ok} for row in rows]
        given.json.write_text(json.dumps(facts, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
