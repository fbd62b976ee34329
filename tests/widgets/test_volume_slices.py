"""Volumes on their way to the browser, and what explorers of them show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbexplain as nx
from nbexplain.inputs import Image, Text, Volume
from nbexplain.widgets import code, volume_slices
from nbexplain.widgets.feed import Feed, about, as_picture
from nbexplain.widgets.layer_channels import LayerChannels
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.volume_slices import cover, displayed_slices
from nbexplain.widgets.wire import MAX_BYTES, Array
from tests.networks import Plain, Solid, picture, seeded
from tests.widgets.comm import living

SHAPE = (1, 2, 5, 8, 8)


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(nx.options, "run", "sync")
    before = living()
    yield
    assert living() == before


@pytest.fixture
def model() -> nn.Module:
    return seeded(Solid).eval()  # type: ignore[no-any-return]


def scan(seed: int = 0) -> torch.Tensor:
    return seeded(lambda: torch.rand(SHAPE), seed)  # type: ignore[no-any-return]


def received(array: Array) -> np.ndarray:
    """The numbers that the browser makes of an array's bytes."""
    levels = np.frombuffer(array.buffer, array.dtype).reshape(array.shape)
    if array.dtype == "float32" or not array.low:
        return levels
    low, high = (np.reshape(ends, (-1, *[1] * (levels.ndim - 1))) for ends in (array.low, array.high))
    return np.where(levels == 255, np.nan, low + levels / 254 * (high - low))


def test_slices_that_fit_are_sent_as_they_are() -> None:
    slices = Volume(scan()).picture
    assert displayed_slices(slices) is slices


def test_larger_ones_are_averaged_in_their_plane_and_then_along_z(monkeypatch: pytest.MonkeyPatch) -> None:
    slices = np.random.default_rng(0).integers(0, 255, (6, 7, 9), dtype=np.uint8)
    monkeypatch.setattr(volume_slices, "_SMALLEST", 4)
    monkeypatch.setattr(volume_slices, "MAX_BYTES", 6 * 4 * 5)
    small = displayed_slices(slices)
    assert small.shape == (6, 4, 5)
    assert small[2, 1, 3] == round(float(slices[2, 2:4, 6:8].mean()))
    assert small[5, 3, 4] == slices[5, 6, 8]
    monkeypatch.setattr(volume_slices, "MAX_BYTES", 3 * 4 * 5)
    small = displayed_slices(slices)
    assert small.shape == (3, 4, 5)
    assert small[1, 0, 0] == np.rint(slices[2:4, :2, :2].mean(dtype=np.float32))


@pytest.mark.parametrize("shape", [(300, 512, 512), (40, 1200, 1200, 3), (5000, 64, 64)])
def test_every_volume_fits_into_one_message(shape: tuple[int, ...]) -> None:
    small = displayed_slices(np.zeros(shape, np.uint8))
    assert MAX_BYTES / 8 < small.nbytes <= MAX_BYTES
    if shape[0] <= 300:
        assert small.shape[0] == shape[0]  # each slice can be looked at


def test_the_slice_in_the_middle_is_the_cover() -> None:
    volume = Volume(torch.rand(1, 1, 5, 4, 6))
    found = cover(volume)
    assert found is not None
    assert found.shape == (4, 6, 3)
    assert (found == volume.picture[2][..., None]).all()
    film = Volume(torch.rand(1, 6, 3, 4, 5))
    assert np.array_equal(cover(film), film.picture[3])  # type: ignore[arg-type]
    image = Image(picture())
    assert cover(image) is image.picture
    assert cover(Text("a few words")) is None


def test_maps_of_a_volume_keep_their_z() -> None:
    def drawn(shape: tuple[int, ...], axes: tuple[str, ...], on: str = "input") -> tuple[np.ndarray, list[str]]:
        found = nx.Explanation(values=np.arange(np.prod(shape), dtype=float).reshape(shape), axes=axes, on=on)
        return as_picture(found), about(found, "key", "title")["axes"]

    values, axes = drawn((3, 4, 5), ("z", "y", "x"))
    assert (values.shape, axes) == ((3, 4, 5), ["z", "y", "x"])
    values, axes = drawn((2, 3, 4, 5), ("channel", "z", "y", "x"), "layer")
    assert (values.shape, axes) == ((2, 3, 4, 5), ["channel", "z", "y", "x"])
    values, axes = drawn((6, 3, 4, 5), ("z", "channel", "y", "x"))  # a video with its frames first
    assert (values.shape, axes) == ((3, 6, 4, 5), ["channel", "z", "y", "x"])
    assert values[1, 2, 0, 0] == 2 * 60 + 20
    values, axes = drawn((40, 6), ("x", "channel"))  # steps of a sequence
    assert (values.shape, axes) == ((6, 1, 40), ["channel", "y", "x"])


def test_a_volume_that_does_not_fit_in_full_precision_stays_quantised(model: nn.Module) -> None:
    session = nx.Session(model, scan())
    array = Array()
    values = np.random.default_rng(0).normal(size=(20, 256, 256)).astype(np.float32)
    Feed(array, session).show(values, {"axes": ["z", "y", "x"], "key": "a"})
    assert (array.dtype, array.shape, array.meta["coarse"]) == ("uint8", [20, 256, 256], True)
    assert session.wait(10)
    assert array.dtype == "uint8"  # no exact one follows, which would have fewer cells
    assert abs(received(array) - values).max() <= np.ptp(values) / 254
    close_tree(array, set())
    session.close()


def test_an_explorer_of_volumes(model: nn.Module) -> None:
    scans = [scan(n) for n in range(2)]
    explorer = nx.explore(model, scans, layer="relu2", target=1)
    assert explorer.session.wait(30)
    pane = next(part.pane for part in explorer._parts if hasattr(part, "pane"))
    channels: Any = next(part for part in explorer._parts if isinstance(part, LayerChannels))
    assert pane.link is not None
    assert channels.picture.link is channels._grid.link is pane.link  # one slice for all
    assert np.array_equal(received(pane.picture), Volume(scans[0]).picture)
    assert pane.picture.meta["axes"] == ["z", "y", "x"]
    right = nx.explain(model, scans[0], "grad_cam", layer="relu2", target=1)
    assert right.values.shape == (5, 4, 4)
    assert np.array_equal(received(pane.overlay), right.values)
    assert pane.overlay.meta["axes"] == ["z", "y", "x"]
    with torch.no_grad():
        output = model.relu2(model.conv2(model.relu1(model.conv1(scans[0]))))[0].numpy()  # type: ignore[operator, union-attr]
    assert abs(received(channels._pane.overlay) - output).max() <= output.max() / 254
    assert channels._pane.overlay.meta["axes"] == ["channel", "z", "y", "x"]
    assert np.allclose(received(channels._pane.detail), output[0], atol=1e-6)
    explorer.session.select(input=1, method="gradient")
    right = nx.explain(model, scans[1], "gradient", target=1)
    assert np.allclose(received(pane.overlay), right.values)
    assert np.array_equal(received(pane.picture), Volume(scans[1]).picture)
    assert explorer._status.error == ""
    explorer.close()


def test_a_comparison_of_methods_shares_the_slice(model: nn.Module) -> None:
    compared = nx.MethodComparison(model, scan(), target=1)
    assert compared.session.wait(30)
    panes = [part.pane for part in compared._parts]  # type: ignore[attr-defined]
    methods = [pane.overlay.meta["title"].split(" · ")[0] for pane in panes]
    assert methods == ["Grad-CAM", "Gradient", "Input × gradient", "Occlusion"]
    assert len({pane.link for pane in panes}) == 1
    assert panes[0].link is not None
    compared.close()


def offered(explorer: nx.Explorer, method: str) -> dict[str, dict[str, Any]]:
    methods = {each["key"]: each for each in explorer._models.facts.methods}
    return {each["name"]: each for each in methods[method]["params"]}


def test_the_toolbar_offers_what_fits_the_input() -> None:
    model = seeded(Plain).eval()
    explorer = nx.explore(model, [picture(28), picture(14)], method="occlusion")
    window, stride = (offered(explorer, "occlusion")[name] for name in ("window", "stride"))
    assert (window["default"], window["high"]) == (4, 28)
    assert (stride["default"], stride["high"], stride["half_of"]) == (2, 28, "window")
    assert "depth" not in offered(explorer, "occlusion")
    assert (offered(explorer, "lime")["superpixels"]["default"], offered(explorer, "lime")["superpixels"]["high"]) == (
        50,
        500,
    )
    explorer.session.select(input=1)
    assert explorer.session.wait(30)
    window = offered(explorer, "occlusion")["window"]
    assert (window["default"], window["high"]) == (2, 14)
    assert offered(explorer, "lime")["superpixels"]["default"] == 14 * 14 // 4
    explorer.close()


def test_the_toolbar_offers_a_depth_for_volumes_and_no_superpixels(model: nn.Module) -> None:
    explorer = nx.explore(model, scan())
    depth = offered(explorer, "occlusion")["depth"]
    assert (depth["default"], depth["low"], depth["high"]) == (2, 1, 5)
    assert {each["key"] for each in explorer._models.facts.methods} & {"lime", "kernel_shap", "deep_shap"} == set()
    explorer.close()


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({}, ""),
        ({"window": 6}, ", window=6"),
        ({"window": 4, "stride": 1}, ", stride=1"),
        ({"stride": 3, "fill": "zero"}, ", stride=3, fill='zero'"),
    ],
)
def test_the_code_holds_what_differs_for_that_input(
    given: dict[str, Any], written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = seeded(Plain).eval(), picture(28)
    monkeypatch.setattr(code, "_namespace", lambda: {"model": model, "x": x})
    explorer = nx.explore(model, x, method="occlusion", params=given, target=1, show=["map"])
    assert explorer.session.wait(30)
    assert f"explain(model, x, 'occlusion', target=1{written})" in explorer.code()
    shown = explorer._answered_so_far()[0][1]
    np.testing.assert_array_equal(nx.explain(model, x, "occlusion", target=1, **given).values, shown.values)
    explorer.close()


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (60, 1), (8, 8), (1, 1)])
def test_a_callable_is_explored_at_any_size(size: tuple[int, int]) -> None:
    x = torch.rand(1, 1, *size)
    explorer = nx.explore(lambda a: a.reshape(len(a), -1)[:, :3], x)
    assert explorer.session.wait(30)
    assert (explorer.method, explorer._status.error) == ("occlusion", "")
    explorer.close()
