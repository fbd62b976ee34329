"""Limits and colours are those of the panes, and matplotlib's."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from nbexplain.figures.colours import COLORMAPS, blend, choose_colormap, colour, enlarge, hatch, palette, scale_of
from nbexplain.widgets import image_pane

NAN, INF = np.nan, np.inf
REFERENCE = Path(__file__).resolve().parents[2] / "js" / "tests" / "data" / "matplotlib_colormaps.json"


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_the_colour_maps_are_those_on_screen() -> None:
    assert ["auto", *COLORMAPS] == image_pane.COLORMAPS
    for name, table in json.loads(REFERENCE.read_text()).items():  # what the panes' own tables are compared with
        assert palette(name).tobytes().hex() == table


def test_auto_is_diverging_for_signed_values_only() -> None:
    assert [choose_colormap(name, signed) for name in (None, "auto") for signed in (True, False)] == [
        "RdBu", "viridis", "RdBu", "viridis",
    ]  # fmt: skip
    assert choose_colormap("magma", True) == "magma"


@pytest.mark.parametrize(
    ("values", "signed", "clip", "low", "high", "empty"),
    [
        (floats(-1, 4, NAN), True, 100, -4, 4, ""),
        (floats(2, 5), False, 100, 0, 5, ""),
        (floats(-2, 5), False, 100, -2, 5, ""),
        (floats(1, INF, -INF), True, 100, -1, 1, ""),
        (floats(0, 0, 0, 0, 2, -4), True, 50, -3, 3, ""),  # zeros do not count
        (floats(0, 0), False, 100, 0, 1, "all values are 0"),
        (floats(NAN), True, 100, 0, 1, "no values"),
    ],
)
def test_limits(values: np.ndarray, signed: bool, clip: float, low: float, high: float, empty: str) -> None:
    scale = scale_of(values, signed=signed, clip=clip)
    assert (scale.low, scale.high, scale.empty) == (low, high, empty)
    assert np.signbit(scale.low) == (low < 0)  # no −0 beside the colour bar


@pytest.mark.parametrize("signed", [True, False])
def test_colours_are_matplotlib_s_of_the_raw_values(signed: bool) -> None:
    values = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    values = values if signed else np.abs(values)
    values[3, 4] = NAN
    colours = colour(values, scale_of(values, signed=signed)).astype(int)
    largest = np.nanmax(np.abs(values))
    level = 0.5 + 0.5 * values / largest if signed else values / largest
    expected = matplotlib.colormaps["RdBu_r" if signed else "viridis"](level, bytes=True).astype(int)
    known = ~np.isnan(values)
    assert np.abs(colours - expected)[known].max() <= 6  # two of 256 entries apart at most
    assert colours[3, 4].tolist() == [0, 0, 0, 0]


def test_a_colour_map_that_does_not_fit_the_sign_still_covers_the_limits() -> None:
    signed = scale_of(floats(-2, 2), signed=True, colormap="viridis")
    assert colour(floats(-2, 2), signed)[:, :3].tolist() == palette("viridis")[[0, 255]].tolist()
    unsigned = scale_of(floats(0, 2), signed=False, colormap="RdBu")
    assert colour(floats(0, 2), unsigned)[:, :3].tolist() == palette("RdBu")[[128, 255]].tolist()


def test_weak_values_fade() -> None:
    alpha = colour(floats(0, 0.25, -0.25, 1, 9, NAN), scale_of(floats(-1, 1), signed=True), fade=True)[:, 3]
    quarter = 255 * 1.6 * 0.25**0.9
    assert alpha[0] <= 1  # 0 lies between two entries of the table
    assert alpha[[3, 4, 5]].tolist() == [255, 255, 0]
    assert alpha[1:3].tolist() == pytest.approx([quarter, quarter], abs=2)


def test_cells_are_interpolated_between_their_centres() -> None:
    cells = floats(0, 4, 8, 12).reshape(2, 2)
    across = np.array([0, 1, 3, 4])  # centres of four pixels over two cells: 0, 1/4, 3/4, 1 of the way
    assert enlarge(cells, 4, 4, smooth=True).tolist() == (across + 2 * across[:, None]).tolist()
    assert enlarge(cells, 4, 4, smooth=False).tolist() == np.kron(cells, np.ones((2, 2))).tolist()


def test_nan_covers_its_own_cell_and_infinity_spreads_no_nan() -> None:
    cells = np.ones((3, 3), dtype=np.float32)
    cells[1, 1] = NAN
    assert np.isnan(enlarge(cells, 9, 9, smooth=True)).tolist() == np.kron(np.isnan(cells), np.ones((3, 3))).tolist()
    cells[1, 1] = INF
    assert not np.isnan(enlarge(cells, 9, 9, smooth=True)).any()


def test_blending_and_hatching() -> None:
    below = np.full((1, 2, 3), 100, dtype=np.uint8)
    over = np.array([[[200, 0, 100, 255], [9, 9, 9, 0]]], dtype=np.uint8)
    assert blend(below, over, 0.5).tolist() == [[[150, 50, 100], [100, 100, 100]]]
    where = np.zeros((8, 8), dtype=bool)
    where[:, :4] = True
    hatched = hatch(np.full((8, 8, 3), 255, dtype=np.uint8), where)
    assert (hatched[:, 4:] == 255).all()
    assert len(np.unique(hatched[:, :4])) == 2  # ground and lines
