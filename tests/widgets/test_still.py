"""What a saved notebook shows where no widget can be: a picture of what was on screen, of a bounded size."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import PIL.Image
import pytest

import nbexplain as nx
from nbexplain import figures
from nbexplain.examples import moons, reviews
from tests.networks import Linear, Plain, picture, seeded

NAMES = [f"c{i}" for i in range(5)]


def png(explorer: nx.Explorer) -> tuple[np.ndarray, int]:
    """The picture, and how many letters it takes in the notebook."""
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    text = bundle["image/png"]
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")), len(text)


def test_it_is_the_figure_of_what_is_on_screen() -> None:
    explorer = nx.explore(seeded(Plain), picture(), classes=NAMES, target=1)
    shown, _ = png(explorer)
    answer = next(a for a in explorer._answers.values() if a.question.method == "grad_cam")
    right = figures.png(answer.explanation, picture=explorer.session.inputs[0], classes=NAMES)
    np.testing.assert_array_equal(shown, np.asarray(PIL.Image.open(io.BytesIO(right)).convert("RGB")))
    assert "Grad-CAM for c1" in explorer._repr_mimebundle_()["text/plain"]
    before = shown
    explorer.target = 2
    explorer.session.wait(20)
    assert (png(explorer)[0] != before).any()
    explorer.close()


def test_noise_fits_as_well() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    explorer = nx.MethodComparison(seeded(Plain), noise, targets=[*range(5)], method="gradient")
    assert png(explorer)[1] <= 200_000
    explorer.close()


def test_channels_stand_for_an_explorer_without_a_map() -> None:
    explorer = nx.ActivationExplorer(seeded(Plain), picture(), layer="conv2")
    assert png(explorer)[0].size
    explorer.close()


def test_without_a_map_there_is_no_picture() -> None:
    explorer = nx.Explorer(seeded(Linear), picture(), show=["classes"])
    assert "image/png" not in explorer._repr_mimebundle_()
    explorer.close()


def figure_of(explorer: nx.Explorer, **about: Any) -> np.ndarray:
    """The figure of all that panes of the explorer draw."""
    shown = [each for _, each in explorer._answered_so_far() if each.method not in ("class_scores", "row_scores")]
    right = figures.png(shown if len(shown) > 1 else shown[0], classes=explorer.session.classes, **about)
    return np.asarray(PIL.Image.open(io.BytesIO(right)).convert("RGB"))


def test_a_text_is_there_with_its_words_until_it_is_edited() -> None:
    demo = reviews()
    explorer = nx.TextExplorer(demo.model, [nx.Text(t, demo.tokenizer) for t in demo.texts[:3]], classes=demo.classes)
    explorer.session.wait(60)
    before, size = png(explorer)
    assert size <= 200_000
    np.testing.assert_array_equal(before, figure_of(explorer, x=explorer.session.inputs[0]))
    edited = explorer.session.inputs[0].another("Nobody was ever rude.")
    explorer.session.replace(0, edited)
    explorer.session.wait(60)
    np.testing.assert_array_equal(png(explorer)[0], figure_of(explorer, x=edited))
    explorer.close()


def test_a_row_is_there_with_its_columns_and_its_plane() -> None:
    demo = moons()
    row = nx.Tabular(demo.rows[0], background=demo.background, names=demo.names)
    explorer = nx.TabularExplorer(demo.model, row, classes=demo.classes)
    explorer.session.wait(60)
    shown = {each.method for _, each in explorer._answered_so_far()}
    assert shown == {"permutation_shap", "partial_dependence", "ice", "row_scores", "boundary"}
    np.testing.assert_array_equal(png(explorer)[0], figure_of(explorer, x=row, columns=2, width=8.0))
    explorer.close()


def test_a_set_of_rows_is_there_with_its_bars() -> None:
    demo = moons()
    row = nx.Tabular(
        demo.rows[0], background=demo.background[:60], names=demo.names, labels=demo.background_labels[:60]
    )
    explorer = nx.GlobalExplorer(demo.model, row, classes=demo.classes)
    explorer.session.wait(60)
    shown, size = png(explorer)
    assert size <= 200_000
    np.testing.assert_array_equal(shown, figure_of(explorer, x=row, columns=2, width=8.0))
    explorer.close()


def test_a_picture_that_cannot_be_drawn_is_said_and_leaves_the_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = nx.AttributionExplorer(seeded(Plain), picture())

    def broken(*_: object, **__: object) -> bytes:
        raise RuntimeError("no ink")

    monkeypatch.setattr(figures, "png", broken)
    with pytest.warns(UserWarning, match="no picture for pages without widgets: no ink"):
        bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    explorer.close()
