"""Trees whose leaves are added up, in one form for all packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbexplain.core.model.trees.links import Link
from nbexplain.inputs.table_reading import Column

Numbers = Callable[[np.ndarray], np.ndarray]


class NoTrees(ValueError):
    """The model is none whose trees can be followed to the score; says why."""


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree.

    Attributes
    ----------
    left, right, default
        (nodes,) the children, −1 at a leaf; `default` is where a missing number goes.
    feature, threshold
        (nodes,) the column that is split, and what goes left: numbers ≤ the threshold.
    values
        (nodes, R) what a leaf adds.
    weight
        (nodes,) how many training rows came by.
    sets
        By node: the numbers that go left, where a category is split.
    """

    left: np.ndarray
    right: np.ndarray
    default: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    values: np.ndarray
    weight: np.ndarray
    sets: Mapping[int, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trees, and how a row of a table is read by them.

    Attributes
    ----------
    trees, base
        The leaves' values (R,) are added to `base` (R,).
    rounds
        To which type numbers are rounded before they are split.
    numbers
        By column: which numbers the trees see for those of the table (categories are positions there).
    missing
        The number that stands for a missing one, besides NaN.
    counts
        How many of the trees a prediction may use, the likeliest first.
    links
        Ways from the sum to the score that this kind of model has, besides the usual ones.
    """

    trees: Sequence[Tree]
    base: np.ndarray
    rounds: type[np.floating[Any]] = np.float64
    numbers: Mapping[int, Numbers] = field(default_factory=dict)
    missing: float = np.nan
    counts: Sequence[int] = ()
    links: Sequence[Link] = ()

    def seen(self, rows: np.ndarray) -> np.ndarray:
        """The numbers (n, F) that the trees split, of rows (n, F) of the table."""
        found = rows.astype(np.float64)
        for place, numbers in self.numbers.items():
            known = np.isfinite(found[:, place])
            found[known, place] = numbers(found[known, place])
        found[found == self.missing] = np.nan
        with np.errstate(over="ignore"):
            return found.astype(self.rounds).astype(np.float64)


def table_numbers(columns: Sequence[Column], kind: str, but: Sequence[int] = ()) -> dict[int, Numbers]:
    """Which numbers stand for categories that are numbers or booleans.

    Parameters
    ----------
    columns
        Of the table.
    kind
        What the estimator is called.
    but
        Columns that it splits as categories.

    Raises
    ------
    NoTrees
        If a category is no number.
    """
    found: dict[int, Numbers] = {}
    for place, column in enumerate(columns):
        if not column.categories or place in but:
            continue
        if not all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in column.categories):
            raise NoTrees(f"{column.name!r} holds {column.categories[0]!r}, and the trees of {kind} split numbers")
        found[place] = looked_up(np.array(column.categories, dtype=np.float64))
    return found


def looked_up(values: np.ndarray) -> Numbers:
    """Positions → the values there."""
    return lambda positions: values[positions.astype(np.intp)]


def among(categories: Sequence[Any], known: Sequence[Any]) -> Numbers:
    """Positions among a column's categories → positions among those that a model knows; NaN for others."""
    places = {value: float(place) for place, value in enumerate(known)}
    return looked_up(np.array([places.get(value, np.nan) for value in categories]))


def is_a(model: Any, package: str, *names: str) -> bool:
    """Whether a model's class, or one that it comes from, is one of these of a package, which is not imported."""
    return any(kind.__name__ in names and kind.__module__.partition(".")[0] == package for kind in type(model).__mro__)
