"""`explain` and `list_layers`: what they accept, what they refuse, and what makes no difference to them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor, nn

from nbexplain import METHODS, Explanation, Session, Subject, explain, list_layers
from tests.core.snapshot import differences, snapshot
from tests.networks import CASES, CLASSES, Linear, Normed, Plain, Signal, TupleOutput, Writer, picture, seeded

QUESTIONS: dict[str, dict[str, Any]] = {
    "activation": {"layer": "conv2"},
    "cam": {"layer": "relu2"},
    "grad_cam": {"layer": "conv2"},
    "grad_cam_plus_plus": {"layer": "conv2"},
    "occlusion": {"window": 4, "stride": 3, "fill": "blur"},
    "lime": {"superpixels": 6, "samples": 40, "segmentation": "grid"},
    "exact_shap": {"superpixels": 6},
    "kernel_shap": {"superpixels": 6, "segmentation": "grid", "samples": 40},
    "permutation_shap": {"superpixels": 6, "segmentation": "grid", "permutations": 2},
    "partition_shap": {"superpixels": 6, "segmentation": "grid"},
    "leave_one_out": {"superpixels": 6, "segmentation": "grid"},
    "gradient_shap": {"samples": 8},
    "cell_arithmetic": {"layer": "conv2", "channel": 1},
}
ON_PICTURES = sorted(key for key, method in METHODS.items() if not method.reason_for("picture"))
HIDING = {"lime", "exact_shap", "kernel_shap", "partition_shap", "permutation_shap", "leave_one_out"}
COMPARING = {"gradient_shap", "deep_shap"}
each_method = pytest.mark.parametrize("key", ON_PICTURES)


def answer(model: nn.Module, x: Any, key: str, **more: Any) -> Explanation:
    return explain(model, x, key, **{**QUESTIONS.get(key, {}), **more})


# What makes no difference


@each_method
@pytest.mark.parametrize(
    "mode",
    [
        torch.no_grad,
        torch.inference_mode,
        torch.enable_grad,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    ],
    ids=["no_grad", "inference_mode", "enable_grad", "autocast"],
)
def test_the_callers_mode_makes_no_difference(key: str, mode: Callable[[], AbstractContextManager[Any]]) -> None:
    model, x = seeded(Plain), picture()
    right = answer(model, x, key)
    before = snapshot(model, x)
    with mode():
        ours = answer(model, x, key)
    assert differences(before, snapshot(model, x)) == []
    np.testing.assert_array_equal(ours.values, right.values)
    assert (ours.score, ours.score_name) == (right.score, right.score_name)


@each_method
def test_an_input_made_in_inference_mode(key: str) -> None:
    model = seeded(Plain)
    with torch.inference_mode():
        x = picture().clone()
        inside = answer(model, x, key)
    assert x.is_inference()
    right = answer(model, picture(), key).values
    np.testing.assert_array_equal(inside.values, right)
    np.testing.assert_array_equal(answer(model, x, key).values, right)


def test_a_subject_of_ones_own_in_inference_mode() -> None:
    model, x = seeded(Plain), picture()
    right = Subject(model, x).gradient(1)
    with torch.inference_mode():
        subject = Subject(model, x)
        ours = subject.gradient(1)
        many = subject.gradients(x, 1)[1]
    assert torch.equal(ours, right)
    torch.testing.assert_close(many, right)


@pytest.mark.parametrize("key", sorted({*ON_PICTURES} - {"cam"}))  # whose head this network has not
def test_train_and_eval_mode_make_no_difference(key: str) -> None:
    x = picture()
    layer = {"layer": "conv2"} if "layer" in METHODS[key].needs else {}
    target = {"target": 1} if "target" in METHODS[key].needs else {}
    in_train = answer(seeded(Normed).train(), x, key, **layer, **target)
    in_eval = answer(seeded(Normed).eval(), x, key, **layer, **target)
    np.testing.assert_array_equal(in_train.values, in_eval.values)


@each_method
def test_two_runs_are_equal(key: str) -> None:
    model, x = seeded(Normed).train(), picture()
    if key == "cam":
        model = seeded(Plain).train()
    layer = {"layer": "conv2"} if "layer" in METHODS[key].needs and key != "cam" else {}
    np.testing.assert_array_equal(answer(model, x, key, **layer).values, answer(model, x, key, **layer).values)


@pytest.mark.parametrize("key", ["gradient", "input_x_gradient", "grad_cam", "occlusion", "activation"])
@pytest.mark.parametrize("as_tuple", [False, True])
def test_a_model_that_writes_into_its_input_leaves_the_users_tensor_alone(key: str, as_tuple: bool) -> None:
    model = seeded(Writer)
    x = seeded(lambda: torch.rand(1, 2, 16))
    kept = x.clone()
    more: dict[str, Any] = {"window": 4, "stride": 4} if key == "occlusion" else {}
    given = (x,) if as_tuple else x
    before = snapshot(model, x)
    first = explain(model, given, key, **({"layer": "conv2"} if "layer" in METHODS[key].needs else {}), **more)
    again = explain(model, given, key, **({"layer": "conv2"} if "layer" in METHODS[key].needs else {}), **more)
    assert torch.equal(x, kept)
    assert differences(before, snapshot(model, x)) == []
    np.testing.assert_array_equal(first.values, again.values)
    with torch.no_grad():
        right = model(kept.clone())
    if first.score is not None:
        assert first.score == pytest.approx(float(right.max()), rel=1e-6)


class Clipper(Signal):
    """Writes only where its input is negative, as an in-place ReLU in front does."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.relu_())


class Unseen(Signal):
    """Writes where torch does not count it."""

    def forward(self, x: Tensor) -> Tensor:
        x.detach().numpy()[...] -= 0.5
        return super().forward(x)


@pytest.mark.parametrize("kind", [Clipper, Unseen])
def test_what_the_first_pass_hardly_shows_is_not_written_into_batches(kind: type[nn.Module]) -> None:
    model = seeded(kind)
    subject = Subject(model, torch.rand(1, 2, 16))  # nowhere negative
    batch = torch.rand(8, 2, 16) - 0.5
    kept = batch.clone()
    subject.scores()
    scores = subject.evaluate(batch)
    assert torch.equal(batch, kept)
    with torch.no_grad():
        torch.testing.assert_close(scores, model(kept.clone()))


def test_batches_of_ones_own_are_not_written_into() -> None:
    subject = Subject(seeded(Writer), torch.rand(1, 2, 16))
    batch = torch.rand(8, 2, 16)
    kept = batch.clone()
    scores = subject.evaluate(batch)
    assert torch.equal(batch, kept)
    values, gradients = subject.gradients(batch, 1)
    assert torch.equal(batch, kept)
    torch.testing.assert_close(values, scores[:, 1])
    assert gradients.shape == batch.shape


def test_a_part_of_the_input_that_is_not_explained_is_not_written_into() -> None:
    class Adds(nn.Module):
        def forward(self, x: Tensor, shift: Tensor) -> Tensor:
            return x + shift.mul_(2)

    shift = torch.ones(1, 3)
    ours = explain(Adds(), (torch.zeros(1, 3), shift), "gradient", target=1)
    assert torch.equal(shift, torch.ones(1, 3))
    assert ours.score == 2


def test_a_wrappers_layer_names_mean_the_same_layers() -> None:
    model, x = seeded(Plain), picture()
    right = explain(model, x, "grad_cam", layer="conv2").values
    wrapped = nn.DataParallel(model)
    np.testing.assert_array_equal(explain(wrapped, x, "grad_cam", layer="module.conv2").values, right)
    compiled = torch.compile(model, backend="eager")
    np.testing.assert_array_equal(explain(compiled, x, "grad_cam", layer="_orig_mod.conv2").values, right)


def test_input_in_another_dtype_is_moved() -> None:
    model, x = seeded(Plain), picture()
    right = explain(model, x, "gradient", target=1).values
    moved = explain(model, x.double(), "gradient", target=1).values
    np.testing.assert_array_equal(moved, right)
    np.testing.assert_allclose(explain(model, x.half(), "gradient", target=1).values, right, rtol=0.2, atol=1e-4)
    given = {"pixels": x.double(), "gain": torch.ones(1, dtype=torch.float64)}
    dict_model = next(case for case in CASES if case.name == "dict input").model()
    assert explain(dict_model, given, "gradient", target=1).values.dtype == np.float32


def test_what_goes_along_is_moved_to_another_device() -> None:
    # where there is no second device, the one without storage shows where the tensors go
    parts = Subject(seeded(Plain), {"pixels": picture(), "gain": torch.ones(1)}).input
    _, keywords = parts.arguments(torch.empty(4, 3, 12, 12, device="meta", dtype=torch.float16))
    assert keywords["gain"].device.type == "meta"
    assert keywords["gain"].dtype == torch.float16
    assert len(keywords["gain"]) == 4


def test_an_array_a_picture_and_a_tensor_are_the_same_input() -> None:
    model = seeded(Plain)
    array = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    x = torch.from_numpy(array).permute(2, 0, 1)[None] / 255
    right = explain(model, x, "gradient", target=1).values
    for given in (array, PIL.Image.fromarray(array), x[0], x.numpy(), (array / 255).astype(np.float32)):
        np.testing.assert_allclose(explain(model, given, "gradient", target=1).values, right, rtol=1e-4, atol=1e-7)


def test_forward_and_scores_are_the_users_way_in() -> None:
    class Odd(Plain):
        def forward(self, pixels: Tensor, scale: float) -> Any:
            return {"out": [None, super().forward(pixels) * scale]}

    model, x = seeded(Odd), picture()
    ours = explain(
        model, x, "gradient", target=1, forward=lambda m, x: m(x, 2.0), scores=lambda output: output["out"][1]
    )
    np.testing.assert_allclose(ours.values, 2 * explain(seeded(Plain), x, "gradient", target=1).values, rtol=1e-5)
    assert ours.score_name == "score"


def test_the_score_is_named() -> None:
    assert explain(seeded(Plain), picture(), "gradient").score_name == "logit"
    softmax = next(case for case in CASES if case.name == "softmax at the end").model()
    ours = explain(softmax, picture(), "gradient")
    assert ours.score_name == "probability"
    assert ours.score == pytest.approx(float(softmax(picture()).detach().max()), rel=1e-5)  # no softmax of a softmax


def test_passes_are_counted() -> None:
    ours = explain(seeded(Plain), picture(), "grad_cam", target=1, layer="conv2")
    assert ours.passes == {"forward": 1, "backward": 1}
    ours = explain(seeded(Plain), picture(), "occlusion", target=1, window=4, stride=4, fill="zero")
    # the clean input; a batch on trial; to check the folded twin; for the parts near the input and to check them; nine
    # windows, and two to eight of eight of them alone
    assert 1 + 4 + 1 + 3 + 9 + 2 <= ours.passes["forward"] <= 1 + 4 + 1 + 3 + 9 + 8
    assert ours.passes["backward"] == 0
    assert ours.seconds > 0


# Layers


def test_layers_are_listed() -> None:
    rows = {row.name: row for row in list_layers(seeded(Plain), picture())}
    assert list(rows) == ["conv1", "relu1", "pool", "conv2", "relu2", "head"]  # as they finish
    conv = rows["conv2"]
    assert (conv.type, conv.shape, conv.channels, conv.grid) == ("Conv2d", (8, 6, 6), 8, (6, 6))
    assert (conv.calls, conv.gradient, conv.usable) == (1, True, True)
    assert (rows["head"].grid, rows["head"].channels) == (None, CLASSES)


def test_the_table_of_layers() -> None:
    layers = list_layers(seeded(Plain), picture())
    lines = repr(layers).splitlines()
    assert lines[0].split() == ["layer", "type", "output", "axes", "channels", "grid", "gradient"]
    assert re.fullmatch(r"relu2 +ReLU +8×6×6 +n c y x +8 +6×6 +yes +← suggested for CAMs", lines[5])
    assert len({line.index("Conv2d") for line in lines if "Conv2d" in line}) == 1  # columns


def test_a_layer_that_is_not_called_says_so() -> None:
    class Unused(Plain):
        def __init__(self) -> None:
            super().__init__()
            for letter in "zyxwvutsrqp":
                self.add_module(letter, nn.Linear(2, 2))

    layers = list_layers(seeded(Unused), picture())
    unused = layers[-11:]
    assert [row.name for row in unused] == list("zyxwvutsrqp")
    assert {row.reason for row in unused} == {"it is not called for this input, or returns no tensor"}
    with pytest.raises(ValueError, match="layer: 'z' cannot be used: it is not called for this input"):
        explain(seeded(Unused), picture(), "grad_cam", layer="z")


def test_layers_behind_a_detach_have_no_gradient() -> None:
    class Cut(Plain):
        def features(self, x: Tensor) -> Tensor:
            return self.relu2(self.conv2(self.pool(self.relu1(self.conv1(x)))).detach())

    class Quiet(Cut):
        def features(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                x = self.pool(self.relu1(self.conv1(x)))
                x = self.conv2(x)
            return self.relu2(x)

    for make in (Cut, Quiet):
        rows = {row.name: row.gradient for row in list_layers(seeded(make), picture())}
        assert rows == {"conv1": False, "relu1": False, "pool": False, "conv2": False, "relu2": True, "head": True}
    with pytest.raises(ValueError, match=r"no gradient of the score reaches the input.*'lime', 'occlusion'"):
        explain(seeded(Cut), picture(), "gradient")
    assert explain(seeded(Cut), picture(), "grad_cam", target=1).layer == "relu2"


# What is refused: the argument's name and what came, and nothing is touched


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"x": torch.ones(3, 12, 12, dtype=torch.uint8)}, TypeError, r"x: it holds uint8, .* try x.float\(\) / 255"),
        (
            {"x": torch.rand(1, 12, 12)},
            ValueError,
            r"x: .*first convolution 'conv1' takes \(1, 3, H, W\)",
        ),
        ({"x": torch.rand(1, 4, 12, 12)}, ValueError, "x: it has 4 channels, but .*first convolution 'conv1' takes 3"),
        (
            {"x": torch.rand(2, 3, 12, 12)},
            ValueError,
            r"x: expected one input, got a batch of 2 \(shape \(2, 3, 12, 12\)",
        ),
        ({"x": torch.rand(1, 3, 0, 12)}, ValueError, "x: the picture is empty, 0×12 pixels"),
        ({"x": np.zeros((0, 5, 3), np.uint8)}, ValueError, "x: the picture is empty, 0×5 pixels"),
        (
            {"x": torch.rand(1, 0, 5, 5)},
            ValueError,
            r"x: expected an input with values in it, got shape \(1, 0, 5, 5\)",
        ),
        (
            {"x": torch.zeros(1, 1, 1, 1).expand(1, 3, 4001, 4000)},
            ValueError,
            "x: the picture has 16.0 million pixels, at most 16 million",
        ),
        ({"x": torch.rand(5)}, ValueError, r"x: expected a batch axis first, .* got shape \(5,\)"),
        ({"x": 3.5}, TypeError, "x: expected an image, a tensor .* got float"),
        ({"x": {"a": 1}}, TypeError, "x: there is no tensor in this dict of 1 value; .* try Tabular"),
        ({"method": "grad_cma"}, ValueError, "method: there is no 'grad_cma'; nearest: 'grad_cam'"),
        ({"method": 3}, TypeError, "method: expected a key of METHODS, got 3"),
        ({"target": 5}, ValueError, "target: class 5 is out of range, expected 0 to 4"),
        ({"target": -1}, ValueError, "target: class -1 is out of range, expected 0 to 4"),
        ({"target": 1.0}, TypeError, "target: expected a whole number, got 1.0"),
        ({"target": True}, TypeError, "target: expected a whole number, got True"),
        ({"target": "cat"}, TypeError, "target: expected a class by its number, got str .cat.; names need classes="),
        ({"target": (1, 2)}, ValueError, r"target: \(1, 2\) has 2 indices, the scores have shape \(5,\)"),
        ({"target": torch.ones(4)}, ValueError, r"target: a mask of shape \(4,\) for scores of shape \(5,\)"),
        (
            {"target": lambda scores: scores},
            ValueError,
            r"target: the callable must return one score per input, shape \(1,\), got \(1, 5\)",
        ),
        ({"layer": "conv1"}, ValueError, "layer: gradient does not look at a layer, got 'conv1'"),
        ({"channel": 1}, ValueError, "channel: gradient does not look at one channel, got 1"),
        ({"method": "grad_cam", "layer": "conv3"}, ValueError, "layer: there is no 'conv3' .*nearest: .*'conv[12]'"),
        ({"method": "grad_cam", "layer": 3}, TypeError, "layer: expected a dotted module name, got 3"),
        ({"method": "grad_cam", "layer": "relu1@2"}, ValueError, "layer: 'relu1@2' asks for call 2, .* called 1 time"),
        (
            {"method": "grad_cam", "layer": "head"},
            ValueError,
            "layer: 'head' cannot be used for grad_cam: Grad-CAM needs a layer with a spatial grid, .* is 5",
        ),
        ({"method": "grad_cam", "relu": 1}, TypeError, "relu: expected True or False, got 1"),
        ({"method": "grad_cam", "window": 1}, TypeError, "window: grad_cam has no such parameter; it has: relu"),
        ({"method": "input_x_gradient", "a": 1}, TypeError, "a: input_x_gradient has no such parameter; .* none"),
        ({"method": "occlusion", "window": 0}, ValueError, "window: expected a whole number from 1 to .*, got 0"),
        ({"method": "occlusion", "window": 2.5}, ValueError, "window: expected a whole number from 1 .*, got 2.5"),
        ({"method": "occlusion", "window": "4"}, TypeError, "window: expected a whole number .*, got '4'"),
        ({"method": "occlusion", "window": True}, TypeError, "window: expected a whole number .*, got True"),
        ({"method": "occlusion", "fill": "red"}, ValueError, "fill: expected one of 'mean', .*, got 'red'"),
        (
            {"method": "occlusion", "window": 13},
            ValueError,
            "window: expected .* from 1 to 12 for an input of 12×12, got 13",
        ),
        ({"method": "lime", "samples": 0}, ValueError, "samples: expected a whole number from 10 .*, got 0"),
        ({"method": "lime", "superpixels": 1}, ValueError, "superpixels: expected a whole number from 2 .*, got 1"),
        (
            {"method": "lime", "superpixels": 145},
            ValueError,
            "superpixels: expected .* to 144 for an input of 12×12, got 145",
        ),
        (
            {"method": "lime", "kernel_width": float("nan")},
            ValueError,
            "kernel_width: expected a number from 0.05 .*, got nan",
        ),
    ],
    ids=lambda value: "" if not isinstance(value, dict) else ",".join(value),
)
def test_bad_arguments_are_named(more: dict[str, Any], error: type[Exception], message: str) -> None:
    model, x = seeded(Plain).train(), picture()
    before = snapshot(model, x)
    with pytest.raises(error, match=message):
        explain(model, **{"x": x, "method": "gradient", **more})
    assert differences(before, snapshot(model, x)) == []


@pytest.mark.parametrize("model", [None, 3, "resnet18", Plain], ids=str)
def test_what_is_no_model_is_refused(model: Any) -> None:
    kind = "the class Plain; make one first" if model is Plain else type(model).__name__
    for call in (
        lambda: explain(model, picture()),
        lambda: Session(model, picture()),
        lambda: Subject(model, picture()),
    ):
        with pytest.raises(TypeError, match=f"model: expected a torch.nn.Module, .* or a callable, got {kind}"):
            call()


def test_lazy_layers_are_refused() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(ValueError, match="model: it has lazy layers"):
        explain(model, picture(), "gradient")


class Gives(nn.Module):
    """Returns whatever it was told to."""

    def __init__(self, make: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.make = make

    def forward(self, x: Tensor) -> Any:
        return self.make(self.conv(x).mean((2, 3)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda y: "cat", TypeError, "scores: the model returned str, in which no tensor of scores was found"),
        (lambda y: None, TypeError, "scores: the model returned NoneType"),
        (lambda y: y.argmax(1), TypeError, "scores: expected floating-point numbers, got torch.int64"),
        (lambda y: {"loss": [], "n": 3}, TypeError, "scores: the model returned dict"),
        (lambda y: torch.cat([y, y]), ValueError, r"scores: expected one row of scores per input, .* got \(2, 4\)"),
        (lambda y: y[:, :2] @ y, RuntimeError, "the model raised RuntimeError on an input of shape .*: mat1 and mat2"),
    ],
)
def test_odd_outputs_are_refused(make: Callable[[Tensor], Any], error: type[Exception], message: str) -> None:
    model, x = Gives(make), picture()
    for key in ("gradient", "occlusion", "activation"):
        before = snapshot(model, x)
        with pytest.raises(error, match=message):
            explain(model, x, key, **({"window": 4, "stride": 4} if key == "occlusion" else {}))
        assert differences(before, snapshot(model, x)) == []


def test_the_models_own_error_is_the_cause() -> None:
    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise LookupError("no such word")

    with pytest.raises(RuntimeError, match=r"the model raised LookupError .*: no such word") as caught:
        explain(Raises(), torch.rand(1, 3), "gradient")
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize("inplace", [True, False])
def test_script_modules_keep_the_methods_that_need_no_layers(inplace: bool) -> None:
    plain = seeded(lambda: Plain(inplace=inplace)).eval()
    script, x = torch.jit.trace(plain.train(), picture()), picture()
    before = script.training
    for key in ("gradient", "occlusion", "lime"):
        more = {k: v for k, v in QUESTIONS.get(key, {}).items() if k != "layer"}
        ours = explain(script, x, key, target=1, **more)
        np.testing.assert_allclose(ours.values, explain(plain, x, key, target=1, **more).values, rtol=1e-3, atol=1e-6)
        assert any("ScriptModule" in note for note in ours.warnings)
    assert script.training == before
    for layer in (None, "conv2"):
        for key in ("grad_cam", "cam", "grad_cam_plus_plus", "activation"):
            with pytest.raises(
                ValueError, match=r"layer: .*(ScriptModule|looked into).*'gradient'.*'lime', 'occlusion'"
            ):
                explain(script, x, key, layer=layer)


@pytest.mark.filterwarnings("ignore")  # of torch, about its own quantization
def test_dynamic_int8_keeps_the_methods_that_need_no_gradient() -> None:
    plain = nn.Sequential(nn.Flatten(), seeded(lambda: nn.Linear(432, 8)), nn.ReLU(), seeded(lambda: nn.Linear(8, 3)))
    model = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear})
    x = picture()
    for key in ("gradient", "input_x_gradient"):
        with pytest.raises(
            ValueError, match=r"no gradient of the score reaches the input: .*int8.*'lime', 'occlusion'"
        ):
            explain(model, x, key, target=1)
    with pytest.raises(ValueError, match=r"layer: .*'lime', 'occlusion'"):
        explain(model, x, "grad_cam", target=1)
    ours = explain(model, x, "occlusion", target=1, window=4, stride=4, fill="zero")
    right = explain(plain, x, "occlusion", target=1, window=4, stride=4, fill="zero")
    assert np.corrcoef(ours.values.ravel(), right.values.ravel())[0, 1] > 0.98  # 8 bits
    assert explain(model, x, "activation").values.shape == (3,)  # the last layer: none has a grid


def test_integers_have_no_gradient() -> None:
    model = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(ValueError, match="the input, which holds integers: use a layer behind the embedding"):
        explain(model, torch.tensor([[1, 2, 3]]), "gradient")
    assert explain(model, torch.tensor([[1, 2, 3]]), "activation", layer="0").values.shape == (4, 3)


@each_method
def test_not_a_number_in_the_picture_is_said(key: str) -> None:
    model, x = seeded(Plain), picture()
    x[0, 1, 3, 4] = torch.nan
    if key in HIDING | COMPARING:
        with pytest.raises(ValueError, match=r"scores: .*NaN"):
            answer(model, x, key)
        return
    ours = answer(model, x, key)
    assert "the input holds 1 values that are NaN or infinite" in ours.warnings
    of_score = "the logit of this input is NaN, which no values explain"
    assert (of_score in ours.warnings) == ("target" in METHODS[key].needs)


class Root(nn.Module):
    """√x · 1: an infinite gradient at 0, NaN below."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt().flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize(("key", "lost"), [("gradient", "infinite"), ("input_x_gradient", "NaN")])
def test_a_gradient_that_is_no_number_is_said(key: str, lost: str) -> None:
    x = torch.full((1, 3, 12, 12), 0.25)
    assert explain(Root(), x, key).warnings == ()
    x[0, 1, 3, 4] = 0
    ours = explain(Root(), x, key)
    assert (np.isinf if lost == "infinite" else np.isnan)(ours.values[1, 3, 4])  # 0.5 / √0, and 0 times that
    right = "1 of 432 values is NaN or infinite, as the gradient is of which it is made"
    assert ours.warnings == (right,)


def test_modules_closed_over_are_found_wherever_they_hide() -> None:
    hidden = seeded(lambda: nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.9))).train()

    class InForward(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(hidden(x).mean((2, 3)))

    class InDefault(InForward):
        def __init__(self) -> None:
            super().__init__()
            self.first = lambda x, part=hidden: part(x)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.first(x).mean((2, 3)))

    for model in (seeded(InForward), seeded(InDefault)):
        before = snapshot(hidden), snapshot(model)
        first, second = (explain(model, picture(), "gradient", target=1) for _ in range(2))
        np.testing.assert_array_equal(first.values, second.values)
        assert any("closes over a module" in note for note in first.warnings)
        assert differences(before[0], snapshot(hidden)) == []
        assert differences(before[1], snapshot(model)) == []


def test_tuples_and_signals_and_table_rows_are_inputs() -> None:
    assert explain(seeded(Signal), torch.rand(1, 2, 16), "gradient").axes == ("channel", "x")
    assert explain(seeded(lambda: nn.Linear(3, 2)), torch.rand(1, 3), "gradient").axes == ("feature",)
    assert explain(seeded(TupleOutput), (picture(),), "gradient", target=1).axes == ("channel", "y", "x")
    assert explain(seeded(lambda: Linear(12)), picture(), "gradient").axes == ("channel", "y", "x")


def test_the_first_method_that_needs_scikit_learn_draws_none_of_the_users_random_numbers() -> None:
    code = (
        "import random, sys; from nbexplain import Text, explain; random.seed(0); next = random.random(); "
        "random.seed(0); explain(lambda texts: [float(len(text)) for text in texts], Text('a good film'), 'lime'); "
        "assert 'sklearn.linear_model' in sys.modules; assert random.random() == next"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
