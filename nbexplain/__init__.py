"""nbexplain: see what a PyTorch model does, inside a notebook."""

from typing import TYPE_CHECKING, Any

from nbexplain.core.explain import explain, list_layers
from nbexplain.core.explanation import Explanation
from nbexplain.core.memory import options
from nbexplain.core.model.detections import detections
from nbexplain.core.model.region import Region
from nbexplain.core.registry import METHODS, Choice, Flag, Range, method
from nbexplain.core.subject import Subject
from nbexplain.inputs import Image, Tabular, Text, Volume
from nbexplain.session import Session
from nbexplain.widgets.explorers.activation import ActivationExplorer
from nbexplain.widgets.explorers.attribution import AttributionExplorer
from nbexplain.widgets.explorers.comparison import MethodComparison
from nbexplain.widgets.explorers.explore import explore
from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.explorers.global_ import GlobalExplorer
from nbexplain.widgets.explorers.tabular import TabularExplorer
from nbexplain.widgets.explorers.text import TextExplorer

if TYPE_CHECKING:
    from nbexplain import figures

__version__ = "0.1.0"  # pyproject.toml reads it here

__all__ = [
    "METHODS",
    "ActivationExplorer",
    "AttributionExplorer",
    "Choice",
    "Explanation",
    "Explorer",
    "Flag",
    "GlobalExplorer",
    "Image",
    "MethodComparison",
    "Range",
    "Region",
    "Session",
    "Subject",
    "TabularExplorer",
    "Text",
    "TextExplorer",
    "Tabular",
    "Volume",
    "detections",
    "explain",
    "explore",
    "figures",
    "list_layers",
    "method",
    "options",
]


def __getattr__(name: str) -> Any:
    """`nbexplain.figures` is imported when it is first asked for: matplotlib takes its time."""
    if name == "figures":
        from importlib import import_module

        return import_module("nbexplain.figures")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
