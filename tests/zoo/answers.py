"""Which methods have an answer for a model, and which it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Explanation
from tests.core import oracles
from tests.zoo import by_hand
from tests.zoo.tried import REGIONS, Tried

BY_REGION = ("exact_shap", "kernel_shap", "permutation_shap", "partition_shap", "leave_one_out", "lime", "without")


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5, scores: Tensor | None = None) -> None:
    """Equal within a share of the largest value, and, for differences of scores, what is lost by rounding these."""
    assert found.shape == wanted.shape
    rounding = 0 if scores is None else 1e-6 * float(scores.abs().max())
    largest = max(float(np.abs(wanted).max()), 1e-30)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * largest + rounding)


def answers(case: Tried, key: str) -> bool | None:
    """Whether a method has an answer here; None where it may say why it has none."""
    entry = case.entry
    gradient = entry.explained(case.x).is_floating_point()
    if key == "cam":
        return True if entry.pooled and isinstance(entry.target, int | None) else None if entry.pooled else False
    if key in ("gradient", "input_x_gradient"):
        return gradient
    if key == "ablation":
        return True if case.scores.ndim == 1 else None
    if key == "class_scores":
        return True if case.scores.ndim == 1 and "scores" not in case.ways else None
    if key in ("activation", "channel_activity", "channel_evidence", "ablation_curve"):
        return True
    if key.startswith("grad_cam"):
        return True
    if key == "cell_arithmetic":
        kind = type(entry.module(case.model, case.layer)[0])
        return kind in (nn.Conv1d, nn.Conv2d)
    if key in (*BY_REGION, "occlusion", "gradient_shap", "receptive_field") and entry.picture:
        return True
    return None


def check(case: Tried, key: str, found: Explanation) -> None:
    """An answer is what it is by hand."""
    entry, model = case.entry, case.model
    if key in ("gradient", "input_x_gradient"):
        slope = by_hand.input_gradient(entry, model, case.x)
        x = entry.explained(case.x)
        wanted = slope if key == "gradient" else slope * x
        if wanted.shape != found.values.shape:
            wanted = wanted[0]  # the batch axis
        if wanted.shape != found.values.shape and found.axes == ("channel", "y", "x"):
            wanted = wanted.movedim(-1, 0)  # an image with its channels last
        close(found.values, wanted.numpy(), 1e-4)
        return
    if key == "class_scores":
        close(found.values.reshape(case.scores.shape), case.scores.numpy(), 1e-5)
        return
    activations, gradients = case.cells(case.layer)
    flat = activations.double().flatten(1)
    if key == "grad_cam":
        close(found.values, by_hand.grad_cam(activations, gradients))
    elif key == "grad_cam_plus_plus":
        close(found.values, by_hand.grad_cam_plus_plus(activations, gradients), 1e-4)
    elif key == "cam":
        close(found.values, by_hand.grad_cam(activations, gradients, relu=False) * flat.shape[1], 1e-3)
    elif key == "activation":
        close(found.values, activations.numpy())
    elif key == "channel_activity":
        close(found.values, torch.stack([flat.mean(1), flat.amin(1), flat.amax(1)])[:, None].numpy(), 1e-5)
    elif key == "channel_evidence":
        close(found.values, (flat * gradients.double().flatten(1)).sum(1).numpy(), 1e-4)
    elif key == "ablation":
        strongest = int((flat * gradients.double().flatten(1)).sum(1).argmax())
        after = by_hand.without_channels(entry, model, case.x, entry.made_by or case.layer, [strongest])
        close(found.values, torch.stack([case.scores, after]).numpy(), 1e-4)
    elif key == "ablation_curve":
        order = (flat * gradients.double().flatten(1)).sum(1).argsort(descending=True, stable=True).tolist()
        for off in (0, len(order) // 2, len(order)):
            after = by_hand.without_channels(entry, model, case.x, entry.made_by or case.layer, order[:off])
            if not np.isnan(found.values[off]):
                assert found.values[off] == pytest.approx(float(case.score(after)), rel=1e-3, abs=1e-5)
    elif key == "occlusion" and entry.picture:
        size = found.params["window"], found.params["stride"]
        close(found.values, occluded(case, *size), 1e-4, case.scores)
    elif key in BY_REGION and found.features is not None and entry.picture:
        close(found.values, by_region(case, key, found), 1e-3, case.scores)
    elif key == "gradient_shap" and entry.picture:
        close(found.values, expected_gradients(case, found.params["samples"]), 1e-3)
    elif key == "receptive_field" and entry.picture:
        field(case, found)


def occluded(case: Tried, window: int, stride: int) -> np.ndarray:
    """The mean fall of the score over all windows that cover a pixel, with zero in the window."""

    def run(batch: Tensor) -> Tensor:
        rows = [by_hand.scores(case.entry, case.model, case.x, one[None]) for one in batch]
        return torch.stack([case.score(row) for row in rows])[:, None]

    x = case.entry.explained(case.x)
    return oracles.occlusion(run, x, 0, window, stride, torch.zeros_like(x))


def by_region(case: Tried, key: str, found: Explanation) -> np.ndarray:
    """Of all sets of superpixels that can be hidden, the scores; and what each method makes of them."""
    labels = found.features
    assert labels is not None
    x, count = case.entry.explained(case.x), int(labels.max()) + 1
    table = case.tables.setdefault(labels.tobytes(), {})

    def row(keep: np.ndarray) -> Tensor:
        name = tuple(int(one) for one in keep)
        if name not in table:
            hidden = oracles.hide(x, labels, np.asarray(keep)[None])
            table[name] = by_hand.scores(case.entry, case.model, case.x, hidden)
        return table[name]

    def game(keep: np.ndarray) -> np.ndarray:
        return np.array([float(case.score(row(one))) for one in keep])

    if key == "without":
        hidden = np.ones(count)
        hidden[list(found.params["features"])] = 0
        states = [case.scores, row(hidden)]
        if case.scores.ndim > 1:  # of maps the target's
            return np.array([float(case.score(one)) for one in states])
        return torch.stack(states).numpy()
    if key == "leave_one_out":
        return game(np.ones((1, count))) - game(1 - np.eye(count))
    if key == "lime":
        keep = oracles.samples(found.params["samples"], count)
        return oracles.ridge(keep, game(keep))
    if key == "permutation_shap":
        return oracles.permuted(game, count, found.params["permutations"])
    if key == "partition_shap":
        from nbexplain.inputs import as_input

        masker = as_input(x).masker(**REGIONS)  # type: ignore[call-arg]
        return oracles.owen(game, count, masker.tree())
    return oracles.shapley(game, count)


def expected_gradients(case: Tried, samples: int) -> np.ndarray:
    """The mean of x · gradient at points between zero and x, drawn as shap draws them."""
    x, random = case.entry.explained(case.x), np.random.RandomState(0)
    total = torch.zeros_like(x)
    for _ in range(samples):
        random.choice(1)
        given = (x * random.uniform()).requires_grad_()
        scores = case.entry.run(case.model, case.entry.exchanged(case.x, given.clone()))
        total += torch.autograd.grad(case.score(scores), given)[0] * x
    return (total / samples)[0].numpy()


def field(case: Tried, found: Explanation) -> None:
    """NaN outside of the rectangle does not reach the cell; NaN in any of its edges does."""
    assert found.cell is not None
    inside = found.values.astype(bool)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))

    def reaches(pixels: np.ndarray) -> bool:
        x = case.entry.explained(case.x).clone()
        x[:, :, torch.from_numpy(pixels)] = torch.nan
        with torch.no_grad():
            output = by_hand.recorded(case.entry, case.model, case.entry.exchanged(case.x, x), case.layer)[0]
        return bool(case.entry.cells(output)[(slice(None), *found.cell)].isnan().any())

    assert not reaches(~inside)
    for row in (rows[0], rows[-1]):
        assert reaches(np.isin(np.arange(len(inside)), row)[:, None] & np.ones_like(inside))
    for column in (columns[0], columns[-1]):
        assert reaches(np.isin(np.arange(inside.shape[1]), column)[None] & np.ones_like(inside))
