"""Many rows of a table with columns hidden by background rows: the game that SHAP values are those of."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.rows import Reading, check_rows, table_of
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import TableMasker

_ROWS = 16384  # changed rows that go through the model in one step


def stand_in_rows(subject: Subject, background: int, seed: int) -> np.ndarray:
    """(m, F): the background rows that stand in for hidden columns, drawn as for one row."""
    masker = subject.masker(background=background, stand_in="sample", seed=seed)
    assert isinstance(masker, TableMasker)
    check_rows(subject, masker.stand_ins, "background")
    return masker.stand_ins


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
    """
    placed = table_of(subject).placed  # whose index a row has is never hidden
    x, others = (subject.ready(torch.from_numpy(placed(part))) for part in (rows, stand_ins))
    keep = np.pad(keep, ((0, 0), (0, x.shape[1] - keep.shape[1])), constant_values=True)
    kept, owner = torch.from_numpy(keep), torch.from_numpy(whose)
    found: list[Tensor] = []
    for part in torch.arange(len(keep)).split(max(_ROWS // len(others), 1)):
        batch = torch.where(kept[part, None].to(x.device), x[owner[part].to(x.device), None], others)
        scores = read(subject.evaluate(batch.flatten(0, 1)))
        found.append(scores.unflatten(0, (-1, len(others))).mean(1))
    return torch.cat(found).numpy()
