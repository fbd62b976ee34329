"""Masker: the parts of an input that can be hidden, and what stands in for them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Protocol

import numpy as np
from torch import Tensor


class Masker(Protocol):
    """What LIME, SHAP and leave-one-out hide, written once for pictures, texts and tables.

    Attributes
    ----------
    key
        Equal for maskers that hide the same parts in the same way.
    what
        What one feature is: `"superpixel"`, `"word"`, `"column"` …
    names
        Of the features.
    features
        The map from places (pixels, tokens, columns) to features; -1 for what is never hidden.
    varying
        (features,) bool: whether hiding a feature changes the input at all.
    weights
        (m,) of the m stand-ins of each row of `keep`, adding up to 1: the scores are averaged with them.
    notes
        What a reader must know of what is never hidden.
    """

    key: Hashable
    what: str
    names: tuple[str, ...]
    features: np.ndarray
    varying: np.ndarray
    weights: np.ndarray
    notes: tuple[str, ...]

    def batches(self, keep: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Rows of `keep` (n, features), and for each of them the m inputs (rows · m, …) with the others hidden.

        Inputs of one batch have the same shape.
        """

    def tree(self) -> np.ndarray:
        """Which features belong together: a linkage matrix (features − 1, 4) as scipy.cluster.hierarchy makes them."""
