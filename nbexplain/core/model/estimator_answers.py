"""What an estimator returned, as rows of numbers or labels; errors tell the function that would return them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.formatting import counted
from nbexplain.core.model import one_by_one
from nbexplain.core.model.answer_forms import are_rows, as_plain, form_of, has_label_and_number, literal
from nbexplain.inputs.table_column import is_missing, written


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
        parts = [as_plain(part) for part in said]
        return np.concatenate(parts, 1), tuple(part.shape[1] for part in parts), ()
    if isinstance(said, (list, tuple)) and said and isinstance(_first(said), Mapping):
        way = of_each(said, count, call, inputs, model) or _asked_otherwise(inputs, call, model)
        raise ValueError(
            f"model: it returned dicts of {', '.join(map(literal, list(_first(said))[:4]))}; expected a row of numbers "
            f"for each input, in the same order each time{way}. A text-classification pipeline of Hugging Face may be "
            "given itself as the model"
        )
    if isinstance(said, np.ma.MaskedArray) and np.ma.is_masked(said):
        raise ValueError(f"model: some of its numbers are masked; try lambda inputs: {call}(inputs).filled(0)")
    try:
        array = as_plain(said)
    except Exception as error:  # rows of several lengths, tensors without values: it is not the model that raised
        way = of_each(said, count, call, inputs, model) or _first_part(said, count, call, inputs, model)
        way = way or _asked_otherwise(inputs, call, model) or f" ({type(error).__name__}: {error})"
        raise ValueError(
            f"model: expected a row of numbers for each of {count} inputs, got {_described(said)}{way}"
        ) from error
    if array.dtype == object and array.ndim:
        array = _of_objects(array, count, call)
    way = ""
    if array.dtype == object and array.ndim == 1:
        way = of_each(said, count, call, inputs, model)
        if not way and (none := _no_labels(array)):
            way = _asked_otherwise(inputs, call, model) or none
    elif array.dtype.kind in "UO" and array.ndim == 2 and len(array) == count:
        if isinstance(said, (list, tuple)) and _holds_numbers(said):
            way = of_each(said, count, call, inputs, model) or _asked_otherwise(inputs, call, model)
        elif model is not None and (array.dtype == object or call == "model") and has_label_and_number(array[0]):
            way = of_each(said, count, call, inputs, model)
    if way:
        listed = said if isinstance(said, (list, tuple)) else array.tolist()
        held = f"the columns {', '.join(map(repr, names[:4]))}" if names else _described(listed)
        raise ValueError(f"model: expected a row of numbers for each of {count} inputs, got {held}{way}")
    if array.ndim not in (1, 2) or len(array) != count or array.dtype.kind not in "fiubUSO":
        shape = f"{array.dtype} {array.shape}" if array.ndim else "None" if said is None else type(said).__name__
        way = _instead(said, array, count, inputs, call, model)
        raise ValueError(f"model: expected a row of numbers for each of {count} inputs, got {shape}{way}")
    return array, (), names


_NEITHER = ", which are neither numbers nor labels; let it return one of these"


class NoLabel(ValueError):
    """A model returned a label for some inputs, and None or the like for others."""


def _of_objects(array: np.ndarray, count: int, call: str) -> np.ndarray:
    """Numbers among objects, such as Decimal, as numbers; labels as they are.

    Raises
    ------
    ValueError
        If there is None, or what pandas has for it, beside numbers; `NoLabel` beside labels.
    """
    held = array.ravel().tolist()
    lacking = [one for one in held if is_missing(one)]
    labels = [one for one in held if not is_missing(one) and not _is_number(one)]
    if labels:
        if lacking and array.size == count and not _no_labels(array.ravel()):
            raise NoLabel(
                f"model: it returned {lacking[0]} for {len(lacking)} of {count} inputs, and labels such as "
                f"{written(labels[0])} for others; {_named_none(lacking[0], call)}"
            )
        return array
    if nothing := [one for one in lacking if not isinstance(one, (float, Decimal))]:
        way = "" if len(lacking) < len(held) else f", or labels; if it stands for one, {_named_none(nothing[0], call)}"
        raise ValueError(f"model: it returned {nothing[0]} for {len(nothing)} of {count} inputs, expected numbers{way}")
    with contextlib.suppress(TypeError, ValueError):
        whole = np.array(array.tolist()) if held and all(isinstance(one, Integral) for one in held) else array
        return whole if whole.dtype.kind in "iub" else array.astype(np.float64)
    return array


def _is_number(one: Any) -> bool:
    """Whether it is a number, as Decimal is, and no string that is written like one."""
    try:
        return not isinstance(one, (str, bytes)) and isinstance(float(one), float)
    except (TypeError, ValueError):
        return False


def _named_none(lacking: Any, call: str) -> str:
    """The function that has a label for inputs that have none."""
    none = "said is None" if lacking is None else "pandas.isna(said)"
    return f"name it: lambda inputs: ['none' if {none} else said for said in {call}(inputs)]"


def precision_of(answer: Any, said: np.ndarray) -> torch.dtype:
    """In which floating-point numbers a model computed what it returned, and `said` as an array.

    Numbers of Python that single precision holds were most likely computed in it (`probabilities.tolist()`).
    """
    if isinstance(answer, Tensor) and answer.is_floating_point():
        return answer.dtype
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
    if inspect.iscoroutine(said):
        return _awaited(said, count, call)
    if isinstance(said, Mapping):
        way = of_each(said, count, call, inputs, model) or _entries(said, count, call)
        if way:
            return way
    if hasattr(said, "__next__"):
        return f"; try lambda inputs: list({call}(inputs))"
    if array.dtype.kind == "c":
        return f"; try lambda inputs: numpy.abs({call}(inputs))"
    if array.dtype.kind in "mM":
        times = f"numpy.asarray({call}(inputs))"
        since = times if array.dtype.kind == "m" else f"({times} - numpy.datetime64(0, 'D'))"
        return f"; in days: lambda inputs: {since} / numpy.timedelta64(1, 'D')"
    if array.ndim > 2 and len(array) == count and array.dtype.kind in "fiub":
        return f"; try lambda inputs: numpy.reshape({call}(inputs), (len(inputs), -1))"
    asked = None if model is None else (lambda x: as_plain(model(x)))
    other = None if not array.ndim or len(array) == count else asked
    if other is not None and (one_by_one.answers(other, inputs) or one_by_one.adds(other, inputs)):
        return _lacking(array, count)  # it is these inputs of which it leaves some out, or it adds some to any
    if isinstance(said, tuple) and (way := _of_top_labels(said, count, inputs, call, model)):
        return way
    if array.dtype.kind in "USOV" and (way := of_each(said, count, call, inputs, model)):
        return way
    turned = array.dtype.kind in "fiub" and array.shape[1:] == (count,)
    turned = turned and (asked is None or one_by_one.answers(lambda x: asked(x).T, inputs))
    if isinstance(said, (list, tuple)) and turned:
        return f"; if these are {len(said)} numbers of each: lambda inputs: numpy.stack({call}(inputs), axis=1)"
    if way := _first_part(said, count, call, inputs, model):
        return way
    if turned and hasattr(said, "T"):
        return f"; try lambda inputs: {call}(inputs).T"
    if model is None or inputs is None:
        return ""
    whole = not array.ndim  # a number is that of the batch that it got
    return _asked_otherwise(inputs, call, model, whole=whole) or _lacking(array, count)


def _asked_otherwise(inputs: Any, call: str, model: Callable[[Any], Any] | None, *, whole: bool = False) -> str:
    """The function that asks in another way, such as for one input at a time, or `""`: tried."""
    way = "" if model is None or inputs is None else one_by_one.tried(model, call, inputs, whole=whole)
    alone = "of a model that takes one at a time: " if " for " in way else ""
    return f"; {alone or 'try '}{way}" if way else ""


def _lacking(array: np.ndarray, count: int) -> str:
    """That there are fewer answers than inputs, or more: no function makes the others of them; else `""`."""
    if array.ndim not in (1, 2) or len(array) == count:
        return ""
    left_out = ", also for those that it leaves out" if len(array) < count else ""
    answers, inputs = counted(len(array), "answer"), counted(count, "input")
    return f": {answers} for {inputs}; let it give one for each, in their order{left_out}"


def of_each(said: Any, count: int, call: str, inputs: Any = None, model: Callable[[Any], Any] | None = None) -> str:
    """The function that reads a row of numbers in what each input got, or `""`: tried, with a model for several."""
    for rows, source, parted in _ways_to_rows(said, count, f"{call}(inputs)"):
        asked = None if model is None else partial(_rows_of, model, rows)
        with contextlib.suppress(Exception):  # they are not alike, or not of the inputs
            answers = rows(said)
            form = form_of(answers, [] if asked is None else one_by_one.of_near(asked, inputs))
            if form is None or form.written == "said" or len(answers) != count:
                continue
            if parted and not form.of_labels and not _labels_beside(said, count):
                continue  # a part of them is got more simply
            read = form.read
            if not are_rows([read(one) for one in answers], count):
                continue
            if asked is None or inputs is None or one_by_one.answers(partial(_read_of, asked, read), inputs):
                note = f"{form.note}:" if form.note else "try"
                return f"; {note} lambda inputs: [{form.written} for said in {source}]"
            # else it reads all of them as one
    return ""


def _ways_to_rows(said: Any, count: int, call: str) -> Iterator[tuple[Callable[[Any], list[Any]], str, bool]]:
    """How what each input got is taken out of an answer, how that is written, and whether it was in parts."""
    if hasattr(said, "iloc") and hasattr(said, "columns"):
        yield (lambda said: said.to_dict("records")), f"{call}.to_dict('records')", False
    elif hasattr(said, "to_dicts"):
        yield (lambda said: said.to_dicts()), f"{call}.to_dicts()", False
    elif isinstance(said, Mapping) or getattr(getattr(said, "dtype", None), "names", None):
        yield _records, f"pandas.DataFrame({call}).to_dict('records')", isinstance(said, Mapping)
    else:
        ways: list[tuple[Callable[[Any], list[Any]], str, bool]] = [(list, call, False)]
        if isinstance(said, (list, tuple)):
            most = next((place for place, part in enumerate(said) if not _has_length(part, count)), len(said))
            source = call if most == len(said) else f"{call}[:{most}]"
            ways.append((lambda said: list(zip(*said[:most], strict=True)), f"zip(*{source})", True))
        yield from ways if isinstance(said, list) else ways[::-1]


def _records(said: Any) -> list[Any]:
    import pandas as pd

    return list(pd.DataFrame(said).to_dict("records"))


def _has_length(part: Any, count: int) -> bool:
    try:
        return not isinstance(part, (str, Mapping)) and len(part) == count
    except TypeError:  # a number, or a tensor of one
        return False


def _rows_of(model: Callable[[Any], Any], rows: Callable[[Any], list[Any]], inputs: Any) -> list[Any]:
    return rows(model(inputs))


def _read_of(asked: Callable[[Any], list[Any]], read: Callable[[Any], Any], inputs: Any) -> list[Any]:
    return [read(one) for one in asked(inputs)]


def _labels_beside(said: Any, count: int) -> bool:
    """Whether it has strings and numbers, one of each input, and no rows of scores: a number may be a label's."""
    parts = said.values() if isinstance(said, Mapping) else said if isinstance(said, (list, tuple)) else ()
    rows = [np.asarray(_held(part)) for part in parts if are_rows(_held(part), count)]
    shapes = {(row.dtype.kind, row.ndim) for row in rows}
    return ("U", 1) in shapes and ("f", 1) in shapes and ("f", 2) not in shapes


def _holds_numbers(said: Sequence[Any]) -> bool:
    """Whether rows that numpy made strings of hold numbers beside them."""
    return any(_is_number(one) for row in said for one in row)


def _no_labels(array: np.ndarray) -> str:
    """What is said of objects that cannot be labels, or `""`."""
    held = array.tolist()
    try:
        set(held)
    except TypeError:
        return _NEITHER
    unnamed: Any = object.__repr__  # of a place in memory, which is another for each call
    return _NEITHER if any(type(one).__repr__ is unnamed for one in held) else ""


def _first_part(said: Any, count: int, call: str, inputs: Any, model: Callable[[Any], Any] | None) -> str:
    """Of a tuple of scores and something else, the function that returns the scores alone, or `""`: tried."""
    if not isinstance(said, tuple) or _labels_beside(said, count):
        return ""
    rows = {place: np.asarray(_held(part)) for place, part in enumerate(said) if are_rows(_held(part), count)}
    for kind in ("f", "iubU"):  # numbers before labels, and of these rows before single ones
        for place, part in sorted(rows.items(), key=lambda item: -item[1].ndim):
            read = None if model is None or inputs is None else partial(_part_of, model, place)
            if part.dtype.kind in kind and (read is None or one_by_one.answers(read, inputs)):
                return f"; try lambda inputs: {call}(inputs)[{place}]"
    return ""


def _part_of(model: Callable[[Any], Any], place: int, inputs: Any) -> Any:
    return model(inputs)[place]


def _entries(said: Mapping[Any, Any], count: int, call: str) -> str:
    """The function that reads the scores in a mapping of arrays or lists, or `""`."""
    if _labels_beside(said, count):
        return ""
    rows = {key: np.asarray(_held(part)) for key, part in said.items() if are_rows(_held(part), count)}
    numbers = {key: part for key, part in rows.items() if part.dtype.kind == "f"} or rows
    if len(numbers) > 1 and all(part.ndim == 1 and part.dtype.kind in "fiub" for part in numbers.values()):
        columns = ", ".join(f"said[{literal(key)}]" for key in numbers)
        return f"; try lambda inputs: (lambda said: numpy.stack([{columns}], axis=1))({call}(inputs))"
    first = max(numbers, key=lambda key: numbers[key].ndim, default=None)  # a row of scores before a single one
    return f"; try lambda inputs: {call}(inputs)[{literal(first)}]" if numbers else ""


def _held(part: Any) -> Any:
    return part.detach().cpu() if isinstance(part, Tensor) else part


def _of_top_labels(
    said: tuple[Any, ...], count: int, inputs: Any, call: str, model: Callable[[Any], Any] | None
) -> str:
    """Of the likeliest labels and their probabilities, as fastText returns them: the function that asks for all."""
    if model is None or len(said) != 2 or not isinstance(inputs, list):
        return ""
    with contextlib.suppress(Exception):  # it takes no k
        labels, shares = model(inputs, k=-1)  # type: ignore[call-arg]
        names = sorted(map(str, labels[0]))
        rows = [[dict(zip(own, part))[name] for name in names] for own, part in zip(labels, shares)]
        if np.asarray(rows).dtype.kind == "f" and are_rows(rows, count):
            return (
                f"; try lambda inputs: [[dict(zip(*said))[name] for name in {tuple(names)!r}] "
                f"for said in zip(*{call}(inputs, k=-1))]"
            )
    return ""


def _awaited(said: Coroutine[Any, Any, Any], count: int, call: str) -> str:
    """The function that waits for what an `async def` returns, in a thread, as a notebook has a loop of its own."""
    raised = ""
    with ThreadPoolExecutor(1) as pool:
        try:
            found = pool.submit(asyncio.run, said).result()
        except Exception as error:
            raised, found = f", which raised {type(error).__name__}: {error}", None
    if not are_rows(_held(found), count):
        return f": it is an async function{raised}; give one that waits for it and returns numbers"
    return (
        ": it is an async function, to be waited for: "
        f"lambda inputs: concurrent.futures.ThreadPoolExecutor().submit(asyncio.run, {call}(inputs)).result()"
    )


def _described(said: Any) -> str:
    """A container and what it holds, in words."""
    if isinstance(said, (list, tuple)):
        kinds = [f"{type(part).__name__}{' ' + str(np.shape(part)) if hasattr(part, 'shape') else ''}" for part in said]
        return f"a {type(said).__name__} of {', '.join(kinds[:3])}{' …' if len(kinds) > 3 else ''}"
    return f"a {type(said).__name__}"


def _check_order(index: Any, count: int, inputs: Any, call: str) -> None:
    """Raise where the index of a series or frame says that its rows were put in another order."""
    own = inputs.index if hasattr(inputs, "iloc") else None
    expected = list(range(count)) if own is None else own
    if (index.equals(own) if own is not None else index.tolist() == expected) or set(index) != set(expected):
        return
    way = ".sort_index()" if own is None else ".loc[inputs.index]" if own.is_unique else ""
    way = f"; try lambda inputs: {call}(inputs){way}" if way else ""
    raise ValueError(f"model: it returned the rows in another order than it got them, as their index tells{way}")


def _first(said: Any) -> Any:
    """What a list, or a list of lists, holds first."""
    while isinstance(said, (list, tuple)) and said:
        said = said[0]
    return said


def _is_table(part: Any, count: int) -> bool:
    shape = getattr(part, "shape", None)
    return shape is not None and len(shape) == 2 and shape[0] == count
