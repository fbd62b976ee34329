"""The right class of each row of a background, as far as its labels tell."""

from __future__ import annotations

import numpy as np

from nbexplain.core.dataset.row_scores import class_numbers
from nbexplain.core.predictor import classes_of
from nbexplain.inputs import Tabular
from nbexplain.session import Session


def right_classes_of(session: Session, table: Tabular) -> np.ndarray | None:
    """(N,) class numbers, where labels are class numbers or the model's classes; None where they are neither."""
    if table.labels is None or len(session.classes) < 2:
        return None
    known = classes_of(session.given.model)
    try:
        return class_numbers(table.labels, range(len(session.classes)) if known is None else known)
    except ValueError:  # labels of another kind, such as numbers of a regression
        return None
