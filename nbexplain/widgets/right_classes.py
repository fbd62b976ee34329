"""The right class of each row of a background, as far as its labels tell."""

from __future__ import annotations

import numpy as np

from nbexplain.core.table.labels import class_numbers
from nbexplain.session import Session


def right_classes_of(session: Session, labels: np.ndarray | None) -> np.ndarray | None:
    """(N,) class numbers of labels (N,), −1 for a missing one; None without labels, or where they are no classes."""
    values = session.facts.class_values
    if labels is None or values is None:
        return None
    try:
        return class_numbers(labels, values, session.classes)
    except ValueError:  # labels of another kind, such as numbers of a regression
        return None
