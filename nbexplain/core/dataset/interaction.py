"""SHAP interaction values: what two columns do together that neither does alone."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from nbexplain.core.dataset.hidden_rows import hidden_scores, sampled, stand_in_rows
from nbexplain.core.dataset.rows import Reading, Seed, drawn, scores_of, table_of
from nbexplain.core.dataset.trees import PathTrees
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background
from nbexplain.core.methods.sampling_error import error_of_mean, few_rows
from nbexplain.core.model.trees.ensemble import NoTrees
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.matching import few, matching
from nbexplain.core.table.prices import matches
from nbexplain.inputs.table_masker import needed

_MOST_COLUMNS = 10  # 1,024 coalitions, each with all stand-in rows
_PART = 10  # stand-in rows between two pictures
_PAUSE = 0.1  # seconds between two pictures
_RAW = "these are parts of the trees' raw output (log odds, where they boost), not of the score"

_Steps = Iterator[tuple[float, np.ndarray, np.ndarray]]  # progress, values (F, F, C), base (C,)


class TooManyColumns(ValueError):
    """The coalitions of a table's columns are too many to try them all."""


def _price(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
    """Trees are asked without passes."""
    table = table_of(subject)
    columns, row = len(table.columns), table.tensor[0].numpy()
    read = Reading(subject, target, 0)
    score = read(subject.scores()).numpy()[0]
    try:
        _, used, _ = _way(subject, read, params["explainer"], row, score, params["background"], params["seed"])
    except ValueError:
        return 0  # which the method says
    if used == "tree":
        return 0
    count, before = matches(subject, params["where"]) if params["rows"] else (1, 0)
    stand_ins = min(params["background"], len(needed(table)))
    return int(before + 2**columns * stand_ins * min(max(params["rows"], 1), count))


@method(
    label="Interaction",
    paper="Lundberg et al. 2018, arXiv:1802.03888",
    on_picture=False,
    kinds=("table",),
    price=_price,
)
def interaction(
    subject: Subject,
    target: Target,
    *,
    explainer: Annotated[str, Choice("how the values are found", ("auto", "tree", "exact"), kinds=("table",))] = "auto",
    background: Background = 50,
    rows: Annotated[int, Range("0: this row; else the mean size over so many rows of the background", 0, 1000)] = 0,
    where: Where = ALL_ROWS,
    seed: Seed = 0,
) -> Iterator[Explanation]:
    """What each pair of columns adds to the score together, beyond what the two add alone.

    Values are (feature, feature), symmetric, in units of the score: off the diagonal half of a pair's effect each, on
    the diagonal what a column adds by itself; a line adds up to the SHAP value of its column, all lines to the score
    less `base`. *tree* asks shap's `shap_interaction_values`, whose hidden columns follow the branches in the
    proportions of the training rows (path dependent); *exact* tries all 2^F coalitions of at most ten columns, hidden
    by background rows (interventional): the two differ where columns hang together. `auto` takes trees where shap can
    follow them to the score. With `rows`, the mean of |value| over rows of the background that match `where`; its
    `standard_error` is for other rows; of fewer than 50 it may be too small, which a warning says.

    Raises
    ------
    ValueError
        If the columns are too many for *exact*, the model is not made of trees for *tree*, no row matches, or a score
        is not finite.
    """
    table = table_of(subject)
    if where and not rows:
        raise ValueError(f"where: with rows=0 this row alone is explained, got {where!r}; give rows=…, such as rows=20")
    chosen = table.tensor.numpy()
    warnings: tuple[str, ...] = ()
    if rows:
        among = matching(subject, where)
        chosen, warnings = needed(table)[drawn(table, rows, seed, among)], few(where, among)
        warnings += few_rows(len(chosen), len(among))
    read = Reading(subject, target, 0)
    scores = read(scores_of(subject, chosen, "background" if rows else "row")).numpy()
    way, used, raw = _way(subject, read, explainer, chosen[0], scores[0], background, seed)
    hidden_by = sampled(subject, background) if used == "exact" else {}
    sizes: list[np.ndarray] = []
    shown = -np.inf
    for number, row in enumerate(chosen):
        key = ("interaction", used, read.key, background, seed, row.tobytes())
        kept = subject.kept(key)
        steps: _Steps = way(row) if kept is None else iter([kept])
        for step in steps:
            share, values, base = step
            if not rows:
                yield Explanation(
                    values=values[..., read.column].copy(),
                    axes=("feature", "feature"),
                    on="features",
                    features=np.arange(len(row)),
                    names=table.names,
                    quantity="interaction value of two columns",
                    base=float(base[read.column]),
                    details=hidden_by,
                    gap=None if raw else float((scores[0] - base - values.sum((0, 1)))[read.column]),
                    warnings=(_RAW,) if raw else (),
                    progress=share,
                )
        subject.keep(key, step, values.nbytes)
        sizes.append(np.abs(values[..., read.column]))
        if rows and (number + 1 == len(chosen) or time.perf_counter() - shown > _PAUSE):
            yield Explanation(
                values=np.mean(sizes, axis=0),
                axes=("feature", "feature"),
                on="features",
                signed=False,
                features=np.arange(len(row)),
                names=table.names,
                standard_error=error_of_mean(np.array(sizes)) if len(sizes) > 1 else None,
                quantity="mean size of the interaction of two columns",
                details={f"rows by {used}": len(sizes), **hidden_by},
                warnings=(*warnings, _RAW) if raw else warnings,
                progress=(number + 1) / len(chosen),
            )
            shown = time.perf_counter()


def _way(
    subject: Subject, read: Reading, explainer: str, row: np.ndarray, score: np.ndarray, background: int, seed: int
) -> tuple[Callable[[np.ndarray], _Steps], str, bool]:
    """How a row is explained, what that is called, and whether it is the raw output of trees that is explained."""
    few = len(row) <= _MOST_COLUMNS
    reason = ""
    if explainer != "exact":
        try:
            trees = PathTrees(subject, read)
            raw = trees.raw
            if not raw or explainer == "tree" or not few:
                return (lambda one: iter([(1.0, *trees(one))])), "tree", raw
        except (NoTrees, ImportError) as error:  # shap is not needed for few columns
            if explainer == "tree":
                raise NoTrees(f"{error}" + "; explainer='exact' takes any model" * few) from error
            reason = f"; {str(error).removeprefix('explainer: ')}"
    if not few:
        raise TooManyColumns(
            f"explainer: 'exact' tries all coalitions of at most {_MOST_COLUMNS} columns, and the table has {len(row)}"
            f"{reason}"
        )
    stand_ins = stand_in_rows(subject, background, seed)
    return (lambda one: _exact(subject, read, one, stand_ins)), "exact", False


def _exact(subject: Subject, read: Reading, row: np.ndarray, stand_ins: np.ndarray) -> _Steps:
    """Every coalition, with more and more background rows standing in."""
    columns = len(row)
    keep = np.array(list(itertools.product([False, True], repeat=columns)))
    whose = np.zeros(len(keep), dtype=int)
    total: np.ndarray | float = 0.0
    for start in range(0, len(stand_ins), _PART):
        part = stand_ins[start : start + _PART]
        total = total + hidden_scores(subject, read, row[None], whose, keep, part) * len(part)
        done = start + len(part)
        scores = (total / done).reshape(*[2] * columns, -1)
        yield done / len(stand_ins), interaction_values(scores), scores[(0,) * columns]


def interaction_values(scores: np.ndarray) -> np.ndarray:
    """SHAP interaction values (F, F, C) of a game.

    Parameters
    ----------
    scores
        (2, …, 2, C), an axis for each of F columns: the scores without (0) and with it (1).
    """
    columns = scores.ndim - 1
    members = np.indices([2] * columns).sum(0)
    found = np.zeros((columns, columns, scores.shape[-1]))
    for one in range(columns):
        added = np.diff(scores, axis=one)
        without = members.take([0], axis=one)
        weights = _weights(columns - 1)[without]
        found[one, one] = (added * weights[..., None]).sum(tuple(range(columns)))
        for other in range(one):
            pair = np.diff(added, axis=other)
            weights = _weights(columns - 2)[without.take([0], axis=other)] / 2  # half of a pair's effect for each
            found[one, other] = found[other, one] = (pair * weights[..., None]).sum(tuple(range(columns)))
    rest = found.sum(1) - np.einsum("iic->ic", found)
    for one in range(columns):
        found[one, one] -= rest[one]
    return found


def _weights(others: int) -> np.ndarray:
    """(others + 1,): the share of orders in which a coalition of so many of the others comes first."""
    return np.array([1 / ((others + 1) * math.comb(others, size)) for size in range(others + 1)])
