"""Many inputs in the row: what is made of those that somebody looks at, and nothing of the others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

import nbexplain as nx
from nbexplain.core.memory import STORE
from nbexplain.widgets.inputs_row import MANY, InputsRow
from nbexplain.widgets.layer_channels import LayerChannels
from tests.networks import CLASSES, Plain, picture, seeded
from tests.widgets.comm import command, from_browser, living

NAMES = ["ant", "bee", "cat", "dog", "eel"]
LONG = 60


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = living()
    yield
    assert living() == before


class Data(Dataset[Any]):
    """Pictures of one shade each; remembers which were read, and has one that cannot be."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.damaged = 13

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        self.read.append(number)
        if number == self.damaged:
            raise OSError("the file is damaged")
        return torch.full((3, 12, 12), number / 1000), number % CLASSES


class Browser:
    """What the strip tells the browser of each input."""

    def __init__(self, explorer: nx.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.row = next(part for part in explorer._parts if isinstance(part, InputsRow))
        self.session, self.strip = explorer.session, self.row.strip
        self.known: dict[int, dict[str, Any]] = {}
        self.stale: list[dict[str, Any]] = []
        monkeypatch.setattr(self.strip, "send", self.hear)

    def hear(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        files = list(buffers or ())
        if "tiles" not in content:
            self.stale.append(content)
        for tile in content.get("tiles", ()):
            if tile.get("picture"):
                tile = {**tile, "picture": np.asarray(PIL.Image.open(io.BytesIO(files.pop(0))))}
            self.known.setdefault(tile["input"], {}).update(tile)
        assert not files

    def want(self, pictures: list[int], titles: list[int], view: str = "v") -> None:
        command(self.strip, {"want": {"pictures": pictures, "titles": titles}, "view": view})
        assert self.session.wait(LONG)


@pytest.fixture
def model() -> Plain:
    network: Plain = seeded(lambda: Plain(inplace=False)).eval()
    return network


@pytest.fixture
def data() -> Data:
    return Data()


@pytest.fixture
def explorer(model: Plain, data: Data) -> Iterator[nx.Explorer]:
    explorer = nx.explore(model, data, classes=NAMES)
    assert explorer.session.wait(LONG)
    yield explorer
    explorer.session.wait(LONG)
    explorer.close()


@pytest.fixture
def browser(explorer: nx.Explorer, monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(explorer, monkeypatch)


def scores(model: Plain, number: int) -> np.ndarray:
    with torch.no_grad():
        return model(torch.full((1, 3, 12, 12), number / 1000))[0].numpy()


def test_opening_reads_the_first_input_alone(explorer: nx.Explorer, data: Data) -> None:
    assert set(data.read) == {0}


def test_what_is_wanted_is_made_and_nothing_else(browser: Browser, model: Plain, data: Data) -> None:
    browser.want([500, 501, 2000, -1], [501])
    assert set(data.read) == {0, 500, 501}
    assert set(browser.known) == {500, 501}
    for number in (500, 501):
        drawn = browser.known[number]["picture"]
        assert drawn.shape == (64, 64, 3)
        assert abs(drawn.mean() - 255 * number / 1000) < 3
    best = scores(model, 501)
    label = "" if best.argmax() == 501 % CLASSES else f" (label: {NAMES[501 % CLASSES]})"
    assert browser.known[501]["title"] == f"{NAMES[best.argmax()]} {best.max():.2f}".replace("-", "−") + label
    assert "title" not in browser.known[500]


def test_titles_name_the_label_where_it_is_another_class(browser: Browser, model: Plain) -> None:
    numbers = list(range(20, 20 + 2 * CLASSES))
    browser.want([], numbers)
    wrong = [n for n in numbers if scores(model, n).argmax() != n % CLASSES]
    assert 0 < len(wrong) < len(numbers)
    assert [n for n in numbers if "(label: " in browser.known[n]["title"]] == wrong


def test_what_cannot_be_read_says_why_and_the_others_are_shown(browser: Browser) -> None:
    browser.want([12, 13, 14], [12, 13, 14])
    assert "the file is damaged" in browser.known[13]["problem"]
    assert browser.known[13]["picture"] is False
    assert all(browser.known[n]["picture"].mean() >= 0 and browser.known[n]["title"] for n in (12, 14))


def test_the_last_wish_of_a_view_counts_and_another_views_stays(browser: Browser, data: Data) -> None:
    held = browser.row._tiles
    held._pictures, held._titles = {"a": [700, 701]}, {"a": [700]}
    browser.want([800], [], view="b")
    assert {700, 701, 800} <= set(data.read)
    held._pictures, held._titles = {"a": [900, 901]}, {}
    browser.want([802], [], view="a")
    assert not {900, 901} & set(data.read)


def test_a_thumbnail_that_was_made_is_not_made_again(browser: Browser, data: Data) -> None:
    browser.want([42], [])
    first = browser.known.pop(42)["picture"]
    STORE.drop_owner(browser.session._known._subjects._key)
    data.read.clear()
    browser.want([42], [])
    assert np.array_equal(browser.known[42]["picture"], first)
    assert data.read == []


def test_another_image_and_other_weights_are_asked_for_anew(browser: Browser, model: Plain) -> None:
    browser.want([5, 6], [5, 6])
    before = browser.known[6]["title"]
    browser.session.replace(5, torch.ones(1, 3, 12, 12))
    assert browser.session.wait(LONG)
    assert [content["stale"] for content in browser.stale if content["stale"]] == [[5]]
    browser.want([5], [5])
    assert browser.known[5]["picture"].mean() > 250
    with torch.no_grad():
        model.head.weight.mul_(2)
    browser.session.select(input=7)
    assert browser.session.wait(LONG)
    assert [content["titles_stale"] for content in browser.stale][-1]
    browser.want([], [6])
    best = scores(model, 6)
    assert browser.known[6]["title"] != before
    assert browser.known[6]["title"].startswith(f"{NAMES[best.argmax()]} {best.max():.2f}".replace("-", "−"))


def test_all_are_read_only_to_sort_them(browser: Browser, model: Plain, data: Data) -> None:
    data.damaged = -1
    from_browser(browser.strip, sort="score")
    assert browser.session.wait(LONG)
    assert set(data.read) == set(range(1000))
    target = browser.session.selection.target
    right = np.array([scores(model, n)[target] for n in range(1000)])
    np.testing.assert_allclose(browser.strip.values, right, rtol=1e-4, atol=1e-5)
    found = right[browser.strip.order]
    assert (np.diff(found) <= 1e-5).all()
    from_browser(browser.strip, sort="given")
    assert browser.session.wait(LONG)
    assert (browser.strip.order, browser.strip.values) == ([], [])


def test_dead_channels_of_many_inputs_are_not_looked_for_by_themselves(explorer: nx.Explorer) -> None:
    assert any(isinstance(part, LayerChannels) for part in explorer._parts)
    assert not explorer._models.activity.asked


def test_few_inputs_come_with_the_widget(model: Plain) -> None:
    given = [picture(seed=n) for n in range(MANY)]
    explorer = nx.explore(model, given, classes=NAMES)
    assert explorer.session.wait(LONG)
    strip = next(part for part in explorer._parts if isinstance(part, InputsRow)).strip
    assert (strip.on_demand, strip.count, len(strip.thumbnails), len(strip.titles)) == (False, MANY, MANY, MANY)
    explorer.session.add(picture(seed=MANY))
    assert explorer.session.wait(LONG)
    assert (strip.on_demand, strip.count, strip.thumbnails) == (True, MANY + 1, [])
    explorer.close()


def test_pictures_of_inputs_that_nobody_shows_are_closed(model: Plain) -> None:
    explorer = nx.explore(model, [picture(seed=n) for n in range(70)], classes=NAMES, show=["map"])
    other = nx.AttributionExplorer(explorer.session, show=["map"])
    for number in range(70):
        explorer.session.select(input=number)
        assert explorer.session.wait(LONG)
    shown = explorer._parts[0].pane.picture
    assert shown.comm is not None
    assert (
        np.abs(
            np.frombuffer(shown.buffer, np.uint8).reshape(12, 12, 3)
            - 255 * picture(seed=69)[0].permute(1, 2, 0).numpy()
        ).max()
        <= 1
    )
    assert len(explorer._models._pictures) <= 33
    other.close()
    explorer.close()
