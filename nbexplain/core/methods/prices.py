"""About how many passes it takes to hide features: what is told before the first picture; see `core.table.prices`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbexplain.core.explanation import Target
from nbexplain.core.methods.hiding import masker_of
from nbexplain.core.question import Passes
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular

Price = Callable[[Subject, Target, Mapping[str, Any]], int]


def of_sets(count: Callable[[int, Mapping[str, int]], int]) -> Price:
    """Of a method that tries so many sets of so many features, each with all of its stand-ins."""

    def passes(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
        table = subject.input
        if isinstance(table, Tabular):
            if table.background is None:
                return 0
            found = count(len(table.columns) - len(table.constant), params)
            each = min(int(params.get("background", 1)), len(table.background))
            return Passes(found * each, seconds=found.seconds) if isinstance(found, Passes) else found * each
        if table.kind == "picture":
            return count(params["superpixels"], params)
        return count(int(masker_of(subject, params, target).varying.sum()), params)

    return passes
