"""Leave one out: what the score loses when a single feature is hidden."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background, Fill, Hide, Segmentation, StandIn, Superpixels, Unit
from nbexplain.core.methods.prices import of_sets
from nbexplain.core.methods.shap_game import Game, Pace
from nbexplain.core.registry import MASKABLE, method
from nbexplain.core.subject import Subject


@method(
    label="Leave one out",
    paper="Zeiler and Fergus 2014, arXiv:1311.2901",
    kinds=MASKABLE,
    price=of_sets(lambda features, params: features + 1),
)
def leave_one_out(
    subject: Subject,
    target: Target,
    *,
    superpixels: Superpixels = 50,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
) -> Iterator[Explanation]:
    """Score less the score with one feature hidden, for each feature, all others shown.

    Values are (feature,), in units of the score. Articles often print this difference as "the SHAP value", which it is
    not: SHAP averages it over all sets of other features that may be hidden as well. So features that stand in for each
    other get nothing here, and the values do not add up to the score. On the way, features not hidden yet are NaN.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    count, pace = len(game.players), Pace()
    rows = np.concatenate([np.ones((1, count), dtype=bool), ~np.eye(count, dtype=bool)])

    def falls(known: int) -> Explanation:
        values = np.full(count, np.nan)
        scores = game(rows[:known])
        values[: known - 1] = scores[0] - scores[1:]
        return game.explanation(values, quantity="fall of the score", progress=known / len(rows))

    for known in game.play(rows):
        if known < len(rows) and known > 1 and pace.due:
            began = time.perf_counter()
            yield falls(known)
            pace.made(began)
    yield falls(len(rows))
