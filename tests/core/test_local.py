"""Pictures that differ from the clean one in a rectangle: the same scores as if all were computed."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import Subject, options
from nbexplain.core import local
from tests.core.snapshot import differences, snapshot
from tests.networks import CLASSES, picture, seeded

SIZE = 80
RECTANGLES = [
    ((0, 9), (0, 9)),
    ((40, 49), (37, 46)),
    ((71, 80), (71, 80)),
    ((0, 9), (61, 70)),
    ((76, 80), (3, 12)),  # a window that is cut at the edge
    ((21, 22), (79, 80)),
]


class Chain(nn.Module):
    """One thing after the other, with sizes that no stride divides."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(8, 6, (3, 2), padding=(1, 0), groups=2),
            nn.GELU(),
            nn.MaxPool2d((2, 3), stride=1),
            nn.Conv2d(6, 6, 3, padding=2, dilation=2),
        )
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.steps(x).mean((2, 3)))


class Residual(Chain):
    """The convolution's output is overwritten by a sum, and one ReLU is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.inside = nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        y = self.inside(x)
        y += x
        return self.head(self.inside(self.relu(y)).mean((2, 3)))


class Twice(Residual):
    """One convolution at two places."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inside(self.relu(self.inside(self.stem(x)))).mean((2, 3)))


class Branches(Residual):
    """Two ways from the same place, that meet in a module."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(self.inside(self.relu(self.inside(x) - 2 * x.mean((2, 3), keepdim=True))).mean((2, 3)))


class Normalises(Chain):
    """The input is overwritten before anything looks at it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.sub_(x.mean((2, 3), keepdim=True)))


class TakesAnotherWay(Residual):
    """Which modules a picture comes through is decided by what it shows."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = (self.relu, F.silu) if len(x) == 1 else (F.silu, self.relu)
        return self.head(self.inside(second(first(self.stem(x)))).mean((2, 3)))


class LooksAtItsParts(Chain):
    def forward(self, x: Tensor) -> Tensor:
        assert self.steps[2].inplace in (True, False)
        assert self.steps[3].stride == 2
        return super().forward(x)


class WritesUnseen(Chain):
    """What no version counter tells: the mean of the whole picture is in every pixel."""

    def forward(self, x: Tensor) -> Tensor:
        x.data.sub_(x.data.mean((2, 3), keepdim=True))
        return super().forward(x)


class Reflects(Chain):
    """Paddings and poolings that are not treated."""

    def __init__(self) -> None:
        super().__init__()
        self.steps[0] = nn.Conv2d(3, 8, 3, padding=1, padding_mode="circular")
        self.steps[3] = nn.MaxPool2d(3, 2, ceil_mode=True)


def changed(x: Tensor, rectangles: list[local.Rectangle]) -> Tensor:
    batch = torch.cat([x] * len(rectangles))
    for each, (down, across) in zip(batch, rectangles, strict=True):
        each[:, slice(*down), slice(*across)] = torch.rand_like(each[:, slice(*down), slice(*across)])
    return batch


@pytest.mark.parametrize(
    ("make", "taken"),
    [
        (Chain, 5),
        (Residual, 2),
        (Twice, 3),
        (Branches, 2),
        (Normalises, 0),
        (TakesAnotherWay, 1),
        (LooksAtItsParts, 5),
        (WritesUnseen, 0),
        (Reflects, 0),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_are_those_of_all_computed(make: Callable[[], nn.Module], taken: int, dtype: torch.dtype) -> None:
    model = seeded(make).to(dtype).eval()
    x = picture(SIZE, dtype=dtype)
    batches = [(rectangles, changed(x, rectangles)) for rectangles in (RECTANGLES, RECTANGLES[3:4])]
    before = snapshot(model)
    subject = Subject(model, x)
    near = subject.clean_parts(RECTANGLES[1])
    assert len(near) == taken
    for rectangles, batch in batches:
        scores = subject.evaluate_changed(batch.clone(), rectangles, near)
        torch.testing.assert_close(scores, model(batch.clone()).detach())
        torch.testing.assert_close(subject.evaluate(batch.clone()), model(batch.clone()).detach())
    assert differences(before, snapshot(model)) == []


@pytest.mark.parametrize("seed", range(40))
def test_any_geometry(seed: int) -> None:
    """Every single output of modules of any kernel, stride, padding, dilation; rectangles of any size anywhere."""
    chance = random.Random(seed)
    pool = chance.random() < 0.3
    kernel, stride, dilation = ([chance.randint(1, most) for _ in range(2)] for most in (5, 3, 2))
    padding = [chance.randint(0, k // 2 if pool else 4) for k in kernel]
    how = [tuple(sides) for sides in (kernel, stride, padding, dilation)]
    plain = nn.MaxPool2d(*how) if pool else nn.Conv2d(3, 4, *how)
    near = local.localised(plain, plain)
    assert near is not None
    high, wide = chance.randint(12, 30), chance.randint(12, 30)
    x = torch.randn(1, 3, high, wide)
    rectangles = []
    for _ in range(5):
        top, left = chance.randrange(high), chance.randrange(wide)
        rectangles.append(
            ((top, min(top + chance.randint(1, 6), high)), (left, min(left + chance.randint(1, 6), wide)))
        )
    batch = changed(x, rectangles)
    with torch.no_grad():
        clean: dict[local.Path, Tensor] = {}
        near(local.mark(x.clone(), local.Change(clean, [((0, 1), (0, 1))], recording=True)))
        found = near(local.mark(batch.clone(), local.Change(clean, rectangles)))
        torch.testing.assert_close(found, plain(batch))
    change = local.change_of(found)
    if change is not None:  # and it is said rightly where they differ
        for after, before, (down, across) in zip(plain(batch), plain(x)[[0] * 5], change.rectangles, strict=True):
            differs = (after - before).abs().amax(0) > 1e-5
            differs[slice(*down), slice(*across)] = False
            assert not differs.any()


def test_only_what_changes_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject(seeded(Chain).eval(), picture(SIZE))
    near = subject.clean_parts(RECTANGLES[1])
    batch = changed(picture(SIZE), RECTANGLES[:2])
    seen: list[tuple[int, ...]] = []
    cut = local._Neighbourhood._cut
    monkeypatch.setattr(local._Neighbourhood, "_cut", lambda *args: seen.append((part := cut(*args)).shape) or part)
    monkeypatch.setattr(local._Neighbourhood, "_everything", None)
    subject.evaluate_changed(batch, RECTANGLES[:2], near)
    assert [shape[0] for shape in seen] == [2] * 5
    # nine rows are seen by seven outputs two apart, nine columns by eight; each looks at 7 × 7 pixels
    assert seen[0][1:] == (3, 6 * 2 + 7, 7 * 2 + 7)
    assert all(max(shape[2:]) < SIZE // 4 for shape in seen[1:])


def test_what_is_kept_of_the_clean_input_is_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject(seeded(Chain).eval(), picture(SIZE))
    everything = subject.clean_parts(RECTANGLES[1])
    assert sum(part.nbytes for part in everything.values()) <= options.memory_budget // 8
    monkeypatch.setattr(options, "memory_budget", 8 * next(iter(everything.values())).nbytes)
    assert len(subject.clean_parts(RECTANGLES[1])) == 1


def test_a_tensor_that_was_written_to_is_no_longer_known() -> None:
    x = local.mark(torch.zeros(1, 3, 8, 8), local.Change({}, [((0, 1), (0, 1))]))
    assert local.change_of(x) is not None
    assert local.change_of(x * 1) is None
    x[0, 0, 5, 5] = 1
    assert local.change_of(x) is None
    with torch.inference_mode():
        assert local.change_of(local.mark(torch.zeros(1, 3, 8, 8), local.Change({}, [((0, 1), (0, 1))]))) is None


def test_a_batch_norm_that_takes_statistics_hands_nothing_on() -> None:
    norm = nn.BatchNorm2d(3).eval()
    near = local.localised(norm, norm)
    assert near is not None

    def known(x: Tensor) -> bool:
        return local.change_of(near(local.mark(x, local.Change({}, [((0, 1), (0, 1))])))) is not None

    assert known(torch.rand(1, 3, 8, 8))
    norm.train()
    assert not known(torch.rand(1, 3, 8, 8))
