"""What to write around a callable that takes one input at a time, or another kind of table than it got."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.core.model.answer_forms import are_rows, form_of

_MOST_NAMES = 5  # of columns that are tried


def stacked(call: str, inputs: Any) -> str:
    """The function that asks `call`, which answers for a batch of one, for each of the inputs."""
    if isinstance(inputs, list):
        return _each(f"{call}([one])", "one in inputs")
    if hasattr(inputs, "iloc"):
        return _each(f"{call}(inputs.iloc[[n]])", "n in range(len(inputs))")
    return _each(f"{call}(inputs[[n]])", "n in range(inputs.shape[0])")


def tried(model: Callable[[Any], Any], call: str, inputs: Any) -> str:
    """The function with which the callable answers for the first of the inputs alone, or `""`: tried."""
    ways: list[tuple[Any, str, str]] = []
    if isinstance(inputs, list) or (isinstance(inputs, np.ndarray) and inputs.ndim == 2):
        ways = [(inputs[0], f"{call}(one)", "one in inputs")]
    elif hasattr(inputs, "iloc"):
        rows = "n in range(len(inputs))"
        ways = [
            (inputs.iloc[0].to_dict(), f"{call}(inputs.iloc[n].to_dict())", rows),
            (inputs.to_numpy()[0], f"{call}(inputs.iloc[n].to_numpy())", rows),
        ]
    elif hasattr(inputs, "iter_rows"):
        ways = [(next(inputs.iter_rows(named=True)), f"{call}(one)", "one in inputs.iter_rows(named=True)")]
    for one, asked, rows in ways:
        if function := _alone(model, one, asked, rows):
            return function
    if hasattr(inputs, "to_numpy") and _answers(model, inputs.to_numpy(), 1):
        return f"lambda inputs: {call}(inputs.to_numpy())"
    return in_another(model, call, inputs) if isinstance(inputs, list) and isinstance(inputs[0], str) else ""


def _alone(model: Callable[[Any], Any], one: Any, asked: str, rows: str) -> str:
    """The function that asks for each input alone and reads what it gets, or `""`."""
    try:
        said = model(one)
        form = form_of(said)
        found: Any = None if form is None else form.read(said)
    except Exception:  # it takes no such input either
        return ""
    letters = isinstance(one, str) and np.ndim(found) == 1 and np.size(found) == len(one)  # one number for each of them
    if form is None or letters or not are_rows([found], 1) or (np.ndim(found) and not isinstance(one, str)):
        return ""
    if form.written == "said":
        return _each(asked, rows) if not isinstance(found, str) else f"lambda inputs: [{asked} for {rows}]"
    note = f"{form.note}: " * bool(form.note)
    return f"{note}lambda inputs: [{form.written} for said in ({asked} for {rows})]"


def in_another(model: Callable[[Any], Any], call: str, texts: list[str]) -> str:
    """The function that hands on texts as an array, a series or a column of a frame, or `""`: tried."""
    import pandas as pd

    texts = texts[:1] * 3
    owner = getattr(model, "__self__", model)
    code = getattr(getattr(model, "__func__", model), "__code__", None)
    names = [*getattr(owner, "feature_names_in_", ())]
    names = names or [one for one in getattr(code, "co_consts", ()) if isinstance(one, str) and one.isidentifier()]
    ways = [(np.array(texts), "numpy.array(inputs)"), (pd.Series(texts), "pandas.Series(inputs)")]
    ways += [(pd.DataFrame({n: texts}), f"pandas.DataFrame({{{n!r}: inputs}})") for n in names[:_MOST_NAMES]]
    for given, written in ways:
        with contextlib.suppress(Exception):  # it takes no such input either
            said = model(given)
            if are_rows(said.detach().cpu() if isinstance(said, Tensor) else said, len(texts)):
                return f"lambda inputs: {call}({written})"
    return ""


def of_pairs(model: Callable[[Any], Any], call: str, pairs: list[Any]) -> str:
    """The function of a list of pairs of texts with which a model answers that takes something else, or `""`: tried."""
    pairs = pairs[:1] * 3  # neither as many as a pair has texts, nor one
    ways: list[tuple[Callable[[], Any], str]] = [
        (lambda: model(*map(list, zip(*pairs, strict=True))), f"{call}(*map(list, zip(*pairs)))"),
        (lambda: model([" ".join(pair) for pair in pairs]), f"{call}([' '.join(pair) for pair in pairs])"),
        (lambda: [model(*pair) for pair in pairs], f"[{call}(*pair) for pair in pairs]"),
        (lambda: [model(pair) for pair in pairs], f"[{call}(pair) for pair in pairs]"),
    ]
    for ask, function in ways:
        with contextlib.suppress(Exception):  # it takes no such input either
            said = ask()
            array = np.asarray(said.detach().cpu() if isinstance(said, Tensor) else said)
            if array.dtype.kind in "fiubUS" and array.ndim in (1, 2) and len(array) == len(pairs):
                return f"lambda pairs: {function}"
    return ""


def _each(asked: str, rows: str) -> str:
    return f"lambda inputs: numpy.stack([{asked} for {rows}])"


def _answers(model: Callable[[Any], Any], one: Any, axes: int) -> bool:
    """Whether it returns numbers of so many axes."""
    try:
        said = model(one)
        array = np.asarray(said.detach().cpu() if isinstance(said, Tensor) else said)
    except Exception:  # it takes no such input either
        return False
    return array.dtype.kind in "fiub" and array.ndim == axes
