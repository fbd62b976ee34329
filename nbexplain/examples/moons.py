"""The example `moons`: points of two interleaved half circles and a small network that tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).parent / "weights" / "moons.safetensors"
CLASSES: tuple[str, ...] = ("upper", "lower")
NAMES: tuple[str, ...] = ("x", "y")

_SEEDS = {False: 0, True: 1_000_000}  # of the part for training and of the held-out part
_COUNTS = {False: 400, True: 200}
_NOISE = 0.17  # standard deviation of the distance from the half circle, of radius 1, in x and in y


class MoonNet(nn.Module):
    """Two hidden layers; it takes a point as it is.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.linear1 = nn.Linear(len(NAMES), 16)
        self.relu1 = nn.ReLU()
        self.linear2 = nn.Linear(16, 16)
        self.relu2 = nn.ReLU()
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 2) → logits (N, classes)."""
        x = self.relu1(self.linear1(x))
        x = self.relu2(self.linear2(x))
        scores: Tensor = self.head(x)
        return scores


@dataclass(frozen=True, eq=False, repr=False)
class Moons:
    """A network and what to try it on.

    Attributes
    ----------
    model : MoonNet
        In eval mode; its layers are ``linear1``, ``relu1``, ``linear2``, ``relu2``, ``head``. It takes float32.
    rows : float64 array (M, 2)
        Points that were not used in training; the classes take turns.
    labels : int64 array (M,)
        Number of the class of each of `rows`.
    background : float64 array (N, 2)
        The points that `model` was trained on.
    background_labels : int64 array (N,)
    names : tuple of str
        ``"x"`` and ``"y"``.
    classes : tuple of str
        ``"upper"`` and ``"lower"``. The scores of `model` follow this order.
    """

    model: MoonNet
    rows: NDArray[np.float64]
    labels: NDArray[np.int64]
    background: NDArray[np.float64]
    background_labels: NDArray[np.int64]
    names: tuple[str, ...]
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return (
            f"Moons: {len(self.rows)} points and {len(self.background)} for training, {len(self.classes)} classes, "
            f"a {type(self.model).__name__} with {parameters:,} parameters\n"
            f"  classes: {', '.join(self.classes)}"
        )


def load_part(held_out: bool) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw the points (N, 2) and class numbers (N,) of one part.

    The upper half circle has its middle at (0, 0), the lower one at (1, 0.5); the radius of both is 1.

    Parameters
    ----------
    held_out : bool
        The part that training never sees, or the part it learns from.
    """
    draw = np.random.RandomState(_SEEDS[held_out])  # a stream that numpy keeps as it is: the parts must never change
    classes = np.arange(_COUNTS[held_out]) % len(CLASSES)
    angle = np.pi * draw.random_sample(len(classes))
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(classes[:, None] == 0, upper, (1, 0.5) - upper)
    return points + draw.normal(scale=_NOISE, size=points.shape), classes.astype(np.int64)


def load_network(weights: Path = WEIGHTS) -> MoonNet:
    """The trained network, in eval mode."""
    model = MoonNet()
    model.load_state_dict(load_file(weights))
    return model.eval()


def moons() -> Moons:
    """Load the example: a network with two inputs, so that all it does can be drawn on a plane.

    Each call makes a new model, so that nothing done to one shows in another.

    Examples
    --------
    >>> demo = moons()
    >>> scores = demo.model(torch.from_numpy(demo.rows).float())
    """
    rows, labels = load_part(held_out=True)
    background, background_labels = load_part(held_out=False)
    return Moons(load_network(), rows, labels, background, background_labels, NAMES, CLASSES)
