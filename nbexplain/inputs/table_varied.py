"""Rows of which one column is set again and again, as a model outside torch gets them: made once, then written into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from nbexplain.inputs.tabular import Tabular


class Varied:
    """The user's kind of table of some rows, whose other columns stay as they are.

    The model gets the same memory each time, in a new object. `intact` tells whether it has left it alone.

    Parameters
    ----------
    table
        Which knows what a model gets.
    rows
        (n, F) as `Tabular.placed` has them; they are written into.
    place
        The column that varies.
    """

    def __init__(self, table: Tabular, rows: np.ndarray, place: int) -> None:
        self._table, self._rows, self._place = table, rows, place
        self._first = rows[:, place].copy()
        self._base = table.base(rows)

    def of(self, numbers: np.ndarray) -> Any:
        """The first rows, as many as there are numbers (m,) for the column."""
        made = None if self._base is None else self._table.with_column(self._base, self._place, numbers)
        if made is None:
            self._rows[: len(numbers), self._place] = numbers
            made = self._table.outside(torch.from_numpy(self._rows[: len(numbers)]))
        return made

    def intact(self) -> bool:
        """Whether what the model was given is still what it was."""
        if self._base is None:
            return True
        self._table.with_column(self._base, self._place, self._first)
        self._rows[:, self._place] = self._first
        return self._table.is_base(self._base, self._rows)
