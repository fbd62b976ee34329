"""Many rows of a table with columns hidden by background rows: the game that SHAP values are those of."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.rows import Reading, check_rows, place_of, table_of
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import TableMasker, needed

_ROWS = 16384  # changed rows that go through the model in one step
_MOST_SAID = 3  # columns of a row that are written out


def stand_in_rows(subject: Subject, background: int, seed: int) -> np.ndarray:
    """(m, F): the background rows that stand in for hidden columns, drawn as for one row."""
    masker = subject.masker(background=background, stand_in="sample", seed=seed)
    assert isinstance(masker, TableMasker)
    check_rows(subject, masker.stand_ins, "background")
    return masker.stand_ins


def sampled(subject: Subject, count: int) -> dict[str, float]:
    """What the details of an answer say of so many rows that stand in, where the background has more."""
    return {"background rows": count} if count < len(needed(table_of(subject))) else {}


def hidden_scores(
    subject: Subject, read: Reading, rows: np.ndarray, whose: np.ndarray, keep: np.ndarray, stand_ins: np.ndarray
) -> np.ndarray:
    """Scores (g, C) with hidden columns averaged over the background rows.

    Parameters
    ----------
    rows
        (n, F).
    whose
        (g,): which of the rows each line of `keep` is about.
    keep
        (g, F) bool: the columns that are not hidden.
    stand_ins
        (m, F): the background rows.

    Raises
    ------
    ValueError
        If a score is not finite, with the columns of such a row.
    """
    placed = table_of(subject).placed  # whose index a row has is never hidden
    x, others = (subject.ready(torch.from_numpy(placed(part))) for part in (rows, stand_ins))
    keep = np.pad(keep, ((0, 0), (0, x.shape[1] - keep.shape[1])), constant_values=True)
    kept, owner = torch.from_numpy(keep), torch.from_numpy(whose)
    found: list[Tensor] = []
    for part in torch.arange(len(keep)).split(max(_ROWS // len(others), 1)):
        batch = torch.where(kept[part, None].to(x.device), x[owner[part].to(x.device), None], others)
        scores = read(subject.evaluate(batch.flatten(0, 1))).unflatten(0, (-1, len(others)))
        broken = ~torch.isfinite(scores).all(2)
        if broken.any():
            line, other = (int(n) for n in broken.nonzero()[0])
            number = int(part[line])
            hidden = ~keep[number, : stand_ins.shape[1]]
            what = f"{int(broken.sum()):,} of {broken.numel():,} rows with hidden columns"
            raise _not_finite(subject, what, rows[whose[number]], hidden, stand_ins[other])
        found.append(scores.mean(1))
    return torch.cat(found).numpy()


def _not_finite(subject: Subject, what: str, row: np.ndarray, hidden: np.ndarray, other: np.ndarray) -> ValueError:
    """The error that `what` have a score that is not finite, such as a row (F,) with hidden columns (F,) of another."""
    columns = table_of(subject).columns
    taken = [f"{columns[place].name!r} at {columns[place].said(other[place])}" for place in np.flatnonzero(hidden)]
    more = f" and {len(taken) - _MOST_SAID} more" * (len(taken) > _MOST_SAID)
    whole, source = (
        f"row {place} of the background" if (place := place_of(subject, one)) is not None else "the row"
        for one in (row, other)
    )
    mixed = f"{whole} with {', '.join(taken[:_MOST_SAID])}{more} of {source}"
    example = source if hidden.all() else mixed if hidden.any() else whole
    return ValueError(
        f"scores: {what} have a score that is NaN or infinite, such as {example}; a hidden column takes the values of "
        "background rows, so the model must have a number for such rows too"
    )
