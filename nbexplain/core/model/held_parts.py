"""What a model is made of: the estimators, functions, arrays and networks that it holds, and what these hold."""

from __future__ import annotations

import argparse
import functools
import sys
import types
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from nbexplain.core.model.held_values import VALUES, Keys, Measured, Names, Places
from nbexplain.core.model.measured import booster_of, is_network, of_array, of_booster, of_network
from nbexplain.core.model.names_used import globals_named

PARTS = 250  # as many are looked at, the nearest first
_ITEMS = 1000  # of a list or dictionary
_ASKED = frozenset(("predict", "predict_proba", "decision_function", "transform", "fit", "__call__"))
_HOLDERS = (types.SimpleNamespace, argparse.Namespace, functools._lru_cache_wrapper)  # of the standard library

Reader = Callable[[Any], "Names | None"]


class Readers(dict[type, "Reader | None"]):
    """What looks into a part, by its type; None where that holds nothing that could be looked at.

    No code of the user's runs, and nothing is loaded or made by looking. Classes of the user's are looked into, others
    where they are asked or fitted, or are containers; not data frames, tokenizers, loggers and other tools, which are
    `whole`.
    """

    def __missing__(self, kind: type) -> Reader | None:
        reader = None
        if kind not in VALUES and kind is not Measured:
            reader = _reader(kind) or (whole if kind.__weakrefoffset__ else None)
        self[kind] = reader
        return reader


def whole(part: Any) -> None:
    """Of what is compared by identity alone."""


def look(reader: Reader, part: Any) -> Names | None:
    """What a part holds; None where that cannot be told, as of a booster without trees."""
    try:
        return reader(part)
    except Exception:  # whatever a part cannot tell: it is compared by identity then, and the model can be explained
        return None


def _reader(kind: type) -> Reader | None:
    if not isinstance(kind.__module__, str) or kind.__module__.partition(".")[0] == "nbexplain":
        return None
    if kind is np.ndarray:
        return _array
    if issubclass(kind, types.FunctionType):
        return _function
    if kind in (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType):
        return lambda part: Names(self=_unless_module(part.__self__), function=getattr(part, "__func__", None))
    if kind is functools.partial:
        return lambda part: Names(part.__dict__, function=part.func, given=part.args, named=part.keywords)
    if kind in (staticmethod, classmethod):
        return lambda part: Names(function=part.__func__)
    if kind is property:
        return lambda part: Names(function=part.fget)
    if kind is functools.cached_property:
        return lambda part: Names(function=part.func)
    if issubclass(kind, type):
        return lambda part: _class(part) if _own(part) else None
    if issubclass(kind, (list, tuple, deque)):
        base = next(base for base in (list, tuple, deque) if issubclass(kind, base))
        return lambda part: _places(base, part)
    if is_network(kind):
        return lambda part: Names(weights=Measured(of_network(part)))
    if package := booster_of(kind):
        return lambda part: Names(weights=Measured(of_booster(package, part)))
    if issubclass(kind, dict):
        return _keys
    if _own(kind):
        slots = [(name, slot) for base in kind.__mro__ for name, slot in vars(base).items() if _is_slot(slot)]
        return lambda part: _object(part, kind, slots)
    if kind.__dictoffset__ and (kind in _HOLDERS or _asked(kind)):
        return attributes
    return None


def _class(part: type) -> Names:
    """What a class holds, and the functions by which it is asked: others may name whatever they like."""
    return Names(
        (name, value)
        for name, value in vars(part).items()
        if name in _ASKED or not isinstance(value, (types.FunctionType, staticmethod, classmethod, property))
    )


def attributes(part: Any) -> Names:
    """Those of the object itself: none of its class, and none that is computed."""
    return Names(object.__getattribute__(part, "__dict__"))


def _array(part: np.ndarray) -> Names:
    if part.dtype.kind == "O":
        chosen = part.ravel() if part.size <= _ITEMS else part.flat[:_ITEMS]
        return Places(enumerate(chosen.tolist()))
    return Names(weights=Measured(of_array(part)))


def _places(base: Any, part: Any) -> Names:
    return Places(enumerate(islice(base.__iter__(part), _ITEMS)))


def _keys(part: dict[Any, Any]) -> Names:
    """Of keys that may have an own `__eq__`, the number stands in."""
    items = dict.copy(part) if len(part) <= _ITEMS else dict(islice(dict.items(part), _ITEMS))
    if all(type(key) is str for key in items):
        return Keys(items)
    return Keys(
        (key if type(key) in VALUES else ("key", place), value) for place, (key, value) in enumerate(items.items())
    )


def _function(part: types.FunctionType) -> Names:
    """What a function closes over, its defaults and attributes, and the globals that it looks up."""
    names = Names(part.__dict__, defaults=part.__defaults__, named=part.__kwdefaults__)
    for name, cell in zip(part.__code__.co_freevars, part.__closure__ or (), strict=True):
        try:
            names["closed over", name] = _unless_module(cell.cell_contents)
        except ValueError:  # empty
            continue
    if not _installed(part.__module__):
        for name in globals_named(part.__code__):
            if name in part.__globals__:
                names["global", name] = _unless_module(part.__globals__[name])
    return names


def _object(part: Any, kind: type, slots: list[tuple[str, Any]]) -> Names:
    """An object of the user's class: its attributes, and its class, whose methods may name others."""
    names = Names()
    if kind.__dictoffset__:
        names.update(attributes(part))
    for name, slot in slots:
        try:
            names[name] = slot.__get__(part, kind)
        except AttributeError:  # not set
            continue
    for base in kind.__mro__:
        if _own(base):
            names["class", base.__name__] = base
    return names


def _is_slot(value: Any) -> bool:
    return type(value) is types.MemberDescriptorType


def _unless_module(value: Any) -> Any:
    return None if isinstance(value, types.ModuleType) else value


def _asked(kind: type) -> bool:
    """Whether a class is one of estimators or functions, of a library that is no front end for something else."""
    package = kind.__module__.partition(".")[0]
    if package in ("torch", "transformers") or package in sys.stdlib_module_names:
        return False
    return any(not _ASKED.isdisjoint(vars(base)) for base in kind.__mro__)


def _own(kind: type) -> bool:
    """Whether a class is the user's."""
    return not _installed(kind.__module__)


@functools.lru_cache(maxsize=4096)
def _installed(module: str | None) -> bool:
    """Whether a module comes with Python, or was installed with pip, as far as is known."""
    if module is None:  # of code that was made from text
        return False
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names or package == "nbexplain" or package.startswith("_cython"):
        return True
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file
