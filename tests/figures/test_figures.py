"""What a figure shows of each kind of explanation, in pixels and in words."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import matplotlib.style
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image as PillowImage

import nbexplain
from nbexplain.examples import digits
from nbexplain.figures import board, figure
from nbexplain.inputs import Image
from tests.figures.pages import answer, centres, drawn, texts

NAN = np.nan
RNG = np.random.default_rng(0)


def coloured(values: np.ndarray, colormap: str, low: float, high: float) -> np.ndarray:
    """matplotlib's colours of raw values."""
    return matplotlib.colormaps[colormap]((values - low) / (high - low), bytes=True)[..., :3].astype(int)


def test_cells_have_matplotlib_s_colours_of_the_raw_values() -> None:
    values = RNG.normal(size=(5, 7)).astype(np.float32)
    values[2, 3] = NAN
    page = figure(answer(values))
    assert isinstance(page, Figure)
    largest = np.nanmax(np.abs(values))
    shown = centres(drawn(page)[0], 5, 7)
    known = ~np.isnan(values)
    assert np.abs(shown - coloured(values, "RdBu_r", -largest, largest))[known].max() <= 12  # a pixel off the centre
    assert np.ptp(shown[2, 3]) == 0  # grey: hatched
    assert "7 × 5 cells, interpolated, hatched: no value" in texts(page)


def test_over_a_picture_nan_is_transparent_and_weak_values_fade() -> None:
    picture = np.full((80, 80, 3), (40, 120, 200), dtype=np.uint8)
    values = np.array([[0, 0.25], [1, NAN]], dtype=np.float32)
    page = figure(answer(values, signed=False), picture=picture, opacity=0.5)
    shown = centres(drawn(page)[0], 2, 2)
    assert np.abs(shown[0, 0] - picture[0, 0]).max() <= 1
    alpha = 0.5 * np.array([1.6 * 0.25**0.9, 1.0])[:, None]
    over = coloured(np.array([0.25, 1.0]), "viridis", 0, 1)
    expected = picture[0, 0] + alpha * (over - picture[0, 0])
    assert np.abs(shown[[0, 1], [1, 0]] - expected).max() <= 8
    # the corner furthest from the other cells: hatching lies over the picture, nothing of the map does
    corner = drawn(page)[0][-16:, -16:].reshape(-1, 3)
    assert len(np.unique(corner, axis=0)) == 2
    assert np.abs(corner.mean(0) - (40, 120, 200)).max() < 100


def test_colour_channels_are_summed_and_clipped_like_the_pane_does() -> None:
    values = RNG.normal(size=(3, 12, 12)).astype(np.float32)
    page = figure(answer(values, ("channel", "y", "x"), on="input", method="gradient"))
    total = values.sum(0)
    limit = np.percentile(np.abs(total), 99)
    assert np.abs(centres(drawn(page)[0], 12, 12) - coloured(total, "RdBu_r", -limit, limit)).max() <= 6
    assert "12 × 12 cells, sum of 3 channels" in texts(page)  # pixels this large are drawn in squares
    assert "clipped at p99" in texts(page)
    assert f"{limit:.3g}" in texts(page)
    assert "clipped" not in texts(figure(answer(values, ("channel", "y", "x"), on="input"), clip=100))


def test_superpixels_are_painted_with_their_weights() -> None:
    labels = np.arange(16).reshape(4, 4) // 4
    weights = np.array([-1.0, 0.5, 0.0, 1.0])
    page = figure(answer(weights, ("feature",), on="features", features=labels), clip=100)
    assert np.abs(centres(drawn(page)[0], 4, 4) - coloured(weights[labels], "RdBu_r", -1, 1)).max() <= 6
    assert "4 superpixels" in texts(page)


def test_superpixels_have_borders_and_the_rest_has_no_value() -> None:
    labels = np.repeat([0, 0, 1, -1], 4).reshape(4, 4).T  # three columns: two superpixels, then none
    page = figure(answer([0.0, 0.0], ("feature",), on="features", features=labels), dpi=100)
    shown = drawn(page)[0]
    row = shown[len(shown) // 8].astype(int)
    ends = np.flatnonzero(np.abs(np.diff(row.sum(1))) > 30)  # where colours change along a row of pixels
    near = [len(row) * quarter // 4 for quarter in (2, 3)]
    assert all(np.abs(ends - place).min() <= 2 for place in near)
    assert np.abs(ends - len(row) // 4).min() > 5  # within a superpixel there is no border
    assert "hatched: no value" in texts(page)


def test_a_sheet_shows_64_channels_in_limits_of_their_own() -> None:
    values = RNG.uniform(0, 1, (512, 4, 4)).astype(np.float32) * np.arange(1, 513)[:, None, None]
    values[5] = 3  # dead
    page = figure(answer(values, ("channel", "y", "x"), signed=False))
    assert "64 of 512 channels of 4 × 4 cells, each with limits of its own" in texts(page)
    assert {str(number) for number in range(64)} <= set(texts(page).splitlines())
    sheet = drawn(page)[0]
    yellow = (np.abs(sheet - matplotlib.colormaps["viridis"](1.0, bytes=True)[:3]) < 12).all(-1)
    columns = np.array_split(yellow[: len(sheet) // 8], 8, axis=1)  # the highest cell of each, but of the dead one
    assert [bool(column.any()) for column in columns] == [True] * 5 + [False] + [True] * 2


def test_one_channel_is_a_map_over_the_picture() -> None:
    page = figure(answer(RNG.normal(size=(4, 4)), channel=3, method="activation"), picture=PillowImage.new("L", (8, 8)))
    assert "Activation\nconv2 · channel 3" in texts(page)


@pytest.mark.parametrize("axes", [("channel",), ("feature",), ("token",)])
def test_vectors_are_bars(axes: tuple[str]) -> None:
    values = np.array([1.5, -2.0, 0.25])
    error = np.array([0.5, 0.1, NAN], dtype=np.float32)
    page = figure(answer(values, axes, standard_error=error))
    bars, whiskers = (part for part in page.axes[0].collections if isinstance(part, LineCollection))
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[0, 1.5], [0, -2], [0, 0.25]]
    assert [round(segment[0, 1], 3) for segment in whiskers.get_segments()[:2]] == [1.0, -2.1]
    assert page.axes[0].get_ylim() == pytest.approx((-2.1, 2.0))
    assert axes[0] in texts(page).splitlines()


@pytest.mark.parametrize(("values", "axes", "on"), [
    (np.sin(np.arange(50)), ("x",), "input"),
    (np.stack([np.sin(np.arange(50)), np.zeros(50)]), ("channel", "x"), "input"),
    (np.sin(np.arange(50)), ("place",), "layer"),
])  # fmt: skip
def test_signals_are_lines(values: np.ndarray, axes: tuple[str, ...], on: str) -> None:
    page = figure(answer(values, axes, on=on))
    assert page.axes[0].lines[1].get_ydata() == pytest.approx(np.sin(np.arange(50)), abs=1e-6)  # the first one is zero


def test_other_tables_are_drawn_cell_by_cell() -> None:
    values = RNG.normal(size=(3, 6))
    page = figure(answer(values, ("channel", "place")))
    largest = np.abs(values).max()
    assert np.abs(centres(drawn(page)[0], 3, 6) - coloured(values, "RdBu_r", -largest, largest)).max() <= 6
    assert "channel from top to bottom, place from left to right" in texts(page)


def test_it_says_what_was_computed_and_what_to_distrust() -> None:
    explanation = answer(
        [[1, 2]],
        target=1,
        layer="layer4",
        score=-7.25,
        score_name="logit",
        params={"relu": True, "fill": "region mean"},
        details={"R²": 0.5},
        warnings=("the gradient is zero at every cell",),
        signed=False,
    )
    said = texts(figure(explanation, classes=["brick heart", "grass ring"])).splitlines()
    assert said[:2] == ["Grad-CAM · grass ring", "layer4 · logit −7.25 · relu on · fill region mean · R² 0.5"]
    assert said[-1] == "⚠ the gradient is zero at every cell"
    assert {"evidence", "0", "1", "2"} <= set(said)
    assert texts(figure(explanation)).startswith("Grad-CAM · class 1")


NAMES = ["漢字", "हिन्दी", "العربية", "😀", "$x_1$", r"$\frac{$", "a\nb\t\x00c", r"\frac{", "<b>x</b>", "x" * 500, ""]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_script(name: str, recwarn: pytest.WarningsRecorder) -> None:
    page = figure(answer([[1.0, 2.0]], target=0, warnings=(name,)), classes=[name])
    drawn(page)
    assert not [warning for warning in recwarn if "lyph" in str(warning.message)]
    if name in ("$x_1$", r"$\frac{$", r"\frac{", "<b>x</b>"):
        assert f"Grad-CAM · {name}" in texts(page)
    width = page.get_figwidth() * 72
    renderer = page.canvas.get_renderer()  # type: ignore[attr-defined]
    assert all(text.get_window_extent(renderer).x1 <= width * page.dpi / 72 for text in page.texts)


def test_the_user_s_matplotlib_settings_change_nothing() -> None:
    explanation = answer(RNG.normal(size=(5, 5)), target=0)
    chart = answer(RNG.normal(size=9), ("channel",))
    plain = [pixels.tobytes() for each in (explanation, chart) for pixels in _pages(each)]
    changed = {"font.size": 30, "image.origin": "lower", "image.interpolation": "nearest", "axes.grid": True}
    changed |= {"figure.autolayout": True, "text.usetex": True, "font.family": "serif", "lines.linewidth": 9}
    with matplotlib.style.context(["dark_background", changed]):
        assert [pixels.tobytes() for each in (explanation, chart) for pixels in _pages(each)] == plain


def _pages(explanation: nbexplain.Explanation) -> list[np.ndarray]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure(explanation))
    canvas.draw()
    return [np.array(canvas.buffer_rgba())]


def test_a_picture_is_the_one_the_network_saw() -> None:
    demo = digits(1)
    wrapped = Image(demo.pictures[0], demo.preprocess)
    explanation = nbexplain.explain(demo.model, wrapped, "cam", target=3)
    by = [drawn(figure(explanation, picture=picture))[0] for picture in (wrapped, demo.pictures[0], wrapped.picture)]
    assert np.array_equal(by[0], by[1])
    assert np.array_equal(by[0], by[2])
    bare = drawn(figure(explanation, picture=wrapped, opacity=0))[0]
    assert np.array_equal(centres(bare, 8, 8)[..., 0], np.asarray(demo.pictures[0]))


def test_a_board_lays_panels_side_by_side() -> None:
    explanations = [answer(RNG.normal(size=(4, 4)), target=target) for target in range(5)]
    page = board(explanations, classes=list("abcde"))
    titles = [text for text in page.texts if text.get_text().startswith("Grad-CAM")]
    assert [text.get_text()[-1] for text in titles] == list("abcde")
    places = [tuple(round(part, 6) for part in text.get_position()) for text in titles]
    assert len({y for _, y in places}) == 2  # three and two
    assert [x for x, _ in places[:2]] == [x for x, _ in places[3:]]
    assert page.get_figwidth() == pytest.approx(7.8)


def test_a_shared_bar_gives_all_maps_one_scale() -> None:
    small, large = np.full((2, 2), 1.0), np.full((2, 2), 4.0)
    page = board([answer(small, signed=False), answer(large, signed=False)], shared=True)
    first, second, _bar = drawn(page)
    assert np.abs(first - coloured(small[:1, :1], "viridis", 0, 4)).max() <= 6
    assert np.abs(second - coloured(large[:1, :1], "viridis", 0, 4)).max() <= 6
    assert texts(page).splitlines().count("evidence") == 1
    assert len(drawn(board([answer(small), answer(large)]))) == 4  # two bars of their own


def test_a_board_takes_a_picture_for_each() -> None:
    red, blue = (np.full((4, 4, 3), shade, dtype=np.uint8) for shade in ((255, 0, 0), (0, 0, 255)))
    page = board([answer(np.ones((2, 2)))] * 2, picture=[red, blue], opacity=0)
    assert [tuple(pixels[9, 9]) for pixels in drawn(page)[::2]] == [(255, 0, 0), (0, 0, 255)]


def test_matplotlib_waits_for_the_first_figure_and_pyplot_for_the_user() -> None:
    code = """
import sys, nbexplain, numpy as np
print("matplotlib" in sys.modules)
answer = nbexplain.Explanation(values=np.ones((2, 2), np.float32), axes=("y", "x"), on="layer")
shown = nbexplain.figures.figure(answer)
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules, shown._repr_png_()[1:4])
from nbexplain import figures
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False", "True False b'PNG'"]
