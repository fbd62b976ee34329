"""Orders of features that keep every group of a tree together, of which Owen values are the average."""

from __future__ import annotations

import numpy as np

_ATTEMPTS = 200  # to draw a block that repeats no order


class TreeOrders:
    """Orders in which, at each level of the tree, the left parts come first or the right parts do.

    What a feature adds in an order depends on which of the groups beside it, one at each level above it, came before.
    So it is enough to turn all groups of a level together: 2^levels orders, each with its reverse, give what all
    orders would.

    Parameters
    ----------
    tree
        A linkage matrix (players − 1, 4).
    seed
        Of the draw.

    Attributes
    ----------
    number
        How many orders there are, an order and its reverse counted once.
    """

    def __init__(self, tree: np.ndarray, seed: int) -> None:
        players, self._seed = len(tree) + 1, seed
        children = tree[:, :2].astype(int)
        sizes = np.array([1] * players + tree[:, 3].astype(int).tolist())
        depth = np.zeros(2 * players - 1, dtype=int)
        for node in range(players - 2, -1, -1):
            depth[children[node]] = depth[players + node] + 1
        self._levels = int(depth.max())
        self._groups = np.bincount(depth[players:], minlength=self._levels)  # at each level
        # which side of the group at each level a player is on (−1: in none), and how many are on the other
        self._side = np.full((self._levels, players), -1)
        self._other = np.zeros((self._levels, players), dtype=int)
        members: list[np.ndarray] = [np.array([player]) for player in range(players)]
        for node, (left, right) in enumerate(children.tolist()):
            level = depth[players + node]
            for side, one, other in ((0, left, right), (1, right, left)):
                self._side[level, members[one]], self._other[level, members[one]] = side, sizes[other]
            members.append(np.concatenate([members[left], members[right]]))
        self.number = 2 ** (self._levels - 1)

    def within(self, evaluations: int) -> Plan:
        """All orders, where so many evaluations do for them; else as many as they do for, but at least twice two.

        The orders that are drawn come in blocks of 2, 4, 8 …, each of which is balanced by itself, so that what two
        blocks differ by tells how far they are off; the blocks are as large as they can be where there are two.
        """
        everything = Plan(self._groups)
        if everything.cost_of_all <= evaluations:
            for number in range(self.number):
                everything.add(number >> np.arange(self._levels) & 1 > 0)
            return everything
        size = 2 ** int(np.log2(max(min(self.number, evaluations) // 2, 2)))
        while True:
            draw, plan = np.random.default_rng(self._seed), Plan(self._groups, size)
            while (block := self._block(draw, size, plan.orders)) is not None:
                most = np.inf if size <= 2 and len(plan.orders) < 4 else evaluations
                if not plan.add_block(block, most):
                    break
            if len(plan.orders) >= 2 * size:
                return plan
            size //= 2

    def order(self, flips: np.ndarray) -> Order:
        """The order of these flips."""
        first = np.where(flips[:, None], 1, 0)
        ranks = np.where((self._side >= 0) & (self._side != first), self._other, 0).sum(0)
        places = np.argsort(ranks)
        apart = (self._side[:, places[1:]] != self._side[:, places[:-1]]).argmax(0)  # the level that parts two players
        return Order(ranks, np.concatenate([[-1, -1], apart]))

    def _block(self, draw: np.random.Generator, size: int, taken: list[np.ndarray]) -> np.ndarray | None:
        """(size, levels) bool: flips of which each is as likely as any, balanced over the block, none of them taken.

        Columns of a Hadamard matrix, in a random order and with random signs: with their reverses the orders are an
        orthogonal array of strength 3 where there are no more levels than orders (Plackett and Burman 1946). None
        where none was found.
        """
        if len(taken) + size > self.number:
            return None
        signs = np.zeros((1, 1), dtype=bool)
        while len(signs) < size:
            signs = np.block([[signs, signs], [signs, ~signs]])
        before = {(flips ^ flips[0]).tobytes() for flips in taken}  # an order and its reverse are one
        for _ in range(_ATTEMPTS):
            columns = np.concatenate([draw.permutation(size) for _ in range(-(-self._levels // size))])
            block: np.ndarray = signs[:, columns[: self._levels]] ^ (draw.random(self._levels) < 0.5)
            if len(before | {(flips ^ flips[0]).tobytes() for flips in block}) == len(before) + size:
                return block
        return None


class Plan:
    """Which orders are gone through.

    Parameters
    ----------
    groups
        (levels,): how many groups the tree has at each level.
    block
        How many orders are balanced by themselves.

    Attributes
    ----------
    orders
        Of each, (levels,) bool: whether the right part comes first.
    costs
        Evaluations that the first 0, 1, … of them take.
    cost_of_all
        Evaluations that all orders take.
    """

    def __init__(self, groups: np.ndarray, block: int = 1) -> None:
        self.block, self.orders, self.costs = block, list[np.ndarray](), [2]  # all hidden, none hidden
        self._groups: list[int] = groups.tolist()
        self._seen: list[set[bytes]] = [set() for _ in self._groups]
        self.cost_of_all = 2 + sum(count * 2 ** (level + 1) for level, count in enumerate(self._groups))

    def add(self, flips: np.ndarray) -> None:
        """Take another order: in each group two sets, one of its parts with what came before the group."""
        new = 0
        for level, known in enumerate(self._seen):
            for way in (flips, ~flips):
                start = way[: level + 1].tobytes()
                new += start not in known and self._groups[level]
                known.add(start)
        self.orders.append(flips)
        self.costs.append(self.costs[-1] + new)

    def add_block(self, block: np.ndarray, most: float = np.inf) -> bool:
        """Take all orders of a block, or none if they come to more than so many evaluations; say whether it did."""
        before = len(self.orders), [known.copy() for known in self._seen]
        for flips in block:
            self.add(flips)
            if self.costs[-1] > most:
                del self.orders[before[0] :], self.costs[before[0] + 1 :]
                self._seen = before[1]
                return False
        return True


class Order:
    """An order and its reverse.

    Parameters
    ----------
    ranks
        (players,): the place of each.
    level
        (players + 1,): for the set of nobody, that of all, and those of the first 1, 2, …, at which level of the tree
        the set ends.

    Attributes
    ----------
    rows
        (2 · players, players) bool: whom to show, the sets that end between large groups first.
    """

    def __init__(self, ranks: np.ndarray, level: np.ndarray) -> None:
        players = len(ranks)
        sizes = np.array([0, players, *range(1, players)])[np.argsort(level, kind="stable")]
        forth = ranks < sizes[:, None]
        self._ranks = ranks
        self._sizes = np.concatenate([sizes[:2], np.repeat(sizes[2:], 2)])
        self.rows = np.concatenate([forth[:2], np.stack([forth[2:], ~forth[2:]], 1).reshape(-1, players)])

    def values(self, scores: np.ndarray) -> np.ndarray:
        """What each player adds (players,), from the scores (n,) of the first rows: shared equally where not known."""
        nothing, everything = scores[:2]
        added = np.zeros(len(self._ranks))
        for back, (first, last) in enumerate([(nothing, everything), (everything, nothing)]):
            known, sizes = scores[2 + back :: 2], self._sizes[2 + back : len(scores) : 2]
            by_size = np.argsort(sizes)
            ends = np.diff([0, *sizes[by_size], len(added)])
            steps = np.diff([first, *known[by_size], last]) / ends
            added += np.repeat(-steps if back else steps, ends) / 2
        values: np.ndarray = added[self._ranks]
        return values
