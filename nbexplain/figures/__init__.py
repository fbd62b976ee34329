"""Static figures of explanations: for papers and slides, and for notebooks that are looked at without widgets."""

from nbexplain.figures.encode import png
from nbexplain.figures.page import board, figure

__all__ = ["board", "figure", "png"]
