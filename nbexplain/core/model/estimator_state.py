"""What a fit replaces in an estimator, told apart from what the estimator writes itself whenever it is asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any, NamedTuple
from weakref import ref

from numpy import ndarray

from nbexplain.core.model.held_parts import PARTS, Reader, Readers, attributes, look, whole
from nbexplain.core.model.held_values import VALUES, Measured, Names, same

_Slot = tuple[int, Any]  # the number of a part, by the way to it, and a name in it
_GROWN = ("", "grown")  # in place of a name: which names there are
_NOTHING = object()
_LARGE = 1_000_000  # bytes
_KEPT = frozenset((bool, int, str, bytes, type(None), list, tuple, dict, set, frozenset, deque))
_WATCHED = 2  # calls with one input that are watched, and as many with more


class _Part(NamedTuple):
    held: Any  # the part, or a reference to it
    names: Names
    inner: list[tuple[int, Any, Reader]]  # what may be looked into: its number, itself or a reference to it, and how


class Attributes:
    """What a model holds, and what its parts hold: attributes, closures, globals that its functions look up, weights.

    Some are written by being asked: a pipeline counts its calls, others keep the last input, or load what they need at
    the first call. What two of our first calls change is no fit; what only one has written is held from then on. Calls
    with several inputs are watched as those with one are, as only they may fill what a model keeps for batches.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.once: dict[_Slot, tuple[Any, Any]] = {}  # what one call of ours wrote: before, and after
        self.always: dict[int, set[Any]] = {}  # what several wrote: the names in each part
        self._asked = {False: 0, True: 0}  # calls that were watched, with one input and with several
        self._numbers: dict[_Slot, int] = {}  # of a part, by the part and the name that lead to it
        self._states = 0
        self._last: dict[int, _Part] = {}
        self._readers = Readers()
        reader = self._readers[type(model)]
        self._reader = attributes if reader is None or reader is whole else reader

    def state(self) -> State:
        """As they are now: unequal to another state if a fit, or the user, has changed one in between."""
        self._states += 1
        return State(self, self._now(), self._states)

    def settled(self, count: int) -> bool:
        """Whether enough calls with as many inputs were watched."""
        return self._asked[count > 1] >= _WATCHED

    @contextmanager
    def watched(self, count: int) -> Iterator[None]:
        """Around a call of ours, with so many inputs."""
        if self.settled(count):
            yield
            return
        before = self._now()
        try:
            yield
            self._asked[count > 1] += 1
        finally:
            for slot, written in _changes(before, self._now()):
                if slot in self.once:
                    del self.once[slot]
                    self.always.setdefault(slot[0], set()).add(slot[1])
                elif slot[1] not in self.always.get(slot[0], ()):
                    self.once[slot] = written

    def changed(self, before: dict[int, _Part], now: dict[int, _Part]) -> bool:
        """Whether more has changed than what the model writes itself."""
        for (number, name), written in _changes(before, now):
            own = self.always.get(number, ())
            if name in own or self._is_no_weight(number, name, now[number].held, written):
                continue
            if _GROWN in own and (
                now[number].names.grows == "places" or all(type(value) in VALUES for value in written)
            ):
                continue  # a history, or numbers that are kept or counted by what was asked
            ours = self.once.get((number, name))
            if ours is None or not all(map(same, ours, written)):
                return True
        return False

    def _is_no_weight(self, number: int, name: Any, held: Any, written: tuple[Any, Any]) -> bool:
        """Whether it is what programs keep as they go, such as counts, tokens and caches.

        So are words, whole numbers and containers of what the model holds, if that is no estimator of a library.
        """
        reader = self._readers[type(held() if type(held) is ref else held)]
        if not number or reader is attributes:
            return False
        return name is _GROWN or all(type(value) in _KEPT or value is _NOTHING for value in written)

    def _now(self) -> dict[int, _Part]:
        """Each part by its number, the nearest first. What is as it was at the last look is the very same object."""
        found: dict[int, _Part] = {}
        waiting: deque[tuple[int, Any, Reader]] = deque([(0, self.model, self._reader)])
        seen = {id(self.model)}
        while waiting:
            number, held, reader = waiting.popleft()
            names = look(reader, held() if type(held) is ref else held)
            if names is None:
                continue
            part = self._last.get(number)
            if part is None or part.held is not held or not _identical(part.names, names):
                part = self._part(number, held, names)
            found[number] = part
            for inner in part.inner:
                if id(inner[1]) not in seen and len(found) + len(waiting) < PARTS:
                    seen.add(id(inner[1]))
                    waiting.append(inner)
        self._last = found
        return found

    def _part(self, number: int, held: Any, names: Names) -> _Part:
        for name in self.always.get(number, ()):
            if name in names:
                names[name] = None  # not to keep the last input alive
        inner = []
        for name, value in names.items():
            reader = self._readers[type(value)]
            if reader is None:
                continue
            by = value
            if reader is whole or (type(value) is ndarray and value.nbytes > _LARGE):
                names[name] = by = ref(value)  # may go
            if reader is not whole:
                inner.append((self._numbers.setdefault((number, name), len(self._numbers) + 1), by, reader))
        return _Part(held, names, inner)


class State:
    """What `Attributes` held at a time."""

    def __init__(self, of: Attributes, parts: dict[int, _Part], number: int) -> None:
        self._of, self._parts, self._number = of, parts, number  # the later, the larger

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return False
        before, now = (other, self) if other._number <= self._number else (self, other)
        return not self._of.changed(before._parts, now._parts)

    __hash__ = None  # type: ignore[assignment]


def _changes(before: dict[int, _Part], now: dict[int, _Part]) -> Iterator[tuple[_Slot, tuple[Any, Any]]]:
    """Where two looks at the same model differ, and by what.

    A part that is another one now differs where it is held; what it holds is not compared.
    """
    for number, part in before.items():
        other = now.get(number, part)
        if other is part or other.held is not part.held or _identical(part.names, other.names):
            continue
        old, new = part.names, other.names
        if old.keys() != new.keys() and old.grows:
            yield (number, _GROWN), (Measured(frozenset(old)), Measured(frozenset(new)))
            if old.grows == "places":
                continue
        for name in old.keys() & new.keys() if old.grows else old.keys() | new.keys():
            written = old.get(name, _NOTHING), new.get(name, _NOTHING)
            if not same(*written):
                yield (number, name), written


def _identical(old: Names, new: Names) -> bool:
    return len(old) == len(new) and all(map(is_, old.values(), new.values())) and [*old] == [*new]
