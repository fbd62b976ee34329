"""What a fit replaces in an estimator, told apart from what the estimator writes itself whenever it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbexplain.core.model.estimator_calls import is_pipeline

_Key = tuple[int, str]  # the number of a step, and the name of an attribute


class Attributes:
    """The attributes of an estimator and of its steps, by identity.

    Some are written by being asked: a pipeline counts its calls, others keep the last input, or load what they need at
    the first call. What changes in our first two calls is no fit; what only the first has written is held from then on.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.asked = 0  # calls that were watched
        self.left: dict[_Key, _Same] = {}  # what our first call wrote
        self.always: frozenset[_Key] = frozenset()  # what each call writes

    def state(self) -> State:
        """As they are now: unequal to another state if a fit, or the user, has replaced one in between."""
        weights: list[tuple[int, int]] = []
        if is_pipeline(self.model):
            weights = [(id(weight), weight._version) for weight in self.model.model.parameters()]
        return State(self, self._now(), weights)

    @property
    def settled(self) -> bool:
        """Whether enough calls were watched."""
        return self.asked > 1

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around a call of ours."""
        if self.settled:
            yield
            return
        before = self._now()
        yield
        written = {key: value for key, value in self._now().items() if before.get(key) != value}
        if self.asked:
            self.always = frozenset(self.left.keys() & written.keys())
        else:
            self.left = written
        self.asked += 1

    def _now(self) -> dict[_Key, _Same]:
        steps = getattr(self.model, "steps", None)
        parts = [self.model, *(step for _, step in (steps if isinstance(steps, (list, tuple)) else ()))]
        return {
            (number, name): _Same(value)
            for number, part in enumerate(parts)
            for name, value in list(getattr(part, "__dict__", {}).items())
        }


class State:
    """What `Attributes` held at a time."""

    def __init__(self, of: Attributes, values: dict[_Key, _Same], weights: list[tuple[int, int]]) -> None:
        self._of, self._values, self._weights = of, values, weights
        self._early = of.asked == 0  # before our first call

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._weights == other._weights and self._held() == other._held()

    __hash__ = None  # type: ignore[assignment]

    def _held(self) -> dict[_Key, _Same]:
        """What is compared: without what each call writes, and with what the first one wrote."""
        held = self._values | self._of.left if self._early else self._values
        return {key: value for key, value in held.items() if key not in self._of.always}


class _Same:
    """Equal to nothing but the very same object, which it keeps alive, so that its identity is not given away."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    __hash__ = None  # type: ignore[assignment]
