"""What a fit replaces in an estimator, told apart from what the estimator writes itself whenever it is asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any
from weakref import ref

from numpy import ndarray

from nbexplain.core.model.held_parts import PARTS, Reader, Readers, attributes, look
from nbexplain.core.model.held_values import VALUES, Measured, Names, same

_Slot = tuple[int, Any]  # the number of a part, by the way to it, and a name in it
_GROWN = ("", "grown")  # in place of a name: which names there are
_NOTHING = object()
_WATCHED = 2  # calls with one input that are watched, and as many with more


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
        self._readers = Readers()

    def state(self) -> State:
        """As they are now: unequal to another state if a fit, or the user, has changed one in between."""
        return State(self, self._now())

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

    def changed(self, before: dict[int, tuple[Any, Names]], now: dict[int, tuple[Any, Names]]) -> bool:
        """Whether more has changed than what the model writes itself."""
        for (number, name), written in _changes(before, now):
            own = self.always.get(number, ())
            if name in own or (_GROWN in own and now[number][1].grows == "places"):
                continue
            ours = self.once.get((number, name))
            if ours is None or not all(map(same, ours, written)):
                return True
        return False

    def _now(self) -> dict[int, tuple[Any, Names]]:
        """Each part, and what it holds, by its number; the nearest parts first."""
        found: dict[int, tuple[Any, Names]] = {}
        numbers, reader_of = self._numbers, self._readers.of
        waiting: deque[tuple[int, Any, Any, Reader]] = deque()
        waiting.append((0, self.model, self.model, reader_of(self.model) or attributes))
        seen = {id(self.model)}
        while waiting:
            number, part, held, reader = waiting.popleft()
            names = look(reader, part)
            if names is None:
                continue
            for name in self.always.get(number, ()):
                if name in names:
                    names[name] = None  # not to keep the last input alive
            found[number] = held, names
            for name, value in names.items():
                kind = type(value)
                if kind in VALUES or kind is Measured:
                    continue
                inner = reader_of(value)
                if (inner is None or kind is ndarray) and kind.__weakrefoffset__:
                    names[name] = held = ref(value)  # large arrays may go
                else:
                    held = value
                if inner is None or id(value) in seen or len(found) + len(waiting) >= PARTS:
                    continue
                seen.add(id(value))
                waiting.append((numbers.setdefault((number, name), len(numbers) + 1), value, held, inner))
        return found


class State:
    """What `Attributes` held at a time."""

    def __init__(self, of: Attributes, parts: dict[int, tuple[Any, Names]]) -> None:
        self._of, self._parts = of, parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and not self._of.changed(other._parts, self._parts)

    __hash__ = None  # type: ignore[assignment]


def _changes(
    before: dict[int, tuple[Any, Names]], now: dict[int, tuple[Any, Names]]
) -> Iterator[tuple[_Slot, tuple[Any, Any]]]:
    """Where two looks at the same model differ, and by what.

    A part that is another one now differs where it is held; what it holds is not compared.
    """
    for number, (part, old) in before.items():
        there, new = now.get(number, (None, old))
        if there is not part or (
            len(old) == len(new) and all(map(is_, old.values(), new.values())) and [*old] == [*new]
        ):
            continue
        if old.keys() != new.keys() and old.grows:
            yield (number, _GROWN), (Measured(frozenset(old)), Measured(frozenset(new)))
            if old.grows == "places":
                continue
        for name in old.keys() & new.keys() if old.grows else old.keys() | new.keys():
            one, other = old.get(name, _NOTHING), new.get(name, _NOTHING)
            if not same(one, other):
                yield (number, name), (one, other)
