"""What to write around a callable that takes one input at a time, or another kind of table than it got."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from nbexplain.core.model.answer_forms import are_rows, form_of

_MOST_NAMES = 5  # of columns that are tried
_SEVERAL = 3  # inputs with which a function is tried, besides one
_WORDS_ASKED = 3  # of a text, to see whether a list of one text is read at all

_Way = tuple[Callable[[Any], Any], str]  # a function of inputs, and how it is written


def tried(model: Callable[[Any], Any], call: str, inputs: Any, *, whole: bool = False) -> str:
    """The function of the inputs with which the callable answers, or `""`: tried, with one input and with several.

    `whole` if it may be asked for a batch of one rather than for a row by itself.
    """
    squeezed = (
        (lambda x: np.reshape(model(x), (count(x), -1))),
        (f"lambda inputs: numpy.reshape({call}(inputs), ({_counted(inputs)}, -1))"),
    )
    texts = isinstance(inputs, list) and isinstance(inputs[0], str)
    each, batches = list(_ways_of_one(model, call, inputs)), list(_ways_of_batches(model, call, inputs))
    # a text that it answers is rather what it was made for than a list of one, which it may take without reading it
    listed = texts and _lists_texts(model, inputs[0])
    alone = _of_text(model, call, inputs[0]) if texts and not listed else ""
    if alone and not (whole and _answers(squeezed[0], inputs)):
        return alone
    for function, text in (squeezed, *((*batches, *each) if whole or listed else (*each, *batches))):
        if _answers(function, inputs):
            return text
    return _of_text(model, call, inputs[0]) or _in_another(model, call, inputs) if texts else ""


def count(inputs: Any) -> int:
    """How many inputs these are."""
    return int(inputs.shape[0]) if hasattr(inputs, "shape") else len(inputs)


def answers(model: Callable[[Any], Any], inputs: Any) -> bool:
    """Whether it returns a number, a label or a row for each input, of one and of several."""
    return _answers(model, inputs, "fiubUSO")


def adds(model: Callable[[Any], Any], inputs: Any) -> bool:
    """Whether it takes several together, and returns rows more than it got inputs: as many of one as of several."""
    more = set()
    for size in (1, _SEVERAL):
        try:
            more.add(len(_asked(model, inputs, size)) - size)
        except Exception:  # it takes no such input, or what it returns has no length
            return False
    return len(more) == 1 and more.pop() > 0


def _counted(inputs: Any) -> str:
    return "inputs.shape[0]" if hasattr(inputs, "toarray") else "len(inputs)"  # a sparse matrix has no length


def _ways_of_one(model: Callable[[Any], Any], call: str, inputs: Any) -> Iterator[_Way]:
    """One input at a time, or another kind of table."""
    if isinstance(inputs, list) or (isinstance(inputs, np.ndarray) and inputs.ndim == 2):
        yield (lambda x: np.stack([model(one) for one in x])), _each(f"{call}(one)", "one in inputs")
    elif hasattr(inputs, "iloc"):
        rows = "n in range(len(inputs))"
        yield (
            (lambda x: np.stack([model(x.iloc[n].to_dict()) for n in range(len(x))])),
            _each(f"{call}(inputs.iloc[n].to_dict())", rows),
        )
        yield (
            (lambda x: np.stack([model(x.iloc[n].to_numpy()) for n in range(len(x))])),
            _each(f"{call}(inputs.iloc[n].to_numpy())", rows),
        )
    elif hasattr(inputs, "iter_rows"):
        rows = "one in inputs.iter_rows(named=True)"
        yield (lambda x: np.stack([model(one) for one in x.iter_rows(named=True)])), _each(f"{call}(one)", rows)
    if hasattr(inputs, "to_numpy"):
        yield (lambda x: model(x.to_numpy())), f"lambda inputs: {call}(inputs.to_numpy())"


def _ways_of_batches(model: Callable[[Any], Any], call: str, inputs: Any) -> Iterator[_Way]:
    """A batch of one at a time, which answers with a number, or with a row of its own."""
    if isinstance(inputs, list):
        one, asked = (lambda x, n: [x[n]]), (f"{call}([one])", "one in inputs")
    elif hasattr(inputs, "iloc"):
        one, asked = (lambda x, n: x.iloc[[n]]), (f"{call}(inputs.iloc[[n]])", "n in range(len(inputs))")
    else:
        one, asked = (lambda x, n: x[[n]]), (f"{call}(inputs[[n]])", "n in range(inputs.shape[0])")
    yield (lambda x: np.stack([model(one(x, n)) for n in range(count(x))])), _each(*asked)
    rows = f"lambda inputs: numpy.concatenate([{asked[0]} for {asked[1]}])"
    yield (lambda x: np.concatenate([model(one(x, n)) for n in range(count(x))])), rows


def _of_text(model: Callable[[Any], Any], call: str, text: str) -> str:
    """The function that asks for each text alone and reads what it gets, or `""`: tried."""
    try:
        said = model(text)
        form = form_of([said], of_near(lambda texts: list(map(model, texts)), [text]))
        found: Any = None if form is None else form.read(said)
    except Exception:  # it takes no such input either
        return ""
    letters = np.ndim(found) == 1 and np.size(found) == len(text)  # one number for each of them
    if form is None or letters or not are_rows([found], 1):
        return ""
    if form.written == "said":
        each = f"[{call}(one) for one in inputs]"
        return f"lambda inputs: {each if isinstance(found, str) else f'numpy.stack({each})'}"
    note = f"{form.note}: " * bool(form.note)
    return f"{note}lambda inputs: [{form.written} for said in map({call}, inputs)]"


def of_near(model: Callable[[list[str]], list[Any]], inputs: Any) -> list[Any]:
    """What other texts get that most models give the same label; none where the inputs are no texts, or it raises."""
    if not isinstance(inputs, list) or not isinstance(inputs[0], str):
        return []
    text, words = inputs[0], inputs[0].split()
    with contextlib.suppress(Exception):  # it takes no such text
        return model([f"{text} {text}", *(" ".join(part) for part in (words[1:], words[:-1]) if part)])
    return []


def _lists_texts(model: Callable[[Any], Any], text: str) -> bool:
    """Whether it takes lists of texts: to it a text is a list of letters, and of lists it reads what is in them."""
    others = [f"{text} {text}", *text.split()[:_WORDS_ASKED]]
    try:
        if not _same(model(text), model(list(text))):
            return False
        said = model([text])
        return not all(_same(model([other]), said) for other in others)
    except Exception:  # it takes one of them alone, or its answers are no numbers
        return False


def _same(one: Any, other: Any) -> bool:
    one, other = (said.detach().cpu() if isinstance(said, Tensor) else said for said in (one, other))
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def _in_another(model: Callable[[Any], Any], call: str, texts: list[str]) -> str:
    """The function that hands on texts as an array, a series or a column of a frame, or `""`: tried."""
    import pandas as pd

    owner = getattr(model, "__self__", model)
    code = getattr(getattr(model, "__func__", model), "__code__", None)
    columns, constants = getattr(owner, "feature_names_in_", None), getattr(code, "co_consts", None)
    ways: list[_Way] = [(np.array, "numpy.array(inputs)"), (pd.Series, "pandas.Series(inputs)")]
    if isinstance(columns, np.ndarray):
        names = columns.tolist()
    else:
        ways += [((lambda given: np.reshape(given, (-1, 1))), "numpy.reshape(inputs, (-1, 1))")]
        names = ["text"]  # before those that it may look for: any name may do
        if isinstance(constants, tuple):
            names += [one for one in constants if isinstance(one, str) and one.isidentifier()]
    ways += [(partial(_framed, name), f"pandas.DataFrame({{{name!r}: inputs}})") for name in names[:_MOST_NAMES]]
    for made, written in ways:
        with contextlib.suppress(Exception):  # it takes no such input either
            for count in (_SEVERAL, _SEVERAL + 1):  # one may be the length of all that it returns
                said = model(made(texts[:1] * count))
                if not are_rows(said.detach().cpu() if isinstance(said, Tensor) else said, count):
                    break
            else:
                return f"lambda inputs: {call}({written})"
    return ""


def _framed(name: str, texts: list[str]) -> Any:
    import pandas as pd

    return pd.DataFrame({name: texts})


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


def _answers(function: Callable[[Any], Any], inputs: Any, kinds: str = "fiub") -> bool:
    """Whether it returns as many numbers, or other `kinds` of values, for each input, of one and of several."""
    widths = set()
    for size in (1, _SEVERAL):
        try:
            array = _asked(function, inputs, size)
        except Exception:  # it takes no such input either
            return False
        if array.dtype.kind not in kinds or array.ndim not in (1, 2) or len(array) != size or not array.size:
            return False
        widths.add(array.shape[1:])
    return len(widths) == 1


def _asked(function: Callable[[Any], Any], inputs: Any, size: int) -> np.ndarray:
    """What it returns for the first of the inputs, several times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is a trial
        said = function(_repeated(inputs, size))
        return np.asarray(said.detach().cpu() if isinstance(said, Tensor) else said)


def _repeated(inputs: Any, size: int) -> Any:
    """The first of the inputs, several times."""
    if isinstance(inputs, list):
        return inputs[:1] * size
    return inputs.iloc[[0] * size] if hasattr(inputs, "iloc") else inputs[[0] * size]
