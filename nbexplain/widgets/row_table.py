"""Rows beside each other: the nearest ones, or two of them feature by feature (twin of ``js/src/row_table.ts``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from nbexplain.widgets.controls import null_for_nan
from nbexplain.widgets.wire import Bundled

TONES = ("", "strong", "quiet", "positive", "negative")


def _with_null_for_nan(rows: Sequence[dict[str, Any]], widget: object) -> list[dict[str, Any]]:
    def plain(numbers: Sequence[float | None]) -> list[float | None]:
        return null_for_nan([float("nan") if number is None else number for number in numbers], widget)

    return [{**row, "numbers": plain(row["numbers"])} if row.get("numbers") else row for row in rows]


class RowTable(Bundled):
    """A small table that is sorted by a click on a heading, and in which a row can be chosen.

    ``columns`` are the headings of the cells, ``corner`` that of the labels before them. Each of ``rows`` holds

    - ``label`` and ``cells``, one text per column;
    - if wanted ``numbers``, one per column or None: what the cell says, for sorting (else the texts are read);
    - if wanted ``marks``, the columns to emphasise, and a ``tone`` for the whole row: ``"strong"``, ``"quiet"``,
      ``"positive"`` or ``"negative"``.

    ``rows`` are checked against ``columns``, which are therefore set first; that there are no rows is said only once
    there are columns. ``chosen`` is a position in ``rows``, as they were given, or -1; the browser writes it and
    nothing is echoed. Where ``choosable`` is off, rows can be read only.
    """

    _bundle = "row_table"

    title = traitlets.Unicode("").tag(sync=True)
    corner = traitlets.Unicode("row").tag(sync=True)
    columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True, to_json=_with_null_for_nan)
    chosen = traitlets.Int(-1, min=-1).tag(sync=True, echo_update=False)
    choosable = traitlets.Bool(True).tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)

    @traitlets.validate("rows")
    def _check_rows(self, proposal: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = proposal["value"]
        width = len(self.columns)
        for place, row in enumerate(rows):
            cells, numbers, marks = row.get("cells"), row.get("numbers"), row.get("marks", [])
            if not isinstance(row.get("label"), str):
                problem = f"expected a label (str), got {row.get('label')!r}"
            elif not isinstance(cells, list) or len(cells) != width or not all(isinstance(c, str) for c in cells):
                problem = f"expected {width} cells (str), one per column, got {cells!r}"
            elif numbers is not None and len(numbers) != width:
                problem = f"expected {width} numbers, one per column, got {len(numbers)}"
            elif not set(marks) <= set(range(width)):
                problem = f"expected marks from 0 to {width - 1}, got {marks!r}"
            elif row.get("tone", "") not in TONES:
                problem = f"expected a tone among {', '.join(map(repr, TONES))}, got {row['tone']!r}"
            else:
                continue
            raise traitlets.TraitError(f"rows[{place}]: {problem}.")
        return rows
