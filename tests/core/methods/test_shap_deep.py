"""Deep SHAP against shap itself where shap can, and against the same network written plainly where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shap
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import Subject, explain
from nbexplain.core.ask import ask as answers_to
from nbexplain.inputs import Image, Tabular
from tests.core.methods.test_shap_gradient import OneScore, perceptron, rows
from tests.core.snapshot import differences, snapshot
from tests.networks import FunctionalReLU, Linear, Plain, Residual, Reused, Tokens, picture, seeded

TARGET = 1


def theirs(model: nn.Module, x: Tensor, background: Tensor) -> np.ndarray:
    """shap's values, as a user calls it."""
    return shap.DeepExplainer(OneScore(model, TARGET), background).shap_values(x)[0, ..., 0]


def plain() -> np.ndarray:
    """shap's values of the network of which there are three ways of writing it, with a module for each call."""
    x = picture()
    return theirs(seeded(lambda: Plain(inplace=False)).eval(), x.clone(), Image(x).fill("blur"))


@pytest.mark.parametrize("make", [Plain, FunctionalReLU, Reused])
def test_a_network_gets_the_same_values_however_it_is_written(make: Callable[[], nn.Module]) -> None:
    # in place, as functions, and one module called twice: shap itself raises or does not add up there
    ours = explain(seeded(make).eval(), picture(), "deep_shap", target=TARGET)
    right = plain()
    assert np.abs(right).max() > 1e-4
    np.testing.assert_allclose(ours.values, right, atol=1e-4 * np.abs(right).max())
    assert abs(ours.gap) < 1e-6  # type: ignore[arg-type]
    assert ours.warnings == ()


def test_tables_as_shap_has_them() -> None:
    background = rows()
    ours = explain(perceptron(), Tabular(background[3] + 1, background), "deep_shap", target=TARGET)
    against = torch.from_numpy(background).float()
    right = theirs(perceptron(), torch.from_numpy(background[3:4] + 1).float(), against)
    np.testing.assert_allclose(ours.values, right, atol=1e-4 * np.abs(right).max())
    assert ours.base == pytest.approx(float(perceptron()(against)[:, TARGET].mean().detach()), abs=1e-6)
    assert ours.details["background rows"] == 30


def test_a_background_that_does_not_go_through_at_once_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    background = np.concatenate([rows(), rows() + 1])
    given = Tabular(background[3] + 1, background)
    whole = explain(perceptron(), given, "deep_shap", target=TARGET, background=58)
    monkeypatch.setattr(Subject, "chunk", lambda _self, gradients=False: 8)
    monkeypatch.setattr("nbexplain.core.methods.shap_deep.Pace.due", True)
    subject = Subject(perceptron(), given)
    *parts, last = answers_to(subject, "deep_shap", target=TARGET, params={"background": 58})
    np.testing.assert_allclose(last.values, whole.values, atol=1e-9 + 1e-5 * np.abs(whole.values).max())
    assert (last.base, last.progress, last.standard_error) == (pytest.approx(whole.base, rel=1e-5), 1, None)
    assert [part.details["background rows"] for part in parts] == [*range(8, 57, 4)]
    each = [
        explain(perceptron(), Tabular(given.tensor[0].numpy(), row[None]), "deep_shap", target=TARGET)
        for row in given.masker(58).stand_ins
    ]
    first = parts[0]
    np.testing.assert_allclose(first.values, np.mean([one.values for one in each[:8]], axis=0), atol=1e-5)
    means = [np.mean([one.values for one in each[at : at + 4]], axis=0) for at in (0, 4)]
    error = np.std(means, axis=0, ddof=1) / 2**0.5 * (1 - 8 / 58) ** 0.5
    np.testing.assert_allclose(first.standard_error, error, rtol=1e-3, atol=1e-7)
    for part in parts:
        assert abs(part.gap) < 1e-5  # each of them adds up  # type: ignore[arg-type]


def test_a_linear_network_gets_weight_times_difference() -> None:
    model, x = seeded(Linear), picture()
    ours = explain(model, x, "deep_shap", target=TARGET, baseline="mean")
    right = model.head.weight[TARGET].detach().reshape(3, 12, 12) * (x - Image(x).fill("mean"))[0]
    np.testing.assert_allclose(ours.values, right, atol=1e-6)


def test_one_activation_is_worked_out_by_hand() -> None:
    # y = silu(2 a + b) from (0, 0) to (1, −1): Δy = silu(1) − silu(0) = 0.7311 for Δ(2 a + b) = 1,
    # so a gets 2 · 0.7311 and b −1 · 0.7311
    model = nn.Sequential(nn.Linear(2, 1, bias=False), nn.SiLU()).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[2.0, 1.0]]))
    ours = explain(model, Tabular([1.0, -1.0], np.zeros((1, 2))), "deep_shap", target=0)
    np.testing.assert_allclose(ours.values, [1.4621172, -0.7310586], atol=1e-6)


class Overlapping(nn.Module):
    """A max pooling whose windows overlap, as in ResNets: shap's own rule loses what two windows share."""

    def __init__(self, act: Callable[[Tensor], Tensor] = F.silu) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3)
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8, 5)
        self.pool, self.act = nn.MaxPool2d(3, stride=2, padding=1), act

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.act(self.norm(self.conv1(x))))
        y = F.adaptive_max_pool2d(self.act(self.conv2(x)), 1)
        return self.head(y.flatten(1)) ** 2


@pytest.mark.parametrize("act", [F.silu, F.gelu, torch.tanh, Tensor.sigmoid, lambda x: x.clamp(-0.5, 0.5), F.hardswish])
def test_activations_as_functions_and_overlapping_pools_add_up(act: Callable[[Tensor], Tensor]) -> None:
    model = seeded(lambda: Overlapping(act)).double().eval()
    ours = explain(model, picture(dtype=torch.float64), "deep_shap", target=TARGET, baseline="zero")
    assert abs(ours.score - ours.base) > 1e-4  # type: ignore[operator]
    assert abs(ours.gap) < 1e-3 * abs(ours.score - ours.base)  # type: ignore[arg-type, operator]
    assert ours.warnings == ()


def test_residual_networks_add_up() -> None:
    ours = explain(seeded(Residual).double().eval(), picture(dtype=torch.float64), "deep_shap", target=TARGET)
    assert abs(ours.gap) < 1e-9  # type: ignore[arg-type]


def test_what_has_no_rule_is_named_with_its_layer() -> None:
    ours = explain(seeded(Tokens).eval(), picture(), "deep_shap", target=TARGET, baseline="zero")
    (note,) = ours.warnings
    assert f"{ours.gap:.3g}" in note
    for part in ("layer_norm in 'norm1'", "multi_head_attention_forward in 'attention'", "layer_norm in 'norm3'"):
        assert part in note
    assert "mlp" not in note  # a GELU has a rule


class Moody(Plain):
    """Another number of activations at each call."""

    calls = 0

    def forward(self, x: Tensor) -> Any:
        self.calls += 1
        for _ in range(self.calls):
            x = torch.tanh(x)
        return super().forward(x)


def test_other_calls_in_each_pass_are_refused() -> None:
    with pytest.raises((ValueError, RuntimeError), match="deep_shap needs the same calls in each pass"):
        explain(seeded(Moody).eval(), picture(), "deep_shap", target=TARGET)


def test_nothing_of_shap_stays_after_an_error_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = seeded(Plain).eval(), picture()
    subject = Subject(model, x)
    before = snapshot(model, x), snapshot(subject.twin.module)
    monkeypatch.setattr("nbexplain.core.methods.shap_deep.maxpool", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(answers_to(subject, "deep_shap", target=TARGET))
    assert differences(before[0], snapshot(model, x)) == []
    assert differences(before[1], snapshot(subject.twin.module)) == []
    monkeypatch.undo()
    (ours,) = answers_to(subject, "deep_shap", target=TARGET)
    np.testing.assert_array_equal(ours.values, explain(model, x, "deep_shap", target=TARGET).values)
    assert differences(before[1], snapshot(subject.twin.module)) == []
