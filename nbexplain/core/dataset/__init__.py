"""Questions to all inputs together."""

from nbexplain.core.dataset import channels, scores  # noqa: F401
