"""What an estimator returned, as rows of numbers or labels; errors tell the function that would return them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.model import one_by_one


def as_array(
    said: Any, count: int, inputs: Any = None, call: str = "model", model: Callable[[Any], Any] | None = None
) -> tuple[np.ndarray, tuple[int, ...], tuple[str, ...]]:
    """What an estimator returned for `count` inputs, as an array (N, …).

    A list of arrays, one for each of several outputs, is put side by side; their widths are the second value, else
    `()`. The third are the names of a data frame's columns.

    Parameters
    ----------
    inputs, call, model
        What was asked with it, what was called, in words, and as a function: errors tell the call that would work.

    Raises
    ------
    ValueError
        If it is no row of numbers or labels for each input, or they are in another order.
    """
    framed = hasattr(said, "index") and hasattr(said, "iloc")
    names = tuple(map(str, said.columns)) if framed and hasattr(said, "columns") else ()
    if framed and len(said) == count:
        _check_order(said.index, count, inputs, call)
    if isinstance(said, (list, tuple)) and said and all(_is_table(part, count) for part in said):
        parts = [_plain(part) for part in said]
        return np.concatenate(parts, 1), tuple(part.shape[1] for part in parts), ()
    if isinstance(said, (list, tuple)) and said and isinstance(_first(said), dict):
        raise ValueError(
            f"predict: it returned dicts of {', '.join(map(repr, list(_first(said))[:4]))}; expected a row of numbers "
            "for each input, in the same order each time. A text-classification pipeline of Hugging Face may be given "
            "itself as the model"
        )
    if isinstance(said, np.ma.MaskedArray) and np.ma.is_masked(said):
        raise ValueError(f"predict: some of its numbers are masked; try lambda inputs: {call}(inputs).filled(0)")
    array = _plain(said)
    if array.dtype == object:  # numbers among objects, such as Decimal
        held = array
        with contextlib.suppress(TypeError, ValueError):
            array = array.astype(np.float64)
        if array.dtype != object and array.ndim and (lacking := sum(one is None for one in held.ravel())):
            raise ValueError(f"predict: it returned None for {lacking} of {count} inputs, expected numbers")
    if array.ndim not in (1, 2) or len(array) != count or array.dtype.kind not in "fiubUSO":
        shape = f"{array.dtype} {array.shape}" if array.ndim else "None" if said is None else type(said).__name__
        way = _instead(said, array, count, inputs, call, model)
        raise ValueError(f"predict: expected a row of numbers for each of {count} inputs, got {shape}{way}")
    return array, (), names


def precision_of(answer: Any, said: np.ndarray) -> torch.dtype:
    """In which floating-point numbers a model computed what it returned, and `said` as an array.

    Numbers of Python that single precision holds were most likely computed in it (`probabilities.tolist()`).
    """
    if isinstance(answer, Tensor) and answer.is_floating_point():
        return answer.dtype if answer.dtype is torch.float16 else torch.promote_types(answer.dtype, torch.float32)
    if said.dtype.kind != "f":
        return torch.float32
    if said.dtype.itemsize < 8:
        return torch.float16 if said.dtype.itemsize == 2 else torch.float32
    with np.errstate(over="ignore"):
        single = np.array_equal(said.astype(np.float32), said, equal_nan=True)
    return torch.float32 if single else torch.float64


def _instead(
    said: Any, array: np.ndarray, count: int, inputs: Any, call: str, model: Callable[[Any], Any] | None
) -> str:
    """The function that would give a row of numbers for each input, if that can be told."""
    if said is None:
        return ": does it lack a return?"
    if isinstance(said, Mapping):
        held = next((repr(key) for key, part in said.items() if np.shape(part)[:1] == (count,)), "")
        return f"; try lambda inputs: {call}(inputs)[{held}]" if held else ""
    if hasattr(said, "__next__"):
        return f"; try lambda inputs: list({call}(inputs))"
    if array.dtype.kind == "c":
        return f"; try lambda inputs: numpy.abs({call}(inputs))"
    if array.ndim > 2 and len(array) == count:
        return f"; try lambda inputs: numpy.reshape({call}(inputs), (len(inputs), -1))"
    if isinstance(said, (list, tuple)) and said and all(np.shape(part)[:1] == (count,) for part in said):
        return f"; if these are {len(said)} numbers of each: lambda inputs: numpy.stack({call}(inputs), axis=1)"
    alone = model is not None and (isinstance(inputs, list) or array.ndim)  # a number may be that of a row in a table
    way = one_by_one.tried(model, call, inputs) if alone and model is not None else ""
    return f"; of a model that takes one at a time: {way or one_by_one.stacked(call, inputs)}"


def _check_order(index: Any, count: int, inputs: Any, call: str) -> None:
    """Raise where the index of a series or frame says that its rows were put in another order."""
    own = inputs.index if hasattr(inputs, "iloc") else None
    expected = list(range(count)) if own is None else own
    if (index.equals(own) if own is not None else index.tolist() == expected) or set(index) != set(expected):
        return
    way = ".sort_index()" if own is None else ".loc[inputs.index]" if own.is_unique else ""
    way = f"; try lambda inputs: {call}(inputs){way}" if way else ""
    raise ValueError(f"predict: it returned the rows in another order than it got them, as their index tells{way}")


def _first(said: Any) -> Any:
    """What a list, or a list of lists, holds first."""
    while isinstance(said, (list, tuple)) and said:
        said = said[0]
    return said


def _is_table(part: Any, count: int) -> bool:
    shape = getattr(part, "shape", None)
    return shape is not None and len(shape) == 2 and shape[0] == count


def _plain(said: Any) -> np.ndarray:
    """An array of what may be a tensor, with a gradient or not, or a sparse matrix."""
    if isinstance(said, Tensor):
        said = said.detach().cpu()
        return np.asarray(said.float() if said.dtype.itemsize < 4 and said.is_floating_point() else said)
    return np.asarray(said.toarray() if hasattr(said, "toarray") else said)
