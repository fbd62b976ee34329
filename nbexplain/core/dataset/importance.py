"""How much a model needs each column: by shuffling it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.rows import Rows, Seed, drawn, scores_of, table_of
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.sampling_error import error_of_mean, few_rows, unit_of
from nbexplain.core.registry import Range, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.labels import (
    has_classes,
    labelled,
    left_out,
    right_classes,
    right_numbers,
    undecided,
    which_number,
)
from nbexplain.core.table.matching import few, matching
from nbexplain.core.table.prices import of_rows
from nbexplain.inputs.table_masker import needed

_PAUSE = 0.1  # seconds between two pictures
_ROWS = 16384  # changed rows that are held at a time
_PARTS = 10  # of a shuffle: the first picture comes from a tenth of the rows
_ACCURACY = "accuracy"
_MOST_KEPT = 32 * 2**20  # bytes of scores that the next class can use again


@dataclass(frozen=True)
class _Measure:
    """How much worse rows (their places, their scores) are than they were, what that is called, and how well it was."""

    worse: Callable[[np.ndarray, Tensor], np.ndarray]
    quantity: str
    details: dict[str, float]


@method(
    label="Permutation importance",
    paper="Breiman 2001, doi:10.1023/A:1010933404324",
    over_rows=True,
    labelled=True,
    kinds=("table",),
    price=of_rows(lambda table, params: len(table.columns) * params["repeats"] + 1),
)
def permutation_importance(
    subject: Subject,
    target: Target,
    *,
    rows: Rows = 1000,
    where: Where = ALL_ROWS,
    repeats: Annotated[int, Range("how many times each column is shuffled", 1, 100)] = 5,
    seed: Seed = 0,
) -> Iterator[Explanation]:
    """How much worse the model does when the values of a column are shuffled among the rows.

    Values are (feature,). With labels, how much the accuracy falls (R² of the target's score, of a model that predicts
    numbers or has one score), over the rows that have one; without, and of a score that no label can be compared with,
    such as a ranker's or an outlier detector's, the mean of |change| of the target's score.
    `standard_error` is for other rows and for other shuffles: 95 % of the intervals value ± 1.96 errors hold what very
    many rows would give (of fewer than 50 not always, which a warning says). Columns lend each other variances, since
    most rows do not change with a column that matters in few (`error_of_mean`). Values are shuffled among the rows that
    match. Where all rows are taken, the shuffles are those of
    `sklearn.inspection.permutation_importance(…, n_repeats=repeats, random_state=seed)`. Of two columns that tell the
    same, neither may seem important; shuffled rows may be such as never occur.

    Raises
    ------
    ValueError
        If there are not two rows that match, a label is no class of the model, or a score is not finite.
    """
    table = table_of(subject)
    among = matching(subject, where)
    lost: tuple[str, ...] = ()
    no_choice = "" if table.labels is None else undecided(subject, target)
    if table.labels is not None and subject.scores().ndim == 2 and not no_choice:
        lost, among = left_out(subject, among), among[labelled(subject)[among]]
    order = drawn(table, rows, seed, among)
    numbers = np.sort(order)
    chosen = needed(table)[numbers]
    if len(chosen) < 2:
        of = f" that match {where!r}" if where else ""
        with_label = " with a label" if lost else ""
        raise ValueError(f"background: shuffling a column needs at least two rows{with_label}{of}, got {len(chosen)}")
    unused = (f"the labels are not used: {no_choice}",) if no_choice else ()
    warnings = (
        *few(where, among),
        *few_rows(len(chosen), len(among)),
        *lost,
        *unused,
        *which_number(subject, target),
    )
    clean = scores_of(subject, chosen, "background")
    measure = _measure(subject, target, numbers, clean)
    columns, turn = chosen.shape[1], np.searchsorted(numbers, order)
    steps = [(repeat, places) for repeat in range(repeats) for places in np.array_split(turn, min(_PARTS, len(turn)))]
    shuffles = _shuffles(len(chosen), repeats, seed)
    small = repeats * columns * clean.nbytes <= _MOST_KEPT
    key = ("permutation_importance", rows, seed, where)
    kept: list[Tensor] = list(subject.kept(key) or ())  # the scores of the first steps
    changed = _Changes(columns, len(chosen))
    shown = -np.inf
    for number, (repeat, places) in enumerate(steps):
        if number < len(kept):
            scores = kept[number]
        else:
            scores = _shuffled(subject, chosen, places, shuffles[repeat, places])
            if small:
                kept.append(scores)
                subject.keep(key, tuple(kept), sum(part.nbytes for part in kept))
        changes = measure.worse(np.tile(places, columns), scores).reshape(columns, -1)
        changed.add(changes, places, shuffles[repeat, places])
        if number + 1 < len(steps) and time.perf_counter() - shown < _PAUSE:
            continue
        shown = time.perf_counter()
        values, errors = changed.mean()
        yield Explanation(
            values=values,
            axes=("feature",),
            on="features",
            features=np.arange(columns),
            names=table.names,
            standard_error=errors,
            quantity=measure.quantity,
            details=measure.details,
            warnings=warnings,
            progress=(number + 1) / len(steps),
        )


def of_target(explanation: Explanation) -> bool:
    """Whether an answer depends on its target: the fall of the accuracy is that of all classes."""
    return explanation.method != "permutation_importance" or _ACCURACY not in explanation.details


def _shuffled(subject: Subject, chosen: np.ndarray, places: np.ndarray, lenders: np.ndarray) -> Tensor:
    """Scores (F · n, K) of rows `places` (n,) of those chosen (N, F), column by column with the values of `lenders`."""
    columns, scores = chosen.shape[1], []
    for some in np.array_split(np.arange(columns), -(-columns * len(places) // _ROWS)):
        shuffled = np.tile(chosen[places], (len(some), 1, 1))
        for number, column in enumerate(some):
            shuffled[number, :, column] = chosen[lenders, column]
        own = np.tile(chosen[places], (len(some), 1))  # the rows whose index they keep
        scores.append(scores_of(subject, shuffled.reshape(-1, columns), "background", own))
    return torch.cat(scores)


def _shuffles(count: int, repeats: int, seed: int) -> np.ndarray:
    """(repeats, count): which row lends its value to each; as scikit-learn does, each shuffle goes on from the last."""
    draw = np.random.RandomState(np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1))
    order, places, found = np.arange(count), np.arange(count), []
    for _ in range(repeats):
        draw.shuffle(order)
        places = places[order]
        found.append(places)
    return np.array(found)


def _measure(subject: Subject, target: Target, numbers: np.ndarray, clean: Tensor) -> _Measure:
    """How much worse the scores are of rows, against the clean scores (n, K) of all; by labels where there are some."""
    labels = table_of(subject).labels
    if labels is None or clean.ndim != 2 or undecided(subject):
        before = _array(targets.score(clean, target))
        return _Measure(
            lambda places, scores: np.abs(_array(targets.score(scores, target)) - before[places]),
            "mean change of the score",
            {},
        )
    if has_classes(subject):
        right = right_classes(subject)[numbers]
        missed = _array(clean).argmax(1) != right
        return _Measure(
            lambda places, scores: (_array(scores).argmax(1) != right[places]) - missed[places].astype(np.float64),
            "fall of the accuracy",
            {_ACCURACY: 1 - float(missed.mean())},
        )
    wanted = right_numbers(subject)[numbers]
    unit = unit_of(wanted)
    spread = float((wanted / unit).var())
    if not spread > 0:
        raise ValueError(f"labels: R² needs numbers that differ, all {len(wanted)} are {wanted[0]:g}")

    def off(scores: Tensor, labels: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            found: np.ndarray = ((_array(targets.score(scores, target)) - labels) / unit) ** 2 / spread
        if not np.isfinite(found).all():
            largest = float(targets.score(scores, target).abs().max())
            raise ValueError(
                f"labels: against them R² of scores up to {largest:.2g} is beyond what a float holds (their spread is "
                f"{spread**0.5 * unit:.2g}); are they what the model predicts? Without labels, the change of the score "
                "is measured"
            )
        return found

    errors = off(clean, wanted)
    return _Measure(
        lambda places, scores: off(scores, wanted[places]) - errors[places],
        "fall of R²",
        {"R²": 1 - float(errors.mean())},
    )


def _array(scores: Tensor) -> np.ndarray:
    array: np.ndarray = scores.double().cpu().numpy()
    return array


class _Changes:
    """What shuffling did, added up for the rows that got another value and for those that lent it."""

    def __init__(self, columns: int, rows: int) -> None:
        self._total = np.zeros(columns)
        self._count = 0
        self._parts = np.zeros((columns, rows))  # of each row in the total
        self._times = np.zeros(rows)

    def add(self, changes: np.ndarray, places: np.ndarray, lenders: np.ndarray) -> None:
        """Changes (F, n) at rows `places` (n,) which got the values of rows `lenders` (n,)."""
        self._total += changes.sum(1)
        self._count += len(places)
        for rows in (places, lenders):
            self._parts[:, rows] += changes
            self._times[rows] += 1

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean change (F,) and its standard error.

        The mean is over pairs of rows, of which each row is in two, once on either side: it moves the mean by what
        all of its pairs are off (Hoeffding's projection). What the pairing adds by chance is in there, too.
        """
        mean = self._total / self._count
        moved = (self._parts - mean[:, None] * self._times) / self._count
        return mean, error_of_mean(moved.T * len(self._times), features=0)
