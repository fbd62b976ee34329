"""The example `tumour`: measurements of breast tumours, and a network and a forest that tell what they are."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

WEIGHTS = Path(__file__).parent / "weights" / "tumour.safetensors"
CLASSES: tuple[str, ...] = ("malignant", "benign")
FEATURES = 30

_SEED = 0  # of the split and of the forest
_HELD_OUT_OF_EACH = 53  # a quarter of the rarer class


class TumourNet(nn.Module):
    """Two hidden layers; it takes the measurements as they are and standardises them itself.

    Parameters
    ----------
    classes : int
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        self.linear1 = nn.Linear(FEATURES, 32)
        self.relu1 = nn.ReLU()
        self.linear2 = nn.Linear(32, 16)
        self.relu2 = nn.ReLU()
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 30) → logits (N, classes)."""
        x = (x - self.mean) / self.scale
        x = self.relu1(self.linear1(x))
        x = self.relu2(self.linear2(x))
        scores: Tensor = self.head(x)
        return scores


@dataclass(frozen=True, eq=False, repr=False)
class Tumour:
    """A network, a forest, and what to try them on.

    Attributes
    ----------
    model : TumourNet
        In eval mode; its layers are ``linear1``, ``relu1``, ``linear2``, ``relu2``, ``head``. It takes float32.
    forest : sklearn.ensemble.RandomForestClassifier
        100 trees, fitted to `background`.
    rows : float64 array (M, 30)
        Measurements of tumours that were not used in training; malignant and benign ones take turns.
    labels : int64 array (M,)
        Number of the class of each of `rows`.
    background : float64 array (N, 30)
        The rows that `model` and `forest` were trained on.
    background_labels : int64 array (N,)
    names : tuple of str
        Name of each column, such as ``"mean radius"``.
    classes : tuple of str
        ``"malignant"`` and ``"benign"``. The scores of `model` and the probabilities of `forest` follow this order.
    """

    model: TumourNet
    forest: RandomForestClassifier
    rows: NDArray[np.float64]
    labels: NDArray[np.int64]
    background: NDArray[np.float64]
    background_labels: NDArray[np.int64]
    names: tuple[str, ...]
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return (
            f"Tumour: {len(self.rows)} rows and {len(self.background)} for training, {len(self.names)} columns, "
            f"{len(self.classes)} classes, a {type(self.model).__name__} with {parameters:,} parameters, "
            f"a forest of {len(self.forest.estimators_)} trees\n"
            f"  classes: {', '.join(self.classes)}"
        )


@cache
def _read() -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """All rows (569, 30), their class numbers (569,) and the columns' names, as scikit-learn has them."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        raise ImportError("The measurements come with scikit-learn: pip install 'nbexplain[examples]'") from error
    bunch = load_breast_cancer()
    return bunch.data.astype(np.float64), bunch.target.astype(np.int64), tuple(map(str, bunch.feature_names))


@cache
def split() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the rows for training (463,) and of those held out (106,): 53 of each class, drawn with seed 0.

    The held-out ones are malignant and benign in turn.
    """
    classes = _read()[1]
    draw = np.random.RandomState(_SEED)  # a stream that numpy keeps as it is: the parts must never change
    held_out = np.stack([draw.permutation(np.flatnonzero(classes == c))[:_HELD_OUT_OF_EACH] for c in range(2)], axis=1)
    return np.setdiff1d(np.arange(len(classes)), held_out), held_out.ravel()


def load_part(held_out: bool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The rows (N, 30) and class numbers (N,) of one part.

    Parameters
    ----------
    held_out : bool
        The part that training never sees, or the part it learns from.
    """
    numbers = split()[held_out]
    rows, classes, _ = _read()
    return rows[numbers], classes[numbers]


def load_network(weights: Path = WEIGHTS) -> TumourNet:
    """The trained network, in eval mode."""
    model = TumourNet()
    model.load_state_dict(load_file(weights))
    return model.eval()


@cache
def _fit_forest() -> RandomForestClassifier:
    """A forest fitted to the part for training: a fifth of a second, so that no file of it need be shipped."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=100, random_state=_SEED, n_jobs=1).fit(*load_part(held_out=False))


def tumour() -> Tumour:
    """Load the example: thirty measurements of cell nuclei, and whether the tumour was malignant or benign.

    The rows are those of the Breast Cancer Wisconsin (Diagnostic) data set, which scikit-learn ships. Each call makes
    a new model and a new forest, so that nothing done to one shows in another.

    Examples
    --------
    >>> demo = tumour()
    >>> scores = demo.model(torch.from_numpy(demo.rows).float())
    >>> probabilities = demo.forest.predict_proba(demo.rows)
    """
    rows, labels = load_part(held_out=True)
    background, background_labels = load_part(held_out=False)
    return Tumour(
        model=load_network(),
        forest=deepcopy(_fit_forest()),
        rows=rows,
        labels=labels,
        background=background,
        background_labels=background_labels,
        names=_read()[2],
        classes=CLASSES,
    )
