"""Targets of maps of scores in the browser, and the code that gives the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbexplain as nx
from nbexplain import Region, explain
from nbexplain.widgets import regions
from tests.core.snapshot import differences, snapshot
from tests.networks import picture, seeded
from tests.widgets.charts.test_bars import click
from tests.widgets.comm import from_browser
from tests.widgets.test_code import check, run

NAMES = ["ground", "cat", "dog", "eel"]


@pytest.fixture
def model() -> nn.Module:
    return seeded(lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1))).eval()


@pytest.fixture
def explorer(model: nn.Module):
    nx.options.run = "sync"
    explorer = nx.Explorer(model, picture(8), classes=NAMES, method="gradient", show=["map", "classes"])
    yield explorer
    explorer.close()
    nx.options.run = "background"


def test_what_the_browser_shows_and_chooses(explorer: nx.Explorer, model: nn.Module) -> None:
    controls, facts, pane = explorer._models.controls, explorer._models.facts, explorer._parts[0].pane
    maps = model(picture(8))[0].detach()
    won = maps.argmax(0)
    best = int(won.flatten().bincount().argmax())
    assert explorer.session.selection.target == Region(best)
    assert (controls.target, controls.over, pane.aim) == (best, "predicted", [8, 8])
    assert [value for value, _ in facts.overs] == ["predicted", "map"]
    assert facts.scores == pytest.approx(maps[:, won == best].mean(1).tolist(), rel=1e-5)
    from_browser(controls, over="2,5")
    assert explorer.session.selection.target == Region(best, (2, 5))
    assert facts.scores == pytest.approx(maps[:, 2, 5].tolist(), rel=1e-5)
    from_browser(controls, target=3)
    assert explorer.session.selection.target == Region(3, (2, 5))
    from_browser(controls, over="map", target=1)
    assert explorer.session.selection.target == Region(1, "map")
    assert facts.scores == pytest.approx(maps.flatten(1).mean(1).tolist(), rel=1e-5)
    assert "for cat over the whole map" in explorer._status.text
    explorer.session.select(target="dog")
    assert (controls.target, controls.over) == (2, "predicted")
    mask = np.eye(8)
    explorer.session.select(target=Region(1, mask))
    assert (controls.target, controls.over) == (1, "")
    from_browser(controls, target=0)  # another class, over the same mask
    assert explorer.session.selection.target == Region(0, mask)


def test_a_place_that_is_not_there_is_said(explorer: nx.Explorer) -> None:
    before = explorer.session.selection
    for over, said in (
        ("9,1", "target: place 9 is out of range"),
        ("2", "over: the place (2,) has 1"),
        ("x", "over: "),
    ):
        from_browser(explorer._models.controls, over=over)
        assert explorer.session.selection == before
        assert explorer._status.error.startswith(said)


def test_bars_are_means_over_the_same_places(explorer: nx.Explorer, model: nn.Module) -> None:
    explorer.session.select(target=Region(1, "map"))
    means = model(picture(8))[0].detach().flatten(1).mean(1)
    values, quantity = regions.class_scores(explorer.session, 0)
    assert values == pytest.approx(means.tolist(), rel=1e-5)
    assert quantity == "mean score"
    explorer.session.select(target=Region(1, (0, 0)))
    scores, quantity = regions.class_scores(explorer.session, 0)
    assert quantity == "score"
    click(explorer._parts[1]._bars, 1)  # the second best is explained at the same place
    assert explorer.session.selection.target == Region(int(np.argsort(scores)[-2]), (0, 0))
    nowhere = next(k for k in range(4) if not (model(picture(8))[0].argmax(0) == k).any())
    explorer.session.select(target=nowhere)
    assert f"target: {NAMES[nowhere]!r} (class {nowhere}) is predicted nowhere" in explorer._status.error
    assert regions.class_scores(explorer.session, 0)[0] == pytest.approx(means.tolist(), rel=1e-5)


def test_the_code_gives_the_same_and_the_model_stays(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    x, mask = picture(8), np.tri(8)
    before = snapshot(model, x)
    explorer = nx.MethodComparison(
        model, x, classes=NAMES, methods=["gradient", "occlusion"], target=Region("cat", mask),
    )  # fmt: skip
    names: dict[str, Any] = {"model": model, "x": x, "mask": mask}
    found = run(explorer, names, monkeypatch)
    assert "from nbexplain import Region, explain" in explorer.code()
    assert "target=Region(1, over=mask), classes=['ground', 'cat', 'dog', 'eel'])  # cat over a mask" in explorer.code()
    check(explorer, found)
    explorer.session.select(target=Region(2, "map"))
    found = run(explorer, names, monkeypatch)
    assert (
        "target=Region(2, over='map'), classes=['ground', 'cat', 'dog', 'eel'])  # dog over the whole map"
        in explorer.code()
    )
    check(explorer, found)
    explorer.close()
    assert differences(before, snapshot(model, x)) == []


def test_both_classes_of_one_number_are_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 1))).eval(), picture(8)
    explorer = nx.AttributionExplorer(model, x, classes=("no", "yes"), method="gradient", target="no")
    found = run(explorer, {"model": model, "x": x}, monkeypatch)
    assert "target=0, classes=['no', 'yes'])  # no" in explorer.code()
    check(explorer, found)
    assert explorer._models.facts.scores == pytest.approx([-model(x).item(), model(x).item()])
    explorer.close()


def test_independent_probabilities_are_said() -> None:
    model = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 3), nn.Sigmoid())).eval()
    explorer = nx.AttributionExplorer(model, picture(8), classes=["a", "b", "c"], method="gradient", target="b")
    assert explorer.session.wait(60)
    assert "Gradient for b (independent probability" in explorer._status.text
    explorer.close()


def test_a_line_of_scores_has_places_too() -> None:
    nx.options.run = "sync"
    model, x = seeded(lambda: nn.Conv1d(2, 3, 1)).eval(), seeded(lambda: torch.randn(1, 2, 20))
    explorer = nx.AttributionExplorer(model, x, method="gradient")
    assert explorer._parts[0].pane.aim == [1, 20]
    from_browser(explorer._models.controls, over="0,7", target=1)
    assert explorer.session.selection.target == Region(1, (7,))
    values = explain(model, x, "gradient", target=Region(1, (7,))).values
    assert np.flatnonzero(values.any(0)).tolist() == [7]
    np.testing.assert_allclose(values[:, 7], model.weight[1, :, 0].detach(), rtol=1e-5)
    explorer.close()
    nx.options.run = "background"
