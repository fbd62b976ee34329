"""The score over a plane through the row: where the model changes its mind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.plane import PLANES, Plane, plane_of
from nbexplain.core.dataset.rows import scores_of, table_of
from nbexplain.core.dataset.softmax import UNKNOWN, are_softmax_logits
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.subject import Subject
from nbexplain.core.table.grid import by_place

_STRIDES = (8, 4, 2, 1)  # the first picture is made of every eighth point in each direction
_POINTS = 4096  # between two pictures
_PAUSE = 0.1  # seconds between two pictures


@dataclass(frozen=True)
class Axis:
    """A column by name or number, a component by number, or None for what is chosen; no control in the toolbar."""

    help: str
    kinds: tuple[str, ...] = ("table",)

    def check(self, name: str, value: Any, kind: type) -> int | str | None:
        if value is None:
            return None
        if isinstance(value, (str, tuple)):  # the levels of a pandas MultiIndex
            return str(value)
        return int(Range(self.help, 0, 9999).check(name, value, int))


def _price(subject: Subject, target: Target, params: Mapping[str, Any]) -> int:
    u, v = plane_of(table_of(subject), params["plane"], params["horizontal"], params["vertical"]).tried(
        params["resolution"]
    )
    return len(u) * len(v)


@method(label="Decision boundary", on_picture=False, kinds=("table",), price=_price)
def boundary(
    subject: Subject,
    target: Target,
    *,
    plane: Annotated[str, Choice("the directions of the plane", PLANES, kinds=("table",))] = "columns",
    horizontal: Annotated[
        int | str | None,
        Axis("column by name or number from 0, or component, to the right; None: the first that varies"),
    ] = None,
    vertical: Annotated[
        int | str | None, Axis("column by name or number from 0, or component, upwards; None: the next that varies")
    ] = None,
    resolution: Annotated[int, Range("points in each direction", 10, 200)] = 100,
) -> Iterator[Explanation]:
    """The score over a plane through the row, along two columns or two principal components of the background.

    Values are (y, x), lowest y first: probabilities where the model's scores are known to be logits of one softmax
    (`are_softmax_logits`), probabilities or their logarithms, else the score. A category's axis has a point for each of
    its values, NaN of those that neither the background nor the row holds. `details` tell the coordinates of the
    outermost points, and at which score the line is drawn, `boundary`: 0.5 of scores from 0 to 1, 0 of scores on both
    sides of it, and else the row's own, as of a price that is never 0, or of one of several outputs. `plane_of` makes
    the same plane, which places other rows in the picture. With more than two columns it is a slice: elsewhere the
    boundary may lie elsewhere. The scores of all classes are kept.

    Raises
    ------
    ValueError
        If there is no background, there are no such two columns or components, or a score is not finite.
    """
    table = table_of(subject)
    seen = plane_of(table, plane, horizontal, vertical)
    u, v = seen.ticks(resolution)
    across, upwards = seen.tried(resolution)
    shape = (len(upwards), len(across))
    probability = _is_probability(subject, target)
    key = ("boundary", plane, horizontal, vertical, resolution)
    axes = (("horizontal", horizontal), ("vertical", vertical)) if plane == "columns" else ()
    notes = tuple(note for name, axis in axes if axis is not None for note in by_place(table, axis, name))
    parts: list[Tensor] = list(subject.kept(key) or ())
    known = sum(map(len, parts))
    order, ends = _order(shape)
    shown = -np.inf
    while True:
        done = known == len(order)
        if done or (known >= ends[0] and time.perf_counter() - shown > _PAUSE):
            read = _filled(_read(subject, torch.cat(parts), target, probability), order, ends, shape)
            values = np.full((len(v), len(u)), np.nan)
            values[np.ix_(upwards, across)] = read
            yield _answer(seen, u, v, values, known / len(order), subject, target, probability, notes)
            shown = time.perf_counter()
        if done:
            return
        stop = min([known + _POINTS, *(end for end in ends if end > known)])
        rows, columns = order[known:stop].T
        parts.append(scores_of(subject, seen.point(u[across[columns]], v[upwards[rows]]), "row"))
        known = stop
        subject.keep(key, tuple(parts), sum(part.nbytes for part in parts))


def _order(shape: tuple[int, int]) -> tuple[np.ndarray, list[int]]:
    """The points (n, 2) of a grid, row and column, coarse ones first, and how many there are after each pass."""
    level = np.full(shape, len(_STRIDES) - 1)
    for number, stride in reversed(list(enumerate(_STRIDES))):
        level[::stride, ::stride] = number
    ranks = level.ravel()
    order = np.argsort(ranks, kind="stable")
    ends = np.searchsorted(ranks[order], np.arange(len(_STRIDES)), side="right").tolist()
    return np.stack(np.unravel_index(order, shape), axis=1), ends


def _filled(values: np.ndarray, order: np.ndarray, ends: list[int], shape: tuple[int, int]) -> np.ndarray:
    """The grid with values (n,) at the first points; the others have that of the nearest point of a finished pass."""
    grid = np.full(shape, np.nan)
    grid[tuple(order[: len(values)].T)] = values
    stride = next(s for s, end in zip(reversed(_STRIDES), reversed(ends), strict=True) if end <= len(values))
    near = [np.minimum((np.arange(n) + stride // 2) // stride, (n - 1) // stride) * stride for n in shape]
    return np.where(np.isnan(grid), grid[np.ix_(*near)], grid)


def _read(subject: Subject, scores: Tensor, target: Target, probability: bool) -> np.ndarray:
    """Of scores (n, K, …) what is shown (n,)."""
    if probability and subject.score_name == "logit":
        scores = scores.double().sigmoid() if subject.reader.both else scores.double().softmax(1)
    elif probability and subject.score_name == "log-probability":
        scores = scores.double().exp()
    shown: np.ndarray = targets.score(scores, target).double().cpu().numpy()
    return shown


def _is_probability(subject: Subject, target: Target) -> bool:
    """Whether a probability can be shown."""
    if not isinstance(target, int):
        return False
    if subject.score_name in ("probability", "log-probability"):
        return True
    return subject.score_name == "logit" and are_softmax_logits(subject)


def _answer(
    seen: Plane,
    u: np.ndarray,
    v: np.ndarray,
    values: np.ndarray,
    progress: float,
    subject: Subject,
    target: Target,
    probability: bool,
    notes: tuple[str, ...],
) -> Explanation:
    unknown = subject.score_name == "logit" and isinstance(target, int) and not probability
    warnings = (*notes, UNKNOWN) if unknown else notes
    if seen.is_slice:
        warnings += (
            f"this is a slice: the plane holds {seen.held:.0%} of the background's variance, and rows off it are only "
            "projected",
        )
    return Explanation(
        values=values,
        axes=("y", "x"),
        on="scores",
        signed=not probability,
        names=seen.names,
        quantity="probability" if probability else subject.score_name,
        details={
            "x_low": float(u[0]),
            "x_high": float(u[-1]),
            "y_low": float(v[0]),
            "y_high": float(v[-1]),
            "boundary": subject.score(target) if unknown else _line(values, subject.score(target)),
        },
        warnings=warnings,
        progress=progress,
    )


def _line(values: np.ndarray, score: float) -> float:
    """The score at which the model changes its mind, as far as scores (y, x) tell; else the row's."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return 0.5 if low >= 0 and high <= 1 else 0.0 if low < 0 < high else score
