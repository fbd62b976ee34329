"""Gradient SHAP against shap itself, closed forms, and its own spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shap
import torch
from torch import Tensor, nn

from nbexplain import Explanation, Subject, explain
from nbexplain.core.ask import ask as answers_to
from nbexplain.core.memory import options
from nbexplain.inputs import Image, Tabular
from tests.networks import Linear, Plain, TupleOutput, picture, seeded


class OneScore(nn.Module):
    """A network as shap wants it: one column of scores."""

    def __init__(self, model: nn.Module, target: int) -> None:
        super().__init__()
        self.model, self.target = model, target

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[:, self.target : self.target + 1]


def perceptron() -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Linear(6, 16), nn.Softplus(), nn.Linear(16, 3)), 2)


def rows(count: int = 30) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 6))


@pytest.mark.parametrize("baseline", ["blur", "black"])
def test_pictures_as_shap_has_them(baseline: str) -> None:
    model, x = seeded(Plain).eval(), picture()
    fill = Image(x).fill(baseline).contiguous()
    ours = explain(model, x, "gradient_shap", target=1, baseline=baseline, samples=40, seed=5)
    theirs = shap.GradientExplainer(OneScore(seeded(Plain).eval(), 1), fill).shap_values(
        x.clone(), nsamples=40, rseed=5, return_variances=True
    )
    values, spread = theirs[0][0, ..., 0], theirs[1][0][0]
    np.testing.assert_allclose(ours.values, values, atol=1e-4 * np.abs(values).max())
    # shap returns the variance of the samples over the root of their number; t of 39 degrees of freedom is 2.0227
    np.testing.assert_allclose(
        ours.standard_error, np.sqrt(spread * 40**0.5 / 39) * 2.0227 / 1.96, rtol=1e-3, atol=1e-7
    )
    assert ours.axes == ("channel", "y", "x")
    assert ours.base == pytest.approx(float(model(fill)[0, 1]), abs=1e-6)
    assert ours.gap == pytest.approx(float(model(x)[0, 1]) - ours.base - ours.values.sum(), abs=1e-6)  # type: ignore[operator]


def test_tables_as_shap_has_them() -> None:
    model, background = perceptron(), rows()
    row = background[3] + 1
    ours = explain(model, Tabular(row, background), "gradient_shap", target=2, samples=60, seed=5)
    against = torch.from_numpy(background).float()
    theirs = shap.GradientExplainer(OneScore(perceptron(), 2), against).shap_values(
        torch.from_numpy(row).float()[None], nsamples=60, rseed=5
    )[0, :, 0]
    np.testing.assert_allclose(ours.values, theirs, atol=1e-4 * np.abs(theirs).max())
    assert ours.on == "features"
    assert ours.names == tuple(f"feature {i}" for i in range(6))
    assert ours.base == pytest.approx(float(model(against)[:, 2].mean().detach()), abs=1e-6)


def test_a_linear_network_gets_weight_times_difference() -> None:
    model, x = seeded(Linear), picture()
    ours = explain(model, x, "gradient_shap", target=1, baseline="mean", samples=8)
    right = model.head.weight[1].detach().reshape(3, 12, 12) * (x - Image(x).fill("mean"))[0]
    np.testing.assert_allclose(ours.values, right, atol=1e-6)
    np.testing.assert_allclose(ours.standard_error, 0, atol=1e-7)  # the slope is the same everywhere
    assert ours.gap == pytest.approx(0, abs=1e-5)


def test_many_samples_add_up_to_the_score() -> None:
    background = rows()
    ours = explain(perceptron(), Tabular(background[3] + 1, background), "gradient_shap", target=2, samples=4000)
    whole = np.sqrt((np.asarray(ours.standard_error) ** 2).sum())
    assert abs(ours.gap) < 4 * whole < 0.2  # type: ignore[operator]


def test_standard_errors_are_the_spread_over_seeds() -> None:
    background = rows()
    row = Tabular(background[3] + 1, background)
    answers = [explain(perceptron(), row, "gradient_shap", target=2, samples=40, seed=seed) for seed in range(40)]
    spread = np.std([a.values for a in answers], axis=0, ddof=1)
    said = np.mean([np.asarray(a.standard_error) for a in answers], axis=0)
    np.testing.assert_allclose(said, spread, rtol=0.45)


def test_chunks_do_not_change_the_answer_and_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbexplain.core.methods.shap_game.Pace.due", True)
    model, x = seeded(Plain).eval(), picture()

    def ask() -> list[Explanation]:
        return list(answers_to(Subject(model, x), "gradient_shap", target=1, params={"samples": 40}))

    pictures = ask()
    assert pictures[0].progress <= 0.1
    assert [p.details["samples"] for p in pictures] == sorted({p.details["samples"] for p in pictures})
    errors = [np.asarray(p.standard_error).mean() for p in pictures]
    assert errors[-1] < errors[0]
    options.memory_budget = 1  # one input at a time
    np.testing.assert_allclose(ask()[-1].values, pictures[-1].values, rtol=1e-3, atol=1e-7)


def test_stops_when_it_is_stable() -> None:
    background = rows()
    row = Tabular(background[3] + 1, background)
    ours = explain(perceptron(), row, "gradient_shap", target=2, samples=5000, stable=0.1)
    assert ours.progress == 1
    assert ours.details["samples"] < 2500
    assert np.asarray(ours.standard_error).max() <= 0.1 * np.abs(ours.values).max()


def test_the_users_own_ways_in_and_out_are_used() -> None:
    x = picture()
    plain = explain(seeded(Plain).eval(), x, "gradient_shap", target=1, samples=8)
    odd = explain(
        seeded(TupleOutput).eval(),
        x,
        "gradient_shap",
        target=1,
        samples=8,
        forward=lambda model, batch: model(batch),
        scores=lambda output: output[0],
    )
    np.testing.assert_allclose(odd.values, plain.values, atol=1e-7)
    background = rows()
    ours = explain(
        perceptron(),
        Tabular(background[0], background, encode=lambda batch: (batch * 2).float()),
        "gradient_shap",
        target=2,
    )
    doubled = explain(perceptron(), Tabular(background[0] * 2, background * 2), "gradient_shap", target=2)
    np.testing.assert_allclose(ours.values, doubled.values, atol=1e-6)


def test_what_has_no_gradient_is_refused_with_what_remains() -> None:
    background = rows()
    for key in ("gradient_shap", "deep_shap"):
        with pytest.raises(
            ValueError, match=r"no gradient of the score reaches .*; methods that remain: .*kernel_shap"
        ):
            explain(lambda x: x.sum(1), Tabular(background[0], background), key, target=0)


@pytest.mark.parametrize("key", ["gradient_shap", "deep_shap"])
def test_between_categories_there_is_nothing(key: str) -> None:
    table = [[1.0, "red"], [2.0, "blue"], [3.0, "red"]]
    row = Tabular([2.5, "blue"], np.array(table, dtype=object), names=["size", "colour"])
    ours = explain(seeded(lambda: nn.Linear(2, 2)), row, key, target=0)
    assert any("between two categories" in note and "'colour'" in note for note in ours.warnings)


class Logarithms(nn.Module):
    """The sum of logarithms: NaN below 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x.log().sum(1, keepdim=True)


@pytest.mark.parametrize("way", [{}, {"stand_in": "median"}])
@pytest.mark.parametrize("key", ["gradient_shap", "deep_shap"])
def test_a_score_that_is_no_number_is_named_with_its_row(key: str, way: dict[str, Any]) -> None:
    background = np.exp(rows(60))
    model, row = Logarithms(), background[1] + 1
    assert np.isfinite(explain(model, Tabular(row, background), key, **way).values).all()
    if way:
        background[:, 0] *= -1
        where = "$"
    else:
        background[5, 0] = -1
        where = ": row 5 of the background$"
    with pytest.raises(ValueError, match=f"^background: the score of a row is NaN or infinite{where}"):
        explain(model, Tabular(row, background), key, **way)
    with pytest.raises(ValueError, match=r"^row: the score of a row is NaN or infinite$"):
        explain(model, Tabular(-row, np.abs(background)), key, **way)


@pytest.mark.parametrize("key", ["gradient_shap", "deep_shap"])
def test_what_the_users_target_makes_no_number_of_is_named(key: str) -> None:
    background = rows(60)
    background[:, 0] = 1
    background[5, 0] = -1
    table = Tabular(np.abs(background[1]), background)
    with pytest.raises(
        ValueError, match=r"^target: what it makes of the scores is NaN or infinite for the background$"
    ):
        explain(nn.Identity(), table, key, target=lambda scores: scores[:, 0].log())


@pytest.mark.parametrize("key", ["gradient_shap", "deep_shap"])
def test_a_picture_is_compared_with_one_that_has_a_score(key: str) -> None:
    model = nn.Sequential(nn.Flatten(), Logarithms())
    with pytest.raises(ValueError, match=r"^scores: that of the baseline is NaN or infinite$"):
        explain(model, picture().abs() + 1, key, baseline="zero")


def test_equal_seeds_give_equal_values_and_the_process_keeps_its_own() -> None:
    model, x = seeded(Plain).eval(), picture()
    before: Any = np.random.get_state()[1].tobytes()  # type: ignore[union-attr]
    first, same, other = (
        explain(model, x, "gradient_shap", target=1, samples=8, seed=seed).values for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert np.random.get_state()[1].tobytes() == before  # type: ignore[union-attr]
