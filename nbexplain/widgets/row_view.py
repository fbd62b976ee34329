"""The row that is explained, with a control for each column: change one, and all that is shown follows."""

from __future__ import annotations

import weakref

import ipywidgets
import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.inputs import Tabular
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.row_editor import RowEditor

_STEPS = 200  # of a slider from one end to the other


class RowView:
    """The pane `"editor"`: a what-if of the chosen input, which must be a row of a table."""

    def __init__(self, session: Session) -> None:
        self._session = session
        row = session.inputs[session.selection.input]
        assert isinstance(row, Tabular)
        self.pane = RowEditor(title="What if", features=_controls(row), row=row.tensor[0].tolist())
        self._given = {session.selection.input: row}  # the rows as they came, by input
        self._mine: weakref.WeakSet[Tabular] = weakref.WeakSet()  # rows that were made here
        self.above: list[ipywidgets.Widget] = []
        self.panes: list[ipywidgets.Widget] = [self.pane]
        self.wide: list[ipywidgets.Widget] = []
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
        """Explain another row, such as one of the background."""
        self.pane.show_row([float(v) for v in values])
        self._change(list(self.pane.values))

    def _change(self, values: list[float]) -> None:
        """On the thread that delivers widget messages: the newest row, if the session can take it."""
        try:
            row = self._session.inputs[self._number]
            assert isinstance(row, Tabular)
            changed = row.another(values)
            self._mine.add(changed)
            self._session.replace(self._number, changed)
        except (TypeError, ValueError) as error:
            sentence = words.sentence(error)
            runner.later((self, "notice"), 0, lambda: self.pane.set_trait("notice", sentence), owner=self._session)

    def _follow_soon(self) -> None:
        if self._session.selection.input != self._number:
            runner.later((self, "row"), 0, self._follow, owner=self._session)

    def _follow(self) -> None:
        """Another input was chosen."""
        self._number = self._session.selection.input
        row = self._session.inputs[self._number]
        assert isinstance(row, Tabular)
        self.pane.show_row(self._given.setdefault(self._number, row).tensor[0].tolist())
        self.pane.values = row.tensor[0].tolist()

    def _look(self) -> None:
        """In the worker, when a row was taken: one that came from elsewhere is shown, our own is under the hand."""
        self.pane.notice = ""
        row = self._session.inputs[self._number]
        assert isinstance(row, Tabular)
        if row is not self._given[self._number] and row not in self._mine:
            self._mine.add(row)
            self.pane.show_row(row.tensor[0].tolist())


def _controls(row: Tabular) -> list[dict[str, object]]:
    """A slider within the background's range for each number, a list for each category."""
    held = row.tensor.numpy() if row.background is None else np.concatenate([row.background, row.tensor.numpy()])
    features: list[dict[str, object]] = []
    for place, column in enumerate(row.columns):
        values = held[:, place]
        known = values[np.isfinite(values)]
        about: dict[str, object] = {
            "name": column.name,
            "constant": row.background is not None and len(np.unique(row.background[:, place])) == 1,
            "missing": bool(len(known) < len(values)),
        }
        if column.categories:
            features.append({**about, "kind": "category", "choices": [str(value) for value in column.categories]})
            continue
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        if row.background is None:  # there is no range to go by: as far to each side as the value is from 0
            reach = max(abs(low), 1.0)
            low, high = low - reach, high + reach
        whole = bool(len(known)) and bool((known == np.round(known)).all())
        step = 1.0 if whole else _round_step((high - low) / _STEPS)
        features.append({**about, "kind": "number", "low": low, "high": high, "step": step, "integer": whole})
    return features


def _round_step(step: float) -> float:
    """A power of ten, or two or five of it, not above `step`."""
    if step <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(step))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= step * 1.0000001))
