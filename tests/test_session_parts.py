"""Session, explorers and their code where a model takes several inputs: which one is explained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbexplain as nx
from nbexplain import Session, explain, list_layers, options
from nbexplain.core.question import Answer
from nbexplain.widgets import code
from nbexplain.widgets.image_pane import ImagePane
from nbexplain.widgets.models import SessionModels
from tests.networks import picture, seeded

LONG = 60.0  # seconds that nothing here should ever take


class Two(nn.Module):
    """An image and a signal, each through layers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.hear, self.head = nn.Conv2d(3, 4, 3), nn.Conv1d(2, 4, 3), nn.Linear(8, 3)

    def forward(self, signal: Tensor, pixels: Tensor) -> Tensor:
        seen, heard = self.see(pixels).tanh().mean((2, 3)), self.hear(signal).tanh().mean(2)
        return self.head(torch.cat([seen, heard], 1))


def given(seed: int = 1) -> dict[str, Tensor]:
    return {"signal": seeded(lambda: torch.randn(1, 2, 12), seed), "pixels": picture(seed=seed)}


@pytest.fixture(params=["background", "sync"])
def model(request: pytest.FixtureRequest) -> nn.Module:
    options.run = request.param
    return seeded(Two).eval()


@pytest.fixture
def session(model: nn.Module) -> Iterator[Session]:
    session = Session(model, [given(1), given(2)])
    yield session
    session.close()


def told_of(session: Session, **own: Any) -> list[Answer]:
    told: list[Answer] = []
    session.place(lambda _place, answer: told.append(answer), **own)
    return told


def last(session: Session, told: list[Answer]) -> np.ndarray:
    assert session.wait(LONG)
    assert told[-1].state == "done", told[-1]
    assert told[-1].explanation is not None
    return told[-1].explanation.values


def test_panes_follow_the_part(session: Session, model: nn.Module) -> None:
    told, own = told_of(session, method="gradient"), told_of(session, method="gradient", input=1)
    assert (session.selection.part, session.facts.kind) == ("pixels", "picture")
    assert session.facts.parts == ("signal", "pixels")
    for part in ("signal", "pixels"):
        session.select(part=part, target=2)
        for answers, x in ((told, given(1)), (own, given(2))):
            wanted = explain(model, x, "gradient", target=2, part=part).values
            np.testing.assert_allclose(last(session, answers), wanted, rtol=1e-5, atol=1e-8)
        assert session.selection.part == session.inputs[1].part == part
        assert session.facts.kind == {"signal": "array", "pixels": "picture"}[part]
    assert torch.equal(session.given.inputs[0]["signal"], given()["signal"])


def suggested(model: nn.Module, part: str) -> str | None:
    return list_layers(model, given(), part=part).suggested


def test_the_layer_and_the_method_suit_the_part(session: Session, model: nn.Module) -> None:
    other = {"see": "hear", "hear": "see"}
    for part in ("signal", "pixels"):
        session.select(layer=other[str(suggested(model, part))])
        session.select(part=part)
        assert session.wait(LONG)
        assert (session.selection.layer, session.selection.method) == (suggested(model, part), "grad_cam")
    session.select(method="lime", params={"lime": {"samples": 20}})
    told = told_of(session)
    session.select(part="signal")  # which has no superpixels
    assert session.wait(LONG)
    assert session.facts.reason(nx.METHODS[session.selection.method]) == ""
    assert last(session, told).ndim >= 1
    session.select(part="pixels", method="gradient", layer="see", channel=3)
    assert session.wait(LONG)
    chosen = session.selection
    assert (chosen.method, chosen.layer, chosen.channel) == ("gradient", "see", 3)  # what was said stays


def test_the_part_is_chosen_at_the_beginning_and_for_what_comes_later(model: nn.Module) -> None:
    session = Session(model, given(1), part="signal")
    assert session.selection.part == "signal"
    assert session.inputs[0].notes == ()
    assert session.add(given(2)) == 1
    session.replace(0, given(3))
    assert session.wait(LONG)
    assert [x.part for x in session.inputs] == ["signal", "signal"]
    assert torch.equal(session.inputs[0].tensor, given(3)["signal"])
    session.select(part="pixels")
    session.replace(1, given(4))
    assert session.wait(LONG)
    assert [x.part for x in session.inputs] == ["pixels", "pixels"]
    with torch.no_grad():
        model.head.weight.mul_(2)  # type: ignore[operator, union-attr]
    told = told_of(session, method="gradient", target=1, input=1)
    wanted = explain(model, given(4), "gradient", target=1, part="pixels").values
    np.testing.assert_allclose(last(session, told), wanted, rtol=1e-5, atol=1e-8)
    session.close()


def test_a_part_that_is_not_there_changes_nothing(session: Session) -> None:
    before = session.selection
    with pytest.raises(ValueError, match="part: expected one of 'signal', 'pixels', got 'sound'"):
        session.select(part="sound", target=1)
    with pytest.raises(TypeError, match=r"part: a question has the parts input, method, target"):
        session.place(lambda *_: None, part="signal")
    with pytest.raises(ValueError, match="part: expected one of 'signal', 'pixels', got 3"):
        Session(seeded(Two), given(), part=3)
    assert session.selection == before
    assert session.wait(LONG)


def test_the_toolbar_chooses_the_part(session: Session, model: nn.Module) -> None:
    models = SessionModels.acquire(session)
    assert (models.facts.parts, models.controls.part) == (["signal", "pixels"], "pixels")
    picture_of = models.picture(0)
    assert picture_of is not None
    models.controls.part = "signal"
    assert session.wait(LONG)
    assert (session.selection.part, models.controls.layer) == ("signal", suggested(model, "signal"))
    assert models.picture(0) is None
    session.select(part="pixels")
    assert session.wait(LONG)
    assert (models.controls.part, models.controls.layer) == ("pixels", suggested(model, "pixels"))
    assert (again := models.picture(0)) is not None
    assert again.buffer == picture_of.buffer
    models.release()


def test_positions_are_chosen_by_their_words() -> None:
    options.run = "sync"
    session = Session(seeded(Two), (given()["signal"], given()["pixels"]))
    models = SessionModels.acquire(session)
    assert (models.facts.parts, models.controls.part) == (["0", "1"], "1")
    models.controls.part = "0"
    assert session.selection.part == 0
    models.release()
    session.close()


def test_a_replaced_image_is_drawn_anew() -> None:
    options.run = "sync"
    session = Session(seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(400, 3))), picture())
    models = SessionModels.acquire(session)
    before = models.picture(0)
    assert before is not None
    pixels = bytes(before.buffer)
    session.replace(0, picture(seed=9))
    after = models.picture(0)
    assert after is not None
    assert bytes(after.buffer) == session.inputs[0].picture.tobytes() != pixels  # type: ignore[attr-defined]
    models.release()
    session.close()


def test_the_explorer_says_and_offers_which_one_it_is(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    x = given()
    monkeypatch.setattr(code, "_namespace", lambda: {"net": model, "x": x})
    explorer = nx.explore(model, x, target=1)
    assert explorer.session.wait(LONG)
    assert explorer._status.warnings[0] == "explained: 'pixels' of 2 inputs; choose another with part='signal'"
    assert "part" not in explorer.code()
    pane = next(p for part in explorer._parts for p in part.panes if isinstance(p, ImagePane))
    assert pane.picture is not None
    explorer.session.select(part="signal")
    assert explorer.session.wait(LONG)
    assert explorer._status.error == ""
    assert pane.picture is None
    calls = [line for line in explorer.code().splitlines() if "= explain(" in line]
    assert calls
    assert all("part='signal'" in line for line in calls)
    made: dict[str, Any] = {"net": model, "x": x}
    exec(explorer.code(), made)
    for answer in explorer._answers.values():
        assert answer.explanation is not None
        alike = [
            e.values for e in made.values() if isinstance(e, nx.Explanation) and e.method == answer.question.method
        ]
        assert any(
            values.shape == answer.explanation.values.shape
            and np.allclose(values, answer.explanation.values, rtol=1e-4, atol=1e-6)
            for values in alike
        )
    explorer.close()
    chosen = nx.explore(model, x, part="pixels")
    assert chosen.session.wait(LONG)
    assert chosen._status.warnings == []
    shared = nx.explore(chosen.session, part="signal")
    assert shared.session.selection.part == "signal"
    shared.close()
    chosen.close()


def test_complex_input_is_shown_by_its_magnitude() -> None:
    class KSpace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(torch.fft.ifft2(x).abs().flatten(1))

    x = seeded(lambda: torch.randn(1, 1, 8, 8, dtype=torch.complex64))
    explorer = nx.explore(seeded(KSpace), x, method="gradient")
    assert explorer.session.wait(LONG)
    assert explorer._status.error == ""
    assert "the input is complex: the image shows |x|" in explorer._status.warnings
    magnitude = x.abs()[0, 0]
    wanted = (magnitude - magnitude.min()) / (magnitude.max() - magnitude.min()) * 255
    shown = explorer.session.inputs[0].picture  # type: ignore[attr-defined]
    assert shown[..., 0] == pytest.approx(wanted.numpy(), abs=0.51)
    explorer.close()


def test_a_graph_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 3)

        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            adjacency = torch.eye(len(x))
            adjacency[edges[0], edges[1]] = 1
            return adjacency @ self.fc(x)

    net, x = seeded(Graph), (seeded(lambda: torch.randn(6, 5)), torch.tensor([[0, 1, 2], [1, 2, 3]]))
    monkeypatch.setattr(code, "_namespace", lambda: {"net": net, "x": x})
    explorer = nx.explore(net, x, target=(2, 1), method="gradient")
    assert explorer.session.wait(LONG)
    assert explorer._status.error == ""
    assert explorer._status.warnings[0].startswith("taken as one input without a batch axis")
    (answer,) = (a for a in explorer._answers.values() if a.question.method == "gradient")
    assert answer.explanation is not None
    assert answer.explanation.values[2:4] == pytest.approx(np.stack([net.fc.weight[1].detach()] * 2))
    assert not answer.explanation.values[[0, 1, 4, 5]].any()
    assert "target=(2, 1)" in explorer.code()
    explorer.close()


def test_the_code_repeats_a_transform_of_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    net = seeded(lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(40, 3)))
    x, scale = seeded(lambda: torch.randn(1, 2, 12) * 10 + 50), lambda t: (t - 50) / 10
    names = {"net": net, "x": x, "scale": scale}
    monkeypatch.setattr(code, "_namespace", lambda: names)
    explorer = nx.explore(net, x, preprocess=scale, method="gradient", target=1)
    assert explorer.session.wait(LONG)
    made = dict(names)
    exec(explorer.code(), made)
    wanted = explain(net, scale(x), "gradient", target=1)
    assert made["gradient"].values == pytest.approx(wanted.values)
    assert made["gradient"].score == pytest.approx(net.eval()(scale(x))[0, 1].item())
    (answer,) = (a for a in explorer._answers.values() if a.question.method == "gradient")
    assert answer.explanation is not None
    assert answer.explanation.values == pytest.approx(wanted.values)
    explorer.close()
