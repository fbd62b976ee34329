"""What people hand in without its wrapper: a data frame, a string that is no file. The errors tell the wrapper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nbexplain.inputs.table_reading import frame_of

_LONGEST = 60  # letters of a text that are said again


def refuse_raw(x: Any) -> None:
    """Raise for rows of a table and for texts that came as they are.

    Raises
    ------
    TypeError
        For a data frame, a series or a sparse matrix.
    FileNotFoundError
        For a string that is the path of nothing.
    """
    if isinstance(x, str) and not is_there(x):
        raise FileNotFoundError(f"x: {of_text(x)}")
    if said := of_table(x):
        raise TypeError(f"x: {said}")


def of_table(x: Any) -> str:
    """What is wrong with rows of a table as they are, or `""` if it is nothing of the kind."""
    sparse = sys.modules.get("scipy.sparse")
    library = frame_of(x) or ("scipy" if sparse is not None and sparse.issparse(x) else "")
    if not library:
        return ""
    if len(x.shape) == 1:
        what, call = "a series", "Tabular(series, background=df), with the table that it is a row of"
    elif x.shape[0] == 1:
        what, call = "one row", "Tabular(row, background=df), with the table that it is a row of"
    else:
        what = f"a table of {x.shape[0]:,} rows"
        call = f"Tabular({'df.iloc[[0]]' if library == 'pandas' else 'df[0]'}, background=df)"
    return f"a table is explained row by row, got {what}; try {call}"


def of_text(x: str) -> str:
    """What is wrong with a string that is the path of nothing: it may be a text."""
    said = repr(x if len(x) <= _LONGEST else x[: _LONGEST - 1] + "…")
    if Path(x).suffix and not any(letter.isspace() for letter in x):
        return f"there is no file {said}"
    return f"there is no file {said}; if it is a text: Text({said}), or Text({said}, tokenizer) for a model of tokens"


def is_there(x: str | Path) -> bool:
    """Whether there is such a file or folder; a text may be too long for a name."""
    try:
        return Path(x).exists()
    except (OSError, ValueError):
        return False
