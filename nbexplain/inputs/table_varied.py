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
        (n, F) as `Tabular.placed` has them.
    times
        How often they are repeated, one after the other.
    place
        The column that varies.
    """

    def __init__(self, table: Tabular, rows: np.ndarray, times: int, place: int) -> None:
        self._table, self._rows, self._times, self._place = table, rows, times, place
        made = np.tile(rows, (times, 1))
        self._base = table.base(made)
        self._made = made if self._base is None else None

    def of(self, numbers: np.ndarray) -> Any:
        """The first rows, as many as there are numbers (m,) for the column."""
        if self._base is not None:
            made = self._table.with_column(self._base, self._place, numbers)
            if made is not None:
                return made
        if self._made is None:
            self._made = np.tile(self._rows, (self._times, 1))
        made = self._made[: len(numbers)]
        made[:, self._place] = numbers
        return self._table.outside(torch.from_numpy(made))

    def intact(self) -> bool:
        """Whether what the model was given is still what it was."""
        if self._base is None:
            return True
        self._table.with_column(self._base, self._place, np.tile(self._rows[:, self._place], self._times))
        return self._table.is_base(self._base, self._rows, self._times)
