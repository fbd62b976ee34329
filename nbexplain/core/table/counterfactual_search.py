"""The smallest combination of changes that reaches a goal: single ones, then pairs, then what is most promising."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbexplain.core.table.counterfactual_goal import Goal
from nbexplain.core.table.counterfactual_moves import NEARER, Combo, Moves, Values

BLOCK = 512  # combinations between two looks at what was found
_PAIRED = 1500  # single changes that pairs are made of
BEAM = 40  # combinations of each size that larger ones are made of
STARTS = 12  # background rows that a search begins at
_CONFIRMED = 50  # single changes whose prediction is held against the scores, ...
_TO_CONFIRM = 20  # ... and the part of the budget that is left for them
SHARE = 0.5  # of what is left, that the starts, or a size, may use up as long as larger ones wait


@dataclass(frozen=True, eq=False)
class Found:
    """Changes that reach the goal, none of which could be left out; the scores (K,) after them; how large they are."""

    combo: Combo
    scores: np.ndarray
    cost: float


class Search:
    """Looks for combinations of moves that reach a goal.

    All single moves are tried, then pairs, then larger ones from the best so far. Which of them come first is guessed
    by adding up what single moves do. Beside it the search begins at rows that are there already, and takes back all
    that it can. What is found is made as small as it gets.

    Parameters
    ----------
    moves, goal
        What can be changed, and what is to come of it.
    most
        Of how many moves a combination may consist.
    count
        How many different ones are looked for.
    budget
        How many combinations are tried in all; the single moves are tried even if they are more.
    before
        How many were tried before, by another search.

    Attributes
    ----------
    tried
        How many combinations of each size were tried.
    evaluations
        How often the model was asked, in all.
    nearest
        The moves that came nearest to the goal, as long as none reached it.
    done
        From 0 to 1, how far the search has come.
    ended
        Which limit ended the search before anything was found: `"changes"`, `"evaluations"`, or `""`.
    """

    def __init__(
        self, moves: Moves, goal: Goal, start: float, most: int, count: int, budget: int, before: int = 0
    ) -> None:
        self._moves, self._goal = moves, goal
        self._start = start  # how far the input itself is on the way
        self._most, self._count, self._budget = most, count, budget
        self.tried: dict[int, int] = {}  # by the search itself
        self.evaluations = before
        self._end = before + budget
        # how many evaluations there may be by the end of a stage; the last ones of it are asked for once more
        self._until = self._end - max(budget // _TO_CONFIRM, count + 2)
        self._failed: dict[Combo, list[int]] = {}  # moves that do not reach the goal beside these others
        self._unfinished: set[Combo] = set()
        self.nearest: tuple[float, Combo] = (-math.inf, ())
        self.done = 0.0
        self.ended = ""
        self._cut = False  # whether the budget did not do for all combinations of the last size
        self._found: dict[frozenset[int], Found] = {}

    @property
    def found(self) -> list[Found]:
        """The different ones so far: fewest features first, then the smallest change, and the nearest of all."""
        ordered = sorted(self._found.values(), key=lambda one: (len(one.combo), one.cost))
        first, rest = ordered[: self._count], ordered[self._count :]
        nearest = min(rest, key=lambda one: one.cost, default=None)
        if nearest is not None and all(nearest.cost < one.cost for one in first) and self._count > 1:
            first[-1] = nearest
        return first

    @property
    def unfinished(self) -> bool:
        """Whether the budget was used up before it was known that nothing nearer does than some that are found."""
        return any(one.combo in self._unfinished for one in self.found)

    def run(self, starts: Callable[[], Iterable[Combo]]) -> Iterator[None]:
        """Search, and stop for a look whenever something was found; what `starts` returns is no single move."""
        singles = [(move,) for move in range(len(self._moves.features))]
        toward, reached = self._try(singles)
        self.tried[1] = len(singles)
        self._gains = toward - self._start
        self._failed[()] = np.flatnonzero(~reached).tolist()
        alone = {int(self._moves.features[move]) for move in np.flatnonzero(reached)}
        end, self._until = self._until, self._until - 2 * self._count  # each is asked for before and after
        self._settle([singles[move] for move in np.flatnonzero(reached)])
        self._until, self.done = end, 0.2
        yield
        self._until -= int(max(self._left, 0) * (1 - SHARE))
        for combo in starts():
            if self._left > 1:
                self._take(self._smallest(combo))
                yield
        self._until, self.done = end, 0.4
        # what contains a change that does alone is no other way
        usable = [m for m in np.flatnonzero(~reached).tolist() if int(self._moves.features[m]) not in alone]
        usable.sort(key=lambda move: -self._gains[move])
        beam: list[tuple[Combo, float]] = [((m,), float(toward[m])) for m in usable[:_PAIRED]]
        for size in range(2, self._most + 1):
            if self._enough(size) or not beam or self._left <= 0:
                break
            beam = yield from self._level(size, beam, np.array(usable[:_PAIRED]))
        if not self._found and (self._cut or self._left <= 0):
            self.ended = "evaluations"
        elif not self._found and beam:  # of which larger ones could be made
            self.ended = "changes"

    @property
    def _left(self) -> int:
        return self._until - self.evaluations

    def possible(self, size: int) -> int:
        """How many combinations of so many features' values there are."""
        ways = [1, *[0] * size]
        for count in self._moves.counts.tolist():
            for k in range(size, 0, -1):
                ways[k] += ways[k - 1] * count
        return ways[size]

    def _enough(self, size: int) -> bool:
        """Whether combinations of so many moves would be no better than those there are."""
        sizes = sorted(len(one.combo) for one in self._found.values())
        return bool(sizes) and (sizes[0] < size - 1 or (len(sizes) >= self._count and sizes[self._count - 1] <= size))

    def _level(
        self, size: int, beam: Sequence[tuple[Combo, float]], usable: np.ndarray
    ) -> Generator[None, None, list[tuple[Combo, float]]]:
        """Combinations of so many moves; returns the best of those that do not reach the goal."""
        left = self._left
        limit = max(int(left * (SHARE if size < self._most else 1)), min(left, BLOCK))
        combos = self._promising(beam, usable, limit)
        tried: list[tuple[Combo, float]] = []
        start = 0
        # what is found is asked for once more, without each of its moves, and when it is kept
        while start < len(combos) and (room := self._left - self._count * (size + 2)) > 0:
            block = combos[start : start + min(BLOCK, room)]
            start += len(block)
            toward, reached = self._try(block)
            self.tried[size] = self.tried.get(size, 0) + len(block)
            self._settle([combo for combo, yes in zip(block, reached, strict=True) if yes])
            tried += [(c, t) for c, t, yes in zip(block, toward.tolist(), reached, strict=True) if not yes]
            self.done += 0.3 * (0.95 - self.done) * len(block) / len(combos)
            yield
            if self._enough(size):
                break
        self._cut = start < len(combos)
        tried.sort(key=lambda each: -each[1])
        return tried[:BEAM]

    def _promising(self, beam: Sequence[tuple[Combo, float]], usable: np.ndarray, limit: int) -> list[Combo]:
        """Combinations of one move more, at most so many.

        First those that are guessed to reach the goal, the smallest change first; then those guessed to come nearest.
        """
        features, costs = self._moves.features, self._moves.costs
        guesses = np.array([there for _, there in beam])[:, None] + self._gains[usable]
        size = np.array([costs[list(combo)].sum() for combo, _ in beam])[:, None] + costs[usable]
        for row, (combo, _) in enumerate(beam):
            guesses[row, np.isin(features[usable], features[list(combo)])] = -np.inf
        if len(beam[0][0]) == 1:  # both are the single moves, in the same order: each pair once
            guesses[np.tri(len(usable), dtype=bool)] = -np.inf
        flat, cost = guesses.ravel(), size.ravel()
        known = np.flatnonzero(flat > -np.inf)
        if len(known) > 4 * limit:  # sorting all of them would take longer than the model does
            arrive = known[flat[known] > 0]
            best = known[np.argpartition(-flat[known], 2 * limit)[: 2 * limit]]
            near = arrive[np.argpartition(cost[arrive], 2 * limit)[: 2 * limit]] if len(arrive) > 2 * limit else arrive
            known = np.union1d(best, near)
        arrives = flat[known] > 0
        order = np.lexsort((cost[known], np.where(arrives, 0.0, -flat[known]), ~arrives))
        found: dict[Combo, None] = {}
        for place in known[order]:
            row, column = divmod(int(place), len(usable))
            found.setdefault(tuple(sorted((*beam[row][0], int(usable[column])))))
            if len(found) == limit:
                break
        return list(found)

    # What was found

    def _try(self, combos: Sequence[Combo]) -> tuple[np.ndarray, np.ndarray]:
        """How far combinations are on the way (n,), and whether they reach the goal (n,)."""
        if not combos:
            return np.zeros(0), np.zeros(0, dtype=bool)
        scores = self._moves.scores(combos)
        self.evaluations += len(combos)
        chosen = None if self._goal.predicted is None else self._chosen(combos)
        toward, reached = self._goal.toward(scores), self._goal.reached(scores, chosen)
        best = int(toward.argmax())
        if toward[best] > self.nearest[0] and len(combos[best]) <= self._most:
            self.nearest = float(toward[best]), combos[best]
        return toward, reached

    def _chosen(self, combos: Sequence[Combo]) -> np.ndarray | None:
        """The class (n,) that the model's own predict says after each combination; None where it has no say."""
        found = np.full(len(combos), -1)
        for places, batch in self._moves.inputs(combos):
            if (said := self._goal.choice(batch)) is None:
                return None
            found[places] = said
        return found

    def confirmed(self) -> bool:
        """Whether the model's own predict says what the scores do of all that was found, and of some single changes.

        True where it has no say.
        """
        left = max(self._end - self.evaluations - len(self._found), 0)
        count, most = len(self._moves.features), min(_CONFIRMED, self._budget // _TO_CONFIRM, left)
        singles: list[Combo] = [(int(move),) for move in np.linspace(0, count - 1, min(count, most))]
        combos = [*singles, *(one.combo for one in self._found.values())]
        if not combos or self._goal.predicted is not None or (said := self._chosen(combos)) is None:
            return True
        scores = self._moves.scores(combos)
        self.evaluations += len(combos)
        return bool((self._goal.reached(scores, said) == self._goal.reached(scores)).all())

    def _settle(self, combos: Sequence[Combo]) -> None:
        """Take in combinations, those of features of their own, each as small as it gets."""
        costs = self._moves.costs
        seen: list[frozenset[int]] = []
        for combo in sorted(combos, key=lambda c: (len(c), costs[list(c)].sum())):
            changed = frozenset(self._moves.features[list(combo)].tolist())
            if any(other <= changed for other in (*seen, *self._found)) or len(seen) == self._count:
                continue
            seen.append(changed)
            self._take(self._smallest(combo))

    def _take(self, combo: Combo | None) -> None:
        """Keep it, unless another one changes no more features, and no more of them."""
        if combo is None or len(combo) > self._most:
            return
        features = frozenset(self._moves.features[list(combo)].tolist())
        cost = float(self._moves.costs[list(combo)].sum())
        if any(other <= features and one.cost <= cost for other, one in self._found.items()):
            return
        for other in [other for other, one in self._found.items() if features <= other and cost <= one.cost]:
            del self._found[other]
        scores = self._goal.kept(self._moves.scores([combo]))[0]  # asked once more: what is told of it is so
        self.evaluations += 1
        self._found[features] = Found(combo, scores, cost)

    def _smallest(self, combo: Combo) -> Combo | None:
        """What is left when all is taken back that can be; None if it does not reach the goal.

        Also where the budget is used up before it is known which moves are not needed.
        """
        if not self._try([combo])[1][0]:
            return None
        known: Combo | None = None  # of which no move can be left out
        while (fewer := self._fewest(combo)) is not None:
            known, combo = fewer, self._closer(fewer)
            if combo == known:
                return known
        if known is not None:
            self._unfinished.add(known)
        return known

    def _fewest(self, combo: Combo) -> Combo | None:
        """Without the moves that are not needed, until none can be left out; None if the budget does not do for it."""
        while len(combo) > 1:
            if self._left < len(combo):
                return None
            without = [combo[:k] + combo[k + 1 :] for k in range(len(combo))]
            toward, reached = self._try(without)
            if not reached.any():
                return combo
            # those that are missed least go first, as many of them as together can
            order = np.lexsort((-toward, ~reached))
            turn = np.empty(len(combo), int)
            turn[order] = np.arange(len(combo))
            turns = turn.tolist()
            most = min(int(reached.sum()), len(combo) - 1, self._left)
            if most <= 0:
                return None
            fewer = [tuple(m for m, t in zip(combo, turns, strict=True) if t > last) for last in range(most)]
            _, still = self._try(fewer)
            if not still.any():  # a model that says something else each time
                return combo
            combo = fewer[int(np.flatnonzero(still)[-1])]
        return combo

    def _closer(self, combo: Combo) -> Combo:
        """With each feature changed by no more than is needed, given the others."""
        for move in sorted(combo, key=lambda m: -self._moves.costs[m]):
            combo = self._nearest(combo, move)
        return combo

    def _nearest(self, combo: Combo, move: int) -> Combo:
        """With the feature of a move changed by no more than is needed, given the others.

        Between the last values that failed and the best that did not, round by round. No cheaper value that was tried
        reaches the goal; where the score is not monotone, one that was not tried may.
        """
        others = tuple(m for m in combo if m != move)
        failed = self._failed.setdefault(others, [])
        while True:
            left = self._left - (len(combo) if others else 0)  # each of them is to be left out once more
            moves = self._moves.nearer(move, failed, min(max(left, 1), NEARER))
            if not moves or left <= 0:
                self._unfinished |= {combo} if moves else set()
                return combo
            _, reached = self._try([tuple(sorted((*others, each))) for each in moves])
            failed += [each for each, yes in zip(moves, reached, strict=True) if not yes]
            if reached.any():
                costs = self._moves.costs
                move = min((each for each, yes in zip(moves, reached, strict=True) if yes), key=lambda m: costs[m])
                combo = tuple(sorted((*others, move)))


def starts_of(moves: Values, goal: Goal, rows: np.ndarray, batch: torch.Tensor, scores: torch.Tensor) -> list[Combo]:
    """Where a search may begin: the nearest of rows (n, F) that reach the goal, as far as each may be changed.

    `batch` are these rows as the model's inputs (n, …), `scores` (n, K, …) theirs.
    """
    chosen = None if goal.predicted is None else goal.choice(batch)
    return moves.from_rows(rows[goal.reached(scores, chosen)], STARTS)
