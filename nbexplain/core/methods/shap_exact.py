"""Exact SHAP: all sets of features are tried, by shap's own explainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import comb, prod
from typing import Annotated, Any

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.layers import Layer
from nbexplain.core.methods.hiding import Background, Fill, Hide, Segmentation, StandIn, Unit, masker_of, some_of
from nbexplain.core.methods.prices import of_sets
from nbexplain.core.methods.shap_game import Game
from nbexplain.core.methods.shap_kernel import Fit
from nbexplain.core.methods.shap_own import GameMasker, own
from nbexplain.core.registry import MASKABLE, Range, method
from nbexplain.core.subject import Subject
from nbexplain.inputs.text_masker import UNITS

MOST = 14  # features: 16,384 sets


def _too_many(subject: Subject, layer: Layer | None) -> str:
    if subject.input.kind == "picture" or len(subject.input.masker().names) <= MOST:
        return ""
    return f"it tries all sets of up to {MOST} features"


@method(
    label="Exact SHAP",
    paper="Shapley 1953; Lundberg and Lee 2017, arXiv:1705.07874",
    kinds=MASKABLE,
    unfit=_too_many,
    price=of_sets(lambda features, params: 2**features if features <= MOST else 0),
)
def exact_shap(
    subject: Subject,
    target: Target,
    *,
    superpixels: Annotated[
        int,
        Range(
            "about how many regions the picture is cut into",
            2,
            14,
            kinds=("picture",),
            default=some_of(9),
            most=prod,
        ),
    ] = 9,
    segmentation: Segmentation = "grid",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
) -> Iterator[Explanation]:
    """Shapley values from all 2ⁿ sets of features, for up to 14 features.

    Values are (feature,), in units of the score; with `base`, the score with all features hidden, they add up to it:
    what a feature adds when it is shown after others, averaged over all orders (`shap.ExactExplainer`). Features that
    cannot change the input do not count. Pictures on the way are Kernel SHAP's fit on the sets tried so far, small and
    large ones first.

    Raises
    ------
    ValueError
        If there are more than 14 features, nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    count = len(game.players)
    if count > MOST:
        raise ValueError(
            f"x: exact_shap tries all sets of up to {MOST} features, and this input has {count} {game.masker.what}s "
            "that can change it; use permutation_shap, kernel_shap or partition_shap, or "
            f"{_fewer(subject, target, options)}"
        )
    if count == 0:
        yield game.explanation(np.zeros(0), np.zeros(0))
        return
    if count > 2:
        for answer in Fit(game, *_all_sets(count), whole=2**count - 2, seed=0).pictures(
            first=max(2 * count, 2**count // 20)
        ):
            if answer.progress < 1:
                yield answer
    module = own("explainers._exact")
    found = module.ExactExplainer(game, GameMasker(game)).explain_row(
        np.zeros(count),
        max_evals=2**MOST,
        main_effects=False,
        error_bounds=False,
        batch_size=None,
        outputs=None,
        interactions=1,
        silent=True,
    )
    yield game.explanation(found["values"], np.zeros(count))


def _fewer(subject: Subject, target: Target, options: Mapping[str, Any]) -> str:
    """What has so few features that all sets can be tried."""
    if subject.input.kind == "text":
        for unit in UNITS[UNITS.index(options["unit"]) + 1 :]:
            count = np.count_nonzero(masker_of(subject, {**options, "unit": unit}, target).varying)
            if 0 < count <= MOST:
                return f"unit={unit!r}, of which it has {count}"
    return "fewer features"


def _all_sets(players: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows (2ⁿ − 2, players) but the empty and the full one, and their weights in the Shapley kernel."""
    rows = (np.arange(1, 2**players - 1)[:, None] >> np.arange(players) & 1).astype(bool)
    sizes = rows.sum(1)
    weights = np.array([(players - 1) / (comb(players, s) * s * (players - s)) for s in range(1, players)])[sizes - 1]
    order = np.argsort(np.minimum(sizes, players - sizes), kind="stable")
    return rows[order], weights[order]
