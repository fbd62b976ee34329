"""The few lines of plain nbexplain that compute what is on screen."""

from __future__ import annotations

import sys
import types
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbexplain.core.explanation import Explanation
from nbexplain.core.model.detections import Detections
from nbexplain.core.model.region import Region, Weights
from nbexplain.core.question import Question
from nbexplain.core.registry import METHODS
from nbexplain.core.target import called_like, key_of
from nbexplain.inputs import Array, Key, Tabular, Text
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.making import Making

_NEEDED = ("Region", "Tabular", "Text", "detections")
_MOST_ITEMS = 1000  # of a list that is searched for a name


def code_of(
    session: Session,
    answered: Iterable[tuple[Question, Explanation]],
    unmatched: Iterable[Question] = (),
    among: Sequence[Any] = (),
    earlier: Mapping[Question, Array] | None = None,
) -> str:
    """One call of `explain` for each answer, with the names that things have in the user's notebook.

    Those of questions whose filter no row matches, which would fail, stand in comments. `earlier` holds the inputs of
    answers in whose places others stand now.

    What has no name there gets one, with a comment that says what belongs there. `among` as for `words.target_name`.
    """
    asked: list[tuple[Question, Explanation | None]] = [*answered, *((question, None) for question in unmatched)]
    names = Names(session, [question.target for question, _ in asked])
    calls: dict[str, str] = {}
    failing: list[str] = []
    for question, explanation in asked:
        method = METHODS[question.method]
        before = earlier.get(question) if earlier is not None else None
        x = names.all_inputs() if method.over_inputs else names.input(question.input or 0, before)
        parts = [names.model(), x, repr(method.key)]
        if question.target is not None:
            parts.append(f"target={names.target(question.target)}")
        parts += [
            f"{part}={value!r}"
            for part in ("layer", "channel", "cell")
            if (value := getattr(explanation or question, part)) is not None and part in method.needs
        ]
        number = question.input or 0
        about = session.inputs[number].kind, session.places(number)
        params = dict(question.params) if explanation is None else explanation.params
        parts += [f"{name}={value!r}" for name, value in method.chosen_params(params, *about).items()]
        comment = ""
        if question.target is not None:
            comment = f"  # {_plain(words.target_name(question.target, session, among))}"
        if (part := session.selection.part) != names.default_part(question.input or 0):
            parts.append(f"part={part!r}")
        call = f"explain({', '.join([*parts, *names.ways()])}){comment}"
        if explanation is None:
            failing.append(call)
        elif call not in calls.values():
            again = sum(name.rstrip("_0123456789") == method.key for name in calls)
            calls[f"{method.key}_{again + 1}" if again else method.key] = call
    lines = [f"{name} = {call}" for name, call in calls.items()]
    lines += ["# no row matches these:"] * bool(failing) + [f"# {call}" for call in dict.fromkeys(failing)]
    first = [*names.missing, *names.made]
    imports = f"from nbexplain import {', '.join([*names.needed(first + lines), 'explain'])}"
    return "\n".join([imports, "", *first, *([""] if first else []), *lines])


class Names:
    """How the user's code calls the things that a session was given.

    Of `targets`, all that are asked about, those without a name get one each.
    """

    def __init__(self, session: Session, targets: Iterable[Any] = ()) -> None:
        self._session = session
        self._taken = set(_namespace())
        things = list(_expressions(_namespace()))
        self._known = {id(thing): expression for expression, thing in things}
        self._making = Making(things, self._name, self._ask)
        self._made: dict[int, str] = {}
        self.missing: list[str] = []
        self.made: list[str] = []
        self._invented = self._invent(targets)

    def model(self) -> str:
        """The model."""
        return self._name(self._session.given.model, "model", "the model")

    def input(self, number: int, earlier: Array | None = None) -> str:
        """One input, or the one that stood in its place earlier."""
        if earlier is not None:
            name = "x" if len(self._session.inputs) == 1 else f"x{number}"
            return self._known.get(id(earlier)) or self._made_again(earlier, f"{name}_before")
        source = self._session.given.inputs
        whole = self._known.get(id(source.origin))
        if (
            whole
            and (source.data_set or number >= _MOST_ITEMS)
            and (text := source.expression(number, whole)) is not None
        ):
            return text
        x = source[number]
        if isinstance(x, (str, Path)):
            return repr(str(x))
        name = "x" if len(self._session.inputs) == 1 else f"x{number}"
        if id(x) not in self._known and isinstance(x, (Text, Tabular)):
            return self._made_again(x, name)
        return self._name(x, name, f"input {number}")

    def default_part(self, number: int) -> Key | None:
        """Which of several inputs `explain` would choose of what the user gave."""
        given, taken = self._session.given.inputs[number], self._session.inputs[number]
        if isinstance(given, Array):
            return given.part
        return taken.parts.default if taken.parts is not None else None

    def _made_again(self, x: Array, name: str) -> str:
        """The name of a text or a row that is made in a line of its own."""
        if id(x) not in self._made:
            name = self._free(name)
            self.made.append(f"{name} = {self._making.expression(x)}")
            self._made[id(x)] = name
        return self._made[id(x)]

    def needed(self, lines: list[str]) -> list[str]:
        """What else these lines need of nbexplain."""
        return [name for name in _NEEDED if any(f"{name}(" in line for line in lines)]

    def all_inputs(self) -> str:
        """The list of all inputs; the first n of a list are `name[:n]`."""
        source = self._session.given.inputs
        if source.lazy or len(source) > _MOST_ITEMS:
            if source.folder and source.unchanged:
                return repr(str(source.origin))
            return self._name(source.origin if source.unchanged else source, "inputs", "the inputs")
        given = [source[number] for number in range(len(source))]
        known = [self._known.get(id(x), "") for x in given]
        name = known[0].removesuffix("[0]")
        if len(known) > 1 and known == [f"{name}[{place}]" for place in range(len(known))]:
            return f"{name}[:{len(known)}]"
        if not any(known) and (made := self._making.texts(given)):
            return made
        return f"[{', '.join(self.input(number) for number in range(len(given)))}]"

    def target(self, target: Any) -> str:
        """A class index, its name where another class is called like that index, a tuple, or what it is called."""
        if isinstance(target, Region) and isinstance(target.over, Weights):
            name = self._invented.get(key_of(target.over), "mask")
            return f"Region({target.label}, over={self._name(target.over.given, name, 'the mask')})"
        if called_like(target, self._session.classes) is not None:
            return repr(self._session.classes[target])
        if isinstance(target, (int, tuple, Region)):
            return repr(target)
        return self._name(target, self._invented.get(key_of(target), "target"), "what is explained")

    def _invent(self, targets: Iterable[Any]) -> dict[Hashable, str]:
        """Names by `key_of` for those of them without one: `target`, or `target_1` and `target_2`; so for masks."""
        unnamed: dict[str, dict[Hashable, None]] = {"mask": {}, "target": {}}
        for target in targets:
            if isinstance(target, Region) and isinstance(target.over, Weights):
                word, key, thing = "mask", key_of(target.over), target.over.given
            elif callable(target):
                word, key, thing = "target", key_of(target), target
            else:
                continue
            if not self._expression(thing):
                unnamed[word][key] = None
        return {
            key: f"{word}_{number}" if len(keys) > 1 else word
            for word, keys in unnamed.items()
            for number, key in enumerate(keys, 1)
        }

    def ways(self) -> list[str]:
        """`preprocess=…` and the like, where they were given; without `classes` the scores may be others."""
        given = self._session.given
        ways = {"preprocess": given.preprocess, "forward": given.forward, "scores": given.scores}
        said = [f"{name}={self._way(way, name)}" for name, way in ways.items() if way is not None]
        said += [f"axes={given.axes!r}"] if given.axes else []
        if given.classes is None:
            return said
        return [*said, f"classes={self._known.get(id(given.classes)) or list(map(str, given.classes))}"]

    def _way(self, way: Any, name: str) -> str:
        made = isinstance(way, str) or (isinstance(way, Detections) and id(way) not in self._known)
        return repr(way) if made else self._name(way, name, name)

    def _name(self, thing: Any, name: str, what: str) -> str:
        if found := self._expression(thing):
            return found
        name = self._free(name)
        self._ask(f"{name} = ...  # {what} that was given here")
        return name

    def _expression(self, thing: Any) -> str:
        """What it is called; `""` where it has no name."""
        if isinstance(thing, types.MethodType) and (owner := self._known.get(id(thing.__self__))):
            name = getattr(thing, "__name__", "")  # a bound method is another object at each look
            found = getattr(thing.__self__, name, None)  # or another one: a function may have had that name elsewhere
            if isinstance(found, types.MethodType) and found == thing:
                return f"{owner}.{name}"
        return self._known.get(id(thing)) or _in_module(thing)

    def _free(self, name: str) -> str:
        """A name that stands for nothing else in the notebook, or here."""
        while name in self._taken or name in self._made.values():
            name += "_"
        return name

    def _ask(self, line: str) -> None:
        if line not in self.missing:
            self.missing.append(line)


def _namespace() -> Mapping[str, Any]:
    """What the user has defined: in the notebook, or in the script."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell.user_ns if shell is not None else vars(sys.modules["__main__"])


def _expressions(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Expression and value of the user's things, the simplest expression of each last."""
    own = [(name, value) for name, value in namespace.items() if not name.startswith("_") and _searched(value)]
    parts = [(f"{name}.{part}", value) for name, thing in own for part, value in _attributes(thing)]
    for name, value in (*parts, *own):
        if isinstance(value, (list, tuple)):
            yield from ((f"{name}[{place}]", item) for place, item in enumerate(value[:_MOST_ITEMS]))
    for name, value in (*parts, *own):
        yield name, value


def _in_module(thing: Any) -> str:
    """`torch.logit`, where the user has imported torch."""
    name = getattr(thing, "__name__", None)
    modules = ((own, module) for own, module in _namespace().items() if isinstance(module, types.ModuleType))
    found = (own for own, module in modules if name is not None and getattr(module, name, None) is thing)
    return next((f"{own}.{name}" for own in found), "")


def _searched(value: Any) -> bool:
    return not isinstance(value, (types.ModuleType, type))


def _attributes(thing: Any) -> list[tuple[str, Any]]:
    """The fields of a small object such as an example; not the inside of a model or of an array."""
    fields = getattr(thing, "__dict__", {}) if type(thing).__module__ != "torch" else {}
    public = [(name, value) for name, value in fields.items() if not name.startswith("_")]
    return public if len(public) <= 50 else []


def _plain(text: str) -> str:
    """On one line, whatever a class is called."""
    return " ".join(text.split())
