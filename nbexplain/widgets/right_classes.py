"""The right class of each row of a background, as far as its labels tell."""

from __future__ import annotations

import numpy as np

from nbexplain.core.table.labels import class_numbers
from nbexplain.inputs import Tabular
from nbexplain.session import Session


def right_classes_of(session: Session, table: Tabular) -> np.ndarray | None:
    """(N,) class numbers, where labels are class numbers or the model's classes; None where they are neither."""
    values = session.facts.class_values
    if table.labels is None or values is None:
        return None
    try:
        return class_numbers(table.labels, values, session.classes)
    except ValueError:  # labels of another kind, such as numbers of a regression
        return None
