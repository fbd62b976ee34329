"""Which rows of a background match a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nbexplain.core.dataset.rows import table_of
from nbexplain.core.explanation import Explanation
from nbexplain.core.formatting import counted
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import method
from nbexplain.core.row_filter import (
    ALL_ROWS,
    OF_THE_ROWS,
    Condition,
    RowFilter,
    Values,
    Where,
    column_name,
    of_a_column,
    said,
)
from nbexplain.core.subject import Subject
from nbexplain.core.table.every_score import every_score
from nbexplain.core.table.labels import (
    class_numbers,
    class_values,
    floats_of_labels,
    has_classes,
    needed_labels,
    right_classes,
    right_numbers,
    undecided,
)
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_column import Column, as_written, key_among, written
from nbexplain.inputs.table_exact import EXACT, Known
from nbexplain.inputs.table_masker import needed
from nbexplain.inputs.table_times import DAY, days_of

_TICK = 2e-11  # days, about a microsecond: not many more digits has a float64 of the days since 1970
_DOUBLE = np.dtype(np.float64)
_FEW = 20  # rows: means over fewer say little of others


class NoRows(ValueError):
    """No row matches a filter; `counts` says of each thing that is looked at how many rows meet its condition alone."""

    def __init__(self, message: str, counts: dict[str, int]) -> None:
        super().__init__(message)
        self.counts = counts


@method(label="Matching rows", over_rows=True, kinds=("table",))
def matching_rows(subject: Subject, *, where: Where = ALL_ROWS) -> Explanation:
    """Which rows of the background match a filter.

    Values are (row,), 1 for each that matches; `features` are their numbers in the background, in its order.

    Raises
    ------
    ValueError
        If no row matches, naming the conditions, or a condition does not fit the table or the model.
    """
    numbers = matching(subject, where)
    return Explanation(
        values=np.ones(len(numbers)),
        axes=("row",),
        on="rows",
        signed=False,
        features=numbers,
        quantity="matches",
        details={"rows": len(numbers), "of": len(needed(table_of(subject)))},
    )


def matching(subject: Subject, where: RowFilter) -> np.ndarray:
    """Numbers (n,) of the background rows that match, in their order.

    Raises
    ------
    NoRows
        If none does, naming the conditions.
    ValueError
        If a condition does not fit the table or the model.
    """
    count = len(needed(table_of(subject)))
    if not where:
        return np.arange(count)
    key = ("matching", where)
    kept: np.ndarray | None = subject.kept(key)
    if kept is not None:
        return kept
    masks = {name: _mask(subject, name, condition) for name, condition in where}
    found = np.flatnonzero(np.all(list(masks.values()), axis=0))
    if not len(found):
        alone = {name: int(mask.sum()) for name, mask in masks.items()}
        words = {name: f"{name}: {said(condition)}" for name, condition in where}
        for name, times in alone.items():
            if not times:
                raise NoRows(f"where: no row of the background matches {words[name]}", alone)
        counts = ", ".join(f"{times:,} match{'es' * (times == 1)} {words[name]}" for name, times in alone.items())
        raise NoRows(f"where: no row of the background matches all of {where!r}; {counts}", alone)
    subject.keep(key, found, found.nbytes)
    return found


def few(where: RowFilter, numbers: np.ndarray) -> tuple[str, ...]:
    """What is said where so few rows match that their mean says little of others."""
    if not where or len(numbers) >= _FEW:
        return ()
    return (f"only {counted(len(numbers), 'row')} match{'es' * (len(numbers) == 1)} {where!r}",)


def check_filter(
    table: Any, where: RowFilter, values: Sequence[Any] | None, names: Sequence[str], numbers: bool = False
) -> None:
    """Check what can be checked of a filter without the model: that there is a background, columns and classes.

    Parameters
    ----------
    values, names
        What labels call the classes, None where the model predicts numbers; and their names.
    numbers
        Whether the model predicts numbers for sure.

    Raises
    ------
    ValueError
        If the input is no table with a background, it has no labels to compare with, there is no such column, value or
        class, or the model's kind has no such thing.
    """
    if not isinstance(table, Tabular):
        raise ValueError(f"where: rows are chosen among the background of a table, got {table.kind} inputs")
    needed(table)
    for name, condition in where:
        if name not in OF_THE_ROWS:
            _of_column(table, name, condition)
            continue
        if values is not None or numbers:
            _check_kind(table, name, condition, values is not None)
        if name != "predicted":
            needed_labels(table)
        if name in ("label", "predicted") and values is not None:
            class_places(name, condition, values, names)


def _check_kind(table: Tabular, name: str, condition: Condition, classes: bool) -> None:
    """Check that this is asked of a model that tells classes apart, or of one that predicts numbers."""
    column = of_a_column(name) if name in table.names else ""
    if not classes and name != "error" and isinstance(condition, Values):
        wrong = [value for value in condition if value is not None and not isinstance(value, (int, float))]
        if wrong:
            raise ValueError(f"where[{name!r}]: expected numbers or a range (low, high), got {wrong[0]!r}{column}")
    if classes and name == "residual":
        raise ValueError(f"where['residual']: the model tells classes apart; use 'error': True for wrong ones{column}")
    if name != "error":
        return
    if classes and not isinstance(condition, bool):
        raise ValueError(
            f"where['error']: the model tells classes apart, expected True or False, got {condition}{column}"
        )
    if not classes and (isinstance(condition, bool) or not isinstance(condition, float)):
        raise ValueError(
            "where['error']: the model predicts numbers, expected the share of rows with the largest |residual|, such "
            f"as 0.1, got {condition}{column}"
        )


def _mask(subject: Subject, name: str, condition: Condition) -> np.ndarray:
    """(N,) bool: which rows meet one condition."""
    table = table_of(subject)
    if name not in OF_THE_ROWS:
        return _of_column(table, name, condition)
    column = of_a_column(name) if name in table.names else ""
    if has_classes(subject):
        _check_kind(table, name, condition, True)
        if name == "error":
            right = right_classes(subject)
            wrong = every_score(subject).argmax(1) != right
            found: np.ndarray = (wrong == condition) & (right >= 0)
            return found
        numbers = right_classes(subject) if name == "label" else every_score(subject).argmax(1)
        return np.isin(numbers, class_places(name, condition, class_values(subject), subject.names))
    if (reason := undecided(subject)) and not (name == "predicted" and _of_one_score(subject, condition)):
        lacks = "chooses no class" if name == "predicted" else "predicts no numbers to compare labels with"
        raise ValueError(f"where[{name!r}]: the model {lacks}: {reason}{column}")
    _check_kind(table, name, condition, False)
    if name == "label":
        held = floats_of_labels(needed_labels(table))
        return _of_number(f"where[{name!r}]", right_numbers(subject), condition, held)
    predicted = _prediction(subject, name)
    if name == "predicted":
        predicted = predicted.astype(np.float64)
        return _of_number(f"where[{name!r}]", predicted, condition, _precision(subject, predicted))
    residual = right_numbers(subject) - predicted.astype(np.float64)
    if name == "residual":
        return _of_number(f"where[{name!r}]", residual, condition)
    assert isinstance(condition, float), "checked"
    size = np.abs(residual)
    known = size[~np.isnan(size)]
    return size >= np.quantile(known, 1 - condition) if len(known) else np.zeros(len(size), dtype=bool)


def _of_one_score(subject: Subject, condition: Condition) -> bool:
    """Whether this is a range of the only score, as of an outlier detector, which need not choose a class for that."""
    return isinstance(condition, tuple) and subject.scores().shape[1] == 1


def _precision(subject: Subject, predicted: np.ndarray) -> torch.dtype:
    """In which floats predictions (N,) came.

    The scores of a model outside torch are doubles, whatever it computes in: that is taken from what it was seen to
    return, as long as all of them are such numbers, and some no whole ones, which come in doubles too.
    """
    dtype, module = subject.scores().dtype, subject.twin.module
    if not isinstance(module, Predictor):
        return dtype if dtype.is_floating_point else torch.float64
    held = torch.from_numpy(predicted).to(module.precision).double().numpy()
    whole = np.array_equal(np.rint(predicted), predicted, equal_nan=True)
    return module.precision if np.array_equal(held, predicted, equal_nan=True) and not whole else dtype


def _prediction(subject: Subject, name: str) -> np.ndarray:
    """(N,) the number that a regression predicts for each row."""
    scores = every_score(subject)
    if scores.shape[1] != 1:
        raise ValueError(f"where[{name!r}]: needs a model that predicts one number, this one gives {scores.shape[1]}")
    return scores[:, 0]


def class_places(name: str, condition: Condition, values: Sequence[Any], names: Sequence[str]) -> np.ndarray:
    """The class numbers that a condition names, by the names of the classes or what labels call them; −1 for missing.

    Raises
    ------
    ValueError
        If it names no class.
    """
    if not isinstance(condition, Values):
        raise ValueError(
            f"where[{name!r}]: expected classes such as {{{names[0]!r}}}, got the range {said(condition)}"
            f"{of_a_column(name)}"
        )
    wanted = np.array(sorted(condition, key=repr), dtype=object)
    try:
        return class_numbers(wanted, values, names, names_first=True)
    except ValueError as error:
        known = ", ".join(map(repr, dict.fromkeys((*values[:10], *names[:10]))))
        raise ValueError(
            f"where[{name!r}]: expected some of the classes {known}, got {said(condition)}{of_a_column(name)}"
        ) from error


def _of_column(table: Tabular, name: str, condition: Condition) -> np.ndarray:
    """(N,) bool: which rows of the background hold what a column must."""
    called = column_name(name)
    if called not in table.names:
        known = ", ".join(map(repr, table.names[:10])) + ", …" * (len(table.names) > 10)
        raise ValueError(
            f"where: there is no column {called!r}; the columns are {known}, and 'predicted', 'label', 'error' and "
            "'residual' are what the model makes of the rows"
        )
    place = table.names.index(called)
    values, column = needed(table)[:, place], table.columns[place]
    if column.time:
        return _of_time(f"where[{name!r}]", values, column, condition)
    told, exact = _coded(name, column, condition), None if column.categories else table.known[place]
    told = told if exact is None else _exactly(exact, told)
    return _of_number(f"where[{name!r}]", values, told, table.floats(place))


def days_in(column: Column, value: Any, where: str) -> float:
    """A time of a filter as the number that stands in the column.

    Raises
    ------
    ValueError
        If it is no such time.
    """
    if not isinstance(value, str):
        return float(value)
    try:
        return days_of(column.time, value, 1 if column.time.startswith("period") else DAY["ns"], column.zone)[1]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: expected a {column.time}, got {value!r}: {error}") from None


def _of_time(where: str, values: np.ndarray, column: Column, condition: Condition) -> np.ndarray:
    """(N,) bool: which times (N,) lie in a range, or are among those of a set."""
    if isinstance(condition, tuple):
        low, high = (None if end is None else days_in(column, end, where) for end in condition)
        if low is not None and high is not None and low > high:
            raise ValueError(f"{where}: expected low ≤ high, got {condition!r}")
        return (values >= (-np.inf if low is None else low - _TICK)) & (
            values <= (np.inf if high is None else high + _TICK)
        )
    assert isinstance(condition, Values), "only errors are said by a bool or a share"
    found: np.ndarray = np.isnan(values) if None in condition else np.zeros(len(values), dtype=bool)
    for value in (one for one in condition if one is not None):
        found = found | (np.abs(values - days_in(column, value, where)) <= _TICK)
    return found


def _coded(name: str, column: Column, condition: Condition) -> Condition:
    """A condition on a column, with categories as positions."""
    if not column.categories:
        return condition
    if not isinstance(condition, Values):
        known = ", ".join(map(written, column.categories[:10]))
        raise ValueError(
            f"where[{name!r}]: {column.name!r} is a category, expected a set of {known}, got {condition!r}"
        )
    key = key_among(column.categories)
    places: dict[Any, list[Any]] = {}
    for place, value in enumerate(column.categories):
        for one in (as_written(value), value):
            places.setdefault(key(one), []).append(place)
    found: list[Any] = []
    for value in condition:
        same = [None] if value is None else places.get(key(value))
        if same is None:
            known = ", ".join(map(written, column.categories[:10]))
            raise ValueError(f"where[{name!r}]: {column.name!r} is never {value!r}, expected some of {known}")
        found += same
    return Values.of(found)


def _exactly(known: Known, condition: Condition) -> Condition:
    """A condition with large whole numbers, of which a float64 does not tell one from the next, as they are known."""

    def large(value: Any) -> bool:
        return isinstance(value, int) and abs(value) >= EXACT

    if isinstance(condition, tuple):
        low, high = condition
        low = known.ends_of(low)[0] if large(low) else low
        return low, known.ends_of(high)[1] if large(high) else high
    assert isinstance(condition, Values), "only errors are said by a bool or a share"
    return Values.of(known.number_of(value) if large(value) else value for value in condition)


def _of_number(
    where: str, values: np.ndarray, condition: Condition, dtype: np.dtype[Any] | torch.dtype = _DOUBLE
) -> np.ndarray:
    """(N,) bool: which values (N,), held in a dtype, lie in a range, or are among those of a set.

    The condition is rounded to the dtype as they were: 0.3 is no float32. What is too large for it stays.
    """

    def held(number: float) -> float:
        with np.errstate(over="ignore"):
            rounded = float(torch.tensor(number, dtype=dtype) if isinstance(dtype, torch.dtype) else dtype.type(number))
        return rounded if np.isfinite(rounded) else number

    if isinstance(condition, tuple):
        if odd := [end for end in condition if isinstance(end, str)]:
            raise ValueError(f"{where}: expected a range of numbers, got {odd[0]!r}")
        low, high = (np.inf * sign if end is None else held(float(end)) for end, sign in zip(condition, (-1, 1)))
        return (values >= low) & (values <= high)
    assert isinstance(condition, Values), "only errors are said by a bool or a share"
    wrong = [value for value in condition if value is not None and not isinstance(value, (int, float))]
    if wrong:
        raise ValueError(f"{where}: expected numbers or a range (low, high), got {wrong[0]!r}")
    known = np.isin(values, [held(float(value)) for value in condition if value is not None])
    return known | np.isnan(values) if None in condition else known
