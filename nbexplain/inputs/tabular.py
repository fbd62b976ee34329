"""A row of a table, its columns, and the background that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.array import Array, as_it_is
from nbexplain.inputs.table_frame import Frames
from nbexplain.inputs.table_masker import TableMasker
from nbexplain.inputs.table_reading import (
    Column,
    column_of,
    form_of,
    in_order,
    is_missing,
    labels_of,
    row_of,
    table_of,
)


class Tabular(Array):
    """A row and its background.

    Parameters
    ----------
    row
        A row of an array or of a data frame, a mapping from names to values, or a sequence of values. Where both it and
        the background have names, the background's order counts.
    background
        The table (N, F) that the row is compared with: an array or a data frame. SHAP and LIME need one.
    names
        Of the columns, where the row does not tell.
    categories
        `{name: values}` of the columns that are no numbers. Columns of strings or booleans are found by themselves, in
        alphabetical order; pandas' categories keep theirs.
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
        values, own_names = row_of(row)
        table, table_names = table_of(background)
        if own_names and names is not None and list(names) != own_names:
            raise ValueError(f"names: expected the row's own names {', '.join(own_names)}")
        told = own_names or [str(name) for name in (() if names is None else names)]
        if told:
            self._check_names(told, len(values))
        if told and table_names:
            values = in_order(values, told, table_names, "row" if own_names else "names")
        elif table is not None and len(table[0]) != len(values):
            raise ValueError(f"background: expected {len(values)} columns as in the row, got {len(table[0])}")
        found = table_names or told or [f"feature {i}" for i in range(len(values))]
        self._check_names(found, len(values))
        given = {str(name): tuple(values) for name, values in (categories or {}).items()}
        for name in given:
            if name not in found:
                raise ValueError(f"categories: there is no column {name!r}; the columns are {', '.join(found)}")
        form, dtypes = form_of(background, row) or (None, [None] * len(values))
        self.columns: tuple[Column, ...] = tuple(
            column_of(name, value, None if table is None else [r[place] for r in table], dtype, given)
            for place, (name, value, dtype) in enumerate(zip(found, values, dtypes, strict=True))
        )
        self._frames = None if form is None else Frames(self.columns, form, dtypes)
        self.framed = form is not None
        self.encode = encode
        self.background = None if table is None else self._coded(table, "background")
        self.tensor = torch.from_numpy(self._coded([values], "row"))
        self.labels = labels_of(labels, self.background)
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
                        if is_missing(value):
                            coded[number, place] = np.nan
                            continue
                        known = ", ".join(map(repr, column.categories[:10]))
                        raise ValueError(f"{what}: {column.name!r} is {value!r}, expected one of {known}")
                    coded[number, place] = places[value]
                continue
            try:
                coded[:, place] = np.array(values, dtype=np.float64)
            except (TypeError, ValueError) as error:
                numbers = [np.nan if is_missing(value) else value for value in values]  # pandas' NA is no number
                wrong = next((v for v in numbers if not isinstance(v, (int, float, np.number))), None)
                if wrong is not None:
                    raise ValueError(f"{what}: {column.name!r} is {wrong!r}, expected a number") from error
                coded[:, place] = numbers
        return coded

    def _notes(self) -> Iterator[str]:
        row = self.tensor[0].numpy()
        missing = [c.name for c, value in zip(self.columns, row, strict=True) if not np.isfinite(value)]
        if missing:
            yield f"the row holds NaN or infinity in {', '.join(map(repr, missing))}"
        times = [c.name for c in self.columns if c.categories and isinstance(c.categories[0], (date, timedelta))]
        if times:
            yield f"times are taken as categories, each by itself: {', '.join(map(repr, times))}"
        if self.background is None:
            return
        if len(self.background) == 1:
            yield "the background is a single row: all is compared with that one"
        for place, column in enumerate(self.columns):
            known = self.background[:, place]
            if column.categories and not np.any((known == row[place]) | np.isnan(known) & np.isnan(row[place])):
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
        return self.columns, self.encode, self._frames and self._frames.key

    def arguments(self, batch: Tensor, dtype: torch.dtype | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The rows (N, F), put through `encode`."""
        encoded = batch if self.encode is None else self.encode(batch)
        if isinstance(encoded, Mapping):
            return (), {str(name): value for name, value in encoded.items()}
        return (encoded if isinstance(encoded, tuple) else (encoded,)), {}

    def outside(self, batch: Tensor) -> Any:
        """The rows with the user's own values: a data frame where one was given, else an array."""
        rows = batch.detach().cpu().numpy()
        if self._frames is not None:
            return self._frames.of(rows)
        if not any(column.categories for column in self.columns):
            return rows
        own = rows.astype(object)
        for place, column in enumerate(self.columns):
            if column.categories:
                codes = rows[:, place]
                own[:, place] = [column.categories[int(c)] if np.isfinite(c) else column.missing for c in codes]
        return own

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
