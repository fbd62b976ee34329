"""Where rows go in trees, all trees at once."""

from __future__ import annotations

import numpy as np

from nbexplain.core.model.trees.ensemble import Ensemble


class Walk:
    """Follows rows down the trees of an ensemble.

    Attributes
    ----------
    ensemble
        The trees.
    left, right, features, thresholds, inner
        (trees, nodes) each, filled up to the largest tree; `inner` tells which nodes split.
    values
        (trees, nodes, R).
    by_sets
        Whether any node splits categories.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        self.ensemble = ensemble
        shape = len(ensemble.trees), max(len(tree.left) for tree in ensemble.trees)
        self.left, self.right = np.full(shape, -1, np.int32), np.full(shape, -1, np.int32)  # as shap has them
        self.features, self.thresholds = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        self._default_left = np.zeros(shape, dtype=bool)
        self.values = np.zeros((*shape, len(ensemble.base)))
        for number, tree in enumerate(ensemble.trees):
            here = number, slice(len(tree.left))
            self.left[here], self.right[here] = tree.left, tree.right
            self.features[here], self.thresholds[here] = np.maximum(tree.feature, 0), tree.threshold
            self._default_left[here] = tree.default == tree.left
            self.values[here] = tree.values
        self.inner = self.left >= 0
        self._set, self._members = _sets(ensemble, shape)
        self.by_sets = len(self._members) > 0

    def parts(self, rows: np.ndarray) -> np.ndarray:
        """What each tree says (n, T, R) of rows (n, F) of the table."""
        seen = self.ensemble.seen(rows)
        each, trees = np.arange(len(seen))[:, None], np.arange(len(self.left))
        node = np.zeros((len(seen), len(trees)), dtype=np.int64)
        while (on := self.inner[trees, node]).any():
            left = self._goes_left(seen[each, self.features[trees, node]], trees, node)
            node = np.where(on, np.where(left, self.left[trees, node], self.right[trees, node]), node)
        found: np.ndarray = self.values[trees, node]
        return found

    def sums(self, rows: np.ndarray, count: int) -> np.ndarray:
        """What the first `count` trees add up (n, R)."""
        found: np.ndarray = self.parts(rows)[:, :count].sum(1) + self.ensemble.base
        return found

    def ways(self, row: np.ndarray) -> np.ndarray:
        """(T, nodes): whether a row (F,) of the table goes left at each node, if it comes there."""
        trees, node = np.indices(self.left.shape)
        return self._goes_left(self.ensemble.seen(row[None])[0][self.features], trees, node)

    def _goes_left(self, numbers: np.ndarray, trees: np.ndarray, node: np.ndarray) -> np.ndarray:
        missing = np.isnan(numbers)
        left: np.ndarray = np.where(missing, self._default_left[trees, node], numbers <= self.thresholds[trees, node])
        if not self.by_sets:
            return left
        which, last = self._set[trees, node], self._members.shape[1] - 1
        place = np.where((numbers >= 0) & (numbers < last), numbers, last).astype(np.intp)  # the last is in no set
        by_set: np.ndarray = np.where((which >= 0) & ~missing, self._members[which, place], left)
        return by_set


def _sets(ensemble: Ensemble, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each node's set (trees, nodes), −1 where numbers are split, and the members (sets, numbers)."""
    which = np.full(shape, -1)
    sets: list[np.ndarray] = []
    for number, tree in enumerate(ensemble.trees):
        for node, members in tree.sets.items():
            which[number, node] = len(sets)
            sets.append(members)
    width = 1 + max((int(members.max()) for members in sets if len(members)), default=0)
    table = np.zeros((len(sets), width + 1), dtype=bool)
    for number, members in enumerate(sets):
        table[number, members] = True
    return which, table
