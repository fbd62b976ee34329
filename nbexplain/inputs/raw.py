"""What people hand in without its wrapper: rows of a table, texts. The errors tell the wrapper."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nbexplain.inputs.array import Array
from nbexplain.inputs.table_reading import frame_of

_LONGEST = 60  # letters of a text that are said again


def refuse_raw(x: Any) -> None:
    """Raise for rows of a table and for texts that came as they are.

    Raises
    ------
    TypeError
        For a data frame, a series or a sparse matrix; for plain values and texts, and lists and arrays of them.
    FileNotFoundError
        For a string that is the path of nothing.
    ValueError
        For a string without words.
    """
    if isinstance(x, str) and not x.strip():
        raise ValueError(f"x: expected an input, got {x!r}, a text without words")
    if isinstance(x, str) and not is_there(x):
        raise FileNotFoundError(f"x: {of_text(x)}")
    if isinstance(x, (list, tuple)) and x and all(isinstance(one, Array) for one in x):
        raise TypeError(f"x: expected one input, got a {type(x).__name__} of {len(x)}; try x[0]")
    if said := of_texts(x) or of_table(x):
        raise TypeError(f"x: {said}")


def of_table(x: Any, name: str = "x") -> str:
    """What is wrong with rows of a table as they are, or `""` if it is nothing of the kind; `name` is what `x` is."""
    sparse = sys.modules.get("scipy.sparse")
    library = frame_of(x) or ("scipy" if sparse is not None and sparse.issparse(x) else "")
    if library:
        first = f"{name}.iloc[[0]]" if library == "pandas" else f"{name}[0]"
        if len(x.shape) == 1:
            return _row("a series", name)
        return _row("one row", name) if x.shape[0] == 1 else _rows(x.shape[0], "", first, name)
    if isinstance(x, np.ndarray):
        return _of_array(x, name) if x.dtype.kind in "OUSmMV" else ""
    if isinstance(x, Mapping):
        return _of_mapping(x, name)
    if not isinstance(x, (list, tuple)) or not len(x):
        return ""
    if all(map(_is_plain, x)):
        return "" if _texts(x) and any(map(is_there, x)) else _values(x, name)
    if all(isinstance(row, Mapping) and row and all(map(_is_plain, row.values())) for row in x):
        return _rows(len(x), " as dicts", f"{name}[0]", name, table=f"pandas.DataFrame({name})")
    if all(isinstance(row, (list, tuple)) and row and all(map(_is_plain, row)) for row in x):
        return _rows(len(x), f" as {type(x[0]).__name__}s", f"{name}[0]", name)
    return ""


def _of_array(x: np.ndarray, name: str) -> str:
    if x.dtype.names:
        return _rows(x.size, " as records", f"{name}[:1]", name, frame=True)
    if x.ndim == 2 and len(x) > 1:
        return _rows(len(x), "", f"{name}[0]", name)
    plain = x.ndim in (1, 2) and x.size and all(map(_is_plain, x.ravel().tolist()))
    return _row(f"an array of {x.dtype} {x.shape}", name) if plain else ""


def _of_mapping(x: Mapping[Any, Any], name: str) -> str:
    if not len(x):
        return ""
    if all(map(_is_plain, x.values())):
        return _values(x, name)
    columns = all(isinstance(value, (list, tuple)) and value and all(map(_is_plain, value)) for value in x.values())
    if not columns or "input_ids" in x or len(counts := set(map(len, x.values()))) > 1:
        return ""
    return _rows(counts.pop(), " as a dict of columns", "", name, frame=True)


def _values(x: Any, name: str) -> str:
    kind = f"{type(x).__name__} of {len(x)} value{'s' * (len(x) != 1)}"
    ids = isinstance(x, (list, tuple)) and all(type(value) is int for value in x)
    more = "; if it is the ids of a text, Text(text, tokenizer) with the text itself" if ids else ""
    return f"there is no tensor in this {kind}; if it is a row of a table, try Tabular({name}, background=table){more}"


def _row(what: str, name: str) -> str:
    call = f"Tabular({name}, background=table), with the table that it is a row of"
    return f"a table is explained row by row, got {what}; try {call}"


def _rows(count: int, what: str, first: str, name: str, *, table: str = "", frame: bool = False) -> str:
    call = f"Tabular({first}, background={table or name})"
    if frame:
        call = f"Tabular(frame.iloc[[0]], background=frame), with frame = pandas.DataFrame({name})"
    return f"a table is explained row by row, got a table of {count:,} row{'s' * (count != 1)}{what}; try {call}"


def of_texts(x: Any) -> str:
    """What is wrong with a list, an array or a series of texts, or `""`: a string with spaces in it is one."""
    series = frame_of(x) and len(x.shape) == 1
    if not series and not isinstance(x, (list, tuple)) and not (isinstance(x, np.ndarray) and x.ndim == 1):
        return ""
    if isinstance(x, np.ndarray) and x.dtype.kind not in "OU":
        return ""
    texts = list(x)
    if not texts or not _texts(texts) or not any(" " in text.strip() for text in texts) or any(map(is_there, texts)):
        return ""
    first = "x.iloc[0]" if frame_of(x) == "pandas" else "x[0]"
    pair = "Text(x, tokenizer) for the two together, or " if isinstance(x, tuple) and len(x) == 2 else ""
    more = "; an explorer takes several: [Text(text) for text in x]"
    return f"texts are explained one by one, got a {type(x).__name__} of {len(x)}; try {pair}{_text_calls(first)}{more}"


def _texts(x: Any) -> bool:
    return all(isinstance(one, str) for one in x)


def _is_plain(value: Any) -> bool:
    """Whether it may be a value of a column: no tensor, array, list or image."""
    return value is None or isinstance(value, (str, int, float, np.generic)) or hasattr(value, "isoformat")


def of_text(x: str) -> str:
    """What is wrong with a string that is the path of nothing: it may be a text."""
    said = repr(x if len(x) <= _LONGEST else x[: _LONGEST - 1] + "…")
    if Path(x).suffix and not any(letter.isspace() for letter in x):
        return f"there is no file {said}"
    return f"there is no file {said}; if it is a text: {_text_calls(said)}"


def _text_calls(said: str) -> str:
    return f"Text({said}), or Text({said}, tokenizer) for a model of tokens"


def is_there(x: str | Path) -> bool:
    """Whether there is such a file or folder; a text may be too long for a name."""
    try:
        return Path(x).exists()
    except (OSError, ValueError):
        return False
