"""Questions to the rows of a table: which match a filter, how well the model does on those with a label, and more."""

from nbexplain.core.table import confusion, matching, partial_dependence, residuals, roc  # noqa: F401
