"""The row that is explained, with a control for each column: change one, and all that is shown follows."""

from __future__ import annotations

import math
import weakref
from typing import Any

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.core.table.grid import are_whole
from nbexplain.inputs import Tabular
from nbexplain.inputs.table_column import Column
from nbexplain.inputs.table_same import same_table
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.layout import Notices
from nbexplain.widgets.row_editor import RowEditor
from nbexplain.widgets.text_width import fitted_apart, width

_MOST_CHOICES = 300  # in a list
_LETTERS = (60, 44, 32, 24, 18, 11)  # average ones, that a name may have room for
_MOST_CUT = 300  # columns: of more it would take a while, and names are sought by typing
_STEPS = 200  # of a slider from one end to the other


class RowView:
    """The pane `"editor"`: a what-if of the chosen input, which must be a row of a table.

    Attributes
    ----------
    notices
        Told in the worker what became of the question that the weights answer.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        row = session.inputs[session.selection.input]
        assert isinstance(row, Tabular)
        self._of = row  # whose controls are shown
        self.pane = RowEditor(title="What if", features=_controls(row, row), row=_shown(row))
        self._given = {session.selection.input: row}  # the rows as they came, by input
        self._known = row  # the newest one that was shown, or came from the hand
        self._mine: weakref.WeakSet[Tabular] = weakref.WeakSet()  # rows that were made here
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self.pane]
        self.wide: list[ipywidgets.Widget] = []
        self.notices = Notices(self._say_of_bars, brief=True)
        self._refused = self._why = ""  # a value that does not fit; the bars do not answer what is asked now
        self._number = session.selection.input
        self.pane.on_values = self._change
        self._endings = [session.on_select(self._follow_soon), session.on_facts(self._look)]

    def close(self) -> None:
        """Ask no more."""
        for end in self._endings:
            end()

    def show_weights(self, explanation: Explanation) -> None:
        """In the worker: the columns in the order of what they weigh."""
        if explanation.values.shape == (len(self.pane.features),):
            with self.pane.hold_sync():
                self.pane.weights = explanation.values.astype(float).tolist()
                if explanation.progress >= 1:
                    largest = np.argsort(-np.nan_to_num(np.abs(explanation.values)), kind="stable")
                    self.pane.order = largest.tolist()

    def show_row(self, values: np.ndarray) -> None:
        """Explain another row, such as one of the background: the row as given, changed to it."""
        row = self._session.inputs[self._number]
        assert isinstance(row, Tabular)
        self._show(row.another([float(v) for v in values]))
        self._change(list(self.pane.values))

    def _change(self, values: list[float]) -> None:
        """On the thread that delivers widget messages: the newest row, if the session can take it."""
        try:
            row = self._session.inputs[self._number]
            assert isinstance(row, Tabular)
            if not same_table(row, self._of):  # a hand at controls that are about to go
                return
            own = row.tensor[0].tolist()
            values = [mine if math.isinf(mine) and v != v else v for mine, v in zip(own, values, strict=True)]
            changed = row.another(values)
            self._mine.add(changed)
            self._session.replace(self._number, changed)
            self._known = changed
        except (TypeError, ValueError) as error:
            sentence = words.sentence(error)
            runner.later((self, "notice"), 0, lambda: self._refuse(sentence), owner=self._session)

    def _refuse(self, why: str) -> None:
        self._refused = why
        self._write_notice()

    def _say_of_bars(self, why: str) -> None:
        self._why = f"bars: {why}" if why else ""
        self._write_notice()

    def _write_notice(self) -> None:
        self.pane.notice = " · ".join(filter(None, [self._refused, self._why]))

    def _follow_soon(self) -> None:
        if self._session.selection.input != self._number:
            runner.later((self, "row"), 0, self._follow, owner=self._session)

    def _follow(self) -> None:
        """Another input was chosen."""
        self._number = self._session.selection.input
        row = self._session.inputs[self._number]
        assert isinstance(row, Tabular)
        self._show(row)
        self._known = row

    def _look(self) -> None:
        """In the worker, when a row was taken: one that came from elsewhere is shown, our own is under the hand."""
        self._refuse("")
        row = self._session.inputs[self._number]
        assert isinstance(row, Tabular)
        if row is not self._known and row not in self._mine:
            self._show(row)
        self._known = row

    def _show(self, row: Tabular) -> None:
        """Another row, as a change of the one that was given; with other controls only if these cannot show both."""
        given = self._given.get(self._number, row)
        if not (given.columns is row.columns and given.background is row.background):
            given = row  # made of another table, not of the given row: another input
        self._given[self._number] = given
        shown, values = _shown(given), _shown(row)
        short = not same_table(self._of, row) or any(
            ("places" in about and value == value and value not in about["places"])
            or (value != value and not about["missing"])
            for held in (shown, values)
            for about, value in zip(self.pane.features, held, strict=True)
        )
        self.pane.show_row(shown, _controls(given, row) if short else None, values)
        self._of = row


def _shown(row: Tabular) -> list[float]:
    """The row's values (F,) with NaN for infinity, for which no field has room; it stays until another is chosen."""
    return [math.nan if math.isinf(value) else value for value in row.tensor[0].tolist()]


def _controls(row: Tabular, changed: Tabular) -> list[dict[str, Any]]:
    """A slider within the background's range for each number, a list for each category, a box to tick for yes or no.

    They can show the row as it was given, and what it is changed to.
    """
    own = np.concatenate([row.tensor.numpy(), changed.tensor.numpy()])
    held = own if row.background is None else np.concatenate([row.background, own])
    constant = set(() if row.background is None else row.constant)
    features: list[dict[str, Any]] = []
    widest = max(map(width, row.names), default=0.0)
    levels = [most for most in _LETTERS if widest > most and len(row.names) <= _MOST_CUT]
    cuts = [fitted_apart(row.names, [most] * len(row.names)) for most in levels]
    for place, column in enumerate(row.columns):
        values = held[:, place]
        known = values[np.isfinite(values)]
        about: dict[str, Any] = {
            "name": column.name,
            "cuts": [cut[place] for cut in cuts],
            "constant": place in constant,
            "missing": bool(len(known) < len(values)),
        }
        if column.categories:
            kind = "boolean" if column.categories == (False, True) else "category"
            features.append({**about, "kind": kind, **_choices(column.categories, known, own[:, place])})
            continue
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        if row.background is None:  # there is no range to go by: as far to each side as the value is from 0
            reach = max(abs(low), abs(high), 1.0)
            low, high = low - reach, high + reach
        whole = are_whole(known)
        step = (high - low) / _STEPS
        step = 1.0 if whole else _time_step(step) if column.time.startswith("datetime") else _round_step(step)
        about |= {"kind": "number", "low": low, "high": high, "step": step, "integer": whole}
        if math.isinf(float(row.tensor[0, place])):
            about["note"] = "infinite in the row"
        features.append({**about, **_as_time(column, low, high, whole)})
    return features


def frequent(known: np.ndarray, count: int) -> list[int]:
    """Which of `count` categories a list has room for: all, or those that most of the rows hold."""
    if count <= _MOST_CHOICES:
        return list(range(count))
    held = np.bincount(known.astype(np.intp), minlength=count)
    return sorted(np.argsort(-held, kind="stable")[:_MOST_CHOICES].tolist())


def _choices(categories: tuple[Any, ...], known: np.ndarray, own: np.ndarray) -> dict[str, Any]:
    """The categories that can be chosen: of very many the most frequent ones, and the row's own."""
    if len(categories) <= _MOST_CHOICES:
        return {"choices": [str(value) for value in categories]}
    places = sorted({*frequent(known, len(categories)), *own[np.isfinite(own)].astype(int).tolist()})
    return {
        "choices": [str(categories[place]) for place in places],
        "places": places,
        "count": len(categories),
        "note": f"the {len(places)} most frequent of {len(categories):,}",
    }


def _as_time(column: Column, low: float, high: float, whole: bool) -> dict[str, Any]:
    """What tells the editor how a time is written."""
    if column.time.startswith("period"):
        count = int(high - low) + 1
        texts = [column.said(low + step) for step in range(count)] if count <= _MOST_CHOICES else None
        return {} if texts is None else {"texts": texts}
    if column.time == "duration":
        return {"unit": "days"}
    if column.time == "datetime" and whole:
        return {"time": "date"}
    if column.time.startswith("datetime"):
        return {"time": "datetime", **({"unit": "UTC"} if column.time.endswith("UTC") else {})}
    return {"time": column.time} if column.time else {}


def _time_step(step: float) -> float:
    """In days, a round number of seconds, minutes, hours or days not above `step`."""
    seconds = (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400)
    return max([one for one in seconds if one <= step * 86_400 * 1.0000001] or [1]) / 86_400


def _round_step(step: float) -> float:
    """A power of ten, or two or five of it, not above `step`."""
    if step <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(step))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= step * 1.0000001))
