"""The score that is explained: a class, a class over a region, a unit of a larger output, a mask, or any callable."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from numbers import Integral
from types import BuiltinMethodType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.called import number_called
from nbexplain.core.explanation import Target
from nbexplain.core.model.batches import is_close
from nbexplain.core.model.region import (
    MAP,
    PREDICTED,
    Placed,
    Region,
    by_class,
    check_index,
    checked_region,
    number_of,
    placed,
    winners,
)
from nbexplain.inputs.calling import lacks

_ROUNDED = 1e-3  # of probabilities that add up to 1
_HELD = 16  # inputs, spread over all, whose numbers a callable's are held against, beside those of `_unlike`
_CLASSES = 9  # at most, whose scores order the inputs
_BACKGROUND = {"background", "__background__", "bg"}


class Mask:
    """A target that weighs scores (N, …) with a mask of their shape and adds them up."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def __call__(self, scores: Tensor) -> Tensor:
        return (scores * self.weights.to(scores)).flatten(1).sum(1)

    def __repr__(self) -> str:
        return f"a mask of shape {tuple(self.weights.shape)}"


def are_probabilities(scores: Tensor) -> bool:
    """Whether the scores (N, K, …) are probabilities already, and must not be put through softmax again."""
    if scores.ndim < 2 or scores.shape[1] < 2:
        return False
    total = scores.sum(1)
    between = (scores >= -_ROUNDED).all() & (scores <= 1 + _ROUNDED).all()
    return bool((between & ((total - 1).abs() < _ROUNDED).all()).item())


def are_log_probabilities(scores: Tensor) -> bool:
    """Whether the scores (N, K, …) are logarithms of probabilities."""
    if scores.ndim < 2 or scores.shape[1] < 2 or not bool((scores <= 0).all()):
        return False
    return bool((scores.logsumexp(1).abs() < 1e-3).all())


def checked(
    target: Any,
    scores: Tensor,
    *,
    last: bool = False,
    known: bool = True,
    names: Sequence[str] = (),
    of: Sequence[Any] = (),
) -> Target | Region:
    """A target that fits scores (1, K, …), with classes by their numbers. A class of a map becomes a `Region`.

    Without `known` it is not clear which axis the classes are on, and a class alone is refused. `of` are the labels
    that the scores are of, where there may be others: see `Subject.open_labels`.

    Raises
    ------
    TypeError, ValueError
        If it is of no known kind, or does not fit the scores.
    """
    shape = tuple(scores.shape[1:])
    if isinstance(target, Placed):
        target = target.region
    if isinstance(target, str):
        if not names and last and len(shape) == 2:  # as of tokens
            raise TypeError(
                f"target: class {target!r} has a score at each of {shape[0]} places; say at which, such as "
                f"target=({shape[0] - 1}, {target!r})"
            )
        target = number_of(target, names, of)
    if isinstance(target, (bool, np.bool_)) and f"class {target}" in names:
        target = number_of(f"class {target}", names)
    if isinstance(target, (bool, np.bool_, float)):
        way = f"; a class by its name: target={names[-1]!r}" if names else ""
        raise TypeError(f"target: expected a whole number, got {target!r}{way}")
    if isinstance(target, (Integral, np.integer)):
        if len(shape) > 1 and not known:
            raise _unclear(shape)
        if len(shape) > 1:
            return checked(Region(int(target)), scores, last=last)
        check_index(int(target), shape[0], "class", names, of)
        return int(target)
    if isinstance(target, Region):
        return checked_region(target, scores, last, names)
    if isinstance(target, tuple):
        if len(target) != len(shape):
            raise ValueError(f"target: {target} has {len(target)} indices, the scores have shape {shape}")
        if isinstance(name := target[at := len(shape) - 1 if last else 0], str):
            target = (*target[:at], number_of(name, names), *target[at + 1 :])
        for index, size in zip(target, shape, strict=True):
            if isinstance(index, bool) or not isinstance(index, (Integral, np.integer)):
                raise TypeError(f"target: expected whole numbers, got {target!r}")
            check_index(int(index), size, "index")
        return tuple(int(index) for index in target)
    if isinstance(target, np.ndarray):
        target = torch.from_numpy(target)
    if isinstance(target, Tensor):
        if tuple(target.shape) != shape:
            raise ValueError(f"target: a mask of shape {tuple(target.shape)} for scores of shape {shape}")
        return Mask(target.detach())
    if callable(target):
        if why := lacks(target, 1):
            raise TypeError(
                f"target: expected a function of the scores, target(scores), and it cannot be called so: {why}"
            )
        return target  # type: ignore[no-any-return]
    raise TypeError(
        f"target: expected a class, a Region, a tuple of indices, a mask or a callable, got {type(target).__name__}"
    )


def resolve(
    target: Any,
    scores: Tensor,
    *,
    last: bool = False,
    known: bool = True,
    names: Sequence[str] = (),
    of: Sequence[Any] = (),
    called: Callable[[], Sequence[str]] = tuple,
) -> Target:
    """Check a target against the clean scores (1, K, …), and find its places; None stands for `default`.

    `called` gives the names of all classes, for what is said of one that is predicted nowhere.

    Raises
    ------
    TypeError, ValueError
        If it does not fit, a region is to be where a class is predicted, and that is nowhere, or a callable tells no
        input from another by itself.
    """
    if target is None and scores.ndim > 2 and not known:
        raise _unclear(tuple(scores.shape[1:]))
    wanted = default(scores, last, names) if target is None else target
    found = checked(wanted, scores, last=last, known=known, names=names, of=of)
    if isinstance(found, Region):
        return placed(found, scores, last, called)
    if is_function(found):
        _check_alone(found, scores)
    return found


def default(scores: Tensor, last: bool, names: Sequence[str] = ()) -> int | Region:
    """The class with the highest score; of a map, the class that has it at most places, where it has it.

    A class that is called background is not taken where there is another one. A map of a single number, which wins
    everywhere, is explained as a whole.
    """
    if scores.ndim == 2:
        return int(torch.nan_to_num(scores[0], nan=-torch.inf).argmax())
    maps = by_class(scores, last)
    if maps.shape[1] == 1:
        return Region(0, MAP)
    counts = torch.bincount(winners(maps).flatten(), minlength=maps.shape[1])
    ground = [number for number, name in enumerate(names) if name.strip().lower() in _BACKGROUND]
    others = counts.clone()
    others[ground] = 0
    return Region(int((others if others.any() else counts).argmax()))


def asked(target: Any) -> Any:
    """A target as it was asked for, without the places that it has in one input."""
    return target.region if isinstance(target, Placed) else target


def is_function(target: Any) -> bool:
    """Whether it is a callable of the user's, whose number may be anything, and need not be linear in the scores."""
    return callable(target) and not isinstance(target, (Placed, Mask))


def score(scores: Tensor, target: Target) -> Tensor:
    """The number that is explained, one per input: (N, K, …) → (N,).

    A callable that gives an input of several another number than alone, such as by a softmax over the wrong axis, is
    asked for one at a time.
    """
    if isinstance(target, int):
        return scores[:, target]
    if isinstance(target, tuple):
        return scores.flatten(1)[:, int(np.ravel_multi_index(target, tuple(scores.shape[1:])))]
    value = _called(target, scores)
    if len(scores) > 1 and is_function(target) and not _tells_apart(target, scores, value):
        value = torch.cat([_called(target, one) for one in scores.split(1)])
    return value


def _tells_apart(target: Target, scores: Tensor, value: Tensor) -> bool:
    """Whether the inputs have the numbers that they have alone: some of them, and all beside half of the others.

    A gradient that reaches the scores of others tells at once, whatever the scores are. What it can't follow, such as a
    condition that is true as soon as one input meets it, is tried: with some that are spread over all, and those of
    which a callable may make something else; and for all with every other one, which have another largest, order, and
    number of inputs.
    """
    number, made = len(scores), value.detach()
    if _reaches_others(target, scores):
        return False
    held = sorted({*np.linspace(0, number - 1, _HELD).astype(np.intp).tolist(), *_unlike(scores, made)})
    with torch.no_grad():
        alone = torch.cat([_called(target, scores[place : place + 1]) for place in held])
        if not is_close(made[held], alone):
            return False
        if len(held) == number:
            return True
        try:
            halves = [_called(target, scores[start::2]) for start in (1, 0)]
        except ValueError:  # which raises of so many inputs only: the number of others matters to it
            return False
    return is_close(torch.cat([made[1::2], made[::2]]), torch.cat(halves))


def _unlike(scores: Tensor, made: Tensor) -> set[int]:
    """The inputs at both ends and in the middle of some orders, and one of each predicted class, of (N, K, …) and (N,).

    The orders are that of what a callable made of them, of their largest and smallest scores, and of each score.
    """
    scores = scores.detach()
    flat = (torch.view_as_real(scores) if scores.is_complex() else scores).flatten(1)
    orders, classes = [made, flat.amax(1), flat.amin(1)], np.zeros(0, int)
    if scores.ndim == 2 and not scores.is_complex():
        orders += flat.unbind(1)[:_CLASSES]
        _, classes = np.unique(flat.double().argmax(1).cpu().numpy(), return_index=True)
    ordered = np.argsort(np.stack([order.double().cpu().numpy() for order in orders]), 1)
    return {*ordered[:, [0, ordered.shape[1] // 2, -1]].ravel().tolist(), *classes[:_CLASSES].tolist()}


def _reaches_others(target: Target, scores: Tensor) -> bool | None:
    """Whether the numbers of every other input have a gradient in the scores of those between; None if none tells."""
    if not scores.is_floating_point():
        return None
    with torch.enable_grad():
        given = scores.detach().clone().requires_grad_()
        try:
            value = _called(target, given)
            if not value.requires_grad:
                return None
            value = value * torch.linspace(1, 2, len(value)).to(value)  # or they may cancel each other
            slopes = [
                torch.autograd.grad(value[start::2].sum(), given, retain_graph=start == 0, allow_unused=True)[0]
                for start in (0, 1)
            ]
        except Exception:  # such as one that computes with numpy, or has a backward of its own that fails
            return None
    between = [slope[1 - start :: 2] for start, slope in enumerate(slopes) if slope is not None]
    if any(slope.isnan().any() for slope in between):
        return None
    return any(bool(slope.any()) for slope in between)


def _check_alone(target: Target, scores: Tensor) -> None:
    """Refuse a callable that tells inputs apart only beside others: tried on scores made of those of one, (1, K, …)."""
    others = [scores, scores.flip(1), scores.roll(1, 1), 2 * scores + 1, 0.5 * scores]
    with torch.no_grad():
        try:
            alone = torch.cat([_called(target, one) for one in others])
            together = _called(target, torch.cat(others))
        except ValueError:  # which such scores may make it raise; of those of the input itself, it is told when asked
            return
    if is_close(alone, alone[:1]) and not is_close(together, alone):
        raise ValueError(
            "target: the number that the callable makes of an input depends on which inputs are asked with it, and of "
            "each input alone it is the same: it computes something of all rows of the scores (N, K), such as their "
            "mean or a softmax over the wrong axis; let it use those of one row, such as "
            "target=lambda scores: scores.softmax(1)[:, 0]"
        )


def _called(target: Target, scores: Tensor) -> Tensor:
    """What a target that is called makes of scores (N, K, …): (N,)."""
    assert callable(target)
    try:
        value = target(scores.clone() if is_function(target) else scores)  # it may write into them
    except (MemoryError, torch.OutOfMemoryError):  # of which fewer inputs may take less
        raise
    except Exception as error:
        shape = tuple(scores.shape)
        raise ValueError(
            f"target: the callable raised {type(error).__name__} on scores of shape {shape}, a row for each input: "
            f"{error}"
        ) from error
    if not isinstance(value, Tensor) or value.shape != scores.shape[:1]:
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"target: the callable must return one score per input, shape ({len(scores)},), got {got}")
    if value.is_complex():
        raise ValueError(f"target: the callable must return real numbers, got {value.dtype}; try value.abs()")
    if value.is_floating_point():
        return value
    return value.to(torch.promote_types(scores.dtype, torch.float32))  # what weighs numbers needs fractions of them


def places_of(target: Target | None) -> tuple[int, ...] | None:
    """The places along L that a target of scores (N, L, K) or (N, L) looks at; None where not known, or all."""
    if isinstance(target, int):
        return (target,)
    if isinstance(target, tuple):
        return (target[0],) if len(target) <= 2 else None
    if isinstance(target, Placed) and target.places is not None:
        return tuple(target.places.tolist())
    return None


def name_of(target: Any, classes: Sequence[str] | None = None, places: Sequence[str] = ()) -> str:
    """The name of a class, with its region, or a description of another target; `places` are the tokens of a text."""
    if isinstance(target, Region):
        name = target.label if isinstance(target.label, str) else name_of(target.label, classes)
        return f"{name} {_where(target.over, places)}"
    if isinstance(target, int):
        return str(classes[target]) if classes is not None and 0 <= target < len(classes) else f"class {target}"
    return str(getattr(target, "__name__", None) or target)


def called_like(number: Any, classes: Sequence[str]) -> str | None:
    """The class that is called like the number of another: of labels 1, 2 and 3, number 1 is the one called 2."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(classes):
        return None
    if number_called(classes[number]) == number:
        return None
    return next((name for name in classes if number_called(name) == number), None)


def _where(over: Any, places: Sequence[str]) -> str:
    if isinstance(over, tuple):
        if len(over) == 1 and over[0] < len(places):
            return f"at {over[0]} “{places[over[0]]}”"
        return f"at {', '.join(map(str, over))}"
    if isinstance(over, str):
        return "where it is predicted" if over == PREDICTED else "over all tokens" if places else "over the whole map"
    return "over a mask"


class _Same:
    """A callable that is told from others by being another object: it may be equal to one that differs, or no key."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.target is self.target

    def __hash__(self) -> int:
        return id(self.target)


def key_of(target: Any) -> Hashable:
    """What a checked target is compared by, and a part of the keys under which something is kept.

    Of a callable it is which object it is. A bound method, another object at each look, is equal to that of the same
    object alone.
    """
    bound = isinstance(target, (MethodType, BuiltinMethodType))
    key: Hashable = _Same(target) if is_function(target) and not bound else target
    return key


class Kept:
    """What of the scores of changed inputs is kept between questions.

    All of them, where they are one row a class, so that the next class costs no pass; of maps, of which each is as
    large as the input, and for a callable, which need not be that of a mean of scores, only the target's own number.

    Attributes
    ----------
    key
        Part of the key under which they are kept.
    """

    def __init__(self, target: Target, scores: Tensor) -> None:
        self._target = target
        self._all = scores.ndim == 2 and not is_function(target)
        self.key: Hashable = None if self._all else key_of(target)

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
        "let scores= return them with an axis of one class, scores[:, None], if there are none"
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
