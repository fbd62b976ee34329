"""What the kernel computes, beside captum, lime and bare torch on the same network and thread."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import skimage.data
import skimage.transform
import torch
from captum.attr import LayerGradCam, Occlusion, Saliency
from torch import Tensor, nn

import nbexplain
from nbexplain.core.ask import ask
from tests.benchmarks import peers
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.networks import resnet18, resnet50

CLASSES = 1000
_IMPORTS = "torch, ipywidgets, anywidget, bqplot"
_HEAVY = ("shap", "lime", "sklearn", "skimage")


def rows() -> Iterator[Row]:
    """All rows, in the order in which they are measured: first those that need no thread beside this one."""
    yield from imports()
    yield from one_pass()
    yield from kept_pass()
    yield from many_passes()


def picture() -> Tensor:
    """A cat, (1, 3, 224, 224), 0…1: superpixels need a picture with regions in it."""
    cat = skimage.transform.resize(skimage.data.chelsea()[:300, 75:375], (224, 224), anti_aliasing=True)
    return torch.from_numpy(cat.astype(np.float32).transpose(2, 0, 1))[None].contiguous()


def imports() -> Iterator[Row]:
    """Seconds inside fresh interpreters, and the packages that must not have come along."""
    spent: dict[str, list[float]] = {"nbexplain": [], _IMPORTS: []}
    heavy: set[str] = set()
    # pip compiles what it installs, so the others are: with this variable all of ours would be compiled every time
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for turn in range(13):  # the first fills the disk cache, and compiles
        for what, so_far in spent.items():
            program = (
                f"import json, sys, time; t = time.perf_counter(); import {what}; t = time.perf_counter() - t; "
                f"print(json.dumps([t, [m for m in {_HEAVY} if m in sys.modules]]))"
            )
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
            )
            seconds, found = json.loads(done.stdout)
            if turn:
                so_far.append(1000 * seconds)
            if what == "nbexplain":
                heavy.update(found)
    ours, theirs = (statistics.median(so_far) for so_far in spent.values())
    yield Row("`import nbexplain`", ours, 1.2, f"import {_IMPORTS}", theirs)
    note = f"found: {', '.join(sorted(heavy)) or 'none'}"
    yield Row(f"`import nbexplain` brings in {', '.join(_HEAVY)}", len(heavy), 0, note=note, unit="packages")


def one_pass() -> Iterator[Row]:
    """A single `explain()`, from nothing: twin, checks and all."""
    model, x = resnet50(), picture()
    grad_cam, saliency = LayerGradCam(model, model.layer4), Saliency(model)
    ours, theirs = interleaved(
        lambda k: nbexplain.explain(model, x, "grad_cam", layer="layer4", target=k),
        lambda k: grad_cam.attribute(x, target=k),
        times=21,
    )
    yield Row("First Grad-CAM, ResNet-50, last layer, twin included", ours, 1.15, "captum LayerGradCam", theirs)
    subject = nbexplain.Subject(model, x, whole=True)
    subject.record()
    first, next_class, theirs = interleaved(
        lambda k: nbexplain.explain(model, x, "gradient", target=k),
        lambda k: answer(subject, "gradient", target=k),
        lambda k: saliency.attribute(x, target=k),
        times=61,
        seconds=40,
    )
    yield Row("`gradient`, ResNet-50, twin included", first, 1.05, "captum Saliency", theirs)
    yield Row("`gradient` for a new class on a kept pass", next_class, 0.6, "captum Saliency", theirs)


def kept_pass() -> Iterator[Row]:
    """What a session answers from the pass that it keeps."""
    model, x = resnet50(), picture()
    grad_cam = LayerGradCam(model, model.layer4)
    subject = nbexplain.Subject(model, x, whole=True)
    subject.layers()
    ours, theirs = interleaved(
        lambda k: answer(subject, "grad_cam", layer="layer4", target=k),
        lambda k: grad_cam.attribute(x, target=k),
        times=21,
    )
    yield Row("Class slider: Grad-CAM, ResNet-50, last layer, kept pass", ours, 0.03, "captum LayerGradCam", theirs)

    def forward(_: int) -> Tensor:
        with torch.no_grad():
            return model(x)

    ours, theirs = interleaved(lambda _: answer(subject, "activation", layer="layer2"), forward, times=21)
    yield Row("Activation of a recorded layer (layer2, all channels)", ours, 0.02, "a forward pass", theirs)
    for name in ("layer3", "layer2", "layer1"):
        scores, activation = graph(model, x, name)
        ours, theirs = interleaved(
            lambda k, name=name: answer(subject, "grad_cam", layer=name, target=k),
            lambda k, s=scores, a=activation: torch.autograd.grad(s[0, k], a, retain_graph=True),
            times=15,
        )
        yield Row(f"CAM at another recorded layer ({name})", ours, 1.15, "bare torch.autograd.grad", theirs)


def answer(subject: nbexplain.Subject, method: str, **question: object) -> nbexplain.Explanation:
    """What a session's worker computes for a question."""
    *_, last = ask(subject, method, **question)  # type: ignore[arg-type]
    return last


def graph(model: nn.Module, x: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """The scores with their graph from the input on, and one layer's output in it, as one writes it by hand."""
    outputs: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_hook(lambda _m, _i, output: outputs.append(output))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    scores = model(x.clone().requires_grad_())
    handle.remove()
    return scores, outputs[0]


def many_passes() -> Iterator[Row]:
    """Occlusion and LIME to their ends, and to their first pictures."""
    model, x = resnet18(), picture()
    occlusion = Occlusion(model)

    def captum_occlusion(k: int) -> None:  # as in captum's tutorial, with our window and stride
        occlusion.attribute(x, strides=(3, 16, 16), target=k, sliding_window_shapes=(3, 32, 32), baselines=0)

    for method, peer, call, allowed, times in (
        ("occlusion", "captum Occlusion", captum_occlusion, 0.65, 5),
        ("lime", "lime", lambda _: peers.lime_picture(model, x, 500), 1.0, 2),
    ):
        firsts: list[float] = []

        def ours(_: int, method: str = method, firsts: list[float] = firsts) -> None:
            firsts.append(first_picture(nbexplain.Subject(model, x), method))

        whole, theirs = interleaved(ours, call, times=times, warm=0, least=1)
        label = {"occlusion": "Occlusion 32/16", "lime": "LIME 500 samples"}[method] + ", ResNet-18"
        yield Row(label, whole, allowed, peer, theirs)
        yield Row(f"{label}: first picture", statistics.median(firsts), 0.1, "the whole run", whole)


def first_picture(subject: nbexplain.Subject, method: str) -> float:
    """Run a progressive method to its end; milliseconds until the first picture."""
    started = time.perf_counter()
    steps = ask(subject, method)
    next(steps)
    first = 1000 * (time.perf_counter() - started)
    for _ in steps:
        pass
    return first
