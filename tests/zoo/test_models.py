"""Every model that is kept: the right layer, the right map, every method right or refused, and nothing touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbexplain import METHODS, explain, explore, options
from nbexplain.widgets import code
from tests.core.snapshot import differences, snapshot
from tests.zoo import by_hand
from tests.zoo.answers import answers, check, close
from tests.zoo.entry import Entry
from tests.zoo.models import MODELS
from tests.zoo.tried import KEYS, Tried, tried

FULL = [entry for entry in MODELS if not entry.brief]
ARGUMENTS = {"x", "model", "layer", "target", "channel", "cell", "scores", "part", "axes", "baseline", "window"}


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
        found = explain(case.model, case.given, layer=case.row(name).name, relu=False, **case.asked)
        close(found.values, by_hand.grad_cam(activations, gradients, relu=False))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("entry", FULL, ids=str)
def test_every_method_is_right_or_refused(case: Tried, key: str) -> None:
    found, must = case.outcome(key), answers(case, key)
    if isinstance(found, str):
        named = re.match(r"(\w+): ", found)
        assert named, f"the reason names no argument: {found}"
        assert named[1] in ARGUMENTS | set(METHODS[key].parameters), found
        assert not must, f"refused, but it has an answer: {found}"
        return
    assert must is not False, "answered, but it has no answer"
    assert found.progress == 1
    assert np.isfinite(found.values).all() or key == "ablation_curve"
    assert found.values.any() or found.warnings, "all zero, and not a word"
    check(case, key, found)


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
