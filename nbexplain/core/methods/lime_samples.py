"""What LIME tries: the inputs near the one explained, and how the linear model sees them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from nbexplain.core.subject import Subject
from nbexplain.inputs import Masker, Tabular
from nbexplain.inputs.table_masker import needed

_BLOCK = 1024  # rows that are drawn together, from a seed of their own: a longer draw begins like a shorter one


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


class Drawn:
    """Rows drawn as `lime_tabular` draws them: numbers with the background's mean and spread, or by quartile.

    Categories are drawn by their frequency.

    A column that is constant in the background stays so. The linear model sees how many standard deviations a number is
    from the mean, or whether it lies in the row's quartile; of a category, whether it is the row's.
    """

    what = "column"
    notes: tuple[str, ...] = ()

    def __init__(self, subject: Subject, bins: str, seed: int) -> None:
        from lime.lime_tabular import LimeTabularExplainer

        table = subject.input
        assert isinstance(table, Tabular)
        background = needed(table)
        self._subject, self._seed = subject, seed
        self.key: Hashable = (bins, seed)
        self.names, self.features = table.names, np.arange(len(table.columns))
        self._row = table.tensor[0].numpy()
        for place, name in enumerate(self.names):
            for what, values in (("row", self._row[place]), ("background", background[:, place])):
                if not np.isfinite(values).all():
                    raise ValueError(f"{what}: {name!r} holds NaN or infinity, which LIME cannot draw from")
        kinds = [place for place, column in enumerate(table.columns) if column.categories]
        self._constant = (background == background[0]).all(0)
        own: Any = subject.kept(("lime's own", bins))  # the same for every draw, and slow to make
        if own is None:
            explainer = LimeTabularExplainer(
                background,
                feature_names=list(self.names),
                categorical_features=kinds,
                discretize_continuous=bins == "quartile",
                random_state=np.random.RandomState(seed),
            )
            own = explainer, *_tables(explainer)
            subject.keep(("lime's own", bins), own, background.nbytes)
        self._explainer, self._upto, self._bins = own
        self._rows = np.empty((0, len(self.names)))

    def around(self, row: np.ndarray, seed: int) -> Drawn:
        """Rows near another row (F,) of the table, drawn from a seed of their own."""
        other = copy.copy(self)
        other._row, other._seed, other.key = row, seed, (self.key, row.tobytes(), seed)
        return other

    def design(self, count: int) -> np.ndarray:
        blocks = [self._block(number) for number in range(-(-count // _BLOCK))]
        seen, rows = (np.concatenate(parts)[:count] for parts in zip(*blocks, strict=True))
        rows[0], self._rows = self._row, rows
        explainer = self._explainer
        if explainer.discretizer is None:
            seen[0] = np.where(self._is_category, 1, self._row)
        else:
            seen[0] = 1
        design: np.ndarray = (seen - explainer.scaler.mean_) / explainer.scaler.scale_
        return design

    @property
    def _is_category(self) -> np.ndarray:
        return np.isin(np.arange(len(self._row)), self._explainer.categorical_features)

    def _block(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """What the linear model sees, before scaling, and the rows themselves, both (_BLOCK, features)."""
        explainer, draw = self._explainer, np.random.RandomState([self._seed, number])
        bins = explainer.discretizer
        rows = np.empty((_BLOCK, len(self._row))) if bins is not None else draw.normal(size=(_BLOCK, len(self._row)))
        if bins is None:
            spread = np.where(self._constant, 0, explainer.scaler.scale_)  # lime would draw these with a spread of 1
            rows = rows * spread + explainer.scaler.mean_
            place_in, drawn = self._row, np.flatnonzero(self._is_category)
        else:
            place_in, drawn = bins.discretize(self._row), np.arange(len(self._row))
        seen = rows.copy()
        for column, shares in zip(drawn, draw.random_sample((len(drawn), _BLOCK)), strict=True):
            place = self._upto[column].searchsorted(shares, side="right")
            values = np.asarray(explainer.feature_values[column])[place]
            seen[:, column] = values == place_in[column]
            within = self._bins.get(column)
            rows[:, column] = values if within is None else within.draw(values.astype(int), draw)
        return seen, rows

    def scores(self, start: int, stop: int) -> Tensor:
        return self._subject.evaluate(torch.from_numpy(self._rows[start:stop]))

    def distances(self, design: np.ndarray) -> np.ndarray:
        apart: np.ndarray = np.linalg.norm(design - design[0], axis=1)
        return apart


def _tables(explainer: Any) -> tuple[dict[int, np.ndarray], dict[int, _Bins]]:
    """By column: up to which share each of its values is drawn, and the bins of numbers."""
    upto = {column: np.cumsum(shares) for column, shares in explainer.feature_frequencies.items()}
    for shares in upto.values():
        shares[-1] = 1  # and not a rounding below
    bins = explainer.discretizer
    if bins is None:
        return upto, {}
    parts = (bins.mins, bins.maxs, bins.means, bins.stds)
    return upto, {column: _Bins(*(np.asarray(part[column]) for part in parts)) for column in bins.means}


@dataclass(frozen=True, eq=False)
class _Bins:
    """The bins of a number, (bins,) each: normal ones that lie in them are drawn, as lime draws them.

    lime's `undiscretize` asks `scipy.stats.truncnorm`, which takes ten times as long. The mean of what is in a bin lies
    in it, so neither end is so far out that the distribution function would lose its digits.
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    spread: np.ndarray

    @functools.cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The share of the normal distribution below each bin, and the share in it."""
        from scipy.special import ndtr

        below = ndtr((self.low - self.mean) / self.spread)
        return below, ndtr((self.high - self.mean) / self.spread) - below

    def draw(self, place: np.ndarray, draw: np.random.RandomState) -> np.ndarray:
        """A number in each of the bins `place` (n,)."""
        from scipy.special import ndtri

        below, inside = self._ends
        normal = ndtri(below[place] + inside[place] * draw.random_sample(len(place)))
        numbers: np.ndarray = np.clip(self.mean[place] + self.spread[place] * normal, self.low[place], self.high[place])
        return numbers
