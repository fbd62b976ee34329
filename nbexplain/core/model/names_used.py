"""Which names the code looks up that runs when a model is called: what is not among them computes nothing."""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

_ENTRIES = ("forward", "__call__", "__getattr__", "__getattribute__")
_ANY_NAME = {"getattr", "vars", "__dict__", "attrgetter", "eval", "exec", "locals"}  # by these, any name may be meant


def names_used(model: nn.Module) -> frozenset[str] | None:
    """All names that `forward` and the hooks of its modules look up, and what these call; None where it may be any.

    Too many rather than too few: a name counts wherever it is looked up, on whatever object.
    """
    modules = list(model.modules())
    spaces = [vars(kind) for kind in {kind: None for module in modules for kind in type(module).__mro__ if _own(kind)}]
    waiting = [space[name] for space in spaces for name in _ENTRIES if name in space]
    for module in modules:
        waiting += [part for part in module.__dict__.values() if callable(part) and not isinstance(part, nn.Module)]
        waiting += [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    names: set[str] = set()
    seen: set[int] = set()
    while waiting:
        for function in _functions(waiting.pop()):
            if id(function) in seen:
                continue
            seen.add(id(function))
            found = set(_names(function.__code__)) - names
            names |= found
            waiting += [space[name] for space in spaces for name in found if name in space]
            waiting += [function.__globals__[name] for name in found if name in function.__globals__]
    return None if names & _ANY_NAME else frozenset(names)


def _own(kind: type) -> bool:
    return kind is not object and not kind.__module__.startswith("torch.")


def _functions(value: Any) -> Iterator[types.FunctionType]:
    """The functions of which something callable is made."""
    if isinstance(value, types.FunctionType):
        if value.__module__ is None or not value.__module__.startswith(("torch.", "numpy.")):
            yield value
        cells: Iterable[Any] = (cell for cell in value.__closure__ or ())
        for cell in cells:
            try:
                held = cell.cell_contents
            except ValueError:  # empty
                continue
            if callable(held) and not isinstance(held, (type, nn.Module)):
                yield from _functions(held)
    elif isinstance(value, property):
        yield from _functions(value.fget)
    elif isinstance(value, (staticmethod, classmethod, types.MethodType)):
        yield from _functions(value.__func__)
    elif isinstance(value, functools.partial | functools.cached_property):
        yield from _functions(value.func)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


@functools.lru_cache(maxsize=1024)
def globals_named(code: types.CodeType) -> tuple[str, ...]:
    """The globals that a function looks up or writes, and the functions within it: not attributes called the same."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname.endswith(("_GLOBAL", "_NAME"))}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            found.update(globals_named(inner))
    return tuple(sorted(found))
