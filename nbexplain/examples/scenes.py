"""The example `scenes`: a trained network, pictures it has never seen, its class names and the masks of the objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from nbexplain.examples.drawing import CLASSES, draw_scene
from nbexplain.examples.network import SceneNet, preprocess
from nbexplain.examples.sources import load_sources

WEIGHTS = Path(__file__).parent / "weights" / "scenes.safetensors"

# Chosen by eye among held-out scenes: objects, photograph, seed.
_GALLERY: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (("gravel ring", "grass heart"), "flower.jpg", 17),
    (("brick heart", "gravel star"), "chelsea.png", 11),
    (("grass ring", "brick star"), "china.jpg", 15),
    (("brick ring", "grass star"), "coffee.png", 17),
    (("gravel heart", "brick heart"), "china.jpg", 13),
    (("grass ring", "grass star"), "flower.jpg", 8),
    (("grass heart",), "coffee.png", 11),
    (("gravel ring",), "chelsea.png", 11),
    (("brick star",), "china.jpg", 16),
    (("gravel heart",), "flower.jpg", 10),
)


@dataclass(frozen=True, eq=False, repr=False)
class Scenes:
    """A network and what to try it on.

    Attributes
    ----------
    model : SceneNet
        A residual network in eval mode; its layers are ``stem``, ``layer1`` … ``layer4``, ``pool``, ``head``.
    classes : tuple of str
        Name of each class: a texture and a shape, such as ``"brick star"``. The scores of `model` follow this order.
    pictures : list of PIL.Image.Image
        RGB pictures; those with two objects come first.
    masks : list of dict of str to bool array (H, W)
        For each picture, by class name, the pixels of the object of that class.
    preprocess : callable
        Picture of any size → float tensor (3, H, W) as `model` takes it.
    """

    model: SceneNet
    classes: tuple[str, ...]
    pictures: list[Image.Image]
    masks: list[dict[str, NDArray[np.bool_]]]
    preprocess: Callable[[Image.Image | NDArray[np.uint8]], Tensor]

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """For each picture, the classes that are on it."""
        return [tuple(masks) for masks in self.masks]

    def __repr__(self) -> str:
        width, height = self.pictures[0].size
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        lines = [
            f"Scenes: {len(self.pictures)} pictures of {width}×{height}, {len(self.classes)} classes, "
            f"a {type(self.model).__name__} with {parameters:,} parameters",
            f"  classes: {', '.join(self.classes)}",
        ]
        lines += [f"  pictures[{number}]: {' and '.join(labels)}" for number, labels in enumerate(self.labels)]
        return "\n".join(lines)


def load_network(weights: Path = WEIGHTS) -> SceneNet:
    """The trained network, in eval mode."""
    model = SceneNet(len(CLASSES))
    model.load_state_dict(load_file(weights))
    return model.eval()


def scenes() -> Scenes:
    """Load the example: a residual network that tells nine kinds of things apart, and pictures to look into it.

    The things are hearts, rings and stars of brick, grass and gravel, so that neither shape nor texture alone tells
    the class. They lie on photographs which, like the pieces of texture, were not used in training. Each call makes
    a new model, so that nothing done to one shows in another.

    Examples
    --------
    >>> demo = scenes()
    >>> scores = demo.model(demo.preprocess(demo.pictures[0])[None])
    """
    sources = load_sources(held_out=True)
    drawn = [
        draw_scene(sources, classes, np.random.default_rng(seed), photograph=photograph)
        for classes, photograph, seed in _GALLERY
    ]
    return Scenes(
        model=load_network(),
        classes=CLASSES,
        pictures=[Image.fromarray(scene.picture) for scene in drawn],
        masks=[scene.masks for scene in drawn],
        preprocess=preprocess,
    )
