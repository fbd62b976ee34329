"""Explorers: what they refuse, what they share, what they show, and that nothing of them stays."""

from __future__ import annotations

import threading

import ipywidgets
import numpy as np
import pytest
import torch

import nbexplain as nx
from nbexplain.widgets.chart_style import ACCENT
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.map_grid import MapGrid
from tests.networks import CLASSES, Plain, Signal, picture, seeded
from tests.targets import EQUAL_OR_NO_KEY
from tests.widgets.comm import Line, from_browser, living

NAMES = [f"c{i}" for i in range(CLASSES)]


@pytest.fixture(autouse=True)
def _nothing_stays():
    """Every test here closes what it makes."""
    before = living()
    yield
    assert living() == before


@pytest.fixture
def model():
    return seeded(Plain)


@pytest.fixture
def explorer(model):
    explorer = nx.explore(model, picture(), classes=NAMES)
    yield explorer
    explorer.session.wait(20)
    explorer.close()


def children(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    found = [widget]
    for child in getattr(widget, "children", ()):
        found += children(child)
    return found


def pane(explorer: nx.Explorer, kind: type) -> list:
    return [widget for widget in children(explorer) if isinstance(widget, kind)]


def values(array) -> np.ndarray:
    return np.frombuffer(array.buffer, array.dtype).reshape(array.shape)


# What is refused


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({"show": ["maps"]}, ValueError, "show"),
        ({"show": []}, ValueError, "show"),
        ({"show": "maps"}, ValueError, "show"),
        ({"controls": ["layers"]}, ValueError, "controls"),
        ({"layer": "nowhere"}, ValueError, "layer"),
        ({"target": 99}, ValueError, "target"),
        ({"target": "zebra"}, ValueError, "target"),
        ({"method": "nix"}, ValueError, "method"),
        ({"channel": 999}, ValueError, "channel"),
        ({"channel": "0"}, TypeError, "channel"),
        ({"params": {"nix": 1}}, TypeError, "nix"),
        ({"params": {"relu": 3}}, TypeError, "relu"),
        ({"classes": ["one"]}, ValueError, "classes"),
    ],
)
@pytest.mark.parametrize("make", [nx.explore, nx.AttributionExplorer, nx.ActivationExplorer])
def test_wrong_arguments_raise_in_place_and_leave_nothing(model, make, given, error, word):
    with pytest.raises(error, match=rf"^{word}:"):
        make(model, picture(), **{"classes": NAMES, **given})


def test_inputs_are_needed_with_a_model(model):
    with pytest.raises(TypeError, match=r"^inputs:"):
        nx.explore(model)


@pytest.mark.parametrize("name", ["inputs", "classes", "preprocess", "forward", "scores"])
def test_a_session_has_its_own_inputs(model, name):
    session = nx.Session(model, picture())
    with pytest.raises(TypeError, match=f"^{name}:"):
        nx.explore(session, **{name: picture()})
    session.close()


@pytest.mark.parametrize(
    ("name", "value"), [("layer", "nowhere"), ("target", 99), ("method", "nix"), ("channel", -1), ("channel", 999)]
)
def test_a_wrong_value_of_a_trait_raises_in_place_and_is_not_kept(explorer, name, value):
    before = getattr(explorer, name)
    with pytest.raises((ValueError, TypeError), match=f"^{name}:"):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
    assert getattr(explorer.session.selection, name) == before


# What is shown


@pytest.mark.parametrize(
    ("show", "images", "grids", "charts"),
    [
        (["map"], 1, 0, 0),
        (["classes"], 0, 0, 1),
        ("grid", 0, 1, 0),
        (["channel", "histogram"], 1, 0, 1),
        (None, 2, 1, 2),
    ],
)
def test_show_chooses_the_panes(model, show, images, grids, charts):
    import bqplot

    explorer = nx.explore(model, picture(), show=show)
    counts = [len(pane(explorer, kind)) for kind in (ImagePane, MapGrid, bqplot.Figure)]
    assert counts == [images, grids, charts]
    explorer.close()


def test_the_first_picture_is_there_before_the_first_display(explorer, model):
    overlay = explorer._parts[0].pane.overlay
    assert overlay.frame == 1
    np.testing.assert_allclose(values(overlay), nx.explain(model, picture()).values, atol=1e-6)
    assert overlay.meta["title"].startswith("Grad-CAM · c")
    assert explorer._status.text.startswith("Grad-CAM for c")


def test_the_channels_are_those_of_the_layer(explorer, model):
    explorer.layer = "relu1"
    explorer.channel = 4
    assert explorer.session.wait(20)
    part = explorer._parts[-1]
    grid, detail = part._arrays
    found = nx.explain(model, picture(), "activation", layer="relu1").values
    assert grid.shape == list(found.shape)
    step = (np.array(grid.high) - grid.low)[:, None, None] / 254
    sent = np.array(grid.low)[:, None, None] + values(grid) * step
    assert (np.abs(sent - found) <= step / 2 + 1e-6).all()
    np.testing.assert_allclose(values(detail), found[4], atol=1e-6)
    assert detail.meta["of"] == grid.meta["key"]
    assert detail.meta["channel"] == 4


@pytest.mark.parametrize(
    ("model_of", "x", "panes"),
    [
        (lambda: torch.nn.Linear(4, 3), torch.rand(1, 4), 2),  # no layer with a name
        (lambda: torch.nn.Conv1d(2, 3, 3), torch.rand(1, 2, 9), 2),
        (Signal, torch.rand(1, 2, 32), 5),
    ],
)
def test_panes_that_could_show_nothing_are_left_out(model_of, x, panes):
    explorer = nx.explore(seeded(model_of), x)
    assert explorer.session.wait(20)
    assert len(explorer._parts) <= panes
    assert explorer._status.error == ""
    explorer.close()


def test_a_target_that_is_no_class(model):
    explorer = nx.explore(model, picture(), target=lambda scores: scores[:, 0] - scores[:, 1])
    assert explorer.session.wait(20)
    assert explorer._status.error == ""
    assert explorer._models.controls.target == -1
    explorer.close()


@pytest.mark.parametrize("make", EQUAL_OR_NO_KEY)
def test_a_callable_target_in_place_of_another_is_on_every_pane_and_in_the_code(model, make):
    explorer = nx.explore(model, [picture(), picture(seed=2)], target=make(0), show=nx.Explorer.panes)
    assert explorer.session.wait(60)
    explorer.target = second = make(3)
    assert explorer.session.wait(60)
    assert explorer._status.error == ""
    assert explorer.target is explorer.session.selection.target is second
    answers = [answer for answer in explorer._answers.values() if answer.question.target is not None]
    assert answers
    for answer in answers:
        assert answer.explanation.target is second
        assert answer.explanation.score == pytest.approx(float(model(picture())[0, 3].detach()), rel=1e-5)
    assert repr(second).split("(")[0] in explorer.code()
    explorer.target = 1
    assert explorer.session.wait(60)
    assert {a.question.target for a in explorer._answers.values()} <= {1, None}
    explorer.close()


# Answers


def test_a_value_from_the_browser_is_answered_and_not_sent_back(explorer, model, monkeypatch):
    controls = explorer._models.controls
    line = Line(controls, monkeypatch)
    for target in (0, 3, 1):
        from_browser(controls, target=target)
    assert explorer.session.wait(20)
    assert line.state == []
    assert explorer.target == 1
    part = explorer._parts[0]
    part._feed._drawn(part.pane.overlay.frame)  # the browser has drawn what it has
    _worker_is_done()
    np.testing.assert_allclose(values(part.pane.overlay), nx.explain(model, picture(), target=1).values, atol=1e-6)


def _worker_is_done() -> None:
    from nbexplain.runner import runner

    thread = runner._thread
    if thread is not None:
        thread.join(20)
        assert not thread.is_alive()


def test_the_bars_mark_the_target(explorer):
    bars = explorer._parts[1]._bars
    explorer.target = 2
    assert explorer.session.wait(20)
    _worker_is_done()
    marked = bars.figure.marks[0].colors.index(ACCENT)
    assert bars._order[marked] == 2


def test_a_failure_is_said_and_the_last_picture_stays(explorer):
    overlay = explorer._parts[0].pane.overlay
    frame = overlay.frame
    explorer.session.select(method="cam", layer="relu1")  # its head does not look at this layer
    assert explorer.session.wait(20)
    assert explorer._status.level == "error"
    assert "CAM needs" in explorer._status.error
    assert "Traceback" in explorer._status.traceback
    assert "CAM needs" in explorer._parts[0].pane.notice
    assert overlay.frame == frame
    explorer.session.select(method="grad_cam")
    assert explorer.session.wait(20)
    _worker_is_done()
    assert explorer._status.error == explorer._parts[0].pane.notice == ""
    assert overlay.frame > frame


def test_a_wrong_value_from_the_browser_is_said(explorer):
    before = explorer.session.selection
    from_browser(explorer._models.controls, layer="nowhere")
    _worker_is_done()
    assert explorer.session.selection == before
    assert explorer._status.level == "error"
    assert explorer._status.error.startswith("layer:")
    from_browser(explorer._models.controls, layer="relu1")
    assert explorer.session.wait(20)
    assert explorer._status.error == ""


@pytest.mark.parametrize(
    ("name", "wrong", "right"), [("layer", "nowhere", "relu1"), ("target", 99, 2), ("channel", 999, 1)]
)
def test_a_wrong_value_through_a_link_stays_said(explorer, name, wrong, right):
    before = getattr(explorer, name)
    nx.options.run = "sync"  # whatever is said is said at once, as where the worker is quicker than this thread
    from_browser(explorer, **{name: wrong})
    assert getattr(explorer, name) == getattr(explorer.session.selection, name) == before
    assert explorer._status.level == "error"
    assert explorer._status.error.startswith(f"{name}:")
    from_browser(explorer, **{name: right})
    assert getattr(explorer.session.selection, name) == right
    assert explorer._status.error == ""


def test_nothing_is_computed_in_the_thread_of_the_browser(explorer):
    threads: set[str] = set()
    original = explorer.session.place

    def note(place, answer):
        threads.add(threading.current_thread().name)

    place = original(note, method="gradient", ask=False)
    from_browser(explorer._models.controls, target=0 if explorer.target else 1)
    assert explorer.session.wait(20)
    assert threads == {"nbexplain"}
    place.close()


def test_one_move_while_weights_change_is_one_look(explorer, monkeypatch):
    """As when a cell trains the model: at every look the weights are others."""
    looks: list[bool] = []
    monkeypatch.setattr(type(explorer.session._known._twin), "changed", lambda _: looks.append(True) or True)
    explorer.target = 0 if explorer.target else 1
    assert explorer.session.wait(20)
    assert len(looks) <= len(explorer.session._places)


# Traits


def test_traits_link_to_other_widgets(explorer):
    number, name = ipywidgets.IntText(), ipywidgets.Text()
    links = [
        ipywidgets.link((explorer, "channel"), (number, "value")),
        ipywidgets.link((explorer, "layer"), (name, "value")),
    ]
    from_browser(explorer._models.controls, channel=5)
    assert number.value == 5
    number.value = 3
    assert explorer.session.selection.channel == 3
    assert explorer._models.controls.channel == 3
    name.value = "relu1"
    assert explorer.session.selection.layer == "relu1"
    assert explorer.session.selection.channel == 3
    for link in links:
        link.unlink()
    for widget in (number, name):
        for part in (widget.layout, widget.style, widget):
            part.close()


def test_a_class_may_be_chosen_by_name(explorer):
    explorer.target = "c3"
    assert explorer.session.selection.target == 3
    assert explorer.target == 3


def test_initial_values(model):
    explorer = nx.explore(
        model, picture(), classes=NAMES, method="gradient", target="c1", layer="relu1", channel=2, params={}
    )
    assert (explorer.method, explorer.target, explorer.layer, explorer.channel) == ("gradient", 1, "relu1", 2)
    explorer.close()


# Sharing


def test_explorers_of_one_session_are_linked(model):
    session = nx.Session(model, picture(), classes=NAMES)
    first = nx.AttributionExplorer(session)
    second = nx.ActivationExplorer(session, channel=3)
    assert first._models is second._models
    assert first.channel == 3
    first.layer = "relu1"
    assert second.layer == "relu1"
    from_browser(first._models.controls, target=2, channel=1)
    assert (first.target, second.target, first.channel, second.channel) == (2, 2, 1, 1)
    first.close()
    second.channel = 4
    assert session.wait(20)
    assert session.selection.channel == 4
    assert second._status.error == ""
    second.close()
    session.close()


def test_closing_an_explorer_leaves_a_shared_session_at_work(model):
    session = nx.Session(model, picture())
    nx.explore(session).close()
    told = []
    place = session.place(lambda _place, answer: told.append(answer.state))
    session.select(target=1)
    assert session.wait(20)
    assert told[-1] == "done"
    place.close()
    session.close()


def test_each_model_makes_a_session_of_its_own(model):
    first, second = nx.explore(model, picture()), nx.explore(model, picture())
    assert first.session is not second.session
    first.channel = 2
    assert second.channel == 0
    first.close()
    second.close()


# The end


@pytest.mark.parametrize("make", [nx.explore, nx.AttributionExplorer, nx.ActivationExplorer])
def test_close_leaves_no_widget_model(model, make):
    before = living()
    explorer = make(model, [picture(), picture(seed=2)], classes=NAMES)
    explorer.session.select(input=1, target=2)
    assert explorer.session.wait(20)
    assert living() > before
    explorer.close()
    assert living() == before
    explorer.close()  # once more does no harm


def test_close_while_it_runs(model):
    explorer = nx.AttributionExplorer(model, picture(), method="lime", params={"samples": 5000})
    explorer.close()
    assert explorer.session.wait(20)
    _worker_is_done()


def test_close_gives_the_model_back_as_it_was(model):
    before = [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()]
    explorer = nx.explore(model.train(), picture())
    explorer.target = 1
    explorer.session.wait(20)
    explorer.close()
    model.eval()
    assert [(len(m._forward_hooks), len(m._forward_pre_hooks), False) for m in model.modules()] == [
        (hooks, pre, False) for hooks, pre, _ in before
    ]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_thirty_explorers_one_after_the_other(model):
    for _ in range(30):
        explorer = nx.explore(model, picture())
        explorer.close()
    _worker_is_done()
    assert all(not m._forward_hooks for m in model.modules())
