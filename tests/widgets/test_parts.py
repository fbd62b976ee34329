"""What the parts of an explorer tell the browser, beside numbers worked out from the user's own model."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

import nbexplain as nx
from nbexplain.core.inside.ablation import ORDERS, THIS
from nbexplain.widgets.ablation_view import AblationView
from nbexplain.widgets.activity_map import ActivityMap
from nbexplain.widgets.cell_view import CellView
from nbexplain.widgets.inputs_row import InputsRow
from nbexplain.widgets.layer_channels import LayerChannels
from nbexplain.widgets.parts import PANES
from tests.networks import Linear, Plain, picture, seeded
from tests.widgets.comm import from_browser, living

NAMES = ["ant", "bee", "cat", "dog", "eel"]
INPUTS = [picture(seed=n) for n in range(4)]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


@pytest.fixture
def model() -> Plain:
    network: Plain = seeded(lambda: Plain(inplace=False)).eval()
    with torch.no_grad():
        network.conv2.bias[6] = -100  # behind the ReLU this channel is dead for every input
    return network


@pytest.fixture
def explorer(model: Plain) -> Iterator[nx.Explorer]:
    explorer = nx.Explorer(model, INPUTS, classes=NAMES, show=PANES, layer="relu2", target="cat")
    assert explorer.session.wait(60)
    yield explorer
    explorer.session.wait(60)
    explorer.close()


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(each for each in explorer._parts if isinstance(each, kind))


def activations(model: Plain, x: Tensor) -> np.ndarray:
    with torch.no_grad():
        return model.features(x)[0].numpy()


# The row of inputs


def test_thumbnails_are_titled_with_what_the_model_says(explorer: nx.Explorer, model: Plain) -> None:
    with torch.no_grad():
        scores = [model(x)[0] for x in INPUTS]
    expected = [f"{NAMES[int(s.argmax())]} {float(s.max()):.2f}".replace("-", "−") for s in scores]
    assert part(explorer, InputsRow).strip.titles == expected


@pytest.mark.parametrize("sort", ["score", "activation"])
def test_inputs_are_sorted_largest_first(explorer: nx.Explorer, model: Plain, sort: str) -> None:
    strip = part(explorer, InputsRow).strip
    explorer.channel = 3
    from_browser(strip, sort=sort)
    assert explorer.session.wait(60)
    with torch.no_grad():
        scores = [float(model(x)[0, 2]) for x in INPUTS]
    keys = scores if sort == "score" else [activations(model, x)[3].mean() for x in INPUTS]
    assert strip.order == sorted(range(4), key=lambda n: -keys[n])
    np.testing.assert_allclose(strip.values, keys, rtol=1e-4)
    from_browser(strip, sort="given")
    assert explorer.session.wait(60)
    assert (strip.order, strip.values) == ([], [])


def file(kind: str = "PNG", size: tuple[int, int] = (30, 20), **options: Any) -> bytes:
    content = io.BytesIO()
    PIL.Image.new("RGB", size, (200, 30, 30)).save(content, kind, **options)
    return content.getvalue()


def test_a_picture_that_is_added_is_chosen(explorer: nx.Explorer) -> None:
    strip = part(explorer, InputsRow).strip
    strip.on_upload("red.png", file())
    assert explorer.session.wait(60)
    assert (strip.count, len(strip.titles), explorer.session.selection.input) == (5, 5, 4)
    assert strip.titles[4]
    assert explorer._models.facts.inputs == 5
    assert strip.notice == ""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, as phones write it
    strip.on_upload("phone.jpg", file("JPEG", exif=exif))
    assert explorer.session.wait(60)
    assert explorer.session.inputs[5].picture.shape[:2] == (30, 20)


@pytest.mark.parametrize("content", [b"", b"no picture", file()[:60], file(size=(10_000, 4_000))], ids=len)
def test_what_is_no_picture_is_said_and_nothing_is_lost(explorer: nx.Explorer, content: bytes) -> None:
    strip = part(explorer, InputsRow).strip
    overlay = part(explorer, LayerChannels)._grid.array.buffer
    strip.on_upload("odd.png", content)
    assert explorer.session.wait(60)
    assert "'odd.png'" in strip.notice
    assert (strip.count, explorer.session.selection.input) == (4, 0)
    assert part(explorer, LayerChannels)._grid.array.buffer == overlay


def test_a_picture_that_the_model_cannot_take_is_said() -> None:
    explorer = nx.Explorer(seeded(Linear), [picture(), picture(seed=2)], show=["inputs", "map"])
    strip = part(explorer, InputsRow).strip
    strip.on_upload("small.png", file())
    assert explorer.session.wait(60)
    assert "the model raised RuntimeError on an input of shape (1, 3, 20, 30)" in explorer._status.error
    from_browser(explorer._models.controls, input=0)
    assert explorer.session.wait(60)
    assert explorer._status.text
    explorer.close()


def test_an_upload_is_made_what_the_other_inputs_are() -> None:
    """A transform of arrays gets an array, and a file of 16 bits becomes colours of eight for one of colours."""
    given: list[Any] = []

    def transform(x: Any) -> torch.Tensor:
        given.append(x)
        return torch.from_numpy(x.astype(np.float32).transpose(2, 0, 1) / 255)

    first = np.zeros((12, 12, 3), np.uint8)
    explorer = nx.Explorer(seeded(Plain), [first], preprocess=transform, show=["inputs", "map"])
    strip = part(explorer, InputsRow).strip
    content = io.BytesIO()
    PIL.Image.fromarray(np.full((12, 14), 25700, np.uint16)).save(content, "PNG")
    strip.on_upload("deep.png", content.getvalue())
    assert explorer.session.wait(60)
    assert strip.notice == "deep.png: values from 0 to 65535 are scaled to 8 bits"
    assert explorer.session.selection.input == 1
    assert any(x.dtype == np.uint8 and x.shape == (12, 14, 3) and (x == 100).all() for x in given)
    assert explorer._status.error == ""
    explorer.close()


# The channels


@pytest.mark.parametrize("sort", ["activation", "evidence", "sparsity"])
def test_channels_are_sorted_largest_first(explorer: nx.Explorer, model: Plain, sort: str) -> None:
    grid = part(explorer, LayerChannels)._grid
    from_browser(grid, sort=sort)
    assert explorer.session.wait(60)
    flat = activations(model, INPUTS[0]).reshape(8, -1)
    keys = {
        "activation": flat.mean(1),
        "evidence": flat.mean(1) * model.head.weight[2].detach().numpy(),
        "sparsity": (flat == 0).mean(1),
    }[sort]
    np.testing.assert_allclose(grid.sort_keys, keys, rtol=1e-4, atol=1e-6)
    assert grid.order == sorted(range(8), key=lambda c: -grid.sort_keys[c])
    assert part(explorer, ActivityMap)._chart._order == grid.order
    assert ("channel_evidence" in explorer.code()) == (sort == "evidence")
    from_browser(grid, sort="number")
    assert explorer.session.wait(60)
    assert (grid.order, grid.sort_keys) == ([], [])
    assert "channel_evidence" not in explorer.code()


def test_an_order_that_cannot_be_made_is_said(model: Plain) -> None:
    explorer = nx.ActivationExplorer(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), Detached()), picture(), layer="0")
    grid = part(explorer, LayerChannels)._grid
    from_browser(grid, sort="evidence")
    assert explorer.session.wait(60)
    assert grid.order == []
    assert "no gradient of the score reaches" in explorer._status.error
    explorer.close()


class Detached(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach().mean((2, 3))


def test_channels_that_are_dead_over_all_inputs_are_marked(explorer: nx.Explorer, model: Plain) -> None:
    grid = part(explorer, LayerChannels)._grid
    everything = np.stack([activations(model, x).reshape(8, -1) for x in INPUTS])
    dead = [c for c in range(8) if np.ptp(everything[:, c]) == 0]
    assert 6 in dead
    assert grid.dead == dead
    assert grid.dead_note.endswith("dead over all 4 inputs")
    explorer.layer = "conv2"
    assert explorer.session.wait(60)
    assert (grid.dead, grid.dead_note) == ([], "")


# One cell


def test_the_field_is_framed_and_the_arithmetic_adds_up(explorer: nx.Explorer, model: Plain) -> None:
    view = part(explorer, CellView)
    explorer.session.select(layer="conv2", cell=(2, 5), channel=4)
    assert explorer.session.wait(60)
    # 3×3, pooled by 2, 3×3 again: 8 pixels, the first one at 2·cell − 3
    for pane in view._pictures:
        assert pane.frame == [2 * 5 - 3, 2 * 2 - 3, 2 * 5 + 5, 2 * 2 + 5]
        assert pane.frame_note == "receptive field 8 × 8 of 12 × 12 pixels: 3 beyond the right"
    numbers = np.frombuffer(view._numbers.buffer, "<f4").reshape(view._numbers.shape)
    meta = view._numbers.meta
    total = (numbers[0].astype(float) * numbers[1]).sum() + meta["bias"]
    with torch.no_grad():
        returned = model.conv2(model.pool(model.relu1(model.conv1(INPUTS[0]))))[0, 4, 2, 5]
    assert total == pytest.approx(float(returned), abs=1e-6)
    assert meta["activation"] == pytest.approx(float(returned), abs=1e-6)
    assert meta["padding"] == [[0, 2], [1, 2], [2, 2]]
    assert view._pane.notice == ""


def test_a_layer_without_arithmetic_says_so_and_comes_back(explorer: nx.Explorer) -> None:
    view = part(explorer, CellView)
    assert "'relu2' is a ReLU; only convolutions add up like this; nearest: 'conv" in view._pane.notice
    assert explorer._status.error == ""
    explorer.layer = "head"
    assert explorer.session.wait(60)
    assert view._pictures[0].frame == []
    assert "spatial grid" in view._pictures[0].frame_note
    explorer.layer = "conv1"
    assert explorer.session.wait(60)
    assert view._pane.notice == ""
    assert view._pane.numbers is view._numbers


# Without channels


def without(model: Plain, channels: list[int]) -> Tensor:
    with torch.no_grad():
        features = model.features(INPUTS[0])
        features[:, channels] = 0
        return model.head(features.mean((2, 3)))[0]


def test_bars_and_curve_show_what_the_model_says_without_channels(explorer: nx.Explorer, model: Plain) -> None:
    view = part(explorer, AblationView)
    flat = activations(model, INPUTS[0]).reshape(8, -1).mean(1) * model.head.weight[2].detach().numpy()
    order = sorted(range(8), key=lambda c: -flat[c])
    from_browser(view._slider, value=3)
    assert explorer.session.wait(60)
    shown = dict(zip([label.removeprefix("▸ ") for label in view._bars._bars.x], view._bars._bars.y.T, strict=True))
    before, after = without(model, []), without(model, order[:3])
    for name, pair in shown.items():
        number = NAMES.index(name)
        np.testing.assert_allclose(pair, [before[number], after[number]], atol=1e-5)
    np.testing.assert_allclose(view._curve._line.y, [without(model, order[:k])[2] for k in range(9)], atol=1e-5)
    np.testing.assert_allclose(view._curve._other.y, [without(model, order[::-1][:k])[2] for k in range(9)], atol=1e-5)
    from_browser(view._slider, choice=THIS)
    from_browser(explorer._models.controls, channel=5)
    assert explorer.session.wait(60)
    assert view._slider.disabled
    assert view._now.values[1] == pytest.approx(without(model, [5]).numpy(), abs=1e-5)


def test_another_layer_keeps_the_share_of_channels(explorer: nx.Explorer) -> None:
    view = part(explorer, AblationView)
    from_browser(view._slider, value=4, choice=ORDERS[1])
    explorer.layer = "conv1"
    assert explorer.session.wait(60)
    assert (view._slider.high, view._slider.value) == (6, 3)
    assert view._now.details["channels off"] == 3
    assert view._now.layer == "conv1"
