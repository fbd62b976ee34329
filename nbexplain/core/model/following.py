"""A tensor replaced where it is made, so that everything that is made of it follows.

A module that returns several tensors has made some of them of others before it returns: pooled features of a feature
map. A hook, which sees what was returned, comes too late for these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Made:
    """Which operation inside a call of a module makes a tensor, and which of its results that is."""

    step: int
    function: Any
    part: int | None


class Watch(TorchFunctionMode):
    """Notes every operation; the results are held until it goes."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: list[tuple[Any, Any, tuple[int, ...]]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if made := _tensors(result):  # questions after sizes and versions, which hooks ask as well, are no steps
            self._seen.append((func, result, tuple(_version(one) for one in made)))
        return result

    def made(self, tensor: Tensor, version: int) -> Made | None:
        """Where a tensor got the values that it has at this version, or None if no operation is seen to make it."""
        for step, (function, result, versions) in enumerate(self._seen):
            for part, (one, then) in enumerate(zip(_tensors(result), versions, strict=True)):
                if one is tensor and then == version:
                    return Made(step, function, None if isinstance(result, Tensor) else part)
        return None


class Replace(TorchFunctionMode):
    """Lets the operation that makes a tensor return what `change` makes of it.

    Raises
    ------
    RuntimeError
        In the pass, if another operation stands at its place.
    """

    def __init__(self, made: Made, change: Change) -> None:
        super().__init__()
        self._made, self._change, self._step = made, change, -1

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._step += bool(_tensors(result))
        made = self._made
        if self._step != made.step or not _tensors(result):
            return result
        if func is not made.function:
            raise RuntimeError(f"the model takes another way for this input: {func} instead of {made.function}")
        if made.part is None:
            return self._change(result)
        parts = list(result)
        parts[made.part] = self._change(parts[made.part])
        return tuple(parts)


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _tensors(result: Any) -> tuple[Tensor, ...]:
    if isinstance(result, Tensor):
        return (result,)
    whole = isinstance(result, (tuple, list)) and all(isinstance(one, Tensor) for one in result)
    return tuple(result) if whole else ()
