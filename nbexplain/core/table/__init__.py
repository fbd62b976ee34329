"""Questions to rows of a table: which match a filter, how well the model does on them, what would change it."""

from nbexplain.core.table import (  # noqa: F401
    confusion,
    counterfactual,
    matching,
    partial_dependence,
    residuals,
    roc,
)
