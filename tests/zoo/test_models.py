"""Every model that is kept: the right layer, the right map, every method right or refused, and nothing touched."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbexplain import METHODS, Explanation, explain, explore, list_layers, options
from nbexplain.core.layers import Layer
from nbexplain.widgets import code
from tests.core import oracles
from tests.core.snapshot import differences, snapshot
from tests.zoo import by_hand
from tests.zoo.entry import Entry, Number
from tests.zoo.models import MODELS

FULL = [entry for entry in MODELS if not entry.brief]
CHANNEL = 1
REGIONS: dict[str, Any] = {"superpixels": 4, "segmentation": "grid"}
PARAMS: dict[str, dict[str, Any]] = {
    "occlusion": {"window": 16, "stride": 16, "fill": "zero"},
    "lime": {**REGIONS, "samples": 30},
    "exact_shap": {"superpixels": 4},
    "kernel_shap": {**REGIONS, "samples": 30},
    "permutation_shap": {**REGIONS, "permutations": 2},
    "partition_shap": {**REGIONS, "evaluations": 30},
    "leave_one_out": REGIONS,
    "without": {**REGIONS, "features": (0, 2)},
    "gradient_shap": {"baseline": "zero", "samples": 4},
    "deep_shap": {"baseline": "zero"},
}
KEYS = sorted(key for key, found in METHODS.items() if found.kinds != ("table",))
BY_REGION = ("exact_shap", "kernel_shap", "permutation_shap", "partition_shap", "leave_one_out", "lime", "without")
ARGUMENTS = {"x", "model", "layer", "target", "channel", "cell", "scores", "part", "axes", "baseline", "window"}


class Tried:
    """A model with its input, made once, and what was found by hand."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.model: nn.Module = entry.model()
        self.given = entry.given()  # by the user
        self.x = entry.plain(self.given)  # to the model
        self.scores = by_hand.scores(entry, self.model, self.x)  # (K, …); a first call, at which some set themselves up
        self.tables: dict[bytes, Any] = {}

    @functools.cached_property
    def asked(self) -> dict[str, Any]:
        """What `explain` is told, but the method."""
        return {**({} if self.entry.target is None else {"target": self.entry.target}), **self.ways}

    @functools.cached_property
    def ways(self) -> dict[str, Any]:
        """The same without the target."""
        return self.entry.asked()

    @functools.cached_property
    def rows(self) -> Any:
        """The table of layers."""
        return list_layers(self.model, self.given, **self.ways)

    def row(self, name: str) -> Layer:
        """A layer in the table; a module that is called once may be named with its call."""
        found = [row for row in self.rows if row.name in (name, name.partition("@")[0])]
        assert found, f"{name} is not in the table of layers"
        return found[-1]

    @functools.cache  # noqa: B019  lives as long as the tests
    def recorded(self, layer: str) -> tuple[Tensor, Tensor, Tensor]:
        """What a layer returned, the score and its gradient there."""
        return by_hand.recorded(self.entry, self.model, self.x, layer)

    def cells(self, layer: str) -> tuple[Tensor, Tensor]:
        """Activations and gradients of a layer, (C, *grid)."""
        output, _, slope = self.recorded(layer)
        return self.entry.cells(output), self.entry.cells(slope)

    @functools.cached_property
    def layer(self) -> str:
        """One of the layers that a researcher begins with: the suggested one, if it is among them."""
        suggested = self.rows.suggested
        if suggested is not None:
            output = self.recorded(suggested)[0]
            for name in self.entry.layers:
                wanted = self.recorded(name)[0]
                if output.shape == wanted.shape and torch.equal(output, wanted):
                    return name
        return self.entry.layers[0]

    @functools.cached_property
    def score(self) -> Number:
        """How the number that is explained is found in scores."""
        return self.entry.score(self.scores, self.entry.target)

    def explain(self, key: str, **more: Any) -> Explanation:
        return explain(self.model, self.given, key, **{**self.asked, **more})


@functools.cache
def tried(entry: Entry) -> Tried:
    return Tried(entry)


@pytest.fixture
def case(entry: Entry) -> Iterator[Tried]:
    """The model comes out of every test as it went in."""
    found = tried(entry)
    given = [part for part in parts(found.x) if isinstance(part, Tensor)]
    before = snapshot(found.model, *given)
    yield found
    assert differences(before, snapshot(found.model, *given)) == []


def parts(x: Any) -> list[Any]:
    return list(x.values()) if isinstance(x, dict) else list(x) if isinstance(x, tuple) else [x]


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5, scores: Tensor | None = None) -> None:
    """Equal within a share of the largest value, and, for differences of scores, what is lost by rounding these."""
    assert found.shape == wanted.shape
    rounding = 0 if scores is None else 1e-6 * float(scores.abs().max())
    largest = max(float(np.abs(wanted).max()), 1e-30)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * largest + rounding)


@pytest.mark.parametrize("entry", MODELS, ids=str)
def test_the_suggested_layer(case: Tried) -> None:
    entry = case.entry
    suggested = case.rows.suggested
    assert suggested is not None, "no layer is suggested"
    output = case.recorded(suggested)[0]
    wanted = [case.recorded(name)[0] for name in entry.layers]
    assert any(output.shape == one.shape and torch.equal(output, one) for one in wanted), (
        f"suggested {suggested!r}, wanted one of {entry.layers}"
    )
    assert case.row(suggested).channel_axis == entry.axis


@pytest.mark.parametrize("entry", MODELS, ids=str)
def test_channels_and_grid_of_the_layer(case: Tried) -> None:
    for name in case.entry.layers:
        row, activations = case.row(name), case.cells(name)[0]
        assert (row.channel_axis, row.channels, row.grid) == (
            case.entry.axis,
            len(activations),
            tuple(activations.shape[1:]),
        )
    assert case.row(case.entry.layers[0]).grid == case.entry.grid


@pytest.mark.parametrize("entry", MODELS, ids=str)
def test_the_default_map(case: Tried) -> None:
    found = explain(case.model, case.given, **case.asked)
    assert found.score == pytest.approx(float(case.recorded(case.entry.layers[0])[1]), rel=1e-5)
    activations, gradients = case.cells(case.layer)
    close(found.values, by_hand.grad_cam(activations, gradients))
    signed = explain(case.model, case.given, relu=False, **case.asked)
    close(signed.values, by_hand.grad_cam(activations, gradients, relu=False))
    assert found.values.any() or found.warnings


@pytest.mark.parametrize("entry", MODELS, ids=str)
def test_the_map_of_a_layer_that_is_named(case: Tried) -> None:
    for name in case.entry.layers:
        activations, gradients = case.cells(name)
        found = case.explain("grad_cam", layer=case.row(name).name, relu=False)
        close(found.values, by_hand.grad_cam(activations, gradients, relu=False))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("entry", FULL, ids=str)
def test_every_method_is_right_or_refused(case: Tried, key: str) -> None:
    more = dict(PARAMS.get(key, {}))
    method = METHODS[key]
    if "target" in method.needs:
        more |= {} if case.entry.target is None else {"target": case.entry.target}
    if "layer" in method.needs:
        more["layer"] = case.row(case.layer).name
    if "channel" in method.needs and "channel" not in method.optional:
        more["channel"] = CHANNEL
    if not case.entry.picture:
        more = {name: value for name, value in more.items() if name not in REGIONS}
    x = [case.given] if method.over_inputs else case.given
    must = answers(case, key)
    reason = ""
    try:
        found = explain(case.model, x, key, **more, **case.ways)
    except (ValueError, TypeError) as error:
        reason = str(error)
    if reason:
        named = re.match(r"(\w+): ", reason)
        assert named, f"the reason names no argument: {reason}"
        assert named[1] in ARGUMENTS | set(method.parameters), reason
        assert not must, f"refused, but it has an answer: {reason}"
        return
    assert must is not False, "answered, but it has no answer"
    assert found.progress == 1
    assert np.isfinite(found.values).all() or key == "ablation_curve"
    assert found.values.any() or found.warnings, "all zero, and not a word"
    check(case, key, found)


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
        return True if case.scores.ndim == 1 else None
    if key in ("activation", "channel_activity", "channel_evidence", "ablation_curve"):
        return True
    if key.startswith("grad_cam"):
        return True
    if key == "cell_arithmetic":
        kind = type(entry.module(case.model, case.layer)[0])
        return kind in (nn.Conv1d, nn.Conv2d)
    if key == "without" and case.scores.ndim > 1:
        return None
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
        close(found.values, (wanted if wanted.shape == found.values.shape else wanted[0]).numpy(), 1e-4)
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
        after = by_hand.without_channels(entry, model, case.x, case.layer, [strongest])
        close(found.values, torch.stack([case.scores, after]).numpy(), 1e-4)
    elif key == "ablation_curve":
        order = (flat * gradients.double().flatten(1)).sum(1).argsort(descending=True, stable=True).tolist()
        for off in (0, len(order) // 2, len(order)):
            after = by_hand.without_channels(entry, model, case.x, case.layer, order[:off])
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
        return torch.stack([case.scores, row(hidden)]).numpy()
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


@pytest.mark.parametrize("entry", FULL, ids=str)
def test_a_model_that_was_never_called_is_as_it_was_made(entry: Entry) -> None:
    model, given = entry.model(), entry.given()
    tensors = [part for part in parts(given) if isinstance(part, Tensor)]
    before = snapshot(model, *tensors)
    asked = {} if entry.target is None else {"target": entry.target}
    explain(model, given, **asked, **entry.asked())
    touched = differences(before, snapshot(model, *tensors))
    if touched:  # an explanation in place calls the user's own model, which may set itself up at its first call
        model = entry.model()
        before = snapshot(model)
        by_hand.scores(entry, model, entry.plain(given))
        touched = [path for path in touched if path not in differences(before, snapshot(model))]
    assert touched == []


@pytest.mark.parametrize("entry", FULL, ids=str)
def test_explorer_and_code_give_the_numbers_of_explain(case: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = explain(case.model, case.given, **case.asked)
    namespace = {"net": case.model, "x": case.given, **{name: way for name, way in case.ways.items() if callable(way)}}
    monkeypatch.setattr(code, "_namespace", lambda: namespace)
    options.run = "sync"
    explorer = explore(case.model, case.given, method="grad_cam", **case.asked)
    try:
        assert explorer.session.wait(60)
        shown = [answer for question, answer in explorer._answered_so_far() if question.method == "grad_cam"]
        assert shown, explorer._status.error or explorer._status.text
        assert shown[0].layer == wanted.layer
        close(shown[0].values, wanted.values)
        made = dict(namespace)
        exec(explorer.code(), made)
        close(made["grad_cam"].values, wanted.values)
    finally:
        explorer.close()
