"""GlobalExplorer: what the model looks at over many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbexplain.core.table.matching import NoRows
from nbexplain.inputs import Array
from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.parts import Part
from nbexplain.widgets.table_parts import SET_PANES, check_table, set_parts
from nbexplain.widgets.views.labelled_parts import reasons


class GlobalExplorer(Explorer):
    """What the model looks at over the rows of a background; a clicked point becomes the row that is explained.

    Parameters
    ----------
    model
        As for `TabularExplorer`; with a `Session` that a `TabularExplorer` shows too, a click here is explained there.
    inputs
        A `Tabular` with a background.
    show
        Which panes: `"filter"` (which rows all others look at), `"confusion"` (label by predicted class; a click
        chooses the rows of a cell), `"curves"` (ROC and precision–recall, with a threshold), `"residuals"` (of a
        regression; a brush chooses rows), `"importance"` (mean |SHAP value|), `"beeswarm"` (SHAP values of every row),
        `"dependence"` (SHAP dependence plot of a column), `"decision"` (SHAP decision plot: each row from the base to
        its score, dashed where it is misclassified), `"heatmap"` (SHAP heatmap plot: rows with like SHAP values beside
        each other), `"partial"` (partial dependence and ICE curves of a column), `"permutation"` (permutation
        importance, the forest's own beside it), `"lime"` (LIME averaged over rows), `"interaction"` (what pairs of
        columns do together; a click shows a pair in the dependence chart), `"groups"` (is it the same in both groups of
        a column?). By default all that there are labels for.
    **options
        As for `Explorer`.
    """

    panes = SET_PANES
    default_show = SET_PANES
    default_controls = ("target",)
    _least = 380
    _long = True
    _main = "row_shap"

    def __init__(self, model: Any, inputs: Any = None, **options: Any) -> None:
        self._asked = options.get("show") is not None
        super().__init__(model, inputs, **options)

    def _check_kind(self, x: Array) -> None:
        check_table(x, "GlobalExplorer")

    def _checked(self, shown: Sequence[str]) -> Sequence[str]:
        table = check_table(self.session.inputs[self.session.selection.input], "GlobalExplorer")
        if table.background is None:
            raise ValueError(
                "inputs: GlobalExplorer shows the rows of a background, and this Tabular has none; give "
                "Tabular(row, background=table)"
            )
        if self._asked:
            for name, why in reasons(self.session).items():
                if name in shown and why:
                    raise ValueError(f"show: {name!r} cannot be shown: {why}")
        return shown

    def _made(self, shown: Sequence[str]) -> list[Part]:
        filtered = "filter" in shown and self.session.facts.one_per_class
        self._told = (NoRows,) if filtered else ()
        return set_parts(self.session, self._models, self._answered, shown)
