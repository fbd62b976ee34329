"""A plane through the space of a table's rows: where a picture of the scores is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbexplain.core.dataset.nearness import spread_of
from nbexplain.core.table.grid import column_number
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import needed

_MARGIN = 0.05  # of the range, beside the outermost rows
_HALF = 0.49  # beside the outermost whole number, to which it is rounded

_MOST_CATEGORIES = 200  # along an axis, which has a point for each

PLANES = ("columns", "components")


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through a row, with coordinates u to the right and v upwards.

    Attributes
    ----------
    names
        Of the two axes.
    low, high
        (2,): from where to where the background and the row reach, with a margin of 5 % where there can be values.
    categories
        For each axis the number of categories it runs over, 0 for numbers.
    held_categories
        For each axis the numbers of those that a row holds, which alone are tried: a model may know no others.
    times
        For each axis what its numbers are the days of, as in `Column`; empty for other numbers.
    whole
        (F,) bool: the columns that the plane runs along and that the model gets as integers, or as categories; so do
        its points.
    limits
        (2, F): from where to where the columns' values can lie, as a clock's within a day, or a category's numbers; so
        do its points.
    held
        The share of the background's variance that lies in the plane, columns put on one scale.
    is_slice
        Whether the rows have more dimensions than the plane: what is seen is a slice, and rows off it are projected.
    origin
        (F,) the row at u = v = 0.
    directions
        (2, F): what a step of one along u and along v adds.
    centre, readers
        (F,) and (2, F): u and v of a row are these times the row less the centre.
    """

    names: tuple[str, str]
    low: np.ndarray
    high: np.ndarray
    categories: tuple[int, int]
    whole: np.ndarray
    limits: np.ndarray
    held: float
    is_slice: bool
    origin: np.ndarray
    directions: np.ndarray
    centre: np.ndarray
    readers: np.ndarray
    times: tuple[str, str] = ("", "")
    held_categories: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    def point(self, u: np.ndarray | float, v: np.ndarray | float) -> np.ndarray:
        """The row (…, F) at u and v (…)."""
        row: np.ndarray = (
            self.origin + np.asarray(u)[..., None] * self.directions[0] + np.asarray(v)[..., None] * self.directions[1]
        )
        inside: np.ndarray = np.clip(np.where(self.whole, np.rint(row), row), *self.limits)
        return inside

    def place(self, rows: np.ndarray) -> np.ndarray:
        """u and v (n, 2) of rows (n, F), those off the plane projected onto it."""
        parts = [(rows - self.centre)[:, reader != 0] @ reader[reader != 0] for reader in self.readers]
        return np.stack(parts, axis=1)

    def ticks(self, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """The values of u and v at which a picture is taken: so many, or one for each category."""
        u, v = (
            np.arange(count, dtype=np.float64) if count else np.linspace(low, high, resolution)
            for low, high, count in zip(self.low, self.high, self.categories, strict=True)
        )
        return u, v

    def tried(self, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """Which of the ticks along u and along v a model is asked at: of categories those that a row holds."""
        u, v = (
            np.array(some, dtype=np.intp) if some else np.arange(len(ticks))
            for some, ticks in zip(self.held_categories, self.ticks(resolution), strict=True)
        )
        return u, v


def strips(
    u: np.ndarray, v: np.ndarray, values: np.ndarray, categories: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The parts of a picture (v, u) within which values change gradually, each with its u, v and values.

    All of it; along an axis of `categories`, as of `Plane`, what each of them has; nothing where both axes are such.
    """
    across, upwards = categories
    if not across and not upwards:
        yield u, v, values
    for number in range(across if not upwards else 0):
        yield np.array([number - 0.5, number + 0.5]), v, values[:, [number, number]]
    for number in range(upwards if not across else 0):
        yield u, np.array([number - 0.5, number + 0.5]), values[[number, number]]


def plane_of(table: Tabular, plane: str, horizontal: int | str | None, vertical: int | str | None) -> Plane:
    """The plane through the table's row along two columns, or along two principal components of the background.

    Parameters
    ----------
    plane
        `"columns"`: the others stay as they are in the row. `"components"`: of the columns that are numbers, each less
        its mean and over its standard deviation; categories stay as they are in the row.
    horizontal, vertical
        Which columns, by name or counted from 0, or which components, counted from 0; None is the first other one that
        can be an axis.

    Raises
    ------
    ValueError
        If there are no such two, one is constant, or the background holds NaN where components are needed.
    """
    if plane not in PLANES:
        raise ValueError(f"plane: expected one of {', '.join(map(repr, PLANES))}, got {plane!r}")
    horizontal = _numbered(table, plane, "horizontal", horizontal)
    vertical = _numbered(table, plane, "vertical", vertical)
    first = axes_of(table) if plane == "columns" else []
    others = (place for place in (*first, *range(len(table.columns) + 2)) if place not in (horizontal, vertical))
    horizontal = next(others) if horizontal is None else horizontal
    vertical = next(others) if vertical is None else vertical
    if horizontal == vertical:
        raise ValueError(f"vertical: expected another {plane[:-1]} than horizontal, got {vertical} twice")
    background, row = needed(table), table.tensor[0].numpy()
    if len(row) < 2:
        raise ValueError("x: a plane needs two columns, and the table has one; try 'partial_dependence'")
    if len(background) < 2:
        raise ValueError("background: a plane needs at least two rows to know how far to reach, got one")
    spread = spread_of(background)
    numbers = np.array([not column.categories for column in table.columns])
    return (_along_columns if plane == "columns" else _along_components)(
        table, row, background, spread, numbers, horizontal, vertical
    )


def _numbered(table: Tabular, plane: str, argument: str, axis: int | str | None) -> int | None:
    """The number of an axis that may be a column's name."""
    if not isinstance(axis, str):
        return axis
    if plane == "components":
        raise ValueError(
            f"{argument}: components have numbers from 0, got the name {axis!r}; {argument}=0, or plane='columns'"
        )
    return column_number(table, axis, argument)


def axes_of(table: Tabular) -> list[int]:
    """The columns that can be an axis: those that vary in the background, and hold no more categories than fit."""
    if table.background is None:
        return list(range(len(table.columns)))
    spread = spread_of(table.background)
    return [
        place
        for place, column in enumerate(table.columns)
        if place not in table.constant
        and (len(column.categories) <= _MOST_CATEGORIES if column.categories else spread[place] > 0)
    ]


def components_of(table: Tabular) -> int:
    """How many components there are.

    Raises
    ------
    ValueError
        If the row or the background holds NaN or infinity among its numbers.
    """
    background, row = needed(table), table.tensor[0].numpy()
    numbers = np.array([not column.categories for column in table.columns])
    return min(len(_in_components(table, row, background, spread_of(background), numbers)), len(background))


def _along_columns(
    table: Tabular, row: np.ndarray, background: np.ndarray, spread: np.ndarray, numbers: np.ndarray, x: int, y: int
) -> Plane:
    count = len(row)
    for name, place in (("horizontal", x), ("vertical", y)):
        if not 0 <= place < count:
            raise ValueError(f"{name}: expected a column from 0 to {count - 1}, got {place}")
        if (categories := len(table.columns[place].categories)) > _MOST_CATEGORIES:
            raise ValueError(
                f"{name}: {table.names[place]!r} has {categories:,} categories, and a picture has room for "
                f"{_MOST_CATEGORIES}; choose another column"
            )
        held = np.append(background[:, place], row[place])
        if not table.columns[place].categories and not spread_of(held[:, None])[0] > 0:
            gone = "missing throughout" if np.isnan(held).all() else "infinite"
            what = "constant" if np.isfinite(held).any() else gone
            others = [column for column in np.flatnonzero(spread > 0).tolist() if column not in (x, y)]
            way = f", such as {name}={others[0]} ({table.names[others[0]]!r})" if others else ""
            raise ValueError(
                f"{name}: {table.names[place]!r} is {what} in the background; choose a column that varies{way}"
            )
    directions = np.eye(count)[[x, y]]
    origin = row.copy()
    origin[[x, y]] = 0
    sizes = (len(table.columns[x].categories), len(table.columns[y].categories))
    limits = _limits(table, background, row)
    for size, column in zip(sizes, (x, y), strict=True):
        if size:
            limits[:, column] = 0, size - 1
    low, high = np.clip(_reach(np.vstack([background, row])[:, [x, y]]), *limits[:, None, [x, y]])
    whole = np.isin(np.arange(count), [x, y]) & (~numbers | _integers(table))
    for axis, (size, column) in enumerate(zip(sizes, (x, y), strict=True)):
        if size:
            low[axis], high[axis] = 0, size - 1
        elif whole[column]:  # no further than the whole numbers that there are: a code may have no others
            known = np.append(background[:, column], row[column])
            known = known[np.isfinite(known)]
            low[axis], high[axis] = known.min() - _HALF, known.max() + _HALF
    varying = int((spread > 0).sum())
    occur = [np.unique(np.append(background[:, column], row[column])) for column in (x, y)]
    of_x, of_y = (
        tuple(some[np.isfinite(some)].astype(int).tolist()) if size else () for some, size in zip(occur, sizes)
    )
    return Plane(
        names=(table.names[x], table.names[y]),
        low=low,
        high=high,
        categories=sizes,
        whole=whole,
        limits=limits,
        held=float((spread[[x, y]] > 0).sum() / varying) if varying else 1.0,
        is_slice=count > 2,
        origin=origin,
        directions=directions,
        centre=np.zeros(count),
        readers=directions,
        times=(table.columns[x].time, table.columns[y].time),
        held_categories=(of_x, of_y),
    )


def _along_components(
    table: Tabular, row: np.ndarray, background: np.ndarray, spread: np.ndarray, numbers: np.ndarray, x: int, y: int
) -> Plane:
    used = _in_components(table, row, background, spread, numbers)
    for name, place in (("horizontal", x), ("vertical", y)):
        if not 0 <= place < len(used):
            raise ValueError(
                f"{name}: expected a component from 0 to {len(used) - 1}, one for each number that varies, got {place}"
            )
    centre, scale = background[:, used].mean(0), spread[used]
    scaled = (background[:, used] - centre) / scale
    _, sizes, axes = np.linalg.svd(scaled, full_matrices=False)
    if max(x, y) >= len(axes):
        raise ValueError(
            f"background: its {len(background)} rows have {len(axes)} components, and number {max(x, y)} is asked for"
        )
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]  # the largest part is positive
    shares = sizes**2 / (sizes**2).sum()
    chosen = axes[[x, y]]
    own = (row[used] - centre) / scale
    directions, readers, middle, origin = (
        np.zeros((2, len(row))),
        np.zeros((2, len(row))),
        np.zeros(len(row)),
        row.copy(),
    )
    directions[:, used], readers[:, used], middle[used] = chosen * scale, chosen / scale, centre
    origin[used] = centre + scale * (own - (chosen @ own) @ chosen)
    low, high = _reach(np.vstack([scaled, own]) @ chosen.T)
    varying = int((spread > 0).sum())
    return Plane(
        names=(_component(x, shares), _component(y, shares)),
        low=low,
        high=high,
        categories=(0, 0),
        whole=np.zeros(len(row), dtype=bool),  # along components nothing is whole
        limits=_limits(table, background, row),
        held=float(shares[[x, y]].sum() * len(used) / varying),
        is_slice=len(row) > 2,
        origin=origin,
        directions=directions,
        centre=middle,
        readers=readers,
    )


def _in_components(
    table: Tabular, row: np.ndarray, background: np.ndarray, spread: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """The columns that components are made of: the numbers that vary."""
    for what, rows in (("row", row[None]), ("background", background)):
        odd = np.argwhere(~np.isfinite(rows) & numbers)
        if len(odd):
            number, column = odd[0]
            where = f"row {number} holds" if what == "background" else "it holds"
            raise ValueError(f"{what}: {where} NaN or infinity in {table.names[column]!r}: there are no components")
    return np.flatnonzero(numbers & (spread > 0))


def _integers(table: Tabular) -> np.ndarray:
    """(F,) bool: which columns a model that is handed frames or arrays gets as integers."""
    handed = table.outside(table.tensor)
    dtypes = list(handed.dtypes) if hasattr(handed, "dtypes") else [handed.dtype] * len(table.columns)
    whole = [d.is_integer() if hasattr(d, "is_integer") else getattr(d, "kind", "") in ("i", "u") for d in dtypes]
    return np.array(whole, dtype=bool)


def _limits(table: Tabular, background: np.ndarray, row: np.ndarray) -> np.ndarray:
    """(2, F): from where to where the columns' values can lie, and where some do."""
    low, high = np.array(table.limits).T
    return np.stack(
        [
            np.fmin(np.fmin.reduce(background), np.fmin(row, low)),
            np.fmax(np.fmax.reduce(background), np.fmax(row, high)),
        ]
    )


def _component(number: int, shares: np.ndarray) -> str:
    return f"component {number + 1} ({shares[number]:.0%} of the variance)"


def _reach(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From where to where (2,) the finite ones of places (n, 2) reach, with a margin."""
    finite = np.where(np.isfinite(places), places, np.nan)
    low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    margin = _MARGIN * (high - low)
    return low - margin, high + margin
