"""Running a twin: weights that are not there yet, and dtypes that change inside."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import explain, explore
from tests.core.snapshot import differences, snapshot
from tests.networks import Normed, Plain, picture, seeded

QUESTIONS: dict[str, dict[str, Any]] = {
    "gradient": {},
    "grad_cam": {"layer": "conv2"},
    "ablation": {"layer": "conv2"},
    "occlusion": {"window": 4, "stride": 4, "fill": "zero"},
    "leave_one_out": {},
}


# Weights on the meta device


def test_weights_without_values_are_refused_with_the_way_out() -> None:
    model = seeded(Plain).to("meta")
    for call in (lambda: explain(model, picture(), "gradient"), lambda: explain(model, picture(), "occlusion")):
        with pytest.raises(ValueError, match=r"model: its weights are on the meta device, .*: load them first"):
            call()
    with pytest.raises(ValueError, match="on the meta device"):
        explore(model, picture())
    half = seeded(Plain)
    half.head.to("meta")
    with pytest.raises(ValueError, match="on the meta device"):
        explain(half, picture(), "gradient")


class Loads:
    """Puts a module's weights in place before it runs, and takes them away after."""

    def __init__(self, module: nn.Module) -> None:
        named = {**module._parameters, **module._buffers}
        self.kept = {name: tensor.detach().clone() for name, tensor in named.items() if tensor is not None}

    def before(self, module: nn.Module) -> None:
        self._put(module, self.kept)

    def after(self, module: nn.Module) -> None:
        self._put(module, {name: torch.empty_like(tensor, device="meta") for name, tensor in self.kept.items()})

    def _put(self, module: nn.Module, tensors: dict[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            if name in module._parameters:
                module._parameters[name] = nn.Parameter(tensor, requires_grad=module._parameters[name].requires_grad)
            else:
                module._buffers[name] = tensor


def by_hooks(module: nn.Module) -> None:
    loads = Loads(module)
    loads.after(module)
    module.register_forward_pre_hook(lambda module, _args: loads.before(module))
    module.register_forward_hook(lambda module, _args, _output: loads.after(module))


def by_forward(module: nn.Module) -> None:
    """As accelerate does it."""

    def forward(module: Any, *args: Any) -> Any:
        module._hf_hook.before(module)
        output = module._old_forward(*args)
        module._hf_hook.after(module)
        return output

    old: Any = module
    old._hf_hook, old._old_forward = Loads(module), module.forward
    old._hf_hook.after(module)
    old.forward = functools.update_wrapper(functools.partial(forward, module), module.forward)


@pytest.mark.parametrize("key", QUESTIONS)
@pytest.mark.parametrize("offload", [by_hooks, by_forward])
def test_weights_that_come_for_the_pass_alone(offload: Callable[[nn.Module], None], key: str) -> None:
    model, plain = seeded(Normed).eval(), seeded(Normed).eval()
    for part in list(model.modules()):
        if part._parameters or part._buffers:
            offload(part)
    state = [tensor.device.type for tensor in model.state_dict().values()]
    assert set(state) == {"meta"}
    ours = explain(model, picture(), key, target=1, **QUESTIONS[key])
    right = explain(plain, picture(), key, target=1, **QUESTIONS[key])
    np.testing.assert_allclose(ours.values, right.values, rtol=1e-4, atol=1e-6)
    assert ours.warnings == right.warnings == ()
    assert [tensor.device.type for tensor in model.state_dict().values()] == state


# Dtypes


class Autocast(Plain):
    def forward(self, x: Tensor) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x)


@pytest.mark.parametrize("key", QUESTIONS)
@pytest.mark.parametrize(
    ("make", "dtype"),
    [(Autocast, torch.float32), (Plain, torch.bfloat16), (Plain, torch.float16), (Plain, torch.float64)],
)
def test_the_dtype_is_the_models_own(make: type[nn.Module], dtype: torch.dtype, key: str) -> None:
    model, x = seeded(make).to(dtype).eval(), picture()  # of float32
    before = snapshot(model)
    ours = explain(model, x, key, target=1, **QUESTIONS[key])
    assert ours.warnings == ()
    given = x.to(dtype).requires_grad_()
    score = model(given)[0, 1]
    assert ours.score == pytest.approx(float(score.detach()), rel=1e-6)
    if key == "gradient":
        right = torch.autograd.grad(score, given)[0][0]
        np.testing.assert_allclose(ours.values, right.double(), rtol=1e-6, atol=1e-12)
    else:
        exact = explain(seeded(Plain).double().eval(), x, key, target=1, **QUESTIONS[key])
        rounding = torch.finfo(torch.bfloat16 if make is Autocast else dtype).eps
        size = max(abs(exact.score or 0), float(np.abs(exact.values).max()))
        np.testing.assert_allclose(ours.values, exact.values, rtol=0, atol=8 * max(rounding, 1e-7) * size)
    assert differences(before, snapshot(model)) == []


def test_an_input_that_requires_grad_stays_as_it_was() -> None:
    model, x = seeded(Plain).train(), picture().requires_grad_()
    before = snapshot(model, x)
    ours = explain(model, x, "gradient", target=1).values
    np.testing.assert_allclose(ours, explain(model, picture(), "gradient", target=1).values)
    assert differences(before, snapshot(model, x)) == []
    assert x.grad is None
