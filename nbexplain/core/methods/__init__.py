"""The methods, one file per family. Importing a family registers its methods."""

from nbexplain.core.methods import cam, gradient, lime, occlusion  # noqa: F401
