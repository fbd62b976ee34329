"""How far a regression is off, row by row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.sampling_error import unit_of
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.labelled_scores import labelled_scores, no_numbers, said_of
from nbexplain.core.table.labels import right_numbers, tells_classes, which_number
from nbexplain.core.table.prices import of_scores


@method(
    label="Residuals", over_rows=True, labelled=True, of_class=True, kinds=("table",), unfit=no_numbers, price=of_scores
)
def residuals(subject: Subject, target: Target, *, where: Where = ALL_ROWS) -> Iterator[Explanation]:
    """How far the label of each row is from what a regression predicts.

    Values are (row, number): the prediction, and the residual label − prediction, in units of the label; `features` are
    the rows' numbers in the background, in a random order. `details` tell R² = 1 − Σ residual² / Σ (label − mean)²
    (not where all labels are equal, or no float holds it), the root mean square error and the mean absolute error.

    Raises
    ------
    ValueError
        If there are no labels, one is no number, or the model tells classes apart.
    """
    if reason := tells_classes(subject, target):
        raise ValueError(f"method: 'residuals' needs a model that predicts numbers, and {reason}")
    right, warnings = right_numbers(subject), said_of(subject, where)
    for numbers, scores, progress in labelled_scores(subject, where):
        predicted, labels = _column(scores, target), right[numbers]
        residual = labels - predicted
        yield Explanation(
            values=np.stack([predicted, residual], 1),
            axes=("row", "number"),
            on="rows",
            features=numbers,
            names=("prediction", "residual"),
            quantity="label − prediction",
            details=_details(labels, residual),
            warnings=(*warnings, *which_number(subject, target), *_two_labels(subject, labels)),
            progress=progress,
        )


def _column(scores: np.ndarray, target: Target) -> np.ndarray:
    if not isinstance(target, int):
        raise ValueError(
            "target: 'residuals' compares a predicted number with the labels, got a function of the scores; give the "
            "number of one, such as target=0"
        )
    found: np.ndarray = scores[:, target].astype(np.float64)
    return found


def _details(labels: np.ndarray, residual: np.ndarray) -> dict[str, float]:
    unit, own = unit_of(residual), unit_of(labels)
    square = float(((residual / unit) ** 2).mean())
    spread = float((labels / own).var())
    with np.errstate(over="ignore"):
        fit = 1 - square / spread * np.float64(unit / own) ** 2 if spread > 0 else -np.inf
    told = {"R²": float(fit)} if np.isfinite(fit) else {}
    return {"rows": len(labels), **told, "RMSE": square**0.5 * unit, "MAE": float(np.abs(residual).mean())}


def _two_labels(subject: Subject, labels: np.ndarray) -> tuple[str, ...]:
    """What is said where one score may be that of a class, of which nothing was said."""
    if (isinstance(subject.twin.module, Predictor) and subject.twin.module.regresses) or len(np.unique(labels)) != 2:
        return ()
    return (
        "the labels are two numbers: if the model's single score is that of a class, give classes=(first, second), "
        "and it is read as one",
    )
