"""Every method on every way of writing a model: a right result or a reason, and nothing of the user's is touched."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import METHODS, Explanation, Subject, explain
from nbexplain.core.ask import ask as answers_to
from nbexplain.core.hooks import Cancelled
from nbexplain.core.twin import unwrap
from nbexplain.inputs import as_input
from tests.core import oracles
from tests.core.snapshot import differences, snapshot
from tests.networks import CASES, SIDE, Case

TARGET = 2
CHANNEL = 1
CELL = (0, 1)
LIME_GRID = np.arange(SIDE)[:, None] * 2 // SIDE * 3 + np.arange(SIDE)[None] * 3 // SIDE  # 2 × 3 regions
PARAMS: dict[str, dict[str, Any]] = {
    "occlusion": {"window": 4, "stride": 3, "fill": "zero"},
    "lime": {"superpixels": 6, "samples": 40, "segmentation": "grid"},
    "exact_shap": {"superpixels": 6},
    "kernel_shap": {"superpixels": 6, "segmentation": "grid", "samples": 70},
    "permutation_shap": {"superpixels": 6, "segmentation": "grid", "permutations": 4},
    "partition_shap": {"superpixels": 6, "segmentation": "grid", "evaluations": 70},
    "leave_one_out": {"superpixels": 6, "segmentation": "grid"},
    "without": {"superpixels": 6, "segmentation": "grid", "features": (0, 4)},
    "gradient_shap": {"baseline": "zero", "samples": 8},
    "deep_shap": {"baseline": "zero"},
    "ablation": {"which": "the channel", "channel": CHANNEL},
    "cell_arithmetic": {"channel": CHANNEL, "cell": CELL},
    "receptive_field": {"cell": CELL},
}
KEYS = sorted(key for key, found in METHODS.items() if not found.reason_for("picture"))

pytestmark = [
    pytest.mark.parametrize("case", CASES, ids=str),
    pytest.mark.parametrize("key", KEYS),
]


def question(case: Case, key: str) -> dict[str, Any]:
    """Target, layer and parameters that the method needs."""
    method = METHODS[key]
    asked: dict[str, Any] = dict(PARAMS.get(key, {}))
    if "target" in method.needs:
        asked["target"] = TARGET
    if "layer" in method.needs:
        asked["layer"] = case.pooled or case.layer if key == "cam" else case.layer
    return asked


def reason(case: Case, key: str) -> str:
    """Why this method cannot explain this model, or `""`."""
    if key == "cam" and not case.pooled:
        return "layer: CAM needs a linear head on the mean of this very layer"
    if why := METHODS[key].reason_for(as_input(case.x()).kind):
        return f"x: {why}"
    if key == "deep_shap" and not case.copied:
        return "model: deep_shap works on a copy of the model, and there is none since"
    if key == "cell_arithmetic" and not isinstance(case.network().get_submodule(case.layer), (nn.Conv1d, nn.Conv2d)):
        kind = "only Conv1d and Conv2d are shown" if len(case.shape) == 5 else "only convolutions add up like this"
        return f"layer: '{case.layer}.*' is a .*; {kind}"
    if key == "receptive_field" and len(case.shape) != 4:
        return "x: a receptive field is found in a picture"
    return ""


def refused(x: Any, key: str) -> str:
    """Why this method is not asked of such an input at all: it is said before anything else."""
    return METHODS[key].reason_for(as_input(x).kind)


@functools.cache
def expected(case: Case, key: str) -> np.ndarray:
    """The right answer, from a network that no explainer has touched."""
    network, x = case.network(), case.tensor()

    def run(batch: Tensor) -> Tensor:
        return case.run(network, batch)

    if key in ("gradient", "input_x_gradient"):
        slope = oracles.input_gradient(run, x, TARGET)
        return (slope if key == "gradient" else slope * x)[0].double().numpy()
    if key == "occlusion":
        sides = ((2, 4, 4), (2, 3, 3)) if x.ndim == 5 else (4, 3)  # two of the five slices, unless told otherwise
        return oracles.occlusion(run, x, TARGET, *sides, torch.zeros_like(x))
    if key == "without":
        keep = np.array([[1] * 6, [0, 1, 1, 1, 0, 1]])
        return oracles.scores(run, oracles.hide(x, LIME_GRID, keep)).double().numpy()
    if key == "lime":
        keep = oracles.samples(40, 6)
        values = oracles.scores(run, oracles.hide(x, LIME_GRID, keep))[:, TARGET]
        return oracles.ridge(keep, values.double().numpy())
    if key in ("exact_shap", "kernel_shap", "permutation_shap", "partition_shap", "leave_one_out"):

        def game(keep: np.ndarray) -> np.ndarray:
            return oracles.scores(run, oracles.hide(x, LIME_GRID, keep))[:, TARGET].double().numpy()

        if key == "leave_one_out":
            return game(np.ones((1, 6))) - game(1 - np.eye(6))
        if key == "permutation_shap":
            return oracles.permuted(game, 6, PARAMS[key]["permutations"])
        if key == "partition_shap":
            return oracles.owen(game, 6, as_input(x).masker(superpixels=6, segmentation="grid").tree())  # type: ignore[call-arg]
        return oracles.shapley(game, 6)
    if key == "gradient_shap":
        random, total = np.random.RandomState(0), torch.zeros_like(x)
        for _ in range(PARAMS[key]["samples"]):
            random.choice(1)
            total += oracles.input_gradient(run, x * random.uniform(), TARGET) * x
        return (total / PARAMS[key]["samples"])[0].double().numpy()
    if key == "class_scores":
        return oracles.scores(run, x).double().numpy()
    name = case.pooled if key == "cam" else case.layer
    module = network.get_submodule(name)
    call = case.called or (1 if (name, case.name) == ("relu", "residual add") else 0)
    output, slope = oracles.layer_output(run, module, x, TARGET, call)
    side = SIDE // 3 if case.name == "token grid" else 0
    activations, gradients = (oracles.as_grid(t.double(), side) for t in (output, slope))
    if key == "activation":
        return activations.numpy()
    flat = activations.flatten(1)
    if key == "channel_activity":
        return np.stack([flat.mean(1), flat.amin(1), flat.amax(1)])[:, None]
    evidence = (flat * gradients.flatten(1)).sum(1)
    if key == "channel_evidence":
        return evidence.numpy()
    axis = 2 if case.name == "token grid" else 1
    without = functools.partial(oracles.ablated, run, module, x, call=call, axis=axis)
    if key == "ablation":
        return torch.cat([oracles.scores(run, x), without([CHANNEL])]).double().numpy()
    if key == "ablation_curve":
        order = sorted(range(len(flat)), key=lambda channel: -evidence[channel])
        return np.array([float(without(order[:off])[0, TARGET]) for off in range(len(order) + 1)])
    if key == "receptive_field":

        def cell(spoilt: Tensor) -> Tensor:
            with torch.enable_grad():
                output, _ = oracles.layer_output(run, module, spoilt, TARGET, call)
            return oracles.as_grid(output, side)[:, CELL[0], CELL[1]]

        return oracles.receptive_field(cell, x)
    if key == "cell_arithmetic":
        return window(module, oracles.taken(run, module, x))
    if key == "cam":  # under a pooled linear head, Grad-CAM times the number of places
        return (oracles.grad_cam(activations, gradients, relu=False) * activations[0].numel()).numpy()
    if key == "grad_cam":
        return oracles.grad_cam(activations, gradients, relu=True).numpy()
    if key == "grad_cam_plus_plus":
        score = float(oracles.scores(run, x)[0, TARGET])
        return (oracles.grad_cam_plus_plus(activations, gradients, score, relu=True) / np.exp(score)).numpy()
    raise AssertionError(f"{key} has no independent answer here yet: write one")


def window(module: nn.Module, taken: Tensor) -> np.ndarray:
    """Patch, kernel and what lies inside for `CHANNEL` at `CELL`, number by number."""
    assert isinstance(module, (nn.Conv1d, nn.Conv2d))
    size, stride = ((1, *pair)[-2:] for pair in (module.kernel_size, module.stride))
    margin = (0, *module.padding)[-2:]
    planes = taken[0].reshape(taken.shape[1], -1, taken.shape[-1])
    found = np.zeros((3, len(planes), *size))
    found[1] = module.weight[CHANNEL].detach().reshape(found.shape[1:])
    for c, ky, kx in np.ndindex(*found.shape[1:]):
        y, x = (CELL[axis] * stride[axis] + at - margin[axis] for axis, at in ((0, ky), (1, kx)))
        if 0 <= y < planes.shape[1] and 0 <= x < planes.shape[2]:
            found[0, c, ky, kx], found[2, c, ky, kx] = planes[c, y, x], 1
    return found


def tensors(x: Any) -> list[Tensor]:
    return list(x.values()) if isinstance(x, Mapping) else [x]


def check(case: Case, key: str, explanation: Explanation) -> None:
    """The answer is the right one."""
    if key == "deep_shap":  # against shap's own values elsewhere; here they must add up, or it is said what they miss
        run, x = functools.partial(case.run, case.network()), case.tensor()
        scores = oracles.scores(run, torch.cat([x, torch.zeros_like(x)]))[:, TARGET].double()
        if case.name == "token grid":
            assert "layer_norm in 'norm1', multi_head_attention_forward in 'attention'" in explanation.warnings[-1]
        else:
            whole = float(scores[0] - scores[1])
            np.testing.assert_allclose(explanation.values.sum(), whole, **case.fit)
            assert explanation.warnings == ()
        return
    right = expected(case, key)
    if case.name == "softmax at the end" and key == "cam":
        # the head's weights make logits, the score is a probability: that must be said
        assert any("probabilit" in note or "logit" in note for note in explanation.warnings)
        return
    assert explanation.values.shape == right.shape
    fit = case.fit
    if key == "gradient_shap" and case.dtype == torch.float64:
        fit = {"rtol": 1e-4, "atol": 1e-7}  # shap holds its points in float32
    np.testing.assert_allclose(explanation.values, right, **fit)
    assert explanation.progress == 1
    if not case.copied:
        assert any("explained in place" in note for note in explanation.warnings)


class Late(threading.Event):
    """An event that is set at the n-th look at it."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at
        self.looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.looks >= self.at


def ask(subject: Subject, case: Case, key: str) -> Iterator[Explanation]:
    asked = question(case, key)
    shared = {name: asked.pop(name) for name in ("target", "layer", "channel", "cell") if name in asked}
    return answers_to(subject, key, **shared, params=asked)


def test_success(case: Case, key: str) -> None:
    model, x = case.model(), case.x()
    before = snapshot(model, *tensors(x))
    if reason(case, key):
        with pytest.raises(ValueError, match=reason(case, key)):
            explain(model, x, key, **question(case, key))
    else:
        check(case, key, explain(model, x, key, **question(case, key)))
    assert differences(before, snapshot(model, *tensors(x))) == []


def test_bad_target(case: Case, key: str) -> None:
    model, x = case.model(), case.x()
    before = snapshot(model, *tensors(x))
    known = "target" in METHODS[key].needs
    message = "target: class 99 is out of range, expected 0 to 4" if known else f"target: {key} does not depend on"
    message = refused(x, key) or message
    with pytest.raises(ValueError, match=message):
        explain(model, x, key, **{**question(case, key), "target": 99})
    assert differences(before, snapshot(model, *tensors(x))) == []


def test_exception_inside_the_model(case: Case, key: str) -> None:
    model, x = case.model(), case.x()
    hook = unwrap(model).head.register_forward_hook(_boom)
    before = snapshot(model, *tensors(x))
    no = refused(x, key)
    message = no or r"the model raised KeyError on an input of shape .*boom"
    with pytest.raises(ValueError if no else RuntimeError, match=message):
        explain(model, x, key, **question(case, key))
    assert differences(before, snapshot(model, *tensors(x))) == []
    hook.remove()
    if not reason(case, key):
        check(case, key, explain(model, x, key, **question(case, key)))


def test_cancel(case: Case, key: str) -> None:
    model, x = case.model(), case.x()
    before = snapshot(model, *tensors(x))
    if reason(case, key):
        with pytest.raises(ValueError, match=reason(case, key)):
            [*ask(Subject(model, x), case, key)]
        assert differences(before, snapshot(model, *tensors(x))) == []
        return
    subject = Subject(model, x)
    subject.twin.stop.event = never = Late(float("inf"))
    pictures = len([*ask(subject, case, key)])
    assert never.looks > 3  # in passes and, where there is one, in the backward pass
    for at in (1, 2, never.looks // 2, never.looks):
        subject = Subject(model, x)
        subject.twin.stop.event = Late(at)
        with pytest.raises(Cancelled):
            [*ask(subject, case, key)]
        assert differences(before, snapshot(model, *tensors(x))) == []
    subject.twin.stop.event = None
    if pictures > 1:  # closed between two yields
        steps = ask(subject, case, key)
        assert next(steps).progress < 1
        steps.close()
        assert differences(before, snapshot(model, *tensors(x))) == []
    *_, explanation = ask(subject, case, key)  # goes on with what is known by then
    check(case, key, explanation)
    assert differences(before, snapshot(model, *tensors(x))) == []


def _boom(_module: nn.Module, _args: Any, _output: Any) -> None:
    raise KeyError("boom")
