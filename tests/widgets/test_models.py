"""The models that all explorers of a session share: what the browser is told, and what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import nbexplain as nx
from nbexplain.widgets.models import SessionModels
from tests.networks import CLASSES, Plain, picture, seeded
from tests.widgets.comm import Line, command, from_browser, living


@pytest.fixture
def session():
    nx.options.run = "sync"
    session = nx.Session(seeded(Plain), [picture(), picture(seed=2)], classes=[f"c{i}" for i in range(CLASSES)])
    yield session
    session.close()


@pytest.fixture
def models(session):
    models = SessionModels.acquire(session)
    yield models
    while models.users:
        models.release()


def test_the_last_explorer_closes_the_models(session):
    before = living()
    first, second = SessionModels.acquire(session), SessionModels.acquire(session)
    assert first is second
    first.picture(0), first.picture(1)
    first.release()
    assert len(living() - before) >= 4
    first.release()
    assert living() == before
    assert SessionModels.acquire(session) is not first
    SessionModels.acquire(session).release()
    SessionModels._of[session].release()
    assert living() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", 2),
        ("channel", 3),
        ("layer", "relu1"),
        ("method", "gradient"),
        ("input", 1),
        ("params", {"lime": {"seed": 3}}),
    ],
)
def test_a_value_from_the_browser_is_taken_and_never_sent_back(session, models, monkeypatch, name, value):
    assert getattr(session.selection, name) != value
    line = Line(models.controls, monkeypatch)
    from_browser(models.controls, **{name: value})
    assert getattr(session.selection, name) == value
    assert [state for state in line.state if name in state] == []


def test_values_that_come_together_are_taken_together(session, models):
    seen = []
    session.on_select(lambda: seen.append((session.selection.layer, session.selection.channel)))
    session.select(layer="relu2", channel=7)
    from_browser(models.controls, layer="relu1", channel=5)
    assert (session.selection.layer, session.selection.channel) == ("relu1", 5)
    assert seen[-1] == ("relu1", 5)


def test_what_user_code_chooses_is_sent(session, models, monkeypatch):
    line = Line(models.controls, monkeypatch)
    session.select(target=3, layer="relu1")
    sent = {name: value for state in line.state for name, value in state.items()}
    assert sent == {"target": 3, "layer": "relu1"}
    session.select(target=3)
    assert len(line.state) == 2


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("target", 99, "target"), ("layer", "nowhere", "layer"), ("channel", 500, "channel"), ("method", "nix", "method")],
)
def test_a_wrong_value_from_the_browser_is_told_and_changes_nothing(session, models, name, value, word):
    problems: list[Exception] = []
    end = models.on_problem(problems.append)
    before = session.selection
    from_browser(models.controls, **{name: value})
    _worker_is_done()
    assert session.selection == before
    assert len(problems) == 1
    assert word in str(problems[0])
    end()
    from_browser(models.controls, target=1)
    assert session.selection.target == 1


def _worker_is_done() -> None:
    """The worker has done its chores and ended."""
    from nbexplain.runner import runner

    thread = runner._thread
    if thread is not None:
        thread.join(20)
        assert not thread.is_alive()


def test_commands(session, models, monkeypatch):
    heard: list[str] = []
    monkeypatch.setattr(session, "stop", lambda: heard.append("stop"))
    monkeypatch.setattr(session, "renew", lambda *, again: heard.append(f"run {again}"))
    monkeypatch.setattr(session, "refresh", lambda: heard.append("refresh"))
    for name in ("run", "stop", "refresh", "format the disk", None):
        command(models.controls, {"command": name})
    assert heard == ["run True", "stop", "refresh"]


def test_a_picture_is_sent_once_for_all_panes(models):
    first = models.picture(0)
    assert first is models.picture(0)
    assert first is not models.picture(1)
    assert first.dtype == "uint8"
    assert first.shape == [12, 12, 3]


def test_a_large_picture_fits_into_a_message():
    session = nx.Session(seeded(Plain), torch.rand(1, 3, 1500, 3000))
    models = SessionModels.acquire(session)
    assert models.picture(0).shape == [512, 1024, 3]
    models.release()
    session.close()


def test_pixels_that_are_not_finite_are_holes():
    x = picture()
    x[0, 1, 3, 4] = float("nan")
    session = nx.Session(seeded(Plain), x)
    models = SessionModels.acquire(session)
    array = models.picture(0)
    pixels = np.frombuffer(array.buffer, np.uint8).reshape(array.shape)
    assert pixels.shape == (12, 12, 4)
    assert pixels[3, 4, 3] == 0
    assert (pixels[..., 3] == 0).sum() == 1
    models.release()
    session.close()


def test_no_picture_of_an_input_that_is_none():
    session = nx.Session(torch.nn.Linear(4, 3), torch.rand(1, 4))
    models = SessionModels.acquire(session)
    assert models.picture(0) is None
    models.release()
    session.close()


def test_what_is_known_is_json_that_every_browser_reads(models):
    state = models.facts.get_state()
    text = json.dumps(
        {name: state[name] for name in ("layers", "classes", "scores", "methods", "inputs")}, allow_nan=False
    )
    known = json.loads(text)
    assert known["inputs"] == 2
    assert [layer["name"] for layer in known["layers"]][:2] == ["conv1", "relu1"]
    assert known["layers"][0]["shape"] == "6×12×12"
    lime = next(m for m in known["methods"] if m["key"] == "lime")
    assert lime["progressive"]
    params = {p["name"]: p for p in lime["params"]}
    assert params["samples"] == {
        "name": "samples", "kind": "range", "low": 10, "high": 5000, "step": 10, "integer": True, "default": 500,
        "help": params["samples"]["help"],
    }  # fmt: skip
    assert params["segmentation"]["choices"] == ["slic", "quickshift", "felzenszwalb", "grid"]
    cam = next(m for m in known["methods"] if m["key"] == "grad_cam")
    assert cam["params"][0]["kind"] == "flag"
    assert cam["needs"] == ["target", "layer"]
    assert cam["grid"]


def test_scores_that_are_not_finite_are_null(monkeypatch):
    class Broken(Plain):
        def forward(self, x):
            return super().forward(x) * torch.tensor([1, float("nan"), 1, float("inf"), 1])

    session = nx.Session(seeded(Broken), picture())
    models = SessionModels.acquire(session)
    sent = json.dumps(models.facts.get_state("scores"), allow_nan=False)
    scores = json.loads(sent)["scores"]
    assert scores[1] is None
    assert scores[3] is None
    assert isinstance(scores[0], float)
    models.release()
    session.close()


def test_the_scores_of_another_input_follow_the_selection(session, models):
    first = list(models.facts.scores)
    place = session.place(lambda *_: None)
    session.select(input=1)
    assert list(models.facts.scores) != first
    expected = seeded(Plain)(picture(seed=2))[0].tolist()
    assert models.facts.scores == pytest.approx(expected, abs=1e-5)
    place.close()


def test_going_back_to_an_input_brings_back_its_scores(session, models):
    first = list(models.facts.scores)
    place = session.place(lambda *_: None)
    session.select(input=1)
    session.select(input=0)
    assert list(models.facts.scores) == pytest.approx(first)
    place.close()


def test_changed_weights_change_what_is_known(session, models):
    place = session.place(lambda *_: None)
    before = list(models.facts.scores)
    with torch.no_grad():
        session.given.model.head.weight.mul_(2)
    session.select(target=1)
    assert list(models.facts.scores) != before
    place.close()


def test_a_thousand_classes():
    model = seeded(
        lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(400, 1000))
    )
    session = nx.Session(model, picture(), classes=[f"{i}" for i in range(1000)])
    models = SessionModels.acquire(session)
    assert len(models.facts.classes) == len(models.facts.scores) == 1000
    from_browser(models.controls, target=999)
    assert session.selection.target == 999
    session.wait()
    models.release()
    session.close()


def test_a_choice_of_several_parts_is_told_as_one(session, models):
    """Told part by part, the parts that are still to come would be taken for a choice of the browser."""
    asked: list[str] = []
    place = session.place(lambda place, answer: asked.append(answer.question.method))
    asked.clear()
    session.select(method="gradient", layer="relu1", target=2)
    assert session.wait(20)
    assert asked == ["gradient"]
    assert (models.controls.method, models.controls.layer, models.controls.target) == ("gradient", "relu1", 2)
    place.close()
