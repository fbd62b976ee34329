"""How a row of tokens lies on an image or a video: the grid that explains best where some of them come from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

_FITS = 0.8  # of the tokens' places that a grid must explain ...
_FITS_AS_BEFORE = 0.4  # ... or that of what they come from, where as many of them are cells as that has
_FITS_WELL = 0.95  # ... and from which on no other order of the tokens is tried
_SPREAD = 0.07  # of a side: nor is it where all tokens lie nearly at one place, since each sees nearly all
_LEAST_SLOPE = 0.2  # of the way that a token's place moves, where tokens that follow each other do not see all alike
_STRAYS = 0.4  # of that way: so far from where the grid puts it no token lies ...
_APART = 0.1  # ... nor are tokens spread so widely along a side that it does not explain ...
_LEAST_SIDE = 3  # ... of so many cells
_LEAST_CELLS = 6  # of a new grid with others before or behind it: fewer lie well by chance
_ENDS, _BETWEEN = 12, 12  # tokens that are looked at: so many at either end, and between
_MOST_EXTRA = 16  # tokens before and behind the grid


def sampled(length: int) -> list[int]:
    """Tokens that are looked at, in order."""
    if length <= 2 * _ENDS + _BETWEEN:
        return list(range(length))
    between = np.linspace(_ENDS, length - _ENDS - 1, _BETWEEN).round().astype(int).tolist()
    return sorted({*range(_ENDS), *between, *range(length - _ENDS, length)})


Layout = tuple[tuple[int, ...], int, int, tuple[int, ...]]  # grid, prefix, suffix, order: see `Geometry`
_Fit = tuple[float, int, Layout]  # the part that is explained, how many tokens are others, and the layout


def fitted_grid(
    length: int,
    tokens: Sequence[int],
    centres: np.ndarray,
    before: tuple[int, ...] | None = None,
    order: tuple[int, ...] = (),
) -> Layout | None:
    """The grid that explains best where some of `length` tokens lie, with as few others as possible.

    Parameters
    ----------
    tokens
        Their numbers, in order.
    centres
        (tokens, sides), where they lie, as shares of each side; NaN where that is not known.
    before, order
        The grid that they come from, and its order: they are theirs as well if they explain where they lie, since a
        few tokens that are taken for all lie well on many a small grid. Other orders are tried where none fits well.

    Returns
    -------
    grid, prefix, suffix, order
        None where no grid explains four fifths of the variance.
    """
    numbers, sides = np.asarray(tokens), range(centres.shape[1])
    fits = _fits(length, numbers, centres, order or tuple(sides), before)
    same = max((fit for fit in fits if fit[2][0] == before and fit[0] >= _FITS_AS_BEFORE), default=None)
    if same and not any(fit[1] < same[1] and fit[0] >= _FITS_WELL for fit in fits):
        return same[2]
    clear = np.nanmax(np.nanstd(centres, 0)) > _SPREAD if np.isfinite(centres).any() else False
    if clear and max((fit[0] for fit in fits), default=0.0) < _FITS_WELL:
        others = (one for one in itertools.permutations(sides) if one != (order or tuple(sides)))
        fits += [fit for one in others for fit in _fits(length, numbers, centres, one, before)]
    best = max((fit[0] for fit in fits), default=0.0)
    if best < _FITS:
        return None
    return min((fit for fit in fits if fit[0] >= best - 0.03), key=lambda fit: (fit[1], -fit[0]))[2]


def _fits(
    length: int, numbers: np.ndarray, centres: np.ndarray, order: tuple[int, ...], before: tuple[int, ...] | None
) -> list[_Fit]:
    """What each grid explains whose tokens run over its sides in this order."""
    sides = centres.shape[1]
    fits: list[_Fit] = []
    for prefix, suffix in itertools.product(range(min(_MOST_EXTRA, length)), repeat=2):
        cells = length - prefix - suffix
        inside = (numbers >= prefix) & (numbers < length - suffix)
        others = prefix + suffix
        if others > _MOST_EXTRA:
            continue
        least = _LEAST_CELLS if others else 4 if sides > 1 else 2
        least = 2 if cells == math.prod(before or ()) else least
        if cells < max(least, length / 2) or inside.sum() < 2:
            continue
        if np.isnan(centres[inside]).any():
            continue
        seen = centres[inside][:, order]
        total = float(((seen - seen.mean(0)) ** 2).sum())
        if total <= 0:
            continue
        for sizes in _factors(cells, sides):
            places = np.stack(np.unravel_index(numbers[inside] - prefix, sizes), 1) / np.asarray(sizes)
            along = [_explained(places[:, side], seen[:, side], sizes[side]) for side in range(sides)]
            if any(part is None for part in along):
                continue
            explained = sum(part or 0.0 for part in along)
            grid = tuple(sizes[order.index(side)] for side in range(sides))
            longer = [side for side in order if grid[side] > 1]
            laid = (grid, prefix, suffix, () if longer == sorted(longer) else order)
            fits.append((explained / total, others, laid))
    return fits


def _explained(places: np.ndarray, seen: np.ndarray, size: int) -> float | None:
    """The part of the sum of squares that a line explains, if it rises enough; None if a token is far from it.

    Tokens between others that stand elsewhere, several grids behind each other, and rows that run to and fro fit well
    on the whole, and some of them lie at the other end of the side.
    """
    away = places - places.mean()
    spread = float((away**2).sum())
    slope = float((away * seen).sum()) / spread if spread > 0 else 0.0
    if slope <= _LEAST_SLOPE:
        return None if size >= _LEAST_SIDE and seen.std() > _APART else 0.0
    strays = float(np.abs(seen - seen.mean() - slope * away).max())
    return None if size >= _LEAST_SIDE and strays > _STRAYS * slope else slope**2 * spread


def _factors(number: int, count: int) -> list[tuple[int, ...]]:
    """All ways to write a number as a product of so many, in order."""
    if count <= 1:
        return [(number,)]
    small = [one for one in range(1, math.isqrt(number) + 1) if number % one == 0]
    divisors = [*small, *(number // one for one in reversed(small) if one * one < number)]
    return [(first, *rest) for first in divisors for rest in _factors(number // first, count - 1)]
