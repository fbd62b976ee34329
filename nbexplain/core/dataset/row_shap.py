"""SHAP values of many rows, from which importance, beeswarm and dependence are drawn."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np

from nbexplain.core.dataset.expected_gradients import ExpectedGradients
from nbexplain.core.dataset.hidden_rows import sampled, stand_in_rows
from nbexplain.core.dataset.permutation_sampling import PermutationSampling
from nbexplain.core.dataset.rows import Reading, Rows, Seed, drawn, scores_of, table_of
from nbexplain.core.dataset.trees import Trees, estimator_of
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background
from nbexplain.core.methods.sampling_error import few_rows
from nbexplain.core.model.trees.ensemble import NoTrees
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.matching import few, matching
from nbexplain.core.table.prices import matches
from nbexplain.core.target import key_of
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed

_PAUSE = 0.1  # seconds between two pictures


class _Step(Protocol):
    """An explainer at work: so many rows at a time."""

    step: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said of the values so far."""

    def __call__(self, rows: np.ndarray, start: int, /) -> tuple[np.ndarray, np.ndarray | None]:
        """Values and standard errors (n, F, C) of rows (n, F), the first of which is number `start` of all."""


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows: values and standard errors (n, F, C), scores (n, C), and what a reader must know of them."""

    values: np.ndarray
    errors: np.ndarray | None
    scores: np.ndarray
    notes: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.scores.nbytes + (0 if self.errors is None else self.errors.nbytes)


def _price(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
    """Trees are asked without passes."""
    table = table_of(subject)
    stand_ins = stand_in_rows(subject, params["background"], params["seed"])
    used = params["explainer"]
    if used == "auto":
        used = _explainer(subject, target, stand_ins, (params["background"], params["seed"]))
    hidden = 2 * len(table.columns) * params["orders"] * len(stand_ins)
    each = {"tree": 0, "gradient": params["samples"], "permutation": hidden}[used]
    if not each:
        return 0
    count, before = matches(subject, params["where"])
    return int(before + each * min(params["rows"], count))


@method(
    label="SHAP over rows",
    paper="Lundberg & Lee 2017, arXiv:1705.07874",
    over_rows=True,
    kinds=("table",),
    price=_price,
)
def row_shap(
    subject: Subject,
    target: Target,
    *,
    rows: Rows = 500,
    where: Where = ALL_ROWS,
    explainer: Annotated[
        str, Choice("how the values are found", ("auto", "gradient", "permutation", "tree"), kinds=("table",))
    ] = "auto",
    background: Background = 50,
    samples: Annotated[int, Range("gradient: how many points for each row", 1, 1000)] = 200,
    orders: Annotated[int, Range("permutation: how many orders of the columns, there and back", 1, 100)] = 5,
    seed: Seed = 0,
) -> Iterator[Explanation]:
    """SHAP values of many rows of the background: what each column of each row adds to the score.

    Values are (row, feature) in units of the score; `features` are the rows' numbers in the background, in the random
    order in which they were explained, so that the first stand for all. `base` is the mean score of the background
    rows that stand in, from which a row's values add up to its score; `gap` is the largest difference that remains.
    `explainer`: *tree* (`shap.TreeExplainer`, interventional) where shap can follow a model's trees to the
    score; *gradient* (expected gradients, Erion et al. 2021, with the draws of `shap.GradientExplainer`) for torch
    models of numbers; *permutation* (antithetic orders, as `shap.PermutationExplainer`) for anything. `auto` takes the
    first of these that can, and trees only where their values are Shapley's, or nearly (see `tree_shap`).
    `standard_error` is that of the draws. Trees and permutations tell all classes at once.

    Raises
    ------
    ValueError
        If there is no background, no row matches, the explainer cannot explain this model, or a score is not finite.
    """
    table = table_of(subject)
    among = matching(subject, where)
    numbers = drawn(table, rows, seed, among)
    chosen = needed(table)[numbers]
    notes = (*few(where, among), *few_rows(len(numbers), len(among)))
    stand_ins = stand_in_rows(subject, background, seed)
    clean = scores_of(subject, stand_ins, "background")
    used = _explainer(subject, target, stand_ins, (background, seed)) if explainer == "auto" else explainer
    read = Reading(subject, target, np.inf if used == "gradient" else chosen.size)
    base = read(clean).mean(0).numpy()
    how = {"gradient": samples, "permutation": orders, "tree": 0}[used]
    key = ("row_shap", used, read.key, background, seed, how, where)
    parts: list[_Part] = list(subject.kept(key) or ())

    def begin(known: int) -> _Step:
        if used == "gradient":
            _check_numbers(table)
            return ExpectedGradients(subject, target, stand_ins, samples, seed, skip=known)
        if used == "permutation":
            return PermutationSampling(subject, read, stand_ins, orders, seed, base)
        try:
            return Trees(subject, read, stand_ins)
        except NoTrees as error:
            raise NoTrees(f"{error}; explainer='permutation' takes any model") from error

    explain: _Step | None = None
    shown = -np.inf
    while True:
        known = sum(len(part.values) for part in parts)
        done = min(known, len(numbers))
        if done == len(numbers) or (done and time.perf_counter() - shown > _PAUSE):
            answer = _answer(parts, numbers[:done], read.column, base, table, used, done / len(numbers))
            details = {**answer.details, **sampled(subject, len(stand_ins))}
            yield dataclasses.replace(answer, details=details, warnings=(*notes, *answer.warnings))
            shown = time.perf_counter()
        if done == len(numbers):
            return
        if explain is None:
            explain = begin(known)
        now = chosen[known : known + explain.step]
        scores = read(scores_of(subject, now, "background")).numpy()
        values, errors = explain(now, known)
        parts.append(_Part(values, errors, scores, explain.notes))
        subject.keep(key, tuple(parts), sum(part.nbytes for part in parts))


def _explainer(subject: Subject, target: Target, stand_ins: np.ndarray, draw: tuple[int, int]) -> str:
    """The one that suits the model: trees whose values are Shapley's, or nearly; gradients of numbers; permutations."""
    plain = isinstance(target, (int, tuple))
    key = ("row_shap explainer", plain or key_of(target), draw)
    found: str | None = subject.kept(key)
    if found is None:
        found = "permutation"
        if estimator_of(subject) is None:
            if not any(c.categories for c in table_of(subject).columns) and subject.has_gradient(target):
                found = "gradient"
        elif plain:
            try:
                if Trees(subject, Reading(subject, target, 0), stand_ins).close:
                    found = "tree"
            except (NoTrees, ImportError):  # shap is not needed for the others
                pass
        subject.keep(key, found, 0)
    return found


def _check_numbers(table: Tabular) -> None:
    for column in table.columns:
        if column.categories:
            raise ValueError(
                f"explainer: 'gradient' goes from row to row on straight lines, and {column.name!r} is a category; "
                "use 'permutation'"
            )


def _answer(
    parts: list[_Part], numbers: np.ndarray, column: int, base: np.ndarray, table: Tabular, used: str, progress: float
) -> Explanation:
    values = np.concatenate([part.values[..., column] for part in parts])[: len(numbers)]
    errors = [part.errors[..., column] for part in parts if part.errors is not None]
    scores = np.concatenate([part.scores[:, column] for part in parts])[: len(numbers)]
    return Explanation(
        values=values,
        axes=("row", "feature"),
        on="rows",
        features=numbers.copy(),
        names=table.names,
        standard_error=np.concatenate(errors)[: len(numbers)] if errors else None,
        quantity="SHAP value of a column",
        base=float(base[column]),
        gap=float(np.abs(scores - base[column] - values.sum(1)).max()),
        details={f"rows by {used}": len(numbers)},
        warnings=parts[-1].notes,
        progress=progress,
    )
