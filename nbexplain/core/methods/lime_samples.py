"""What LIME tries: the inputs near the one explained, and how the linear model sees them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np
from torch import Tensor

from nbexplain.core.subject import Subject
from nbexplain.inputs import Masker


class Neighbourhood(Protocol):
    """Inputs near the one explained, the first of which is that one itself.

    Attributes
    ----------
    key
        Equal for equal draws.
    what, names, features, notes
        As in `Masker`.
    """

    key: Hashable
    what: str
    names: tuple[str, ...]
    features: np.ndarray
    notes: tuple[str, ...]

    def design(self, count: int) -> np.ndarray:
        """(count, features): what the linear model sees of the first inputs."""

    def scores(self, start: int, stop: int) -> Tensor:
        """Scores (stop − start, K, …) of some of the inputs."""

    def distances(self, design: np.ndarray) -> np.ndarray:
        """(count,): how far each is from the first."""


class Hidden:
    """Inputs with some features hidden.

    Superpixels each with probability ½ as in `lime_image`; of words how many is drawn first, as in `lime_text`.
    """

    def __init__(self, subject: Subject, masker: Masker, seed: int) -> None:
        self._subject, self._masker, self._seed = subject, masker, seed
        self.key: Hashable = (masker.key, seed)
        self.what, self.names, self.features = masker.what, masker.names, masker.features
        self.notes = masker.notes
        self._keep = np.empty((0, len(masker.names)), dtype=np.int8)

    def design(self, count: int) -> np.ndarray:
        features = len(self.names)
        if self._masker.what == "superpixel":
            keep = np.random.default_rng(self._seed).integers(0, 2, (count, features), dtype=np.int8)
        else:
            order = np.random.default_rng([self._seed, 0]).random((count, features)).argsort(1).argsort(1)
            hidden = np.random.default_rng([self._seed, 1]).integers(1, features + 1, count)
            keep = (order >= hidden[:, None]).astype(np.int8)
        keep[0] = 1
        self._keep = keep
        return keep.astype(np.float64)

    def scores(self, start: int, stop: int) -> Tensor:
        return self._subject.hidden(self._masker, self._keep[start:stop])

    def distances(self, design: np.ndarray) -> np.ndarray:
        from sklearn.metrics import pairwise_distances

        apart: np.ndarray = pairwise_distances(design, design[:1], metric="cosine").ravel()
        return apart
