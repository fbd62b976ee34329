"""Shapley values by their definition."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np


def shapley(value: Callable[[set[int]], float], players: int) -> np.ndarray:
    """(players,) what each adds on average over all orders; `value` is asked of each coalition once."""
    worth = {
        frozenset(some): value(set(some))
        for size in range(players + 1)
        for some in itertools.combinations(range(players), size)
    }
    found = np.zeros(players)
    for some, score in worth.items():
        for one in set(range(players)) - some:
            share = math.factorial(len(some)) * math.factorial(players - len(some) - 1) / math.factorial(players)
            found[one] += share * (worth[some | {one}] - score)
    return found
