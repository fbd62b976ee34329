"""What stands in for hidden columns of a row: values of background rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nbexplain.inputs.table_column import Column

if TYPE_CHECKING:
    from nbexplain.inputs.tabular import Tabular

STAND_INS = ("sample", "k-means", "median")


class TableMasker:
    """Hides columns of a row by the values of background rows: the expectation that SHAP takes; see `Masker`.

    Attributes
    ----------
    stand_ins
        (m, F): the background rows.
    """

    what = "column"
    notes: tuple[str, ...] = ()

    def __init__(self, table: Tabular, rows: int, stand_in: str, seed: int) -> None:
        if stand_in not in STAND_INS:
            raise ValueError(f"stand_in: expected one of {', '.join(map(repr, STAND_INS))}, got {stand_in!r}")
        background = needed(table)
        self._row = table.tensor
        self.key: Hashable = (rows, stand_in, seed)
        self.names = table.names
        self.features = np.arange(len(table.columns))
        self.stand_ins, self.weights = _chosen(background, table.columns, rows, stand_in, seed)
        row = table.tensor.numpy()
        self.varying = ~((self.stand_ins == row) | (np.isnan(self.stand_ins) & np.isnan(row))).all(0)
        self._background = background

    def batches(self, keep: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        kept = torch.from_numpy(np.asarray(keep, dtype=bool))[:, None]
        rows = torch.where(kept, self._row, torch.from_numpy(self.stand_ins))
        yield np.arange(len(keep)), rows.flatten(0, 1)

    def tree(self) -> np.ndarray:
        """Columns that go together in the background first: average linkage on 1 − |rank correlation|."""
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform
        from scipy.stats import rankdata

        rows = np.repeat(self._background, 2, axis=0) if len(self._background) == 1 else self._background
        ranks = rankdata(np.nan_to_num(rows), axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            together = np.nan_to_num(np.abs(np.corrcoef(ranks, rowvar=False)).reshape(ranks.shape[1], -1))
        apart = np.clip(1 - (together + together.T) / 2, 0, 1)
        np.fill_diagonal(apart, 0)
        tree: np.ndarray = linkage(squareform(apart, checks=False), method="average")
        return tree


def needed(table: Tabular) -> np.ndarray:
    """The background (N, F), or the reason why nothing can be hidden."""
    if table.background is None:
        raise ValueError(
            "background: what is hidden needs rows that stand in for it; give Tabular(row, background=…), such as the "
            "training data"
        )
    return table.background


def _middle(held: np.ndarray, column: Column) -> float:
    """The median of what a column holds (N,): of whole numbers one that occurs; the most frequent category."""
    if column.categories:  # there is no middle
        values, counts = np.unique(held, return_counts=True)
        return float(values[counts.argmax()])
    known = held[~np.isnan(held)]
    if not len(known):
        return float(held[0])
    whole = not np.isfinite(known).all() or (known == np.rint(known)).all()  # codes, days; inf − inf is none
    return float(np.quantile(known, 0.5, method="inverted_cdf") if whole else np.median(known))


def _chosen(
    background: np.ndarray, columns: Sequence[Column], rows: int, stand_in: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows that stand in (m, F), and their weights."""
    if stand_in == "median":
        middle = [_middle(background[:, place], column) for place, column in enumerate(columns)]
        return np.array([middle]), np.ones(1)
    if len(background) <= rows:
        return background, np.full(len(background), 1 / len(background))
    if stand_in == "k-means":
        if not np.isfinite(background).all():
            raise ValueError("stand_in: 'k-means' needs a background without NaN or infinity; use 'sample' or 'median'")
        from sklearn.cluster import KMeans

        spread = background.std(0)
        scaled = background / np.where(spread > 0, spread, 1)
        found = KMeans(rows, random_state=seed, n_init=1).fit(scaled)
        # each cluster by the real row nearest to its centre: no row that never was stands in
        nearest = np.array([((scaled - centre) ** 2).sum(1).argmin() for centre in found.cluster_centers_])
        return background[nearest], np.bincount(found.labels_, minlength=rows) / len(background)
    drawn = np.random.default_rng(seed).permutation(len(background))[:rows]
    return background[np.sort(drawn)], np.full(rows, 1 / rows)
