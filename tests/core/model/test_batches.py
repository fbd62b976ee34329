"""Several inputs at once, where that gives each the scores that it has alone; else one by one, and it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import Subject, Tabular, explain
from nbexplain.core.model.batches import RANDOM
from tests.networks import Plain, picture, seeded

METHODS: dict[str, dict[str, Any]] = {
    "occlusion": {"window": 4, "stride": 4, "fill": "zero"},
    "lime": {"samples": 40},
    "gradient_shap": {"samples": 12},
    "kernel_shap": {"samples": 40},
}


class OneOnly(Plain):
    """Reshapes to a batch of one."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)).reshape(1, 8))


class Asserts(Plain):
    def forward(self, x: Tensor) -> Tensor:
        assert len(x) == 1, "one at a time"
        return super().forward(x)


class Squeezes(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x.squeeze(0)).mean((1, 2)))[None]


class First(Plain):
    """Answers for the first input, however many come."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:1]


class BatchStatistics(Plain):
    """Batch norm by the statistics of the batch, also in eval mode."""

    def features(self, x: Tensor) -> Tensor:
        x = F.batch_norm(self.pool(self.relu1(self.conv1(x))), None, None, training=True)
        return self.relu2(self.conv2(x))


class Across(Plain):
    """Attention across the batch."""

    def forward(self, x: Tensor) -> Tensor:
        scores = super().forward(x)
        return (scores @ scores.T).softmax(1) @ scores


class FromTheFirst(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x[:1].mean() / 2)


class ToTheLast(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x[-1:].mean() / 2)


class ByTheLargest(Plain):
    """Scaled by the largest value of the whole batch, which is in the input itself as long as the others are darker."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x / x.max())


class FromTheSmallest(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.min())


ALONE = (OneOnly, Asserts, Squeezes, First)
MIXING = (BatchStatistics, Across, FromTheFirst, ToTheLast, ByTheLargest, FromTheSmallest)


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize("make", [*ALONE, *MIXING])
def test_what_is_right_for_one_is_right_for_many(make: type[nn.Module], key: str) -> None:
    model, x = seeded(make).double().eval(), picture(dtype=torch.float64)
    ours = explain(model, x, key, target=1, **METHODS[key])
    right = explain(Rows(model), x, key, target=1, **METHODS[key])
    np.testing.assert_allclose(ours.values, right.values, rtol=1e-7, atol=1e-10)
    assert any("the model takes one input at a time: " in note for note in ours.warnings)
    assert not any("one input at a time" in note for note in right.warnings)


class Rows(nn.Module):
    """Runs a model on each input of a batch alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.model(one) for one in x.split(1)])


class Towers(nn.Module):
    """One score for each pair of an image and a text: a batch of images with one text, repeated, has more scores."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = Plain(), nn.Embedding(20, 5)

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        return self.image(image) @ self.text(ids).mean(1).T


@pytest.mark.parametrize("key", METHODS)
def test_an_image_beside_one_text(key: str) -> None:
    model, x = seeded(Towers).double().eval(), picture(dtype=torch.float64)
    ids = torch.tensor([[3, 7, 1]])
    ours = explain(model, (x, ids), key, target=0, **METHODS[key])
    right = explain(model, x, key, target=0, forward=lambda m, x: m(x, ids), **METHODS[key])
    np.testing.assert_allclose(ours.values, right.values, rtol=1e-7, atol=1e-10)
    if key != "gradient_shap":
        assert any("an input has as many scores as there are inputs in a batch" in note for note in ours.warnings)


@pytest.mark.parametrize("make", [OneOnly, BatchStatistics])
def test_channels_are_switched_off_one_state_at_a_time(make: type[nn.Module]) -> None:
    model, x = seeded(make).double().eval(), picture(dtype=torch.float64)
    ours = explain(model, x, "ablation_curve", target=1, layer="conv2", which="largest activation first")
    activation = explain(model, x, "activation", layer="conv2").values
    order = torch.tensor(activation.mean((1, 2))).argsort(descending=True)
    for off in range(9):
        keep = torch.ones(8, dtype=torch.float64)
        keep[order[:off]] = 0
        handle = model.conv2.register_forward_hook(lambda _m, _a, y, keep=keep: y * keep[:, None, None])
        assert ours.values[off] == pytest.approx(float(model(x)[0, 1].detach()), rel=1e-9)
        handle.remove()


@pytest.mark.parametrize("make", [*ALONE, *MIXING])
def test_the_reason_is_the_true_one(make: type[nn.Module]) -> None:
    subject = Subject(seeded(make).eval(), picture())
    assert not subject.takes_batches()
    (note,) = subject.warnings
    told = {Asserts: "raises AssertionError (one at a time)", First: "one row of scores per input"}
    expected = told.get(make, "raises" if make in ALONE else "the scores of an input depend on the other inputs")
    assert expected in note
    assert subject.chunk() == subject.chunk(gradients=True) == 1


class Views(Plain):
    """Flattens as the tutorials do, which a batch in channels-last order does not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8 * 36, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).view(-1, 8 * 36))


@pytest.mark.parametrize("key", METHODS)
def test_a_model_that_flattens_with_view_takes_batches(key: str) -> None:
    model, x = seeded(Views).double().eval(), picture(dtype=torch.float64)
    ours = explain(model, x, key, target=1, **METHODS[key])
    right = explain(Rows(model), x, key, target=1, **METHODS[key])
    np.testing.assert_allclose(ours.values, right.values, rtol=1e-7, atol=1e-10)
    assert ours.warnings == right.warnings
    sizes: list[int] = []
    subject = Subject(model, x, forward=lambda module, x: (sizes.append(len(x)), module(x))[1])
    subject.evaluate(x.repeat(16, 1, 1, 1))
    assert [size for size in sizes if size > 1][-2:] == [8, 8]  # some of the first are asked alone as well


class HalfInside(Plain):
    """Its scores differ with the size of the batch by the rounding of half precision."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x).float()


class Noisy(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.randn(len(x), 5)


class Refuses(Plain):
    """Takes batches, but no input that is darker than ours."""

    def forward(self, x: Tensor) -> Tensor:
        if x.mean() < 0.4:
            raise ValueError("too dark")
        return super().forward(x)


@pytest.mark.parametrize("make", [Plain, HalfInside, Refuses])
def test_no_false_alarm(make: type[nn.Module]) -> None:
    subject = Subject(seeded(make).eval(), picture())
    assert subject.takes_batches()
    assert subject.chunk() > 1
    assert subject.warnings == ()


def test_a_model_that_draws_random_numbers_is_said_to_be_random_and_takes_batches() -> None:
    subject = Subject(seeded(Noisy).eval(), picture())
    assert subject.takes_batches()
    assert subject.chunk() > 1
    assert subject.warnings == (f"the model is random: {RANDOM}",)


def test_nor_for_texts_tables_and_estimators() -> None:
    embedded = nn.Sequential(nn.EmbeddingBag(20, 4), nn.Linear(4, 2))
    text = Subject(embedded, torch.randint(0, 20, (1, 7)))
    rows = np.random.default_rng(0).normal(size=(9, 3))
    table = Subject(nn.Linear(3, 2).double(), Tabular(rows[0], rows))
    called = Subject(lambda x: x[:, :2], Tabular(rows[0], rows))  # type: ignore[arg-type]
    for subject in (text, table, called):
        assert subject.takes_batches()
        assert subject.warnings == ()


def test_it_is_tried_once_for_each_shape_and_not_for_a_gradient() -> None:
    sizes: list[int] = []

    def forward(module: nn.Module, x: Tensor) -> Tensor:
        sizes.append(len(x))
        return module(x)

    model = seeded(Plain).eval()
    explain(model, picture(), "gradient", target=1, forward=forward)
    explain(model, picture(), "grad_cam", target=1, layer="conv2", forward=forward)
    assert sizes == [1, 1]
    subject = Subject(model, picture(), forward=forward)
    other = Subject(subject.twin, picture(seed=5), forward=forward)
    subject.chunk()
    before = len(sizes)
    other.chunk()
    assert sizes[before:] == [1]  # its clean pass


def test_a_layer_of_a_batch_is_caught_one_by_one() -> None:
    model, x = seeded(Asserts).double().eval(), picture(dtype=torch.float64)
    subject = Subject(model, x)
    batch = torch.cat([picture(seed=seed, dtype=torch.float64) for seed in range(3)])
    caught = subject.catch(subject.layer("conv1"), batch)
    torch.testing.assert_close(caught.returned, model.conv1(batch).detach())
    torch.testing.assert_close(caught.taken, batch)
    field = explain(model, x, "receptive_field", layer="conv2", cell=(2, 2)).values
    np.testing.assert_array_equal(
        field, explain(seeded(Plain), picture(), "receptive_field", layer="conv2", cell=(2, 2)).values
    )


def test_deep_shap_says_why_it_cannot() -> None:
    with pytest.raises(ValueError, match=r"deep_shap runs .*one input at a time: .*use gradient_shap"):
        explain(seeded(OneOnly).eval(), picture(), "deep_shap", target=1)
