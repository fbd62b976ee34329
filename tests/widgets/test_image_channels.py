"""The channels of an image on their way to the browser, and `display`, which chooses some of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

import nbexplain as nx
from nbexplain.widgets.attribution_map import AttributionMap
from nbexplain.widgets.image_channels import send_channels
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.wire import MAX_BYTES, Array
from tests.networks import seeded

MANY = np.random.default_rng(0).random((24, 36, 5)).astype(np.float32) * np.array([1, 0.1, 1, 1, 0.5], np.float32)


@pytest.fixture(autouse=True)
def _in_place() -> Iterator[None]:
    nx.options.run = "sync"
    yield
    nx.options.run = "background"


def net(channels: int) -> nn.Module:
    layers = (nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return seeded(lambda: nn.Sequential(*layers).eval())


def decoded(array: Array) -> np.ndarray:
    """What the page makes of it, as js/src/wire.ts does."""
    levels = np.frombuffer(array.buffer, np.uint8).reshape(array.shape).astype(float)
    low, high = (np.array(ends)[:, None, None] for ends in (array.low, array.high))
    return np.where(levels == 255, np.nan, low + levels / 254 * (high - low))


def test_the_mean_and_every_channel_are_sent_between_their_own_limits() -> None:
    image = nx.Image(MANY)
    array = Array()
    send_channels(array, image, size=[24, 36])
    assert array.meta == {"planes": True, "size": [24, 36]}
    assert array.shape == [6, 24, 36]
    planes = np.concatenate([image.picture[None, ..., 0].astype(float), MANY.transpose(2, 0, 1)])
    ranges = (planes.max((1, 2)) - planes.min((1, 2)))[:, None, None]
    assert np.abs((decoded(array) - planes) / ranges).max() <= 0.5 / 254 + 1e-6
    array.close()


def test_a_place_without_a_value_is_one_in_its_channel_and_in_the_mean() -> None:
    values = MANY.copy()
    values[3, 4, 2] = np.nan
    array = Array()
    send_channels(array, nx.Image(values))
    assert np.argwhere(np.isnan(decoded(array))).tolist() == [[0, 3, 4], [3, 3, 4]]
    array.close()


def test_many_large_channels_are_averaged_until_they_fit() -> None:
    values = np.tile(np.arange(200, dtype=np.float32)[:, None, None] / 200, (1, 200, 200))
    array = Array()
    send_channels(array, nx.Image(values[..., :150]), size=[200, 200])
    assert len(array.buffer) <= MAX_BYTES / 2
    assert array.shape == [151, 100, 100]
    pairs = (np.arange(100) * 2 + 0.5) / 200  # the means of two rows each
    np.testing.assert_allclose(decoded(array)[7, :, 3], pairs, atol=0.5 / 254)
    array.close()


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colours_are_sent_as_they_ever_were(channels: int) -> None:
    session = nx.Session(net(channels), MANY[..., :channels])
    models = SessionModels.acquire(session)
    picture = models.picture(0)
    assert picture is not None
    assert "planes" not in picture.meta
    assert picture.shape == [24, 36, 3]
    models.release()
    session.close()


def test_display_chooses_what_every_way_to_an_explorer_draws() -> None:
    shown = np.rint(MANY[..., [4, 2, 0]] * 255).astype(np.uint8)
    session = nx.Session(net(5), [MANY, MANY[::-1]], display=(4, 2, 0))
    explorers = [nx.explore(net(5), MANY, display=(4, 2, 0)), nx.Explorer(session, show=["map"])]
    for explorer in explorers:
        part = next(part for part in explorer._parts if isinstance(part, AttributionMap))
        picture = part.pane.picture
        assert picture is not None
        np.testing.assert_array_equal(np.frombuffer(picture.buffer, np.uint8).reshape(24, 36, 3), shown)
        explorer.close()
    assert session.add(MANY[:, ::-1]) == 2
    np.testing.assert_array_equal(session.inputs[2].picture, shown[:, ::-1])  # type: ignore[attr-defined]
    got = session.inputs[0].tensor
    assert torch.equal(got[0], torch.from_numpy(MANY.transpose(2, 0, 1).copy()))
    with pytest.raises(TypeError, match="display: the session has its own"):
        nx.Explorer(session, display=(0, 1, 2))
    session.close()
    with pytest.raises(ValueError, match="display: expected channels from 0 to 4, got 5"):
        nx.explore(net(5), MANY, display=5)


def test_the_pane_gets_all_channels_and_says_what_it_draws() -> None:
    explorer = nx.explore(net(5), nx.Image(MANY))
    part = next(part for part in explorer._parts if isinstance(part, AttributionMap))
    assert part.pane.picture is not None
    assert part.pane.picture.meta["planes"] is True
    assert part.pane.image_channel == -1
    said = "unless one is chosen, the image shows the mean of its 5 channels; display=… draws three as colours"
    assert said in explorer._status.warnings
    explorer.close()
