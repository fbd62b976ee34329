"""A zoo of small hand-written networks: every way of writing a model that an explainer can trip over.

Each `Case` builds the same network with the same weights each time, so that a second one serves as the reference
that no explainer has ever touched.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 5
SIDE = 12


def seeded(make: Callable[[], Any], seed: int = 0) -> Any:
    """What `make` makes after `torch.manual_seed(seed)`; the caller's own stream of random numbers stays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def picture(side: int = SIDE, *, channels: int = 3, seed: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    """A picture (1, channels, side, side) of numbers from 0 to 1."""
    return seeded(lambda: torch.rand(1, channels, side, side), seed).to(dtype)


class Plain(nn.Module):
    """Two convolutions, ReLU modules (in place unless told otherwise), a pooled linear head."""

    def __init__(self, *, inplace: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=inplace)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=inplace)
        self.head = nn.Linear(8, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        return self.relu2(self.conv2(self.pool(self.relu1(self.conv1(x)))))

    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x).mean((2, 3)))


class FunctionalReLU(Plain):
    """The same with `F.relu` in place: no module shows where the activation is cut."""

    def features(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x), inplace=True), 2)
        return F.relu_(self.conv2(x))


class Reused(Plain):
    """One ReLU module called twice."""

    def features(self, x: Tensor) -> Tensor:
        return self.relu1(self.conv2(self.pool(self.relu1(self.conv1(x)))))


class Residual(nn.Module):
    """A block whose input is added in place to its output, as in torchvision's ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.conv2(self.relu(self.conv1(x)))
        y += x
        return self.head(self.relu(y).mean((2, 3)))


class Dense(nn.Module):
    """Each convolution sees all earlier outputs, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(7, 4, 3, padding=1)
        self.conv3 = nn.Conv2d(11, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, self.conv1(x).relu()], 1)
        x = torch.cat([x, self.conv2(x).relu()], 1)
        return self.head(self.conv3(x).relu().mean((2, 3)))


class TupleOutput(Plain):
    """Scores and features, as models for training often return them."""

    def forward(self, x: Tensor) -> Any:
        features = self.features(x)
        return self.head(features.mean((2, 3))), features


class DictInput(Plain):
    """A picture and a gain per picture, by keyword."""

    def forward(self, *, pixels: Tensor, gain: Tensor) -> Tensor:
        return self.head((self.features(pixels) * gain[:, None, None, None]).mean((2, 3)))


class SoftmaxEnd(Plain):
    """Probabilities instead of logits."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).softmax(1)


class Normed(nn.Module):
    """BatchNorm and dropout, which in train mode change their statistics and draw random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, CLASSES)
        nn.init.uniform_(self.norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(self.norm.running_var, 0.5, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv1(x)))
        return self.head(self.drop(self.conv2(x).relu().mean((2, 3))))


class Tokens(nn.Module):
    """A small vision transformer: patches, a class token, one block of attention, a head on the class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 3, stride=3)
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.places = nn.Parameter(torch.randn(1, 1 + (SIDE // 3) ** 2, 8))
        self.norm1 = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm2 = nn.LayerNorm(8)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.norm3 = nn.LayerNorm(8)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).mT
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1) + self.places
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm3(x)[:, 0])


class Signal(nn.Module):
    """One-dimensional convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(2, 6, 5, padding=2)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv1d(6, 8, 3, stride=2, padding=1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv2(self.relu(self.conv1(x))).relu().mean(2))


class Solid(nn.Module):
    """Three-dimensional convolutions, and a linear head on the mean of the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(2, 6, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv3d(6, 8, 3, stride=(1, 2, 2), padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.relu2(self.conv2(self.relu1(self.conv1(x)))).mean((2, 3, 4)))


class Closure(Plain):
    """A part of it is called through a function that closes over the module: a copy would go on using the original."""

    def __init__(self) -> None:
        super().__init__()
        hidden = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.ReLU(inplace=True))
        self.first = lambda x: hidden(x)

    def features(self, x: Tensor) -> Tensor:
        return super().features(self.first(x))


class Locked(Normed):
    """An attribute that cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return super().forward(x)


class Writer(Signal):
    """Normalises its input in place, the user's tensor and all."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.sub_(0.5).mul_(2))


class Piecewise(nn.Module):
    """Piecewise linear and without biases: the score is the sum of input × gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1, bias=False)
        self.head = nn.Linear(8, CLASSES, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv1(x), 0.1)
        return self.head(F.max_pool2d(F.relu(self.conv2(x)), 3).mean((2, 3)))


class Linear(nn.Module):
    """Scores that are linear in the picture."""

    def __init__(self, side: int = SIDE, channels: int = 3) -> None:
        super().__init__()
        self.flat = nn.Flatten()
        self.head = nn.Linear(channels * side * side, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flat(x))


@dataclass(frozen=True, eq=False)
class Case:
    """A way of writing a model, with an input for it.

    `layer` names a layer with a spatial grid; `called` is the call that this name stands for where it is called
    several times. `pooled` names the layer whose mean goes into the linear head, if there is one. `run(model,
    tensor)` returns scores (N, K) of the network itself, without any wrapper.
    """

    name: str
    make: Callable[[], nn.Module]
    layer: str = "conv2"
    called: int = 0
    pooled: str = ""
    wrap: Callable[[nn.Module], nn.Module] = lambda model: model
    train: bool = False
    copied: bool = True
    dtype: torch.dtype = torch.float32
    given: Callable[[Tensor], Any] = lambda x: x
    run: Callable[[nn.Module, Tensor], Tensor] = lambda model, x: model(x)
    shape: tuple[int, ...] = (1, 3, SIDE, SIDE)
    fit: dict[str, float] = field(default_factory=lambda: {"rtol": 1e-3, "atol": 2e-6})

    def model(self) -> nn.Module:
        """The user's model."""
        return self.wrap(self.network().train(self.train))

    def network(self) -> nn.Module:
        """The same network with the same weights, in eval mode, without a wrapper."""
        model: nn.Module = seeded(self.make).to(self.dtype).eval()
        for part in parts(model)[1:]:
            part.to(self.dtype).eval()
        return model

    def tensor(self) -> Tensor:
        """What is explained."""
        return seeded(lambda: torch.rand(self.shape), 1).to(self.dtype)

    def x(self) -> Any:
        """What the user hands in."""
        return self.given(self.tensor())

    def __str__(self) -> str:
        return self.name


def parts(model: nn.Module) -> list[nn.Module]:
    """All modules that a call of `model` uses, also those that functions close over; the model itself is first."""
    found = list(model.modules())
    for module in tuple(found):
        for value in module.__dict__.values():
            for cell in getattr(value, "__closure__", None) or ():
                if isinstance(cell.cell_contents, nn.Module):
                    found += cell.cell_contents.modules()
    return found


def _frozen() -> nn.Module:
    return Plain().requires_grad_(False)


CASES = (
    Case("in-place ReLU", Plain, pooled="relu2"),
    Case("functional ReLU", FunctionalReLU, layer="conv1"),
    Case("module used twice", Reused, layer="relu1", called=1, pooled="relu1"),
    Case("residual add", Residual, pooled="relu"),
    Case("dense concat", Dense),
    Case("tuple output", TupleOutput, pooled="relu2", run=lambda model, x: model(x)[0]),
    Case(
        "dict input",
        DictInput,
        given=lambda x: {"pixels": x, "gain": torch.tensor([1.5])},
        run=lambda model, x: model(pixels=x, gain=torch.full((len(x),), 1.5)),
    ),
    Case("softmax at the end", SoftmaxEnd, pooled="relu2"),
    Case("frozen weights", _frozen, pooled="relu2"),
    Case("train mode", Normed, train=True),
    Case("torch.compile", Plain, pooled="relu2", wrap=lambda model: torch.compile(model, backend="eager")),
    Case("DataParallel", Plain, pooled="relu2", wrap=nn.DataParallel),
    Case("float64", Plain, pooled="relu2", dtype=torch.float64, fit={"rtol": 1e-9, "atol": 1e-12}),
    Case("half", Plain, pooled="relu2", dtype=torch.float16, fit={"rtol": 5e-2, "atol": 2e-3}),
    Case("token grid", Tokens, layer="mlp"),
    Case("1-D convolution", Signal, shape=(1, 2, 16)),
    Case("3-D convolution", Solid, pooled="relu2", shape=(1, 2, 5, 8, 8)),
    Case("closure over a module", Closure, pooled="relu2", train=True, copied=False),
    Case("copy refused", Locked, train=True, copied=False),
)


def double(model: nn.Module) -> nn.Module:
    """A float64 copy in eval mode, for comparisons with a peer."""
    return copy.deepcopy(model).double().eval()
