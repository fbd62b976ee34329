"""How much a model needs each column: by shuffling it, and what a forest says of itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.row_scores import has_classes, right_classes
from nbexplain.core.dataset.rows import Rows, Seed, drawn, scores_of, table_of
from nbexplain.core.dataset.trees import estimator_of
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.layers import Layer
from nbexplain.core.methods.sampling_error import widening
from nbexplain.core.registry import Range, method
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import needed

_PAUSE = 0.1  # seconds between two pictures
_ROWS = 16384  # changed rows that are held at a time
_PARTS = 10  # of a shuffle: the first picture comes from a tenth of the rows
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
    kinds=("table",),
)
def permutation_importance(
    subject: Subject,
    target: Target,
    *,
    rows: Rows = 1000,
    repeats: Annotated[int, Range("how many times each column is shuffled", 1, 100)] = 5,
    seed: Seed = 0,
) -> Iterator[Explanation]:
    """How much worse the model does when the values of a column are shuffled among the rows.

    Values are (feature,). With labels, how much the accuracy falls (R² of the target's score, of a model that predicts
    numbers or has one score); without, the mean of |change| of the target's score. `standard_error` is for other rows
    and for other shuffles: 95 % of the intervals value ± 1.96 errors hold what all rows would give. Where all rows are
    taken, the shuffles are those of `sklearn.inspection.permutation_importance(…, n_repeats=repeats,
    random_state=seed)`. Of two columns that tell the same, neither may seem important; shuffled rows may be such as
    never occur.

    Raises
    ------
    ValueError
        If there are not two rows, a label is no class of the model, or a score is not finite.
    """
    table = table_of(subject)
    order = drawn(table, rows, seed)
    numbers = np.sort(order)
    chosen = needed(table)[numbers]
    if len(chosen) < 2:
        raise ValueError("background: shuffling a column needs at least two rows, got one")
    clean = scores_of(subject, chosen, "background")
    measure = _measure(subject, target, numbers, clean)
    columns, turn = chosen.shape[1], np.searchsorted(numbers, order)
    steps = [(repeat, places) for repeat in range(repeats) for places in np.array_split(turn, min(_PARTS, len(turn)))]
    shuffles = _shuffles(len(chosen), repeats, seed)
    small = repeats * columns * clean.nbytes <= _MOST_KEPT
    key = ("permutation_importance", rows, seed)
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
            progress=(number + 1) / len(steps),
        )


def _shuffled(subject: Subject, chosen: np.ndarray, places: np.ndarray, lenders: np.ndarray) -> Tensor:
    """Scores (F · n, K) of rows `places` (n,) of those chosen (N, F), column by column with the values of `lenders`."""
    columns, scores = chosen.shape[1], []
    for some in np.array_split(np.arange(columns), -(-columns * len(places) // _ROWS)):
        shuffled = np.tile(chosen[places], (len(some), 1, 1))
        for number, column in enumerate(some):
            shuffled[number, :, column] = chosen[lenders, column]
        scores.append(scores_of(subject, shuffled.reshape(-1, columns), "background"))
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
    if labels is None or clean.ndim != 2:
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
            {"accuracy": 1 - float(missed.mean())},
        )
    if labels.dtype.kind not in "fiub":
        raise ValueError(f"labels: the model predicts numbers, expected numbers, got {labels.tolist()[0]!r}")
    wanted = labels[numbers].astype(np.float64)
    spread = float(wanted.var())
    if not spread > 0:
        raise ValueError("labels: R² needs numbers that differ, and none that is NaN")
    errors = (_array(targets.score(clean, target)) - wanted) ** 2 / spread
    return _Measure(
        lambda places, scores: (_array(targets.score(scores, target)) - wanted[places]) ** 2 / spread - errors[places],
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
        rows = len(self._times)
        return mean, np.sqrt((moved**2).sum(1) * rows / (rows - 1)) * widening(rows - 1)


def _no_forest(subject: Subject, layer: Layer | None) -> str:
    known = hasattr(estimator_of(subject), "feature_importances_")
    return "" if known else "it needs a forest with feature_importances_"


@method(
    label="Forest importance",
    paper="Breiman 2001, doi:10.1023/A:1010933404324",
    over_rows=True,
    kinds=("table",),
    unfit=_no_forest,
)
def forest_importance(subject: Subject) -> Explanation:
    """What a forest says of its columns: how much purer the splits on each make its training rows.

    Values are (feature,), the estimator's `feature_importances_`, which add up to 1; `standard_error` is that of the
    mean over its trees (their spread is √trees times as large), where it has independent trees. Computed on training
    rows, it favours columns of many values, even random ones (Strobl et al. 2007), and does not tell whether what was
    learned holds for other rows: see `permutation_importance` beside it.

    Raises
    ------
    ValueError
        If the model says nothing of the kind, or of other columns than the table's.
    """
    names = subject.input.names  # type: ignore[attr-defined]
    estimator = estimator_of(subject)
    values = getattr(estimator, "feature_importances_", None)
    if values is None:
        kind = type(subject.twin.module if estimator is None else estimator).__name__
        raise ValueError(f"model: expected a forest with feature_importances_, such as scikit-learn's, got {kind}")
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (len(names),):
        raise ValueError(f"model: it has importances of {values.size} columns, and the table has {len(names)}")
    trees = _trees(estimator, values)
    return Explanation(
        values=values.copy(),
        axes=("feature",),
        on="features",
        signed=False,
        features=np.arange(len(names)),
        names=names,
        standard_error=None if trees is None else trees.std(0, ddof=1) / len(trees) ** 0.5,
        quantity="share of the fall of impurity",
        details={} if trees is None else {"trees": len(trees)},
    )


def _trees(estimator: object, values: np.ndarray) -> np.ndarray | None:
    """The importances (trees, F) of the trees of a forest, whose mean the forest's are; None for other ensembles."""
    members = getattr(estimator, "estimators_", None)
    if not isinstance(members, list) or len(members) < 2:
        return None
    own = np.array([getattr(tree, "feature_importances_", np.nan * values) for tree in members])
    return own if own.shape[1:] == values.shape and np.allclose(own.mean(0), values, atol=0.02) else None
