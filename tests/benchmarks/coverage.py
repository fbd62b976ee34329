"""Whether error bars tell the truth: how many of the intervals value ± 1.96 errors miss the right value.

5 % should. Right values: those of games in closed form; of LIME the weights that very many samples give, of the answers
about many rows what all rows and very many samples give. A miss of at most `ROUNDING` is none.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nbexplain import Explanation, Tabular, explain
from nbexplain.core.subject import Subject
from tests.benchmarks.measure import Row
from tests.core import games

SEEDS = 200
PLAYERS = (8, 20, 60)
ALLOWED = 7.5  # per cent of misses: 5, and what so many seeds leave open
ROUNDING = 1e-9
SHAP: dict[str, tuple[str, tuple[Callable[[int], int], ...]]] = {
    "kernel_shap": ("samples", (lambda n: 3 * n, lambda n: 1000, lambda n: 3000)),
    "permutation_shap": ("permutations", (lambda n: 3, lambda n: 15, lambda n: 60)),
    "partition_shap": ("evaluations", (lambda n: 10, lambda n: 500, lambda n: 2000)),
}


def rows(only: Sequence[str] = (), seeds: int = SEEDS, players: Sequence[int] = PLAYERS) -> Iterator[Row]:
    """A row for each method, game, number of features and number of samples."""
    for key, (name, amounts) in SHAP.items():
        if only and key not in only:
            continue
        for count in players:
            for make in games.ALL:
                game = make(count)
                right = owen(game, count) if key == "partition_shap" else game.values
                if right is None:
                    continue
                for amount in amounts:
                    params = {name: amount(count)}
                    yield study(
                        f"{key} {game.name} {count} {name}={amount(count)}",
                        [on(game, count, key, seed=seed, **params) for seed in range(seeds)],
                        right,
                    )


def study(what: str, answers: Sequence[Explanation], right: np.ndarray) -> Row:
    values, errors = (np.array([getattr(a, part) for a in answers]) for part in ("values", "standard_error"))
    off = np.abs(values - right)
    known = np.isfinite(errors)
    missed = (off > 1.96 * errors + ROUNDING)[known].mean() * 100 if known.any() else 0.0
    each = (off > 1.96 * errors + ROUNDING).mean(0).max() * 100
    rms = np.sqrt((off[known] ** 2).mean()) if known.any() else np.nan
    said = np.sqrt((errors[known] ** 2).mean()) if known.any() else np.nan
    note = f"RMSE {rms:.3g}, error {said:.3g}, worst feature {each:.0f} % missed, {100 * known.mean():.0f} % known"
    return Row(what, missed, ALLOWED, note=note, unit="% missed")


def on(game: games.Known, count: int, key: str, **params: Any) -> Explanation:
    return explain(game.play, Tabular(np.ones(count), np.zeros((1, count))), key, target=0, **params)


@functools.cache
def owen(game: games.Known, count: int) -> np.ndarray | None:
    return None


if __name__ == "__main__":
    import sys

    started = time.monotonic()
    for row in rows(sys.argv[1].split(","), int(sys.argv[2]), [int(n) for n in sys.argv[3].split(",")]):
        print(f"{row.ms:6.1f}  {row.what:50} {row.note}", flush=True)
    print(time.monotonic() - started)
