"""Why no gradient arrives: the true place and the true reason, each on a small model that is made for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbexplain import METHODS, Session, Tabular, explain, explore, list_layers
from nbexplain.core.hooks import Cancelled
from nbexplain.core.model import gradient_path
from nbexplain.core.remaining import remaining
from nbexplain.core.subject import Subject
from tests.core.snapshot import differences, snapshot
from tests.networks import Plain, picture, seeded


class Two(nn.Module):
    """Two convolutions with something in between that a gradient may not pass."""

    def __init__(self, between: Callable[[Two, Tensor], Tensor] | nn.Module) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8, 3)
        self.between = between if isinstance(between, nn.Module) else None
        self._function = between

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.between(x) if self.between is not None else type(self)._call(self, x)
        return self.head(self.second(x).relu().mean((2, 3)))

    @staticmethod
    def _call(model: Two, x: Tensor) -> Tensor:
        return model._function(model, x)  # type: ignore[operator,no-any-return]


class Alone(Two):
    """The same without a layer behind it that has a grid."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self._call(self, self.first(x)).mean((2, 3)))


class Steps(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        steps = (x * 3).round()
        ctx.mark_non_differentiable(steps)
        return steps

    @staticmethod
    def backward(ctx: Any, *_grads: Tensor) -> None:
        return None


class Ending(torch.autograd.Function):
    """Hands a gradient to the weights, none to what comes from the input."""

    @staticmethod
    def forward(ctx: Any, power: int, x: Tensor, weight: Tensor) -> Tensor:
        return x.relu() ** power * weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return None, None, grads[0].sum()


class Raising(Ending):
    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise ValueError("this one has no backward")


def _writes_over(_: Any, x: Tensor) -> Tensor:
    x = F.relu(x)
    x.mul_(2)
    return x


BACKWARD = {
    "none": (lambda _, x: Ending.apply(2, x, torch.ones(1)), "the backward of Ending hands on no gradient"),
    "raises": (
        lambda _, x: Raising.apply(1, x, torch.ones(1)),
        "the backward of Raising raises ValueError: this one has no backward",
    ),
    "in place": (
        _writes_over,
        "the model overwrites in place what its own gradient needs (torch: one of the variables needed for gradient "
        "computation has been modified by an inplace operation: [torch.FloatTensor [1, 8, 10, 10]], which is output 0 "
        "of Relu, is at version 1; expected version 0 instead.)",
    ),
}


class Straight(torch.autograd.Function):
    """Rounds, and hands the gradient on: no cut."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x * 4).round() / 4

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Quantiser(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x * 10).long()


class Codes(nn.Module):
    """A codebook of which the nearest entry is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.quantiser = Quantiser()

    def forward(self, x: Tensor) -> Tensor:
        return self.quantiser(x).to(x.dtype) / 10


class Detaching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


def _by_numpy(_: Any, x: Tensor) -> Tensor:
    return torch.from_numpy(x.detach().cpu().numpy() * 2)


CUTS: dict[str, tuple[Any, str]] = {
    "inference mode around a module": (
        torch.inference_mode()(lambda model, x: model.second(x)),
        "it ends in 'second', which the model runs under torch.inference_mode()",
    ),
    "no_grad around a function": (
        torch.no_grad()(lambda _, x: x * 2),
        "it ends between 'first' and 'second', where the model computes (.mul()) under torch.no_grad()",
    ),
    "no_grad inside a module": (Encoder(), "it ends in 'between', which computes under torch.no_grad()"),
    "detach": (lambda _, x: x.detach() + 1, "the tensor is detached (.detach()) between 'first' and 'second'"),
    "data": (lambda _, x: x.data, "the tensor is detached (.data) between 'first' and 'second'"),
    "detach in a module": (Detaching(), "the tensor is detached (.detach()) in 'between'"),
    "numpy": (_by_numpy, "its values leave torch (.numpy()) between 'first' and 'second'"),
    "item": (
        lambda _, x: torch.full_like(x, x.mean().item()),
        "its values leave torch (.item()) between 'first' and 'second'",
    ),
    "comparison": (
        lambda _, x: (x > 0).to(x.dtype),
        ".gt() returns truth values, which have no gradient between 'first' and 'second'",
    ),
    "argmax": (
        lambda _, x: F.one_hot(x.argmax(1), 8).movedim(3, 1).to(x.dtype),
        ".argmax() returns integers (torch.int64), which have no gradient between 'first' and 'second'",
    ),
    "integers in a module": (
        Codes(),
        ".long() returns integers (torch.int64), which have no gradient in 'between.quantiser'",
    ),
    "a Function that is not differentiable": (
        lambda _, x: Steps.apply(x),
        "it ends in the torch.autograd.Function 'Steps' between 'first' and 'second'",
    ),
    "a Function under no_grad": (
        torch.no_grad()(lambda _, x: Straight.apply(x) * 1),
        "it ends between 'first' and 'second', where the model computes (.mul()) under torch.no_grad()",
    ),
    "a look at it, and then a cut": (
        lambda _, x: (x + x.detach().mean() + float(x.sum()) * 0).data,
        "the tensor is detached (.data) between 'first' and 'second'",
    ),
    "the shape alone": (lambda _, x: torch.ones_like(x) / 2, "the score does not depend on it"),
    "copied into a tensor of its own": (
        lambda _, x: torch.zeros_like(x).copy_(x.detach()),
        "the tensor is detached (.detach()) between 'first' and 'second'",
    ),
    "written into a tensor under no_grad": (
        torch.no_grad()(lambda _, x: _written(x)),
        "it ends between 'first' and 'second', where the model computes (.__setitem__()) under torch.no_grad()",
    ),
}


def _written(x: Tensor) -> Tensor:
    y = torch.empty(x.shape, dtype=x.dtype)
    y[:] = x
    return y


@pytest.mark.parametrize("place", [None, "first"])
@pytest.mark.parametrize("cut", CUTS)
def test_the_place_and_the_reason(cut: str, place: str | None) -> None:
    between, expected = CUTS[cut]
    model, x = seeded(lambda: Two(between)).eval(), picture()
    before = snapshot(model, x)
    method: dict[str, Any] = {"method": "gradient"} if place is None else {"method": "grad_cam", "layer": place}
    named = "the input" if place is None else f"layer {place!r}"
    with pytest.raises(ValueError, match="no gradient") as caught:
        explain(model, x, target=1, **method)
    assert str(caught.value).startswith(f"no gradient of the score reaches {named}: {expected}; methods that remain: ")
    assert differences(before, snapshot(model, x)) == []


@pytest.mark.parametrize("cut", ["inference mode around a module", "no_grad inside a module"])
def test_inside_of_what_runs_without_gradients(cut: str) -> None:
    model = seeded(lambda: Two(CUTS[cut][0])).eval()
    inside = "second@1" if "inference" in cut else "between.conv"
    with pytest.raises(
        ValueError, match=rf"reaches layer '{inside}': it ends in '(second|between)', which .* under torch"
    ):
        explain(model, picture(), "channel_evidence", target=1, layer=inside)


def test_no_cut_where_a_gradient_passes() -> None:
    for between in (lambda _, x: Straight.apply(x), lambda _, x: x + x.detach(), nn.Identity()):
        model = seeded(lambda between=between: Two(between)).eval()
        assert np.abs(explain(model, picture(), "gradient", target=1).values).max() > 0


def test_steps_have_a_gradient_of_zero_and_that_is_said() -> None:
    model = seeded(lambda: Two(lambda _, x: x.round())).eval()
    for key in ("gradient", "input_x_gradient"):
        ours = explain(model, picture(), key, target=1)
        assert not ours.values.any()
        assert any("the gradient is zero everywhere" in note for note in ours.warnings)


def test_a_target_that_no_gradient_passes() -> None:
    model = seeded(lambda: Two(nn.Identity())).eval()
    with pytest.raises(ValueError, match="the target that is made of the scores does not depend on it, or has no grad"):
        explain(model, picture(), "gradient", target=lambda scores: scores.detach()[:, 0])


@pytest.mark.filterwarnings("ignore")  # of torch, about its own quantization
def test_dynamic_int8() -> None:
    plain = nn.Sequential(nn.Flatten(), seeded(lambda: nn.Linear(432, 8)), nn.ReLU(), seeded(lambda: nn.Linear(8, 3)))
    model = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear})
    with pytest.raises(
        ValueError, match=r"it ends in '1', a quantised \(int8\) layer \(.*dynamic.*Linear\), which has no"
    ):
        explain(model, picture(), "gradient", target=1)


@pytest.mark.parametrize("end", BACKWARD)
def test_a_backward_pass_that_brings_nothing(end: str) -> None:
    """The graph leads to the input: that no gradient arrives shows only where it is tried."""
    between, reason = BACKWARD[end]
    model, x = seeded(lambda: Two(between)).eval(), picture()
    before = snapshot(model, x)
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("the input", {"method": "gradient"}),
        ("the input", {"method": "deep_shap", "background": 2}),
        ("layer 'first'", {"method": "grad_cam", "layer": "first"}),
        ("layer 'first'", {"method": "channel_evidence", "layer": "first"}),
    )
    for place, asked in cases:
        with pytest.raises(ValueError, match="no gradient") as caught:
            explain(model, x, target=1, **asked)
        start = f"no gradient of the score reaches {place}: {reason}; methods that remain: "
        assert str(caught.value).startswith(start)
        assert "'occlusion'" in str(caught.value)
        assert "'gradient'" not in str(caught.value)
    assert differences(before, snapshot(model, x)) == []


@pytest.mark.parametrize("end", BACKWARD)
def test_layers_behind_a_backward_pass_that_brings_nothing(end: str) -> None:
    """A CAM of a layer behind it needs nothing of it, and is that of a model without it."""
    model, x = seeded(lambda: Two(BACKWARD[end][0])).eval(), picture()
    rows = list_layers(model, x)
    assert [(row.name, row.usable) for row in rows] == [("first", True), ("second", True), ("head", True)]
    assert rows.suggested == "second"
    with torch.no_grad():
        taken = BACKWARD[end][0](None, model.first(x))
        output = model.second(taken)
    np.testing.assert_allclose(explain(model, x, "activation", layer="second", channel=2).values, output[0, 2])
    behind = nn.Sequential(model.second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.head).eval()
    ours = explain(model, x, "grad_cam", target=1, layer="second").values
    right = explain(behind, taken, "grad_cam", target=1, layer="0").values
    np.testing.assert_allclose(ours, right, rtol=1e-5, atol=1e-7)
    assert np.abs(right).max() > 0
    session = Session(model, x)
    assert session.facts.reason(METHODS["gradient"]).startswith(
        f"no gradient of the score reaches the input: {BACKWARD[end][1]}"
    )
    assert session.facts.reason(METHODS["grad_cam"]) == ""


def test_another_way_for_the_gradient_is_no_end() -> None:
    model = seeded(lambda: Two(lambda _, x: x + Ending.apply(2, x, torch.ones(1)).tanh())).eval()
    x = picture().requires_grad_()
    h = model.first(x)
    held = (Ending.apply(2, h, torch.ones(1)).tanh()).detach()
    score = model.head(model.second(h + held).relu().mean((2, 3)))[0, 1]
    (right,) = torch.autograd.grad(score, x)
    subject = Subject(model, picture())
    assert subject.has_gradient()
    np.testing.assert_allclose(subject.gradient(subject.target(1)), right, rtol=1e-5, atol=1e-7)


def test_a_frozen_model_in_place_and_one_that_trains() -> None:
    """Explained in place, the weights themselves require grad: only the way to the leaf counts."""
    held = nn.Conv2d(8, 8, 1)
    model = seeded(lambda: Two(lambda _, x: held(x.detach()))).eval()
    with pytest.raises(ValueError, match=r"the tensor is detached \(.detach\(\)\) between 'first' and 'second'"):
        explain(model, picture(), "gradient", target=1)


def test_what_is_computed_before_a_stop_or_an_error_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeded(lambda: Two(Detaching())).eval()
    subject = Subject(model, picture())
    ours = subject.twin.module
    before, seen = snapshot(model), snapshot(ours)

    def stops(*_: Any) -> None:
        raise Cancelled

    monkeypatch.setattr(gradient_path.Follower, "after", stops)
    with pytest.raises(Cancelled):
        subject.gradient_end()
    monkeypatch.undo()
    assert differences(before, snapshot(model)) == []
    assert differences(seen, snapshot(ours)) == []
    assert "detached" in subject.gradient_end()


# What remains works


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "cut", ["inference mode around a module", "detach in a module", "integers in a module", "int8", *BACKWARD]
)
def test_every_method_that_is_said_to_remain_does(cut: str) -> None:
    if cut == "int8":
        plain = nn.Sequential(nn.Flatten(), nn.Linear(432, 8), nn.ReLU(), nn.Linear(8, 3))
        model: nn.Module = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear})
    else:
        model = seeded(lambda: Alone(BACKWARD[cut][0]) if cut in BACKWARD else Two(CUTS[cut][0])).eval()
    keys = remaining(Subject(model, picture())).replace("'", "").split(", ")
    assert {"activation", "ablation", "occlusion", "lime", "kernel_shap"} <= {*keys}
    assert not {"gradient", "input_x_gradient", "gradient_shap", "deep_shap", "tree_shap", "boundary"} & {*keys}
    for key in keys:
        few = {name: 20 for name in ("samples", "evaluations") if name in METHODS[key].parameters}
        few |= {"window": 6, "stride": 6} if key == "occlusion" else {}
        assert explain(model, picture(), key, **few).values.size
    for key in {*METHODS} - {*keys}:
        with pytest.raises((ValueError, TypeError)):
            explain(model, picture(), key)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["picture", "table"])
def test_every_method_that_is_said_to_remain_for_a_target_does(kind: str) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    table = kind == "table"
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)) if table else Plain())
    x = Tabular(rows[0], rows, labels=np.arange(20) % 3) if table else picture()

    def target(scores: Tensor) -> Tensor:
        return (scores.argmax(1) == 1).float()

    said = r"no gradient of the score reaches .*: the target .* has no gradient; methods that remain: (.*)"
    failing = ["gradient", "input_x_gradient", "gradient_shap", "deep_shap", *(() if table else ("grad_cam",))]
    for key in failing:
        with pytest.raises(ValueError, match=said) as caught:
            explain(model, x, key, target=target)
        keys = str(caught.value).partition("methods that remain: ")[2].replace("'", "").split(", ")
        assert {"activation", "leave_one_out" if table else "occlusion", "exact_shap" if table else "lime"} <= {*keys}
        assert not {*failing} & {*keys}
    for key in keys:
        few = {name: 100 for name in ("samples", "evaluations") if name in METHODS[key].parameters}
        few |= {"window": 6, "stride": 6} if key == "occlusion" else {}
        asked = {"target": target} if "target" in METHODS[key].needs else {}
        assert explain(model, x, key, **asked, **few).progress == 1
    subject = Subject(model, x)
    assert "'gradient'" in remaining(subject)
    assert "'gradient'" not in remaining(subject, target)
    assert "'gradient'" in remaining(subject, 1)


def test_shap_values_of_many_rows_need_no_gradient_of_the_target() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    model, x = seeded(lambda: nn.Linear(4, 3)), Tabular(rows[0], rows)
    ours, right = (
        explain(model, x, "row_shap", target=lambda scores: (scores.argmax(1) == 1).float(), explainer=one).values
        for one in ("auto", "permutation")
    )
    np.testing.assert_array_equal(ours, right)
    assert np.abs(ours).max() > 0.1


def test_channels_are_switched_off_by_activation_where_evidence_is_not_known() -> None:
    model = seeded(lambda: Two(Detaching())).eval()
    for key in ("ablation", "ablation_curve"):
        ours = explain(model, picture(), key, target=1, layer="first")
        right = explain(model, picture(), key, target=1, layer="first", which="largest activation first")
        np.testing.assert_array_equal(ours.values, right.values)
        (note,) = ours.warnings
        assert note.startswith("channels go largest activation first: no gradient of the score reaches layer 'first': ")
        assert right.warnings == ()
        with pytest.raises(ValueError, match="is detached"):
            explain(model, picture(), key, target=1, layer="first", which="least evidence first")


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_an_explorer_opens_on_what_works_and_says_why_the_rest_does_not(mode: Any) -> None:
    class Whole(Two):
        @mode()
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    model = seeded(lambda: Whole(nn.Identity())).eval()
    session = Session(model, picture())
    assert session.selection.method == "occlusion"
    under = f"which the model runs under torch.{mode.__name__}()"
    for key in ("gradient", "grad_cam"):
        reason = session.facts.reason(METHODS[key])
        assert reason.startswith("no gradient of the score reaches ")
        assert under in reason
    assert session.facts.reason(METHODS["occlusion"]) == session.facts.reason(METHODS["activation"]) == ""
    explorer = explore(model, picture())
    assert explorer.session.wait(60)
    shown = {row["key"]: row["reason"] for row in _toolbar(explorer)}
    assert under in shown["gradient"]
    explorer.close()


def _toolbar(explorer: Any) -> list[dict[str, Any]]:
    return next(list(child.facts.methods) for child in explorer.children if hasattr(child, "facts"))
