"""png(): never more bytes than allowed, and colours that still can be read."""

from __future__ import annotations

from io import BytesIO

import matplotlib
import numpy as np
import pytest
from PIL import Image

import nbexplain
from nbexplain.examples import scenes
from nbexplain.figures import figure, png
from nbexplain.figures.encode import with_palette
from tests.figures.pages import answer, drawn

RNG = np.random.default_rng(0)


def opened(file: bytes) -> Image.Image:
    return Image.open(BytesIO(file))


def test_a_scene_fits_into_200_kilobytes_at_800_pixels() -> None:
    demo = scenes()
    picture, preprocess = demo.pictures[0], demo.preprocess
    answers = [nbexplain.explain(demo.model, picture, key, preprocess=preprocess) for key in ("cam", "gradient")]
    one = png(answers[0], picture=picture, classes=demo.classes)
    assert len(one) <= 200_000
    assert opened(one).size[0] == 800
    assert opened(one).mode == "P"
    both = png(answers, picture=picture, classes=demo.classes)
    assert len(both) <= 200_000
    assert opened(both).size[0] == 800


@pytest.mark.parametrize("most", [200_000, 100_000])
def test_noise_is_made_smaller_until_it_fits(most: int) -> None:
    noise = RNG.integers(0, 256, (400, 400, 3), dtype=np.uint8)  # the worst of all pictures
    file = png(answer(RNG.normal(size=(7, 7))), picture=noise, max_bytes=most)
    assert 0.4 * most < len(file) <= most


@pytest.mark.parametrize(("most", "error"), [(500, ValueError), (0, ValueError), ("many", TypeError)])
def test_what_cannot_fit_is_refused(most: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_bytes: "):
        png(answer(RNG.normal(size=(7, 7))), max_bytes=most)


@pytest.mark.parametrize("signed", [True, False])
def test_the_palette_keeps_the_colour_bar(signed: bool) -> None:
    picture = RNG.integers(0, 256, (100, 100, 3), dtype=np.uint8)  # takes all colours that it can get
    explanation = answer(np.abs(RNG.normal(size=(7, 7))), signed=signed)
    page = np.asarray(opened(png(explanation, picture=picture, max_bytes=10**7)).convert("RGB")).astype(int)
    truth = drawn(figure(explanation, picture=picture))[1]
    name = "RdBu_r" if signed else "viridis"
    ends = matplotlib.colormaps[name]([0.0, 1.0], bytes=True)[:, :3]
    bar = page[-90:]  # the lowest part of the page holds the bar and its numbers
    for end in ends:
        assert (np.abs(bar - end).max(-1) <= 4).any()
    assert np.abs(truth[5, [0, -1]] - ends).max() <= 4


def test_the_nearest_colour_is_taken() -> None:
    pixels = RNG.integers(0, 256, (60, 60, 3), dtype=np.uint8)
    kept = np.array([[255, 0, 0], [0, 0, 255]], dtype=np.uint8)
    result = with_palette(pixels, kept, 64)
    colours = np.array(result.getpalette()).reshape(-1, 3)
    assert len(colours) <= 64
    got = np.asarray(result.convert("RGB")).astype(float)
    best = np.linalg.norm(pixels[..., None, :].astype(float) - colours, axis=-1).min(-1)
    assert (np.linalg.norm(got - pixels, axis=-1) <= best + 2 * 4 * np.sqrt(3) + 1).all()  # half a lattice cell, twice
    flat = np.full((8, 8, 3), 255, dtype=np.uint8)
    flat[2:4] = (255, 0, 0)
    assert np.array_equal(np.asarray(with_palette(flat, kept, 256).convert("RGB")), flat)
