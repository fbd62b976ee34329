"""Arrays on their way to the browser; the fixture is shared with js/tests/wire.test.ts."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import traitlets

from nbexplain.widgets import wire
from nbexplain.widgets.controls import Controls, Facts, Toolbar
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.input_strip import InputStrip
from nbexplain.widgets.map_grid import MapGrid
from nbexplain.widgets.status import StatusLine
from nbexplain.widgets.wire import Array, quantise, shrink

FIXTURE = json.loads((Path(__file__).parents[2] / "js/tests/data/quantised.json").read_text(encoding="utf-8"))


def decode(levels: np.ndarray, low: list[float], high: list[float]) -> np.ndarray:
    """Say in numpy what js/src/wire.ts does."""
    parts = levels.reshape(len(low), -1).astype(float)
    bottom, top = np.array(low)[:, None], np.array(high)[:, None]
    return np.where(parts == 255, np.nan, bottom + parts / 254 * (top - bottom)).reshape(levels.shape)


@pytest.mark.parametrize("kind", ["per_channel", "whole"])
def test_quantise_is_that_of_the_shared_fixture(kind: str) -> None:
    expected = FIXTURE[kind]
    values = np.array(FIXTURE["values"], dtype=float)
    levels, low, high = quantise(values, per_channel=kind == "per_channel")
    assert levels.dtype == np.uint8
    assert levels.shape == (3, 1, 4)
    assert levels.ravel().tolist() == expected["levels"]
    assert (low, high) == (expected["low"], expected["high"])
    decoded = np.array(expected["decoded"], dtype=float)
    np.testing.assert_allclose(decode(levels, low, high).ravel(), decoded, atol=1e-7)


def test_quantise_errs_by_half_a_level_at_most() -> None:
    values = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    levels, low, high = quantise(values, per_channel=True)
    half = (np.array(high) - low)[:, None, None] / 254 / 2
    assert (np.abs(decode(levels, low, high) - values) <= half * 1.001).all()


def test_quantise_of_odd_values() -> None:
    levels, low, high = quantise(np.array([[np.inf, -np.inf, 1, 2], [np.nan] * 4]), per_channel=True)
    assert levels.tolist() == [[254, 0, 0, 254], [255] * 4]
    assert (low, high) == ([1, 0], [2, 0])
    assert quantise(np.array([True, False]), per_channel=False)[0].tolist() == [254, 0]
    levels, low, high = quantise(np.array([0, 1e-42], np.float32), per_channel=False)
    assert levels.tolist() == [0, 254]
    assert quantise(np.zeros((0, 3), np.float32), per_channel=False)[0].shape == (0, 3)


def test_shrink_averages_by_the_smallest_factor_that_fits() -> None:
    values = np.arange(2 * 4 * 4, dtype=np.float32).reshape(2, 4, 4)
    assert shrink(values, 32) is values
    assert shrink(values, 31).shape == (2, 2, 2)
    np.testing.assert_array_equal(shrink(values, 8)[0], [[2.5, 4.5], [10.5, 12.5]])
    assert shrink(values, 1).shape == (2, 1, 1)


def test_shrink_leaves_out_nan_and_takes_ragged_edges() -> None:
    values = np.array([[1, np.nan, 5], [3, 5, 7], [2, 4, np.nan]])
    np.testing.assert_array_equal(shrink(values, 4), [[3, 6], [3, np.nan]])
    assert np.isnan(values[0, 1])


def test_shrink_reads_an_answer_without_a_warning() -> None:
    values = np.ones((3, 4), dtype=np.float32)
    values.flags.writeable = False  # as those of an explanation are
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert shrink(values, 4).shape == (2, 2)
    finally:
        torch.set_warn_always(False)


def test_send_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    array = Array()
    messages: list[set[str]] = []
    monkeypatch.setattr(array, "send_state", lambda keys: messages.append(set(keys)))
    array.send(np.array([[1.5, np.nan]], dtype=">f8"), axes=["y", "x"], signed=True)
    assert messages == [{"buffer", "shape", "meta", "frame"}]
    assert array.buffer == np.array([1.5, np.nan], "<f4").tobytes()
    assert (array.dtype, array.shape, array.frame) == ("float32", [1, 2], 1)
    assert array.meta == {"axes": ["y", "x"], "signed": True}


def test_send_takes_c_order_from_any_order() -> None:
    array = Array()
    array.send(np.arange(6, dtype=np.uint8).reshape(2, 3).T)
    assert (list(array.buffer), array.shape, array.dtype) == ([0, 3, 1, 4, 2, 5], [3, 2], "uint8")


def test_send_refuses_what_a_host_would_drop_and_limits_that_do_not_fit() -> None:
    array = Array()
    with pytest.raises(ValueError, match=r"4,194,305 bytes of shape \(4194305,\)"):
        array.send(np.zeros(4 * 1024**2 + 1, np.uint8))
    with pytest.raises(ValueError, match="none, one or 3 numbers each, got 2 and 2"):
        array.send(np.zeros((3, 2, 2), np.uint8), low=[0, 0], high=[1, 1])
    assert array.frame == 0


def test_the_drawn_frame_is_heard() -> None:
    array = Array()
    heard: list[int] = []
    array.on_drawn = heard.append
    for content in ({"drawn": 3}, {"drawn": "x"}, "nonsense", {}):
        array._handle_custom_msg(content, [])
    assert (array.drawn, heard) == (3, [3])


def test_commands_are_heard() -> None:
    controls = Controls()
    heard: list[str] = []
    controls.on_command = heard.append
    for content in ({"command": "run"}, {"command": "format"}, {"command": ["run"]}, None):
        controls._handle_custom_msg(content, [])
    assert heard == ["run"]


def test_what_the_browser_writes_is_not_echoed() -> None:
    def echoed(widget: type[traitlets.HasTraits], names: list[str]) -> list[str]:
        return [name for name in names if widget.class_traits()[name].metadata.get("echo_update", True)]

    assert echoed(Controls, ["input", "layer", "channel", "target", "method", "params"]) == []
    view = ["opacity", "colormap", "sign", "reduction", "clip", "limits", "interpolation", "fade", "mode"]
    assert echoed(ImagePane, view) == []
    assert echoed(MapGrid, ["limits", "colormap"]) == []


def test_references_travel_by_name_and_nan_scores_as_null() -> None:
    array = Array()
    assert ImagePane(overlay=array).get_state("overlay") == {"overlay": f"IPY_MODEL_{array.model_id}"}
    with pytest.raises(traitlets.TraitError):
        ImagePane(overlay=Controls())
    assert Facts(scores=[1.0, float("nan"), float("inf")]).get_state("scores") == {"scores": [1.0, None, None]}


@pytest.mark.parametrize("widget", [Array, Toolbar, StatusLine, ImagePane, MapGrid, InputStrip])
def test_a_missing_build_is_said_on_first_use(
    widget: type[wire.Bundled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "STATIC", tmp_path)
    wire.built.cache_clear()
    with pytest.raises(FileNotFoundError, match="npm ci && npm run build"):
        widget()
    wire.built.cache_clear()


@pytest.mark.parametrize("widget", [Array, Controls, Facts, Toolbar, StatusLine, ImagePane, MapGrid, InputStrip])
def test_modules_are_small_and_fetch_nothing(widget: type[wire.Bundled]) -> None:
    made = widget()
    assert len(made._esm.encode()) < 40_000
    for text in (made._esm, made._css):
        assert "://" not in text
        assert "innerHTML" not in text
