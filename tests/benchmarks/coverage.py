"""Whether error bars tell the truth: the share of intervals value ± 1.96 standard errors that miss the right value.

It should be 5 %, or a warning says that it may be more. Right are the values of games in closed form; of LIME the
weights that very many samples give; of answers about many rows what all rows and very many samples give. Errors that
are too wide show in the note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from nbexplain import Explanation, Tabular, explain
from nbexplain.core.dataset.by_group import mean_size
from nbexplain.core.methods.hiding import masker_of
from nbexplain.core.methods.lime_rows import Drawn
from nbexplain.core.methods.lime_samples import Hidden
from nbexplain.core.methods.local_fit import fit
from nbexplain.core.subject import Subject
from tests.benchmarks.measure import Row
from tests.core import games

SEEDS = 200
FEATURES = (8, 20, 60)
ALLOWED = 7.0  # per cent: 5, and 2 for what so many seeds leave open
MANY = 100_000  # samples of LIME that count as very many

Model = Callable[[np.ndarray], np.ndarray]


def rows(seeds: int = SEEDS, features: Sequence[int] = FEATURES) -> Iterator[Row]:
    """A row for each method, game, number of features and number of samples."""
    for count, make in product(features, games.ALL):
        game = make(count)
        row, text = games.as_row(game), games.as_text(game)
        for samples in (3 * count, 1000):
            yield _row(_asked(*row, "kernel_shap", seeds, samples=samples), game.values, game.name)
        for orders in (3, 15, 60):
            yield _row(_asked(*row, "permutation_shap", seeds, permutations=orders), game.values, game.name)
        exact = explain(*text, "partition_shap", target=0, evaluations=20_000)
        for evaluations in (100, 1000):
            yield _row(_asked(*text, "partition_shap", seeds, evaluations=evaluations), exact.values, game.name)
        limit = _limit_of_words(game, *text)
        for samples in (100, 500):
            yield _row(_asked(*text, "lime", seeds, samples=samples), limit, game.name)
    for count in features[:2]:
        for name, model in _models(count).items():
            yield from _of_rows(seeds, count, name, model)


def _of_rows(seeds: int, count: int, name: str, model: Model) -> Iterator[Row]:
    """Answers about a table."""
    table = _table(count, 300)
    for bins, samples in product(("quartile", "value"), (100, 500)):
        near = Drawn(Subject(model, table), bins, 999)  # type: ignore[arg-type]
        yield _row(_asked(model, table, "lime", seeds, bins=bins, samples=samples), _limit(near, model), name)
    for orders in (2, 5, 20)[: 3 if count == FEATURES[0] else 2]:
        yield _row(*_orders_of_rows(model, table, seeds, orders), name)
    many = _table(count, 10_000)
    right = explain(model, many, "permutation_importance", target=0, rows=10_000, repeats=5).values
    for some in (20, 100, 1000):
        yield _row(_asked(model, many, "permutation_importance", seeds, rows=some), right, name)
    if count > FEATURES[0]:
        return
    start = Drawn(Subject(model, table), "quartile", 0)  # type: ignore[arg-type]
    assert table.background is not None
    arounds = [start.around(row, 10_000 + number) for number, row in enumerate(table.background)]
    limit = np.mean([np.abs(_limit(around, model, MANY // 20)) for around in arounds], axis=0)
    for some in (5, 20, 100):
        yield _row(_asked(model, table, "averaged_lime", seeds, rows=some), limit, name)
    few = _table(count, 400)
    params: dict[str, Any] = {"background": 400, "explainer": "permutation"}  # all rows, so that seeds do not differ
    right = np.abs(explain(model, few, "row_shap", target=0, rows=400, orders=20, **params).values).mean(0)
    for some in (10, 50):
        found = _asked(model, few, "row_shap", seeds, rows=some, **params)
        yield _row([_mean_size(one) for one in found], right, name)
    few, model = _table(3, 200), _models(3)[name]
    params = {"background": 200, "explainer": "exact"}
    right = explain(model, few, "interaction", target=0, rows=200, **params).values
    for some in (5, 20):
        yield _row(_asked(model, few, "interaction", seeds, rows=some, **params), right, name)


def _table(columns: int, count: int) -> Tabular:
    background = np.random.default_rng(columns).normal(size=(count, columns))
    return Tabular(background[0], background)


def _models(columns: int) -> dict[str, Model]:
    weights = np.random.default_rng(1).normal(size=columns) / columns**0.5
    weights[-1] = 0
    return {
        "linear": lambda rows: rows @ weights,
        "curved": lambda rows: np.tanh(2 * rows @ weights) + rows[:, 0] * rows[:, 1] * rows[:, 2],
        "step": lambda rows: (rows @ weights > 0.3) * 1.0,
    }


def _asked(model: Any, x: Any, key: str, seeds: int, **params: Any) -> list[Explanation]:
    found = [explain(model, x, key, target=0, **({"seed": 0} | params))]
    if "rows" not in params and _is_exact(found[0]):  # and so are the others
        return found
    return found + [explain(model, x, key, target=0, seed=seed, **params) for seed in range(1, seeds)]


def _is_exact(one: Explanation) -> bool:
    return one.standard_error is not None and bool(one.standard_error.max() <= 1e-9 * np.abs(one.values).max())


def _mean_size(one: Explanation) -> Explanation:
    """The mean of |value| over rows, as charts show it."""
    found = mean_size(one)
    sizes = {"values": found.values, "standard_error": found.errors}
    columns = np.arange(len(found.values))
    return replace(one, **sizes, axes=("feature",), on="features", features=columns, signed=False)


def _limit(near: Drawn, model: Model, many: int = MANY) -> np.ndarray:
    design = near.design(many)
    return fit(design, model(near._rows), near.distances(design), 0.75 * design.shape[1] ** 0.5).weights


def _limit_of_words(game: games.Known, model: Any, x: Any) -> np.ndarray:
    subject = Subject(model, x)
    near = Hidden(subject, masker_of(subject, {"unit": "word", "hide": "remove"}, 0), 999)
    design = near.design(MANY)
    return fit(design, game.play(design), near.distances(design), 0.25).weights


def _orders_of_rows(model: Model, table: Tabular, seeds: int, orders: int) -> tuple[list[Explanation], np.ndarray]:
    """SHAP values of rows, and those that very many orders give; a seed draws rows and background too."""
    params = {"rows": 10, "explainer": "permutation", "background": 20}

    found = _asked(model, table, "row_shap", seeds, orders=orders, **params)
    right = _asked(model, table, "row_shap", seeds, orders=100, **params)
    return found, np.array([one.values for one in right])


def _row(answers: Sequence[Explanation], right: np.ndarray, game: str) -> Row:
    one = answers[0]
    values, errors = (np.array([getattr(answer, part) for answer in answers]) for part in ("values", "standard_error"))
    known = np.isfinite(errors)
    warned = any("error bars" in note and (one.on != "rows" or "orders" in note) for note in one.warnings)
    wrong = games.missed(answers, right)
    share = 100 * wrong[known].mean() if known.any() else 0.0
    far, said = (np.sqrt(np.mean(part[known] ** 2)) if known.any() else np.nan for part in (values - right, errors))
    given = " ".join(f"{name}={one.params[name]}" for name in _SHOWN if name in one.params)
    return Row(
        f"error bars: {one.method}, {game}, {right.shape[-1]} features, {given}",
        float(share),
        100.0 if warned else ALLOWED,
        note="warned; "
        * warned
        + f"of one feature {100 * wrong.mean(0).max():.0f} %; off by {far:.2g}, error {said:.2g}; "
        f"known {100 * known.mean():.0f} %, of {len(answers)}",
        unit="% missed",
    )


_SHOWN = ("samples", "permutations", "evaluations", "bins", "orders", "rows")
