"""Permutation SHAP: features are shown one after the other, in many orders, by shap's own explainer."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import (
    Background,
    Fill,
    Hide,
    Segmentation,
    Stable,
    StandIn,
    Superpixels,
    Unit,
    is_stable,
)
from nbexplain.core.methods.prices import of_sets
from nbexplain.core.methods.sampling_error import error_of_mean, few_orders, rare_orders
from nbexplain.core.methods.shap_game import Game, Pace
from nbexplain.core.methods.shap_own import Asked, GameMasker, own
from nbexplain.core.registry import MASKABLE, Range, method
from nbexplain.core.subject import Subject

_MANY = 10**9  # sets of a size: of so many hardly any is asked for twice ...
_HALF = 17  # ... and so many there are of this size and above, up to half of the features
_OWN = 0.01  # of what a set costs: what is done with one that is known


@method(
    label="Permutation SHAP",
    paper="Štrumbelj and Kononenko 2014; Lundberg and Lee 2017, arXiv:1705.07874",
    kinds=MASKABLE,
    price=of_sets(lambda features, params: min(2 * features * params["permutations"], 2 ** min(features, 40))),
)
def permutation_shap(
    subject: Subject,
    target: Target,
    *,
    superpixels: Superpixels = 50,
    permutations: Annotated[int, Range("orders in which features are shown, each forth and back", 1, 1000)] = 15,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
    stable: Stable = 0.0,
    seed: Annotated[int, Range("of the orders", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """What each feature adds to the score when it is shown after others, on average over random orders.

    Values are (feature,), in units of the score; with `base`, the score with all features hidden, they add up to it.
    They are unbiased; exact with any number of orders where features interact in pairs at most. Each order is gone
    through forth and back by `shap.PermutationExplainer`, 2 · features evaluations; the first picture is of two orders
    forth alone, or of a part of one where that takes long: features that have not come yet share what is left.
    `standard_error` is from the spread of the orders' values, wide enough for few orders
    (`error_of_mean`): 95 % of the intervals value ± 1.96 errors hold the right value, on average over the features; of
    single features that act in rare orders only it may be 80 %. Where a single order makes an error, or there are fewer
    than five, a warning says so; a single one tells no error.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    count = len(game.players)
    if not count:
        yield game.explanation(np.zeros(0), np.zeros(0))
        return
    drawn = _Orders(game, seed)

    def done(orders: float) -> float:
        """The share of the passes that so many orders take."""
        return _cost(count, orders) / _cost(count, permutations)

    pace = Pace()
    if permutations > 1:
        forth: list[np.ndarray] = []
        game.ends  # noqa: B018  the first thing that is known, and what the rest is shared from
        pace.made(time.perf_counter())
        for rows in drawn.next_rows(2):
            for known in game.play(rows[: count + 1]):
                if not forth and 1 < known <= count and pace.due:
                    share = done(known / (2 * count + 1))
                    yield game.explanation(_begun(game, rows[:known]), np.full(count, np.nan), progress=share)
                    pace.made(time.perf_counter())
            forth.append(_forth(game, rows[: count + 1]))
        yield _answer(game, forth, done(1))
        pace.made(time.perf_counter())
    found: list[np.ndarray] = []
    while len(found) < permutations:
        (rows,) = drawn.next_rows(1)
        for known in game.play(rows):
            if len(found) > 1 and known < len(rows) and pace.due:
                yield _answer(game, found, done(len(found) + known / len(rows)))
                pace.made(time.perf_counter())
        found.append(drawn.next_values())
        answer = _answer(game, found, done(len(found)))
        assert answer.standard_error is not None
        if enough := is_stable(answer.standard_error, answer.values, stable):
            answer = _answer(game, found, 1.0)
        if enough or len(found) in (2, permutations) or (len(found) > 2 and pace.due):
            yield answer
            pace.made(time.perf_counter())
        if enough:
            return


class _Orders:
    """shap's explainer, one order at a time."""

    def __init__(self, game: Game, seed: int) -> None:
        self._game = game
        self._module = own("explainers._permutation", seed)
        self._explainer = self._module.PermutationExplainer(game, GameMasker(game))

    def next_rows(self, count: int) -> list[np.ndarray]:
        """(2 · features + 1, features) each: what the next orders will ask for; the draws are taken back."""
        random, order = self._module.np.random, self._game.order
        state, before = random.get_state(), order.copy()
        seen: list[np.ndarray] = []
        spare = _Listening(self._game, seen)
        for _ in range(count):
            self._explain(spare)
        random.set_state(state)
        order[:] = before
        return seen

    def next_values(self) -> np.ndarray:
        """(features,) of the next order."""
        return self._explain(self._game)

    def _explain(self, game: Asked) -> np.ndarray:
        self._explainer.masker = GameMasker(game)
        values: np.ndarray = self._explainer.explain_row(
            np.zeros(len(self._game.players)),
            max_evals=2 * len(self._game.players) + 1,
            main_effects=False,
            error_bounds=False,
            batch_size=None,
            outputs=None,
            silent=True,
        )["values"]
        return values


class _Listening:
    """A game that only writes down what it is asked."""

    def __init__(self, game: Game, seen: list[np.ndarray]) -> None:
        self.players, self.order, self._seen = game.players, game.order, seen

    def __call__(self, keep: np.ndarray) -> np.ndarray:
        self._seen.append(keep)
        return np.zeros(len(keep))


def _cost(features: int, orders: float) -> float:
    """About how many different sets so many orders ask for; those that are known cost next to nothing.

    There are C sets of each size, of which each order asks for two: of 2n draws among C, C (1 − (1 − 1 / C)^2n) differ.
    """
    found = _OWN * 2 * features * orders
    for size in range(1, features):
        count = math.comb(features, min(size, features - size, _HALF))
        found += 2 * orders if count > _MANY else -count * math.expm1(2 * orders * math.log1p(-1 / count))
    return found


def _forth(game: Game, rows: np.ndarray) -> np.ndarray:
    """What each feature adds (features,) along rows (features + 1, features) of which each shows one more."""
    scores, values = game(rows), np.zeros(rows.shape[1])
    values[(rows[1:] & ~rows[:-1]).argmax(1)] = np.diff(scores)
    return values


def _begun(game: Game, rows: np.ndarray) -> np.ndarray:
    """What the first features of an order add (features,); those that have not come yet share what is left."""
    values, scores = _forth(game, rows), game(rows)
    later = ~rows[-1]
    values[later] = (game.ends[1] - scores[-1]) / later.sum()
    return values


def _answer(game: Game, found: list[np.ndarray], progress: float) -> Explanation:
    draws = np.array(found)
    return game.explanation(
        draws.mean(0),
        error_of_mean(draws, features=0),
        progress=progress,
        details={"permutations": len(draws)},
        warnings=few_orders(len(draws)) + (rare_orders(draws, game.masker.what) if progress == 1 else ()),
    )
