"""About how many changed inputs a search for counterfactuals tries: what is told before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb, isqrt, prod
from typing import Any

import numpy as np

from nbexplain.core.explanation import Target
from nbexplain.core.methods.hiding import masker_of
from nbexplain.core.question import Passes
from nbexplain.core.subject import Subject
from nbexplain.core.table.counterfactual_goal import ROWS, rows_scored
from nbexplain.core.table.counterfactual_moves import NEARER, Values
from nbexplain.core.table.counterfactual_search import BEAM, BLOCK, SHARE, STARTS
from nbexplain.inputs import Tabular

_CHANGED = 3  # columns that still differ when a start is made as small as it gets, about
_CALLS = 6  # of few rows for each start, about
_APART = 9  # times as many at most as at least: what lies between is within a factor of 3 of both


def passes_of(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
    """About how many; where a search may end much sooner than that, which nobody knows before, at most so many.

    At least the single changes are tried, and of a table what makes the starts small; then larger sets, until enough
    are found or the evaluations are used up.
    """
    budget, size = params["evaluations"], params["changes"]
    if isinstance(subject.input, Tabular):
        table = subject.input
        if table.background is None:
            return 0  # which the method says
        moves = Values(subject, table, params["fixed"], params["rising"], params["falling"], budget // 2)
        singles = len(moves.features)
        each = 2 * len(moves.counts) + int(np.sort(np.minimum(moves.counts, NEARER))[-_CHANGED:].sum())
        least = singles + min(STARTS * each, int(max(budget - singles, 0) * SHARE))
        ways = np.bincount(moves.features, minlength=len(moves.counts))
        pairs = (singles**2 - int((ways**2).sum())) // 2
        larger = _larger(singles, pairs, min(prod((ways + 1).tolist()), budget), size, budget - least)
        rows = rows_scored(subject, params["boundary"], budget)
    else:
        rows, words = 0, len(masker_of(subject, params, target).names)
        least = words
        larger = _larger(words, comb(words, 2), sum(comb(words, n) for n in range(size + 1)), size, budget - words)
    least += min(rows, ROWS)
    most = least + larger + max(rows - ROWS, 0)
    calls = _CALLS * STARTS if isinstance(subject.input, Tabular) else 0
    if most > _APART * least:
        return Passes(most, calls=calls, at_most=True)
    return Passes(isqrt(least * most), calls=calls)


def _larger(singles: int, pairs: int, sets: int, most: int, left: int) -> int:
    """How many sets of two changes to `most` are tried where nothing is found; half of a beam's are there twice."""
    begun = left = max(left, 0)
    for size in range(2, most + 1):
        there = pairs if size == 2 else BEAM * max(singles - size + 1, 0) // 2
        left -= min(there, max(left // 2 if size < most else left, min(left, BLOCK)))
    return min(begun - left, sets)
