"""The score that is explained: a class, a class over a region, a unit of a larger output, a mask, or any callable."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.explanation import Target

PREDICTED, MAP = "predicted", "map"
_BACKGROUND = {"background", "__background__", "bg"}


class Mask:
    """A target that weighs scores (N, …) with a mask of their shape and adds them up."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def __call__(self, scores: Tensor) -> Tensor:
        return (scores * self.weights.to(scores)).flatten(1).sum(1)

    def __repr__(self) -> str:
        return f"a mask of shape {tuple(self.weights.shape)}"


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


def are_probabilities(scores: Tensor) -> bool:
    """Whether the scores (N, K, …) are probabilities already, and must not be put through softmax again."""
    if scores.ndim < 2 or scores.shape[1] < 2:
        return False
    total = scores.sum(1)
    return bool(((scores >= 0).all() & (scores <= 1).all() & ((total - 1).abs() < 1e-3).all()).item())


def are_log_probabilities(scores: Tensor) -> bool:
    """Whether the scores (N, K, …) are logarithms of probabilities."""
    if scores.ndim < 2 or scores.shape[1] < 2 or not bool((scores <= 0).all()):
        return False
    return bool((scores.logsumexp(1).abs() < 1e-3).all())


def checked(
    target: Any, scores: Tensor, *, last: bool = False, known: bool = True, names: Sequence[str] = ()
) -> Target | Region:
    """A target that fits scores (1, K, …), with classes by their numbers. A class of a map becomes a `Region`.

    Without `known` it is not clear which axis the classes are on, and a class alone is refused.

    Raises
    ------
    TypeError, ValueError
        If it is of no known kind, or does not fit the scores.
    """
    shape = tuple(scores.shape[1:])
    if isinstance(target, Placed):
        target = target.region
    if isinstance(target, str):
        target = _number_of(target, names)
    if isinstance(target, (bool, float)):
        raise TypeError(f"target: expected a whole number, got {target!r}")
    if isinstance(target, (Integral, np.integer)):
        if len(shape) > 1 and not known:
            raise _unclear(shape)
        if len(shape) > 1:
            return checked(Region(int(target)), scores, last=last)
        _check_index(int(target), shape[0], "class")
        return int(target)
    if isinstance(target, Region):
        return _checked_region(target, scores, last, names)
    if isinstance(target, tuple):
        if len(target) != len(shape):
            raise ValueError(f"target: {target} has {len(target)} indices, the scores have shape {shape}")
        for index, size in zip(target, shape, strict=True):
            if isinstance(index, bool) or not isinstance(index, (Integral, np.integer)):
                raise TypeError(f"target: expected whole numbers, got {target!r}")
            _check_index(int(index), size, "index")
        return tuple(int(index) for index in target)
    if isinstance(target, np.ndarray):
        target = torch.from_numpy(target)
    if isinstance(target, Tensor):
        if tuple(target.shape) != shape:
            raise ValueError(f"target: a mask of shape {tuple(target.shape)} for scores of shape {shape}")
        return Mask(target.detach())
    if callable(target):
        return target  # type: ignore[no-any-return]
    raise TypeError(
        f"target: expected a class, a Region, a tuple of indices, a mask or a callable, got {type(target).__name__}"
    )


def resolve(
    target: Any, scores: Tensor, *, last: bool = False, known: bool = True, names: Sequence[str] = ()
) -> Target:
    """Check a target against the clean scores (1, K, …), and find its places; None stands for `default`.

    Raises
    ------
    TypeError, ValueError
        If it does not fit, or a region is to be where a class is predicted, and that is nowhere.
    """
    if target is None and scores.ndim > 2 and not known:
        raise _unclear(tuple(scores.shape[1:]))
    wanted = default(scores, last, names) if target is None else target
    found = checked(wanted, scores, last=last, known=known, names=names)
    return _placed(found, scores, last) if isinstance(found, Region) else found


def default(scores: Tensor, last: bool, names: Sequence[str] = ()) -> int | Region:
    """The class with the highest score; of a map, the class that has it at most places, where it has it.

    A class that is called background is not taken where there is another one. A map of a single number, which wins
    everywhere, is explained as a whole.
    """
    if scores.ndim == 2:
        return int(torch.nan_to_num(scores[0], nan=-torch.inf).argmax())
    winners = _winners(by_class(scores, last))
    if by_class(scores, last).shape[1] == 1:
        return Region(0, MAP)
    counts = torch.bincount(winners.flatten(), minlength=by_class(scores, last).shape[1])
    ground = [number for number, name in enumerate(names) if name.strip().lower() in _BACKGROUND]
    others = counts.clone()
    others[ground] = 0
    return Region(int((others if others.any() else counts).argmax()))


def _winners(maps: Tensor) -> Tensor:
    """(1, K, …) → (…): the class with the highest score at each place."""
    return torch.nan_to_num(maps[0], nan=-torch.inf).argmax(0)


def _checked_region(region: Region, scores: Tensor, last: bool, names: Sequence[str]) -> Region:
    shape, over = tuple(scores.shape[1:]), region.over
    if len(shape) < 2:
        raise ValueError(f"target: a region needs scores at several places, these have shape {shape}; give the class")
    maps = by_class(scores, last)
    label = _number_of(region.label, names) if isinstance(region.label, str) else region.label
    _check_index(label, maps.shape[1], "class")
    places = tuple(maps.shape[2:])
    if isinstance(over, tuple):
        if len(over) != len(places):
            raise ValueError(f"over: the place {over} has {len(over)} indices, the map of scores is {places}")
        for index, size in zip(over, places, strict=True):
            _check_index(index, size, "place")
    elif isinstance(over, Weights) and over.array.shape != places:
        raise ValueError(f"over: a mask of shape {over.array.shape} for a map of scores of shape {places}")
    elif over == PREDICTED and maps.shape[1] == 1:
        raise ValueError(
            f"over: a single score has no class to win against; give {MAP!r}, a place or a mask, or the names of two "
            "classes, classes=(…, …), where its sign tells them apart"
        )
    return Region(label, over)


def _placed(region: Region, scores: Tensor, last: bool) -> Placed:
    maps, over = by_class(scores, last), region.over
    if over == MAP:
        return Placed(region, last)
    if isinstance(over, tuple):
        weights = torch.zeros(maps.shape[2:], dtype=torch.float64)
        weights[over] = 1
    elif isinstance(over, Weights):
        weights = torch.from_numpy(over.array)
    else:
        weights = _winners(maps).eq(int(region.label)).cpu().double()
        if not weights.any():
            raise ValueError(
                f"target: class {region.label} is predicted nowhere in this input; explain it over {MAP!r}, at a place "
                f"or over a mask: Region({region.label}, over={MAP!r})"
            )
    places = weights.flatten().nonzero()[:, 0]
    held = weights.flatten()[places]
    return Placed(region, last, places, held / held.sum())


def _number_of(name: str, names: Sequence[str]) -> int:
    if name in names:
        return list(names).index(name)
    if not names:
        raise TypeError(f"target: expected a class by its number, got str {name!r}; names need classes=(…)")
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or list(names[:3])
    raise ValueError(f"target: there is no class {name!r}; nearest: {', '.join(map(repr, close))}")


def _check_index(index: int, size: int, what: str) -> None:
    if not 0 <= index < size:
        raise ValueError(f"target: {what} {index} is out of range, expected 0 to {size - 1}")


def asked(target: Any) -> Any:
    """A target as it was asked for, without the places that it has in one input."""
    return target.region if isinstance(target, Placed) else target


def score(scores: Tensor, target: Target) -> Tensor:
    """The number that is explained, one per input: (N, K, …) → (N,)."""
    if isinstance(target, int):
        return scores[:, target]
    if isinstance(target, tuple):
        return scores.flatten(1)[:, int(np.ravel_multi_index(target, tuple(scores.shape[1:])))]
    value = target(scores)
    if not isinstance(value, Tensor) or value.shape != scores.shape[:1]:
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"target: the callable must return one score per input, shape ({len(scores)},), got {got}")
    return value


def name_of(target: Any, classes: Sequence[str] | None = None, places: Sequence[str] = ()) -> str:
    """The name of a class, with its region, or a description of another target; `places` names those of a line."""
    if isinstance(target, Region):
        name = target.label if isinstance(target.label, str) else name_of(target.label, classes)
        return f"{name} {_where(target.over, places)}"
    if isinstance(target, int):
        return str(classes[target]) if classes is not None and 0 <= target < len(classes) else f"class {target}"
    return str(getattr(target, "__name__", None) or target)


def _where(over: Any, places: Sequence[str]) -> str:
    if isinstance(over, tuple):
        if len(over) == 1 and over[0] < len(places):
            return f"at {over[0]} “{places[over[0]]}”"
        return f"at {', '.join(map(str, over))}"
    if isinstance(over, str):
        return "where it is predicted" if over == PREDICTED else "over the whole map"
    return "over a mask"


class Kept:
    """What of the scores of changed inputs is kept between questions.

    All of them, where they are one row a class, so that the next class costs no pass; of maps, of which each is as
    large as the input, only the target's own number.

    Attributes
    ----------
    key
        Part of the key under which they are kept.
    """

    def __init__(self, target: Target, scores: Tensor) -> None:
        self._target = target
        self._all = scores.ndim == 2
        self.key: Hashable = None if self._all else target

    def keep(self, scores: Tensor) -> Tensor:
        """Of scores (N, K, …) what is kept, (N, K) or (N, 1)."""
        return scores if self._all else score(scores, self._target)[:, None]

    def read(self, kept: Tensor) -> Tensor:
        """The target's score (N,), from what was kept."""
        return score(kept, self._target) if self._all else kept[:, 0]


def _unclear(shape: tuple[int, ...]) -> ValueError:
    return ValueError(
        f"target: the scores have shape {shape}, of which the input does not tell what are classes and what places; "
        "give a tuple of indices, a mask of that shape or a callable, Region(class, …) if the classes come first, or "
        "scores=lambda output: output[:, None] if there are none"
    )


def is_clear(scores: Tensor, x: Tensor) -> bool:
    """Whether it can be told which axis of scores the classes are on: of one row a class, and of maps of the input."""
    return scores.ndim == 2 or scores.ndim == x.ndim or classes_last(scores, x)


def classes_last(scores: Tensor, x: Tensor) -> bool:
    """Whether scores (1, …, K) have a row for each place of an input (1, …, C), as those of tokens and time steps do.

    Else the classes are on axis 1, as those of a segmentation are: (1, K, …).
    """
    places = tuple(scores.shape[1:-1])
    if scores.ndim < 3 or scores.shape[-1] == 0:
        return False
    if not x.is_floating_point():  # ids (1, L)
        return places == tuple(x.shape[1:])
    return scores.ndim == x.ndim and places == tuple(x.shape[1:-1]) and scores.shape[2:] != x.shape[2:]
