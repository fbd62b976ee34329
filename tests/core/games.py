"""Games of any number of players, from five on, whose Shapley values are known in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nbexplain import Explanation, Tabular, Text


@dataclass(frozen=True, eq=False)
class Known:
    """A game: rows of which players take part (n, players) → (n,), and its Shapley values (players,)."""

    name: str
    play: Callable[[np.ndarray], np.ndarray]
    values: np.ndarray


def additive(players: int) -> Known:
    """Each player adds a number of their own."""
    weights = np.random.default_rng([players, 0]).normal(size=players)
    return Known("additive", lambda keep: keep @ weights, weights)


def pairs(players: int) -> Known:
    """Numbers of their own, and one for each two: half of it belongs to either."""
    draw = np.random.default_rng([players, 1])
    weights = draw.normal(size=players)
    both = np.triu(draw.normal(size=(players, players)), 1)
    return Known(
        "pairs",
        lambda keep: keep @ weights + np.einsum("np,pq,nq->n", keep, both, keep, optimize=True),
        weights + (both.sum(0) + both.sum(1)) / 2,
    )


def product(players: int) -> Known:
    """Π (1 + a z): the value is ∫ a Π_others (1 + a t) dt from 0 to 1, a polynomial (Owen's multilinear extension)."""
    factors = np.random.default_rng([players, 2]).uniform(-0.5, 0.9, players) * (8 / players)
    places, weights = np.polynomial.legendre.leggauss(players // 2 + 1)  # exact for it
    points = (places + 1) / 2
    whole = np.prod(1 + factors * points[:, None], axis=1)
    return Known(
        "product",
        lambda keep: np.prod(1 + factors * keep, axis=1),
        (weights / 2 * whole) @ (factors / (1 + factors * points[:, None])),
    )


def threshold(players: int) -> Known:
    """1 from half of the players on: all are alike."""
    return Known("threshold", lambda keep: (keep.sum(1) > players / 2) * 1.0, np.full(players, 1 / players))


def maximum(players: int) -> Known:
    """The largest number that is there: what each step of the runway costs is shared by all who need it."""
    sizes = np.sort(np.random.default_rng([players, 3]).exponential(size=players))
    steps = np.diff(sizes, prepend=0) / np.arange(players, 0, -1)
    return Known("maximum", lambda keep: (keep * sizes).max(1), np.cumsum(steps))


def sparse(players: int) -> Known:
    """Three players matter: z₀ + 3 z₀ z₁ z₂."""
    values = np.zeros(players)
    values[:3] = [2, 1, 1]
    return Known("sparse", lambda keep: keep[:, 0] + 3 * keep[:, 0] * keep[:, 1] * keep[:, 2], values)


def crowds(players: int) -> Known:
    """Three times as many groups of three to five as there are players, each with a number that its members share."""
    draw = np.random.default_rng([players, 4])
    groups = np.zeros((3 * players, players))
    for group in groups:
        group[draw.choice(players, draw.integers(3, 6), replace=False)] = 1
    sizes, worth = groups.sum(1), draw.normal(size=len(groups))
    return Known("crowds", lambda keep: (keep @ groups.T == sizes) @ worth, (worth / sizes) @ groups)


ALL = (additive, pairs, product, threshold, maximum, sparse, crowds)


def as_text(game: Known) -> tuple[Callable[[list[str]], np.ndarray], Text]:
    """The game as a model that reads which words are there, and a text of all of them."""
    words = [f"w{number:02d}" for number in range(len(game.values))]

    def model(texts: list[str]) -> np.ndarray:
        there = [set(text.split()) for text in texts]
        return game.play(np.array([[word in one for word in words] for one in there], dtype=float))

    return model, Text(" ".join(words))


def as_row(game: Known) -> tuple[Callable[[np.ndarray], np.ndarray], Tabular]:
    """The game as a model of a row of ones, whose background is a row of zeros."""
    return game.play, Tabular(np.ones(len(game.values)), np.zeros((1, len(game.values))))


def missed(answers: Sequence[Explanation], right: np.ndarray) -> np.ndarray:
    """(answers, features): whether value ± 1.96 standard errors holds the right value or not."""
    values, errors = (np.array([getattr(one, part) for one in answers]) for part in ("values", "standard_error"))
    wrong: np.ndarray = np.abs(values - right) > 1.96 * errors + 1e-9 * np.abs(right).max()
    return wrong
