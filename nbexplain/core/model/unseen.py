"""What a model's own error means for the values in a table, such as a category that it does not know: tried without."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from traceback import walk_tb
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.model.estimator_calls import comes_from
from nbexplain.inputs import Array, Tabular
from nbexplain.inputs.table_column import written

_MOST_LISTED = 10  # values that occur
_MOST_CODES = 100  # different whole numbers of a column that may stand for categories
_MOST_TRIED = 200  # calls, to find the columns that a model cannot take, or the values of one ...
_TRYING = 2.0  # ... in so many seconds
_MOST_ROWS = 5  # of the background, to find one that a model takes
_MOST_ALONE = 20  # values that are tried again in a row that holds them
OUR_OWN = ("model:", "classes:", "scores:")  # how errors begin that say all there is to say of a model's answer


def of_unseen(error: Exception, given: Array, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a value which occurs nowhere in the background; None where it is not that.

    It is one of the row, or, in a column of few whole numbers, which may be codes, one that a method made up.

    Parameters
    ----------
    scores
        Hands rows (N, F) to the model, by which it is tried with a value that occurs, and without.
    """
    if not isinstance(given, Tabular) or given.background is None or str(error).startswith(OUR_OWN):
        return None
    row, first = given.tensor[0].tolist(), given.background[0].tolist()
    held = x.detach().double().cpu().numpy()
    of_row = {place: row[place] for place in given.unseen if _holds(held[:, place], row[place])}
    found = _of_codes(given, held) | of_row
    odd = _refused(x, {place: first[place] for place in found}, scores)
    if not odd:
        return None
    own = [place for place in odd if place in of_row or found[place] == row[place]]
    if own and _takes(_with(x, given.tensor), scores):
        return _of_several(given, own, error)
    said = "; ".join(_said(given, place, found[place]) for place in own or odd)
    begins, way = ("row: ", "") if own else ("model: it does not take rows where ", _as_codes(given, odd))
    return ValueError(f"{begins}{said}{way}{_way(error)}; the model raised {type(error).__name__}: {error}")


def of_background(error: Exception, given: Array, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model cannot take a category, or a code, of the background; None where it is not that.

    The row may hold it too. `scores` as of `of_unseen`, of which it was not.
    """
    if not isinstance(given, Tabular) or given.background is None or str(error).startswith(OUR_OWN):
        return None
    row, plain = given.tensor[0], _with(x, given.tensor)
    if len(x) == 1 and torch.equal(x[:, : len(row)].nan_to_num(), plain[:, : len(row)].nan_to_num()):
        return _of_both(error, given, x, scores)
    others = np.flatnonzero((x[:, : len(row)].detach().cpu() != row.to(x.dtype)).any(0))
    values = {place: _choices(given, place) for place in others.tolist()}
    places = [place for place, some in values.items() if len(some)]
    mixed: list[int] = []
    for place in _refused(x, {place: float(row[place]) for place in places}, scores):
        odd, whole = _not_taken(plain, place, values[place], scores)
        refused = _truly(given, x, place, odd, scores)
        if refused:
            return _of_values(error, given, place, refused, whole and refused == odd)
        mixed += [place] * bool(odd)
    return _of_several(given, mixed, error) if mixed and _takes(plain, scores) else None


def _of_both(error: Exception, given: Tabular, x: Tensor, scores: Callable[[Tensor], Any]) -> Exception | None:
    """That a model does not take the row x (1, F), for a value that the background holds as well; None of others."""
    assert given.background is not None
    row, known = given.tensor[0].numpy(), given.background
    choices = {place: _choices(given, place) for place in range(len(row)) if _holds(known[:, place], row[place])}
    choices = {place: some for place, some in choices.items() if len(some)}
    if not choices:
        return None
    rows = torch.from_numpy(known[np.unique(np.linspace(0, len(known) - 1, _MOST_ROWS).astype(int))])
    taken = next((one[None] for one in rows if _takes(_with(x, one[None]), scores)), None)
    if taken is None:
        return None
    others = {place: float(taken[0, place]) for place in choices}
    for place in _refused(x, others, scores):
        odd, whole = _not_taken(_with(x, taken), place, choices[place], scores)
        refused = _truly(given, x, place, odd, scores)
        if any(_holds(np.array([value]), row[place]) for value in refused):
            return _of_values(error, given, place, refused, whole and refused == odd, of_row=True)
    return None


def _of_values(
    error: Exception, given: Tabular, place: int, odd: list[float], whole: bool, of_row: bool = False
) -> Exception:
    """That a model does not take some values of a column, all of them if `whole`, and how the background is without."""
    assert given.background is not None
    known, column = given.background[:, place], given.columns[place]
    count = sum(int((np.isnan(known) if value != value else known == value).sum()) for value in odd)
    kept = given.rows_without(place, odd) if whole else ""
    listed = ", ".join(_written(given, place, value) for value in odd[:_MOST_LISTED])
    listed += ", …" * (len(odd) > _MOST_LISTED)
    labels = ", and their labels" if given.labels is not None else ""
    begins = f"background: {column.name!r} is {listed}"
    if of_row:
        own = _written(given, place, float(given.tensor[0, place]))
        begins = f"row and background: {column.name!r} is {own} in the row, and {listed}"
    return ValueError(
        f"{begins} in {count:,} of {len(known):,} rows, which the model does not take; "
        f"{'explain another row, and ' * of_row}leave these rows{labels} out{kept and f': background={kept}'}"
        f"{_way(error)}; the model raised {type(error).__name__}: {error}"
    )


def _of_several(given: Tabular, places: Sequence[int], error: Exception) -> Exception:
    """That a model takes values of some columns in the rows that hold them, and not beside others."""
    names = ", ".join(repr(given.columns[place].name) for place in places[:_MOST_LISTED])
    return ValueError(
        f"model: it takes the row as it is, but not mixed with others in {names}: it refuses rows whose columns do not "
        "go together, and methods that hide or vary columns make such rows; "
        f"the model raised {type(error).__name__}: {error}"
    )


def _truly(given: Tabular, x: Tensor, place: int, values: list[float], scores: Callable[[Tensor], Any]) -> list[float]:
    """Those of the values of a column that the model does not take in a row of the background that holds them either.

    For each the first row that is not the explained one; a few are asked alone, more are told by these.
    """
    assert given.background is not None
    known, own = given.background, given.tensor[0].numpy()

    def row(value: float) -> Tensor:
        some = known[np.isnan(known[:, place]) if value != value else known[:, place] == value]
        other = ~((some == own) | (np.isnan(some) & np.isnan(own))).all(1)
        return torch.from_numpy(some[[int(other.argmax())]])

    if not values or _takes(_with(x, torch.cat([row(value) for value in values])), scores):
        return []
    return [value for value in values[:_MOST_ALONE] if not _takes(_with(x, row(value)), scores)] + values[_MOST_ALONE:]


def _with(x: Tensor, rows: Tensor) -> Tensor:
    """Rows (n, F) as those of x (N, F or more), whose further columns are as in its first row."""
    made = x[:1].detach().repeat(len(rows), 1)
    made[:, : rows.shape[1]] = rows.to(made)
    return made


def _refused(x: Tensor, others: dict[int, float], scores: Callable[[Tensor], Any]) -> list[int]:
    """The columns whose values in rows (N, F) a model does not take, of those for which `others` has one that it takes.

    Found by halves. None where it takes none of these either, failed by chance, or fails by several together.
    """

    def takes(kept: Sequence[int]) -> bool:
        rows = x.detach().clone()
        for place in others.keys() - set(kept):
            rows[:, place] = others[place]
        return _takes(rows, scores)

    if not others or not takes(()):
        return []
    found: list[int] = []
    waiting, end = [list(others)], time.perf_counter() + _TRYING
    for _ in range(_MOST_TRIED):
        if not waiting or (found and time.perf_counter() > end):
            break
        some = waiting.pop()
        if takes(some):
            continue
        if len(some) == 1:
            found += some
        else:
            waiting += [some[: len(some) // 2], some[len(some) // 2 :]]
    return sorted(found, key=list(others).index)


def _takes(rows: Tensor, scores: Callable[[Tensor], Any]) -> bool:
    try:
        scores(rows)
    except Exception:  # what it raises is known, or is about something else
        return False
    return True


def _not_taken(
    row: Tensor, place: int, values: np.ndarray, scores: Callable[[Tensor], Any]
) -> tuple[list[float], bool]:
    """Values of a column that a model does not take in a row (1, F), found by halves, and whether these are all."""
    found: list[float] = []
    waiting, end = [values], time.perf_counter() + _TRYING
    for _ in range(_MOST_TRIED):
        if not waiting or time.perf_counter() > end:
            break
        some = waiting.pop()
        rows = row.repeat(len(some), 1)
        rows[:, place] = torch.from_numpy(some).to(rows)
        if _takes(rows, scores):
            continue
        if len(some) == 1:
            found.append(float(some[0]))
        else:
            waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
    return found, not waiting


def _choices(given: Tabular, place: int) -> np.ndarray:
    """The different values of a column of the background that are categories, or may be codes; else none."""
    assert given.background is not None
    known = given.background[:, place]
    return np.unique(known) if given.columns[place].categories else _codes(known)


def _of_codes(given: Tabular, held: np.ndarray) -> dict[int, float]:
    """By column of few whole numbers one of rows (N, F) that the background lacks: the row's own, else the least."""
    assert given.background is not None
    row, found = given.tensor[0].numpy(), dict[int, float]()
    for place, column in enumerate(given.columns):
        if column.categories or column.time:
            continue
        known = _codes(given.background[:, place])
        new = np.setdiff1d(held[:, place][np.isfinite(held[:, place])], known)
        if len(known) and len(new):
            found[place] = float(row[place]) if row[place] in new else float(new[0])
    return found


def _codes(column: np.ndarray) -> np.ndarray:
    """The different numbers of a column, if they are few and whole, so that they may be codes; else none."""
    known = np.unique(column[np.isfinite(column)])
    return known if len(known) <= _MOST_CODES and (known == np.rint(known)).all() else known[:0]


def _holds(column: np.ndarray, value: float) -> bool:
    return bool(np.isnan(column).any() if np.isnan(value) else (column == value).any())


def _said(given: Tabular, place: int, value: float) -> str:
    """A value in a column, and what the background has there."""
    assert given.background is not None
    column, known = given.columns[place], given.background[:, place]
    said = f"{column.name!r} is {_written(given, place, value)}, which does not occur in the background"
    occur = np.unique(known[np.isfinite(known)]) if column.categories else _codes(known)
    if not len(occur) or (np.isnan(value) and not column.categories):
        return said if column.categories else f"{said}, expected a value"
    listed = ", ".join(_written(given, place, one) for one in occur[:_MOST_LISTED])
    return f"{said}, expected one of {listed}{', …' * (len(occur) > _MOST_LISTED)}"


def _written(given: Tabular, place: int, value: float) -> str:
    column, known = given.columns[place], given.known[place]
    if np.isnan(value):
        return "missing"
    if column.categories:
        return written(column.categories[int(value)])
    if column.time:
        return column.said(value)
    exact = value if known is None else known.value_of(value)
    return f"{exact:.15g}" if isinstance(exact, float) else str(exact)


def _as_codes(given: Tabular, places: Sequence[int]) -> str:
    """The call by which no numbers between codes are made up."""
    assert given.background is not None
    told = {given.columns[place].name: _codes(given.background[:, place]).astype(int).tolist() for place in places}
    return f"; if its numbers stand for categories, which none lies between: Tabular(…, categories={told!r})"


def _way(error: Exception) -> str:
    """The encoder of scikit-learn that raised, as it is fitted to take values that it does not know; or `""`."""
    for frame, _ in walk_tb(error.__traceback__):
        own = frame.f_locals.get("self")
        if comes_from(own, "sklearn") and getattr(own, "handle_unknown", None) == "error":
            coded = "'use_encoded_value', unknown_value=-1" if hasattr(own, "unknown_value") else "'ignore'"
            return f"; to take others too, fit the model with {type(own).__name__}(handle_unknown={coded})"
    return ""
