"""Whether a function that the user gave can be called as it will be, told before it is."""

from __future__ import annotations

import inspect
from typing import Any


def lacks(function: Any, count: int) -> str:
    """Why it cannot be called with so many arguments, such as `<lambda>(a, b): missing …`; or `""`, also if unknown."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # a decorator may fill arguments in
    except (TypeError, ValueError):  # functions written in C may tell nothing
        return ""
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        return f"{getattr(function, '__name__', type(function).__name__)}{signature}: {error}"
    return ""
