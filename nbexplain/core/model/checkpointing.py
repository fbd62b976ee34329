"""Checkpointed parts of a model (`torch.utils.checkpoint`) run directly in our passes.

A checkpointed part is run again during the backward pass. That second run knows nothing of what hooks did in the first
(a graph that begins at a layer), the reentrant kind refuses `torch.autograd.grad` and hides its layers from the graph,
and both set the global random state. Our passes need none of it: what they keep is planned for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.utils.checkpoint as torch_checkpoint

# What `checkpoint` looks up in its own file at each call; user code holds `checkpoint` itself.
_FUNCTION, _GENERATOR = "CheckpointFunction", "_checkpoint_without_reentrant_generator"

_thread = threading.local()  # `direct` is how many of our passes this thread is in
_lock = threading.Lock()
_passes = 0  # of all threads
_found: dict[str, Any] = {}  # what stood there before


@contextmanager
def run_directly() -> Iterator[None]:
    """Let checkpointed parts run directly, in this thread; others checkpoint as before, also at the same moment."""
    _install()
    _thread.direct = getattr(_thread, "direct", 0) + 1
    try:
        yield
    finally:
        _thread.direct -= 1
        _remove()


def _install() -> None:
    global _passes
    with _lock:
        _passes += 1
        if _passes == 1:
            for name, ours in _OURS.items():
                if hasattr(torch_checkpoint, name):
                    _found[name] = getattr(torch_checkpoint, name)
                    setattr(torch_checkpoint, name, ours)


def _remove() -> None:
    global _passes
    with _lock:
        _passes -= 1
        if _passes == 0:
            for name, before in _found.items():
                if getattr(torch_checkpoint, name, None) is _OURS[name]:  # else somebody has replaced it meanwhile
                    setattr(torch_checkpoint, name, before)


def _direct() -> bool:
    return getattr(_thread, "direct", 0) > 0


class _Function(torch_checkpoint.CheckpointFunction):
    """Of the reentrant kind."""

    @classmethod
    def apply(cls, function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        if _direct():
            return function(*args)
        return _found[_FUNCTION].apply(function, preserve_rng_state, *args)


def _generator(*args: Any, **kwargs: Any) -> Any:
    """Of the other kind: what is done before and after the part runs."""
    return _nothing() if _direct() else _found[_GENERATOR](*args, **kwargs)


def _nothing() -> Iterator[None]:
    yield


_OURS: dict[str, Any] = {_FUNCTION: _Function, _GENERATOR: _generator}
