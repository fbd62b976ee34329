"""What a saved notebook shows where no widget can be: a picture of what was on screen, of a bounded size."""

from __future__ import annotations

import base64
import io

import numpy as np
import PIL.Image
import pytest

import nbexplain as nx
from nbexplain import figures
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


def test_a_picture_that_cannot_be_drawn_is_said_and_leaves_the_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = nx.AttributionExplorer(seeded(Plain), picture())

    def broken(*_: object, **__: object) -> bytes:
        raise RuntimeError("no ink")

    monkeypatch.setattr(figures, "png", broken)
    with pytest.warns(UserWarning, match="no picture for pages without widgets: no ink"):
        bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    explorer.close()
