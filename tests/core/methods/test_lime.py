"""LIME against lime itself, on networks whose weights are known, and its standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from sklearn.metrics import pairwise_distances
from torch import nn

from nbexplain import Explanation, Subject, explain
from nbexplain.core.ask import ask as answers_to
from nbexplain.inputs import Image, Text
from tests.core import games, oracles
from tests.networks import Linear, Plain, Signal, picture, seeded

SIDE = 24


def photo() -> np.ndarray:
    """A picture (24, 24, 3) of 0 … 1 with regions that SLIC can find."""
    y, x = np.mgrid[:SIDE, :SIDE]
    blobs = np.stack([(y // 8 * 3 + x // 8) % 5, (y // 8 + x // 8) % 3, x // 8], -1) / 5
    noise = np.random.default_rng(3).random((SIDE, SIDE, 3))
    return (0.8 * blobs + 0.2 * noise).astype(np.float64)


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.astype(np.float64).transpose(2, 0, 1))[None]


def network(seed: int = 0) -> nn.Module:
    """Scores of a size that a fit can see."""
    model = seeded(Plain, seed).double().eval()
    with torch.no_grad():
        for layer in (model.conv1, model.conv2, model.head):
            layer.weight *= 4
    return model


def ask(model: nn.Module, **params: Any) -> Explanation:
    return explain(model, photo(), "lime", preprocess=tensor, **params)


@pytest.mark.parametrize("segmentation", ["slic", "grid"])
@pytest.mark.parametrize(("samples", "seed", "width"), [(60, 0, 0.25), (300, 5, 0.6)])
def test_coefficients_equal_limes_own_fit(segmentation: str, samples: int, seed: int, width: float) -> None:
    model = network()
    ours = ask(
        model, target=1, superpixels=9, samples=samples, segmentation=segmentation, seed=seed, kernel_width=width
    )
    labels = ours.features
    assert labels is not None
    regions = int(labels.max()) + 1
    keep = oracles.samples(samples, regions, seed)
    scores = oracles.scores(model, oracles.hide(tensor(photo()), labels, keep)).numpy()
    lime = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / width**2)), random_state=np.random.RandomState(0))
    distances = pairwise_distances(keep, keep[:1], metric="cosine").ravel()
    _, pairs, r2, _ = lime.explain_instance_with_data(keep, scores, distances, 1, regions, feature_selection="none")
    theirs = np.array([dict(pairs)[i] for i in range(regions)])
    assert np.abs(theirs).max() > 1e-3
    np.testing.assert_allclose(ours.values, theirs, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.values, oracles.ridge(keep, scores[:, 1], width), rtol=1e-6, atol=1e-9)
    assert ours.details["R²"] == pytest.approx(r2, abs=1e-6)
    assert ours.details["samples"] == samples


@pytest.mark.parametrize("fill", ["region mean", "zero"])
def test_recovers_a_linear_network(fill: str) -> None:
    # a linear score falls by the same amount for each hidden region, whatever else is hidden
    model = seeded(lambda: Linear(SIDE)).double()
    x = tensor(photo())
    ours = explain(
        model, photo(), "lime", preprocess=tensor, target=2, superpixels=9, samples=3000, segmentation="grid", fill=fill
    )
    labels = ours.features
    assert labels is not None
    right = []
    for region in range(9):
        hidden = oracles.hide(x, labels, np.arange(9)[None] != region) if fill == "region mean" else x.clone()
        hidden[..., torch.from_numpy(labels == region)] *= 1 if fill == "region mean" else 0
        right.append(float((model(x) - model(hidden))[0, 2].detach()))
    # ridge shrinks all by about 1 / (weights of all samples / 4)
    np.testing.assert_allclose(ours.values, right, rtol=0.01, atol=0.01 * np.abs(right).max())
    assert ours.details["R²"] > 0.999


def test_agrees_with_lime_image_within_the_standard_errors() -> None:
    model, source = network(), photo()
    ours = ask(model, target=1, superpixels=9, samples=1500, segmentation="grid", seed=1)
    labels, errors = ours.features, ours.standard_error
    assert labels is not None
    assert errors is not None

    def classify(pictures: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
        return oracles.scores(model, batch).numpy()

    distances = []
    for seed in range(4):
        explained = LimeImageExplainer(random_state=seed).explain_instance(
            source,
            classify,
            labels=(1,),
            top_labels=None,
            num_samples=1500,
            segmentation_fn=lambda _: labels,
        )
        theirs = np.array([dict(explained.local_exp[1])[i] for i in range(9)])
        distances.append((ours.values - theirs) / (errors * np.sqrt(2)))  # both are drawn, both err alike
    assert np.abs(distances).max() < 4
    assert np.abs(ours.values).max() > 10 * errors.max()  # the errors are small enough to tell something


def test_standard_errors_tell_how_far_the_weights_are_from_those_of_many_samples() -> None:
    model = network()
    answers = [ask(model, target=1, superpixels=4, samples=150, segmentation="grid", seed=seed) for seed in range(24)]
    right = ask(model, target=1, superpixels=4, samples=5000, segmentation="grid", seed=99).values
    off = np.sqrt(np.mean([(a.values - right) ** 2 for a in answers], axis=0))
    said = np.mean([a.standard_error for a in answers], axis=0)
    assert (off > 0).all()
    np.testing.assert_allclose(said, off, rtol=0.5)  # a spread of 24 draws is itself uncertain by 15 %
    # the draw alone would make them half as large: this network is nearly linear, and the penalty shrinks its weights
    assert (np.std([a.values for a in answers], axis=0, ddof=1) < 0.9 * said).all()


def test_standard_errors_against_the_textbook() -> None:
    # HC3 of a weighted ridge fit: (XᵀWX + P)⁻¹ Σ w² e² / (1 − h)² x xᵀ (XᵀWX + P)⁻¹, sample by sample; and what the
    # penalty takes away, twice of what is left: the weights are (XᵀWX + P)⁻¹ P short of those without it
    model = network()
    ours = ask(model, target=1, superpixels=9, samples=40, segmentation="grid")
    labels, errors = ours.features, ours.standard_error
    assert labels is not None
    keep = oracles.samples(40, 9)
    y = oracles.scores(model, oracles.hide(tensor(photo()), labels, keep)).numpy()[:, 1]
    X = np.column_stack([np.ones(40), keep])
    cosine = pairwise_distances(keep, keep[:1], metric="cosine").ravel()
    w = np.sqrt(np.exp(-(cosine**2) / 0.25**2))
    bread = np.linalg.inv(X.T @ np.diag(w) @ X + np.diag([0.0] + [1.0] * 9))
    e = y - X @ (bread @ X.T @ (w * y))
    meat = np.zeros((10, 10))
    for n in range(40):
        leverage = w[n] * X[n] @ bread @ X[n]
        assert 0 < leverage < 1
        meat += (w[n] * e[n] / (1 - leverage)) ** 2 * np.outer(X[n], X[n])
    short = bread[1:, 1:] @ ours.values
    short += bread[1:, 1:] @ short
    np.testing.assert_allclose(errors, np.sqrt(np.diag(bread @ meat @ bread)[1:] + short**2), rtol=1e-6)


def test_errors_fall_with_the_root_of_the_samples() -> None:
    game = games.crowds(9)  # far from linear: the draw counts, the penalty does not
    words = [f"w{number}" for number in range(9)]

    def model(texts: list[str]) -> np.ndarray:
        return game.play(np.array([[word in text.split() for word in words] for text in texts], float))

    few, many = (explain(model, Text(" ".join(words)), "lime", samples=count).standard_error for count in (200, 3200))
    assert few is not None
    assert many is not None
    assert np.mean(few / many) == pytest.approx(4, rel=0.3)


def test_errors_are_unknown_with_fewer_samples_than_superpixels() -> None:
    ours = ask(network(), target=1, superpixels=36, samples=20, segmentation="grid")
    assert np.isnan(ours.standard_error).all()
    assert np.isfinite(ours.values).all()


def test_progress_grows_and_more_samples_go_on_from_the_ones_there_are() -> None:
    model = network()
    subject = Subject(model, photo(), preprocess=tensor)
    params: dict[str, Any] = {"superpixels": 9, "samples": 200, "segmentation": "grid"}
    pictures = list(answers_to(subject, "lime", target=1, params=params))
    progress = [p.progress for p in pictures]
    assert progress == sorted(set(progress))
    assert progress[-1] == 1
    before = subject.passes["forward"]
    *_, more = answers_to(subject, "lime", target=1, params={**params, "samples": 260})
    assert 60 <= subject.passes["forward"] - before < 60 + 2 * subject.chunk()
    np.testing.assert_allclose(more.values, ask(model, target=1, **{**params, "samples": 260}).values, rtol=1e-9)
    before = subject.passes["forward"]
    *_, other = answers_to(subject, "lime", target=3, params=params)
    *_, fewer = answers_to(subject, "lime", target=1, params={**params, "samples": 100})
    assert subject.passes["forward"] == before  # another class and fewer samples cost no pass
    np.testing.assert_allclose(other.values, ask(model, target=3, **params).values, rtol=1e-9)
    np.testing.assert_allclose(fewer.values, ask(model, target=1, **{**params, "samples": 100}).values, rtol=1e-9)


def test_equal_seeds_give_equal_values_and_others_do_not() -> None:
    model = network()
    params: dict[str, Any] = {"superpixels": 9, "samples": 60, "segmentation": "slic", "target": 1}
    first = ask(model, **params, seed=4).values
    np.testing.assert_array_equal(first, ask(model, **params, seed=4).values)
    assert not np.array_equal(first, ask(model, **params, seed=5).values)


def test_features_are_the_superpixels() -> None:
    ours = ask(network(), target=1, superpixels=9, samples=40, segmentation="slic")
    np.testing.assert_array_equal(ours.features, Image(photo(), tensor).superpixels(9, "slic"))
    assert (ours.axes, ours.on) == (("feature",), "features")
    assert ours.values.shape == (int(ours.features.max()) + 1,)  # type: ignore[union-attr]


def test_bad_superpixels_and_samples_are_refused() -> None:
    model = network()
    with pytest.raises(
        ValueError, match="superpixels: expected a whole number from 2 to 16 for an input of 4×4, got 20"
    ):
        explain(seeded(Plain), picture(4), "lime", superpixels=20)
    with pytest.raises(ValueError, match=r"superpixels: expected a whole number from 2 to .*, got 1"):
        ask(model, superpixels=1)
    with pytest.raises(ValueError, match=r"samples: expected a whole number from 10 to .*, got 0"):
        ask(model, samples=0)
    flat = np.full((SIDE, SIDE, 3), 0.5)
    with pytest.raises(ValueError, match="superpixels: only one region came out of 9 asked for"):
        explain(model, flat, "lime", preprocess=tensor, superpixels=9, segmentation="felzenszwalb")


def test_a_signal_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"x: LIME needs a picture, a text or a row of a table, got a tensor of shape \(1, 2, 16\)"
    ):
        explain(seeded(Signal), torch.rand(1, 2, 16), "lime")


def test_scores_that_are_no_numbers_are_named() -> None:
    x = picture()
    x[..., 3, 3] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        explain(seeded(Plain), x, "lime", superpixels=4, samples=20, segmentation="grid")
