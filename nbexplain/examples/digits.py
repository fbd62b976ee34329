"""The example `digits`: a network small enough to follow by hand, and handwritten digits that it has never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).parent / "weights" / "digits.safetensors"
CLASSES: tuple[str, ...] = tuple("0123456789")

SIZE = 8  # pixels, height and width of a digit
_INK = 16  # scikit-learn's digits hold 0 … 16
_SPLIT_SEED = 0
_HELD_OUT_OF_EACH = 45  # a quarter of the rarest class


class DigitNet(nn.Module):
    """Three small convolutions and a linear head: every number in it can be worked out from those before.

    The head sees the mean of each of the last maps, so that a class activation map is exact: the logit is the mean of
    the map over all places, plus a bias.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(16, 32, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, SIZE, SIZE) → logits (N, classes)."""
        x = self.relu1(self.conv1(x))
        x = self.pool(self.relu2(self.conv2(x)))
        x = self.relu3(self.conv3(x))
        scores: Tensor = self.head(torch.flatten(self.mean(x), 1))
        return scores


def preprocess(picture: Image.Image | NDArray[np.uint8]) -> Tensor:
    """Turn any picture of light ink on a dark ground into an input of `DigitNet`.

    The shorter side is resized to `SIZE` pixels and the middle square is kept; 0 is black and 1 is white.

    Parameters
    ----------
    picture : PIL.Image.Image or uint8 array (H, W, 3) or (H, W)

    Returns
    -------
    float32 tensor (1, SIZE, SIZE)
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image = image.convert("L")
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    if image.size != (SIZE, SIZE):
        image = image.resize((SIZE, SIZE), Image.Resampling.BOX, box=(left, top, left + side, top + side))
    return torch.from_numpy(np.array(image))[None].float() / 255


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """A network and what to try it on.

    Attributes
    ----------
    model : DigitNet
        In eval mode; its layers are ``conv1``, ``relu1``, ``conv2``, ``relu2``, ``pool``, ``conv3``, ``relu3``,
        ``mean``, ``head``.
    classes : tuple of str
        ``"0"`` … ``"9"``. The scores of `model` follow this order.
    pictures : list of PIL.Image.Image
        Grey pictures, 8×8, light ink on black; the first ten are the digits from 0 to 9, and so are the next ten.
    labels : list of tuple of str
        For each picture, the class that is on it.
    preprocess : callable
        Picture of any size → float tensor (1, H, W) as `model` takes it.
    """

    model: DigitNet
    classes: tuple[str, ...]
    pictures: list[Image.Image]
    labels: list[tuple[str, ...]]
    preprocess: Callable[[Image.Image | NDArray[np.uint8]], Tensor]

    def __repr__(self) -> str:
        width, height = self.pictures[0].size
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return (
            f"Digits: {len(self.pictures)} pictures of {width}×{height}, {len(self.classes)} classes, "
            f"a {type(self.model).__name__} with {parameters:,} parameters\n"
            f"  classes: {', '.join(self.classes)}"
        )


@cache
def _read() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All pictures (1797, SIZE, SIZE) and their class numbers (1797,), in the order of scikit-learn's file."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("The digits come with scikit-learn: pip install 'nbexplain[examples]'") from error
    bunch = load_digits()
    return np.rint(bunch.images * (255 / _INK)).astype(np.uint8), bunch.target.astype(np.int64)


@cache
def split() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the pictures for training (1347,) and of those held out (450,): 45 of each class, drawn with seed 0.

    The held-out ones go 0, 1, … 9, 0, 1, … 9, so that any first ones of them are of all classes.
    """
    classes = _read()[1]
    draw = np.random.RandomState(_SPLIT_SEED)  # a stream that numpy keeps as it is: the parts must never change
    held_out = np.stack([draw.permutation(np.flatnonzero(classes == c))[:_HELD_OUT_OF_EACH] for c in range(10)], axis=1)
    return np.setdiff1d(np.arange(len(classes)), held_out), held_out.ravel()


def load_part(held_out: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pictures (N, SIZE, SIZE) and class numbers (N,) of one part.

    Parameters
    ----------
    held_out : bool
        The part that training never sees, or the part it learns from.
    """
    numbers = split()[held_out]
    pictures, classes = _read()
    return pictures[numbers], classes[numbers]


def load_network(weights: Path = WEIGHTS) -> DigitNet:
    """The trained network, in eval mode."""
    model = DigitNet()
    model.load_state_dict(load_file(weights))
    return model.eval()


def digits(count: int = 100) -> Digits:
    """Load the example: a network of three convolutions that reads handwritten digits, and digits to look into it.

    The pictures are scikit-learn's, 8×8, none of them used in training. Each call makes a new model, so that nothing
    done to one shows in another.

    Parameters
    ----------
    count : int
        How many pictures, 1 … 450.

    Examples
    --------
    >>> demo = digits()
    >>> scores = demo.model(demo.preprocess(demo.pictures[0])[None])
    """
    if isinstance(count, bool) or not isinstance(count, Integral):
        raise TypeError(f"count: expected a whole number, got {count!r}")
    pictures, classes = load_part(held_out=True)
    if not 1 <= count <= len(pictures):
        raise ValueError(f"count: expected 1 to {len(pictures)} pictures, got {count}")
    return Digits(
        model=load_network(),
        classes=CLASSES,
        pictures=[Image.fromarray(picture) for picture in pictures[:count]],
        labels=[(CLASSES[number],) for number in classes[:count]],
        preprocess=preprocess,
    )
