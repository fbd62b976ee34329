"""Explanation: a frozen result with named axes and checked shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

_PLACES = ("input", "layer", "features", "inputs", "rows", "scores", "cell")

Target = int | tuple[int, ...] | Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Grid:
    """The values of a column at the points of a curve.

    Attributes
    ----------
    column
        Its name.
    values
        (P,) in ascending order: numbers, or the positions of categories. A last NaN is the point of a missing value.
    categories
        What each point is called, (P,), of a category; empty for a number.
    time
        What a number is the days of, as in `Column`; empty for a number as it stands.
    """

    column: str
    values: np.ndarray
    categories: tuple[str, ...] = ()
    time: str = ""

    def __post_init__(self) -> None:
        self.values.setflags(write=False)  # as those of an explanation


@dataclass(frozen=True, eq=False, kw_only=True)
class Explanation:
    """What a method says about one input.

    Attributes
    ----------
    values
        Raw values, never clamped, scaled or coloured; NaN stays NaN.
    axes
        A name per axis of `values`: `("channel", "y", "x")`, `("y", "x")`, `("feature",)` …
    on
        What the axes run over: `"input"` (the network's input, pixel by pixel), `"layer"` (the cells of a layer's
        grid, which span the input), `"features"` (superpixels, tokens, columns: see `features`), `"inputs"` (all
        inputs of a session), `"rows"` (rows of a background table × its columns), `"scores"` (the classes, or how a
        score changes) or `"cell"` (what one cell adds up).
    signed
        Whether a negative value means evidence against.
    quantity
        What the numbers are, with their unit, for the colour bar.
    features
        For `on == "features"`: the map from places (pixels (H, W), tokens (L,), columns (F,)) to the values, -1 for
        places that belong to none; for `on == "rows"`: the numbers of the rows in the background.
    names
        Of the features.
    grid
        Of a curve: the column and its values at the points along the last axis.
    standard_error
        Of each value, in the same shape, where the method draws samples.
    method, target, layer, channel, cell, params
        The question that this answers.
    score, score_name
        The number that is explained, and whether it is a logit, a probability or a score of the user's own.
    scores
        (n, classes) those of each changed input, where the first axis of `values` holds such; one column, the target's,
        where there is not one score per class.
    base
        The score with all features hidden, where the values add up to the score from there.
    gap
        What is missing from completeness, where the method promises it.
    details
        Further figures of the method by name, such as LIME's R².
    warnings
        What the method could not see.
    seconds, passes
        What it cost so far: wall time, and forward and backward passes counted in inputs.
    progress
        1.0 for an answer, less for a picture on the way.
    """

    values: np.ndarray
    axes: tuple[str, ...]
    on: str = "input"
    signed: bool = True
    quantity: str = ""
    features: np.ndarray | None = None
    names: tuple[str, ...] = ()
    grid: Grid | None = None
    standard_error: np.ndarray | None = None
    method: str = ""
    target: Any = None
    layer: str | None = None
    channel: int | None = None
    cell: tuple[int, int] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None
    score_name: str = "score"
    scores: np.ndarray | None = None
    base: float | None = None
    gap: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    passes: Mapping[str, int] = field(default_factory=dict)
    progress: float = 1.0

    def __post_init__(self) -> None:
        if self.values.ndim != len(self.axes):
            raise ValueError(f"axes: {len(self.axes)} names {self.axes} for values of shape {self.values.shape}")
        if self.values.dtype.kind == "c":
            raise TypeError("values: expected real numbers, got complex ones; take the magnitude or the real part")
        if self.on not in _PLACES:
            raise ValueError(f"on: expected one of {', '.join(map(repr, _PLACES))}, got {self.on!r}")
        if self.standard_error is not None and self.standard_error.shape != self.values.shape:
            raise ValueError(
                f"standard_error: shape {self.standard_error.shape} for values of shape {self.values.shape}"
            )
        if self.on == "features":
            if self.features is None:
                raise ValueError("features: a map from places to features is needed for values that belong to features")
            count = self.values.shape[self.axes.index("feature") if "feature" in self.axes else 0]
            if self.features.size and int(self.features.max()) >= count:
                raise ValueError(f"features: label {int(self.features.max())} has no value (there are {count})")
        if self.grid is not None and self.grid.values.shape != self.values.shape[-1:]:
            raise ValueError(f"grid: {len(self.grid.values)} points for values of shape {self.values.shape}")
        for array in (self.values, self.standard_error, self.features, self.scores):
            if array is not None:
                array.setflags(write=False)  # shared between panes and kept for going back

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that this holds."""
        return sum(a.nbytes for a in (self.values, self.standard_error, self.features, self.scores) if a is not None)

    def __repr__(self) -> str:
        about = [f"{self.method} {dict(zip(self.axes, self.values.shape, strict=True))}"]
        if self.target is not None:
            about.append(f"target={'…' if callable(self.target) else self.target}")
        if self.layer is not None:
            about.append(f"layer={self.layer!r}")
        if self.score is not None:
            about.append(f"{self.score_name}={self.score:.4g}")
        if self.progress < 1:
            about.append(f"progress={self.progress:.0%}")
        return f"<Explanation {' '.join(about)}>"
