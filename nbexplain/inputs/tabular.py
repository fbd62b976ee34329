"""A row of a table: its columns, numbers or categories, and the background that stands in for what is hidden."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.array import Array, as_it_is

STAND_INS = ("sample", "k-means", "median")


@dataclass(frozen=True)
class Column:
    """A feature: its name, and its categories; a number has none."""

    name: str
    categories: tuple[Any, ...] = ()

    def said(self, value: float) -> str:
        """A value as it is read."""
        if self.categories and np.isfinite(value):
            return str(self.categories[int(value)])
        return f"{value:.4g}".replace("-", "−")


class Tabular(Array):
    """A row and its background.

    Parameters
    ----------
    row
        A row of an array or of a data frame, a mapping from names to values, or a sequence of values.
    background
        The table (N, F) that the row is compared with: an array or a data frame. SHAP and LIME need one.
    names
        Of the columns, where the row does not tell.
    categories
        `{name: values}` of the columns that are no numbers. Columns of strings or booleans are found by themselves.
    labels
        (N,) the right class of each background row, for what is measured as accuracy.
    encode
        For a torch model that does not take the rows as they are: rows (N, F), a category as its position among the
        values → what the model takes. If it is made of torch operations, gradients go through it.

    Attributes
    ----------
    tensor
        (1, F) float64; a category is its position among the column's values.
    columns
        Name and categories of each feature.
    background
        (N, F) float64 in the same way, or None.
    labels
        (N,) as they came, or None.
    encode
        As it was given.
    framed
        Whether the model gets a data frame, because one was given.

    Raises
    ------
    TypeError, ValueError
        If row and background do not have the same columns, or a value is neither a number nor a known category.
    """

    kind = "table"
    fills = ()

    def __init__(
        self,
        row: Any,
        background: Any = None,
        *,
        names: Sequence[str] | None = None,
        categories: Mapping[str, Sequence[Any]] | None = None,
        labels: Any = None,
        encode: Callable[[Tensor], Any] | None = None,
    ) -> None:
        values, own_names = _row(row)
        table, table_names = _table(background)
        found = own_names or names or table_names or [f"feature {i}" for i in range(len(values))]
        if own_names and names is not None and list(names) != own_names:
            raise ValueError(f"names: expected the row's own names {', '.join(own_names)}")
        self._check_names(list(found), len(values))
        if table is not None:
            table = _in_order(table, table_names, list(found))
        given = {str(name): tuple(values) for name, values in (categories or {}).items()}
        for name in given:
            if name not in found:
                raise ValueError(f"categories: there is no column {name!r}; the columns are {', '.join(found)}")
        self.columns: tuple[Column, ...] = tuple(
            Column(name, _categories(name, value, None if table is None else [r[place] for r in table], given))
            for place, (name, value) in enumerate(zip(found, values, strict=True))
        )
        self.framed = _is_frame(row) or _is_frame(background)
        self.encode = encode
        self.background = None if table is None else self._coded(table, "background")
        self.tensor = torch.from_numpy(self._coded([values], "row"))
        self.labels = _labels(labels, self.background)
        self._parts, self._key = {}, None
        self.notes = tuple(self._notes())

    def _check_names(self, names: list[str], count: int) -> None:
        if len(names) != count:
            raise ValueError(f"names: expected {count}, one for each value of the row, got {len(names)}")
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"names: expected each column once, got {', '.join(map(repr, sorted(twice)))} twice")

    def _coded(self, rows: Sequence[Sequence[Any]], what: str) -> np.ndarray:
        """Rows of the user's values as numbers (N, F)."""
        coded = np.empty((len(rows), len(self.columns)))
        for place, column in enumerate(self.columns):
            values = [row[place] for row in rows]
            if column.categories:
                places = {value: position for position, value in enumerate(column.categories)}
                for number, value in enumerate(values):
                    if value not in places:
                        if _is_missing(value):
                            coded[number, place] = np.nan
                            continue
                        known = ", ".join(map(repr, column.categories[:10]))
                        raise ValueError(f"{what}: {column.name!r} is {value!r}, expected one of {known}")
                    coded[number, place] = places[value]
                continue
            try:
                coded[:, place] = np.array(values, dtype=np.float64)
            except (TypeError, ValueError) as error:
                wrong = next((v for v in values if not isinstance(v, (int, float, np.number))), values[0])
                raise ValueError(f"{what}: {column.name!r} is {wrong!r}, expected a number") from error
        return coded

    def _notes(self) -> Iterator[str]:
        row = self.tensor[0].numpy()
        missing = [c.name for c, value in zip(self.columns, row, strict=True) if not np.isfinite(value)]
        if missing:
            yield f"the row holds NaN or infinity in {', '.join(map(repr, missing))}"
        if self.background is None:
            return
        if len(self.background) == 1:
            yield "the background is a single row: all is compared with that one"
        for place, column in enumerate(self.columns):
            if column.categories and row[place] not in self.background[:, place]:
                yield f"{column.said(row[place])!r} of {column.name!r} does not occur in the background"
        constant = [c.name for place, c in enumerate(self.columns) if len(np.unique(self.background[:, place])) == 1]
        if constant:
            yield f"constant in the background: {', '.join(map(repr, constant[:5]))}" + ", …" * (len(constant) > 5)

    def another(self, values: Sequence[float]) -> Tabular:
        """The same table with another row (F,), categories as positions."""
        new = object.__new__(Tabular)
        new.__dict__.update(self.__dict__)
        row = np.asarray(values, dtype=np.float64)
        if row.shape != (len(self.columns),):
            raise ValueError(f"values: expected {len(self.columns)} numbers, got shape {row.shape}")
        for value, column in zip(row, self.columns, strict=True):
            if column.categories and np.isfinite(value) and value not in range(len(column.categories)):
                raise ValueError(f"values: {column.name!r} has no category number {value:g}")
        new.tensor = torch.from_numpy(row.copy())[None]
        new.notes = tuple(new._notes())
        return new

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    # What a model gets

    @property
    def family(self) -> Hashable:
        """Rows of the same columns go together."""
        return self.columns, self.encode, self.framed

    def arguments(self, batch: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The rows (N, F), put through `encode`."""
        encoded = batch if self.encode is None else self.encode(batch)
        if isinstance(encoded, Mapping):
            return (), {str(name): value for name, value in encoded.items()}
        return (encoded if isinstance(encoded, tuple) else (encoded,)), {}

    def outside(self, batch: Tensor) -> Any:
        """The rows with the user's own values: a data frame where one was given, else an array."""
        rows = batch.detach().cpu().numpy()
        if not self.framed and not any(column.categories for column in self.columns):
            return rows
        parts = {}
        for place, column in enumerate(self.columns):
            codes = rows[:, place]
            if column.categories:
                values = np.empty(len(codes) + 1, dtype=object)
                values[:-1] = [column.categories[int(c)] if np.isfinite(c) else None for c in codes]
                parts[column.name] = np.array(values[:-1].tolist()) if None not in values[:-1] else values[:-1]
            else:
                parts[column.name] = codes
        if self.framed:
            import pandas

            return pandas.DataFrame(parts)
        return np.stack([np.asarray(part, dtype=object) for part in parts.values()], axis=1)

    # What can be hidden

    def masker(
        self,
        background: int = 100,
        stand_in: str = "sample",
        seed: int = 0,
        *,
        ready: Callable[[Tensor], Tensor] = as_it_is,
    ) -> TableMasker:
        """Columns to hide, by values of so many background rows.

        Raises
        ------
        ValueError
            If there is no background.
        """
        return TableMasker(self, background, stand_in, seed)


class TableMasker:
    """Hides columns of a row by the values of background rows: the expectation that SHAP takes; see `Masker`.

    Attributes
    ----------
    stand_ins
        (m, F): the background rows.
    """

    what = "column"

    def __init__(self, table: Tabular, rows: int, stand_in: str, seed: int) -> None:
        if stand_in not in STAND_INS:
            raise ValueError(f"stand_in: expected one of {', '.join(map(repr, STAND_INS))}, got {stand_in!r}")
        background = needed(table)
        self._row = table.tensor
        self.key: Hashable = (rows, stand_in, seed)
        self.names = table.names
        self.features = np.arange(len(table.columns))
        self.stand_ins, self.weights = _chosen(background, table.columns, rows, stand_in, seed)
        row = table.tensor.numpy()
        self.varying = ~((self.stand_ins == row) | (np.isnan(self.stand_ins) & np.isnan(row))).all(0)
        self._background = background

    def batches(self, keep: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        kept = torch.from_numpy(np.asarray(keep, dtype=bool))[:, None]
        rows = torch.where(kept, self._row, torch.from_numpy(self.stand_ins))
        yield np.arange(len(keep)), rows.flatten(0, 1)

    def tree(self) -> np.ndarray:
        """Columns that go together in the background first: average linkage on 1 − |rank correlation|."""
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform
        from scipy.stats import rankdata

        rows = np.repeat(self._background, 2, axis=0) if len(self._background) == 1 else self._background
        ranks = rankdata(np.nan_to_num(rows), axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            together = np.nan_to_num(np.abs(np.corrcoef(ranks, rowvar=False)).reshape(ranks.shape[1], -1))
        apart = np.clip(1 - (together + together.T) / 2, 0, 1)
        np.fill_diagonal(apart, 0)
        tree: np.ndarray = linkage(squareform(apart, checks=False), method="average")
        return tree


def needed(table: Tabular) -> np.ndarray:
    """The background (N, F), or the reason why nothing can be hidden."""
    if table.background is None:
        raise ValueError(
            "background: what is hidden needs rows that stand in for it; give Tabular(row, background=…), such as the "
            "training data"
        )
    return table.background


def _chosen(
    background: np.ndarray, columns: Sequence[Column], rows: int, stand_in: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stand in (m, F), and their weights."""
    if stand_in == "median":
        middle = np.nanmedian(background, axis=0)
        for place, column in enumerate(columns):
            if column.categories:  # there is no middle: the most frequent one
                values, counts = np.unique(background[:, place], return_counts=True)
                middle[place] = values[counts.argmax()]
        return middle[None], np.ones(1)
    if len(background) <= rows:
        return background, np.full(len(background), 1 / len(background))
    if stand_in == "k-means":
        if not np.isfinite(background).all():
            raise ValueError("stand_in: 'k-means' needs a background without NaN; use 'sample' or 'median'")
        from sklearn.cluster import KMeans

        spread = background.std(0)
        scaled = background / np.where(spread > 0, spread, 1)
        found = KMeans(rows, random_state=seed, n_init=1).fit(scaled)
        # each cluster by the real row nearest to its centre: no row that never was stands in
        nearest = np.array([((scaled - centre) ** 2).sum(1).argmin() for centre in found.cluster_centers_])
        return background[nearest], np.bincount(found.labels_, minlength=rows) / len(background)
    drawn = np.random.default_rng(seed).permutation(len(background))[:rows]
    return background[np.sort(drawn)], np.full(rows, 1 / rows)


def _row(row: Any) -> tuple[list[Any], list[str]]:
    """The values of a row, and their names where it tells them."""
    if _is_frame(row):
        if row.ndim == 2:
            if len(row) != 1:
                raise ValueError(f"row: expected one row, got a table of {len(row)}; try frame.iloc[[0]]")
            row = row.iloc[0]
        return [_plain(value) for value in row.tolist()], [str(name) for name in row.index]
    if isinstance(row, Mapping):
        return [_plain(value) for value in row.values()], [str(name) for name in row]
    if isinstance(row, Tensor):
        row = row.detach().cpu().numpy()
    values = np.asarray(row, dtype=None if isinstance(row, np.ndarray) else object)
    if values.ndim == 2 and len(values) == 1:
        values = values[0]
    if values.ndim != 1 or not len(values):
        raise ValueError(f"row: expected one row of values (F,), got shape {values.shape}")
    return values.tolist(), []


def _plain(value: Any) -> Any:
    """Python's own number or string for one of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


def _table(background: Any) -> tuple[list[list[Any]] | None, list[str]]:
    if background is None:
        return None, []
    names: list[str] = []
    if _is_frame(background):
        names = [str(name) for name in background.columns]
        rows = [list(row) for row in zip(*(background[c].tolist() for c in background.columns), strict=True)]
    elif isinstance(background, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in background):
        rows = [[_plain(value) for value in row] for row in background]  # numpy would make strings of mixed values
        if len({len(row) for row in rows}) > 1:
            raise ValueError(
                f"background: expected rows of equal length, got {min(map(len, rows))} to {max(map(len, rows))}"
            )
    else:
        array = background.detach().cpu().numpy() if isinstance(background, Tensor) else np.asarray(background)
        if array.ndim != 2:
            raise ValueError(f"background: expected a table (N, F), got shape {array.shape}")
        rows = array.tolist()
    if not rows:
        raise ValueError("background: expected at least one row, got none")
    return rows, names


def _in_order(table: list[list[Any]], table_names: list[str], names: list[str]) -> list[list[Any]]:
    """The background's columns in the order of the row's."""
    if table_names and table_names != names:
        if sorted(table_names) != sorted(names):
            odd = sorted(set(table_names) ^ set(names))
            raise ValueError(
                f"background: expected the columns of the row; not in both: {', '.join(map(repr, odd[:6]))}"
            )
        places = [table_names.index(name) for name in names]
        return [[row[place] for place in places] for row in table]
    if len(table[0]) != len(names):
        raise ValueError(f"background: expected {len(names)} columns as in the row, got {len(table[0])}")
    return table


def _categories(
    name: str, value: Any, column: list[Any] | None, given: Mapping[str, tuple[Any, ...]]
) -> tuple[Any, ...]:
    """The values of a category in their order; nothing for a number."""
    if name in given:
        return given[name]
    values = [v for v in (*(column or ()), value) if not _is_missing(v)]
    if all(isinstance(v, (int, float, np.number)) and not isinstance(v, (bool, np.bool_)) for v in values):
        return ()
    kinds = {type(v) for v in values}
    return tuple(sorted(set(values)) if len(kinds) == 1 else dict.fromkeys(values))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def _is_frame(x: Any) -> bool:
    """Whether it is a data frame or a series of pandas, which is not imported for that."""
    return type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "iloc")


def _labels(labels: Any, background: np.ndarray | None) -> np.ndarray | None:
    if labels is None:
        return None
    array = np.asarray(labels)
    if background is None or array.shape != (len(background),):
        rows = "no background" if background is None else f"{len(background)} background rows"
        raise ValueError(f"labels: expected one for each background row, got shape {array.shape} for {rows}")
    return array
