"""Partition SHAP: features are shown in orders in which what belongs together comes together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background, Fill, Hide, Segmentation, StandIn, Superpixels, Unit
from nbexplain.core.methods.prices import of_sets
from nbexplain.core.methods.sampling_error import error_of_mean, rare_orders
from nbexplain.core.methods.shap_game import Game, Pace
from nbexplain.core.methods.shap_tree_orders import TreeOrders
from nbexplain.core.registry import MASKABLE, Range, method
from nbexplain.core.subject import Subject


@method(
    label="Partition SHAP",
    paper="Owen 1977; Lundberg and Lee 2017, arXiv:1705.07874",
    kinds=MASKABLE,
    price=of_sets(lambda features, params: min(max(params["evaluations"], 8 * features), 2 ** min(features, 20))),
)
def partition_shap(
    subject: Subject,
    target: Target,
    *,
    superpixels: Superpixels = 50,
    evaluations: Annotated[int, Range("how many changed inputs are tried", 10, 20_000, step=10)] = 1000,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
    seed: Annotated[int, Range("of the orders", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """Owen values: Shapley values of groups of features, handed down a tree of what belongs together.

    Values are (feature,), in units of the score; with `base`, the score with all features hidden, they add up to it:
    what each feature adds when it is shown after others, averaged over the orders that keep every group of the tree
    together. The tree: superpixels by place and colour, words by place, columns by rank correlation in the background.
    Where `evaluations` do for all of these orders (about 0.7 · features² for a balanced tree) the values are exact, as
    `shap.PartitionExplainer` has them once it has halved every group. Else balanced blocks of orders are drawn, each
    order gone through forth and back, at least twice two (about 8 · features evaluations; a warning says when that is
    more than `evaluations`). The values are unbiased, and exact where features interact in pairs at most;
    `standard_error` is from what the blocks differ by (`error_of_mean`): about 95 % of the intervals value ± 1.96
    errors hold the exact value. shap halves the groups of the largest effect first and lets those that it does not
    come to share equally. So do the first pictures here, of the largest groups, without errors.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    count = len(game.players)
    if count < 2:  # one feature has all the effect
        yield game.explanation(np.full(count, game.ends[1] - game.ends[0]), np.zeros(count))
        return
    orders = TreeOrders(_pruned(game.masker.tree(), game.masker.varying), seed)
    plan = orders.within(evaluations)
    notes, most = [], plan.costs[-1]
    if most > evaluations:
        what = f"{game.masker.what}s"
        notes.append(f"{evaluations:,} evaluations are too few for {count:,} {what}: {most:,} are tried")
    pace, found = Pace(), list[np.ndarray]()

    def answer(values: np.ndarray, errors: np.ndarray, done: float) -> Explanation:
        rare = rare_orders(np.array(found), game.masker.what) if done == most else ()
        details = {"orders": len(found)}
        return game.explanation(values, errors, progress=done / most, details=details, warnings=[*notes, *rare])

    def mean(done: float) -> Explanation:
        blocks = np.array(found)
        if len(found) >= 2 * plan.block:
            whole = len(found) // plan.block * plan.block
            blocks = blocks[:whole].reshape(-1, plan.block, count).mean(1)
        left = 1 - len(found) / orders.number
        return answer(blocks.mean(0), error_of_mean(blocks, features=0, left=left), done)

    for number, flips in enumerate(plan.orders):
        before, cost = plan.costs[number], plan.costs[number + 1] - plan.costs[number]
        order = orders.order(flips)
        for known in game.play(order.rows):
            done = before + cost * known / len(order.rows)
            if not 2 < known < len(order.rows) or len(found) == 1 or not pace.due:
                continue
            yield mean(done) if found else answer(order.values(game(order.rows[:known])), np.full(count, np.nan), done)
            pace.made(time.perf_counter())
        found.append(order.values(game(order.rows)))
        if number + 1 == len(plan.orders) or (len(found) > 1 and pace.due):
            yield mean(plan.costs[number + 1])
            pace.made(time.perf_counter())


def _pruned(tree: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """The tree (features − 1, 4) of those features that stay, so that no evaluation is spent on the others."""
    players = int(stays.sum())
    place: list[int] = (np.cumsum(stays) - 1).tolist()  # of each node in the new tree; −1 where nothing of it stays
    place = [new if stay else -1 for new, stay in zip(place, stays.tolist(), strict=True)]
    sizes, rows = [1] * players, []
    for left, right, distance in tree[:, :3].tolist():
        new = [place[int(child)] for child in (left, right) if place[int(child)] >= 0]
        if len(new) == 2:
            sizes.append(sizes[new[0]] + sizes[new[1]])
            rows.append([*new, distance, sizes[-1]])
            new = [players + len(rows) - 1]
        place.append(new[0] if new else -1)
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
