"""Regions: a class of a map of scores, over some of its places."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

PREDICTED, MAP = "predicted", "map"


class Weights:
    """A mask of places: equal where its numbers are, and never changed."""

    def __init__(self, given: Any) -> None:
        array = given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
        if array.dtype.kind not in "biuf" or not array.ndim:
            raise TypeError(f"over: expected a mask of numbers or of True and False, got {array.dtype} {array.shape}")
        self.given = given
        self.array = array.astype(np.float64)
        if not np.isfinite(self.array).all() or (self.array < 0).any() or not self.array.any():
            raise ValueError("over: expected a mask of numbers from 0 on, not all of them 0")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return hash((self.array.shape, self.array.tobytes()))

    def __repr__(self) -> str:
        return f"<mask {'×'.join(map(str, self.array.shape))}>"


@dataclass(frozen=True)
class Region:
    """A target for maps of scores, such as those of a segmentation or one row a token: a class, over some places.

    What is explained is the mean of the class's scores over these places, in units of the score.

    Parameters
    ----------
    label
        The class: its number, or its name where names are known.
    over
        `"predicted"`: where the class has the highest score of all for the unchanged input; these places stay when the
        input changes. `"map"`: everywhere. A place, such as `(row, column)`, of the map of scores. Or a mask of its
        shape: True and False, or numbers from 0 on that weigh the places.

    Raises
    ------
    TypeError, ValueError
        If a value is none of these.
    """

    label: int | str
    over: Any = PREDICTED

    def __post_init__(self) -> None:
        if isinstance(self.label, bool) or not isinstance(self.label, (Integral, np.integer, str)):
            raise TypeError(f"label: expected the number or the name of a class, got {self.label!r}")
        if not isinstance(self.label, str):
            object.__setattr__(self, "label", int(self.label))
        over = self.over
        if isinstance(over, tuple):
            if any(isinstance(at, bool) or not isinstance(at, (Integral, np.integer)) for at in over):
                raise TypeError(f"over: expected a place of whole numbers, got {over!r}")
            object.__setattr__(self, "over", tuple(int(at) for at in over))
        elif isinstance(over, str):
            if over not in (PREDICTED, MAP):
                raise ValueError(f"over: expected {PREDICTED!r}, {MAP!r}, a place or a mask, got {over!r}")
        elif not isinstance(over, Weights):
            object.__setattr__(self, "over", Weights(over))

    def __repr__(self) -> str:
        return f"Region({self.label!r}{'' if self.over == PREDICTED else f', over={self.over!r}'})"


@dataclass(frozen=True)
class Placed:
    """A region of one input: which of the scores (N, K, …) it looks at. With `last`, classes are on the last axis."""

    region: Region
    last: bool
    places: Tensor | None = field(default=None, compare=False, repr=False)  # (n,), None for all of them
    weights: Tensor | None = field(default=None, compare=False, repr=False)  # (n,), that add up to 1

    def __call__(self, scores: Tensor) -> Tensor:
        """(N, K, …) → (N,)."""
        return self.of_all_classes(scores)[:, int(self.region.label)]

    def of_all_classes(self, scores: Tensor) -> Tensor:
        """(N, K, …) → (N, K): each class over the same places."""
        flat = by_class(scores, self.last).flatten(2)
        if self.places is None:
            return flat.mean(2)
        assert self.weights is not None
        seen = flat[:, :, self.places.to(scores.device)]
        return seen[:, :, 0] if len(self.places) == 1 else (seen * self.weights.to(scores)).sum(2)


def by_class(scores: Tensor, last: bool) -> Tensor:
    """(N, K, …), where classes may be on the last axis."""
    return scores.movedim(-1, 1) if last else scores


def winners(maps: Tensor) -> Tensor:
    """(1, K, …) → (…): the class with the highest score at each place."""
    return torch.nan_to_num(maps[0], nan=-torch.inf).argmax(0)


def checked_region(region: Region, scores: Tensor, last: bool, names: Sequence[str]) -> Region:
    shape, over = tuple(scores.shape[1:]), region.over
    if len(shape) < 2:
        raise ValueError(f"target: a region needs scores at several places, these have shape {shape}; give the class")
    maps = by_class(scores, last)
    label = number_of(region.label, names) if isinstance(region.label, str) else region.label
    check_index(label, maps.shape[1], "class")
    places = tuple(maps.shape[2:])
    if isinstance(over, tuple):
        if len(over) != len(places):
            raise ValueError(f"over: the place {over} has {len(over)} indices, the map of scores is {places}")
        for index, size in zip(over, places, strict=True):
            check_index(index, size, "place")
    elif isinstance(over, Weights) and over.array.shape != places:
        raise ValueError(f"over: a mask of shape {over.array.shape} for a map of scores of shape {places}")
    elif over == PREDICTED and maps.shape[1] == 1:
        raise ValueError(
            f"over: a single score has no class to win against; give {MAP!r}, a place or a mask, or the names of two "
            "classes, classes=(…, …), where its sign tells them apart"
        )
    return Region(label, over)


def placed(region: Region, scores: Tensor, last: bool, called: Callable[[], Sequence[str]]) -> Placed:
    maps, over = by_class(scores, last), region.over
    if over == MAP:
        return Placed(region, last)
    if isinstance(over, tuple):
        weights = torch.zeros(maps.shape[2:], dtype=torch.float64)
        weights[over] = 1
    elif isinstance(over, Weights):
        weights = torch.from_numpy(over.array)
    else:
        weights = winners(maps).eq(int(region.label)).cpu().double()
        if not weights.any():
            said = f"target: {_said(int(region.label), called())} is predicted nowhere in this input; explain it"
            if maps.ndim == 3:  # one row of places, as of tokens, which cannot be removed where all are looked at
                place, label = int(torch.nan_to_num(maps[0, int(region.label)], nan=-torch.inf).argmax()), region.label
                raise ValueError(
                    f"{said} at a place, such as where its score is highest: "
                    f"target={(place, label) if last else (label, place)}"
                )
            raise ValueError(f"{said} over {MAP!r}, at a place or over a mask: Region({region.label}, over={MAP!r})")
    places = weights.flatten().nonzero()[:, 0]
    held = weights.flatten()[places]
    return Placed(region, last, places, held / held.sum())


def _said(number: int, names: Sequence[str]) -> str:
    """A class as a sentence names it: `class 2`, or `'dog' (class 2)` where it has a name of its own."""
    name = names[number] if number < len(names) else f"class {number}"
    return name if name == f"class {number}" else f"{name!r} (class {number})"


def number_of(name: str, names: Sequence[str], of: Sequence[Any] = ()) -> int:
    """The class that is called so; `of` as in `targets.checked`."""
    if name in names:
        return list(names).index(name)
    if not names:
        raise TypeError(f"target: expected a class by its number, got str {name!r}; names need classes=(…)")
    if alike := [other for place, other in enumerate(names) if other == f"{name} ({place})"]:
        raise ValueError(
            f"target: {len(alike)} classes are called {name!r}; say which: {' or '.join(map(repr, alike))}"
        )
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or list(names[:3]) * (not of)
    nearest = f"; nearest: {', '.join(map(repr, close))}" if close else ""
    others = _other_labels(of, repr(name)) if of else ""
    raise ValueError(f"target: there is no class {name!r}{nearest}{others}")


def check_index(index: int, size: int, what: str, names: Sequence[str] = (), of: Sequence[Any] = ()) -> None:
    """Check that there is such a place; `of` as in `targets.checked`."""
    if not 0 <= index < size:
        named = f"class {index}"
        way = f"; the one with this label: target={named!r}" if named in names else _other_labels(of, "…") if of else ""
        raise ValueError(f"target: {what} {index} is out of range, expected 0 to {size - 1}{way}")


def _other_labels(known: Sequence[Any], other: str) -> str:
    """That a model returns labels, of which no more are known, and how they are named."""
    own = ", ".join(map(repr, known))
    return (
        f"; the model returned {own} for the input itself; say which labels there are: classes=[{own}, {other}], "
        "all of them"
    )
