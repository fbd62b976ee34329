"""What gradient, deep and tree SHAP share: the background that the input is compared with, and a value per number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.dataset.rows import scores_of
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.gradient import input_axes
from nbexplain.core.registry import Choice
from nbexplain.core.subject import Subject
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_masker import TableMasker

Baseline = Annotated[
    str, Choice("what the picture is compared with", ("mean", "blur", "black", "white", "zero"), kinds=("picture",))
]
# every row counts alike here, so k-means, whose rows stand for more or fewer others, is left out
Rows = Annotated[str, Choice("which background rows", ("sample", "median"), kinds=("table",))]


def compared(subject: Subject, baseline: str, background: int, stand_in: str) -> tuple[Tensor, Tensor]:
    """The input (1, …) and what it is compared with (m, …): for shap, which counts in numpy, outside any GPU."""
    given = subject.input
    if isinstance(given, Tabular):
        return given.tensor, torch.from_numpy(background_rows(subject, background, stand_in))
    if given.tensor.is_complex():
        raise ValueError(
            "x: Gradient SHAP and Deep SHAP need real numbers, and the input is complex; hand in its parts as "
            "channels, torch.cat([x.real, x.imag], 1), with "
            "forward=lambda model, x: model(torch.complex(*x.chunk(2, 1)))"
        )
    wide = torch.float64 if subject.dtype == torch.float64 else torch.float32
    return given.tensor.cpu().to(wide), given.fill(baseline).cpu().to(wide)


def background_rows(subject: Subject, background: int, stand_in: str) -> np.ndarray:
    """Rows (m, F) of a table that the row is compared with."""
    masker = subject.masker(background=background, stand_in=stand_in)
    assert isinstance(masker, TableMasker)
    return masker.stand_ins


def check_finite(
    subject: Subject, target: Target, x: Tensor, rows: Tensor, values: np.ndarray, base: float, what: str
) -> None:
    """Check that there are values of x (1, …), and scores of it and of the rows (m, …) that they add up between.

    `what` is that of the score which else is not finite.

    Raises
    ------
    ValueError
        If one of them is NaN or infinite, with the row of the background whose score is.
    """
    if np.isfinite(base) and np.isfinite(values).all() and np.isfinite(subject.score(target)):
        return
    table = isinstance(subject.input, Tabular)
    for name, some in (("background" if table else "baseline", rows), ("row" if table else "picture", x)):
        if table:
            scores_of(subject, some.numpy(), name)
        elif not torch.isfinite(subject.evaluate(some)).all():
            raise ValueError(f"scores: that of the {name} is NaN or infinite")
        if not torch.isfinite(subject.evaluate(some, target)).all():
            raise ValueError(f"target: what it makes of the scores is NaN or infinite for the {name}")
    raise ValueError(f"scores: {what} is NaN or infinite between the background and the input")


def by_value(
    subject: Subject,
    target: Target,
    values: np.ndarray,
    base: float,
    rows: Sequence[object] | np.ndarray | Tensor,
    errors: np.ndarray | None = None,
    progress: float = 1.0,
    details: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
) -> Explanation:
    """SHAP values of the shape of the input; of a table's columns as features."""
    given = subject.input
    table = isinstance(given, Tabular)
    return Explanation(
        values=values,
        axes=("feature",) if table else input_axes(subject),
        on="features" if table else "input",
        features=np.arange(len(values)) if table else None,
        names=given.names if isinstance(given, Tabular) else (),
        standard_error=errors,
        quantity="SHAP value",
        base=base,
        gap=subject.score(target) - base - float(values.sum()),
        details={**({"background rows": len(rows)} if table else {}), **(details or {})},
        warnings=tuple(warnings),
        progress=progress,
    )


def between_categories(subject: Subject) -> tuple[str, ...]:
    """What must be said where the way from the background to a row leads through what is no category."""
    table = subject.input
    names = [c.name for c in table.columns if c.categories] if isinstance(table, Tabular) else []
    if not names:
        return ()
    return (f"there is nothing between two categories, but gradients are taken there: {', '.join(map(repr, names))}",)
