"""Copies of module trees: whatever hangs in them, the copy is our own and the tensors are shared."""

from __future__ import annotations

import collections
import functools
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data
from torch import Tensor, nn

from nbexplain import explain, list_layers
from nbexplain.core.module_copy import Copier
from nbexplain.core.subject import Subject
from nbexplain.core.twin import twin
from tests.core.snapshot import differences, snapshot
from tests.networks import Normed, Plain, picture, seeded

HIDDEN = "hidden = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))\n"
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head({call}.mean((2, 3)))
"""
CELLS = {  # modules that a notebook's cell leaves in the global names
    "in forward": HIDDEN + NET.format(call="hidden(x)"),
    "in a function": HIDDEN + "def first(x):\n    return hidden(x)\n" + NET.format(call="first(x)"),
    "in a lambda": HIDDEN + NET.format(call="(lambda y: hidden(y))(x)"),
}


class Holds(nn.Module):
    """Holds whatever it is given."""

    def __init__(self, held: Any = None) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.held = held

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class Own(nn.Linear):
    """Says itself how it wants to be copied."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Own:
        new = Own(2, 2)
        new.weight, new.bias = (memo[id(p)] for p in (self.weight, self.bias))
        new.told = True
        return new


def test_every_attribute_is_a_copy_of_its_own() -> None:
    tensor, module = torch.ones(2), nn.Linear(2, 2)
    held = {"list": [tensor, [1, 2]], "tuple": (tensor, "a"), "set": {1, 2}, "module": module}
    model = Holds(held)
    before = snapshot(model)
    ours: Any = Copier(model).copy(model)
    assert ours.held is not held
    assert ours.held["list"] is not held["list"]
    assert ours.held["list"][1] == [1, 2]
    assert ours.held["list"][0] is ours.held["tuple"][0]  # one stays one
    assert ours.held["list"][0].data_ptr() == tensor.data_ptr()
    assert ours.held["module"] is not module
    assert ours.held["set"] == {1, 2}
    ours.held["list"].append(3)
    ours.inner.register_forward_hook(lambda *_: None)
    ours.inner.new = 1
    ours.eval()
    assert differences(before, snapshot(model)) == []


def test_rings_are_closed_in_the_copy() -> None:
    model = Holds()
    model.__dict__["parent"] = model
    model.inner.__dict__["parent"] = model
    model.held = [model]
    ours: Any = Copier(model).copy(model)
    assert ours.parent is ours
    assert ours.inner.parent is ours
    assert ours.held[0] is ours


@pytest.mark.parametrize("size", [10, 5000])
def test_long_containers_are_copied_too(size: int) -> None:
    model = Holds(list(range(size)))
    ours: Any = Copier(model).copy(model)
    assert ours.held == model.held
    assert ours.held is not model.held


def test_a_module_that_says_how_it_is_copied_is_asked() -> None:
    model = nn.Sequential(Own(2, 2), nn.ReLU())
    ours = Copier(model).copy(model)
    assert ours[0].told
    assert ours[0].weight.data_ptr() == model[0].weight.data_ptr()


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.fx.symbolic_trace(Plain()),
        lambda: nn.LSTM(3, 4),
        lambda: nn.Sequential(nn.GRU(3, 4), nn.Linear(4, 2)),
        lambda: nn.Transformer(8, 2, 1, 1, 16),
        lambda: torch.nn.utils.parametrizations.orthogonal(nn.Linear(3, 3)),
        lambda: nn.ModuleDict({"a": nn.Conv2d(1, 1, 1), "b": nn.ParameterList([nn.Parameter(torch.ones(1))])}),
        lambda: Holds(collections.defaultdict(list, a=[1])),
        lambda: Holds(types.SimpleNamespace(depth=3)),
        lambda: Holds(functools.partial(torch.relu)),
    ],
    ids=["fx", "LSTM", "GRU", "Transformer", "orthogonal", "containers", "defaultdict", "namespace", "partial"],
)
def test_odd_trees(make: Callable[[], nn.Module]) -> None:
    model = seeded(make)
    before = snapshot(model)
    copier = Copier(model)
    ours = copier.copy(model)
    assert copier.closed_over == []
    mine, yours = ours.state_dict(), model.state_dict()
    assert list(mine) == list(yours)
    buffers = {name for name, _ in model.named_buffers()}
    for name in mine:
        assert torch.equal(mine[name], yours[name])
        assert (mine[name].data_ptr() == yours[name].data_ptr()) == (name not in buffers)
    inner, theirs = list(ours.modules()), list(model.modules())
    assert len(inner) == len(theirs)
    assert all(a is not b for a, b in zip(inner, theirs, strict=True))
    ours.eval()
    for part in inner:
        part.register_forward_hook(lambda *_: None)
    assert differences(before, snapshot(model)) == []


def test_a_copy_computes_the_same() -> None:
    for make in (Plain, Normed, lambda: torch.fx.symbolic_trace(Plain())):
        model = seeded(make).eval()
        assert torch.equal(Copier(model).copy(model)(picture()), model(picture()))


def test_a_method_bound_to_the_model_is_bound_to_the_copy() -> None:
    model = seeded(Plain).eval()

    def forward(self: Any, x: Tensor) -> Tensor:
        return self.head(self.features(x).amax((2, 3)))

    model.forward = types.MethodType(forward, model)
    copier = Copier(model)
    ours = copier.copy(model)
    seen: list[nn.Module] = []
    ours.conv1.register_forward_hook(lambda module, _args, _output: seen.append(module))
    assert torch.equal(ours(picture()), model(picture()))
    assert seen == [ours.conv1]
    assert copier.closed_over == []


@pytest.mark.parametrize("how", ["closure", "default", "partial"])
def test_a_forward_put_around_the_old_one_still_calls_the_users_model(how: str) -> None:
    model = seeded(Plain)
    old = model.forward
    model.forward = {
        "closure": lambda x: old(x) * 2,
        "default": lambda x, old=old: old(x) * 2,
        "partial": functools.partial(lambda f, x: f(x) * 2, old),
    }[how]
    copier = Copier(model)
    copier.copy(model)
    assert model in copier.closed_over


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_modules_among_the_global_names_of_a_notebook_are_found(cell: str) -> None:
    names: dict[str, Any] = {"nn": nn, "torch": torch, "__name__": "__main__"}
    exec(cell, names)
    model = names["Net"]()
    names["head"] = nn.Linear(1, 1)  # the name of an attribute, which no function looks up
    names["model"] = model
    copier = Copier(model)
    copier.copy(model)
    assert copier.closed_over == [names["hidden"]]


# What refers back to the model


class Loader(torch.utils.data.DataLoader):
    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        raise AssertionError("data was copied")


class Trainer:
    """Holds the model, its data, arrays and the state of an optimizer, as trainers do."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.epoch = 3
        self.best = {"weight": torch.ones(200, 200), "steps": torch.ones(1)}
        self.loops = {"fit": types.SimpleNamespace(trainer=self, loader=Loader(Data()), arrays=[np.ones((400, 400))])}
        self.optimizer = torch.optim.Adam(model.parameters())
        model.train()
        model(picture()).sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


class Data(torch.utils.data.Dataset):
    def __init__(self) -> None:
        self.pictures = np.ones((200, 3, 12, 12))

    def __len__(self) -> int:
        return len(self.pictures)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        raise AssertionError("data was copied")


class Trained(Plain):
    """A model that knows its trainer, as a LightningModule does, by an attribute and a property."""

    def __init__(self) -> None:
        super().__init__()
        self._trainer: Any = None
        self.fabric: Any = None

    @property
    def trainer(self) -> Any:
        if self._trainer is None:
            raise RuntimeError("not attached to a trainer")
        return self._trainer

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * (self.trainer.epoch - 2 if self._trainer is not None else 1)


@pytest.mark.parametrize("weak", [False, True])
def test_a_trainer_is_copied_without_its_data(weak: bool) -> None:
    model = seeded(Trained)
    trainer = Trainer(model)
    model._trainer = trainer
    model.fabric = weakref.proxy(trainer) if weak else trainer
    model.eval()
    before = snapshot(model)
    ours = twin(model)
    assert ours.copied
    copied: Any = ours.module
    assert copied._trainer is not trainer
    assert copied._trainer.model is copied
    assert copied._trainer.loops["fit"].loader is trainer.loops["fit"].loader
    assert copied._trainer.loops["fit"].arrays[0] is trainer.loops["fit"].arrays[0]
    assert copied._trainer.best["weight"].data_ptr() == trainer.best["weight"].data_ptr()
    assert copied._trainer.best["steps"].data_ptr() != trainer.best["steps"].data_ptr()
    torch.testing.assert_close(copied(picture()), model(picture()))
    assert differences(before, snapshot(model)) == []


class Aside(Plain):
    """Has a trainer that cannot be copied, which `forward` does not look at."""

    def __init__(self) -> None:
        super().__init__()
        self._trainer: Any = None

    @property
    def trainer(self) -> Any:
        return self._trainer

    def training_step(self, x: Tensor) -> Tensor:
        self.trainer.log(x)
        return self(x)


class Inside(Aside):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * self.scale()

    def scale(self) -> float:
        return 2.0 if self.trainer is not None else 1.0


class ByAnyName(Aside):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * (2.0 if getattr(self, "_tra" + "iner") is not None else 1.0)


@pytest.mark.parametrize(("make", "copied"), [(Aside, True), (Inside, False), (ByAnyName, False)])
def test_what_cannot_be_copied_and_computes_nothing_stays_the_users(make: type[Any], copied: bool) -> None:
    model = seeded(make)
    trainer = Trainer(model)
    trainer.lock = threading.Lock()  # type: ignore[attr-defined]
    model._trainer = trainer
    model.eval()
    before = snapshot(model)
    ours = twin(model)
    assert ours.copied == copied
    if copied:
        assert ours.module._trainer is trainer
        assert ours.module.conv1 is not model.conv1
    else:
        assert "cannot pickle '_thread.lock' object" in ours.reason
    torch.testing.assert_close(ours.module(picture()), model(picture()))
    assert differences(before, snapshot(model)) == []


def test_partials_of_the_trees_own_modules_are_copied() -> None:
    """As accelerate wraps `forward`: a partial of a function and the module itself, on the instance."""

    def doubled(module: nn.Module, *args: Any) -> Any:
        return module._old_forward(*args) * 2  # type: ignore[operator]

    model = seeded(Normed).eval()
    for part in (model.conv1, model.head, model):
        part._old_forward = part.forward
        part.forward = functools.update_wrapper(functools.partial(doubled, part), part.forward)
    before = snapshot(model)
    ours = twin(model.train())
    model.eval()
    assert ours.copied
    assert ours.module.conv1.forward.args[0] is ours.module.conv1
    assert not any(part.training for part in ours.module.modules())
    seen: list[nn.Module] = []
    ours.module.conv1.register_forward_hook(lambda module, *_: seen.append(module))
    torch.testing.assert_close(ours.module(picture()), model(picture()))
    assert seen == [ours.module.conv1]
    assert differences(before, snapshot(model)) == []


# Weights made in inference mode


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.rows = nn.LSTM(4, 5, batch_first=True)
        self.head = nn.Linear(5, 2)
        self.tied = self.head.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, _ = self.rows(self.norm(self.conv(x)).relu().mean(3).transpose(1, 2))
        return self.head(rows[:, -1])


def test_weights_made_in_inference_mode_are_as_good_as_others() -> None:
    normal = seeded(Recurrent).eval()
    with torch.inference_mode():
        model = Recurrent().eval()
        model.load_state_dict(normal.state_dict())
    x = seeded(lambda: torch.rand(1, 3, 9, 9))
    ours = Copier(model).copy(model)
    assert ours.tied is ours.head.weight
    assert not any(tensor.is_inference() for tensor in (*ours.parameters(), *ours.buffers()))
    before = [(id(tensor), tensor.data_ptr()) for tensor in (*model.parameters(), *model.buffers())]
    for method in ("gradient", "grad_cam", "occlusion", "activation"):
        asked: dict[str, Any] = {} if method in ("gradient", "occlusion") else {"layer": "conv"}
        asked |= {"target": 1} if method != "activation" else {"channel": 1}
        asked |= {"relu": False} if method == "grad_cam" else {}
        with torch.inference_mode(method == "grad_cam"):  # the caller's own mode is no matter
            values = explain(model, x, method, **asked).values
        np.testing.assert_allclose(values, explain(normal, x, method, **asked).values, rtol=1e-5, atol=1e-7)
        assert np.abs(values).max() > 0
    assert list_layers(model, x) == list_layers(normal, x)
    assert [(id(tensor), tensor.data_ptr()) for tensor in (*model.parameters(), *model.buffers())] == before
    assert all(tensor.is_inference() for tensor in model.parameters())


def test_weights_made_in_inference_mode_that_change_later_are_seen() -> None:
    with torch.inference_mode():
        model = Recurrent().eval()
    subject = Subject(model, torch.rand(1, 3, 9, 9))
    scores = subject.scores().clone()
    with torch.inference_mode():
        model.head.bias += 1
    assert subject.refresh()
    torch.testing.assert_close(subject.scores(), scores + 1)
