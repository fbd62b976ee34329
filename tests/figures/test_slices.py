"""The figure of a volume: its slice in the middle, in the limits of all slices."""

from __future__ import annotations

import numpy as np
import torch

from nbexplain.figures import figure
from nbexplain.inputs import Volume
from tests.figures.pages import answer, centres, drawn, texts
from tests.figures.test_figures import coloured

RNG = np.random.default_rng(0)


def test_the_middle_slice_is_drawn_and_said() -> None:
    values = RNG.normal(size=(5, 4, 6)).astype(np.float32)
    values[0] *= 10  # the limits are those of the volume, as on screen
    page = figure(answer(values, axes=("z", "y", "x")))
    largest = np.abs(values).max()
    shown = centres(drawn(page)[0], 4, 6)
    assert np.abs(shown - coloured(values[2], "RdBu_r", -largest, largest)).max() <= 12
    assert "slice 2 of 5" in texts(page)


def test_a_layer_with_fewer_slices_is_cut_where_the_volume_is() -> None:
    x = Volume(torch.rand(1, 1, 8, 4, 4))
    values = RNG.random((3, 4, 4)).astype(np.float32)
    page = figure(answer(values, axes=("z", "y", "x"), signed=False), x=x, opacity=1.0)
    assert "slice 4 of 8" in texts(page)  # (4 + ½) / 8 of the depth: the second of three
    over = centres(drawn(page)[0], 4, 4).astype(float)
    below = np.repeat(x.picture[4][..., None], 3, 2).astype(float)
    strength = values[1] / values.max()
    alpha = np.minimum(1, 1.6 * strength**0.9)[..., None]
    expected = below + alpha * (coloured(values[1], "viridis", 0, values.max()) - below)
    assert np.abs(over - expected).mean() <= 12
    other = below + np.minimum(1, 1.6 * (values[2] / values.max()) ** 0.9)[..., None] * (
        coloured(values[2], "viridis", 0, values.max()) - below
    )
    assert np.abs(over - other).mean() > 25


def test_channels_are_summed_on_the_input_and_a_sheet_in_a_layer() -> None:
    values = RNG.normal(size=(3, 2, 4, 4)).astype(np.float32)
    frames_first = figure(answer(values.swapaxes(0, 1), axes=("z", "channel", "y", "x"), on="input"))
    page = figure(answer(values, axes=("channel", "z", "y", "x"), on="input"))
    assert "slice 1 of 2" in texts(page)
    assert np.array_equal(drawn(page)[0], drawn(frames_first)[0])
    sheet = figure(answer(values, axes=("channel", "z", "y", "x"), on="layer"))
    assert "3 channels of 4 × 4 cells, each with limits of its own, slice 1 of 2" in texts(sheet).replace("\n", " ")
