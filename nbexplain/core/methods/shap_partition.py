"""Partition SHAP: groups of features that belong together are halved again and again, by shap's own explainer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background, Fill, Hide, Segmentation, StandIn, Superpixels, Unit
from nbexplain.core.methods.shap_game import PAUSE, Game
from nbexplain.core.methods.shap_own import DEEPEST, GameMasker, own
from nbexplain.core.registry import MASKABLE, Range, method
from nbexplain.core.subject import Subject

BATCH = 8  # inputs of groups that are halved at a time; part of the answer, so it does not depend on the machine


@method(label="Partition SHAP", paper="Owen 1977; Lundberg and Lee 2017, arXiv:1705.07874", kinds=MASKABLE)
def partition_shap(
    subject: Subject,
    target: Target,
    *,
    superpixels: Superpixels = 50,
    evaluations: Annotated[int, Range("how many changed inputs are tried at most", 10, 20_000, step=10)] = 500,
    segmentation: Segmentation = "slic",
    fill: Fill = "region mean",
    unit: Unit = "word",
    hide: Hide = "remove",
    background: Background = 100,
    stand_in: StandIn = "sample",
    seed: Annotated[int, Range("of the choice between groups of equal effect", 0, 999)] = 0,
) -> Iterator[Explanation]:
    """Owen values: Shapley values of groups of features, handed down a tree of what belongs together.

    Values are (feature,), in units of the score; with `base`, the score with all features hidden, they add up to it.
    The groups with the largest effect are halved first (`shap.PartitionExplainer`, 8 inputs at a time); what is not
    halved when the evaluations end shares its effect by size. The tree: superpixels by place and colour, words by
    place, columns by rank correlation in the background. For scores that are linear in the features they are the
    Shapley values; else they differ where features of different groups interact. Nothing is drawn but ties, so there
    is no standard error.

    Raises
    ------
    ValueError
        If nothing of the input can be hidden, or a score is not finite.
    """
    options = {"superpixels": superpixels, "segmentation": segmentation, "fill": fill, "unit": unit, "hide": hide}
    game = Game(subject, target, {**options, "background": background, "stand_in": stand_in})
    if len(game.players) < 2:  # one feature has all the effect, and nothing can be halved
        yield game.explanation(np.full(len(game.players), game.ends[1] - game.ends[0]))
        return
    tree = _pruned(game.masker.tree(), game.masker.varying)
    done = 2 + BATCH  # all hidden, none hidden, and the first groups
    while True:
        explainer = _explainer(game, tree, seed)
        started, passes = time.perf_counter(), game.seconds
        found = explainer.explain_row(
            np.zeros(len(game.players)),
            max_evals=min(done, evaluations),
            main_effects=False,
            error_bounds=False,
            batch_size=BATCH,
            outputs=None,
            silent=True,
        )
        # shap begins anew for each picture and finds the scores known: that stays a small part, if steps are long
        again = time.perf_counter() - started - (game.seconds - passes)
        ended = done >= evaluations or explainer.last_eval_count + 2 < done
        yield game.explanation(found["values"], progress=1.0 if ended else done / evaluations)
        if ended:
            return
        each = game.seconds / max(game.rows, 1)
        steps = max(PAUSE, 10 * again) / max(each, 1e-6) / BATCH
        done += BATCH * max(1, int(min(steps, evaluations / BATCH / 10)))


def _explainer(game: Game, tree: np.ndarray, seed: int) -> Any:
    compiled = len(game.players) > DEEPEST
    module = own("explainers._partition", seed, compiled=compiled)
    make_masks = own("utils._masked_model", compiled=compiled).make_masks
    module.make_masks = lambda tree: make_masks(tree).toarray()  # shap looks up rows, which is slow in a sparse matrix
    return module.PartitionExplainer(game, GameMasker(game, tree))


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
