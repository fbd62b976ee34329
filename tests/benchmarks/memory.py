"""What a long method takes of the machine's memory beside its budget, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import torch
from torch import nn

import nbexplain
from tests.benchmarks.compute import picture
from tests.benchmarks.measure import Row
from tests.benchmarks.networks import resnet18
from tests.browser.jupyter import ROOT

MB = 2**20
BUDGET = 128
CHUNK = 8  # the most pictures that go through a network at a time


def rows() -> Iterator[Row]:
    """How far the memory grows at most, against the budget and what a chunk of bare passes needs beside it."""
    whole, bare = (_measured(what) for what in ("kernel_shap", "bare"))
    note = f"a budget of {BUDGET}, and {CHUNK} bare passes at a time, which take {bare:.0f}"
    yield Row("Peak memory, `kernel_shap`, ResNet-18", whole, round(BUDGET + bare), unit="MB", note=note)


def _measured(what: str) -> float:
    program = f"from tests.benchmarks.memory import grown; print(grown({what!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return float(json.loads(done.stdout.splitlines()[-1]))


def grown(what: str) -> float:
    """The largest growth of this process in MB, once all packages are there that are imported on first use."""
    nbexplain.options.memory_budget = BUDGET * MB
    model, x = resnet18(), picture()
    small = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    nbexplain.explain(small, x[..., ::4, ::4], "kernel_shap", samples=200)

    def bare() -> None:
        batch = x.expand(CHUNK, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            for _ in range(10):
                model(batch)

    return _largest_growth(bare if what == "bare" else lambda: nbexplain.explain(model, x, "kernel_shap"))


def _largest_growth(call: Callable[[], object]) -> float:
    process, over = psutil.Process(), threading.Event()
    before = largest = process.memory_info().rss

    def watch() -> None:
        nonlocal largest
        while not over.is_set():
            largest = max(largest, process.memory_info().rss)
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        call()
    finally:
        over.set()
        watcher.join()
    return (largest - before) / MB
