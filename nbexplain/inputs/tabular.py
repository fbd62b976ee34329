"""A row of a table, its columns, and the background that it is compared with."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs import table_advice as advice
from nbexplain.inputs.array import Array, as_it_is
from nbexplain.inputs.calling import lacks
from nbexplain.inputs.table_coded import Coded
from nbexplain.inputs.table_column import Column, as_written, told_apart
from nbexplain.inputs.table_index import Index
from nbexplain.inputs.table_masker import TableMasker
from nbexplain.inputs.table_reading import Form, in_order, labels_of, row_of, table_of, too_wide
from nbexplain.inputs.table_times import in_words

_BLOCK = 65_536  # rows that are looked at together


class Tabular(Array):
    """A row and its background.

    A model outside torch gets rows as the background came: a data frame of pandas or polars with its names and dtypes,
    an array or a sparse matrix of its dtype. What hides a value is always one of the background's, in its dtype. An
    index that does more than count goes along; see `table_index.Index`.

    Parameters
    ----------
    row
        A row of an array or of a data frame, a mapping from names to values, or a sequence of values. Where both it and
        the background have names, the background's order counts.
    background
        The table (N, F) that the row is compared with: an array, a data frame or a sparse matrix. SHAP and LIME need
        one.
    names
        Of the columns, where the row does not tell.
    categories
        `{name: values}` of the columns that are no numbers. Columns of strings or booleans are found by themselves, in
        alphabetical order; categories of pandas and polars keep theirs, and those given here are in the order given.
        Times are numbers: of days since 1970-01-01, of days, of the period.
    labels
        (N,) the right class of each background row, for what is measured as accuracy.
    encode
        For a torch model that does not take the rows as they are: rows (N, F), a category as its position among the
        values → what the model takes. If it is made of torch operations, gradients go through it.

    Attributes
    ----------
    tensor
        (1, F) float64; a category is its position among the column's values, what is missing NaN.
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
    known
        Of each column what its numbers stand for where they do not tell it, such as ids of 19 digits, or None.
    limits
        Of each column from where to where its numbers can lie: a time of the day within a day.

    Raises
    ------
    TypeError, ValueError
        If row and background do not have the same columns, or a value of the row is of another kind than those of the
        background.
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
        values, own_names = row_of(row)
        if own_names:
            self._check_names(own_names, len(values), row, background)
        if own_names and names is not None and list(names) != own_names:
            raise ValueError(f"names: the row has its own, {', '.join(own_names)}; leave names out")
        told = own_names or [str(name) for name in (() if names is None else names)]
        if told:
            self._check_names(told, len(values), None, None)
        form = table_of(background, row, values)
        table_names = [] if background is None else list(form.names)
        if table_names:
            self._check_names(table_names, len(table_names), row, background)
        if told and table_names:
            values = in_order(values, told, form, "row" if own_names else "names", row)
        found = table_names or told or [f"feature {i}" for i in range(len(values))]
        if categories is not None and not isinstance(categories, Mapping):
            raise TypeError(
                f"categories: expected {{name: values}}, got {type(categories).__name__}; columns of strings are found "
                "by themselves: leave categories out"
            )
        if encode is not None and not callable(encode):
            raise TypeError(f"encode: expected a function of rows (N, F), got {encode!r}")
        if encode is not None and (why := lacks(encode, 1)):
            raise TypeError(f"encode: it is called as encode(rows), with rows (N, F), and cannot be: {why}")
        for name, values_of in (categories or {}).items():
            if isinstance(values_of, (str, bytes)) or not isinstance(values_of, Iterable):
                way = advice.all_values(str(name), found, background)
                raise TypeError(f"categories: expected all values of {name!r}, in a list, got {values_of!r}{way}")
        given = {str(name): tuple(values) for name, values in (categories or {}).items()}
        for name, values_of in given.items():
            if name not in found:
                raise ValueError(f"categories: there is no column {name!r}; the columns are {', '.join(found)}")
            if twice := [value for (_, value), times in Counter(map(told_apart, values_of)).items() if times > 1]:
                raise ValueError(f"categories: {name!r} is expected to have each value once, got {twice[0]!r} twice")
        self.encode = encode
        self._read(form, values, found, given, row, "row" if background is None else "background")
        self.labels = labels_of(labels, self.background, background)
        self.notes = tuple(self._notes())

    def _check_names(self, names: Sequence[str], count: int, row: Any, background: Any) -> None:
        """Check names that these told, or the user, who then is to tell others."""
        if len(names) != count:
            raise ValueError(f"names: expected {count}, one for each value of the row, got {len(names)}")
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            way = advice.renamed(row, background)
            raise ValueError(f"names: expected each column once, got {', '.join(map(repr, sorted(twice)))} twice{way}")

    def _read(
        self,
        form: Form,
        values: Sequence[Any],
        names: Sequence[str],
        given: Mapping[str, Any],
        given_row: Any,
        what: str,
    ) -> None:
        """The columns, the background and the row as numbers."""
        numbers = form.plain() if not given else None
        if form.width != len(values):
            raise ValueError(too_wide(len(values), form))
        coded: list[Coded] = []
        row = np.empty(len(values))
        columns = []
        by_column = np.empty((len(values), len(form))) if numbers is None else None
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            if numbers is None:
                one = form.read(place, f"{what}: {name!r}", given.get(name))
            else:
                one = Coded(numbers[:, place])
            row[place] = one.add(name, value)
            columns.append(one.done(name, row[place]))
            if by_column is not None:
                by_column[place] = one.numbers
            one.numbers = row[:0]  # let it go
            coded.append(one)
        background = np.ascontiguousarray(by_column.T) if by_column is not None else numbers
        self.columns: tuple[Column, ...] = tuple(columns)
        self.framed = form.framed
        form.settle(self.columns, coded)
        self.known = tuple(one.known for one in coded)
        self.limits = tuple(one.limits for one in coded)
        self._form = form
        self.background = None if what == "row" else background
        self.tensor = torch.from_numpy(row)[None]
        self._index = None if form.labels is None else Index(form.labels, self.background, given_row)
        self._place = 0 if self._index is None else self._index.own  # in the index

    @functools.cached_property
    def constant(self) -> list[int]:
        """The places of columns that have one value in the background, or none."""
        assert self.background is not None
        alike = np.ones(len(self.columns), dtype=bool)
        first = self.background[0]
        for start in range(0, len(self.background), _BLOCK):
            part = self.background[start : start + _BLOCK]
            alike &= ((part == first) | (np.isnan(part) & np.isnan(first))).all(0)
            if not alike.any():
                break
        return np.flatnonzero(alike).tolist()

    @functools.cached_property
    def _infinite(self) -> list[int]:
        assert self.background is not None
        blocks = range(0, len(self.background), _BLOCK)
        found = [np.isinf(self.background[start : start + _BLOCK]).any(0) for start in blocks]
        return np.flatnonzero(np.any(found, axis=0)).tolist()

    @property
    def lacking(self) -> list[str]:
        """Which of the notes say that the row holds no finite value: no warning where a model takes it."""
        row, found = self.tensor[0].numpy(), []
        kinds = {
            "holds NaN or infinity in": [not (c.categories or c.time) for c in self.columns],
            "has no value in": [bool(c.categories or c.time) for c in self.columns],
        }
        for what, of_kind in kinds.items():
            odd = [c.name for c, own, value in zip(self.columns, of_kind, row) if own and not np.isfinite(value)]
            if odd:
                found.append(f"the row {what} {', '.join(map(repr, odd))}")
        return found

    @property
    def unseen(self) -> list[int]:
        """The places of columns where the row holds a category, or lacks a value, as no row of the background does."""
        if self.background is None:
            return []
        row, found = self.tensor[0].numpy(), []
        for place, column in enumerate(self.columns):
            known = self.background[:, place]
            told = column.categories or np.isnan(row[place])
            if told and not np.any((known == row[place]) | np.isnan(known) & np.isnan(row[place])):
                found.append(place)
        return found

    def _notes(self) -> Iterator[str]:
        row = self.tensor[0].numpy()
        yield from self.lacking
        if times := [(c.name, c.time) for c in self.columns if c.time]:
            yield in_words(times)
        if self._index is not None and self._index.note:
            yield self._index.note
        if self.background is None:
            return
        if len(self.background) == 1:
            yield "the background is a single row: all is compared with that one"
        for place in self.unseen:
            column = self.columns[place]
            yield f"{column.said(row[place])!r} of {column.name!r} does not occur in the background"
        gone = [place for place in self.constant if np.isnan(self.background[0, place])]
        constant = [place for place in self.constant if place not in gone]
        odd_places = {
            "missing throughout the background": gone,
            "constant in the background": constant,
            "infinite in the background": self._infinite,
        }
        for what, places in odd_places.items():
            if names := [self.columns[place].name for place in places]:
                yield f"{what}: {', '.join(map(repr, names[:5]))}" + ", …" * (len(names) > 5)

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
        before = self.tensor[0].numpy()
        row = np.where(np.isnan(row) & np.isnan(before), before, row)  # one NaN may stand for None, another for itself
        new.tensor = torch.from_numpy(row)[None]
        if self._index is not None:  # a row of the background comes with its own label
            new._place = int(self._index.places(row[None], self._place)[0])
        new.notes = tuple(new._notes())
        return new

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    def floats(self, place: int) -> np.dtype[Any]:
        """In which floats a column's numbers are compared: the user's own where these are shorter than 64 bits."""
        return self._form.floats(place)

    @functools.cached_property
    def dtype(self) -> torch.dtype:
        """Of the rows as the user has them: one that holds the floats of every column; of anything else float64."""
        wide = np.result_type(*(self.floats(place) for place in range(len(self.columns))))
        return torch.from_numpy(np.empty(0, wide)).dtype

    # What a model gets

    @property
    def form_key(self) -> Hashable:
        """Equal for tables whose equal rows reach a model as the same kind of table, with the same dtypes."""
        return self._form.key

    @property
    def family(self) -> Hashable:
        """Rows of the same columns go together."""
        return self.columns, self.encode, self._form.key

    @functools.cached_property
    def fingerprint(self) -> bytes:
        """Equal for equal backgrounds with equal labels; `another` row has the same."""
        made = hashlib.blake2b(digest_size=16)
        for held in (self.background, self.labels):
            if held is not None:
                plain = held.tolist().__repr__().encode() if held.dtype.hasobject else np.ascontiguousarray(held).data
                made.update(f"{held.shape} {held.dtype}".encode())
                made.update(plain)
        return made.digest()

    def same_index(self, other: Tabular) -> bool:
        """Whether a model gets the same labels with the rows of both backgrounds."""
        if self._index is None or other._index is None:
            return self._index is other._index
        return self._index.is_like(other._index)

    @property
    def has_index(self) -> bool:
        """Whether a model gets frames with an index that tells something, such as days."""
        return self._index is not None

    @property
    def label(self) -> Any:
        """Of the row, in the index that the model gets; None without one."""
        return None if self._index is None else self._index.of(np.array([self._place]))[0]

    def placed(self, rows: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
        """Rows (n, F) to evaluate, which are those of the background, not tried for the explained one.

        Where a model gets frames with an index, a last column tells whose label each has: that of the background row
        that it is, or that `like` (n, F) is, which it was made of.
        """
        if self._index is None:
            return rows
        return np.column_stack([rows, self._index.places(rows if like is None else like, self._place)])

    def arguments(self, batch: Tensor, dtype: torch.dtype | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The rows (N, F), put through `encode`."""
        batch = batch[:, : len(self.columns)]
        encoded = batch if self.encode is None else self.encode(batch)
        if isinstance(encoded, Mapping):
            return (), {str(name): value for name, value in encoded.items()}
        return (encoded if isinstance(encoded, tuple) else (encoded,)), {}

    def rows_without(self, place: int, values: Sequence[float]) -> str:
        """The background as the user writes it without the rows that hold some values in a column; `""` if it can't be.

        A category is a position, NaN a value that is missing.
        """
        column, known, there = self.columns[place], self.known[place], [value for value in values if value == value]
        if column.time or not self._form.own:
            return ""
        if column.categories:
            held = [column.categories[int(value)] for value in there]
        else:
            held = [value if known is None else known.value_of(value) for value in there]
            held = [int(value) if int(value) == value else None for value in held]
        if any(value is None or as_written(value) is not value for value in held):
            return ""
        return self._form.without_rows(place, ", ".join(map(repr, held)), len(held) < len(values))

    def outside(self, batch: Tensor) -> Any:
        """The rows with the user's own values: a data frame, a sparse matrix or an array, as the background was."""
        rows = batch.detach().cpu().numpy()
        return self._form.made(rows[:, : len(self.columns)], self._labels_of(rows))

    def _labels_of(self, rows: np.ndarray) -> Any:
        if self._index is None:
            return None
        return self._index.of(rows[:, -1] if rows.shape[1] > len(self.columns) else np.full(len(rows), self._place))

    def base(self, rows: np.ndarray) -> Any | None:
        """What `with_column` writes into: placed rows (n, F) as a model gets them; None where each is made anew."""
        return self._form.base(rows[:, : len(self.columns)], self._labels_of(rows))

    def with_column(self, base: Any, place: int, numbers: np.ndarray) -> Any | None:
        """The first rows (m, F) with these numbers (m,) in a column; None if the table cannot hold them."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self._form.with_column(base, place, numbers)

    def is_base(self, base: Any, rows: np.ndarray, times: int) -> bool:
        """Whether what `base` made of placed rows (n, F), repeated so many times, is still that."""
        if isinstance(base, np.ndarray) and base.dtype == np.float64:  # made of rows as they are
            rows = rows[:, : len(self.columns)]
            return self._form.is_same(base.reshape(times, *rows.shape), rows[None])
        return self._form.is_same(base, self.base(np.tile(rows, (times, 1))))

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
