"""The photographs and textures that the scenes are made of, read from scikit-image and scikit-learn, split in two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

TEXTURES = ("brick", "grass", "gravel")

# Whole photographs are held out: a network that knows a background by heart gains nothing on the other part.
TRAINING_PHOTOGRAPHS = (
    "astronaut.png", "camera.png", "coins.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "retina.jpg", "rocket.jpg",
)  # fmt: skip
HELD_OUT_PHOTOGRAPHS = ("chelsea.png", "china.jpg", "coffee.png", "flower.jpg")

# Columns of each texture, as fractions of its width; the gap keeps the two parts from sharing a stone or a blade.
TRAINING_STRIP = (0.0, 0.58)
HELD_OUT_STRIP = (0.60, 1.0)


@dataclass(frozen=True, eq=False)
class Sources:
    """What scenes are drawn from.

    Attributes
    ----------
    textures : dict of str to PIL.Image.Image
        One grey strip per texture, contrast stretched to 0 … 255.
    photographs : dict of str to PIL.Image.Image
        RGB photographs by file name.
    strip : tuple of float
        The columns that the textures were cut from, as fractions of the width.
    """

    textures: dict[str, Image.Image]
    photographs: dict[str, Image.Image]
    strip: tuple[float, float]


def _find(name: str) -> Path:
    """Path of a picture in the wheel of scikit-image or scikit-learn, neither of which is imported (that is slow)."""
    for package, folder in (("skimage", "data"), ("sklearn", "datasets/images")):
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin).parent / folder / name
            if path.is_file():
                return path
    raise FileNotFoundError(
        f"The picture {name!r} comes with scikit-image or scikit-learn: pip install scikit-image scikit-learn"
    )


def _cut_strip(texture: Image.Image, strip: tuple[float, float]) -> Image.Image:
    """Cut the columns of a strip and spread its tones: median to the middle, 1st and 99th percentile to the ends."""
    left, right = (round(fraction * texture.width) for fraction in strip)
    grey = np.asarray(texture.convert("L"), dtype=np.float32)[:, left:right]
    spread = np.interp(grey, np.percentile(grey, (1, 50, 99)), (0, 128, 255))
    return Image.fromarray(np.rint(spread).astype(np.uint8)).transpose(Image.Transpose.ROTATE_90)  # bricks lie flat


@cache
def load_sources(held_out: bool) -> Sources:
    """Read the textures and photographs of one part.

    Parameters
    ----------
    held_out : bool
        The part that training never sees, or the part it learns from.
    """
    strip = HELD_OUT_STRIP if held_out else TRAINING_STRIP
    photographs = HELD_OUT_PHOTOGRAPHS if held_out else TRAINING_PHOTOGRAPHS
    return Sources(
        textures={name: _cut_strip(Image.open(_find(f"{name}.png")), strip) for name in TEXTURES},
        photographs={name: Image.open(_find(name)).convert("RGB") for name in photographs},
        strip=strip,
    )
