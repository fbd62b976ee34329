"""Questions to all inputs together, or to all rows of a table."""

from nbexplain.core.dataset import (  # noqa: F401
    averaged_lime,
    boundary,
    channels,
    forest_importance,
    importance,
    interaction,
    row_scores,
    row_shap,
    scores,
)
