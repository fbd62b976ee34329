"""Questions to the rows of a table."""

from nbexplain.core.table import partial_dependence  # noqa: F401
