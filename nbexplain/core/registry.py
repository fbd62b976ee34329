"""@method: a method is declared once, with its parameters, in the signature of a function.

Validation, the controls in the browser, the table in the documentation and the parametrised tests all read METHODS.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Protocol, get_type_hints

from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import Layer

_SHARED = ("target", "layer", "channel", "cell")

Places = tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both allowed; a whole number where the parameter's type is int.

    Where it follows the size of the input, `default` and `most` say what it is and how far it goes for an input with so
    many places along each of its axes, (rows, columns) of an image; the default in the signature and `high` hold where
    there is no input to look at. With `half_of` it is by default half of a parameter before it, rounded up.
    """

    help: str
    low: float
    high: float
    step: float | None = None
    kinds: tuple[str, ...] = ()  # of inputs that have this parameter; empty: all
    default: Callable[[Places], float] | None = None
    most: Callable[[Places], float] | None = None
    half_of: str = ""
    places: Places = ()  # of the input that it was fitted to

    def check(self, name: str, value: Any, kind: type) -> Any:
        what = "a whole number" if kind is int else "a number"
        size = f" for an input of {_times(self.places)}" if self.places and self.most else ""
        expected = f"{name}: expected {what} from {self.low:g} to {self.high:g}{size}, got {value!r}"
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(expected)
        number = float(value)
        if not self.low <= number <= self.high or (kind is int and not number.is_integer()):  # NaN is in no range
            raise ValueError(expected)
        return kind(number)


@dataclass(frozen=True)
class Choice:
    """One of a few named options; some of them may be for pictures only."""

    help: str
    options: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    of_pictures: tuple[str, ...] = ()

    def check(self, name: str, value: Any, kind: type) -> Any:
        if value not in self.options:
            raise ValueError(f"{name}: expected one of {', '.join(map(repr, self.options))}, got {value!r}")
        return value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    help: str
    kinds: tuple[str, ...] = ()

    def check(self, name: str, value: Any, kind: type) -> Any:
        if not isinstance(value, bool):
            raise TypeError(f"{name}: expected True or False, got {value!r}")
        return value


@dataclass(frozen=True)
class Numbers:
    """Some whole numbers from 0 on, each once; no control in the toolbar."""

    help: str
    kinds: tuple[str, ...] = ()

    def check(self, name: str, value: Any, kind: type) -> Any:
        whole = isinstance(value, (tuple, list)) and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
        if not whole or min(value, default=0) < 0 or len(set(value)) < len(value):
            raise TypeError(f"{name}: expected whole numbers, each once, got {value!r}")
        return tuple(value)


class Spec(Protocol):
    """What a parameter may be: one of those above, or another one that checks its value in the same way."""

    @property
    def help(self) -> str: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    def check(self, name: str, value: Any, kind: type, /) -> Any: ...


@dataclass(frozen=True)
class Column:
    """A column of a table, by its name or its number from 0; no control in the toolbar."""

    help: str
    kinds: tuple[str, ...] = ()

    def check(self, name: str, value: Any, kind: type) -> Any:
        if isinstance(value, (str, tuple)):  # the levels of a pandas MultiIndex
            return str(value)
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
            raise TypeError(f"{name}: expected the name of a column or its number from 0, got {value!r}")
        return int(value)


@dataclass(frozen=True)
class Names:
    """Some names, of columns for one; a single one may be given without brackets. No control in the toolbar."""

    help: str
    kinds: tuple[str, ...] = ()

    def check(self, name: str, value: Any, kind: type) -> Any:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, (tuple, list)) or not all(isinstance(one, (str, tuple)) for one in names):
            raise TypeError(f"{name}: expected names such as ('age',), got {value!r}")
        return tuple(dict.fromkeys(map(str, names)))  # the levels of a pandas MultiIndex are a tuple


@dataclass(frozen=True)
class Number:
    """A finite number, or None for what the method chooses by itself; no control in the toolbar."""

    help: str
    kinds: tuple[str, ...] = ()

    def check(self, name: str, value: Any, kind: type) -> Any:
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value)):
            raise TypeError(f"{name}: expected a finite number or None, got {value!r}")
        return None if value is None else float(value)


@dataclass(frozen=True)
class Parameter:
    """A declared parameter of a method."""

    name: str
    kind: type
    default: Any
    spec: Spec

    def check(self, value: Any) -> Any:
        return self.spec.check(self.name, value, self.kind)

    def fitted(self, kind: str | None, places: Places, given: Mapping[str, Any]) -> Parameter:
        """With the default, range and options for an input of this kind with these places.

        `given` are the parameters before it.
        """
        spec = self.spec
        if isinstance(spec, Choice) and kind not in (None, "picture"):
            options = tuple(option for option in spec.options if option not in spec.of_pictures)
            return dataclasses.replace(self, spec=dataclasses.replace(spec, options=options))
        if not isinstance(spec, Range):
            return self
        high = min(spec.high, max(spec.low, spec.most(places))) if spec.most and places else spec.high
        default = spec.default(places) if spec.default and places else self.default
        if spec.half_of in given:
            default = -(-given[spec.half_of] // 2)
        default = self.kind(min(high, max(spec.low, default)))
        return dataclasses.replace(self, default=default, spec=dataclasses.replace(spec, high=high, places=places))

    def belongs(self, kind: str) -> bool:
        """Whether inputs of this kind have it."""
        return not self.spec.kinds or kind in self.spec.kinds


@dataclass(frozen=True)
class Method:
    """A registered method.

    Attributes
    ----------
    key, label, paper, about
        Name in code, name on screen, reference, and the first sentence of the docstring.
    needs
        Which of `"target"`, `"layer"`, `"channel"`, `"cell"` the question must hold.
    parameters
        What can be set besides, by name.
    gradient
        Whether it works only where a gradient reaches what it explains.
    grid
        Whether its layer must have a spatial grid.
    progressive
        Whether it takes long and yields better and better answers.
    over_inputs
        Whether it is asked of all inputs together: its first parameter is then named `subjects`.
    over_rows
        Whether it is asked of the background of a table, and does not depend on the row.
    labelled
        Whether it holds the target's number against the labels of a table, so that of several one must be chosen.
    of_class
        Whether it explains one of the scores by its number only: no region, mask or function of them.
    on_picture
        Whether its answer is a map over the input, so that a person may choose it for the pane that shows one.
    kinds
        Of inputs that it works on (`"picture"`, `"volume"`, `"text"`, `"table"`, `"array"`); empty: all.
    unfit
        (subject, layer) → why it cannot be asked with its defaults for another reason, or `""`; None where there is no
        other.
    by_model
        Whether that is told by the model alone and without a pass, so that no other input or parameter helps.
    price
        (subject, target, params) → about how many passes the answer takes; None where that is few, or not known.
    """

    key: str
    label: str
    paper: str
    about: str
    function: Callable[..., Explanation | Iterator[Explanation]]
    needs: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    gradient: bool
    grid: bool
    progressive: bool
    over_inputs: bool = False
    over_rows: bool = False
    labelled: bool = False
    of_class: bool = False
    on_picture: bool = True
    optional: frozenset[str] = field(default_factory=frozenset)
    kinds: tuple[str, ...] = ()
    unfit: Callable[[Any, Layer | None], str] | None = None
    by_model: bool = False
    price: Callable[[Any, Any, Mapping[str, Any]], int] | None = None

    def fitted(self, kind: str, places: Places) -> list[Parameter]:
        """The parameters that an input of this kind with these places has, with their defaults and ranges for it."""
        found: dict[str, Parameter] = {}
        for parameter in self.parameters.values():
            if parameter.belongs(kind):
                before = {name: other.default for name, other in found.items()}
                found[parameter.name] = parameter.fitted(kind, places, before)
        return list(found.values())

    def check_params(self, params: Mapping[str, Any], kind: str | None = None, places: Places = ()) -> dict[str, Any]:
        """All parameters with defaults filled in; those that an input of this kind has, where one is given.

        `places` are how many the input has along each of its axes; without, ranges are those of any input.

        Raises
        ------
        TypeError, ValueError
            For an unknown parameter or a value out of range, naming both.
        """
        for name in params:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise TypeError(f"{name}: {self.key} has no such parameter; it has: {known}")
        checked: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if kind is None or parameter.belongs(kind):
                fitted = parameter.fitted(kind, places, checked)
                checked[name] = fitted.check(params.get(name, fitted.default))
        return checked

    def chosen_params(self, params: Mapping[str, Any], kind: str, places: Places) -> dict[str, Any]:
        """Those of all parameters that must be given for the others to be what they are: what differs by default."""
        chosen: dict[str, Any] = {}
        for name, value in params.items():
            if self.check_params(chosen, kind, places).get(name) != value:
                chosen[name] = value
        return chosen

    def of_many_rows(self, params: Mapping[str, Any]) -> bool:
        """Whether it is asked of the background of a table, always or with these parameters: `rows` instead of one."""
        return self.over_rows or bool(params.get("rows"))

    def reason_for(self, kind: str) -> str:
        """Why it cannot be asked of an input of this kind, or `""`."""
        if not self.kinds or kind in self.kinds:
            return ""
        return f"{self.label} needs {_either([NAMES_OF_KINDS[one] for one in self.kinds])}"

    def reason(self, layer: Layer) -> str:
        """Why this method cannot use a layer, or `""`."""
        if not layer.usable:
            return layer.reason
        if self.grid and layer.grid is None:
            why = layer.note or f"its output is {_times(layer.shape)}"
            return f"{self.label} needs a layer with a spatial grid, and {why}"
        if self.gradient and not layer.gradient:
            return "no gradient of the score reaches it"
        return ""


METHODS: dict[str, Method] = {}

SAMPLES = ("samples", "evaluations", "permutations")  # how many draws are made: more of them go on from the first
MASKABLE = ("picture", "text", "table")  # what has parts that can be hidden
NAMES_OF_KINDS = {
    "picture": "a picture",
    "volume": "a volume or video",
    "text": "a text",
    "table": "a row of a table",
    "array": "a tensor",
}


def method(
    *,
    label: str,
    paper: str = "",
    gradient: bool = False,
    grid: bool = False,
    on_picture: bool = True,
    kinds: tuple[str, ...] = (),
    over_rows: bool = False,
    labelled: bool = False,
    of_class: bool = False,
    unfit: Callable[[Any, Layer | None], str] | None = None,
    by_model: bool = False,
    price: Callable[[Any, Any, Mapping[str, Any]], int] | None = None,
) -> Callable[[Any], Any]:
    """Register a function as a method, under its own name.

    Its first parameter is the `subject`, or the `subjects` for a question to all inputs. Positional names after it say
    what the question must hold (`target`, `layer`, `channel`, `cell`); every keyword-only parameter is `Annotated` with
    a `Range`, `Choice`, `Flag`, `Numbers`, `Names` or `Number`. The function returns an Explanation, or yields better
    and better ones with their `progress`, the last of which is the answer. Without `on_picture` it is not offered for
    the pane of the map.
    Set `over_rows` where the answer depends on the background of a table only, and `labelled` where it holds the number
    that is explained against its labels; `of_class` where it explains one of the scores by its number only. `kinds`
    names the kinds of inputs that it works on, if not on all; a parameter's `kinds` those that have it.
    `unfit(subject, layer)` says what else its model must be, so that it is not proposed where it would fail, and not
    offered either if that is told `by_model`.
    `price(subject, target, params)` says about how many passes it takes, which a person is told before the first
    picture where they take long.

    Raises
    ------
    TypeError
        If a parameter is not declared.
    """

    def register(function: Any) -> Any:
        hints = get_type_hints(function, include_extras=True)
        needs, optional, parameters = [], set(), {}
        first, *others = inspect.signature(function).parameters.items()
        for name, given in others:
            if given.kind is inspect.Parameter.KEYWORD_ONLY:
                spec = next((m for m in getattr(hints[name], "__metadata__", ()) if hasattr(m, "check")), None)
                if spec is None or given.default is inspect.Parameter.empty:
                    raise TypeError(f"{name}: declare it as Annotated[type, Range | Choice | Flag] with a default")
                parameters[name] = Parameter(name, hints[name].__origin__, given.default, spec)
                parameters[name].check(given.default)
            elif name in _SHARED:
                needs.append(name)
                if given.default is not inspect.Parameter.empty:
                    optional.add(name)
            else:
                raise TypeError(f"{name}: a positional parameter is one of {', '.join(_SHARED)}; make it keyword-only")
        METHODS[function.__name__] = Method(
            key=function.__name__,
            label=label,
            paper=paper,
            about=(inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " "),
            function=function,
            needs=tuple(needs),
            parameters=parameters,
            gradient=gradient,
            grid=grid,
            progressive=inspect.isgeneratorfunction(function),
            over_inputs=first[0] == "subjects",
            over_rows=over_rows,
            labelled=labelled,
            of_class=of_class,
            on_picture=on_picture and first[0] != "subjects" and not over_rows,
            optional=frozenset(optional),
            kinds=kinds,
            unfit=unfit,
            by_model=by_model,
            price=price,
        )
        return function

    return register


def find(key: str) -> Method:
    """The method with this key.

    Raises
    ------
    ValueError
        If there is none, with the nearest keys.
    """
    if key not in METHODS:
        raise ValueError(f"method: there is no {key!r}; nearest: {', '.join(map(repr, nearest(key) or METHODS))}")
    return METHODS[key]


def nearest(key: Any) -> list[str]:
    """The few keys of methods that are written most like this, or none."""
    return difflib.get_close_matches(str(key).lower(), METHODS, n=3, cutoff=0.4)


def _either(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"
