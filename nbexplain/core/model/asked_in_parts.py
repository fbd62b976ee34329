"""What a model says of many rows that it does not take together: it takes fewer in a call, or not all of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

_PARTS = 64  # calls of one size: of small ones fewer rows are asked, spread over all
_STEP = 4  # how much smaller the next calls are


def answered(ask: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows (n, F) that it takes, and what it says of them (n, …); None if there are none.

    Rows with NaN or infinity are left out first. The largest calls of which one of the first answers decide the size;
    those of that size that fail are left out.

    Parameters
    ----------
    ask
        Rows (n, F) → what the model says of them, or an exception.
    """
    finite = rows[np.isfinite(rows).all(1)]
    size = len(finite) * (_STEP if len(finite) < len(rows) else 1)  # if there were any, it may take all others together
    while size > 1:
        size = min(max(size // _STEP, 1), len(finite))
        some = finite[:: max(len(finite) // (size * _PARTS), 1)]
        found: list[tuple[np.ndarray, np.ndarray]] = []
        for number, start in enumerate(range(0, len(some), size)):
            part = some[start : start + size]
            for _ in range(2):  # it may have failed by chance
                with contextlib.suppress(Exception):  # a method that asks for one of these rows will name it
                    found.append((part, ask(part)))
                    break
            if number == 1 and not found and size > 1:
                break
        if found:
            taken, said = zip(*found, strict=True)
            return np.concatenate(taken), np.concatenate(said)
    return None
