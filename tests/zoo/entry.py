"""What is written down of a model that is kept: how it is made and called, and what is right to say of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Cells = Callable[[Tensor], Tensor]
Index = int | tuple[int, ...]
Number = Callable[[Tensor], Tensor]  # scores (K, …) → the one that is explained


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


def as_given(x: Any) -> Any:
    """What the user hands in is what the model gets."""
    return x


def of_index(clean: Tensor, target: Index | None) -> Number:
    """One of the scores (K, …): the target's, or the highest of the clean input."""
    if target is None:
        assert clean.ndim == 1
        target = int(clean.argmax())
    return lambda scores: scores[target]


def of_largest_region(clean: Tensor, target: Index | None) -> Number:
    """Of a segmentation (K, H, W): the class that covers most of the clean input, on average where it does."""
    assert target is None
    classes = clean.argmax(0)
    covering = int(classes.flatten().mode().values)
    return lambda scores: scores[covering][classes == covering].mean()


@dataclass(frozen=True, eq=False)
class Entry:
    """A model that is kept.

    Attributes
    ----------
    name, family
        Of the model; who wrote it down.
    make, given
        Make the model; make what the user hands in.
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
        What is explained, None for what is chosen by default; (clean scores (K, …), target) → how that number is found
        in the scores of this input, and of changed ones.
    asked
        Makes what `explain` has to be told besides.
    pooled
        Whether the scores are linear in the mean of the first layer over its grid.
    picture
        Whether the part that is explained is a picture whose superpixels can be hidden.
    brief
        Tried with its default map only: another size of a model that is asked everything.
    seed
        Of its weights: one that leaves the map cells above and below zero.
    plain
        What the model gets of what the user hands in, where that is a text or an image file.
    made_by
        The layer whose channels are switched off by hand, where the first of `layers` makes more of them itself.
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
    score: Callable[[Tensor, Index | None], Number] = of_index
    asked: Callable[[], dict[str, Any]] = dict
    pooled: bool = False
    picture: bool = True
    brief: bool = False
    seed: int = 0
    plain: Callable[[Any], Any] = as_given
    made_by: str = ""

    def model(self) -> nn.Module:
        """The model with the same random weights each time, in eval mode."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(self.seed)
            model = self.make().eval()
            _enliven(model)
        return model

    def explained(self, x: Any) -> Tensor:
        """The tensor that is explained, of what the model gets."""
        return x if self.part is None else x[self.part]

    def exchanged(self, x: Any, tensor: Tensor) -> Any:
        """What the model gets, with another tensor in that place."""
        if self.part is None:
            return tensor
        if isinstance(x, Mapping):
            return {**x, self.part: tensor}
        return tuple(tensor if place == self.part else one for place, one in enumerate(x))

    def module(self, model: nn.Module, layer: str) -> tuple[nn.Module, int]:
        """A layer's module, and which of its calls is meant (-1: the last)."""
        name, at, number = layer.partition("@")
        return self.found(model, name.partition("[")[0]), int(number) - 1 if at else -1

    def found(self, model: nn.Module, name: str) -> nn.Module:
        """The module of this name."""
        return model.get_submodule(name)

    def __str__(self) -> str:
        return self.name


def picture(height: int, width: int, channels: int = 3, seed: int = 1) -> Tensor:
    """A picture (1, C, H, W) with parts of different brightness, so that its regions are not alike."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, 5, 4, generator=generator)
    fine = torch.rand(1, channels, height, width, generator=generator)
    return nn.functional.interpolate(coarse, (height, width), mode="bilinear") * 2 - 1 + 0.2 * fine


def _enliven(model: nn.Module) -> None:
    """Random weights so large that all layers count: as they come, many a score hardly depends on the input."""
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
        elif isinstance(weight, nn.Parameter) and weight.ndim > 1:
            inputs = weight.shape[0] if type(module).__name__ == "Conv1D" else weight[0].numel()
            nn.init.normal_(weight, std=1.5 / inputs**0.5)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.add_(0.3 * torch.randn_like(parameter))
