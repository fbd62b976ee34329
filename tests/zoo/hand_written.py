"""The hand-written networks, with inputs whose sides differ and divide badly."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import nbexplain
from tests.zoo import networks as net
from tests.zoo import other_networks as other
from tests.zoo.entry import (
    Entry,
    call,
    channels_first,
    channels_last,
    of_largest_region,
    picture,
    tokens,
)

FAMILY = "hand-written"


def of_image(
    name: str, make: Callable[[], nn.Module], size: tuple[int, int], layer: str, grid: tuple[int, int], **more: Any
) -> Entry:
    """A network that gets one picture."""
    more = {"axis": 1, "cells": channels_first, "given": lambda: picture(*size), **more}
    return Entry(f"{name}, {size[0]}×{size[1]}", FAMILY, make, layers=(layer,), grid=grid, **more)


def of_patches(
    name: str, make: Callable[[], nn.Module], size: tuple[int, int], layer: str, grid: tuple[int, int], before: int = 0,
    **more: Any,
) -> Entry:  # fmt: skip
    """A network whose cells are tokens."""
    return of_image(name, make, size, layer, grid, axis=2, cells=tokens(*grid, before=before), **more)


def of_signal(
    name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], layer: str, grid: tuple[int, ...], **more: Any
) -> Entry:
    """A network that gets a signal, (1, T, F) or (1, C, L), or a volume."""
    more = {"axis": 2, "cells": channels_last, "picture": False, **more}
    return Entry(name, FAMILY, make, lambda: signal(*shape), (layer,), grid=grid, **more)


def signal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


def graph() -> tuple[Tensor, Tensor]:
    """Six nodes of five features, without a batch axis, and their edges both ways."""
    edges = torch.tensor([[0, 1, 2, 3, 4, 1], [1, 2, 3, 4, 5, 4]])
    return signal(6, 5), torch.cat([edges, edges.flip(0)], 1)


def lstm() -> nn.Module:
    return other.Recurrent(nn.LSTM, 6, 16)


def gru() -> nn.Module:
    return other.Recurrent(nn.GRU, 5, 8, num_layers=2, bidirectional=True)


@functools.cache
def clean_answer(model: nn.Module) -> dict[str, Tensor]:
    """What the detector finds in the clean picture, at the first call, when nothing of it is switched off."""
    with torch.no_grad():
        return model(detector_picture())[0]


def followed(model: nn.Module, x: Tensor) -> Tensor:
    """The scores of what the detector finds in the clean picture, each at the box of its label that overlaps most."""
    clean, found = clean_answer(model), model(x)[0]
    corners = torch.maximum(clean["boxes"][:, None, :2], found["boxes"][None, :, :2])
    ends = torch.minimum(clean["boxes"][:, None, 2:], found["boxes"][None, :, 2:])
    both = (ends - corners).clamp(min=0).prod(2)
    areas = [(answer["boxes"][:, 2:] - answer["boxes"][:, :2]).prod(1) for answer in (clean, found)]
    overlap = both / (areas[0][:, None] + areas[1][None] - both)
    overlap = torch.where(clean["labels"][:, None] == found["labels"][None], overlap, 0)
    most, which = overlap.max(1)
    return torch.where(most >= 0.5, found["scores"][which], 0)


def detector_picture() -> Tensor:
    return picture(75, 50)


def detections() -> dict[str, Any]:
    return {"scores": nbexplain.detections()}


def prompts() -> Tensor:
    return torch.tensor([[1, 5, 6, 2], [3, 7, 8, 2]])


MODELS = [
    of_image("ConvNeXt-like", net.ConvNeXtLike, (96, 64), "block2", (12, 8)),
    of_image("ConvNeXt-like", net.ConvNeXtLike, (66, 56), "block2", (8, 7), brief=True),
    of_image(
        "window attention", net.WindowAttention, (66, 56), "norm", (16, 14), axis=3, cells=channels_last, pooled=True,
        seed=1,
    ),
    of_image(
        "channels last", net.ChannelsLast, (66, 56), "stage", (17, 14), axis=3, cells=channels_last, pooled=True,
        seed=2,
    ),
    of_image(
        "channels last", net.ChannelsLast, (64, 56), "stage", (16, 14), axis=3, cells=channels_last, seed=2, brief=True
    ),
    of_image("U-Net", net.UNet, (66, 56), "up1", (66, 56), score=of_largest_region, seed=1),
    of_image("Inception", net.Inception, (75, 50), "mixed2", (18, 11), pooled=True),
    of_image("squeeze-excite", net.SENet, (96, 64), "excite", (48, 32), pooled=True, seed=1),
    of_patches("MLP-Mixer", lambda: net.Mixer(60), (90, 150), "norm3", (6, 10), pooled=True),
    of_patches("ViT without class token", lambda: net.ViT(0), (90, 150), "blocks.1", (5, 9), pooled=True),
    of_patches("ViT, class token first", lambda: net.ViT(mean=False), (75, 50), "blocks.0", (4, 3), 1),
    of_patches("ViT, class token last", lambda: net.ViT(last=True, mean=False), (96, 64), "blocks.0", (6, 4)),
    of_patches("ViT, nine registers", lambda: net.ViT(9), (96, 64), "blocks.1", (6, 4), 9),
    of_image("several outputs", other.MultiOutput, (75, 50), "body", (37, 24), pooled=True, made_by="body.conv"),
    of_image("detector", other.Detector, (75, 50), "body.3", (10, 7), run=followed, asked=detections, seed=1),
    Entry(
        "siamese, 75×50", FAMILY, other.Siamese, lambda: (picture(75, 50), picture(75, 50)),
        ("body@1",), 1, (35, 22), channels_first, part=0, picture=False, seed=3,
    ),
    Entry(
        "siamese, the second, 75×50", FAMILY, other.Siamese, lambda: (picture(75, 50), picture(75, 50)),
        ("body@2",), 1, (35, 22), channels_first, part=1, asked=lambda: {"part": 1}, picture=False, seed=1,
    ),
    Entry(
        "two towers, 66×56", FAMILY, other.TwoTowers, lambda: (picture(66, 56), prompts()),
        ("image.3",), 1, (15, 13), channels_first, part=0, picture=False,
    ),
    of_signal(
        "3-D CNN", other.Volume, (1, 1, 8, 16, 12), "act", (4, 8, 6), axis=1, cells=channels_first, pooled=True, seed=1
    ),
    of_signal("LSTM", lstm, (1, 40, 6), "rnn", (40,), pooled=True, seed=1),
    of_signal("GRU, both ways", gru, (1, 30, 5), "rnn", (30,), pooled=True, seed=2),
    of_signal("LSTM, last step", other.LastStep, (1, 4, 40), "act", (20,), axis=1, cells=channels_first),
    of_signal("transformer on a signal", other.SignalTransformer, (1, 32, 6), "encoder.layers.1", (32,), pooled=True),
    of_signal("1-D CNN", other.signal_cnn, (1, 2, 100), "4", (48,), axis=1, cells=channels_first, pooled=True, seed=2),
    of_image(
        "spectrogram CNN", net.spectrogram_cnn, (64, 64), "1", (16, 64), pooled=True, seed=2,
        given=lambda: picture(64, 64, 1),
    ),
    of_image(
        "spectrogram CNN", net.spectrogram_cnn, (64, 100), "1", (16, 100), seed=2, brief=True,
        given=lambda: picture(64, 100, 1),
    ),
    Entry(
        "graph", FAMILY, other.GCN, graph, ("act", "conv1", "conv2.fc"), 2, (6,), Tensor.t, run=call, part=0,
        target=(2, 1), picture=False, seed=3,
    ),
]  # fmt: skip
