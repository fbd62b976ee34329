"""Whether a function that the user gave can be called as it will be, told before it is."""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any


def lacks(function: Any, count: int) -> str:
    """Why it cannot be called with so many arguments, such as `<lambda>(a, b): missing …`; or `""`, also if unknown."""
    name = getattr(function, "__name__", type(function).__name__)
    if isinstance(inspect.getattr_static(type(function), "__call__", None), types.FunctionType):  # the user's
        name, function = f"{name}.__call__", function.__call__
    of = function.func if isinstance(function, functools.partial) else function
    if not isinstance(of, (types.FunctionType, types.MethodType)) or hasattr(of, "__signature__"):
        return ""  # other objects have odd ways to be called, which nothing tells for sure
    signature = inspect.signature(function, follow_wrapped=False)  # a decorator may fill arguments in
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        return f"{name}{signature}: {error}"
    return ""
