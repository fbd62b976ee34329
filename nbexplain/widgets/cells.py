"""Running a notebook cell again closes the explorers that it made before."""

from __future__ import annotations

import weakref
from typing import Any, Protocol


class Closes(Protocol):
    """What can be closed."""

    def close(self) -> None: ...


_made: dict[str, tuple[str, list[weakref.ref[Any]]]] = {}


def close_earlier() -> None:
    """Close what earlier runs of the current cell made. Outside a notebook there is nothing to close."""
    cell, run = _current()
    if cell in _made and _made[cell][0] != run:
        for earlier in _made.pop(cell)[1]:
            explorer = earlier()
            if explorer is not None:
                explorer.close()


def remember(explorer: Closes) -> None:
    """Note that the current run of the current cell made this."""
    cell, run = _current()
    if cell:
        _made.setdefault(cell, (run, []))[1].append(weakref.ref(explorer))


def _current() -> tuple[str, str]:
    """Identifiers of the current cell and of this run of it; `""` where the front end sends none."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return "", ""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return "", ""
    parent = kernel.get_parent("shell") or {}
    cell = (parent.get("metadata") or {}).get("cellId") or ""
    return str(cell), str((parent.get("header") or {}).get("msg_id", ""))
