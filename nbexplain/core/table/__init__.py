"""Questions to rows of a table, beyond what their columns add to the score."""

from nbexplain.core.table import counterfactual  # noqa: F401
