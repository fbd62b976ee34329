"""Session: the shared selection, questions and answers, in the background and in place, while the user trains."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor, nn

from nbexplain import METHODS, Explanation, Session, Subject, Tabular, Text, explain, method, options
from nbexplain import runner as runner_module
from nbexplain.core.ask import ask
from nbexplain.core.hooks import Cancelled
from nbexplain.core.memory import STORE
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.runner import runner
from tests.core.snapshot import differences, snapshot
from tests.networks import CASES, CLASSES, Closure, Linear, Normed, Plain, Reused, picture, seeded
from tests.targets import EQUAL_OR_NO_KEY

LONG = 60.0  # seconds that nothing here should ever take
NAMES = ["ant", "bee", "cat", "dog", "eel"]
OCCLUSION = {"window": 4, "stride": 2}


class Pane:
    """What a pane is told."""

    def __init__(self, session: Session, **own: Any) -> None:
        self.told: list[Answer] = []
        self.threads: list[threading.Thread] = []
        self.session = session
        self.changed = threading.Condition()
        self.place = session.place(self.show, **own)

    def show(self, _place: Place, answer: Answer) -> None:
        with self.changed:
            self.told.append(answer)
            self.threads.append(threading.current_thread())
            self.changed.notify_all()

    def until(self, what: Callable[[Answer], bool]) -> Answer:
        with self.changed:
            assert self.changed.wait_for(lambda: any(map(what, self.told)), LONG)
            return next(filter(what, self.told))

    @property
    def last(self) -> Answer:
        assert self.session.wait(LONG)
        return self.told[-1]

    @property
    def explanation(self) -> Explanation:
        answer = self.last
        assert answer.state == "done", answer
        assert answer.explanation is not None
        return answer.explanation


@pytest.fixture
def model() -> nn.Module:
    return seeded(Plain).eval()


@pytest.fixture
def session(model: nn.Module) -> Iterator[Session]:
    session = Session(model, [picture(), picture(seed=2)], classes=NAMES)
    yield session
    session.close()


def right(model: nn.Module, pane: Pane, x: Tensor | None = None) -> np.ndarray:
    """The answer to a pane's question, from `explain`."""
    asked = pane.place.question()
    parts = {k: getattr(asked, k) for k in ("target", "layer", "channel") if getattr(asked, k) is not None}
    return explain(model, picture() if x is None else x, asked.method, **parts, **dict(asked.params)).values


# The selection and the questions


def test_it_begins_with_the_highest_class_at_the_suggested_layer(session: Session, model: nn.Module) -> None:
    chosen = session.selection
    assert (chosen.method, chosen.layer, chosen.input) == ("grad_cam", "relu2", 0)
    assert chosen.target == int(model(picture()).argmax())


def test_all_panes_follow_the_selection_and_own_parts_stay(session: Session, model: nn.Module) -> None:
    follows, own = Pane(session), Pane(session, target=1, method="gradient")
    session.select(target=3, layer="conv2")
    np.testing.assert_array_equal(follows.explanation.values, right(model, follows))
    assert (follows.explanation.target, follows.explanation.layer) == (3, "conv2")
    assert (own.explanation.target, own.explanation.method) == (1, "gradient")
    assert len(own.told) == 1  # its question is the same, so it was not asked again
    session.select(target="bee")
    assert follows.explanation.target == 1
    session.select(input=1)
    np.testing.assert_allclose(follows.explanation.values, right(model, follows, picture(seed=2)), rtol=1e-5, atol=1e-9)
    assert len(own.told) == 2


@pytest.mark.parametrize("make", EQUAL_OR_NO_KEY)
@pytest.mark.parametrize("method", ["gradient", "occlusion"])  # answered at once, and in the worker
def test_a_callable_target_is_told_from_others_by_which_object_it_is(
    session: Session, model: nn.Module, method: str, make: Callable[[int], Any]
) -> None:
    session.select(method=method, params={"occlusion": OCCLUSION})
    pane, heard = Pane(session), []
    session.on_select(lambda: heard.append(session.selection.target))
    targets = [make(0), make(3)]
    for place, number in ((0, 0), (1, 3), (0, 0)):  # the last from what is kept
        session.select(target=targets[place])
        assert pane.explanation.target is targets[place]
        assert pane.explanation.score == pytest.approx(float(model(picture())[0, number].detach()), rel=1e-5)
        plain = explain(model, picture(), method, target=number, **(OCCLUSION if method == "occlusion" else {}))
        np.testing.assert_allclose(pane.explanation.values, plain.values, rtol=1e-4, atol=1e-6)
    told = len(pane.told)
    session.select(target=targets[0])
    assert session.wait(LONG)
    assert len(pane.told) == told  # the same object is the same question
    assert len(heard) == 3


def test_a_method_of_the_same_object_is_the_same_target(session: Session) -> None:
    class Margin:
        def of(self, scores: Tensor) -> Tensor:
            return scores[:, 0] - scores[:, 1]

    margin, pane = Margin(), Pane(session)
    first = margin.of
    for target in (first, margin.of):  # another object at each look
        session.select(target=target)
        assert pane.last.question.target is first
    other = Margin().of
    session.select(target=other)
    assert pane.last.question.target is other


def test_params_belong_to_their_method(session: Session) -> None:
    pane = Pane(session)
    session.select(params={"grad_cam": {"relu": False}, "gradient": {"absolute": True}})
    assert pane.explanation.params == {"relu": False}
    session.select(method="gradient")
    assert pane.explanation.params == {"absolute": True}
    session.select(method="input_x_gradient")
    assert pane.explanation.params == {}


def test_the_channel_is_brought_within_the_layer(session: Session) -> None:
    session.select(layer="conv2", channel=7)
    session.select(layer="conv1")
    assert session.selection.channel == 5
    with pytest.raises(ValueError, match="channel: 6 is out of range, expected 0 to 5"):
        session.select(channel=6)


def test_listeners_hear_each_change_once(session: Session) -> None:
    heard: list[Any] = []
    end = session.on_select(lambda: heard.append(session.selection.target))
    session.select(target=0)
    session.select(target=0)
    session.select(target=1)
    end()
    session.select(target=2)
    assert heard == [0, 1]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"target": 5}, ValueError, "target: class 5 is out of range, expected 0 to 4"),
        ({"target": 1.5}, TypeError, "target: expected a whole number, got 1.5"),
        ({"target": "cta"}, ValueError, "target: there is no class 'cta'; nearest: 'cat'"),
        ({"layer": "relu3"}, ValueError, "layer: there is no 'relu3' in this model; nearest: 'relu[12]'"),
        ({"method": "lrpp"}, ValueError, "method: there is no 'lrpp'"),
        ({"input": 2}, ValueError, "input: expected 0 to 1, got 2"),
        ({"input": True}, TypeError, "input: expected a whole number, got True"),
        ({"channel": -1}, ValueError, "channel: expected 0 or more, got -1"),
        ({"channel": "1"}, TypeError, "channel: expected a whole number, got '1'"),
        ({"cell": 3}, TypeError, r"cell: expected \(row, column\), got 3"),
        ({"cell": (0, "a")}, TypeError, "cell's place: expected a whole number, got 'a'"),
        ({"cell": (0, 12), "layer": "conv1"}, ValueError, r"cell: \(0, 12\) is outside the 12×12 cells of 'conv1'"),
        ({"cell": (11, 0), "layer": "conv2"}, ValueError, r"cell: \(11, 0\) is outside the 6×6 cells of 'conv2'"),
        ({"params": [1]}, TypeError, "params: expected {method: {parameter: value}}, got list"),
        ({"params": {"occlusion": {"window": 0}}}, ValueError, "window: expected a whole number .*, got 0"),
        ({"params": {"occlusion": {"size": 1}}}, TypeError, "size: occlusion has no such parameter"),
        (
            {"params": {"window": 3}},
            ValueError,
            r"params: expected {method: .*, got {'window': 3}, parameters of 'occlusion'; "
            r"try params={'occlusion': {'window': 3}}$",
        ),
        (
            {"params": {"samples": 20, "fill": "blur"}},
            ValueError,
            r"got {'samples': 20, 'fill': 'blur'}, parameters of 'lime', 'kernel_shap'; try params={'lime': {'samples",
        ),
        (
            {"params": {"kernel_shp": {"samples": 20}}},
            ValueError,
            r"^params: expected .*, and there is no method 'kernel_shp'; nearest: 'kernel_shap', '\w+', '\w+'$",
        ),
        ({"params": {"5": {}}}, ValueError, "^params: expected .*, and there is no method '5'$"),
        ({"params": {"occlusion": 3}}, TypeError, "^params: expected .*, got 3 for 'occlusion'$"),
        ({"colour": 1}, TypeError, "colour: expected one of input, part, method, target"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    session: Session, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    pane = Pane(session)
    before = session.selection
    with pytest.raises(error, match=message):
        session.select(**{"target": 0, **changes})
    assert session.selection == before
    assert session.wait(LONG)
    assert len(pane.told) == 1


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"input": 2}, "input: expected 0 to 1, got 2"),
        ({"input": -1}, "input: expected 0 to 1, got -1"),
        ({"target": 5}, "target: class 5 is out of range, expected 0 to 4"),
        ({"target": "cta"}, "target: there is no class 'cta'; nearest: 'cat'"),
        ({"layer": "conv3"}, "layer: there is no 'conv3' in this model"),
        ({"method": "lrpp"}, "method: there is no 'lrpp'"),
    ],
    ids=str,
)
def test_parts_of_a_places_own_are_checked_like_chosen_ones(
    session: Session, own: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        session.place(lambda *_: None, **own)
    assert session.place(lambda *_: None, target="cat").question().target == 2


def test_layers_are_chosen_by_the_names_that_explain_takes() -> None:
    session = Session(nn.DataParallel(seeded(Reused)), picture())
    session.select(layer="module.conv1")
    assert session.selection.layer == "conv1"
    session.select(layer="relu1")  # called twice: the last call
    assert session.selection.layer == "relu1@2"


def test_bad_sessions_are_refused(model: nn.Module) -> None:
    before = snapshot(model)
    with pytest.raises(ValueError, match="classes: expected 5 names, one per score, got 2"):
        Session(model, picture(), classes=["a", "b"])
    with pytest.raises(ValueError, match="inputs: expected at least one input, got an empty list"):
        Session(model, [])
    with pytest.raises(ValueError, match="x: expected one input, got a batch of 3"):
        Session(model, torch.zeros(3, 3, 12, 12))
    with pytest.raises(ValueError, match=r"x: it has 1 channels, but .* takes 3"):
        Session(model, picture(channels=1))
    with pytest.raises(TypeError, match="colour: a question has the parts input, method"):
        Session(model, picture()).place(lambda *_: None, colour=1)
    assert differences(before, snapshot(model)) == []


def test_models_without_layers_or_gradients_begin_with_what_works() -> None:
    linear = Session(seeded(lambda: Linear(12)), picture())
    assert linear.selection.method == "gradient"

    class Rounds(Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).detach()

    cut = Session(seeded(Rounds), picture())
    assert cut.selection.method == "occlusion"
    reason = "no gradient of the score reaches the input: the tensor is detached (.detach()) behind 'head'"
    assert cut.facts.reason(METHODS["gradient"]) == reason
    assert cut.facts.reason(METHODS["occlusion"]) == ""
    assert "grid" in linear.facts.reason(METHODS["grad_cam"])


# Answers


@pytest.mark.parametrize("case", CASES, ids=str)
def test_background_sync_and_explain_give_the_same_numbers(case: Any) -> None:
    layer = {"layer": case.layer}
    asked: dict[str, dict[str, Any]] = {
        "activation": {**layer, "channel": 1},
        "gradient": {"target": 1},
        "input_x_gradient": {"target": 1},
        "grad_cam": {"target": 1, **layer},
        "grad_cam_plus_plus": {"target": 1, **layer},
        "occlusion": {"target": 1, "params": {"window": 4, "stride": 3, "fill": "zero"}},
    }
    if case.called or case.name == "module used twice":
        for parts in asked.values():
            if "layer" in parts:
                parts["layer"] = f"{case.layer}@{case.called + 1}"
    answers: dict[str, list[np.ndarray]] = {key: [] for key in asked}
    model, x = case.model(), case.x()
    before = snapshot(model)
    for run in ("background", "sync"):
        options.run = run  # type: ignore[assignment]
        session = Session(model, x)
        panes = {key: Pane(session, ask=False, method=key, **parts) for key, parts in asked.items()}
        session.renew()
        for key, pane in panes.items():
            answers[key].append(pane.explanation.values)
        session.close()
    for key, parts in asked.items():
        params = parts.pop("params", {})
        answers[key].append(explain(model, x, key, **parts, **params).values)
        np.testing.assert_array_equal(answers[key][0], answers[key][1])
        # one pass with all layers recorded here, one that begins at the layer there
        np.testing.assert_allclose(answers[key][0], answers[key][2], **case.fit)
    assert differences(before, snapshot(model)) == []


def test_background_computes_in_the_worker_and_sync_in_place(session: Session) -> None:
    pane = Pane(session)
    assert pane.threads == [threading.current_thread()]  # quick: before the first display
    session.select(target=0)
    assert pane.last.state == "done"
    assert pane.threads[-1].name == "nbexplain"
    options.run = "sync"
    session.select(target=1)
    assert pane.told[-1].explanation is not None  # nothing to wait for
    assert pane.threads[-1] is threading.current_thread()


def test_a_long_method_shows_pictures_on_the_way(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_PICTURE_EVERY", 0.0)
    pane = Pane(session, method="occlusion", target=1, params=OCCLUSION)
    assert pane.last.state == "done"
    assert pane.told[0].state == "running"
    assert pane.told[0].explanation is None
    progress = [a.explanation.progress for a in pane.told[1:] if a.explanation]
    assert len(progress) >= 3
    assert progress == sorted(set(progress))
    assert progress[-1] == 1
    assert [a.state for a in pane.told[:-1]] == ["running"] * (len(pane.told) - 1)


def test_going_back_to_an_answered_question_runs_no_pass(session: Session) -> None:
    Counting.calls = 0
    session = Session(Counting(), picture(), classes=NAMES)
    pane = Pane(session)
    for changes in ({"target": 0}, {"target": 1}, {"method": "occlusion", "params": {"occlusion": OCCLUSION}}):
        session.select(**changes)
        assert pane.last.state == "done"
    answers = [a.explanation for a in pane.told if a.state == "done"]
    calls = Counting.calls
    assert calls > 0
    session.select(method="grad_cam")
    assert pane.explanation is answers[-2]
    session.select(target=0)
    assert pane.explanation is answers[-3]
    session.select(target=1, method="occlusion")
    assert pane.explanation is answers[-1]
    assert Counting.calls == calls
    session.close()


def test_a_new_target_and_a_new_layer_cost_no_forward_pass() -> None:
    Counting.calls = 0
    session = Session(Counting(), picture())
    pane = Pane(session)
    calls = Counting.calls
    for target in range(CLASSES):
        for layer in ("conv1", "relu1", "conv2", "relu2"):
            session.select(target=target, layer=layer)
            assert pane.last.state == "done"
    assert Counting.calls == calls
    session.close()


class Counting(Plain):
    """Counts its forward passes, in all copies together."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        Counting.calls += 1
        return super().forward(x)


def test_an_error_is_an_answer_and_the_next_question_works(session: Session, model: nn.Module) -> None:
    pane = Pane(session, method="occlusion", target=1, ask=False)
    session.select(params={"occlusion": {"window": 13}})
    assert pane.last.state == "failed"
    assert "window: expected a whole number from 1 to 12 for an input of 12×12, got 13" in str(pane.last.error)
    session.select(params={"occlusion": OCCLUSION})
    np.testing.assert_array_equal(pane.explanation.values, right(model, pane))


def test_an_error_inside_the_model_is_an_answer(model: nn.Module, session: Session) -> None:
    pane = Pane(session)
    hook = model.head.register_forward_hook(_boom)
    session.select(target=0)
    assert pane.last.state == "failed"
    assert "the model raised KeyError" in str(pane.last.error)
    hook.remove()
    session.select(target=1)
    np.testing.assert_array_equal(pane.explanation.values, right(model, pane))


def test_a_pane_that_cannot_draw_an_answer_is_told_that_it_failed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    told: list[Answer] = []

    def show(_place: Place, answer: Answer) -> None:
        told.append(answer)
        if answer.explanation is not None:
            raise ValueError("no room")

    session.place(show, method="occlusion", target=1, params=OCCLUSION)
    assert session.wait(LONG)
    assert [answer.state for answer in told].count("failed") == 1
    assert told[-1].state == "failed"
    assert told[-1].explanation is None  # nothing that it would try to draw
    assert str(told[-1].error) == "Occlusion could not be drawn: ValueError('no room')"


def _boom(*_: Any) -> None:
    raise KeyError("boom")


class Gate:
    """A method that waits between its pictures until it is let on."""

    def __init__(self) -> None:
        self.there, self.go = threading.Event(), threading.Event()

    def __enter__(self) -> Gate:
        gate = self

        @method(label="Gated")
        def gated(subject: Subject, target: Any) -> Iterator[Explanation]:
            values = np.zeros(1)
            yield Explanation(values=values, axes=("feature",), progress=0.5)
            gate.there.set()
            assert gate.go.wait(LONG)
            subject.evaluate(subject.input.tensor)
            yield Explanation(values=values, axes=("feature",))

        return self

    def __exit__(self, *_: object) -> None:
        METHODS.pop("gated", None)


def test_stop_keeps_the_picture_so_far(session: Session) -> None:
    with Gate() as gate:
        pane = Pane(session, method="gated", target=1)
        assert gate.there.wait(LONG)
        session.stop()
        gate.go.set()
        assert pane.last.state == "stopped"
        assert pane.last.explanation is not None
        assert pane.last.explanation.progress == 0.5
        pane.place.own["target"] = 2
        session.renew()
        assert pane.last.state == "done"


def test_stop_tells_a_question_that_waits_behind_another_of_its_place(session: Session) -> None:
    told: list[tuple[str, object]] = []
    with Gate() as gate:
        place = session.place(lambda _place, a: told.append((a.state, a.question.target)), method="gated", target=1)
        assert gate.there.wait(LONG)
        place.own["target"] = 2
        session.renew()
        session.stop()
        gate.go.set()
        assert session.wait(LONG)
    assert told[-1] == ("stopped", 2)


def test_stop_drops_what_waits_for_the_hand_to_rest(session: Session) -> None:
    told: list[tuple[str, object]] = []
    with Gate() as gate:
        place = session.place(
            lambda _place, a: told.append((a.state, a.question.target)), rest=0.2, method="gated", target=1
        )
        assert gate.there.wait(LONG)
        gate.go.set()
        assert session.wait(LONG)
        assert told[-1] == ("done", 1)
        told.clear()
        gate.there.clear()
        place.own["target"] = 2
        session.renew()
        session.stop()
        assert session.wait(LONG)
        assert not gate.there.wait(0.4)
        assert told == [("stopped", 2)]
        session.renew()  # nothing has changed since: what was stopped is not asked again by itself
        assert session.wait(LONG)
        assert not gate.there.is_set()
        session.renew(again=True)
        assert session.wait(LONG)
    assert told[-1] == ("done", 2)


def test_a_hand_that_came_back_before_stop_has_nothing_to_stop(session: Session) -> None:
    told: list[tuple[str, object]] = []
    place = session.place(
        lambda _place, a: told.append((a.state, a.question.target)), rest=0.2, method="gradient", target=1
    )
    for target in (2, 1):
        place.own["target"] = target
        session.renew()
    session.stop()
    assert session.wait(LONG)
    assert told == [("done", 1)]


def test_quick_questions_go_before_long_ones_and_between_their_steps(session: Session) -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[Place, Answer], None]:
        return lambda _place, answer: order.append(f"{name} {answer.state}")

    long = session.place(note("long"), ask=False, method="occlusion", target=1, params=OCCLUSION)
    quick = session.place(note("quick"), ask=False, method="gradient", target=2)
    with Gate() as gate:
        session.place(note("gated"), method="gated", target=1)
        assert gate.there.wait(LONG)  # the worker is held in the middle of a long one
        session._ask(long)
        session._ask(quick)
        gate.go.set()
        assert session.wait(LONG)
    assert order.index("quick done") < order.index("long running")
    assert {"gated done", "long done"} <= set(order)


def test_closing_a_place_cancels_its_question(session: Session) -> None:
    with Gate() as gate:
        pane = Pane(session, method="gated", target=1)
        assert gate.there.wait(LONG)
        pane.place.close()
        gate.go.set()
        assert session.wait(LONG)
        assert pane.told[-1].state != "done"
        session.select(target=0)
        assert session.wait(LONG)
        assert pane.told[-1].state != "done"


# Weights


def _step(optimizer: Callable[..., torch.optim.Optimizer], **options: Any) -> Callable[[nn.Module], None]:
    def change(model: nn.Module) -> None:
        model(picture(seed=9)).square().sum().backward()
        optimizer(model.parameters(), **options).step()

    return change


def _one_weight(model: nn.Module) -> None:
    with torch.no_grad():  # one that is not among the few values that are looked at
        model.conv2.weight[3, 2, 1, 1] += 5


def _data_write(model: nn.Module) -> None:
    model.conv1.weight.data.mul_(2)


def _data_replaced(model: nn.Module) -> None:
    model.conv1.weight.data = model.conv1.weight.data * 2


def _loaded(model: nn.Module) -> None:
    model.load_state_dict(seeded(type(model), 5).state_dict())


def _assigned(model: nn.Module) -> None:
    model.load_state_dict(seeded(type(model), 5).state_dict(), assign=True)


def _parameter_replaced(model: nn.Module) -> None:
    model.head.weight = nn.Parameter(model.head.weight.detach() * 2)


def _module_replaced(model: nn.Module) -> None:
    model.conv2 = seeded(lambda: nn.Conv2d(6, 8, 3, padding=1), 5)


def _vector(model: nn.Module) -> None:
    vector = torch.nn.utils.parameters_to_vector(model.parameters())
    torch.nn.utils.vector_to_parameters(vector * 2, model.parameters())


def _numpy(model: nn.Module) -> None:
    model.conv1.weight.detach().numpy()[:] *= 2


def _statistics(model: nn.Module) -> None:
    model.train()(torch.rand(8, 3, 12, 12))
    model.eval()


def _hooked(model: nn.Module) -> None:
    model.conv2.register_forward_hook(lambda _module, _args, output: output * 2)


CHANGES: dict[str, Callable[[nn.Module], None]] = {
    "SGD": _step(torch.optim.SGD, lr=0.5),
    "Adam": _step(torch.optim.Adam, lr=0.1, foreach=False),
    "foreach Adam": _step(torch.optim.Adam, lr=0.1, foreach=True),
    "fused Adam": _step(torch.optim.Adam, lr=0.1, fused=True),
    "fused SGD": _step(torch.optim.SGD, lr=0.5, fused=True),
    "one weight": _one_weight,
    ".data write": _data_write,
    ".data replaced": _data_replaced,
    "load_state_dict": _loaded,
    "load_state_dict, assign": _assigned,
    "tensor replaced": _parameter_replaced,
    "module replaced": _module_replaced,
    "vector_to_parameters": _vector,
    "numpy": _numpy,
    "statistics of BatchNorm": _statistics,
    "a hook that computes": _hooked,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("run", ["background", "sync"])
def test_every_change_of_the_weights_is_seen_by_the_next_question(
    change: Callable[[nn.Module], None], run: str
) -> None:
    options.run = run  # type: ignore[assignment]
    model = seeded(Normed if change is _statistics else Plain).eval()
    session = Session(model, picture())
    panes = [Pane(session, target=1, layer="conv2"), Pane(session, method="gradient", target=2)]
    facts: list[float] = []
    session.on_facts(lambda: facts.append(float(session.facts.scores[0][0, 1])))
    old = [pane.explanation.values for pane in panes]
    change(model)
    session.renew(again=True)
    for pane, before in zip(panes, old, strict=True):
        assert not np.array_equal(pane.explanation.values, before)
        np.testing.assert_allclose(pane.explanation.values, right(model, pane), rtol=1e-4, atol=1e-9)
    assert facts == pytest.approx([float(model(picture())[0, 1].detach())], rel=1e-5)  # told once, with the new scores
    session.close()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_subject_sees_every_change_when_it_is_asked_to_look(change: Callable[[nn.Module], None]) -> None:
    model = seeded(Normed if change is _statistics else Plain).eval()
    subject = Subject(model, picture())
    old = subject.scores()
    assert not subject.refresh()
    change(model)
    assert subject.refresh()
    assert not torch.equal(subject.scores(), old)
    torch.testing.assert_close(subject.scores(), model(picture()).detach())
    assert not subject.refresh()


def test_one_asked_pane_renews_the_others_when_the_weights_have_changed(session: Session, model: nn.Module) -> None:
    asked, other = Pane(session), Pane(session, method="gradient", target=1)
    assert session.wait(LONG)
    _data_write(model)
    session.select(target=(session.selection.target + 1) % CLASSES)
    np.testing.assert_array_equal(asked.explanation.values, right(model, asked))
    np.testing.assert_array_equal(other.explanation.values, right(model, other))
    assert len(other.told) == 2


def test_refresh_asks_anew_where_no_change_was_noticed(session: Session, model: nn.Module) -> None:
    pane = Pane(session, method="gradient", target=1)
    before = pane.explanation
    session.refresh()
    assert pane.explanation is not before
    np.testing.assert_array_equal(pane.explanation.values, before.values)


def test_a_long_question_does_not_mix_old_and_new_weights(session: Session, model: nn.Module) -> None:
    long = Pane(session, ask=False, method="occlusion", target=1, params=OCCLUSION)
    quick = Pane(session, ask=False, method="gradient", target=1)
    changed: list[int] = []

    def change(place: Place, answer: Answer) -> None:
        if answer.explanation is not None and not changed:  # in the worker, between two yields of the long one
            changed.append(1)
            _data_write(model)
            session._ask(quick.place)
        Pane.show(long, place, answer)

    long.place._show = change
    session._ask(long.place)
    np.testing.assert_allclose(long.explanation.values, right(model, long), rtol=1e-4, atol=1e-8)
    assert not any("mixes" in note for note in long.explanation.warnings)
    np.testing.assert_allclose(quick.explanation.values, right(model, quick), rtol=1e-4, atol=1e-8)
    # nor does another class, which goes on from the scores that are kept
    long.place.own["target"] = 3
    session.renew()
    np.testing.assert_allclose(long.explanation.values, right(model, long), rtol=1e-4, atol=1e-8)


def test_weights_that_change_under_a_long_question_are_said(session: Session, model: nn.Module) -> None:
    with Gate() as gate:
        pane = Pane(session, method="gated", target=1)
        assert gate.there.wait(LONG)
        _data_write(model)
        gate.go.set()
        assert any("the weights changed while this was computed" in note for note in pane.explanation.warnings)


class Counts(Plain):
    """Counts its calls, in a buffer or elsewhere; `other` is a buffer to which no pass writes."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where, self.lock = where, threading.Lock() if where == "in place" else None
        self.register_buffer("other", torch.ones(CLASSES))
        counted = torch.zeros({"large": 2**22 + 1, "past the version": 5001}.get(where, 1))
        if where == "attribute":
            self.calls = counted
        else:
            self.register_buffer("calls", counted)
        if where in ("hooked", "of batches", "past the version"):
            self.conv1.register_forward_hook(lambda *_: None)  # which only looks
        if where == "in a hook":
            self.conv1.register_forward_hook(lambda *_: self.calls.add_(1) and None)

    def forward(self, x: Tensor) -> Any:
        if self.where == "past the version":
            self.calls.data[7] += 1
        elif self.where != "in a hook" and (self.where != "of batches" or len(x) > 1):
            with self.lock or nullcontext():
                self.calls += 1
        return super().forward(x) * self.other


@pytest.mark.parametrize(
    "where", ["hooked", "of batches", "past the version", "in a hook", "attribute", "large", "in place"]
)
def test_what_our_own_passes_write_is_no_change_of_the_weights(where: str) -> None:
    model: Any = seeded(lambda: Counts(where)).eval()
    session = Session(model, picture(), classes=NAMES)
    pane = Pane(session, method="occlusion", params=OCCLUSION)
    told = []
    for target in (1, 2, 1):
        session.select(target=target)
        told.append(pane.explanation)
        assert not any("changed" in note for note in told[-1].warnings)
    assert told[2] is told[0]  # it was kept
    assert session.facts.weights == 0
    for number, change in enumerate((lambda: model.other.mul_(2), lambda: model.head.bias.data.add_(1)), 1):
        change()
        session.select(target=1 + number)
        np.testing.assert_allclose(pane.explanation.values, right(model, pane), rtol=1e-4, atol=1e-7)
        assert session.facts.weights == number  # noticed once
    session.close()


def test_a_run_that_goes_on_with_other_weights_is_cancelled(model: nn.Module) -> None:
    subject = Subject(model, picture())
    steps = ask(subject, "occlusion", target=1, params=OCCLUSION)
    next(steps)
    _data_write(model)
    assert subject.refresh()
    with pytest.raises(Cancelled):
        next(steps)
    *_, answer = ask(subject, "occlusion", target=1, params=OCCLUSION)
    fresh = explain(model, picture(), "occlusion", target=1, **OCCLUSION)
    np.testing.assert_array_equal(answer.values, fresh.values)


class Moody(Plain):
    """Fails or stops while it is told to, which no look at its weights can see."""

    mood: BaseException | None = None

    def forward(self, x: Tensor) -> Tensor:
        if Moody.mood is not None:
            raise Moody.mood
        return super().forward(x)


@pytest.mark.parametrize(("mood", "state"), [(KeyError("boom"), "failed"), (Cancelled(), "stopped")])
def test_a_look_at_new_weights_that_came_to_nothing_is_done_again(
    mood: BaseException, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = seeded(Moody).eval()
    session = Session(model, picture())
    pane = Pane(session, target=1)
    assert session.wait(LONG)
    model.conv2 = nn.Conv2d(6, 4, 3, padding=1)
    model.head = nn.Linear(4, CLASSES)
    monkeypatch.setattr(Moody, "mood", mood)
    session.renew(again=True)
    assert pane.last.state == state
    monkeypatch.setattr(Moody, "mood", None)
    session.renew(again=True)
    assert pane.last.state == "done"
    row = session.facts.layer("conv2")
    assert row is not None
    assert row.channels == 4
    np.testing.assert_allclose(session.facts.scores[0], model(picture()).detach(), rtol=1e-5)
    session.close()


def test_weights_that_change_between_a_pass_and_its_gradient_raise_nothing(model: nn.Module) -> None:
    subject = Subject(model, picture(), whole=True)
    target = subject.target(1)
    before = subject.gradient(target)
    with torch.no_grad():
        model.conv1.weight.mul_(2)
    assert subject.gradient(target).shape == before.shape
    subject.refresh()
    torch.testing.assert_close(subject.gradient(target), Subject(model, picture()).gradient(target))


# While the user trains


def _train(model: nn.Module, steps: int, each: Callable[[int], None]) -> tuple[list[float], list[bool]]:
    """Losses of a training loop with dropout, BatchNorm and fused Adam, and whether each step was in train mode."""
    losses, modes = [], []
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for step in range(steps):
            each(step)
            x, y = torch.rand(8, 3, 12, 12), torch.randint(0, CLASSES, (8,))
            scores = model(x)
            modes.append(all(part.training for part in model.modules()))
            loss = nn.functional.cross_entropy(scores, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return losses, modes


def test_training_goes_on_untouched_while_questions_are_answered() -> None:
    alone, _ = _train(seeded(Normed).train(), 400, lambda step: None)

    model = seeded(Normed).train()
    session = Session(model, [picture(), picture(seed=2)])
    panes = [
        Pane(session),
        Pane(session, method="gradient"),
        Pane(session, method="activation", layer="norm"),
        Pane(session, method="occlusion", params={"window": 6, "stride": 3}),
        Pane(session, method="lime", params={"superpixels": 6, "samples": 30, "segmentation": "grid"}, input=1),
    ]

    def each(step: int) -> None:
        session.select(target=step % CLASSES, layer=("conv1", "norm", "conv2")[step % 3], input=step // 7 % 2)
        if step % 50 == 0:  # let some answers come, so that they fall between the steps and not only after them
            panes[0].until(lambda a: len(panes[0].told) > step // 50)

    watched, modes = _train(model, 400, each)
    assert session.wait(LONG)
    assert watched == alone
    assert all(modes)
    for pane in panes:
        assert {a.state for a in pane.told} <= {"running", "done", "stopped"}
        assert pane.told[-1].state == "done"
    session.renew(again=True)
    for pane in panes[:3]:
        x = session.inputs[pane.place.question().input].tensor
        np.testing.assert_allclose(pane.explanation.values, right(model, pane, x), rtol=1e-3, atol=1e-7)
    session.close()


def test_a_model_explained_in_place_can_be_trained_between_questions() -> None:
    alone, _ = _train(seeded(Closure).train(), 20, lambda step: None)
    model = seeded(Closure).train()
    session = Session(model, picture())
    pane = Pane(session)

    def each(step: int) -> None:
        session.select(target=step % CLASSES)
        assert pane.last.state == "done"

    watched, modes = _train(model, 20, each)
    assert watched == alone
    assert all(modes)
    session.close()


def test_a_stop_never_reaches_the_users_own_backward_pass() -> None:
    model = seeded(Closure)
    session = Session(model, picture())
    pane = Pane(session)
    assert pane.last.state == "done"  # its graph is kept, and ends in the user's own parameters
    session._known._twin.stop.event = threading.Event()
    session._known._twin.stop.event.set()
    model.train()(picture().repeat(4, 1, 1, 1)).sum().backward()
    session._known._twin.stop.event = None
    assert model.conv1.weight.grad is not None
    session.close()


# Many inputs


def test_an_input_that_is_added_is_one_of_all(session: Session, model: nn.Module) -> None:
    pane, scores = Pane(session), Pane(session, method="class_scores")
    assert scores.explanation.values.shape == (2, 5)
    before = pane.last.question
    assert session.add(picture(seed=3)) == 2
    assert session.wait(LONG)
    assert scores.explanation.values.shape == (3, 5)
    assert pane.last.question == before  # a question keeps its input
    session.select(input=2)
    np.testing.assert_array_equal(pane.explanation.values, right(model, pane, picture(seed=3)))


@pytest.mark.parametrize("x", [torch.rand(2, 3, 12, 12), "no such file.png", object(), np.zeros((0, 4, 3), np.uint8)])
def test_an_input_that_does_not_fit_is_refused_and_the_others_stay(session: Session, x: Any) -> None:
    pane = Pane(session)
    kept = pane.last
    with pytest.raises((TypeError, ValueError, OSError)):
        session.add(x)
    assert len(session.inputs) == len(session.given.inputs) == 2
    assert session.wait(LONG)
    assert pane.told[-1] is kept


def test_inputs_of_different_sizes_have_their_own_grids(model: nn.Module) -> None:
    session = Session(model, [picture(), picture(24, seed=2)])
    pane, cell = Pane(session, layer="conv2"), Pane(session, method="receptive_field", layer="conv2")
    assert pane.explanation.values.shape == (6, 6)
    session.select(input=1)
    assert pane.explanation.values.shape == (12, 12)
    layer = session.facts.layer("conv2")
    assert layer is not None
    assert layer.grid == (12, 12)
    session.select(layer="conv2", cell=(11, 11))
    assert cell.explanation.cell == (11, 11)
    session.select(input=0)
    assert "cell: (11, 11) is outside the 6×6 cells of 'conv2'" in str(cell.last.error)
    assert session.wait(LONG)
    assert session.facts.layer("conv2").grid == (6, 6)  # type: ignore[union-attr]
    session.close()


def test_an_input_that_the_model_cannot_take_is_that_answers_error() -> None:
    model = seeded(Linear)
    session = Session(model, [picture(), picture(9), picture(seed=4)])
    pane = Pane(session, method="gradient")
    session.select(input=1)
    assert "the model raised RuntimeError on an input of shape (1, 3, 9, 9)" in str(pane.last.error)
    session.select(input=2)
    assert pane.last.state == "done"
    session.close()


def test_the_cell_keeps_its_place_in_the_next_grid(session: Session) -> None:
    session.select(layer="conv1", cell=(11, 3))
    session.select(layer="conv2")  # 12 × 12 → 6 × 6
    assert session.selection.cell == (5, 1)
    session.select(layer="head")
    assert session.selection.cell == (0, 0)
    session.select(layer="conv1")
    assert session.selection.cell == (6, 6)
    session.select(cell=None)
    session.select(layer="conv2")
    assert session.selection.cell is None


@pytest.mark.parametrize(
    ("x", "part"), [(Tabular([1.0, 2.0], [[1.0, 2.0], [3.0, 1.0]]), "column"), (Text("a b"), "word")]
)
def test_what_gives_no_number_for_each_column_or_word_is_refused_for_that(x: Any, part: str) -> None:
    session = Session(lambda rows: np.ones(len(rows)), [x])
    with pytest.raises(ValueError, match=f"'counterfactual' makes no number for each {part}, as the bars show; ask"):
        session.select(method="counterfactual")


def test_what_makes_no_map_is_not_chosen_for_the_map(session: Session) -> None:
    with pytest.raises(ValueError, match="method: 'ablation' makes no map over the picture"):
        session.select(method="ablation")
    with pytest.raises(ValueError, match="method: 'class_scores' makes no map"):
        session.check("method", "class_scores")
    assert session.selection.method == "grad_cam"


def test_two_panes_with_the_same_question_to_all_inputs_get_one_answer(session: Session) -> None:
    one = Pane(session, method="channel_activity")
    first = one.explanation
    other = Pane(session, method="channel_activity")
    assert other.explanation is first


# Memory


def test_five_hundred_selections_leave_nothing_behind() -> None:
    class Wide(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.grow = nn.Upsample(scale_factor=8)

        def forward(self, x: Tensor) -> Tensor:  # a pass of 0.8 MB, so that keeping each would show
            return super().forward(self.grow(x))

    model = seeded(Wide).eval()
    options.memory_budget = 2 * 2**20  # the passes of two of the four inputs
    session = Session(model, [picture(seed=seed) for seed in range(4)])
    pane = Pane(session)
    before = snapshot(model)
    process = psutil.Process(os.getpid())

    def some(count: int) -> None:
        for n in range(count):
            session.select(
                target=n % CLASSES, layer=("conv1", "conv2", "relu2")[n % 3], input=n % 4, params=_other_params(n)
            )
            assert pane.last.state == "done"
            assert STORE.bytes <= options.memory_budget

    some(60)
    gc.collect()
    held, threads = process.memory_info().rss, _others()
    hooks = _hooks(session)
    some(440)
    gc.collect()
    assert process.memory_info().rss - held < 60 * 2**20  # keeping every pass would take 300 MB
    assert _others() <= threads
    assert _hooks(session) == hooks
    assert differences(before, snapshot(model)) == []
    session.close()
    worker = next((t for t in threading.enumerate() if t.name == "nbexplain"), None)
    if worker is not None:
        worker.join(LONG)
    assert not any(thread.name == "nbexplain" for thread in threading.enumerate())
    assert runner._long == []
    assert not runner._waiting


def _others() -> int:
    """Threads besides the worker, which may have been idle for a while and ended."""
    return sum(thread.name != "nbexplain" for thread in threading.enumerate())


def _other_params(n: int) -> dict[str, dict[str, Any]]:
    return {"grad_cam": {"relu": n % 2 == 0}}


def _hooks(session: Session) -> int:
    modules = session._known._twin.module.modules()
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules)


@pytest.mark.parametrize("budget", [0, 50_000, 400_000])
def test_the_memory_budget_is_kept_and_changes_no_number(budget: int, model: nn.Module) -> None:
    options.memory_budget = budget
    session = Session(model, picture())
    pane, long = Pane(session), Pane(session, method="occlusion", params=OCCLUSION)
    for target in range(3):
        session.select(target=target)
        np.testing.assert_allclose(pane.explanation.values, right(model, pane), rtol=1e-4, atol=1e-9)
        np.testing.assert_allclose(long.explanation.values, right(model, long), rtol=1e-4, atol=1e-7)
        assert STORE.bytes <= budget
    session.close()


def test_closing_gives_everything_back(model: nn.Module) -> None:
    before, kept = snapshot(model), STORE.bytes
    session = Session(model, [picture(), picture(seed=2)])
    pane = Pane(session)
    session.select(input=1)
    assert pane.last.state == "done"
    assert STORE.bytes > kept
    session.close()
    session.close()  # twice does no harm
    assert STORE.bytes == kept
    assert differences(before, snapshot(model)) == []


def test_a_session_that_is_never_closed_goes_when_nobody_holds_it(model: nn.Module) -> None:
    kept = STORE.bytes
    session = Session(model, picture())
    pane = Pane(session)
    session.select(target=0)
    assert pane.last.state == "done"
    gone = weakref.ref(session)
    worker = next((t for t in threading.enumerate() if t.name == "nbexplain"), None)
    if worker is not None:
        worker.join(LONG)
    del session, pane
    gc.collect()
    assert gone() is None
    assert STORE.bytes == kept


def test_closing_while_a_question_is_computed(model: nn.Module) -> None:
    with Gate() as gate:
        session = Session(model, picture())
        pane = Pane(session, method="gated", target=1)
        assert gate.there.wait(LONG)
        kept = STORE.bytes
        session.close()
        gate.go.set()
        assert session.wait(LONG)
        assert pane.told[-1].state != "done"
        assert STORE.bytes <= kept


def test_two_sessions_on_one_model_do_not_disturb_each_other(model: nn.Module) -> None:
    sessions = [Session(model, picture()) for _ in range(2)]
    panes = [Pane(session) for session in sessions]
    for n in range(10):
        for session in sessions:
            session.select(target=n % CLASSES)
    for pane in panes:
        np.testing.assert_array_equal(pane.explanation.values, right(model, pane))
    sessions[0].close()
    sessions[1].select(target=0)
    np.testing.assert_array_equal(panes[1].explanation.values, right(model, panes[1]))
    sessions[1].close()


# Another input in the place of one


def test_a_replaced_input_is_explained_and_the_others_are_kept() -> None:
    model = seeded(Plain)
    session = Session(model, [picture(seed=0), picture(seed=1)])
    told: list[Answer] = []
    session.place(lambda _place, answer: told.append(answer), method="gradient", target=0)
    session.place(lambda _place, answer: told.append(answer), method="gradient", target=0, input=1)
    assert session.wait(20)
    told.clear()
    session.replace(0, picture(seed=5))
    assert session.wait(20)
    (answer,) = told  # input 1 is not asked again
    np.testing.assert_array_equal(
        answer.explanation.values, explain(model, picture(seed=5), "gradient", target=0).values
    )  # type: ignore[union-attr]
    assert torch.equal(session.facts.scores[0], model.eval()(picture(seed=5)).detach())
    assert session.given.inputs[0].sum() == picture(seed=5).sum()
    session.close()


def test_an_input_that_cannot_be_taken_leaves_all_as_it_was() -> None:
    session = Session(seeded(Plain), picture(seed=0))
    with pytest.raises(ValueError, match="input: expected 0 to 0, got 1"):
        session.replace(1, picture())
    with pytest.raises(ValueError, match="x: expected a picture as before, got a tensor"):
        session.replace(0, torch.rand(1, 7))
    with pytest.raises(TypeError, match="x: expected an image, a tensor"):
        session.replace(0, None)
    assert session.wait(20)
    assert torch.equal(session.inputs[0].tensor, picture(seed=0))
    session.close()


def test_only_the_newest_of_many_replacements_is_explained() -> None:
    model = seeded(Plain)
    session = Session(model, picture(seed=0))
    told: list[Answer] = []
    session.place(lambda _place, answer: told.append(answer), method="occlusion", params={"window": 4, "stride": 2})
    for seed in range(1, 12):
        session.replace(0, picture(seed=seed))
    assert session.wait(30)
    last = told[-1]
    assert last.state == "done"
    right = explain(model, picture(seed=11), "occlusion", target=last.question.target, window=4, stride=2)
    np.testing.assert_allclose(last.explanation.values, right.values, rtol=1e-5, atol=1e-7)  # type: ignore[union-attr]
    session.close()
