"""The faster twin for batches: the same scores, and none at all where they could be others."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import Subject, options
from tests.core.snapshot import differences, snapshot
from tests.networks import CLASSES, Plain, picture, seeded


class Normed(nn.Module):
    """Convolution and batch norm, plain and residual, with statistics that are not those of a new network."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, CLASSES)
        for norm in (self.stem[1], self.norm):
            for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
                tensor.data.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(F.relu(x + self.norm(self.conv(x))).mean((2, 3)))


class UsedTwice(Normed):
    """The output of the convolution goes past its batch norm as well."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        inside = self.conv(x)
        return self.head((inside + self.norm(inside)).mean((2, 3)))


class HardlyUsedTwice(Normed):
    """The same, but what goes past counts for next to nothing on the clean input."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        inside = self.conv(x)
        return self.head((1e-4 * inside + self.norm(inside)).mean((2, 3)))


class CalledTwice(Normed):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.norm(self.conv(x))
        return self.head(self.conv(x).mean((2, 3)))


class Overwritten(Normed):
    """The very tensor that the convolution returned goes into the batch norm, but other values are in it."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(self.stem(x)).abs_()).mean((2, 3)))


class OfTheBatch(Normed):
    """No running statistics: the batch norm takes those of the batch at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(6, track_running_stats=False)


class LooksAtItsNorm(Normed):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.norm.weight.sum()


class InAList(Normed):
    """The batch norm is called through a list of the network's own."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = [self.conv, self.norm]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for step in self.steps:
            x = step(x)
        return self.head(x.mean((2, 3)))


class Hooked(Normed):
    def __init__(self) -> None:
        super().__init__()
        self.norm.register_forward_pre_hook(lambda _module, args: (args[0] + 1,))
        self.stem[1].register_forward_hook(lambda _module, _args, output: 2 * output)


class OddConvolutions(Normed):
    """Groups, strides, dilations, paddings by name and by reflection, no bias; one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(6, 6, 3, padding="same", groups=2),
            nn.Conv2d(6, 6, (3, 1), padding=(1, 0), bias=False),
            nn.Conv2d(6, 6, 3, padding=2, dilation=2, padding_mode="reflect"),
            nn.Conv2d(6, 6, 1, groups=6, bias=False),
        )


def norms(subject: Subject) -> int | None:
    """Batch norms left in the faster twin; None where there is none."""
    many = subject.twin.many
    return sum(isinstance(m, nn.BatchNorm2d) for m in many.module.modules()) if many else None


@pytest.mark.parametrize(
    ("make", "left"),
    [
        (Normed, 0),
        (CalledTwice, 1),
        (Overwritten, 1),
        (OfTheBatch, 1),
        (Hooked, 2),
        (UsedTwice, None),
        (HardlyUsedTwice, None),
        (LooksAtItsNorm, None),
        (InAList, None),
        (OddConvolutions, 0),
        (Plain, 0),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_stay_whatever_is_folded(make: Callable[[], nn.Module], left: int | None, dtype: torch.dtype) -> None:
    model = seeded(make).to(dtype).eval()
    before = snapshot(model)
    subject = Subject(model, picture(dtype=dtype))
    batch = torch.cat([picture(seed=seed, dtype=dtype) for seed in range(8)])
    scores = subject.evaluate(batch.clone())
    assert norms(subject) == left
    torch.testing.assert_close(scores, torch.cat([model(one).detach() for one in batch.split(1)]))
    assert differences(before, snapshot(model)) == []


def test_packed_convolutions_are_equal_to_the_last_bit() -> None:
    for plain in (nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 6, (3, 5), 2, (0, 2), 2, groups=3, bias=False)):
        subject = Subject(nn.Sequential(plain, nn.Flatten()), picture())
        batch = torch.cat([picture(seed=seed) for seed in range(8)])
        layout = batch.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            assert torch.equal(subject.evaluate(batch), plain(layout).flatten(1))
        assert subject.twin.many
        assert not [m for m in subject.twin.many.module.modules() if type(m) is nn.Conv2d]


@pytest.mark.parametrize("operator", ["_reorder_convolution_weight", "_convolution_pointwise"])
def test_scores_stay_where_an_operator_of_torch_has_changed(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*_: object) -> None:
        raise RuntimeError("expected other arguments")

    monkeypatch.setattr(torch.ops.mkldnn, operator, changed)
    model = seeded(Normed).eval()
    subject = Subject(model, picture())
    batch = torch.cat([picture(seed=seed) for seed in range(8)])
    torch.testing.assert_close(subject.evaluate(batch), model(batch).detach())
    assert subject.twin.many is False


def test_it_is_the_one_that_runs() -> None:
    subject = Subject(seeded(Normed).eval(), picture())
    subject.evaluate(picture().repeat(8, 1, 1, 1))
    many = subject.twin.many
    assert many
    many.module.head.bias.data = many.module.head.bias + 100
    assert float(subject.evaluate(picture().repeat(8, 1, 1, 1)).min()) > 50
    assert float(subject.scores().max()) < 50


def test_changed_weights_are_folded_anew() -> None:
    model = seeded(Normed).eval()
    subject = Subject(model, picture())
    batch = picture().repeat(8, 1, 1, 1)
    subject.evaluate(batch.clone())
    with torch.no_grad():
        model.norm.weight.mul_(3)
    assert subject.refresh()
    torch.testing.assert_close(subject.evaluate(batch.clone()), model(batch).detach())


def test_weights_that_are_too_large_are_not_copied() -> None:
    model = nn.Sequential(nn.Conv2d(3, 64, 12), nn.Flatten(), nn.Linear(64, CLASSES))
    size = 4 * model[0].weight.numel()
    for budget, copied in ((4 * size, True), (4 * size - 1, False)):
        options.memory_budget = budget
        subject = Subject(model, picture())
        subject.evaluate(picture().repeat(8, 1, 1, 1))
        assert bool(subject.twin.many) is copied


def test_it_goes_with_its_twin() -> None:
    subject = Subject(seeded(Normed).eval(), picture())
    subject.evaluate(picture().repeat(8, 1, 1, 1))
    many = subject.twin.many
    assert many
    alive = weakref.ref(many.module)
    del many, subject
    gc.collect()
    assert alive() is None
