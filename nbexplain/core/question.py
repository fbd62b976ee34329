"""What is chosen, what is asked, what is known of the model, and what came of a question so far."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from nbexplain.core import registry
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer, without_gradient
from nbexplain.core.memory import STORE
from nbexplain.core.row_filter import ALL_ROWS, RowFilter
from nbexplain.core.target import key_of
from nbexplain.inputs import Key

PARTS = ("input", "part", "method", "target", "layer", "channel", "cell", "params", "where")


@dataclass(frozen=True)
class Selection:
    """What is chosen at the moment; shared by all panes that follow it.

    `part` is which of several inputs of the model is explained (key or index), or None where there is one. `cell` is
    (row, column) in the grid of the layer, or None. `params` holds the chosen parameters of each method by its key;
    what is missing has its default. `where` says which rows of the background are looked at, by methods that look at
    many. Targets are compared by `target_key`.
    """

    input: int = 0
    part: Key | None = None
    method: str = "grad_cam"
    target: Any = field(default=0, compare=False)
    layer: str | None = None
    channel: int = 0
    cell: tuple[int, int] | None = None
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    where: RowFilter = ALL_ROWS
    target_key: Hashable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_key", key_of(self.target))


@dataclass(frozen=True)
class Question:
    """What a pane asks. Parts that the method does not look at are None, so that equal questions compare equal.

    `input` is None for a question to all inputs, or to the background of the first alone. `edition` counts how often
    the input, or that background, was replaced by another one. Targets are compared by `target_key`.
    """

    input: int | None
    method: str
    target: Any = field(default=None, compare=False)
    layer: str | None = None
    channel: int | None = None
    cell: tuple[int, int] | None = None
    params: tuple[tuple[str, Any], ...] = ()
    edition: int = 0
    target_key: Hashable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_key", key_of(self.target))

    def of_all_rows(self) -> Question:
        """The same without a filter."""
        params = tuple((name, value) for name, value in self.params if name != "where")
        return dataclasses.replace(self, params=params)


@dataclass(frozen=True)
class Facts:
    """What is known of the model as its weights are now.

    `scores` holds the clean scores (1, K, …) of the inputs that were looked at last, by input, `names` those of the
    scores, and `refused` why the model gave an input none; `own_names` if each input has scores of its own, such as its
    detections. `kind` is that of the first input, `parts` are those of it that may be explained, and `first_target`
    what is explained of it if nothing else is asked. `suggested` is the layer to begin a CAM with. `ends` says where
    the gradient ends that does not reach the input (None) or a layer, as far as that was looked for. `unfit` says of
    methods, by their keys, why this model is nothing for them. `places` are how many the input that was looked at last
    has along each of its axes. `classes_last`, `is_clear`, `independent`, `by_token` and `open_labels` as in `Subject`,
    `class_values` is what labels call the classes, None where it chooses none; `without_classes` says why, and
    `tells_classes` why labels are no numbers that it predicts. `weights` counts how often other weights were taken
    over; `example` holds scores (1, K, …) and `example_names` their names, those of the input that was looked at when
    the facts were found.
    """

    layers: tuple[Layer, ...]
    scores: Mapping[int, Tensor]
    score_name: str
    gradient: bool
    kind: str = "array"
    parts: tuple[Key, ...] = ()
    suggested: str | None = None
    ends: Mapping[str | None, str] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
    places: tuple[int, ...] = ()
    names: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    first_target: Any = 0
    classes_last: bool = False
    is_clear: bool = True
    independent: bool = False
    own_names: bool = False
    by_token: bool = False
    class_values: tuple[Any, ...] | None = ()
    without_classes: str = ""
    tells_classes: str = ""
    open_labels: tuple[Any, ...] = ()
    weights: int = 0
    example: Tensor | None = None
    example_names: tuple[str, ...] = ()
    refused: Mapping[int, Exception] = field(default_factory=dict)

    @property
    def sides(self) -> int:
        """How many axes the scores have: 2 for one score per class."""
        return 2 if self.example is None else self.example.ndim

    @property
    def one_per_class(self) -> bool:
        """Whether there is one score per class, and they mean the same for all inputs."""
        return self.sides == 2 and not self.own_names

    @property
    def maps(self) -> bool:
        """Whether each class has scores at several places."""
        return self.is_clear and self.sides > 2

    def layer(self, name: str | None) -> Layer | None:
        """The layer with this name, or None."""
        return next((row for row in self.layers if row.name == name), None)

    def reason(self, method: registry.Method) -> str:
        """Why a method cannot be used on this model and its inputs at all, or `""`."""
        if reason := method.reason_for(self.kind):
            return reason
        if "layer" in method.needs:
            reasons = [method.reason(layer) for layer in self.layers if layer.usable]
            if all(reasons):
                behind = without_gradient(self.layers, grid=method.grid) if method.gradient else None
                if behind is not None:
                    return self._no_gradient(f"layer {behind.name!r}", behind.name)
                return reasons[-1] if reasons else "this model's layers cannot be looked into"
        elif method.gradient and not self.gradient:
            return self._no_gradient("the input", None)
        return self.unfit.get(method.key, "")

    def _no_gradient(self, place: str, key: str | None) -> str:
        end = self.ends.get(key, "")
        return f"no gradient of the score reaches {place}" + (f": {end}" if end else "")


class Passes(int):
    """So many passes, in so many small calls besides the large ones, each of which takes as long as one of one input.

    With `at_most` it may be far fewer, where what is looked for is found early. `seconds` go by besides, in which the
    method computes by itself.
    """

    calls: int
    at_most: bool
    seconds: float

    def __new__(cls, count: int, *, calls: int = 0, at_most: bool = False, seconds: float = 0.0) -> Passes:
        made = super().__new__(cls, count)
        made.calls, made.at_most, made.seconds = calls, at_most, seconds
        return made


@dataclass(frozen=True)
class Price:
    """About how many passes, and how many seconds the answer takes at the pace of those that were run so far.

    With `at_most` it may be far fewer, as nobody knows before when what is looked for is found.
    """

    passes: int
    seconds: float
    at_most: bool = False

    def __str__(self) -> str:
        seconds = self.seconds
        minutes, hours = f"{seconds / 60:.0f} minutes", f"{seconds / 3600:.0f} hours"
        time = f"{max(seconds, 1):.0f} s" if seconds < 90 else minutes if seconds < 90 * 60 else hours
        return f"{'at most' * self.at_most or 'about'} {self.passes:,} passes, {time}"


@dataclass(frozen=True)
class Answer:
    """What came of a question so far.

    `state` is `"running"`, `"done"`, `"stopped"` or `"failed"`; with the last, `error` holds what was raised. The
    explanation is the best so far, or None; before the first one `price` tells what the answer costs, if that is much.
    Done without an explanation is what a pane tells of that which it shows no more.
    """

    question: Question
    state: str
    explanation: Explanation | None = None
    error: Exception | None = None
    price: Price | None = None


class Answers:
    """What was answered and is still kept, question by question; shares the process's memory budget."""

    def __init__(self) -> None:
        self._key = object()
        weakref.finalize(self, STORE.drop_owner, self._key)

    def get(self, question: Question) -> Explanation | None:
        return STORE.get((self._key, question))

    def put(self, question: Question, explanation: Explanation) -> None:
        STORE.put((self._key, question), explanation, explanation.nbytes)

    def drop(self, question: Question) -> None:
        """Forget one answer."""
        STORE.drop((self._key, question))

    def clear(self) -> None:
        """Forget all answers."""
        STORE.drop_owner(self._key)
