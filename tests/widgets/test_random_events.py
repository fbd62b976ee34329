"""Events over all controls while runs are under way end where a synchronous run ends; and nothing stays of anything."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import psutil
import pytest
import torch

import nbexplain as nx
from nbexplain.core.inside.ablation import ORDERS, THIS
from nbexplain.core.memory import STORE
from nbexplain.runner import runner
from nbexplain.widgets.ablation_view import AblationView
from nbexplain.widgets.inputs_row import InputsRow
from nbexplain.widgets.layer_channels import LayerChannels
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.parts import PANES
from nbexplain.widgets.wire import Array
from tests.core.snapshot import differences, snapshot
from tests.networks import CLASSES, Plain, picture, seeded
from tests.widgets.comm import command, from_browser, living

EVENTS = 3000
INPUTS = 3
LAYERS = {"conv1": (6, 12), "relu1": (6, 12), "conv2": (8, 6), "relu2": (8, 6), "head": (5, 1)}  # channels, side
PARAMS = {
    "occlusion": [{"window": 4, "stride": stride, "fill": "zero"} for stride in (1, 2)],
    "lime": [{"superpixels": 6, "samples": samples, "segmentation": "grid"} for samples in (30, 200)],
    "grad_cam": [{"relu": False}, {"relu": True}],
}
METHODS = ("grad_cam", "gradient", "input_x_gradient", "grad_cam_plus_plus", "cam", *PARAMS)


def made() -> nx.Explorer:
    """An explorer with every pane."""
    return nx.Explorer(seeded(Plain), [picture(seed=n) for n in range(INPUTS)], show=PANES)


def part(explorer: nx.Explorer, kind: type) -> Any:
    return next(part for part in explorer._parts if isinstance(part, kind))


def events(explorer: nx.Explorer, rng: random.Random) -> list[tuple[int, Callable[[], None]]]:
    """What a hand can do, and how often it does it."""
    controls = explorer._models.controls
    strip, grid = part(explorer, InputsRow).strip, part(explorer, LayerChannels)._grid
    slider = part(explorer, AblationView)._slider

    def layer() -> None:
        """As the browser does it: the channel is brought within the layer in the same message."""
        name = rng.choice([*LAYERS])
        from_browser(controls, layer=name, channel=min(controls.channel, LAYERS[name][0] - 1))

    def cell() -> None:
        side = LAYERS[controls.layer][1]
        from_browser(controls, cell=[rng.randrange(side), rng.randrange(side)])

    def params() -> None:
        method = rng.choice([*PARAMS])
        from_browser(controls, params={**controls.params, method: rng.choice(PARAMS[method])})

    def trait() -> None:
        """A widget of the user's own, linked to the explorer."""
        from_browser(explorer, **{rng.choice(["target", "channel"]): rng.randrange(5)})

    return [
        (8, lambda: from_browser(controls, target=rng.randrange(CLASSES))),
        (8, lambda: from_browser(controls, channel=rng.randrange(LAYERS[controls.layer][0]))),
        (4, layer),
        (3, cell),
        (3, lambda: from_browser(controls, input=rng.randrange(INPUTS))),
        (3, lambda: from_browser(controls, method=rng.choice(METHODS))),
        (2, params),
        (3, trait),
        (3, lambda: from_browser(slider, value=rng.randint(0, slider.high))),
        (1, lambda: from_browser(slider, choice=rng.choice([*ORDERS, THIS]))),
        (1, lambda: from_browser(strip, sort=rng.choice(strip.sorts))),
        (1, lambda: from_browser(grid, sort=rng.choice(grid.sorts))),
        (1, lambda: command(controls, {"command": rng.choice(["run", "stop", "refresh"])})),
    ]


def state(explorer: nx.Explorer) -> dict[str, Any]:
    """All that the browser was told, but for times, the numbers of frames, and the picture that was shown before."""
    found: dict[str, Any] = {}

    def visit(name: str, value: Any) -> None:
        if isinstance(value, Array):
            found[name] = (value.buffer, value.dtype, value.shape, value.low, value.high, value.meta)
        elif isinstance(value, ipywidgets.Widget):
            for key in sorted(value.keys):
                if not key.startswith("_") and key not in ("layout", "text", "style", "comm", "spare"):
                    visit(f"{name}.{key}", getattr(value, key))
        elif isinstance(value, dict):
            for key, item in value.items():
                visit(f"{name}[{key!r}]", item)
        elif isinstance(value, (list, tuple)):
            for place, item in enumerate(value):
                visit(f"{name}[{place}]", item)
        else:
            found[name] = value.tolist() if isinstance(value, np.ndarray) else value

    visit("explorer", list(explorer.children))
    return found


@pytest.mark.slow
def test_three_thousand_events_end_where_a_synchronous_run_ends() -> None:
    explorer = made()
    rng = random.Random(11)
    weights, acts = zip(*events(explorer, rng), strict=True)
    under_way = 0
    for _ in range(EVENTS):
        rng.choices(acts, weights)[0]()
        under_way += runner.busy(explorer.session)
        if rng.random() < 0.03:
            explorer.session.wait(rng.uniform(0, 0.2))
    command(explorer._models.controls, {"command": "run"})
    assert explorer.session.wait(120)
    assert under_way > EVENTS / 3
    assert explorer.session.selection.layer == explorer._models.controls.layer == explorer.layer

    nx.options.run = "sync"
    other = made()
    for kind, name, traits in (
        (AblationView, "_slider", ("choice", "value")),
        (InputsRow, "strip", ("sort",)),
        (LayerChannels, "_grid", ("sort",)),
    ):
        if name == "_slider":  # first the layer, which says how many channels there are
            other.session.select(layer=explorer.session.selection.layer)
        source, copy = (getattr(part(each, kind), name) for each in (explorer, other))
        for trait in traits:
            from_browser(copy, **{trait: getattr(source, trait)})
    chosen = explorer.session.selection
    other.session.select(
        input=chosen.input, method=chosen.method, target=chosen.target, layer=chosen.layer, channel=chosen.channel,
        cell=chosen.cell, params=chosen.params,
    )  # fmt: skip
    command(other._models.controls, {"command": "run"})
    assert other.session.selection == chosen
    ours, right = state(explorer), state(other)
    assert ours.keys() == right.keys()
    assert {name for name in ours if ours[name] != right[name]} == set()
    for each in (explorer, other):
        each.close()


def alive() -> int:
    """Sessions and subjects that somebody still holds."""
    gc.collect()
    return sum(type(thing) in (nx.Session, nx.Subject) for thing in gc.get_objects())


@pytest.mark.slow
def test_two_hundred_sessions_leave_nothing() -> None:
    model = seeded(Plain)
    before = snapshot(model)
    rng = np.random.default_rng(0)

    def use(n: int) -> None:
        explorer = nx.Explorer(model, [picture(seed=n), picture(seed=n + 1)], show=PANES)
        from_browser(explorer._models.controls, target=int(rng.integers(CLASSES)), layer="conv1", method="occlusion")
        if n % 3:  # otherwise it is closed while it is at work
            explorer.session.wait(20)
        explorer.close()

    for n in range(20):
        use(n)
    gc.collect()
    widgets, kept, process = living(), STORE.bytes, psutil.Process(os.getpid())
    models, sessions = set(SessionModels._of), alive()
    held = process.memory_info().rss
    for n in range(200):
        use(n)
    gc.collect()
    assert living() == widgets
    assert STORE.bytes == kept
    assert set(SessionModels._of) == models
    assert not runner._waiting
    assert not runner._chores
    assert differences(before, snapshot(model)) == []
    assert alive() == sessions
    assert process.memory_info().rss - held < 40 * 2**20  # 200 explorers' state alone would take 100 MB
    assert torch.is_grad_enabled()
