"""Questions to the rows of a table: which match a filter, and how well the model does on those with a label."""

from nbexplain.core.table import confusion, matching, residuals, roc  # noqa: F401
