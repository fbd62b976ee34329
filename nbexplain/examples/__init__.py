"""Small trained networks with inputs to look at: what the notebooks and the demonstration start from."""

from nbexplain.examples.digits import digits
from nbexplain.examples.scenes import scenes

__all__ = ["digits", "scenes"]
