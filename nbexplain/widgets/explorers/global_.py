"""GlobalExplorer: what the model looks at over many rows."""

from __future__ import annotations

from collections.abc import Sequence

from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.parts import Part
from nbexplain.widgets.table_parts import SET_PANES, set_parts


class GlobalExplorer(Explorer):
    """What the model looks at over the rows of a background; a clicked point becomes the row that is explained.

    Parameters
    ----------
    model
        As for `TabularExplorer`; with a `Session` that a `TabularExplorer` shows too, a click here is explained there.
    inputs
        A `Tabular` with a background.
    show
        Which panes: `"importance"` (mean |SHAP value|), `"beeswarm"` (SHAP values of every row), `"dependence"` (what a
        column adds, by its value), `"decision"` (SHAP decision plot: each row from the base to its score, dashed where
        it is misclassified), `"heatmap"` (SHAP heatmap plot: rows with like SHAP values beside each other),
        `"permutation"` (permutation importance, the forest's own beside it), `"lime"` (LIME averaged over rows),
        `"interaction"` (what pairs of columns do together; a click shows a pair in the dependence chart), `"groups"`
        (is it the same in both groups of a column?). By default all.
    **options
        As for `Explorer`.
    """

    panes = SET_PANES
    default_show = SET_PANES
    default_controls = ("target",)
    _least = 380
    _long = True

    def _made(self, shown: Sequence[str]) -> list[Part]:
        return set_parts(self.session, self._models, self._answered, shown)
