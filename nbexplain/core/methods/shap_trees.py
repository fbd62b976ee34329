"""SHAP values of trees, by shap's own loops, and only where the score follows from what the trees add up."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.core.methods.shap_own import package
from nbexplain.core.methods.shap_tree_loop import Nodes, TreeLoop
from nbexplain.core.model.trees.ensemble import Ensemble, NoTrees
from nbexplain.core.model.trees.links import Link, usual
from nbexplain.core.model.trees.reading import ensemble_of
from nbexplain.core.model.trees.walk import Walk
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular

_MOST_NODES = 2**15 - 1  # of a tree: shap's loop counts them in 16 bits


class NotTheScore(NoTrees):
    """The trees can be followed, but the score does not follow from what they add up."""


class TreeValues:
    """SHAP values of what trees add up, and of the score that follows from it.

    shap's loop holds thresholds in single precision and compares double precision with them, and it knows no
    categories. All that a tree asks of a number is where it goes. So each number is replaced by how many thresholds
    of its column are below it, and each threshold by its place among them: small whole numbers, which no float rounds.
    Where categories are split, a row and a background row are taken together, as 0 and 1, with thresholds for the two.

    Parameters
    ----------
    ensemble
        The trees.
    rows
        (n, F): rows of the table.
    scores
        (n, K): what the model says of them.

    Attributes
    ----------
    link
        How the scores follow from what the trees add up.

    Raises
    ------
    NotTheScore
        If they do not.
    """

    def __init__(self, ensemble: Ensemble, rows: np.ndarray, scores: np.ndarray) -> None:
        self._walk = walk = Walk(ensemble)
        self._count, self.link = _followed(walk, rows, scores)
        self._loop = TreeLoop(ensemble.trees[: self._count], ensemble.base)
        self._left, self._right = walk.left[: self._count], walk.right[: self._count]
        self._ranks, self._cuts = walk.thresholds[: self._count].copy(), {}
        for feature in [] if walk.by_sets else np.unique(walk.features[walk.inner]).tolist():
            here = (walk.inner & (walk.features == feature))[: self._count]
            self._cuts[feature] = np.unique(self._ranks[here])
            self._ranks[here] = np.searchsorted(self._cuts[feature], self._ranks[here])

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """What the trees say (n, K) of rows (n, F)."""
        return self.link(self._walk.sums(rows, self._count))

    # A hidden column takes the values of background rows

    def interventional(self, rows: np.ndarray, stand_ins: np.ndarray) -> np.ndarray:
        """Values (n, F, K) of the scores of rows (n, F), where a hidden column takes those of each stand-in (m, F).

        Those of the sum are Shapley's. Where the score is a curve of it, the difference to each stand-in is shared in
        proportion to what the columns add to the sum (see `Link.rates`): that adds up, but is not Shapley's value.

        Raises
        ------
        NoTrees
            If a tree is larger than shap's loop can hold, or it loses its way.
        """
        nodes = self._left.shape[1]
        if nodes > _MOST_NODES:
            raise NoTrees(f"shap follows trees of up to {_MOST_NODES:,} nodes, and the largest has {nodes:,}")
        sums, starts = self._walk.sums(rows, self._count), self._walk.sums(stand_ins, self._count)
        by_pair = self._walk.by_sets
        ways = [self._walk.ways(row)[: self._count] for row in rows] if by_pair else []
        places, others = (None, None) if by_pair else (self._places(rows), self._places(stand_ins))
        if places is not None and others is not None and self.link.curve is None:
            values: np.ndarray = self._by_rank(places, others) @ self.link.matrix.T
        else:
            values = np.zeros((len(rows), rows.shape[1], len(self.link.matrix)))
            for number, start in enumerate(starts):
                if places is None or others is None:
                    against = self._walk.ways(stand_ins[number])[: self._count]
                    one = np.stack([self._by_pair(way, against, rows.shape[1]) for way in ways])
                else:
                    one = self._by_rank(places, others[number : number + 1])
                values += np.einsum("nfr,nkr->nfk", one, self.link.rates(start, sums))
            values /= len(stand_ins)
        moved = self.link(sums) - self.link(starts).mean(0)
        if np.abs(values.sum(1) - moved).max() > 1e-3 * np.abs(moved).max() + 1e-5 * np.abs(self.link(sums)).max():
            raise NoTrees("shap's loop does not reach the sum of these trees, which are too deep for it")
        return values

    def _by_rank(self, places: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Values (n, F, R) of the sums: all rows (n, F) against all stand-ins (m, F), both as places."""
        return self._loop.against(Nodes(self._left, self._right, self._ranks), places, others)

    def _by_pair(self, way: np.ndarray, against: np.ndarray, columns: int) -> np.ndarray:
        """Values (F, R) of the sums, of one row against one stand-in, by where they go (T, nodes)."""
        crossed = ~way & against
        left, right = np.where(crossed, self._right, self._left), np.where(crossed, self._left, self._right)
        nodes = Nodes(left, right, np.where(way == against, np.where(way, 2.0, -1.0), 0.5))
        found: np.ndarray = self._loop.against(nodes, np.zeros((1, columns)), np.ones((1, columns)))[0]
        return found

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, F) by how many thresholds of its column are below each number."""
        seen = self._walk.ensemble.seen(rows)
        places = np.where(np.isnan(seen), np.nan, 0.0)
        for feature, cuts in self._cuts.items():
            places[:, feature] += np.searchsorted(cuts, seen[:, feature])
        return places

    # A hidden column goes the way of the training rows

    def along_paths(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (F, K) for a row (F,), and the mean of the training rows (K,) that they are added to.

        Raises
        ------
        NoTrees
            If the score is a curve of the sum: there is no row to compare with, so that its slope is unknown.
        """
        if self.link.curve is not None:
            instead = " (scores=torch.logit explains that)" if self.link.by_logit else ""
            raise NoTrees(
                f"its trees add up the {self.link.unit}, and hidden='tree_path_dependent' explains their sum "
                f"alone{instead}"
            )
        values = self._loop.along_paths(self._paths(row), np.zeros(len(row)))
        return values @ self.link.matrix.T, self.link(self._loop.base[None])[0]

    def interactions(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interaction values (F, F, K) for a row (F,), and what they are added to (K,), without the link's curve."""
        values = self._loop.interactions(self._paths(row), np.zeros(len(row)))
        shift = 0 if self.link.curve is not None else self.link.shift
        return values @ self.link.matrix.T, self.link.matrix @ self._loop.base + shift

    def _paths(self, row: np.ndarray) -> Nodes:
        """Trees in which 0 goes the way of a row."""
        return Nodes(self._left, self._right, np.where(self._walk.ways(row)[: self._count], 1.0, -1.0))


def _followed(walk: Walk, rows: np.ndarray, scores: np.ndarray) -> tuple[int, Link]:
    """How many of the trees are used, and how the scores (n, K) of rows follow from what they add up."""
    ensemble, parts = walk.ensemble, walk.parts(rows)
    counts = list(ensemble.counts) or [len(ensemble.trees)]
    for count in counts:
        sums = parts[:, :count].sum(1) + ensemble.base
        for link in (*usual(sums.shape[1], scores.shape[1]), *ensemble.links, *_some_of(sums, scores)):
            if link.matrix.shape == (scores.shape[1], sums.shape[1]) and near(link(sums), scores):
                return count, link
    sums = parts[:, : counts[0]].sum(1) + ensemble.base
    same = sums.shape == scores.shape
    row = int(np.abs(sums - scores).sum(1).argmax()) if same else 0  # where it is seen best
    raise NotTheScore(
        f"its {counts[0]} trees add up to {_in_words(sums[row])} where the model's score is {_in_words(scores[row])}, "
        "and no way is known by which that follows"
    )


def _some_of(sums: np.ndarray, scores: np.ndarray) -> list[Link]:
    """The way from sums (n, R) to scores (n, K) that are fewer, and some of them."""
    count = sums.shape[1]
    if scores.shape[1] >= count:
        return []
    which = [next((r for r in range(count) if near(sums[:, [r]], own[:, None])), -1) for own in scores.T]
    return [] if -1 in which else [Link("score", np.eye(count)[which], np.zeros(len(which)))]


def tree_values(subject: Subject, estimator: Any, rows: np.ndarray, scores: np.ndarray) -> TreeValues:
    """The SHAP values of an estimator's trees, from which the scores (n, K) of rows (n, F) of the table follow.

    Raises
    ------
    NoTrees
        If it has no trees that can be read, or they add up to something else.
    """
    table = subject.input
    assert isinstance(table, Tabular)
    package()
    return TreeValues(ensemble_of(estimator, table.columns, table.outside(table.tensor)), rows, scores)


def near(said: np.ndarray, scores: np.ndarray) -> bool:
    """Whether these are the same scores (n, K), but for what is small beside the differences between rows."""
    spread = np.abs(scores - scores.mean(0)).max()
    return bool(np.abs(said - scores).max() <= 1e-4 * spread + 1e-6 * np.abs(scores).max())


def _in_words(numbers: np.ndarray) -> str:
    told = [f"{number:.4g}" for number in numbers[:4]]
    return told[0] if len(numbers) == 1 else f"({', '.join(told)}{', …' * (len(numbers) > 4)})"
