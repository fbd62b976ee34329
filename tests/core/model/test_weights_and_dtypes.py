"""Running a twin: weights that are not there yet, and dtypes that change inside."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from nbexplain import Tabular, explain, explore, list_layers
from nbexplain.core.subject import Subject
from tests.core.snapshot import differences, snapshot
from tests.networks import Normed, Plain, picture, seeded
from tests.shapley import shapley

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


# Models without parameters, which do not tell their dtype

TABLE = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


class Members(nn.Module):
    """An ensemble in a plain list, which torch does not look into."""

    def __init__(self) -> None:
        super().__init__()
        self.members = [perceptron(), perceptron()]

    def forward(self, x: Tensor) -> Tensor:
        return sum((member(x) for member in self.members), torch.zeros(1)) / 2


class Weights(nn.Module):
    """Weights that are no parameters."""

    def __init__(self, dtype: torch.dtype, *, buffer: bool) -> None:
        super().__init__()
        weight = torch.randn(4, 3, dtype=dtype)
        self.weight: Tensor
        if buffer:
            self.register_buffer("weight", weight)
        else:
            self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        return x.tanh() @ self.weight


class Quantised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.quant, self.net = torch.ao.quantization.QuantStub(), perceptron()
        self.dequant = torch.ao.quantization.DeQuantStub()

    def forward(self, x: Tensor) -> Tensor:
        return self.dequant(self.net(self.quant(x)))  # type: ignore[no-any-return]


def statically_quantised() -> nn.Module:
    model: Any = Quantised().eval()
    model.qconfig = torch.ao.quantization.default_qconfig
    prepared = torch.ao.quantization.prepare(model)
    prepared(torch.from_numpy(TABLE))
    return torch.ao.quantization.convert(prepared)  # type: ignore[no-any-return]


WITHOUT_PARAMETERS: dict[str, Callable[[], nn.Module]] = {
    "quantised": lambda: torch.ao.quantization.quantize_dynamic(perceptron(), {nn.Linear}),
    "statically quantised": statically_quantised,
    "members in a list": Members,
    "a buffer": lambda: Weights(torch.float32, buffer=True),
    "a tensor": lambda: Weights(torch.float32, buffer=False),
    "frozen": lambda: torch.jit.freeze(torch.jit.script(perceptron().eval())),
}
ROWS: dict[str, Callable[[], Any]] = {
    "float32": lambda: TABLE,
    "float64": lambda: TABLE.astype(np.float64),
    "float16": lambda: TABLE.astype(np.float16),
    "whole numbers": lambda: np.rint(3 * TABLE).astype(np.int64),
    "tensor": lambda: torch.from_numpy(TABLE),
    "lists": TABLE.tolist,
    "frame": lambda: pd.DataFrame(TABLE, columns=list("abcd")).astype({"a": np.float64}),
}


def values_of(model: nn.Module, table: np.ndarray, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """The Shapley values of its first row for class 1, each row asked alone in the model's dtype."""

    def worth(kept: set[int]) -> float:
        rows = np.where(np.isin(range(4), list(kept)), table[0], table)
        return float(np.mean([float(model(torch.tensor(row[None], dtype=dtype))[0, 1].detach()) for row in rows]))

    return shapley(worth, 4)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", WITHOUT_PARAMETERS)
def test_a_model_without_parameters_gets_rows_in_a_dtype_that_it_takes(name: str, rows: str) -> None:
    model, table = seeded(WITHOUT_PARAMETERS[name]), ROWS[rows]()
    row = table.iloc[0] if rows == "frame" else table[0]
    found = explain(model, Tabular(row, table), "exact_shap", target=1)
    right = values_of(model, np.asarray(table, dtype=np.float64))
    np.testing.assert_allclose(found.values, right, atol=1e-6)


@pytest.mark.parametrize("buffer", [True, False])
def test_the_dtype_of_the_rows_counts_where_a_model_without_parameters_takes_it(buffer: bool) -> None:
    wide = seeded(lambda: Weights(torch.float64, buffer=buffer))
    table = TABLE.astype(np.float64) + 1e-12
    found = explain(wide, Tabular(table[0], table), "exact_shap", target=1)
    np.testing.assert_allclose(found.values, values_of(wide, table, torch.float64), rtol=1e-12)
    by_buffer = seeded(lambda: Weights(torch.float64, buffer=True))
    found = explain(by_buffer, Tabular(TABLE[0], TABLE), "exact_shap", target=1)  # which it does not take as they are
    right = values_of(by_buffer, TABLE.astype(np.float64), torch.float64)
    np.testing.assert_allclose(found.values, right, rtol=1e-12)


class Elsewhere(nn.Module):
    """Weights that are no parameters and no buffers."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weights = [torch.randn(4, 3).to(dtype)]

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights[0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_that_are_no_parameters(dtype: torch.dtype) -> None:
    model = seeded(lambda: Elsewhere(dtype))
    found = explain(model, Tabular(TABLE[0], TABLE), "exact_shap", target=1)
    right = values_of(model, TABLE.astype(np.float64), dtype)
    np.testing.assert_allclose(found.values, right, atol=0.02)


class Scaled(nn.Module):
    """A temperature in double precision, before or after a layer in single precision."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        if first:
            self.temperature = nn.Parameter(torch.tensor(1.7, dtype=torch.float64))
        self.layer = nn.Linear(4, 3)
        if not first:
            self.temperature = nn.Parameter(torch.tensor(1.7, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) / self.temperature


class Narrowed(nn.Module):
    """A tail in half precision, which is made before what comes first."""

    def __init__(self) -> None:
        super().__init__()
        self.tail = nn.Linear(8, 3).half()
        self.body = nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.body(x).half()).float()


class Widened(nn.Module):
    """A small layer in double precision, which takes no other, before a larger one in single precision."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 3)
        self.body = nn.Linear(4, 2).double()
        self.more = nn.Parameter(torch.zeros(100))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).float())


@pytest.mark.parametrize("rows", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda: Scaled(first=True), torch.float32),
        (lambda: Scaled(first=False), torch.float32),
        (Narrowed, torch.float32),
        (Widened, torch.float64),
    ],
)
def test_a_model_with_weights_of_two_dtypes_gets_rows_in_the_one_that_it_takes(
    make: Callable[[], nn.Module], dtype: torch.dtype, rows: Any
) -> None:
    model, table = seeded(make), TABLE.astype(rows)
    found = explain(model, Tabular(table[0], table), "exact_shap", target=1)
    np.testing.assert_allclose(found.values, values_of(model, table.astype(np.float64), dtype), atol=1e-3)
    x = torch.tensor(table[:1])
    slope = explain(model, x, "gradient", target=1).values
    step = 0.5  # the layers are linear
    for column in range(4):
        moved = x.clone()
        moved[0, column] += step
        with torch.no_grad():
            rise = (model(moved.to(dtype)) - model(x.to(dtype)))[0, 1]
        assert float(slope.ravel()[column]) == pytest.approx(float(rise) / step, abs=5e-3)


@pytest.mark.parametrize("given", [torch.float32, torch.float64])
def test_which_dtype_a_model_takes_is_tried_without_moving_what_it_counts(given: torch.dtype) -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(6, 3)
            self.register_buffer("calls", torch.zeros(1, dtype=torch.float64))
            self.asked, self.steps = 0, torch.zeros(1)

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.asked += 1
            self.steps += 1
            return self.head(x) / (self.calls.float() * self.asked * self.steps)

    torch.manual_seed(0)
    model, x = Counts().eval(), torch.randn(1, 6)
    found = explain(model, x.to(given), "gradient", target=1)
    assert found.score == pytest.approx(float(model.head(x)[0, 1]))
    np.testing.assert_allclose(found.values.reshape(6), model.head.weight[1].detach(), rtol=1e-6)


@pytest.mark.parametrize("buffer", [True, False])
def test_what_holds_nan_is_put_back_only_if_it_was_written(buffer: bool) -> None:
    class Lacks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(4, 8).double(), nn.Linear(8, 3)
            lacking = torch.tensor(torch.nan).expand(2)
            if buffer:
                self.register_buffer("lacking", lacking)
            else:
                self.lacking = lacking
            self.counts = torch.zeros(1).expand(2)

        def forward(self, x: Tensor) -> Tensor:
            self.counts[:1] += 1  # one place, which both show
            return self.head(self.body(x).relu().float()) / self.counts[1]

    torch.manual_seed(0)
    model = Lacks().eval()
    found = explain(model, Tabular(TABLE[0].astype(np.float64), TABLE.astype(np.float64)), "gradient", target=1)
    own = model.head(model.body(torch.from_numpy(TABLE[:1]).double()).relu().float())
    assert found.score == pytest.approx(float(own[0, 1]))  # what was tried before is not counted


def test_a_dtype_that_a_layer_does_not_take_is_not_said_to_be_the_number_of_columns() -> None:
    class Never(Narrowed):
        def forward(self, x: Tensor) -> Tensor:
            return self.tail(self.body(x))

    with pytest.raises(RuntimeError, match=r"must have the same dtype|expected m1 and m2") as raised:
        explain(seeded(Never), Tabular(TABLE[0], TABLE), "exact_shap", target=1)
    assert "columns" not in str(raised.value)
    wide = np.zeros((3, 5), dtype=np.float32)
    with pytest.raises(ValueError, match="the row has 5 columns, and the model's linear layer 'body' takes 4"):
        explain(seeded(Narrowed), Tabular(wide[0], wide), "exact_shap", target=1)


def test_a_network_that_counts_is_told_how_its_numbers_are_taken() -> None:
    class Votes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("votes", torch.randint(-3, 4, (4, 3)))

        def forward(self, x: Tensor) -> Tensor:
            return (x > 0).long() @ self.votes

    model, x = seeded(Votes), Tabular(TABLE[0], TABLE)
    with pytest.raises(TypeError, match=r"those are no scores; .*: scores=") as raised:
        explain(model, x, "exact_shap", target=1)
    scores = eval(str(raised.value).rpartition("scores=")[2])
    found = explain(model, x, "exact_shap", target=1, scores=scores)
    np.testing.assert_allclose(found.values, values_of(model, TABLE.astype(np.float64)), atol=1e-6)


def test_the_dtype_of_a_model_without_parameters_is_tried_once() -> None:
    model = seeded(Members)
    subject = Subject(model, Tabular(TABLE[0].astype(np.float64), TABLE.astype(np.float64)))
    assert [subject.dtype for _ in range(3)] == [torch.float32] * 3
    assert subject.passes["forward"] == 1
    assert Subject(subject.twin, subject.input).dtype == torch.float32
    assert subject.passes["forward"] == 1


def test_what_a_model_without_parameters_raises_is_told_as_it_is() -> None:
    model, wide = seeded(WITHOUT_PARAMETERS["a buffer"]), np.zeros((3, 5))
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes|size mismatch|inconsistent tensor size"):
        explain(model, Tabular(wide[0], wide), "exact_shap", target=1)


def test_a_frozen_script_stays_as_it_was() -> None:
    model = seeded(WITHOUT_PARAMETERS["frozen"])
    x = torch.from_numpy(TABLE[:1])
    given = x.clone().requires_grad_()
    right = torch.autograd.grad(model(given)[0, 1], given)[0][0]
    np.testing.assert_allclose(explain(model, x, "gradient", target=1).values, right, rtol=1e-6)
    assert not hasattr(model, "training")
    around = nn.Sequential(model, nn.Linear(3, 2))
    assert explain(around, x, "gradient", target=1).warnings == ()  # a copy of it
    assert around.training
    assert not hasattr(model, "training")


def test_layers_of_a_statically_quantised_model_are_listed() -> None:
    rows = {row.name: row for row in list_layers(seeded(statically_quantised), torch.from_numpy(TABLE[:1]))}
    assert rows["net.0"].shape == (8,)
    assert rows["dequant"].usable
