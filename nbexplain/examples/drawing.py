"""Scenes: objects cut from a texture in the outline of a shape, lying on a photograph, with known masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from nbexplain.examples.sources import TEXTURES, Sources

SIZE = 160  # pixels, height and width of a scene
_SUPERSAMPLING = 3
_LIGHT = (-0.6, -0.8)  # unit vector (x, y) towards the light: above, a little to the left

Floats = NDArray[np.floating]
Palette = tuple[tuple[int, int, int], ...]
Shape = Callable[[Floats, Floats], NDArray[np.bool_]]

# Dark, middle and light tone of each texture: the files are grey.
PALETTES: dict[str, Palette] = {
    "brick": ((84, 34, 26), (168, 78, 52), (232, 218, 202)),
    "grass": ((22, 44, 18), (86, 128, 46), (206, 216, 136)),
    "gravel": ((42, 44, 50), (130, 132, 136), (244, 242, 238)),
}


def _spikes(x: Floats, y: Floats, corners: int, notch: float) -> NDArray[np.bool_]:
    """A star with the tips on the unit circle and the notches at radius `notch`; one tip up."""
    half = pi / corners
    angle = np.abs((np.arctan2(x, -y) + half) % (2 * half) - half)  # folded: every edge becomes the same one
    radius = np.hypot(x, y)
    along, across = radius * np.cos(angle), radius * np.sin(angle)
    notch_along, notch_across = notch * cos(half), notch * sin(half)
    return np.asarray((along - 1) * notch_across <= across * (notch_along - 1))


def _heart(x: Floats, y: Floats) -> NDArray[np.bool_]:
    x, y = x * 1.2, 0.14 - y * 1.2
    x_squared, y_squared = x * x, y * y
    inner = x_squared + y_squared - 1
    return inner * inner * inner <= x_squared * y_squared * y


# Inside or outside, for coordinates in the unit circle, y down.
SHAPES: dict[str, Shape] = {
    "heart": _heart,
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.71) <= 0.28,
    "star": lambda x, y: _spikes(x, y, 5, 0.5),
}
DECOY_SHAPES: dict[str, Shape] = {
    "disc": lambda x, y: np.hypot(x, y) <= 0.9,
    "square": lambda x, y: np.maximum(np.abs(x), np.abs(y)) <= 0.72,
    "triangle": lambda x, y: _spikes(x, y, 3, 0.5),
}

CLASSES: tuple[str, ...] = tuple(f"{texture} {shape}" for texture, shape in product(TEXTURES, SHAPES))


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture and what is on it.

    Attributes
    ----------
    picture : uint8 array (H, W, 3)
    background : uint8 array (H, W, 3)
        The same picture, shadows included, without the objects.
    masks : dict of str to bool array (H, W)
        Which pixels show the object of a class; one entry for each class on the picture.
    photograph : str
        File name of the background.
    """

    picture: NDArray[np.uint8]
    background: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]
    photograph: str


@dataclass(frozen=True)
class _Place:
    """Centre and radius in pixels, rotation in radians."""

    x: float
    y: float
    radius: float
    angle: float


def _blur(values: Floats, sigma: float) -> Floats:
    """Gaussian blur of values (H, W) in 0 … 1; `sigma` in pixels."""
    grey = Image.fromarray((values * 255).astype(np.uint8))  # Pillow blurs bytes only
    return np.asarray(grey.filter(ImageFilter.GaussianBlur(sigma)), dtype=np.float32) / 255


def _to_bytes(picture: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(picture), 0, 255), dtype=np.uint8)


def _average(values: NDArray[np.uint8]) -> Floats:
    """Mean of each supersampled block of bytes: (s·H, s·W, …) → (H, W, …)."""
    return np.asarray(Image.fromarray(values).reduce(_SUPERSAMPLING), dtype=np.float32)


def _crop_photograph(photograph: Image.Image, rng: np.random.Generator) -> Floats:
    """A random square of a photograph as floats (SIZE, SIZE, 3), most of its height so that it is recognised."""
    side = rng.uniform(0.7, 1.0) * min(photograph.size)
    left, top = rng.uniform(0, photograph.width - side), rng.uniform(0, photograph.height - side)
    box = (left, top, left + side, top + side)
    crop = photograph.resize((SIZE, SIZE), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    return np.asarray(crop, dtype=np.float32)


def _cut_texture(texture: Image.Image, place: _Place, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A rotated piece of a texture, grey 0 … 255, supersampled pixels (side, side), the object in its middle."""
    reach = min(place.radius * rng.uniform(1.3, 2.0), min(texture.size) / 2 - 3)  # source pixels, centre to border
    centre_x = rng.uniform(reach + 2, texture.width - reach - 2)
    centre_y = rng.uniform(reach + 2, texture.height - reach - 2)
    scale = reach / (place.radius * _SUPERSAMPLING)
    right, down = scale * cos(place.angle), scale * sin(place.angle)
    middle = side / 2
    affine = (right, down, centre_x - middle * (right + down), -down, right, centre_y - middle * (right - down))
    piece = texture.transform((side, side), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(piece)


def _paint(grey: NDArray[np.uint8], palette: Palette, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Give a grey texture its colours, a little lighter, warmer or cooler each time: (H, W) → (H, W, 3)."""
    tones = np.linspace(0, 255, len(palette))
    table = np.stack([np.interp(np.arange(256), tones, channel) for channel in np.array(palette).T], axis=1)
    table = table * rng.uniform(0.9, 1.06) * rng.uniform(0.975, 1.025, size=3)
    return _to_bytes(table)[grey]


def _cut_out(
    place: _Place, shape: Shape, texture: Image.Image, palette: Palette, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """One object on an empty page: its colours (SIZE, SIZE, 3) and its coverage (SIZE, SIZE), 0 … 1."""
    left, top = int(place.x - place.radius) - 1, int(place.y - place.radius) - 1
    window = int(2 * place.radius) + 4
    side = window * _SUPERSAMPLING
    steps = (np.arange(side, dtype=np.float32) + 0.5) / _SUPERSAMPLING
    x, y = (steps + left - place.x)[None, :] / place.radius, (steps + top - place.y)[:, None] / place.radius
    inside = shape(cos(place.angle) * x + sin(place.angle) * y, cos(place.angle) * y - sin(place.angle) * x)

    here = np.s_[top : top + window, left : left + window]
    coverage = np.zeros((SIZE, SIZE), dtype=np.float32)
    coverage[here] = _average(inside.astype(np.uint8) * 255) / 255
    colours = np.zeros((SIZE, SIZE, 3), dtype=np.float32)
    colours[here] = _average(_paint(_cut_texture(texture, place, side, rng), palette, rng))

    # A bevelled rim: the edge that faces the light is brighter, the other one darker.
    slope_y, slope_x = np.gradient(_blur(coverage, 1.6))
    rim = np.asarray(slope_x * _LIGHT[0] + slope_y * _LIGHT[1])
    return colours * (1 - 2.4 * rim[:, :, None]), coverage


def _choose_places(radii: Sequence[float], rng: np.random.Generator) -> list[_Place]:
    """Places inside the picture where circles of these radii (pixels) do not touch; later ones may be left out."""
    places: list[_Place] = []
    for radius in radii:
        for _ in range(60):
            x, y = rng.uniform(radius + 3, SIZE - radius - 4, size=2)
            if all(np.hypot(x - other.x, y - other.y) > radius + other.radius + 3 for other in places):
                places.append(_Place(x, y, radius, rng.uniform(-0.6, 0.6)))
                break
    return places


def _choose_decoy(sources: Sources, rng: np.random.Generator) -> tuple[Shape, Image.Image, Palette]:
    """A thing of no class: a texture in another shape, or a shape with the colours of a texture but not its pattern."""
    palette = PALETTES[str(rng.choice(TEXTURES))]
    if rng.random() < 0.5:
        texture = str(rng.choice(TEXTURES))
        return DECOY_SHAPES[str(rng.choice(list(DECOY_SHAPES)))], sources.textures[texture], PALETTES[texture]
    photograph = sources.photographs[str(rng.choice(list(sources.photographs)))]
    return SHAPES[str(rng.choice(list(SHAPES)))], photograph.convert("L"), palette


def draw_scene(
    sources: Sources,
    classes: Sequence[str],
    rng: np.random.Generator,
    *,
    decoys: int = 0,
    recolour: bool = False,
    photograph: str | None = None,
) -> Scene:
    """Draw objects of some classes on a photograph.

    Parameters
    ----------
    sources : Sources
        Textures and photographs to draw from, see `load_sources`.
    classes : sequence of str
        One name of `CLASSES` for each object (one or two).
    rng : numpy.random.Generator
        Chooses places, sizes, rotations and pieces; the same state gives the same pixels.
    decoys : int
        How many things of no class lie beside the objects, where there is room.
    recolour : bool
        Exchange and scale the colour channels of the photograph; there are few photographs to learn from.
    photograph : str, optional
        File name of the background; by default any.
    """
    name = photograph or str(rng.choice(list(sources.photographs)))
    background = _crop_photograph(sources.photographs[name], rng)
    if recolour:
        background = background[:, :, rng.permutation(3)] * rng.uniform(0.5, 1.1, size=3)

    smallest, largest = (0.20, 0.30) if len(classes) == 1 else (0.18, 0.24)
    radii = [*rng.uniform(smallest, largest, len(classes)), *rng.uniform(0.12, 0.2, decoys)]
    places = _choose_places([radius * SIZE for radius in radii], rng)
    while len(places) < len(classes):  # the first object lay in the middle: try again
        places = _choose_places([radius * SIZE for radius in radii], rng)

    cut_outs = []
    for number, place in enumerate(places):
        if number < len(classes):
            texture, shape = classes[number].split()
            cut_outs.append(_cut_out(place, SHAPES[shape], sources.textures[texture], PALETTES[texture], rng))
        else:
            cut_outs.append(_cut_out(place, *_choose_decoy(sources, rng), rng))

    for _, coverage in cut_outs:
        # Two shadows, as in daylight: a wide soft one away from the light, a narrow one where the object touches.
        away = np.roll(coverage, (round(-5 * _LIGHT[1]), round(-5 * _LIGHT[0])), axis=(0, 1))
        shadow = 0.55 * _blur(away, 4.0) + 0.35 * _blur(coverage, 1.2)
        background = background * (1 - np.minimum(shadow, 0.8))[:, :, None]
    picture = background
    for colours, coverage in cut_outs:
        picture = picture + coverage[:, :, None] * (colours - picture)

    for colours, coverage in cut_outs[len(classes) :]:  # what is behind the objects includes the decoys
        background = background + coverage[:, :, None] * (colours - background)
    return Scene(
        picture=_to_bytes(picture),
        background=_to_bytes(background),
        masks={name: coverage >= 0.5 for name, (_, coverage) in zip(classes, cut_outs, strict=False)},
        photograph=name,
    )
