"""Small trained networks with inputs to look at: what the notebooks and the demonstration start from."""

from nbexplain.examples.digits import digits
from nbexplain.examples.moons import moons
from nbexplain.examples.reviews import reviews
from nbexplain.examples.scenes import scenes
from nbexplain.examples.tumour import tumour

__all__ = ["digits", "moons", "reviews", "scenes", "tumour"]
