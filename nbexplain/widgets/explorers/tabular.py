"""TabularExplorer: one row of a table, what each column adds to the score, and what if it were another row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbexplain.core.dataset.plane import axes_of
from nbexplain.inputs import Array
from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.parts import Part
from nbexplain.widgets.table_parts import ROW_PANES, check_table, row_parts, what_lacks


class TabularExplorer(Explorer):
    """What the columns of a row add to the score, and what if they held something else.

    Parameters
    ----------
    model
        A `torch.nn.Module`; an object with `predict_proba`, `decision_function` or `predict`, such as scikit-learn's; a
        callable; or a `Session` to share.
    inputs
        A `Tabular`, or a list of them with the same columns; each may have a background of its own.
    show
        Which panes: `"editor"` (a control for each column), `"map"` (what each column weighs, with its error),
        `"waterfall"` and `"force"` (from the base to the score), `"classes"`, `"partial"` (partial dependence of a
        column, and the ICE curve of the row), `"nearest"` (rows of the background that are like it), `"counterfactual"`
        (the smallest changes that change the prediction; searched for at once if `show` names it, else when its button
        is pressed), `"compare"` (beside another input), `"boundary"` (the score over two columns, or over principal
        components). By default all; of more than three columns, or less than two that can be an axis, without the
        boundary, of two classes without their scores.
    **options
        As for `Explorer`.
    """

    panes = ROW_PANES
    default_show = ROW_PANES
    default_controls = ("input", "method", "target", "params")
    _least = 400
    _MOST_COLUMNS = 3  # of a row whose boundary is shown without being asked for

    def __init__(self, model: Any, inputs: Any = None, **options: Any) -> None:
        self._asked = options.get("show") is not None
        super().__init__(model, inputs, **options)

    def _check_kind(self, x: Array) -> None:
        check_table(x, "TabularExplorer")

    def _checked(self, shown: Sequence[str]) -> Sequence[str]:
        row = check_table(self.session.inputs[0], "TabularExplorer")
        if not self._asked:
            unasked = {"boundary"} if len(row.columns) > self._MOST_COLUMNS or len(axes_of(row)) < 2 else set()
            unasked |= {"classes"} if len(self.session.classes) < 3 else set()  # the list of targets tells both
            return [name for name in shown if name not in unasked]
        lacking = what_lacks(self.session)
        for name in shown:
            # what needs a background is left out beside others
            if name in lacking and (name == "compare" or set(shown) <= set(lacking)):
                raise ValueError(f"show: {name!r} needs {lacking[name]}")
        return shown

    def _made(self, shown: Sequence[str]) -> list[Part]:
        return row_parts(self.session, self._models, self._answered, shown, self._asked)
