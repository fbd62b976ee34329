"""How cost grows: slopes on a double logarithmic scale, 1 for twice the cost at twice the size.

Processor time, not the clock's, so that a busy machine tells the same; beside it the bare pass of the same model.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor, nn

import nbexplain as nx
from tests.benchmarks.measure import Row

MOST = 1.1  # the steepest slope that is allowed, unless that of the bare passes is steeper: caches end, pages are new
INPUTS = (10, 100, 1000, 10_000)
SIDES = (64, 256, 1024, 3000)
CHANNELS = (8, 64, 512, 2048)
CLASSES = (10, 100, 1000, 20_000)
MODULES = (20, 200, 2000)


def rows() -> Iterator[Row]:
    """A row for each way of growing and each thing that a person waits for."""
    torch.set_num_threads(1)
    _session(_network(), torch.rand(1, 3, 32, 32)).close()  # what is imported and made once
    pixels = [side**2 for side in SIDES]
    yield from _growing("pixels", pixels, lambda n: (_network(), torch.rand(1, 3, *[int(n**0.5)] * 2)))
    yield from _growing("channels", CHANNELS, lambda n: (_network(channels=n), torch.rand(1, 3, 32, 32)))
    yield from _growing("classes", CLASSES, lambda n: (_network(classes=n), torch.rand(1, 3, 32, 32)))
    yield from _growing("modules", MODULES, lambda n: (_network(modules=n), torch.rand(1, 3, 8, 8)))
    yield from _inputs()


def _growing(what: str, sizes: Sequence[int], make: Callable[[int], tuple[nn.Module, Tensor]]) -> Iterator[Row]:
    """Opening an explorer and changing its class and its layer, beside a forward and backward pass by hand."""
    spent: dict[str, list[float]] = {"opening": [], "change of class": [], "change of layer": []}
    bare: list[float] = []
    for size in sizes:
        model, x = make(size)
        bare.append(_least(lambda x=x, model=model: _pass(model, x)))
        explorers: list[Any] = []
        spent["opening"].append(once(lambda m=model, x=x, made=explorers: made.append(_session(m, x))))
        (explorer,) = explorers
        names = [row.name for row in explorer.session.facts.layers if row.usable and row.grid][-3:]
        spent["change of class"].append(_each(explorer, "target", [1, 2, 0, 1]))
        spent["change of layer"].append(_each(explorer, "layer", names))
        explorer.close()
        del explorer, explorers
        gc.collect()
    for action, times in spent.items():
        yield _row(f"{what} {sizes[0]:,} … {sizes[-1]:,}: {action}", sizes, times, bare)


def _inputs() -> Iterator[Row]:
    """Opening, and the scores of all inputs; and what an input that waits takes."""
    model = _network()
    spent: dict[str, list[float]] = {"opening": [], "scores of all": []}
    bare: list[float] = []
    taken: list[int] = []
    process = psutil.Process()
    for count in INPUTS:
        given = [torch.rand(1, 3, 64, 64) for _ in range(count)]
        bare.append(once(lambda given=given: [_pass(model, x) for x in given]))
        gc.collect()
        before = process.memory_info().rss
        explorers: list[Any] = []
        spent["opening"].append(once(lambda given=given, made=explorers: made.append(_session(model, given))))
        taken.append(process.memory_info().rss - before)
        spent["scores of all"].append(once(lambda given=given: nx.explain(model, given, "class_scores")))
        explorers.pop().close()
    for action, times in spent.items():
        yield _row(f"inputs {INPUTS[0]:,} … {INPUTS[-1]:,}: {action}", INPUTS, times, bare)
    each = max(taken[-1] - taken[0], 0) / (INPUTS[-1] - INPUTS[0]) / 1024
    yield Row("memory of an input that waits, besides itself", each, 4, unit="kB")


def _row(what: str, sizes: Sequence[int], ours: list[float], bare: list[float]) -> Row:
    note = f"slope of bare passes {slope(sizes, bare):.2f}; at {sizes[-1]:,} it takes {ours[-1] / bare[-1]:.2f} of them"
    return Row(what, slope(sizes, ours), round(max(MOST, slope(sizes, bare)), 2), note=note, unit="slope")


def slope(sizes: Sequence[int], spent: Sequence[float]) -> float:
    """The steepest between two neighbours of which the larger takes long enough to be measured."""
    steps = [
        float(np.log(b / a) / np.log(n / m))
        for m, n, a, b in zip(sizes, sizes[1:], spent, spent[1:], strict=False)
        if b > 0.01
    ]
    return max(steps, default=0.0)


def _network(channels: int = 8, classes: int = 10, modules: int = 0) -> nn.Module:
    torch.manual_seed(0)
    body: list[nn.Module] = []
    for _ in range(modules // 2):
        body += [nn.Conv2d(channels, channels, 1), nn.ReLU()]
    first = [nn.Conv2d(3, channels, 3, 2), nn.ReLU()]
    return nn.Sequential(*first, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)).eval()


def _session(model: nn.Module, given: Any) -> Any:
    explorer = nx.explore(model, given)
    explorer.session.wait(600)
    return explorer


def _pass(model: nn.Module, x: Tensor) -> None:
    leaf = x.clone().requires_grad_()
    torch.autograd.grad(model(leaf)[0, 0], leaf)


def _each(explorer: Any, part: str, values: Sequence[Any]) -> float:
    """The mean over some changes; the first one of each kind is not counted."""
    setattr(explorer, part, values[0])
    explorer.session.wait(600)

    def change() -> None:
        for value in values[1:]:
            setattr(explorer, part, value)
            explorer.session.wait(600)

    return once(change) / max(len(values) - 1, 1)


def once(call: Callable[[], object]) -> float:
    """Seconds of the processor, in all threads."""
    started = time.process_time()
    call()
    return time.process_time() - started


def _least(call: Callable[[], object]) -> float:
    return min(once(call) for _ in range(2))
