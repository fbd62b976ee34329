"""nbexplain: see what a PyTorch model does, inside a notebook."""

from nbexplain.core.explain import explain, list_layers
from nbexplain.core.explanation import Explanation
from nbexplain.core.memory import options
from nbexplain.core.registry import METHODS, Choice, Flag, Range, method
from nbexplain.core.subject import Subject
from nbexplain.session import Session
from nbexplain.widgets.explorers.activation import ActivationExplorer
from nbexplain.widgets.explorers.attribution import AttributionExplorer
from nbexplain.widgets.explorers.explore import explore
from nbexplain.widgets.explorers.explorer import Explorer

__version__ = "0.1.0"  # pyproject.toml reads it here

__all__ = [
    "METHODS",
    "ActivationExplorer",
    "AttributionExplorer",
    "Choice",
    "Explanation",
    "Explorer",
    "Flag",
    "Range",
    "Session",
    "Subject",
    "explain",
    "explore",
    "list_layers",
    "method",
    "options",
]
