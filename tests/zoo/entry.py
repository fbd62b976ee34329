"""What is written down of a model that is kept: how it is made and called, and what is right to say of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Cells = Callable[[Tensor], Tensor]
Index = int | tuple[int, ...]


def channels_first(output: Tensor) -> Tensor:
    """(1, C, *grid) as (C, *grid)."""
    return output[0]


def channels_last(output: Tensor) -> Tensor:
    """(1, *grid, C) as (C, *grid)."""
    return output[0].movedim(-1, 0)


def tokens(*grid: int, before: int = 0) -> Cells:
    """(1, T, C) as (C, *grid), after `before` tokens that are no places; what follows the grid is none either."""

    def cells(output: Tensor) -> Tensor:
        return output[0, before : before + math.prod(grid)].T.reshape(-1, *grid)

    return cells


def call(model: nn.Module, x: Any) -> Any:
    """The model on what the user hands in, as nbexplain documents it."""
    if isinstance(x, Mapping):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def first_row(model: nn.Module, x: Any) -> Tensor:
    """Scores (K, …) of the one input."""
    return call(model, x)[0]


def logits(model: nn.Module, x: Any) -> Tensor:
    """The same, of models that return an object with `logits`."""
    return call(model, x).logits[0]


def of_index(scores: Tensor, target: Index | None) -> Tensor:
    """The number that is explained: one of the scores, or the highest."""
    if target is None:
        assert scores.ndim == 1
        target = int(scores.argmax())
    return scores[target]


def of_largest_region(scores: Tensor, target: Index | None) -> Tensor:
    """Of a segmentation (K, H, W): the mean score of the class that covers most, over the cells that it covers."""
    classes = scores.argmax(0)
    covering = int(classes.flatten().mode().values) if target is None else target
    assert isinstance(covering, int)
    return scores[covering][classes == covering].mean()


@dataclass(frozen=True, eq=False)
class Entry:
    """A model that is kept.

    Attributes
    ----------
    name, family
        Of the model; who wrote it down.
    make, given
        Make the model, with random weights, in eval mode; make what the user hands in.
    layers
        The layers that a researcher would begin a CAM with, by name (`name@2`: the second call). Other names of the
        very same tensor are as good.
    axis, grid, cells
        Of the first of these: the axis of its channels (the batch axis is 0), the grid of its cells, and its output
        as (channels, *grid). `cells` serves the others too.
    run
        (model, x) → scores (K, …) of the one input.
    part
        Which part of a tuple or dict is explained.
    target, score
        What is explained, None for what is chosen by default; (scores (K, …), target) → that number.
    asked
        What `explain` has to be told besides.
    pooled
        Whether the scores are linear in the mean of the first layer over its grid.
    picture
        Whether the part that is explained is a picture whose superpixels can be hidden.
    brief
        Tried with its default map only: another size of a model that is asked everything.
    """

    name: str
    family: str
    make: Callable[[], nn.Module]
    given: Callable[[], Any]
    layers: tuple[str, ...]
    axis: int
    grid: tuple[int, ...]
    cells: Cells
    run: Callable[[nn.Module, Any], Tensor] = first_row
    part: str | int | None = None
    target: Index | None = None
    score: Callable[[Tensor, Index | None], Tensor] = of_index
    asked: Mapping[str, Any] = field(default_factory=dict)
    pooled: bool = False
    picture: bool = True
    brief: bool = False

    def explained(self, x: Any) -> Tensor:
        """The tensor that is explained."""
        return x if self.part is None else x[self.part]

    def exchanged(self, x: Any, tensor: Tensor) -> Any:
        """What the user hands in, with another tensor in that place."""
        if self.part is None:
            return tensor
        if isinstance(x, Mapping):
            return {**x, self.part: tensor}
        return tuple(tensor if place == self.part else one for place, one in enumerate(x))

    def module(self, model: nn.Module, layer: str) -> tuple[nn.Module, int]:
        """A layer's module, and which of its calls is meant (-1: the last)."""
        name, at, number = layer.partition("@")
        return model.get_submodule(name), int(number) - 1 if at else -1

    def __str__(self) -> str:
        return self.name


def picture(height: int, width: int, channels: int = 3, seed: int = 1) -> Tensor:
    """A picture (1, C, H, W) with parts of different brightness, so that its regions are not alike."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, 5, 4, generator=generator)
    fine = torch.rand(1, channels, height, width, generator=generator)
    return nn.functional.interpolate(coarse, (height, width), mode="bilinear") * 2 - 1 + 0.2 * fine


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> Callable[[], nn.Module]:
    """The same random weights each time; norms and biases are random too, or many channels would be alike."""

    def made() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = make().eval()
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if parameter.ndim == 1:
                        parameter.add_(0.3 * torch.randn_like(parameter))
                    elif "embed" not in name and parameter.ndim == 2 and parameter.std() < 0.05:
                        parameter.mul_(5)  # initialised so small that the score would hardly depend on the input
        return model

    return made
